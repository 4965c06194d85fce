//! Verbs that look after the box.

pub(super) mod completions;
pub(super) mod config;
pub(super) mod docs;
pub(super) mod doctor;
