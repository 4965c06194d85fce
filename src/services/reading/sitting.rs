//! What one request reads that reads much: all of it from one snapshot, each record once, each judged as a single read is. Its
//! audit entries are written together, before the answer goes out.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::domain::id::RecordId;
use crate::domain::kind::{self, Kind};
use crate::domain::record::Record;
use crate::domain::value::Value;
use crate::services::audit::{self, Event};
use crate::services::caller::Caller;
use crate::services::casebook::{self, Listing, Page};
use crate::services::failure::{Failure, Outcome};
use crate::services::find::{self, Belongs};
use crate::services::policy::{self, Deed};
use crate::services::{Services, sight};
use crate::store::database::Snapshot;
use crate::store::error::StoreError;
use crate::views::{ordinals, records};

/// How much was read for those who asked.
#[derive(Debug, Default)]
pub struct Work {
    snapshots: AtomicU64,
    records: AtomicU64,
}

impl Work {
    /// Snapshots that sittings have taken.
    pub fn snapshots(&self) -> u64 {
        self.snapshots.load(Ordering::Relaxed)
    }

    /// Records that sittings, and rooms of evidence, have read.
    pub fn records(&self) -> u64 {
        self.records.load(Ordering::Relaxed)
    }

    /// One more was.
    pub(in crate::services) fn reads_one(&self) {
        self.records.fetch_add(1, Ordering::Relaxed);
    }
}

/// A caller at one moment of the records.
pub struct Sitting {
    services: Services,
    caller: Caller,
    words: Vec<String>,
    /// Held for a look, and while a record is read.
    seen: Mutex<Seen>,
}

#[derive(Default)]
struct Seen {
    rows: Option<Arc<Snapshot>>,
    records: HashMap<RecordId, Option<Arc<Record>>>,
    reads: BTreeMap<RecordId, bool>,
    lists: BTreeMap<&'static str, BTreeSet<RecordId>>,
    misses: Vec<(&'static str, Option<RecordId>)>,
}

impl Seen {
    fn rows(&mut self, services: &Services) -> Outcome<Arc<Snapshot>> {
        if let Some(rows) = &self.rows {
            return Ok(Arc::clone(rows));
        }
        services.work.snapshots.fetch_add(1, Ordering::Relaxed);
        let rows = Arc::new(services.snapshot()?);
        self.rows = Some(Arc::clone(&rows));
        Ok(rows)
    }

    fn get(
        &mut self,
        services: &Services,
        rows: &Snapshot,
        id: RecordId,
    ) -> Result<Option<Arc<Record>>, StoreError> {
        if let Some(known) = self.records.get(&id) {
            return Ok(known.clone());
        }
        let record = read(services, rows, id)?;
        self.records.insert(id, record.clone());
        Ok(record)
    }
}

fn read(services: &Services, rows: &Snapshot, id: RecordId) -> Result<Option<Arc<Record>>, StoreError> {
    services.work.reads_one();
    Ok(records::get(rows, id)?.map(Arc::new))
}

impl fmt::Debug for Sitting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Sitting({:?})", self.caller)
    }
}

impl Sitting {
    /// Begins one; the snapshot is taken when the first record is read.
    pub fn new(services: &Services, caller: Caller) -> Self {
        Self {
            words: policy::words_of(&caller),
            services: services.clone(),
            caller,
            seen: Mutex::default(),
        }
    }

    /// Who sits.
    pub fn caller(&self) -> &Caller {
        &self.caller
    }

    /// What a caller may do.
    pub fn services(&self) -> &Services {
        &self.services
    }

    /// The records as of this sitting.
    ///
    /// # Errors
    /// The disk failed.
    pub fn rows(&self) -> Outcome<Arc<Snapshot>> {
        self.seen().rows(&self.services)
    }

    /// Forgets the moment: what is read next sees what was written meanwhile.
    pub fn move_on(&self) {
        let mut seen = self.seen();
        seen.rows = None;
        seen.records.clear();
    }

    /// The record that the caller calls so.
    ///
    /// # Errors
    /// `Denied`, or `Unknown` if there is none for this caller.
    pub fn find(&self, kind: &'static Kind, reference: &str) -> Outcome<Arc<Record>> {
        self.demand(kind)?;
        let rows = self.rows()?;
        let id = find::id_of(&*rows, &self.caller, kind, reference)?;
        let hidden = match id.map(|id| self.judged(&rows, id)).transpose()?.flatten() {
            Some((record, true, restricted)) if record.kind == kind.name => {
                self.seen().reads.insert(record.id, restricted);
                return Ok(record);
            }
            hidden => hidden.filter(|(record, ..)| record.tenant == *self.caller.tenant()),
        };
        let hidden = hidden.map(|(record, ..)| record.id);
        self.seen().misses.push((kind.name, hidden));
        Err(Failure::Unknown(kind.name))
    }

    /// A record that another one names, if the caller may read it.
    ///
    /// # Errors
    /// `Denied` for a kind that the caller may not read.
    pub fn get(&self, id: RecordId) -> Outcome<Option<Arc<Record>>> {
        let rows = self.rows()?;
        let Some((record, true, restricted)) = self.judged(&rows, id)? else {
            return Ok(None);
        };
        let Some(kind) = kind::kind(&record.kind) else {
            return Ok(None);
        };
        self.demand(kind)?;
        self.note_listed(kind, [(record.id, restricted)]);
        Ok(Some(record))
    }

    /// A page of records of a kind that the caller may read.
    ///
    /// # Errors
    /// `Denied`.
    pub fn list(&self, kind: &'static Kind, listing: &Listing) -> Outcome<Page> {
        self.demand(kind)?;
        let rows = self.rows()?;
        let mut listed = Vec::new();
        let page = casebook::page_of(&*rows, &self.caller, kind, listing, &mut |id, fits| {
            let known = self.seen().records.get(&id).cloned();
            let record = match known {
                Some(record) => record,
                None => read(&self.services, &rows, id)?,
            };
            let Some(record) = record.filter(|record| fits(record)) else {
                return Ok(None);
            };
            let (may_read, restricted) = self.judge(&rows, &record)?;
            if !may_read {
                return Ok(None);
            }
            listed.push((id, restricted));
            // Only now, because thousands may be passed over.
            let keep = || Some(Arc::clone(&record));
            self.seen().records.entry(id).or_insert_with(keep);
            self.seen_of(&rows, record).map(Some)
        })?;
        self.note_listed(kind, listed);
        Ok(page)
    }

    /// The case that a record belongs to, if the caller may read it.
    ///
    /// # Errors
    /// `Denied`; the disk failed.
    pub fn case_of(&self, record: &Record) -> Outcome<Option<Arc<Record>>> {
        let rows = self.rows()?;
        match self.belongs(&rows, record)? {
            Belongs::To(case) if case.kind == kind::CASE.name => self.get(case.id),
            _ => Ok(None),
        }
    }

    /// The number by which evidence-room clients count a record, if its kind has one.
    ///
    /// # Errors
    /// The disk failed.
    pub fn number_of(&self, record: &Record) -> Outcome<Option<u64>> {
        Ok(ordinals::of(&*self.rows()?, record.id)?)
    }

    /// The name of whoever wrote a record first, as its history says it too.
    ///
    /// # Errors
    /// The disk failed.
    pub fn author_of(&self, record: &Record) -> Outcome<Option<String>> {
        let rows = self.rows()?;
        let Some(&(log, seq)) = records::history(&*rows, record.id)?.first() else {
            return Ok(None);
        };
        let operation = self.services.store().operation(&*rows, log, seq)?;
        Ok(operation.map(|operation| operation.header.actor.name().to_owned()))
    }

    /// Demands the scope to read records of a kind.
    ///
    /// # Errors
    /// `Denied`, naming the scope; it is in the audit log then.
    pub fn demand(&self, kind: &Kind) -> Outcome<()> {
        let scope = policy::scope_for(kind, Deed::Read);
        self.services.demand(&self.caller, "read", scope)
    }

    /// Writes what was read into the audit log: what is restricted, and what was sought in vain, before this returns.
    ///
    /// # Errors
    /// The store takes no more writes: then nothing may be answered either.
    pub fn note(&self) -> Outcome<()> {
        self.caller.refuse_faulty()?;
        let (reads, lists, misses) = {
            let mut seen = self.seen();
            (
                std::mem::take(&mut seen.reads),
                std::mem::take(&mut seen.lists),
                std::mem::take(&mut seen.misses),
            )
        };
        if reads.is_empty() && lists.is_empty() && misses.is_empty() {
            // What reads no record leaves its entry too.
            return self
                .services
                .note_plain_read(&self.caller, Event::done("query", None));
        }
        let mut durable = Vec::new();
        for (id, restricted) in reads {
            let event = Event::done("read", Some(id));
            match restricted {
                true => durable.push(event),
                false => self.services.note_plain_read(&self.caller, event)?,
            }
        }
        for (kind, restricted) in lists {
            let event = Event::done("list", None).with("kind", Value::text(kind));
            match restricted.is_empty() {
                true => self.services.note_plain_read(&self.caller, event)?,
                false => {
                    let ids = restricted.into_iter().map(Value::Id).collect();
                    durable.push(event.with("restricted", Value::List(ids)));
                }
            }
        }
        for (kind, id) in misses {
            let event = Event::refused("read", "unknown", id);
            durable.push(event.with("kind", Value::text(kind)));
        }
        if durable.is_empty() {
            return Ok(());
        }
        let caller = self.caller.clone();
        self.services.store().write(move |session| {
            let mut events = durable.into_iter();
            events
                .try_for_each(|event| audit::note(session, &caller, event))
                .map_err(Failure::from)
        })
    }

    fn note_listed(&self, kind: &Kind, listed: impl IntoIterator<Item = (RecordId, bool)>) {
        let mut seen = self.seen();
        let restricted = seen.lists.entry(kind.name).or_default();
        restricted.extend(listed.into_iter().filter(|(_, is)| *is).map(|(id, _)| id));
    }

    /// A record of the caller's agency with whether the caller may read it and whether it is restricted.
    fn judged(&self, rows: &Snapshot, id: RecordId) -> Outcome<Option<(Arc<Record>, bool, bool)>> {
        let Some(record) = self.seen().get(&self.services, rows, id)? else {
            return Ok(None);
        };
        let (may_read, restricted) = self.judge(rows, &record)?;
        let record = self.seen_of(rows, record)?;
        Ok(Some((record, may_read, restricted)))
    }

    /// A record as the caller may see it.
    fn seen_of(&self, rows: &Snapshot, record: Arc<Record>) -> Outcome<Arc<Record>> {
        sight::of_shared(record, &mut |id| {
            let named = self.seen().get(&self.services, rows, id)?;
            let may_read = named.map(|named| self.judge(rows, &named)).transpose()?;
            Ok(may_read.map_or_else(|| policy::reads_all(&self.caller), |(may_read, _)| may_read))
        })
    }

    fn judge(&self, rows: &Snapshot, record: &Record) -> Outcome<(bool, bool)> {
        if record.tenant != *self.caller.tenant() || record.is_expunged() {
            return Ok((false, true));
        }
        let readers = find::readers_by(record, &self.belongs(rows, record)?);
        let mut get = |id| self.seen().get(&self.services, rows, id);
        let scopes = find::scopes_beside(record, &mut get)?;
        let opens = scopes.iter().all(|scope| policy::has_scope(&self.caller, scope));
        let may_read = opens && readers.iter().any(|word| self.words.contains(word));
        Ok((may_read, !readers.iter().any(|word| word == "open")))
    }

    fn belongs(&self, rows: &Snapshot, record: &Record) -> Outcome<Belongs<Arc<Record>>> {
        let mut seen = self.seen();
        let found = find::belongs_by(record, &mut |id| seen.get(&self.services, rows, id))?;
        Ok(found)
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
