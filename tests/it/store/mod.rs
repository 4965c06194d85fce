//! The store: what is durable stays, what is damaged is named, and the Merkle tree proves it.

mod checking;
mod faults;
mod full;
mod journal_bytes;
mod journal_faults;
mod journal_power;
mod merkle;
mod model;
mod old_folder;
mod power;
mod redb_power;
mod station;
mod writing;
