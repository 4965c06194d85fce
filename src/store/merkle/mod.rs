//! The Merkle tree over one log, as in RFC 9162 (and 6962): hashing, the growing edge, proofs and their check.
//!
//! Pure: where hashes are kept is somebody else's affair, seen through [`Nodes`]. The tree's places count from 0,
//! so the operation with `seq` n is leaf n − 1.

mod frontier;
mod prove;
mod verify;

use std::ops::Range;

use crate::domain::id::Hash;
use crate::store::hash::sha256;

pub use frontier::{DecodeError, Frontier, TileRoot};
pub use prove::{ProveError, consistency_proof, inclusion_proof};
pub use verify::{VerifyError, verify_consistency, verify_inclusion};

/// The height of a tile in levels of the tree: one tile holds 2⁸ = 256 hashes (C2SP tlog-tiles).
const TILE_HEIGHT: u32 = 8;

/// A reader of what is stored of one log's tree.
pub trait Nodes {
    /// Why reading can fail.
    type Error;

    /// The hashes with these places in one row: row 0 holds the leaves; row `r` the roots of all complete subtrees
    /// of 256^r leaves, as [`Frontier::append`] gave them out. Never asked for a place that the tree of the
    /// asked-for size does not have; must answer with exactly as many hashes as there are places.
    fn row(&self, row: u8, places: Range<u64>) -> Result<Vec<Hash>, Self::Error>;
}

/// The hash of a log entry as a leaf: `SHA-256(0x00 ‖ header ‖ content)`, where `content` is
/// `SHA-256(salt ‖ payload)`, so that the payload can be destroyed and the leaf still be computed.
pub fn leaf_hash(header: &[u8], content: &Hash) -> Hash {
    sha256(&[&[0x00], header, &content.0])
}

/// The root of the tree with no leaf: the digest of nothing.
pub fn empty_root() -> Hash {
    sha256(&[])
}

/// `SHA-256(0x01 ‖ left ‖ right)`.
fn node_hash(left: &Hash, right: &Hash) -> Hash {
    let mut bytes = [0x01; 65];
    bytes[1..33].copy_from_slice(&left.0);
    bytes[33..].copy_from_slice(&right.0);
    sha256(&[&bytes])
}

/// How many leaves lie left of the root of a tree of `leaves` ≥ 2: the greatest power of two below `leaves`.
fn split(leaves: u64) -> u64 {
    1 << (leaves - 1).ilog2()
}
