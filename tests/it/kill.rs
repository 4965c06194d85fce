//! A real server under load is killed with no warning, again and again: what it acknowledged is there afterwards, nothing that
//! was never asked for is, and search finds exactly what the store has.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use blotter::app::folder::Folder;
use blotter::app::node::Node;
use blotter::config::Config;
use blotter::domain::id::RecordId;
use blotter::domain::kind::{CASE, EXTERNAL_ID};
use blotter::domain::operation::{Action, Actor, Change, Draft, Urgency};
use blotter::domain::value::Value;
use blotter::server::client::Connector;
use blotter::views::records::by_name;
use http_body_util::{BodyExt, Full};
use hyper::body::Bytes;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use serde_json::{Value as Json, json};
use tokio::runtime::Runtime;
use tokio::task::JoinSet;
use uuid::Uuid;

use crate::support::power::Dice;
use crate::support::process::{Place, Served, UNHURRIED};
use crate::support::scale;

const CLIENTS: u64 = 16;
const KILLS: u64 = 100;
const TENANT: &str = "metro";
/// Records of the large folder, its kills, and how long its usual start takes at most.
const SEEDED: u64 = 100_000;
const KILLS_OF_MANY: u64 = 8;
const START_MAX: Duration = Duration::from_secs(1);

/// One kept-alive connection; every failure is only that the server is gone.
struct Client {
    sender: SendRequest<Full<Bytes>>,
    key: String,
}

impl Client {
    async fn connect(served: &Served, key: &str, tasks: &mut JoinSet<()>) -> Self {
        let connector = Connector::trusting(served.authority()).unwrap();
        let tls = connector
            .connect(served.address().parse().unwrap())
            .await
            .unwrap();
        let (sender, connection) = handshake(TokioIo::new(tls)).await.unwrap();
        tasks.spawn(async move { drop(connection.await) });
        Self {
            sender,
            key: key.to_owned(),
        }
    }

    async fn send(&mut self, method: &str, path: &str, body: String) -> Option<(u16, Json)> {
        let request = hyper::Request::builder()
            .method(method)
            .uri(path)
            .header("host", "localhost")
            .header("authorization", format!("Bearer {}", self.key))
            .header("content-type", "application/json")
            .body(Full::new(Bytes::from(body)))
            .unwrap();
        self.sender.ready().await.ok()?;
        let answer = self.sender.send_request(request).await.ok()?;
        let status = answer.status().as_u16();
        let body = answer.into_body().collect().await.ok()?.to_bytes();
        Some((status, serde_json::from_slice(&body).unwrap()))
    }
}

/// Files cases until the server is gone; says what was asked for, and what was acknowledged.
async fn load(mut client: Client, name: String, asked: Arc<Mutex<BTreeSet<String>>>) -> Vec<String> {
    let mut acknowledged = Vec::new();
    for number in 0.. {
        let id = format!("{name}-{number}");
        asked.lock().unwrap().insert(id.clone());
        let body = json!({"data": {"title": format!("Case {id}"), "external_id": id}}).to_string();
        match client.send("POST", "/v1/cases", body).await {
            Some((201, _)) => acknowledged.push(id),
            Some((status, body)) => panic!("{status}: {body}"),
            None => break,
        }
    }
    acknowledged
}

async fn every_external_id(client: &mut Client) -> BTreeSet<String> {
    let mut ids = BTreeSet::new();
    let mut path = "/v1/cases?limit=500".to_owned();
    loop {
        let (status, page) = client.send("GET", &path, String::new()).await.unwrap();
        assert_eq!(status, 200, "{page}");
        for case in page["data"].as_array().unwrap() {
            assert!(
                ids.insert(case["external_id"].as_str().unwrap().to_owned()),
                "listed twice: {case}"
            );
        }
        match page["meta"]["next_cursor"].as_str() {
            Some(cursor) => path = format!("/v1/cases?limit=500&cursor={cursor}"),
            None => return ids,
        }
    }
}

/// What came of a run of kills.
#[derive(Default)]
struct Run {
    asked: Arc<Mutex<BTreeSet<String>>>,
    acknowledged: BTreeSet<String>,
    /// How long each start took, and how much of that the process was at work.
    starts: Vec<Duration>,
    busy: Vec<Duration>,
}

impl Run {
    /// Starts a server, lets clients file cases for a while, kills it.
    fn kill(&mut self, place: &Place, key: &str, runtime: &Runtime, lifetime: Duration) {
        let begin = Instant::now();
        let served = place.serve_with(&UNHURRIED, &[]);
        self.starts.push(begin.elapsed());
        self.busy.push(processor_time(served.process()));
        let round = self.starts.len();
        let asked = &self.asked;
        self.acknowledged.extend(runtime.block_on(async {
            let (mut connections, mut clients) = (JoinSet::new(), JoinSet::new());
            for number in 0..CLIENTS {
                let client = Client::connect(&served, key, &mut connections).await;
                clients.spawn(load(client, format!("{round}-{number}"), Arc::clone(asked)));
            }
            tokio::time::sleep(lifetime).await;
            served.kill();
            clients.join_all().await.into_iter().flatten().collect::<Vec<_>>()
        }));
    }

    fn slowest(&self) -> Duration {
        self.starts.iter().max().copied().unwrap_or_default()
    }
}

fn median(times: &mut [Duration]) -> Duration {
    times.sort();
    times[times.len() / 2]
}

fn runtime() -> Runtime {
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .unwrap()
}

#[test]
fn what_was_acknowledged_survives_a_hundred_kills() {
    let place = Place::with_node();
    let (key, runtime) = (place.key(), runtime());
    let (mut run, mut dice) = (Run::default(), Dice::new(16));
    let kills = KILLS * scale();
    for _ in 0..kills {
        run.kill(
            &place,
            &key,
            &runtime,
            Duration::from_millis(20 + dice.below(150)),
        );
    }
    let served = place.serve_with(&UNHURRIED, &[]);
    let (recovered, found) = runtime.block_on(async {
        let mut connections = JoinSet::new();
        let mut client = Client::connect(&served, &key, &mut connections).await;
        (
            every_external_id(&mut client).await,
            cases_found(&mut client).await,
        )
    });
    served.kill();
    let lost: Vec<_> = run.acknowledged.difference(&recovered).collect();
    assert!(lost.is_empty(), "acknowledged and lost: {lost:?}");
    let asked = run.asked.lock().unwrap();
    let invented: Vec<_> = recovered.difference(&asked).collect();
    assert!(invented.is_empty(), "never asked for: {invented:?}");
    assert_eq!(found, recovered.len() as u64, "search and store differ");
    println!(
        "kill -9: {kills} kills under {CLIENTS} clients, {} acknowledged, {} recovered, slowest start {:?}",
        run.acknowledged.len(),
        recovered.len(),
        run.slowest()
    );
}

/// How many cases a search finds, when it sees everything.
async fn cases_found(client: &mut Client) -> u64 {
    loop {
        let path = "/v1/search?q=kind:case&limit=1&consistency=wait";
        let (status, found) = client.send("GET", path, String::new()).await.unwrap();
        assert_eq!(status, 200, "{found}");
        if found["meta"]["index_lag"]["milliseconds"] == 0 {
            return found["meta"]["total"].as_u64().unwrap();
        }
    }
}

/// So many cases, written through the store without a network.
fn seed(folder: &Path, cases: u64) {
    let node = Node::open(Folder::new(folder), &Config::default()).unwrap();
    for first in (0..cases).step_by(2000) {
        let drafts = (first..(first + 2000).min(cases)).map(|number| Draft {
            tenant: node.tenant(),
            actor: Actor {
                who: "user:1".to_owned(),
                client: "seed".to_owned(),
            },
            urgency: Urgency::Ordinary,
            kind: CASE.name.to_owned(),
            record: RecordId(Uuid::from_u128(
                0x0199_0000_0000_7000_8000_0000_0000_0000 + u128::from(number),
            )),
            changes: vec![
                Change::new("title", Action::Set(Value::text(format!("Case {number}")))),
                Change::new(
                    EXTERNAL_ID.name,
                    Action::Fix(Value::text(format!("seed-{number}"))),
                ),
            ],
        });
        let drafts: Vec<Draft> = drafts.collect();
        let written = node.services.store().write(move |session| {
            drafts
                .into_iter()
                .try_for_each(|draft| session.append(draft).map(drop))
        });
        written.unwrap();
    }
}

/// In which Linux counts them.
const TICK_MS: u64 = 10;

/// What a process has taken of the processors so far.
fn processor_time(process: u32) -> Duration {
    let text = std::fs::read_to_string(format!("/proc/{process}/stat")).unwrap();
    let (_, fields) = text.rsplit_once(')').unwrap();
    let ticks = |place: usize| {
        fields
            .split_whitespace()
            .nth(place)
            .unwrap()
            .parse::<u64>()
            .unwrap()
    };
    Duration::from_millis((ticks(11) + ticks(12)) * TICK_MS)
}

#[test]
fn a_start_at_a_hundred_thousand_records_takes_at_most_a_second() {
    let place = Place::with_node();
    let (key, runtime) = (place.key(), runtime());
    let begun = Instant::now();
    seed(place.data(), SEEDED);
    let seeded_in = begun.elapsed();
    // The first kills meet an index that is being made, with its commits and merges.
    let (mut run, mut dice) = (Run::default(), Dice::new(17));
    for _ in 0..KILLS_OF_MANY * scale() {
        run.kill(
            &place,
            &key,
            &runtime,
            Duration::from_millis(100 + dice.below(900)),
        );
    }
    let served = place.serve_with(&UNHURRIED, &[]);
    let found = runtime.block_on(async {
        let mut connections = JoinSet::new();
        cases_found(&mut Client::connect(&served, &key, &mut connections).await).await
    });
    served.kill();
    let node = Node::open(Folder::new(place.data()), &Config::default()).unwrap();
    let rows = node.services.store().snapshot().unwrap();
    let is_there = |id: &str| by_name(&rows, TENANT, &CASE, &EXTERNAL_ID, id).unwrap().is_some();
    let lost: Vec<_> = run.acknowledged.iter().filter(|id| !is_there(id)).collect();
    assert!(lost.is_empty(), "acknowledged and lost: {lost:?}");
    let seeded = (0..SEEDED)
        .filter(|number| is_there(&format!("seed-{number}")))
        .count() as u64;
    assert_eq!(seeded, SEEDED);
    let filed = run.asked.lock().unwrap().iter().filter(|id| is_there(id)).count() as u64;
    assert_eq!(found, seeded + filed, "search and store differ");
    let (usual, busy) = (median(&mut run.starts), median(&mut run.busy));
    println!(
        "kill -9 at {SEEDED} records (made in {seeded_in:?}): {} kills, {} acknowledged, \
         start {usual:?} of which {busy:?} at work, slowest {:?}",
        run.starts.len(),
        run.acknowledged.len(),
        run.slowest()
    );
    // A machine that does other things meanwhile makes anything slow.
    assert!(busy <= START_MAX, "a start takes {busy:?}");
}
