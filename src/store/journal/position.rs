//! A place in the journal: segment and offset, ordered as the journal is, packed into a `u64` for a view row.

use std::fmt;

/// A place in the journal. A later place is greater. Groups end and begin at the same position, except that
/// the one after the last of a segment begins in the next segment; `scan` takes care of that.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Position(u64);

impl Position {
    /// The beginning of every journal, before its first group.
    pub const START: Position = Position(0);

    /// The place at this offset of this segment.
    pub const fn new(segment: u32, offset: u32) -> Position {
        Position(((segment as u64) << 32) | offset as u64)
    }

    /// What `to_u64` gave.
    pub const fn from_u64(packed: u64) -> Position {
        Position(packed)
    }

    /// Packed, in the order of the journal.
    pub const fn to_u64(self) -> u64 {
        self.0
    }

    /// The number of the segment; segments are counted from 1.
    pub const fn segment(self) -> u32 {
        (self.0 >> 32) as u32
    }

    /// The offset in the segment file, in bytes.
    pub const fn offset(self) -> u32 {
        self.0 as u32
    }
}

impl fmt::Display for Position {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "segment {} offset {}", self.segment(), self.offset())
    }
}

#[cfg(test)]
mod tests {
    use super::Position;

    #[test]
    fn positions_pack_in_order() {
        let early = Position::new(1, u32::MAX);
        let late = Position::new(2, 64);
        assert!(Position::START < early && early < late);
        assert_eq!(Position::from_u64(late.to_u64()), late);
        assert_eq!((late.segment(), late.offset()), (2, 64));
    }
}
