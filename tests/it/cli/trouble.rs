//! A folder from which something was lost: what is wrong is named, with the way back.

use std::fs;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;

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
    all_say(&place, &[&["verify"], KEYS], 1, &["there is no folder"]);
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
