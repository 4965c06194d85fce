//! The program itself: verbs run to their end, and a server that is started and told to stop.

use std::fs::File;
use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use rustls::pki_types::ServerName;
use rustls::{ClientConnection, StreamOwned};
use serde_json::Value as Json;

use crate::support::trusting;

/// Settings of a server that is asked more than people ask.
pub(crate) const UNHURRIED: [(&str, &str); 2] = [
    ("BLOTTER_RATES_REQUESTS_PER_SECOND", "1000000"),
    ("BLOTTER_RATES_BURST", "1000000"),
];

/// A place for a node, with the program beside it.
pub(crate) struct Place {
    folder: tempfile::TempDir,
    data: PathBuf,
    /// For every verb and server here.
    settings: &'static [(&'static str, &'static str)],
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

fn program(begun_by: &[&str]) -> Command {
    let words = [begun_by, &[env!("CARGO_BIN_EXE_blotter")]].concat();
    let mut command = Command::new(words[0]);
    command.args(&words[1..]);
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("BLOTTER_")) {
        command.env_remove(name);
    }
    command
}

impl Place {
    /// With nothing in it.
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("data");
        Self {
            folder,
            data,
            settings: &[],
        }
    }

    /// With a node of the agency `metro`.
    pub(crate) fn with_node() -> Self {
        Self::new().init()
    }

    /// The same on another disk, with settings for every verb and server.
    pub(crate) fn with_node_on(disk: &Path, settings: &'static [(&'static str, &'static str)]) -> Self {
        let place = Self {
            data: disk.join("data"),
            settings,
            ..Self::new()
        };
        place.init()
    }

    fn init(self) -> Self {
        let made = self.run(&["init", "--tenant", "metro", "--json"]);
        assert_eq!(made.json()["created"], true);
        self
    }

    /// The data folder.
    pub(crate) fn data(&self) -> &Path {
        &self.data
    }

    /// A file beside it.
    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Runs a verb to its end.
    pub(crate) fn run(&self, words: &[&str]) -> Ended {
        self.run_with(&[], words)
    }

    /// The same with settings from the environment.
    pub(crate) fn run_with(&self, settings: &[(&str, &str)], words: &[&str]) -> Ended {
        self.run_by(&[], settings, words)
    }

    /// The same, begun by these words (`sh -c …`).
    pub(crate) fn run_by(&self, begun_by: &[&str], settings: &[(&str, &str)], words: &[&str]) -> Ended {
        let mut command = program(begun_by);
        command.args(words).arg("--data").arg(self.data());
        command.envs(self.settings.iter().chain(settings).copied());
        Ended::of(&command.stdin(Stdio::null()).output().unwrap())
    }

    /// A new key that may do everything.
    pub(crate) fn key(&self) -> String {
        let made = self.run(&["key", "create", "--name", "test", "--scopes", "*", "--json"]);
        made.json()["key"].as_str().unwrap().to_owned()
    }

    /// Starts a server and waits until it is ready.
    pub(crate) fn serve(&self) -> Served {
        self.serve_with(&[], &[])
    }

    /// The same with settings from the environment, begun by these words (`sh -c …`); what it logs goes to the file `log`.
    pub(crate) fn serve_with(&self, settings: &[(&str, &str)], begun_by: &[&str]) -> Served {
        let mut command = program(begun_by);
        command
            .args(["serve", "--listen", "127.0.0.1:0", "--data"])
            .arg(self.data());
        command.envs(self.settings.iter().chain(settings).copied());
        command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(File::create(self.file("log")).unwrap());
        let mut child = command.spawn().unwrap();
        let mut line = String::new();
        let mut out = BufReader::new(child.stdout.take().unwrap());
        out.read_line(&mut line).unwrap();
        let ready: Json =
            serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line:?} {}", self.log()));
        assert_eq!(ready["event"], "ready");
        assert_eq!(ready["pid"], child.id());
        Served { child, ready }
    }

    /// What the server logged.
    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(self.file("log")).unwrap()
    }
}

/// A server that runs; it is killed if a test forgets it.
pub(crate) struct Served {
    child: Child,
    /// The line that it printed.
    pub(crate) ready: Json,
}

/// An answer of a server.
#[derive(Debug)]
pub(crate) struct Told {
    /// The status.
    pub(crate) status: u16,
    /// The head, as it stands.
    pub(crate) head: String,
    /// The body.
    pub(crate) body: String,
}

impl Told {
    /// The body as JSON; null if it is none.
    pub(crate) fn json(&self) -> Json {
        serde_json::from_str(&self.body).unwrap_or(Json::Null)
    }
}

/// A connection over TLS.
pub(crate) type Wire = StreamOwned<ClientConnection, TcpStream>;

impl Served {
    /// Connects over TLS, trusting the authority that the ready line names.
    pub(crate) fn connect(&self) -> std::io::Result<Wire> {
        let tls = trusting(self.authority(), "http/1.1");
        let name = ServerName::try_from("localhost").unwrap();
        let connection = ClientConnection::new(Arc::new(tls), name).unwrap();
        let mut wire = StreamOwned::new(connection, TcpStream::connect(self.address())?);
        // The handshake: whoever is refused learns it here.
        wire.flush()?;
        Ok(wire)
    }

    /// The certificate of the authority that its clients trust.
    pub(crate) fn authority(&self) -> &Path {
        Path::new(self.ready["ca"].as_str().unwrap())
    }

    /// Its process id.
    pub(crate) fn process(&self) -> u32 {
        self.child.id()
    }

    /// `127.0.0.1:…`
    pub(crate) fn address(&self) -> &str {
        self.ready["url"]
            .as_str()
            .unwrap()
            .strip_prefix("https://")
            .unwrap()
    }

    /// GET. Gives the status and the body.
    pub(crate) fn get(&self, path: &str, key: Option<&str>) -> (u16, String) {
        let told = self.ask("GET", path, key, "", b"").unwrap();
        (told.status, told.body)
    }

    /// POST of `{"data": …}`.
    pub(crate) fn post(&self, path: &str, key: &str, data: &Json) -> Told {
        let body = serde_json::json!({ "data": data }).to_string();
        let json = "Content-Type: application/json\r\n";
        self.ask("POST", path, Some(key), json, body.as_bytes()).unwrap()
    }

    /// Any request over a connection of its own; `headers` end each in a line feed.
    pub(crate) fn ask(
        &self,
        method: &str,
        path: &str,
        key: Option<&str>,
        headers: &str,
        body: &[u8],
    ) -> std::io::Result<Told> {
        let mut wire = self.connect()?;
        let key = key.map_or_else(String::new, |key| format!("Authorization: Bearer {key}\r\n"));
        let length = body.len();
        write!(
            wire,
            "{method} {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: {length}\r\n{key}{headers}\r\n"
        )?;
        match wire.write_all(body) {
            Ok(()) => told(&mut wire),
            // Who is answered before all was sent may be cut off while it sends; the answer has arrived all the same.
            Err(error) if is_cut_off(&error) => told(&mut Arrived(wire)).map_err(|_none| error),
            Err(error) => Err(error),
        }
    }

    /// Sends a signal.
    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    /// `kill -9`: no warning, no farewell.
    pub(crate) fn kill(self) {
        drop(self);
    }

    /// Waits until it has ended by itself. Gives the exit code; `None` after a signal that it did not handle.
    pub(crate) fn wait(mut self) -> Option<i32> {
        self.child.wait().unwrap().code()
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

/// What a peer said before it hung up. Nothing is sent any more, where a [`Wire`] insists on sending what it holds first.
struct Arrived(Wire);

impl Read for Arrived {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let StreamOwned { conn, sock } = &mut self.0;
        loop {
            match conn.reader().read(buffer) {
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                outcome => return outcome,
            }
            conn.read_tls(sock)?;
            conn.process_new_packets()
                .map_err(|error| std::io::Error::new(ErrorKind::InvalidData, error))?;
        }
    }
}

fn is_cut_off(error: &std::io::Error) -> bool {
    matches!(error.kind(), ErrorKind::BrokenPipe | ErrorKind::ConnectionReset)
}

/// GET without TLS and without a key.
pub(crate) fn get_plain(address: &str, path: &str) -> Told {
    let mut wire = TcpStream::connect(address).unwrap();
    write!(
        wire,
        "GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
    )
    .unwrap();
    told(&mut wire).unwrap()
}

/// Reads an answer to its end.
pub(crate) fn told(wire: &mut impl Read) -> std::io::Result<Told> {
    let mut answer = Vec::new();
    let read = wire.read_to_end(&mut answer);
    let answer = String::from_utf8_lossy(&answer).into_owned();
    // A peer that closes without a farewell of TLS has said all it had to say.
    let Some((head, body)) = answer.split_once("\r\n\r\n") else {
        return Err(read.err().unwrap_or_else(|| ErrorKind::UnexpectedEof.into()));
    };
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok());
    Ok(Told {
        status: status.unwrap_or(0),
        head: head.to_owned(),
        body: body.to_owned(),
    })
}
