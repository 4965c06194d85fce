//! Numbers that evidence-room clients count by: views of this node alone, made where operations arrive. Each record of some
//! kinds gets the next whole number of its agency and kind; each operation on an item of evidence gets the next number of a
//! change; an item gets the next number of its case. All begin at 1, have no gap, and are never used again.
//!
//! All but the last follow from headers, which are never erased. What a payload said of the case, the receipt of an erasure
//! says again ([`restate`]).

use crate::domain::id::{RecordId, TenantId};
use crate::domain::kind::{CASE, CATEGORY, ENTITY, EVIDENCE, FORM, Kind, LOCATION, NOTE, OFFICE, TEAM, USER};
use crate::domain::operation::Operation;
use crate::domain::record::Record;
use crate::domain::value::Value;
use crate::store::database::{Direction, Read, Rows};
use crate::store::error::StoreError;
use crate::store::tables::Table;
use crate::views::keys::Key;

/// The kinds whose records have a number.
pub const NUMBERED: [&Kind; 10] = [
    &EVIDENCE, &CASE, &ENTITY, &USER, &OFFICE, &TEAM, &CATEGORY, &FORM, &LOCATION, &NOTE,
];

/// The series of changes of items. No kind has such a name.
const CHANGES: &str = "!changes";
/// The series of the number of a record, from the record's side.
const OWN: &str = "!own";
/// The series of an item's number in its case.
const IN_CASE: &str = "!in-case";

/// A change of an item.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ItemChange {
    /// Its number in the agency.
    pub number: u64,
    /// The item.
    pub item: RecordId,
    /// The log that it stands in, by its number here.
    pub log: u32,
    /// Its place there.
    pub seq: u64,
}

/// The operation has arrived and made the record what it is.
pub(super) fn note(
    rows: &mut Rows<'_>,
    log: u32,
    operation: &Operation,
    record: &Record,
) -> Result<(), StoreError> {
    let header = &operation.header;
    let (tenant, id) = (&header.tenant, header.record);
    let numbered = NUMBERED.iter().any(|kind| kind.name == header.kind);
    if numbered && of(rows, id)?.is_none() {
        let number = last(rows, tenant, &header.kind)? + 1;
        rows.put(Table::Ordinals, &key(tenant, &header.kind, number), &id.bytes())?;
        rows.put(Table::OrdinalsOf, &key_of(id, OWN).bytes(), &number.to_be_bytes())?;
    }
    if header.kind != EVIDENCE.name {
        return Ok(());
    }
    let number = last(rows, tenant, CHANGES)? + 1;
    let place = [&log.to_be_bytes()[..], &header.id.seq.to_be_bytes()].concat();
    let row = [&id.bytes()[..], &place].concat();
    rows.put(Table::Ordinals, &key(tenant, CHANGES, number), &row)?;
    let from_item = key_of(id, CHANGES).and_u64(number).bytes();
    rows.put(Table::OrdinalsOf, &from_item, &place)?;
    match record.get("case_id").and_then(Value::as_id) {
        Some(case) if in_case(rows, id)?.is_none() => {
            let number = last_in_case(rows, case)? + 1;
            restate(rows, case, id, number)
        }
        _ => Ok(()),
    }
}

/// An item has this number in its case.
pub(super) fn restate(
    rows: &mut Rows<'_>,
    case: RecordId,
    item: RecordId,
    number: u64,
) -> Result<(), StoreError> {
    rows.put(
        Table::OrdinalsOf,
        &key_of(item, IN_CASE).bytes(),
        &number.to_be_bytes(),
    )?;
    if number > last_in_case(rows, case)? {
        let last = key_of(case, IN_CASE).bytes();
        rows.put(Table::OrdinalsOf, &last, &number.to_be_bytes())?;
    }
    Ok(())
}

fn key(tenant: &TenantId, series: &str, number: u64) -> Vec<u8> {
    Key::tenant(tenant).and_text(series).and_u64(number).bytes()
}

fn key_of(id: RecordId, series: &str) -> Key {
    Key::record(id).and_text(series)
}

/// The last number of a series of an agency: of a kind by its name.
fn last(rows: &impl Read, tenant: &TenantId, series: &str) -> Result<u64, StoreError> {
    let prefix = Key::tenant(tenant).and_text(series).bytes();
    let mut last = 0;
    rows.scan_prefix(Table::Ordinals, &prefix, Direction::Down, &mut |key, _| {
        last = number_at_end(key);
        false
    })?;
    Ok(last)
}

fn number_at_end(key: &[u8]) -> u64 {
    key.last_chunk().copied().map_or(0, u64::from_be_bytes)
}

fn number_in(row: Option<Vec<u8>>) -> Option<u64> {
    Some(u64::from_be_bytes(row?.try_into().ok()?))
}

/// The number of a record; `None` of a kind that has none.
///
/// # Errors
/// The disk failed.
pub fn of(rows: &impl Read, id: RecordId) -> Result<Option<u64>, StoreError> {
    Ok(number_in(rows.get(Table::OrdinalsOf, &key_of(id, OWN).bytes())?))
}

/// The record of an agency that has this number among those of its kind.
///
/// # Errors
/// The disk failed.
pub fn record(
    rows: &impl Read,
    tenant: &TenantId,
    kind: &Kind,
    number: u64,
) -> Result<Option<RecordId>, StoreError> {
    let row = rows.get(Table::Ordinals, &key(tenant, kind.name, number))?;
    Ok(row.and_then(|row| row.try_into().ok()).map(RecordId::from_bytes))
}

/// Walks the records of an agency and kind from a number on; `visit` says whether it wants more.
///
/// # Errors
/// The disk failed.
pub fn from(
    rows: &impl Read,
    (tenant, kind): (&TenantId, &Kind),
    first: u64,
    visit: &mut dyn FnMut(u64, RecordId) -> bool,
) -> Result<(), StoreError> {
    let start = key(tenant, kind.name, first);
    let end = crate::store::database::after(&Key::tenant(tenant).and_text(kind.name).bytes());
    rows.scan(Table::Ordinals, &start, &end, Direction::Up, &mut |key, row| {
        let id = row.first_chunk().copied().map(RecordId::from_bytes);
        id.is_none_or(|id| visit(number_at_end(key), id))
    })
}

/// An item's number in its case.
///
/// # Errors
/// The disk failed.
pub fn in_case(rows: &impl Read, item: RecordId) -> Result<Option<u64>, StoreError> {
    Ok(number_in(
        rows.get(Table::OrdinalsOf, &key_of(item, IN_CASE).bytes())?,
    ))
}

/// The last number that an item of this case was given; 0 before the first.
///
/// # Errors
/// The disk failed.
pub fn last_in_case(rows: &impl Read, case: RecordId) -> Result<u64, StoreError> {
    Ok(in_case(rows, case)?.unwrap_or(0))
}

/// The change of an item that has this number in the agency.
///
/// # Errors
/// The disk failed.
pub fn change(rows: &impl Read, tenant: &TenantId, number: u64) -> Result<Option<ItemChange>, StoreError> {
    let row = rows.get(Table::Ordinals, &key(tenant, CHANGES, number))?;
    let Some((item, place)) = row.as_deref().and_then(|row| row.split_first_chunk()) else {
        return Ok(None);
    };
    Ok(change_at(number, RecordId::from_bytes(*item), place))
}

/// The changes of an item, the oldest first.
///
/// # Errors
/// The disk failed.
pub fn changes_of(rows: &impl Read, item: RecordId) -> Result<Vec<ItemChange>, StoreError> {
    let mut changes = Vec::new();
    let prefix = key_of(item, CHANGES).bytes();
    rows.scan_prefix(Table::OrdinalsOf, &prefix, Direction::Up, &mut |key, place| {
        changes.extend(change_at(number_at_end(key), item, place));
        true
    })?;
    Ok(changes)
}

fn change_at(number: u64, item: RecordId, place: &[u8]) -> Option<ItemChange> {
    Some(ItemChange {
        number,
        item,
        log: u32::from_be_bytes(*place.first_chunk()?),
        seq: u64::from_be_bytes(*place.last_chunk()?),
    })
}
