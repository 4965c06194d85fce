//! Where the index's files lie: a directory without fsync, because the index can be rebuilt and a commit of tantivy
//! costs a dozen of them. Files are synced together at a checkpoint; the small files that are replaced as a whole carry
//! a checksum, as tantivy's own files do.

use std::collections::BTreeSet;
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use tantivy::directory::error::{DeleteError, LockError, OpenDirectoryError, OpenReadError, OpenWriteError};
use tantivy::directory::{
    AntiCallToken, Directory, DirectoryLock, FileHandle, Lock, META_LOCK, MmapDirectory, TerminatingWrite,
    WatchCallback, WatchHandle, WritePtr,
};

const CHECKSUM_BYTES: usize = 4;

/// tantivy's memory-mapped directory, without its syncs.
#[derive(Debug, Clone)]
pub(super) struct Shelf {
    mapped: MmapDirectory,
    folder: PathBuf,
    /// Written since the last checkpoint. Held for a set operation only.
    unsynced: Arc<Mutex<BTreeSet<PathBuf>>>,
}

impl Shelf {
    pub(super) fn open(folder: &Path) -> Result<Self, OpenDirectoryError> {
        Ok(Self {
            mapped: MmapDirectory::open(folder)?,
            folder: folder.to_owned(),
            unsynced: Arc::default(),
        })
    }

    /// Makes everything written so far durable.
    pub(super) fn sync(&self) -> io::Result<()> {
        let written = std::mem::take(&mut *self.unsynced.lock().unwrap_or_else(PoisonError::into_inner));
        for path in &written {
            match File::open(self.folder.join(path)) {
                Ok(file) => file.sync_data()?,
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(error),
            }
        }
        File::open(&self.folder)?.sync_all()
    }

    fn note(&self, path: &Path) {
        self.unsynced
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(path.to_owned());
    }
}

impl Directory for Shelf {
    fn get_file_handle(&self, path: &Path) -> Result<Arc<dyn FileHandle>, OpenReadError> {
        self.mapped.get_file_handle(path)
    }

    fn delete(&self, path: &Path) -> Result<(), DeleteError> {
        self.mapped.delete(path)
    }

    fn exists(&self, path: &Path) -> Result<bool, OpenReadError> {
        self.mapped.exists(path)
    }

    fn open_write(&self, path: &Path) -> Result<WritePtr, OpenWriteError> {
        self.note(path);
        let file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .open(self.folder.join(path));
        let file = file.map_err(|error| match error.kind() {
            io::ErrorKind::AlreadyExists => OpenWriteError::FileAlreadyExists(path.to_owned()),
            _ => OpenWriteError::IoError {
                io_error: Arc::new(error),
                filepath: path.to_owned(),
            },
        })?;
        Ok(BufWriter::new(Box::new(Unsynced(file))))
    }

    fn atomic_read(&self, path: &Path) -> Result<Vec<u8>, OpenReadError> {
        let mut data = self.mapped.atomic_read(path)?;
        let damaged = || OpenReadError::IoError {
            io_error: Arc::new(io::Error::new(
                io::ErrorKind::InvalidData,
                "the checksum is wrong",
            )),
            filepath: path.to_owned(),
        };
        let length = data.len().checked_sub(CHECKSUM_BYTES).ok_or_else(damaged)?;
        if data[length..] != checksum(&data[..length]) {
            return Err(damaged());
        }
        data.truncate(length);
        Ok(data)
    }

    fn atomic_write(&self, path: &Path, data: &[u8]) -> io::Result<()> {
        self.note(path);
        let mut whole = data.to_vec();
        whole.extend(checksum(data));
        replace(&self.folder.join(path), &whole)
    }

    fn sync_directory(&self) -> io::Result<()> {
        Ok(())
    }

    fn acquire_lock(&self, lock: &Lock) -> Result<DirectoryLock, LockError> {
        match self.mapped.acquire_lock(lock) {
            // A disk that can't be written is read all the same: nobody else changes what is on it.
            Err(LockError::IoError(_)) if lock.filepath == META_LOCK.filepath => {
                Ok(DirectoryLock::from(Box::new(())))
            }
            other => other,
        }
    }

    fn watch(&self, callback: WatchCallback) -> tantivy::Result<WatchHandle> {
        self.mapped.watch(callback)
    }
}

/// Replaces a small file by renaming a new one over it.
pub(super) fn replace(path: &Path, data: &[u8]) -> io::Result<()> {
    let new = path.with_extension("new");
    let mut file = File::create(&new)?;
    file.write_all(data)?;
    drop(file);
    fs::rename(&new, path)
}

fn checksum(data: &[u8]) -> [u8; CHECKSUM_BYTES] {
    crc32c::crc32c(data).to_le_bytes()
}

/// A file that is not synced when it is complete.
struct Unsynced(File);

impl Write for Unsynced {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        self.0.write(data)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl TerminatingWrite for Unsynced {
    fn terminate_ref(&mut self, _: AntiCallToken) -> io::Result<()> {
        Ok(())
    }
}
