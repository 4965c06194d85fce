//! The disk: every access of journal, files and view database goes through these two traits, so that tests
//! can put a disk in their place that loses power or fails. It knows nothing of what the bytes mean.

use std::ffi::OsString;
use std::fmt::Debug;
use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::{DirBuilderExt, FileExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// How a file is opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OpenMode {
    /// An existing file, to read.
    Read,
    /// An existing file, to read and write.
    ReadWrite,
    /// An existing or a new file, to read and write.
    Create,
    /// A new file, to read and write; an existing one is an error (`AlreadyExists`).
    CreateNew,
}

/// A file system as blotter needs it. What is changed in a folder (a new name, a rename, a removal) is
/// durable only after `sync_dir` of that folder.
pub trait Disk: Send + Sync + Debug {
    /// Opens a file.
    fn open(&self, path: &Path, mode: OpenMode) -> io::Result<Arc<dyn DiskFile>>;
    /// Makes a folder and what is missing above it, durably. An existing folder is no error.
    fn create_dir_all(&self, dir: &Path) -> io::Result<()>;
    /// The names in a folder, sorted; those that are not UTF-8 are not ours and are left out.
    fn list(&self, dir: &Path) -> io::Result<Vec<String>>;
    /// Gives a file another name, replacing what has that name.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;
    /// Removes a file.
    fn remove(&self, path: &Path) -> io::Result<()>;
    /// Makes the names in a folder durable.
    fn sync_dir(&self, dir: &Path) -> io::Result<()>;
    /// The length of a file in bytes, `None` if there is no such file.
    fn len(&self, path: &Path) -> io::Result<Option<u64>>;
    /// The bytes that are free for us where this folder lies.
    fn free_bytes(&self, dir: &Path) -> io::Result<u64>;
}

/// An open file. What is written is durable only after `sync_data`.
#[expect(
    clippy::len_without_is_empty,
    reason = "nobody asks a file whether it is empty"
)]
pub trait DiskFile: Send + Sync + Debug {
    /// Fills the buffer from this offset; an end of file before that is `UnexpectedEof`.
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<()>;
    /// Writes all the bytes at this offset. After an error any part of them may be there.
    fn write_at(&self, offset: u64, bytes: &[u8]) -> io::Result<()>;
    /// The length in bytes.
    fn len(&self) -> io::Result<u64>;
    /// When anything about it was changed last, in nanoseconds since 1970: by the file system's clock, which nobody sets.
    fn changed(&self) -> io::Result<i128>;
    /// Cuts the file off, or extends it by zeros.
    fn set_len(&self, bytes: u64) -> io::Result<()>;
    /// Makes bytes and length durable.
    fn sync_data(&self) -> io::Result<()>;
}

/// The disk of this machine. What it makes, its owner alone can read. What it refuses says the path.
#[derive(Clone, Copy, Debug, Default)]
pub struct RealDisk;

impl Disk for RealDisk {
    fn open(&self, path: &Path, mode: OpenMode) -> io::Result<Arc<dyn DiskFile>> {
        let mut options = OpenOptions::new();
        options.read(true).write(mode != OpenMode::Read).mode(0o600);
        match mode {
            OpenMode::Read | OpenMode::ReadWrite => {}
            OpenMode::Create => {
                options.create(true);
            }
            OpenMode::CreateNew => {
                options.create_new(true);
            }
        }
        let file = options.open(path).map_err(|error| at(path, &error))?;
        Ok(Arc::new(RealFile(file)))
    }

    fn create_dir_all(&self, dir: &Path) -> io::Result<()> {
        let missing: Vec<&Path> = dir
            .ancestors()
            .take_while(|ancestor| !ancestor.as_os_str().is_empty() && !ancestor.is_dir())
            .collect();
        let made = DirBuilder::new().recursive(true).mode(0o700).create(dir);
        made.map_err(|error| at(dir, &error))?;
        for made in missing {
            self.sync_dir(parent_of(made))?;
        }
        Ok(())
    }

    fn list(&self, dir: &Path) -> io::Result<Vec<String>> {
        let names = || -> io::Result<Vec<OsString>> {
            fs::read_dir(dir)?.map(|entry| Ok(entry?.file_name())).collect()
        };
        let mut names: Vec<String> = names()
            .map_err(|error| at(dir, &error))?
            .into_iter()
            .filter_map(|name| name.into_string().ok())
            .collect();
        names.sort_unstable();
        Ok(names)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::rename(from, to).map_err(|error| at(to, &error))
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        fs::remove_file(path).map_err(|error| at(path, &error))
    }

    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        let synced = File::open(dir).and_then(|dir| dir.sync_all());
        synced.map_err(|error| at(dir, &error))
    }

    fn len(&self, path: &Path) -> io::Result<Option<u64>> {
        match fs::metadata(path) {
            Ok(metadata) => Ok(Some(metadata.len())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(at(path, &error)),
        }
    }

    fn free_bytes(&self, dir: &Path) -> io::Result<u64> {
        let found = rustix::fs::statvfs(dir)?;
        Ok(found.f_bavail.saturating_mul(found.f_frsize))
    }
}

/// The system names no path.
fn at(path: &Path, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("{}: {error}", path.display()))
}

/// The folder in which a path lies; `.` for a bare name.
fn parent_of(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

#[derive(Debug)]
struct RealFile(File);

impl DiskFile for RealFile {
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<()> {
        self.0.read_exact_at(buffer, offset)
    }

    fn write_at(&self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        self.0.write_all_at(bytes, offset)
    }

    fn len(&self) -> io::Result<u64> {
        Ok(self.0.metadata()?.len())
    }

    fn changed(&self) -> io::Result<i128> {
        let facts = self.0.metadata()?;
        Ok(i128::from(facts.ctime()) * 1_000_000_000 + i128::from(facts.ctime_nsec()))
    }

    fn set_len(&self, bytes: u64) -> io::Result<()> {
        self.0.set_len(bytes)
    }

    fn sync_data(&self) -> io::Result<()> {
        self.0.sync_data()
    }
}

/// The right to use a data folder: while it lives, no other process gets it. It ends with the process too.
#[derive(Debug)]
pub struct FolderLock {
    path: PathBuf,
    _file: File,
}

impl FolderLock {
    /// Takes the lock on a folder (the file `LOCK` in it); `None` if another holds it.
    pub fn try_take(dir: &Path) -> io::Result<Option<FolderLock>> {
        let path = dir.join("LOCK");
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&path)?;
        match file.try_lock() {
            Ok(()) => Ok(Some(FolderLock { path, _file: file })),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(error),
        }
    }

    /// The lock file.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

#[cfg(test)]
mod tests {
    use super::{Disk, FolderLock, OpenMode, RealDisk};

    #[test]
    fn a_real_file_keeps_what_was_written() {
        let dir = tempfile::tempdir().unwrap();
        let deep = dir.path().join("one/two");
        RealDisk.create_dir_all(&deep).unwrap();
        RealDisk.create_dir_all(&deep).unwrap();
        let path = deep.join("file");
        let file = RealDisk.open(&path, OpenMode::CreateNew).unwrap();
        file.write_at(3, b"ink").unwrap();
        file.sync_data().unwrap();
        RealDisk.rename(&path, &deep.join("book")).unwrap();
        RealDisk.sync_dir(&deep).unwrap();
        assert_eq!(RealDisk.list(&deep).unwrap(), ["book"]);
        assert_eq!(RealDisk.len(&path).unwrap(), None);
        assert_eq!(RealDisk.len(&deep.join("book")).unwrap(), Some(6));
        let file = RealDisk.open(&deep.join("book"), OpenMode::Read).unwrap();
        let mut bytes = [1; 6];
        file.read_at(0, &mut bytes).unwrap();
        assert_eq!(&bytes, b"\0\0\0ink");
        assert!(file.read_at(1, &mut bytes).is_err());
        let there = RealDisk.open(&deep.join("book"), OpenMode::CreateNew);
        let refused = there.unwrap_err();
        assert_eq!(refused.kind(), std::io::ErrorKind::AlreadyExists);
        assert!(refused.to_string().contains("one/two/book: "), "{refused}");
        assert!(RealDisk.free_bytes(&deep).unwrap() > 0);
    }

    #[test]
    fn a_folder_is_locked_once() {
        let dir = tempfile::tempdir().unwrap();
        let held = FolderLock::try_take(dir.path()).unwrap();
        assert!(held.is_some());
        assert!(FolderLock::try_take(dir.path()).unwrap().is_none());
        drop(held);
        assert!(FolderLock::try_take(dir.path()).unwrap().is_some());
    }
}
