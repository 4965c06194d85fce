//! Services over a real store.

mod casebook;
mod custody;
mod files;
mod reading;
mod reports;
