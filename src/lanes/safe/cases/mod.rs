//! Cases.

/// Cases by id and number, their items and people.
pub(super) mod read;
/// Cases made and changed.
pub(super) mod write;
