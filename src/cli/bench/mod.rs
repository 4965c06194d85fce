//! `blotter bench`: the figures of docs/PERFORMANCE.md, on this machine. Each stands beside a limit or a peer measured in the
//! same run, because an fdatasync here may take ten times what it takes elsewhere; what counts is the ratio.

mod bare;
mod disk;
mod load;
mod server;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use hyper::Method;
use hyper::body::Bytes;

use serde_json::json;

use self::load::{Ask, Client, Measured, Target};
use self::server::{Node, Server};
use crate::cli::output::Output;
use crate::cli::{CliError, Done};
use crate::domain::time::SystemClock;
use crate::server::certs::authority::Authority;
use crate::server::certs::name::names_of_node;
use crate::server::{certs, client::Connector, tls};

/// How long and how large.
#[derive(Clone, Copy, Debug, clap::Args)]
pub(super) struct Bench {
    /// Seconds of each measurement
    #[arg(long, default_value_t = 5)]
    seconds: u64,
    /// Records that are there before anything is measured
    #[arg(long, default_value_t = 10_000)]
    records: u64,
}

impl Bench {
    pub(super) fn run(self, output: Output) -> Done {
        let figures = measure(self, &|what| output.say(&format!("… {what}"))).map_err(CliError::failed)?;
        output.show(&json!({ "data": figures }), |_| {
            let ratio = |figure: &Figure| {
                figure
                    .ratio
                    .map(|ratio| format!("{ratio:.2}"))
                    .unwrap_or_default()
            };
            let row = |f: &Figure| {
                vec![
                    f.what.clone(),
                    f.value.clone(),
                    ratio(f),
                    f.aim.clone(),
                    f.beside.clone(),
                ]
            };
            let rows: Vec<_> = figures.iter().map(row).collect();
            output.table(
                &["what", "measured", "ratio", "aim", "beside, in this run"],
                &rows,
            )
        });
        Ok(())
    }
}

/// One line of the table.
#[derive(Clone, Debug, serde::Serialize)]
struct Figure {
    what: String,
    value: String,
    /// What was measured beside it, in the same run.
    beside: String,
    ratio: Option<f64>,
    aim: String,
}

type Figures = Vec<Figure>;

fn figure(what: &str, value: String, beside: String, ratio: Option<f64>, aim: &str) -> Figure {
    Figure {
        what: what.into(),
        value,
        beside,
        ratio,
        aim: aim.into(),
    }
}

/// Runs all measurements in a temporary folder; `say` is told what is going on.
fn measure(scale: Bench, say: &dyn Fn(&str)) -> std::io::Result<Figures> {
    let folder = tempfile::tempdir()?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let node = Node::make(&folder.path().join("node"))?;
    let mut figures = Vec::new();
    let probe = disk::probe(folder.path()).map_err(std::io::Error::other)?;
    figures.push(figure(
        "one fdatasync on this disk, before",
        millis(probe),
        String::new(),
        None,
        "",
    ));
    runtime.block_on(async {
        let server = node.start()?;
        figures.push(figure(
            "memory, idle",
            megabytes(server.anonymous_memory()),
            String::new(),
            None,
            "≤ 80 MB",
        ));
        say("filling");
        fill(&server.target, scale.records).await?;
        say("writing");
        writes(&server, scale, folder.path(), &mut figures).await?;
        say("reading");
        reads(&server, scale, &mut figures).await?;
        let memory = megabytes(server.anonymous_memory());
        figures.push(figure(
            "memory, after load",
            memory,
            String::new(),
            None,
            "≤ 256 MB",
        ));
        server.stop()?;
        starts(&node, &mut figures)
    })?;
    let probe = disk::probe(folder.path()).map_err(std::io::Error::other)?;
    figures.push(figure(
        "one fdatasync on this disk, after",
        millis(probe),
        String::new(),
        None,
        "",
    ));
    Ok(figures)
}

/// A case whose JSON has 505 bytes.
fn case(client: usize, number: u64) -> String {
    let title = format!("Break-in number {number} of client {client}");
    let mut body = serde_json::json!({"data": {"title": title, "priority": "high", "description": ""}});
    let missing = 505_usize.saturating_sub(body.to_string().len());
    body["data"]["description"] =
        serde_json::Value::String("the rear door was forced ".repeat(20)[..missing].into());
    body.to_string()
}

fn create(client: usize, number: u64) -> Ask {
    (Method::POST, "/v1/cases".into(), case(client, number))
}

async fn fill(target: &Target, records: u64) -> std::io::Result<()> {
    const ROWS: u64 = 1000;
    let mut tasks = tokio::task::JoinSet::new();
    let mut client = Client::connect(target, &mut tasks).await?;
    for batch in 0..records.div_ceil(ROWS) {
        let row = |number: u64| {
            let case: serde_json::Value = serde_json::from_str(&case(0, number)).unwrap_or_default();
            serde_json::json!({"kind": "case", "data": case["data"]})
        };
        let rows: Vec<_> = (batch * ROWS..((batch + 1) * ROWS).min(records))
            .map(row)
            .collect();
        let body = serde_json::json!({ "data": rows }).to_string();
        let (status, answer) = client.send((Method::POST, "/v1/batch".into(), body)).await?;
        if !(200..300).contains(&status) {
            let text = String::from_utf8_lossy(&answer).into_owned();
            return Err(std::io::Error::other(format!("a batch was refused: {text}")));
        }
    }
    Ok(())
}

async fn writes(server: &Server, scale: Bench, folder: &Path, figures: &mut Figures) -> std::io::Result<()> {
    let time = Duration::from_secs(scale.seconds);
    let before = server.bytes_written();
    let many = load::run(&server.target, 32, time, Arc::new(create)).await?;
    let bytes = server.bytes_written() - before;
    // With 32 clients the groups hold about 32 requests, each an operation and its audit entry.
    let bare = disk::bare_groups(folder, 64, 550, time).map_err(std::io::Error::other)? / 2.0;
    let beside = format!("{bare:.0} bare group commits of 32 × (operation + audit entry)");
    let ratio = Some(many.per_second() / bare);
    figures.push(figure(
        "durable creates/s, 32 clients",
        rate(&many),
        beside,
        ratio,
        "≥ 0.6",
    ));
    let each = bytes / (many.latencies.len() as u64).max(1);
    figures.push(figure(
        "bytes written a create, 32 clients",
        format!("{each} B"),
        String::new(),
        None,
        "≤ 5,000 B",
    ));
    let one = load::run(&server.target, 1, time, Arc::new(create)).await?;
    let bare = disk::bare_groups(folder, 2, 550, time).map_err(std::io::Error::other)? / 2.0;
    let ratio = Some(one.per_second() / bare);
    figures.push(figure(
        "durable creates/s, 1 client",
        rate(&one),
        format!("{bare:.0} bare commits"),
        ratio,
        "",
    ));
    Ok(())
}

async fn reads(server: &Server, scale: Bench, figures: &mut Figures) -> std::io::Result<()> {
    let time = Duration::from_secs(scale.seconds);
    let records = scale.records.max(1);
    let mut tasks = tokio::task::JoinSet::new();
    let mut client = Client::connect(&server.target, &mut tasks).await?;
    let (_, list) = client
        .send((Method::GET, "/v1/cases?limit=500".into(), String::new()))
        .await?;
    let list: serde_json::Value = serde_json::from_slice(&list)?;
    let ids: Vec<String> = list["data"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|case| Some(case["id"].as_str()?.to_owned()))
        .collect();
    if ids.is_empty() {
        return Err(std::io::Error::other("there is nothing to read"));
    }
    let path = format!("/v1/cases/{}", ids[0]);
    let (_, body) = client.send((Method::GET, path, String::new())).await?;
    let ask = move |client: usize, number: u64| {
        let place = usize::try_from(number)
            .unwrap_or(0)
            .wrapping_mul(31)
            .wrapping_add(client * 7)
            % ids.len();
        (Method::GET, format!("/v1/cases/{}", ids[place]), String::new())
    };
    let ours = load::run(&server.target, 32, time, Arc::new(ask)).await?;
    let bare = bare_reads(body, time).await?;
    let ratio = Some(ours.per_second() / bare.per_second());
    let beside = format!(
        "{} of a bare hyper + rustls handler of the same bytes",
        rate(&bare)
    );
    figures.push(figure(
        "GET by id/s, 32 clients",
        rate(&ours),
        beside,
        ratio,
        "≥ 0.6",
    ));
    let find = move |client: usize, number: u64| {
        let nth = (number * 31 + client as u64 * 7) % records;
        (
            Method::GET,
            format!("/v1/search?q=break-in+number+{nth}&limit=20"),
            String::new(),
        )
    };
    let found = load::run(&server.target, 4, time, Arc::new(find)).await?;
    let value = format!(
        "{} (p50 {})",
        millis(found.percentile(99)),
        millis(found.percentile(50))
    );
    figures.push(figure("search p99, 4 clients", value, String::new(), None, ""));
    Ok(())
}

async fn bare_reads(body: Bytes, time: Duration) -> std::io::Result<Measured> {
    let folder = tempfile::tempdir()?;
    let clock = SystemClock;
    let names = names_of_node(&[]);
    Authority::create(folder.path(), &names, &clock).map_err(std::io::Error::other)?;
    let certificates = certs::load_or_renew(folder.path(), names, Arc::new(clock));
    let certificates = certificates.map_err(std::io::Error::other)?;
    let acceptor = tls::acceptor(certificates).map_err(std::io::Error::other)?;
    let (address, _serving) = bare::serve(acceptor, body).await?;
    let connector = Connector::trusting(&Authority::certificate_file(folder.path()))?;
    let target = Target {
        address,
        connector,
        authorization: String::new(),
    };
    load::run(
        &target,
        32,
        time,
        Arc::new(|_, _| (Method::GET, "/".into(), String::new())),
    )
    .await
}

fn starts(node: &Node, figures: &mut Figures) -> std::io::Result<()> {
    let clean = node.start()?;
    figures.push(figure(
        "start, clean",
        millis(clean.ready_after),
        String::new(),
        None,
        "≤ 150 ms",
    ));
    clean.kill()?;
    let killed = node.start()?;
    figures.push(figure(
        "start, after kill -9",
        millis(killed.ready_after),
        String::new(),
        None,
        "≤ 300 ms",
    ));
    killed.stop()
}

fn millis(time: Duration) -> String {
    format!("{:.1} ms", time.as_secs_f64() * 1000.0)
}

fn rate(measured: &Measured) -> String {
    format!("{:.0}/s", measured.per_second())
}

fn megabytes(bytes: u64) -> String {
    format!("{} MB", bytes / 1_000_000)
}
