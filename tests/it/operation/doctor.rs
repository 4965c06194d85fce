//! What `doctor` says of a box that is not well: each finding with what is wrong and what to do; exit code 3.

use std::fs::{self, File, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use blotter::domain::time::{Clock, Millis, SystemClock};
use blotter::server::certs::load_or_renew;
use blotter::server::certs::name::names_of_node;
use rcgen::{CertificateParams, KeyPair};
use serde_json::{Value as Json, json};

use crate::support::process::{Ended, Place};

/// The finding about this, of a doctor that found something.
#[track_caller]
fn finding(ended: &Ended, what: &str) -> Json {
    assert_eq!(ended.code, 3, "{ended:?}");
    let told = ended.json();
    assert_eq!(told["sound"], false);
    let found = told["data"]
        .as_array()
        .unwrap()
        .iter()
        .find(|row| row["what"] == what);
    found
        .unwrap_or_else(|| panic!("nothing of {what}: {told}"))
        .clone()
}

/// It is bad, says this, and advises this; nothing else is bad.
#[track_caller]
fn check(ended: &Ended, what: &str, told: &str, advice: &str) {
    let found = finding(ended, what);
    let has = |member: &str, words: &str| found[member].as_str().unwrap_or_default().contains(words);
    assert!(has("told", told) && has("advice", advice), "{found}");
    let all = ended.json();
    let bad = all["data"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|row| row["sound"] == false);
    assert_eq!(bad.count(), 1, "{all}");
}

fn doctor(place: &Place, settings: &[(&str, &str)]) -> Ended {
    place.run_with(settings, &["doctor", "--json"])
}

fn mode(path: &Path, mode: u32) {
    fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
}

#[test]
fn a_box_that_is_well_is_told_so() {
    let place = Place::with_node();
    let ended = doctor(&place, &[]);
    assert_eq!(
        (ended.code, &ended.json()["sound"]),
        (0, &json!(true)),
        "{ended:?}"
    );
    let served = place.serve();
    assert_eq!(doctor(&place, &[]).code, 0, "and while it is served");
    let said = place.run(&["doctor"]).out;
    assert!(said.trim_end().ends_with("All is well."), "{said}");
    assert_eq!(served.terminate().0, 0);
}

#[test]
fn a_folder_without_a_node_is_told_with_what_makes_one() {
    check(
        &doctor(&Place::new(), &[]),
        "node",
        "there is none",
        "blotter init --data",
    );
}

#[test]
fn wrong_settings_are_told_and_the_rest_is_looked_at_all_the_same() {
    let place = Place::with_node();
    let ended = doctor(&place, &[("BLOTTER_LOG_LEVEL", "loud")]);
    let found = finding(&ended, "settings");
    assert!(
        found["told"].as_str().unwrap().contains("BLOTTER_LOG_LEVEL"),
        "{found}"
    );
    assert!(
        found["advice"].as_str().unwrap().contains("blotter config check"),
        "{found}"
    );
    for what in ["clock", "disk", "certificate", "permissions"] {
        assert_eq!(finding(&ended, what)["sound"], true, "{what}");
    }
}

#[test]
fn a_clock_behind_what_was_written_is_told() {
    let place = Place::with_node();
    let segments = fs::read_dir(place.data().join("journal")).unwrap();
    let segment = segments.map(|entry| entry.unwrap().path()).next().unwrap();
    let tomorrow = SystemClock.now().plus(24 * 60 * 60 * 1000).0;
    let tomorrow = std::time::UNIX_EPOCH + Duration::from_millis(tomorrow.try_into().unwrap());
    File::options()
        .write(true)
        .open(segment)
        .unwrap()
        .set_modified(tomorrow)
        .unwrap();
    check(
        &doctor(&place, &[]),
        "clock",
        "but something was written at",
        "timedatectl",
    );
}

#[test]
fn a_disk_near_its_floor_is_told() {
    let place = Place::with_node();
    let facts = rustix::fs::statvfs(place.data()).unwrap();
    let floor = (facts.f_bavail * facts.f_frsize / 4).to_string();
    let ended = doctor(&place, &[("BLOTTER_STORE_LOW_DISK_FLOOR_BYTES", &floor)]);
    check(&ended, "disk", "nothing is written below", "make room");
}

#[test]
fn secrets_that_others_can_read_are_told_by_name() {
    let place = Place::with_node();
    let key = place.data().join("node.key");
    mode(&key, 0o644);
    check(
        &doctor(&place, &[]),
        "permissions",
        "others can read node.key",
        "chmod 600 node.key",
    );
    mode(&key, 0o600);
    mode(place.data(), 0o755);
    check(
        &doctor(&place, &[]),
        "permissions",
        "others can look into",
        "chmod 700",
    );
    mode(place.data(), 0o700);
    assert_eq!(doctor(&place, &[]).code, 0);
}

/// A folder on a disk that was mounted read-only was called good.
#[test]
fn a_folder_that_can_not_be_written_is_told() {
    let place = Place::with_node();
    let served = place.serve();
    for folder in ["", "journal", "files", "search"] {
        let path = place.data().join(folder);
        let path = path.display();
        // For the doctor alone: the server goes on, and nothing else is wrong.
        let script = format!("mount --bind {path} {path} && mount -o remount,bind,ro {path}");
        let own = ["unshare", "--mount", "--map-root-user", "sh", "-c"];
        let tried = Command::new(own[0]).args(&own[1..]).arg(&script).output();
        if !tried.is_ok_and(|tried| tried.status.success()) {
            println!("NOT TRIED: nothing can be mounted here");
            break;
        }
        let script = format!("{script} && exec \"$0\" \"$@\"");
        let begun_by = [&own[..], &[script.as_str()]].concat();
        let ended = place.run_by(&begun_by, &[], &["doctor", "--json"]);
        let told = format!("{path}: ");
        if folder.is_empty() {
            // Then no server can be asked either.
            let found = finding(&ended, "writing");
            assert!(found["told"].as_str().unwrap().contains(&told), "{found}");
        } else {
            check(&ended, "writing", &told, "mounted read-only");
        }
    }
    assert_eq!(doctor(&place, &[]).code, 0);
    assert_eq!(probes_left(place.data()), Vec::<PathBuf>::new());
    assert_eq!(served.terminate().0, 0);
    fs::rename(place.data().join("files"), place.file("files")).unwrap();
    fs::write(place.data().join("files"), "").unwrap();
    let found = finding(&doctor(&place, &[]), "writing");
    assert!(found["told"].as_str().unwrap().contains("/files: "), "{found}");
}

/// What a doctor made in the folders and did not take away.
fn probes_left(data: &Path) -> Vec<PathBuf> {
    let folders = ["", "journal", "files", "search", "certs"].map(|name| data.join(name));
    let entries = folders.iter().flat_map(|folder| fs::read_dir(folder).unwrap());
    let paths = entries.map(|entry| entry.unwrap().path());
    paths
        .filter(|path| path.to_string_lossy().contains("-doctor-"))
        .collect()
}

#[derive(Debug)]
struct Then(Millis);

impl Clock for Then {
    fn now(&self) -> Millis {
        self.0
    }
}

#[test]
fn a_certificate_of_the_nodes_own_that_has_ended_or_is_damaged_is_told() {
    const YEAR_MS: i64 = 365 * 24 * 60 * 60 * 1000;
    let place = Place::with_node();
    let certs = place.data().join("certs");
    let then = Then(SystemClock.now().plus(-3 * YEAR_MS));
    drop(load_or_renew(&certs, names_of_node(&[]), Arc::new(then)).unwrap());
    check(
        &doctor(&place, &[]),
        "certificate",
        "days left",
        "start the server",
    );
    assert_eq!(place.serve().terminate().0, 0);
    assert_eq!(doctor(&place, &[]).code, 0, "the start renewed it");
    fs::write(certs.join("server.pem"), "damage").unwrap();
    check(&doctor(&place, &[]), "certificate", "server.pem is not", "backup");
}

/// What keeps a server from starting was called something to look at.
#[test]
fn certificates_without_which_no_server_starts_are_a_fault() {
    let place = Place::with_node();
    fs::remove_dir_all(place.data().join("certs")).unwrap();
    let found = finding(&doctor(&place, &[]), "certificate");
    assert!(
        found["word"] == "fault" && found["advice"].as_str().unwrap().contains("no server starts"),
        "{found}"
    );
}

#[test]
fn an_agencys_certificate_that_ends_soon_or_is_not_there_is_told() {
    let place = Place::with_node();
    let (certificate, key) = (place.file("agency.pem"), place.file("agency-key.pem"));
    let settings = [
        ("BLOTTER_TLS_CERTIFICATE_FILE", certificate.to_str().unwrap()),
        ("BLOTTER_TLS_KEY_FILE", key.to_str().unwrap()),
    ];
    check(
        &doctor(&place, &settings),
        "certificate",
        "agency",
        "put the files right",
    );
    let write = |days: i64| {
        let pair = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(vec!["desk.example.org".to_owned()]).unwrap();
        let end = SystemClock.now().plus(days * 24 * 60 * 60 * 1000).to_string();
        let part = |range: std::ops::Range<usize>| end[range].parse::<i32>().unwrap();
        let day = |range| u8::try_from(part(range)).unwrap();
        params.not_after = rcgen::date_time_ymd(part(0..4), day(5..7), day(8..10));
        fs::write(&certificate, params.self_signed(&pair).unwrap().pem()).unwrap();
        fs::write(&key, pair.serialize_pem()).unwrap();
        mode(&key, 0o600);
    };
    write(10);
    check(
        &doctor(&place, &settings),
        "certificate",
        "the agency's, ",
        "have it renewed",
    );
    write(100);
    assert_eq!(doctor(&place, &settings).code, 0);
    mode(&key, 0o644);
    check(
        &doctor(&place, &settings),
        "permissions",
        "others can read ",
        "chmod o= ",
    );
}

#[test]
fn a_node_that_can_not_be_opened_is_told() {
    let place = Place::with_node();
    fs::remove_file(place.data().join("node.key")).unwrap();
    let found = finding(&doctor(&place, &[]), "node");
    assert!(
        found["word"] == "fault" && found["advice"].as_str().unwrap().contains("blotter restore"),
        "{found}"
    );
}

#[test]
fn an_index_that_does_not_follow_is_told() {
    let place = Place::with_node();
    let key = place.key();
    let served = place.serve_with(&[("BLOTTER_SEARCH_COMMIT_MS", "60000")], &[]);
    let made = served.post("/v1/cases", &key, &json!({"title": "Not found for a minute"}));
    assert_eq!(made.status, 201, "{made:?}");
    let begun = Instant::now();
    let ended = loop {
        let ended = doctor(&place, &[]);
        if ended.code != 0 || begun.elapsed() > Duration::from_secs(40) {
            break ended;
        }
    };
    check(
        &ended,
        "queue",
        "the oldest change has waited",
        "blotter rebuild index",
    );
    assert_eq!(served.terminate().0, 0);
    assert_eq!(doctor(&place, &[]).code, 0, "a stop lets it catch up");
}

/// All was called well, and searches missed everything behind the damage.
#[test]
fn a_log_that_search_can_not_read_on_is_told() {
    let place = Place::with_node();
    let key = place.key();
    let served = place.serve();
    for title in ["One", "Two", "Three"] {
        assert_eq!(
            served.post("/v1/cases", &key, &json!({ "title": title })).status,
            201
        );
    }
    assert_eq!(served.terminate().0, 0);
    fs::remove_dir_all(place.data().join("search")).unwrap();
    let segments = fs::read_dir(place.data().join("journal")).unwrap();
    let segment = segments.map(|entry| entry.unwrap().path()).min().unwrap();
    let mut bytes = fs::read(&segment).unwrap();
    let middle = bytes.len() / 2;
    let mut flip = || {
        bytes[middle] ^= 1;
        fs::write(&segment, &bytes).unwrap();
    };
    flip();
    let advice = "blotter verify";
    check(
        &doctor(&place, &[]),
        "index",
        "can't take up what is newer",
        advice,
    );

    let served = place.serve();
    let failing = |wanted: bool| {
        let begun = Instant::now();
        loop {
            let (status, ready) = served.get("/readyz", None);
            let ready: Json = serde_json::from_str(&ready).unwrap();
            if ready["index_failing"] == wanted || begun.elapsed() > Duration::from_secs(120) {
                assert_eq!(
                    (status, &ready["index_failing"]),
                    (200, &json!(wanted)),
                    "{ready}"
                );
                return;
            }
        }
    };
    failing(true);
    let found = finding(&doctor(&place, &[]), "index");
    assert!(
        found["word"] == "fault" && found["told"].as_str().unwrap().contains("damaged"),
        "{found}"
    );
    flip();
    failing(false);
    assert_eq!(served.terminate().0, 0);
    assert_eq!(doctor(&place, &[]).code, 0);
}
