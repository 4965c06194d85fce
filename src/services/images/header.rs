//! The outer structure of a picture file: its kind, its size in pixels, and where its EXIF block is.
//!
//! Walks markers, chunks and boxes by seeking; holds at most one EXIF block (`EXIF_BYTES_MAX`) or one HEIC `meta` box.

use std::io::{BufRead, ErrorKind, Read, Seek, SeekFrom};

use super::{ImageError, MediaType};

const EXIF_BYTES_MAX: u64 = 1 << 20;
const HEIC_META_BYTES_MAX: u64 = 1 << 20;
/// More parts than any camera writes; a file of nothing but empty chunks must not hold a thread.
const PARTS_MAX: usize = 100_000;
const EXIF_PREFIX: &[u8] = b"Exif\0\0";

/// The outer structure, as far as it is needed.
pub(super) struct Header {
    pub(super) media_type: MediaType,
    /// Across and down; both above zero.
    pub(super) size: Option<(u32, u32)>,
    /// A TIFF block; for HEIC it is looked up elsewhere.
    pub(super) exif: Option<Vec<u8>>,
}

/// Recognises the kind by the first bytes and walks the parts.
pub(super) fn read<R: BufRead + Seek>(reader: &mut R) -> Result<Header, ImageError> {
    reader.seek(SeekFrom::Start(0))?;
    let mut magic = Vec::with_capacity(12);
    reader.take(12).read_to_end(&mut magic)?;
    let media_type = if magic.starts_with(&[0xff, 0xd8, 0xff]) {
        MediaType::Jpeg
    } else if magic.starts_with(b"\x89PNG\r\n\x1a\n") {
        MediaType::Png
    } else if magic.starts_with(b"RIFF") && magic.get(8..12) == Some(b"WEBP") {
        MediaType::WebP
    } else if magic.get(4..8) == Some(b"ftyp") {
        MediaType::Heic
    } else {
        return Err(ImageError::Unsupported);
    };
    let walked = match media_type {
        MediaType::Jpeg => jpeg(reader),
        MediaType::Png => png(reader),
        MediaType::WebP => webp(reader),
        MediaType::Heic => return heic(reader),
    };
    let (size, exif) = walked?;
    let (width, height) = size.ok_or(ImageError::Damaged("it has no size"))?;
    if width == 0 || height == 0 {
        return Err(ImageError::Damaged("its size is zero"));
    }
    Ok(Header {
        media_type,
        size,
        exif,
    })
}

type Walked = (Option<(u32, u32)>, Option<Vec<u8>>);

/// The end of the file ends a walk; what was found until then counts.
fn at_end<T>(read: Result<T, std::io::Error>) -> Result<Option<T>, ImageError> {
    match read {
        Ok(value) => Ok(Some(value)),
        Err(error) if error.kind() == ErrorKind::UnexpectedEof => Ok(None),
        Err(error) => Err(error.into()),
    }
}

fn bytes<const N: usize, R: Read>(reader: &mut R) -> Result<[u8; N], std::io::Error> {
    let mut buffer = [0; N];
    reader.read_exact(&mut buffer)?;
    Ok(buffer)
}

fn jpeg<R: BufRead + Seek>(reader: &mut R) -> Result<Walked, ImageError> {
    reader.seek(SeekFrom::Start(2))?;
    let (mut size, mut exif) = (None, None);
    for _ in 0..PARTS_MAX {
        let Some(marker) = at_end(jpeg_marker(reader))? else {
            break;
        };
        // Start of scan, end of image: the metadata is over.
        let Some(marker) = marker.filter(|marker| !matches!(marker, 0xda | 0xd9)) else {
            break;
        };
        if matches!(marker, 0x01 | 0xd0..=0xd8) {
            continue;
        }
        let Some(length) = at_end(bytes::<2, _>(reader))? else {
            break;
        };
        let Some(length) = u16::from_be_bytes(length).checked_sub(2) else {
            break;
        };
        let mut part = Vec::new();
        let wanted = matches!(marker, 0xc0..=0xcf | 0xe1);
        if !wanted {
            reader.seek(SeekFrom::Current(i64::from(length)))?;
            continue;
        }
        reader.take(u64::from(length)).read_to_end(&mut part)?;
        match (marker, part.as_slice()) {
            (0xe1, block) if exif.is_none() && block.starts_with(EXIF_PREFIX) => {
                exif = Some(block[EXIF_PREFIX.len()..].to_vec());
            }
            (0xe1 | 0xc4 | 0xc8 | 0xcc, _) => {}
            (_, &[_, h1, h0, w1, w0, ..]) => {
                size = Some((
                    u16::from_be_bytes([w1, w0]).into(),
                    u16::from_be_bytes([h1, h0]).into(),
                ));
            }
            _ => break,
        }
    }
    Ok((size, exif))
}

/// The next marker; `None` where there should be one and is not.
fn jpeg_marker<R: Read>(reader: &mut R) -> Result<Option<u8>, std::io::Error> {
    let [mut byte] = bytes::<1, _>(reader)?;
    if byte != 0xff {
        return Ok(None);
    }
    while byte == 0xff {
        [byte] = bytes::<1, _>(reader)?;
    }
    Ok(Some(byte))
}

fn png<R: BufRead + Seek>(reader: &mut R) -> Result<Walked, ImageError> {
    reader.seek(SeekFrom::Start(8))?;
    let (mut size, mut exif) = (None, None);
    for _ in 0..PARTS_MAX {
        let Some([a, b, c, d, kind @ ..]) = at_end(bytes::<8, _>(reader))? else {
            break;
        };
        let length = u64::from(u32::from_be_bytes([a, b, c, d]));
        let kind: [u8; 4] = kind;
        if size.is_none() {
            if &kind != b"IHDR" || length != 13 {
                return Err(ImageError::Damaged("its first chunk is not a PNG header"));
            }
            let Some([w3, w2, w1, w0, h3, h2, h1, h0]) = at_end(bytes::<8, _>(reader))? else {
                break;
            };
            size = Some((
                u32::from_be_bytes([w3, w2, w1, w0]),
                u32::from_be_bytes([h3, h2, h1, h0]),
            ));
            reader.seek(SeekFrom::Current(5 + 4))?;
            continue;
        }
        match &kind {
            b"IEND" => break,
            b"eXIf" if exif.is_none() && length <= EXIF_BYTES_MAX => {
                let mut block = Vec::new();
                reader.take(length).read_to_end(&mut block)?;
                exif = Some(block);
                reader.seek(SeekFrom::Current(4))?;
            }
            _ => skip(reader, length + 4)?,
        }
    }
    Ok((size, exif))
}

fn webp<R: BufRead + Seek>(reader: &mut R) -> Result<Walked, ImageError> {
    reader.seek(SeekFrom::Start(12))?;
    let (mut size, mut exif) = (None, None);
    for _ in 0..PARTS_MAX {
        let Some([kind @ .., a, b, c, d]) = at_end(bytes::<8, _>(reader))? else {
            break;
        };
        let length = u64::from(u32::from_le_bytes([a, b, c, d]));
        let padded = length + (length & 1);
        let kind: [u8; 4] = kind;
        let held = match &kind {
            b"EXIF" if length <= EXIF_BYTES_MAX => length,
            b"VP8X" | b"VP8L" | b"VP8 " if size.is_none() => length.min(10),
            _ => 0,
        };
        let mut part = Vec::new();
        reader.take(held).read_to_end(&mut part)?;
        skip(reader, padded - held)?;
        match (&kind, part.as_slice()) {
            (b"EXIF", block) if held > 0 => {
                exif = Some(block.strip_prefix(EXIF_PREFIX).unwrap_or(block).to_vec());
            }
            (b"VP8X", &[_, _, _, _, w0, w1, w2, h0, h1, h2]) => {
                size = Some((
                    u32::from_le_bytes([w0, w1, w2, 0]) + 1,
                    u32::from_le_bytes([h0, h1, h2, 0]) + 1,
                ));
            }
            (b"VP8L", &[0x2f, b0, b1, b2, b3, ..]) => {
                let bits = u32::from_le_bytes([b0, b1, b2, b3]);
                size = Some(((bits & 0x3fff) + 1, ((bits >> 14) & 0x3fff) + 1));
            }
            (b"VP8 ", &[_, _, _, 0x9d, 0x01, 0x2a, w0, w1, h0, h1]) => {
                size = Some((
                    u32::from(u16::from_le_bytes([w0, w1]) & 0x3fff),
                    u32::from(u16::from_le_bytes([h0, h1]) & 0x3fff),
                ));
            }
            _ => {}
        }
    }
    Ok((size, exif))
}

const HEIC_BRANDS: &[&[u8; 4]] = &[
    b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs",
];

/// HEIC by its brands: `mif1` alone is shared with other codecs and is not enough.
fn heic<R: BufRead + Seek>(reader: &mut R) -> Result<Header, ImageError> {
    reader.seek(SeekFrom::Start(0))?;
    let (mut size, mut recognised) = (None, false);
    for _ in 0..PARTS_MAX {
        let Some([a, b, c, d, kind @ ..]) = at_end(bytes::<8, _>(reader))? else {
            break;
        };
        let kind: [u8; 4] = kind;
        let length = match u32::from_be_bytes([a, b, c, d]) {
            0 => break,
            1 => match at_end(bytes::<8, _>(reader))? {
                Some(long) => u64::from_be_bytes(long).checked_sub(16),
                None => break,
            },
            short => u64::from(short).checked_sub(8),
        };
        let Some(length) = length else { break };
        match &kind {
            b"ftyp" if !recognised => {
                let mut brands = Vec::new();
                reader.take(length.min(4096)).read_to_end(&mut brands)?;
                recognised = brands
                    .chunks_exact(4)
                    .enumerate()
                    .any(|(at, brand)| at != 1 && HEIC_BRANDS.iter().any(|known| *known == brand));
                if !recognised {
                    return Err(ImageError::Unsupported);
                }
                skip(reader, length.saturating_sub(4096))?;
            }
            b"meta" => {
                let mut meta = Vec::new();
                reader
                    .take(length.min(HEIC_META_BYTES_MAX))
                    .read_to_end(&mut meta)?;
                size = heic_size(&meta);
                break;
            }
            _ => skip(reader, length)?,
        }
    }
    if !recognised {
        return Err(ImageError::Unsupported);
    }
    Ok(Header {
        media_type: MediaType::Heic,
        size,
        exif: None,
    })
}

/// The largest `ispe` (image spatial extents) property: the whole picture, not one of its tiles.
fn heic_size(meta: &[u8]) -> Option<(u32, u32)> {
    meta.windows(16)
        .filter_map(|window| match *window {
            [b'i', b's', b'p', b'e', 0, 0, 0, 0, w3, w2, w1, w0, h3, h2, h1, h0] => Some((
                u32::from_be_bytes([w3, w2, w1, w0]),
                u32::from_be_bytes([h3, h2, h1, h0]),
            )),
            _ => None,
        })
        .filter(|&(width, height)| width > 0 && height > 0)
        .max_by_key(|&(width, height)| u64::from(width) * u64::from(height))
}

fn skip<R: Seek>(reader: &mut R, length: u64) -> Result<(), ImageError> {
    let length = i64::try_from(length).map_err(|_| ImageError::Damaged("one of its parts has no end"))?;
    reader.seek(SeekFrom::Current(length))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::{MediaType, read};

    fn check(bytes: &[u8], expected: Option<(MediaType, Option<(u32, u32)>)>) {
        let header = read(&mut Cursor::new(bytes)).ok();
        assert_eq!(header.map(|header| (header.media_type, header.size)), expected);
    }

    #[test]
    fn brands_tell_heic_from_its_relatives() {
        let heic = b"\0\0\0\x18ftypheic\0\0\0\0mif1heic";
        check(heic, Some((MediaType::Heic, None)));
        check(
            b"\0\0\0\x18ftypmif1\0\0\0\0mif1heic",
            Some((MediaType::Heic, None)),
        );
        check(b"\0\0\0\x18ftypavif\0\0\0\0mif1avif", None);
        check(b"\0\0\0\x14ftypmp42\0\0\0\0isom", None);
        let sized = b"\0\0\0\x14ftypheic\0\0\0\0mif1\0\0\0\x20meta\0\0\0\x14ispe\0\0\0\0\0\0\x0f\xc0\0\0\x0b\xd0\0\0\0\0";
        check(sized, Some((MediaType::Heic, Some((4032, 3024)))));
    }

    #[test]
    fn a_beginning_alone_is_no_picture() {
        for bytes in [
            &b""[..],
            b"\xff\xd8\xff",
            b"\xff\xd8\xff\xe0\0\0",
            b"\x89PNG\r\n\x1a\n",
            b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR\0\0\0\0\0\0\0\0\x08\x02\0\0\0",
            b"RIFF\0\0\0\0WEBP",
            b"RIFF\x04\0\0\0WEBPVP8 \xff\xff\xff\xff",
            b"GIF89a\x01\0\x01\0",
            b"%PDF-1.7",
            b"<svg xmlns='http://www.w3.org/2000/svg'/>",
        ] {
            check(bytes, None);
        }
    }

    #[test]
    fn webp_says_its_size_in_three_ways() {
        let webp = |chunk: &[u8]| [&b"RIFF\0\0\0\0WEBP"[..], chunk].concat();
        let expected = |width, height| Some((MediaType::WebP, Some((width, height))));
        check(
            &webp(b"VP8X\x0a\0\0\0\0\0\0\0\x7f\x02\0\xdf\x01\0"),
            expected(640, 480),
        );
        check(
            &webp(b"VP8 \x0a\0\0\0\0\0\0\x9d\x01\x2a\x80\x02\xe0\x01"),
            expected(640, 480),
        );
        check(&webp(b"VP8L\x05\0\0\0\x2f\x7f\xc2\x77\0\0"), expected(640, 480));
    }
}
