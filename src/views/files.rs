//! Which files operations name: in values with the members of a file (`sha256` and `media_type`, perhaps a `thumbnail`), and as
//! the `signature` of a custody entry. Hashes that stand for something else (of a key, of bytes that somebody else holds) name none.

use crate::domain::id::{Hash, RecordId};
use crate::domain::operation::{Action, Operation};
use crate::domain::record::Record;
use crate::domain::value::{Fields, Value};
use crate::store::database::{Direction, Read, Rows};
use crate::store::error::StoreError;
use crate::store::tables::Table;

/// The files that an operation names; none once its payload is erased.
pub fn named_by(operation: &Operation) -> Vec<Hash> {
    let mut hashes = Vec::new();
    for change in operation.payload.iter().flat_map(|payload| &payload.changes) {
        match &change.action {
            Action::Set(value) | Action::Append(value) | Action::Add(value) | Action::Fix(value) => {
                collect(value, &mut hashes);
            }
            Action::Step(value) => {
                collect(value, &mut hashes);
                hashes.extend(value.as_map().and_then(|step| hash(step, "signature")));
            }
            Action::Remove | Action::Raise(_) => {}
        }
    }
    hashes
}

/// Whether any operation known here names the file.
///
/// # Errors
/// The disk failed.
pub fn is_named(rows: &impl Read, hash: Hash) -> Result<bool, StoreError> {
    let mut found = false;
    rows.scan_prefix(Table::Files, &hash.0, Direction::Up, &mut |_, _| {
        found = true;
        false
    })?;
    Ok(found)
}

/// The files that a record's operations name.
///
/// # Errors
/// The disk failed.
pub fn files_of(rows: &impl Read, record: RecordId) -> Result<Vec<Hash>, StoreError> {
    let mut hashes = Vec::new();
    rows.scan_prefix(Table::FilesOf, &record.bytes(), Direction::Up, &mut |key, _| {
        hashes.extend(key.last_chunk().copied().map(Hash));
        true
    })?;
    Ok(hashes)
}

/// Every file with each record that names it, record after record.
///
/// # Errors
/// The disk failed.
pub fn all(rows: &impl Read, visit: &mut dyn FnMut(RecordId, Hash)) -> Result<(), StoreError> {
    rows.scan(Table::FilesOf, &[], &[], Direction::Up, &mut |key, _| {
        if let (Some(record), Some(hash)) = (key.first_chunk(), key.last_chunk()) {
            visit(RecordId::from_bytes(*record), Hash(*hash));
        }
        true
    })
}

/// Whether a record beside these names the file.
///
/// # Errors
/// The disk failed.
pub fn is_named_beside(rows: &impl Read, hash: Hash, records: &[RecordId]) -> Result<bool, StoreError> {
    let mut beside = false;
    rows.scan_prefix(Table::Files, &hash.0, Direction::Up, &mut |key, _| {
        let by = key.last_chunk().copied().map(RecordId::from_bytes);
        beside = by.is_some_and(|by| !records.contains(&by));
        !beside
    })?;
    Ok(beside)
}

/// Counts in what an operation names; an expunged record names nothing any more.
pub(super) fn note(rows: &mut Rows<'_>, record: &Record, operation: &Operation) -> Result<(), StoreError> {
    if record.is_expunged() {
        for hash in files_of(rows, record.id)? {
            rows.delete(Table::Files, &key(hash, record.id))?;
            rows.delete(Table::FilesOf, &key_of(record.id, hash))?;
        }
        return Ok(());
    }
    for hash in named_by(operation) {
        rows.put(Table::Files, &key(hash, record.id), &[])?;
        rows.put(Table::FilesOf, &key_of(record.id, hash), &[])?;
    }
    Ok(())
}

fn key_of(record: RecordId, hash: Hash) -> Vec<u8> {
    [&record.bytes()[..], &hash.0].concat()
}

fn key(hash: Hash, record: RecordId) -> Vec<u8> {
    [&hash.0[..], &record.bytes()].concat()
}

fn hash(map: &Fields, member: &str) -> Option<Hash> {
    map.get(member)?.as_text()?.parse().ok()
}

fn collect(value: &Value, hashes: &mut Vec<Hash>) {
    match value {
        Value::List(list) => list.iter().for_each(|member| collect(member, hashes)),
        Value::Map(map) => {
            if map.contains_key("media_type") {
                hashes.extend(
                    ["sha256", "thumbnail"]
                        .iter()
                        .filter_map(|member| hash(map, member)),
                );
            }
            map.values().for_each(|member| collect(member, hashes));
        }
        _ => {}
    }
}
