//! Frames that are wrong get an error and change nothing; ten in a row end the connection.

use serde_json::json;
use tokio_tungstenite::tungstenite::Message;

use crate::events::ears::{Ear, subscribe};
use crate::support::testbox::TestBox;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bad_frame_gets_an_error_and_the_tenth_in_a_row_the_end() {
    let served = TestBox::start().await;
    let mut ear = Ear::open(&served, &served.key).await;
    ear.say(&subscribe("a", None)).await;
    assert_eq!(ear.hear().await.unwrap()["op"], "caughtUp");
    let bad = [
        (Message::text("no JSON"), "INVALID"),
        (Message::text("[]"), "INVALID"),
        (Message::text(r#"{"op":"explode"}"#), "INVALID"),
        (Message::text(r#"{"op":"ping","more":1}"#), "INVALID"),
        (Message::text(r#"{"op":"subscribe","id":"a"}"#), "CONFLICT"),
        (Message::text(r#"{"op":"subscribe","id":""}"#), "INVALID"),
        (
            Message::text(r#"{"op":"subscribe","id":"b","filter":{"eventTypes":["casse.*"]}}"#),
            "INVALID",
        ),
        (
            Message::text(r#"{"op":"subscribe","id":"b","after":-1}"#),
            "INVALID",
        ),
        (Message::text(r#"{"op":"unsubscribe","id":"zz"}"#), "NOT_FOUND"),
        (Message::binary(vec![0; 9]), "INVALID"),
    ];
    for (frame, code) in &bad[..9] {
        ear.send(frame.clone()).await;
        let error = ear.hear().await.unwrap();
        assert_eq!(
            (&error["op"], &error["code"]),
            (&json!("error"), &json!(code)),
            "{frame}"
        );
    }
    // A good one, and the count begins anew.
    ear.say(&json!({"op": "ping"})).await;
    assert_eq!(ear.hear().await.unwrap()["op"], "pong");
    served
        .post("/v1/cases", json!({"title": "A case"}))
        .await
        .expect(201);
    assert_eq!(ear.hear().await.unwrap()["event"]["eventType"], "case.opened");
    for (frame, _) in &bad {
        ear.send(frame.clone()).await;
        assert_eq!(ear.hear().await.unwrap()["op"], "error");
    }
    assert_eq!(ear.hear().await, Err(1008));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn frames_of_every_size_are_borne_or_end_the_connection() {
    let served = TestBox::start().await;
    for (bytes, code) in [(60 << 10, None), (70 << 10, Some(1009)), (1 << 20, Some(1009))] {
        let mut ear = Ear::open(&served, &served.key).await;
        ear.send(Message::text("x".repeat(bytes))).await;
        match code {
            None => assert_eq!(ear.hear().await.unwrap()["code"], "INVALID"),
            Some(code) => assert_eq!(ear.hear().await, Err(code), "{bytes}"),
        }
    }
    // Nobody is disturbed by one who vanishes in the middle of it all.
    let ear = Ear::open(&served, &served.key).await;
    drop(ear);
    let mut ear = Ear::open(&served, &served.key).await;
    ear.say(&subscribe("a", None)).await;
    assert_eq!(ear.hear().await.unwrap()["op"], "caughtUp");
}
