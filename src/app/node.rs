//! What works in a data folder whether or not it is served: the lock, the identity, the store, the services, the index.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::app::folder::{Facts, Folder, FolderError, FolderLock};
use crate::config::Config;
use crate::domain::id::TenantId;
use crate::domain::time::SystemClock;
use crate::domain::watch::index::Likely;
use crate::search::index::{Index, IndexError, Options};
use crate::services::Services;
use crate::services::files::Files;
use crate::services::files::room::Room;
use crate::services::images::DecodeLimits;
use crate::services::people::PeopleOptions;
use crate::services::people::passwords::HashOptions;
use crate::services::reports::ReportRules;
use crate::services::safe::SafeOptions;
use crate::services::search::follow::Gauge;
use crate::services::search::{FindOptions, Finder};
use crate::services::watch::{Limits, WatchOptions};
use crate::store::blobs::Blobs;
use crate::store::disk::RealDisk;
use crate::store::error::StoreError;
use crate::store::handle::{Opened, Store, StoreOptions, World};
use crate::store::identity::{Identity, random};
use crate::views::FOLD;

/// Why a node could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum NodeError {
    /// The folder can't be used.
    #[error(transparent)]
    Folder(#[from] FolderError),
    /// The log or the views can't be opened.
    #[error("can't open the log: {0}")]
    Store(#[from] StoreError),
    /// The index's folder can't be used.
    #[error("can't open the search index: {0}")]
    Index(#[from] IndexError),
}

/// An open node. Its parts are dropped in the order in which they stand: the folder is given back last.
pub struct Node {
    /// The search index.
    pub index: Arc<Index>,
    /// Everything that a caller may do.
    pub services: Services,
    /// What `init` wrote down.
    pub facts: Facts,
    /// What the opening of the store found.
    pub opened: Opened,
    /// Where it lies.
    pub folder: Folder,
    /// Held while views or index are made anew: two at once would write the same files.
    pub rebuilding: Mutex<()>,
    find_options: FindOptions,
    _lock: FolderLock,
}

impl Node {
    /// Takes the folder and opens what is in it.
    ///
    /// # Errors
    /// The folder is in use or holds no node, or what is in it can't be opened.
    pub fn open(folder: Folder, config: &Config) -> Result<Self, NodeError> {
        let lock = folder.lock()?;
        folder.refuse_lost()?;
        let no_node = || FolderError::NoNode(folder.path().to_owned());
        let facts = folder.facts()?.ok_or_else(no_node)?;
        let identity = Identity::load(&RealDisk, folder.path())?.ok_or_else(no_node)?;
        let world = World {
            disk: Arc::new(RealDisk),
            clock: Arc::new(SystemClock),
        };
        let (store, opened) = Store::open(&world, folder.path(), &identity, FOLD, store_options(config))?;
        let blobs = Blobs::open(Arc::clone(&world.disk), &folder.files());
        let blobs = blobs.map_err(|error| error.at(&folder.files()))?;
        let floor_bytes = config.store.low_disk_floor_bytes;
        let room = Room::new(Arc::clone(&world.disk), folder.path().to_owned(), floor_bytes)
            .with_large_files_above(config.store.large_file_bytes_min);
        let files = Files::new(blobs, room).with_decode_limits(decode_limits(config));
        let shown_bytes_max = usize::try_from(config.store.shown_bytes_max).unwrap_or(usize::MAX);
        let services = Services::new(Arc::new(store), files, Arc::clone(&world.clock))
            .with_memory(shown_bytes_max)
            .with_report_rules(report_rules(config))
            .with_safe(safe_options(config))
            .with_watchlists(watch_options(config))
            .with_people(people_options(config, facts.tenant().ok()))
            .with_sessions_kept_in(Arc::clone(&world.disk), folder.sessions());
        let heap_bytes = usize::try_from(config.search.heap_bytes).unwrap_or(usize::MAX);
        let index = Arc::new(Index::open(&folder.search(), Options { heap_bytes })?);
        Ok(Self {
            index,
            services,
            facts,
            opened,
            folder,
            rebuilding: Mutex::default(),
            find_options: find_options(config),
            _lock: lock,
        })
    }

    /// Searches in the index, with the gauge of whoever keeps it.
    pub fn finder(&self, gauge: Option<Gauge>) -> Finder {
        Finder::new(self.services.clone(), Arc::clone(&self.index), gauge).with_options(self.find_options)
    }

    /// The agency that the command line acts for when it names none.
    pub fn tenant(&self) -> TenantId {
        self.facts
            .tenant()
            .expect("the facts were checked when they were read")
    }
}

/// The rules for people that are set; strangers stand in the audit log of `home`.
pub fn people_options(config: &Config, home: Option<TenantId>) -> PeopleOptions {
    const MINUTE_MS: i64 = 60_000;
    let minutes = |minutes: u64| {
        i64::try_from(minutes)
            .unwrap_or(i64::MAX)
            .saturating_mul(MINUTE_MS)
    };
    let defaults = PeopleOptions::default();
    PeopleOptions {
        home: home.unwrap_or(defaults.home),
        session_idle_millis: minutes(config.auth.session_idle_minutes),
        lock_failures: config.auth.lock_failures,
        lock_millis: minutes(config.auth.lock_minutes),
        session_life_millis: minutes(config.auth.session_life_hours.saturating_mul(60)),
        failures_per_minute_max: config.auth.failures_per_minute_max,
        failing_addresses_max: config.auth.failing_addresses_max,
        sessions_per_user_max: config.auth.sessions_per_user_max,
        sessions_max: config.auth.sessions_max,
        password_bytes_min: config.auth.password_bytes_min,
        password_bytes_max: config.auth.password_bytes_max,
        hash: HashOptions {
            memory_kib: config.auth.hash_memory_kib,
            passes: config.auth.hash_passes,
            hashes_max: config.auth.hashes_at_once_max,
            waiting_max: config.auth.hashes_waiting_max,
        },
    }
}

fn safe_options(config: &Config) -> SafeOptions {
    SafeOptions {
        item_create: config.safe.item_create,
        seats: config.safe.seats,
        seat_held_millis: i64::try_from(config.safe.seat_held_minutes.saturating_mul(60_000))
            .unwrap_or(i64::MAX),
    }
}

fn find_options(config: &Config) -> FindOptions {
    FindOptions {
        text_chars_max: config.search.text_chars_max,
        limit_max: config.search.limit_max,
        wait_max: Duration::from_millis(config.search.wait_ms_max),
    }
}

fn decode_limits(config: &Config) -> DecodeLimits {
    DecodeLimits {
        pixels_max: config.images.pixels_max,
        decoder_bytes_max: config.images.decoder_bytes_max,
        source_bytes_max: config.images.source_bytes_max,
    }
}

fn report_rules(config: &Config) -> ReportRules {
    let region = config.reports.default_region.as_ref();
    ReportRules {
        dedupe: config.reports.dedupe,
        default_region: region.map(|region| region.as_str().to_owned()),
        public_link_days: config.reports.public_link_days,
    }
}

fn watch_options(config: &Config) -> WatchOptions {
    let watchlists = &config.watchlists;
    WatchOptions {
        likely: Likely {
            name: f64::from(watchlists.name_score_min) / 100.0,
            plate: f64::from(watchlists.plate_score_min) / 100.0,
        },
        held_alerts_per_entry_max: watchlists.held_alerts_per_entry_max,
        limits: Limits {
            inline_entries_max: watchlists.inline_entries_max,
            entries_max: watchlists.entries_max,
        },
        screened_rows_max: watchlists.screened_rows_max,
        screened_hits_per_row_max: watchlists.screened_hits_per_row_max,
        ..WatchOptions::default()
    }
}

fn store_options(config: &Config) -> StoreOptions {
    let mut options = StoreOptions::default();
    options.journal.segment_bytes_max = u32::try_from(config.store.segment_bytes_max).unwrap_or(u32::MAX);
    options.cache_bytes = usize::try_from(config.store.cache_bytes).unwrap_or(usize::MAX);
    options.writer.checkpoint_every = Duration::from_secs(config.store.checkpoint_seconds);
    options.writer.group_requests_max = config.store.group_requests_max;
    options.writer.queue_requests_max = config.store.queue_requests_max;
    options.writer.reserve_bytes = config.store.low_disk_floor_bytes / 2;
    options
}

/// A word under which one request is found again in log and audit.
pub fn request_id() -> String {
    let mut bytes = [0; 8];
    match random(&mut bytes) {
        Ok(()) => bytes.iter().map(|byte| format!("{byte:02x}")).collect(),
        Err(_) => "unnamed".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::{
        Config, DecodeLimits, FindOptions, PeopleOptions, WatchOptions, decode_limits, find_options,
        people_options, watch_options,
    };

    #[test]
    fn modules_and_settings_have_the_same_defaults() {
        let config = Config::default();
        assert_eq!(people_options(&config, None), PeopleOptions::default());
        assert_eq!(find_options(&config), FindOptions::default());
        assert_eq!(decode_limits(&config), DecodeLimits::default());
        assert_eq!(watch_options(&config), WatchOptions::default());
    }
}
