//! The full-text index: a follower of the log that can be deleted and rebuilt. It holds nothing that the store doesn't,
//! and it is the only folder that names tantivy.
//!
//! `document` is what goes in, `index` how it is kept, `ask` what a person types, `plan` what that means for the index,
//! `page` what comes out.

/// What a person typed, read.
pub mod ask;
mod collect;
/// What is indexed: one document a record.
pub mod document;
/// The index itself: open, apply, commit, verify, recover.
pub mod index;

/// A search and its answer.
pub mod page;
mod plan;
mod schema;
mod shelf;
mod suggest;
mod trust;
mod word;
