//! One feed: the same events, ids and numbers on every way; replay and then live, with no gap and no double between them.

use std::sync::Arc;

use axum::http::Method;
use blotter::domain::kind::CASE;
use blotter::domain::value::Value;
use blotter::services::events::{Feed, FeedOptions, Filter, Listener};
use serde_json::{Value as Json, json};

use crate::events::ears::{Ear, ask_all, opened_in_order, stream, subscribe};
use crate::reports::{parted, upload};
use crate::support::desk::TestDesk;
use crate::support::testbox::{METRO, TestBox};

fn events(frames: &[Json]) -> Vec<Json> {
    let events = frames.iter().filter(|frame| frame["op"] == "event");
    events.map(|frame| frame["event"].clone()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_way_tells_the_same_events_under_the_same_names() {
    let served = TestBox::start().await;
    let case = served
        .post(
            "/v1/cases",
            json!({"title": "A break-in", "priority": "critical"}),
        )
        .await
        .expect(201);
    let number = case.data()["display_id"].clone();
    let by_asking = ask_all(&served, &served.key, "types=case.*").await;
    let by_stream = stream(&served, "/v1/events?after=0&types=case.*", 1).await;
    let mut ear = Ear::open(&served, &served.key).await;
    let mut wish = subscribe("a", Some(0));
    wish["filter"] = json!({"eventTypes": ["case.*"], "caseIds": [number], "minSeverity": "high"});
    ear.say(&wish).await;
    let by_socket = events(&ear.hear_until("caughtUp").await);
    assert_eq!(by_asking, by_socket);
    assert_eq!(by_stream, by_socket);
    let [event] = by_socket.as_slice() else {
        panic!("{by_socket:?}")
    };
    let expected = [
        ("eventType", json!("case.opened")),
        ("caseId", number.clone()),
        ("tenantId", json!("metro")),
        ("severity", json!("critical")),
        ("source", json!("rest")),
        ("entityIds", json!([])),
        (
            "reviewPath",
            json!(format!("/cases/{}", number.as_str().unwrap())),
        ),
        ("reportId", Json::Null),
        ("schemaVersion", json!(1)),
    ];
    for (member, value) in expected {
        assert_eq!(event[member], value, "{member} of {event}");
    }
    assert_eq!(event["data"]["changes"]["title"], "A break-in");
    assert!(event["triggeredAt"].as_str().unwrap().ends_with('Z'), "{event}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn replay_and_live_join_without_gap_or_double_while_the_feed_grows() {
    const BEFORE: usize = 150;
    const WHILE: usize = 300;
    let served = TestBox::start().await;
    let mut connection = served.connect().await;
    let made = |number: usize| json!({"data": {"title": format!("Case {number}")}});
    let request = |number| {
        let body = made(number);
        TestBox::request(Method::POST, "/v1/cases", Some(&served.key), &[], Some(&body))
    };
    for number in 0..BEFORE {
        connection.send(request(number)).await.expect(201);
    }
    let writing = async {
        for number in BEFORE..BEFORE + WHILE {
            connection.send(request(number)).await.expect(201);
        }
    };
    let mut ear = Ear::open(&served, &served.key).await;
    let listening = async {
        ear.say(&subscribe("all", Some(0))).await;
        let mut wish = subscribe("cases", Some(0));
        wish["filter"] = json!({"eventTypes": ["case.opened"]});
        ear.say(&wish).await;
        let mut heard = Vec::new();
        let opened = |heard: &[Json], id: &str| {
            let of = |frame: &&Json| frame["op"] == "event" && frame["id"] == id;
            heard.iter().filter(of).count()
        };
        while opened(&heard, "all") < BEFORE + WHILE || opened(&heard, "cases") < BEFORE + WHILE {
            heard.push(ear.hear().await.unwrap());
        }
        heard
    };
    let ((), heard) = tokio::join!(writing, listening);
    for id in ["all", "cases"] {
        let of = heard
            .iter()
            .filter(|frame| frame["id"] == id && frame["op"] == "event");
        let of: Vec<&Json> = of.map(|frame| &frame["event"]).collect();
        opened_in_order(&of, BEFORE + WHILE);
        let ended = heard
            .iter()
            .filter(|frame| frame["id"] == id && frame["op"] == "caughtUp");
        assert_eq!(ended.count(), 1, "{id}");
    }
    assert_eq!(ask_all(&served, &served.key, "").await.len(), BEFORE + WHILE);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_deed_has_its_type() {
    let served = TestBox::start().await;
    let case = served
        .post("/v1/cases", json!({"title": "A case"}))
        .await
        .expect(201)
        .data();
    let case = case["id"].as_str().unwrap().to_owned();
    let person = json!({"kind": "person", "display_name": "Ruth Okafor"});
    let person = served.post("/v1/entities", person).await.expect(201).data();
    let entity = person["id"].as_str().unwrap().to_owned();
    let at = |path: &str| format!("/v1/{path}");
    served
        .patch(&at(&format!("entities/{entity}")), json!({"risk_level": "high"}))
        .await
        .expect(200);
    served
        .patch(&at(&format!("entities/{entity}")), json!({"risk_level": "low"}))
        .await
        .expect(200);
    let link = json!({"entity_id": entity, "role": "witness"});
    served.post(&at(&format!("cases/{case}/entities")), link).await;
    let item = json!({"case_id": case, "description": "A knife", "type": "physical"});
    let item = served.post("/v1/evidence", item).await.expect(201).data();
    let item = item["id"].as_str().unwrap().to_owned();
    let chain = served.get(&at(&format!("evidence/{item}/custody"))).await.data();
    let step = json!({"action": "stored", "place": "Shelf 4", "follows": chain["follows"]});
    served
        .post(&at(&format!("evidence/{item}/custody")), step)
        .await
        .expect(201);
    let entry = json!({"timestamp": "2026-03-17T21:14:22Z", "description": "Seen", "severity": "high"});
    served
        .post(&at(&format!("cases/{case}/timeline")), entry)
        .await
        .expect(201);
    served
        .patch(&at(&format!("cases/{case}")), json!({"title": "The case"}))
        .await
        .expect(200);
    let told: Vec<(String, String)> = ask_all(&served, &served.key, "")
        .await
        .iter()
        .map(|event| {
            let word = |name: &str| event[name].as_str().unwrap().to_owned();
            (word("eventType"), word("severity"))
        })
        .collect();
    let expected = [
        ("case.opened", "medium"),
        ("entity.created", "info"),
        ("entity.risk_raised", "high"),
        ("entity.updated", "low"),
        ("entity.linked", "medium"),
        ("evidence.collected", "low"),
        ("evidence.custody.stored", "low"),
        ("timeline.entry_added", "high"),
        ("case.updated", "medium"),
    ];
    let told: Vec<(&str, &str)> = told.iter().map(|(a, b)| (a.as_str(), b.as_str())).collect();
    assert_eq!(told, expected);
}

/// Of several changes of one field the last alone was told, what was taken out as null, and ranks by their numbers.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_added_and_what_was_taken_out_are_told_apart() {
    let served = TestBox::start().await;
    for name in ["Ruth Okafor", "Steve Marlow"] {
        let person = json!({"kind": "person", "display_name": name});
        served.post("/v1/entities", person).await.expect(201);
    }
    let links =
        json!([{"entity_id": "ENT-0001", "role": "witness"}, {"entity_id": "ENT-0002", "role": "suspect"}]);
    let case = json!({"title": "A case", "tags": ["a", "b", "c"], "entities": links});
    let case = served.post("/v1/cases", case).await.expect(201).data();
    let own = format!("/v1/cases/{}", case["id"].as_str().unwrap());
    served.delete(&format!("{own}/tags/a")).await.expect(200);
    served
        .patch(&own, json!({"tags": ["c", "d"], "title": "The case"}))
        .await
        .expect(200);
    served.patch(&own, json!({"tags": []})).await.expect(200);
    served
        .delete(&format!("{own}/entities/ENT-0002"))
        .await
        .expect(200);
    let held = served
        .post(&format!("{own}/hold"), json!({"reason": "Trial"}))
        .await;
    held.expect(201);
    let item = json!({"case_id": case["id"], "description": "A knife", "type": "physical"});
    served.post("/v1/evidence", item).await.expect(201);
    let files = parted(&[("files", Some("a.txt"), b"a"), ("files", Some("b.txt"), b"b")]);
    let files = upload("/v1/evidence/EVD-0001/files", &served.key, files.into());
    served.send(files).await.expect(201);
    let events = ask_all(&served, &served.key, "types=case.*,evidence.file.attached").await;
    let told = |place: usize, field: &str| {
        let data = &events[place]["data"];
        json!([data["changes"][field], data["removed"][field]])
    };
    for (place, field, expected) in [
        (0, "tags", json!([["a", "b", "c"], null])),
        (0, "title", json!(["A case", null])),
        (0, "entities", json!([case["entities"], null])),
        (1, "tags", json!([null, ["a"]])),
        (2, "tags", json!([["d"], ["b"]])),
        (2, "title", json!(["The case", null])),
        (3, "tags", json!([null, ["c", "d"]])),
        (4, "entities", json!([null, [case["entities"][1]]])),
        (5, "hold", json!(["held", null])),
    ] {
        assert_eq!(told(place, field), expected, "{field} of {}", events[place]);
    }
    assert_eq!(events[0]["entityIds"], json!(["ENT-0001", "ENT-0002"]));
    assert_eq!(events[4]["entityIds"], json!(["ENT-0002"]), "{}", events[4]);
    assert_eq!(told(6, "files")[0].as_array().unwrap().len(), 2, "{}", events[6]);
}

/// A filter by the id of an entity took it without a word and told nothing; notes and timelines named nothing.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_said_of_a_record_names_it_to_whoever_listens_for_it() {
    let served = TestBox::start().await;
    let person = json!({"kind": "person", "display_name": "Ruth Okafor"});
    let person = served.post("/v1/entities", person).await.expect(201).data();
    let case = served.post("/v1/cases", json!({"title": "A case"})).await;
    let case = case.expect(201).data();
    let item = json!({"case_id": case["id"], "description": "A knife", "type": "physical"});
    let item = served.post("/v1/evidence", item).await.expect(201).data();
    let about = json!({"timestamp": "2026-03-17T21:14:22Z", "description": "Seen", "about": [person["id"], item["id"]]});
    let of_case = format!("/v1/cases/{}", case["id"].as_str().unwrap());
    for (path, data) in [
        ("/v1/entities/ENT-0001/notes".to_owned(), json!({"text": "x"})),
        ("/v1/evidence/EVD-0001/notes".to_owned(), json!({"text": "x"})),
        (format!("{of_case}/timeline"), about),
    ] {
        served.post(&path, data).await.expect(201);
    }
    let number = case["display_id"].as_str().unwrap();
    let events = ask_all(&served, &served.key, "types=note.added,timeline.*").await;
    let told: Vec<_> = events
        .iter()
        .map(|event| json!([event["entityIds"], event["evidenceIds"], event["reviewPath"]]))
        .collect();
    let expected = [
        json!([["ENT-0001"], [], "/entities/ENT-0001"]),
        json!([[], ["EVD-0001"], "/evidence/EVD-0001"]),
        json!([["ENT-0001"], ["EVD-0001"], format!("/cases/{number}")]),
    ];
    assert_eq!(told, expected);
    let id = |record: &Json| record["id"].as_str().unwrap().to_owned();
    for (filter, count) in [
        ("entities=ENT-0001".to_owned(), 3),
        ("entities=ent-0001".to_owned(), 3),
        (format!("entities={}", id(&person)), 3),
        (format!("cases={}", number.to_lowercase()), 4),
        (format!("cases={}", id(&case)), 4),
        (format!("entities={}", id(&case)), 0),
    ] {
        let heard = ask_all(&served, &served.key, &filter).await;
        assert_eq!(heard.len(), count, "{filter}: {heard:?}");
    }
    // A stream that was cut goes on after what it had, wherever its address began.
    let last = events[1]["sequence"].to_string();
    for (header, count) in [(last.as_str(), 1), ("", 6)] {
        let path = "/v1/events?after=0";
        let headers = [("last-event-id", header)];
        let ask = TestBox::request(Method::GET, path, Some(&served.key), &headers, None);
        let heard = served.send(ask).await.expect(200).data();
        assert_eq!(heard.as_array().unwrap().len(), count, "{header:?}: {heard}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_asks_with_patience_is_answered_when_it_happens() {
    let served = TestBox::start().await;
    let asking = served.get("/v1/events?wait=20s");
    let acting = async {
        // Whether the question is there already does not matter but for what is tried.
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        served
            .post("/v1/cases", json!({"title": "Now"}))
            .await
            .expect(201);
    };
    let (answer, ()) = tokio::join!(asking, acting);
    let answer = answer.expect(200).json();
    assert_eq!(answer["data"][0]["eventType"], "case.opened", "{answer}");
    assert_eq!(answer["data"][0]["sequence"], answer["meta"]["sequence"]);
}

#[test]
fn every_frame_and_type_is_in_the_published_document() {
    crate::support::compare_with_file(
        "docs/api/asyncapi.yaml",
        &blotter::lanes::events::asyncapi::text(),
    );
}

#[test]
fn who_is_up_to_date_hears_from_memory_until_a_change_decides_who_may() {
    let desk = TestDesk::open();
    let (services, owner) = (desk.services(), desk.owner_of(METRO));
    let feed = Feed::new(Arc::clone(services.store()), FeedOptions::default()).unwrap();
    let (_listens, _follows) = (feed.listen(), feed.follow().unwrap());
    let begun = feed.last().unwrap();
    let write = |fields: &Json| match Value::from(fields.clone()) {
        Value::Map(fields) => fields,
        _ => unreachable!(),
    };
    let mut last = None;
    for title in ["one", "two", "three"] {
        let made = services.create(&owner, &CASE, write(&json!({"title": title})), None);
        last = Some(made.unwrap().records[0].id);
    }
    let listener = Listener::new(owner.clone());
    let heard = || {
        // Nothing is missed, so this ends.
        while feed.head() < feed.last().unwrap() {
            std::thread::yield_now();
        }
        let heard = feed.recent(&listener, &Filter::default(), begun, 10);
        heard.map(|heard| heard.notices.len())
    };
    assert_eq!(heard(), Some(3), "a new case decides nothing of others");
    let case = (&CASE, last.unwrap().to_string());
    let change = write(&json!({"classification": "restricted"}));
    services
        .patch(&owner, (case.0, &case.1), None, change, None)
        .unwrap();
    assert_eq!(heard(), None, "what was judged before is read again");
    assert_eq!(
        feed.stored(&listener, &Filter::default(), begun, 10)
            .unwrap()
            .notices
            .len(),
        4
    );
    let change = write(&json!({"classification": "sealed"}));
    services
        .patch(&owner, (case.0, &case.1), None, change, None)
        .unwrap();
    let heard = feed.stored(&listener, &Filter::default(), begun, 10).unwrap();
    assert_eq!(heard.notices.last().unwrap().name, "case.sealed");
}
