//! redb's storage over one of our files, so that whatever stands in for the disk stands under redb too. Locks
//! are not offered: the data folder has one (`FolderLock`).

use std::io;
use std::path::Path;
use std::sync::Arc;

use redb::{Builder, Database, DatabaseError, StorageBackend};

use crate::store::disk::{Disk, DiskFile, OpenMode};

/// Opens the database at this path, or makes an empty one. A new one gets its name only when it is whole: redb
/// refuses a file that lost power while it was being made.
pub fn open_database(disk: &dyn Disk, path: &Path, builder: &Builder) -> Result<Database, DatabaseError> {
    if disk.len(path).map_err(redb::StorageError::Io)?.is_none() {
        make_database(disk, path, builder)?;
    }
    let file = disk
        .open(path, OpenMode::ReadWrite)
        .map_err(redb::StorageError::Io)?;
    builder.create_with_backend(DiskBackend(file))
}

fn make_database(disk: &dyn Disk, path: &Path, builder: &Builder) -> Result<(), DatabaseError> {
    let unfinished = path.with_extension("new");
    let made = || -> io::Result<Arc<dyn DiskFile>> {
        let file = disk.open(&unfinished, OpenMode::Create)?;
        file.set_len(0)?;
        Ok(file)
    };
    let file = made().map_err(redb::StorageError::Io)?;
    drop(builder.create_with_backend(DiskBackend(Arc::clone(&file)))?);
    let named = || -> io::Result<()> {
        file.sync_data()?;
        disk.rename(&unfinished, path)?;
        disk.sync_dir(path.parent().unwrap_or(path))
    };
    Ok(named().map_err(redb::StorageError::Io)?)
}

/// A file of ours as redb wants it.
#[derive(Debug)]
pub struct DiskBackend(Arc<dyn DiskFile>);

impl DiskBackend {
    /// redb's storage in this file.
    pub fn new(file: Arc<dyn DiskFile>) -> DiskBackend {
        DiskBackend(file)
    }
}

impl StorageBackend for DiskBackend {
    fn len(&self) -> io::Result<u64> {
        self.0.len()
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.0.read_at(offset, out)
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.0.set_len(len)
    }

    fn sync_data(&self) -> io::Result<()> {
        self.0.sync_data()
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.0.write_at(offset, data)
    }
}
