//! Verbs that look after the box.

pub(super) mod backup;
pub(super) mod bundle;
pub(super) mod completions;
pub(super) mod config;
pub(super) mod docs;
pub(super) mod doctor;
pub(super) mod packed;
pub(super) mod rebuild;
pub(super) mod verify;
