//! Frames that are wrong get an error and change nothing; ten in a row end the connection.

use axum::http::Method;
use serde_json::{Value as Json, json};
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
async fn what_is_wrong_with_a_frame_is_named_in_our_words() {
    let served = TestBox::start().await;
    let mut ear = Ear::open(&served, &served.key).await;
    for (frame, said) in [
        (
            "no JSON",
            "frame: expected JSON: what stands at line 1, column 2 is none",
        ),
        ("[]", "frame: expected an object with the member `op`"),
        (r#"{"op":"ping","op":"ping"}"#, "is there twice"),
        ("{}", "op is missing"),
        (r#"{"op":{}}"#, "op: expected a text"),
        (r#"{"op":"zzz"}"#, "op: expected one of auth, subscribe, ack,"),
        (r#"{"op":"subscribe","id":1}"#, "id: expected a text"),
        (r#"{"op":"ack","id":"a"}"#, "sequence is missing"),
        (
            r#"{"op":"subscribe","id":"b","after":-1}"#,
            "after: expected a `sequence`",
        ),
        (
            r#"{"op":"subscribe","id":"b","filter":{"eventTypes":[1]}}"#,
            "filter.eventTypes: expected a list",
        ),
        (
            r#"{"op":"subscribe","id":"b","filter":{"more":[]}}"#,
            "filter.more: no such member",
        ),
        (
            r#"{"op":"command","id":"c","command":"x","args":7}"#,
            "args: expected an object",
        ),
        (
            r#"{"op":"subscribe","id":"b","filter":{"eventTypes":["casse.*"]}}"#,
            r#"filter.eventTypes: no such type of event: "casse.*""#,
        ),
    ] {
        ear.send(Message::text(frame)).await;
        let error = ear.hear().await.unwrap();
        assert_eq!(error["code"], "INVALID", "{frame}");
        let message = error["message"].as_str().unwrap();
        assert!(message.contains(said), "{frame}: {message}");
        let id = serde_json::from_str::<Json>(frame).map_or(Json::Null, |frame| frame["id"].clone());
        assert_eq!(
            error["id"],
            if id.is_string() { id } else { Json::Null },
            "{frame}"
        );
        ear.say(&json!({"op": "ping"})).await;
        assert_eq!(ear.hear().await.unwrap()["op"], "pong");
    }
    // Types that nothing raises yet can be wanted.
    let yet = json!({"eventTypes": ["sync.upstream.lost", "sync.queue.*", "sync.conflict.found", "node.*", "command.completed"]});
    ear.say(&json!({"op": "subscribe", "id": "a", "filter": yet}))
        .await;
    assert_eq!(ear.hear().await.unwrap()["op"], "caughtUp");
}

/// Who named a sequence that there was not yet was told that all was well, and then nothing for ever.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sequence_that_there_is_not_yet_is_refused_on_every_way() {
    let served = TestBox::start().await;
    served
        .post("/v1/cases", json!({"title": "A case"}))
        .await
        .expect(201);
    let last = served.get("/v1/events?after=0").await.expect(200).json()["meta"]["sequence"]
        .as_u64()
        .unwrap();
    let said = format!("after: expected at most {last}");
    for headers in [&[][..], &[("accept", "text/event-stream")]] {
        let path = format!("/v1/events?after={}", last + 1);
        let ask = TestBox::request(Method::GET, &path, Some(&served.key), headers, None);
        let told = served.send(ask).await.expect(400).messages();
        assert!(told[0].contains(&said), "{told:?}");
    }
    let resumed = [("accept", "text/event-stream"), ("last-event-id", "99999999")];
    let ask = TestBox::request(Method::GET, "/v1/events", Some(&served.key), &resumed, None);
    let told = served.send(ask).await.expect(400).messages();
    assert!(told[0].contains(&said), "{told:?}");

    let mut ear = Ear::open(&served, &served.key).await;
    ear.say(&subscribe("a", Some(last + 1))).await;
    let error = ear.hear().await.unwrap();
    assert_eq!((&error["code"], &error["id"]), (&json!("INVALID"), &json!("a")));
    assert!(error["message"].as_str().unwrap().contains(&said), "{error}");
    ear.say(&subscribe("a", Some(last))).await;
    assert_eq!(ear.hear().await.unwrap()["sequence"], last);

    // Parameters are named as they were given.
    let wrong = "/v1/events?types=nope&min_severity=high";
    let told = served.get(wrong).await.expect(400).messages();
    assert_eq!(told, ["types: no such type of event: \"nope\""]);
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

/// A limit was passed over, and the stream never ended.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_with_a_limit_ends_after_so_many() {
    let served = TestBox::start().await;
    for title in ["a", "b", "c", "d"] {
        served
            .post("/v1/cases", json!({"title": title}))
            .await
            .expect(201);
    }
    for limit in [1, 3] {
        let path = format!("/v1/events?after=0&limit={limit}");
        let headers = [("accept", "text/event-stream")];
        let answer = served.get_with(&path, &headers).await.expect(200);
        let text = String::from_utf8(answer.bytes.to_vec()).unwrap();
        assert_eq!(text.matches("\ndata: ").count(), limit, "{text}");
    }
}
