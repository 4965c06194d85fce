//! What targets need a node for: two agencies with a few records each, in a folder in memory where there is one.

use std::io::{Cursor, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, Method, Request, Response, StatusCode};
use blotter::domain::kind::{CASE, ENTITY};
use blotter::domain::time::{Clock, Millis};
use blotter::domain::value::{Fields, Value};
use blotter::lanes::http::{Beside, Lanes, Options};
use blotter::search::index::Index;
use blotter::services::Services;
use blotter::services::caller::Caller;
use blotter::services::events::{Feed, FeedOptions};
use blotter::services::files::Files;
use blotter::services::files::room::Room;
use blotter::services::people::PeopleOptions;
use blotter::services::people::passwords::HashOptions;
use blotter::services::search::Finder;
use blotter::services::search::follow::catch_up;
use blotter::store::blobs::Blobs;
use blotter::store::disk::RealDisk;
use blotter::store::handle::{Store, StoreOptions, World};
use blotter::store::identity::Identity;
use blotter::views::FOLD;
use http_body_util::BodyExt;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;

use super::files_below;

thread_local! {
    /// One for each thread that asks, gone with it.
    pub(super) static BENCH: Bench = Bench::open();
}

/// What a key of the fuzzer may do: no keys and no accounts, or it would soon lock itself out; nothing that takes a minute.
const SCOPES: [&str; 12] = [
    "audit:read",
    "cases:read",
    "cases:write",
    "custody:write",
    "entities:read",
    "entities:write",
    "evidence:read",
    "evidence:write",
    "reports:read",
    "reports:write",
    "watchlists:read",
    "watchlists:write",
];

pub(super) struct Bench {
    pub(super) services: Services,
    pub(super) index: Arc<Index>,
    pub(super) metro: Caller,
    pub(super) runtime: tokio::runtime::Runtime,
    /// The members of a bundle, in the order of its zip.
    pub(super) bundle: Vec<(String, Vec<u8>)>,
    router: Router,
    authorization: String,
    files: PathBuf,
    /// Those that were there from the beginning.
    files_kept: Vec<PathBuf>,
    _folder: tempfile::TempDir,
}

/// A clock that stands still.
#[derive(Debug)]
pub(super) struct Still;

impl Clock for Still {
    fn now(&self) -> Millis {
        Millis(1_780_272_000_000)
    }
}

/// An answer, read to its end.
#[derive(PartialEq, Debug)]
pub(super) struct Told {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
}

impl Told {
    /// The body as JSON; null if it is none.
    pub(super) fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }
}

impl Bench {
    fn open() -> Self {
        let memory = Path::new("/dev/shm");
        let folder = match std::env::var_os("TMPDIR") {
            None if memory.is_dir() => tempfile::tempdir_in(memory),
            _ => tempfile::tempdir(),
        };
        let folder = folder.expect("a folder");
        let services = services(folder.path());
        let owner = |tenant: &str| services.admit_owner(tenant.parse().expect("a name"), "fuzz".into());
        let (metro, harbor) = (owner("metro"), owner("harbor"));
        for caller in [&metro, &harbor] {
            (0..3).for_each(|number| fill(&services, caller, number));
        }
        let index = Index::open(&folder.path().join("search"), Default::default()).expect("an index");
        let index = Arc::new(index);
        catch_up(services.store(), &index).expect("an index of all");
        let options = Options {
            requests_per_second: u32::MAX,
            request_burst: u32::MAX,
            ..Options::default()
        };
        let finder = Finder::new(services.clone(), Arc::clone(&index), None);
        let feed = Feed::new(Arc::clone(services.store()), FeedOptions::default()).expect("a feed");
        // A node that stops: whoever listens is told what there is, and nothing is waited for.
        let stopping = CancellationToken::new();
        stopping.cancel();
        let beside = Beside::new(drop, stopping);
        let lanes = Lanes::new(services.clone(), finder, feed, beside, options);
        let router = blotter::lanes::router(&lanes);
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .build()
            .expect("a runtime");
        let mut bench = Self {
            authorization: format!("Bearer {}", key(&services, &metro)),
            files: folder.path().join("files"),
            files_kept: Vec::new(),
            bundle: Vec::new(),
            metro,
            services,
            index,
            router,
            runtime,
            _folder: folder,
        };
        bench.file_evidence();
        bench.files_kept = files_below(&bench.files);
        bench.bundle = bench.export();
        bench
    }

    /// An item of evidence with a file, a note, a report.
    fn file_evidence(&self) {
        let json = |path: &str, data: &str| {
            let body = format!("{{\"data\":{data}}}").into_bytes();
            let told = self.ask(Method::POST, path, &[("content-type", "application/json")], body);
            assert_eq!(told.status, StatusCode::CREATED, "{path}: {:?}", told.body);
        };
        json(
            "/v1/evidence",
            r#"{"case_id":"INV-2026-0001","type":"photo","description":"a bicycle","external_id":"one"}"#,
        );
        json(
            "/v1/cases/INV-2026-0001/notes",
            r#"{"text":"seen at the harbour"}"#,
        );
        let form = "--b\r\ncontent-disposition: form-data; name=\"files\"; filename=\"ä.txt\"\r\n\r\n0123456789\r\n--b--\r\n";
        let headers = [("content-type", "multipart/form-data; boundary=b")];
        let told = self.ask(
            Method::POST,
            "/v1/evidence/ext:one/files",
            &headers,
            form.as_bytes().to_vec(),
        );
        assert_eq!(told.status, StatusCode::CREATED, "{:?}", told.body);
    }

    fn export(&self) -> Vec<(String, Vec<u8>)> {
        let mut zip = Cursor::new(Vec::new());
        self.services
            .export_case(&self.metro, "INV-2026-0001", &mut zip, &mut |_, _| {})
            .expect("a bundle");
        let mut zip = zip::ZipArchive::new(zip).expect("a zip");
        let members = (0..zip.len()).map(|place| {
            let mut member = zip.by_index(place).expect("a member");
            let mut bytes = Vec::new();
            member.read_to_end(&mut bytes).expect("its bytes");
            (member.name().expect("a name").into_owned(), bytes)
        });
        members.collect()
    }

    /// What the lanes answer to a request of a key; it may bring another `authorization`.
    pub(super) fn ask(&self, method: Method, target: &str, headers: &[(&str, &str)], body: Vec<u8>) -> Told {
        let mut request = Request::builder().method(method).uri(target);
        if !headers.iter().any(|(name, _)| *name == "authorization") {
            request = request.header("authorization", &self.authorization);
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let Ok(request) = request.body(Body::from(body)) else {
            return Told {
                status: StatusCode::BAD_REQUEST,
                headers: HeaderMap::new(),
                body: Bytes::new(),
            };
        };
        self.runtime.block_on(async {
            let Ok(response) = self.router.clone().oneshot(request).await;
            let (head, body) = Response::into_parts(response);
            Told {
                status: head.status,
                headers: head.headers,
                body: body.collect().await.expect("a whole body").to_bytes(),
            }
        })
    }

    /// Files that were not there at the beginning.
    pub(super) fn files_left(&self) -> Vec<PathBuf> {
        let mut files = files_below(&self.files);
        files.retain(|file| !self.files_kept.contains(file));
        files
    }
}

fn services(folder: &Path) -> Services {
    let world = World {
        disk: Arc::new(RealDisk),
        clock: Arc::new(Still),
    };
    let identity = Identity::generate().expect("random bytes");
    let (store, _) = Store::open(&world, folder, &identity, FOLD, StoreOptions::default()).expect("a store");
    let blobs = Blobs::open(world.disk.clone(), &folder.join("files")).expect("files");
    let room = Room::new(world.disk, folder.to_path_buf(), 1);
    // Passwords are guessed here as fast as can be.
    let hash = HashOptions {
        memory_kib: 64,
        passes: 1,
        ..HashOptions::default()
    };
    let people = PeopleOptions {
        hash,
        ..PeopleOptions::default()
    };
    Services::new(Arc::new(store), Files::new(blobs, room), world.clock).with_people(people)
}

fn fill(services: &Services, caller: &Caller, number: u32) {
    let text = |text: String| Value::text(text);
    let case = Fields::from([("title".into(), text(format!("stolen car {number}")))]);
    let person = [
        ("kind".into(), text("person".into())),
        ("display_name".into(), text(format!("Katherine Miller {number}"))),
    ];
    services.create(caller, &CASE, case, None).expect("a case");
    services
        .create(caller, &ENTITY, Fields::from(person), None)
        .expect("a person");
}

fn key(services: &Services, caller: &Caller) -> String {
    let texts = |words: &[&str]| Value::List(words.iter().map(|word| Value::text(*word)).collect());
    let input = Fields::from([
        ("name".to_owned(), Value::text("fuzz")),
        ("scopes".to_owned(), texts(&SCOPES)),
        ("lanes".to_owned(), texts(&["query", "events"])),
    ]);
    services.create_key(caller, input).expect("a key").key
}
