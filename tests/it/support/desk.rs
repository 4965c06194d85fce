//! Services over a real store in a temporary folder, with a clock that stands still until it is moved.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use blotter::domain::kind::Kind;
use blotter::domain::operation::Change;
use blotter::domain::time::{Clock, Millis};
use blotter::search::index::{Index, Options};
use blotter::services::Services;
use blotter::services::caller::Caller;
use blotter::services::files::Files;
use blotter::services::files::room::Room;
use blotter::services::people::PeopleOptions;
use blotter::services::people::passwords::HashOptions;
use blotter::services::search::Finder;
use blotter::store::blobs::Blobs;
use blotter::store::disk::{Disk, RealDisk};
use blotter::store::handle::{Store, StoreOptions, World};
use blotter::store::identity::Identity;
use blotter::views::FOLD;

/// A clock that tests move.
#[derive(Debug)]
pub(crate) struct TestClock(AtomicI64);

impl Default for TestClock {
    fn default() -> Self {
        Self(AtomicI64::new(Millis::parse("2026-03-17T21:14:22Z").unwrap().0))
    }
}

impl TestClock {
    /// Lets so many milliseconds pass.
    pub(crate) fn advance(&self, millis: i64) {
        self.0.fetch_add(millis, Ordering::SeqCst);
    }
}

impl Clock for TestClock {
    fn now(&self) -> Millis {
        Millis(self.0.load(Ordering::SeqCst))
    }
}

/// Services over a store that can be stopped and opened again.
pub(crate) struct TestDesk {
    folder: tempfile::TempDir,
    /// The clock of everything here.
    pub(crate) clock: Arc<TestClock>,
    disk: Arc<dyn Disk>,
    services: Option<Services>,
}

impl TestDesk {
    /// In a new folder.
    pub(crate) fn open() -> Self {
        Self::open_on(Arc::new(RealDisk))
    }

    /// In a new folder, its store on this disk.
    pub(crate) fn open_on(disk: Arc<dyn Disk>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        Identity::generate()
            .unwrap()
            .save(&RealDisk, folder.path())
            .unwrap();
        Self::started(folder, disk)
    }

    /// In a folder that has a key.
    pub(crate) fn open_in(folder: tempfile::TempDir) -> Self {
        Self::started(folder, Arc::new(RealDisk))
    }

    fn started(folder: tempfile::TempDir, disk: Arc<dyn Disk>) -> Self {
        let clock = Arc::new(TestClock::default());
        let services = Some(start(folder.path(), &clock, &disk));
        Self {
            folder,
            clock,
            disk,
            services,
        }
    }

    /// The folder.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The services.
    pub(crate) fn services(&self) -> &Services {
        self.services.as_ref().unwrap()
    }

    /// Stops the store and opens it again.
    pub(crate) fn restart(&mut self) {
        self.services = None;
        self.services = Some(start(self.folder.path(), &self.clock, &self.disk));
    }

    /// A search over an index of its own that follows when it is asked to.
    pub(crate) fn finder(&self) -> Finder {
        let index = Index::open(&self.folder().join("search"), Options::default()).unwrap();
        Finder::new(self.services().clone(), Arc::new(index), None)
    }

    /// The owner of the folder, acting for the usual tenant.
    pub(crate) fn owner(&self) -> Caller {
        self.owner_of("metro")
    }

    /// The owner of the folder, acting for a tenant.
    pub(crate) fn owner_of(&self, tenant: &str) -> Caller {
        self.services()
            .admit_owner(tenant.parse().unwrap(), "test".into())
    }

    /// Changes a record as a unit that was apart does, or an earlier version of the program: past the rules, and having seen
    /// of what stands no more than the changes say.
    pub(crate) fn change_apart(
        &self,
        caller: &Caller,
        (kind, reference): (&'static Kind, &str),
        changes: Vec<Change>,
    ) {
        let reference = reference.to_owned();
        let written = self.services().write(caller, "test", None, move |desk| {
            let record = desk.find(kind, &reference)?;
            desk.change(kind, &record, changes).map(drop)
        });
        written.unwrap();
    }
}

fn start(folder: &Path, clock: &Arc<TestClock>, disk: &Arc<dyn Disk>) -> Services {
    let world = World {
        disk: Arc::clone(disk),
        clock: clock.clone(),
    };
    let identity = Identity::load(&RealDisk, folder).unwrap().unwrap();
    let (store, _) = Store::open(&world, folder, &identity, FOLD, StoreOptions::default()).unwrap();
    let blobs = Blobs::open(world.disk.clone(), &folder.join("files")).unwrap();
    let room = Room::new(world.disk, folder.to_path_buf(), 1 << 20);
    let hash = HashOptions {
        memory_kib: 64,
        passes: 1,
        ..HashOptions::default()
    };
    let people = PeopleOptions {
        hash,
        ..PeopleOptions::default()
    };
    Services::new(Arc::new(store), Files::new(blobs, room), clock.clone())
        .with_people(people)
        .with_sessions_kept_in(Arc::new(RealDisk), folder.join("sessions.json"))
}
