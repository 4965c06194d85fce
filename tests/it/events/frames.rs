//! Frames that are wrong get an error and change nothing; ten in a row end the connection.

use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
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

/// A browser whose page came over HTTP/2 took up the offer of RFC 8441, and was refused: nobody takes a socket there.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn http_2_offers_no_sockets() {
    const SETTINGS: u8 = 4;
    const ENABLE_CONNECT_PROTOCOL: u8 = 8;
    let served = TestBox::start().await;
    let mut wire = served.raw("h2").await;
    let hello = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";
    wire.write_all(hello).await.unwrap();
    let mut head = [0; 9];
    wire.read_exact(&mut head).await.unwrap();
    assert_eq!(head[3], SETTINGS);
    let mut settings = vec![0; usize::from(head[2])];
    wire.read_exact(&mut settings).await.unwrap();
    let names: Vec<u8> = settings.chunks(6).map(|setting| setting[1]).collect();
    assert!(
        !names.is_empty() && !names.contains(&ENABLE_CONNECT_PROTOCOL),
        "{names:?}"
    );
}
