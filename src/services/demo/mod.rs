//! What a visitor of the demo sees: a dozen narrated cases of a made-up agency, and their pictures.

/// Drawn pictures with EXIF.
pub mod photo;
