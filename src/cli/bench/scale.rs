//! What grows with the number of records, if anything does: bytes written, starts, memory. Measured on a node of a tenth of the
//! records and on the whole one.

use std::sync::Arc;
use std::time::Duration;

use super::load::Asker;
use super::server::{Node, Watch};
use super::{Bench, Figure, load, megabytes, millis, rows};

/// Bytes are counted for so long at least: several checkpoints fall into it.
const COUNTED_MIN: Duration = Duration::from_secs(12);
const STARTS: u32 = 3;
/// After a start, before memory counts as idle.
const SETTLED: Duration = Duration::from_secs(2);

/// A node of some size.
#[derive(Clone, Copy, Debug)]
pub(super) struct AtScale {
    records: u64,
    bytes_a_create: u64,
    /// The median of some starts.
    clean: Duration,
    /// The slowest of some starts after a `kill -9` under load.
    killed: Duration,
    idle: u64,
    loaded: u64,
}

impl AtScale {
    pub(super) async fn measure(node: &Node, records: u64, scale: &Bench) -> std::io::Result<Self> {
        let mut clean = Vec::new();
        for _ in 0..STARTS {
            let server = node.start()?;
            clean.push(server.first_answer().await?);
            server.stop()?;
        }
        clean.sort_unstable();
        let server = node.start()?;
        tokio::time::sleep(SETTLED).await;
        let idle = server.anonymous_memory();
        let watch = server.watch_memory();
        let before = server.bytes_written();
        let ask: Asker = Arc::new(rows::create);
        let time = if scale.seconds == 0 {
            Duration::ZERO
        } else {
            scale.time().max(COUNTED_MIN)
        };
        let creates = load::run(&server.target, 32, time, &ask).await?;
        let bytes = server.bytes_written() - before;
        let loaded = watch.most();
        server.stop()?;
        let mut killed = Duration::ZERO;
        for nth in 0..STARTS {
            killed =
                killed.max(start_after_kill(node, scale.time() + Duration::from_millis(700) * nth).await?);
        }
        Ok(Self {
            records,
            bytes_a_create: bytes / (creates.latencies.len() as u64).max(1),
            clean: clean[clean.len() / 2],
            killed,
            idle,
            loaded,
        })
    }

    /// The rows of the table, with those of a smaller node beside them.
    pub(super) fn figures(&self, small: &Self, watch: &Watch) -> Vec<Figure> {
        let beside = |value: String| format!("{value} at {} records", small.records);
        let times = |time: Duration, other: Duration| Some(time.as_secs_f64() / other.as_secs_f64());
        #[expect(clippy::cast_precision_loss, reason = "a ratio of two figures of a table")]
        let grown = self.bytes_a_create as f64 / small.bytes_a_create as f64;
        let (clean, killed) = (times(self.clean, small.clean), times(self.killed, small.killed));
        let loaded = self.loaded.max(watch.most());
        vec![
            Figure::new(
                "bytes written to disk a create, 32 clients",
                format!("{} B", self.bytes_a_create),
            )
            .beside(beside(format!("{} B", small.bytes_a_create)), Some(grown))
            .aim("≤ 5,000 B; ≤ 1.3"),
            Figure::new("start to first answer, clean", millis(self.clean))
                .beside(beside(millis(small.clean)), clean)
                .aim("≤ 150 ms"),
            Figure::new(
                "start to first answer, after `kill -9` under load, worst of 3",
                millis(self.killed),
            )
            .beside(beside(millis(small.killed)), killed)
            .aim("≤ 300 ms, flat"),
            Figure::new("anonymous memory, idle", megabytes(self.idle))
                .beside(beside(megabytes(small.idle)), None)
                .aim("≤ 80 MB"),
            Figure::new("anonymous memory, most under load", megabytes(loaded))
                .beside(beside(megabytes(small.loaded)), None)
                .aim("≤ 256 MB"),
        ]
    }
}

/// Kills a server while 32 clients write, and starts it again.
async fn start_after_kill(node: &Node, after: Duration) -> std::io::Result<Duration> {
    let mut server = node.start()?;
    let ask: Asker = Arc::new(rows::create);
    let target = server.target.clone();
    let kill = async {
        tokio::time::sleep(after).await;
        server.kill()
    };
    // The clients end with an error: their server is gone.
    let (_, killed) = tokio::join!(
        load::run(&target, 32, after * 2 + Duration::from_secs(1), &ask),
        kill
    );
    killed?;
    let server = node.start()?;
    let answered = server.first_answer().await?;
    server.stop()?;
    Ok(answered)
}
