//! A small upright copy for screens, without any metadata.

use std::io::Cursor;

use fast_image_resize::images::Image;
use fast_image_resize::{IntoImageView, Resizer};
use image::codecs::jpeg::JpegEncoder;
use image::metadata::Orientation;
use image::{DynamicImage, ImageFormat, ImageReader, Limits, RgbImage, Rgba, RgbaImage};

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
    let mut small = shrink(picture, edge_px_max.max(1))?;
    if let Some(orientation) = inspected.capture.orientation.and_then(Orientation::from_exif) {
        small.apply_orientation(orientation);
    }
    encode(small)
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

/// Eight bits a channel, scaled down by a filter that leaves no moiré on plates and text.
fn shrink(picture: DynamicImage, edge_px_max: u32) -> Result<DynamicImage, ImageError> {
    let picture = if picture.color().has_alpha() {
        DynamicImage::ImageRgba8(picture.into_rgba8())
    } else {
        DynamicImage::ImageRgb8(picture.into_rgb8())
    };
    let (width, height) = fitted(picture.width(), picture.height(), edge_px_max);
    if (width, height) == (picture.width(), picture.height()) {
        return Ok(picture);
    }
    let pixel_type = picture
        .pixel_type()
        .ok_or(ImageError::Damaged("its pixels have no known form"))?;
    let mut small = Image::new(width, height, pixel_type);
    Resizer::new()
        .resize(&picture, &mut small, None)
        .map_err(ImageError::Scale)?;
    let has_alpha = picture.color().has_alpha();
    drop(picture);
    let small = small.into_vec();
    let small = if has_alpha {
        RgbaImage::from_raw(width, height, small).map(DynamicImage::ImageRgba8)
    } else {
        RgbImage::from_raw(width, height, small).map(DynamicImage::ImageRgb8)
    };
    small.ok_or(ImageError::Damaged("its pixels do not fill its size"))
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

/// A JPEG has no transparency: what is transparent lies on white.
fn encode(picture: DynamicImage) -> Result<Vec<u8>, ImageError> {
    let flat = match picture {
        DynamicImage::ImageRgba8(picture) => {
            let mut white = RgbaImage::from_pixel(picture.width(), picture.height(), Rgba([255; 4]));
            image::imageops::overlay(&mut white, &picture, 0, 0);
            DynamicImage::ImageRgba8(white).into_rgb8()
        }
        other => other.into_rgb8(),
    };
    let mut jpeg = Vec::new();
    JpegEncoder::new_with_quality(&mut jpeg, JPEG_QUALITY)
        .encode_image(&flat)
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
