//! What polite clients notice of hostile ones: their p99 while each abuse runs beside their p99 just before, and the server's
//! memory. The abusers run on this machine too, so what they cost themselves is in the figures.

use std::time::Duration;

use hyper::Method;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::task::JoinSet;

use super::load::{Ask, Asker, Client, Target, run};
use super::server::Node;
use super::{Bench, Figure, megabytes, millis};
use crate::server::client::Protocol;

/// Clients that are answered all the while.
const POLITE: usize = 4;
/// Connections that one address may hold are 256; the polite ones are among them.
const STUCK: usize = 240;
const TEXT_BYTES: usize = 1 << 20;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Abuse {
    Stuck,
    Heads,
    Resets,
    Deep,
    Wide,
    Packed,
    Handshakes,
}

const ABUSES: [(Abuse, &str); 7] = [
    (
        Abuse::Stuck,
        "240 connections that stop halfway and send a byte a second",
    ),
    (Abuse::Heads, "heads of 1 MB"),
    (Abuse::Resets, "streams reset at once (CVE-2023-44487)"),
    (Abuse::Deep, "JSON 10,000 deep"),
    (Abuse::Wide, "JSON of 4 MB, 300,000 members wide"),
    (Abuse::Packed, "pictures of 20,000 by 20,000 pixels in 70 bytes"),
    (Abuse::Handshakes, "connections that end with the handshake"),
];

/// A line for each abuse.
pub(super) async fn figures(node: &Node, bench: &Bench, say: &dyn Fn(&str)) -> std::io::Result<Vec<Figure>> {
    node.fill(bench.records.min(1_000)).await?;
    let server = node.start()?;
    let target = &server.target;
    prepare(target).await?;
    let polite: Asker = std::sync::Arc::new(|_, _| get("/v1/cases?limit=1"));
    let mut figures = Vec::new();
    for (abuse, what) in ABUSES {
        say(what);
        let watch = server.watch_memory();
        let mut rounds = Vec::new();
        for _ in 0..bench.rounds.max(1) {
            let quiet = run(target, POLITE, bench.time(), &polite).await?.percentile(99);
            let mut abusers = JoinSet::new();
            for number in 0..abusers_of(abuse) {
                abusers.spawn(abuse_on(abuse, target.clone(), number));
            }
            let beside = run(target, POLITE, bench.time(), &polite).await?.percentile(99);
            abusers.shutdown().await;
            rounds.push((beside.as_secs_f64() / quiet.as_secs_f64(), beside, quiet));
        }
        rounds.sort_by(|one, other| one.0.total_cmp(&other.0));
        let (ratio, beside, quiet) = rounds[rounds.len() / 2];
        let most = megabytes(watch.most());
        let figure = Figure::new(what, format!("p99 {}, memory {most}", millis(beside)));
        figures.push(
            figure
                .beside(format!("quiet: {}", millis(quiet)), Some(ratio))
                .aim("≤ 2; ≤ 256 MB"),
        );
    }
    server.stop()?;
    Ok(figures)
}

fn get(path: &str) -> Ask {
    (Method::GET, path.into(), String::new())
}

/// An item of evidence, for files to be sent to.
async fn prepare(target: &Target) -> std::io::Result<()> {
    let mut tasks = JoinSet::new();
    let mut client = Client::connect(target, &mut tasks).await?;
    let case = client.json(get("/v1/cases?limit=1")).await?["data"][0]["id"].clone();
    let item = serde_json::json!({"data": {"case_id": case, "type": "photo", "description": "x",
        "external_id": "hostile"}});
    let put = (
        Method::PUT,
        "/v1/evidence/by-external-id/hostile".to_owned(),
        item.to_string(),
    );
    client.send(put).await.map(drop)
}

fn abusers_of(abuse: Abuse) -> usize {
    if abuse == Abuse::Stuck { STUCK } else { 2 }
}

/// Goes on until it is cut off by the end of the round; what the server answers to it is its own affair.
async fn abuse_on(abuse: Abuse, target: Target, number: usize) {
    loop {
        if once(abuse, &target, number).await.is_err() {
            // The server hung up; this one comes again.
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}

async fn once(abuse: Abuse, target: &Target, number: usize) -> std::io::Result<()> {
    let protocol = if abuse == Abuse::Resets {
        Protocol::Http2
    } else {
        Protocol::Http1
    };
    let Some(connector) = &target.connector else {
        return Ok(());
    };
    let mut stream = connector.speak(protocol, target.address).await?;
    match abuse {
        Abuse::Handshakes => return Ok(()),
        Abuse::Stuck => {
            let begin = [
                "GET /v1/ca",
                "POST /v1/cases HTTP/1.1\r\nhost: x\r\ncontent-length: 100000\r\n\r\n",
            ];
            stream.write_all(begin[number % begin.len()].as_bytes()).await?;
            loop {
                tokio::time::sleep(Duration::from_secs(1)).await;
                stream.write_all(b"x").await?;
            }
        }
        Abuse::Resets => {
            stream
                .write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0")
                .await?;
            for stream_id in (1_u32..200_000).step_by(2) {
                stream.write_all(&opened_and_reset(stream_id)).await?;
            }
            return Ok(());
        }
        Abuse::Heads => {
            let head = format!(
                "GET / HTTP/1.1\r\nhost: x\r\nx: {}\r\n\r\n",
                "x".repeat(TEXT_BYTES)
            );
            stream.write_all(head.as_bytes()).await?;
        }
        Abuse::Deep | Abuse::Wide | Abuse::Packed => {
            let (path, media, body) = body_of(abuse);
            let head = format!(
                "POST {path} HTTP/1.1\r\nhost: x\r\nauthorization: {}\r\ncontent-type: {media}\r\ncontent-length: {}\r\n\r\n",
                target.authorization,
                body.len()
            );
            loop {
                stream.write_all(head.as_bytes()).await?;
                stream.write_all(&body).await?;
                let mut answer = [0; 65_536];
                if stream.read(&mut answer).await? == 0 {
                    break;
                }
                if abuse == Abuse::Packed {
                    // Each is kept as a file; what is tried is the opening of them, not a record of ten thousand files.
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
            }
        }
    }
    stream.read_to_end(&mut Vec::new()).await.map(drop)
}

/// `GET /` as the head of a stream, and its end.
fn opened_and_reset(stream: u32) -> Vec<u8> {
    let id = stream.to_be_bytes();
    let head = [&[0, 0, 3, 1, 5][..], &id, &[0x82, 0x84, 0x87]].concat();
    [&head[..], &[0, 0, 4, 3, 0], &id, &[0, 0, 0, 8]].concat()
}

fn body_of(abuse: Abuse) -> (&'static str, &'static str, Vec<u8>) {
    const JSON: &str = "application/json";
    match abuse {
        Abuse::Deep => {
            let body = format!("{{\"data\":{}1{}}}", "[".repeat(10_000), "]".repeat(10_000));
            ("/v1/cases", JSON, body.into_bytes())
        }
        Abuse::Wide => {
            let members: Vec<String> = (0..300_000).map(|number| format!("\"k{number}\":1")).collect();
            (
                "/v1/cases",
                JSON,
                format!("{{\"data\":{{{}}}}}", members.join(",")).into_bytes(),
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
            let body = [
                b"--b\r\ncontent-disposition: form-data; name=\"files\"; filename=\"a.png\"\r\n\r\n"
                    .as_slice(),
                &png.concat(),
                b"\r\n--b--\r\n",
            ];
            (
                "/v1/evidence/ext:hostile/files",
                "multipart/form-data; boundary=b",
                body.concat(),
            )
        }
    }
}
