//! What happened, durably: the journal of signed logs, the bytes of operations, files by hash, and the view database.
//! The only folder that names redb.

/// Bytes of operations and record rows.
pub mod codec;
/// SHA-256.
pub mod hash;
/// The Merkle tree over a log: its edge, proofs and their check.
pub mod merkle;
/// Signed checkpoints of a log, and proofs that leave the house.
pub mod note;
