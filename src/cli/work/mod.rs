//! Verbs that work with records. Each is an order to the node and a way to show its answer.

pub(super) mod export;
pub(super) mod expunge;
pub(super) mod import;
pub(super) mod key;
pub(super) mod search;
pub(super) mod tenant;
pub(super) mod user;
