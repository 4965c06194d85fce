//! Watchlists: a follower of the log holds every new or changed record against everything that is looked for, and everything
//! that is held against what is newly looked for. A match raises an alert, once for each entry and record, for ever: the
//! alert's id is made of both. It all happens on this node, with no network.

/// What a record says, as far as it can be looked for.
mod facts;
/// The thread that follows the log.
mod follow;
/// The watchlists as they stand, in memory.
mod lists;
/// From a match to alerts, for those on both sides.
mod raise;
/// A pasted list against everything that is held.
mod screen;
/// Everything that is held, held against what is newly looked for.
mod sweep;

use std::collections::BTreeSet;
use std::sync::Mutex;
use std::time::Duration;

use crate::domain::id::TenantId;
use crate::domain::kind::{Field, Kind, WATCHLIST, WATCHLIST_ENTRY};
use crate::domain::record::Record;
use crate::domain::value::Value;
use crate::domain::watch::index::Likely;
use crate::services::failure::{Failure, Outcome};
use crate::store::database::Read;
use crate::views::records;

pub use follow::{Follower, Gauge};
pub(super) use raise::told_to_cases;
pub use screen::{Screened, ScreenedHit, ScreenedRow, rows_of};

/// The part of the program that raises alerts, as events name it.
pub const SOURCE: &str = "watchlist-correlation";

/// How sure a match must be, and how many there may be.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct WatchOptions {
    /// What a name and a part of a plate must score.
    pub likely: Likely,
    /// Alerts about what was held when an entry came, at most.
    pub held_alerts_per_entry_max: usize,
    /// What comes within so long of one another is looked at together.
    pub gather: Duration,
    /// How long lists may be.
    pub limits: Limits,
    /// Rows of a pasted list that is held against everything.
    pub screened_rows_max: usize,
    /// Records that are told for one of its rows, the surest first.
    pub screened_hits_per_row_max: usize,
}

impl Default for WatchOptions {
    fn default() -> Self {
        Self {
            likely: Likely::default(),
            held_alerts_per_entry_max: 500,
            gather: Duration::from_millis(20),
            limits: Limits::default(),
            screened_rows_max: 10_000,
            screened_hits_per_row_max: 20,
        }
    }
}

/// How long lists may be.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Limits {
    /// Entries within the record of a list: all of them are folded with each change.
    pub inline_entries_max: usize,
    /// Entries of an agency that are records of their own.
    pub entries_max: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            inline_entries_max: 500,
            entries_max: 250_000,
        }
    }
}

impl Limits {
    /// Refuses what would be too long.
    ///
    /// # Errors
    /// `Invalid`, naming the limit.
    pub(super) fn refuse(
        self,
        rows: &impl Read,
        (tenant, kind): (&TenantId, &Kind),
        record: Option<&Record>,
        given: &[(&'static Field, Value)],
    ) -> Outcome<()> {
        if kind.name == WATCHLIST.name {
            let entries = given.iter().find(|(field, _)| field.name == "entries");
            let most = self.inline_entries_max;
            if entries.is_some_and(|(_, entries)| entries.as_list().len() > most) {
                let expected = format!("at most {most}: of a longer list each is a watchlist-entry");
                return Err(Failure::wrong("data.entries", expected));
            }
        }
        if kind.name == WATCHLIST_ENTRY.name && record.is_none() {
            let most = self.entries_max;
            if records::count(rows, (tenant, kind), "")? >= most {
                let expected = format!("no more: the agency has {most} entries");
                return Err(Failure::wrong("data", expected));
            }
        }
        Ok(())
    }
}

/// What services keep of watchlists.
#[derive(Debug, Default)]
pub(super) struct Watching {
    pub(super) options: WatchOptions,
    /// Who has a list held against everything right now, each one at a time. Held for a look or a change.
    screening: Mutex<BTreeSet<String>>,
}

impl Watching {
    pub(super) fn new(options: WatchOptions) -> Self {
        Self {
            options,
            screening: Mutex::default(),
        }
    }
}
