//! The REST lane: records of every kind over HTTP. `router.rs` is its table of contents.

/// Make, read, change and list records of one kind.
mod records;
/// Every route of this lane.
pub mod router;
/// One box over all records.
mod search;
/// Which part of a list, in which order, with which members.
mod selection;
