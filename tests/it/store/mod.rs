//! The store: the Merkle tree.

mod merkle;
