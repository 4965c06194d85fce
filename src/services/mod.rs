//! What a caller may do, one verb a file. Policy is judged here, never in a lane.

/// The narrated cases of the demo and their drawn pictures.
pub mod demo;
/// Pictures: recognised by content, capture metadata, thumbnails, evidence labels.
pub mod images;
/// Rows of CSV and JSON files turned into records by a mapping.
pub mod import;
