//! The bytes of groups and entries, as drawn in `docs/FORMATS.md`: pure encoding and decoding, no disk.

use crc32c::{crc32c, crc32c_append};

/// Bytes before the first entry of a group.
pub(super) const HEAD_BYTES: usize = 32;
/// Bytes before the header of an entry.
pub(super) const PREFIX_BYTES: usize = 17;
/// Bytes after the seal.
pub(super) const TRAILER_BYTES: usize = 8;
/// Where in an entry its state stands.
pub(super) const STATE_OFFSET: u32 = 16;
/// The state of an entry whose erasable bytes are there.
const LIVE: u8 = 0xA5;
/// The state of an entry whose erasable bytes are destroyed, or about to be.
pub(super) const ERASED: u8 = 0x5A;

/// What is wrong with bytes, and at which offset of the segment.
pub(super) type Fault = (u32, &'static str);

/// What ties groups and entries to their segment.
#[derive(Clone, Copy, Debug)]
pub(super) struct SegmentKey {
    /// The first bytes of every group.
    pub(super) mark: [u8; 8],
    seed: u32,
}

impl SegmentKey {
    pub(super) fn new(salt: &[u8; 16], number: u32) -> SegmentKey {
        let seed = crc32c_append(crc32c(salt), &number.to_le_bytes());
        let mut mark = [0; 8];
        mark.copy_from_slice(&salt[..8]);
        SegmentKey { mark, seed }
    }

    fn check_at(&self, offset: u32, parts: [&[u8]; 2]) -> u32 {
        let check = crc32c_append(self.seed, &u64::from(offset).to_le_bytes());
        crc32c_append(crc32c_append(check, parts[0]), parts[1])
    }
}

/// One entry to be written. Its header stays for ever, its erasable bytes can be destroyed.
#[derive(Clone, Copy, Debug)]
pub struct Entry<'a> {
    /// The bytes that stay.
    pub header: &'a [u8],
    /// The bytes that can be erased later.
    pub erasable: &'a [u8],
}

/// The length in bytes of a group.
pub(super) fn group_bytes(entries: &[Entry<'_>], seal: &[u8]) -> u64 {
    let entries: u64 = entries
        .iter()
        .map(|entry| (PREFIX_BYTES + entry.header.len() + entry.erasable.len()) as u64)
        .sum();
    (HEAD_BYTES + seal.len() + TRAILER_BYTES) as u64 + entries
}

/// Appends a group that is to stand at this offset; gives the offset of each entry. The caller has checked
/// that `length` (from `group_bytes`) and all that it sums up fit the format.
pub(super) fn encode_group(
    out: &mut Vec<u8>,
    key: SegmentKey,
    place: (u32, u64),
    length: u32,
    entries: &[Entry<'_>],
    seal: &[u8],
) -> Vec<u32> {
    let (offset, number) = place;
    let base = out.len();
    out.reserve(length as usize);
    out.extend_from_slice(&key.mark);
    out.extend_from_slice(&number.to_le_bytes());
    out.extend_from_slice(&length.to_le_bytes());
    out.extend_from_slice(&(entries.len() as u32).to_le_bytes());
    out.extend_from_slice(&(seal.len() as u32).to_le_bytes());
    let check = key.check_at(offset, [&out[base..], &[]]);
    out.extend_from_slice(&check.to_le_bytes());
    let mut whole = crc32c_append(key.seed, &out[base..]);
    let mut offsets = Vec::with_capacity(entries.len());
    for entry in entries {
        let start = out.len();
        let at = offset + (start - base) as u32;
        out.extend_from_slice(&(entry.header.len() as u32).to_le_bytes());
        out.extend_from_slice(&(entry.erasable.len() as u32).to_le_bytes());
        out.extend_from_slice(&crc32c(entry.erasable).to_le_bytes());
        let check = key.check_at(at, [&out[start..], entry.header]);
        out.extend_from_slice(&check.to_le_bytes());
        whole = crc32c_append(crc32c_append(whole, &out[start..]), entry.header);
        out.push(LIVE);
        out.extend_from_slice(entry.header);
        out.extend_from_slice(entry.erasable);
        offsets.push(at);
    }
    out.extend_from_slice(seal);
    out.extend_from_slice(&length.to_le_bytes());
    whole = crc32c_append(crc32c_append(whole, seal), &length.to_le_bytes());
    out.extend_from_slice(&whole.to_le_bytes());
    offsets
}

/// The head of a group whose own check holds.
#[derive(Clone, Copy, Debug)]
pub(super) struct GroupHead {
    pub(super) number: u64,
    pub(super) length: u32,
    entries: u32,
    seal_bytes: u32,
}

impl GroupHead {
    pub(super) fn decode(key: SegmentKey, offset: u32, bytes: &[u8; HEAD_BYTES]) -> Result<GroupHead, Fault> {
        if bytes[..8] != key.mark {
            return Err((offset, "no group begins here"));
        }
        if key.check_at(offset, [&bytes[..28], &[]]) != u32_at(bytes, 28) {
            return Err((offset, "the head of the group does not match its check"));
        }
        let head = GroupHead {
            number: u64_at(bytes, 8),
            length: u32_at(bytes, 16),
            entries: u32_at(bytes, 20),
            seal_bytes: u32_at(bytes, 24),
        };
        if (head.length as usize) < HEAD_BYTES + TRAILER_BYTES {
            return Err((offset, "the group is shorter than its head and trailer"));
        }
        Ok(head)
    }
}

/// One entry as it lies in a buffer.
#[derive(Debug)]
pub(super) struct EntryFrame<'a> {
    pub(super) offset: u32,
    pub(super) header: &'a [u8],
    /// What stands where the erasable bytes were written.
    pub(super) erasable: &'a [u8],
    pub(super) erased: bool,
    erasable_check: u32,
}

impl EntryFrame<'_> {
    /// The length in bytes of the entry that begins with this prefix, if it says the truth.
    pub(super) fn length(prefix: &[u8; PREFIX_BYTES]) -> u64 {
        PREFIX_BYTES as u64 + u64::from(u32_at(prefix, 0)) + u64::from(u32_at(prefix, 4))
    }

    /// Takes the entry at the beginning of these bytes, which stand at `offset`. The header is checked; of the
    /// erasable bytes `erasable_is_whole` tells.
    pub(super) fn decode(key: SegmentKey, offset: u32, bytes: &[u8]) -> Result<EntryFrame<'_>, Fault> {
        let prefix: &[u8; PREFIX_BYTES] = bytes
            .first_chunk()
            .ok_or((offset, "the entry is cut off in its prefix"))?;
        if EntryFrame::length(prefix) > bytes.len() as u64 {
            return Err((offset, "the entry is longer than what holds it"));
        }
        let header_end = PREFIX_BYTES + u32_at(prefix, 0) as usize;
        let header = &bytes[PREFIX_BYTES..header_end];
        if key.check_at(offset, [&prefix[..12], header]) != u32_at(prefix, 12) {
            return Err((offset, "the header of the entry does not match its check"));
        }
        let erased = match prefix[STATE_OFFSET as usize] {
            LIVE => false,
            ERASED => true,
            _ => return Err((offset + STATE_OFFSET, "the entry is neither live nor erased")),
        };
        let erasable = &bytes[header_end..header_end + u32_at(prefix, 4) as usize];
        Ok(EntryFrame {
            offset,
            header,
            erasable,
            erased,
            erasable_check: u32_at(prefix, 8),
        })
    }

    /// The offset in the segment of the erasable bytes.
    pub(super) fn erasable_offset(&self) -> u32 {
        self.offset + (PREFIX_BYTES + self.header.len()) as u32
    }

    /// Whether the erasable bytes are those that were written; an erased entry has none to check.
    pub(super) fn erasable_is_whole(&self) -> bool {
        self.erased || crc32c(self.erasable) == self.erasable_check
    }

    fn length_here(&self) -> usize {
        PREFIX_BYTES + self.header.len() + self.erasable.len()
    }
}

/// A whole group in a buffer: its entries and its seal.
pub(super) type GroupFrame<'a> = (Vec<EntryFrame<'a>>, &'a [u8]);

/// Takes a group apart if it is whole. `bytes` are exactly those that the head claims, and stand at `offset`.
pub(super) fn decode_group<'a>(
    key: SegmentKey,
    offset: u32,
    head: GroupHead,
    bytes: &'a [u8],
) -> Result<GroupFrame<'a>, Fault> {
    let trailer_at = bytes.len() - TRAILER_BYTES;
    let body_end = trailer_at
        .checked_sub(head.seal_bytes as usize)
        .filter(|end| *end >= HEAD_BYTES)
        .ok_or((offset, "the seal is longer than the group"))?;
    let mut whole = crc32c_append(key.seed, &bytes[..HEAD_BYTES]);
    let mut entries = Vec::new();
    let mut at = HEAD_BYTES;
    for _ in 0..head.entries {
        let entry = EntryFrame::decode(key, offset + at as u32, &bytes[at..body_end])?;
        if !entry.erasable_is_whole() {
            return Err((
                entry.erasable_offset(),
                "the erasable bytes do not match their check",
            ));
        }
        whole = crc32c_append(
            crc32c_append(whole, &bytes[at..at + STATE_OFFSET as usize]),
            entry.header,
        );
        at += entry.length_here();
        entries.push(entry);
    }
    if at != body_end {
        return Err((offset + at as u32, "the entries do not fill the group"));
    }
    let seal = &bytes[body_end..trailer_at];
    whole = crc32c_append(crc32c_append(whole, seal), &bytes[trailer_at..trailer_at + 4]);
    if u32_at(bytes, trailer_at) != head.length || u32_at(bytes, trailer_at + 4) != whole {
        return Err((
            offset + trailer_at as u32,
            "the group does not match the check in its trailer",
        ));
    }
    Ok((entries, seal))
}

/// The little-endian number at this place, which the caller knows to lie within the bytes.
pub(super) fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
}

/// The little-endian number at this place, which the caller knows to lie within the bytes.
pub(super) fn u64_at(bytes: &[u8], at: usize) -> u64 {
    u64::from(u32_at(bytes, at)) | (u64::from(u32_at(bytes, at + 4)) << 32)
}
