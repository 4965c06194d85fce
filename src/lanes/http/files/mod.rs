//! Files over HTTP: how they come in and how they go out.

/// Files of the program's own pages.
pub mod asset;
/// Files as they go out: whole, in part, or not when they are known already.
pub mod download;
/// Bodies of several parts, streamed to disk.
pub mod multipart;
