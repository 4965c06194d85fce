//! The pairs: blotter and a limit or a peer, asked for the same by as many clients, back to back.

use std::cell::Cell;
use std::sync::Arc;
use std::time::{Duration, Instant};

use hyper::Method;
use hyper::body::Bytes;
use tokio::task::JoinSet;

use super::load::{Ask, Asker, Client, Target};
use super::peer::{READ, reads};
use super::rounds::{Pair, Rounds};
use super::server::Server;
use super::{Bench, Figure, bare, disk, load, millis, rows};
use crate::domain::time::SystemClock;
use crate::server::certs::authority::Authority;
use crate::server::certs::name::names_of_node;
use crate::server::{certs, client::Connector, tls};

/// Clients of the many-client rows.
const MANY: usize = 32;
/// Clients that search.
const SEARCHERS: usize = 4;
/// Clients that write while it is measured when writes are found.
const PACED: u64 = 4;
/// How often each of them does.
const PACE: Duration = Duration::from_millis(20);

/// What all pairs need.
pub(super) struct Against<'r> {
    pub(super) server: &'r Server,
    pub(super) rounds: Rounds<'r>,
    pub(super) scale: &'r Bench,
    pub(super) say: &'r dyn Fn(&str),
}

impl Against<'_> {
    /// All rows; those with peers only where there are such.
    pub(super) async fn figures(&self, records: u64) -> std::io::Result<Vec<Figure>> {
        let mut figures = Vec::new();
        (self.say)("writing");
        self.creates(&mut figures).await?;
        (self.say)("reading");
        self.gets(&mut figures).await?;
        (self.say)("searching");
        self.searches(records, &mut figures).await?;
        figures.push(self.searchable().await?);
        Ok(figures)
    }

    async fn rate(&self, target: &Target, clients: usize, ask: &Asker) -> std::io::Result<f64> {
        Ok(load::run(target, clients, self.scale.time(), ask)
            .await?
            .per_second())
    }

    async fn creates(&self, figures: &mut Vec<Figure>) -> std::io::Result<()> {
        let ask: Asker = Arc::new(rows::create);
        // Entries a group, on average, in the server's last run.
        let grouped = Cell::new(2 * MANY);
        let many = async || {
            let since = disk::journal_end(&self.server.data).map_err(std::io::Error::other)?;
            let rate = self.rate(&self.server.target, MANY, &ask).await?;
            let entries = disk::entries_a_group(&self.server.data, since);
            grouped.set(entries.map_err(std::io::Error::other)?);
            Ok(rate)
        };
        let one = async || self.rate(&self.server.target, 1, &ask).await;
        // A request is an operation and its audit entry.
        let bare = async |entries: usize| {
            let rate = disk::bare_groups(self.rounds.folder, entries, 550, self.scale.time());
            rate.map(|rate| rate / 2.0).map_err(std::io::Error::other)
        };
        let what = "durable creates/s over HTTPS, 32 clients";
        let pair = self.rounds.run(&many, async || bare(grouped.get()).await).await?;
        let beside = format!(
            "bare group commits of {} entries, as the server's had on average: an operation and an audit entry a create",
            grouped.get()
        );
        figures.push(per_second(what, pair, &beside, "≥ 0.6"));
        if let Some(peer) = &self.scale.pocketbase {
            let theirs = peer.creates();
            let pair = self
                .rounds
                .run(&many, async || self.rate(&peer.target, MANY, &theirs).await)
                .await?;
            figures.push(per_second(
                what,
                pair,
                "PocketBase over HTTP, which answers *before* its fsync",
                "≥ 2",
            ));
        }
        let what = "durable creates/s over HTTPS, 1 client";
        let pair = self.rounds.run(&one, async || bare(2).await).await?;
        figures.push(per_second(
            what,
            pair,
            "bare commits of one operation + audit entry",
            "",
        ));
        if let Some(peer) = &self.scale.sqlite {
            let peer = peer.at("/records");
            let theirs = peer.creates();
            let pair = self
                .rounds
                .run(&one, async || self.rate(&peer.target, 1, &theirs).await)
                .await?;
            figures.push(per_second(
                what,
                pair,
                "SQLite, WAL, `synchronous=FULL`, behind a bare HTTP handler",
                "≥ 1.5",
            ));
        }
        Ok(())
    }

    async fn gets(&self, figures: &mut Vec<Figure>) -> std::io::Result<()> {
        let (ask, body) = self.cases().await?;
        let ours = async || self.rate(&self.server.target, MANY, &ask).await;
        let what = "GET by id/s over HTTPS, 32 clients";
        let bare = Bare::serve(body).await?;
        let nothing: Asker = Arc::new(|_, _| (Method::GET, "/".into(), String::new()));
        let pair = self
            .rounds
            .run_reads(&ours, async || self.rate(&bare.target, MANY, &nothing).await)
            .await?;
        figures.push(per_second(
            what,
            pair,
            "a bare hyper + rustls handler of the same bytes",
            "≥ 0.6",
        ));
        if let Some(peer) = &self.scale.pocketbase {
            let theirs = peer.gets().await?;
            let pair = self
                .rounds
                .run_reads(&ours, async || self.rate(&peer.target, MANY, &theirs).await)
                .await?;
            figures.push(per_second(what, pair, "PocketBase over HTTP", "≥ 6"));
        }
        Ok(())
    }

    /// Reads some cases by their ids, and what one of them is.
    async fn cases(&self) -> std::io::Result<(Asker, Bytes)> {
        let mut tasks = JoinSet::new();
        let mut client = Client::connect(&self.server.target, &mut tasks).await?;
        let get = |path: String| (Method::GET, path, String::new());
        let list = client.json(get(format!("/v1/cases?limit={READ}"))).await?;
        let ids = list["data"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(|case| case["id"].as_str());
        let paths: Vec<_> = ids.map(|id| format!("/v1/cases/{id}")).collect();
        let first = paths
            .first()
            .ok_or_else(|| std::io::Error::other("there is nothing to read"))?;
        let body = client.send(get(first.clone())).await?;
        Ok((reads(paths), body))
    }

    async fn searches(&self, records: u64, figures: &mut Vec<Figure>) -> std::io::Result<()> {
        let ask: Asker = Arc::new(move |client, number| {
            let (text, _) = rows::sought(number * 31 + client as u64, records);
            (
                Method::GET,
                format!("/v1/search?q={}&limit=20", rows::encoded(&text)),
                String::new(),
            )
        });
        let time = self.scale.time();
        let latency = async |target: &Target, ask: &Asker, hundredths: usize| {
            let measured = load::run(target, SEARCHERS, time, ask).await?;
            Ok(measured.percentile(hundredths).as_secs_f64())
        };
        let peer = self.scale.sqlite.as_ref().map(|peer| peer.at("/names"));
        let theirs = match &peer {
            Some(peer) => Some((&peer.target, peer.searches(records).await?)),
            None => None,
        };
        for (hundredths, aim) in [(50, ""), (99, "≤ 0.25")] {
            let what = format!("ranked name search over HTTPS, {records} records, 4 clients, p{hundredths}");
            let shown = |seconds: f64| millis(Duration::from_secs_f64(seconds));
            let ours = async || latency(&self.server.target, &ask, hundredths).await;
            figures.push(match &theirs {
                None => Figure::new(&what, shown(ours().await?)),
                Some((target, theirs)) => {
                    let pair = self
                        .rounds
                        .run(ours, async || latency(target, theirs, hundredths).await)
                        .await?;
                    Figure::pair(
                        &what,
                        pair,
                        "SQLite FTS5 bm25 over HTTP, same rows, same names",
                        aim,
                        shown,
                    )
                }
            });
        }
        Ok(())
    }

    /// From the answer to a create until a search finds it, while others write.
    async fn searchable(&self) -> std::io::Result<Figure> {
        let begin = Instant::now();
        let time = self.scale.time() * 3;
        let mut probing = JoinSet::new();
        for prober in 0..SEARCHERS {
            probing.spawn(probe_searchable(self.server.target.clone(), prober, begin, time));
        }
        let mut writing = JoinSet::new();
        for _ in 0..PACED {
            writing.spawn(write_paced(self.server.target.clone()));
        }
        let mut found = load::Measured::default();
        while let Some(latencies) = probing.join_next().await {
            found.latencies.extend(latencies.map_err(std::io::Error::other)??);
        }
        found.latencies.sort_unstable();
        let value = format!(
            "{} (p50 {})",
            millis(found.percentile(99)),
            millis(found.percentile(50))
        );
        let writes = PACED * 1000 / u64::try_from(PACE.as_millis()).unwrap_or(1);
        let what = format!("write → searchable over HTTPS, beside {writes} creates/s, p99");
        Ok(Figure::new(&what, value).aim("≤ 500 ms"))
    }
}

fn per_second(what: &str, pair: Option<Pair>, beside: &str, aim: &str) -> Figure {
    Figure::pair(what, pair, beside, aim, |rate| format!("{rate:.0}/s"))
}

async fn probe_searchable(
    target: Target,
    prober: usize,
    begin: Instant,
    time: Duration,
) -> std::io::Result<Vec<Duration>> {
    let (mut tasks, mut latencies) = (JoinSet::new(), Vec::new());
    let mut client = Client::connect(&target, &mut tasks).await?;
    let run = begin.elapsed().as_nanos();
    while latencies.is_empty() || begin.elapsed() < time {
        let word = format!("probe{prober}x{run}x{}", latencies.len());
        let body = format!(r#"{{"data":{{"title":"{word}"}}}}"#);
        client.send((Method::POST, "/v1/cases".into(), body)).await?;
        let answered = Instant::now();
        let look: Ask = (
            Method::GET,
            format!("/v1/search?q={word}&consistency=wait"),
            String::new(),
        );
        while client.json(look.clone()).await?["data"][0]["title"] != word.as_str() {}
        latencies.push(answered.elapsed());
    }
    Ok(latencies)
}

async fn write_paced(target: Target) -> std::io::Result<()> {
    let mut tasks = JoinSet::new();
    let mut client = Client::connect(&target, &mut tasks).await?;
    let mut pace = tokio::time::interval(PACE);
    for number in 0.. {
        pace.tick().await;
        client.send(rows::create(0, number)).await?;
    }
    Ok(())
}

/// The bare handler, until this is dropped.
struct Bare {
    target: Target,
    _serving: JoinSet<()>,
}

impl Bare {
    async fn serve(body: Bytes) -> std::io::Result<Self> {
        let folder = tempfile::tempdir()?;
        let clock = SystemClock;
        let names = names_of_node(&[]);
        Authority::create(folder.path(), &names, &clock).map_err(std::io::Error::other)?;
        let certificates = certs::load_or_renew(folder.path(), names, Arc::new(clock));
        let certificates = certificates.map_err(std::io::Error::other)?;
        let acceptor = tls::acceptor(certificates).map_err(std::io::Error::other)?;
        let (address, serving) = bare::serve(acceptor, body).await?;
        let connector = Connector::trusting(&Authority::certificate_file(folder.path()))?;
        let target = Target {
            address,
            connector: Some(connector),
            authorization: String::new(),
            headers: &[],
        };
        Ok(Self {
            target,
            _serving: serving,
        })
    }
}
