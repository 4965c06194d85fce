//! What the log means now. Everything here can be deleted and folded again.

/// The pure fold: record + operation → record.
pub mod fold;
