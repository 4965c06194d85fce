//! How far those have come who listen under a name: kept over restarts, in a file beside the log. A crash may lose the last
//! second of it, so somebody may hear again what he has heard; nobody misses anything.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::services::caller::Caller;
use crate::services::failure::{Failure, Outcome};
use crate::store::disk::Disk;
use crate::store::kept::Kept;

/// Names of one caller.
const NAMES_MAX: usize = 100;
/// The longest name, in bytes.
const NAME_BYTES_MAX: usize = 100;

/// The places, by caller and name.
#[derive(Debug, Default)]
pub struct Places {
    kept: Option<Kept>,
    /// Held for a look or a change.
    rows: Mutex<BTreeMap<String, BTreeMap<String, u64>>>,
    changed: AtomicBool,
}

impl Places {
    /// Those of the last run, kept in this file.
    pub fn kept_in(disk: Arc<dyn Disk>, path: PathBuf) -> Self {
        let kept = Kept::new("the places of listeners", disk, path);
        Self {
            rows: Mutex::new(kept.read()),
            kept: Some(kept),
            changed: AtomicBool::new(false),
        }
    }

    /// Where a name stands; one that is new begins at `first`, and is known from now on.
    ///
    /// # Errors
    /// `Invalid` for a name that is none, or one too many.
    pub fn begin(&self, caller: &Caller, name: &str, first: u64) -> Outcome<u64> {
        if name.is_empty() || name.len() > NAME_BYTES_MAX {
            return Err(Failure::wrong("durable", format!("1 to {NAME_BYTES_MAX} bytes")));
        }
        let mut rows = self.rows();
        let names = rows.entry(owner(caller)).or_default();
        if let Some(place) = names.get(name) {
            return Ok(*place);
        }
        if names.len() == NAMES_MAX {
            return Err(Failure::wrong("durable", format!("at most {NAMES_MAX} names")));
        }
        names.insert(name.to_owned(), first);
        self.changed.store(true, Ordering::Release);
        Ok(first)
    }

    /// A name has come so far; it never goes back.
    pub fn reached(&self, caller: &Caller, name: &str, place: u64) {
        let mut rows = self.rows();
        let known = rows.get_mut(&owner(caller)).and_then(|names| names.get_mut(name));
        if let Some(known) = known.filter(|known| **known < place) {
            *known = place;
            self.changed.store(true, Ordering::Release);
        }
    }

    /// Writes down what has changed.
    pub fn keep(&self) {
        if let Some(kept) = &self.kept
            && self.changed.swap(false, Ordering::AcqRel)
        {
            kept.write(|| self.rows().clone());
        }
    }

    fn rows(&self) -> MutexGuard<'_, BTreeMap<String, BTreeMap<String, u64>>> {
        self.rows.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Names are a caller's own.
fn owner(caller: &Caller) -> String {
    format!("{}/{}", caller.tenant().as_str(), caller.actor().who)
}
