//! Who this node is: its ed25519 key, the incarnation of its data folder, and the ids of its two logs.

use std::path::Path;

use crate::domain::id::{Hash, LogId};
use crate::store::disk::{Disk, OpenMode};
use crate::store::error::StoreError;
use crate::store::hash::sha256;
use crate::store::note::key::KeyName;
use crate::store::note::sign::Ed25519Signer;

const FILE: &str = "node.key";
const MAGIC: &[u8; 8] = b"BLOTKEY1";
/// Magic, seed and incarnation.
const BYTES: usize = 56;

/// The two logs that a node writes. Both lie in one journal, so that one sync makes both durable.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Stream {
    /// What happened to records.
    Records,
    /// Who did and asked what.
    Audit,
}

impl Stream {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Records, Self::Audit];
}

/// The node's key and incarnation. The key is secret; the file that holds it is readable by its owner alone.
pub struct Identity {
    seed: [u8; 32],
    incarnation: [u8; 16],
}

impl Identity {
    /// A new node.
    ///
    /// # Errors
    /// The system gives no random bytes.
    pub fn generate() -> Result<Self, StoreError> {
        let mut identity = Self {
            seed: [0; 32],
            incarnation: [0; 16],
        };
        random(&mut identity.seed)?;
        random(&mut identity.incarnation)?;
        Ok(identity)
    }

    /// The same node in a new incarnation: what a restored backup must become before it writes.
    ///
    /// # Errors
    /// The system gives no random bytes.
    pub fn reborn(&self) -> Result<Self, StoreError> {
        let mut identity = Self {
            seed: self.seed,
            incarnation: [0; 16],
        };
        random(&mut identity.incarnation)?;
        Ok(identity)
    }

    /// Reads `node.key`; `None` if the folder has none.
    ///
    /// # Errors
    /// The disk failed, or the file is not a key.
    pub fn load(disk: &dyn Disk, dir: &Path) -> Result<Option<Self>, StoreError> {
        let path = dir.join(FILE);
        let mut bytes = [0; BYTES];
        let mut read = || -> Result<Option<u64>, StoreError> {
            let Some(length) = disk.len(&path)? else {
                return Ok(None);
            };
            if length >= BYTES as u64 {
                disk.open(&path, OpenMode::Read)?.read_at(0, &mut bytes)?;
            }
            Ok(Some(length))
        };
        let Some(length) = read().map_err(|error| error.at(&path))? else {
            return Ok(None);
        };
        if length < BYTES as u64 {
            return Err(StoreError::Damaged(format!(
                "{FILE} is not a node's key: it has {length} bytes and not {BYTES}; put back the one of a backup"
            )));
        }
        let (magic, rest) = bytes.split_at(8);
        let (seed, incarnation) = rest.split_at(32);
        let damaged = || {
            StoreError::Damaged(format!(
                "{FILE} is not a node's key; put back the one of a backup"
            ))
        };
        if magic != MAGIC {
            return Err(damaged());
        }
        Ok(Some(Self {
            seed: seed.try_into().map_err(|_| damaged())?,
            incarnation: incarnation.try_into().map_err(|_| damaged())?,
        }))
    }

    /// Writes `node.key`, durable before it returns; an older one is replaced whole or not at all.
    ///
    /// # Errors
    /// The disk failed.
    pub fn save(&self, disk: &dyn Disk, dir: &Path) -> Result<(), StoreError> {
        let temporary = dir.join("node.key.new");
        if disk.len(&temporary)?.is_some() {
            disk.remove(&temporary)?;
        }
        let file = disk.open(&temporary, OpenMode::CreateNew)?;
        file.write_at(0, &[&MAGIC[..], &self.seed, &self.incarnation].concat())?;
        file.sync_data()?;
        disk.rename(&temporary, &dir.join(FILE))?;
        Ok(disk.sync_dir(dir)?)
    }

    /// The id of one of its logs: `SHA-256(public key ‖ incarnation ‖ stream)`.
    pub fn log(&self, stream: Stream) -> LogId {
        let public = ed25519_dalek::SigningKey::from_bytes(&self.seed).verifying_key();
        let stream: &[u8] = match stream {
            Stream::Records => b"",
            Stream::Audit => b"audit",
        };
        LogId(sha256(&[public.as_bytes(), &self.incarnation, stream]))
    }

    /// A secret of the node for one purpose; it tells nothing of the key, nor of the secrets for other purposes.
    pub fn secret(&self, purpose: &str) -> Hash {
        sha256(&[b"blotter secret\0", &self.seed, purpose.as_bytes()])
    }

    /// The seeds of its two keys: Ed25519, and ML-DSA-44 for what leaves the house. The second is made of the first, so a
    /// folder of any age has both; who breaks Ed25519 finds the scalar of its key, and not the seed behind its hash.
    pub(in crate::store) fn seeds(&self) -> ([u8; 32], [u8; 32]) {
        (self.seed, self.secret("ml-dsa-44").0)
    }

    /// The public key.
    pub fn public(&self) -> [u8; 32] {
        ed25519_dalek::SigningKey::from_bytes(&self.seed)
            .verifying_key()
            .to_bytes()
    }

    /// What signs the checkpoints of one of its logs.
    pub fn signer(&self, stream: Stream) -> Ed25519Signer {
        let origin = origin(self.log(stream));
        Ed25519Signer::new(origin, &self.seed).expect("a seed of 32 bytes makes a key")
    }
}

/// The origin line of a log's checkpoints, which is the name of its key too.
pub fn origin(log: LogId) -> KeyName {
    format!("blotter.invalid/{log}")
        .parse()
        .expect("letters, digits and a slash make a key name")
}

/// Fills the buffer with random bytes of the system.
///
/// # Errors
/// The system gives none.
pub fn random(buffer: &mut [u8]) -> Result<(), StoreError> {
    getrandom::fill(buffer).map_err(|error| StoreError::Io(format!("no random bytes: {error}")))
}
