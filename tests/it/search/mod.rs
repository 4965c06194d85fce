//! The search index: what is found, what is not shown, what survives damage, and how good it is.

mod access;

mod damage;
mod faults;
mod find;
mod quality;

use std::path::Path;

use blotter::domain::id::{RecordId, TenantId};
use blotter::search::ask::Ask;
use blotter::search::document::{DocChange, DocText, SearchDoc};
use blotter::search::index::{Index, Options};
use blotter::search::page::{Page, Reader, Search};

/// 2026-06-01T00:00:00Z.
const NOW_MS: i64 = 1_780_272_000_000;

/// An index in a folder that goes away with it.
struct Box {
    index: Index,
    folder: tempfile::TempDir,
}

impl Box {
    fn with(docs: Vec<SearchDoc>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let index = open(folder.path());
        let test = Self { index, folder };
        test.add(docs);
        test
    }

    fn add(&self, docs: Vec<SearchDoc>) {
        let changes = docs
            .into_iter()
            .map(|doc| DocChange::Upsert(std::boxed::Box::new(doc)))
            .collect();
        self.index.apply(changes, self.index.position() + 1).unwrap();
        self.index.commit().unwrap();
    }

    fn search(&self, text: &str) -> Page {
        self.index.search(&search(text)).unwrap()
    }

    /// The display ids of the first page.
    fn ids(&self, text: &str) -> Vec<String> {
        self.search(text)
            .hits
            .into_iter()
            .map(|hit| hit.display_id)
            .collect()
    }
}

fn open(folder: &Path) -> Index {
    Index::open(&folder.join("index"), Options::default()).unwrap()
}

fn search(text: &str) -> Search {
    Search {
        typed: Ask::parse(text),
        reader: reader("nypd", &["open"]),
        kinds: Vec::new(),
        case_id: None,
        limit: 20,
        cursor: None,
        with_facets: false,
        now_ms: NOW_MS,
    }
}

fn reader(tenant: &str, access: &[&str]) -> Reader {
    Reader {
        tenant: tenant.parse::<TenantId>().unwrap(),
        access: access.iter().map(|term| (*term).to_owned()).collect(),
    }
}

/// A document that everybody of one agency may read; `number` makes its id, so that a higher one is newer.
fn doc(number: u64, display_id: &str, change: impl FnOnce(&mut DocText)) -> SearchDoc {
    let mut text = DocText {
        kind: "case".to_owned(),
        display_id: display_id.to_owned(),
        created_ms: NOW_MS - 86_400_000 * 400,
        updated_ms: NOW_MS - 86_400_000 * 400,
        ..DocText::default()
    };
    change(&mut text);
    let mut id = [0; 16];
    id[8..].copy_from_slice(&number.to_be_bytes());
    SearchDoc {
        id: RecordId::from_bytes(id),
        tenant: "nypd".parse::<TenantId>().unwrap(),
        access: vec!["open".to_owned()],
        text,
    }
}

fn person(number: u64, name: &str) -> SearchDoc {
    doc(number, &format!("ENT-{number}"), |text| {
        text.kind = "entity/person".to_owned();
        text.title = name.to_owned();
        text.names = vec![name.to_owned()];
    })
}
