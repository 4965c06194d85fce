//! From the journal to the rows: the same steps at start, after a crash and for a rebuild.

use redb::Durability;

use crate::domain::id::Hash;
use crate::domain::operation::{Header, Operation};
use crate::store::codec::{decode_header, decode_payload};
use crate::store::commit::logs::Logs;
use crate::store::database::{Database, Read, Rows};
use crate::store::error::StoreError;
use crate::store::hash::sha256;
use crate::store::journal::{Group, JournalReader, OwnedEntry, Position};
use crate::store::merkle::leaf_hash;
use crate::store::session::{Fold, SALT_BYTES};
use crate::store::tables::Table;

const REACHED: &[u8] = b"reached";
const FOLD: &[u8] = b"fold";
const FORMAT: &[u8] = b"format";

/// The version of the rows that the store itself keeps.
const ROWS_VERSION: u32 = 1;

/// Groups folded in one transaction while replaying.
const GROUPS_PER_COMMIT: usize = 256;

/// Says in the rows where an operation stands.
pub(in crate::store) fn index(
    rows: &mut Rows<'_>,
    log: u32,
    seq: u64,
    position: Position,
    leaf: Hash,
) -> Result<(), StoreError> {
    let row = [&position.to_u64().to_be_bytes()[..], &leaf.0].concat();
    rows.put(Table::Operations, &operation_key(log, seq), &row)?;
    rows.keep();
    Ok(())
}

pub(in crate::store) fn operation_key(log: u32, seq: u64) -> [u8; 12] {
    let mut key = [0; 12];
    key[..4].copy_from_slice(&log.to_be_bytes());
    key[4..].copy_from_slice(&seq.to_be_bytes());
    key
}

/// How far into the journal the rows reach. `None`: they are of other rules and must be made anew.
pub(in crate::store) fn reached(rows: &impl Read, fold: Fold) -> Result<Option<Position>, StoreError> {
    let number = |key: &[u8]| -> Result<Option<u64>, StoreError> {
        let row = rows.get(Table::Meta, key)?;
        Ok(row.and_then(|row| row.try_into().ok()).map(u64::from_be_bytes))
    };
    let right = number(FOLD)? == Some(fold.version.into()) && number(FORMAT)? == Some(ROWS_VERSION.into());
    Ok(number(REACHED)?.filter(|_| right).map(Position::from_u64))
}

/// Says in the rows how far they reach, and under which rules they were made. It goes with every group, so that rows never
/// say less, or more, than they hold.
pub(in crate::store) fn set_reached(
    rows: &mut Rows<'_>,
    fold: Fold,
    end: Position,
) -> Result<(), StoreError> {
    rows.put(Table::Meta, FOLD, &u64::from(fold.version).to_be_bytes())?;
    rows.put(Table::Meta, FORMAT, &u64::from(ROWS_VERSION).to_be_bytes())?;
    rows.put(Table::Meta, REACHED, &end.to_u64().to_be_bytes())?;
    rows.keep();
    Ok(())
}

/// Says in new rows that they reach as far as this.
pub(in crate::store) fn start(database: &Database, fold: Fold, end: Position) -> Result<(), StoreError> {
    let transaction = database.begin(Durability::None)?;
    set_reached(&mut Rows::open(&transaction)?, fold, end)?;
    Ok(transaction.commit()?)
}

/// Folds what the journal has between two positions; gives the number of operations. `pause` is called now and then between
/// two transactions, so that a long replay can be made durable on its way.
pub(in crate::store) fn replay(
    journal: &JournalReader,
    (from, to): (Position, Position),
    database: &Database,
    logs: &mut Logs,
    fold: Fold,
    pause: &mut dyn FnMut(u64) -> Result<(), StoreError>,
) -> Result<u64, StoreError> {
    let mut groups = journal.scan(from);
    let mut operations = 0;
    while groups.position() < to {
        let transaction = database.begin(Durability::None)?;
        let mut more = false;
        {
            let mut rows = Rows::open(&transaction)?;
            for group in groups.by_ref().take(GROUPS_PER_COMMIT) {
                let group = group?;
                more = true;
                operations += group_of(&group, &mut rows, logs, fold)?;
                set_reached(&mut rows, fold, group.end)?;
                if group.end >= to {
                    break;
                }
            }
        }
        transaction.commit()?;
        if !more {
            break;
        }
        pause(operations)?;
    }
    Ok(operations)
}

fn group_of(group: &Group, rows: &mut Rows<'_>, logs: &mut Logs, fold: Fold) -> Result<u64, StoreError> {
    let mut leaves = Vec::with_capacity(group.entries.len());
    for entry in &group.entries {
        let operation = operation(entry)?;
        let header = &operation.header;
        logs.replayed(header)?;
        let number = logs.number(header.id.log);
        (fold.apply)(rows, number, &operation)?;
        if operation
            .payload
            .as_ref()
            .is_some_and(|payload| payload.request.is_some())
        {
            (fold.answer)(rows, &operation)?;
        }
        let leaf = leaf_hash(&entry.header, &header.content);
        index(rows, number, header.id.seq, entry.position, leaf)?;
        leaves.push((header.id.log, leaf));
    }
    let count = leaves.len() as u64;
    let grown = logs.grow(leaves);
    logs.settle(grown, rows)?;
    rows.keep();
    Ok(count)
}

/// An entry of the journal as the operation that it is.
///
/// # Errors
/// Bytes that are no operation, or a payload that its header does not stand for.
pub fn operation(entry: &OwnedEntry) -> Result<Operation, StoreError> {
    let header: Header = decode_header(&entry.header)?;
    let payload = match &entry.erasable {
        None => None,
        Some(erasable) if sha256(&[erasable]) != header.content => {
            return Err(StoreError::Damaged(format!(
                "the payload of {} is another one",
                header.id
            )));
        }
        Some(erasable) => Some(decode_payload(erasable.get(SALT_BYTES..).unwrap_or_default())?),
    };
    Ok(Operation { header, payload })
}
