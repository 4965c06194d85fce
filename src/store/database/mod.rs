//! The view database: byte rows in redb. Readers take a [`Snapshot`]; the write thread holds the one [`Rows`] that changes
//! them, which can take back what one request did without giving up the group that it rides in.

/// redb over our disk.
pub mod backend;
/// Values made of rows, kept for as long as the rows have not changed.
pub mod memo;

use std::collections::BTreeSet;
use std::hash::Hash;
use std::ops::Bound;
use std::path::Path;
use std::sync::{Arc, OnceLock};

use redb::{
    Durability, ReadOnlyTable, ReadTransaction, ReadableDatabase, ReadableTable, TableDefinition,
    TableHandle, WriteTransaction,
};

use crate::store::database::backend::open_database;
use crate::store::database::memo::{Changes, Memo, Place, Watched, place};
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

impl<R: Read + ?Sized> Read for &R {
    fn get(&self, table: Table, key: &[u8]) -> Result<Option<Vec<u8>>> {
        (**self).get(table, key)
    }

    fn scan(&self, table: Table, start: &[u8], end: &[u8], way: Direction, visit: Visit<'_>) -> Result<()> {
        (**self).scan(table, start, end, way, visit)
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
pub struct Database {
    redb: redb::Database,
    changes: Arc<Changes>,
}

impl Database {
    /// Opens the file, or makes it. The cache holds at most `cache_bytes`.
    ///
    /// # Errors
    /// The disk failed, or the file is damaged beyond what redb repairs by itself.
    pub fn open(disk: &dyn Disk, path: &Path, cache_bytes: usize) -> Result<Self> {
        let database = open_database(disk, path, redb::Builder::new().set_cache_size(cache_bytes))?;
        Self::new(database).with_tables()
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
        Self::new(database).with_tables()
    }

    fn new(redb: redb::Database) -> Self {
        Self {
            redb,
            changes: Arc::default(),
        }
    }

    /// Only a new file, or one of an older program, lacks any.
    fn with_tables(self) -> Result<Self> {
        let known: BTreeSet<String> = self
            .redb
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
        Ok(Snapshot {
            transaction: self.redb.begin_read()?,
            tables: Default::default(),
            _open: None,
        })
    }

    /// The same, noting what is read of it.
    ///
    /// # Errors
    /// The disk failed.
    pub fn watched(&self) -> Result<Watched> {
        let after = self.last_change();
        Ok(Watched::new(self.snapshot()?, after))
    }

    /// The number of the last change; to be asked before a snapshot is taken that is to be watched.
    pub(super) fn last_change(&self) -> u64 {
        self.changes.last()
    }

    /// Goes on counting where another database ends, whose rows it holds too.
    pub(super) fn succeed(&mut self, old: &Self) {
        self.changes = Arc::clone(&old.changes);
    }

    /// What was made of any row holds no more.
    pub(super) fn change_all(&self) {
        let all: Vec<Place> = (0..=Place::MAX).collect();
        self.changes.note(&all);
    }

    /// An empty memory for values made of the rows.
    pub fn memo<K: Hash + Eq, V: Clone>(&self, bytes_max: usize) -> Memo<K, V> {
        Memo::new(Arc::clone(&self.changes), bytes_max)
    }

    /// The next group's transaction.
    pub(super) fn begin(&self, durability: Durability) -> Result<WriteTransaction> {
        let mut transaction = self.redb.begin_write()?;
        transaction
            .set_durability(durability)
            .map_err(|error| StoreError::Io(error.to_string()))?;
        // Walking a large file after a crash would take seconds; what quick repair writes for it, milliseconds.
        transaction.set_quick_repair(matches!(durability, Durability::Immediate));
        Ok(transaction)
    }

    /// Makes a group visible. What was made of the rows that it changed holds no more, from before it is.
    pub(super) fn commit(&self, transaction: WriteTransaction, touched: &[Place]) -> Result<()> {
        self.changes.note(touched);
        transaction.commit()?;
        self.changes.note(touched);
        Ok(())
    }
}

type OpenTable = ReadOnlyTable<&'static [u8], &'static [u8]>;

/// The rows as of one moment, unchanged however long it is held.
pub struct Snapshot {
    transaction: ReadTransaction,
    /// Each is opened once, when it is first read.
    tables: [OnceLock<OpenTable>; Table::ALL.len()],
    /// Last, because a database that is closed can't be read any more.
    _open: Option<Arc<Database>>,
}

impl Snapshot {
    /// Of a database that stays open as long as it is read.
    pub(super) fn of(database: Arc<Database>) -> Result<Self> {
        let mut snapshot = database.snapshot()?;
        snapshot._open = Some(database);
        Ok(snapshot)
    }

    /// The same, noting what is read of it; `after` was asked before the database was chosen.
    pub(super) fn watched(database: Arc<Database>, after: u64) -> Result<Watched> {
        Ok(Watched::new(Self::of(database)?, after))
    }

    fn table(&self, table: Table) -> Result<&OpenTable> {
        let place = &self.tables[table as usize];
        if let Some(open) = place.get() {
            return Ok(open);
        }
        let open = self.transaction.open_table(definition(table))?;
        Ok(place.get_or_init(|| open))
    }
}

impl Read for Snapshot {
    fn get(&self, table: Table, key: &[u8]) -> Result<Option<Vec<u8>>> {
        Ok(self.table(table)?.get(key)?.map(|row| row.value().to_vec()))
    }

    fn scan(&self, table: Table, start: &[u8], end: &[u8], way: Direction, visit: Visit<'_>) -> Result<()> {
        scan_table(self.table(table)?, (start, end), way, visit)
    }
}

type Undo = (Table, Vec<u8>, Option<Vec<u8>>);

/// The rows of the group that is being written, seen by the write thread alone.
pub struct Rows<'t> {
    tables: Vec<redb::Table<'t, &'static [u8], &'static [u8]>>,
    /// What stood in each changed row before, since the last [`Rows::keep`].
    undo: Vec<Undo>,
    /// The places of changed rows, those of undone changes too.
    touched: Vec<Place>,
}

impl<'t> Rows<'t> {
    pub(super) fn open(transaction: &'t WriteTransaction) -> Result<Self> {
        let tables = Table::ALL
            .iter()
            .map(|table| transaction.open_table(definition(*table)));
        Ok(Self {
            tables: tables.collect::<std::result::Result<_, _>>()?,
            undo: Vec::new(),
            touched: Vec::new(),
        })
    }

    /// What [`Database::commit`] must know; then nothing more is written.
    pub(super) fn touched(self) -> Vec<Place> {
        self.touched
    }

    /// Writes a row.
    ///
    /// # Errors
    /// The disk failed.
    pub fn put(&mut self, table: Table, key: &[u8], row: &[u8]) -> Result<()> {
        self.touched.extend(place(table, key));
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
        self.touched.extend(place(table, key));
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
