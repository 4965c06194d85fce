//! What each fuzz target does with its bytes: a decoder must answer or refuse, never panic, and what it answers must mean the
//! same when it is written and read again. The ordinary tests replay the corpora through these very functions.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use axum::body::{Body, Bytes};
use axum::http::header::{CONTENT_TYPE, HeaderMap, HeaderValue};
use blotter::domain::kind::{CASE, ENTITY};
use blotter::domain::time::{Clock, Millis};
use blotter::domain::value::{Fields, Value};
use blotter::lanes::http::cursor as list_cursor;
use blotter::lanes::http::files::multipart::{PartLimits, receive};
use blotter::search::ask::Ask;
use blotter::search::index::Index;
use blotter::search::page::{Reader, Search};
use blotter::services::Services;
use blotter::services::audit::reader::AuditFilter;
use blotter::services::caller::Caller;
use blotter::services::casebook::Listing;
use blotter::services::failure::{Failure, Outcome};
use blotter::services::files::room::Room;
use blotter::services::files::{Files, Purpose};
use blotter::services::images::{DecodeLimits, inspect, thumbnail};
use blotter::services::import::{Limits, Mapping, open};
use blotter::services::search::follow::catch_up;
use blotter::store::blobs::Blobs;
use blotter::store::codec;
use blotter::store::database::Direction;
use blotter::store::disk::RealDisk;
use blotter::store::handle::{Store, StoreOptions, World};
use blotter::store::identity::Identity;
use blotter::store::note::Note;
use blotter::store::note::checkpoint::Checkpoint;
use blotter::store::note::proof::TlogProof;
use blotter::views::FOLD;
use blotter::views::index::Order;
use futures_util::stream;

/// Headers, payloads, values and record rows.
pub(crate) fn operation(bytes: &[u8]) {
    if let Ok(header) = codec::decode_header(bytes) {
        assert_eq!(codec::decode_header(&codec::encode_header(&header)), Ok(header));
    }
    if let Ok(payload) = codec::decode_payload(bytes) {
        assert_eq!(
            codec::decode_payload(&codec::encode_payload(&payload)),
            Ok(payload)
        );
    }
    if let Ok(value) = codec::decode_value(bytes) {
        assert_eq!(codec::decode_value(&codec::encode_value(&value)), Ok(value));
    }
    let id = blotter::domain::id::RecordId::from_bytes([7; 16]);
    if let Ok(record) = codec::decode_record(id, bytes) {
        let again = codec::decode_record(id, &codec::encode_record(&record));
        assert_eq!(again, Ok(record));
    }
}

/// Signed notes, checkpoints and proofs.
pub(crate) fn checkpoint(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    if let Ok(note) = Note::parse(text) {
        assert_eq!(note.to_string(), text);
    }
    if let Ok(checkpoint) = Checkpoint::parse(text) {
        assert_eq!(checkpoint.text(), text);
    }
    drop(TlogProof::parse(text));
}

/// What an officer types into the search box.
pub(crate) fn query(bytes: &[u8]) {
    drop(Ask::parse(&String::from_utf8_lossy(bytes)));
}

/// A file to be imported by a mapping.
pub(crate) fn csv(bytes: &[u8]) {
    let mapping = Mapping::parse(include_str!("../data/nypd-hate-crime-complaints.toml")).expect("it ships");
    let Ok(mut import) = open(mapping, bytes, Limits::default()) else {
        return;
    };
    while let Ok(Some(_)) = import.next_row() {}
}

/// A picture.
pub(crate) fn image(bytes: &[u8]) {
    let limits = DecodeLimits {
        pixels_max: 1 << 20,
        ..DecodeLimits::default()
    };
    drop(inspect(bytes));
    drop(thumbnail(bytes, 64, &limits));
}

/// Where a page of a list begins, as a client says it: its first byte picks the list. The tag of a cursor is no secret, so a
/// stranger can make one of any place; whatever it is, no list tells a record of another agency.
pub(crate) fn cursor(bytes: &[u8]) {
    let Some((list, place)) = bytes.split_first() else {
        return;
    };
    let text = String::from_utf8_lossy(place);
    if let Ok(read) = list_cursor::decode(&["fuzz"], &text) {
        assert_eq!(list_cursor::encode(&["fuzz"], &read), text);
    }
    let made = list_cursor::encode(&["fuzz"], place);
    assert!(list_cursor::decode(&["fuzz"], &made).is_ok_and(|read| read == place));
    assert!(list_cursor::decode(&["other"], &made).is_err());
    BENCH.with(|bench| bench.page(*list, place, &text));
}

/// A body of several parts: its first line is the content type. Whether it comes at once or in pieces, it means the same, and
/// what nobody takes leaves no file.
pub(crate) fn multipart(bytes: &[u8]) {
    let line = bytes
        .iter()
        .position(|byte| *byte == b'\n')
        .unwrap_or(bytes.len());
    let Ok(media) = HeaderValue::from_bytes(&bytes[..line]) else {
        return;
    };
    let body = bytes.get(line + 1..).unwrap_or_default();
    BENCH.with(|bench| {
        let whole = bench.receive(&media, body, body.len().max(1));
        assert_eq!(bench.receive(&media, body, 7), whole);
        assert_eq!(files_below(&bench.files), Vec::<PathBuf>::new());
    });
}

thread_local! {
    /// One for each thread that asks, gone with it.
    static BENCH: Bench = Bench::open();
}

/// Two agencies with a few records each, in a folder in memory where there is one.
struct Bench {
    services: Services,
    index: Arc<Index>,
    metro: Caller,
    files: PathBuf,
    runtime: tokio::runtime::Runtime,
    _folder: tempfile::TempDir,
}

/// A clock that stands still.
#[derive(Debug)]
struct Still;

impl Clock for Still {
    fn now(&self) -> Millis {
        Millis(1_780_272_000_000)
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
        let world = World {
            disk: Arc::new(RealDisk),
            clock: Arc::new(Still),
        };
        let identity = Identity::generate().expect("random bytes");
        let options = StoreOptions::default();
        let (store, _) = Store::open(&world, folder.path(), &identity, FOLD, options).expect("a store");
        let files = folder.path().join("files");
        let blobs = Blobs::open(world.disk.clone(), &files).expect("files");
        let room = Room::new(world.disk, folder.path().to_path_buf(), 1);
        let services = Services::new(Arc::new(store), Files::new(blobs, room), world.clock);
        let owner = |tenant: &str| services.admit_owner(tenant.parse().expect("a name"), "fuzz".into());
        let (metro, harbor) = (owner("metro"), owner("harbor"));
        for (caller, number) in [&metro, &harbor]
            .into_iter()
            .flat_map(|caller| [(caller, 0), (caller, 1), (caller, 2)])
        {
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
        let index = Index::open(&folder.path().join("search"), Default::default()).expect("an index");
        let index = Arc::new(index);
        catch_up(services.store(), &index).expect("an index of all");
        let runtime = tokio::runtime::Builder::new_current_thread()
            .build()
            .expect("a runtime");
        Self {
            metro,
            services,
            index,
            files,
            runtime,
            _folder: folder,
        }
    }

    fn page(&self, list: u8, place: &[u8], text: &str) {
        let caller = &self.metro;
        match list % 4 {
            0 | 1 => {
                let listing = Listing {
                    order: if list & 4 == 0 {
                        Order::Created
                    } else {
                        Order::Updated
                    },
                    way: if list & 8 == 0 {
                        Direction::Up
                    } else {
                        Direction::Down
                    },
                    after: Some(place.to_vec()),
                    ..Listing::default()
                };
                let kind = if list & 16 == 0 { &CASE } else { &ENTITY };
                let page = not_internal(self.services.list(caller, kind, &listing));
                for record in page.into_iter().flat_map(|page| page.records) {
                    assert_eq!((&record.tenant, &*record.kind), (caller.tenant(), kind.name));
                }
            }
            2 => {
                let filter = AuditFilter::default();
                drop(not_internal(self.services.audit(
                    caller,
                    &filter,
                    Some(place),
                    10,
                )));
                drop(not_internal(self.services.conflicts(
                    caller,
                    Some(&place.to_vec()),
                    10,
                )));
            }
            _ => {
                let search = Search {
                    text: "katherine stolen miller car".to_owned(),
                    reader: Reader {
                        tenant: caller.tenant().clone(),
                        access: vec!["open".to_owned()],
                    },
                    kinds: Vec::new(),
                    case_id: None,
                    limit: 2,
                    cursor: Some(text.to_owned()),
                    with_facets: false,
                    now_ms: Still.now().0,
                };
                // A stranger who knows how a cursor is sealed; see `search::page`.
                drop(self.index.search(&search));
            }
        }
    }

    /// What came of a body in pieces of this length: its data and how many files, or what was wrong.
    fn receive(&self, media: &HeaderValue, body: &[u8], piece: usize) -> Result<(String, usize), String> {
        let pieces: Vec<_> = body
            .chunks(piece)
            .map(|piece| Ok::<_, std::io::Error>(Bytes::copy_from_slice(piece)))
            .collect();
        let headers = HeaderMap::from_iter([(CONTENT_TYPE, media.clone())]);
        let limits = PartLimits {
            purpose: Purpose::Picture,
            file_bytes_max: 4096,
            files_max: 4,
        };
        let receiving = receive(
            &self.services,
            &headers,
            Body::from_stream(stream::iter(pieces)),
            limits,
        );
        let mut parts =
            not_internal(self.runtime.block_on(receiving)).map_err(|failure| format!("{failure:?}"))?;
        let files = parts.take_files();
        let count = files.len();
        self.services.give_up_uploads(files);
        Ok((parts.data.to_string(), count))
    }
}

/// Nothing that a client says is our own failure.
fn not_internal<T>(outcome: Outcome<T>) -> Outcome<T> {
    if let Err(Failure::Internal(cause)) = &outcome {
        panic!("{cause}");
    }
    outcome
}

/// Every file of a folder and of those in it.
pub(crate) fn files_below(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder)
        .expect("a folder")
        .map(|entry| entry.expect("an entry").path());
    let below = |path: PathBuf| {
        if path.is_dir() {
            files_below(&path)
        } else {
            vec![path]
        }
    };
    entries.flat_map(below).collect()
}
