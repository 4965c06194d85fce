//! Files read whole, and what is known to be whole. A disk may give other bytes than it took, of the same length: nobody is to
//! get them as if they were the file. What was read whole once is remembered as long as the file system says that nobody wrote
//! to it; what rots below the file system after that is found by the next whole read.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use sha2::{Digest, Sha256};

use crate::domain::id::Hash;
use crate::store::blobs::BlobReader;
use crate::store::disk::DiskFile;
use crate::store::error::StoreError;

/// Files remembered; with one more all are forgotten.
const KNOWN_MAX: usize = 10_000;

/// Length, and when the file was changed last.
type Mark = (u64, i128);

/// What one file was when it was found whole. Held while it is read, so that several who ask at once have it read once.
type Slot = Arc<Mutex<Option<Mark>>>;

/// The files that were found whole.
#[derive(Debug, Default)]
pub(super) struct Known(Mutex<BTreeMap<Hash, Slot>>);

impl Known {
    fn slot(&self, hash: Hash) -> Slot {
        let mut slots = lock(&self.0);
        if slots.len() >= KNOWN_MAX && !slots.contains_key(&hash) {
            slots.clear();
        }
        Arc::clone(slots.entry(hash).or_default())
    }

    /// Whether a file is known to be whole; if not, `read` finds out, and that it is gets remembered.
    pub(super) fn ask(
        &self,
        hash: Hash,
        file: &dyn DiskFile,
        read: impl FnOnce() -> Result<Hash, StoreError>,
    ) -> Result<bool, StoreError> {
        let slot = self.slot(hash);
        let mut found = lock(&slot);
        // Taken before it is read: a change meanwhile is another mark.
        let mark = (file.len()?, file.changed()?);
        if *found == Some(mark) {
            return Ok(true);
        }
        let is_whole = read()? == hash;
        *found = is_whole.then_some(mark);
        Ok(is_whole)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A file on its way out, hashed as it goes: its last piece is given only if all of it is what it should be.
#[derive(Debug)]
pub struct Pieces {
    file: BlobReader,
    at: u64,
    digest: Sha256,
}

impl Pieces {
    pub(super) fn new(file: BlobReader) -> Self {
        let (at, digest) = (0, Sha256::new());
        Self { file, at, digest }
    }

    /// The next bytes, at most so many; none at the end.
    ///
    /// # Errors
    /// The disk failed; `Damaged` in place of the last piece if the bytes are others than were stored.
    pub fn next(&mut self, bytes_max: u64) -> Result<Option<Vec<u8>>, StoreError> {
        let length = (self.file.bytes() - self.at).min(bytes_max);
        if length == 0 {
            return Ok(None);
        }
        let mut piece = vec![0; length as usize];
        self.file.read_at(self.at, &mut piece)?;
        self.digest.update(&piece);
        self.at += length;
        let is_last = self.at == self.file.bytes();
        if is_last && Hash(self.digest.clone().finalize().into()) != self.file.name() {
            return Err(StoreError::Damaged(format!(
                "file {} has other bytes",
                self.file.name()
            )));
        }
        Ok(Some(piece))
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::MetadataExt;
    use std::sync::Arc;

    use crate::store::blobs::Blobs;
    use crate::store::disk::RealDisk;
    use crate::store::error::StoreError;

    #[test]
    fn other_bytes_are_never_given_to_the_end_nor_known_as_whole() {
        let dir = tempfile::tempdir().unwrap();
        let blobs = Blobs::open(Arc::new(RealDisk), dir.path()).unwrap();
        let mut writer = blobs.begin(100).unwrap();
        writer.write(b"a photograph").unwrap();
        let hash = writer.finish().unwrap().hash();
        let path = dir.path().join(&hash.to_string()[..2]).join(hash.to_string());
        let open = || blobs.open_file(hash).unwrap().unwrap();

        let mut pieces = open().pieces();
        let mut given = Vec::new();
        while let Some(piece) = pieces.next(5).unwrap() {
            given.extend(piece);
        }
        assert_eq!(given, b"a photograph");
        assert!(open().is_whole().unwrap());
        assert!(open().is_whole().unwrap());

        // The file system's clock goes by ticks of some milliseconds.
        let changed = || fs::metadata(&path).unwrap().ctime_nsec();
        let before = changed();
        while changed() == before {
            fs::write(&path, b"b photograph").unwrap();
        }
        assert!(!open().is_whole().unwrap());
        let mut pieces = open().pieces();
        assert_eq!(pieces.next(8).unwrap().unwrap(), b"b photog");
        assert!(matches!(pieces.next(8), Err(StoreError::Damaged(_))));
    }
}
