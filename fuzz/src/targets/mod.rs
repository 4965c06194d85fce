//! What each fuzz target does with its bytes: a decoder must answer or refuse, never panic, and what it answers must mean the
//! same when it is written and read again. The ordinary tests replay the corpora through these very functions.

mod bench;

use std::collections::BTreeMap;
use std::io::{Cursor, Write};
use std::path::{Path, PathBuf};

use axum::body::{Body, Bytes};
use axum::http::header::{CONTENT_TYPE, HeaderMap, HeaderValue};
use axum::http::{Method, StatusCode};
use blotter::domain::kind::{CASE, ENTITY};
use blotter::domain::matching::{fold, names, phones, plates, regions};
use blotter::domain::time::Clock;
use blotter::lanes::http::files::multipart::{PartLimits, receive};
use blotter::lanes::http::lists::cursor as list_cursor;
use blotter::lanes::http::{Options, body};
use blotter::search::ask::Ask;
use blotter::search::page::{Reader, Search};
use blotter::services::audit::reader::AuditFilter;
use blotter::services::casebook::Listing;
use blotter::services::casework::conflicts::Wanted;
use blotter::services::export::check::check_bundle;
use blotter::services::failure::{Failure, Outcome};
use blotter::services::files::{Arrived, Purpose};
use blotter::services::images::{DecodeLimits, inspect, thumbnail};
use blotter::services::import::{Limits, Mapping, open};
use blotter::store::codec;
use blotter::store::database::Direction;
use blotter::store::hash::sha256;
use blotter::store::note::Note;
use blotter::store::note::checkpoint::Checkpoint;
use blotter::store::note::proof::TlogProof;
use blotter::views::index::Order;
use futures_util::stream;
use serde_json::Value as Json;
use zip::CompressionMethod;
use zip::write::SimpleFileOptions;

use self::bench::{BENCH, Bench, Still};

/// What is done with the bytes.
pub(crate) type Target = fn(&[u8]);

/// Every target by its name, which is also that of its folder of seeds.
pub(crate) const ALL: [(&str, Target); 11] = [
    ("bundle", bundle),
    ("checkpoint", checkpoint),
    ("csv", csv),
    ("cursor", cursor),
    ("image", image),
    ("json", json),
    ("multipart", multipart),
    ("names", names_and_numbers),
    ("operation", operation),
    ("query", query),
    ("request", request),
];

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
    read_rows(
        include_str!("../../../data/nypd-hate-crime-complaints.toml"),
        bytes,
    );
}

fn read_rows(mapping: &str, bytes: &[u8]) {
    let mapping = Mapping::parse(mapping).expect("a mapping");
    let Ok(mut import) = open(mapping, bytes, Limits::default()) else {
        return;
    };
    while let Ok(Some(_)) = import.next_row() {}
}

/// JSON as a body, and as a file to be imported. What is taken of a body is what any other reader finds in it.
pub(crate) fn json(bytes: &[u8]) {
    let headers = HeaderMap::from_iter([(CONTENT_TYPE, HeaderValue::from_static("application/json"))]);
    let content = not_internal(body::parse(&headers, bytes, &["atomic"], &Options::default()));
    if let Some(content) = content.ok().filter(|content| content.faults.is_empty()) {
        let plain: Json = serde_json::from_slice(bytes).expect("JSON");
        assert_eq!(plain["data"], content.data);
        assert_eq!(
            plain["meta"].as_object().cloned().unwrap_or_default(),
            content.meta
        );
    }
    read_rows(JSON_MAPPING, bytes);
}

const JSON_MAPPING: &str = "format = 'json'\nrequired = ['id']\n[[record]]\nname = 'case'\nkind = 'case'\n\
    external_id = '{id}'\nrepeat_id = '{id}/{b.c}'\ndata = { title = '{a | squeeze | sentence}', \
    opened_at = '{day ?? a | date %Y-%m-%d}', tags = ['{b.c | slug}'] }\n";

/// Two names, numbers or plates, one a line: being alike goes both ways, and what is folded stays as it is.
pub(crate) fn names_and_numbers(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let (left, right) = text.split_once('\n').unwrap_or((&text, ""));
    assert_eq!(names::match_names(left, right), names::match_names(right, left));
    assert_eq!(plates::same(left, right), plates::same(right, left));
    if let (Some(one), Some(other)) = (phones::parse(left), phones::parse(right)) {
        assert_eq!(one.is_same_line(&other), other.is_same_line(&one));
    }
    for text in [left, right] {
        let normal = plates::normal(text);
        assert_eq!(plates::normal(&normal), normal);
        let folded = plates::look_alike(&normal);
        assert_eq!(plates::look_alike(&folded), folded);
        for word in fold::words(text) {
            assert_eq!(fold::fold(&text[word.start..word.end]), word.text);
            names::sound_keys_like(&word.text);
        }
        names::forms(text);
        if let Some(number) = regions::international("US", text) {
            assert!(regions::is_possible(&number[1..]), "{number}");
        }
    }
}

/// A request as it comes after the head was parsed: `GET /v1/cases?limit=2`, headers `name: value`, an empty line, a body.
/// Whatever is asked, the answer is no fault of ours, every refusal says why, and what was made reads back the same.
pub(crate) fn request(bytes: &[u8]) {
    let end = bytes.windows(2).position(|pair| pair == b"\n\n");
    let (head, body) = bytes.split_at(end.unwrap_or(bytes.len()));
    let Ok(head) = std::str::from_utf8(head) else {
        return;
    };
    let mut lines = head.lines();
    let Some((method, target)) = lines.next().and_then(|line| line.split_once(' ')) else {
        return;
    };
    let Ok(method) = method.parse::<Method>() else {
        return;
    };
    let headers: Vec<(&str, &str)> = lines.filter_map(|line| line.split_once(": ")).collect();
    let body = body.get(2..).unwrap_or_default().to_vec();
    BENCH.with(|bench| {
        let told = bench.ask(method.clone(), target, &headers, body);
        assert!(!told.status.is_server_error(), "{told:?}");
        let refused = told.status.is_client_error() && !told.headers.is_empty() && method != Method::HEAD;
        if refused && told.status != StatusCode::RANGE_NOT_SATISFIABLE && !target.starts_with("/public/") {
            // Of every lane in its own form.
            let json = told.json();
            let error = &json["errors"][0];
            let code = [&error["code"], &error["extensions"]["code"], &json["error"]];
            assert!(code.iter().any(|code| code.is_string()), "{told:?}");
        }
        if let (StatusCode::CREATED, Some(location)) = (told.status, told.headers.get("location")) {
            let location = location.to_str().expect("a path");
            let read = bench.ask(Method::GET, location, &[], Vec::new());
            assert_eq!(
                (read.status, &read.json()["data"]),
                (StatusCode::OK, &told.json()["data"])
            );
        }
    });
}

/// A bundle as it comes from a stranger: bytes of a zip, or else a true bundle in which one member was changed and the manifests
/// with it. The first byte says which member, the next two where it is cut, the rest is put there. None passes for true.
pub(crate) fn bundle(bytes: &[u8]) {
    if bytes.starts_with(b"PK") {
        assert!(check_bundle(Cursor::new(bytes), &[]).is_err());
        return;
    }
    let [member, low, high, rest @ ..] = bytes else {
        return;
    };
    BENCH.with(|bench| {
        let mut members = bench.bundle.clone();
        let mut places: Vec<_> = (0..members.len()).collect();
        // What is made anew can't be changed; to an answer of the log anybody may add a signature.
        places.retain(|place| !members[*place].0.ends_with("manifest-sha256.txt"));
        places.retain(|place| !members[*place].0.ends_with("/export.tlog-proof"));
        let changed = &mut members[places[usize::from(*member) % places.len()]].1;
        let cut = usize::from(u16::from_le_bytes([*low, *high])) % (changed.len() + 1);
        let end = (cut + rest.len()).min(changed.len());
        let is_same = &changed[cut..end] == rest;
        changed.splice(cut..end, rest.iter().copied());
        let checked = check_bundle(Cursor::new(bagged(members)), &[]);
        assert_eq!(checked.is_ok(), is_same, "{checked:?}");
    });
}

/// The members as a bag, with manifests of what they are now.
fn bagged(mut members: Vec<(String, Vec<u8>)>) -> Vec<u8> {
    for manifest in ["/manifest-sha256.txt", "/tagmanifest-sha256.txt"] {
        let is_payload = manifest == "/manifest-sha256.txt";
        let listed: BTreeMap<&str, &Vec<u8>> = members
            .iter()
            .filter_map(|(name, bytes)| Some((name.split_once('/')?.1, bytes)))
            .filter(|(name, _)| name.starts_with("data/") == is_payload && manifest[1..] != **name)
            .collect();
        let lines = listed
            .iter()
            .map(|(name, bytes)| format!("{}  {name}\n", sha256(&[bytes])));
        let text: String = lines.collect();
        let member = members.iter_mut().find(|(name, _)| name.ends_with(manifest));
        member.expect("a manifest").1 = text.into_bytes();
    }
    let mut zip = zip::ZipWriter::new(Cursor::new(Vec::new()));
    let stored = SimpleFileOptions::default().compression_method(CompressionMethod::Stored);
    for (name, bytes) in members {
        zip.start_file(name, stored).expect("a member");
        zip.write_all(&bytes).expect("its bytes");
    }
    zip.finish().expect("a zip").into_inner()
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
        assert_eq!(bench.files_left(), Vec::<PathBuf>::new());
    });
}

impl Bench {
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
                let wanted = Wanted {
                    after: Some(place.to_vec()),
                    limit: 10,
                    ..Wanted::default()
                };
                drop(not_internal(self.services.conflicts(caller, &wanted)));
            }
            _ => {
                let search = Search {
                    typed: Ask::parse("katherine stolen miller car"),
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
            file_bytes_max: 4096,
            files_max: 4,
            ..PartLimits::new(Purpose::Picture, &Options::default())
        };
        let receiving = receive(
            &self.services,
            &headers,
            Body::from_stream(stream::iter(pieces)),
            limits,
        );
        let mut parts =
            not_internal(self.runtime.block_on(receiving)).map_err(|failure| format!("{failure:?}"))?;
        let Arrived { uploads, faults } = parts.take();
        let count = uploads.len();
        self.services.give_up_uploads(uploads);
        match faults.is_empty() {
            true => Ok((parts.data.to_string(), count)),
            false => Err(format!("{faults:?}")),
        }
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
