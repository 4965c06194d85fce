//! How much room the disk has left, and who gets it when it runs low: large files are refused first, then pictures, text and
//! custody last, and that before the disk is full.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::services::failure::{Failure, Outcome};
use crate::store::disk::Disk;

/// How long a look at the disk is believed.
const BELIEVED: Duration = Duration::from_secs(1);

/// What room is wanted for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Need {
    /// Records without files: until the floor.
    Text,
    /// A picture of a report, or a small file: until twice the floor.
    Image,
    /// A file of so many bytes by now; a large one until four times the floor.
    File(u64),
}

/// The room on the disk of a data folder.
#[derive(Debug)]
pub struct Room {
    disk: Arc<dyn Disk>,
    dir: PathBuf,
    floor_bytes: u64,
    large_file_bytes_min: u64,
    /// The last look. Held for the moment of a look.
    seen: Mutex<Option<Seen>>,
}

#[derive(Clone, Copy, Debug)]
struct Seen {
    at: Instant,
    /// Less what was taken since.
    free_bytes: u64,
}

impl Room {
    /// The room where `dir` lies. Files above 1 MiB are large.
    pub fn new(disk: Arc<dyn Disk>, dir: PathBuf, floor_bytes: u64) -> Self {
        Self {
            disk,
            dir,
            floor_bytes,
            large_file_bytes_min: 1 << 20,
            seen: Mutex::new(None),
        }
    }

    /// The same with files that are large above another length.
    #[must_use]
    pub fn with_large_files_above(mut self, bytes: u64) -> Self {
        self.large_file_bytes_min = bytes;
        self
    }

    fn floors(&self, need: Need) -> u64 {
        match need {
            Need::Text => 1,
            Need::File(bytes) if bytes > self.large_file_bytes_min => 4,
            Need::Image | Need::File(_) => 2,
        }
    }

    /// Refuses what there is no room for.
    ///
    /// # Errors
    /// `Full`.
    pub fn demand(&self, need: Need) -> Outcome<()> {
        self.take(need, 0)
    }

    /// The same, and counts bytes that are about to be written: a look at the disk a second is too seldom for a fast upload.
    ///
    /// # Errors
    /// `Full`.
    pub fn take(&self, need: Need, bytes: u64) -> Outcome<()> {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let current = seen.filter(|seen| seen.at.elapsed() < BELIEVED);
        let mut now = match current {
            Some(current) => current,
            None => Seen {
                at: Instant::now(),
                free_bytes: self
                    .disk
                    .free_bytes(&self.dir)
                    .map_err(|error| Failure::Internal(format!("the free space can't be read: {error}")))?,
            },
        };
        let left = now.free_bytes.saturating_sub(bytes);
        let enough = left >= self.floor_bytes.saturating_mul(self.floors(need));
        if enough {
            now.free_bytes = left;
        }
        *seen = Some(now);
        if enough { Ok(()) } else { Err(Failure::Full) }
    }
}
