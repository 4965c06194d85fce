//! What is kept over restarts beside the log: sessions, the places of those who listen. Each is a small file that is replaced
//! whole; a backup does not have it, and whoever loses it loses no record.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::store::disk::{Disk, OpenMode};

/// A file that is longer is not ours.
const BYTES_MAX: u64 = 64 << 20;

/// One such file.
#[derive(Debug)]
pub struct Kept {
    /// What is in it, for the log of the box.
    what: &'static str,
    disk: Arc<dyn Disk>,
    path: PathBuf,
    /// Held while the file is written, so that an older state never follows a newer one.
    writing: Mutex<()>,
}

impl Kept {
    /// The file at this path; `what` is in it, for the log of the box.
    pub fn new(what: &'static str, disk: Arc<dyn Disk>, path: PathBuf) -> Self {
        Self {
            what,
            disk,
            path,
            writing: Mutex::default(),
        }
    }

    /// What the last run has kept; nothing where there is no file that can be read.
    pub fn read<T: DeserializeOwned + Default>(&self) -> T {
        let rows = self.bytes().and_then(|bytes| match bytes {
            Some(bytes) => Ok(serde_json::from_slice(&bytes)?),
            None => Ok(T::default()),
        });
        rows.unwrap_or_else(|error| {
            tracing::warn!(%error, "what the last run kept of {} can't be read and is gone", self.what);
            T::default()
        })
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

    /// Writes the state as it is by now. Where that fails it is forgotten: a session that was ended must not come back.
    pub fn write<T: Serialize>(&self, state: impl FnOnce() -> T) {
        let _held = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        if let Err(error) = self.put(&state()) {
            tracing::warn!(%error, "{} can't be written and are not kept over a restart", self.what);
            // A file that can't be removed either holds the older state; there is nothing better to do.
            drop(self.disk.remove(&self.path));
        }
    }

    fn put(&self, state: &impl Serialize) -> std::io::Result<()> {
        let bytes = serde_json::to_vec(state)?;
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

    use super::Kept;
    use crate::store::disk::RealDisk;

    #[test]
    fn what_was_written_is_read_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("words.json");
        let kept = Kept::new("words", Arc::new(RealDisk), path.clone());
        assert_eq!(kept.read::<Vec<String>>(), Vec::<String>::new());
        kept.write(|| vec!["a word".to_owned()]);
        assert_eq!(kept.read::<Vec<String>>(), ["a word"]);
        std::fs::write(&path, b"[\"a word\",").unwrap();
        assert_eq!(kept.read::<Vec<String>>(), Vec::<String>::new());
    }
}
