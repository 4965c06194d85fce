//! What works in a data folder whether or not it is served: the lock, the identity, the store, the services, the index.

use std::sync::Arc;
use std::time::Duration;

use crate::app::folder::{Facts, Folder, FolderError, FolderLock};
use crate::config::Config;
use crate::domain::id::TenantId;
use crate::domain::time::SystemClock;
use crate::search::index::{Index, IndexError, Options};
use crate::services::Services;
use crate::services::files::Files;
use crate::services::files::room::Room;
use crate::services::people::PeopleOptions;
use crate::services::reports::ReportRules;
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
    _lock: FolderLock,
}

impl Node {
    /// Takes the folder and opens what is in it.
    ///
    /// # Errors
    /// The folder is in use or holds no node, or what is in it can't be opened.
    pub fn open(folder: Folder, config: &Config) -> Result<Self, NodeError> {
        let lock = folder.lock()?;
        let no_node = || FolderError::NoNode(folder.path().to_owned());
        let facts = folder.facts()?.ok_or_else(no_node)?;
        let identity = Identity::load(&RealDisk, folder.path())?.ok_or_else(no_node)?;
        let world = World {
            disk: Arc::new(RealDisk),
            clock: Arc::new(SystemClock),
        };
        let (store, opened) = Store::open(&world, folder.path(), &identity, FOLD, store_options(config))?;
        let blobs = Blobs::open(Arc::clone(&world.disk), &folder.files())?;
        let floor_bytes = config.store.low_disk_floor_bytes;
        let room = Room::new(Arc::clone(&world.disk), folder.path().to_owned(), floor_bytes);
        let shown_bytes_max = usize::try_from(config.store.shown_bytes_max).unwrap_or(usize::MAX);
        let services = Services::new(Arc::new(store), Files::new(blobs, room), Arc::clone(&world.clock))
            .with_memory(shown_bytes_max)
            .with_report_rules(report_rules(config))
            .with_people(people_options(config, &facts))
            .with_sessions_kept_in(Arc::clone(&world.disk), folder.sessions());
        let heap_bytes = usize::try_from(config.search.heap_bytes).unwrap_or(usize::MAX);
        let index = Arc::new(Index::open(&folder.search(), Options { heap_bytes })?);
        Ok(Self {
            index,
            services,
            facts,
            opened,
            folder,
            _lock: lock,
        })
    }

    /// The agency that the command line acts for when it names none.
    pub fn tenant(&self) -> TenantId {
        self.facts
            .tenant()
            .expect("the facts were checked when they were read")
    }
}

fn people_options(config: &Config, facts: &Facts) -> PeopleOptions {
    const MINUTE_MS: i64 = 60_000;
    let minutes = |minutes: u64| {
        i64::try_from(minutes)
            .unwrap_or(i64::MAX)
            .saturating_mul(MINUTE_MS)
    };
    let defaults = PeopleOptions::default();
    PeopleOptions {
        home: facts.tenant().unwrap_or(defaults.home),
        session_idle_millis: minutes(config.auth.session_idle_minutes),
        lock_failures: config.auth.lock_failures,
        lock_millis: minutes(config.auth.lock_minutes),
        session_life_millis: minutes(config.auth.session_life_hours.saturating_mul(60)),
        failures_per_minute_max: config.auth.failures_per_minute_max,
        ..PeopleOptions::default()
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

fn store_options(config: &Config) -> StoreOptions {
    let mut options = StoreOptions::default();
    options.journal.segment_bytes_max = u32::try_from(config.store.segment_bytes_max).unwrap_or(u32::MAX);
    options.cache_bytes = usize::try_from(config.store.cache_bytes).unwrap_or(usize::MAX);
    options.writer.checkpoint_every = Duration::from_secs(config.store.checkpoint_seconds);
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
