//! A real server as a child process: made, started, watched through `/proc`, killed.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use hyper::Method;
use tokio::task::JoinSet;

use super::load::{Client, Target};
use super::rows;
use crate::server::client::Connector;

/// Between two looks at a server's memory.
const LOOK_EVERY: Duration = Duration::from_millis(100);
/// Rows of one batch.
const ROWS: u64 = 1_000;

/// A folder with a node in it, a key to everything, and how many records it was filled with.
pub(super) struct Node {
    folder: PathBuf,
    key: String,
}

/// A running server.
pub(super) struct Server {
    child: Child,
    /// Its data folder.
    pub(super) data: PathBuf,
    /// The certificate of its authority.
    pub(super) authority: PathBuf,
    /// From the start of the process to the line that says it is ready.
    ready_after: Duration,
    pub(super) target: Target,
}

fn own(arguments: &[&str], folder: &Path) -> std::io::Result<Command> {
    let mut command = Command::new(std::env::current_exe()?);
    command
        .args(arguments)
        .arg("--data")
        .arg(folder.join("data"))
        .stderr(Stdio::null());
    Ok(command)
}

fn json_of(mut command: Command) -> std::io::Result<serde_json::Value> {
    let output = command.arg("--json").output()?;
    if !output.status.success() {
        return Err(std::io::Error::other(format!("{command:?} failed")));
    }
    Ok(serde_json::from_slice(&output.stdout)?)
}

/// Makes a node of agency 7, office 3, with an administrator.
const ROOM: [&str; 7] = [
    "init",
    "--organization-id",
    "7",
    "--office-id",
    "3",
    "--admin",
    "bench@blotter.example",
];

fn new_key(folder: &Path, name: &str) -> std::io::Result<String> {
    let words = format!("key create --name {name} --lanes query,sync,events --scopes *");
    let made = json_of(own(&words.split(' ').collect::<Vec<_>>(), folder)?)?;
    let key = made["key"].as_str().map(str::to_owned);
    key.ok_or_else(|| std::io::Error::other("no key was made"))
}

impl Node {
    /// The node in this folder, or a new one.
    pub(super) fn at(folder: &Path) -> std::io::Result<Self> {
        let kept = folder.join("key");
        if !kept.exists() {
            std::fs::create_dir_all(folder)?;
            json_of(own(&ROOM, folder)?)?;
            std::fs::write(&kept, new_key(folder, "bench")?)?;
        }
        Ok(Self {
            folder: folder.to_owned(),
            key: std::fs::read_to_string(kept)?,
        })
    }

    /// Files the records that are not there yet, and waits until searches see them.
    pub(super) async fn fill(&self, records: u64) -> std::io::Result<()> {
        let note = self.folder.join("records");
        let there = std::fs::read_to_string(&note)
            .ok()
            .and_then(|text| text.parse().ok());
        let mut next = there.unwrap_or(0);
        if next >= records {
            return Ok(());
        }
        let server = self.start()?;
        let mut tasks = JoinSet::new();
        let mut client = Client::connect(&server.target, &mut tasks).await?;
        while next < records {
            let end = (next + ROWS).min(records);
            let rows: Vec<_> = (next..end).map(rows::row).collect();
            let body = serde_json::json!({ "data": rows }).to_string();
            client.send((Method::POST, "/v1/batch".into(), body)).await?;
            next = end;
            std::fs::write(&note, next.to_string())?;
        }
        let look = || {
            (
                Method::GET,
                "/v1/search?q=james&limit=1&consistency=wait".into(),
                String::new(),
            )
        };
        while client.json(look()).await?["meta"]["index_lag"]["milliseconds"] != 0 {}
        server.stop()
    }

    /// A new key with all rights, as an `Authorization` has it.
    pub(super) fn authorization(&self, name: &str) -> std::io::Result<String> {
        Ok(format!("Bearer {}", new_key(&self.folder, name)?))
    }

    /// A static token of an administrator of agency 7, office 3, as an `Authorization` has it.
    pub(super) fn static_token(&self) -> std::io::Result<String> {
        // A node that was kept since an earlier version may not be such a one.
        json_of(own(&ROOM, &self.folder)?)?;
        let made = json_of(own(&["user", "token", "bench@blotter.example"], &self.folder)?)?;
        Ok(format!("Bearer {}", made["token"].as_str().unwrap_or_default()))
    }

    /// Starts the server and waits until it is ready. No limit but the disk's counts: what is measured is what the server can
    /// do, not what a client may.
    pub(super) fn start(&self) -> std::io::Result<Server> {
        let lifted = [
            ("BLOTTER_RATES_REQUESTS_PER_SECOND", "1000000"),
            ("BLOTTER_RATES_BURST", "1000000"),
            ("BLOTTER_SAFE_REQUESTS_PER_SECOND", "1000000"),
            ("BLOTTER_SAFE_BURST", "1000000"),
        ];
        self.start_with(&lifted)
    }

    /// The same for as many connections from here as anybody wants.
    pub(super) fn start_for_many(&self) -> std::io::Result<Server> {
        let lifted = [
            ("BLOTTER_RATES_REQUESTS_PER_SECOND", "1000000"),
            ("BLOTTER_RATES_BURST", "1000000"),
            ("BLOTTER_LIMITS_CONNECTIONS_MAX", "100000"),
            ("BLOTTER_LIMITS_CONNECTIONS_PER_IP_MAX", "100000"),
        ];
        self.start_with(&lifted)
    }

    /// The same with every limit as it ships.
    pub(super) fn start_as_shipped(&self) -> std::io::Result<Server> {
        self.start_with(&[])
    }

    fn start_with(&self, settings: &[(&str, &str)]) -> std::io::Result<Server> {
        let begin = Instant::now();
        let mut child = own(&["serve", "--listen", "127.0.0.1:0"], &self.folder)?
            .envs(settings.iter().copied())
            .stdout(Stdio::piped())
            .spawn()?;
        let missing = || std::io::Error::other("the server did not say that it is ready");
        let mut line = String::new();
        BufReader::new(child.stdout.take().ok_or_else(missing)?).read_line(&mut line)?;
        let ready_after = begin.elapsed();
        let ready: serde_json::Value = serde_json::from_str(&line)?;
        let url = ready["url"].as_str().ok_or_else(missing)?;
        let port = url.rsplit_once(':').and_then(|(_, port)| port.parse().ok());
        let authority = ready["ca"].as_str().ok_or_else(missing)?;
        let target = Target {
            address: SocketAddr::from(([127, 0, 0, 1], port.ok_or_else(missing)?)),
            connector: Some(Connector::trusting(Path::new(authority))?),
            authorization: format!("Bearer {}", self.key),
            headers: &[],
        };
        Ok(Server {
            child,
            data: self.folder.join("data"),
            authority: PathBuf::from(authority),
            ready_after,
            target,
        })
    }
}

impl Server {
    /// The time from the start of the process to its first answer to a request that needs the store.
    pub(super) async fn first_answer(&self) -> std::io::Result<Duration> {
        let (waited, mut tasks) = (Instant::now(), JoinSet::new());
        let mut client = Client::connect(&self.target, &mut tasks).await?;
        client
            .send((Method::GET, "/v1/cases?limit=1".into(), String::new()))
            .await?;
        Ok(self.ready_after + waited.elapsed())
    }

    fn proc(&self, file: &str, name: &str) -> u64 {
        proc(self.child.id(), file, name)
    }

    /// Bytes that the server has caused to be written to the disk.
    pub(super) fn bytes_written(&self) -> u64 {
        self.proc("io", "write_bytes:")
    }

    /// The server's anonymous memory in bytes.
    pub(super) fn anonymous_memory(&self) -> u64 {
        self.proc("status", "RssAnon:") * 1024
    }

    /// Processor time that the server has taken.
    pub(super) fn processor_time(&self) -> Duration {
        let text = std::fs::read_to_string(format!("/proc/{}/stat", self.child.id())).unwrap_or_default();
        // After the name, which ends with the last bracket: the 12th and 13th field are hundredths of a second in user code and
        // in the kernel.
        let fields = text.rsplit_once(')').map_or("", |(_, fields)| fields);
        let ticks = fields.split_whitespace().skip(11).take(2);
        Duration::from_millis(ticks.filter_map(|ticks| ticks.parse::<u64>().ok()).sum::<u64>() * 10)
    }

    /// Looks at the server's anonymous memory until this is dropped.
    pub(super) fn watch_memory(&self) -> Watch {
        let (pid, most) = (self.child.id(), Arc::new(AtomicU64::new(0)));
        let mut task = JoinSet::new();
        let seen = Arc::clone(&most);
        task.spawn(async move {
            loop {
                seen.fetch_max(proc(pid, "status", "RssAnon:") * 1024, Ordering::Relaxed);
                tokio::time::sleep(LOOK_EVERY).await;
            }
        });
        Watch { most, _task: task }
    }

    /// Asks the server to stop, and waits.
    pub(super) fn stop(mut self) -> std::io::Result<()> {
        let pid = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(pid, rustix::process::Signal::TERM)?;
        self.child.wait().map(drop)
    }

    /// Kills the server with no warning.
    pub(super) fn kill(&mut self) -> std::io::Result<()> {
        self.child.kill()?;
        self.child.wait().map(drop)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Already gone unless the bench itself failed.
        drop(self.kill());
    }
}

/// The most memory that was seen.
pub(super) struct Watch {
    most: Arc<AtomicU64>,
    _task: JoinSet<()>,
}

impl Watch {
    pub(super) fn most(&self) -> u64 {
        self.most.load(Ordering::Relaxed)
    }
}

/// A number that the kernel tells of a process.
fn proc(pid: u32, file: &str, name: &str) -> u64 {
    let text = std::fs::read_to_string(format!("/proc/{pid}/{file}")).unwrap_or_default();
    let value = text.lines().find_map(|line| line.strip_prefix(name));
    let number = value.map(|value| value.trim().trim_end_matches(" kB"));
    number.and_then(|number| number.parse().ok()).unwrap_or(0)
}
