//! The growing edge of a tree: the roots of the complete subtrees that make it up, one for each bit of its size.

use crate::domain::id::Hash;
use crate::store::merkle::prove::{ProveError, complete_subtree};
use crate::store::merkle::{Nodes, TILE_HEIGHT, empty_root, node_hash};

/// The most leaves that a stored frontier may speak of; far from where adding to it could overflow.
const LEAVES_MAX: u64 = 1 << 62;

/// All that is needed of a tree to append to it and to know its root: at most 63 hashes.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Frontier {
    size: u64,
    /// Roots of complete subtrees, leftmost (largest) first; as many as `size` has bits set.
    peaks: Vec<Hash>,
}

/// The root of a subtree of 256^`row` leaves that has just become complete: to be stored, see [`Nodes::row`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TileRoot {
    /// 1 for a subtree of 256 leaves, 2 for one of 65,536, and so on.
    pub row: u8,
    /// Its place in that row, from 0.
    pub place: u64,
    /// Its root.
    pub hash: Hash,
}

/// Bytes that are no frontier.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{bytes} bytes are not the frontier of a tree")]
pub struct DecodeError {
    bytes: usize,
}

impl Frontier {
    /// Of a tree with no leaf.
    pub fn new() -> Self {
        Self::default()
    }

    /// Of the first `size` leaves of a stored tree.
    pub fn at<N: Nodes>(nodes: &N, size: u64) -> Result<Self, ProveError<N::Error>> {
        let mut peaks = Vec::new();
        let mut start = 0;
        for height in (0..u64::BITS).rev().filter(|height| size >> height & 1 == 1) {
            peaks.push(complete_subtree(nodes, start, height)?);
            start += 1 << height;
        }
        Ok(Self { size, peaks })
    }

    /// The number of leaves.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// The root over all leaves.
    pub fn root(&self) -> Hash {
        let folded = self
            .peaks
            .iter()
            .rev()
            .copied()
            .reduce(|right, left| node_hash(&left, &right));
        folded.unwrap_or_else(empty_root)
    }

    /// Adds a leaf; answers with what the caller must store for proofs to stay cheap (for 255 of 256 leaves nothing).
    #[must_use = "proofs need these hashes stored"]
    pub fn append(&mut self, leaf: Hash) -> Vec<TileRoot> {
        let mut tiles = Vec::new();
        let mut hash = leaf;
        // Each low bit that is set is a complete subtree as large as the one in hand, to its left.
        for height in 1..=self.size.trailing_ones() {
            let left = self.peaks.pop().expect("one peak for each bit of the size");
            hash = node_hash(&left, &hash);
            if height % TILE_HEIGHT == 0 {
                let row = u8::try_from(height / TILE_HEIGHT).expect("a height is at most 64");
                tiles.push(TileRoot {
                    row,
                    place: self.size >> height,
                    hash,
                });
            }
        }
        self.peaks.push(hash);
        self.size += 1;
        tiles
    }

    /// The size (eight bytes, little endian) and the subtree roots, largest subtree first.
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = self.size.to_le_bytes().to_vec();
        self.peaks
            .iter()
            .for_each(|peak| bytes.extend_from_slice(&peak.0));
        bytes
    }

    /// What [`Self::encode`] wrote.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let error = DecodeError { bytes: bytes.len() };
        let (size, peaks) = bytes.split_first_chunk::<8>().ok_or(error)?;
        let size = u64::from_le_bytes(*size);
        let (peaks, rest) = peaks.as_chunks::<32>();
        if size > LEAVES_MAX || peaks.len() != size.count_ones() as usize || !rest.is_empty() {
            return Err(error);
        }
        Ok(Self {
            size,
            peaks: peaks.iter().copied().map(Hash).collect(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::Frontier;
    use crate::domain::id::Hash;

    #[test]
    fn a_frontier_reads_back_what_it_writes_and_nothing_else() {
        let mut frontier = Frontier::new();
        for leaf in 0..300_u64 {
            assert_eq!(Frontier::decode(&frontier.encode()), Ok(frontier.clone()));
            let mut hash = Hash::default();
            hash.0[..8].copy_from_slice(&leaf.to_be_bytes());
            let tiles = frontier.append(hash);
            assert_eq!(tiles.len(), usize::from(leaf == 255), "leaf {leaf}");
        }
        let bytes = frontier.encode();
        for cut in 0..bytes.len() {
            assert!(Frontier::decode(&bytes[..cut]).is_err(), "cut to {cut} bytes");
        }
        assert!(Frontier::decode(&[bytes.as_slice(), &[0]].concat()).is_err());
        assert!(Frontier::decode(&[[0xff; 8].as_slice(), &[0; 64 * 32]].concat()).is_err());
    }
}
