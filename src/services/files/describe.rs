//! What a file is, by its content; for pictures also their size, what their device wrote, and a small copy.

use std::io::{BufReader, Read, Seek, SeekFrom};
use std::sync::PoisonError;

use crate::domain::time::Millis;
use crate::domain::value::{Fields, Value};
use crate::services::failure::{Failure, Fault, Outcome};
use crate::services::files::{Files, Purpose, Uploaded};
use crate::services::images::{Capture, ImageError, Inspected, inspect_reader, thumbnail};
use crate::store::blobs::{BlobReader, Held};

/// Longer sides of small copies, in pixels.
const THUMBNAIL_EDGE_PX: u32 = 480;

/// A file as its record will name it.
pub(super) struct Described {
    pub(super) held: Held,
    pub(super) thumbnail: Option<Held>,
    /// The entry of the record, but for who added it.
    pub(super) entry: Fields,
}

impl Files {
    /// Describes an upload. What is refused is given back, so that it can be given up.
    pub(super) fn describe(&self, upload: Uploaded, purpose: Purpose) -> Result<Described, (Held, Failure)> {
        match self.look_at(&upload, purpose) {
            Ok((entry, thumbnail)) => Ok(Described {
                held: upload.held,
                thumbnail,
                entry,
            }),
            Err(failure) => Err((upload.held, failure)),
        }
    }

    fn look_at(&self, upload: &Uploaded, purpose: Purpose) -> Outcome<(Fields, Option<Held>)> {
        let held = upload.held();
        let file = self.blobs.open_file(held.hash())?;
        let file =
            file.ok_or_else(|| Failure::Internal("a file that was just written is not there".into()))?;
        let mut entry = Fields::from([
            ("sha256".to_owned(), Value::text(held.hash().to_string())),
            (
                "size".to_owned(),
                Value::Int(i64::try_from(held.bytes()).unwrap_or(i64::MAX)),
            ),
        ]);
        if let Some(name) = upload.name() {
            entry.insert("name".to_owned(), Value::text(name));
        }
        let mut small = None;
        let media_type = match inspect_reader(&mut BufReader::new(BlobStream {
            file: file.clone(),
            at: 0,
        })) {
            Ok(picture) => {
                let capture = capture_fields(&picture);
                if !capture.is_empty() {
                    entry.insert("capture".to_owned(), Value::Map(capture));
                }
                small = self.small_copy(&file, &picture)?;
                picture.media_type.as_str()
            }
            Err(ImageError::Io(error)) if error.kind() != std::io::ErrorKind::UnexpectedEof => {
                return Err(Failure::Internal(format!("an upload can't be read: {error}")));
            }
            Err(error) if purpose == Purpose::Picture => {
                let told = format!("{error}; JPEG, PNG, WebP and HEIC pictures are taken");
                let fault = Fault::file_kind(upload.name().unwrap_or("a file"), told);
                return Err(Failure::Invalid(vec![fault]));
            }
            Err(_) => sniffed(&first_bytes(&file)?),
        };
        entry.insert("media_type".to_owned(), Value::text(media_type));
        if let Some(small) = &small {
            entry.insert("thumbnail".to_owned(), Value::text(small.hash().to_string()));
        }
        Ok((entry, small))
    }

    /// A small copy, if there can be one: the original is none the worse without.
    fn small_copy(&self, file: &BlobReader, picture: &Inspected) -> Outcome<Option<Held>> {
        if !picture.media_type.is_decoded() || file.bytes() > self.decode_limits.source_bytes_max {
            return Ok(None);
        }
        let _turn = self.thumbnails.lock().unwrap_or_else(PoisonError::into_inner);
        let mut bytes = vec![0; usize::try_from(file.bytes()).unwrap_or(usize::MAX)];
        file.read_at(0, &mut bytes)?;
        let Ok(small) = thumbnail(&bytes, THUMBNAIL_EDGE_PX, &self.decode_limits) else {
            return Ok(None);
        };
        let mut writer = self.blobs.begin(small.len() as u64)?;
        writer.write(&small)?;
        Ok(Some(writer.finish()?))
    }
}

fn first_bytes(file: &BlobReader) -> Outcome<Vec<u8>> {
    const BYTES: u64 = 64;
    let mut bytes = vec![0; usize::try_from(file.bytes().min(BYTES)).unwrap_or(0)];
    file.read_at(0, &mut bytes)?;
    Ok(bytes)
}

/// A few types that are known by how they begin.
fn sniffed(bytes: &[u8]) -> &'static str {
    let at = |offset: usize, magic: &[u8]| bytes.get(offset..).is_some_and(|rest| rest.starts_with(magic));
    match () {
        () if at(0, b"%PDF-") => "application/pdf",
        () if at(4, b"ftypqt") => "video/quicktime",
        () if at(4, b"ftypM4A") => "audio/mp4",
        () if at(4, b"ftyp") => "video/mp4",
        () if at(0, b"RIFF") && at(8, b"WAVE") => "audio/wav",
        () if at(0, b"ID3") || at(0, &[0xff, 0xfb]) => "audio/mpeg",
        () if at(0, b"OggS") => "audio/ogg",
        () if at(0, &[0x1a, 0x45, 0xdf, 0xa3]) => "video/webm",
        () if at(0, b"PK\x03\x04") => "application/zip",
        () if at(0, b"GIF87a") || at(0, b"GIF89a") => "image/gif",
        () => "application/octet-stream",
    }
}

fn capture_fields(picture: &Inspected) -> Fields {
    let Capture {
        taken_at,
        taken_offset,
        latitude,
        longitude,
        device_make,
        device_model,
        ..
    } = &picture.capture;
    // A device that does not say where its clock stands has told no time that others know.
    let taken = taken_at.as_ref().zip(taken_offset.as_ref());
    let taken = taken.and_then(|(at, offset)| Millis::parse(&format!("{at}{offset}")));
    // Many devices repeat their maker in the model's name.
    let device = match (device_make, device_model) {
        (Some(make), Some(model)) if !model.starts_with(make.as_str()) => Some(format!("{make} {model}")),
        (make, model) => model.clone().or_else(|| make.clone()),
    };
    let members = [
        ("taken_at", taken.map(Value::Time)),
        ("taken_at_local", taken_at.clone().map(Value::Text)),
        ("latitude", latitude.map(Value::Float)),
        ("longitude", longitude.map(Value::Float)),
        (
            "device",
            device.map(|device| Value::Text(device.chars().take(200).collect())),
        ),
        ("width", picture.width.map(|width| Value::Int(i64::from(width)))),
        (
            "height",
            picture.height.map(|height| Value::Int(i64::from(height))),
        ),
    ];
    let known = members
        .into_iter()
        .filter_map(|(name, value)| Some((name.to_owned(), value?)));
    known.collect()
}

/// A file as a stream that can be sent to any place.
struct BlobStream {
    file: BlobReader,
    at: u64,
}

impl Read for BlobStream {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let left = self.file.bytes().saturating_sub(self.at);
        let length = usize::try_from(left).unwrap_or(usize::MAX).min(buffer.len());
        let read = self.file.read_at(self.at, &mut buffer[..length]);
        read.map_err(|error| std::io::Error::other(error.to_string()))?;
        self.at += length as u64;
        Ok(length)
    }
}

impl Seek for BlobStream {
    fn seek(&mut self, to: SeekFrom) -> std::io::Result<u64> {
        let at = match to {
            SeekFrom::Start(at) => Some(at),
            SeekFrom::End(offset) => self.file.bytes().checked_add_signed(offset),
            SeekFrom::Current(offset) => self.at.checked_add_signed(offset),
        };
        self.at = at.ok_or(std::io::ErrorKind::InvalidInput)?;
        Ok(self.at)
    }
}

#[cfg(test)]
mod tests {
    use super::sniffed;

    #[test]
    fn what_is_not_known_by_its_beginning_is_just_bytes() {
        assert_eq!(sniffed(b"%PDF-1.7"), "application/pdf");
        assert_eq!(sniffed(b"\0\0\0\x20ftypisom"), "video/mp4");
        for bytes in [&b""[..], b"<html>", b"PK"] {
            assert_eq!(sniffed(bytes), "application/octet-stream");
        }
    }
}
