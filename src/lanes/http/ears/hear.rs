//! From a place in the feed to what is heard next, from memory while that is fresh, else from the log. Nothing is kept for
//! anybody but a number.

use crate::lanes::http::{Lanes, blocking};
use crate::services::caller::Caller;
use crate::services::events::{Filter, Heard, Listener};
use crate::services::failure::Outcome;

/// What a listener hears next: from memory, or from the log.
///
/// # Errors
/// The disk failed.
pub async fn hear(
    lanes: &Lanes,
    (listener, filter): (&Listener, &Filter),
    after: u64,
    limit: usize,
) -> Outcome<Heard> {
    match lanes.feed.recent(listener, filter, after, limit) {
        Some(heard) => Ok(heard),
        None => read(lanes, (listener, filter), after, limit).await,
    }
}

/// The same from the log.
///
/// # Errors
/// The disk failed.
pub async fn read(
    lanes: &Lanes,
    (listener, filter): (&Listener, &Filter),
    after: u64,
    limit: usize,
) -> Outcome<Heard> {
    let (feed, who, which) = (lanes.feed.clone(), listener.clone(), filter.clone());
    blocking(move || feed.stored(&who, &which, after, limit)).await
}

/// Restricted records are named in the audit log before anything of them goes out.
///
/// # Errors
/// The audit log can't be written.
pub async fn note(lanes: &Lanes, caller: &Caller, heard: &Heard) -> Outcome<()> {
    let restricted: Vec<_> = heard
        .notices
        .iter()
        .flat_map(|notice| notice.restricted())
        .collect();
    if restricted.is_empty() {
        return Ok(());
    }
    let (lanes, caller) = (lanes.clone(), caller.clone());
    blocking(move || lanes.services.note_heard(&caller, &restricted)).await
}

/// Where a subscription stands: replay first, then live.
#[derive(Debug)]
pub struct Place {
    filter: Filter,
    /// The last arrival that it has.
    at: u64,
    /// The feed's end when it was last looked at.
    head: u64,
    /// The end of the replay was reached.
    caught_up: bool,
    may_lag: bool,
}

/// What is to be told next.
#[derive(Debug)]
pub enum Turn {
    /// Nothing.
    Nothing,
    /// That the client reads too slowly: it goes on from its place by a new subscription.
    Lagged,
    /// This; it is in the audit log if it must be.
    Heard(Heard),
}

/// How far a subscription has come.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Reached {
    /// There is more at once.
    More,
    /// The replay has ended with this.
    CaughtUp,
    /// It is where it was before: up to date.
    UpToDate,
}

impl Place {
    /// After this arrival.
    pub fn new(filter: Filter, at: u64) -> Self {
        Self {
            filter,
            at,
            head: at,
            caught_up: false,
            may_lag: true,
        }
    }

    /// The same of one who is told once of all that happened since: nobody is too slow for that.
    #[must_use]
    pub fn patient(self) -> Self {
        Self {
            may_lag: false,
            ..self
        }
    }

    /// The last arrival that it has.
    pub fn at(&self) -> u64 {
        self.at
    }

    /// What is to be told next, so many events at most.
    ///
    /// # Errors
    /// The disk failed, or the audit log can't be written.
    pub async fn turn(&mut self, lanes: &Lanes, listener: &Listener, limit: usize) -> Outcome<Turn> {
        self.head = lanes.feed.head();
        let behind = self.head.saturating_sub(self.at);
        if self.caught_up && behind == 0 {
            return Ok(Turn::Nothing);
        }
        if self.caught_up && self.may_lag && behind > lanes.options.ears.behind_max {
            return Ok(Turn::Lagged);
        }
        let heard = hear(lanes, (listener, &self.filter), self.at, limit).await?;
        note(lanes, listener.caller(), &heard).await?;
        Ok(Turn::Heard(heard))
    }

    /// All up to this arrival was told.
    pub fn reached(&mut self, at: u64) -> Reached {
        self.at = at;
        match (at < self.head, self.caught_up) {
            (true, _) => Reached::More,
            (false, true) => Reached::UpToDate,
            (false, false) => {
                self.caught_up = true;
                Reached::CaughtUp
            }
        }
    }
}
