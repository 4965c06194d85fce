//! Which files operations name: in values with the members of a file (`sha256` and `media_type`, perhaps a `thumbnail`), and as
//! the `signature` of a custody entry. Hashes that stand for something else (of a key, of bytes that somebody else holds) name none.

use crate::domain::id::{Hash, RecordId};
use crate::domain::operation::{Action, Operation};
use crate::domain::record::{Record, SEALING};
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

/// The files of a record that this operation seals, which may expunge it; nothing for any other operation.
pub(super) fn of_sealed(before: Option<&Record>, operation: &Operation) -> Vec<Hash> {
    let mut changes = operation.payload.iter().flat_map(|payload| &payload.changes);
    let mut hashes = Vec::new();
    if changes.any(|change| change.field == SEALING) {
        let fields = before.iter().flat_map(|before| before.fields.values());
        for version in fields.flat_map(|field| &field.versions) {
            collect(&version.value, &mut hashes);
            hashes.extend(version.value.as_map().and_then(|map| hash(map, "signature")));
        }
    }
    hashes
}

/// Counts in what an operation names; an expunged record names nothing any more.
pub(super) fn note(
    rows: &mut Rows<'_>,
    before: &[Hash],
    record: &Record,
    operation: &Operation,
) -> Result<(), StoreError> {
    if record.is_expunged() {
        for hash in before {
            rows.delete(Table::Files, &key(*hash, record.id))?;
        }
        return Ok(());
    }
    for hash in named_by(operation) {
        rows.put(Table::Files, &key(hash, record.id), &[])?;
    }
    Ok(())
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
