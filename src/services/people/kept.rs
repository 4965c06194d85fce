//! What is known of people beside their records and kept over restarts: their sessions, by the hashes of tokens, and when keys
//! were used last. It is a file of its own and no part of the log: a backup has no sessions, and whoever loses the file signs
//! in again. It is written when a session begins or ends and, for mere uses, now and then by whoever runs the box, so a read costs no write.

use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use serde::{Deserialize, Serialize};

use crate::store::disk::{Disk, OpenMode};

/// Of the form below; a file of another one is passed over.
const VERSION: u32 = 1;
/// A file that is longer is not ours.
const BYTES_MAX: u64 = 64 << 20;

/// All rows of the file.
#[derive(Clone, PartialEq, Eq, Default, Debug, Serialize, Deserialize)]
pub(super) struct Rows {
    version: u32,
    /// Those that were open.
    pub(super) sessions: Vec<SessionRow>,
    /// Key id, and when it was used last.
    pub(super) uses: Vec<(String, i64)>,
}

/// One session; ids and hashes as text, times in milliseconds since 1970.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(super) struct SessionRow {
    pub(super) token_hash: String,
    pub(super) user: String,
    pub(super) password_state: String,
    pub(super) began_at: i64,
    pub(super) last_used_at: i64,
    pub(super) address: Option<IpAddr>,
}

impl Rows {
    pub(super) fn new(sessions: Vec<SessionRow>, uses: Vec<(String, i64)>) -> Self {
        Self {
            version: VERSION,
            sessions,
            uses,
        }
    }
}

/// Where the rows lie.
#[derive(Debug)]
pub(crate) struct Kept {
    disk: Arc<dyn Disk>,
    path: PathBuf,
    /// Held while the file is written, so that an older state never follows a newer one.
    writing: Mutex<()>,
}

impl Kept {
    pub(super) fn new(disk: Arc<dyn Disk>, path: PathBuf) -> Self {
        Self {
            disk,
            path,
            writing: Mutex::default(),
        }
    }

    /// The rows of the last run; none where there is no file that can be read.
    pub(super) fn read(&self) -> Rows {
        let rows = self.bytes().and_then(|bytes| match bytes {
            Some(bytes) => Ok(serde_json::from_slice::<Rows>(&bytes)?),
            None => Ok(Rows::default()),
        });
        match rows {
            Ok(rows) => rows,
            Err(error) => {
                tracing::warn!(%error, "the sessions of the last run can't be read: everybody signs in again");
                Rows::default()
            }
        }
    }

    fn bytes(&self) -> std::io::Result<Option<Vec<u8>>> {
        match self.disk.len(&self.path)? {
            Some(length) if length <= BYTES_MAX => {
                let mut bytes = vec![0; usize::try_from(length).unwrap_or(0)];
                let file = self.disk.open(&self.path, OpenMode::Read)?;
                file.read_at(0, &mut bytes)?;
                Ok(Some(bytes))
            }
            _ => Ok(None),
        }
    }

    /// Writes the rows as they are by now. Where that fails they are forgotten: a session that was ended must not come back.
    pub(super) fn write(&self, rows: impl FnOnce() -> Rows) {
        let _held = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        if let Err(error) = self.put(&rows()) {
            tracing::warn!(%error, "sessions are not kept over a restart: they can't be written");
            // A file that can't be removed either holds the older state; there is nothing better to do.
            drop(self.disk.remove(&self.path));
        }
    }

    fn put(&self, rows: &Rows) -> std::io::Result<()> {
        let bytes = serde_json::to_vec(rows)?;
        let new = self.path.with_extension("new");
        let file = self.disk.open(&new, OpenMode::Create)?;
        file.set_len(0)?;
        file.write_at(0, &bytes)?;
        file.sync_data()?;
        self.disk.rename(&new, &self.path)?;
        self.disk.sync_dir(self.path.parent().unwrap_or(&self.path))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::{Kept, Rows};
    use crate::store::disk::RealDisk;

    #[test]
    fn what_was_written_is_read_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("sessions.json");
        let kept = Kept::new(Arc::new(RealDisk), path.clone());
        assert_eq!(kept.read(), Rows::default());
        let used = Rows::new(Vec::new(), vec![("key".to_owned(), 61_000)]);
        kept.write(|| used.clone());
        assert_eq!(kept.read(), used);
        std::fs::write(&path, b"{\"version\":1,").unwrap();
        assert_eq!(kept.read(), Rows::default());
    }
}
