//! What happened, durably: the journal of signed logs, the bytes of operations, files by hash, and the view database.
//! The only folder that names redb.

/// Copies of a node to come back from.
pub mod backup;
/// Files by the hash of their bytes.
pub mod blobs;
/// Bytes of operations and record rows.
pub mod codec;
/// The write thread, the logs that it grows, and their replay.
pub mod commit;
/// Byte rows in redb: snapshots to read, and the rows of the group being written.
pub mod database;
/// The disk as a trait, so that tests can lose its power.
pub mod disk;
/// What can go wrong here.
pub mod error;
/// The store as its users see it.
pub mod handle;
/// SHA-256.
pub mod hash;
/// Who this node is: key, incarnation, log ids.
pub mod identity;
/// The segment files in which everything that happened is durable.
pub mod journal;
/// Small files beside the log, replaced whole.
pub mod kept;
/// The Merkle tree over a log: its edge, proofs and their check.
pub mod merkle;
/// Signed checkpoints of a log, and proofs that leave the house.
pub mod note;
/// What a request may do on the write thread.
pub mod session;
/// Every table of the view database.
pub mod tables;
/// Whether a store is what it claims.
pub mod verify;
/// Files read whole, and what is known to be whole.
pub mod whole;
