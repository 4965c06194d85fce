//! Equal audit entries within a second become one: the first is written at once, the ones that follow are counted, and when
//! the second is over one entry more says how many they were (`count`). A crash loses at most the counts of that second,
//! never the fact that there was such a read. First entries about callers lie here until the write thread takes them all
//! with its next group: it is told of the first, so that a read costs no message.

use std::borrow::Cow;
use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crate::domain::id::{RecordId, TenantId};
use crate::domain::operation::{Actor, Draft};
use crate::domain::value::Value;
use crate::services::audit::Event;
use crate::services::caller::{Caller, Identity, Via};
use crate::store::error::StoreError;
use crate::store::handle::Store;

/// How long equal entries are counted together.
const WINDOW: Duration = Duration::from_secs(1);

/// Entries counted at once, at most; with more, equal reads are written one by one.
const READS_MAX: usize = 10_000;

/// First entries that wait for the write thread, at most: it is busy with them for some 30 ms. Further readers wait too.
const WAITING_MAX: usize = 1_000;

/// Addresses of strangers told apart within a second; all others together are one more.
const STRANGERS_MAX: usize = 256;

/// Who, what, of which record, and what else it says.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
enum Key {
    Caller(Identity, TenantId, Cow<'static, str>, Option<RecordId>, String),
    Stranger(
        Option<IpAddr>,
        TenantId,
        (&'static str, Cow<'static, str>, &'static str),
        Option<RecordId>,
    ),
}

impl Key {
    fn of_caller(caller: &Caller, event: &Event) -> Self {
        let detail = match event.detail.is_empty() {
            true => String::new(),
            false => format!("{:?}", event.detail),
        };
        let tenant = caller.tenant().clone();
        Self::Caller(
            caller.identity(),
            tenant,
            event.event.clone(),
            event.record,
            detail,
        )
    }
}

/// An entry that others may be equal to.
#[derive(Clone, Debug)]
struct Entry {
    tenant: TenantId,
    actor: Actor,
    via: Via,
    event: Event,
}

impl Entry {
    fn draft(self) -> Draft {
        self.event.draft(self.tenant, self.actor, &self.via)
    }
}

/// The address by which strangers are told apart.
pub fn origin(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => IpAddr::V6((u128::from(address) >> 64 << 64).into()),
        address => address,
    }
}

/// What became of a stranger's entry.
#[derive(Debug)]
pub enum Counted {
    /// It is the first of its second and must be written.
    First(Draft),
    /// It was counted; the tally writes it.
    Merged,
}

/// What became of a caller's entry.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Noted {
    /// It was counted, or lies with others that the write thread was told of.
    Kept,
    /// It lies where the write thread finds it once it is told: [`Tally::tell`].
    Untold,
    /// It was not taken: too many lie there, or the last ones that did were lost. It must be waited for.
    Refused,
}

#[derive(Debug)]
struct Row {
    since: Instant,
    merged: u32,
    entry: Entry,
}

#[derive(Debug, Default)]
struct Rows {
    rows: HashMap<Key, Row>,
    strangers: usize,
    /// First entries that the write thread takes with its next group.
    waiting: Vec<Draft>,
    stopped: bool,
}

#[derive(Debug, Default)]
struct Shared {
    /// Held for the moment of a count, or of taking out what is over.
    rows: Mutex<Rows>,
    changed: Condvar,
}

impl Shared {
    fn rows(&self) -> MutexGuard<'_, Rows> {
        self.rows.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The entries of the last second. One thread writes their counts when the second is over; it ends with the tally.
#[derive(Debug)]
pub struct Tally {
    shared: Arc<Shared>,
    store: Arc<Store>,
    thread: Option<JoinHandle<()>>,
}

impl Tally {
    /// Begins to count for a store.
    pub fn start(store: &Arc<Store>) -> Self {
        let shared = Arc::<Shared>::default();
        let (counts, writes) = (Arc::clone(&shared), Arc::downgrade(store));
        let builder = std::thread::Builder::new().name("blotter-tally".into());
        let thread = builder.spawn(move || run(&counts, &writes));
        if let Err(error) = &thread {
            tracing::warn!(%error, "no thread for counts of reads; every read becomes an entry");
            shared.rows().stopped = true;
        }
        Self {
            shared,
            store: Arc::clone(store),
            thread: thread.ok(),
        }
    }

    /// Counts an entry about a caller. Never waits.
    pub fn count(&self, caller: &Caller, event: Event) -> Noted {
        if self.store.soon_failed() || self.store.has_failed() {
            return Noted::Refused;
        }
        let key = Key::of_caller(caller, &event);
        let mut rows = self.shared.rows();
        if let Some(row) = rows.rows.get_mut(&key) {
            row.merged += 1;
            return Noted::Kept;
        }
        if rows.waiting.len() >= WAITING_MAX {
            return Noted::Refused;
        }
        let entry = Entry {
            tenant: caller.tenant().clone(),
            actor: caller.actor(),
            via: caller.via().clone(),
            event,
        };
        rows.waiting.push(entry.clone().draft());
        let untold = rows.waiting.len() == 1;
        self.begin(&mut rows, key, entry);
        if untold { Noted::Untold } else { Noted::Kept }
    }

    /// Tells the write thread that entries lie here: they ride with its next group. May wait.
    ///
    /// # Errors
    /// The store takes no more writes.
    pub fn tell(&self) -> Result<(), StoreError> {
        let shared = Arc::clone(&self.shared);
        let told = self.store.write_soon(move |session| {
            let waiting = std::mem::take(&mut shared.rows().waiting);
            let mut drafts = waiting.into_iter();
            drafts.try_for_each(|draft| session.audit(draft).map(drop))
        });
        if told.is_err() {
            // Nobody is counted as equal to what was never written.
            let mut rows = self.shared.rows();
            rows.waiting.clear();
            rows.rows.clear();
            rows.strangers = 0;
        }
        told
    }

    /// Counts an entry about somebody unknown, by address; an IPv6 network of 64 bits is one address.
    pub fn count_stranger(&self, tenant: TenantId, actor: Actor, via: &Via, event: Event) -> Counted {
        let mut rows = self.shared.rows();
        let mut via = via.clone();
        if rows.strangers >= STRANGERS_MAX {
            via.address = None;
        }
        let address = via.address.map(origin);
        let key = Key::Stranger(
            address,
            tenant.clone(),
            (via.lane, event.event.clone(), event.outcome),
            event.record,
        );
        if let Some(row) = rows.rows.get_mut(&key) {
            row.merged += 1;
            if row.entry.via.asked != via.asked {
                // A count of several paths is of none.
                row.entry.via.asked.clear();
            }
            return Counted::Merged;
        }
        let entry = Entry {
            tenant,
            actor,
            via,
            event,
        };
        self.begin(&mut rows, key, entry.clone());
        Counted::First(entry.draft())
    }

    /// Equal ones are counted from now on.
    fn begin(&self, rows: &mut Rows, key: Key, entry: Entry) {
        if rows.stopped || rows.rows.len() >= READS_MAX + STRANGERS_MAX {
            return;
        }
        rows.strangers += usize::from(matches!(key, Key::Stranger(..)));
        let row = Row {
            since: Instant::now(),
            merged: 0,
            entry,
        };
        rows.rows.insert(key, row);
        self.shared.changed.notify_one();
    }

    /// Writes all counts now.
    pub fn flush(&self) {
        let due = take(&mut self.shared.rows(), None);
        write(&self.store, due);
    }
}

impl Drop for Tally {
    fn drop(&mut self) {
        self.flush();
        self.shared.rows().stopped = true;
        self.shared.changed.notify_one();
        // It may hold the store for a moment; whoever drops the services may open the store again.
        if let Some(thread) = self.thread.take() {
            drop(thread.join());
        }
    }
}

/// Takes out what is over; what was repeated begins a new second, so that a steady reader makes one entry a second.
fn take(rows: &mut Rows, now: Option<Instant>) -> Vec<Draft> {
    let mut due = Vec::new();
    let mut strangers = 0;
    rows.rows.retain(|key, row| {
        let over = now.is_none_or(|now| now.duration_since(row.since) >= WINDOW);
        let kept = !over || (row.merged > 0 && now.is_some());
        if over && row.merged > 0 {
            let mut entry = row.entry.clone();
            entry.event = entry.event.with("count", Value::Int(i64::from(row.merged)));
            due.push(entry.draft());
            row.merged = 0;
            row.since = now.unwrap_or(row.since);
        }
        strangers += usize::from(kept && matches!(key, Key::Stranger(..)));
        kept
    });
    rows.strangers = strangers;
    due
}

fn write(store: &Store, due: Vec<Draft>) {
    if due.is_empty() {
        return;
    }
    let written = store.write_soon(move |session| {
        due.into_iter()
            .try_for_each(|draft| session.audit(draft).map(drop))
    });
    if let Err(error) = written {
        tracing::warn!(%error, "counts of reads are lost: the store takes no more writes");
    }
}

fn run(shared: &Shared, store: &Weak<Store>) {
    const TICK: Duration = Duration::from_millis(100);
    loop {
        let idle = |rows: &mut Rows| rows.rows.is_empty() && !rows.stopped;
        let guard = shared.changed.wait_while(shared.rows(), idle);
        if guard.unwrap_or_else(PoisonError::into_inner).stopped {
            return;
        }
        let waited = shared
            .changed
            .wait_timeout_while(shared.rows(), TICK, |rows| !rows.stopped);
        let due = match waited.unwrap_or_else(PoisonError::into_inner).0 {
            rows if rows.stopped => return,
            mut rows => take(&mut rows, Some(Instant::now())),
        };
        if let Some(store) = store.upgrade() {
            write(&store, due);
        }
    }
}
