//! Whatever happens to the index's files, a start succeeds, and after the follower has caught up searches find
//! everything again.

use std::fs;
use std::path::{Path, PathBuf};

use blotter::search::document::{DocChange, SearchDoc};
use blotter::search::index::{Health, Index};

use super::{Box, doc, open, search};

pub(super) const DOCS: u64 = 300;
const FINAL_POSITION: u64 = 3;

pub(super) fn source() -> Vec<SearchDoc> {
    (1..=DOCS)
        .map(|number| {
            doc(number, &format!("INV-2026-{number:04}"), |text| {
                text.title = format!("Theft of item {number}");
                text.body = format!("witness {} saw a sedan near pier {}", number % 17, number % 23);
                text.names = vec![format!("John Smith{}", char::from(b'a' + (number % 26) as u8))];
                text.plates = vec![format!("ABC{number}")];
                text.status = ["open", "closed"][number as usize % 2].to_owned();
            })
        })
        .collect()
}

/// The follower: brings an index from its position to the end of the source, in the way the server does.
pub(super) fn catch_up(index: &Index) {
    for _ in 0..5 {
        if index.verify().unwrap() == Health::Suspect {
            index.recover().unwrap();
        }
        let from = index.position();
        let changes = source()
            .into_iter()
            .map(|doc| DocChange::Upsert(std::boxed::Box::new(doc)));
        let changes = if from == FINAL_POSITION {
            Vec::new()
        } else {
            changes.collect()
        };
        let done = index.apply(changes, FINAL_POSITION).and_then(|()| index.commit());
        if done.is_ok() && index.health() == Health::Sound {
            return;
        }
        index.recover().unwrap();
    }
    panic!("the index never became sound");
}

pub(super) fn assert_equal_to_source(index: &Index, what: &str) {
    assert_eq!(index.documents(), DOCS, "{what}");
    for doc in source() {
        let mut asked = search(&doc.text.display_id);
        asked.limit = 1;
        let page = index.search(&asked).unwrap();
        assert_eq!(page.hits.first().map(|hit| hit.id), Some(doc.id), "{what}");
        assert_eq!(page.hits[0].title, doc.text.title, "{what}");
    }
    let page = index.search(&search("sedan status:open")).unwrap();
    assert_eq!(page.total, DOCS / 2, "{what}");
}

/// An index of several segments, with deletes, checkpointed and closed.
fn prepared() -> Box {
    let test = Box::with(source().into_iter().take(100).collect());
    test.add(source().into_iter().skip(50).take(150).collect());
    test.add(source().into_iter().skip(200).collect());
    test.index.checkpoint().unwrap();
    test
}

pub(super) fn files(folder: &Path) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    files.sort();
    files
}

/// Copies a folder in which files may come and go meanwhile.
pub(super) fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for file in files(from) {
        match fs::copy(&file, to.join(file.file_name().unwrap())) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => panic!("{error}"),
            _ => {}
        }
    }
}

/// Harms each file of an index in turn; `done` says how.
fn each_file(done: &str, harm: impl Fn(&Path)) {
    let Box { index, folder } = prepared();
    drop(index);
    let whole = folder.path().join("index");
    let count = files(&whole).len();
    assert!(count > 12, "{count} files");
    for number in 0..count {
        let place = tempfile::tempdir().unwrap();
        let copied = place.path().join("index");
        copy(&whole, &copied);
        let file = files(&copied)[number].clone();
        harm(&file);
        let index = open(place.path());
        catch_up(&index);
        assert_equal_to_source(&index, &file.file_name().unwrap().to_string_lossy());
        drop(index);
        let index = open(place.path());
        assert_eq!(index.position(), FINAL_POSITION, "a second start");
    }
    println!(
        "index: each of {count} files {done}; after each, searches for all {DOCS} documents found what they found before"
    );
}

#[test]
fn a_deleted_file_costs_nothing_but_time() {
    each_file("deleted", |file| fs::remove_file(file).unwrap());
}

#[test]
fn a_flipped_byte_costs_nothing_but_time() {
    each_file("with a byte flipped in its middle", |file| {
        flip(file, |length| length / 2)
    });
}

#[test]
fn a_flipped_last_byte_costs_nothing_but_time() {
    each_file("with its last byte flipped", |file| {
        flip(file, |length| length - 1)
    });
}

#[test]
fn an_emptied_file_costs_nothing_but_time() {
    each_file("emptied", |file| fs::write(file, b"").unwrap());
}

fn flip(file: &Path, place: impl Fn(usize) -> usize) {
    let mut bytes = fs::read(file).unwrap();
    if !bytes.is_empty() {
        let at = place(bytes.len());
        bytes[at] ^= 0x55;
    }
    fs::write(file, bytes).unwrap();
}

#[test]
fn damage_that_is_met_while_it_runs_is_mended() {
    let test = prepared();
    assert_eq!(test.index.verify().unwrap(), Health::Sound);
    let mut files = files(&test.folder.path().join("index"));
    files.retain(|file| {
        let end = file.extension();
        end.is_some_and(|end| end == "store" || end == "term" || end == "fast")
    });
    files.iter().for_each(|file| flip(file, |length| length / 3));
    assert_eq!(test.index.verify().unwrap(), Health::Suspect);
    assert_eq!(test.index.recover().unwrap(), 0);
    assert!(test.folder.path().join("index.damaged").exists());
    catch_up(&test.index);
    assert_equal_to_source(&test.index, "at run time");
    println!(
        "index: {} files with a byte flipped while it ran; mended, with every document found",
        files.len()
    );
}

#[test]
fn a_start_goes_on_from_the_last_commit() {
    let test = Box::with(source());
    test.index
        .apply(vec![DocChange::Delete(source()[0].id)], 77)
        .unwrap();
    let Box { index, folder } = test;
    drop(index);
    let index = open(folder.path());
    assert_eq!(
        (index.position(), index.documents()),
        (1, DOCS),
        "what was not committed is done again"
    );
    index.apply(vec![DocChange::Delete(source()[0].id)], 77).unwrap();
    index.commit().unwrap();
    drop(index);
    let index = open(folder.path());
    assert_eq!((index.position(), index.documents()), (77, DOCS - 1));
    assert!(!folder.path().join("index.damaged").exists());
}

#[test]
fn a_foreign_folder_is_put_aside() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("index")).unwrap();
    fs::write(folder.path().join("index/meta.json"), b"{}").unwrap();
    let index = open(folder.path());
    assert_eq!(index.position(), 0);
    assert!(folder.path().join("index.damaged/meta.json").exists());
}
