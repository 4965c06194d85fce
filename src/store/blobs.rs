//! Files by the hash of their bytes: `files/ab/<sha-256>`. A file is whole and durable before its hash is given out, so an
//! operation that names it never names nothing. It does not know what a file means, nor which operations name it.
//!
//! Two uploads of the same bytes are one file, and one of their requests may be refused while the other is being written. So
//! whoever finished an upload holds the file ([`Held`]) until its operation is durable and visible; a file is removed only
//! when nobody holds it and no operation names it, and both are asked under the lock under which files get their names.

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use sha2::{Digest, Sha256};

use crate::domain::id::Hash;
use crate::store::disk::{Disk, DiskFile, OpenMode};
use crate::store::error::StoreError;
use crate::store::whole::{Known, Pieces};

/// The folder of unfinished uploads.
const INCOMING: &str = "incoming";

/// The files of one node. Clones are the same files.
#[derive(Clone, Debug)]
pub struct Blobs(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    disk: Arc<dyn Disk>,
    dir: PathBuf,
    next: AtomicU64,
    /// How often each file is held. Held while a file gets its name or loses it: some milliseconds.
    held: Mutex<BTreeMap<Hash, u32>>,
    known: Known,
}

impl Shared {
    fn held(&self) -> MutexGuard<'_, BTreeMap<Hash, u32>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn path(&self, hash: Hash) -> PathBuf {
        let name = hash.to_string();
        self.dir.join(&name[..2]).join(name)
    }

    fn remove(&self, hash: Hash) -> Result<(), StoreError> {
        let path = self.path(hash);
        match self.disk.remove(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            Err(error) => Err(error.into()),
            Ok(()) => Ok(self.disk.sync_dir(path.parent().unwrap_or(&self.dir))?),
        }
    }
}

impl Blobs {
    /// The files below `dir`, which is made if it is not there. Uploads that an earlier process left unfinished are removed.
    ///
    /// # Errors
    /// The disk failed.
    pub fn open(disk: Arc<dyn Disk>, dir: &Path) -> Result<Self, StoreError> {
        let incoming = dir.join(INCOMING);
        disk.create_dir_all(&incoming)?;
        for name in disk.list(&incoming)? {
            if let Err(error) = disk.remove(&incoming.join(&name)) {
                tracing::warn!(%error, name, "an unfinished upload of an earlier process can't be removed");
            }
        }
        Ok(Self::reading(disk, dir))
    }

    /// The files below `dir`, which nothing is to be added to.
    pub(super) fn reading(disk: Arc<dyn Disk>, dir: &Path) -> Self {
        Self(Arc::new(Shared {
            disk,
            dir: dir.to_path_buf(),
            next: AtomicU64::new(0),
            held: Mutex::default(),
            known: Known::default(),
        }))
    }

    /// Begins an upload of at most so many bytes.
    ///
    /// # Errors
    /// The disk failed.
    pub fn begin(&self, bytes_max: u64) -> Result<BlobWriter, StoreError> {
        let number = self.0.next.fetch_add(1, Ordering::Relaxed);
        let path = self.0.dir.join(INCOMING).join(format!("{number}.part"));
        let file = self.0.disk.open(&path, OpenMode::Create)?;
        let writer = BlobWriter {
            blobs: self.clone(),
            file,
            path,
            digest: Sha256::new(),
            bytes: 0,
            bytes_max,
            named: false,
        };
        // What could not be removed at the start may lie here.
        writer.file.set_len(0)?;
        Ok(writer)
    }

    /// A file to read from, `None` if there is none with this hash.
    ///
    /// # Errors
    /// The disk failed.
    pub fn open_file(&self, hash: Hash) -> Result<Option<BlobReader>, StoreError> {
        match self.0.disk.open(&self.0.path(hash), OpenMode::Read) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error.into()),
            Ok(file) => Ok(Some(BlobReader {
                bytes: file.len()?,
                file,
                name: hash,
                blobs: self.clone(),
            })),
        }
    }

    /// Whether there is a file with this hash.
    ///
    /// # Errors
    /// The disk failed.
    pub fn contains(&self, hash: Hash) -> Result<bool, StoreError> {
        Ok(self.len(hash)?.is_some())
    }

    /// What is wrong with the file that has this hash, as the end of a sentence; all of it is read.
    pub fn damage(&self, hash: Hash) -> Option<String> {
        let found = self
            .open_file(hash)
            .and_then(|file| file.map(|file| file.hash()).transpose());
        match found {
            Ok(Some(found)) if found == hash => None,
            Ok(Some(_)) => Some("has other bytes".to_owned()),
            Ok(None) => Some("is not there".to_owned()),
            Err(error) => Some(format!("can't be read: {error}")),
        }
    }

    /// The length of the file with this hash, `None` if there is none.
    ///
    /// # Errors
    /// The disk failed.
    pub fn len(&self, hash: Hash) -> Result<Option<u64>, StoreError> {
        Ok(self.0.disk.len(&self.0.path(hash))?)
    }

    /// Destroys a file, whoever names it: for an order to expunge.
    ///
    /// # Errors
    /// The disk failed; then it is to be repeated.
    pub fn remove(&self, hash: Hash) -> Result<(), StoreError> {
        let _naming = self.0.held();
        self.0.remove(hash)
    }

    /// Gives up an upload whose request was refused. The file goes unless somebody else holds it or an operation names it,
    /// which `is_named` must look up in a snapshot that it takes when it is called.
    ///
    /// # Errors
    /// The disk failed; the next [`Blobs::sweep`] finds the file.
    pub fn discard(
        &self,
        held: Held,
        is_named: impl FnOnce(Hash) -> Result<bool, StoreError>,
    ) -> Result<(), StoreError> {
        let hash = held.hash;
        drop(held);
        let naming = self.0.held();
        if naming.contains_key(&hash) || is_named(hash)? {
            return Ok(());
        }
        self.0.remove(hash)
    }

    /// Removes every file that nobody holds and no operation names: what a crash left between a file and its operation.
    /// Gives the number of files removed.
    ///
    /// # Errors
    /// The disk failed.
    pub fn sweep(
        &self,
        mut is_named: impl FnMut(Hash) -> Result<bool, StoreError>,
    ) -> Result<u64, StoreError> {
        let mut removed = 0;
        for hash in self.all()? {
            let naming = self.0.held();
            if !naming.contains_key(&hash) && !is_named(hash)? {
                self.0.remove(hash)?;
                removed += 1;
            }
        }
        Ok(removed)
    }

    /// The hashes of all files, in order.
    ///
    /// # Errors
    /// The disk failed.
    pub fn all(&self) -> Result<Vec<Hash>, StoreError> {
        all(self.0.disk.as_ref(), &self.0.dir)
    }
}

/// The hashes of all files below a folder, in order.
pub(super) fn all(disk: &dyn Disk, dir: &Path) -> Result<Vec<Hash>, StoreError> {
    let mut hashes = Vec::new();
    for folder in disk.list(dir)?.iter().filter(|name| name.len() == 2) {
        let names = disk.list(&dir.join(folder))?;
        hashes.extend(names.iter().filter_map(|name| name.parse::<Hash>().ok()));
    }
    Ok(hashes)
}

/// An upload. Dropped before it is finished, it leaves nothing.
pub struct BlobWriter {
    blobs: Blobs,
    file: Arc<dyn DiskFile>,
    path: PathBuf,
    digest: Sha256,
    bytes: u64,
    bytes_max: u64,
    named: bool,
}

impl BlobWriter {
    /// Takes the next bytes.
    ///
    /// # Errors
    /// More bytes than were allowed, no space, or the disk failed.
    pub fn write(&mut self, bytes: &[u8]) -> Result<(), StoreError> {
        let end = self.bytes + bytes.len() as u64;
        if end > self.bytes_max {
            return Err(StoreError::TooLong {
                bytes_max: self.bytes_max,
            });
        }
        self.file.write_at(self.bytes, bytes)?;
        self.digest.update(bytes);
        self.bytes = end;
        Ok(())
    }

    /// The bytes taken so far.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// The same if the bytes have this hash; if not, nothing is left and `None` is given.
    ///
    /// # Errors
    /// See [`BlobWriter::finish`].
    pub(super) fn finish_as(self, hash: Hash) -> Result<Option<Held>, StoreError> {
        match Hash(self.digest.clone().finalize().into()) == hash {
            true => self.finish().map(Some),
            false => Ok(None),
        }
    }

    /// Makes the file durable under its hash. Bytes that are there already are replaced by themselves.
    ///
    /// # Errors
    /// No space, or the disk failed; then the upload left nothing, or a file that the next sweep removes.
    pub fn finish(mut self) -> Result<Held, StoreError> {
        let hash = Hash(std::mem::take(&mut self.digest).finalize().into());
        let shared = &self.blobs.0;
        let path = shared.path(hash);
        let folder = path.parent().unwrap_or(&shared.dir);
        self.file.sync_data()?;
        shared.disk.create_dir_all(folder)?;
        let mut naming = shared.held();
        shared.disk.rename(&self.path, &path)?;
        self.named = true;
        shared.disk.sync_dir(folder)?;
        *naming.entry(hash).or_default() += 1;
        drop(naming);
        Ok(Held {
            hash,
            bytes: self.bytes,
            blobs: self.blobs.clone(),
        })
    }
}

impl Drop for BlobWriter {
    fn drop(&mut self) {
        if self.named {
            return;
        }
        if let Err(error) = self.blobs.0.disk.remove(&self.path) {
            tracing::warn!(%error, "an upload that was given up is removed at the next start");
        }
    }
}

impl fmt::Debug for BlobWriter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BlobWriter")
            .field("bytes", &self.bytes)
            .finish_non_exhaustive()
    }
}

/// A finished upload, which can't be removed while this lives: keep it until the operation that names the file is written.
/// If that was refused, [`Blobs::discard`] it; dropped alone, an unnamed file stays until the next sweep.
#[derive(Debug)]
pub struct Held {
    hash: Hash,
    bytes: u64,
    blobs: Blobs,
}

impl Held {
    /// The hash of its bytes, under which it lies.
    pub fn hash(&self) -> Hash {
        self.hash
    }

    /// Its length.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        let mut naming = self.blobs.0.held();
        if let Some(count) = naming.get_mut(&self.hash) {
            *count -= 1;
            if *count == 0 {
                naming.remove(&self.hash);
            }
        }
    }
}

/// A file to read from. It can be read to its end even when it is removed meanwhile.
#[derive(Clone, Debug)]
pub struct BlobReader {
    file: Arc<dyn DiskFile>,
    bytes: u64,
    name: Hash,
    blobs: Blobs,
}

impl BlobReader {
    /// Its length.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// The hash under which it lies: that of its bytes, if nothing happened to them.
    pub fn name(&self) -> Hash {
        self.name
    }

    /// Whether its bytes are what they were. All of it is read, unless it was before and nobody wrote to it since.
    ///
    /// # Errors
    /// The disk failed.
    pub fn is_whole(&self) -> Result<bool, StoreError> {
        let known = &self.blobs.0.known;
        known.ask(self.name, self.file.as_ref(), || self.hash())
    }

    /// All of it, on its way out.
    pub fn pieces(&self) -> Pieces {
        Pieces::new(self.clone())
    }

    /// Fills the buffer from this offset.
    ///
    /// # Errors
    /// The disk failed, or the file ends before.
    pub fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<(), StoreError> {
        Ok(self.file.read_at(offset, buffer)?)
    }

    /// The hash of its bytes, read anew: whether the file is still what it was.
    ///
    /// # Errors
    /// The disk failed.
    pub fn hash(&self) -> Result<Hash, StoreError> {
        let mut digest = Sha256::new();
        self.each_chunk(&mut |chunk| {
            digest.update(chunk);
            Ok(())
        })?;
        Ok(Hash(digest.finalize().into()))
    }

    /// Its bytes in order, a piece at a time.
    pub(super) fn each_chunk(
        &self,
        visit: &mut dyn FnMut(&[u8]) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        const CHUNK_BYTES: u64 = 256 << 10;
        let mut buffer = vec![0; CHUNK_BYTES.min(self.bytes) as usize];
        let mut at = 0;
        while at < self.bytes {
            let length = (self.bytes - at).min(CHUNK_BYTES) as usize;
            self.file.read_at(at, &mut buffer[..length])?;
            visit(&buffer[..length])?;
            at += length as u64;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::{Blobs, Held};
    use crate::store::disk::RealDisk;
    use crate::store::error::StoreError;
    use crate::store::hash::sha256;

    fn upload(blobs: &Blobs, bytes: &[u8]) -> Held {
        let mut writer = blobs.begin(100).unwrap();
        for chunk in bytes.chunks(3) {
            writer.write(chunk).unwrap();
        }
        writer.finish().unwrap()
    }

    #[test]
    fn a_file_lies_under_the_hash_of_its_bytes() {
        let dir = tempfile::tempdir().unwrap();
        let blobs = Blobs::open(Arc::new(RealDisk), dir.path()).unwrap();
        let held = upload(&blobs, b"a photograph");
        let again = upload(&blobs, b"a photograph");
        assert_eq!(held.hash(), sha256(&[b"a photograph"]));
        assert_eq!((held.hash(), held.bytes()), (again.hash(), 12));
        let file = blobs.open_file(held.hash()).unwrap().unwrap();
        let mut part = [0; 5];
        file.read_at(2, &mut part).unwrap();
        assert_eq!((&part, file.bytes()), (b"photo", 12));
        assert_eq!(file.hash().unwrap(), held.hash());
        assert_eq!(blobs.all().unwrap(), [held.hash()]);
        assert!(blobs.open_file(sha256(&[b"none"])).unwrap().is_none());
    }

    #[test]
    fn an_upload_that_is_given_up_or_too_long_leaves_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let incoming = dir.path().join("incoming");
        let blobs = Blobs::open(Arc::new(RealDisk), dir.path()).unwrap();
        let mut writer = blobs.begin(3).unwrap();
        writer.write(b"ab").unwrap();
        assert!(matches!(
            writer.write(b"cd"),
            Err(StoreError::TooLong { bytes_max: 3 })
        ));
        assert_eq!(std::fs::read_dir(&incoming).unwrap().count(), 1);
        drop(writer);
        assert_eq!(std::fs::read_dir(&incoming).unwrap().count(), 0);

        std::fs::write(incoming.join("7.part"), b"left by a crash").unwrap();
        let blobs = Blobs::open(Arc::new(RealDisk), dir.path()).unwrap();
        assert_eq!(std::fs::read_dir(&incoming).unwrap().count(), 0);
        assert_eq!(blobs.all().unwrap(), []);
    }

    #[test]
    fn a_file_stays_while_somebody_holds_or_names_it() {
        let dir = tempfile::tempdir().unwrap();
        let blobs = Blobs::open(Arc::new(RealDisk), dir.path()).unwrap();
        let (refused, accepted) = (upload(&blobs, b"bytes"), upload(&blobs, b"bytes"));
        let hash = refused.hash();
        let unnamed = |_| Ok(false);
        blobs.discard(refused, unnamed).unwrap();
        assert!(blobs.contains(hash).unwrap(), "the other upload holds it");
        assert_eq!(blobs.sweep(unnamed).unwrap(), 0);
        drop(accepted);
        assert_eq!(blobs.sweep(|named| Ok(named == hash)).unwrap(), 0);
        assert!(blobs.contains(hash).unwrap(), "an operation names it");
        let refused = upload(&blobs, b"bytes");
        blobs.discard(refused, |named| Ok(named == hash)).unwrap();
        assert!(blobs.contains(hash).unwrap(), "an operation names it");
        let refused = upload(&blobs, b"bytes");
        blobs.discard(refused, unnamed).unwrap();
        assert!(!blobs.contains(hash).unwrap());
        drop(upload(&blobs, b"bytes"));
        assert_eq!(blobs.sweep(unnamed).unwrap(), 1);
        assert!(!blobs.contains(hash).unwrap());
    }
}
