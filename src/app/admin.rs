//! `DIR/admin.sock`: verbs of the command line, answered by the server that holds the folder. Whoever can open the socket (mode
//! 0600) can read the folder too, so it acts as the folder's owner. One JSON value a line: an [`Envelope`] in, [`Answer`]s out,
//! of which the last is not `Going`.

use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::sync::Arc;

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::unix::OwnedWriteHalf;
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::app::node::Node;
use crate::cli::order::{Answer, Backend, Envelope, Refusal};
use crate::server::tasks::Tasks;
use crate::services::search::follow::Gauge;

/// An order is no longer than this; imports send their rows in parts.
const LINE_BYTES_MAX: u64 = 64 << 20;
/// Steps of one order that its reader has not taken yet.
const STEPS_WAITING_MAX: usize = 16;

/// The socket while the server runs; the file is removed when it is dropped.
pub struct Door {
    listener: UnixListener,
    path: PathBuf,
    node: Arc<Node>,
    gauge: Gauge,
}

impl Door {
    /// Opens the socket. One that a crashed server left is replaced: the folder's lock says that nobody answers there.
    ///
    /// # Errors
    /// The system refused.
    pub fn open(node: Arc<Node>, gauge: Gauge) -> io::Result<Self> {
        let path = node.folder.socket();
        match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let listener = UnixListener::bind(&path)?;
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600))?;
        Ok(Self {
            listener,
            path,
            node,
            gauge,
        })
    }

    /// Answers until the stop, each connection on its own; orders in hand are finished.
    pub async fn answer_until(self, stop: CancellationToken) {
        let tasks = Tasks::default();
        while let Some(accepted) = stop.run_until_cancelled(self.listener.accept()).await {
            match accepted {
                Ok((stream, _)) => {
                    let backend = Backend::new(&self.node, Some(self.gauge.clone()));
                    tasks.spawn(serve(stream, backend, stop.clone()));
                }
                Err(error) => tracing::debug!(%error, "the admin socket refused a connection"),
            }
        }
        tasks.finish(std::time::Duration::from_secs(8)).await;
    }
}

impl Drop for Door {
    fn drop(&mut self) {
        // Nobody answers there any more; a file that stays is replaced by the next start.
        _ = fs::remove_file(&self.path);
    }
}

async fn serve(stream: UnixStream, backend: Backend, stop: CancellationToken) {
    let (reading, mut writing) = stream.into_split();
    let mut reading = BufReader::new(reading);
    loop {
        let mut line = Vec::new();
        let mut limited = (&mut reading).take(LINE_BYTES_MAX);
        let read = stop.run_until_cancelled(limited.read_until(b'\n', &mut line));
        match read.await {
            Some(Ok(bytes)) if bytes > 0 => {}
            _ => return,
        }
        if answer(line, backend.clone(), &mut writing).await.is_err() {
            return;
        }
    }
}

async fn answer(line: Vec<u8>, backend: Backend, writing: &mut OwnedWriteHalf) -> io::Result<()> {
    let (steps, mut told) = mpsc::channel(STEPS_WAITING_MAX);
    let performed = tokio::task::spawn_blocking(move || match serde_json::from_slice::<Envelope>(&line) {
        // A step that finds no place is left out: the next one says more.
        Ok(envelope) => backend.perform(envelope, &mut |step| drop(steps.try_send(step))),
        Err(error) => Answer::Refused(Refusal::new("invalid", format!("not an order: {error}"))),
    });
    while let Some(step) = told.recv().await {
        // Who stops listening misses the answer; the order is carried out all the same.
        if say(writing, &Answer::Going(step)).await.is_err() {
            break;
        }
    }
    let answer = performed.await.unwrap_or_else(|error| {
        tracing::error!(%error, "an order of the command line panicked");
        Answer::Refused(Refusal::new("internal", "an unexpected error, which was logged"))
    });
    say(writing, &answer).await
}

async fn say(writing: &mut OwnedWriteHalf, answer: &Answer) -> io::Result<()> {
    let mut line = serde_json::to_vec(answer)?;
    line.push(b'\n');
    writing.write_all(&line).await
}
