//! The thread that follows the log while somebody listens, and the latest of what it found, kept at hand.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use tokio::sync::watch;

use crate::domain::value::Value;
use crate::services::events::{Filter, Listener, Notice, Places, build};
use crate::services::failure::{Failure, Outcome};
use crate::store::database::Snapshot;
use crate::store::error::StoreError;
use crate::store::handle::Store;
use crate::store::journal::Position;
use crate::views::arrivals;

/// The feed's pace and bounds.
#[derive(Clone, Copy, Debug)]
pub struct FeedOptions {
    /// Events kept in memory, at most.
    pub kept_max: usize,
    /// Bytes that they take there, at most, about.
    pub kept_bytes_max: usize,
    /// What comes within so long of one another is told at once.
    pub gather: Duration,
}

impl Default for FeedOptions {
    fn default() -> Self {
        Self {
            kept_max: 4096,
            kept_bytes_max: 16 << 20,
            gather: Duration::from_millis(10),
        }
    }
}

/// How long the thread sleeps at most when nothing happens.
const WAIT_MAX: Duration = Duration::from_millis(250);
/// What each who listens adds to the time in which events are gathered, and what all of them add at most.
const GATHER_PER_LISTENER: Duration = Duration::from_micros(50);
const GATHER_MORE_MAX: Duration = Duration::from_millis(60);
/// How often places are written down that have changed.
const KEEP_EVERY: Duration = Duration::from_secs(1);
/// Arrivals looked at for one answer, at most: a filter that nothing passes must not read a whole log in one request.
const ARRIVALS_PER_PAGE_MAX: usize = 5_000;
/// Fields that decide who may read a case. What was kept before one changed is judged anew.
const DECIDE: [&str; 5] = ["sealing", "classification", "officers", "team", "case_id"];

/// What somebody hears of a stretch of the feed.
#[derive(Debug)]
pub struct Heard {
    /// The events, the oldest first.
    pub notices: Vec<Arc<Notice>>,
    /// Up to where the stretch reaches: where the next one begins.
    pub reached: u64,
}

/// The feed. Clones are the same one.
#[derive(Clone, Debug)]
pub struct Feed {
    store: Arc<Store>,
    kept: Arc<Kept>,
    head: watch::Sender<u64>,
    places: Arc<Places>,
}

#[derive(Debug)]
struct Kept {
    options: FeedOptions,
    /// Held to look and to add, never across a read of the disk.
    latest: Mutex<Latest>,
}

#[derive(Debug, Default)]
struct Latest {
    /// All events after this number up to the feed's head are here.
    from: u64,
    notices: VecDeque<Arc<Notice>>,
    bytes: usize,
}

impl Latest {
    /// Forgets all; what follows is after this number.
    fn begin_after(&mut self, number: u64) {
        self.notices.clear();
        (self.from, self.bytes) = (number, 0);
    }

    /// Whether who may hear of what is here may be decided by this one. What a new record says of itself changes nothing but
    /// for what has awaited it, which is sealed until then.
    fn is_judged_anew_by(&self, notice: &Notice) -> bool {
        let decides = |(field, _): &(String, Value)| DECIDE.contains(&field.as_str());
        let awaits = |kept: &Arc<Notice>| {
            kept.record == notice.record
                || kept.cases().any(|(id, _)| *id == notice.record)
                || kept.readers == ["sealed"]
        };
        notice.changes.iter().chain(&notice.removed).any(decides)
            && (!notice.is_new || self.notices.iter().any(awaits))
    }

    fn forget_oldest(&mut self) {
        if let Some(oldest) = self.notices.pop_front() {
            self.from = oldest.sequence;
            self.bytes -= oldest.bytes();
        }
    }
}

impl Feed {
    /// Begins at the present end of the log.
    ///
    /// # Errors
    /// The disk failed.
    pub fn new(store: Arc<Store>, options: FeedOptions) -> Result<Self, StoreError> {
        let last = arrivals::last(&store.snapshot()?)?;
        let latest = Latest {
            from: last,
            ..Latest::default()
        };
        Ok(Self {
            store,
            kept: Arc::new(Kept {
                options,
                latest: Mutex::new(latest),
            }),
            head: watch::Sender::new(last),
            places: Arc::default(),
        })
    }

    /// The same with these places of those who listen under a name.
    #[must_use]
    pub fn with_places(mut self, places: Places) -> Self {
        self.places = Arc::new(places);
        self
    }

    /// How far those have come who listen under a name.
    pub fn places(&self) -> &Places {
        &self.places
    }

    /// The number of the last arrival that the feed has come to.
    pub fn head(&self) -> u64 {
        *self.head.borrow()
    }

    /// The number of the last arrival of all.
    ///
    /// # Errors
    /// The disk failed.
    pub fn last(&self) -> Outcome<u64> {
        Ok(arrivals::last(&self.store.snapshot()?)?)
    }

    /// After which arrival a listener begins: the one that it has, else the last of all.
    ///
    /// # Errors
    /// `Invalid` for what has not arrived yet: its listener would hear nothing for long, and not know why. The disk failed.
    pub fn begin_after(&self, arrival: Option<u64>) -> Outcome<u64> {
        let last = self.last()?;
        match arrival {
            Some(arrival) if arrival > last => {
                let expected = format!("at most {last}, the last `sequence` that there is");
                Err(Failure::wrong("after", expected))
            }
            arrival => Ok(arrival.unwrap_or(last)),
        }
    }

    /// Tells when the head moves. The thread works only while somebody holds one.
    pub fn listen(&self) -> watch::Receiver<u64> {
        self.head.subscribe()
    }

    /// What a listener hears after a number, if that is at hand. Never waits.
    pub fn recent(&self, listener: &Listener, filter: &Filter, after: u64, limit: usize) -> Option<Heard> {
        let head = self.head();
        let latest = self.latest();
        if after < latest.from {
            return None;
        }
        let first = latest.notices.partition_point(|notice| notice.sequence <= after);
        let mut heard = Heard {
            notices: Vec::new(),
            reached: head.max(after),
        };
        for notice in latest.notices.range(first..) {
            if notice.sequence > head {
                break;
            }
            if let Some(told) = listener.may_hear(notice).filter(|told| filter.takes(told)) {
                if heard.notices.len() == limit {
                    heard.reached = heard.notices.last().map_or(after, |last| last.sequence);
                    break;
                }
                heard.notices.push(Arc::clone(told));
            }
        }
        Some(heard)
    }

    /// The same from the log, a bounded stretch of it.
    ///
    /// # Errors
    /// The disk failed.
    pub fn stored(&self, listener: &Listener, filter: &Filter, after: u64, limit: usize) -> Outcome<Heard> {
        let rows = self.store.snapshot()?;
        let places = places(&rows, after, ARRIVALS_PER_PAGE_MAX)?;
        let mut heard = Heard {
            notices: Vec::new(),
            reached: after,
        };
        for place in places {
            let notice = build::notice(&self.store, &rows, place)?.map(Arc::new);
            if let Some(told) = notice.as_ref().and_then(|notice| listener.may_hear(notice))
                && filter.takes(told)
            {
                if heard.notices.len() == limit {
                    return Ok(heard);
                }
                heard.notices.push(Arc::clone(told));
            }
            heard.reached = place.0;
        }
        Ok(heard)
    }

    /// Starts the thread.
    ///
    /// # Errors
    /// The system gives no thread.
    pub fn follow(&self) -> std::io::Result<Follower> {
        let stop = Arc::new(AtomicBool::new(false));
        let (feed, stopping) = (self.clone(), Arc::clone(&stop));
        let thread = std::thread::Builder::new().name("feed".into());
        let thread = thread.spawn(move || {
            let mut seen = Position::START;
            let mut kept = Instant::now();
            while !stopping.load(Ordering::Acquire) {
                seen = feed.store.wait_beyond(seen, WAIT_MAX);
                if let Err(failure) = feed.catch_up() {
                    tracing::error!(?failure, "the feed of events could not follow; trying again");
                    std::thread::sleep(WAIT_MAX);
                }
                if kept.elapsed() >= KEEP_EVERY {
                    feed.places.keep();
                    kept = Instant::now();
                }
                std::thread::sleep(feed.gather());
            }
            feed.places.keep();
        })?;
        Ok(Follower {
            stop,
            thread: Some(thread),
        })
    }

    /// How long it gathers: the more there are who are woken each time, the less often they are.
    fn gather(&self) -> Duration {
        let listeners = u32::try_from(self.head.receiver_count()).unwrap_or(u32::MAX);
        let more = GATHER_PER_LISTENER.saturating_mul(listeners).min(GATHER_MORE_MAX);
        self.kept.options.gather + more
    }

    /// Takes up what has arrived. While nobody listens nothing is kept; who comes then begins in the log.
    fn catch_up(&self) -> Outcome<()> {
        let rows = self.store.snapshot()?;
        let last = arrivals::last(&rows)?;
        if self.head.receiver_count() == 0 {
            self.latest().begin_after(last);
            self.head.send_replace(last);
            return Ok(());
        }
        loop {
            let places = places(&rows, self.head(), self.kept.options.kept_max)?;
            let Some((reached, ..)) = places.last().copied() else {
                return Ok(());
            };
            // All are made before any is kept: what fails is tried again, and must not stand here twice.
            let made = places
                .into_iter()
                .map(|place| build::notice(&self.store, &rows, place));
            let made = made.collect::<Outcome<Vec<_>>>()?;
            made.into_iter().flatten().for_each(|notice| self.keep(notice));
            self.head.send_replace(reached);
        }
    }

    fn keep(&self, notice: Notice) {
        let mut latest = self.latest();
        if latest.is_judged_anew_by(&notice) {
            latest.begin_after(notice.sequence - 1);
        }
        latest.bytes += notice.bytes();
        latest.notices.push_back(Arc::new(notice));
        let FeedOptions {
            kept_max,
            kept_bytes_max,
            ..
        } = self.kept.options;
        while latest.notices.len() > kept_max || latest.bytes > kept_bytes_max {
            latest.forget_oldest();
        }
    }

    fn latest(&self) -> MutexGuard<'_, Latest> {
        self.kept.latest.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn places(rows: &Snapshot, after: u64, count_max: usize) -> Result<Vec<(u64, u32, u64)>, Failure> {
    let mut places = Vec::new();
    arrivals::after(rows, after, &mut |number, log, seq| {
        places.push((number, log, seq));
        places.len() < count_max
    })?;
    Ok(places)
}

/// The feed's thread.
#[derive(Debug)]
pub struct Follower {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Drop for Follower {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Release);
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the thread of the feed panicked");
        }
    }
}
