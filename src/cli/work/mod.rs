//! Verbs that work with records. Each is an order to the node and a way to show its answer.

/// What a dry run of an import must remember.
mod dry_run;
pub(super) mod export;
pub(super) mod expunge;
pub(super) mod import;
pub(super) mod key;
/// What became of each row of an import.
mod results;
pub(super) mod search;
pub(super) mod tenant;
pub(super) mod user;
