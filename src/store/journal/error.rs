//! What can go wrong with the journal.

use std::io;

use super::Position;

/// Why the journal could not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// No space: nothing of the group was kept, the journal can go on once there is space.
    #[error("no space left on the disk for the journal")]
    Full,
    /// The disk failed in another way than by a sync; nothing of the group was kept.
    #[error("the journal can't be read or written: {0}")]
    Io(#[source] io::Error),
    /// A sync failed: what the disk holds is unknown. From now on every write is `Poisoned`.
    #[error("the journal can't be made durable: {0}")]
    Unsynced(#[source] io::Error),
    /// An earlier sync (or the removal of a half-written group) failed; only a new start helps.
    #[error("the journal takes no more writes since an earlier one could not be made durable or undone")]
    Poisoned,
    /// An entry or group above the limit.
    #[error("{what} of {bytes} bytes is longer than the {bytes_max} allowed")]
    TooLong {
        /// What it is: an entry, a group.
        what: &'static str,
        /// Its length.
        bytes: u64,
        /// The limit.
        bytes_max: u64,
    },
    /// Bytes that are not what was written. Nothing was changed.
    #[error("the journal is damaged at {position}: {what}")]
    Damaged {
        /// Where.
        position: Position,
        /// What is wrong there.
        what: &'static str,
    },
    /// A segment of a newer format.
    #[error(
        "segment {segment} has journal format {version}, made by a newer blotter: take the newer program"
    )]
    Version {
        /// The number of the segment.
        segment: u32,
        /// Its format version.
        version: u32,
    },
    /// A position at which the journal has no entry.
    #[error("the journal has nothing at {0}")]
    Outside(Position),
}

impl JournalError {
    pub(super) fn damaged(segment: u32, offset: u32, what: &'static str) -> JournalError {
        JournalError::Damaged {
            position: Position::new(segment, offset),
            what,
        }
    }
}

impl From<io::Error> for JournalError {
    fn from(error: io::Error) -> JournalError {
        match error.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => JournalError::Full,
            _ => JournalError::Io(error),
        }
    }
}
