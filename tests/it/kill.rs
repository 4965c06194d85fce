//! A real server under load is killed with no warning, again and again: what it acknowledged is there afterwards, nothing that
//! was never asked for is, and search finds exactly what the store has.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use blotter::server::client::Connector;
use http_body_util::{BodyExt, Full};
use hyper::body::Bytes;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use serde_json::{Value as Json, json};
use tokio::task::JoinSet;

use crate::support::power::Dice;
use crate::support::scale;

const CLIENTS: u64 = 16;
const KILLS: u64 = 100;

fn blotter(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_blotter"));
    command
        .args(arguments)
        .arg("--data")
        .arg(folder)
        .stderr(Stdio::null());
    command
        .env("BLOTTER_RATES_REQUESTS_PER_SECOND", "1000000")
        .env("BLOTTER_RATES_BURST", "1000000");
    command
}

fn json_of(folder: &Path, arguments: &[&str]) -> Json {
    let output = blotter(folder, arguments).arg("--json").output().unwrap();
    assert!(
        output.status.success(),
        "{arguments:?}: {}",
        String::from_utf8_lossy(&output.stdout)
    );
    serde_json::from_slice(&output.stdout).unwrap()
}

struct Server {
    child: Child,
    address: SocketAddr,
    connector: Connector,
    ready_after: Duration,
}

fn start(folder: &Path) -> Server {
    let begin = Instant::now();
    let mut child = blotter(folder, &["serve", "--listen", "127.0.0.1:0"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap())
        .read_line(&mut line)
        .unwrap();
    let ready: Json = serde_json::from_str(&line).unwrap_or_else(|_| panic!("not ready: {line:?}"));
    let port = ready["url"]
        .as_str()
        .unwrap()
        .rsplit_once(':')
        .unwrap()
        .1
        .parse()
        .unwrap();
    let connector = Connector::trusting(Path::new(ready["ca"].as_str().unwrap())).unwrap();
    let address = SocketAddr::from(([127, 0, 0, 1], port));
    Server {
        child,
        address,
        connector,
        ready_after: begin.elapsed(),
    }
}

/// One kept-alive connection; every failure is only that the server is gone.
struct Client {
    sender: SendRequest<Full<Bytes>>,
    key: String,
}

impl Client {
    async fn connect(server: &Server, key: &str, tasks: &mut JoinSet<()>) -> Self {
        let tls = server.connector.connect(server.address).await.unwrap();
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

#[test]
fn what_was_acknowledged_survives_a_hundred_kills() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path().join("data");
    json_of(&folder, &["init"]);
    let create = [
        "key", "create", "--name", "load", "--lanes", "query", "--scopes", "*",
    ];
    let key = json_of(&folder, &create)["key"].as_str().unwrap().to_owned();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .unwrap();
    let asked = Arc::new(Mutex::new(BTreeSet::new()));
    let mut acknowledged = BTreeSet::new();
    let (mut dice, mut slowest) = (Dice::new(16), Duration::ZERO);
    let kills = KILLS * scale();
    for kill in 0..kills {
        let mut server = start(&folder);
        slowest = slowest.max(server.ready_after);
        let lifetime = Duration::from_millis(20 + dice.below(150));
        acknowledged.extend(runtime.block_on(async {
            let (mut connections, mut clients) = (JoinSet::new(), JoinSet::new());
            for number in 0..CLIENTS {
                let client = Client::connect(&server, &key, &mut connections).await;
                clients.spawn(load(client, format!("{kill}-{number}"), Arc::clone(&asked)));
            }
            tokio::time::sleep(lifetime).await;
            server.child.kill().unwrap();
            server.child.wait().unwrap();
            clients.join_all().await.into_iter().flatten().collect::<Vec<_>>()
        }));
    }
    let mut server = start(&folder);
    let (recovered, found) = runtime.block_on(async {
        let mut connections = JoinSet::new();
        let mut client = Client::connect(&server, &key, &mut connections).await;
        let recovered = every_external_id(&mut client).await;
        let path = "/v1/search?q=case&kind=case&limit=1&consistency=wait";
        let (status, found) = client.send("GET", path, String::new()).await.unwrap();
        assert_eq!(status, 200, "{found}");
        (recovered, found["meta"]["total"].as_u64().unwrap())
    });
    server.child.kill().unwrap();
    server.child.wait().unwrap();
    let lost: Vec<_> = acknowledged.difference(&recovered).collect();
    assert!(lost.is_empty(), "acknowledged and lost: {lost:?}");
    let asked = asked.lock().unwrap();
    let invented: Vec<_> = recovered.difference(&asked).collect();
    assert!(invented.is_empty(), "never asked for: {invented:?}");
    assert_eq!(found, recovered.len() as u64, "search and store differ");
    println!(
        "kill -9: {kills} kills under {CLIENTS} clients, {} acknowledged, {} recovered, slowest start {slowest:?}",
        acknowledged.len(),
        recovered.len()
    );
}
