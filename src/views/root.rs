//! The state root: one hash over the shared views. Two nodes that have read the same logs have the same root.

use sha2::{Digest, Sha256};

use crate::domain::id::Hash;
use crate::store::database::{Direction, Read};
use crate::store::error::StoreError;
use crate::store::tables::Table;

/// `SHA-256` over all records in the order of their ids: id, length of the row (eight bytes, big-endian), row.
///
/// # Errors
/// The disk failed.
pub fn state_root(rows: &impl Read) -> Result<Hash, StoreError> {
    let mut hash = Sha256::new();
    rows.scan(Table::Records, &[], &[], Direction::Up, &mut |id, row| {
        hash.update(id);
        hash.update((row.len() as u64).to_be_bytes());
        hash.update(row);
        true
    })?;
    Ok(Hash(hash.finalize().into()))
}
