//! What polite clients notice of hostile ones: their p99 while each abuse runs beside their p99 just before, and the server's
//! memory. Everybody has a key of his own, and the server has the limits that it ships with. Hostile clients work elsewhere in the world, so here they are a process of the lowest priority, which takes what
//! processor time is left over: what is measured is what the server spends on them.

mod abuse;

use std::io::{BufRead, BufReader, Read, Write};
use std::path::PathBuf;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use hyper::Method;
use tokio::task::JoinSet;

use super::load::{Ask, Asker, Client, Pace, Target, run_paced};
use super::server::{Node, Server};
use super::{Bench, Figure, megabytes, millis};

pub(super) use self::abuse::{Abuse, commit};

/// Clients that are answered all the while.
const POLITE: usize = 4;
/// Of a polite client, between an answer and its next request: so that it asks less often than a key may.
const PAUSE: Duration = Duration::from_millis(12);

/// A line for each abuse, or for one alone.
pub(super) async fn figures(
    (node, only): (&Node, Option<Abuse>),
    bench: &Bench,
    say: &dyn Fn(&str),
) -> std::io::Result<Vec<Figure>> {
    node.fill(bench.records.min(1_000)).await?;
    let guests = Guests::of(node)?;
    let server = node.start_as_shipped()?;
    prepare(&server.target).await?;
    let mut figures = Vec::new();
    let abuses = only.map_or(Abuse::ALL.to_vec(), |abuse| vec![abuse]);
    for abuse in abuses {
        say(abuse.what());
        let watch = server.watch_memory();
        let mut rounds = Vec::new();
        for _ in 0..bench.rounds.max(1) {
            rounds.push(Round::measure(abuse, &server, &guests, bench.time()).await?);
        }
        rounds.sort_by(|one, other| one.ratio().total_cmp(&other.ratio()));
        let round = &rounds[rounds.len() / 2];
        let value = format!(
            "p99 {}, memory {}, {}/s at {} µs",
            millis(round.beside),
            megabytes(watch.most()),
            round.times / bench.seconds.max(1),
            round.spent.as_micros() / u128::from(round.times.max(1)),
        );
        figures.push(
            Figure::new(abuse.what(), value)
                .beside(format!("quiet: {}", millis(round.quiet)), Some(round.ratio()))
                .aim("≤ 2; ≤ 256 MB"),
        );
    }
    server.stop()?;
    Ok(figures)
}

/// What those who come bring in `Authorization`.
struct Guests {
    polite: Vec<String>,
    hostile: String,
}

impl Guests {
    fn of(node: &Node) -> std::io::Result<Self> {
        let polite = (0..POLITE).map(|number| node.authorization(&format!("polite-{number}")));
        Ok(Self {
            polite: polite.collect::<std::io::Result<_>>()?,
            hostile: node.authorization("hostile")?,
        })
    }
}

/// A quiet time, and as long a one with abusers.
struct Round {
    quiet: Duration,
    beside: Duration,
    /// How often the abuse was committed.
    times: u64,
    /// Processor time of the server beyond that of the quiet time.
    spent: Duration,
}

impl Round {
    async fn measure(
        abuse: Abuse,
        server: &Server,
        guests: &Guests,
        time: Duration,
    ) -> std::io::Result<Self> {
        let target = |authorization: &String| Target {
            authorization: authorization.clone(),
            ..server.target.clone()
        };
        let targets: Vec<_> = guests.polite.iter().map(target).collect();
        let polite: Asker = Arc::new(|_, _| get("/v1/cases?limit=1"));
        let polite = async || {
            let begun = server.processor_time();
            let measured = run_paced(&targets, time, Pace::After(PAUSE), &polite).await?;
            let spent = server.processor_time().saturating_sub(begun);
            Ok::<_, std::io::Error>((measured.percentile(99), spent))
        };
        let (quiet, usual) = polite().await?;
        let abusers = Abusers::begin(abuse, server, &guests.hostile)?;
        let (beside, spent) = polite().await?;
        Ok(Self {
            quiet,
            beside,
            times: abusers.end()?,
            spent: spent.saturating_sub(usual),
        })
    }

    fn ratio(&self) -> f64 {
        self.beside.as_secs_f64() / self.quiet.as_secs_f64()
    }
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

/// Whom abusers are set on; the first line that they are told.
#[derive(serde::Serialize, serde::Deserialize)]
struct Victim {
    address: std::net::SocketAddr,
    authority: PathBuf,
    authorization: String,
}

/// The process of the abusers. It ends with its standard input, and tells how often it did its worst.
struct Abusers {
    child: Child,
    out: BufReader<ChildStdout>,
}

impl Abusers {
    /// Starts them and waits until they have begun.
    fn begin(abuse: Abuse, server: &Server, authorization: &str) -> std::io::Result<Self> {
        let missing = || std::io::Error::other("the abusers have not begun");
        let victim = Victim {
            address: server.target.address,
            authority: server.authority.clone(),
            authorization: authorization.to_owned(),
        };
        // Idle: one whose priority is merely low keeps a core until its slice ends, though others wait for it.
        let mut child = Command::new("chrt")
            .args(["--idle", "0"])
            .arg(std::env::current_exe()?)
            .args(["bench", "--abuse", abuse.name()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|error| std::io::Error::other(format!("chrt, of util-linux: {error}")))?;
        let out = BufReader::new(child.stdout.take().ok_or_else(missing)?);
        let mut begun = Self { child, out };
        let input = begun.child.stdin.as_mut().ok_or_else(missing)?;
        writeln!(input, "{}", serde_json::to_string(&victim)?)?;
        let mut line = String::new();
        begun.out.read_line(&mut line)?;
        (line == "begun\n").then_some(begun).ok_or_else(missing)
    }

    fn end(mut self) -> std::io::Result<u64> {
        drop(self.child.stdin.take());
        let mut told = String::new();
        self.out.read_to_string(&mut told)?;
        let ended = self.child.wait()?;
        let times = told.trim().parse().ok().filter(|_| ended.success());
        times.ok_or_else(|| std::io::Error::other(format!("the abusers ended with {ended}: {told}")))
    }
}

impl Drop for Abusers {
    fn drop(&mut self) {
        // Already gone unless the bench itself failed.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
