//! What happened, durably.

/// SHA-256.
pub mod hash;
/// The Merkle tree over a log: its edge, proofs and their check.
pub mod merkle;
/// Signed checkpoints of a log, and proofs that leave the house.
pub mod note;
