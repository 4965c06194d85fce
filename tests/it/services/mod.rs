//! Services over a real store.

mod casebook;
