//! Whether a store is what it claims: every log from its first operation on, its signed heads, the files that are named, and
//! that the rows are what a fold from nothing gives. It only reads, so it runs beside a live server; what it folds goes into a
//! scratch folder.

mod chain;
mod read_only;
mod rows;

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

pub use chain::LogReport;

use crate::domain::id::{Hash, RecordId};
use crate::store::blobs::Blobs;
use crate::store::commit::reopen::VIEWS;
use crate::store::database::{Database, Direction, Read, Snapshot};
use crate::store::disk::{Disk, OpenMode};
use crate::store::error::StoreError;
use crate::store::identity::Identity;
use crate::store::journal::{JournalError, JournalReader, Position};
use crate::store::session::Fold;
use crate::store::tables::Table;
use crate::store::verify::read_only::ReadOnly;

/// Faults of files that are named one by one.
const FILE_FAULTS_MAX: usize = 100;

/// What is to be verified.
#[derive(Clone, Copy, Debug)]
pub struct Source<'a> {
    /// The disk on which all of it lies.
    pub disk: &'a Arc<dyn Disk>,
    /// The data folder.
    pub dir: &'a Path,
    /// The rules of the views.
    pub fold: Fold,
    /// A folder for what is folded anew; what is made in it is removed again.
    pub scratch: &'a Path,
}

/// How far the verification is, for a bar on a terminal.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Stage {
    /// Reading the journal: where, and where it ends.
    Journal(Position, Position),
    /// Folding from nothing: so many operations.
    Fold(u64),
    /// Reading files: so many of so many.
    Files(u64, u64),
}

/// What was found.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Report {
    /// Groups of the journal.
    pub groups: u64,
    /// Each log, with its first fault if it has one.
    pub logs: Vec<LogReport>,
    /// Files that are named; all but the lost ones were read whole.
    pub files: u64,
    /// Rows compared with those of a fold from nothing; `None` where there were none to compare.
    pub rows: Option<u64>,
    /// What is wrong with the logs and the rows, each as a sentence; the first fault of each log is among them.
    pub faults: Vec<String>,
    /// Files that are named and not whole.
    pub lost: Vec<LostFile>,
}

/// A file that is named and not whole.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LostFile {
    /// Under which it should lie.
    pub hash: Hash,
    /// One that names it.
    pub record: Option<RecordId>,
    /// What is wrong, as the end of a sentence.
    pub why: String,
}

impl fmt::Display for LostFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { hash, record, why } = self;
        match record {
            Some(record) => write!(f, "file {hash}, which record {record} names, {why}"),
            None => write!(f, "file {hash} {why}"),
        }
    }
}

impl Report {
    /// Whether nothing is wrong.
    pub fn is_clean(&self) -> bool {
        self.faults.is_empty() && self.lost.is_empty()
    }

    /// Everything that is wrong, each as a sentence; of files a hundred at most.
    pub fn told(&self) -> Vec<String> {
        let files = self.lost.iter().take(FILE_FAULTS_MAX).map(LostFile::to_string);
        let further = self.lost.len().saturating_sub(FILE_FAULTS_MAX);
        let further = (further > 0).then(|| format!("{further} further files"));
        self.faults.iter().cloned().chain(files).chain(further).collect()
    }

    /// The operations of all logs.
    pub fn operations(&self) -> u64 {
        self.logs.iter().map(|log| log.operations).sum()
    }
}

/// Verifies a live store, or one that this process has open: its journal and the rows of a snapshot.
///
/// # Errors
/// The disk failed. What is wrong with the store is in the report.
pub fn verify_open(
    source: Source<'_>,
    journal: &JournalReader,
    rows: Option<&Snapshot>,
    progress: &mut dyn FnMut(Stage),
) -> Result<Report, StoreError> {
    let identity = Identity::load(source.disk.as_ref(), source.dir)?;
    let identity = identity.ok_or_else(|| StoreError::Damaged("there is no node.key".into()))?;
    let mut report = chain::verify(journal, &identity.public(), progress)?;
    source.disk.create_dir_all(source.scratch)?;
    let folded = Scratch::new(source, "verify.redb");
    match rows::verify(folded.open()?, source.fold, journal, rows, &mut report, progress) {
        Ok(database) => verify_files(source, &database.snapshot()?, &mut report, progress)?,
        // What is wrong with the log was told when it was read.
        Err(StoreError::Damaged(fault)) if report.faults.contains(&fault) => {}
        Err(StoreError::Damaged(fault)) => report.faults.push(format!("the log can't be folded: {fault}")),
        Err(error) => return Err(error),
    }
    Ok(report)
}

/// Verifies a folder that no process has open; or, without its rows, one that a live server is writing.
///
/// # Errors
/// The disk failed. What is wrong with the store is in the report.
pub fn verify_folder(
    source: Source<'_>,
    with_rows: bool,
    progress: &mut dyn FnMut(Stage),
) -> Result<Report, StoreError> {
    let reading: Arc<dyn Disk> = Arc::new(ReadOnly(Arc::clone(source.disk)));
    let journal = match JournalReader::inspect(reading, &source.dir.join("journal")) {
        Ok(journal) => journal,
        Err(JournalError::Io(error)) if error.kind() == std::io::ErrorKind::NotFound => {
            return Ok(Report {
                faults: vec![
                    "there is no journal: bring the node back from its newest backup (`blotter restore`)"
                        .into(),
                ],
                ..Report::default()
            });
        }
        Err(error) => {
            return match error.into() {
                StoreError::Damaged(fault) => Ok(Report {
                    faults: vec![fault],
                    ..Report::default()
                }),
                error => Err(error),
            };
        }
    };
    let views = source.dir.join(VIEWS);
    if !with_rows || source.disk.len(&views)?.is_none() {
        return verify_open(source, &journal, None, progress);
    }
    // Opening a database can mend it, which is not for a reader to do: a copy is opened.
    source.disk.create_dir_all(source.scratch)?;
    let copy = Scratch::new(source, "views.copy");
    copy.copy_from(&views)?;
    let opened = Database::open(source.disk.as_ref(), &copy.path, SCRATCH_CACHE_BYTES)
        .and_then(|database| Ok((database.snapshot()?, database)));
    match opened {
        Ok((rows, _open)) => verify_open(source, &journal, Some(&rows), progress),
        Err(StoreError::Damaged(fault)) => {
            let mut report = verify_open(source, &journal, None, progress)?;
            report.faults.push(format!("the views can't be read: {fault}"));
            Ok(report)
        }
        Err(error) => Err(error),
    }
}

const SCRATCH_CACHE_BYTES: usize = 64 << 20;

/// A file in the scratch folder, removed when it is done with.
struct Scratch<'a> {
    disk: &'a dyn Disk,
    path: PathBuf,
}

impl<'a> Scratch<'a> {
    fn new(source: Source<'a>, name: &str) -> Self {
        let scratch = Self {
            disk: source.disk.as_ref(),
            path: source.scratch.join(name),
        };
        drop(scratch.disk.remove(&scratch.path));
        scratch
    }

    fn open(&self) -> Result<Database, StoreError> {
        Database::open(self.disk, &self.path, SCRATCH_CACHE_BYTES)
    }

    fn copy_from(&self, from: &Path) -> Result<(), StoreError> {
        let (from, to) = (
            self.disk.open(from, OpenMode::Read)?,
            self.disk.open(&self.path, OpenMode::Create)?,
        );
        let bytes = from.len()?;
        let mut buffer = vec![0; 1 << 20];
        let mut at = 0;
        while at < bytes {
            let length = (bytes - at).min(1 << 20) as usize;
            from.read_at(at, &mut buffer[..length])?;
            to.write_at(at, &buffer[..length])?;
            at += length as u64;
        }
        Ok(())
    }
}

impl Drop for Scratch<'_> {
    fn drop(&mut self) {
        drop(self.disk.remove(&self.path));
    }
}

/// Reads every file that the rows say is named.
fn verify_files(
    source: Source<'_>,
    rows: &Snapshot,
    report: &mut Report,
    progress: &mut dyn FnMut(Stage),
) -> Result<(), StoreError> {
    let mut named: Vec<(Hash, Option<RecordId>)> = Vec::new();
    rows.scan(Table::Files, &[], &[], Direction::Up, &mut |key, _| {
        if let Some(hash) = key.first_chunk().copied().map(Hash)
            && named.last().is_none_or(|(last, _)| *last != hash)
        {
            named.push((hash, key.last_chunk().copied().map(RecordId::from_bytes)));
        }
        true
    })?;
    let blobs = Blobs::reading(Arc::clone(source.disk), &source.dir.join("files"));
    for (count, &(hash, record)) in (1..).zip(&named) {
        let why = blobs.damage(hash);
        report.lost.extend(why.map(|why| LostFile { hash, record, why }));
        progress(Stage::Files(count, named.len() as u64));
    }
    report.files = named.len() as u64;
    Ok(())
}
