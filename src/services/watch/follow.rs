//! The thread that follows the log for the watchlists. It has two places: up to where records were held against all lists, and
//! up to where lists were held against all records. Both are kept; what is done twice after a crash is found to be done.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use crate::domain::id::{RecordId, TenantId};
use crate::domain::kind::{CASE, WATCHLIST, WATCHLIST_ENTRY};
use crate::domain::operation::{Action, Operation};
use crate::domain::value::Value;
use crate::services::Services;
use crate::services::failure::{Failure, Outcome};
use crate::services::watch::lists::{Hit, Lists};
use crate::services::watch::raise::{self, Raise};
use crate::services::watch::sweep::{Cursor, Sweep};
use crate::services::watch::{SOURCE, WatchOptions, facts};
use crate::store::database::{Direction, Read, Snapshot};
use crate::store::handle::Store;
use crate::store::journal::Position;
use crate::store::kept::Kept;
use crate::views::{arrivals, records};

/// How long the thread sleeps at most when nothing happens.
const WAIT_MAX: Duration = Duration::from_millis(250);
/// How often the place is written down while it moves.
const KEEP_EVERY: Duration = Duration::from_secs(1);
/// Arrivals looked at in one step.
const ARRIVALS_PER_STEP: usize = 500;
/// Alerts written at once.
const RAISES_PER_WRITE: usize = 50;
/// After a failure.
const PAUSE: Duration = Duration::from_millis(500);

/// Fields by whose change a list or an entry looks for something else, or again.
const LOOKED_FOR: [&str; 7] = [
    "entries",
    "type",
    "value",
    "aliases",
    "dob",
    "status",
    "expires_at",
];

/// How far the follower has come, as it is kept over restarts.
#[derive(Clone, PartialEq, Eq, Default, Debug, Serialize, Deserialize)]
struct Place {
    /// Up to which arrival records were held against all lists; none before the first start.
    reached: Option<u64>,
    /// Up to which arrival lists were held against all records.
    swept: u64,
    /// The sweep under way: up to which arrival, and how far it has come.
    sweeping: Option<(u64, Cursor)>,
}

/// How far watchlists see, and how much they hold. Clones are the same gauge.
#[derive(Clone, Debug)]
pub struct Gauge {
    store: Arc<Store>,
    seen: Arc<Seen>,
}

#[derive(Debug, Default)]
struct Seen {
    /// The last arrival up to which everything is done, on both sides. Held for the moment of a read or a write.
    done: Mutex<u64>,
    moved: Condvar,
    entries: AtomicUsize,
    bytes: AtomicUsize,
    raised: AtomicU64,
}

impl Gauge {
    /// Waits until everything that has arrived by now is held against everything; false if that took too long.
    ///
    /// # Errors
    /// The disk failed.
    pub fn wait(&self, limit: Duration) -> Outcome<bool> {
        let wanted = arrivals::last(&self.store.snapshot()?)?;
        let waited = self
            .seen
            .moved
            .wait_timeout_while(self.done(), limit, |done| *done < wanted);
        let (done, _) = waited.unwrap_or_else(PoisonError::into_inner);
        Ok(*done >= wanted)
    }

    /// Arrivals that are not held against everything yet.
    ///
    /// # Errors
    /// The disk failed.
    pub fn behind(&self) -> Outcome<u64> {
        let last = arrivals::last(&self.store.snapshot()?)?;
        Ok(last.saturating_sub(*self.done()))
    }

    /// Entries that are looked for.
    pub fn entries(&self) -> usize {
        self.seen.entries.load(Ordering::Relaxed)
    }

    /// Memory that they take.
    pub fn bytes(&self) -> usize {
        self.seen.bytes.load(Ordering::Relaxed)
    }

    /// Alerts raised since the start.
    pub fn raised(&self) -> u64 {
        self.seen.raised.load(Ordering::Relaxed)
    }

    fn done(&self) -> MutexGuard<'_, u64> {
        self.seen.done.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_done(&self, up_to: u64) {
        *self.done() = up_to;
        self.seen.moved.notify_all();
    }

    fn holds(&self, lists: &Lists) {
        let (entries, bytes) = lists.size();
        self.seen.entries.store(entries, Ordering::Relaxed);
        self.seen.bytes.store(bytes, Ordering::Relaxed);
    }
}

/// What the thread owns.
struct Following {
    services: Services,
    options: WatchOptions,
    node_name: Arc<str>,
    kept: Option<Kept>,
    gauge: Gauge,
    lists: Lists,
    place: Place,
    sweep: Option<Sweep>,
    /// Lists and entries that came since the sweep under way began.
    waiting: BTreeSet<RecordId>,
}

impl Following {
    /// Loads the lists, and finds out what is left to do since the last run.
    fn begin(&mut self) -> Outcome<()> {
        let rows = self.services.snapshot()?;
        self.lists = Lists::load(&rows)?;
        self.gauge.holds(&self.lists);
        let last = arrivals::last(&rows)?;
        let known = self.place.reached.filter(|reached| *reached <= last);
        let Some(reached) = known else {
            // The first start, or the file is of another life of this folder: everything against everything, once.
            self.place = Place {
                reached: Some(last),
                ..Place::default()
            };
            return self
                .changed_between(&rows, 0, last)
                .map(|changed| self.waiting = changed);
        };
        let swept = self.place.swept;
        if let Some((upto, cursor)) = self.place.sweeping.clone() {
            let sources = self.changed_between(&rows, swept, upto)?;
            self.sweep = Some(Sweep::new(&rows, upto, &sources, cursor)?);
            self.waiting = self.changed_between(&rows, upto, reached)?;
        } else {
            self.waiting = self.changed_between(&rows, swept, reached)?;
        }
        Ok(())
    }

    /// The lists and entries that arrived after one number and up to another.
    fn changed_between(&self, rows: &Snapshot, mut after: u64, upto: u64) -> Outcome<BTreeSet<RecordId>> {
        let mut changed = BTreeSet::new();
        while after < upto {
            for (number, operation) in arrived(self.services.store(), rows, after)? {
                after = number;
                if let Some(operation) = operation.filter(|_| number <= upto) {
                    looks_for(rows, &operation, &mut changed)?;
                }
            }
        }
        Ok(changed)
    }

    /// Holds what has arrived against all lists.
    fn catch_up(&mut self) -> Outcome<()> {
        loop {
            let rows = self.services.snapshot()?;
            let reached = self.place.reached.unwrap_or(0);
            let arrived = arrived(self.services.store(), &rows, reached)?;
            let Some(last) = arrived.last().map(|(number, _)| *number) else {
                return Ok(());
            };
            let (mut touched, mut changed, mut stale) = (BTreeSet::new(), BTreeSet::new(), false);
            for (_, operation) in arrived {
                let Some(operation) = operation else { continue };
                let header = &operation.header;
                if header.kind == WATCHLIST.name || header.kind == WATCHLIST_ENTRY.name {
                    looks_for(&rows, &operation, &mut changed)?;
                    self.lists.refresh(&rows, header.record)?;
                    stale = true;
                } else if !is_own(&operation) {
                    concerned(&operation, &mut touched);
                }
            }
            if stale {
                self.gauge.holds(&self.lists);
            }
            let mut hits = Vec::new();
            let looks = !self.lists.is_empty();
            for id in touched.into_iter().filter(|_| looks) {
                self.hold(&rows, id, &mut hits)?;
            }
            self.raise(&rows, hits)?;
            self.waiting.append(&mut changed);
            self.place.reached = Some(last);
        }
    }

    /// Holds one record against all lists.
    fn hold(&mut self, rows: &Snapshot, id: RecordId, hits: &mut Vec<(RecordId, Hit)>) -> Outcome<()> {
        let Some(record) = records::get(rows, id)? else {
            return Ok(());
        };
        let (Some(facts), Some(about)) = (facts::of(&record), facts::about(&record)) else {
            return Ok(());
        };
        let found = self.lists.find(&record.tenant, &facts, self.options.likely);
        hits.extend(found.into_iter().map(|hit| (about, hit)));
        Ok(())
    }

    /// Raises what matches mean, and waits until that is durable.
    fn raise(&self, rows: &Snapshot, hits: Vec<(RecordId, Hit)>) -> Outcome<()> {
        let now = self.services.now();
        let mut raises: BTreeMap<TenantId, Vec<Raise>> = BTreeMap::new();
        for (about, hit) in hits {
            let Some(record) = records::get(rows, about)?.filter(|record| facts::is_watched(&record.kind))
            else {
                continue;
            };
            if let Some(raise) = raise::plan(rows, &record, &hit, now)? {
                raises.entry(record.tenant.clone()).or_default().push(raise);
            }
        }
        for (tenant, raises) in raises {
            for raises in raises.chunks(RAISES_PER_WRITE) {
                self.write(tenant.clone(), raises.to_vec())?;
            }
        }
        Ok(())
    }

    fn write(&self, tenant: TenantId, raises: Vec<Raise>) -> Outcome<()> {
        let node = self.services.admit_node(tenant, SOURCE, &self.node_name);
        let made = Arc::clone(&self.gauge.seen);
        let written = self.services.write(&node, "alert.raise", None, move |desk| {
            for raise in raises {
                made.raised.fetch_add(raise.write(desk)?, Ordering::Relaxed);
            }
            Ok(())
        });
        written.map(drop)
    }

    /// One piece of the sweep under way, or the beginning of one. False if there is nothing to sweep.
    fn sweep(&mut self) -> Outcome<bool> {
        let rows = self.services.snapshot()?;
        let reached = self.place.reached.unwrap_or(0);
        let mut sweep = match self.sweep.take() {
            Some(sweep) => sweep,
            None if self.waiting.is_empty() => {
                self.place.swept = reached;
                return Ok(false);
            }
            None => Sweep::new(
                &rows,
                reached,
                &std::mem::take(&mut self.waiting),
                Cursor::default(),
            )?,
        };
        let before = sweep.cursor.clone();
        let swept = sweep.piece(&rows, self.options.likely, self.options.held_alerts_per_entry_max);
        let raised = swept.and_then(|piece| {
            self.raise(&rows, piece.hits)?;
            self.tell_too_many(&rows, piece.too_many)?;
            Ok(piece.is_last)
        });
        match raised {
            Ok(true) => {
                self.place.swept = sweep.upto;
                self.place.sweeping = None;
            }
            Ok(false) => {
                self.place.sweeping = Some((sweep.upto, sweep.cursor.clone()));
                self.sweep = Some(sweep);
            }
            Err(failure) => {
                sweep.cursor = before;
                self.sweep = Some(sweep);
                return Err(failure);
            }
        }
        Ok(true)
    }

    /// Says of each entry that it matches more of what is held than is alerted about, once.
    fn tell_too_many(&self, rows: &Snapshot, hits: Vec<Hit>) -> Outcome<()> {
        let most = self.options.held_alerts_per_entry_max;
        for hit in hits {
            if let Some((tenant, raise)) = raise::plan_too_many(rows, &hit, most)? {
                self.write(tenant, vec![raise])?;
            }
        }
        Ok(())
    }

    /// One round of the thread. True if there is more to do at once.
    fn round(&mut self) -> Outcome<bool> {
        self.catch_up()?;
        let more = self.sweep()?;
        if !more {
            self.gauge.is_done(self.place.reached.unwrap_or(0));
        }
        Ok(more)
    }

    fn keep(&self) {
        if let Some(kept) = &self.kept {
            kept.write(|| self.place.clone());
        }
    }
}

/// What arrived after a number, each with its number: a stretch of it.
fn arrived(store: &Store, rows: &Snapshot, after: u64) -> Outcome<Vec<(u64, Option<Operation>)>> {
    let mut places = Vec::new();
    arrivals::after(rows, after, &mut |number, log, seq| {
        places.push((number, log, seq));
        places.len() < ARRIVALS_PER_STEP
    })?;
    let read = |(number, log, seq)| Ok((number, store.operation(rows, log, seq)?));
    places.into_iter().map(read).collect()
}

/// What this thread wrote itself.
fn is_own(operation: &Operation) -> bool {
    let client = operation.header.actor.client.as_str();
    client.split_once(':').is_some_and(|(lane, _)| lane == SOURCE)
}

/// The lists and entries that look for something else by this operation, or again.
fn looks_for(rows: &impl Read, operation: &Operation, changed: &mut BTreeSet<RecordId>) -> Outcome<()> {
    let header = &operation.header;
    let is_list = header.kind == WATCHLIST.name;
    if !is_list && header.kind != WATCHLIST_ENTRY.name {
        return Ok(());
    }
    let changes = operation.payload.iter().flat_map(|payload| &payload.changes);
    let fields: BTreeSet<&str> = changes.map(|change| change.field.as_str()).collect();
    if LOOKED_FOR.iter().any(|field| fields.contains(field)) {
        changed.insert(header.record);
    }
    // A list that counts again does so with all its entries.
    if is_list && fields.contains("expires_at") {
        let naming = (WATCHLIST_ENTRY.name, "watchlist_id");
        records::links(rows, header.record, naming, Direction::Up, None, &mut |_, id| {
            changed.insert(id);
            true
        })?;
    }
    Ok(())
}

/// The records that an operation concerns: its own, and what it adds to a case, which must hear of old matches.
fn concerned(operation: &Operation, touched: &mut BTreeSet<RecordId>) {
    let header = &operation.header;
    if facts::is_watched(&header.kind) {
        touched.insert(header.record);
    }
    if header.kind == CASE.name {
        let changes = operation.payload.iter().flat_map(|payload| &payload.changes);
        let added = changes.filter_map(|change| match &change.action {
            Action::Add(value) if change.field == "entities" => value.get("entity_id").and_then(Value::as_id),
            _ => None,
        });
        touched.extend(added);
    }
}

/// The follower's thread.
#[derive(Debug)]
pub struct Follower {
    gauge: Gauge,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Follower {
    /// Starts to follow; `kept` is where the place is written down, `node_name` who raises alerts.
    ///
    /// # Errors
    /// The system gives no thread.
    pub fn start(services: Services, node_name: &str, kept: Option<Kept>) -> std::io::Result<Self> {
        let gauge = Gauge {
            store: Arc::clone(services.store()),
            seen: Arc::default(),
        };
        let stop = Arc::new(AtomicBool::new(false));
        let following = Following {
            options: services.watching.options,
            services,
            node_name: node_name.into(),
            place: kept.as_ref().map(Kept::read).unwrap_or_default(),
            kept,
            gauge: gauge.clone(),
            lists: Lists::default(),
            sweep: None,
            waiting: BTreeSet::new(),
        };
        let stopping = Arc::clone(&stop);
        let thread = std::thread::Builder::new().name("watch".into());
        let thread = thread.spawn(move || follow(following, &stopping))?;
        Ok(Self {
            gauge,
            stop,
            thread: Some(thread),
        })
    }

    /// How far it sees.
    pub fn gauge(&self) -> Gauge {
        self.gauge.clone()
    }
}

impl Drop for Follower {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Release);
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the thread of the watchlists panicked; the next start makes up for it");
        }
    }
}

fn follow(mut following: Following, stop: &AtomicBool) {
    let complain = |failure: Failure| {
        tracing::error!(?failure, "the watchlists could not follow; trying again");
        std::thread::sleep(PAUSE);
    };
    while let Err(failure) = following.begin() {
        complain(failure);
        if stop.load(Ordering::Acquire) {
            return;
        }
    }
    let store = Arc::clone(following.services.store());
    let mut seen = Position::START;
    let (mut kept, mut kept_at) = (following.place.clone(), Instant::now());
    while !stop.load(Ordering::Acquire) {
        match following.round() {
            Ok(true) => {}
            Ok(false) => {
                seen = store.wait_beyond(seen, WAIT_MAX);
                std::thread::sleep(following.options.gather);
            }
            Err(failure) => complain(failure),
        }
        if kept_at.elapsed() >= KEEP_EVERY && kept != following.place {
            following.keep();
            (kept, kept_at) = (following.place.clone(), Instant::now());
        }
    }
    following.keep();
}
