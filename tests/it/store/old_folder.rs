//! A data folder that an earlier program wrote is opened, proved and read by this one. `BLOTTER_UPDATE=1` writes the folder of
//! today's format beside the old ones; a changed format gets a new folder, and the old ones stay.

use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};

use blotter::domain::kind::{CASE, EVIDENCE, NOTE};
use blotter::domain::value::{Fields, Value};
use blotter::store::identity::Stream;
use blotter::store::note::notary::Proven;

use crate::court::{attach, faults};
use crate::support::desk::TestDesk;

/// Every folder of an earlier time: its journal, files and key, and in `roots` what each log held then.
const FOLDERS: [&str; 1] = ["format-1"];

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/fixtures/folders")
        .join(name)
}

fn fields(members: &[(&str, &str)]) -> Fields {
    let members = members
        .iter()
        .map(|(name, text)| ((*name).to_owned(), Value::text(*text)));
    members.collect()
}

/// A case changed twice, evidence with a file, and a note that a court had expunged.
fn write(to: &Path) {
    let desk = TestDesk::open();
    let (services, owner) = (desk.services(), desk.owner());
    let make = |kind, members: &[(&str, &str)]| {
        services.create(&owner, kind, fields(members), None).unwrap();
    };
    make(&CASE, &[("title", "The harbor fire")]);
    let change = fields(&[("title", "Arson at the harbor")]);
    services
        .patch(&owner, (&CASE, "INV-2026-0001"), None, change, None)
        .unwrap();
    let item = [
        ("case_id", "INV-2026-0001"),
        ("type", "photo"),
        ("description", "the pier"),
    ];
    make(&EVIDENCE, &item);
    attach(services, &owner, "EVD-0001", b"a photograph of the pier");
    let note = services.create(
        &owner,
        &NOTE,
        fields(&[("record_id", "INV-2026-0001"), ("text", "secret")]),
        None,
    );
    let note = note.unwrap().first().unwrap().id.to_string();
    let order = fields(&[("order", "4 Ds 113/26"), ("reason", "acquitted")]);
    services
        .expunge(&owner, &desk.finder(), (&NOTE, &note, None), &order, None)
        .unwrap();
    services.store().stop();
    fs::create_dir_all(to).unwrap();
    for part in ["journal", "files", "node.key"] {
        copy(&desk.folder().join(part), &to.join(part));
    }
    fs::write(to.join("roots"), roots(&desk)).unwrap();
}

fn copy(from: &Path, to: &Path) {
    if from.is_file() {
        fs::copy(from, to).unwrap();
        return;
    }
    for entry in fs::read_dir(from).unwrap() {
        let name = entry.unwrap().file_name();
        fs::create_dir_all(to).unwrap();
        copy(&from.join(&name), &to.join(&name));
    }
}

/// Each log's checkpoint without signatures.
fn roots(desk: &TestDesk) -> String {
    let (store, rows) = (desk.services().store(), desk.services().snapshot().unwrap());
    let mut text = String::new();
    for stream in Stream::ALL {
        let head = store.head(&rows, store.log(stream)).unwrap().unwrap();
        writeln!(text, "{}", head.note.text()).unwrap();
    }
    text
}

#[test]
fn folders_of_every_format_so_far_open_and_prove_what_they_hold() {
    for name in FOLDERS {
        let from = fixture(name);
        if std::env::var_os("BLOTTER_UPDATE").is_some() && !from.exists() {
            write(&from);
        }
        let folder = tempfile::tempdir().unwrap();
        copy(&from, folder.path());
        let desk = TestDesk::open_in(folder);
        assert_eq!(
            roots(&desk),
            fs::read_to_string(from.join("roots")).unwrap(),
            "{name}"
        );
        assert_eq!(faults(desk.services(), desk.folder()), [""; 0], "{name}");

        let (services, owner) = (desk.services(), desk.owner());
        let case = services.read(&owner, &CASE, "INV-2026-0001").unwrap();
        assert_eq!(case.text("title"), Some("Arson at the harbor"));
        let history = services
            .history(&owner, (&CASE, "INV-2026-0001"), None, 10)
            .unwrap();
        assert_eq!(history.operations.len(), 2);
        let proof = services
            .prove_operation(&owner, (&CASE, "INV-2026-0001"), None)
            .unwrap();
        let keys = services
            .store()
            .verifier_keys(services.store().log(Stream::Records))
            .unwrap();
        Proven::check(&proof, &keys).unwrap();

        // It goes on from where it was.
        let change = fields(&[("title", "closed")]);
        services
            .patch(&owner, (&CASE, "INV-2026-0001"), None, change, None)
            .unwrap();
        assert_eq!(faults(desk.services(), desk.folder()), [""; 0], "{name}");
    }
}
