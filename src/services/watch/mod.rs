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
/// Everything that is held, held against what is newly looked for.
mod sweep;

use std::time::Duration;

use crate::domain::watch::index::Likely;

pub use follow::{Follower, Gauge};

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
}

impl Default for WatchOptions {
    fn default() -> Self {
        Self {
            likely: Likely::default(),
            held_alerts_per_entry_max: 500,
            gather: Duration::from_millis(20),
        }
    }
}
