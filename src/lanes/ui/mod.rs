//! The officers' pages: one document that shows every page of the desk, and its files. It holds no data: what it shows it asks
//! of the other lanes, with the session of who looks.

/// The table of contents.
pub mod router;
