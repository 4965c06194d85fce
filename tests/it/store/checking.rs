//! Verification finds what is wrong and nothing else; a backup of a live node makes a node in a new incarnation.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use blotter::domain::id::Hash;
use blotter::store::backup::{BackupError, backup, check, restore};
use blotter::store::blobs::Blobs;
use blotter::store::disk::OpenMode;
use blotter::store::error::StoreError;
use blotter::store::handle::Store;
use blotter::store::identity::Stream;
use blotter::store::journal::JournalReader;
use blotter::store::verify::{Report, Source, verify_folder, verify_open};
use blotter::views::FOLD;
use blotter::views::root::state_root;

use super::station::{DIR, Station, assert_rebuilds, audited, case, evidence, title};
use crate::support::power::PowerDisk;

fn source<'a>(station: &'a Station, dir: &'a Path) -> Source<'a> {
    Source {
        disk: &station.disk,
        dir,
        fold: FOLD,
        scratch: Path::new("/scratch"),
    }
}

fn verify(station: &Station) -> Report {
    verify_folder(source(station, Path::new(DIR)), true, &mut |_| ()).unwrap()
}

/// Twenty cases and a file.
fn work(station: &Station) -> (Store, Blobs, Hash) {
    station.disk.create_dir_all(Path::new(DIR)).unwrap();
    station
        .identity
        .save(station.disk.as_ref(), Path::new(DIR))
        .unwrap();
    let blobs = Blobs::open(Arc::clone(&station.disk), &Path::new(DIR).join("files")).unwrap();
    let (store, _) = station.open().unwrap();
    let mut upload = blobs.begin(100).unwrap();
    upload.write(b"a photograph").unwrap();
    let held = upload.finish().unwrap();
    let hash = held.hash();
    store
        .write(move |session| session.append(evidence(100, hash)))
        .unwrap();
    for number in 1..=20 {
        let text = "x".repeat(2000);
        store
            .write(move |session| {
                session.append(case(number, &text))?;
                session.audit(audited(number, "create"))
            })
            .unwrap();
    }
    (store, blobs, hash)
}

#[test]
fn a_sound_store_is_clean_open_and_closed() {
    let station = Station::on(PowerDisk::new(1));
    let (store, _, _) = work(&station);
    let rows = store.snapshot().unwrap();
    let mut stages = 0;
    let from = source(&station, Path::new(DIR));
    let live = verify_open(from, store.journal(), Some(&rows), &mut |_| stages += 1).unwrap();
    assert_eq!(live.told(), [""; 0]);
    assert_eq!((live.groups, live.operations(), live.files), (21, 41, 1));
    assert!(stages >= 21 && live.rows > Some(100));
    let beside = verify_folder(from, false, &mut |_| ()).unwrap();
    assert_eq!((beside.rows, &beside.logs), (None, &live.logs));
    drop((rows, store));
    assert_eq!(verify(&station), live);
    let left = station.disk.list(Path::new("/scratch")).unwrap();
    assert_eq!(left, [""; 0], "the scratch folder is left as it was");
}

/// Changes a file at an offset and verifies; then puts it back.
fn faults_with(station: &Station, path: &Path, offset: u64, garbage: &[u8]) -> Vec<String> {
    let file = station.disk.open(path, OpenMode::ReadWrite).unwrap();
    let mut before = vec![0; garbage.len()];
    file.read_at(offset, &mut before).unwrap();
    file.write_at(offset, garbage).unwrap();
    let faults = verify(station).told();
    file.write_at(offset, &before).unwrap();
    assert!(verify(station).is_clean());
    faults
}

#[test]
fn each_kind_of_damage_is_named() {
    let station = Station::on(PowerDisk::new(1));
    let (store, _, hash) = work(&station);
    let root = state_root(&store.snapshot().unwrap()).unwrap();
    drop(store);
    let dir = Path::new(DIR);
    let text = hash.to_string();
    let photo = dir.join("files").join(&text[..2]).join(&text);
    let faults = faults_with(&station, &photo, 3, b"X");
    assert!(matches!(&faults[..], [one] if one.contains(&text) && one.contains("other bytes")));
    for offset in [70, 300, 5000] {
        let segment = dir.join(format!("journal/{:020}.seg", 1));
        let faults = faults_with(&station, &segment, offset, b"XYZ");
        assert!(faults[0].contains("segment 1"), "{faults:?}");
    }
    let views = dir.join("views.redb");
    let faults = faults_with(&station, &views, 0, &[0xff; 512]);
    assert!(
        matches!(&faults[..], [one] if one.contains("views")),
        "{faults:?}"
    );

    // Another node's key signed none of these heads.
    let other = Station::on(PowerDisk::new(2)).identity;
    other.save(station.disk.as_ref(), dir).unwrap();
    let faults = verify(&station).told();
    assert_eq!(faults.len(), 2, "one first fault for each log: {faults:?}");
    station.identity.save(station.disk.as_ref(), dir).unwrap();

    station.disk.remove(&photo).unwrap();
    assert!(matches!(&verify(&station).told()[..], [one] if one.contains("is not there")));
    let (store, _) = station.open().unwrap();
    assert_eq!(state_root(&store.snapshot().unwrap()).unwrap(), root);
}

#[test]
fn rows_that_a_fold_would_not_give_are_found() {
    let mut station = Station::on(PowerDisk::new(1));
    drop(work(&station));
    // A program whose fold forgets the audit log made these rows, and says that it did not.
    let mut forgetful = FOLD;
    forgetful.apply = |rows, log, operation| {
        if operation.header.kind == "audit-entry" {
            return Ok(None);
        }
        (FOLD.apply)(rows, log, operation)
    };
    station.disk.remove(&Path::new(DIR).join("views.redb")).unwrap();
    let (store, _) = station.open_with(forgetful).unwrap();
    drop(store);
    let faults = verify(&station).told();
    assert!(faults[0].contains("audit"), "{faults:?}");
    station.options.cache_bytes = 1 << 20;
}

#[test]
fn a_node_comes_back_from_a_hot_backup_in_a_new_incarnation() {
    let station = Station::on(PowerDisk::new(1));
    let (store, blobs, hash) = work(&station);
    let (from, to, home) = (Path::new(DIR), PathBuf::from("/backup"), PathBuf::from("/home"));
    let done = backup(source(&station, from), store.journal(), &to, &mut |_| ()).unwrap();
    assert_eq!((done.groups, done.files), (21, 1));
    // What comes later is not in it.
    store.write(|session| session.append(case(21, "Late"))).unwrap();
    let again = backup(source(&station, from), store.journal(), &to, &mut |_| ());
    assert!(matches!(again, Err(BackupError::InUse(_))));
    let checked = check(source(&station, &to), &mut |_| ()).unwrap();
    assert_eq!(checked, done);
    let in_use = restore(source(&station, &to), from, &mut |_| ());
    assert!(matches!(in_use, Err(BackupError::InUse(_))));

    let old_log = store.log(Stream::Records);
    let (reborn, _) = restore(source(&station, &to), &home, &mut |_| ()).unwrap();
    drop((store, blobs));
    let mut restored = station;
    restored.identity = reborn;
    let (store, opened) = restored.open_in(&home).unwrap();
    assert!(opened.rebuilt);
    assert_ne!(store.log(Stream::Records), old_log);
    let id = store
        .write(|session| session.append(case(1, "New words")))
        .unwrap();
    assert_eq!((id.log, id.seq), (store.log(Stream::Records), 1));
    let rows = store.snapshot().unwrap();
    assert_eq!(
        title(&rows, 1).as_deref(),
        Some("New words"),
        "the latest is shown"
    );
    let seen = blotter::views::records::get(&rows, super::station::record(1))
        .unwrap()
        .unwrap();
    assert_eq!(seen.heads.len(), 2, "both logs are folded");
    assert_eq!(title(&rows, 20).map(|title| title.len()), Some(2000));
    assert_eq!(title(&rows, 21), None);
    let old = store.own_operation(&rows, old_log, 1).unwrap().unwrap();
    assert_eq!(old.header.id.seq, 1);
    let blobs = Blobs::open(Arc::clone(&restored.disk), &home.join("files")).unwrap();
    assert!(blobs.contains(hash).unwrap());
    let from = source(&restored, &home);
    let report = verify_open(from, store.journal(), Some(&rows), &mut |_| ()).unwrap();
    assert_eq!((report.told().len(), report.logs.len()), (0, 3));
    drop((rows, store));
    let (store, opened) = restored.open_in(&home).unwrap();
    assert_eq!(opened.replayed, 0);
    assert_eq!(title(&store.snapshot().unwrap(), 1).as_deref(), Some("New words"));
}

#[test]
fn a_backup_that_is_damaged_cut_or_unfinished_is_refused() {
    let station = Station::on(PowerDisk::new(1));
    let (store, ..) = work(&station);
    let to = PathBuf::from("/backup");
    backup(
        source(&station, Path::new(DIR)),
        store.journal(),
        &to,
        &mut |_| (),
    )
    .unwrap();
    let end = store.end();
    assert_rebuilds(&station, store);
    let refused = |what: &str| {
        let checked = check(source(&station, &to), &mut |_| ());
        assert!(checked.is_err(), "{what}");
        let restored = restore(source(&station, &to), Path::new("/home"), &mut |_| ());
        assert!(restored.is_err(), "{what}");
        assert!(
            !matches!(restored, Err(BackupError::Store(StoreError::Io(_)))),
            "{what}"
        );
        assert_eq!(station.disk.len(Path::new("/home/node.key")).unwrap(), None);
    };
    let segment = to.join(format!("journal/{:020}.seg", end.segment()));
    let file = station.disk.open(&segment, OpenMode::ReadWrite).unwrap();
    let last = {
        let journal = JournalReader::inspect(Arc::clone(&station.disk), &to.join("journal")).unwrap();
        journal.scan(Default::default()).last().unwrap().unwrap()
    };
    let mut whole = vec![0; end.offset() as usize];
    file.read_at(0, &mut whole).unwrap();
    file.set_len(u64::from(last.start.offset())).unwrap();
    refused("cut at a group boundary");
    file.write_at(0, &whole).unwrap();
    check(source(&station, &to), &mut |_| ()).unwrap();
    file.write_at(100, b"XX").unwrap();
    refused("damaged");
    file.write_at(0, &whole).unwrap();
    station.disk.remove(&to.join("backup.json")).unwrap();
    refused("unfinished");
}
