//! A folder from which something was lost: what is wrong is named, with the way back.

use std::fs::{self, Permissions};
use std::os::unix::fs::{FileExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value as Json;

use crate::support::process::{Ended, Place};

/// Each of these verbs fails, and says this.
#[track_caller]
fn all_say(place: &Place, verbs: &[&[&str]], code: i32, told: &[&str]) {
    for verb in verbs {
        let ended = place.run(verb);
        assert_eq!(ended.code, code, "{verb:?}: {ended:?}");
        for words in told {
            let said = format!("{}{}", ended.out, ended.err);
            assert!(said.contains(words), "{verb:?} without {words:?}: {said}");
        }
        assert!(!ended.err.contains("the disk failed"), "{verb:?}: {ended:?}");
    }
}

fn backup(place: &Place, name: &str) -> (PathBuf, Ended) {
    let to = place.file(name);
    let ended = place.run(&["backup", "--json", "--to", to.to_str().unwrap()]);
    (to, ended)
}

const INIT: &[&str] = &["init", "--tenant", "metro"];
const KEYS: &[&str] = &["key", "list"];
const SERVE: &[&str] = &["serve", "--listen", "127.0.0.1:0"];

#[test]
fn a_lost_key_or_name_is_named_with_the_way_back() {
    let place = Place::with_node();
    let (copy, made) = backup(&place, "copy");
    assert_eq!(made.code, 0, "{made:?}");
    let key = place.data().join("node.key");
    let whole = fs::read(&key).unwrap();
    fs::remove_file(&key).unwrap();
    let lost = ["node.key is missing", "backup"];
    all_say(&place, &[KEYS, SERVE, INIT, &["verify"]], 1, &lost);
    all_say(
        &place,
        &[&["doctor"]],
        3,
        &["fault", "node.key is missing", "restore"],
    );
    fs::write(&key, &whole[..20]).unwrap();
    all_say(&place, &[KEYS, SERVE], 1, &["node.key", "20 bytes", "backup"]);
    let other = Place::with_node();
    fs::copy(other.data().join("node.key"), &key).unwrap();
    all_say(
        &place,
        &[KEYS, SERVE],
        1,
        &["node.key is another node's", "backup"],
    );
    fs::copy(copy.join("node.key"), &key).unwrap();
    assert_eq!(place.run(KEYS).code, 0);

    fs::remove_file(place.data().join("node.toml")).unwrap();
    let lost = ["node.toml is missing", "blotter init"];
    all_say(&place, &[KEYS, SERVE, &["verify"]], 1, &lost);
    assert_eq!(place.run(INIT).code, 0);
    assert_eq!(place.run(KEYS).code, 0);
}

#[test]
fn a_lost_authority_is_made_anew_and_half_of_one_is_not() {
    let place = Place::with_node();
    let certs = place.data().join("certs");
    let of_authority = fs::read(certs.join("ca.pem")).unwrap();
    fs::remove_file(certs.join("ca-key.pem")).unwrap();
    all_say(&place, &[INIT, SERVE], 1, &["ca-key.pem is missing", "backup"]);
    fs::remove_dir_all(&certs).unwrap();
    all_say(&place, &[SERVE], 1, &["ca.pem is missing", "blotter init"]);
    all_say(&place, &[&["doctor"]], 3, &["ca.pem is missing"]);

    // A backup of it lacks what a server needs, which is told before it is wanted.
    let (copy, made) = backup(&place, "copy");
    assert_eq!(made.code, 0, "{made:?}");
    let from = copy.to_str().unwrap();
    all_say(
        &place,
        &[&["restore", from, "--check"]],
        3,
        &["certs/ca.pem is not"],
    );
    let kept = place.file("kept");
    fs::rename(place.data(), &kept).unwrap();
    all_say(
        &place,
        &[&["restore", from]],
        3,
        &["certs/ca.pem is not", "blotter init"],
    );

    let made = place.run(INIT);
    assert_eq!((made.code, made.out.contains("clients")), (0, true), "{made:?}");
    let renewed = fs::read(certs.join("ca.pem")).unwrap();
    assert_ne!(renewed, of_authority);
    assert_eq!(place.serve().terminate().0, 0);
    let again = place.run(&[INIT, &["--json"]].concat()).json();
    assert_eq!(again["authority_renewed"], false);
    assert_eq!(fs::read(certs.join("ca.pem")).unwrap(), renewed);
}

#[test]
fn what_is_not_there_or_newer_is_told_in_plain_words() {
    let place = Place::new();
    let copy = place.file("copy");
    let to_copy: &[&str] = &["backup", "--to", copy.to_str().unwrap()];
    all_say(&place, &[&["verify"], KEYS, to_copy], 1, &["there is no folder"]);
    let nothing = place.file("nothing");
    let nothing = nothing.to_str().unwrap();
    let restores: [&[&str]; 2] = [&["restore", nothing], &["restore", nothing, "--check"]];
    all_say(&place, &restores, 1, &["there is no ", "name a backup"]);
    fs::write(place.data(), "a file").unwrap();
    all_say(&place, &[INIT], 1, &[place.data().to_str().unwrap()]);

    let place = Place::with_node();
    let (copy, _) = backup(&place, "copy");
    let manifest = copy.join("backup.json");
    let text = fs::read_to_string(&manifest).unwrap();
    fs::write(&manifest, text.replace("\"format\": 1", "\"format\": 2")).unwrap();
    let check = ["restore", copy.to_str().unwrap(), "--check"];
    all_say(&place, &[&check], 3, &["made by a newer blotter"]);
    fs::remove_file(&manifest).unwrap();
    fs::remove_dir_all(place.data().join("journal")).unwrap();
    all_say(&place, &[&["verify"]], 3, &["there is no journal"]);
}

/// One without the node's name was said to need a new authority, and one with an empty authority was called whole.
#[test]
fn a_backup_without_a_name_or_with_a_hollow_authority_is_told_as_it_is() {
    let place = Place::with_node();
    let (copy, _) = backup(&place, "copy");
    let check: [&[&str]; 1] = [&["restore", copy.to_str().unwrap(), "--check"]];
    let facts = fs::read(copy.join("node.toml")).unwrap();
    fs::remove_file(copy.join("node.toml")).unwrap();
    all_say(
        &place,
        &check,
        3,
        &["node.toml is not in the backup", "writes it again"],
    );
    assert!(!place.run(check[0]).out.contains("authority"));
    fs::write(copy.join("node.toml"), facts).unwrap();
    assert_eq!(place.run(check[0]).code, 0);
    let authority = fs::read(copy.join("certs/ca.pem")).unwrap();
    fs::write(copy.join("certs/ca.pem"), "").unwrap();
    let hollow = ["fault  certs/ca.pem is not a PEM file", "all clients must"];
    all_say(&place, &check, 3, &hollow);
    fs::write(copy.join("certs/ca.pem"), authority).unwrap();
    fs::write(copy.join("certs/ca-key.pem"), "").unwrap();
    all_say(&place, &check, 3, &["fault  certs/ca-key.pem is not a PEM file"]);
}

/// The second of two rebuilds without a server had the system's words alone.
#[test]
fn a_folder_in_which_another_verb_works_is_told_so() {
    let place = Place::with_node();
    let lock = fs::File::options()
        .write(true)
        .open(place.data().join("lock"))
        .unwrap();
    lock.lock().unwrap();
    let told = ["is in use by another blotter", "Wait until it is done"];
    all_say(&place, &[&["rebuild", "all"], KEYS], 1, &told);
    drop(lock);
    assert_eq!(place.run(&["rebuild", "all"]).code, 0);
}

/// Another user, who may look at nothing here.
const NOBODY: &[&str] = &["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"];

/// What another user may not read was called missing, or was told without its path.
#[test]
fn what_may_not_be_read_is_told_by_its_path_and_not_called_missing() {
    let place = Place::with_node();
    let data = place.data();
    let tried = Command::new(NOBODY[0])
        .args(&NOBODY[1..])
        .arg(env!("CARGO_BIN_EXE_blotter"))
        .arg("--version")
        .output();
    if !tried.is_ok_and(|tried| tried.status.success()) {
        println!("NOT TRIED: nobody else's rights can be had here");
        return;
    }
    fs::set_permissions(data.parent().unwrap(), Permissions::from_mode(0o777)).unwrap();
    let to = place.file("copy");
    let to_copy: &[&str] = &["backup", "--to", to.to_str().unwrap()];
    let told = |verbs: &[&[&str]], code: i32, path: &Path| {
        for verb in verbs {
            let ended = place.run_by(NOBODY, &[], verb);
            let said = format!("{}{}", ended.out, ended.err);
            assert_eq!(ended.code, code, "{verb:?}: {ended:?}");
            assert!(
                said.contains(path.to_str().unwrap()) && said.contains("ls -l"),
                "{verb:?}: {said}"
            );
            for wrong in ["there is no node", "missing", "there is none", "the disk failed"] {
                assert!(!said.contains(wrong), "{verb:?}: {said}");
            }
        }
    };
    told(&[KEYS, SERVE, INIT, to_copy, &["verify"]], 1, data);
    told(&[&["doctor"]], 3, data);

    let give = |path: &Path, to: &str| {
        let given = Command::new("chown").args(["-R", to]).arg(path).status();
        assert!(given.unwrap().success());
    };
    give(data, "65534:65534");
    let certs = data.join("certs");
    give(&certs, "0:0");
    told(&[SERVE, INIT], 1, &certs);
    told(&[&["doctor"]], 3, &certs);
    give(&certs, "65534:65534");
    let segments = fs::read_dir(data.join("journal")).unwrap();
    let segment = segments.map(|entry| entry.unwrap().path()).max().unwrap();
    give(&segment, "0:0");
    told(&[KEYS, to_copy, &["verify"]], 1, &segment);
    give(&segment, "65534:65534");
    fs::set_permissions(data.parent().unwrap(), Permissions::from_mode(0o755)).unwrap();
    told(&[to_copy], 1, &to);
}

/// The system's own words about it name neither the path nor the bound.
#[test]
fn a_path_too_long_for_the_socket_is_told_before_and_by_the_server() {
    let place = Place::with_node();
    let long = place.file(&"y".repeat(120));
    fs::rename(place.data(), &long).unwrap();
    let there = ("LONG", long.to_str().unwrap());
    for (verb, code) in [("serve --listen 127.0.0.1:0", 1), ("init", 1), ("doctor", 3)] {
        let begun_by = format!("exec \"$0\" {verb} --data \"$LONG\"");
        let ended = place.run_by(&["sh", "-c", &begun_by], &[there], &[]);
        let said = format!("{}{}", ended.out, ended.err);
        assert_eq!(ended.code, code, "{verb}: {ended:?}");
        assert!(said.contains("a socket's has 107 at most"), "{verb}: {said}");
    }
}

#[test]
fn a_journal_that_was_cut_is_told_first_and_as_a_fault() {
    let place = Place::with_node();
    let segments = fs::read_dir(place.data().join("journal")).unwrap();
    let segment = segments.map(|entry| entry.unwrap().path()).max().unwrap();
    let file = fs::OpenOptions::new().write(true).open(segment).unwrap();
    file.set_len(file.metadata().unwrap().len() - 100).unwrap();
    let ended = place.run(&["verify", "--json"]);
    let (code, report) = (ended.code, ended.json());
    let first = report["faults"][0].as_str().unwrap();
    assert_eq!(code, 3);
    assert!(
        first.contains("the journal ends at") && first.contains("durable"),
        "{report}"
    );
    assert_eq!(report["faults"].as_array().unwrap().len(), 1, "{report}");
    let doctor = place.run(&["doctor"]);
    let line = doctor.out.lines().find(|line| line.starts_with("fault node"));
    assert!(
        line.is_some() && doctor.out.contains("blotter restore"),
        "{doctor:?}"
    );
}

/// What a backup had begun when it failed was in the way of the next one.
#[test]
fn a_backup_that_fails_leaves_nothing_behind() {
    let place = Place::with_node();
    let to = place.file("copy");
    let segments = fs::read_dir(place.data().join("journal")).unwrap();
    let segment = segments.map(|entry| entry.unwrap().path()).max().unwrap();
    let served = place.serve();
    let sound = fs::read(&segment).unwrap()[100];
    let file = fs::OpenOptions::new().write(true).open(segment).unwrap();
    file.write_all_at(&[sound ^ 1], 100).unwrap();
    let failed = place.run(&["backup", "--to", to.to_str().unwrap()]);
    assert_eq!((failed.code, to.exists()), (1, false), "{failed:?}");
    file.write_all_at(&[sound], 100).unwrap();
    assert_eq!(place.run(&["backup", "--to", to.to_str().unwrap()]).code, 0);
    assert_eq!(served.terminate().0, 0);
}

/// A backup that was refused was in the audit log as done, and as failed.
#[test]
fn a_backup_that_can_not_begin_is_audited_once_and_as_failed() {
    let place = Place::with_node();
    let key = place.key();
    let (used, packed) = (place.file("used"), place.file("used.zip"));
    let (file, below) = (place.file("file"), place.file("file/copy"));
    fs::create_dir(&used).unwrap();
    fs::write(used.join("photo.jpg"), "mine").unwrap();
    fs::write(&packed, "mine").unwrap();
    fs::write(&file, "mine").unwrap();
    let fresh = place.file("deep/er");
    let tries = [(&used, 1), (&packed, 1), (&below, 1), (&fresh, 0)];
    for (to, code) in tries {
        let ended = place.run(&["backup", "--to", to.to_str().unwrap()]);
        assert_eq!(ended.code, code, "{ended:?}");
    }
    let served = place.serve();
    let audit: Json = serde_json::from_str(&served.get("/v1/audit?event=backup", Some(&key)).1).unwrap();
    let mut found: Vec<_> = audit["data"]
        .as_array()
        .unwrap()
        .iter()
        .map(|entry| {
            (
                entry["to"].as_str().unwrap().to_owned(),
                entry["outcome"].as_str().unwrap().to_owned(),
            )
        })
        .collect();
    let mut expected = tries.map(|(to, code)| {
        let outcome = if code == 0 { "done" } else { "failed" };
        (to.display().to_string(), outcome.to_owned())
    });
    found.sort();
    expected.sort();
    assert_eq!(found, expected, "{audit}");
    assert_eq!(served.terminate().0, 0);
}
