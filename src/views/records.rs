//! Records and the ways to find them: by id, by number, by a unique field, in lists, from the records that they name.

use std::collections::{BTreeMap, BTreeSet};

use crate::domain::id::{RecordId, TenantId};
use crate::domain::kind::{DISPLAY_ID, ERASURE, Field, Kind};
use crate::domain::operation::Operation;
use crate::domain::record::Record;
use crate::domain::time::{Hlc, Millis};
use crate::store::codec::{decode_record, encode_record};
use crate::store::database::{Direction, Read, Rows, after};
use crate::store::error::StoreError;
use crate::store::tables::Table;
use crate::views::erasures;
use crate::views::files;
use crate::views::fold::fold;
use crate::views::index::{
    Order, closed_count_key, conflicts_prefix, count_key, counts_of, display_key, link_prefix, list_key,
    list_prefix, name_key, rows_of,
};
use crate::views::keys::{Key, last_record};

/// Folds an operation into its record, and lets the rows by which the record is found follow; gives the record.
pub(super) fn apply(rows: &mut Rows<'_>, log: u32, operation: &Operation) -> Result<Record, StoreError> {
    let header = &operation.header;
    let before = get(rows, header.record)?;
    let found_before = before.as_ref().map_or_else(BTreeSet::new, rows_of);
    let counted_before = before.as_ref().map_or_else(BTreeSet::new, counts_of);
    let record = fold(before, operation);
    files::note(rows, &record, operation)?;
    let found = rows_of(&record);
    for (table, key) in found_before.difference(&found) {
        if *table != Table::Names || rows.get(*table, key)?.as_deref() == Some(&header.record.bytes()) {
            rows.delete(*table, key)?;
        }
    }
    for (table, key) in found.difference(&found_before) {
        match table {
            // Two nodes may have given out one name while apart; the first to arrive keeps it here.
            Table::Names if rows.get(*table, key)?.is_some() => {}
            Table::Names => rows.put(*table, key, &header.record.bytes())?,
            _ => rows.put(*table, key, &[])?,
        }
    }
    let counted = counts_of(&record);
    for key in counted_before.difference(&counted) {
        // A count of nothing is no row, so that a fold that never saw what was erased has the same rows.
        match last_number_at(rows, key)? {
            0 | 1 => rows.delete(Table::Numbers, key)?,
            count => rows.put(Table::Numbers, key, &(count - 1).to_be_bytes())?,
        }
    }
    for key in counted.difference(&counted_before) {
        let count = last_number_at(rows, key)? + 1;
        rows.put(Table::Numbers, key, &count.to_be_bytes())?;
    }
    if let Some(display) = record.text(DISPLAY_ID) {
        count_number(rows, (&record.tenant, &record.kind), display)?;
    }
    if record.kind == ERASURE.name {
        erasures::apply(rows, &record, header.hlc)?;
    }
    rows.put(Table::Records, &record.id.bytes(), &encode_record(&record))?;
    let history = Key::record(record.id)
        .and_hlc(header.hlc)
        .and_u32(log)
        .and_u64(header.id.seq);
    rows.put(Table::History, &history.bytes(), &[])?;
    Ok(record)
}

/// A record by its id.
///
/// # Errors
/// The disk failed, or the row is damaged.
pub fn get(rows: &impl Read, id: RecordId) -> Result<Option<Record>, StoreError> {
    let row = rows.get(Table::Records, &id.bytes())?;
    row.map(|row| Ok(decode_record(id, &row)?)).transpose()
}

fn named(rows: &impl Read, key: &[u8]) -> Result<Option<RecordId>, StoreError> {
    Ok(rows.get(Table::Names, key)?.and_then(|row| last_record(&row)))
}

/// The record that has this number; `kind` only for kinds of bare numbers.
///
/// # Errors
/// The disk failed.
pub fn by_display(
    rows: &impl Read,
    tenant: &TenantId,
    kind: Option<&Kind>,
    display: &str,
) -> Result<Option<RecordId>, StoreError> {
    named(rows, &display_key(tenant.as_str(), kind, display))
}

/// The record whose unique field says this; the tenant counts only where the field is unique within it.
///
/// # Errors
/// The disk failed.
pub fn by_name(
    rows: &impl Read,
    tenant: &str,
    kind: &Kind,
    field: &Field,
    value: &str,
) -> Result<Option<RecordId>, StoreError> {
    named(rows, &name_key(tenant, kind, field, value))
}

/// Where a page of a list goes on: the key of its last member.
pub type PageKey = Vec<u8>;

/// Walks a tenant's records of one kind in an order, after the given place; `visit` says when it has enough.
///
/// # Errors
/// The disk failed.
pub fn list(
    rows: &impl Read,
    (tenant, kind): (&TenantId, &Kind),
    (order, way): (Order, Direction),
    from: Option<&PageKey>,
    visit: &mut dyn FnMut(&[u8], RecordId) -> bool,
) -> Result<(), StoreError> {
    let prefix = list_prefix(tenant.as_str(), kind.name, order).bytes();
    walk(rows, Table::Lists, &prefix, way, from, visit)
}

/// The records of a tenant and kind whose time in an order lies between these two, or is one of them.
///
/// # Errors
/// The disk failed.
pub fn between(
    rows: &impl Read,
    (tenant, kind): (&TenantId, &Kind),
    order: Order,
    (first, last): (Millis, Millis),
) -> Result<Vec<RecordId>, StoreError> {
    let prefix = list_prefix(tenant.as_str(), kind.name, order);
    let time_at = prefix.clone().bytes().len();
    let from = prefix.and_hlc(Hlc::first_of(first)).bytes();
    let mut found = Vec::new();
    list(
        rows,
        (tenant, kind),
        (order, Direction::Up),
        Some(&from),
        &mut |key, id| {
            let time = key.get(time_at..).and_then(|rest| rest.first_chunk().copied());
            let is_within = time.is_some_and(|time| Hlc(u64::from_be_bytes(time)).millis() <= last);
            found.extend(is_within.then_some(id));
            is_within
        },
    )?;
    Ok(found)
}

/// Walks these records as a list of them all would be walked.
///
/// # Errors
/// The disk failed.
pub fn among(
    rows: &impl Read,
    ids: &[RecordId],
    (order, way): (Order, Direction),
    from: Option<&PageKey>,
    visit: &mut dyn FnMut(&[u8], RecordId) -> bool,
) -> Result<(), StoreError> {
    let mut keys = BTreeMap::new();
    for id in ids {
        keys.extend(get(rows, *id)?.map(|record| (list_key(&record, order), *id)));
    }
    let is_after = |key: &Vec<u8>| {
        from.is_none_or(|from| match way {
            Direction::Up => key > from,
            Direction::Down => key < from,
        })
    };
    let mut keys: Vec<_> = keys.into_iter().filter(|(key, _)| is_after(key)).collect();
    if way == Direction::Down {
        keys.reverse();
    }
    keys.iter().all(|(key, id)| visit(key, *id));
    Ok(())
}

/// The tenants that have records here, in order.
///
/// # Errors
/// The disk failed.
pub fn tenants(rows: &impl Read) -> Result<Vec<TenantId>, StoreError> {
    let mut tenants = Vec::new();
    let mut from = Vec::new();
    loop {
        let mut first = None;
        rows.scan(Table::Lists, &from, &[], Direction::Up, &mut |key, _| {
            first = key.split(|byte| *byte == 0).next().map(<[u8]>::to_vec);
            false
        })?;
        let Some(name) = first else { return Ok(tenants) };
        tenants.extend(std::str::from_utf8(&name).ok().and_then(|name| name.parse().ok()));
        // The first key after all of this tenant's, whose next byte is zero.
        from = [&name[..], &[1]].concat();
    }
}

/// Walks a tenant's records with open conflicts or violations, by their last change.
///
/// # Errors
/// The disk failed.
pub fn conflicts(
    rows: &impl Read,
    tenant: &TenantId,
    way: Direction,
    from: Option<&PageKey>,
    visit: &mut dyn FnMut(&[u8], RecordId) -> bool,
) -> Result<(), StoreError> {
    let prefix = conflicts_prefix(tenant.as_str()).bytes();
    walk(rows, Table::Lists, &prefix, way, from, visit)
}

/// Walks the records that name `target` in this field of this kind, by their time.
///
/// # Errors
/// The disk failed.
pub fn links(
    rows: &impl Read,
    target: RecordId,
    (kind, field): (&str, &str),
    way: Direction,
    from: Option<&PageKey>,
    visit: &mut dyn FnMut(&[u8], RecordId) -> bool,
) -> Result<(), StoreError> {
    let prefix = link_prefix(target, kind, field).bytes();
    walk(rows, Table::Links, &prefix, way, from, visit)
}

/// The records that name `target` in this field of this kind, by their time.
///
/// # Errors
/// The disk failed.
pub fn linked(rows: &impl Read, target: RecordId, naming: (&str, &str)) -> Result<Vec<RecordId>, StoreError> {
    let mut found = Vec::new();
    links(rows, target, naming, Direction::Up, None, &mut |_, id| {
        found.push(id);
        true
    })?;
    Ok(found)
}

pub(super) fn walk(
    rows: &impl Read,
    table: Table,
    prefix: &[u8],
    way: Direction,
    from: Option<&PageKey>,
    visit: &mut dyn FnMut(&[u8], RecordId) -> bool,
) -> Result<(), StoreError> {
    let (mut start, mut end) = (prefix.to_vec(), after(prefix));
    // A key of another list is no place in this one.
    if let Some(from) = from.filter(|key| key.starts_with(prefix)) {
        match way {
            Direction::Up => {
                start.clone_from(from);
                start.push(0);
            }
            Direction::Down => end.clone_from(from),
        }
    }
    rows.scan(table, &start, &end, way, &mut |key, _| {
        last_record(key).is_none_or(|id| visit(key, id))
    })
}

/// The records that name `target` in any field of any kind, each as often as it does.
///
/// # Errors
/// The disk failed.
pub fn naming(rows: &impl Read, target: RecordId) -> Result<Vec<RecordId>, StoreError> {
    let mut found = Vec::new();
    let prefix = Key::record(target).bytes();
    rows.scan_prefix(Table::Links, &prefix, Direction::Up, &mut |key, _| {
        found.extend(last_record(key));
        true
    })?;
    Ok(found)
}

fn series_key(tenant: &TenantId, kind: &str, display: &str) -> (Vec<u8>, u64) {
    let (tenant, series, number) = match display.rsplit_once('-') {
        Some((series, number)) => (tenant.as_str(), series, number),
        None => ("", kind, display),
    };
    (
        Key::text(tenant).and_text(series).bytes(),
        number.parse().unwrap_or(0),
    )
}

/// A number that was given out is not given out again.
pub(super) fn count_number(
    rows: &mut Rows<'_>,
    (tenant, kind): (&TenantId, &str),
    display: &str,
) -> Result<(), StoreError> {
    let (key, number) = series_key(tenant, kind, display);
    if number > last_number_at(rows, &key)? {
        rows.put(Table::Numbers, &key, &number.to_be_bytes())?;
    }
    Ok(())
}

fn last_number_at(rows: &impl Read, key: &[u8]) -> Result<u64, StoreError> {
    Ok(rows
        .get(Table::Numbers, key)?
        .and_then(|row| row.try_into().ok())
        .map_or(0, u64::from_be_bytes))
}

/// The last number given in a series such as `INV-2026`; an empty series is that of a kind of bare numbers.
///
/// # Errors
/// The disk failed.
pub fn last_number(
    rows: &impl Read,
    tenant: &TenantId,
    kind: &Kind,
    series: &str,
) -> Result<u64, StoreError> {
    let display = if series.is_empty() {
        "0".to_owned()
    } else {
        format!("{series}-0")
    };
    last_number_at(rows, &series_key(tenant, kind.name, &display).0)
}

/// How many records an agency has of a kind; of reports in this mode.
///
/// # Errors
/// The disk failed.
pub fn count(rows: &impl Read, (tenant, kind): (&TenantId, &Kind), mode: &str) -> Result<u64, StoreError> {
    last_number_at(rows, &count_key(tenant.as_str(), kind.name, mode))
}

/// How many records of an agency are not open to all of its people, by themselves: what belongs to a case is not counted.
///
/// # Errors
/// The disk failed.
pub fn closed_count(rows: &impl Read, tenant: &TenantId) -> Result<u64, StoreError> {
    last_number_at(rows, &closed_count_key(tenant.as_str()))
}

/// The operations of a record in order, as (log number here, seq).
///
/// # Errors
/// The disk failed.
pub fn history(rows: &impl Read, id: RecordId) -> Result<Vec<(u32, u64)>, StoreError> {
    let mut places = Vec::new();
    rows.scan_prefix(Table::History, &id.bytes(), Direction::Up, &mut |key, _| {
        let log = key
            .get(24..28)
            .and_then(|part| part.try_into().ok())
            .map(u32::from_be_bytes);
        let seq = key.last_chunk().copied().map(u64::from_be_bytes);
        places.extend(log.zip(seq));
        true
    })?;
    Ok(places)
}
