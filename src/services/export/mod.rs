//! What leaves the house: a case as a bundle that a court checks without us, and the records changed since some time.

/// The members of a bundle as they are written: a bag (RFC 8493) in a zip without compression.
mod bag;
/// A case with everything that belongs to it, as a bundle.
mod bundle;
/// Bundles checked by a stranger: manifest, proofs, signatures, records, files.
pub mod check;
/// What a proved operation says, as JSON free of any table of kinds.
mod shown;
/// The records changed since some time, in the order of the log.
mod since;

pub use bundle::Exported;
