//! Frames of `graphql-transport-ws` in every order and form: what is answered, and with which code a connection ends.

use std::time::Duration;

use blotter::lanes::http::{Ears, Options};
use serde_json::{Value as Json, json};
use tokio_tungstenite::tungstenite::{Error, Message};

use crate::events::ears::Ear;
use crate::graphql::codes;
use crate::support::testbox::{METRO, TestBox, plenty};

/// Connects with the protocol, and with a key if there is one.
pub(super) async fn connect(served: &TestBox, key: Option<&str>) -> Result<Ear, Error> {
    let mut headers = vec![("sec-websocket-protocol", "graphql-transport-ws".to_owned())];
    headers.extend(key.map(|key| ("authorization", format!("Bearer {key}"))));
    Ear::try_open_at(served, "/graphql/ws", &headers).await
}

/// A connection of this key that was let in.
pub(super) async fn begun(served: &TestBox, key: &str) -> Ear {
    let mut ear = connect(served, Some(key)).await.unwrap();
    ear.say(&json!({"type": "connection_init"})).await;
    assert_eq!(ear.hear().await, Ok(json!({"type": "connection_ack"})));
    ear
}

/// An operation.
pub(super) fn operation(id: &str, query: &str, variables: &Json) -> Json {
    json!({"type": "subscribe", "id": id, "payload": {"query": query, "variables": variables}})
}

/// All that was said before was taken when this returns; gives what was heard meanwhile.
pub(super) async fn settle(ear: &mut Ear) -> Vec<Json> {
    ear.say(&json!({"type": "ping"})).await;
    let mut heard = Vec::new();
    loop {
        let frame = ear.hear().await.unwrap();
        if frame["type"] == "pong" {
            return heard;
        }
        heard.push(frame);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_begins_brings_a_credential_in_a_header_or_in_the_payload() {
    let served = TestBox::start().await;
    let key = &served.key;
    let payloads = [
        json!({"authorization": format!("Bearer {key}")}),
        json!({"Authorization": format!("bearer {key}")}),
        json!({"Authorization": key}),
        json!({"apiKey": key}),
    ];
    for payload in payloads {
        let mut ear = connect(&served, None).await.unwrap();
        ear.say(&json!({"type": "ping"})).await;
        assert_eq!(ear.hear().await, Ok(json!({"type": "pong"})), "before anything");
        ear.say(&json!({"type": "connection_init", "payload": payload}))
            .await;
        assert_eq!(ear.hear().await, Ok(json!({"type": "connection_ack"})));
        ear.say(&operation("me", "{ me { name } }", &json!({}))).await;
        let next = json!({"type": "next", "id": "me", "payload": {"data": {"me": {"name": "test key"}}}});
        assert_eq!(ear.hear().await, Ok(next));
        assert_eq!(ear.hear().await, Ok(json!({"type": "complete", "id": "me"})));
    }
    // What is said in the payload counts before the header.
    let other = served.key_for("harbor", &["*"], &["query"]);
    let mut ear = connect(&served, Some(key)).await.unwrap();
    ear.say(&json!({"type": "connection_init", "payload": {"apiKey": other}}))
        .await;
    assert_eq!(ear.hear().await, Ok(json!({"type": "connection_ack"})));
    ear.say(&operation("me", "{ me { tenant } }", &json!({}))).await;
    assert_eq!(
        ear.hear().await.unwrap()["payload"]["data"]["me"]["tenant"],
        "harbor"
    );

    let neither = served.key_for(METRO, &["*"], &["sync"]);
    for (payload, code) in [
        (json!({}), 4401),
        (json!({"apiKey": "ak_no"}), 4401),
        (json!({"authorization": "Bearer "}), 4401),
        (json!({"apiKey": neither}), 4403),
    ] {
        let mut ear = connect(&served, None).await.unwrap();
        ear.say(&json!({"type": "connection_init", "payload": payload}))
            .await;
        assert_eq!(ear.hear().await, Err(code), "{payload}");
    }
    for (key, status) in [("ak_no", 401), (neither.as_str(), 403)] {
        let refused = connect(&served, Some(key)).await.err();
        let Some(Error::Http(answer)) = refused else {
            panic!("{refused:?}")
        };
        assert_eq!(answer.status().as_u16(), status);
    }
    served.get("/graphql/ws").await.expect(400);
    let foreign = [
        ("sec-websocket-protocol", "graphql-transport-ws".to_owned()),
        ("cookie", "__Host-blotter-session=none".to_owned()),
    ];
    let refused = Ear::try_open_at(&served, "/graphql/ws", &foreign).await.err();
    assert!(matches!(refused, Some(Error::Http(_))), "{refused:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_fault_of_the_protocol_has_its_code() {
    let served = TestBox::start().await;
    let key = served.key.clone();
    let mut silent = Ear::try_open_at(&served, "/graphql/ws", &[]).await.unwrap();
    assert_eq!(silent.hear().await, Err(4406), "no protocol was offered");
    let old = [("sec-websocket-protocol", "graphql-ws".to_owned())];
    let old = Ear::try_open_at(&served, "/graphql/ws", &old).await;
    assert!(old.is_err(), "nothing of what was offered is chosen");

    let mut early = connect(&served, Some(&key)).await.unwrap();
    early.say(&operation("a", "{ me { name } }", &json!({}))).await;
    assert_eq!(early.hear().await, Err(4401), "nobody asks before he has begun");
    let mut twice = begun(&served, &key).await;
    twice.say(&json!({"type": "connection_init"})).await;
    assert_eq!(twice.hear().await, Err(4429));
    let mut again = begun(&served, &key).await;
    for _ in 0..2 {
        again
            .say(&operation("a", "subscription { events { eventId } }", &json!({})))
            .await;
    }
    assert_eq!(again.hear().await, Err(4409));

    let bad = bad_frames();
    for frame in &bad {
        let mut ear = begun(&served, &key).await;
        ear.send(frame.clone()).await;
        assert_eq!(ear.hear().await, Err(4400), "{frame}");
    }
    for frame in [
        &bad[0],
        &bad[3],
        &Message::text(r#"{"type":"complete","id":"a"}"#),
    ] {
        let mut ear = connect(&served, Some(&key)).await.unwrap();
        ear.send(frame.clone()).await;
        assert_eq!(ear.hear().await, Err(4400), "{frame}");
    }
    for (bytes, code) in [(70 << 10, 1009), (1 << 20, 1009)] {
        let mut ear = begun(&served, &key).await;
        ear.send(Message::text(" ".repeat(bytes))).await;
        assert_eq!(ear.hear().await, Err(code), "{bytes}");
    }
    // Nobody is disturbed by one who vanishes in the middle of it all.
    drop(begun(&served, &key).await);
    let mut ear = begun(&served, &key).await;
    ear.send(Message::text(
        r#"{"type":"complete","id":"nothing of that name"}"#,
    ))
    .await;
    ear.send(Message::text(r#"{"type":"pong","payload":{}}"#)).await;
    assert_eq!(settle(&mut ear).await, Vec::<Json>::new());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_does_not_begin_is_closed_when_his_time_is_over() {
    let ears = Ears {
        auth_within: Duration::from_millis(200),
        ..Ears::default()
    };
    let served = TestBox::start_with(Options { ears, ..plenty() }).await;
    let mut silent = connect(&served, Some(&served.key)).await.unwrap();
    assert_eq!(silent.hear().await, Err(4408));
    // Pings buy no time.
    let mut busy = connect(&served, None).await.unwrap();
    let closed = loop {
        busy.send(Message::text(r#"{"type":"ping"}"#)).await;
        if let Err(code) = busy.hear().await {
            break code;
        }
    };
    assert_eq!(closed, 4408);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn queries_and_changes_go_over_the_same_socket_and_limits_are_the_same() {
    let served = TestBox::start().await;
    let mut ear = begun(&served, &served.key).await;
    let make = "mutation($t: String!) { createInvestigation(input: {title: $t, clientMutationId: \"m\"}) {
        replayed investigation { id title } } }";
    ear.say(&operation("make", make, &json!({"t": "Pier"}))).await;
    let made = ear.hear().await.unwrap()["payload"]["data"]["createInvestigation"].clone();
    assert_eq!(made["investigation"]["title"], "Pier");
    assert_eq!(ear.hear().await, Ok(json!({"type": "complete", "id": "make"})));
    ear.say(&operation("make", make, &json!({"t": "Pier"}))).await;
    let again = ear.hear().await.unwrap();
    assert_eq!(again["payload"]["data"]["createInvestigation"]["replayed"], true);
    assert_eq!(ear.hear().await.unwrap()["type"], "complete");
    // An error of one field leaves the rest.
    ear.say(&operation(
        "miss",
        "{ case(id: \"INV-2026-9999\") { id } me { name } }",
        &json!({}),
    ))
    .await;
    let miss = ear.hear().await.unwrap();
    assert_eq!(codes(&miss["payload"]), ["NOT_FOUND"]);
    assert_eq!(miss["payload"]["data"]["me"]["name"], "test key");
    assert_eq!(ear.hear().await.unwrap()["type"], "complete");

    let work = served.services().work();
    let before = (work.snapshots(), work.records());
    for (query, limit) in wrong() {
        ear.say(&operation("wrong", &query, &json!({}))).await;
        let refused = ear.hear().await.unwrap();
        assert_eq!(refused["type"], "error", "{query}: {refused}");
        let codes = codes(&json!({"errors": refused["payload"]}));
        assert!(codes.iter().all(|code| code == "INVALID"), "{query}: {refused}");
        let message = refused["payload"][0]["message"].as_str().unwrap();
        if let Some(limit) = limit {
            assert!(
                message.contains(&format!("graphql.{limit}")),
                "{limit}: {message}"
            );
        }
    }
    assert_eq!((work.snapshots(), work.records()), before, "nothing was read");

    // As many as one connection may have, and no more; who ends one may begin another.
    let all = "subscription { events { eventId } }";
    for number in 0..50 {
        ear.say(&operation(&number.to_string(), all, &json!({}))).await;
    }
    assert_eq!(settle(&mut ear).await, Vec::<Json>::new());
    ear.say(&operation("more", all, &json!({}))).await;
    let refused = ear.hear().await.unwrap();
    assert_eq!(codes(&json!({"errors": refused["payload"]})), ["DENIED"]);
    ear.say(&json!({"type": "complete", "id": "7"})).await;
    ear.say(&operation("more", all, &json!({}))).await;
    assert_eq!(settle(&mut ear).await, Vec::<Json>::new());
}

fn deep(levels: usize) -> String {
    format!(
        "{}id{}",
        "evidence(first: 1) { case { ".repeat(levels / 2),
        "} } ".repeat(levels / 2)
    )
}

/// Frames that are no messages.
fn bad_frames() -> Vec<Message> {
    vec![
        Message::binary(vec![0; 9]),
        Message::binary(r#"{"type":"ping"}"#),
        Message::text(""),
        Message::text("no JSON"),
        Message::text("[]"),
        Message::text("null"),
        Message::text("{}"),
        Message::text(r#"{"type":"start","id":"a"}"#),
        Message::text(r#"{"type":"subscribe","id":"a"}"#),
        Message::text(r#"{"type":"subscribe","id":"a","payload":"{ me }"}"#),
        Message::text(r#"{"type":"subscribe","id":"a","payload":{"query":1}}"#),
        Message::text(r#"{"type":"subscribe","payload":{"query":"{ me { name } }"}}"#),
        Message::text(r#"{"type":"subscribe","id":"","payload":{"query":"{ me { name } }"}}"#),
        Message::text(operation(&"x".repeat(101), "{ me { name } }", &json!({})).to_string()),
        Message::text(operation("a", "{ me { name } }", &json!([])).to_string()),
        Message::text(r#"{"type":"complete"}"#),
        Message::text("[".repeat(60_000)),
        Message::text(format!(
            r#"{{"type":"ping","payload":{}1{}}}"#,
            "[".repeat(9_000),
            "]".repeat(9_000)
        )),
    ]
}

/// Operations that are none, some with the limit that names them.
fn wrong() -> Vec<(String, Option<&'static str>)> {
    let deep = format!("subscription {{ events {{ case {{ {} }} }} }}", deep(13));
    let aliases: String = (0..11).map(|n| format!("a{n}: eventId ")).collect();
    vec![
        (deep, Some("depth_max")),
        (format!("subscription {{ events {{ {aliases} }} }}"), Some("aliases_max")),
        (
            "subscription { events { case { evidence(first: 500) { custodyLog: chainOfCustody(first: 500) { action } } } } }"
                .into(),
            Some("complexity_max"),
        ),
        ("subscription { events { ...a } } fragment a on Event { ...a }".into(), Some("depth_max")),
        (format!("subscription {{ events {} {{ eventId }} }}", "@skip(if: false)".repeat(51)), Some("directives_max")),
        ("subscription { nothing }".into(), None),
        ("subscription { events { nothing } }".into(), None),
        ("subscription { events }".into(), None),
        ("subscription { __typename }".into(), None),
        ("subscription { a: events { eventId } b: events { eventId } }".into(), None),
        ("subscription { events @skip(if: true) { eventId } }".into(), None),
        ("subscription { events(after: -1) { eventId } }".into(), None),
        ("subscription { events(after: \"x\") { eventId } }".into(), None),
        ("subscription { events(after: 99999999) { eventId } }".into(), None),
        ("subscription { events(filter: {eventTypes: [\"casse.*\"]}) { eventId } }".into(), None),
        ("subscription { events(filter: {minSeverity: \"grave\"}) { eventId } }".into(), None),
        ("subscription { events(filter: {more: 1}) { eventId } }".into(), None),
        ("subscription { investigationChanged { id } }".into(), None),
        ("subscription A { events { eventId } } subscription B { events { eventId } }".into(), None),
        ("subscription {".into(), None),
        ("{ nothing }".into(), None),
    ]
}
