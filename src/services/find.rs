//! Finds records for a caller. What the caller may not read is not there.

use std::borrow::Borrow;
use std::str::FromStr;

use crate::domain::id::RecordId;
use crate::domain::kind::{self, ALERT, CASE, EXTERNAL_ID, Kind, NOTE};
use crate::domain::record::Record;
use crate::domain::value::Value;
use crate::services::caller::Caller;
use crate::services::failure::{Failure, Outcome};
use crate::services::policy::{self, Deed};
use crate::store::database::{Direction, Read};
use crate::store::error::StoreError;
use crate::views::records;

/// Before an external id where any id can stand.
pub const EXTERNAL_PREFIX: &str = "ext:";

/// The record of this kind that the caller calls so: by internal id, display id, or `ext:` and its own id.
///
/// # Errors
/// `Unknown` if there is none for this caller.
pub fn record(rows: &impl Read, caller: &Caller, kind: &'static Kind, reference: &str) -> Outcome<Record> {
    match unjudged(rows, caller, kind, reference)? {
        Some(record) if may_read(rows, caller, &record)? => Ok(record),
        _ => Err(Failure::Unknown(kind.name)),
    }
}

/// The record of the caller's agency that is called so, whether or not the caller may read it: for those who judge.
pub(super) fn unjudged(
    rows: &impl Read,
    caller: &Caller,
    kind: &Kind,
    reference: &str,
) -> Result<Option<Record>, StoreError> {
    let Some(id) = id_of(rows, caller, kind, reference)? else {
        return Ok(None);
    };
    let record = records::get(rows, id)?;
    Ok(record.filter(|record| {
        record.kind == kind.name && record.tenant == *caller.tenant() && !record.is_expunged()
    }))
}

/// The id of what the caller calls so, whether or not it is there and the caller may read it.
pub(super) fn id_of(
    rows: &impl Read,
    caller: &Caller,
    kind: &Kind,
    reference: &str,
) -> Result<Option<RecordId>, StoreError> {
    if let Ok(id) = RecordId::from_str(reference) {
        return Ok(Some(id));
    }
    if let Some(external) = reference.strip_prefix(EXTERNAL_PREFIX) {
        return records::by_name(
            rows,
            caller.tenant().as_str(),
            kind,
            &EXTERNAL_ID,
            external.trim(),
        );
    }
    records::by_display(rows, caller.tenant(), Some(kind), reference)
}

/// The record that a field's reference names, if the caller may read it; `wanted` is its kind, or empty for any.
pub fn reference(rows: &impl Read, caller: &Caller, wanted: &str, text: &str) -> Option<RecordId> {
    let kinds = kind::KINDS
        .into_iter()
        .filter(|kind| wanted.is_empty() || kind.name == wanted);
    kinds
        .into_iter()
        .find_map(|kind| record(rows, caller, kind, text).ok())
        .map(|record| record.id)
}

/// Steps from a record to its case, at most: a note on an item of evidence, an alert about that note.
const STEPS_MAX: usize = 8;

/// What a record belongs to.
pub(super) enum Belongs<R = Box<Record>> {
    /// To nothing: it is judged by itself.
    Alone,
    /// To this one, at the end of the row of those that it belongs to.
    To(R),
    /// To one that has not arrived here.
    Unknown,
}

/// What a record belongs to.
///
/// # Errors
/// The disk failed.
pub(super) fn belongs(rows: &impl Read, record: &Record) -> Result<Belongs, StoreError> {
    belongs_by(record, &mut |id| Ok(records::get(rows, id)?.map(Box::new)))
}

/// The same for one who holds records.
///
/// # Errors
/// Those of `get`.
pub(super) fn belongs_by<R: Borrow<Record>>(
    record: &Record,
    get: &mut dyn FnMut(RecordId) -> Result<Option<R>, StoreError>,
) -> Result<Belongs<R>, StoreError> {
    let mut last: Option<R> = None;
    for _ in 0..STEPS_MAX {
        let child = last.as_ref().map_or(record, Borrow::borrow);
        let parent = kind::kind(&child.kind).and_then(|kind| kind.fields.iter().find(|field| field.parent));
        let id = parent
            .and_then(|field| child.get(field.name))
            .and_then(Value::as_id);
        match id.map(&mut *get).transpose()? {
            None => return Ok(last.map_or(Belongs::Alone, Belongs::To)),
            Some(None) => return Ok(Belongs::Unknown),
            Some(Some(parent)) => last = Some(parent),
        }
    }
    Ok(Belongs::Unknown)
}

/// The case that a record belongs to, if it belongs to one and is not one itself: for texts. Whoever judges asks [`readers`],
/// because none may also mean that it has not arrived.
///
/// # Errors
/// The disk failed.
pub fn case_of(rows: &impl Read, record: &Record) -> Result<Option<Record>, StoreError> {
    match belongs(rows, record)? {
        Belongs::To(case) => Ok(Some(*case)),
        Belongs::Alone | Belongs::Unknown => Ok(None),
    }
}

/// Cases of one person or thing that are asked, at most.
const CASES_MAX: usize = 100;

/// The cases that a person or thing was put in, by their time.
///
/// # Errors
/// The disk failed.
pub(super) fn cases_with(rows: &impl Read, entity: RecordId) -> Result<Vec<Record>, StoreError> {
    let mut ids = Vec::new();
    let naming = (CASE.name, "entities");
    records::links(rows, entity, naming, Direction::Up, None, &mut |_, id| {
        ids.push(id);
        ids.len() < CASES_MAX
    })?;
    let mut cases = Vec::new();
    for id in ids {
        cases.extend(records::get(rows, id)?);
    }
    Ok(cases)
}

/// The words one of which a reader of the record must have. What belongs to something that has not arrived here may be
/// anything, so it is judged as sealed until that has come.
///
/// # Errors
/// The disk failed.
pub fn readers(rows: &impl Read, record: &Record) -> Result<Vec<String>, StoreError> {
    Ok(readers_by(record, &belongs(rows, record)?))
}

/// The same, of a record of which it is known what it belongs to.
pub(super) fn readers_by<R: Borrow<Record>>(record: &Record, belongs: &Belongs<R>) -> Vec<String> {
    match belongs {
        Belongs::Alone => policy::readers_of(record, None),
        Belongs::To(case) => policy::readers_of(record, Some(case.borrow())),
        Belongs::Unknown => vec!["sealed".to_owned()],
    }
}

/// The scopes that a reader of the record must have beside that of its kind: a note is told to those who may read notes and what
/// it is about, and an alert about a note to those who may read that.
///
/// # Errors
/// Those of `get`.
pub(super) fn scopes_beside<R: Borrow<Record>>(
    record: &Record,
    get: &mut dyn FnMut(RecordId) -> Result<Option<R>, StoreError>,
) -> Result<Vec<String>, StoreError> {
    let (mut scopes, mut last) = (Vec::new(), None::<R>);
    for _ in 0..STEPS_MAX {
        let own = last.as_ref().map_or(record, Borrow::borrow);
        let is_note = own.kind == NOTE.name;
        let subject = own.get("record_id").and_then(Value::as_id);
        let subject = subject.filter(|_| is_note || own.kind == ALERT.name);
        let Some(subject) = subject.map(&mut *get).transpose()?.flatten() else {
            break;
        };
        let kind = kind::kind(&subject.borrow().kind).filter(|kind| is_note || kind.name == NOTE.name);
        let Some(kind) = kind else { break };
        scopes.push(policy::scope_for(kind, Deed::Read));
        last = Some(subject);
    }
    Ok(scopes)
}

/// Whether the caller may read the record.
///
/// # Errors
/// The disk failed.
pub fn may_read(rows: &impl Read, caller: &Caller, record: &Record) -> Result<bool, StoreError> {
    let words = policy::words_of(caller);
    let readers = readers(rows, record)?;
    let scopes = scopes_beside(record, &mut |id| records::get(rows, id))?;
    if !scopes.iter().all(|scope| policy::has_scope(caller, scope)) {
        return Ok(false);
    }
    Ok(record.tenant == *caller.tenant() && readers.iter().any(|word| words.contains(word)))
}

/// Whether a read of the record leaves an audit entry before the answer.
///
/// # Errors
/// The disk failed.
pub fn is_restricted(rows: &impl Read, record: &Record) -> Result<bool, StoreError> {
    Ok(!readers(rows, record)?.iter().any(|word| word == "open"))
}
