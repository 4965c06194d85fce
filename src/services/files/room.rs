//! How much room the disk has left, and who gets it when it runs low: large files are refused first, then pictures, text and
//! custody last, and that before the disk is full.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
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
    /// That it was below the floor was logged.
    low: AtomicBool,
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
            low: AtomicBool::new(false),
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

    /// Looks at the disk, and logs when it crosses the floor.
    fn look(&self) -> Outcome<Seen> {
        let free_bytes = self.disk.free_bytes(&self.dir);
        let free_bytes = free_bytes
            .map_err(|error| Failure::Internal(format!("the free space can't be read: {error}")))?;
        let (is_low, floor_bytes) = (free_bytes < self.floor_bytes, self.floor_bytes);
        match (is_low, self.low.swap(is_low, Ordering::Relaxed)) {
            (true, false) => tracing::warn!(
                free_bytes,
                floor_bytes,
                "the disk has less room than store.low_disk_floor_bytes: writes are refused"
            ),
            (false, true) => tracing::info!(free_bytes, "the disk has room again: writes are taken"),
            _ => {}
        }
        Ok(Seen {
            at: Instant::now(),
            free_bytes,
        })
    }

    /// Whether even text is refused, as of a look at the disk now.
    pub fn is_low(&self) -> bool {
        let free_bytes = self.disk.free_bytes(&self.dir);
        free_bytes.is_ok_and(|free_bytes| free_bytes < self.floor_bytes)
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
            None => self.look()?,
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
