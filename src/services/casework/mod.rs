//! What records need beyond the tables of their kinds: rules of single kinds, members of lists, batches, history, and
//! conflicts that a person settles.

/// Many records in one commit.
pub mod batch;
/// What writers disagree about, settled by a person.
pub mod conflicts;
/// Who changed what, and when.
pub mod history;
/// One member more, or one less, of a field that is a list.
pub mod members;
/// Rules of single kinds, applied wherever records are made or changed.
pub(in crate::services) mod rules;
/// Fields that a state machine guards.
pub(in crate::services) mod steps;
