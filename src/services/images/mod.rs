//! Pictures as evidence: what they are, what their device wrote into them, and a small copy for screens.
//!
//! The original bytes are never changed here. A picture is recognised by its content, never by its name, and a damaged
//! metadata block never loses the picture. Nothing here decodes more pixels than the limits allow.

mod capture;
mod header;
/// Printable labels for evidence bags.
pub mod label;
mod thumbnail;

use std::io::{BufRead, Cursor, Seek};

use serde::Serialize;

pub use capture::Capture;
pub use thumbnail::{DecodeLimits, thumbnail};

/// The kinds of picture that are taken in.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
pub enum MediaType {
    /// JPEG.
    #[serde(rename = "image/jpeg")]
    Jpeg,
    /// PNG.
    #[serde(rename = "image/png")]
    Png,
    /// WebP, lossy or lossless.
    #[serde(rename = "image/webp")]
    WebP,
    /// HEIC: kept and described, never decoded.
    #[serde(rename = "image/heic")]
    Heic,
}

impl MediaType {
    /// The value of a `Content-Type` header.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Jpeg => "image/jpeg",
            Self::Png => "image/png",
            Self::WebP => "image/webp",
            Self::Heic => "image/heic",
        }
    }

    /// The usual ending of a file name, without the dot.
    pub const fn extension(self) -> &'static str {
        match self {
            Self::Jpeg => "jpg",
            Self::Png => "png",
            Self::WebP => "webp",
            Self::Heic => "heic",
        }
    }

    /// Whether [`thumbnail`] can make a small copy of it.
    pub const fn is_decoded(self) -> bool {
        !matches!(self, Self::Heic)
    }
}

/// What a picture says of itself.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Inspected {
    /// Recognised by content.
    pub media_type: MediaType,
    /// Pixels across as stored, before the orientation is applied. `None` only for a HEIC that does not say.
    pub width: Option<u32>,
    /// Pixels down as stored.
    pub height: Option<u32>,
    /// What the device wrote; empty where it wrote nothing or its block is damaged.
    pub capture: Capture,
}

/// Why a picture is not taken in, or has no small copy.
#[derive(Debug, thiserror::Error)]
pub enum ImageError {
    /// Not one of [`MediaType`], whatever its name says.
    #[error("not a JPEG, PNG, WebP or HEIC picture")]
    Unsupported,
    /// It begins like a picture and is none.
    #[error("the picture is damaged: {0}")]
    Damaged(&'static str),
    /// It would take more memory to decode than the limits allow.
    #[error("{width} by {height} pixels are more than the {pixels_max} allowed")]
    TooManyPixels {
        /// Pixels across.
        width: u32,
        /// Pixels down.
        height: u32,
        /// The limit.
        pixels_max: u64,
    },
    /// A HEIC has no small copy.
    #[error("HEIC pictures are kept but not decoded")]
    NotDecoded,
    /// The pixels can't be read.
    #[error("the picture could not be decoded")]
    Decode(#[source] image::ImageError),
    /// The file could not be read.
    #[error("the picture could not be read")]
    Io(#[from] std::io::Error),
}

/// Reads what a picture is from its bytes.
///
/// # Errors
/// [`ImageError::Unsupported`] or [`ImageError::Damaged`]: nothing of it should be kept.
pub fn inspect(bytes: &[u8]) -> Result<Inspected, ImageError> {
    inspect_reader(&mut Cursor::new(bytes))
}

/// As [`inspect`], from a file: seeks past the pixels, so memory does not grow with the file.
///
/// # Errors
/// As [`inspect`], and when the file can't be read.
pub fn inspect_reader<R: BufRead + Seek>(reader: &mut R) -> Result<Inspected, ImageError> {
    let header = header::read(reader)?;
    let capture = match header.media_type {
        MediaType::Heic => capture::from_heic(reader),
        _ => header.exif.map(capture::from_block).unwrap_or_default(),
    };
    Ok(Inspected {
        media_type: header.media_type,
        width: header.size.map(|(width, _)| width),
        height: header.size.map(|(_, height)| height),
        capture,
    })
}
