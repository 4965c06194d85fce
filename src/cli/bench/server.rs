//! A real server as a child process: made, started, watched through `/proc`, killed.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use super::load::Target;
use crate::server::client::Connector;

/// A folder with a node in it, and a key to everything.
pub(super) struct Node {
    folder: PathBuf,
    key: String,
}

/// A running server.
pub(super) struct Server {
    child: Child,
    /// From the start of the process to the line that says it is ready.
    pub(super) ready_after: Duration,
    pub(super) target: Target,
}

fn own(arguments: &[&str], folder: &Path) -> std::io::Result<Command> {
    let mut command = Command::new(std::env::current_exe()?);
    command
        .args(arguments)
        .arg("--data")
        .arg(folder)
        .stderr(Stdio::null());
    // No limit but the disk's: this measures what the server can do, not what a client may.
    command
        .env("BLOTTER_RATES_REQUESTS_PER_SECOND", "1000000")
        .env("BLOTTER_RATES_BURST", "1000000");
    Ok(command)
}

fn json_of(mut command: Command) -> std::io::Result<serde_json::Value> {
    let output = command.arg("--json").output()?;
    if !output.status.success() {
        return Err(std::io::Error::other(format!("{command:?} failed")));
    }
    Ok(serde_json::from_slice(&output.stdout)?)
}

impl Node {
    /// Makes a node in an empty folder.
    pub(super) fn make(folder: &Path) -> std::io::Result<Self> {
        json_of(own(&["init"], folder)?)?;
        let arguments = [
            "key",
            "create",
            "--name",
            "bench",
            "--lanes",
            "query,sync,events",
            "--scopes",
            "*",
        ];
        let made = json_of(own(&arguments, folder)?)?;
        let key = made["key"]
            .as_str()
            .ok_or_else(|| std::io::Error::other("no key was made"))?;
        Ok(Self {
            folder: folder.to_owned(),
            key: key.to_owned(),
        })
    }

    /// Starts the server and waits until it is ready.
    pub(super) fn start(&self) -> std::io::Result<Server> {
        let begin = Instant::now();
        let mut child = own(&["serve", "--listen", "127.0.0.1:0"], &self.folder)?
            .stdout(Stdio::piped())
            .spawn()?;
        let missing = || std::io::Error::other("the server did not say that it is ready");
        let mut line = String::new();
        BufReader::new(child.stdout.take().ok_or_else(missing)?).read_line(&mut line)?;
        let ready_after = begin.elapsed();
        let ready: serde_json::Value = serde_json::from_str(&line)?;
        let url = ready["url"].as_str().ok_or_else(missing)?;
        let port = url
            .rsplit_once(':')
            .and_then(|(_, port)| port.trim_end_matches('/').parse().ok())
            .ok_or_else(missing)?;
        let authority = ready["ca"].as_str().ok_or_else(missing)?;
        let target = Target {
            address: SocketAddr::from(([127, 0, 0, 1], port)),
            connector: Connector::trusting(Path::new(authority))?,
            authorization: format!("Bearer {}", self.key),
        };
        Ok(Server {
            child,
            ready_after,
            target,
        })
    }
}

impl Server {
    fn proc(&self, file: &str, name: &str) -> u64 {
        let text = std::fs::read_to_string(format!("/proc/{}/{file}", self.child.id())).unwrap_or_default();
        let value = text.lines().find_map(|line| line.strip_prefix(name));
        let number = value.map(|value| value.trim().trim_end_matches(" kB"));
        number.and_then(|number| number.parse().ok()).unwrap_or(0)
    }

    /// Bytes that the server has caused to be written to the disk.
    pub(super) fn bytes_written(&self) -> u64 {
        self.proc("io", "write_bytes:")
    }

    /// The server's anonymous memory in bytes.
    pub(super) fn anonymous_memory(&self) -> u64 {
        self.proc("status", "RssAnon:") * 1024
    }

    /// Asks the server to stop, and waits.
    pub(super) fn stop(mut self) -> std::io::Result<()> {
        let pid = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(pid, rustix::process::Signal::TERM)?;
        self.child.wait().map(drop)
    }

    /// Kills the server with no warning.
    pub(super) fn kill(mut self) -> std::io::Result<()> {
        self.child.kill()?;
        self.child.wait().map(drop)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Already gone unless the bench itself failed.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
