//! One segment file: its name, its header, and reading whole groups out of it.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crc32c::crc32c;

use super::error::JournalError;
use super::frame::{Fault, GroupHead, HEAD_BYTES, SegmentKey, TRAILER_BYTES, decode_group, u32_at, u64_at};
use super::{Group, OwnedEntry, Position};
use crate::store::disk::{Disk, DiskFile, OpenMode};

/// The length of a segment's header: the offset of its first group.
pub(super) const HEADER_BYTES: u32 = 64;
const MAGIC: &[u8; 8] = b"blotseg\n";
const VERSION: u32 = 1;

/// The number in the name of a segment file, if it is one.
pub(super) fn number_of(name: &str) -> Option<u32> {
    let digits = name.strip_suffix(".seg")?;
    let fits = digits.len() == 20 && digits.bytes().all(|byte| byte.is_ascii_digit());
    fits.then(|| digits.parse().ok()).flatten()
}

/// Where the segment with this number lies.
pub(super) fn path_of(dir: &Path, number: u32) -> PathBuf {
    dir.join(format!("{number:020}.seg"))
}

/// An open segment.
#[derive(Debug)]
pub(super) struct Segment {
    pub(super) number: u32,
    pub(super) file: Arc<dyn DiskFile>,
    pub(super) key: SegmentKey,
    pub(super) first_group: u64,
    /// The length of the segment before this one.
    pub(super) previous_bytes: u32,
}

impl Segment {
    /// Opens an existing segment and checks its header.
    pub(super) fn open(disk: &dyn Disk, dir: &Path, number: u32) -> Result<Segment, JournalError> {
        let file = disk.open(&path_of(dir, number), OpenMode::ReadWrite)?;
        let mut header = [0; HEADER_BYTES as usize];
        match file.read_at(0, &mut header) {
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                return Err(JournalError::damaged(
                    number,
                    0,
                    "the segment is shorter than its header",
                ));
            }
            other => other?,
        }
        if &header[..8] != MAGIC {
            return Err(JournalError::damaged(number, 0, "this is no segment"));
        }
        if crc32c(&header[..60]) != u32_at(&header, 60) || u32_at(&header, 12) != number {
            return Err(JournalError::damaged(
                number,
                0,
                "the header does not match its check or name",
            ));
        }
        if u32_at(&header, 8) != VERSION {
            return Err(JournalError::Version {
                segment: number,
                version: u32_at(&header, 8),
            });
        }
        Ok(Segment::from_header(number, file, &header))
    }

    /// Makes a segment file with its header. Neither is durable yet.
    pub(super) fn create(
        disk: &dyn Disk,
        dir: &Path,
        number: u32,
        first_group: u64,
        previous_bytes: u32,
    ) -> Result<Segment, JournalError> {
        let mut header = [0; HEADER_BYTES as usize];
        header[..8].copy_from_slice(MAGIC);
        header[8..12].copy_from_slice(&VERSION.to_le_bytes());
        header[12..16].copy_from_slice(&number.to_le_bytes());
        getrandom::fill(&mut header[16..32]).map_err(|error| JournalError::Io(io::Error::other(error)))?;
        header[32..40].copy_from_slice(&first_group.to_le_bytes());
        header[40..44].copy_from_slice(&previous_bytes.to_le_bytes());
        let check = crc32c(&header[..60]);
        header[60..].copy_from_slice(&check.to_le_bytes());
        // A file of this name can only be what is left of an earlier attempt.
        let file = disk.open(&path_of(dir, number), OpenMode::Create)?;
        file.set_len(0)?;
        file.write_at(0, &header)?;
        Ok(Segment::from_header(number, file, &header))
    }

    fn from_header(number: u32, file: Arc<dyn DiskFile>, header: &[u8; HEADER_BYTES as usize]) -> Segment {
        let mut salt = [0; 16];
        salt.copy_from_slice(&header[16..32]);
        Segment {
            number,
            file,
            key: SegmentKey::new(&salt, number),
            first_group: u64_at(header, 32),
            previous_bytes: u32_at(header, 40),
        }
    }

    /// The length of the file.
    pub(super) fn length(&self) -> Result<u32, JournalError> {
        u32::try_from(self.file.len()?).map_err(|_| {
            JournalError::damaged(self.number, u32::MAX, "the segment is longer than any can be")
        })
    }

    /// The whole group that begins at `offset` and ends at `limit` at the latest.
    pub(super) fn group_at(&self, offset: u32, limit: u32) -> Result<Group, JournalError> {
        let head_bytes = self.exact::<HEAD_BYTES>(offset, limit)?;
        let head = GroupHead::decode(self.key, offset, &head_bytes).map_err(|fault| self.damaged(fault))?;
        if head.length > limit - offset {
            return Err(self.damaged((offset, "the group is longer than what is left of the segment")));
        }
        let mut bytes = vec![0; head.length as usize];
        self.file.read_at(u64::from(offset), &mut bytes)?;
        let (frames, seal) =
            decode_group(self.key, offset, head, &bytes).map_err(|fault| self.damaged(fault))?;
        let entries = frames
            .iter()
            .map(|frame| OwnedEntry {
                position: Position::new(self.number, frame.offset),
                header: frame.header.to_vec(),
                erasable: (!frame.erased).then(|| frame.erasable.to_vec()),
            })
            .collect();
        Ok(Group {
            number: head.number,
            start: Position::new(self.number, offset),
            end: Position::new(self.number, offset + head.length),
            entries,
            seal: seal.to_vec(),
        })
    }

    /// The whole group that ends at `end`; how it is proved that a position is the end of a group.
    pub(super) fn group_before(&self, end: u32) -> Result<Group, JournalError> {
        let fault = (end, "no group ends here");
        let trailer_at = end
            .checked_sub(TRAILER_BYTES as u32)
            .filter(|at| *at >= HEADER_BYTES)
            .ok_or_else(|| self.damaged(fault))?;
        let trailer = self.exact::<TRAILER_BYTES>(trailer_at, end)?;
        let start = end
            .checked_sub(u32_at(&trailer, 0))
            .filter(|start| *start >= HEADER_BYTES)
            .ok_or_else(|| self.damaged(fault))?;
        let group = self.group_at(start, end)?;
        if group.end.offset() != end {
            return Err(self.damaged(fault));
        }
        Ok(group)
    }

    /// Whether a whole group with a later number than `number` begins behind `offset`. This is what tells damage
    /// from a torn tail: see the tail rule in `docs/FORMATS.md`.
    pub(super) fn later_group_behind(
        &self,
        offset: u32,
        number: u64,
        limit: u32,
    ) -> Result<bool, JournalError> {
        const STEP: u32 = 1 << 20;
        let overlap = self.key.mark.len() as u32 - 1;
        let mut from = offset + 1;
        while from < limit {
            let mut bytes = vec![
                0;
                limit
                    .min(from.saturating_add(STEP + overlap))
                    .saturating_sub(from) as usize
            ];
            self.file.read_at(u64::from(from), &mut bytes)?;
            for (at, window) in bytes.windows(self.key.mark.len()).enumerate() {
                if window != self.key.mark {
                    continue;
                }
                match self.group_at(from + at as u32, limit) {
                    Ok(group) if group.number > number => return Ok(true),
                    Ok(_) | Err(JournalError::Damaged { .. }) => {}
                    Err(error) => return Err(error),
                }
            }
            from = from.saturating_add(STEP);
        }
        Ok(false)
    }

    pub(super) fn damaged(&self, fault: Fault) -> JournalError {
        JournalError::damaged(self.number, fault.0, fault.1)
    }

    fn exact<const N: usize>(&self, offset: u32, limit: u32) -> Result<[u8; N], JournalError> {
        if limit.saturating_sub(offset) < N as u32 {
            return Err(self.damaged((offset, "the segment ends within a group")));
        }
        let mut bytes = [0; N];
        self.file.read_at(u64::from(offset), &mut bytes)?;
        Ok(bytes)
    }
}
