//! The store as its users see it: open it, read a snapshot, write, follow, stop.

use std::fmt;
use std::hash::Hash as Hashable;
use std::path::Path;
use std::sync::mpsc::sync_channel;
use std::sync::{Arc, Mutex, PoisonError, RwLock, RwLockReadGuard};
use std::time::Duration;

use crate::domain::id::{Hash, LogId, OpId};
use crate::domain::operation::Operation;
use crate::domain::time::Clock;
use crate::store::commit::logs::log_row;
use crate::store::commit::renew::{Current, Renewal};
use crate::store::commit::reopen::{self, Reopening};
use crate::store::commit::replay;
use crate::store::commit::writer::{Progress, WriteThread, Writer};
use crate::store::database::memo::{Memo, Watched};
use crate::store::database::{Read, Snapshot};
use crate::store::disk::Disk;
use crate::store::error::StoreError;
use crate::store::identity::{Identity, Stream};
use crate::store::journal::{
    ENTRY_BYTES_LIMIT, JournalOptions, JournalReader, OwnedEntry, Position, Recovered,
};
use crate::store::note::notary::Notary;
use crate::store::session::{Fold, Session};
use crate::store::tables::Table;

pub use crate::store::commit::writer::WriterOptions;

/// The store's settings.
#[derive(Clone, Copy, Debug)]
pub struct StoreOptions {
    /// Segment sizes and the longest entry.
    pub journal: JournalOptions,
    /// The view database's cache, in bytes.
    pub cache_bytes: usize,
    /// Pace of the write thread, and its reserve of space.
    pub writer: WriterOptions,
}

impl Default for StoreOptions {
    fn default() -> Self {
        Self {
            journal: JournalOptions::default(),
            cache_bytes: 64 << 20,
            writer: WriterOptions::default(),
        }
    }
}

/// What the opening found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Opened {
    /// What was found at the end of the journal.
    pub recovered: Recovered,
    /// Operations folded that the rows did not have.
    pub replayed: u64,
    /// The rows were missing, damaged or of other rules, and were made anew.
    pub rebuilt: bool,
}

/// An open store. Reads are snapshots; writes go through the one write thread.
#[derive(Debug)]
pub struct Store {
    rows: Arc<Current>,
    renewal: Renewal,
    journal: JournalReader,
    progress: Arc<Progress>,
    writer: Writer,
    logs: [LogId; 2],
    public: [u8; 32],
    link_secret: Secret,
    webhook_secret: Secret,
    notary: Notary,
    /// Held for writing while payloads are erased, for reading while the whole journal is copied or verified.
    erasing: RwLock<()>,
}

/// Bytes that no debug text shows.
struct Secret(Hash);

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret")
    }
}

/// What opening needs beside the folder.
#[derive(Clone, Debug)]
pub struct World {
    /// The disk, which tests replace.
    pub disk: Arc<dyn Disk>,
    /// The clock, which tests replace.
    pub clock: Arc<dyn Clock>,
}

impl Store {
    /// Opens the store in `dir`, which `identity` owns: opens the rows, reads the journal from where they end, and folds it.
    ///
    /// # Errors
    /// The disk failed, or the journal is damaged. Damaged rows are no error: they are put aside and made anew.
    pub fn open(
        world: &World,
        dir: &Path,
        identity: &Identity,
        fold: Fold,
        options: StoreOptions,
    ) -> Result<(Self, Opened), StoreError> {
        let reopening = Reopening {
            disk: &world.disk,
            dir,
            identity,
            fold,
            journal: options.journal,
            cache_bytes: options.cache_bytes,
            reserve_bytes: options.writer.reserve_bytes,
        };
        let reopened = reopening.reopen()?;
        let opened = Opened {
            recovered: reopened.recovered,
            replayed: reopened.replayed,
            rebuilt: reopened.rebuilt,
        };
        let (database, progress) = (Arc::new(reopened.database), Arc::new(Progress::default()));
        let journal = reopened.journal.reader();
        progress.reached(journal.end());
        let writer = Writer::start(WriteThread {
            disk: Arc::clone(&world.disk),
            dir: dir.to_path_buf(),
            journal: reopened.journal,
            entry_bytes_max: options.journal.entry_bytes_max.min(ENTRY_BYTES_LIMIT),
            logs: reopened.logs,
            database: Arc::clone(&database),
            fold,
            clock: Arc::clone(&world.clock),
            options: options.writer,
            progress: Arc::clone(&progress),
        })?;
        let store = Self {
            rows: Arc::new(Current::new(database)),
            renewal: Renewal {
                disk: Arc::clone(&world.disk),
                dir: dir.to_path_buf(),
                fold,
                cache_bytes: options.cache_bytes,
                reserve_bytes: options.writer.reserve_bytes,
                turn: Mutex::default(),
            },
            journal,
            progress,
            writer,
            logs: Stream::ALL.map(|stream| identity.log(stream)),
            public: identity.public(),
            link_secret: Secret(identity.secret("public links")),
            webhook_secret: Secret(identity.secret("webhooks")),
            notary: Notary::of(identity),
            erasing: RwLock::default(),
        };
        Ok((store, opened))
    }

    /// The rows as of the last group.
    ///
    /// # Errors
    /// The disk failed.
    pub fn snapshot(&self) -> Result<Snapshot, StoreError> {
        self.rows.snapshot()
    }

    /// The same, noting what is read of it for a [`Memo`].
    ///
    /// # Errors
    /// The disk failed.
    pub fn watched(&self) -> Result<Watched, StoreError> {
        self.rows.watched()
    }

    /// An empty memory for values made of the rows.
    pub fn memo<K: Hashable + Eq, V: Clone>(&self, bytes_max: usize) -> Memo<K, V> {
        self.rows.memo(bytes_max)
    }

    /// Runs `decide` on the write thread, waits until what it drafted is durable, and gives its answer. What it drafts is
    /// kept whole if it answers `Ok`, and leaves nothing otherwise. It blocks: never call it on an async thread.
    ///
    /// # Errors
    /// What `decide` refuses with, or why the group could not be made durable.
    pub fn write<T, E>(
        &self,
        decide: impl FnOnce(&mut Session<'_, '_>) -> Result<T, E> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        self.writer.write(decide)
    }

    /// The same without blocking: `tell` is called on the write thread with the outcome, once what was drafted is durable. It
    /// must not wait for anything. It is dropped uncalled if the thread ends.
    ///
    /// # Errors
    /// Too many requests wait, or the store was stopped; then nothing is told.
    pub fn submit<T, E>(
        &self,
        decide: impl FnOnce(&mut Session<'_, '_>) -> Result<T, E> + Send + 'static,
        tell: impl FnOnce(Result<T, E>) + Send + 'static,
    ) -> Result<(), StoreError>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        self.writer.submit(decide, tell)
    }

    /// The same for what nobody waits for: it rides with the next group, at most the linger time later.
    ///
    /// # Errors
    /// The store was stopped.
    pub fn write_soon(
        &self,
        decide: impl FnOnce(&mut Session<'_, '_>) -> Result<(), StoreError> + Send + 'static,
    ) -> Result<(), StoreError> {
        self.writer.write_soon(decide)
    }

    /// The last request that nobody waited for could not be written: whoever depends on such writes must wait for the next.
    pub fn soon_failed(&self) -> bool {
        self.writer.soon_failed()
    }

    /// The journal, for those who follow it. It may be one group ahead of the rows: who reads rows for what it says must
    /// not go beyond [`Store::end`].
    pub fn journal(&self) -> &JournalReader {
        &self.journal
    }

    /// The end of what is durable and visible.
    pub fn end(&self) -> Position {
        self.progress.end()
    }

    /// Waits until something beyond `position` is durable and visible, at most so long; gives the end.
    pub fn wait_beyond(&self, position: Position, timeout: Duration) -> Position {
        self.progress.wait_beyond(position, timeout)
    }

    /// The write thread has ended by a fault: the process must be started again.
    pub fn has_failed(&self) -> bool {
        self.progress.has_failed()
    }

    /// How long the write thread has been at one step, such as a group or a checkpoint: if that is long, the disk hangs.
    pub fn busy_for(&self) -> Duration {
        self.progress.busy_for()
    }

    /// The id of an own log.
    pub fn log(&self, stream: Stream) -> LogId {
        self.logs[stream as usize]
    }

    /// The node's public key (ed25519).
    pub fn public(&self) -> [u8; 32] {
        self.public
    }

    /// From which the secrets of public links are made.
    pub fn link_secret(&self) -> Hash {
        self.link_secret.0
    }

    /// From which the secrets of webhooks are made.
    pub fn webhook_secret(&self) -> Hash {
        self.webhook_secret.0
    }

    /// The operation at a place of a log, by the log's number here.
    ///
    /// # Errors
    /// The disk failed, or what is read is not what was written.
    pub fn operation(&self, rows: &impl Read, log: u32, seq: u64) -> Result<Option<Operation>, StoreError> {
        let entry = self.entry(rows, log, seq)?;
        entry.map(|entry| replay::operation(&entry)).transpose()
    }

    /// The bytes of the operation at a place of a log.
    pub(in crate::store) fn entry(
        &self,
        rows: &impl Read,
        log: u32,
        seq: u64,
    ) -> Result<Option<OwnedEntry>, StoreError> {
        match position_of(rows, log, seq)? {
            Some(position) => Ok(Some(self.journal.read(position)?)),
            None => Ok(None),
        }
    }

    pub(in crate::store) fn notary(&self) -> &Notary {
        &self.notary
    }

    /// Destroys the payloads of these operations in the journal; durable when it returns. Proofs over the log stay valid.
    /// What is erased already is no error, so it can be repeated after a fault. It waits for copies and verifications.
    ///
    /// # Errors
    /// The disk failed, or one of them is not here.
    pub fn erase(&self, operations: &[OpId]) -> Result<(), StoreError> {
        let rows = self.snapshot()?;
        let mut positions = Vec::with_capacity(operations.len());
        for id in operations {
            let missing = || StoreError::Damaged(format!("there is no operation {id}"));
            let log = log_row(&rows, id.log)?.ok_or_else(missing)?;
            positions.push(position_of(&rows, log.number, id.seq)?.ok_or_else(missing)?);
        }
        let _alone = self.erasing.write().unwrap_or_else(PoisonError::into_inner);
        let (answer, answered) = sync_channel(1);
        self.writer.run_between_groups(move |thread| {
            drop(answer.send(thread.journal.erase(&positions).map_err(StoreError::from)));
        })?;
        answered.recv().unwrap_or(Err(StoreError::Stopped))
    }

    /// Removes rows that a start put aside, which nobody reads.
    ///
    /// # Errors
    /// The disk failed.
    pub fn remove_put_aside_rows(&self) -> Result<(), StoreError> {
        reopen::remove_put_aside(self.renewal.disk.as_ref(), &self.renewal.dir)
    }

    /// As long as it is held, nothing is erased: for those who read the whole journal and what was folded from it.
    pub fn hold_erasing(&self) -> RwLockReadGuard<'_, ()> {
        self.erasing.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// The operation at a place of a log, by the log's id.
    ///
    /// # Errors
    /// The disk failed, or what is read is not what was written.
    pub fn own_operation(
        &self,
        rows: &impl Read,
        log: LogId,
        seq: u64,
    ) -> Result<Option<Operation>, StoreError> {
        match log_row(rows, log)? {
            Some(row) => self.operation(rows, row.number, seq),
            None => Ok(None),
        }
    }

    /// Folds the whole journal into new rows, which take the place of those in use at once; reads and writes go on
    /// meanwhile. Gives the number of operations; `progress` hears of those folded, and how many there are.
    ///
    /// # Errors
    /// The disk failed or has no space for rows beside those in use, which then stay.
    pub fn rebuild_views(&self, progress: &mut dyn FnMut(u64, u64)) -> Result<u64, StoreError> {
        self.renewal
            .run(&self.journal, &self.rows, &self.writer, progress)
    }

    /// Finishes what waits, makes the rows durable and ends the write thread. Further writes are refused.
    pub fn stop(&self) {
        self.writer.stop();
    }
}

/// Where an operation stands in the journal.
fn position_of(rows: &impl Read, log: u32, seq: u64) -> Result<Option<Position>, StoreError> {
    let Some(row) = rows.get(Table::Operations, &replay::operation_key(log, seq))? else {
        return Ok(None);
    };
    let position = row.first_chunk().copied().map(u64::from_be_bytes);
    let position = position.ok_or_else(|| StoreError::Damaged("a row of operations is short".into()))?;
    Ok(Some(Position::from_u64(position)))
}

impl Drop for Store {
    fn drop(&mut self) {
        self.stop();
    }
}
