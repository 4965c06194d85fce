//! Pictures for the demo: drawn, not taken, so that no real person or place is in them. Each is a small JPEG with the EXIF
//! block that a camera would write, so that everything done to real pictures is done to these too.

mod canvas;
mod exif_block;
mod font;
mod items;
mod scenes;

use image::RgbImage;
use image::codecs::jpeg::JpegEncoder;
use serde::Deserialize;

pub use exif_block::DemoExif;

/// What is in the picture.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Scene {
    /// Cars under a lamp at dusk.
    ParkingLot,
    /// The back of a car; the caption is its plate.
    Plate,
    /// A shop at night with a broken window; the caption is its sign.
    Storefront,
    /// A forced door with a numbered marker.
    Door,
    /// A street with cones and skid marks.
    Road,
    /// A knife in an evidence bag with a scale bar; the caption is the bag's label.
    BaggedKnife,
    /// A phone in an evidence bag.
    BaggedPhone,
    /// A bunch of keys in an evidence bag.
    BaggedKeys,
    /// A spray can in an evidence bag.
    BaggedSprayCan,
}

/// Draws one picture: the same seed, scene and caption always give the same bytes.
///
/// # Errors
/// When the picture or its EXIF block can't be encoded.
pub fn write_demo_photo(
    seed: u64,
    scene: Scene,
    caption: &str,
    exif: &DemoExif,
) -> Result<Vec<u8>, PhotoError> {
    let picture: RgbImage = scenes::draw(seed, scene, caption);
    let mut jpeg = Vec::new();
    JpegEncoder::new_with_quality(&mut jpeg, 84)
        .encode_image(&picture)
        .map_err(PhotoError::Encode)?;
    exif_block::insert(&jpeg, exif)
}

/// A demo picture could not be made.
#[derive(Debug, thiserror::Error)]
pub enum PhotoError {
    /// By the JPEG encoder.
    #[error("the picture could not be encoded")]
    Encode(#[source] image::ImageError),
    /// By the EXIF writer.
    #[error("the EXIF block could not be written")]
    Exif(#[source] exif::Error),
}
