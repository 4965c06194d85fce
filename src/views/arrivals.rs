//! In which order operations of records came to this node, its own as they were written: 1, 2, 3 … without a gap. A view of
//! this node alone. The number of an operation is the `sequence` of the event that it means, on every lane.

use crate::domain::operation::Operation;
use crate::store::database::{Direction, Read, Rows};
use crate::store::error::StoreError;
use crate::store::tables::Table;

/// The operation has arrived.
pub(super) fn note(rows: &mut Rows<'_>, log: u32, operation: &Operation) -> Result<(), StoreError> {
    let number = last(rows)? + 1;
    let place = [&log.to_be_bytes()[..], &operation.header.id.seq.to_be_bytes()].concat();
    rows.put(Table::Arrivals, &number.to_be_bytes(), &place)
}

/// The number of the last arrival; 0 if nothing has arrived.
///
/// # Errors
/// The disk failed.
pub fn last(rows: &impl Read) -> Result<u64, StoreError> {
    let mut last = 0;
    rows.scan(Table::Arrivals, &[], &[], Direction::Down, &mut |key, _| {
        last = number(key);
        false
    })?;
    Ok(last)
}

/// Walks the arrivals after a number, as (number, log number, seq); `visit` says whether it wants more.
///
/// # Errors
/// The disk failed, or a row is damaged.
pub fn after(
    rows: &impl Read,
    after: u64,
    visit: &mut dyn FnMut(u64, u32, u64) -> bool,
) -> Result<(), StoreError> {
    let Some(first) = after.checked_add(1) else {
        return Ok(());
    };
    let mut sound = true;
    rows.scan(
        Table::Arrivals,
        &first.to_be_bytes(),
        &[],
        Direction::Up,
        &mut |key, row| match (row.first_chunk().copied(), row.last_chunk().copied()) {
            (Some(log), Some(seq)) if row.len() == 12 => {
                visit(number(key), u32::from_be_bytes(log), u64::from_be_bytes(seq))
            }
            _ => {
                sound = false;
                false
            }
        },
    )?;
    if sound {
        Ok(())
    } else {
        Err(StoreError::Damaged("a row of arrivals has another length".into()))
    }
}

fn number(key: &[u8]) -> u64 {
    key.first_chunk().copied().map_or(0, u64::from_be_bytes)
}
