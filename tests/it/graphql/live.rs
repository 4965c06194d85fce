//! Subscriptions: the one feed as every other way tells it, and cases whenever they change.

use axum::http::Method;
use blotter::lanes::http::{Ears, Options};
use serde_json::{Value as Json, json};

use crate::events::ears::{Ear, ask_all, opened_in_order};
use crate::graphql::codes;
use crate::graphql::protocol::{begun, operation, settle};
use crate::support::testbox::{METRO, TestBox, plenty};

/// All that an event says.
const EVENT: &str = "eventType caseId tenantId severity triggeredAt source entityIds reviewPath eventId sequence node actor \
    evidenceIds reportId data schemaVersion";

/// The next answer to this subscription, whatever else is heard.
async fn next(ear: &mut Ear, id: &str) -> Json {
    loop {
        let frame = ear.hear().await.unwrap();
        if frame["id"] == id {
            assert_eq!(frame["type"], "next", "{frame}");
            assert!(frame["payload"]["errors"].is_null(), "{frame}");
            return frame["payload"]["data"].clone();
        }
    }
}

fn case(number: usize) -> Json {
    json!({"data": {"title": format!("Case {number}")}})
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_subscription_tells_the_same_events_under_the_same_ids_and_numbers() {
    let served = TestBox::start().await;
    let of_case = json!({"title": "A break-in", "priority": "critical"});
    let made = served.post("/v1/cases", of_case).await.expect(201).data();
    let number = made["display_id"].clone();
    let item = json!({"case_id": made["id"], "type": "photo", "description": "Pier"});
    served.post("/v1/evidence", item).await.expect(201);
    let person = json!({"kind": "person", "display_name": "Ruth Okafor", "risk_level": "high"});
    let person = served.post("/v1/entities", person).await.expect(201).data();
    let mut ear = begun(&served, &served.key).await;
    let all = format!(
        "subscription {{ events(after: 0) {{ {EVENT} record {{ __typename id }} case {{ title }} }} }}"
    );
    ear.say(&operation("all", &all, &Json::Null)).await;
    let mut told = Vec::new();
    for _ in 0..3 {
        told.push(next(&mut ear, "all").await["events"].clone());
    }
    let record = json!({"__typename": "Person", "id": person["id"]});
    assert_eq!(told[2]["record"], record);
    assert_eq!(told[2]["case"], Json::Null);
    assert_eq!(told[1]["case"], json!({"title": "A break-in"}));
    for event in &mut told {
        let event = event.as_object_mut().unwrap();
        event.remove("record");
        event.remove("case");
    }
    assert_eq!(told, ask_all(&served, &served.key, "").await);

    // With variables, an alias, a fragment and a name among others; the filter is that of all ways.
    let some = format!(
        "query No {{ me {{ name }} }}
        subscription Yes($after: Long, $filter: EventFilter) {{ happened: events(after: $after, filter: $filter) {{ ...All }} }}
        fragment All on Event {{ {EVENT} }}"
    );
    let filter = json!({"eventTypes": ["case.*"], "caseIds": [number], "minSeverity": "high"});
    let mut wish = operation("some", &some, &json!({"after": 0, "filter": filter}));
    wish["payload"]["operationName"] = "Yes".into();
    ear.say(&wish).await;
    let told = next(&mut ear, "some").await["happened"].clone();
    assert_eq!(vec![told], ask_all(&served, &served.key, "types=case.*").await);
    ear.say(&json!({"type": "complete", "id": "some"})).await;
    settle(&mut ear).await;
    served
        .post("/v1/cases", json!({"title": "Later", "priority": "critical"}))
        .await
        .expect(201);
    let later = ear.hear().await.unwrap();
    assert_eq!(later["id"], "all", "what was completed hears no more");
    assert_eq!(later["payload"]["data"]["events"]["eventType"], "case.opened");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn replay_and_live_join_without_gap_or_double_while_the_feed_grows() {
    const BEFORE: usize = 120;
    const WHILE: usize = 200;
    let served = TestBox::start().await;
    let mut connection = served.connect().await;
    let request = |number| {
        TestBox::request(
            Method::POST,
            "/v1/cases",
            Some(&served.key),
            &[],
            Some(&case(number)),
        )
    };
    for number in 0..BEFORE {
        connection.send(request(number)).await.expect(201);
    }
    let writing = async {
        for number in BEFORE..BEFORE + WHILE {
            connection.send(request(number)).await.expect(201);
        }
    };
    let mut ear = begun(&served, &served.key).await;
    let listening = async {
        let query = |filter: &str| format!("subscription {{ events(after: 0{filter}) {{ sequence data }} }}");
        ear.say(&operation("all", &query(""), &json!({}))).await;
        let opened = query(", filter: {eventTypes: \"case.opened\"}");
        ear.say(&operation("opened", &opened, &json!({}))).await;
        let mut heard: Vec<Json> = Vec::new();
        while heard.len() < 2 * (BEFORE + WHILE) {
            heard.push(ear.hear().await.unwrap());
        }
        heard
    };
    let ((), heard) = tokio::join!(writing, listening);
    for id in ["all", "opened"] {
        let of = heard.iter().filter(|frame| frame["id"] == id);
        let of: Vec<&Json> = of.map(|frame| &frame["payload"]["data"]["events"]).collect();
        opened_in_order(&of, BEFORE + WHILE);
    }
    assert_eq!(settle(&mut ear).await, Vec::<Json>::new(), "and nothing twice");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_case_is_told_as_it_is_whenever_something_happens_to_it() {
    let served = TestBox::start().await;
    let made = served
        .post("/v1/cases", json!({"title": "Pier"}))
        .await
        .expect(201)
        .data();
    let other = served
        .post("/v1/cases", json!({"title": "Other"}))
        .await
        .expect(201)
        .data();
    let id = made["id"].as_str().unwrap();
    let query = "subscription($id: ID!) { investigationChanged(id: $id) { id status title evidence { description } } }";
    let mut ear = begun(&served, &served.key).await;
    for (name, id) in [("number", &made["display_id"]), ("id", &made["id"])] {
        ear.say(&operation(name, query, &json!({"id": id}))).await;
    }
    assert_eq!(
        settle(&mut ear).await,
        Vec::<Json>::new(),
        "nothing has happened yet"
    );
    let other = format!("/v1/cases/{}", other["id"].as_str().unwrap());
    served
        .patch(&other, json!({"status": "active"}))
        .await
        .expect(200);
    served
        .patch(&format!("/v1/cases/{id}"), json!({"status": "active"}))
        .await
        .expect(200);
    for name in ["number", "id"] {
        let told = json!({"id": id, "status": "active", "title": "Pier", "evidence": []});
        assert_eq!(next(&mut ear, name).await, json!({"investigationChanged": told}));
    }
    let item = json!({"case_id": id, "type": "photo", "description": "Rope"});
    served.post("/v1/evidence", item).await.expect(201);
    let told = next(&mut ear, "id").await;
    assert_eq!(
        told["investigationChanged"]["evidence"],
        json!([{"description": "Rope"}])
    );

    let foreign = served.key_for("harbor", &["*"], &["events"]);
    let scoped = served.key_for(METRO, &["entities:read"], &["events"]);
    for (key, id, code) in [
        (&served.key, "INV-2026-9999", "NOT_FOUND"),
        (&served.key, "nothing", "NOT_FOUND"),
        (&foreign, id, "NOT_FOUND"),
        (&scoped, id, "DENIED"),
    ] {
        let mut ear = begun(&served, key).await;
        ear.say(&operation("x", query, &json!({"id": id}))).await;
        let refused = ear.hear().await.unwrap();
        assert_eq!(refused["type"], "error", "{refused}");
        assert_eq!(codes(&json!({"errors": refused["payload"]})), [code], "{refused}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_is_told_of_what_he_may_not_read_and_who_loses_his_key_is_told_no_more() {
    let served = TestBox::start().await;
    let cleared = served.key_for(METRO, &["*", "cases:restricted"], &["query", "events"]);
    let hidden = json!({"data": {"title": "Hidden", "classification": "restricted"}});
    let hidden = TestBox::request(Method::POST, "/v1/cases", Some(&cleared), &[], Some(&hidden));
    let hidden = served.send(hidden).await.expect(201).data();
    served
        .post("/v1/cases", json!({"title": "Open"}))
        .await
        .expect(201);
    let person = json!({"kind": "person", "display_name": "Ruth Okafor"});
    served.post("/v1/entities", person).await.expect(201);
    let persons = served.key_for(METRO, &["entities:read"], &["events"]);
    let none = served.key_for(METRO, &["nodes:admin"], &["events"]);
    let foreign = served.key_for("harbor", &["*"], &["events"]);
    let query = "subscription { events(after: 0) { eventType } }";
    for (key, expected) in [
        (&served.key, &["case.opened", "entity.created"][..]),
        (&cleared, &["case.opened", "case.opened", "entity.created"]),
        (&persons, &["entity.created"]),
        (&none, &[]),
        (&foreign, &[]),
    ] {
        let mut ear = begun(&served, key).await;
        ear.say(&operation("a", query, &json!({}))).await;
        let mut heard = Vec::new();
        while heard.len() < expected.len() {
            heard.push(next(&mut ear, "a").await["events"]["eventType"].clone());
        }
        heard.extend(settle(&mut ear).await);
        assert_eq!(heard, expected.iter().map(|name| json!(name)).collect::<Vec<_>>());
    }
    // Who was told of what is restricted has left his name before.
    let entries = served.get("/v1/audit?limit=500").await.expect(200);
    let entries = String::from_utf8_lossy(&entries.bytes);
    assert!(entries.contains(hidden["id"].as_str().unwrap()), "{entries}");

    let key = served.key_for(METRO, &["cases:read", "cases:write"], &["query", "events"]);
    let mut listening = begun(&served, &key).await;
    listening.say(&operation("a", query, &json!({}))).await;
    next(&mut listening, "a").await;
    let mut asking = begun(&served, &key).await;
    let keys = served.get("/v1/keys?limit=100").await.expect(200).data();
    let own = json!(["cases:read", "cases:write"]);
    let own = keys
        .as_array()
        .unwrap()
        .iter()
        .find(|row| row["scopes"] == own)
        .unwrap();
    served
        .delete(&format!("/v1/keys/{}", own["id"].as_str().unwrap()))
        .await;
    // Whoever asks or changes something is looked at before, and whoever listens every ten seconds.
    let make = "mutation { createInvestigation(input: {title: \"No\"}) { investigation { id } } }";
    asking.say(&operation("m", make, &json!({}))).await;
    assert_eq!(asking.hear().await, Err(4401));
    assert_eq!(listening.hear().await, Err(4401));
    let cases = served.get("/v1/cases").await.expect(200).data();
    assert_eq!(cases.as_array().unwrap().len(), 1, "nothing was made");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_reads_too_slowly_is_told_where_to_go_on_and_loses_nothing() {
    const FILED: usize = 600;
    let ears = Ears {
        behind_max: 5,
        ..Ears::default()
    };
    let served = TestBox::start_with(Options { ears, ..plenty() }).await;
    let mut ear = begun(&served, &served.key).await;
    let query = "subscription($after: Long) { events(after: $after) { sequence data } }";
    ear.say(&operation("a", query, &json!({}))).await;
    settle(&mut ear).await;
    // Far more than sockets hold on the way, and nobody reads.
    let text = "x".repeat(40_000);
    let mut connection = served.connect().await;
    for number in 0..FILED {
        let body = json!({"data": {"title": format!("Case {number}"), "description": text}});
        let request = TestBox::request(Method::POST, "/v1/cases", Some(&served.key), &[], Some(&body));
        connection.send(request).await.expect(201);
    }
    let (mut titles, mut reached) = (Vec::new(), Json::Null);
    let lagged = loop {
        let frame = ear.hear().await.unwrap();
        if frame["type"] != "next" {
            break frame;
        }
        let event = &frame["payload"]["data"]["events"];
        titles.push(event["data"]["changes"]["title"].clone());
        reached = event["sequence"].clone();
    };
    assert_eq!(lagged["type"], "error", "{lagged}");
    let about = &lagged["payload"][0]["extensions"];
    assert_eq!(about["reason"], "lagged", "{lagged}");
    assert_eq!(about["code"], "BUSY");
    assert_eq!(about["resumeAfter"], reached);
    ear.say(&operation("a", query, &json!({"after": reached}))).await;
    while titles.len() < FILED {
        let event = next(&mut ear, "a").await["events"].clone();
        titles.push(event["data"]["changes"]["title"].clone());
    }
    let expected: Vec<Json> = (0..FILED).map(|number| json!(format!("Case {number}"))).collect();
    assert_eq!(titles, expected);
}
