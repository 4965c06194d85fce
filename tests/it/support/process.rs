//! The program itself: verbs run to their end, and a server that is started and told to stop.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use blotter::server::tls;
use rustix::process::{Pid, Signal, kill_process};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use serde_json::Value as Json;

/// A place for a node, with the program beside it.
pub(crate) struct Place {
    folder: tempfile::TempDir,
}

/// A verb that has ended.
#[derive(Debug)]
pub(crate) struct Ended {
    /// Its exit code.
    pub(crate) code: i32,
    /// What it said.
    pub(crate) out: String,
    /// What it complained of.
    pub(crate) err: String,
}

impl Ended {
    fn of(output: &Output) -> Self {
        Self {
            code: output.status.code().unwrap(),
            out: String::from_utf8(output.stdout.clone()).unwrap(),
            err: String::from_utf8(output.stderr.clone()).unwrap(),
        }
    }

    /// The one JSON value that it said.
    #[track_caller]
    pub(crate) fn json(&self) -> Json {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }
}

fn program() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_blotter"));
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("BLOTTER_")) {
        command.env_remove(name);
    }
    command
}

impl Place {
    /// With nothing in it.
    pub(crate) fn new() -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
        }
    }

    /// With a node of the agency `metro`.
    pub(crate) fn with_node() -> Self {
        let place = Self::new();
        assert_eq!(
            place.run(&["init", "--tenant", "metro", "--json"]).json()["created"],
            true
        );
        place
    }

    /// The data folder.
    pub(crate) fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// A file beside it.
    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Runs a verb to its end.
    pub(crate) fn run(&self, words: &[&str]) -> Ended {
        let mut command = program();
        command.args(words).arg("--data").arg(self.data());
        Ended::of(&command.stdin(Stdio::null()).output().unwrap())
    }

    /// Starts a server and waits until it is ready.
    pub(crate) fn serve(&self) -> Served {
        let mut command = program();
        command
            .args(["serve", "--listen", "127.0.0.1:0", "--data"])
            .arg(self.data());
        command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null());
        let mut child = command.spawn().unwrap();
        let mut line = String::new();
        let mut out = BufReader::new(child.stdout.take().unwrap());
        out.read_line(&mut line).unwrap();
        let ready: Json = serde_json::from_str(&line).unwrap();
        assert_eq!(ready["event"], "ready");
        assert_eq!(ready["pid"], child.id());
        Served { child, ready }
    }
}

/// A server that runs; it is killed if a test forgets it.
pub(crate) struct Served {
    child: Child,
    /// The line that it printed.
    pub(crate) ready: Json,
}

impl Served {
    /// GET over TLS, trusting the authority that the ready line names. Gives the status and the body.
    pub(crate) fn get(&self, path: &str, key: Option<&str>) -> (u16, String) {
        let address = self.ready["url"]
            .as_str()
            .unwrap()
            .strip_prefix("https://")
            .unwrap();
        let tls = client(Path::new(self.ready["ca"].as_str().unwrap()));
        let name = ServerName::try_from("localhost").unwrap();
        let connection = ClientConnection::new(tls, name).unwrap();
        let mut stream = StreamOwned::new(connection, TcpStream::connect(address).unwrap());
        let key = key.map_or_else(String::new, |key| format!("Authorization: Bearer {key}\r\n"));
        write!(
            stream,
            "GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{key}\r\n"
        )
        .unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).unwrap();
        let answer = String::from_utf8(answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        (status, body.to_owned())
    }

    /// Sends SIGTERM and waits. Gives the exit code and how long it took.
    pub(crate) fn terminate(mut self) -> (i32, Duration) {
        let begun = Instant::now();
        let pid = Pid::from_child(&self.child);
        kill_process(pid, Signal::TERM).unwrap();
        let status = self.child.wait().unwrap();
        (status.code().unwrap(), begun.elapsed())
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        // It may have ended before.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

fn client(authority: &Path) -> Arc<ClientConfig> {
    let mut roots = RootCertStore::empty();
    roots
        .add(CertificateDer::from_pem_file(authority).unwrap())
        .unwrap();
    let config = ClientConfig::builder_with_provider(tls::provider())
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    Arc::new(config)
}
