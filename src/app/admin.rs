//! `DIR/admin.sock`: verbs of the command line, answered by the server that holds the folder. Whoever can open the socket (mode
//! 0600) can read the folder too, so it acts as the folder's owner. One JSON value a line: an [`Envelope`] in, [`Answer`]s out,
//! of which the last is not `Going`.

use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::sync::Arc;

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::app::node::Node;
use crate::cli::order::{Answer, Backend, Envelope, Refusal};
use crate::server::tasks::Tasks;
use crate::services::search::follow::Gauge;

/// Steps of one order that its reader has not taken yet.
const STEPS_WAITING_MAX: usize = 16;

/// The socket while the server runs; the file is removed when it is dropped.
pub struct Door {
    listener: UnixListener,
    path: PathBuf,
    node: Arc<Node>,
    gauge: Gauge,
    line_bytes_max: u64,
}

impl Door {
    /// Opens the socket for orders of so many bytes at most. One that a crashed server left is replaced: the folder's lock says that nobody answers there.
    ///
    /// # Errors
    /// The system refused.
    pub fn open(node: Arc<Node>, gauge: Gauge, line_bytes_max: u64) -> io::Result<Self> {
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
            line_bytes_max,
        })
    }

    /// Answers until the stop, each connection on its own; orders in hand are finished.
    pub async fn answer_until(self, stop: CancellationToken) {
        let tasks = Tasks::default();
        while let Some(accepted) = stop.run_until_cancelled(self.listener.accept()).await {
            match accepted {
                Ok((stream, _)) => {
                    let backend = Backend::new(&self.node, Some(self.gauge.clone()));
                    tasks.spawn(serve(stream, backend, self.line_bytes_max, stop.clone()));
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

async fn serve(stream: UnixStream, backend: Backend, line_bytes_max: u64, stop: CancellationToken) {
    let (reading, mut writing) = stream.into_split();
    let mut reading = BufReader::new(reading);
    loop {
        let mut line = Vec::new();
        let mut limited = (&mut reading).take(line_bytes_max);
        let read = stop.run_until_cancelled(limited.read_until(b'\n', &mut line));
        match read.await {
            Some(Ok(bytes)) if bytes > 0 => {}
            _ => return,
        }
        if line.last() != Some(&b'\n') && line.len() as u64 == line_bytes_max {
            refuse_long(&mut reading, &mut writing, line_bytes_max).await;
            return;
        }
        if answer(line, backend.clone(), &mut writing).await.is_err() {
            return;
        }
    }
}

/// Says that an order is too long once its sender, who does not listen before that, has sent it.
async fn refuse_long(
    reading: &mut BufReader<OwnedReadHalf>,
    writing: &mut OwnedWriteHalf,
    line_bytes_max: u64,
) {
    while let Ok(bytes @ [_, ..]) = reading.fill_buf().await {
        let (read, ended) = (bytes.len(), bytes.contains(&b'\n'));
        reading.consume(read);
        if ended {
            break;
        }
    }
    let text = format!("the order is longer than limits.admin_line_bytes_max = {line_bytes_max} bytes");
    // Who is gone already misses it.
    drop(say(writing, &Answer::Refused(Refusal::new("invalid", text))).await);
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
