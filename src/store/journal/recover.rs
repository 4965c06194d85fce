//! Opening a journal: finds the end of what is whole, cuts off a torn tail, refuses damage. The tail rule, and
//! why it holds, is in `docs/FORMATS.md`; it rests on this: when a group is written, all before it is durable.

use std::path::Path;
use std::sync::Arc;

use super::error::JournalError;
use super::segment::{HEADER_BYTES, Segment, number_of, path_of};
use super::{JournalReader, Position};
use crate::store::disk::{Disk, OpenMode};

/// The end of the journal as it was found, durable.
pub(super) struct Tail {
    pub(super) active: Arc<Segment>,
    pub(super) end: u32,
    pub(super) next_group: u64,
    pub(super) groups: u64,
    pub(super) torn_bytes: u64,
}

pub(super) fn recover(
    disk: &dyn Disk,
    dir: &Path,
    reader: &JournalReader,
    known: Position,
) -> Result<Tail, JournalError> {
    disk.create_dir_all(dir)?;
    let last = last_segment(disk, dir)?;
    if last == 0 && known <= Position::new(1, HEADER_BYTES) {
        let made = Segment::create(disk, dir, 1, 1, 0)?;
        made.file.sync_data().map_err(JournalError::Unsynced)?;
    } else if known.segment() > last {
        return Err(ends_too_early(known));
    }
    let tail = walk(reader, known, last.max(1))?;
    disk.sync_dir(dir).map_err(JournalError::Unsynced)?;
    Ok(tail)
}

/// The number of the last segment, 0 if there is none. One without a group is removed first: it was being made,
/// or was left by an attempt that failed, and may no longer fit what the segment before it has become.
fn last_segment(disk: &dyn Disk, dir: &Path) -> Result<u32, JournalError> {
    let numbers: Vec<u32> = disk
        .list(dir)?
        .iter()
        .filter_map(|name| number_of(name))
        .collect();
    for (number, expected) in numbers.iter().zip(1..) {
        if *number != expected {
            return Err(JournalError::damaged(expected, 0, "the segment is missing"));
        }
    }
    let last = numbers.len() as u32;
    if last == 0 {
        return Ok(0);
    }
    let path = path_of(dir, last);
    if disk.open(&path, OpenMode::Read)?.len()? > u64::from(HEADER_BYTES) {
        return Ok(last);
    }
    disk.remove(&path)?;
    disk.sync_dir(dir).map_err(JournalError::Unsynced)?;
    Ok(last - 1)
}

/// Reads whole groups from the known position to the end of the last segment.
fn walk(reader: &JournalReader, known: Position, last: u32) -> Result<Tail, JournalError> {
    let mut segment = reader.segment(known.segment().max(1))?;
    let mut at = known.offset().max(HEADER_BYTES);
    if at > segment.length()? {
        return Err(ends_too_early(known));
    }
    let mut next_group = segment.first_group;
    if at > HEADER_BYTES {
        next_group = segment.group_before(at)?.number + 1;
    }
    let mut groups = 0;
    // Where what may not be durable begins: the last group, or the header of a segment without one.
    let mut doubtful = None;
    loop {
        let limit = segment.length()?;
        if at == HEADER_BYTES && segment.first_group != next_group {
            return Err(segment.damaged((0, "the groups are not in a row")));
        }
        if at == HEADER_BYTES {
            doubtful = Some(0);
        }
        let mut fault = None;
        while at < limit && fault.is_none() {
            match segment.group_at(at, limit) {
                Ok(group) if group.number == next_group => {
                    doubtful = Some(at);
                    at = group.end.offset();
                    next_group += 1;
                    groups += 1;
                }
                Ok(_) => return Err(segment.damaged((at, "the groups are not in a row"))),
                Err(error @ JournalError::Damaged { .. }) => fault = Some(error),
                Err(error) => return Err(error),
            }
        }
        if segment.number == last {
            let torn_bytes = cut_tail(&segment, at, next_group, limit, fault)?;
            if let Some(from) = doubtful {
                write_again(&segment, from, at)?;
            }
            return Ok(Tail {
                active: segment,
                end: at,
                next_group,
                groups,
                torn_bytes,
            });
        }
        if let Some(error) = fault {
            return Err(error);
        }
        let next = reader.segment(segment.number + 1)?;
        if next.previous_bytes != at {
            return Err(segment.damaged((at, "the segment does not end where its successor says")));
        }
        segment = next;
        at = HEADER_BYTES;
    }
}

/// The tail rule in the last segment: what stands behind its last whole group is a commit that was never
/// acknowledged and is cut off, unless a later group shows that it had been durable.
fn cut_tail(
    segment: &Segment,
    end: u32,
    next_group: u64,
    limit: u32,
    fault: Option<JournalError>,
) -> Result<u64, JournalError> {
    let Some(fault) = fault else {
        return Ok(0);
    };
    if segment.later_group_behind(end, next_group, limit)? {
        return Err(fault);
    }
    segment.file.set_len(u64::from(end))?;
    segment.file.sync_data().map_err(JournalError::Unsynced)?;
    Ok(u64::from(limit - end))
}

/// Writes the same bytes once more and syncs them. A process that died on a failed sync leaves pages behind that
/// read well and count as clean, but may never have reached the disk.
fn write_again(segment: &Segment, from: u32, to: u32) -> Result<(), JournalError> {
    let mut bytes = vec![0; (to - from) as usize];
    segment.file.read_at(u64::from(from), &mut bytes)?;
    segment.file.write_at(u64::from(from), &bytes)?;
    segment.file.sync_data().map_err(JournalError::Unsynced)
}

fn ends_too_early(known: Position) -> JournalError {
    JournalError::Damaged {
        position: known,
        what: "the journal ends before this place, which was durable",
    }
}
