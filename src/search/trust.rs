//! What is known of the index's files at start, so that a start need not read them all: a note beside them.
//!
//! Files written in this boot of the machine are whole, synced or not; files of an earlier boot are whole if the last
//! checkpoint saw them. Otherwise, or when the last start did not live to check them, all checksums are read first.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::search::shelf::replace;

const NOTE: &str = "blotter-trust";
const META: &str = "meta.json";
const BOOT_ID: &str = "/proc/sys/kernel/random/boot_id";

/// The note: the boot that wrote the index, whether its files have been checked since the last start, and the checksum
/// of `meta.json` at the last checkpoint.
#[derive(Debug)]
pub(super) struct Trust {
    path: PathBuf,
    meta: PathBuf,
    boot: String,
    checked: bool,
    synced: u32,
}

impl Trust {
    /// Reads the note in a folder; the second value says whether the files may be used before they are checked.
    pub(super) fn read(folder: &Path) -> (Self, bool) {
        let mut trust = Self {
            path: folder.join(NOTE),
            meta: folder.join(META),
            boot: fs::read_to_string(BOOT_ID).unwrap_or_default().trim().to_owned(),
            checked: false,
            synced: 0,
        };
        let note = fs::read_to_string(&trust.path).unwrap_or_default();
        let mut lines = note.lines();
        let (boot, checked, synced) = (lines.next(), lines.next(), lines.next());
        let same_boot = !trust.boot.is_empty() && boot == Some(trust.boot.as_str());
        trust.synced = synced.and_then(|text| text.parse().ok()).unwrap_or_default();
        let usable = checked == Some("checked") && (same_boot || trust.synced == trust.meta_checksum());
        (trust, usable)
    }

    /// Notes that this start has begun to use the files before they are checked.
    pub(super) fn begin(&mut self) -> io::Result<()> {
        self.checked = false;
        self.write()
    }

    /// Notes that every file was read and is whole.
    pub(super) fn note_checked(&mut self) -> io::Result<()> {
        self.checked = true;
        self.write()
    }

    /// Notes that everything `meta.json` names is durable, and makes the note so.
    pub(super) fn note_synced(&mut self) -> io::Result<()> {
        self.synced = self.meta_checksum();
        self.write()?;
        fs::File::open(&self.path)?.sync_data()
    }

    fn write(&self) -> io::Result<()> {
        let checked = if self.checked { "checked" } else { "unchecked" };
        replace(
            &self.path,
            format!("{}\n{checked}\n{}\n", self.boot, self.synced).as_bytes(),
        )
    }

    fn meta_checksum(&self) -> u32 {
        fs::read(&self.meta).map_or(0, |meta| crc32c::crc32c(&meta))
    }
}
