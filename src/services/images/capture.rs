//! What a device wrote into its picture: when, where, with what. Reads what can be read and leaves out the rest.

use std::io::{BufRead, BufReader, Read, Seek, SeekFrom};

use exif::{Exif, In, Reader, Tag, Value};
use serde::Serialize;

/// Longer texts are cut: a device name is a few words.
const TEXT_CHARS_MAX: usize = 120;
/// A HEIC keeps its EXIF anywhere in the file; its parser may not read more than this to find it.
const HEIC_BYTES_MAX: u64 = 16 << 20;

/// When, where and with what a picture was taken, as its device wrote it: a claim, not a proof.
#[derive(Clone, PartialEq, Default, Debug, Serialize)]
pub struct Capture {
    /// The device's local time, `2026-03-17T21:14:22`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub taken_at: Option<String>,
    /// The offset of that local time, `+01:00`, where the device wrote one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub taken_offset: Option<String>,
    /// WGS 84 degrees, north positive. Never without [`Capture::longitude`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub latitude: Option<f64>,
    /// WGS 84 degrees, east positive.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub longitude: Option<f64>,
    /// Metres above the sea.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub altitude_m: Option<f64>,
    /// Where the lens looked, degrees clockwise from north.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub direction_degrees: Option<f64>,
    /// Who made the device.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub device_make: Option<String>,
    /// Its model.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub device_model: Option<String>,
    /// What wrote the file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub software: Option<String>,
    /// How the picture must be turned to stand upright: 1 to 8 as EXIF numbers it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub orientation: Option<u8>,
}

/// Reads a TIFF block; a damaged one gives what could be read before the damage.
pub(super) fn from_block(block: Vec<u8>) -> Capture {
    distilled(Reader::new().continue_on_error(true).read_raw(block))
}

/// Looks a HEIC's block up and reads it.
pub(super) fn from_heic<R: BufRead + Seek>(reader: &mut R) -> Capture {
    if reader.seek(SeekFrom::Start(0)).is_err() {
        return Capture::default();
    }
    let mut bounded = BufReader::new(Bounded {
        inner: reader,
        left: HEIC_BYTES_MAX,
    });
    distilled(
        Reader::new()
            .continue_on_error(true)
            .read_from_container(&mut bounded),
    )
}

fn distilled(read: Result<Exif, exif::Error>) -> Capture {
    read.or_else(|error| error.distill_partial_result(|_| {}))
        .map(|exif| from_exif(&exif))
        .unwrap_or_default()
}

fn from_exif(exif: &Exif) -> Capture {
    let (taken_at, taken_offset) = taken(exif);
    let place = degrees(exif, Tag::GPSLatitude, Tag::GPSLatitudeRef, b"Ss", 90.0).zip(degrees(
        exif,
        Tag::GPSLongitude,
        Tag::GPSLongitudeRef,
        b"Ww",
        180.0,
    ));
    let below_sea = exif
        .get_field(Tag::GPSAltitudeRef, In::PRIMARY)
        .and_then(|field| field.value.get_uint(0))
        == Some(1);
    Capture {
        taken_at,
        taken_offset,
        latitude: place.map(|(latitude, _)| latitude),
        longitude: place.map(|(_, longitude)| longitude),
        altitude_m: rational(exif, Tag::GPSAltitude, 0)
            .filter(|metres| *metres < 100_000.0)
            .map(|metres| if below_sea { -metres } else { metres }),
        direction_degrees: rational(exif, Tag::GPSImgDirection, 0).filter(|direction| *direction <= 360.0),
        device_make: text(exif, Tag::Make),
        device_model: text(exif, Tag::Model),
        software: text(exif, Tag::Software),
        orientation: exif
            .get_field(Tag::Orientation, In::PRIMARY)
            .and_then(|field| field.value.get_uint(0))
            .and_then(|value| u8::try_from(value).ok())
            .filter(|value| (1..=8).contains(value)),
    }
}

/// The time of the shot before the time of digitising before the time of the last change.
fn taken(exif: &Exif) -> (Option<String>, Option<String>) {
    let sources = [
        (Tag::DateTimeOriginal, Tag::OffsetTimeOriginal),
        (Tag::DateTimeDigitized, Tag::OffsetTimeDigitized),
        (Tag::DateTime, Tag::OffsetTime),
    ];
    for (time, offset) in sources {
        let Some(local) = text(exif, time).and_then(|text| local_time(&text)) else {
            continue;
        };
        let offset = text(exif, offset).filter(|text| is_offset(text));
        return (Some(local), offset);
    }
    (None, None)
}

/// `2026:03:17 21:14:22` → `2026-03-17T21:14:22`, checked by the calendar.
fn local_time(exif_text: &str) -> Option<String> {
    let time = exif::DateTime::from_ascii(exif_text.as_bytes()).ok()?;
    let part = |value: u8| i8::try_from(value).ok();
    let civil = jiff::civil::DateTime::new(
        i16::try_from(time.year).ok().filter(|year| *year >= 1826)?,
        part(time.month)?,
        part(time.day)?,
        part(time.hour)?,
        part(time.minute)?,
        part(time.second)?,
        0,
    );
    civil.ok().map(|civil| civil.to_string())
}

fn is_offset(text: &str) -> bool {
    matches!(text.as_bytes(), [b'+' | b'-', h1, h0, b':', m1, m0]
        if [h1, h0, m1, m0].iter().all(|digit| digit.is_ascii_digit()) && *h1 <= b'1' && *m1 <= b'5')
}

fn text(exif: &Exif, tag: Tag) -> Option<String> {
    let Value::Ascii(parts) = &exif.get_field(tag, In::PRIMARY)?.value else {
        return None;
    };
    let text: String = String::from_utf8_lossy(parts.first()?)
        .chars()
        .filter(|c| !c.is_control())
        .take(TEXT_CHARS_MAX)
        .collect();
    let text = text.trim();
    (!text.is_empty()).then(|| text.to_owned())
}

fn rational(exif: &Exif, tag: Tag, at: usize) -> Option<f64> {
    let Value::Rational(values) = &exif.get_field(tag, In::PRIMARY)?.value else {
        return None;
    };
    let value = values.get(at).filter(|value| value.denom != 0)?.to_f64();
    value.is_finite().then_some(value)
}

/// Degrees, minutes, seconds and a hemisphere → signed degrees, rounded to a centimetre.
fn degrees(exif: &Exif, tag: Tag, hemisphere: Tag, negative: &[u8], max: f64) -> Option<f64> {
    let value = rational(exif, tag, 0)?
        + rational(exif, tag, 1).unwrap_or(0.0) / 60.0
        + rational(exif, tag, 2).unwrap_or(0.0) / 3600.0;
    let letter = text(exif, hemisphere)?.bytes().next()?;
    let signed = if negative.contains(&letter) { -value } else { value };
    (value <= max).then(|| (signed * 1e7).round() / 1e7)
}

/// A reader that reports the end of the file after so many bytes, wherever it is sent.
struct Bounded<'a, R> {
    inner: &'a mut R,
    left: u64,
}

impl<R: Read> Read for Bounded<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let read = self.inner.take(self.left).read(buffer)?;
        self.left -= u64::try_from(read).unwrap_or(self.left);
        Ok(read)
    }
}

impl<R: Seek> Seek for Bounded<'_, R> {
    fn seek(&mut self, to: SeekFrom) -> std::io::Result<u64> {
        self.inner.seek(to)
    }
}

#[cfg(test)]
mod tests {
    use super::{is_offset, local_time};

    #[test]
    fn times_that_no_calendar_has_are_left_out() {
        let check = |text, expected: Option<&str>| assert_eq!(local_time(text).as_deref(), expected);
        check("2026:03:17 21:14:22", Some("2026-03-17T21:14:22"));
        check("2026:02:30 21:14:22", None);
        check("0000:00:00 00:00:00", None);
        check("2026:03:17 25:00:00", None);
        check("    :  :     :  :  ", None);
        check("yesterday", None);
    }

    #[test]
    fn an_offset_has_one_form() {
        for (text, expected) in [
            ("+01:00", true),
            ("-05:30", true),
            ("01:00", false),
            ("+99:00", false),
        ] {
            assert_eq!(is_offset(text), expected, "{text}");
        }
    }
}
