//! Webhooks: those are told who do not come. A courier each reads the one feed from where its receiver is, posts one event after
//! the other, and goes on when it was taken; a slow receiver delays nobody else.

/// Who carries what is told.
pub mod courier;
/// What is sent: body and headers.
mod letter;
/// The table of contents.
pub(super) mod router;
