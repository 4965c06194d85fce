//! Bytes that are no HTTP, or not quite: each is answered with a refusal or the end of the connection, never with a success.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::hostile::Siege;
use crate::hostile::flood::{CONTINUATION, Frames, HEADERS, frame};

/// What comes back until the end, or until nothing comes for a while.
pub(super) async fn heard(stream: &mut (impl AsyncReadExt + Unpin)) -> Vec<u8> {
    let mut all = Vec::new();
    let mut buffer = vec![0; 65_536];
    while let Ok(Ok(read @ 1..)) =
        tokio::time::timeout(Duration::from_secs(1), stream.read(&mut buffer)).await
    {
        all.extend_from_slice(&buffer[..read]);
    }
    all
}

fn post(key: &str, headers: &str, body: &str) -> String {
    format!(
        "POST /v1/cases HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {key}\r\n\
         content-type: application/json\r\n{headers}\r\n\r\n{body}"
    )
}

const BODY: &str = r#"{"data":{"title":"x"}}"#;

type Said = (&'static str, String);

fn heads() -> Vec<Said> {
    let headers = "a: b\r\n".repeat(1_000);
    vec![
        ("nothing that is HTTP", "\u{1}\u{2}\u{3}\r\n\r\n".to_owned()),
        (
            "another version",
            "GET / HTTP/9.9\r\nhost: localhost\r\n\r\n".into(),
        ),
        ("no version", "GET /v1/cases\r\n\r\n".into()),
        (
            "a path of 100 KB",
            format!("GET /{} HTTP/1.1\r\nhost: localhost\r\n\r\n", "x".repeat(100_000)),
        ),
        (
            "a method of 100 KB",
            format!("{} / HTTP/1.1\r\nhost: localhost\r\n\r\n", "X".repeat(100_000)),
        ),
        (
            "1,000 headers",
            format!("GET / HTTP/1.1\r\nhost: localhost\r\n{headers}\r\n"),
        ),
        (
            "a tunnel",
            "CONNECT example.org:443 HTTP/1.1\r\nhost: example.org\r\n\r\n".into(),
        ),
        (
            "an upgrade to HTTP/2 in the clear",
            "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".into(),
        ),
    ]
}

/// A body whose length is not what it seems: who is behind a proxy must not smuggle a request in.
fn framings(key: &str) -> Vec<Said> {
    let post = |headers: &str, body: &str| post(key, headers, body);
    let (body, length) = (BODY, BODY.len());
    let chunk = format!("{length:x}");
    vec![
        ("a header without a colon", post("nonsense", "")),
        ("a header with NUL", post("x: a\0b", "")),
        ("a header on two lines", post("x: a\r\n b: c", "")),
        (
            "a blank before the colon",
            post(&format!("content-length : {length}"), body),
        ),
        (
            "two lengths",
            post(
                &format!("content-length: {length}\r\ncontent-length: {}", length + 1),
                body,
            ),
        ),
        ("a length below zero", post("content-length: -1", body)),
        (
            "a length beyond all",
            post("content-length: 99999999999999999999", body),
        ),
        ("a length in two words", post("content-length: 1 2", body)),
        (
            "a length and chunks",
            post(
                &format!("content-length: {length}\r\ntransfer-encoding: chunked"),
                &format!("{chunk}\r\n{body}\r\nfffffffffffffffff\r\n"),
            ),
        ),
        (
            "chunks within something unknown",
            post("transfer-encoding: chunked, xchunked", ""),
        ),
    ]
}

fn endless(key: &str) -> Vec<Said> {
    let headers = "a: b\r\n".repeat(1_000);
    let post = |headers: &str, body: &str| post(key, headers, body);
    let body = BODY;
    vec![
        (
            "a chunk beyond all",
            post("transfer-encoding: chunked", "fffffffffffffffff\r\n"),
        ),
        (
            "a chunk of no size",
            post(
                "transfer-encoding: chunked",
                &format!("xyz\r\n{body}\r\n0\r\n\r\n"),
            ),
        ),
        (
            "a chunk that is longer than it says",
            post("transfer-encoding: chunked", &format!("2\r\n{body}\r\n0\r\n\r\n")),
        ),
        ("a body cut off", post("content-length: 1000", body)),
        (
            "chunk extensions without end",
            post(
                "transfer-encoding: chunked",
                &format!("1;{}", "x".repeat(100_000)),
            ),
        ),
        (
            "trailers without end",
            post("transfer-encoding: chunked", &format!("0\r\n{headers}")),
        ),
    ]
}

#[tokio::test]
async fn a_head_that_is_no_good_is_refused() {
    let siege = Siege::begin().await;
    let key = &siege.test.key;
    for (about, text) in heads().into_iter().chain(framings(key)).chain(endless(key)) {
        let mut stream = siege.test.raw("http/1.1").await;
        // The server may hang up while it is still being written to.
        let _cut_off = stream.write_all(text.as_bytes()).await;
        if about == "a body cut off" {
            stream.shutdown().await.unwrap();
        }
        let answer = String::from_utf8_lossy(&heard(&mut stream).await).into_owned();
        let refused = answer.is_empty() || answer.starts_with("HTTP/1.1 4");
        assert!(refused, "{about}: {answer}");
        assert!(answer.matches("HTTP/1.1 ").count() <= 1, "{about}: {answer}");
    }
    siege.untouched().await;
}

#[tokio::test]
async fn frames_that_are_no_good_end_the_connection() {
    let siege = Siege::begin().await;
    let (data, rst, settings, push, ping, window) = (0, 3, 4, 5, 6, 8);
    let cases: Vec<(&str, Vec<u8>)> = vec![
        ("data of no stream", frame(data, 0, 0, b"x")),
        ("data of a stream that nobody opened", frame(data, 0, 1, b"x")),
        ("a stream of ours", frame(HEADERS, 5, 2, &[0x82, 0x84, 0x87])),
        (
            "a frame of 16 MB",
            [&[0xff, 0xff, 0xff, 0, 0, 0, 0, 0, 1][..], &[0; 100_000]].concat(),
        ),
        ("settings of an odd length", frame(settings, 0, 0, b"12345")),
        (
            "a window of more than there is",
            frame(window, 0, 0, &0x7fff_ffff_u32.to_be_bytes()),
        ),
        ("a window of nothing", frame(window, 0, 0, &[0; 4])),
        ("a ping of an odd length", frame(ping, 0, 0, b"123")),
        ("a promise", frame(push, 4, 1, &[0, 0, 0, 2, 0x82])),
        (
            "a reset of a stream that nobody opened",
            frame(rst, 0, 99, &[0; 4]),
        ),
        ("a head that can't be unpacked", frame(HEADERS, 5, 1, &[0xff; 64])),
        ("a continuation of nothing", frame(CONTINUATION, 4, 1, &[0x82])),
        (
            "padding longer than the frame",
            frame(HEADERS, 0x0d, 1, &[200, 0x82, 0x84, 0x87]),
        ),
    ];
    for (about, bytes) in cases {
        let mut frames = Frames::open(&siege.test).await;
        let _cut_off = frames.stream.write_all(&bytes).await;
        let told = frames.told().await;
        assert!(told.ended, "{about}");
        assert_eq!(told.answers, 0, "{about}");
    }
    siege.untouched().await;
}
