//! Every verb with `--json` says one JSON value and nothing else, whether it succeeds or not.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

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

/// A key is shown once: where nobody saw it, the verb has failed.
#[test]
fn what_can_not_be_shown_is_a_failure() {
    let place = Place::with_node();
    let to_nowhere = ["sh", "-c", "exec \"$0\" \"$@\" > /dev/full"];
    let lost = place.run_by(
        &to_nowhere,
        &[],
        &["key", "create", "--name", "a", "--scopes", "*"],
    );
    assert_eq!(
        (lost.code, lost.err.contains("key revoke")),
        (1, true),
        "{lost:?}"
    );
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
fn a_slip_in_a_search_is_told_as_the_api_tells_it() {
    let place = Place::with_node();
    for (words, told) in [
        (
            &["foo:bar"][..],
            "query must be one of the filters kind:, status:",
        ),
        (&["updated:soon"], "query must be a year, month or day"),
        (&["x", "--case", "INV-2026-0999"], "no such case"),
    ] {
        let ended = place.run(&[&["search"], words].concat());
        assert_eq!(ended.code, 1, "{ended:?}");
        assert!(ended.err.contains(told), "{ended:?}");
        let json = place.run(&[&["search", "--json"], words].concat()).json();
        assert!(
            json["errors"][0]["message"].as_str().unwrap().contains(told),
            "{json}"
        );
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
    for (words, named) in [
        (&["user", "add"][..], "--email"),
        (&["serv"], "serv"),
        (&["user"], "subcommand"),
        (&["import", "x.csv", "--map", "x.toml", "--rejects"], "--rejects"),
        (
            &["key", "create", "--name", "a", "--scopes", "*", "--no-such"],
            "--no-such",
        ),
    ] {
        let ended = place.run(&[words, &["--json"]].concat());
        assert_eq!((ended.code, ended.err.as_str()), (2, ""), "{words:?}: {ended:?}");
        let error = &ended.json()["errors"][0];
        assert_eq!(error["code"], "usage", "{error}");
        let message = error["message"].as_str().unwrap();
        assert!(message.contains(named) && !message.contains('\n'), "{message}");
    }
    let help = place.run(&["key", "create", "--help", "--json"]);
    assert_eq!((help.code, help.out.contains("Usage")), (0, true), "{help:?}");
}

#[test]
fn a_folder_of_somebody_else_is_not_made_a_node() {
    let place = Place::new();
    std::fs::create_dir(place.data()).unwrap();
    let foreign = place.data().join("thesis.txt");
    std::fs::write(&foreign, "mine").unwrap();
    let refused = place.run(&["init", "--tenant", "metro"]);
    assert_eq!(refused.code, 1, "{refused:?}");
    assert!(refused.err.contains("thesis.txt"), "{refused:?}");
    let left = std::fs::read_dir(place.data()).unwrap().count();
    assert_eq!(left, 1, "nothing was put beside it");
    std::fs::remove_file(&foreign).unwrap();
    assert_eq!(place.run(&["init", "--tenant", "metro"]).code, 0);
    // What lies beside a node is no matter, nor is a beginning that was cut off before the node had its name.
    std::fs::write(&foreign, "mine").unwrap();
    assert_eq!(place.run(&["init", "--tenant", "metro"]).code, 0);
    std::fs::remove_file(place.data().join("node.toml")).unwrap();
    assert_eq!(place.run(&["init", "--tenant", "metro"]).code, 0);
}

#[test]
fn a_wrong_line_or_setting_is_found_before_anything_is_done() {
    let place = Place::with_node();
    let to = place.file("out");
    let inside = place.data().join("copy");
    let user = [
        "user",
        "add",
        "--email",
        "a@b.example",
        "--name",
        "A",
        "--role",
        "boss",
    ];
    for words in [
        &user[..],
        &["export", "--since", "yesterday", "--to", to.to_str().unwrap()],
        &["key", "create", "--name", "a", "--scopes", "*", "--lanes", "q"],
        &["backup", "--to", inside.to_str().unwrap()],
    ] {
        let wrong = place.run(words);
        assert_eq!(wrong.code, 2, "{words:?}: {wrong:?}");
    }
    assert!(!inside.exists());
    let missing = to.to_str().unwrap();
    let tls = [
        ("BLOTTER_TLS_CERTIFICATE_FILE", missing),
        ("BLOTTER_TLS_KEY_FILE", missing),
    ];
    assert_eq!(place.run_with(&tls, &["config", "check"]).code, 1);
    assert_eq!(place.run(&["config", "check"]).code, 0);
}

/// What was wrong with the administrator was found after the node had been made, and the corrected line was then refused.
#[test]
fn init_writes_nothing_before_all_is_right_and_changes_no_node_that_is_there() {
    let place = Place::new();
    let file = |name: &str, text: &str| {
        let path = place.file(name);
        std::fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let (short, good) = (
        file("short", "short\n"),
        file("good", "a long enough pass phrase\n"),
    );
    let missing = place.file("missing").to_str().unwrap().to_owned();
    let long = format!("{}@metro.example", "a".repeat(230));
    let chief = ["--admin", "chief@metro.example", "--admin-password-file"];
    for (words, code) in [
        (vec!["--admin", "nomail"], 2),
        (vec!["--admin", &long], 2),
        (vec!["--node-name", ""], 2),
        (vec!["--organization-id", "4000000000"], 2),
        ([&chief[..], &[&short]].concat(), 1),
        ([&chief[..], &[&missing]].concat(), 1),
    ] {
        let refused = place.run(&[&["init", "--tenant", "metro"], &words[..]].concat());
        assert_eq!(refused.code, code, "{words:?}: {refused:?}");
        assert!(!place.data().exists(), "{words:?}");
    }
    let asked = [
        &[
            "init",
            "--tenant",
            "metro",
            "--office-id",
            "7",
            "--organization-id",
            "41",
        ],
        &chief[..],
        &[&good],
    ];
    let asked = asked.concat();
    for (words, made) in [
        (&asked[..], true),
        (&asked, false),
        (&["init", "--tenant", "metro"], false),
    ] {
        let done = place.run(&[words, &["--json"]].concat());
        assert_eq!(
            (done.code, &done.json()["created"]),
            (0, &made.into()),
            "{done:?}"
        );
    }
    for (words, hint) in [
        (["--admin", "zzz@metro.example"], "blotter user add"),
        (["--organization-id", "77"], "/v1/tenants"),
        (["--office-id", "8"], "/v1/offices"),
    ] {
        let refused = place.run(&[&["init", "--tenant", "metro"], &words[..]].concat());
        assert_eq!(refused.code, 1, "{words:?}: {refused:?}");
        assert!(refused.err.contains(hint), "{words:?}: {refused:?}");
    }
    let users = place.run(&["user", "list", "--json"]).json();
    assert_eq!(users["data"].as_array().unwrap().len(), 1, "{users}");
    let tenants = place.run(&["tenant", "list", "--json"]).json();
    assert_eq!(tenants["data"][0]["organization_id"], 41, "{tenants}");
}

/// Every regular file below a folder.
fn files_below(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let below = entries.flat_map(|path| match path.is_dir() {
        true => files_below(&path),
        false => vec![path],
    });
    below.collect()
}

#[test]
fn a_flipped_byte_of_a_backup_is_a_fault_with_its_report() {
    let place = Place::with_node();
    place.key();
    let (copy, packed) = (place.file("copy"), place.file("copy.zip"));
    for to in [&copy, &packed] {
        assert_eq!(place.run(&["backup", "--to", to.to_str().unwrap()]).code, 0);
    }
    let check = |from: &Path, what: &Path| {
        let words = ["restore", from.to_str().unwrap(), "--check"];
        let ended = place.run(&[&words[..], &["--json"]].concat());
        assert_eq!((ended.code, ended.err.as_str()), (3, ""), "{what:?}: {ended:?}");
        let report = ended.json();
        assert_eq!(report["clean"], false, "{what:?}: {report}");
        assert!(report["faults"][0].is_string(), "{what:?}: {report}");
        let told = place.run(&words);
        assert_eq!(
            (told.code, told.out.contains("fault")),
            (3, true),
            "{what:?}: {told:?}"
        );
    };
    let mut files = files_below(&copy);
    // The authority and the name are no part of what a backup's own record speaks of.
    files.retain(|file| !file.starts_with(copy.join("certs")) && !file.ends_with("node.toml"));
    assert!(files.len() >= 3, "{files:?}");
    for file in &files {
        let whole = std::fs::read(file).unwrap();
        let mut flipped = whole.clone();
        flipped[whole.len() / 2] ^= 1;
        std::fs::write(file, flipped).unwrap();
        check(&copy, file);
        std::fs::write(file, whole).unwrap();
    }
    assert_eq!(place.run(&["restore", copy.to_str().unwrap(), "--check"]).code, 0);
    let mut flipped = std::fs::read(&packed).unwrap();
    let middle = flipped.len() / 2;
    flipped[middle] ^= 1;
    std::fs::write(&packed, flipped).unwrap();
    check(&packed, &packed);
    assert_eq!(place.run(&["restore", "no-such-backup", "--check"]).code, 1);
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
        let audit = served.get("/v1/audit?event=backup", key["key"].as_str()).1;
        assert!(
            audit.contains(&format!("\"to\":\"{}\"", copy.display())),
            "it left the house: {audit}"
        );
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
