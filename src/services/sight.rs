//! What a record says of others that its reader may not know of: that is left out before a lane is given the record.

use std::sync::Arc;

use crate::domain::id::RecordId;
use crate::domain::kind::{REPORT, TIMELINE_ENTRY};
use crate::domain::operation::{Action, Operation};
use crate::domain::record::Record;
use crate::domain::value::Value;
use crate::services::caller::Caller;
use crate::services::failure::Outcome;
use crate::services::{find, policy};
use crate::store::database::Read;
use crate::views::records;

/// Whether a record may be known of.
type Sees<'s> = dyn FnMut(RecordId) -> Outcome<bool> + 's;

/// Whether a field names records of which the reader of this one may not know. What a record belongs to is judged with it,
/// and is no such field.
fn names_others(kind: &str, field: &str) -> bool {
    (kind == REPORT.name && field == "case_id")
        || (kind == TIMELINE_ENTRY.name && matches!(field, "about" | "corrects"))
}

/// Whether records of a kind can name such.
pub(super) fn may_name_others(kind: &str) -> bool {
    kind == REPORT.name || kind == TIMELINE_ENTRY.name
}

/// A value without the ids of what may not be known of.
fn without_hidden(value: &Value, sees: &mut Sees<'_>) -> Outcome<Value> {
    Ok(match value {
        Value::Id(id) if !sees(*id)? => Value::Null,
        Value::List(list) => {
            let mut seen = Vec::new();
            for value in list {
                seen.push(without_hidden(value, sees)?);
            }
            seen.retain(|value| *value != Value::Null);
            Value::List(seen)
        }
        value => value.clone(),
    })
}

/// Whether a caller may know of a record. Of what has not arrived only those may who read everything.
fn may_know(rows: &impl Read, caller: &Caller, id: RecordId) -> Outcome<bool> {
    match records::get(rows, id)? {
        Some(record) if record.is_expunged() => Ok(false),
        Some(record) => Ok(find::may_read(rows, caller, &record)?),
        None => Ok(policy::reads_all(caller)),
    }
}

/// The record as a caller may see it, who may read it.
///
/// # Errors
/// The disk failed.
pub(super) fn of_caller(rows: &impl Read, caller: &Caller, mut record: Record) -> Outcome<Record> {
    if may_name_others(&record.kind) {
        for ((name, _), field) in &mut record.fields {
            if !names_others(&record.kind, name) {
                continue;
            }
            for version in &mut field.versions {
                version.value = without_hidden(&version.value, &mut |id| may_know(rows, caller, id))?;
            }
        }
    }
    Ok(record)
}

/// The same of one that others hold too.
///
/// # Errors
/// The disk failed.
pub(super) fn of_caller_shared(
    rows: &impl Read,
    caller: &Caller,
    record: Arc<Record>,
) -> Outcome<Arc<Record>> {
    match may_name_others(&record.kind) {
        true => of_caller(rows, caller, Arc::unwrap_or_clone(record)).map(Arc::new),
        false => Ok(record),
    }
}

/// Whether everybody who may read the record sees the same of it.
///
/// # Errors
/// The disk failed.
pub(super) fn is_same_for_all(rows: &impl Read, record: &Record) -> Outcome<bool> {
    let mut same = true;
    for ((name, _), field) in &record.fields {
        if !names_others(&record.kind, name) {
            continue;
        }
        for version in &field.versions {
            without_hidden(&version.value, &mut |id| {
                let named = records::get(rows, id)?;
                let restricted = named.map(|named| find::is_restricted(rows, &named)).transpose()?;
                same &= restricted == Some(false);
                Ok(true)
            })?;
        }
    }
    Ok(same)
}

/// An operation on a record of this kind as a caller may see it. Its changes keep their places.
///
/// # Errors
/// The disk failed.
pub(super) fn of_operation(
    rows: &impl Read,
    caller: &Caller,
    kind: &str,
    mut operation: Operation,
) -> Outcome<Operation> {
    let changes = operation
        .payload
        .iter_mut()
        .flat_map(|payload| &mut payload.changes);
    for change in changes.filter(|change| names_others(kind, &change.field)) {
        if let Action::Set(value) | Action::Fix(value) = &mut change.action {
            *value = without_hidden(value, &mut |id| may_know(rows, caller, id))?;
        }
    }
    Ok(operation)
}

/// What changed in a record of this kind, without what may not be known of.
///
/// # Errors
/// Those of `sees`.
pub(super) fn of_changes(
    kind: &str,
    changes: &[(String, Value)],
    sees: &mut Sees<'_>,
) -> Outcome<Vec<(String, Value)>> {
    let mut seen = Vec::new();
    for (field, value) in changes {
        if !names_others(kind, field) {
            seen.push((field.clone(), value.clone()));
            continue;
        }
        let left = without_hidden(value, sees)?;
        // Null would say that it was cleared.
        if left != Value::Null || *value == Value::Null {
            seen.push((field.clone(), left));
        }
    }
    Ok(seen)
}
