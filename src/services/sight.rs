//! What a record says of others that its reader may not know of: that is left out before a lane is given the record.

use std::collections::HashMap;
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

/// What a record says of such.
fn said_of_others(record: &Record) -> impl Iterator<Item = &Value> {
    let fields = record.fields.iter();
    let naming = fields.filter(|((name, _), _)| names_others(&record.kind, name));
    naming.flat_map(|(_, field)| field.versions.iter().map(|version| &version.value))
}

/// Whether a record names such.
pub(super) fn names_any(record: &Record) -> bool {
    said_of_others(record).next().is_some()
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

/// Whether a caller may know of a record; each is read once. Of what has not arrived only those may who read everything.
pub(super) fn of<'r>(rows: &'r impl Read, caller: &'r Caller) -> impl FnMut(RecordId) -> Outcome<bool> + 'r {
    let mut known = HashMap::new();
    move |id| {
        if let Some(is_known) = known.get(&id) {
            return Ok(*is_known);
        }
        let is_known = match records::get(rows, id)? {
            Some(record) => !record.is_expunged() && find::may_read(rows, caller, &record)?,
            None => policy::reads_all(caller),
        };
        known.insert(id, is_known);
        Ok(is_known)
    }
}

/// A record that may be read, without the names of what may not be known of.
///
/// # Errors
/// Those of `sees`.
pub(super) fn of_record(mut record: Record, sees: &mut Sees<'_>) -> Outcome<Record> {
    let Record { kind, fields, .. } = &mut record;
    for ((name, _), field) in fields {
        if names_others(kind, name) {
            for version in &mut field.versions {
                version.value = without_hidden(&version.value, sees)?;
            }
        }
    }
    Ok(record)
}

/// The same of one that others hold too.
///
/// # Errors
/// Those of `sees`.
pub(super) fn of_shared(record: Arc<Record>, sees: &mut Sees<'_>) -> Outcome<Arc<Record>> {
    let mut hides = false;
    for value in said_of_others(&record) {
        hides |= without_hidden(value, sees)? != *value;
    }
    match hides {
        true => of_record(Arc::unwrap_or_clone(record), sees).map(Arc::new),
        false => Ok(record),
    }
}

/// Whether everybody who may read the record sees the same of it.
///
/// # Errors
/// The disk failed.
pub(super) fn is_same_for_all(rows: &impl Read, record: &Record) -> Outcome<bool> {
    let mut same = true;
    for value in said_of_others(record) {
        without_hidden(value, &mut |id| {
            let named = records::get(rows, id)?;
            let restricted = named.map(|named| find::is_restricted(rows, &named)).transpose()?;
            same &= restricted == Some(false);
            Ok(true)
        })?;
    }
    Ok(same)
}

/// An operation on a record of this kind as a caller may see it. Its changes keep their places.
///
/// # Errors
/// Those of `sees`.
pub(super) fn of_operation(kind: &str, mut operation: Operation, sees: &mut Sees<'_>) -> Outcome<Operation> {
    let changes = operation
        .payload
        .iter_mut()
        .flat_map(|payload| &mut payload.changes);
    for change in changes.filter(|change| names_others(kind, &change.field)) {
        if let Action::Set(value) | Action::Fix(value) = &mut change.action {
            *value = without_hidden(value, sees)?;
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
