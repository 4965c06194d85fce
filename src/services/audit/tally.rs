//! Equal audit entries within a second become one: the first is written at once, the ones that follow are counted, and when
//! the second is over one entry more says how many they were (`count`). A crash loses at most the counts of that second,
//! never the fact that there was such a read.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crate::domain::id::{RecordId, TenantId};
use crate::domain::operation::{Actor, Draft};
use crate::domain::value::Value;
use crate::services::audit::Event;
use crate::services::caller::{Caller, Via};
use crate::store::handle::Store;

/// How long equal entries are counted together.
const WINDOW: Duration = Duration::from_secs(1);

/// Entries counted at once, at most; with more, equal reads are written one by one.
const READS_MAX: usize = 10_000;

/// Addresses of strangers told apart within a second; all others together are one more.
const STRANGERS_MAX: usize = 256;

/// Who, what, of which record, and what else it says.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
enum Key {
    Caller(String, TenantId, String, Option<RecordId>, String),
    Stranger(Option<IpAddr>, TenantId, String),
}

/// An entry that may be equal to others.
#[derive(Clone, Debug)]
pub struct Entry {
    key: Key,
    tenant: TenantId,
    actor: Actor,
    via: Via,
    event: Event,
}

impl Entry {
    /// About a caller.
    pub fn of_caller(caller: &Caller, event: Event) -> Self {
        let actor = caller.actor();
        let tenant = caller.tenant().clone();
        let detail = format!("{:?}", event.detail);
        Self {
            key: Key::Caller(
                actor.who.clone(),
                tenant.clone(),
                event.event.clone(),
                event.record,
                detail,
            ),
            tenant,
            actor,
            via: caller.via().clone(),
            event,
        }
    }

    /// About somebody unknown, by address; an IPv6 network of 64 bits is one address.
    pub fn of_stranger(tenant: TenantId, actor: Actor, via: &Via, event: Event) -> Self {
        Self {
            key: Key::Stranger(via.address.map(origin), tenant.clone(), event.event.clone()),
            tenant,
            actor,
            via: via.clone(),
            event,
        }
    }

    /// As an operation of the audit log.
    pub fn draft(self) -> Draft {
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

/// What became of an entry.
#[derive(Debug)]
pub enum Counted {
    /// It is the first of its second and must be written.
    First(Draft),
    /// It was counted; the tally writes it.
    Merged,
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

    /// Counts an entry.
    pub fn count(&self, mut entry: Entry) -> Counted {
        let mut guard = self.shared.rows();
        let rows = &mut *guard;
        if let Key::Stranger(address, ..) = &mut entry.key
            && rows.strangers >= STRANGERS_MAX
        {
            *address = None;
            entry.via.address = None;
        }
        let now = Instant::now();
        if let Some(row) = rows.rows.get_mut(&entry.key) {
            row.merged += 1;
            return Counted::Merged;
        }
        if !rows.stopped && rows.rows.len() < READS_MAX + STRANGERS_MAX {
            rows.strangers += usize::from(matches!(entry.key, Key::Stranger(..)));
            let row = Row {
                since: now,
                merged: 0,
                entry: entry.clone(),
            };
            rows.rows.insert(entry.key.clone(), row);
            self.shared.changed.notify_one();
        }
        Counted::First(entry.draft())
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
