//! Checking proofs that anyone may have written (RFC 9162 §2.1.3.2 and §2.1.4.2). Needs no store.

use crate::domain::id::Hash;
use crate::store::merkle::{empty_root, node_hash};

/// Why a proof proves nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum VerifyError {
    /// The sizes and places named can't be: a leaf beyond the tree, or a new tree smaller than the old.
    #[error("leaf or size {inner} lies beyond a tree of {size}")]
    Beyond {
        /// The leaf's place, or the old tree's size.
        inner: u64,
        /// The tree's size.
        size: u64,
    },
    /// A proof for these sizes has another number of hashes.
    #[error("a proof of {found} hashes has the wrong length for its tree")]
    Length {
        /// How many hashes it has.
        found: usize,
    },
    /// The hashes lead to another root: the leaf, the proof or the root is not what it is said to be.
    #[error("the proof leads to another root")]
    Root,
}

/// Checks that `leaf` stands at place `index` of the tree with `size` leaves and this root.
pub fn verify_inclusion(
    leaf: &Hash,
    index: u64,
    size: u64,
    proof: &[Hash],
    root: &Hash,
) -> Result<(), VerifyError> {
    if index >= size {
        return Err(VerifyError::Beyond { inner: index, size });
    }
    let wrong_length = VerifyError::Length { found: proof.len() };
    // `node` is the place of `hash` in its level, `last` that level's last place.
    let (mut node, mut last, mut hash) = (index, size - 1, *leaf);
    for sibling in proof {
        if last == 0 {
            return Err(wrong_length);
        }
        if node & 1 == 1 || node == last {
            hash = node_hash(sibling, &hash);
            climb_to_left_turn(&mut node, &mut last);
        } else {
            hash = node_hash(&hash, sibling);
        }
        node >>= 1;
        last >>= 1;
    }
    if last != 0 {
        return Err(wrong_length);
    }
    if hash == *root {
        Ok(())
    } else {
        Err(VerifyError::Root)
    }
}

/// Checks that the tree of size and root `new` begins with the leaves of the tree of size and root `old`.
pub fn verify_consistency(old: (u64, &Hash), new: (u64, &Hash), proof: &[Hash]) -> Result<(), VerifyError> {
    let ((old_size, old_root), (new_size, new_root)) = (old, new);
    if old_size > new_size {
        return Err(VerifyError::Beyond {
            inner: old_size,
            size: new_size,
        });
    }
    let wrong_length = VerifyError::Length { found: proof.len() };
    if old_size == 0 || old_size == new_size {
        let claimed = if old_size == 0 {
            old_root == &empty_root()
        } else {
            old_root == new_root
        };
        let whole = new_size != 0 || new_root == &empty_root();
        return match (proof.is_empty(), claimed && whole) {
            (false, _) => Err(wrong_length),
            (true, false) => Err(VerifyError::Root),
            (true, true) => Ok(()),
        };
    }
    let (mut node, mut last) = (old_size - 1, new_size - 1);
    // The largest subtree that ends where the old tree ends: both roots are built up from it.
    let height = node.trailing_ones();
    node >>= height;
    last >>= height;
    let (first, rest) = match proof.split_first() {
        _ if node == 0 => (old_root, proof),
        Some((first, rest)) => (first, rest),
        None => return Err(wrong_length),
    };
    let (mut old_hash, mut new_hash) = (*first, *first);
    for sibling in rest {
        if last == 0 {
            return Err(wrong_length);
        }
        if node & 1 == 1 || node == last {
            old_hash = node_hash(sibling, &old_hash);
            new_hash = node_hash(sibling, &new_hash);
            climb_to_left_turn(&mut node, &mut last);
        } else {
            new_hash = node_hash(&new_hash, sibling);
        }
        node >>= 1;
        last >>= 1;
    }
    if last != 0 {
        return Err(wrong_length);
    }
    if old_hash == *old_root && new_hash == *new_root {
        Ok(())
    } else {
        Err(VerifyError::Root)
    }
}

/// A node that is the last of its level and a left child has no sibling and is its own parent: climbs past such.
fn climb_to_left_turn(node: &mut u64, last: &mut u64) {
    while *node & 1 == 0 && *node != 0 {
        *node >>= 1;
        *last >>= 1;
    }
}
