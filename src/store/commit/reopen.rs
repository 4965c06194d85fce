//! From a data folder to rows that reach as far as its journal. Rows can always be made again, so no fault of theirs keeps a
//! node from starting: damaged ones are put aside, and on a full disk they live in memory until there is space.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::Arc;

use redb::Durability;

use crate::store::commit::logs::{Logs, decode_seal};
use crate::store::commit::replay;
use crate::store::database::{Database, Rows};
use crate::store::disk::Disk;
use crate::store::error::StoreError;
use crate::store::identity::Identity;
use crate::store::journal::{Journal, JournalOptions, Position, Recovered};
use crate::store::note::NoteError;
use crate::store::note::checkpoint::verify;
use crate::store::note::key::{Algorithm, VerifierKey};
use crate::store::session::Fold;

/// The file of the views inside the data folder.
pub(in crate::store) const VIEWS: &str = "views.redb";
/// A long replay is made durable after so many operations.
const REPLAY_CHECKPOINT_OPERATIONS: u64 = 100_000;

/// What opening needs to know.
#[derive(Clone, Copy)]
pub(in crate::store) struct Reopening<'a> {
    pub(in crate::store) disk: &'a Arc<dyn Disk>,
    pub(in crate::store) dir: &'a Path,
    pub(in crate::store) identity: &'a Identity,
    pub(in crate::store) fold: Fold,
    pub(in crate::store) journal: JournalOptions,
    pub(in crate::store) cache_bytes: usize,
    /// Rows are made durable only while so much is free, so that what they need then is there.
    pub(in crate::store) reserve_bytes: u64,
}

/// An open journal, and rows that reach its end.
pub(in crate::store) struct Reopened {
    pub(in crate::store) journal: Journal,
    pub(in crate::store) recovered: Recovered,
    pub(in crate::store) logs: Logs,
    pub(in crate::store) database: Database,
    pub(in crate::store) replayed: u64,
    pub(in crate::store) rebuilt: bool,
}

/// Rows, how far they reach, and whether they are new.
struct Found {
    database: Database,
    reached: Option<Position>,
    lasting: bool,
}

impl Reopening<'_> {
    pub(in crate::store) fn reopen(self) -> Result<Reopened, StoreError> {
        let found = self.find_rows()?;
        let known = found.reached;
        // A journal that ends before its rows has lost what was acknowledged: that is never put right by forgetting the rows.
        let (journal, recovered) = self.open_journal(known)?;
        self.refuse_foreign_key(&journal)?;
        let fault = match guarded(|| self.fold(&journal, found)) {
            Ok((database, logs, replayed)) => {
                return Ok(Reopened {
                    journal,
                    recovered,
                    logs,
                    database,
                    replayed,
                    rebuilt: known.is_none() && replayed > 0,
                });
            }
            Err(error) => error,
        };
        drop(journal);
        let found = match fault {
            StoreError::Damaged(_) if known.is_some() => {
                tracing::warn!(error = %fault, "the views can't be brought up to date; they are put aside and folded again");
                set_aside(self.disk.as_ref(), self.dir, self.reserve_bytes)?;
                self.new_rows()?
            }
            StoreError::Full => self.rows_in_memory()?,
            _ => return Err(fault),
        };
        // All of the journal is read now, so all of it is verified.
        let (journal, _) = self.open_journal(None)?;
        let (database, logs, replayed) = self.fold(&journal, found)?;
        Ok(Reopened {
            journal,
            recovered,
            logs,
            database,
            replayed,
            rebuilt: true,
        })
    }

    fn open_journal(self, known: Option<Position>) -> Result<(Journal, Recovered), StoreError> {
        let dir = self.dir.join("journal");
        Ok(Journal::open(Arc::clone(self.disk), &dir, self.journal, known)?)
    }

    /// The key must be the one by which the log was begun: what another one signed would be nobody's log. Damage is passed
    /// over here; whoever folds the group finds it.
    fn refuse_foreign_key(self, journal: &Journal) -> Result<(), StoreError> {
        let Some(Ok(group)) = journal.reader().scan(Position::START).next() else {
            return Ok(());
        };
        let public = self.identity.public();
        let notes = decode_seal(&group.seal).unwrap_or_default();
        match notes.iter().any(|note| is_foreign(note, &public)) {
            true => Err(StoreError::Damaged(
                "node.key is another node's: the log was signed with another key; put back the one of a backup".into(),
            )),
            false => Ok(()),
        }
    }

    /// The rows in the folder, or new ones.
    fn find_rows(self) -> Result<Found, StoreError> {
        let path = self.dir.join(VIEWS);
        if self
            .disk
            .len(&path)
            .map_err(|error| StoreError::from(error).at(&path))?
            .is_none()
        {
            return self.new_rows();
        }
        let opened = guarded(|| {
            let database = Database::open(self.disk.as_ref(), &path, self.cache_bytes)?;
            let reached = replay::reached(&database.snapshot()?, self.fold)?;
            Ok((database, reached))
        });
        match opened {
            Ok((database, Some(position))) => {
                return Ok(Found {
                    database,
                    reached: Some(position),
                    lasting: true,
                });
            }
            Ok((_, None)) => tracing::info!("the views are of other rules and are folded again"),
            Err(error @ StoreError::Damaged(_)) => {
                tracing::warn!(%error, "the views are put aside and folded again");
            }
            Err(StoreError::Full) => return self.rows_in_memory(),
            Err(error) => return Err(error.at(&path)),
        }
        set_aside(self.disk.as_ref(), self.dir, self.reserve_bytes)?;
        self.new_rows()
    }

    fn new_rows(self) -> Result<Found, StoreError> {
        match Database::open(self.disk.as_ref(), &self.dir.join(VIEWS), self.cache_bytes) {
            Ok(database) => Ok(Found {
                database,
                reached: None,
                lasting: true,
            }),
            Err(StoreError::Full) => self.rows_in_memory(),
            Err(error) => Err(error),
        }
    }

    fn rows_in_memory(self) -> Result<Found, StoreError> {
        tracing::warn!("the disk is full: until the next start the views live in memory");
        Ok(Found {
            database: Database::in_memory(self.cache_bytes)?,
            reached: None,
            lasting: false,
        })
    }

    /// Folds what the rows lack.
    fn fold(self, journal: &Journal, found: Found) -> Result<(Database, Logs, u64), StoreError> {
        let database = found.database;
        let mut logs = {
            let transaction = database.begin(Durability::None)?;
            Logs::open(self.identity, &Rows::open(&transaction)?, boot_id())?
        };
        let range = (found.reached.unwrap_or(Position::START), journal.end());
        let mut durable = 0;
        let mut pause = |operations: u64| {
            if operations - durable >= REPLAY_CHECKPOINT_OPERATIONS && self.has_space() {
                durable = operations;
                database.checkpoint()?;
            }
            Ok(())
        };
        let reader = journal.reader();
        let replayed = replay::replay(&reader, range, &database, &mut logs, self.fold, &mut pause)?;
        if found.reached.is_none() {
            replay::start(&database, self.fold, range.1)?;
        }
        if found.lasting && (replayed > 0 || found.reached.is_none()) && self.has_space() {
            database.checkpoint()?;
        }
        Ok((database, logs, replayed))
    }

    fn has_space(self) -> bool {
        let free = self.disk.free_bytes(self.dir);
        free.is_ok_and(|free| free >= self.reserve_bytes)
    }
}

/// Whether a head bears no signature of this key.
fn is_foreign(note: &str, public: &[u8; 32]) -> bool {
    let Some(Ok(origin)) = note.lines().next().map(str::parse) else {
        return false;
    };
    VerifierKey::new(origin, Algorithm::Ed25519, public)
        .is_ok_and(|key| verify(note, &[key]) == Err(NoteError::Unsigned))
}

/// redb asserts what it reads; a panic over a damaged file is damage.
fn guarded<T>(step: impl FnOnce() -> Result<T, StoreError>) -> Result<T, StoreError> {
    catch_unwind(AssertUnwindSafe(step))
        .unwrap_or_else(|_| Err(StoreError::Damaged("reading the views panicked".into())))
}

/// Gives the rows another name, so that the next start makes new ones. What was put aside before goes; where there is no
/// space for both, the rows themselves go.
pub(in crate::store) fn set_aside(disk: &dyn Disk, dir: &Path, reserve_bytes: u64) -> Result<(), StoreError> {
    let path = dir.join(VIEWS);
    let aside = path.with_extension("aside");
    let needed = disk.len(&path)?.unwrap_or(0).saturating_add(reserve_bytes);
    if disk.free_bytes(dir).is_ok_and(|free| free >= needed) {
        disk.rename(&path, &aside)?;
    } else {
        disk.remove(&path)?;
        remove_put_aside(disk, dir)?;
    }
    Ok(disk.sync_dir(dir)?)
}

/// Removes rows that were put aside.
pub(in crate::store) fn remove_put_aside(disk: &dyn Disk, dir: &Path) -> Result<(), StoreError> {
    let aside = dir.join(VIEWS).with_extension("aside");
    if disk.len(&aside)?.is_some() {
        disk.remove(&aside)?;
        disk.sync_dir(dir)?;
    }
    Ok(())
}

/// Which boot of the machine this is; zeroes where the system does not say.
fn boot_id() -> [u8; 16] {
    let text = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
    uuid::Uuid::try_parse(text.trim()).map_or([0; 16], uuid::Uuid::into_bytes)
}
