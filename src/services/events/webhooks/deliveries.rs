//! How far each webhook has come and since when it fails, kept over restarts in a file beside the log; and what became of the
//! last attempts, kept in memory. A crash may lose the last second of places, so something may be told again; nothing is missed.

use std::collections::{BTreeMap, VecDeque};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::{Deserialize, Serialize};
use tokio::sync::watch;

use crate::domain::id::RecordId;
use crate::domain::time::Millis;
use crate::store::disk::Disk;
use crate::store::kept::Kept;

/// What became of one attempt.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Attempt {
    /// When it began.
    pub at: Millis,
    /// The event's place in the feed; 0 for a test.
    pub sequence: u64,
    /// The event.
    pub event_id: String,
    /// Its type.
    pub event_type: String,
    /// Which attempt in a row it was, from 1.
    pub attempt: u32,
    /// The status that was answered.
    pub status: Option<u16>,
    /// Why there was none.
    pub error: Option<String>,
    /// How long it took, in milliseconds.
    pub millis: u64,
}

impl Attempt {
    /// Whether the receiver took it.
    pub fn is_delivered(&self) -> bool {
        self.status.is_some_and(|status| (200..300).contains(&status))
    }
}

/// Where a webhook is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Place {
    /// The last arrival that was dealt with.
    pub sequence: u64,
    /// How often somebody has moved it; who was at work meanwhile moves it no more.
    pub moves: u64,
}

/// How a webhook does.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug, Serialize, Deserialize)]
pub struct Standing {
    /// The last arrival that was dealt with.
    pub place: u64,
    /// Since when nothing was taken.
    #[serde(with = "millis", default)]
    pub failing_since: Option<Millis>,
    /// Attempts that failed in a row.
    #[serde(default)]
    pub failures: u32,
    /// When it is tried again.
    #[serde(skip)]
    pub next_at: Option<Millis>,
}

mod millis {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    use crate::domain::time::Millis;

    #[expect(clippy::ref_option, reason = "the form that serde calls")]
    pub(super) fn serialize<S: Serializer>(at: &Option<Millis>, serializer: S) -> Result<S::Ok, S::Error> {
        at.map(|at| at.0).serialize(serializer)
    }

    pub(super) fn deserialize<'d, D: Deserializer<'d>>(deserializer: D) -> Result<Option<Millis>, D::Error> {
        Ok(Option::<i64>::deserialize(deserializer)?.map(Millis))
    }
}

#[derive(Debug, Default)]
struct Row {
    standing: Standing,
    moves: u64,
}

/// What is known of deliveries. Clones are the same.
#[derive(Clone, Debug)]
pub struct Deliveries(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    kept: Option<Kept>,
    log_max: usize,
    /// Held for a look or a change.
    rows: Mutex<BTreeMap<RecordId, Row>>,
    /// The latest first; held for a look or a change.
    logs: Mutex<BTreeMap<RecordId, VecDeque<Attempt>>>,
    changed: AtomicBool,
    nudge: watch::Sender<()>,
}

impl Deliveries {
    /// In memory alone, with so many attempts remembered of each webhook.
    pub fn new(log_max: usize) -> Self {
        Self::with(None, log_max)
    }

    /// With the places of the last run, kept in this file.
    pub fn kept_in(disk: Arc<dyn Disk>, path: PathBuf, log_max: usize) -> Self {
        Self::with(Some(Kept::new("the places of webhooks", disk, path)), log_max)
    }

    fn with(kept: Option<Kept>, log_max: usize) -> Self {
        let known: BTreeMap<String, Standing> = kept.as_ref().map(Kept::read).unwrap_or_default();
        let rows = known.into_iter().filter_map(|(id, standing)| {
            let row = Row {
                standing,
                ..Row::default()
            };
            Some((id.parse().ok()?, row))
        });
        Self(Arc::new(Inner {
            kept,
            log_max,
            rows: Mutex::new(rows.collect()),
            logs: Mutex::default(),
            changed: AtomicBool::new(false),
            nudge: watch::Sender::new(()),
        }))
    }

    /// Where a webhook is; one that is new begins after `first`.
    pub fn place(&self, hook: RecordId, first: u64) -> Place {
        let mut rows = self.rows();
        let row = rows.entry(hook).or_insert_with(|| {
            self.0.changed.store(true, Ordering::Release);
            let standing = Standing {
                place: first,
                ..Standing::default()
            };
            Row {
                standing,
                ..Row::default()
            }
        });
        Place {
            sequence: row.standing.place,
            moves: row.moves,
        }
    }

    /// How a webhook does; `None` if nothing was told yet.
    pub fn standing(&self, hook: RecordId) -> Option<Standing> {
        self.rows().get(&hook).map(|row| row.standing)
    }

    /// All up to `sequence` was dealt with; `taken` if the receiver took something. Says nothing if somebody has moved it since.
    pub fn reached(&self, hook: RecordId, from: Place, sequence: u64, taken: bool) {
        self.change(hook, |row| {
            if row.moves == from.moves {
                row.standing.place = sequence;
                if taken {
                    (row.standing.failing_since, row.standing.failures) = (None, 0);
                    row.standing.next_at = None;
                }
            }
        });
    }

    /// An attempt failed; gives how it stands. The next one is `next` of that.
    pub fn failed(&self, hook: RecordId, now: Millis, next: impl FnOnce(&Standing) -> Millis) -> Standing {
        let mut standing = Standing::default();
        self.change(hook, |row| {
            row.standing.failures = row.standing.failures.saturating_add(1);
            row.standing.failing_since.get_or_insert(now);
            row.standing.next_at = Some(next(&row.standing));
            standing = row.standing;
        });
        standing
    }

    /// It goes on after this arrival, at once.
    pub fn go_on_after(&self, hook: RecordId, sequence: u64) {
        self.change(hook, |row| {
            row.standing = Standing {
                place: sequence,
                ..Standing::default()
            };
            row.moves += 1;
        });
        self.nudge();
    }

    /// What failed before counts no more: it is tried again at once.
    pub fn forgive(&self, hook: RecordId) {
        let place = self.standing(hook).map(|standing| standing.place);
        if let Some(place) = place {
            self.go_on_after(hook, place);
        }
    }

    /// Remembers an attempt.
    pub fn note(&self, hook: RecordId, attempt: Attempt) {
        let mut logs = self.logs();
        let log = logs.entry(hook).or_default();
        log.push_front(attempt);
        log.truncate(self.0.log_max);
    }

    /// The last attempts, the newest first.
    pub fn log(&self, hook: RecordId, count_max: usize) -> Vec<Attempt> {
        let logs = self.logs();
        let log = logs.get(&hook).map(|log| log.iter().take(count_max).cloned());
        log.into_iter().flatten().collect()
    }

    /// Tells those who wait that something has changed.
    pub fn nudge(&self) {
        self.0.nudge.send_replace(());
    }

    /// Is told so.
    pub fn nudged(&self) -> watch::Receiver<()> {
        self.0.nudge.subscribe()
    }

    /// Writes down what has changed.
    pub fn keep(&self) {
        if let Some(kept) = &self.0.kept
            && self.0.changed.swap(false, Ordering::AcqRel)
        {
            kept.write(|| -> BTreeMap<String, Standing> {
                let rows = self.rows();
                rows.iter()
                    .map(|(id, row)| (id.to_string(), row.standing))
                    .collect()
            });
        }
    }

    fn change(&self, hook: RecordId, change: impl FnOnce(&mut Row)) {
        change(self.rows().entry(hook).or_default());
        self.0.changed.store(true, Ordering::Release);
    }

    fn logs(&self) -> MutexGuard<'_, BTreeMap<RecordId, VecDeque<Attempt>>> {
        self.0.logs.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn rows(&self) -> MutexGuard<'_, BTreeMap<RecordId, Row>> {
        self.0.rows.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
