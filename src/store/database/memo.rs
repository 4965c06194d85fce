//! Values made of rows, kept in memory for as long as none of the rows that they were made of has changed.
//!
//! Every commit is given a number, before and after it. Of each row of a watched table the number of its last change is kept
//! (rows share places, which only forgets too much). What a value was made of is noted by [`Watched`], together with the
//! number that stood before its snapshot was taken; the value holds while none of its rows has a greater number. So from the
//! moment in which a change can be seen, and long before its writer is answered, nobody is given the value any more.

use std::cell::RefCell;
use std::collections::HashMap;
use std::fmt;
use std::hash::Hash;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::store::database::{Direction, Read, Snapshot, Visit};
use crate::store::error::StoreError;
use crate::store::tables::Table;

/// Places in which the numbers of last changes stand: 512 KiB. With 1,000 changes a second, one that is shared by chance is
/// forgotten once a minute.
const PLACES: usize = 1 << 16;

/// The place of a row.
pub(super) type Place = u16;

/// The place of a row in a watched table: values are made of these tables alone.
pub(super) fn place(table: Table, key: &[u8]) -> Option<Place> {
    let seed = match table {
        Table::Records => 0,
        Table::Names => 1,
        Table::Ordinals => 2,
        Table::OrdinalsOf => 3,
        _ => return None,
    };
    let hash = crc32c::crc32c_append(seed, key);
    Some((hash ^ (hash >> 16)) as Place)
}

/// When each row was changed last.
pub(super) struct Changes {
    /// The number of the last change.
    last: AtomicU64,
    places: Vec<AtomicU64>,
}

impl fmt::Debug for Changes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Changes({})", self.last())
    }
}

impl Default for Changes {
    fn default() -> Self {
        Self {
            last: AtomicU64::new(0),
            places: (0..PLACES).map(|_| AtomicU64::new(0)).collect(),
        }
    }
}

impl Changes {
    /// These rows change. Called by the write thread alone, before and after they are made visible.
    pub(super) fn note(&self, touched: &[Place]) {
        let number = self.last.load(Ordering::Relaxed) + 1;
        for place in touched {
            self.places[usize::from(*place)].store(number, Ordering::Release);
        }
        self.last.store(number, Ordering::Release);
    }

    /// To be asked before a snapshot is taken.
    pub(super) fn last(&self) -> u64 {
        self.last.load(Ordering::Acquire)
    }

    fn hold(&self, made: &Made) -> bool {
        let unchanged =
            |place: &Place| self.places[usize::from(*place)].load(Ordering::Acquire) <= made.after;
        made.of.iter().all(unchanged)
    }
}

/// Of what a value was made.
#[derive(Debug)]
struct Made {
    /// The last change before the snapshot.
    after: u64,
    of: Box<[Place]>,
}

/// A snapshot that notes what is read of it, so that what is made of that can be kept.
pub struct Watched {
    rows: Snapshot,
    after: u64,
    /// `None` once something was read that is not watched.
    read: RefCell<Option<Vec<Place>>>,
}

impl Watched {
    /// `after` was asked before the snapshot was taken.
    pub(super) fn new(rows: Snapshot, after: u64) -> Self {
        Self {
            rows,
            after,
            read: RefCell::new(Some(Vec::new())),
        }
    }

    fn made(self) -> Option<Made> {
        let of = self.read.into_inner()?.into();
        Some(Made {
            after: self.after,
            of,
        })
    }
}

impl Read for Watched {
    fn get(&self, table: Table, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        let mut read = self.read.borrow_mut();
        match (read.as_mut(), place(table, key)) {
            (Some(places), Some(place)) => places.push(place),
            _ => *read = None,
        }
        self.rows.get(table, key)
    }

    fn scan(
        &self,
        table: Table,
        start: &[u8],
        end: &[u8],
        way: Direction,
        visit: Visit<'_>,
    ) -> Result<(), StoreError> {
        *self.read.borrow_mut() = None;
        self.rows.scan(table, start, end, way, visit)
    }
}

struct Kept<V> {
    value: V,
    bytes: usize,
    made: Made,
}

/// What was used since the last turn, and what was before. When the young are too many they become the old ones, and the old
/// ones go: what is used stays, and no list of uses is needed.
struct Generations<K, V> {
    young: HashMap<K, Kept<V>>,
    young_bytes: usize,
    old: HashMap<K, Kept<V>>,
}

impl<K: Hash + Eq, V> Generations<K, V> {
    fn put(&mut self, key: K, kept: Kept<V>, bytes_max: usize) {
        // Each generation may hold half.
        if self.young_bytes + kept.bytes > bytes_max / 2 {
            self.old = std::mem::take(&mut self.young);
            self.young_bytes = 0;
        }
        self.young_bytes += kept.bytes;
        if let Some(before) = self.young.insert(key, kept) {
            self.young_bytes -= before.bytes;
        }
    }
}

/// Values by key, up to a bound of bytes.
pub struct Memo<K, V> {
    changes: Arc<Changes>,
    bytes_max: usize,
    /// Held for the moment of a look-up or an addition.
    generations: Mutex<Generations<K, V>>,
}

impl<K, V> fmt::Debug for Memo<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Memo(at most {} bytes)", self.bytes_max)
    }
}

impl<K: Hash + Eq, V: Clone> Memo<K, V> {
    /// What an entry takes beside its value, about.
    const ENTRY_BYTES: usize = 128 + size_of::<K>() + size_of::<V>();

    pub(super) fn new(changes: Arc<Changes>, bytes_max: usize) -> Self {
        Self {
            changes,
            bytes_max,
            generations: Mutex::new(Generations {
                young: HashMap::new(),
                young_bytes: 0,
                old: HashMap::new(),
            }),
        }
    }

    fn generations(&self) -> MutexGuard<'_, Generations<K, V>> {
        self.generations.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The value of this key, if it is kept and holds.
    pub fn get(&self, key: &K) -> Option<V> {
        let mut guard = self.generations();
        let generations = &mut *guard;
        if let Some(kept) = generations.young.get(key) {
            if self.changes.hold(&kept.made) {
                return Some(kept.value.clone());
            }
            let gone = generations.young.remove(key);
            generations.young_bytes -= gone.map_or(0, |kept| kept.bytes);
            return None;
        }
        let (key, kept) = generations.old.remove_entry(key)?;
        let value = self.changes.hold(&kept.made).then(|| kept.value.clone())?;
        generations.put(key, kept, self.bytes_max);
        Some(value)
    }

    /// Keeps a value of about so many bytes that was made of these rows and of nothing else.
    pub fn keep(&self, key: K, value: V, bytes: usize, rows: Watched) {
        let bytes = bytes + Self::ENTRY_BYTES;
        let Some(made) = rows.made().filter(|_| bytes <= self.bytes_max / 2) else {
            return;
        };
        let mut generations = self.generations();
        generations.old.remove(&key);
        generations.put(key, Kept { value, bytes, made }, self.bytes_max);
    }

    /// The bytes that its values take, about; never more than the bound.
    pub fn bytes(&self) -> usize {
        let generations = self.generations();
        let kept = generations.young.values().chain(generations.old.values());
        kept.map(|kept| kept.bytes).sum()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use redb::Durability;

    use super::{Changes, Memo};
    use crate::store::database::{Database, Read, Rows};
    use crate::store::tables::Table;

    fn write(database: &Database, table: Table, key: &[u8], row: &[u8]) {
        let transaction = database.begin(Durability::None).unwrap();
        let mut rows = Rows::open(&transaction).unwrap();
        rows.put(table, key, row).unwrap();
        let touched = rows.touched();
        database.commit(transaction, &touched).unwrap();
    }

    fn made_of(database: &Database, memo: &Memo<u8, Vec<u8>>, table: Table, key: &[u8]) {
        let rows = database.watched().unwrap();
        let value = rows.get(table, key).unwrap().unwrap_or_default();
        memo.keep(1, value, 10, rows);
    }

    #[test]
    fn a_value_holds_until_one_of_its_rows_changes_even_one_that_was_not_there() {
        let database = Database::in_memory(1 << 20).unwrap();
        let memo = database.memo(1 << 20);
        made_of(&database, &memo, Table::Records, b"a");
        assert_eq!(memo.get(&1), Some(vec![]));
        write(&database, Table::Records, b"b", b"of another");
        assert_eq!(memo.get(&1), Some(vec![]));
        write(&database, Table::Records, b"a", b"new");
        assert_eq!(memo.get(&1), None);
        made_of(&database, &memo, Table::Records, b"a");
        assert_eq!(memo.get(&1), Some(b"new".to_vec()));
    }

    #[test]
    fn what_was_made_of_rows_older_than_a_change_is_never_given() {
        let database = Database::in_memory(1 << 20).unwrap();
        let memo: Memo<u8, Vec<u8>> = database.memo(1 << 20);
        let rows = database.watched().unwrap();
        write(&database, Table::Names, b"n", b"new");
        let old = rows.get(Table::Names, b"n").unwrap();
        assert_eq!(old, None);
        memo.keep(1, Vec::new(), 10, rows);
        assert_eq!(memo.get(&1), None);
    }

    #[test]
    fn what_was_made_of_other_tables_or_of_a_scan_is_not_kept() {
        let database = Database::in_memory(1 << 20).unwrap();
        let memo = database.memo(1 << 20);
        made_of(&database, &memo, Table::Links, b"a");
        assert_eq!(memo.get(&1), None);
    }

    #[test]
    fn the_bound_is_kept_and_what_is_used_stays() {
        let memo: Memo<u32, u32> = Memo::new(Arc::<Changes>::default(), 100_000);
        let database = Database::in_memory(1 << 20).unwrap();
        for key in 0..10_000 {
            memo.keep(key, key, 100, database.watched().unwrap());
            assert!(memo.get(&0).is_some(), "used, at {key}");
            assert!(memo.bytes() <= 100_000);
        }
        assert!(memo.get(&1).is_none());
        assert!(memo.bytes() > 40_000);
        memo.keep(1, 1, 60_000, database.watched().unwrap());
        assert!(memo.get(&1).is_none(), "too large for a generation");
    }
}
