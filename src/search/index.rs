//! The index itself. One follower writes (`apply`, `commit` on a short timer, `checkpoint` now and then); any number of
//! threads search. Whatever goes wrong makes it *suspect*: the follower sees that in `health`, calls `recover`, and goes
//! on from `position`, which is 0 after a damaged index was put aside.

use std::collections::HashSet;
use std::fs;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::Duration;

use tantivy::indexer::IndexWriterOptions;
use tantivy::indexer::{LogMergePolicy, NoMergePolicy};
use tantivy::query::TermQuery;
use tantivy::schema::IndexRecordOption;
use tantivy::{Directory, IndexReader, IndexSettings, IndexWriter, ReloadPolicy, Searcher, TantivyError};

use crate::domain::id::RecordId;
use crate::search::document::{DocChange, SearchDoc};
use crate::search::schema::{Fields, Stems, VERSION, id_term, register, schema, tantivy_document};
use crate::search::shelf::{Shelf, replace};
use crate::search::trust::Trust;

/// The least memory that the indexing thread can do with.
pub const HEAP_BYTES_MIN: usize = 15_000_000;
/// A segment with a larger share of dead documents is merged.
const DEAD_SHARE_MAX: f32 = 0.3;
/// How often at most a segment that is being merged is looked at again.
const FORGETS_MAX: usize = 2_000;
/// Between two such looks.
const FORGET_PAUSE: Duration = Duration::from_millis(10);
const STORE_CACHE_BLOCKS: usize = 16;
/// How the names of files begin that are made to see whether the disk takes them.
pub const PROBE: &str = "blotter-probe";
/// The size of one: a full disk may still have room for a few bytes.
const PROBE_BYTES: usize = 64 << 10;
/// The files without which a folder is no index.
const ESSENTIAL: [&str; 2] = ["meta.json", ".managed.json"];

/// What the index may use.
#[derive(Debug, Clone)]
pub struct Options {
    /// Memory for documents that are not committed yet; at least [`HEAP_BYTES_MIN`].
    pub heap_bytes: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            heap_bytes: HEAP_BYTES_MIN,
        }
    }
}

/// Whether the index can be relied on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Health {
    /// Nothing is known to be wrong.
    Sound,
    /// Something failed; `recover` finds out whether the files are damaged.
    Suspect,
}

/// Why the index can't do what was asked. None of them concerns the records themselves.
#[derive(Debug, thiserror::Error)]
pub enum IndexError {
    /// The folder itself can't be used.
    #[error("using the index folder: {0}")]
    Io(#[from] io::Error),
    /// tantivy refused or panicked; the index is suspect now.
    #[error("the index failed: {0}")]
    Failed(String),
    /// The cursor is not one of this query.
    #[error("the cursor does not belong to this query")]
    BadCursor,
}

impl From<TantivyError> for IndexError {
    fn from(error: TantivyError) -> Self {
        Self::Failed(error.to_string())
    }
}

/// A full-text index in a folder of its own.
pub struct Index {
    folder: PathBuf,
    options: Options,
    /// What searches use. Locked to clone or replace the pointer only.
    reading: RwLock<Arc<Reading>>,
    /// What the follower uses; empty while it recovers, and while the folder can't be written. Held for a whole batch or commit.
    writing: Mutex<Option<Writing>>,
    suspect: AtomicBool,
    position: AtomicU64,
}

impl std::fmt::Debug for Index {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Index({})", self.folder.display())
    }
}

/// The committed index as searches see it.
pub(super) struct Reading {
    index: tantivy::Index,
    reader: IndexReader,
    pub(super) fields: Fields,
}

struct Writing {
    writer: IndexWriter,
    shelf: Shelf,
    stems: Stems,
    trust: Trust,
    /// Added since the last commit: they must be deleted before they are added again.
    added: HashSet<RecordId>,
    position: u64,
    changed: bool,
}

struct Opened {
    reading: Reading,
    writing: Writing,
}

impl Index {
    /// Opens the index in `folder`. A damaged or foreign index is put aside (`<folder>.damaged`, one is kept) and an
    /// empty one is begun at position 0. If the folder can't be written (the disk is full, or read-only), what is there is
    /// searched as it is, and the index is suspect until `recover` succeeds.
    pub fn open(folder: &Path, options: Options) -> Result<Self, IndexError> {
        let (reading, writing, position) = match open_or_begin(folder, &options, false) {
            Ok(Opened { reading, writing }) => {
                let position = writing.position;
                (reading, Some(writing), position)
            }
            Err(reason) => {
                tracing::error!(%reason, "the search index can't be written; searches see what it held");
                let (reading, position) =
                    checked(|| open_to_read(folder)).or_else(|_| Ok::<_, IndexError>((empty()?, 0)))?;
                (reading, None, position)
            }
        };
        Ok(Self {
            folder: folder.to_owned(),
            options,
            reading: RwLock::new(Arc::new(reading)),
            suspect: AtomicBool::new(writing.is_none()),
            writing: Mutex::new(writing),
            position: AtomicU64::new(position),
        })
    }

    /// Takes changes in their order; `position` is how far the follower has come with them. They are found after `commit`.
    pub fn apply(&self, changes: Vec<DocChange>, position: u64) -> Result<(), IndexError> {
        let reading = self.reading();
        self.write(|writing| {
            for change in changes {
                writing.apply(&reading, change)?;
            }
            writing.changed |= writing.position != position;
            writing.position = position;
            Ok(())
        })
    }

    /// Makes what was applied visible to searches (not durable: see `checkpoint`). False if there was nothing.
    pub fn commit(&self) -> Result<bool, IndexError> {
        let reading = self.reading();
        let committed = self.write(|writing| writing.commit(&reading))?;
        if let Some(position) = committed {
            self.position.store(position, Ordering::Release);
        }
        Ok(committed.is_some())
    }

    /// Makes everything committed durable: after a power cut the index is as it is now, or checked or rebuilt.
    pub fn checkpoint(&self) -> Result<(), IndexError> {
        self.write(|writing| {
            writing.shelf.sync()?;
            Ok(writing.trust.note_synced()?)
        })
    }

    /// The position that searches see.
    pub fn position(&self) -> u64 {
        self.position.load(Ordering::Acquire)
    }

    /// How many documents searches see.
    pub fn documents(&self) -> u64 {
        self.reading().searcher().num_docs()
    }

    /// Whether the follower must call `recover`.
    pub fn health(&self) -> Health {
        if self.suspect.load(Ordering::Acquire) {
            Health::Suspect
        } else {
            Health::Sound
        }
    }

    /// Reads every file and compares its checksum: once after each start, on a thread of its own, and now and then
    /// later. Segments are merged only after it, so that damage is never copied into new files.
    pub fn verify(&self) -> Result<Health, IndexError> {
        let reading = self.reading();
        let whole = checked(|| Ok(is_whole(&reading.index)?)).unwrap_or(false);
        if !whole {
            self.suspect.store(true, Ordering::Release);
            return Ok(Health::Suspect);
        }
        self.write(|writing| {
            writing.writer.set_merge_policy(Box::new(merge_policy()));
            Ok(writing.trust.note_checked()?)
        })?;
        Ok(self.health())
    }

    /// Opens the index anew after a failure, with every file checked; damaged, it is put aside and an empty one begun.
    /// What was applied and not committed is gone: the follower goes on from the position returned.
    pub fn recover(&self) -> Result<u64, IndexError> {
        let mut writing = self.lock_writing();
        end_threads(writing.take());
        let opened = open_or_begin(&self.folder, &self.options, true)?;
        let position = opened.writing.position;
        *self.reading.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(opened.reading);
        *writing = Some(opened.writing);
        self.position.store(position, Ordering::Release);
        self.suspect.store(false, Ordering::Release);
        Ok(position)
    }

    /// An empty index beside this one, to be filled and then given to [`Index::give_way_to`].
    ///
    /// # Errors
    /// The folder can't be made.
    pub fn begin_beside(&self) -> Result<Self, IndexError> {
        let folder = beside(&self.folder, "anew");
        remove_if_there(&folder)?;
        Self::open(&folder, self.options.clone())
    }

    /// Puts the files of an index that was made beside this one in the place of its own. Searches go on in what they see
    /// until the follower, to whom this index is suspect now, has opened them.
    ///
    /// # Errors
    /// The folders can't be renamed; what is missing then is made anew by `recover`.
    pub fn give_way_to(&self, made: Self) -> Result<(), IndexError> {
        let mut writing = self.lock_writing();
        let (new, old) = (made.folder.clone(), beside(&self.folder, "old"));
        for ended in [writing.take(), made.lock_writing().take()] {
            end_threads(ended);
        }
        drop(made);
        self.suspect.store(true, Ordering::Release);
        remove_if_there(&old)?;
        fs::rename(&self.folder, &old)?;
        fs::rename(&new, &self.folder)?;
        Ok(remove_if_there(&old)?)
    }

    /// Removes what deleted documents have left in the files, and an index that was put aside: after a court's order.
    pub fn purge(&self) -> Result<(), IndexError> {
        let reading = self.reading();
        self.write(|writing| {
            writing.commit(&reading)?;
            forget_deleted(writing, &reading)?;
            reading.reader.reload()?;
            writing.writer.garbage_collect_files().wait()?;
            Ok(remove_if_there(&aside(&self.folder))?)
        })
    }

    /// What searches use now.
    pub(super) fn reading(&self) -> Arc<Reading> {
        Arc::clone(&self.reading.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Runs a search; a failure or panic in it makes the index suspect and nothing else.
    pub(super) fn guarded<T>(
        &self,
        search: impl FnOnce(&Reading) -> Result<T, IndexError>,
    ) -> Result<T, IndexError> {
        let reading = self.reading();
        let outcome = checked(|| search(&reading));
        if matches!(outcome, Err(IndexError::Failed(_) | IndexError::Io(_))) {
            self.suspect.store(true, Ordering::Release);
        }
        outcome
    }

    fn write<T>(&self, work: impl FnOnce(&mut Writing) -> Result<T, IndexError>) -> Result<T, IndexError> {
        let mut guard = self.lock_writing();
        let writing = guard
            .as_mut()
            .ok_or_else(|| IndexError::Failed("it is not open".to_owned()))?;
        let outcome = checked(|| work(writing));
        if outcome.is_err() {
            self.suspect.store(true, Ordering::Release);
        }
        outcome
    }

    fn lock_writing(&self) -> MutexGuard<'_, Option<Writing>> {
        self.writing.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Reading {
    pub(super) fn searcher(&self) -> Searcher {
        self.reader.searcher()
    }

    fn holds(&self, id: RecordId) -> Result<bool, TantivyError> {
        let term = id_term(&self.fields, id);
        let searcher = self.searcher();
        for segment in searcher.segment_readers() {
            if segment
                .inverted_index(self.fields.id)?
                .get_term_info(&term)?
                .is_some()
            {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

impl Writing {
    fn apply(&mut self, reading: &Reading, change: DocChange) -> Result<(), IndexError> {
        let (id, doc) = match change {
            DocChange::Upsert(doc) => (doc.id, Some(doc)),
            DocChange::Delete(id) => (id, None),
            DocChange::Also(doc) => return self.add(reading, &doc),
        };
        // A delete costs a look into every segment at each commit, so only what may be there is deleted.
        if self.added.contains(&id) || reading.holds(id)? {
            let query = TermQuery::new(id_term(&reading.fields, id), IndexRecordOption::Basic);
            self.writer.delete_query(Box::new(query))?;
        }
        self.changed = true;
        doc.map_or(Ok(()), |doc| self.add(reading, &doc))
    }

    fn add(&mut self, reading: &Reading, doc: &SearchDoc) -> Result<(), IndexError> {
        self.writer
            .add_document(tantivy_document(doc, &reading.fields, &mut self.stems))?;
        self.added.insert(doc.id);
        self.changed = true;
        Ok(())
    }

    fn commit(&mut self, reading: &Reading) -> Result<Option<u64>, IndexError> {
        if !self.changed {
            return Ok(None);
        }
        let mut prepared = self.writer.prepare_commit()?;
        prepared.set_payload(&format!("{VERSION} {}", self.position));
        prepared.commit()?;
        reading.reader.reload()?;
        self.added.clear();
        self.changed = false;
        Ok(Some(self.position))
    }
}

fn open_or_begin(folder: &Path, options: &Options, check: bool) -> Result<Opened, IndexError> {
    fs::create_dir_all(folder)?;
    // A full or read-only disk is no damage: what is there is kept.
    probe(folder)?;
    match checked(|| open(folder, options, check)) {
        Ok(opened) => Ok(opened),
        Err(reason) => {
            tracing::warn!(%reason, "the search index is put aside and will be rebuilt");
            let aside = aside(folder);
            remove_if_there(&aside)?;
            fs::rename(folder, &aside)?;
            fs::create_dir_all(folder)?;
            checked(|| open(folder, options, false))
        }
    }
}

fn open(folder: &Path, options: &Options, check: bool) -> Result<Opened, IndexError> {
    let is_new =
        !fs::read_dir(folder)?.any(|entry| entry.map_or(true, |entry| !is_probe(&entry.file_name())));
    let (schema, fields) = schema();
    let (mut trust, usable) = Trust::read(folder);
    let shelf = Shelf::open(folder).map_err(TantivyError::from)?;
    let index = if is_new {
        tantivy::Index::create(shelf.clone(), schema, IndexSettings::default())?
    } else {
        for file in ESSENTIAL {
            fs::metadata(folder.join(file))?;
        }
        let index = tantivy::Index::open(shelf.clone())?;
        if index.schema() != schema {
            return Err(IndexError::Failed("it has other fields".to_owned()));
        }
        index
    };
    let check = check || !usable;
    if check && !is_new && !is_whole(&index)? {
        return Err(IndexError::Failed("a checksum is wrong".to_owned()));
    }
    register(&index);
    let position = position(&index)?;
    let threads = IndexWriterOptions::builder()
        .memory_budget_per_thread(options.heap_bytes.max(HEAP_BYTES_MIN))
        .num_worker_threads(1)
        .num_merge_threads(1)
        .build();
    let writer = index.writer_with_options(threads)?;
    if is_new || check {
        writer.set_merge_policy(Box::new(merge_policy()));
        trust.note_checked()?;
    } else {
        writer.set_merge_policy(Box::new(NoMergePolicy));
        trust.begin()?;
    }
    let reading = reading(index, fields)?;
    let writing = Writing {
        writer,
        shelf,
        stems: Stems::new(),
        trust,
        added: HashSet::new(),
        position,
        changed: false,
    };
    Ok(Opened { reading, writing })
}

fn reading(index: tantivy::Index, fields: Fields) -> Result<Reading, IndexError> {
    let reader = index.reader_builder().reload_policy(ReloadPolicy::Manual);
    let reader = reader.doc_store_cache_num_blocks(STORE_CACHE_BLOCKS).try_into()?;
    Ok(Reading {
        index,
        reader,
        fields,
    })
}

/// What a folder that can't be written holds, with its position.
fn open_to_read(folder: &Path) -> Result<(Reading, u64), IndexError> {
    let (schema, fields) = schema();
    let index = tantivy::Index::open(Shelf::open(folder).map_err(TantivyError::from)?)?;
    if index.schema() != schema || !is_whole(&index)? {
        return Err(IndexError::Failed("it can't be used".to_owned()));
    }
    let position = position(&index)?;
    Ok((reading(index, fields)?, position))
}

/// An index of nothing.
fn empty() -> Result<Reading, IndexError> {
    let (schema, fields) = schema();
    reading(tantivy::Index::create_in_ram(schema), fields)
}

/// The position in the last commit's payload; 0 in an index that was never committed.
fn position(index: &tantivy::Index) -> Result<u64, IndexError> {
    let metas = index.load_metas()?;
    let Some(payload) = metas.payload else {
        let empty = metas.segments.is_empty();
        return empty
            .then_some(0)
            .ok_or_else(|| IndexError::Failed("it has no position".to_owned()));
    };
    match payload
        .split_once(' ')
        .map(|(version, position)| (version.parse::<u32>(), position.parse()))
    {
        Some((Ok(VERSION), Ok(position))) => Ok(position),
        _ => Err(IndexError::Failed("it is of another version".to_owned())),
    }
}

/// Whether every file of the index is there and has its checksum.
fn is_whole(index: &tantivy::Index) -> Result<bool, TantivyError> {
    for meta in index.searchable_segment_metas()? {
        let segment = index.segment(meta);
        // Opening it names the files that `validate_checksum` passes over when they are gone.
        tantivy::SegmentReader::open(&segment)?;
    }
    for file in ESSENTIAL {
        index.directory().atomic_read(Path::new(file))?;
    }
    Ok(index.validate_checksum()?.is_empty())
}

/// Writes those segments anew that hold deleted documents. One that is being merged of its own accord can't be merged once
/// more: what comes of that is looked at again.
fn forget_deleted(writing: &mut Writing, reading: &Reading) -> Result<(), IndexError> {
    for _ in 0..FORGETS_MAX {
        let segments = reading.index.searchable_segment_metas()?;
        let Some(segment) = segments.iter().find(|segment| segment.has_deletes()) else {
            return Ok(());
        };
        match writing.writer.merge(&[segment.id()]).wait() {
            Err(TantivyError::InvalidArgument(_)) => std::thread::sleep(FORGET_PAUSE),
            outcome => drop(outcome?),
        }
    }
    Err(IndexError::Failed(
        "deleted documents stay in the files".to_owned(),
    ))
}

fn merge_policy() -> LogMergePolicy {
    let mut policy = LogMergePolicy::default();
    policy.set_del_docs_ratio_before_merge(DEAD_SHARE_MAX);
    policy
}

/// Turns a panic in tantivy, which is how it meets some kinds of damage, into an error.
fn checked<T>(work: impl FnOnce() -> Result<T, IndexError>) -> Result<T, IndexError> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|panic| Err(IndexError::Failed(panic_text(&*panic))))
}

fn panic_text(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    let text = text.or_else(|| panic.downcast_ref::<String>().cloned());
    format!("panic: {}", text.unwrap_or_else(|| "without a text".to_owned()))
}

fn probe(folder: &Path) -> io::Result<()> {
    replace(&folder.join(PROBE), &[0; PROBE_BYTES])?;
    fs::remove_file(folder.join(PROBE))
}

/// A probe that failed leaves a part of it.
fn is_probe(name: &std::ffi::OsStr) -> bool {
    name.to_str().is_some_and(|name| name.starts_with(PROBE))
}

/// Where a damaged index is kept.
fn aside(folder: &Path) -> PathBuf {
    beside(folder, "damaged")
}

fn beside(folder: &Path, ending: &str) -> PathBuf {
    let mut name = folder.as_os_str().to_owned();
    name.push(".");
    name.push(ending);
    PathBuf::from(name)
}

/// A merge that still runs would write into the folder of whoever comes next.
fn end_threads(writing: Option<Writing>) {
    let Some(old) = writing else { return };
    if let Err(panic) = catch_unwind(AssertUnwindSafe(|| old.writer.wait_merging_threads())) {
        tracing::warn!(reason = panic_text(&*panic), "the index's threads ended badly");
    }
}

fn remove_if_there(folder: &Path) -> io::Result<()> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}
