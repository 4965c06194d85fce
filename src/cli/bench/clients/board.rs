//! The board of a case: one query of GraphQL, beside the reads of REST that tell the same. And how long a query takes to be
//! refused that would take for ever.

use std::sync::Arc;
use std::time::{Duration, Instant};

use hyper::Method;
use serde_json::{Value as Json, json};
use tokio::task::JoinSet;

use crate::cli::bench::load::{Ask, Asker, Client, run};
use crate::cli::bench::rounds::Rounds;
use crate::cli::bench::server::{Node, Server};
use crate::cli::bench::{Bench, Figure, millis};

const CLIENTS: usize = 32;
/// Cases whose boards are asked for.
const CASES: u64 = 200;
/// Cases of one batch.
const BATCH: u64 = 20;
const ENTITIES: u64 = 6;
const ITEMS: u64 = 4;
const ENTRIES: u64 = 10;
/// Times that each bomb is sent.
const BOMBS: usize = 100;
/// The query of graphql.md, as it stands there.
const BOARD: &str = include_str!("board.graphql");

/// A line for the board, and one for the bombs.
pub(in crate::cli::bench) async fn figures(
    (node, folder): (&Node, &std::path::Path),
    bench: &Bench,
    say: &dyn Fn(&str),
) -> std::io::Result<Vec<Figure>> {
    let server = node.start()?;
    say(&format!("{CASES} cases"));
    let cases = fill(&server).await?;
    let reads_of = reads(&cases);
    let each = reads_of.first().map_or(1, Vec::len);
    say("boards by GraphQL, and by REST");
    let board = asker(cases.iter().map(|case| vec![board(case)]).collect());
    let reads = asker(reads_of);
    let rate = async |ask: &Asker| {
        let measured = run(&server.target, CLIENTS, bench.time(), ask).await?;
        Ok(measured.per_second())
    };
    let rounds = Rounds {
        wanted: bench.rounds,
        folder,
    };
    let boards = async || rate(&board).await;
    let by_rest = async || Ok(rate(&reads).await? / each as f64);
    let pair = rounds.run_reads(boards, by_rest).await?;
    say("bombs");
    let bombs = bombs_refused(&server).await?;
    server.stop()?;
    let beside = format!("REST, the same by {each} reads");
    Ok(vec![
        Figure::pair(
            "CaseBoard over HTTPS, 32 clients",
            pair,
            &beside,
            "≥ 0.7",
            |rate| format!("{rate:.0} boards/s"),
        ),
        bombs,
    ])
}

/// A case of each number with all that its board shows; gives what the reads need to know of it.
async fn fill(server: &Server) -> std::io::Result<Vec<Case>> {
    let mut tasks = JoinSet::new();
    let mut client = Client::connect(&server.target, &mut tasks).await?;
    for first in (0..CASES).step_by(usize::try_from(BATCH).unwrap_or(1)) {
        for rows in [entities, case, parts] {
            let rows: Vec<Json> = (first..first + BATCH).flat_map(rows).collect();
            let body = json!({ "data": rows }).to_string();
            client.send((Method::POST, "/v1/batch".into(), body)).await?;
        }
    }
    let mut cases = Vec::new();
    for number in 0..CASES {
        let get = |path: String| (Method::GET, path, String::new());
        let case = client.json(get(format!("/v1/cases/ext:case-{number}"))).await?;
        let id = case["data"]["id"].as_str().unwrap_or_default().to_owned();
        let items = client
            .json(get(format!("/v1/evidence?case_id={id}&limit={ITEMS}")))
            .await?;
        let items = items["data"].as_array().into_iter().flatten();
        let items = items.filter_map(|item| item["id"].as_str().map(str::to_owned));
        cases.push(Case {
            items: items.collect(),
            id,
        });
    }
    Ok(cases)
}

/// A case that is there, and its items.
struct Case {
    id: String,
    items: Vec<String>,
}

fn entities(number: u64) -> Vec<Json> {
    let one = |entity: u64| {
        json!({"kind": "entity", "external_id": format!("person-{number}-{entity}"), "data": {
            "kind": "person", "display_name": format!("Person {entity} of case {number}"), "risk_level": "high",
        }})
    };
    (0..ENTITIES).map(one).collect()
}

fn case(number: u64) -> Vec<Json> {
    let entity = |entity| json!({"entity_id": format!("ext:person-{number}-{entity}"), "role": "witness"});
    let team = json!([{"name": "Dana Reyes", "role": "lead"}, {"name": "Sam Ito", "role": "analyst"}]);
    vec![
        json!({"kind": "case", "external_id": format!("case-{number}"), "data": {
            "title": format!("Break-in {number}"), "team": team, "entities": (0..ENTITIES).map(entity).collect::<Vec<_>>(),
        }}),
    ]
}

fn parts(number: u64) -> Vec<Json> {
    let case = format!("ext:case-{number}");
    let item = |item| json!({"kind": "evidence", "data": {"case_id": case, "type": "photo", "description": format!("Photo {item}")}});
    let entry = |minute| {
        json!({"kind": "timeline-entry", "data": {"case_id": case, "severity": "high",
            "timestamp": format!("2026-03-17T21:{minute:02}:00Z"), "description": format!("Minute {minute} at the rear door")}})
    };
    (0..ITEMS).map(item).chain((0..ENTRIES).map(entry)).collect()
}

fn board(case: &Case) -> Ask {
    let body = json!({"query": BOARD, "variables": {"caseId": case.id}});
    (Method::POST, "/graphql".into(), body.to_string())
}

/// What a client of REST reads to show the same.
fn reads(cases: &[Case]) -> Vec<Vec<Ask>> {
    let reads = |Case { id, items }: &Case| {
        let lists = [
            format!("/v1/cases/{id}"),
            format!("/v1/entities?case_id={id}&limit={ENTITIES}"),
            format!("/v1/evidence?case_id={id}&limit={ITEMS}"),
            format!("/v1/cases/{id}/timeline?limit={ENTRIES}"),
        ];
        let custody = items.iter().map(|item| format!("/v1/evidence/{item}/custody"));
        let paths = lists.into_iter().chain(custody);
        paths.map(|path| (Method::GET, path, String::new())).collect()
    };
    cases.iter().map(reads).collect()
}

/// Asks for everything of one case after the other; each client begins at another.
fn asker(asks: Vec<Vec<Ask>>) -> Asker {
    Arc::new(move |client, number| {
        let each = asks[0].len() as u64;
        let case = (client as u64 * 7 + number / each) % asks.len() as u64;
        let place = |number: u64| usize::try_from(number).unwrap_or(0);
        asks[place(case)][place(number % each)].clone()
    })
}

/// Queries that would take for ever, or memory without end.
fn bombs() -> [(&'static str, String); 4] {
    let many = |count: usize, part: &dyn Fn(usize) -> String| (0..count).map(part).collect::<String>();
    let aliases = many(10_000, &|n| format!("a{n}: case(id: 1) {{ id }} "));
    let deep = many(30_000, &|_| "{ evidence { case ".into());
    let directives = many(20_000, &|_| "@skip(if: false) ".into());
    let cycle = many(500, &|n| {
        format!("fragment f{n} on Investigation {{ ...f{} }} ", (n + 1) % 500)
    });
    [
        ("aliases", format!("{{ {aliases} }}")),
        ("depth", deep),
        ("directives", format!("{{ me {directives} {{ name }} }}")),
        (
            "a cycle of fragments",
            format!("{{ case(id: 1) {{ ...f0 }} }} {cycle}"),
        ),
    ]
}

async fn bombs_refused(server: &Server) -> std::io::Result<Figure> {
    let mut tasks = JoinSet::new();
    let mut client = Client::connect(&server.target, &mut tasks).await?;
    let mut told = Vec::new();
    let mut slowest = Duration::ZERO;
    for (name, query) in bombs() {
        let body = json!({ "query": query }).to_string();
        let mut took = Vec::new();
        for _ in 0..BOMBS {
            let ask = (Method::POST, "/graphql".into(), body.clone());
            let sent = Instant::now();
            let answer = client.json(ask).await?;
            took.push(sent.elapsed());
            if answer["errors"][0]["extensions"]["code"] != "INVALID" {
                return Err(std::io::Error::other(format!("{name}: {answer}")));
            }
        }
        took.sort_unstable();
        let p99 = took[took.len() * 99 / 100];
        slowest = slowest.max(p99);
        told.push(format!("{name} ({} KB) {}", body.len() / 1000, millis(p99)));
    }
    Ok(Figure::new("bombs refused, slowest of the p99s", millis(slowest))
        .beside(told.join(", "), None)
        .aim("≤ 10 ms"))
}
