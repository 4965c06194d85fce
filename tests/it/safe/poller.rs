//! A vendor's poller against the real server: killed, restarted, and at the end nothing is missing and nothing twice.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use rustix::process::Signal;
use serde_json::{Value as Json, json};

use crate::support::process::{Place, Served};

/// Rows of the file that New York City published.
const ITEMS: u64 = 2_406;

/// A node of agency 7, office 3, with a user; gives the user's static token.
fn room(place: &Place) -> String {
    let numbers = [
        "init",
        "--tenant",
        "metro",
        "--organization-id",
        "7",
        "--office-id",
        "3",
        "--json",
    ];
    assert_eq!(place.run(&numbers).code, 0);
    user(place, "poller")
}

fn user(place: &Place, name: &str) -> String {
    let email = format!("{name}@metro.example");
    let words = [
        "user", "add", "--email", &email, "--name", name, "--role", "officer", "--json",
    ];
    assert_eq!(place.run(&words).code, 0);
    let made = place.run(&["user", "token", &email, "--json"]).json();
    made["token"].as_str().unwrap().to_owned()
}

fn poller(served: &Served, token: &str, store: &Path) -> Command {
    let mut command = Command::new("python3");
    command.arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients/safe_poller.py"));
    command
        .arg(served.ready["url"].as_str().unwrap())
        .arg(served.authority());
    command.args(["7", "3"]).arg(store).env("SAFE_TOKEN", token);
    command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

/// Runs a poller to its end; gives the number that was blank.
#[track_caller]
fn drained(served: &Served, token: &str, store: &Path) -> u64 {
    let output = poller(served, token, store).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let told: Json = serde_json::from_str(&text).unwrap();
    told["blank"].as_u64().unwrap()
}

fn lines(store: &Path) -> u64 {
    let text = std::fs::read(store).unwrap_or_default();
    text.iter().filter(|byte| **byte == b'\n').count() as u64
}

#[test]
fn a_poller_that_is_killed_misses_nothing_and_has_nothing_twice() {
    let place = Place::new();
    let token = room(&place);
    let store = place.file("store.jsonl");
    let served = place.serve();
    let tokenless = poller(&served, &token, &store)
        .env_remove("SAFE_TOKEN")
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&tokenless.stderr).into_owned();
    assert_eq!(
        (tokenless.status.code(), told.contains("safe_poller.py URL")),
        (Some(2), true),
        "{told}"
    );
    assert_eq!(drained(&served, &token, &store), 1);
    let data = Path::new(env!("CARGO_MANIFEST_DIR"));
    let file = data.join("data/nypd-hate-crime-complaints.csv");
    let map = data.join("tests/clients/nypd-evidence.toml");
    let words = [
        "import",
        file.to_str().unwrap(),
        "--map",
        map.to_str().unwrap(),
        "--json",
    ];
    let ended = place.run(&words);
    assert_eq!(ended.code, 0, "{ended:?}");

    // Killed with no warning, somewhere in the middle; then the server too.
    let mut running = poller(&served, &token, &store).spawn().unwrap();
    while lines(&store) < 300 {
        assert!(running.try_wait().unwrap().is_none());
        std::thread::sleep(Duration::from_millis(5));
    }
    running.kill().unwrap();
    running.wait().unwrap();
    assert!(lines(&store) < ITEMS);
    served.kill();
    let served = place.serve();
    assert_eq!(drained(&served, &token, &store), ITEMS + 1);

    // Hours later there is one more, at the number that was blank.
    let key = place.key();
    let item = json!({"case_id": "INV-2026-0001", "type": "physical", "description": "found later"});
    let cases: Json = serde_json::from_str(&served.get("/v1/cases?limit=1", Some(&key)).1).unwrap();
    let mut item = item;
    item["case_id"] = cases["data"][0]["id"].clone();
    assert_eq!(served.post("/v1/evidence", &key, &item).status, 201);
    assert_eq!(drained(&served, &token, &store), ITEMS + 2);
    check(&store);
}

/// Every item exactly once, with its case, its people, its form and its chain.
fn check(store: &Path) {
    let text = std::fs::read_to_string(store).unwrap();
    let (mut numbers, mut described) = (Vec::new(), BTreeSet::new());
    for line in text.lines() {
        let row: Json = serde_json::from_str(line).unwrap();
        let number = row["number"].as_u64().unwrap();
        numbers.push(number);
        assert_eq!(row["item"]["sequentialOrgId"], number);
        assert!(
            described.insert(row["item"]["description"].to_string()),
            "{number} twice"
        );
        assert_eq!(row["case"]["id"], row["item"]["primaryCaseId"]);
        assert!(
            row["case"]["items"]
                .as_array()
                .unwrap()
                .contains(&row["item"]["id"])
        );
        assert_eq!(row["people"][0]["type"], "victim");
        assert_eq!(row["chain"][0]["type"], "In");
        if number <= ITEMS {
            let data = row["formData"][0]["data"].as_str().unwrap();
            let data: Json = serde_json::from_str(data).unwrap();
            assert!(data["county"].is_string(), "{row}");
        }
    }
    assert_eq!(numbers, (1..=ITEMS + 1).collect::<Vec<_>>());
}

fn asked(served: &Served, token: &str, path: &str) -> (u16, Json) {
    let headers = "OrganizationId: 7\r\nOfficeId: 3\r\nStaticToken: true\r\n";
    let told = served.ask("GET", path, Some(token), headers, b"").unwrap();
    (told.status, told.json())
}

#[test]
fn a_seat_is_taken_or_kept_free_and_who_finds_none_is_told_and_noted() {
    let place = Place::new();
    let first = room(&place);
    let second = user(&place, "second");
    let settings = [("BLOTTER_SAFE_SEATS", "1"), ("BLOTTER_SAFE_ITEM_CREATE", "true")];
    let served = place.serve_with(&settings, &[]);
    assert_eq!(asked(&served, &first, "/api/races").0, 200);
    let (status, told) = asked(&served, &second, "/api/races");
    assert_eq!((status, &told["error"]), (403, &json!("no_license_available")));
    assert!(
        told["error_description"]
            .as_str()
            .unwrap()
            .starts_with("No licenses are available")
    );
    // Whose seat is kept free is never refused, and who has one keeps it.
    let pinned = place.run(&["user", "pin", "second@metro.example", "--json"]);
    assert_eq!(pinned.json()["licence_reserved"], true);
    assert_eq!(asked(&served, &second, "/api/races").0, 200);
    assert_eq!(asked(&served, &first, "/api/races").0, 200);
    let released = place.run(&["user", "pin", "second@metro.example", "--release", "--json"]);
    assert_eq!(released.code, 0);
    assert_eq!(asked(&served, &second, "/api/races").0, 403);
    let audit = served.get("/v1/audit?limit=100", Some(&place.key())).1;
    assert!(audit.contains("safe.licence"), "{audit}");

    // Here clients make items, and all that is missing is in one answer.
    let headers =
        "OrganizationId: 7\r\nOfficeId: 3\r\nStaticToken: true\r\nContent-Type: application/json\r\n";
    let told = served
        .ask("POST", "/api/items", Some(&first), headers, b"{}")
        .unwrap();
    assert_eq!(told.status, 400);
    for name in [
        "description",
        "active",
        "categoryId",
        "recoveredById",
        "locationId",
        "recoveryDate",
    ] {
        assert!(told.json()["fields"][name].is_string(), "{name}: {}", told.body);
    }
    assert_eq!(
        place
            .run(&["user", "token", "second@metro.example", "--revoke"])
            .code,
        0
    );
    assert_eq!(asked(&served, &second, "/api/races").0, 401);
}

#[test]
fn a_number_is_neither_missing_nor_given_twice_when_the_server_is_killed() {
    let place = Place::new();
    let token = room(&place);
    let key = place.key();
    let (mut acknowledged, mut case) = (Vec::new(), String::new());
    for round in 0..3 {
        let served = place.serve();
        if case.is_empty() {
            let made = served.post("/v1/cases", &key, &json!({"title": "Burglary"}));
            made.json()["data"]["id"].as_str().unwrap().clone_into(&mut case);
        }
        // Four at once, with bad ones between; killed while they write.
        let answered = AtomicU64::new(0);
        let written: Vec<String> = std::thread::scope(|scope| {
            let writers: Vec<_> = (0..4)
                .map(|writer| {
                    let (served, key, case, answered) = (&served, &key, &case, &answered);
                    let name = format!("{round}-{writer}");
                    scope.spawn(move || writes(served, (key, case), &name, answered))
                })
                .collect();
            writers
                .into_iter()
                .flat_map(|writer| writer.join().unwrap())
                .collect()
        });
        acknowledged.extend(written);
        assert_eq!(served.wait(), None);
    }
    let served = place.serve();
    let (status, items) = asked(&served, &token, "/api/items/seqOrgID/1?take=500");
    assert_eq!(status, 200);
    let items = items.as_array().unwrap();
    for (number, item) in (1..).zip(items) {
        assert_eq!(item["sequentialOrgId"], number);
        assert_eq!(item["sequentialCaseId"], number.to_string());
    }
    let there: BTreeSet<&str> = items
        .iter()
        .map(|item| item["description"].as_str().unwrap())
        .collect();
    assert_eq!(there.len(), items.len());
    for name in &acknowledged {
        assert!(there.contains(name.as_str()), "{name}");
    }
}

/// Writes items, a bad one before each, until the server is gone: whoever is answered the fortieth time kills it. Gives those
/// that were acknowledged.
fn writes(served: &Served, (key, case): (&str, &str), name: &str, answered: &AtomicU64) -> Vec<String> {
    let mut acknowledged = Vec::new();
    for number in 0.. {
        let description = format!("{name}-{number}");
        let item = |kind: &str| {
            json!({"data": {"case_id": case, "type": kind, "description": description}}).to_string()
        };
        let post = |body: String| {
            let json = "Content-Type: application/json\r\n";
            served
                .ask("POST", "/v1/evidence", Some(key), json, body.as_bytes())
                .ok()
        };
        let Some(refused) = post(item("nothing")) else {
            break;
        };
        let Some(made) = post(item("physical")) else { break };
        if (refused.status, made.status) == (400, 201) {
            acknowledged.push(description.clone());
        }
        if answered.fetch_add(1, Ordering::SeqCst) == 40 {
            served.signal(Signal::KILL);
        }
    }
    acknowledged
}
