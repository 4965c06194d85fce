//! What a caller may do, one verb a file. Policy is judged here, never in a lane.

/// Credential → caller, the only door.
pub mod access;
/// Entries of the audit log.
pub mod audit;
/// Who asks.
pub mod caller;
/// Records of any kind: make, change, read, list.
pub mod casebook;
/// The narrated cases of the demo and their drawn pictures.
pub mod demo;
/// What a service does while it holds the write thread.
pub mod desk;
/// The few kinds of failure that every lane renders.
pub mod failure;
/// Finds records for a caller.
pub mod find;
/// Pictures: recognised by content, capture metadata, thumbnails, evidence labels.
pub mod images;
/// Rows of CSV and JSON files turned into records by a mapping.
pub mod import;
/// API keys: make, list, rotate, revoke.
pub mod keys;
/// Who may do what.
pub mod policy;
/// What a client gave → values of the shapes wanted, or every fault.
pub mod shape;
/// The store, the write path and reads, as all services share them.
pub mod shared;
