//! Reading the journal from any thread while it is written. A reader sees what is durable, never more.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use super::error::JournalError;
use super::frame::{EntryFrame, PREFIX_BYTES};
use super::segment::{HEADER_BYTES, Segment};
use super::{ENTRY_BYTES_LIMIT, Position};
use crate::store::disk::Disk;

/// Segments that are kept open at most.
const OPEN_SEGMENTS_MAX: usize = 64;
/// The first read of an entry; most entries need no second.
const FIRST_READ_BYTES: u32 = 4096;

/// Reads entries and groups; cheap to clone.
#[derive(Clone, Debug)]
pub struct JournalReader(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    disk: Arc<dyn Disk>,
    dir: PathBuf,
    /// The end of what is durable; only the journal moves it.
    end: AtomicU64,
    /// Held while a segment is looked up or opened.
    open: Mutex<BTreeMap<u32, Arc<Segment>>>,
}

/// An entry as it was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OwnedEntry {
    /// Where it stands.
    pub position: Position,
    /// The bytes that stay.
    pub header: Vec<u8>,
    /// The erasable bytes; `None` if they were erased.
    pub erasable: Option<Vec<u8>>,
}

/// What one commit wrote.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    /// Its number: 1, 2, 3 … through the whole journal.
    pub number: u64,
    /// Where it begins.
    pub start: Position,
    /// Where it ends: the position to go on from.
    pub end: Position,
    /// Its entries in order.
    pub entries: Vec<OwnedEntry>,
    /// The caller's seal.
    pub seal: Vec<u8>,
}

impl JournalReader {
    pub(super) fn new(disk: Arc<dyn Disk>, dir: PathBuf) -> JournalReader {
        JournalReader(Arc::new(Shared {
            disk,
            dir,
            end: AtomicU64::new(0),
            open: Mutex::default(),
        }))
    }

    /// The end of the last durable group.
    pub fn end(&self) -> Position {
        Position::from_u64(self.0.end.load(Ordering::Acquire))
    }

    /// The entry at this position.
    pub fn read(&self, position: Position) -> Result<OwnedEntry, JournalError> {
        let (segment, bytes) = self.entry_bytes(position)?;
        let frame = EntryFrame::decode(segment.key, position.offset(), &bytes)
            .map_err(|fault| segment.damaged(fault))?;
        let erased = if frame.erasable_is_whole() {
            frame.erased
        } else if self.is_erased_by_now(&segment, position)? {
            true
        } else {
            let fault = (
                frame.erasable_offset(),
                "the erasable bytes do not match their check",
            );
            return Err(segment.damaged(fault));
        };
        let erasable = (!erased).then(|| frame.erasable.to_vec());
        Ok(OwnedEntry {
            position,
            header: frame.header.to_vec(),
            erasable,
        })
    }

    /// The groups from this position on, which is the start of the journal or the end of a group, up to what is
    /// durable when the next one is asked for. After an error or the end the iterator can be asked again.
    pub fn scan(&self, from: Position) -> Scan {
        Scan {
            reader: self.clone(),
            at: from,
            expected: None,
        }
    }

    /// The bytes from the entry's beginning on, at least as many as it says it has.
    pub(super) fn entry_bytes(&self, position: Position) -> Result<(Arc<Segment>, Vec<u8>), JournalError> {
        let end = self.end();
        if position >= end || position.segment() == 0 || position.offset() < HEADER_BYTES {
            return Err(JournalError::Outside(position));
        }
        let segment = self.segment(position.segment())?;
        let limit = if position.segment() == end.segment() {
            end.offset()
        } else {
            segment.length()?
        };
        let left = limit.saturating_sub(position.offset());
        if left < PREFIX_BYTES as u32 {
            return Err(JournalError::Outside(position));
        }
        let mut bytes = vec![0; left.min(FIRST_READ_BYTES) as usize];
        segment.file.read_at(u64::from(position.offset()), &mut bytes)?;
        let prefix = bytes.first_chunk().expect("at least a prefix was read");
        let length = EntryFrame::length(prefix);
        if length > u64::from(left).min(ENTRY_BYTES_LIMIT + PREFIX_BYTES as u64) {
            return Err(segment.damaged((position.offset(), "the entry is longer than any can be")));
        }
        let read = bytes.len();
        if length > read as u64 {
            bytes.resize(length as usize, 0);
            segment
                .file
                .read_at(u64::from(position.offset()) + read as u64, &mut bytes[read..])?;
        }
        Ok((segment, bytes))
    }

    /// An erase may run between two reads; then the state tells so, for it is written first.
    fn is_erased_by_now(&self, segment: &Segment, position: Position) -> Result<bool, JournalError> {
        let (_, bytes) = self.entry_bytes(position)?;
        let frame = EntryFrame::decode(segment.key, position.offset(), &bytes)
            .map_err(|fault| segment.damaged(fault))?;
        Ok(frame.erased)
    }

    pub(super) fn segment(&self, number: u32) -> Result<Arc<Segment>, JournalError> {
        let mut open = self.0.open.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(segment) = open.get(&number) {
            return Ok(Arc::clone(segment));
        }
        let segment = Arc::new(Segment::open(self.0.disk.as_ref(), &self.0.dir, number)?);
        if open.len() >= OPEN_SEGMENTS_MAX {
            open.pop_first();
        }
        open.insert(number, Arc::clone(&segment));
        Ok(segment)
    }

    pub(super) fn dir(&self) -> &Path {
        &self.0.dir
    }

    pub(super) fn publish(&self, end: Position) {
        self.0.end.store(end.to_u64(), Ordering::Release);
    }
}

/// Iterator over the groups of a journal.
#[derive(Debug)]
pub struct Scan {
    reader: JournalReader,
    at: Position,
    /// The number of the next group, once one was read.
    expected: Option<u64>,
}

impl Scan {
    /// Where the next group is looked for: the end of the last one.
    pub fn position(&self) -> Position {
        self.at
    }

    fn step(&mut self) -> Result<Option<Group>, JournalError> {
        let end = self.reader.end();
        if self.at >= end {
            return Ok(None);
        }
        let mut at = if self.at.segment() == 0 {
            Position::new(1, HEADER_BYTES)
        } else {
            self.at
        };
        let mut segment = self.reader.segment(at.segment())?;
        let mut limit = segment.length()?;
        if at.segment() < end.segment() && at.offset() >= limit {
            let next = self.reader.segment(at.segment() + 1)?;
            if next.previous_bytes != at.offset() {
                return Err(segment.damaged((limit, "the segment does not end where its successor says")));
            }
            at = Position::new(next.number, HEADER_BYTES);
            limit = next.length()?;
            segment = next;
        }
        if at.segment() == end.segment() {
            limit = end.offset();
            if at.offset() >= limit {
                return Ok(None);
            }
        }
        // A second try, because an erase may have run while the group was read.
        let group = match segment.group_at(at.offset(), limit) {
            Err(JournalError::Damaged { .. }) => segment.group_at(at.offset(), limit)?,
            other => other?,
        };
        let first = (at.offset() == HEADER_BYTES).then_some(segment.first_group);
        if self
            .expected
            .or(first)
            .is_some_and(|expected| expected != group.number)
        {
            return Err(segment.damaged((at.offset(), "the groups are not in a row")));
        }
        self.at = group.end;
        self.expected = Some(group.number + 1);
        Ok(Some(group))
    }
}

impl Iterator for Scan {
    type Item = Result<Group, JournalError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.step().transpose()
    }
}
