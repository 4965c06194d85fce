//! Finds records for a caller. What the caller may not read is not there.

use std::str::FromStr;

use crate::domain::id::RecordId;
use crate::domain::kind::{self, EXTERNAL_ID, Kind};
use crate::domain::record::Record;
use crate::domain::value::Value;
use crate::services::caller::Caller;
use crate::services::failure::{Failure, Outcome};
use crate::services::policy;
use crate::store::database::Read;
use crate::store::error::StoreError;
use crate::views::records;

/// Before an external id where any id can stand.
pub const EXTERNAL_PREFIX: &str = "ext:";

/// The record of this kind that the caller calls so: by internal id, display id, or `ext:` and its own id.
///
/// # Errors
/// `Unknown` if there is none for this caller.
pub fn record(rows: &impl Read, caller: &Caller, kind: &'static Kind, reference: &str) -> Outcome<Record> {
    let id = id_of(rows, caller, kind, reference)?.ok_or(Failure::Unknown(kind.name))?;
    let record = records::get(rows, id)?.filter(|record| record.kind == kind.name);
    match record {
        Some(record) if may_read(rows, caller, &record)? => Ok(record),
        _ => Err(Failure::Unknown(kind.name)),
    }
}

fn id_of(
    rows: &impl Read,
    caller: &Caller,
    kind: &Kind,
    reference: &str,
) -> Result<Option<RecordId>, StoreError> {
    if let Ok(id) = RecordId::from_str(reference) {
        return Ok(Some(id));
    }
    if let Some(external) = reference.strip_prefix(EXTERNAL_PREFIX) {
        return records::by_name(rows, caller.tenant().as_str(), kind, &EXTERNAL_ID, external);
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

/// The case that a record belongs to, if it belongs to one and is not one itself.
///
/// # Errors
/// The disk failed.
pub fn case_of(rows: &impl Read, record: &Record) -> Result<Option<Record>, StoreError> {
    let Some(kind) = kind::kind(&record.kind) else {
        return Ok(None);
    };
    let parent = kind.fields.iter().find(|field| field.parent);
    let Some(id) = parent
        .and_then(|field| record.get(field.name))
        .and_then(Value::as_id)
    else {
        return Ok(None);
    };
    let Some(parent) = records::get(rows, id)? else {
        return Ok(None);
    };
    // A note on an item of evidence belongs to the item's case.
    Ok(case_of(rows, &parent)?.or(Some(parent)))
}

/// Whether the caller may read the record.
///
/// # Errors
/// The disk failed.
pub fn may_read(rows: &impl Read, caller: &Caller, record: &Record) -> Result<bool, StoreError> {
    Ok(policy::may_read(caller, record, case_of(rows, record)?.as_ref()))
}
