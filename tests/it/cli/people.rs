//! Keys, people and agencies from the command line, the same way whether a server holds the folder or nobody does.

use serde_json::{Value as Json, json};

use crate::support::process::{Ended, Place, Served};

const PASSWORD: &str = "a long enough pass phrase";

/// A verb that must succeed, as JSON.
#[track_caller]
fn done(place: &Place, words: &[&str]) -> Json {
    let ended = place.run(&[words, &["--json"]].concat());
    assert_eq!(ended.code, 0, "{words:?}: {ended:?}");
    ended.json()
}

#[track_caller]
fn refused(place: &Place, words: &[&str], why: &str) {
    let ended: Ended = place.run(words);
    assert_eq!(ended.code, 1, "{words:?}: {ended:?}");
    assert!(ended.err.contains(why), "{words:?}: {ended:?}");
}

/// The row of a list with this in this member.
#[track_caller]
fn row(list: &Json, member: &str, value: &str) -> Json {
    let rows = list["data"].as_array().unwrap();
    rows.iter()
        .find(|row| row[member] == value)
        .unwrap_or_else(|| panic!("no {value}: {list}"))
        .clone()
}

/// People; the server, if there is one, says who may sign in.
fn walk_people(place: &Place, served: Option<&Served>) {
    let file = place.file("password");
    std::fs::write(&file, format!("{PASSWORD}\n")).unwrap();
    let file = file.to_str().unwrap();
    let sign_in = |password: &str| {
        served.map(|served| {
            let body = json!({"data": {"email": "ada@metro.example", "password": password}}).to_string();
            let json = "Content-Type: application/json\r\n";
            served
                .ask("POST", "/v1/session", None, json, body.as_bytes())
                .unwrap()
                .status
        })
    };
    let expected = |status| served.map(|_| status);
    let add = [
        "user",
        "add",
        "--email",
        "ada@metro.example",
        "--name",
        "Ada",
        "--role",
        "officer",
    ];
    let made = done(place, &[&add[..], &["--password-file", file]].concat());
    assert_eq!(
        (&made["email"], &made["role"]),
        (&json!("ada@metro.example"), &json!("officer"))
    );
    refused(place, &add, "another user has this email");
    assert_eq!(sign_in(PASSWORD), expected(201));
    done(place, &["user", "disable", "ada@metro.example"]);
    assert_eq!(
        row(&done(place, &["user", "list"]), "email", "ada@metro.example")["disabled"],
        true
    );
    assert_eq!(sign_in(PASSWORD), expected(401));
    done(place, &["user", "enable", "ada@metro.example"]);
    assert_eq!(sign_in(PASSWORD), expected(201));
    std::fs::write(file, "another pass phrase\n").unwrap();
    done(
        place,
        &["user", "password", "ada@metro.example", "--password-file", file],
    );
    assert_eq!(
        (sign_in(PASSWORD), sign_in("another pass phrase")),
        (expected(401), expected(201))
    );
    refused(
        place,
        &["user", "disable", "nobody@metro.example"],
        "nobody has the address",
    );
    if served.is_some() {
        for _ in 0..5 {
            assert_eq!(sign_in(PASSWORD), Some(401));
        }
        let list = done(place, &["user", "list"]);
        assert_eq!(row(&list, "email", "ada@metro.example")["locked"], true);
        let shown = place.run(&["user", "list"]);
        assert!(shown.out.contains("locked"), "{shown:?}");
    }
}

/// An agency beside the node's own, with its first administrator.
fn walk_agencies(place: &Place) {
    let file = place.file("password");
    std::fs::write(&file, format!("{PASSWORD}\n")).unwrap();
    let file = file.to_str().unwrap();
    let admin = ["--admin", "chief@harbor.example", "--admin-password-file", file];
    done(
        place,
        &[
            &["tenant", "add", "--slug", "harbor", "--name", "Harbor Police"][..],
            &["--organization-id", "41"][..],
            &admin[..],
        ]
        .concat(),
    );
    let same = [
        "tenant",
        "add",
        "--slug",
        "dock",
        "--name",
        "Dock",
        "--organization-id",
        "41",
    ];
    refused(place, &same, "another tenant has this organization_id");
    assert_eq!(
        row(&done(place, &["tenant", "list"]), "slug", "harbor")["name"],
        "Harbor Police"
    );
    let theirs = done(place, &["user", "list", "--tenant", "harbor"]);
    assert_eq!(theirs["data"].as_array().unwrap().len(), 1, "{theirs}");
    assert_eq!(
        row(&theirs, "email", "chief@harbor.example")["role"],
        "administrator"
    );
}

/// Keys; the server, if there is one, says what they open.
fn walk_keys(place: &Place, served: Option<&Served>) {
    let opens = |key: &Json| served.map(|served| served.get("/v1/cases", key["key"].as_str()).0);
    let expected = |status| served.map(|_| status);
    let state =
        |key: &Json| row(&done(place, &["key", "list"]), "id", key["id"].as_str().unwrap())["state"].clone();
    let create = |name: &str, more: &[&str]| {
        done(
            place,
            &[&["key", "create", "--name", name, "--scopes", "cases:read"], more].concat(),
        )
    };
    let first = create("first", &["--expires", "90d"]);
    assert_eq!((opens(&first), state(&first)), (expected(200), json!("active")));
    let id = |key: &Json| key["id"].as_str().unwrap().to_owned();
    let second = done(place, &["key", "rotate", &id(&first), "--overlap-hours", "1"]);
    assert_eq!(
        (opens(&first), opens(&second)),
        (expected(200), expected(200)),
        "both work for an hour"
    );
    assert_eq!(state(&first), "retiring");
    let third = done(place, &["key", "rotate", &id(&second), "--overlap-hours", "0"]);
    assert_eq!((opens(&second), opens(&third)), (expected(401), expected(200)));
    done(place, &["key", "revoke", &id(&third)]);
    assert_eq!((opens(&third), state(&third)), (expected(401), json!("revoked")));
    refused(place, &["key", "rotate", &id(&third)], "revoked");
    for verb in ["rotate", "revoke"] {
        refused(place, &["key", verb, "first"], "`blotter key list` shows");
    }
    let unknown = ["key", "create", "--name", "x", "--scopes", "foo"];
    refused(place, &unknown, "*, cases:restricted, records:expunge");
    let theirs = create("theirs", &["--tenant", "harbor"]);
    assert_eq!(opens(&theirs), expected(200));
    let own = done(place, &["key", "list"]);
    assert!(
        own["data"]
            .as_array()
            .unwrap()
            .iter()
            .all(|key| key["id"] != theirs["id"]),
        "{own}"
    );
}

/// A slip in `--tenant` made an agency of that name, which then could not be made properly.
fn walk_slips(place: &Place) {
    let before = done(place, &["tenant", "list"]);
    for words in [
        &["key", "create", "--scopes", "*", "--name", "x"][..],
        &["key", "list"],
        &["user", "list"],
        &[
            "user",
            "add",
            "--email",
            "x@ghost.example",
            "--name",
            "X",
            "--role",
            "officer",
        ],
    ] {
        for ghost in ["ghost", "Not A Slug"] {
            let ended = place.run(&[words, &["--tenant", ghost]].concat());
            assert_eq!(ended.code, 2, "{words:?}: {ended:?}");
            assert!(
                ended.err.contains(&format!("there is no agency `{ghost}`")),
                "{ended:?}"
            );
        }
    }
    assert_eq!(done(place, &["tenant", "list"]), before);
    done(place, &["tenant", "add", "--slug", "ghost", "--name", "Ghost"]);
    done(place, &["key", "list", "--tenant", "ghost"]);
    done(place, &["key", "list", "--tenant", "metro"]);
}

#[test]
fn keys_people_and_agencies_are_kept_with_no_server() {
    let place = Place::with_node();
    walk_people(&place, None);
    walk_agencies(&place);
    walk_keys(&place, None);
    walk_slips(&place);
    assert_eq!(done(&place, &["verify"])["clean"], true);
}

#[test]
fn keys_people_and_agencies_are_kept_by_a_running_server() {
    let place = Place::with_node();
    let served = place.serve();
    walk_people(&place, Some(&served));
    walk_agencies(&place);
    walk_keys(&place, Some(&served));
    walk_slips(&place);
    assert_eq!(served.terminate().0, 0);
    assert_eq!(done(&place, &["verify"])["clean"], true);
}
