//! A disk that fails: its n-th touch of one sort ends in an error, once or from then on.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use blotter::store::disk::{Disk, DiskFile, OpenMode};

/// What can fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Touch {
    /// Opening a file.
    Open,
    /// Reading.
    Read,
    /// Writing; half of the bytes get there first.
    Write,
    /// Setting a length.
    Length,
    /// A file's or folder's sync.
    Sync,
    /// Making folders, listing, renaming, removing.
    Name,
}

/// An error to come.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Fault {
    /// What fails.
    pub(crate) touch: Touch,
    /// Which of them; the first is 1.
    pub(crate) nth: u64,
    /// With which error of the operating system: 5 is EIO, 28 is ENOSPC.
    pub(crate) errno: i32,
    /// Whether all later ones fail too.
    pub(crate) sticky: bool,
}

/// A disk that fails once in a while. Clones are the same disk.
#[derive(Clone, Debug)]
pub(crate) struct FaultyDisk(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    inner: Arc<dyn Disk>,
    fault: Fault,
    touches: AtomicU64,
    repaired: AtomicBool,
}

impl FaultyDisk {
    /// That disk, with this fault.
    pub(crate) fn new(inner: Arc<dyn Disk>, fault: Fault) -> FaultyDisk {
        let (touches, repaired) = (AtomicU64::new(0), AtomicBool::new(false));
        FaultyDisk(Arc::new(Shared {
            inner,
            fault,
            touches,
            repaired,
        }))
    }

    /// From now on nothing fails.
    pub(crate) fn repair(&self) {
        self.0.repaired.store(true, Ordering::SeqCst);
    }

    /// From now on touches are counted, and fail, which were not while it was repaired.
    pub(crate) fn spoil(&self) {
        self.0.repaired.store(false, Ordering::SeqCst);
    }

    /// Whether the fault came up.
    pub(crate) fn failed(&self) -> bool {
        self.0.touches.load(Ordering::SeqCst) >= self.0.fault.nth
    }

    fn touch(&self, touch: Touch) -> io::Result<()> {
        let fault = self.0.fault;
        if touch != fault.touch || self.0.repaired.load(Ordering::SeqCst) {
            return Ok(());
        }
        let count = self.0.touches.fetch_add(1, Ordering::SeqCst) + 1;
        if count == fault.nth || (fault.sticky && count > fault.nth) {
            return Err(io::Error::from_raw_os_error(fault.errno));
        }
        Ok(())
    }
}

impl Disk for FaultyDisk {
    fn open(&self, path: &Path, mode: OpenMode) -> io::Result<Arc<dyn DiskFile>> {
        self.touch(Touch::Open)?;
        let inner = self.0.inner.open(path, mode)?;
        Ok(Arc::new(FaultyFile {
            disk: self.clone(),
            inner,
        }))
    }

    fn create_dir_all(&self, dir: &Path) -> io::Result<()> {
        self.touch(Touch::Name)?;
        self.0.inner.create_dir_all(dir)
    }

    fn list(&self, dir: &Path) -> io::Result<Vec<String>> {
        self.touch(Touch::Name)?;
        self.0.inner.list(dir)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.touch(Touch::Name)?;
        self.0.inner.rename(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        self.touch(Touch::Name)?;
        self.0.inner.remove(path)
    }

    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        self.touch(Touch::Sync)?;
        self.0.inner.sync_dir(dir)
    }

    fn len(&self, path: &Path) -> io::Result<Option<u64>> {
        self.0.inner.len(path)
    }

    fn free_bytes(&self, dir: &Path) -> io::Result<u64> {
        self.0.inner.free_bytes(dir)
    }
}

#[derive(Debug)]
struct FaultyFile {
    disk: FaultyDisk,
    inner: Arc<dyn DiskFile>,
}

impl DiskFile for FaultyFile {
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<()> {
        self.disk.touch(Touch::Read)?;
        self.inner.read_at(offset, buffer)
    }

    fn write_at(&self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        if let Err(error) = self.disk.touch(Touch::Write) {
            self.inner.write_at(offset, &bytes[..bytes.len() / 2])?;
            return Err(error);
        }
        self.inner.write_at(offset, bytes)
    }

    fn len(&self) -> io::Result<u64> {
        self.inner.len()
    }

    fn changed(&self) -> io::Result<i128> {
        self.inner.changed()
    }

    fn set_len(&self, bytes: u64) -> io::Result<()> {
        self.disk.touch(Touch::Length)?;
        self.inner.set_len(bytes)
    }

    fn sync_data(&self) -> io::Result<()> {
        self.disk.touch(Touch::Sync)?;
        self.inner.sync_data()
    }
}
