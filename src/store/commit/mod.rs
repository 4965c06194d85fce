//! How what is decided becomes durable and visible: the write thread, the logs that it grows, and the same steps once more at
//! every start.

/// The logs known here: next places, clocks, Merkle edges.
pub mod logs;
/// Rows made anew beside those in use.
pub(in crate::store) mod renew;
/// From a data folder to rows that reach as far as its journal.
pub(in crate::store) mod reopen;
/// From the journal to the rows.
pub mod replay;
/// The one write thread.
pub(in crate::store) mod writer;
