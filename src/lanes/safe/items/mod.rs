//! Items of evidence.

/// What each change left of an item.
pub(super) mod history;
/// Items by sequence, by id, by where they are.
pub(super) mod read;
/// Items changed.
pub(super) mod write;
