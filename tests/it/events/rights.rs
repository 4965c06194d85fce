//! Who hears what: agencies, lanes, scopes, hidden cases; and credentials that end while somebody listens.

use axum::http::Method;
use blotter::domain::kind::ALERT;
use blotter::domain::value::Value;
use serde_json::json;

use crate::events::ears::{Ear, ask_all, subscribe};
use crate::support::testbox::{METRO, TestBox};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_hears_of_what_he_may_not_read() {
    let served = TestBox::start().await;
    let open = served
        .post("/v1/cases", json!({"title": "Open"}))
        .await
        .expect(201);
    let hidden = json!({"title": "Hidden", "classification": "restricted"});
    let cleared = served.key_for(METRO, &["*", "cases:restricted"], &["query", "events"]);
    let body = json!({ "data": hidden });
    let hidden = TestBox::request(Method::POST, "/v1/cases", Some(&cleared), &[], Some(&body));
    served.send(hidden).await.expect(201);
    let person = json!({"kind": "person", "display_name": "Ruth Okafor"});
    served.post("/v1/entities", person).await.expect(201);
    let told = async |key: &str| -> Vec<String> {
        let events = ask_all(&served, key, "").await;
        let of = |event: &serde_json::Value| event["data"]["changes"].clone();
        let name = |changes: serde_json::Value| {
            let name = changes["title"].as_str().or(changes["display_name"].as_str());
            name.unwrap().to_owned()
        };
        events.iter().map(of).map(name).collect()
    };
    assert_eq!(told(&served.key).await, ["Open", "Ruth Okafor"]);
    assert_eq!(told(&cleared).await, ["Open", "Hidden", "Ruth Okafor"]);
    let persons = served.key_for(METRO, &["entities:read"], &["events"]);
    assert_eq!(told(&persons).await, ["Ruth Okafor"]);
    let other = served.key_for("harbor", &["*"], &["events"]);
    assert!(told(&other).await.is_empty());

    // What is sealed later is not replayed to those who may not read it any more.
    let id = open.data()["id"].as_str().unwrap().to_owned();
    let body = json!({"data": {"classification": "restricted"}});
    let sealed = TestBox::request(
        Method::PATCH,
        &format!("/v1/cases/{id}"),
        Some(&cleared),
        &[],
        Some(&body),
    );
    served.send(sealed).await.expect(200);
    assert_eq!(told(&served.key).await, ["Ruth Okafor"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_lane_must_be_open() {
    let served = TestBox::start().await;
    let query_only = served.key_with(&["*"]);
    served.get_as(&query_only, "/v1/events").await.expect(403);
    served
        .send(TestBox::request(Method::GET, "/v1/events", None, &[], None))
        .await
        .expect(401);
    for (key, status) in [
        (query_only.as_str(), 403),
        ("ak_0000000000000000000000000000", 401),
    ] {
        let headers = [("authorization", format!("Bearer {key}"))];
        let refused = Ear::try_open(&served, &headers)
            .await
            .err()
            .map(|error| match error {
                tokio_tungstenite::tungstenite::Error::Http(answer) => answer.status().as_u16(),
                other => panic!("{other}"),
            });
        assert_eq!(refused, Some(status));
    }
    for (token, code) in [(query_only.as_str(), 4403), ("ak_no", 4401), ("no", 4401)] {
        let mut ear = Ear::try_open(&served, &[]).await.unwrap();
        ear.say(&json!({"op": "auth", "token": token})).await;
        assert_eq!(ear.hear().await, Err(code), "{token}");
    }
    let mut ear = Ear::try_open(&served, &[]).await.unwrap();
    ear.say(&subscribe("a", Some(0))).await;
    assert_eq!(ear.hear().await, Err(4401));
    let mut silent = Ear::try_open(&served, &[]).await.unwrap();
    assert_eq!(silent.hear().await, Err(4408));
    let mut ear = Ear::try_open(&served, &[]).await.unwrap();
    ear.say(&json!({"op": "auth", "token": served.key})).await;
    ear.say(&subscribe("a", Some(0))).await;
    assert_eq!(ear.hear().await.unwrap()["op"], "caughtUp");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_that_is_revoked_hears_no_more() {
    let served = TestBox::start().await;
    let key = served.key_for(METRO, &["*"], &["events"]);
    let mut ear = Ear::open(&served, &key).await;
    ear.say(&subscribe("a", None)).await;
    assert_eq!(ear.hear().await.unwrap()["op"], "caughtUp");
    let keys = served.get("/v1/keys?limit=100").await.expect(200).data();
    let keys = keys.as_array().unwrap();
    let own = keys
        .iter()
        .filter(|row| row["lanes"] == json!(["events"]) && row["scopes"] == json!(["*"]));
    for row in own {
        let path = format!("/v1/keys/{}", row["id"].as_str().unwrap());
        served.delete(&path).await;
    }
    assert_eq!(ear.hear().await, Err(4401));
}

/// Keys with `cases:read` alone heard what was noted about persons, and those of watchlists the words of notes that raised an
/// alert.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_note_and_an_alert_about_it_are_heard_by_who_may_read_what_it_is_about() {
    let served = TestBox::start().await;
    let person = json!({"kind": "person", "display_name": "Ruth Okafor"});
    served.post("/v1/entities", person).await.expect(201);
    let note = json!({"text": "Drives KTR-4471"});
    let note = served
        .post("/v1/entities/ENT-0001/notes", note)
        .await
        .expect(201)
        .data();
    let about = note["id"].as_str().unwrap().parse().unwrap();
    let alert = [
        ("record_id", Value::Id(about)),
        ("reason", Value::text("KTR-4471: the same plate in its text")),
    ];
    let desk = served.desk();
    let alert = alert.map(|(name, value)| (ALERT.field(name).unwrap(), value));
    let written = desk.services().write(&served.owner(), "test", None, move |desk| {
        desk.create_checked(&ALERT, alert.into(), Vec::new()).map(drop)
    });
    let alert = format!("/v1/alerts/{}", written.unwrap().first().unwrap().id);
    for (scopes, heard, status) in [
        (&["cases:read"][..], &[][..], 403),
        (&["entities:read"], &["entity.created"], 403),
        (&["watchlists:read"], &[], 404),
        (&["cases:read", "watchlists:read"], &[], 404),
        (
            &["cases:read", "entities:read"],
            &["entity.created", "note.added"],
            403,
        ),
        (
            &["cases:read", "entities:read", "watchlists:read"],
            &["entity.created", "note.added", "alert.raised"],
            200,
        ),
    ] {
        let key = served.key_for(METRO, scopes, &["query", "events"]);
        let events = ask_all(&served, &key, "").await;
        let types: Vec<_> = events
            .iter()
            .map(|event| event["eventType"].as_str().unwrap())
            .collect();
        assert_eq!(types, heard, "{scopes:?}");
        // The second time from memory, if it stands there.
        for _ in 0..2 {
            assert_eq!(served.get_as(&key, &alert).await.status, status, "{scopes:?}");
        }
        served.get(&alert).await.expect(200);
    }
}
