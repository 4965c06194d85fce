//! One look into the evidence room: a caller, one snapshot, and records by their numbers. What the caller may not read has a
//! number all the same, and is hidden.

use crate::domain::id::RecordId;
use crate::domain::kind::{Kind, OFFICE};
use crate::domain::record::Record;
use crate::domain::value::Value;
use crate::services::Services;
use crate::services::audit::Event;
use crate::services::caller::Caller;
use crate::services::failure::{Failure, Outcome};
use crate::services::find;
use crate::services::policy::{self, Deed};
use crate::store::database::{Read, Snapshot};
use crate::store::error::StoreError;
use crate::views::{ordinals, records};

/// Offices that the agency gave no number of its own have one behind all those that it can give.
const OFFICES_AFTER: i64 = 1_000_000_000;

/// What stands under a number.
#[derive(Debug)]
pub enum Found {
    /// Nothing yet.
    NotIssued,
    /// Something that is gone or that the caller may not see.
    Hidden,
    /// This.
    Seen(Box<Record>),
}

/// A caller's look at the records of one moment.
pub struct Room<'r> {
    /// Behind which it lies.
    pub services: &'r Services,
    /// Who looks.
    pub caller: &'r Caller,
    /// The records of this moment.
    pub rows: Snapshot,
}

impl Services {
    /// A look at the records as of now.
    ///
    /// # Errors
    /// The disk failed.
    pub fn room<'r>(&'r self, caller: &'r Caller) -> Outcome<Room<'r>> {
        Ok(Room {
            services: self,
            caller,
            rows: self.snapshot()?,
        })
    }
}

impl Room<'_> {
    /// What stands under a number of a kind; that it was read is noted.
    ///
    /// # Errors
    /// `Denied` without the scope; the store failed.
    pub fn look(&self, kind: &'static Kind, number: i64) -> Outcome<Found> {
        self.services
            .demand(self.caller, "read", policy::scope_for(kind, Deed::Read))?;
        match self.id_of(kind, number)? {
            None => Ok(Found::NotIssued),
            Some(id) => self.look_at(kind, id),
        }
    }

    /// What the record with a number is to the caller.
    ///
    /// # Errors
    /// The store failed.
    pub fn look_at(&self, kind: &Kind, id: RecordId) -> Outcome<Found> {
        if let Some(record) = self.seen(kind, id)? {
            self.services.note_read(self.caller, &self.rows, &record)?;
            return Ok(Found::Seen(Box::new(record)));
        }
        let event = Event::refused("read", "unknown", Some(id)).with("kind", Value::text(kind.name));
        self.services.note_plain_read(self.caller, event)?;
        Ok(Found::Hidden)
    }

    /// The record of a number, which must be there for the caller.
    ///
    /// # Errors
    /// `Unknown`; see [`Room::look`].
    pub fn record(&self, kind: &'static Kind, number: i64) -> Outcome<Record> {
        match self.look(kind, number)? {
            Found::Seen(record) => Ok(*record),
            Found::NotIssued | Found::Hidden => Err(Failure::Unknown(kind.name)),
        }
    }

    /// A record that the caller may read, unnoted: what is told of it is part of something that is noted.
    ///
    /// # Errors
    /// The disk failed.
    pub fn seen(&self, kind: &Kind, id: RecordId) -> Outcome<Option<Record>> {
        self.services.work().reads_one();
        let record = records::get(&self.rows, id)?;
        match record.filter(|record| record.kind == kind.name && !record.is_expunged()) {
            Some(record) if find::may_read(&self.rows, self.caller, &record)? => Ok(Some(record)),
            _ => Ok(None),
        }
    }

    /// The record of a number, whoever may read it.
    ///
    /// # Errors
    /// The disk failed.
    pub fn id_of(&self, kind: &'static Kind, number: i64) -> Outcome<Option<RecordId>> {
        Ok(id_of(&self.rows, self.caller, kind, number)?)
    }

    /// The number of a record.
    ///
    /// # Errors
    /// The disk failed.
    pub fn number_of(&self, id: RecordId) -> Outcome<Option<u64>> {
        Ok(ordinals::of(&self.rows, id)?)
    }
}

/// The record of the caller's agency that has a number among those of its kind.
///
/// # Errors
/// The disk failed.
pub fn id_of(
    rows: &impl Read,
    caller: &Caller,
    kind: &'static Kind,
    number: i64,
) -> Result<Option<RecordId>, StoreError> {
    let Ok(ordinal) = u64::try_from(number) else {
        return Ok(None);
    };
    if kind.name != OFFICE.name {
        return ordinals::record(rows, caller.tenant(), kind, ordinal);
    }
    // An office is called by the agency's own number of it.
    if number > OFFICES_AFTER {
        let id = ordinals::record(
            rows,
            caller.tenant(),
            kind,
            ordinal - OFFICES_AFTER.unsigned_abs(),
        )?;
        return Ok(id);
    }
    let mut offices = Vec::new();
    ordinals::from(rows, (caller.tenant(), kind), 1, &mut |_, id| {
        offices.push(id);
        true
    })?;
    for office in offices {
        let record = records::get(rows, office)?;
        if record.and_then(|record| record.get("number")?.as_int()) == Some(number) {
            return Ok(Some(office));
        }
    }
    Ok(None)
}

/// The number of an office: the agency's own, or one behind all of those.
///
/// # Errors
/// The disk failed.
pub fn office_number(rows: &impl Read, office: &Record) -> Result<Option<i64>, StoreError> {
    if let Some(number) = office.get("number").and_then(Value::as_int) {
        return Ok(Some(number));
    }
    let ordinal = ordinals::of(rows, office.id)?.and_then(|number| i64::try_from(number).ok());
    Ok(ordinal.map(|number| OFFICES_AFTER + number))
}
