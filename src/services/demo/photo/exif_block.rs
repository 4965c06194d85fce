//! The EXIF block of a demo picture, put in where a camera puts it: right after the start of the JPEG.

use std::io::Cursor;

use exif::experimental::Writer;
use exif::{Field, In, Rational, Tag, Value};

use super::PhotoError;

/// What the pretended device writes.
#[derive(Clone, PartialEq, Default, Debug)]
pub struct DemoExif {
    /// Local time, `2026-03-17T21:14:22`.
    pub taken_at: Option<String>,
    /// Its offset, `+01:00`.
    pub taken_offset: Option<String>,
    /// WGS 84 degrees: latitude, longitude.
    pub place: Option<(f64, f64)>,
    /// Degrees clockwise from north.
    pub direction_degrees: Option<f64>,
    /// Maker of the device.
    pub device_make: String,
    /// Its model.
    pub device_model: String,
    /// 1 (upright) to 8 as EXIF numbers them.
    pub orientation: u16,
}

/// Puts an APP1 segment into a JPEG.
pub(super) fn insert(jpeg: &[u8], exif: &DemoExif) -> Result<Vec<u8>, PhotoError> {
    let fields = fields(exif);
    let mut writer = Writer::new();
    for field in &fields {
        writer.push_field(field);
    }
    let mut block = Cursor::new(Vec::new());
    writer.write(&mut block, false).map_err(PhotoError::Exif)?;
    let block = block.into_inner();
    let length = u16::try_from(block.len() + 8)
        .map_err(|_| PhotoError::Exif(exif::Error::TooBig("the EXIF block is longer than a segment")))?;
    let (start, rest) = jpeg.split_at(2);
    Ok([
        start,
        &[0xff, 0xe1],
        &length.to_be_bytes(),
        b"Exif\0\0",
        &block,
        rest,
    ]
    .concat())
}

fn fields(exif: &DemoExif) -> Vec<Field> {
    let mut fields = Vec::new();
    let mut push = |tag, value| {
        fields.push(Field {
            tag,
            ifd_num: In::PRIMARY,
            value,
        });
    };
    let ascii = |text: &str| Value::Ascii(vec![text.as_bytes().to_vec()]);
    push(Tag::Make, ascii(&exif.device_make));
    push(Tag::Model, ascii(&exif.device_model));
    push(Tag::Software, ascii("blotter demo"));
    push(Tag::Orientation, Value::Short(vec![exif.orientation.clamp(1, 8)]));
    if let Some(taken_at) = &exif.taken_at {
        let time = taken_at.replace('-', ":").replace('T', " ");
        push(Tag::DateTime, ascii(&time));
        push(Tag::DateTimeOriginal, ascii(&time));
    }
    if let Some(offset) = &exif.taken_offset {
        push(Tag::OffsetTimeOriginal, ascii(offset));
    }
    if let Some((latitude, longitude)) = exif.place {
        push(Tag::GPSVersionID, Value::Byte(vec![2, 3, 0, 0]));
        push(Tag::GPSLatitudeRef, ascii(if latitude < 0.0 { "S" } else { "N" }));
        push(Tag::GPSLatitude, Value::Rational(degrees(latitude)));
        push(
            Tag::GPSLongitudeRef,
            ascii(if longitude < 0.0 { "W" } else { "E" }),
        );
        push(Tag::GPSLongitude, Value::Rational(degrees(longitude)));
    }
    if let Some(direction) = exif.direction_degrees {
        push(Tag::GPSImgDirectionRef, ascii("T"));
        push(
            Tag::GPSImgDirection,
            Value::Rational(vec![rational(direction, 100)]),
        );
    }
    fields
}

/// Degrees, minutes, and seconds to a ten-thousandth: 3 mm on the ground.
fn degrees(value: f64) -> Vec<Rational> {
    let value = value.abs();
    let minutes = value.fract() * 60.0;
    vec![
        rational(value.trunc(), 1),
        rational(minutes.trunc(), 1),
        rational(minutes.fract() * 60.0, 10_000),
    ]
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a float cast saturates, and these are small and positive"
)]
fn rational(value: f64, denom: u32) -> Rational {
    Rational {
        num: (value * f64::from(denom)).round() as u32,
        denom,
    }
}
