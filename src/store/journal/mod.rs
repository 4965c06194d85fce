//! The journal: groups of entries appended to segment files, durable with one fdatasync a group. It does not
//! know what entries and seals mean. The bytes and the rules of recovery are drawn in `docs/FORMATS.md`.

mod error;
mod frame;
mod inspect;
mod position;
mod reader;
mod recover;
mod segment;

use std::path::{Path, PathBuf};
use std::sync::Arc;

pub use error::JournalError;
pub use frame::Entry;
pub use position::Position;
pub use reader::{Group, JournalReader, OwnedEntry, Scan};

use self::frame::{ERASED, EntryFrame, STATE_OFFSET, encode_group, group_bytes};
use self::segment::{HEADER_BYTES, Segment, path_of};
use crate::store::disk::Disk;

/// No entry (header and erasable bytes together) is longer, whatever the options say.
pub const ENTRY_BYTES_LIMIT: u64 = 64 << 20;
/// No group is longer: offsets are 32 bits wide.
const GROUP_BYTES_LIMIT: u64 = 1 << 30;
/// No segment is meant to grow longer, whatever the options say.
const SEGMENT_BYTES_LIMIT: u32 = 1 << 30;
/// The buffer that is kept between two groups.
const BUFFER_BYTES_KEPT: usize = 4 << 20;

/// The journal's settings.
#[derive(Clone, Copy, Debug)]
pub struct JournalOptions {
    /// A segment is left for a new one when the next group would make it longer.
    pub segment_bytes_max: u32,
    /// A longer entry is refused; at most `ENTRY_BYTES_LIMIT`. It bounds what is written, not what is read.
    pub entry_bytes_max: u64,
}

impl Default for JournalOptions {
    fn default() -> JournalOptions {
        JournalOptions {
            segment_bytes_max: 64 << 20,
            entry_bytes_max: 16 << 20,
        }
    }
}

/// What was found when the journal was opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Recovered {
    /// The end of the last whole group; all up to here is durable.
    pub end: Position,
    /// Whole groups found behind the known position.
    pub groups: u64,
    /// Bytes of a commit that was cut short, which were cut off.
    pub torn_bytes: u64,
}

/// The journal as its one writer holds it.
#[derive(Debug)]
pub struct Journal {
    disk: Arc<dyn Disk>,
    dir: PathBuf,
    options: JournalOptions,
    reader: JournalReader,
    /// The segment that grows.
    active: Arc<Segment>,
    /// Where the next group goes; in `active`.
    end: u32,
    next_group: u64,
    buffer: Vec<u8>,
    poisoned: bool,
}

impl Journal {
    /// Opens the journal in a folder, or begins one. Only what lies behind `known` is read and verified: a position
    /// that was the `end` of this journal before and is known to be durable. Without it everything is.
    pub fn open(
        disk: Arc<dyn Disk>,
        dir: &Path,
        options: JournalOptions,
        known: Option<Position>,
    ) -> Result<(Journal, Recovered), JournalError> {
        let reader = JournalReader::new(Arc::clone(&disk), dir.to_path_buf());
        let tail = recover::recover(disk.as_ref(), dir, &reader, known.unwrap_or(Position::START))?;
        let end = Position::new(tail.active.number, tail.end);
        reader.publish(end);
        let recovered = Recovered {
            end,
            groups: tail.groups,
            torn_bytes: tail.torn_bytes,
        };
        let journal = Journal {
            disk,
            dir: dir.to_path_buf(),
            options,
            reader,
            active: tail.active,
            end: tail.end,
            next_group: tail.next_group,
            buffer: Vec::new(),
            poisoned: false,
        };
        Ok((journal, recovered))
    }

    /// Appends a group and makes it durable; gives the position of each entry. After `Full`, `Io` and `TooLong`
    /// nothing of it is there and the next append can succeed. After `Unsynced` nobody knows whether it is there.
    pub fn append(&mut self, entries: &[Entry<'_>], seal: &[u8]) -> Result<Vec<Position>, JournalError> {
        self.refuse_if_poisoned()?;
        let length = self.checked_length(entries, seal)?;
        let segment_bytes_max = self.options.segment_bytes_max.min(SEGMENT_BYTES_LIMIT);
        if self.end > HEADER_BYTES && self.end.saturating_add(length) > segment_bytes_max {
            self.begin_segment()?;
        }
        self.buffer.clear();
        self.buffer.shrink_to(BUFFER_BYTES_KEPT);
        let place = (self.end, self.next_group);
        let offsets = encode_group(&mut self.buffer, self.active.key, place, length, entries, seal);
        if let Err(error) = self.active.file.write_at(u64::from(self.end), &self.buffer) {
            self.cut_back();
            return Err(error.into());
        }
        self.sync(|journal| journal.active.file.sync_data())?;
        self.end += length;
        self.next_group += 1;
        self.reader.publish(Position::new(self.active.number, self.end));
        Ok(offsets
            .into_iter()
            .map(|offset| Position::new(self.active.number, offset))
            .collect())
    }

    /// Destroys the erasable bytes of these entries; durable when it returns. Everything else stays valid. If it
    /// was cut short it is to be repeated; an entry that is erased already is no error.
    pub fn erase(&mut self, positions: &[Position]) -> Result<(), JournalError> {
        self.refuse_if_poisoned()?;
        let mut found = Vec::with_capacity(positions.len());
        for position in positions {
            let (segment, bytes) = self.reader.entry_bytes(*position)?;
            let frame = EntryFrame::decode(segment.key, position.offset(), &bytes)
                .map_err(|fault| segment.damaged(fault))?;
            found.push((
                Arc::clone(&segment),
                frame.offset,
                frame.erasable_offset(),
                frame.erasable.len(),
            ));
        }
        found.sort_by_key(|(segment, offset, ..)| (segment.number, *offset));
        for one_segment in found.chunk_by(|left, right| left.0.number == right.0.number) {
            let file = &one_segment[0].0.file;
            // The state first, by itself: zeros that outlived a power loss without it would be damage.
            for (_, offset, ..) in one_segment {
                file.write_at(u64::from(offset + STATE_OFFSET), &[ERASED])?;
            }
            self.sync(|_| file.sync_data())?;
            for (_, _, erasable_offset, bytes) in one_segment {
                file.write_at(u64::from(*erasable_offset), &vec![0; *bytes])?;
            }
            self.sync(|_| file.sync_data())?;
        }
        Ok(())
    }

    /// The end of the last durable group.
    pub fn end(&self) -> Position {
        self.reader.end()
    }

    /// The number of the last durable group; 0 in an empty journal.
    pub fn last_group(&self) -> u64 {
        self.next_group - 1
    }

    /// Whether every further write is refused.
    pub fn is_poisoned(&self) -> bool {
        self.poisoned
    }

    /// A reader for other threads.
    pub fn reader(&self) -> JournalReader {
        self.reader.clone()
    }

    fn checked_length(&self, entries: &[Entry<'_>], seal: &[u8]) -> Result<u32, JournalError> {
        let bytes_max = self.options.entry_bytes_max.min(ENTRY_BYTES_LIMIT);
        for entry in entries {
            let bytes = (entry.header.len() + entry.erasable.len()) as u64;
            if bytes > bytes_max {
                return Err(JournalError::TooLong {
                    what: "an entry",
                    bytes,
                    bytes_max,
                });
            }
        }
        let bytes = group_bytes(entries, seal);
        if bytes > GROUP_BYTES_LIMIT {
            return Err(JournalError::TooLong {
                what: "a group",
                bytes,
                bytes_max: GROUP_BYTES_LIMIT,
            });
        }
        Ok(u32::try_from(bytes).expect("the limit of a group fits"))
    }

    fn begin_segment(&mut self) -> Result<(), JournalError> {
        let number = self.active.number + 1;
        let made = Segment::create(self.disk.as_ref(), &self.dir, number, self.next_group, self.end);
        if made.is_err() {
            // What is left of it does no harm: the next attempt, or the next start, replaces it.
            let _ = self.disk.remove(&path_of(&self.dir, number));
        }
        let made = made?;
        self.sync(|journal| {
            made.file.sync_data()?;
            journal.disk.sync_dir(&journal.dir)
        })?;
        self.active = Arc::new(made);
        self.end = HEADER_BYTES;
        Ok(())
    }

    /// After a failed write: nothing of the group may stay, or a later one would stand behind garbage.
    fn cut_back(&mut self) {
        let file = &self.active.file;
        let cut = file.set_len(u64::from(self.end)).and_then(|()| file.sync_data());
        self.poisoned = cut.is_err();
    }

    fn sync(&mut self, sync: impl FnOnce(&Journal) -> std::io::Result<()>) -> Result<(), JournalError> {
        let synced = sync(self);
        self.poisoned = synced.is_err();
        synced.map_err(JournalError::Unsynced)
    }

    fn refuse_if_poisoned(&self) -> Result<(), JournalError> {
        if self.poisoned {
            Err(JournalError::Poisoned)
        } else {
            Ok(())
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::{Entry, Journal, JournalError, JournalOptions, Position};
    use crate::store::disk::RealDisk;

    #[test]
    fn groups_come_back_across_segments_and_starts() {
        let dir = tempfile::tempdir().unwrap();
        let options = JournalOptions {
            segment_bytes_max: 400,
            entry_bytes_max: 200,
        };
        let open =
            |known| Journal::open(Arc::new(RealDisk), &dir.path().join("journal"), options, known).unwrap();
        let (mut journal, recovered) = open(None);
        assert_eq!((recovered.groups, recovered.torn_bytes), (0, 0));
        let mut known = None;
        let mut positions = Vec::new();
        for number in 0..10_u8 {
            let entries = [
                Entry {
                    header: &[number; 20],
                    erasable: b"plain",
                },
                Entry {
                    header: b"",
                    erasable: &[number; 30],
                },
            ];
            positions.extend(journal.append(&entries, &[number]).unwrap());
            if number == 6 {
                known = Some(journal.end());
            }
        }
        let long = Entry {
            header: &[0; 100],
            erasable: &[0; 101],
        };
        assert!(matches!(
            journal.append(&[long], b""),
            Err(JournalError::TooLong { .. })
        ));
        journal
            .erase(&[positions[3], positions[19], positions[2]])
            .unwrap();
        let end = journal.end();
        drop(journal);

        assert_eq!(open(known).1.groups, 3);
        assert_eq!(open(Some(end)).1.groups, 0);
        let (journal, recovered) = open(None);
        assert_eq!(
            (recovered.groups, recovered.end, journal.last_group()),
            (10, end, 10)
        );
        let reader = journal.reader();
        let groups: Vec<_> = reader.scan(Position::START).map(Result::unwrap).collect();
        assert_eq!(groups.len(), 10);
        assert_eq!(groups[9].seal, [9]);
        assert_eq!(groups[4].entries[0].header, [4; 20]);
        assert_eq!(groups[4].entries[1].erasable.as_deref(), Some(&[4; 30][..]));
        assert_eq!(groups[1].entries[1].erasable, None);
        let entries: Vec<_> = groups.into_iter().flat_map(|group| group.entries).collect();
        for (entry, position) in entries.iter().zip(&positions) {
            assert_eq!(entry, &reader.read(*position).unwrap());
        }
        assert_eq!(reader.scan(known.unwrap()).count(), 3);
        assert_eq!(reader.scan(end).count(), 0);
        assert!(matches!(reader.read(end), Err(JournalError::Outside(_))));
        assert!(matches!(
            reader.read(Position::START),
            Err(JournalError::Outside(_))
        ));
    }
}
