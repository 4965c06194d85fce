//! `DIR/admin.sock`: verbs of the command line, answered by the server that holds the folder. Whoever can open the socket (mode
//! 0600) can read the folder too, so it acts as the folder's owner. One JSON value a line: an [`Envelope`] in, an [`Answer`] out.

use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::sync::Arc;

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{UnixListener, UnixStream};
use tokio_util::sync::CancellationToken;

use crate::app::node::Node;
use crate::cli::order::{Answer, Backend, Envelope, Refusal};
use crate::server::tasks::Tasks;
use crate::services::search::follow::Gauge;

/// An order is no longer than this; imports send their rows in parts.
const LINE_BYTES_MAX: u64 = 64 << 20;

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
        let mut answer = answer(line, backend.clone()).await;
        answer.push(b'\n');
        if writing.write_all(&answer).await.is_err() {
            return;
        }
    }
}

async fn answer(line: Vec<u8>, backend: Backend) -> Vec<u8> {
    let performed = tokio::task::spawn_blocking(move || match serde_json::from_slice::<Envelope>(&line) {
        Ok(envelope) => backend.perform(envelope),
        Err(error) => Answer::Refused(Refusal::new("invalid", format!("not an order: {error}"))),
    });
    let answer = performed.await.unwrap_or_else(|error| {
        tracing::error!(%error, "an order of the command line panicked");
        Answer::Refused(Refusal::new("internal", "an unexpected error, which was logged"))
    });
    serde_json::to_vec(&answer).unwrap_or_default()
}
