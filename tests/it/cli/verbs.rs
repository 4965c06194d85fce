//! Every verb with `--json` says one JSON value and nothing else, whether it succeeds or not.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use crate::support::process::Place;

/// What `docs api` writes.
const PAGES: [&str; 6] = [
    "asyncapi.yaml",
    "config.md",
    "failures.md",
    "metrics.md",
    "openapi.json",
    "schema.graphql",
];

#[test]
fn every_verb_says_one_json_value() {
    let place = Place::with_node();
    let files = ["copy", "copy.zip", "docs"].map(|name| place.file(name));
    let [copy, packed, docs] = files.each_ref().map(|file| file.to_str().unwrap());
    let check = |words: &[&str], code: i32| {
        let ended = place.run(&[words, &["--json"]].concat());
        assert_eq!(ended.code, code, "{words:?}: {ended:?}");
        let json = ended.json();
        assert_eq!(json["errors"].is_array(), code == 1, "{words:?}: {json}");
        assert!(ended.err.is_empty(), "{words:?}: {ended:?}");
    };
    check(&["init", "--tenant", "metro"], 0);
    check(&["init", "--tenant", "other"], 1);
    check(&["key", "create", "--name", "a", "--scopes", "*"], 0);
    check(&["key", "create", "--name", "a", "--scopes", "no:such"], 1);
    check(&["key", "list"], 0);
    check(&["key", "revoke", "01890000-0000-7000-8000-000000000000"], 1);
    check(
        &[
            "user",
            "add",
            "--email",
            "a@b.example",
            "--name",
            "A",
            "--role",
            "officer",
        ],
        0,
    );
    check(
        &[
            "user", "add", "--email", "nobody", "--name", "A", "--role", "officer",
        ],
        1,
    );
    let password = place.file("password");
    std::fs::write(&password, "a long enough pass phrase\n").unwrap();
    let password = password.to_str().unwrap();
    check(
        &["user", "password", "a@b.example", "--password-file", password],
        0,
    );
    check(&["user", "token", "a@b.example"], 0);
    check(&["user", "list"], 0);
    check(&["user", "disable", "a@b.example"], 0);
    check(&["search", "nothing"], 0);
    check(&["import", "no-such-file", "--map", "none"], 1);
    check(&["config", "check"], 0);
    check(&["config", "print"], 0);
    check(&["docs", "api", "--to", docs], 0);
    for page in PAGES {
        let committed = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/api").join(page);
        let written = std::fs::read_to_string(Path::new(docs).join(page)).unwrap();
        let committed = std::fs::read_to_string(committed).unwrap();
        assert!(
            written == committed,
            "docs/api/{page} is not what the program says"
        );
    }
    check(&["completions", "bash"], 0);
    check(&["verify"], 0);
    check(&["backup", "--to", copy], 0);
    check(&["backup", "--to", copy], 1);
    check(&["backup", "--to", packed], 0);
    check(&["backup", "--to", packed], 1);
    check(&["restore", packed, "--check"], 0);
    check(&["restore", copy, "--check"], 0);
    check(&["restore", copy], 1);
    check(&["rebuild", "all"], 0);
    check(&["doctor"], 0);
}

#[test]
fn the_reporter_of_a_key_has_a_name_and_a_number() {
    let place = Place::with_node();
    for (reporter, code) in [("Name,+15550100", 0), ("no number", 1), ("Name,555", 1)] {
        let words = [
            "key",
            "create",
            "--name",
            "desk",
            "--scopes",
            "*",
            "--reporter",
            reporter,
        ];
        assert_eq!(place.run(&words).code, code, "{reporter}");
    }
}

#[test]
fn wrong_usage_and_a_missing_node_are_told_apart() {
    let place = Place::new();
    assert_eq!(place.run(&["serv"]).code, 2);
    assert_eq!(place.run(&["key", "create"]).code, 2);
    let ended = place.run(&["key", "list"]);
    assert_eq!(ended.code, 1);
    assert!(ended.err.contains("blotter init"), "{ended:?}");
}

#[test]
fn a_node_comes_back_from_its_backup_with_all_that_it_had() {
    for name in ["copy", "copy.zip"] {
        let place = Place::with_node();
        let key = place
            .run(&["key", "create", "--name", "a", "--scopes", "*", "--json"])
            .json();
        let copy = place.file(name);
        let made = place
            .run(&["backup", "--to", copy.to_str().unwrap(), "--json"])
            .json();
        assert_eq!(made["clean"], true);
        let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o077;
        assert_eq!(
            (copy.is_file(), mode(&copy)),
            (name == "copy.zip", 0),
            "it has the key in it"
        );
        let mine = place.data().join("certs/ca-key.pem");
        let of_key = std::fs::read(&mine).unwrap();
        std::fs::remove_dir_all(place.data()).unwrap();
        assert_eq!(place.run(&["restore", copy.to_str().unwrap(), "--json"]).code, 0);
        assert_eq!((std::fs::read(&mine).unwrap(), mode(&mine)), (of_key, 0));
        let served = place.serve();
        assert_eq!(served.get("/v1/cases", key["key"].as_str()).0, 200);
        assert_eq!(served.terminate().0, 0);
    }
}

#[test]
fn a_packed_backup_that_is_damaged_or_reaches_out_makes_no_node() {
    let place = Place::with_node();
    let (copy, wrong) = (place.file("copy.zip"), place.file("wrong.zip"));
    let backup = ["backup", "--to", copy.to_str().unwrap()];
    assert_eq!(place.run(&backup).code, 0);
    std::fs::remove_dir_all(place.data()).unwrap();
    let bytes = std::fs::read(&copy).unwrap();
    let renamed = |from: &[u8], to: &[u8]| {
        let mut bytes = bytes.clone();
        for at in 0..bytes.len() - from.len() {
            if &bytes[at..at + from.len()] == from {
                bytes[at..at + to.len()].copy_from_slice(to);
            }
        }
        bytes
    };
    let mut flipped = bytes.clone();
    flipped[bytes.len() / 2] ^= 1;
    let cases = [
        bytes[..bytes.len() / 2].to_vec(),
        Vec::new(),
        flipped,
        renamed(b"certs/ca.pem", b"../../ca.pem"),
        renamed(b"backup.json", b"backup.jsom"),
    ];
    for (number, bytes) in cases.iter().enumerate() {
        std::fs::write(&wrong, bytes).unwrap();
        let ended = place.run(&["restore", wrong.to_str().unwrap()]);
        assert_eq!(ended.code, 1, "{number}: {ended:?}");
        assert!(!place.data().join("node.key").exists(), "{number}");
        assert!(ended.err.contains("wrong.zip"), "{number}: {ended:?}");
    }
    let left = std::fs::read_dir(place.file("")).unwrap();
    let left = left.filter_map(|entry| entry.unwrap().file_name().into_string().ok());
    assert_eq!(
        left.filter(|name| name.starts_with(".blotter-")).count(),
        0,
        "nothing stays"
    );
}
