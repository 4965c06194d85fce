//! The members of a bundle as they are written: a bag (RFC 8493) in a zip. Nothing is compressed, so a bundle is never larger
//! than it looks, and its members can be read with the simplest of tools.

use std::io::{Seek, Write};

use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

use crate::domain::id::Hash;
use crate::domain::kind::DISPLAY_ID;
use crate::domain::record::Record;
use crate::domain::time::Millis;
use crate::services::failure::{Failure, Outcome};
use crate::store::blobs::BlobReader;
use crate::store::hash::sha256;
use crate::store::verify::LostFile;

/// The first member of every bag.
pub(super) const DECLARATION: &str = "BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n";
/// Of the members below `data/`.
pub(super) const MANIFEST: &str = "manifest-sha256.txt";
/// Of the others.
pub(super) const TAG_MANIFEST: &str = "tagmanifest-sha256.txt";
/// Says what the bundle is to whoever knows bags.
pub(super) const INFO: &str = "bag-info.txt";
/// The entry of the audit log that says when and by whom the bundle was made, with the hash of its manifest.
pub(super) const EXPORT_PROOF: &str = "export.tlog-proof";
/// The files that records name and that were not whole where the bundle was made; it is there only then.
pub(super) const LOST_FILES: &str = "data/lost-files.txt";

const PIECE_BYTES: u64 = 256 << 10;

/// A bag that is being written.
pub(super) struct Bag<W: Write + Seek> {
    zip: ZipWriter<W>,
    base: String,
    payload: Vec<(String, Hash)>,
    tags: Vec<(String, Hash)>,
    pub(super) bytes: u64,
}

impl<W: Write + Seek> Bag<W> {
    pub(super) fn begin(out: W, base: &str) -> Outcome<Self> {
        let mut bag = Self {
            zip: ZipWriter::new(out).set_auto_large_file(),
            base: base.to_owned(),
            payload: Vec::new(),
            tags: Vec::new(),
            bytes: 0,
        };
        bag.tag("bagit.txt", DECLARATION)?;
        Ok(bag)
    }

    /// Adds a member below `data/`.
    pub(super) fn add(&mut self, path: &str, bytes: &[u8]) -> Outcome<()> {
        let path = format!("data/{path}");
        self.write(&path, bytes)?;
        self.bytes += bytes.len() as u64;
        self.payload.push((path, sha256(&[bytes])));
        Ok(())
    }

    /// Adds a file under its hash.
    pub(super) fn add_file(&mut self, file: &BlobReader) -> Outcome<()> {
        let path = format!("data/files/{}", file.name());
        self.start(&path, file.bytes())?;
        let mut pieces = file.pieces();
        while let Some(piece) = pieces.next(PIECE_BYTES)? {
            self.zip.write_all(&piece).map_err(failed)?;
        }
        self.bytes += file.bytes();
        self.payload.push((path, file.name()));
        Ok(())
    }

    /// Ends the payload; gives the hash of its manifest.
    pub(super) fn end_payload(&mut self) -> Outcome<Hash> {
        let manifest = listing(&mut self.payload);
        self.tag(MANIFEST, &manifest)?;
        Ok(sha256(&[manifest.as_bytes()]))
    }

    /// Adds a member beside `data/`.
    pub(super) fn tag(&mut self, name: &str, text: &str) -> Outcome<()> {
        self.write(name, text.as_bytes())?;
        self.tags.push((name.to_owned(), sha256(&[text.as_bytes()])));
        Ok(())
    }

    /// Members below `data/`, and their bytes, as [`info`] counts them.
    pub(super) fn oxum(&self) -> (u64, usize) {
        (self.bytes, self.payload.len())
    }

    /// Ends the bag.
    pub(super) fn end(mut self) -> Outcome<()> {
        let manifest = listing(&mut self.tags);
        self.write(TAG_MANIFEST, manifest.as_bytes())?;
        let mut out = self.zip.finish().map_err(|error| failed_zip(&error))?;
        out.flush().map_err(failed)
    }

    fn start(&mut self, path: &str, bytes: u64) -> Outcome<()> {
        let options = SimpleFileOptions::default()
            .compression_method(CompressionMethod::Stored)
            .large_file(bytes >= u64::from(u32::MAX))
            .unix_permissions(0o644);
        let name = format!("{}/{path}", self.base);
        self.zip
            .start_file(name, options)
            .map_err(|error| failed_zip(&error))
    }

    fn write(&mut self, path: &str, bytes: &[u8]) -> Outcome<()> {
        self.start(path, bytes.len() as u64)?;
        self.zip.write_all(bytes).map_err(failed)
    }
}

/// What the bundle of a case is called.
pub(super) fn base_of(case: &Record) -> &str {
    case.text(DISPLAY_ID).unwrap_or("case")
}

/// The text of [`INFO`]: all of it follows from what is proved.
pub(super) fn info(case: &Record, exported_at: Millis, (bytes, members): (u64, usize)) -> String {
    format!(
        "Source-Organization: {}\nExternal-Identifier: {}\nBagging-Date: {}\nPayload-Oxum: {bytes}.{members}\n",
        case.tenant,
        case.text(DISPLAY_ID).unwrap_or_default(),
        exported_at.to_string().get(..10).unwrap_or_default(),
    )
}

/// The text of [`LOST_FILES`]: a line each of hash, a record that names it, and what is wrong.
pub(super) fn lost_text(lost: &[LostFile]) -> String {
    let line = |file: &LostFile| {
        let record = file.record.map(|record| record.to_string());
        format!(
            "{}  {}  {}\n",
            file.hash,
            record.unwrap_or_default(),
            file.why.replace('\n', " ")
        )
    };
    lost.iter().map(line).collect()
}

/// What such a text names; `None` if it is none.
pub(super) fn lost_of(text: &str) -> Option<Vec<LostFile>> {
    let file = |line: &str| {
        let (hash, rest) = line.split_once("  ")?;
        let (record, why) = rest.split_once("  ")?;
        let (hash, record) = (hash.parse().ok()?, Some(record.parse().ok()?));
        let why = why.to_owned();
        Some(LostFile { hash, record, why })
    };
    let lost: Vec<LostFile> = text.lines().map(file).collect::<Option<_>>()?;
    let in_order = lost.is_sorted_by(|one, next| one.hash < next.hash);
    (in_order && !lost.is_empty()).then_some(lost)
}

/// Lines of hash and path, in the order of the paths.
fn listing(members: &mut [(String, Hash)]) -> String {
    members.sort();
    let lines = members.iter().map(|(path, hash)| format!("{hash}  {path}\n"));
    lines.collect()
}

/// The disk to which the bundle goes; nobody else wrote to it.
#[expect(clippy::needless_pass_by_value, reason = "the form that map_err wants")]
fn failed(error: std::io::Error) -> Failure {
    match error.kind() {
        std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded => Failure::Full,
        _ => Failure::Internal(format!("writing the bundle: {error}")),
    }
}

fn failed_zip(error: &zip::result::ZipError) -> Failure {
    Failure::Internal(format!("writing the bundle: {error}"))
}
