//! A drain of the evidence room as a vendor's poller does it: item after item over one kept-alive connection, and by 500. Beside
//! it stand reads of the same items over REST, in the same run.

use std::time::{Duration, Instant};

use hyper::Method;
use serde_json::{Value as Json, json};
use tokio::task::JoinSet;

use crate::cli::bench::load::{Client, Target};
use crate::cli::bench::server::{Node, Server};
use crate::cli::bench::{Bench, Figure};

/// Rows of one batch.
const ROWS: u64 = 1_000;
/// Items of one case.
const ITEMS_OF_CASE: u64 = 10;
/// Items of one answer.
const TAKE: u64 = 500;
/// Items that are read over REST.
const READ: u64 = 5_000;
/// What each request of a client of the room brings.
const HEADERS: &[(&str, &str)] = &[
    ("organizationid", "7"),
    ("officeid", "3"),
    ("statictoken", "true"),
];

/// A line for each way.
pub(in crate::cli::bench) async fn figures(
    node: &Node,
    bench: &Bench,
    say: &dyn Fn(&str),
) -> std::io::Result<Vec<Figure>> {
    let authorization = node.static_token()?;
    let server = node.start()?;
    let items = bench.records;
    say(&format!("{items} items"));
    fill(&server, items).await?;
    let target = Target {
        authorization,
        headers: HEADERS,
        ..server.target.clone()
    };
    say("item after item");
    let singly = drain(&target, items, 1).await?;
    say("by 500");
    let by_many = drain(&target, items, TAKE).await?;
    say("the same over REST");
    let (rest, read) = rest(&server, items.min(READ)).await?;
    server.stop()?;
    let rate = |count: u64, took: Duration| count as f64 / took.as_secs_f64().max(f64::EPSILON);
    let (one, many, beside) = (rate(items, singly), rate(items, by_many), rate(read, rest));
    let figure = |what: &str, rate: f64| Figure::new(what, format!("{rate:.0} items/s"));
    Ok(vec![
        figure("drain of the evidence room, one item a request", one)
            .beside(format!("REST, GET by id: {beside:.0}/s"), Some(one / beside))
            .aim("≥ 2,000 items/s"),
        figure("the same by take=500", many).beside(format!("one a request: {one:.0}/s"), Some(many / one)),
    ])
}

/// Items in cases, sent as batches.
async fn fill(server: &Server, items: u64) -> std::io::Result<()> {
    let mut tasks = JoinSet::new();
    let mut client = Client::connect(&server.target, &mut tasks).await?;
    for first in (0..items).step_by(usize::try_from(ROWS).unwrap_or(1)) {
        let numbers = first..(first + ROWS).min(items);
        let cases = numbers
            .clone()
            .filter(|number| number.is_multiple_of(ITEMS_OF_CASE));
        let cases: Vec<Json> = cases.map(case).collect();
        let items: Vec<Json> = numbers.map(item).collect();
        for rows in [cases, items].into_iter().filter(|rows| !rows.is_empty()) {
            let body = json!({ "data": rows }).to_string();
            client.send((Method::POST, "/v1/batch".into(), body)).await?;
        }
    }
    Ok(())
}

fn case(number: u64) -> Json {
    let name = format!("case-{}", number / ITEMS_OF_CASE);
    json!({"kind": "case", "external_id": name, "data": {"title": format!("Break-in {name}"), "case_number": name}})
}

fn item(number: u64) -> Json {
    let case = format!("ext:case-{}", number / ITEMS_OF_CASE);
    json!({"kind": "evidence", "external_id": format!("item-{number}"), "data": {
        "case_id": case, "type": "physical", "description": format!("Item {number} from the rear door"), "category": "Firearm",
        "location": "Vault 2", "recovered_by": "Officer Jones", "form_data": {"make": "Acme", "serial_number": format!("A-{number}")},
    }})
}

/// From the first item to the first blank; fails if any is missing.
async fn drain(target: &Target, items: u64, take: u64) -> std::io::Result<Duration> {
    let mut tasks = JoinSet::new();
    let mut client = Client::connect(target, &mut tasks).await?;
    let (begun, mut number) = (Instant::now(), 1);
    loop {
        let path = match take {
            1 => format!("/api/items/seqOrgID/{number}"),
            _ => format!("/api/items/seqOrgID/{number}?take={take}"),
        };
        let body = client.send((Method::GET, path, String::new())).await?;
        if body.as_ref() == b"null" || body.as_ref() == b"[]" {
            break;
        }
        number += take;
    }
    let took = begun.elapsed();
    match number > items {
        true => Ok(took),
        false => Err(std::io::Error::other(format!(
            "item {number} of {items} is missing"
        ))),
    }
}

/// Reads of items by their id.
async fn rest(server: &Server, items: u64) -> std::io::Result<(Duration, u64)> {
    let mut tasks = JoinSet::new();
    let mut client = Client::connect(&server.target, &mut tasks).await?;
    let begun = Instant::now();
    for number in 0..items {
        let path = format!("/v1/evidence/ext:item-{number}");
        client.send((Method::GET, path, String::new())).await?;
    }
    Ok((begun.elapsed(), items))
}
