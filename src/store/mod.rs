//! What happened, durably: the journal of signed logs, the bytes of operations, files by hash, and the view database.
//! The only folder that names redb.

/// redb over our disk.
pub mod backend;
/// Bytes of operations and record rows.
pub mod codec;
/// The disk as a trait, so that tests can lose its power.
pub mod disk;
/// SHA-256.
pub mod hash;
/// The segment files in which everything that happened is durable.
pub mod journal;
/// The Merkle tree over a log: its edge, proofs and their check.
pub mod merkle;
/// Signed checkpoints of a log, and proofs that leave the house.
pub mod note;
