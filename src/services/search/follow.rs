//! The follower of the log that keeps the search index. It has a position and one `catch_up`, at start, after damage and in
//! flight; its thread owns both. What was written can be found a short time later; nothing here is needed for durability.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crate::domain::id::RecordId;
use crate::domain::kind::{self, CASE, ERASURE};
use crate::domain::record::Record;
use crate::domain::value::Value;
use crate::search::document::DocChange;
use crate::search::index::{Health, Index, IndexError};
use crate::services::search::document::{documents, found_as};
use crate::store::codec::decode_header;
use crate::store::database::Read;
use crate::store::error::StoreError;
use crate::store::handle::Store;
use crate::store::journal::{Group, Position};
use crate::views::local::AUDIT_ENTRY;
use crate::views::{erasures, records};

/// Records made into documents between two looks at the clock.
const RECORDS_PER_STEP: usize = 2_000;
/// How long the thread sleeps at most when nothing happens.
const WAIT_MAX: Duration = Duration::from_millis(250);
/// How long a stop lets the index catch up, so that it ends in time after an import too; the next start does the rest.
const STOP_WITHIN: Duration = Duration::from_secs(3);
/// Between two tries after a failure: at first, and at most, since each reads the whole index.
const PAUSE_MIN: Duration = Duration::from_millis(500);
const PAUSE_MAX: Duration = Duration::from_secs(30);

/// The follower's pace.
#[derive(Clone, Copy, Debug)]
pub struct FollowOptions {
    /// From the first change that searches don't see until they see it.
    pub commit_within: Duration,
    /// Between two moments at which the index is made durable.
    pub checkpoint_every: Duration,
}

impl Default for FollowOptions {
    fn default() -> Self {
        Self {
            commit_within: Duration::from_millis(200),
            checkpoint_every: Duration::from_secs(30),
        }
    }
}

/// Why the index could not follow.
#[derive(Debug, thiserror::Error)]
pub enum FollowError {
    /// The log or the views.
    #[error("reading the log: {0}")]
    Store(#[from] StoreError),
    /// The index.
    #[error("{0}")]
    Index(#[from] IndexError),
}

/// How far searches see. Clones are the same gauge.
#[derive(Clone, Debug)]
pub struct Gauge {
    store: Arc<Store>,
    seen: Arc<Seen>,
}

#[derive(Debug)]
struct Seen {
    /// Up to where searches see, and when that was last the end. Held for the moment of a read or a write.
    state: Mutex<(Position, Instant)>,
    moved: Condvar,
    /// Why it went no further when it was tried last.
    failing: Mutex<Option<String>>,
}

impl Gauge {
    fn new(store: Arc<Store>) -> Self {
        let state = Mutex::new((Position::START, Instant::now()));
        let moved = Condvar::new();
        Self {
            store,
            seen: Arc::new(Seen {
                state,
                moved,
                failing: Mutex::default(),
            }),
        }
    }

    /// Age of the oldest change that searches don't see: a millisecond at least, for it is told in those, and none means that
    /// they see everything.
    pub fn lag(&self) -> Duration {
        let (seen, since) = *self.state();
        if seen >= self.store.end() {
            Duration::ZERO
        } else {
            since.elapsed().max(Duration::from_millis(1))
        }
    }

    /// Waits until searches see everything that is durable now; false if that took too long.
    pub fn wait(&self, limit: Duration) -> bool {
        let wanted = self.store.end();
        let waited = self
            .seen
            .moved
            .wait_timeout_while(self.state(), limit, |(seen, _)| *seen < wanted);
        let (state, _) = waited.unwrap_or_else(PoisonError::into_inner);
        state.0 >= wanted
    }

    /// Why searches see no further, if the last try failed.
    pub fn failing(&self) -> Option<String> {
        self.failure().clone()
    }

    fn failure(&self) -> MutexGuard<'_, Option<String>> {
        self.seen.failing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn reached(&self, position: Position) {
        *self.failure() = None;
        *self.state() = (position, Instant::now());
        self.seen.moved.notify_all();
    }

    fn state(&self) -> MutexGuard<'_, (Position, Instant)> {
        self.seen.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Where the follower is, between two steps.
struct Following {
    store: Arc<Store>,
    index: Arc<Index>,
    gauge: Gauge,
    options: FollowOptions,
    /// Up to where changes were handed to the index.
    applied: Position,
    /// The first change handed over that searches don't see.
    waiting_since: Option<Instant>,
    checkpointed: Instant,
    /// Up to where the index was made durable by this follower.
    durable: Option<Position>,
}

impl Following {
    fn new(store: Arc<Store>, index: Arc<Index>, gauge: Gauge, options: FollowOptions) -> Self {
        let applied = Position::from_u64(index.position());
        Self {
            store,
            index,
            gauge,
            options,
            applied,
            waiting_since: None,
            checkpointed: Instant::now(),
            durable: None,
        }
    }

    /// Hands changes to the index until the end or until so many records were touched. False at the end.
    fn step(&mut self) -> Result<bool, FollowError> {
        // An index that is ahead of the log belongs to another one: a folder was put together by hand.
        if self.applied > self.store.end() {
            tracing::warn!("the search index is of another log and is made anew");
            self.applied = Position::START;
        }
        let mut touched = BTreeSet::new();
        let mut purges = false;
        let mut end = self.applied;
        // The journal may be a group ahead of the rows, from which the documents are made.
        let visible = self.store.end();
        for group in self.store.journal().scan(self.applied) {
            let group = group.map_err(StoreError::from)?;
            if group.end > visible {
                break;
            }
            purges |= note_touched(&group, &mut touched)?;
            end = group.end;
            if touched.len() >= RECORDS_PER_STEP {
                break;
            }
        }
        let more = end > self.applied;
        if !touched.is_empty() {
            // The rows may be ahead of the position: then the same change comes once more, with the same document.
            let rows = self.store.snapshot()?;
            let changes = changes(&rows, touched)?;
            if purges {
                // The position moves only when nothing of what was expunged is left, so a crash before repeats it.
                self.index.apply(changes, self.applied.to_u64())?;
                self.index.purge()?;
                self.index.apply(Vec::new(), end.to_u64())?;
            } else {
                self.index.apply(changes, end.to_u64())?;
            }
            self.waiting_since.get_or_insert_with(Instant::now);
        }
        self.applied = end;
        Ok(more)
    }

    /// Shows what was handed over.
    fn commit(&mut self) -> Result<(), FollowError> {
        self.index.commit()?;
        self.waiting_since = None;
        self.gauge.reached(self.applied);
        Ok(())
    }

    /// Takes up everything that is durable, and shows it.
    fn catch_up(&mut self) -> Result<(), FollowError> {
        while self.step()? {
            if self.is_due() {
                self.commit()?;
            }
        }
        self.commit()
    }

    fn is_due(&self) -> bool {
        self.waiting_since
            .is_some_and(|since| since.elapsed() >= self.options.commit_within)
    }

    /// One round of the thread: wait for something, take it up, show it when its time has come.
    fn round(&mut self) -> Result<(), FollowError> {
        if self.index.health() == Health::Suspect {
            self.applied = Position::from_u64(self.index.recover()?);
            self.waiting_since = None;
            self.durable = None;
        }
        let left = self.waiting_since.map_or(WAIT_MAX, |since| {
            self.options.commit_within.saturating_sub(since.elapsed())
        });
        // Never longer, or a stop would wait as long.
        self.store.wait_beyond(self.applied, left.min(WAIT_MAX));
        while self.step()? && !self.is_due() {}
        if self.waiting_since.is_none() {
            self.gauge.reached(self.applied);
        } else if self.is_due() {
            self.commit()?;
        }
        if self.checkpointed.elapsed() >= self.options.checkpoint_every {
            self.checkpoint()?;
        }
        Ok(())
    }

    /// Makes the index durable, with how far it has come: a log of mere reads moves it too.
    fn checkpoint(&mut self) -> Result<(), FollowError> {
        self.checkpointed = Instant::now();
        if self.durable == Some(self.applied) {
            return Ok(());
        }
        self.index.apply(Vec::new(), self.applied.to_u64())?;
        self.commit()?;
        self.index.checkpoint()?;
        self.durable = Some(self.applied);
        Ok(())
    }

    /// Takes up what can be taken up in the time of a stop, and makes it durable.
    fn finish(&mut self) -> Result<(), FollowError> {
        let begin = Instant::now();
        while self.step()? && begin.elapsed() < STOP_WITHIN {}
        self.checkpoint()
    }
}

/// Which records the operations of a group concern; `true` if something was expunged.
fn note_touched(group: &Group, touched: &mut BTreeSet<RecordId>) -> Result<bool, StoreError> {
    let mut purges = false;
    for entry in &group.entries {
        let header = decode_header(&entry.header)?;
        if header.kind != AUDIT_ENTRY {
            purges |= header.kind == ERASURE.name;
            touched.insert(header.record);
        }
    }
    Ok(purges)
}

/// The documents of records that were touched, and of those that are found through them.
fn changes(rows: &impl Read, touched: BTreeSet<RecordId>) -> Result<Vec<DocChange>, StoreError> {
    let mut found = BTreeSet::new();
    for id in touched {
        let Some(record) = records::get(rows, id)? else {
            continue;
        };
        found.extend(found_as(&record));
        if record.kind == ERASURE.name {
            found.extend(erasures::named(&record, "linked"));
        }
        if record.is_expunged() {
            found.insert(id);
        }
        if record.kind == CASE.name {
            add_belonging(rows, &record, &mut found)?;
        }
    }
    let mut changes = Vec::with_capacity(found.len());
    for id in found {
        let record = records::get(rows, id)?;
        let documents = record.map(|record| documents(rows, &record)).transpose()?;
        let mut documents = documents.into_iter().flatten().map(Box::new);
        changes.push(documents.next().map_or(DocChange::Delete(id), DocChange::Upsert));
        changes.extend(documents.map(DocChange::Also));
    }
    Ok(changes)
}

/// What belongs to a case is read by those who read the case, and its persons and things are found under it.
fn add_belonging(rows: &impl Read, case: &Record, found: &mut BTreeSet<RecordId>) -> Result<(), StoreError> {
    for kind in kind::KINDS.into_iter().filter(|kind| kind.name != CASE.name) {
        for field in kind.fields.iter().filter(|field| field.name == "case_id") {
            found.extend(records::linked(rows, case.id, (kind.name, field.name))?);
        }
    }
    let entities = case.members("entities").into_iter();
    found.extend(entities.filter_map(|member| member.get("entity_id").and_then(Value::as_id)));
    Ok(())
}

/// Takes up everything that is durable now, for a command that has no thread.
///
/// # Errors
/// The log or the index failed.
pub fn catch_up(store: &Arc<Store>, index: &Arc<Index>) -> Result<(), FollowError> {
    if index.health() == Health::Suspect {
        index.recover()?;
    }
    let gauge = Gauge::new(Arc::clone(store));
    Following::new(
        Arc::clone(store),
        Arc::clone(index),
        gauge,
        FollowOptions::default(),
    )
    .catch_up()
}

/// What will keep the index from taking up what it lacks: the log is read on from where it is, and nothing is written.
pub fn obstacle(store: &Store, index: &Index) -> Option<String> {
    let (from, end) = (Position::from_u64(index.position()), store.end());
    let mut groups = store.journal().scan(from.min(end));
    while groups.position() < end {
        match groups.next()? {
            Ok(_) => {}
            Err(error) => return Some(FollowError::from(StoreError::from(error)).to_string()),
        }
    }
    None
}

/// Makes the index anew beside the one in use, which then gives way to it; searches go on meanwhile. `progress` hears how far
/// into the journal it has come. The follower, or the next [`catch_up`], takes it from there.
///
/// # Errors
/// The log or the index failed; the one in use stays.
pub fn rebuild_index(
    store: &Arc<Store>,
    index: &Arc<Index>,
    progress: &mut dyn FnMut(Position),
) -> Result<(), FollowError> {
    let made = Arc::new(index.begin_beside()?);
    let gauge = Gauge::new(Arc::clone(store));
    let options = FollowOptions::default();
    let mut following = Following::new(Arc::clone(store), Arc::clone(&made), gauge, options);
    while following.step()? {
        progress(following.applied);
    }
    following.checkpoint()?;
    drop(following);
    match Arc::into_inner(made) {
        Some(made) => Ok(index.give_way_to(made)?),
        None => Err(IndexError::Failed("the new index is still in use".to_owned()).into()),
    }
}

/// Waits until nothing is known to be wrong with the index any more; false if that took too long.
pub fn wait_until_sound(index: &Index, limit: Duration) -> bool {
    const LOOK_EVERY: Duration = Duration::from_millis(20);
    let begun = Instant::now();
    while index.health() == Health::Suspect {
        if begun.elapsed() >= limit {
            return false;
        }
        std::thread::sleep(LOOK_EVERY);
    }
    true
}

/// The follower's thread.
#[derive(Debug)]
pub struct Follower {
    gauge: Gauge,
    stop: Arc<AtomicBool>,
    threads: Vec<JoinHandle<()>>,
}

impl Follower {
    /// Starts to follow.
    ///
    /// # Errors
    /// The system gives no thread.
    pub fn start(store: Arc<Store>, index: Arc<Index>, options: FollowOptions) -> std::io::Result<Self> {
        let gauge = Gauge::new(Arc::clone(&store));
        let stop = Arc::new(AtomicBool::new(false));
        let following = Following::new(store, Arc::clone(&index), gauge.clone(), options);
        let stopping = Arc::clone(&stop);
        let thread = std::thread::Builder::new().name("search".into());
        let follower = thread.spawn(move || follow(following, &stopping))?;
        let thread = std::thread::Builder::new().name("search-check".into());
        let check = thread.spawn(move || match index.verify() {
            Ok(Health::Sound) => {}
            Ok(Health::Suspect) => tracing::warn!("the search index is damaged and is made anew"),
            Err(error) => tracing::warn!(%error, "the search index could not be checked"),
        })?;
        Ok(Self {
            gauge,
            stop,
            threads: vec![follower, check],
        })
    }

    /// How far searches see.
    pub fn gauge(&self) -> Gauge {
        self.gauge.clone()
    }

    /// Lets the index see what it can in a few seconds, makes it durable, and ends the threads.
    pub fn stop(mut self) {
        self.stop.store(true, Ordering::Release);
        for thread in std::mem::take(&mut self.threads) {
            if thread.join().is_err() {
                tracing::error!("the search thread panicked; the next start makes up for it");
            }
        }
    }
}

impl Drop for Follower {
    /// One that was not stopped in order ends by itself, a moment later.
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Release);
    }
}

fn follow(mut following: Following, stop: &AtomicBool) {
    let mut pause = PAUSE_MIN;
    while !stop.load(Ordering::Acquire) {
        let Err(error) = following.round() else {
            pause = PAUSE_MIN;
            continue;
        };
        tracing::error!(%error, "the search index could not follow; trying again");
        *following.gauge.failure() = Some(error.to_string());
        following.waiting_since = None;
        following.applied = Position::from_u64(following.index.position());
        let begun = Instant::now();
        while begun.elapsed() < pause && !stop.load(Ordering::Acquire) {
            std::thread::sleep(PAUSE_MIN.min(pause) / 5);
        }
        pause = (pause * 2).min(PAUSE_MAX);
    }
    if let Err(error) = following.finish() {
        tracing::warn!(%error, "the search index is not up to date; the next start makes up for it");
    }
}
