//! What a court asks for: a record expunged for good, with a receipt that says so; an operation with its proof.

/// A court's order carried out: what goes, what stays, and the receipt.
mod expunge;
/// What may not be destroyed.
pub mod hold;
/// Single operations with their proofs.
mod prove;
/// What an order takes with it.
mod scope;

pub use prove::LogKeys;
