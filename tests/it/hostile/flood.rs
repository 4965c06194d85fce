//! Floods: frames, heads and connections without end. The one who sends them is cut off, and others are answered meanwhile.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;

use crate::hostile::{Siege, resident_bytes};
use crate::support::testbox::{Connection, TestBox};

pub(super) const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const PING: u8 = 6;
const GOAWAY: u8 = 7;
pub(super) const CONTINUATION: u8 = 9;
const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;

/// One frame of HTTP/2.
pub(super) fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = &(payload.len() as u32).to_be_bytes()[1..];
    [length, &[kind, flags], &stream.to_be_bytes(), payload].concat()
}

/// The head of `GET path` with this key, packed without a table.
fn head(path: &str, key: &str) -> Vec<u8> {
    let text = |text: &str| {
        assert!(text.len() < 127);
        [&[text.len() as u8][..], text.as_bytes()].concat()
    };
    let bearer = format!("Bearer {key}");
    // :method GET, :scheme https, :path, :authority, authorization
    [
        &[0x82, 0x87, 0x04][..],
        &text(path),
        &[0x01],
        &text("localhost"),
        &[0x0f, 0x08],
        &text(&bearer),
    ]
    .concat()
}

/// A connection of HTTP/2 on which anything can be said.
pub(super) struct Frames {
    pub(super) stream: TlsStream<TcpStream>,
}

/// What was said to a client until the end.
#[derive(Debug, Default)]
pub(super) struct Told {
    /// The connection was ended.
    pub(super) ended: bool,
    /// Heads of answers.
    pub(super) answers: usize,
    bytes: usize,
}

impl Frames {
    pub(super) async fn open(test: &TestBox) -> Self {
        let mut stream = test.raw("h2").await;
        let preface = [
            b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec(),
            frame(SETTINGS, 0, 0, b""),
        ]
        .concat();
        stream.write_all(&preface).await.unwrap();
        Self { stream }
    }

    /// Reads frames until the connection ends, or until nothing comes for a while.
    pub(super) async fn told(&mut self) -> Told {
        let mut told = Told::default();
        let mut head = [0; 9];
        loop {
            match tokio::time::timeout(Duration::from_secs(3), self.stream.read_exact(&mut head)).await {
                Err(_quiet) => return told,
                Ok(Err(_closed)) => {
                    told.ended = true;
                    return told;
                }
                Ok(Ok(_)) => {}
            }
            let length = u32::from_be_bytes([0, head[0], head[1], head[2]]) as usize;
            let mut payload = vec![0; length];
            if self.stream.read_exact(&mut payload).await.is_err() {
                told.ended = true;
                return told;
            }
            told.bytes += length;
            told.answers += usize::from(head[3] == HEADERS);
            // A farewell with an error; without one it lets the streams that are open finish.
            told.ended |= head[3] == GOAWAY && payload[4..8] != [0; 4];
        }
    }

    /// Says all of it while what comes back is read; stops when it is cut off. Gives how much was said.
    async fn flood(self, pieces: impl Iterator<Item = Vec<u8>>) -> (usize, Told) {
        let (mut reading, mut writing) = tokio::io::split(self.stream);
        let mut said = 0;
        let write = async {
            for piece in pieces {
                match tokio::time::timeout(Duration::from_secs(5), writing.write_all(&piece)).await {
                    Ok(Ok(())) => said += piece.len(),
                    _ => break,
                }
            }
        };
        let read = async {
            let mut told = Told::default();
            let mut buffer = vec![0; 65_536];
            loop {
                match tokio::time::timeout(Duration::from_secs(5), reading.read(&mut buffer)).await {
                    Err(_quiet) => return told,
                    Ok(Ok(0) | Err(_)) => {
                        told.ended = true;
                        return told;
                    }
                    Ok(Ok(read)) => told.bytes += read,
                }
            }
        };
        let ((), told) = tokio::join!(write, read);
        (said, told)
    }
}

async fn is_answered(siege: &Siege, other: &mut Connection) {
    let get = TestBox::request(
        axum::http::Method::GET,
        "/v1/cases/INV-2026-0001",
        Some(&siege.test.key),
        &[],
        None,
    );
    assert_eq!(other.send(get).await.status, 200, "another client");
}

#[tokio::test]
async fn streams_that_are_opened_and_reset_at_once_end_their_connection() {
    const STREAMS: u32 = 20_000;
    let siege = Siege::begin().await;
    let mut other = siege.test.connect().await;
    let before = resident_bytes();
    let head = head("/v1/cases", &siege.test.key);
    let pieces = (0..STREAMS).map(|number| {
        let stream = 2 * number + 1;
        [
            frame(HEADERS, END_STREAM | END_HEADERS, stream, &head),
            frame(RST_STREAM, 0, stream, &8_u32.to_be_bytes()),
        ]
        .concat()
    });
    let frames = Frames::open(&siege.test).await;
    let all = STREAMS as usize * (9 + head.len() + 13);
    let ((said, told), ()) = tokio::join!(frames.flood(pieces), is_answered(&siege, &mut other));
    let grown = resident_bytes().saturating_sub(before);
    println!(
        "rapid reset: cut off after {said} of {all} bytes, memory grew by {} KiB",
        grown >> 10
    );
    assert!(told.ended && said < all, "{said} of {all}: {told:?}");
    is_answered(&siege, &mut other).await;
    siege.untouched().await;
}

#[tokio::test]
async fn a_head_continued_without_end_is_cut_off() {
    const PIECES: usize = 20_000;
    let siege = Siege::begin().await;
    let mut other = siege.test.connect().await;
    for piece in [
        vec![],
        vec![0x00, 0x01, b'a', 0x01, b'b'],
        vec![0x00, 0x7f, 0x80, 0x80],
    ] {
        let first = frame(HEADERS, END_STREAM, 1, &head("/v1/cases", &siege.test.key));
        let more = frame(CONTINUATION, 0, 1, &piece);
        let pieces = std::iter::once(first).chain(std::iter::repeat_n(more.repeat(100), PIECES / 100));
        let frames = Frames::open(&siege.test).await;
        let ((said, told), ()) = tokio::join!(frames.flood(pieces), is_answered(&siege, &mut other));
        println!(
            "continuations of {} bytes: cut off after {said} bytes",
            piece.len()
        );
        assert!(told.ended, "{told:?}");
    }
    siege.untouched().await;
}

#[tokio::test]
async fn a_client_that_asks_without_end_and_reads_nothing_is_held_up() {
    let siege = Siege::begin().await;
    let mut other = siege.test.connect().await;
    let before = resident_bytes();
    for (about, piece) in [
        ("pings", frame(PING, 0, 0, &[7; 8]).repeat(1_000)),
        (
            "settings",
            frame(SETTINGS, 0, 0, &[0, 4, 0, 1, 0, 0]).repeat(1_000),
        ),
        ("empty data", frame(0, 0, 1, b"").repeat(1_000)),
    ] {
        let mut frames = Frames::open(&siege.test).await;
        let mut said = 0;
        // It reads nothing, so at some time it can't be told more, and then nothing more is taken from it.
        while said < 64 << 20 {
            match tokio::time::timeout(Duration::from_secs(1), frames.stream.write_all(&piece)).await {
                Ok(Ok(())) => said += piece.len(),
                _ => break,
            }
        }
        println!("{about}: {} KiB taken", said >> 10);
        assert!(said < 64 << 20, "{about}");
        is_answered(&siege, &mut other).await;
    }
    let grown = resident_bytes().saturating_sub(before);
    println!("memory grew by {} KiB", grown >> 10);
    assert!(grown < 64 << 20, "{grown}");
    siege.untouched().await;
}

#[tokio::test]
async fn connections_that_stop_halfway_hold_up_nobody() {
    let siege = Siege::begin().await;
    let key = siege.test.key.clone();
    let post = format!(
        "POST /v1/cases HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {key}\r\ncontent-type: application/json\r\ncontent-length: 1000\r\n\r\n{{"
    );
    let mut held: Vec<Box<dyn Send>> = Vec::new();
    for number in 0..240 {
        let begin = match number % 6 {
            0 => {
                held.push(Box::new(siege.test.socket().await));
                continue;
            }
            1 => {
                // The beginning of a handshake.
                let mut socket = siege.test.socket().await;
                socket.write_all(&[22, 3, 1, 2, 0, 1, 0, 1, 0xfc]).await.unwrap();
                held.push(Box::new(socket));
                continue;
            }
            2 => "GET /v1/ca".to_owned(),
            3 => "GET /v1/cases HTTP/1.1\r\nhost: localhost\r\nx-slow: ".to_owned(),
            4 => post.clone(),
            _ => format!("GET /v1/cases HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {key}\r\n\r\n")
                .repeat(20),
        };
        let mut stream = siege.test.raw("http/1.1").await;
        stream.write_all(begin.as_bytes()).await.unwrap();
        held.push(Box::new(stream));
    }
    let mut other = siege.test.connect().await;
    for _ in 0..50 {
        is_answered(&siege, &mut other).await;
    }
    assert_eq!(held.len(), 240);
    drop(held);
    siege.untouched().await;
}
