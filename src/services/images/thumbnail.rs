//! A small upright copy for screens, without any metadata.

use std::io::Cursor;

use image::codecs::jpeg::JpegEncoder;
use image::imageops::{self, FilterType};
use image::metadata::Orientation;
use image::{DynamicImage, ImageFormat, ImageReader, Limits, Pixel, RgbImage, Rgba};

use super::{ImageError, MediaType, inspect};

const JPEG_QUALITY: u8 = 82;

/// How much may be decoded for one small copy.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct DecodeLimits {
    /// Pixels in the whole picture, judged by its header before anything is allocated. Decoding takes 3 to 9 bytes a pixel.
    pub pixels_max: u64,
    /// Bytes that the decoder may take for itself.
    pub decoder_bytes_max: u64,
    /// Bytes of the picture's file, which is wanted whole in memory.
    pub source_bytes_max: u64,
}

impl Default for DecodeLimits {
    fn default() -> Self {
        Self {
            pixels_max: 50_000_000,
            decoder_bytes_max: 512 << 20,
            source_bytes_max: 64 << 20,
        }
    }
}

/// A JPEG no larger than `edge_px_max` on either side, turned upright. Smaller pictures keep their size.
///
/// Takes a few hundred milliseconds and up to 9 bytes a pixel: call it off the async threads, one at a time.
///
/// # Errors
/// When there can be no small copy; the original is none the worse for it.
pub fn thumbnail(bytes: &[u8], edge_px_max: u32, limits: &DecodeLimits) -> Result<Vec<u8>, ImageError> {
    let inspected = inspect(bytes)?;
    let format = match inspected.media_type {
        MediaType::Jpeg => ImageFormat::Jpeg,
        MediaType::Png => ImageFormat::Png,
        MediaType::WebP => ImageFormat::WebP,
        MediaType::Heic => return Err(ImageError::NotDecoded),
    };
    let (width, height) = inspected
        .width
        .zip(inspected.height)
        .ok_or(ImageError::Damaged("it has no size"))?;
    if u64::from(width) * u64::from(height) > limits.pixels_max {
        return Err(ImageError::TooManyPixels {
            width,
            height,
            pixels_max: limits.pixels_max,
        });
    }
    let picture = decode(bytes, format, (width, height), limits)?;
    let small = shrink(on_white(picture), edge_px_max.max(1));
    let mut small = DynamicImage::ImageRgb8(small);
    if let Some(orientation) = inspected.capture.orientation.and_then(Orientation::from_exif) {
        small.apply_orientation(orientation);
    }
    encode(&small)
}

/// Decodes the first frame; the size may not be larger than the header, judged before, has said.
fn decode(
    bytes: &[u8],
    format: ImageFormat,
    (width, height): (u32, u32),
    limits: &DecodeLimits,
) -> Result<DynamicImage, ImageError> {
    let mut allowed = Limits::no_limits();
    allowed.max_image_width = Some(width);
    allowed.max_image_height = Some(height);
    allowed.max_alloc = Some(limits.decoder_bytes_max);
    let mut reader = ImageReader::with_format(Cursor::new(bytes), format);
    reader.limits(allowed);
    reader.decode().map_err(ImageError::Decode)
}

/// Eight bits a channel, and no transparency, which a JPEG has not: what is transparent lies on white.
fn on_white(picture: DynamicImage) -> RgbImage {
    if !picture.color().has_alpha() {
        return picture.into_rgb8();
    }
    let mut picture = picture.into_rgba8();
    for pixel in picture.pixels_mut() {
        let mut white = Rgba([255; 4]);
        white.blend(pixel);
        *pixel = white;
    }
    DynamicImage::ImageRgba8(picture).into_rgb8()
}

/// Scaled down, leaving no moiré on plates and text: by means of blocks to twice the size, which is quick, and from there by a
/// filter.
fn shrink(picture: RgbImage, edge_px_max: u32) -> RgbImage {
    let (width, height) = fitted(picture.width(), picture.height(), edge_px_max);
    if (width, height) == picture.dimensions() {
        return picture;
    }
    let (twice_wide, twice_high) = (picture.width().min(width * 2), picture.height().min(height * 2));
    let near = match (twice_wide, twice_high) == picture.dimensions() {
        true => picture,
        false => imageops::thumbnail(&picture, twice_wide, twice_high),
    };
    imageops::resize(&near, width, height, FilterType::CatmullRom)
}

/// The largest size of the same shape that fits; never larger than it was, never zero.
fn fitted(width: u32, height: u32, edge_px_max: u32) -> (u32, u32) {
    let longer = width.max(height);
    if longer <= edge_px_max {
        return (width, height);
    }
    let scaled = |edge: u32| {
        let edge = u64::from(edge) * u64::from(edge_px_max) / u64::from(longer);
        u32::try_from(edge).unwrap_or(edge_px_max).max(1)
    };
    (scaled(width), scaled(height))
}

fn encode(picture: &DynamicImage) -> Result<Vec<u8>, ImageError> {
    let mut jpeg = Vec::new();
    JpegEncoder::new_with_quality(&mut jpeg, JPEG_QUALITY)
        .encode_image(picture)
        .map_err(ImageError::Decode)?;
    Ok(jpeg)
}

#[cfg(test)]
mod tests {
    use super::fitted;

    #[test]
    fn a_small_copy_keeps_the_shape_and_never_grows() {
        assert_eq!(fitted(4032, 3024, 480), (480, 360));
        assert_eq!(fitted(3024, 4032, 480), (360, 480));
        assert_eq!(fitted(320, 200, 480), (320, 200));
        assert_eq!(fitted(100_000, 1, 480), (480, 1));
    }
}
