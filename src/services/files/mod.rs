//! Files of evidence and reports: streamed to disk, recognised by content, attached to a record, given out to who may read
//! that record. The bytes stay as they came. A request that is refused leaves no file behind.

/// Files become entries of a record.
pub mod attach;
/// What a file is, by its first bytes.
mod describe;
/// Files given out.
pub mod hand_out;
/// Whether they are there.
mod missing;
/// Room on the disk.
pub mod room;

use std::sync::{Arc, Mutex};

use crate::services::Services;
use crate::services::failure::{Failure, Fault, Outcome};
use crate::services::files::room::{Need, Room};
use crate::services::images::DecodeLimits;
use crate::store::blobs::{BlobWriter, Blobs, Held};
use crate::views::files;

/// The files of this node and what guards them. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Files {
    blobs: Blobs,
    room: Arc<Room>,
    /// Held while a small copy is made: one at a time, as each may take hundreds of megabytes.
    thumbnails: Arc<Mutex<()>>,
    decode_limits: DecodeLimits,
}

/// What a file is for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Purpose {
    /// Evidence: any bytes.
    Evidence,
    /// A picture of a report.
    Picture,
}

impl Files {
    /// Over the blobs of a data folder.
    pub fn new(blobs: Blobs, room: Room) -> Self {
        Self {
            blobs,
            room: Arc::new(room),
            thumbnails: Arc::default(),
            decode_limits: DecodeLimits::default(),
        }
    }

    /// The same with other limits for the pictures of which small copies are made.
    #[must_use]
    pub fn with_decode_limits(mut self, limits: DecodeLimits) -> Self {
        self.decode_limits = limits;
        self
    }

    /// The bytes themselves.
    pub fn blobs(&self) -> &Blobs {
        &self.blobs
    }

    /// The room on the disk.
    pub fn room(&self) -> &Room {
        &self.room
    }

    /// Begins an upload of at most so many bytes.
    ///
    /// # Errors
    /// `Full`, or the disk failed.
    pub fn begin(&self, purpose: Purpose, bytes_max: u64) -> Outcome<Upload> {
        self.room.demand(Need::Image)?;
        Ok(Upload {
            room: Arc::clone(&self.room),
            writer: self.blobs.begin(bytes_max)?,
            purpose,
        })
    }
}

/// A file that is on its way in. Dropped, it leaves nothing.
#[derive(Debug)]
pub struct Upload {
    room: Arc<Room>,
    writer: BlobWriter,
    purpose: Purpose,
}

impl Upload {
    /// Takes the next bytes. It writes to the disk: never call it on an async thread.
    ///
    /// # Errors
    /// `TooLarge`, `Full`, or the disk failed.
    pub fn write(&mut self, bytes: &[u8]) -> Outcome<()> {
        let length = bytes.len() as u64;
        let need = match self.purpose {
            Purpose::Evidence => Need::File(self.writer.bytes() + length),
            Purpose::Picture => Need::Image,
        };
        self.room.take(need, length)?;
        Ok(self.writer.write(bytes)?)
    }

    /// Makes the file durable. `name` is what its sender calls it.
    ///
    /// # Errors
    /// `Full`, or the disk failed.
    pub fn finish(self, name: Option<&str>) -> Outcome<Uploaded> {
        Ok(Uploaded {
            held: self.writer.finish()?,
            name: name.map(safe_name).filter(|name| !name.is_empty()),
        })
    }
}

/// A file that is whole and durable and belongs to nothing yet: attach it or give it up.
#[derive(Debug)]
pub struct Uploaded {
    held: Held,
    name: Option<String>,
}

impl Uploaded {
    /// The file.
    pub fn held(&self) -> &Held {
        &self.held
    }

    /// Its name, without folders and control characters.
    pub fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }
}

/// Files that came, and what is wrong with what came with them: they are taken only if nothing is.
#[derive(Debug, Default)]
pub struct Arrived {
    /// The files.
    pub uploads: Vec<Uploaded>,
    /// What is wrong already.
    pub faults: Vec<Fault>,
}

impl From<Vec<Uploaded>> for Arrived {
    fn from(uploads: Vec<Uploaded>) -> Self {
        let faults = Vec::new();
        Self { uploads, faults }
    }
}

/// The last part of what a client calls a file, without what could mislead a person or a file system.
fn safe_name(name: &str) -> String {
    const CHARS_MAX: usize = 200;
    let last = name.rsplit(['/', '\\']).next().unwrap_or_default();
    let kept = |c: &char| {
        !c.is_control() && !('\u{202a}'..='\u{202e}').contains(c) && !('\u{2066}'..='\u{2069}').contains(c)
    };
    let name: String = last.chars().filter(kept).take(CHARS_MAX).collect();
    name.trim().trim_start_matches('.').to_owned()
}

impl Services {
    /// Lets go of uploads: those that no record names leave the disk. Right after a refusal and after a success alike.
    pub fn give_up(&self, uploads: impl IntoIterator<Item = Held>) {
        for held in uploads {
            let hash = held.hash();
            let is_named = |hash| files::is_named(&self.store.snapshot()?, hash);
            if let Err(error) = self.files.blobs.discard(held, is_named) {
                tracing::warn!(%error, %hash, "a file that no record names is left for the next sweep");
            }
        }
    }

    /// The same for uploads that were not described yet.
    pub fn give_up_uploads(&self, uploads: impl IntoIterator<Item = Uploaded>) {
        self.give_up(uploads.into_iter().map(|upload| upload.held));
    }

    /// Removes the files that no record names: what a crash left behind. Gives their number.
    ///
    /// # Errors
    /// The disk failed.
    pub fn sweep_files(&self) -> Outcome<u64> {
        let is_named = |hash| files::is_named(&self.store.snapshot()?, hash);
        self.files.blobs.sweep(is_named).map_err(Failure::from)
    }
}

#[cfg(test)]
mod tests {
    use super::safe_name;

    #[test]
    fn a_name_keeps_its_last_part_and_nothing_that_misleads() {
        for (name, expected) in [
            ("photo.jpg", "photo.jpg"),
            ("C:\\Users\\a\\photo 1.jpg", "photo 1.jpg"),
            ("../../etc/passwd", "passwd"),
            ("..", ""),
            ("a\r\nSet-Cookie: x", "aSet-Cookie: x"),
            ("gpj.\u{202e}exe", "gpj.exe"),
            ("Zürich.heic", "Zürich.heic"),
        ] {
            assert_eq!(safe_name(name), expected, "{name:?}");
        }
    }
}
