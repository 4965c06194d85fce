//! What leaves the house is signed twice: with Ed25519, and with ML-DSA-44 for those who check it in thirty years. One operation
//! leaves as itself, its proof of inclusion and a checkpoint, in one text that a stranger checks with the public keys alone.

use std::fmt;
use std::ops::Range;

use minicbor::{Decoder, Encoder};

use crate::domain::id::{Hash, LogId};
use crate::domain::operation::{Header, Operation};
use crate::store::codec::{decode_header, decode_payload};
use crate::store::commit::logs::log_row;
use crate::store::commit::replay::operation_key;
use crate::store::database::{Read, Snapshot};
use crate::store::error::StoreError;
use crate::store::handle::Store;
use crate::store::hash::sha256;
use crate::store::identity::{Identity, origin};
use crate::store::merkle::{Nodes, consistency_proof, inclusion_proof, leaf_hash};
use crate::store::note::checkpoint::Checkpoint;
use crate::store::note::key::{Algorithm, VerifierKey};
use crate::store::note::proof::{EXTRA_BYTES_MAX, ProofError, TlogProof};
use crate::store::note::sign::{Ed25519Signer, MlDsaSigner};
use crate::store::note::{Note, NoteError};
use crate::store::session::SALT_BYTES;
use crate::store::tables::Table;

/// Signs heads of this node's logs, those of its earlier incarnations too.
pub(in crate::store) struct Notary {
    seed: [u8; 32],
    post_quantum_seed: [u8; 32],
}

impl fmt::Debug for Notary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Notary")
    }
}

impl Notary {
    pub(in crate::store) fn of(identity: &Identity) -> Self {
        let (seed, post_quantum_seed) = identity.seeds();
        Self {
            seed,
            post_quantum_seed,
        }
    }

    fn signers(&self, log: LogId) -> Result<(Ed25519Signer, MlDsaSigner), StoreError> {
        let bad = |error: &dyn fmt::Display| StoreError::Io(format!("the node's key can't sign: {error}"));
        let classic = Ed25519Signer::new(origin(log), &self.seed).map_err(|error| bad(&error))?;
        let lasting = MlDsaSigner::new(origin(log), &self.post_quantum_seed).map_err(|error| bad(&error))?;
        Ok((classic, lasting))
    }

    fn keys(&self, log: LogId) -> Result<[VerifierKey; 2], StoreError> {
        let (classic, lasting) = self.signers(log)?;
        Ok([classic.verifier().clone(), lasting.verifier().clone()])
    }

    fn sign(&self, checkpoint: &Checkpoint, log: LogId) -> Result<Note, StoreError> {
        let (classic, lasting) = self.signers(log)?;
        let mut note = classic.sign(checkpoint);
        // No time: that no larger tree was known at it is nothing that a proof needs.
        let signature = lasting.sign(checkpoint, 0);
        note.add(signature.map_err(|error| StoreError::Io(error.to_string()))?);
        Ok(note)
    }
}

/// A log's head as it leaves the house.
#[derive(Clone, Debug)]
pub struct Head {
    /// The log.
    pub log: LogId,
    /// Its operations.
    pub size: u64,
    /// The signed checkpoint over all of them.
    pub note: Note,
    number: u32,
}

impl Store {
    /// The two keys with which others check what leaves the house of a log: Ed25519, ML-DSA-44.
    ///
    /// # Errors
    /// The library refuses the key.
    pub fn verifier_keys(&self, log: LogId) -> Result<[VerifierKey; 2], StoreError> {
        self.notary().keys(log)
    }

    /// The head of a log as of a snapshot, signed with both keys; `None` of a log that has no operation here.
    ///
    /// # Errors
    /// The disk failed, or the library could not sign.
    pub fn head(&self, rows: &Snapshot, log: LogId) -> Result<Option<Head>, StoreError> {
        let Some(row) = log_row(rows, log)? else {
            return Ok(None);
        };
        let checkpoint = Checkpoint::new(origin(log), row.edge.size(), row.edge.root());
        Ok(Some(Head {
            log,
            size: row.edge.size(),
            note: self.notary().sign(&checkpoint, log)?,
            number: row.number,
        }))
    }

    /// The proof that an operation stands in its log under this head; the operation itself is in it. One longer than a proof
    /// can hold is in it without its payload, which is then given beside it: the bytes that [`Proven::take_payload`] takes.
    ///
    /// # Errors
    /// The disk failed, or the log has no such place.
    pub fn prove(
        &self,
        rows: &Snapshot,
        head: &Head,
        seq: u64,
    ) -> Result<(TlogProof, Option<Vec<u8>>), StoreError> {
        let missing = || StoreError::Damaged(format!("log {} has no operation {seq}", head.log));
        let entry = self.entry(rows, head.number, seq)?.ok_or_else(missing)?;
        let tree = StoredTree {
            rows,
            log: head.number,
        };
        let index = seq.checked_sub(1).ok_or_else(missing)?;
        let hashes = inclusion_proof(&tree, index, head.size);
        let hashes = hashes.map_err(|error| StoreError::Damaged(error.to_string()))?;
        let whole = encode_extra(&entry.header, entry.erasable.as_deref());
        let (extra, beside) = if whole.len() <= EXTRA_BYTES_MAX {
            (whole, None)
        } else {
            (encode_extra(&entry.header, None), entry.erasable)
        };
        let proof = TlogProof {
            extra,
            index,
            hashes,
            note: head.note.clone(),
        };
        Ok((proof, beside))
    }

    /// The hashes that show the log under this head to begin with its first `from` operations (RFC 6962, 2.1.2).
    ///
    /// # Errors
    /// The disk failed, or the log is shorter.
    pub fn prove_growth(&self, rows: &Snapshot, head: &Head, from: u64) -> Result<Vec<Hash>, StoreError> {
        let tree = StoredTree {
            rows,
            log: head.number,
        };
        let hashes = consistency_proof(&tree, from, head.size);
        hashes.map_err(|error| StoreError::Damaged(error.to_string()))
    }
}

/// A log's tree in the rows.
struct StoredTree<'r> {
    rows: &'r Snapshot,
    log: u32,
}

impl Nodes for StoredTree<'_> {
    type Error = StoreError;

    fn row(&self, row: u8, places: Range<u64>) -> Result<Vec<Hash>, StoreError> {
        let mut hashes = Vec::new();
        for place in places {
            let found = if row == 0 {
                let row = self
                    .rows
                    .get(Table::Operations, &operation_key(self.log, place + 1))?;
                row.and_then(|row| row.last_chunk().copied())
            } else {
                let key = [&self.log.to_be_bytes()[..], &[row], &place.to_be_bytes()].concat();
                let row = self.rows.get(Table::Tiles, &key)?;
                row.and_then(|row| row.try_into().ok())
            };
            hashes.extend(found.map(Hash));
        }
        Ok(hashes)
    }
}

/// `[header bytes, erasable bytes or null]` in CBOR: what a proof's extra line holds.
fn encode_extra(header: &[u8], erasable: Option<&[u8]>) -> Vec<u8> {
    let mut e = Encoder::new(Vec::new());
    let written = e
        .array(2)
        .and_then(|e| e.bytes(header))
        .and_then(|e| match erasable {
            Some(erasable) => e.bytes(erasable),
            None => e.null(),
        });
    written.expect("a vector takes all");
    e.into_writer()
}

/// Why a text proves no operation.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unproven {
    /// The text or its signatures.
    #[error("{0}")]
    Proof(#[from] ProofError),
    /// Its extra line.
    #[error("the operation in it can't be read: {0}")]
    Operation(String),
    /// It is signed, but not with both keys.
    #[error("the checkpoint is not signed with both keys of the log")]
    HalfSigned,
    /// It is signed, but by another log, or for another place.
    #[error("it is a proof of another operation than the one in it")]
    Other,
    /// The payload is not the one that the header stands for.
    #[error("the payload is not the one that was signed")]
    Payload,
}

/// An operation that was proved to stand in its log.
#[derive(Clone, PartialEq, Debug)]
pub struct Proven {
    /// The operation; without a payload if that was erased, or is too long for a proof.
    pub operation: Operation,
    /// The checkpoint that it stands under.
    pub checkpoint: Checkpoint,
}

impl Proven {
    /// Checks a proof that anyone may have written, with the public keys of the log and nothing else.
    ///
    /// # Errors
    /// It proves nothing.
    pub fn check(text: &str, keys: &[VerifierKey]) -> Result<Self, Unproven> {
        let proof = TlogProof::parse(text)?;
        let unreadable = |error: &dyn fmt::Display| Unproven::Operation(error.to_string());
        let mut d = Decoder::new(&proof.extra);
        let parts = d.array().and_then(|_| {
            Ok((
                d.bytes()?.to_vec(),
                d.decode::<Option<&minicbor::bytes::ByteSlice>>()?,
            ))
        });
        let (bytes, erasable) = parts.map_err(|error| unreadable(&error))?;
        let header: Header = decode_header(&bytes).map_err(|error| unreadable(&error))?;
        let verified = proof.verify(&leaf_hash(&bytes, &header.content), keys)?;
        let own = |algorithm| {
            let signed = |by: &crate::store::note::SignedBy| by.algorithm == algorithm;
            let is_own = |by: &&crate::store::note::SignedBy| by.name == *verified.checkpoint.origin();
            verified.signed_by.iter().filter(is_own).any(signed)
        };
        if !own(Algorithm::Ed25519) || !own(Algorithm::MlDsa44) {
            return Err(Unproven::HalfSigned);
        }
        if *verified.checkpoint.origin() != origin(header.id.log) || header.id.seq != proof.index + 1 {
            return Err(Unproven::Other);
        }
        let erasable = erasable.map(|bytes| bytes.to_vec());
        let mut proven = Self {
            operation: Operation {
                header,
                payload: None,
            },
            checkpoint: verified.checkpoint,
        };
        if let Some(erasable) = erasable {
            proven.take_payload(&erasable)?;
        }
        Ok(proven)
    }

    /// Takes the payload of an operation that was too long for its proof: the bytes given beside it.
    ///
    /// # Errors
    /// They are not the ones that the header stands for.
    pub fn take_payload(&mut self, erasable: &[u8]) -> Result<(), Unproven> {
        if sha256(&[erasable]) != self.operation.header.content {
            return Err(Unproven::Payload);
        }
        let payload = decode_payload(erasable.get(SALT_BYTES..).unwrap_or_default());
        let payload = payload.map_err(|error| Unproven::Operation(error.to_string()))?;
        self.operation.payload = Some(payload);
        Ok(())
    }
}

impl From<NoteError> for Unproven {
    fn from(error: NoteError) -> Self {
        Self::Proof(error.into())
    }
}
