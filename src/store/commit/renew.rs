//! Rows made anew beside those in use. Reads and writes go on meanwhile; the last step runs on the write thread between two
//! groups, so that no reader ever sees rows that lack what was acknowledged.

use std::hash::Hash;
use std::path::{Path, PathBuf};
use std::sync::mpsc::sync_channel;
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use crate::store::commit::logs::{Logs, operations};
use crate::store::commit::reopen::VIEWS;
use crate::store::commit::replay;
use crate::store::commit::writer::{WriteThread, Writer};
use crate::store::database::memo::{Memo, Watched};
use crate::store::database::{Database, Snapshot};
use crate::store::disk::Disk;
use crate::store::error::StoreError;
use crate::store::identity::Identity;
use crate::store::journal::{JournalReader, Position};
use crate::store::session::Fold;

/// The file in which rows are made, until they get the name of those in use.
const UNFINISHED: &str = "views.anew";
/// Rounds of catching up before the write thread is asked to wait for the rest.
const ROUNDS_MAX: usize = 8;
/// A rest of the journal that the write thread folds in a moment.
const REST_BYTES_MAX: u32 = 256 << 10;

/// The rows that are read now.
#[derive(Debug)]
pub(in crate::store) struct Current(RwLock<Arc<Database>>);

impl Current {
    pub(in crate::store) fn new(database: Arc<Database>) -> Self {
        Self(RwLock::new(database))
    }

    /// The rows as of the last group; they stay readable when others take their place.
    pub(in crate::store) fn snapshot(&self) -> Result<Snapshot, StoreError> {
        Snapshot::of(self.database())
    }

    /// The same, noting what is read of it for a [`Memo`].
    pub(in crate::store) fn watched(&self) -> Result<Watched, StoreError> {
        // All of them count changes together; the number must be older than the choice of the database.
        let after = self.database().last_change();
        Snapshot::watched(self.database(), after)
    }

    /// An empty memory for values made of the rows, also of those that take their place.
    pub(in crate::store) fn memo<K: Hash + Eq, V: Clone>(&self, bytes_max: usize) -> Memo<K, V> {
        self.database().memo(bytes_max)
    }

    fn database(&self) -> Arc<Database> {
        Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn replace(&self, database: Arc<Database>) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = database;
    }
}

/// What making rows anew needs to know.
#[derive(Debug)]
pub(in crate::store) struct Renewal {
    pub(in crate::store) disk: Arc<dyn Disk>,
    pub(in crate::store) dir: PathBuf,
    pub(in crate::store) fold: Fold,
    pub(in crate::store) cache_bytes: usize,
    pub(in crate::store) reserve_bytes: u64,
    /// One at a time. Held from the first step to the last.
    pub(in crate::store) turn: Mutex<()>,
}

impl Renewal {
    /// Folds the whole journal into a new file and has the write thread put it in the place of the rows in use; gives the
    /// number of operations. `progress` hears of those folded, and how many there were at the beginning.
    pub(in crate::store) fn run(
        &self,
        journal: &JournalReader,
        current: &Arc<Current>,
        writer: &Writer,
        progress: &mut dyn FnMut(u64, u64),
    ) -> Result<u64, StoreError> {
        let _turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        self.demand_space()?;
        let path = self.dir.join(UNFINISHED);
        self.forget(&path)?;
        let outcome = self.fold_beside(&path, journal, current, writer, progress);
        if outcome.is_err() {
            // What is left of it is in nobody's way.
            drop(self.forget(&path));
        }
        outcome
    }

    fn demand_space(&self) -> Result<(), StoreError> {
        let rows_bytes = self.disk.len(&self.dir.join(VIEWS))?.unwrap_or(0);
        let needed = rows_bytes.saturating_add(self.reserve_bytes);
        if self.disk.free_bytes(&self.dir)? < needed {
            return Err(StoreError::Full);
        }
        Ok(())
    }

    fn forget(&self, path: &Path) -> Result<(), StoreError> {
        if self.disk.len(path)?.is_some() {
            self.disk.remove(path)?;
        }
        Ok(())
    }

    fn fold_beside(
        &self,
        path: &Path,
        journal: &JournalReader,
        current: &Arc<Current>,
        writer: &Writer,
        progress: &mut dyn FnMut(u64, u64),
    ) -> Result<u64, StoreError> {
        let total = operations(&current.snapshot()?)?;
        let mut folding = Folding {
            database: Database::open(self.disk.as_ref(), path, self.cache_bytes)?,
            logs: unknown_logs()?,
            fold: self.fold,
            reached: Position::START,
            folded: 0,
        };
        for _ in 0..ROUNDS_MAX {
            folding.go_on(journal, &mut |folded| progress(folded, total))?;
            // Most of it becomes durable here, so that the write thread waits for little.
            folding.database.checkpoint()?;
            let (reached, end) = (folding.reached, journal.end());
            let near = reached.segment() == end.segment();
            if near && end.offset() - reached.offset() <= REST_BYTES_MAX {
                break;
            }
        }
        let (path, journal, current) = (path.to_path_buf(), journal.clone(), Arc::clone(current));
        let (answer, answered) = sync_channel(1);
        writer.run_between_groups(move |thread| {
            drop(answer.send(put_in_place(thread, folding, &path, &journal, &current)));
        })?;
        answered.recv().unwrap_or(Err(StoreError::Stopped))
    }
}

/// Nobody writes here, so whose logs are its own makes no difference.
fn unknown_logs() -> Result<Logs, StoreError> {
    let identity = Identity::generate()?;
    Ok(Logs::new(&identity))
}

/// New rows on their way to the end of the journal.
struct Folding {
    database: Database,
    logs: Logs,
    fold: Fold,
    reached: Position,
    folded: u64,
}

impl Folding {
    fn go_on(&mut self, journal: &JournalReader, progress: &mut dyn FnMut(u64)) -> Result<(), StoreError> {
        let (before, end) = (self.folded, journal.end());
        let mut pause = |folded| {
            progress(before + folded);
            Ok(())
        };
        let range = (self.reached, end);
        self.folded += replay::replay(
            journal,
            range,
            &self.database,
            &mut self.logs,
            self.fold,
            &mut pause,
        )?;
        self.reached = end;
        Ok(())
    }
}

/// On the write thread: folds the rest, makes the new rows durable, and gives them the name of the old ones.
fn put_in_place(
    thread: &mut WriteThread,
    mut folding: Folding,
    path: &Path,
    journal: &JournalReader,
    current: &Current,
) -> Result<u64, StoreError> {
    folding.go_on(journal, &mut |_| {})?;
    if folding.folded == 0 {
        replay::start(&folding.database, folding.fold, folding.reached)?;
    }
    folding.database.checkpoint()?;
    thread.disk.rename(path, &thread.dir.join(VIEWS))?;
    // Whichever of the two has the name after a power loss, it says itself how far it reaches.
    let named = thread.disk.sync_dir(&thread.dir);
    folding.database.succeed(&thread.database);
    let database = Arc::new(folding.database);
    thread.database = Arc::clone(&database);
    database.change_all();
    current.replace(Arc::clone(&database));
    database.change_all();
    named?;
    Ok(folding.folded)
}
