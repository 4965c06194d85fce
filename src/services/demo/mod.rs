//! What a visitor of the demo sees: a dozen narrated cases of a made-up agency, and their pictures.
//!
//! The words are in `data/demo.toml`; this turns them into steps, in the order in which they must be taken. Times are told
//! from the day of the demo, so it is always recent.

/// Drawn pictures with EXIF.
pub mod photo;
/// Takes the steps through the services.
pub mod play;
mod script;
mod story;
mod when;

pub use story::{DemoError, DemoPhoto, PhotoOf, Step, later, steps};
