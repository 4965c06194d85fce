//! What watchlists cost: writes without and with a hundred thousand entries, the memory of an entry, and a pasted list held
//! against everything. Nothing of what is written is on a list, as on nearly every day.

use std::sync::Arc;
use std::time::{Duration, Instant};

use hyper::Method;
use serde_json::{Value as Json, json};
use tokio::task::JoinSet;

use super::load::{Asker, Client, Measured, run};
use super::server::{Node, Server};
use super::{Bench, Figure, millis, rows};

/// Entries of the lists.
const ENTRIES: u64 = 100_000;
/// Entries of one batch.
const ROWS: u64 = 1_000;
/// Rows of the list that is pasted.
const SCREENED: u64 = 10_000;
/// Clients that write.
const CLIENTS: usize = 8;
const LOOK_EVERY: Duration = Duration::from_millis(100);
/// Syllables of names and words that nobody files.
const SYLLABLES: [&str; 16] = [
    "xan", "qui", "vro", "zyl", "pha", "dru", "gho", "tze", "bik", "oro", "lup", "nym", "wex", "jor", "kha",
    "umi",
];

/// Writes without and with the lists, memory, and screening.
pub(super) async fn figures(node: &Node, bench: &Bench, say: &dyn Fn(&str)) -> std::io::Result<Vec<Figure>> {
    say(&format!("a node of {} records", bench.records));
    node.fill(bench.records).await?;
    let server = node.start()?;
    let mut tasks = JoinSet::new();
    let mut client = Client::connect(&server.target, &mut tasks).await?;
    say("writes without lists");
    let without = writes(&server, bench, 0).await?;
    let memory = server.anonymous_memory();
    say(&format!("{ENTRIES} entries"));
    let begun = Instant::now();
    add(&mut client).await?;
    let added = begun.elapsed();
    let held = caught_up(&mut client).await?;
    say("writes with them");
    let with = writes(&server, bench, 1 << 32).await?;
    let grown = server.anonymous_memory().saturating_sub(memory);
    let behind = Instant::now();
    caught_up(&mut client).await?;
    let behind = behind.elapsed();
    say(&format!("{SCREENED} rows screened"));
    let (screened, looked_at) = screen(&mut client).await?;
    let bytes = figure(&mut client, "blotter_watchlist_bytes").await?;
    let entries = figure(&mut client, "blotter_watchlist_entries").await?.max(1.0);
    server.stop()?;
    let p99 = |measured: &Measured| measured.percentile(99).as_secs_f64() * 1000.0;
    let (more, before) = (p99(&with) - p99(&without), millis(without.percentile(99)));
    Ok(vec![
        Figure::new(
            "writes with 100,000 entries looked for, p99",
            millis(with.percentile(99)),
        )
        .beside(format!("{before} without; {more:+.1} ms"), None)
        .aim("≤ 5 ms more"),
        Figure::new("the same, writes a second", format!("{:.0}", with.per_second())).beside(
            format!("{:.0} without", without.per_second()),
            Some(with.per_second() / without.per_second()),
        ),
        Figure::new(
            "until everything written was held against the lists",
            millis(behind),
        ),
        Figure::new("memory of an entry", format!("{:.0} bytes", bytes / entries)).beside(
            format!("process grew by {} bytes an entry", grown / ENTRIES),
            None,
        ),
        Figure::new("adding 100,000 entries by batches", millis(added))
            .beside(format!("{} until all was held against them", millis(held)), None),
        Figure::new("screening 10,000 rows", millis(screened)).beside(format!("{looked_at} records"), None),
    ])
}

/// Persons with a remark are made, at each of the wanted rounds from another number on.
async fn writes(server: &Server, bench: &Bench, from: u64) -> std::io::Result<Measured> {
    let ask: Asker = Arc::new(move |client, nth| {
        let number = from + ((client as u64) << 24) + nth;
        let data = rows::row(2 * number + 1)["data"].clone();
        let data = match data["kind"].is_string() {
            true => data,
            false => json!({"kind": "person", "display_name": "James Smith"}),
        };
        (
            Method::POST,
            "/v1/entities".into(),
            json!({ "data": without_id(data) }).to_string(),
        )
    });
    let mut rounds = Vec::new();
    for _ in 0..bench.rounds.max(1) {
        rounds.push(run(&server.target, CLIENTS, bench.time(), &ask).await?);
    }
    rounds.sort_by_key(|round| round.percentile(99));
    Ok(rounds.swap_remove(rounds.len() / 2))
}

/// Ids of the client's own would clash in the second round.
fn without_id(mut data: Json) -> Json {
    if let Some(fields) = data.as_object_mut() {
        fields.remove("external_id");
    }
    data
}

/// A word that nobody files.
fn word(number: u64) -> String {
    let place = |digit: u32| usize::try_from(number >> (4 * digit) & 15).unwrap_or(0);
    (0..5).map(|digit| SYLLABLES[place(digit)]).collect()
}

fn entry(list: &Json, number: u64) -> Json {
    let value = match number % 5 {
        0 => format!("X{:03}-{}", number % 1000, &word(number)[..4]),
        1 => format!("+1999{:07}", number),
        2 => format!("ID-{number:08}"),
        3 => format!("{} {}", word(number), word(number / 16)),
        _ => format!("{} {}", word(number), word(number.wrapping_mul(31) & 0xf_ffff)),
    };
    let sort = ["plate", "phone", "identifier", "text", "name"][usize::try_from(number % 5).unwrap_or(0)];
    json!({"kind": "watchlist-entry", "data": {"watchlist_id": list, "type": sort, "value": value}})
}

async fn add(client: &mut Client) -> std::io::Result<()> {
    let list = json!({"data": {"name": "Bench", "purpose": "Measuring"}}).to_string();
    let list = client.json((Method::POST, "/v1/watchlists".into(), list)).await?["data"]["id"].clone();
    for first in (0..ENTRIES).step_by(usize::try_from(ROWS).unwrap_or(1)) {
        let rows: Vec<Json> = (first..first + ROWS).map(|number| entry(&list, number)).collect();
        let body = json!({ "data": rows }).to_string();
        client.send((Method::POST, "/v1/batch".into(), body)).await?;
    }
    Ok(())
}

/// A figure of `/metrics`.
async fn figure(client: &mut Client, name: &str) -> std::io::Result<f64> {
    let told = client
        .send((Method::GET, "/metrics".into(), String::new()))
        .await?;
    let told = String::from_utf8_lossy(&told).into_owned();
    let line = told
        .lines()
        .find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    line.and_then(|value| value.parse().ok())
        .ok_or_else(|| std::io::Error::other(format!("no figure {name}")))
}

/// Waits until everything is held against everything; says how long that took.
async fn caught_up(client: &mut Client) -> std::io::Result<Duration> {
    let begun = Instant::now();
    while figure(client, "blotter_watchlist_behind").await? > 0.0 {
        tokio::time::sleep(LOOK_EVERY).await;
    }
    Ok(begun.elapsed())
}

async fn screen(client: &mut Client) -> std::io::Result<(Duration, Json)> {
    let names = (0..SCREENED).map(|number| format!("{} {}", word(number), word(number * 7)));
    let text = names.collect::<Vec<_>>().join("\n");
    let body = json!({"data": {"text": text}}).to_string();
    let begun = Instant::now();
    let told = client
        .json((Method::POST, "/v1/watchlists/screen".into(), body))
        .await?;
    Ok((begun.elapsed(), told["meta"]["records"].clone()))
}
