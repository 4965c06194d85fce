//! A node's store over any disk: what the tests of the whole store share.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use blotter::domain::id::{Hash, RecordId};
use blotter::domain::operation::{Action, Actor, Change, Draft, Urgency};
use blotter::domain::time::{Clock, Millis};
use blotter::domain::value::Value;
use blotter::store::database::{Direction, Read};
use blotter::store::disk::Disk;
use blotter::store::error::StoreError;
use blotter::store::handle::{Opened, Store, StoreOptions, World, WriterOptions};
use blotter::store::identity::Identity;
use blotter::store::journal::JournalOptions;
use blotter::store::session::Fold;
use blotter::store::tables::Table;
use blotter::views::FOLD;
use blotter::views::root::state_root;
use uuid::Uuid;

/// The data folder.
pub(crate) const DIR: &str = "/data";
pub(crate) const NOW: Millis = Millis(1_790_000_000_000);

/// A clock that a test sets.
#[derive(Clone, Debug)]
pub(crate) struct HandClock(Arc<AtomicI64>);

impl HandClock {
    pub(crate) fn new(now: Millis) -> Self {
        Self(Arc::new(AtomicI64::new(now.0)))
    }

    pub(crate) fn set(&self, now: Millis) {
        self.0.store(now.0, Ordering::SeqCst);
    }
}

impl Clock for HandClock {
    fn now(&self) -> Millis {
        Millis(self.0.load(Ordering::SeqCst))
    }
}

/// A node: its folder on a disk, its key, its clock.
pub(crate) struct Station {
    pub(crate) disk: Arc<dyn Disk>,
    pub(crate) clock: HandClock,
    pub(crate) identity: Identity,
    pub(crate) options: StoreOptions,
}

impl Station {
    pub(crate) fn on(disk: impl Disk + 'static) -> Self {
        Self {
            disk: Arc::new(disk),
            clock: HandClock::new(NOW),
            identity: Identity::generate().unwrap(),
            options: options(),
        }
    }

    pub(crate) fn open(&self) -> Result<(Store, Opened), StoreError> {
        self.open_in(Path::new(DIR))
    }

    pub(crate) fn open_in(&self, dir: &Path) -> Result<(Store, Opened), StoreError> {
        self.open_as(dir, FOLD)
    }

    /// By other rules.
    pub(crate) fn open_with(&self, fold: Fold) -> Result<(Store, Opened), StoreError> {
        self.open_as(Path::new(DIR), fold)
    }

    fn open_as(&self, dir: &Path, fold: Fold) -> Result<(Store, Opened), StoreError> {
        let world = World {
            disk: Arc::clone(&self.disk),
            clock: Arc::new(self.clock.clone()),
        };
        self.disk.create_dir_all(dir)?;
        Store::open(&world, dir, &self.identity, fold, self.options)
    }
}

/// Short segments, and checkpoints only at the end.
pub(crate) fn options() -> StoreOptions {
    StoreOptions {
        journal: JournalOptions {
            segment_bytes_max: 16 << 10,
            entry_bytes_max: 64 << 10,
        },
        cache_bytes: 4 << 20,
        writer: WriterOptions {
            checkpoint_every: Duration::from_secs(3600),
            linger: Duration::from_millis(1),
            reserve_bytes: 0,
            ..WriterOptions::default()
        },
    }
}

/// The n-th record of a test.
pub(crate) fn record(number: u64) -> RecordId {
    RecordId(Uuid::from_u128(
        0x0199_0000_0000_7000_8000_0000_0000_0000 + u128::from(number),
    ))
}

/// An operation on a record of that kind.
pub(crate) fn draft(kind: &str, record: RecordId, changes: Vec<Change>) -> Draft {
    Draft {
        tenant: "metro".parse().unwrap(),
        actor: Actor {
            who: "user:1".to_owned(),
            client: "test".to_owned(),
        },
        urgency: Urgency::Ordinary,
        kind: kind.to_owned(),
        record,
        changes,
    }
}

/// A case with a title; a later one adds a version.
pub(crate) fn case(number: u64, title: &str) -> Draft {
    draft(
        "case",
        record(number),
        vec![Change::new("title", Action::Set(Value::text(title)))],
    )
}

/// An item of evidence with a file.
pub(crate) fn evidence(number: u64, file: Hash) -> Draft {
    let members = [
        ("sha256", file.to_string()),
        ("media_type", "image/jpeg".to_owned()),
    ];
    let file = members
        .into_iter()
        .map(|(name, text)| (name.to_owned(), Value::text(text)))
        .collect();
    draft(
        "evidence",
        record(number),
        vec![Change::new("files", Action::Append(Value::Map(file)))],
    )
}

/// An entry of the audit log.
pub(crate) fn audited(number: u64, event: &str) -> Draft {
    draft(
        "audit-entry",
        record(number),
        vec![
            Change::new("event", Action::Fix(Value::text(event))),
            Change::new("outcome", Action::Fix(Value::text("refused"))),
        ],
    )
}

/// The title of a case as the rows have it.
pub(crate) fn title(rows: &impl Read, number: u64) -> Option<String> {
    let found = blotter::views::records::get(rows, record(number)).unwrap()?;
    found.text("title").map(str::to_owned)
}

/// Every row of every table.
pub(crate) fn all_rows(rows: &impl Read) -> Vec<(&'static str, Vec<u8>, Vec<u8>)> {
    let mut all = Vec::new();
    for table in Table::ALL {
        rows.scan(table, &[], &[], Direction::Up, &mut |key, row| {
            all.push((table.name(), key.to_vec(), row.to_vec()));
            true
        })
        .unwrap();
    }
    all
}

/// Asserts that a store's rows are those that a fold from nothing gives: its views are deleted and made anew.
pub(crate) fn assert_rebuilds(station: &Station, store: Store) {
    let snapshot = store.snapshot().unwrap();
    let (rows, root) = (all_rows(&snapshot), state_root(&snapshot).unwrap());
    drop((snapshot, store));
    station.disk.remove(&Path::new(DIR).join("views.redb")).unwrap();
    let (store, opened) = station.open().unwrap();
    assert!(opened.rebuilt || rows.iter().all(|(table, ..)| *table == "meta"));
    let snapshot = store.snapshot().unwrap();
    assert_eq!(state_root(&snapshot).unwrap(), root);
    let differing: Vec<_> = all_rows(&snapshot)
        .into_iter()
        .filter(|row| !rows.contains(row))
        .collect();
    assert!(
        all_rows(&snapshot) == rows,
        "a fold from nothing gives other rows: {differing:?}"
    );
}
