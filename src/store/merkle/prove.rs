//! Making proofs from stored leaves and tile roots: of inclusion (RFC 9162 §2.1.3.1) and consistency (§2.1.4.1).

use crate::domain::id::Hash;
use crate::store::merkle::{Nodes, TILE_HEIGHT, node_hash, split};

/// Why a proof could not be made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProveError<E> {
    /// The tree has no such leaf.
    #[error("no leaf {index} in a tree of {size}")]
    NoSuchLeaf {
        /// The place asked for, from 0.
        index: u64,
        /// The leaves of the tree.
        size: u64,
    },
    /// The tree said to be older is larger.
    #[error("a tree of {new} leaves can't continue one of {old}")]
    Shrunk {
        /// Leaves of the older tree.
        old: u64,
        /// Leaves of the newer one.
        new: u64,
    },
    /// The store answered with another number of hashes than it was asked for.
    #[error("row {row} of the tree holds {found} of {wanted} hashes from place {place}")]
    Missing {
        /// See [`Nodes::row`].
        row: u8,
        /// The first place asked for.
        place: u64,
        /// How many were asked for.
        wanted: u64,
        /// How many came.
        found: usize,
    },
    /// The store could not be read.
    #[error("reading the tree's hashes")]
    Read(#[source] E),
}

/// The hashes that lead from leaf `index` to the root of the first `size` leaves, the leaf's sibling first.
pub fn inclusion_proof<N: Nodes>(
    nodes: &N,
    index: u64,
    size: u64,
) -> Result<Vec<Hash>, ProveError<N::Error>> {
    if index >= size {
        return Err(ProveError::NoSuchLeaf { index, size });
    }
    let mut path = Vec::new();
    let (mut start, mut end) = (0, size);
    while end - start > 1 {
        let middle = start + split(end - start);
        if index < middle {
            path.push(subtree(nodes, middle, end)?);
            end = middle;
        } else {
            path.push(subtree(nodes, start, middle)?);
            start = middle;
        }
    }
    path.reverse();
    Ok(path)
}

/// The hashes that show the tree of `new` leaves to begin with the tree of `old`. Empty where nothing is to be
/// shown: the sizes are equal, or the old tree is empty.
pub fn consistency_proof<N: Nodes>(nodes: &N, old: u64, new: u64) -> Result<Vec<Hash>, ProveError<N::Error>> {
    if old > new {
        return Err(ProveError::Shrunk { old, new });
    }
    let mut path = Vec::new();
    if old == 0 {
        return Ok(path);
    }
    let (mut start, mut end) = (0, new);
    while end != old {
        let middle = start + split(end - start);
        if old <= middle {
            path.push(subtree(nodes, middle, end)?);
            end = middle;
        } else {
            path.push(subtree(nodes, start, middle)?);
            start = middle;
        }
    }
    // Where the old tree is itself a subtree of the new one, the verifier has its root already.
    if start > 0 {
        path.push(subtree(nodes, start, end)?);
    }
    path.reverse();
    Ok(path)
}

/// The root over the leaves from `start` to before `end`, which is a subtree of the log's tree (perhaps its ragged
/// right edge): the complete subtrees in it, joined from the right.
fn subtree<N: Nodes>(nodes: &N, start: u64, end: u64) -> Result<Hash, ProveError<N::Error>> {
    let mut lefts = Vec::new();
    let mut at = start;
    loop {
        let height = (end - at).ilog2();
        let hash = complete_subtree(nodes, at, height)?;
        at += 1 << height;
        if at == end {
            return Ok(lefts
                .iter()
                .rev()
                .fold(hash, |right, left| node_hash(left, &right)));
        }
        lefts.push(hash);
    }
}

/// The root of the complete subtree of 2^`height` leaves from `start`, from the nearest stored row below it.
pub(super) fn complete_subtree<N: Nodes>(
    nodes: &N,
    start: u64,
    height: u32,
) -> Result<Hash, ProveError<N::Error>> {
    let row = u8::try_from(height / TILE_HEIGHT).expect("a height is below 64");
    let place = start >> (u32::from(row) * TILE_HEIGHT);
    let wanted = 1 << (height % TILE_HEIGHT);
    let mut hashes = nodes.row(row, place..place + wanted).map_err(ProveError::Read)?;
    if hashes.len() as u64 != wanted {
        return Err(ProveError::Missing {
            row,
            place,
            wanted,
            found: hashes.len(),
        });
    }
    while hashes.len() > 1 {
        hashes = hashes
            .as_chunks()
            .0
            .iter()
            .map(|[left, right]| node_hash(left, right))
            .collect();
    }
    Ok(hashes[0])
}
