//! One record read: judged, audited, and kept in memory as a lane writes it.

/// What one request reads that reads much, from one snapshot.
pub mod sitting;

use std::sync::Arc;

use crate::domain::id::{Hash, RecordId, TenantId};
use crate::domain::kind::Kind;
use crate::domain::record::Record;
use crate::domain::value::Value;
use crate::services::access::Door;
use crate::services::audit::Event;
use crate::services::audit::tally::Noted;
use crate::services::caller::Caller;
use crate::services::failure::{Failure, Outcome};
use crate::services::policy::{self, Deed};
use crate::services::{Services, find, sight};
use crate::store::database::Read;
use crate::store::database::memo::{Memo, Watched};
use crate::store::handle::Store;
use crate::views::records;

/// How a lane writes a record. What it reads is of records and names alone.
pub type Show = fn(&dyn Read, &Record) -> Outcome<Vec<u8>>;

/// A record as a lane writes it, and what decides who may have it.
#[derive(Debug)]
pub struct Shown {
    id: RecordId,
    kind: &'static str,
    tenant: TenantId,
    /// The scope that reading it needs.
    scope: String,
    /// Everybody of the agency may read it, and all of it.
    open: bool,
    version: u64,
    text: Vec<u8>,
}

impl Shown {
    /// Its version.
    pub fn version(&self) -> u64 {
        self.version
    }

    /// As the lane wrote it.
    pub fn text(&self) -> &[u8] {
        &self.text
    }

    /// The memory that it takes, about.
    fn bytes(&self) -> usize {
        size_of::<Self>() + self.scope.len() + self.text.len()
    }
}

/// What is kept in memory of rows, for as long as they have not changed.
#[derive(Debug)]
pub(super) struct Memory {
    /// What keys open, by their hash.
    pub(super) doors: Memo<Hash, Arc<Door>>,
    shown: Memo<RecordId, Arc<Shown>>,
}

impl Memory {
    /// Memory for keys: that of some 700 in use.
    const DOORS_BYTES_MAX: usize = 1 << 20;

    pub(super) fn new(store: &Store, shown_bytes_max: usize) -> Self {
        Self {
            doors: store.memo(Self::DOORS_BYTES_MAX),
            shown: store.memo(shown_bytes_max),
        }
    }
}

impl Services {
    /// Reads a record. Reading a restricted one is audited before it is answered.
    ///
    /// # Errors
    /// `Denied`, or `Unknown` if there is none for this caller.
    pub fn read(&self, caller: &Caller, kind: &'static Kind, reference: &str) -> Outcome<Record> {
        self.read_because(caller, kind, reference, None)
    }

    /// The same with a stated reason, by which an officer reads a restricted record that is none of his: this once, with an
    /// alert to those who are cleared for it ("break glass").
    ///
    /// # Errors
    /// `Denied`, or `Unknown` if there is none for this caller.
    pub fn read_because(
        &self,
        caller: &Caller,
        kind: &'static Kind,
        reference: &str,
        reason: Option<&str>,
    ) -> Outcome<Record> {
        let (record, rows) = self.judged(caller, kind, reference, reason)?;
        sight::of_record(record, &mut sight::of(&rows, caller))
    }

    /// The same as a lane writes it. What was read once stands in memory for [`Services::recall`] until it changes.
    ///
    /// # Errors
    /// `Denied`, or `Unknown` if there is none for this caller.
    pub fn read_shown(
        &self,
        caller: &Caller,
        kind: &'static Kind,
        reference: &str,
        reason: Option<&str>,
        show: Show,
    ) -> Outcome<Arc<Shown>> {
        let (record, rows) = self.judged(caller, kind, reference, reason)?;
        let by_scope_alone = find::scopes_beside(&record, &mut |id| records::get(&rows, id))?.is_empty();
        let open = by_scope_alone
            && !find::is_restricted(&rows, &record)?
            && sight::is_same_for_all(&rows, &record)?;
        let record = sight::of_record(record, &mut sight::of(&rows, caller))?;
        let shown = Arc::new(Shown {
            id: record.id,
            kind: kind.name,
            tenant: record.tenant.clone(),
            scope: policy::scope_for(kind, Deed::Read),
            open,
            version: record.version,
            text: show(&rows, &record)?,
        });
        let bytes = shown.bytes();
        self.memory.shown.keep(shown.id, Arc::clone(&shown), bytes, rows);
        Ok(shown)
    }

    /// The record of this internal id as a lane wrote it, if it stands in memory, the caller may read it, and the read needs
    /// no entry before the answer. Never waits. The read is not noted yet: [`Services::note_recalled`].
    pub fn recall(&self, caller: &Caller, kind: &Kind, reference: &str) -> Option<Arc<Shown>> {
        let shown = self.memory.shown.get(&reference.parse().ok()?)?;
        let is_of = shown.kind == kind.name && shown.tenant == *caller.tenant();
        (is_of && shown.open && policy::has_scope(caller, &shown.scope)).then_some(shown)
    }

    /// Notes a read of what was recalled. Never waits.
    pub fn note_recalled(&self, caller: &Caller, shown: &Shown) -> Noted {
        self.count(caller, Event::done("read", Some(shown.id)))
    }

    fn judged(
        &self,
        caller: &Caller,
        kind: &'static Kind,
        reference: &str,
        reason: Option<&str>,
    ) -> Outcome<(Record, Watched)> {
        self.demand(caller, "read", policy::scope_for(kind, Deed::Read))?;
        let rows = self.store().watched()?;
        match find::unjudged(&rows, caller, kind, reference)? {
            Some(record) if find::may_read(&rows, caller, &record)? => {
                let mut event = Event::done("read", Some(record.id));
                if let Some(reason) = reason {
                    event = event.with("reason", Value::text(reason));
                }
                self.note_read_of(caller, &rows, &record, event)?;
                Ok((record, rows))
            }
            hidden => {
                if let (Some(record), Some(reason)) = (&hidden, reason)
                    && policy::may_break_glass(caller, record, &find::readers(&rows, record)?)
                {
                    self.break_glass(caller, record, reason)?;
                    return Ok((record.clone(), rows));
                }
                // What is not there and what the caller may not see take the same time and leave the same kind of entry.
                let event = Event::refused("read", "unknown", hidden.map(|record| record.id));
                self.note(caller, event.with("kind", Value::text(kind.name)))?;
                Err(Failure::Unknown(kind.name))
            }
        }
    }

    /// Audits a read of a record: of a restricted one before it is answered, of another one soon.
    ///
    /// # Errors
    /// The store takes no more writes: then nothing is read either.
    pub(super) fn note_read(&self, caller: &Caller, rows: &impl Read, record: &Record) -> Outcome<()> {
        self.note_read_of(caller, rows, record, Event::done("read", Some(record.id)))
    }

    /// The same for a part of it, which the event names.
    ///
    /// # Errors
    /// The store takes no more writes: then nothing is read either.
    pub(super) fn note_read_of(
        &self,
        caller: &Caller,
        rows: &impl Read,
        record: &Record,
        event: Event,
    ) -> Outcome<()> {
        if find::is_restricted(rows, record)? {
            return self.note(caller, event);
        }
        self.note_plain_read(caller, event)
    }
}
