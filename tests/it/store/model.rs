//! What a journal should hold, kept beside it in memory.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use blotter::store::disk::Disk;
use blotter::store::journal::{
    Entry, Group, Journal, JournalError, JournalOptions, OwnedEntry, Position, Recovered,
};

use crate::support::power::Dice;

/// A group that was, or is to be, appended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Words {
    /// Header and erasable bytes of each entry; `None` once they were erased.
    pub(crate) entries: Vec<(Vec<u8>, Option<Vec<u8>>)>,
    /// The seal.
    pub(crate) seal: Vec<u8>,
}

impl Words {
    /// Random ones, sometimes longer than a sector.
    pub(crate) fn throw(dice: &mut Dice) -> Words {
        let entries = (0..dice.below(4))
            .map(|_| {
                (
                    bytes(dice, 120),
                    Some(if dice.one_in(3) {
                        bytes(dice, 3000)
                    } else {
                        bytes(dice, 100)
                    }),
                )
            })
            .collect();
        Words {
            entries,
            seal: bytes(dice, 200),
        }
    }

    /// Those of a group as it was read.
    pub(crate) fn of(group: &Group) -> Words {
        let entries = group
            .entries
            .iter()
            .map(|entry| (entry.header.clone(), entry.erasable.clone()))
            .collect();
        Words {
            entries,
            seal: group.seal.clone(),
        }
    }

    /// Appends them.
    pub(crate) fn append(&self, journal: &mut Journal) -> Result<Vec<Position>, JournalError> {
        let entries: Vec<Entry<'_>> = self
            .entries
            .iter()
            .map(|(header, erasable)| Entry {
                header,
                erasable: erasable.as_deref().unwrap_or_default(),
            })
            .collect();
        journal.append(&entries, &self.seal)
    }
}

fn bytes(dice: &mut Dice, below: u64) -> Vec<u8> {
    (0..dice.below(below)).map(|_| dice.bits() as u8).collect()
}

/// The folder of the journals under test.
pub(crate) fn dir() -> PathBuf {
    PathBuf::from("/data/journal")
}

/// Opens a journal with short segments.
pub(crate) fn open(
    disk: impl Disk + 'static,
    known: Option<Position>,
) -> Result<(Journal, Recovered), JournalError> {
    let options = JournalOptions {
        segment_bytes_max: 6000,
        entry_bytes_max: 10_000,
    };
    Journal::open(Arc::new(disk), Path::new(&dir()), options, known)
}

/// All that a journal holds, read by a scan and, entry by entry, by position.
pub(crate) fn read_all(journal: &Journal) -> Vec<(Words, Vec<Position>)> {
    let reader = journal.reader();
    let mut all = Vec::new();
    for group in reader.scan(Position::START) {
        let group = group.expect("a group that was recovered can be read");
        for entry in &group.entries {
            let read: OwnedEntry = reader.read(entry.position).expect("and each of its entries");
            assert_eq!(&read, entry);
        }
        all.push((
            Words::of(&group),
            group.entries.iter().map(|entry| entry.position).collect(),
        ));
    }
    assert_eq!(journal.last_group(), all.len() as u64);
    all
}
