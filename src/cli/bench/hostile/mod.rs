//! What polite clients notice of hostile ones: their p99 while each abuse runs beside their p99 just before, and the server's
//! memory. Hostile clients work elsewhere in the world, so here they are a process of the lowest priority, which takes what
//! processor time is left over: what is measured is what the server spends on them.

mod abuse;

use std::io::{BufRead, BufReader, Read, Write};
use std::path::PathBuf;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use hyper::Method;
use tokio::task::JoinSet;

use super::load::{Ask, Asker, Client, Target, run_paced};
use super::server::{Node, Server};
use super::{Bench, Figure, megabytes, millis};

pub(super) use self::abuse::{Abuse, commit};

/// Clients that are answered all the while.
const POLITE: usize = 4;
/// Of a polite client, between an answer and its next request.
const PAUSE: Duration = Duration::from_millis(2);

/// A line for each abuse.
pub(super) async fn figures(node: &Node, bench: &Bench, say: &dyn Fn(&str)) -> std::io::Result<Vec<Figure>> {
    node.fill(bench.records.min(1_000)).await?;
    let server = node.start()?;
    let target = &server.target;
    prepare(target).await?;
    let polite: Asker = Arc::new(|_, _| get("/v1/cases?limit=1"));
    let polite = async || {
        let measured = run_paced(target, POLITE, bench.time(), PAUSE, &polite).await;
        Ok::<_, std::io::Error>(measured?.percentile(99))
    };
    let mut figures = Vec::new();
    for abuse in Abuse::ALL {
        let what = abuse.what();
        say(what);
        let watch = server.watch_memory();
        let mut rounds = Vec::new();
        for _ in 0..bench.rounds.max(1) {
            let quiet = polite().await?;
            let abusers = Abusers::begin(abuse, &server)?;
            let beside = polite().await?;
            let times = abusers.end()?;
            rounds.push((beside.as_secs_f64() / quiet.as_secs_f64(), beside, quiet, times));
        }
        rounds.sort_by(|one, other| one.0.total_cmp(&other.0));
        let (ratio, beside, quiet, times) = rounds[rounds.len() / 2];
        let a_second = times / bench.seconds.max(1);
        let most = megabytes(watch.most());
        let value = format!("p99 {}, memory {most}, {a_second}/s", millis(beside));
        figures.push(
            Figure::new(what, value)
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
    fn begin(abuse: Abuse, server: &Server) -> std::io::Result<Self> {
        let missing = || std::io::Error::other("the abusers have not begun");
        let victim = Victim {
            address: server.target.address,
            authority: server.authority.clone(),
            authorization: server.target.authorization.clone(),
        };
        let mut child = Command::new(std::env::current_exe()?)
            .args(["bench", "--abuse", abuse.name()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
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
