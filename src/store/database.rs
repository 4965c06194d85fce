//! The view database: byte rows in redb. Readers take a [`Snapshot`]; the write thread holds the one [`Rows`] that changes
//! them, which can take back what one request did without giving up the group that it rides in.

use std::collections::BTreeSet;
use std::ops::Bound;
use std::path::Path;

use redb::{
    Durability, ReadTransaction, ReadableDatabase, ReadableTable, TableDefinition, TableHandle,
    WriteTransaction,
};

use crate::store::backend::open_database;
use crate::store::disk::Disk;
use crate::store::error::StoreError;
use crate::store::tables::Table;

type Definition = TableDefinition<'static, &'static [u8], &'static [u8]>;
type Result<T> = std::result::Result<T, StoreError>;

fn definition(table: Table) -> Definition {
    TableDefinition::new(table.name())
}

/// Which way a scan goes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Direction {
    /// Ascending keys.
    Up,
    /// Descending keys.
    Down,
}

/// Called with each key and row; `false` ends the scan.
pub type Visit<'v> = &'v mut dyn FnMut(&[u8], &[u8]) -> bool;

/// Rows that can be read: a snapshot's, or those of the group being written.
pub trait Read {
    /// One row.
    ///
    /// # Errors
    /// The disk failed, or the file is damaged.
    fn get(&self, table: Table, key: &[u8]) -> Result<Option<Vec<u8>>>;

    /// The rows from `start` (inclusive) to `end` (exclusive), in order, until `visit` has enough.
    ///
    /// # Errors
    /// The disk failed, or the file is damaged.
    fn scan(&self, table: Table, start: &[u8], end: &[u8], way: Direction, visit: Visit<'_>) -> Result<()>;

    /// The rows whose keys begin so.
    ///
    /// # Errors
    /// The disk failed, or the file is damaged.
    fn scan_prefix(&self, table: Table, prefix: &[u8], way: Direction, visit: Visit<'_>) -> Result<()> {
        self.scan(table, prefix, &after(prefix), way, visit)
    }
}

/// The first key after all that begin with `prefix`; empty if there is none.
pub fn after(prefix: &[u8]) -> Vec<u8> {
    let mut end = prefix.to_vec();
    while let Some(last) = end.pop() {
        if last < u8::MAX {
            end.push(last + 1);
            break;
        }
    }
    end
}

fn scan_table(
    table: &impl ReadableTable<&'static [u8], &'static [u8]>,
    (start, end): (&[u8], &[u8]),
    way: Direction,
    visit: Visit<'_>,
) -> Result<()> {
    // An empty end has no bound: nothing comes after a prefix of 0xff bytes.
    let end = if end.is_empty() {
        Bound::Unbounded
    } else {
        Bound::Excluded(end)
    };
    let mut range = table.range::<&[u8]>((Bound::Included(start), end))?;
    let mut next = || match way {
        Direction::Up => range.next(),
        Direction::Down => range.next_back(),
    };
    while let Some(row) = next() {
        let (key, value) = row?;
        if !visit(key.value(), value.value()) {
            break;
        }
    }
    Ok(())
}

/// The database file.
#[derive(Debug)]
pub struct Database(redb::Database);

impl Database {
    /// Opens the file, or makes it. The cache holds at most `cache_bytes`.
    ///
    /// # Errors
    /// The disk failed, or the file is damaged beyond what redb repairs by itself.
    pub fn open(disk: &dyn Disk, path: &Path, cache_bytes: usize) -> Result<Self> {
        let database = open_database(disk, path, redb::Builder::new().set_cache_size(cache_bytes))?;
        Self(database).with_tables()
    }

    /// A database without a file: gone with the process.
    ///
    /// # Errors
    /// None that is known.
    pub(super) fn in_memory(cache_bytes: usize) -> Result<Self> {
        let mut builder = redb::Builder::new();
        let database = builder
            .set_cache_size(cache_bytes)
            .create_with_backend(redb::backends::InMemoryBackend::new())?;
        Self(database).with_tables()
    }

    /// Only a new file, or one of an older program, lacks any.
    fn with_tables(self) -> Result<Self> {
        let known: BTreeSet<String> = self
            .0
            .begin_read()?
            .list_tables()?
            .map(|table| table.name().to_owned())
            .collect();
        if Table::ALL.iter().all(|table| known.contains(table.name())) {
            return Ok(self);
        }
        let transaction = self.begin(Durability::Immediate)?;
        for table in Table::ALL {
            transaction.open_table(definition(table))?;
        }
        transaction.commit()?;
        Ok(self)
    }

    /// Makes all that was committed so far durable.
    ///
    /// # Errors
    /// The disk failed.
    pub(super) fn checkpoint(&self) -> Result<()> {
        Ok(self.begin(Durability::Immediate)?.commit()?)
    }

    /// The rows as of the last group.
    ///
    /// # Errors
    /// The disk failed.
    pub fn snapshot(&self) -> Result<Snapshot> {
        Ok(Snapshot(self.0.begin_read()?))
    }

    /// The next group's transaction.
    pub(super) fn begin(&self, durability: Durability) -> Result<WriteTransaction> {
        let mut transaction = self.0.begin_write()?;
        transaction
            .set_durability(durability)
            .map_err(|error| StoreError::Io(error.to_string()))?;
        // Walking a large file after a crash would take seconds; what quick repair writes for it, milliseconds.
        transaction.set_quick_repair(matches!(durability, Durability::Immediate));
        Ok(transaction)
    }
}

/// The rows as of one moment, unchanged however long it is held.
pub struct Snapshot(ReadTransaction);

impl Read for Snapshot {
    fn get(&self, table: Table, key: &[u8]) -> Result<Option<Vec<u8>>> {
        Ok(self
            .0
            .open_table(definition(table))?
            .get(key)?
            .map(|row| row.value().to_vec()))
    }

    fn scan(&self, table: Table, start: &[u8], end: &[u8], way: Direction, visit: Visit<'_>) -> Result<()> {
        scan_table(&self.0.open_table(definition(table))?, (start, end), way, visit)
    }
}

type Undo = (Table, Vec<u8>, Option<Vec<u8>>);

/// The rows of the group that is being written, seen by the write thread alone.
pub struct Rows<'t> {
    tables: Vec<redb::Table<'t, &'static [u8], &'static [u8]>>,
    /// What stood in each changed row before, since the last [`Rows::keep`].
    undo: Vec<Undo>,
}

impl<'t> Rows<'t> {
    pub(super) fn open(transaction: &'t WriteTransaction) -> Result<Self> {
        let tables = Table::ALL
            .iter()
            .map(|table| transaction.open_table(definition(*table)));
        Ok(Self {
            tables: tables.collect::<std::result::Result<_, _>>()?,
            undo: Vec::new(),
        })
    }

    /// Writes a row.
    ///
    /// # Errors
    /// The disk failed.
    pub fn put(&mut self, table: Table, key: &[u8], row: &[u8]) -> Result<()> {
        let before = self.tables[table as usize]
            .insert(key, row)?
            .map(|before| before.value().to_vec());
        self.undo.push((table, key.to_vec(), before));
        Ok(())
    }

    /// Deletes a row, if it is there.
    ///
    /// # Errors
    /// The disk failed.
    pub fn delete(&mut self, table: Table, key: &[u8]) -> Result<()> {
        let before = self.tables[table as usize]
            .remove(key)?
            .map(|before| before.value().to_vec());
        if before.is_some() {
            self.undo.push((table, key.to_vec(), before));
        }
        Ok(())
    }

    /// What was written since the last call stays.
    pub(super) fn keep(&mut self) {
        self.undo.clear();
    }

    /// A point to which [`Rows::undo_to`] can go back.
    pub(super) fn mark(&self) -> usize {
        self.undo.len()
    }

    /// Takes back all that was written since the mark.
    pub(super) fn undo_to(&mut self, mark: usize) -> Result<()> {
        for (table, key, before) in self.undo.drain(mark..).rev() {
            let table = &mut self.tables[table as usize];
            match before {
                Some(row) => drop(table.insert(key.as_slice(), row.as_slice())?),
                None => drop(table.remove(key.as_slice())?),
            }
        }
        Ok(())
    }
}

impl Read for Rows<'_> {
    fn get(&self, table: Table, key: &[u8]) -> Result<Option<Vec<u8>>> {
        Ok(self.tables[table as usize]
            .get(key)?
            .map(|row| row.value().to_vec()))
    }

    fn scan(&self, table: Table, start: &[u8], end: &[u8], way: Direction, visit: Visit<'_>) -> Result<()> {
        scan_table(&self.tables[table as usize], (start, end), way, visit)
    }
}
