//! Several operations of one WebSocket at a time, which lane each needs, and how the node ends a connection.

use std::sync::Arc;
use std::sync::mpsc::{Sender, channel};

use blotter::lanes::http::{GraphqlOptions, Options};
use blotter::services::failure::Failure;
use serde_json::{Value as Json, json};
use tokio_tungstenite::tungstenite::{Error, Message};

use crate::events::ears::Ear;
use crate::graphql::protocol::{begun, connect, operation, settle};
use crate::graphql::{ask, codes, post};
use crate::support::testbox::{METRO, TestBox, plenty};

const LISTEN: &str = "subscription { events { data } }";
const MAKE: &str =
    "mutation($t: String!) { createInvestigation(input: {title: $t}) { investigation { title } } }";
const NAME: &str = "{ me { name } }";

/// Keeps every write waiting until what it gives is dropped.
fn hold_writes(served: &TestBox) -> Sender<()> {
    let store = Arc::clone(served.services().store());
    let (release, released) = channel();
    let (hold, held) = channel();
    std::thread::spawn(move || {
        store.write(move |_| {
            hold.send(()).unwrap();
            assert!(released.recv().is_err(), "nothing is said, it is dropped");
            Ok::<_, Failure>(())
        })
    });
    held.recv().unwrap();
    release
}

async fn open_case(served: &TestBox, title: &str) -> Json {
    let made = served.post("/v1/cases", json!({"title": title})).await;
    made.expect(201).data()
}

/// The ids and titles of what two subscriptions are told next.
async fn heard(ear: &mut Ear, count: usize) -> Vec<(String, String)> {
    let mut heard = Vec::new();
    while heard.len() < count {
        let frame = ear.hear().await.unwrap();
        let title = &frame["payload"]["data"]["events"]["data"]["changes"]["title"];
        heard.push((
            frame["id"].as_str().unwrap().to_owned(),
            title.as_str().unwrap().to_owned(),
        ));
    }
    heard.sort();
    heard
}

fn pairs(expected: &[(&str, &str)]) -> Vec<(String, String)> {
    let pairs = expected.iter().map(|(id, title)| ((*id).into(), (*title).into()));
    pairs.collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_streams_run_side_by_side_and_the_end_of_one_leaves_the_other() {
    let served = TestBox::start().await;
    let mut ear = begun(&served, &served.key).await;
    for id in ["a", "b"] {
        ear.say(&operation(id, LISTEN, &json!({}))).await;
    }
    assert_eq!(settle(&mut ear).await, Vec::<Json>::new());
    for title in ["One", "Two"] {
        open_case(&served, title).await;
        let both = [("a", title), ("b", title)];
        assert_eq!(heard(&mut ear, 2).await, pairs(&both), "each before the next");
    }
    ear.say(&json!({"type": "complete", "id": "a"})).await;
    assert_eq!(settle(&mut ear).await, Vec::<Json>::new());
    open_case(&served, "Three").await;
    assert_eq!(heard(&mut ear, 1).await, pairs(&[("b", "Three")]));
    // The name is free again.
    ear.say(&operation("a", LISTEN, &json!({}))).await;
    assert_eq!(settle(&mut ear).await, Vec::<Json>::new());
    open_case(&served, "Four").await;
    assert_eq!(heard(&mut ear, 2).await, pairs(&[("a", "Four"), ("b", "Four")]));
    ear.say(&operation("b", LISTEN, &json!({}))).await;
    assert_eq!(ear.hear().await, Err(4409));
}

/// A change that waited for the disk held up everything else that its connection asked.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_takes_long_holds_up_nothing_else() {
    let served = TestBox::start().await;
    let mut ear = begun(&served, &served.key).await;
    let mut again = begun(&served, &served.key).await;
    let held = hold_writes(&served);
    ear.say(&operation("slow", MAKE, &json!({"t": "Slow"}))).await;
    ear.say(&operation("unwanted", MAKE, &json!({"t": "Unwanted"})))
        .await;
    ear.say(&json!({"type": "complete", "id": "unwanted"})).await;
    ear.say(&operation("quick", NAME, &json!({}))).await;
    let quick = ear.hear().await.unwrap();
    assert_eq!(quick["payload"]["data"]["me"]["name"], "test key");
    assert_eq!(ear.hear().await, Ok(json!({"type": "complete", "id": "quick"})));
    assert_eq!(settle(&mut ear).await, Vec::<Json>::new());
    for _ in 0..2 {
        again.say(&operation("twice", MAKE, &json!({"t": "Twice"}))).await;
    }
    assert_eq!(again.hear().await, Err(4409), "it goes on");
    drop(held);
    let made = ear.hear().await.unwrap();
    assert_eq!(made["id"], "slow", "{made}");
    assert_eq!(ear.hear().await, Ok(json!({"type": "complete", "id": "slow"})));
    // Who ends a change is told no more of it, and it is made all the same.
    assert_eq!(settle(&mut ear).await, Vec::<Json>::new());
    let made = "{ investigations(orderBy: CREATED_AT) { title } }";
    let made = ask(&served, made, Json::Null).await["data"]["investigations"].to_string();
    assert!(made.contains("Slow") && made.contains("Unwanted"), "{made}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn beyond_the_setting_the_next_one_waits() {
    let graphql = GraphqlOptions {
        operations_max: 1,
        ..GraphqlOptions::default()
    };
    let served = TestBox::start_with(Options { graphql, ..plenty() }).await;
    let mut ear = begun(&served, &served.key).await;
    let held = hold_writes(&served);
    ear.say(&operation("first", MAKE, &json!({"t": "First"}))).await;
    ear.say(&operation("second", NAME, &json!({}))).await;
    drop(held);
    for id in ["first", "second"] {
        assert_eq!(ear.hear().await.unwrap()["id"], id);
        assert_eq!(ear.hear().await, Ok(json!({"type": "complete", "id": id})));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_operation_needs_its_own_lane() {
    let served = TestBox::start().await;
    let pier = open_case(&served, "Pier").await;
    let changed = format!(
        "subscription {{ investigationChanged(id: {}) {{ title }} }}",
        pier["id"]
    );
    let told = "subscription { events(after: 0) { eventType } }";
    for (lanes, asks, listens) in [
        (&["query"][..], true, false),
        (&["events"], false, true),
        (&["query", "events"], true, true),
        (&["events", "sync"], false, true),
    ] {
        let key = served.key_for(METRO, &["*"], lanes);
        let mut ear = begun(&served, &key).await;
        for (query, may, lane) in [
            (NAME, asks, "query"),
            (MAKE, asks, "query"),
            (
                "query A { me { name } } subscription B { events { eventId } }",
                false,
                "query",
            ),
            (&changed, listens, "events"),
            (told, listens, "events"),
        ] {
            let id = &query[..10];
            ear.say(&operation(id, query, &json!({"t": "Made"}))).await;
            let answers = match query == told && may {
                true => vec![ear.hear().await.unwrap()],
                false => answers(&mut ear, query).await,
            };
            assert!(answers.iter().all(|frame| frame["id"] == id), "{answers:?}");
            ear.say(&json!({"type": "complete", "id": id})).await;
            let refused = answers.first().filter(|frame| frame["type"] == "error");
            assert_eq!(refused.is_none(), may, "{lanes:?} {query}: {answers:?}");
            if let Some(refused) = refused.filter(|_| !lanes.contains(&lane)) {
                assert_eq!(codes(&json!({"errors": refused["payload"]})), ["DENIED"]);
                let message = format!("the lane {lane} is needed");
                assert_eq!(refused["payload"][0]["message"], message.as_str(), "{refused}");
            }
        }
        // Over HTTP the same key does the same.
        let (ask, listen) = (
            post(&served, &key, &json!({"query": NAME})).await,
            served.get_as(&key, "/v1/events?after=0").await,
        );
        let status = |may| if may { 200 } else { 403 };
        assert_eq!(
            (ask.status, listen.status),
            (status(asks), status(listens)),
            "{lanes:?}"
        );
    }
    let made = ask(&served, "{ investigations { title } }", Json::Null).await;
    let made = made["data"]["investigations"].to_string();
    assert_eq!(made.matches("Made").count(), 2, "{made}");
}

/// What an operation that ends, or hears nothing yet, is answered.
async fn answers(ear: &mut Ear, query: &str) -> Vec<Json> {
    let mut answers = Vec::new();
    loop {
        // A change is carried out beside: a ping may be answered before it.
        let heard = settle(ear).await;
        let ended = heard.iter().any(|frame| frame["type"] != "next");
        answers.extend(heard);
        if ended || query.starts_with("subscription") {
            return answers;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stop_and_too_many_frames_have_their_codes() {
    let served = TestBox::start().await;
    let mut listening = begun(&served, &served.key).await;
    listening.say(&operation("a", LISTEN, &json!({}))).await;
    assert_eq!(settle(&mut listening).await, Vec::<Json>::new());
    let mut asking = begun(&served, &served.key).await;
    let mut silent = connect(&served, Some(&served.key)).await.unwrap();
    let held = hold_writes(&served);
    asking.say(&operation("m", MAKE, &json!({"t": "Late"}))).await;
    assert_eq!(settle(&mut asking).await, Vec::<Json>::new());
    served.stop();
    assert_eq!(listening.hear().await, Err(1001));
    assert_eq!(silent.hear().await, Err(1001), "also before it has begun");
    drop(held);
    assert_eq!(
        asking.hear().await.unwrap()["id"],
        "m",
        "what was begun is answered"
    );
    assert_eq!(asking.hear().await.unwrap()["type"], "complete");
    assert_eq!(asking.hear().await, Err(1001));

    let few = Options {
        requests_per_second: 1,
        request_burst: 10,
        ..Options::default()
    };
    let served = TestBox::start_with(few).await;
    let mut ear = begun(&served, &served.key).await;
    let mut other = begun(&served, &served.key).await;
    let code = loop {
        ear.send(Message::text(r#"{"type":"ping"}"#)).await;
        if let Err(code) = ear.hear().await {
            break code;
        }
    };
    assert_eq!(code, 1013);
    // An operation is told so itself, and its connection stays; a new one is not even opened.
    let busy = loop {
        other.say(&operation("a", NAME, &json!({}))).await;
        let answer = other.hear().await.unwrap();
        if answer["type"] == "error" {
            break answer;
        }
        assert_eq!(other.hear().await.unwrap()["type"], "complete");
    };
    assert_eq!(codes(&json!({"errors": busy["payload"]})), ["BUSY"]);
    let refused = loop {
        if let Err(refused) = connect(&served, Some(&served.key)).await {
            break refused;
        }
    };
    assert!(
        matches!(&refused, Error::Http(answer) if answer.status().as_u16() == 429),
        "{refused:?}"
    );
}
