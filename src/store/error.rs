//! What can go wrong below the services. Told once to the log of the box; no inner text of it reaches a client.

use std::path::Path;

use crate::store::codec::CodecError;
use crate::store::journal::JournalError;

/// Why the store could not do what was asked. Cheap to clone: one failed group answers everybody in it.
#[derive(Debug, Clone, thiserror::Error)]
pub enum StoreError {
    /// No space; nothing was kept, and the store can go on once there is space.
    #[error("no space left on the disk")]
    Full,
    /// The store takes no more writes: it was stopped, or a sync failed and only a new start helps.
    #[error("the store takes no more writes")]
    Stopped,
    /// Too many requests wait already; nothing was kept.
    #[error("too many writes wait")]
    Busy,
    /// The request itself panicked; it changed nothing.
    #[error("the request panicked on the write thread")]
    Panicked,
    /// More bytes than are allowed at once; nothing of them was kept.
    #[error("longer than the {bytes_max} bytes allowed")]
    TooLong {
        /// What is allowed.
        bytes_max: u64,
    },
    /// What was drafted can't be read back as it was written, such as a number that is none; nothing was kept.
    #[error("what was drafted can't be written: {0}")]
    Malformed(String),
    /// Reading or writing failed.
    #[error("the disk failed: {0}")]
    Io(String),
    /// The system does not let us: what, by its path, and its own words.
    #[error("{0}")]
    Denied(String),
    /// Something that was written is not what is read.
    #[error("the store is damaged: {0}")]
    Damaged(String),
}

impl StoreError {
    /// The same, saying in which file or folder, where only the system's words are in it.
    #[must_use]
    pub fn at(self, path: &Path) -> Self {
        let path = path.display().to_string();
        let inside = |told: String| match told.starts_with(&path) {
            true => told,
            false => format!("{path}: {told}"),
        };
        match self {
            Self::Io(told) => Self::Io(inside(told)),
            Self::Denied(told) => Self::Denied(inside(told)),
            Self::Damaged(told) => Self::Damaged(inside(told)),
            other => other,
        }
    }
}

impl From<std::io::Error> for StoreError {
    fn from(error: std::io::Error) -> Self {
        match error.kind() {
            std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded => Self::Full,
            std::io::ErrorKind::PermissionDenied => Self::Denied(error.to_string()),
            // What ends too early, or is no database, was not written so.
            std::io::ErrorKind::UnexpectedEof | std::io::ErrorKind::InvalidData => {
                Self::Damaged(error.to_string())
            }
            _ => Self::Io(error.to_string()),
        }
    }
}

impl From<JournalError> for StoreError {
    fn from(error: JournalError) -> Self {
        match error {
            JournalError::Full => Self::Full,
            JournalError::Unsynced(_) | JournalError::Poisoned => Self::Stopped,
            JournalError::TooLong { bytes_max, .. } => Self::TooLong { bytes_max },
            JournalError::Io(error) => error.into(),
            JournalError::Damaged { .. } | JournalError::Version { .. } | JournalError::Outside(_) => {
                Self::Damaged(error.to_string())
            }
        }
    }
}

impl From<CodecError> for StoreError {
    fn from(error: CodecError) -> Self {
        Self::Damaged(error.to_string())
    }
}

impl From<redb::StorageError> for StoreError {
    fn from(error: redb::StorageError) -> Self {
        match error {
            redb::StorageError::Io(error) => error.into(),
            redb::StorageError::Corrupted(_) => Self::Damaged(error.to_string()),
            _ => Self::Io(error.to_string()),
        }
    }
}

macro_rules! from_redb {
    ($($error:ident),*) => {$(
        impl From<redb::$error> for StoreError {
            fn from(error: redb::$error) -> Self {
                match error {
                    redb::$error::Storage(error) => error.into(),
                    _ => Self::Damaged(error.to_string()),
                }
            }
        }
    )*};
}

from_redb!(CommitError, DatabaseError, TableError, TransactionError);
