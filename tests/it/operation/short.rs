//! A server that runs short: of space on the disk, of files that it may open; and the figures by which that is seen.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use serde_json::{Value as Json, json};

use crate::support::process::{Place, Served, Told, get_plain};

/// A file of evidence of so many bytes, as a part of a form.
fn attach(served: &Served, key: &str, path: &str, name: &str, bytes: &[u8]) -> Told {
    let head = format!(
        "--part\r\nContent-Disposition: form-data; name=\"files\"; filename=\"{name}\"\r\nContent-Type: application/octet-stream\r\n\r\n"
    );
    let body = [head.as_bytes(), bytes, b"\r\n--part--\r\n"].concat();
    let form = "Content-Type: multipart/form-data; boundary=part\r\n";
    served.ask("POST", path, Some(key), form, &body).unwrap()
}

fn code(told: &Told) -> String {
    told.json()["errors"][0]["code"]
        .as_str()
        .unwrap_or_default()
        .to_owned()
}

fn free_bytes(place: &Place) -> u64 {
    let facts = rustix::fs::statvfs(place.data()).unwrap();
    facts.f_bavail * facts.f_frsize
}

/// What a server with so much less than its floor takes: a large file, a small one, text, custody.
fn taken(place: &Place, key: &str, evidence: &str, floor_bytes: u64) -> [u16; 4] {
    let floor = floor_bytes.to_string();
    let served = place.serve_with(&[("BLOTTER_STORE_LOW_DISK_FLOOR_BYTES", &floor)], &[]);
    let files = format!("/v1/evidence/{evidence}/files");
    let large = attach(&served, key, &files, "large.bin", &vec![7; 2 << 20]);
    let small = attach(&served, key, &files, &format!("{floor}.bin"), floor.as_bytes());
    let text = served.post("/v1/cases", key, &json!({"title": "Text"}));
    let chain = served
        .get(&format!("/v1/evidence/{evidence}/custody"), Some(key))
        .1;
    let chain: Json = serde_json::from_str(&chain).unwrap();
    let custody = json!({"action": "moved", "place": "Shelf 4", "follows": chain["data"]["follows"]});
    let custody = served.post(&format!("/v1/evidence/{evidence}/custody"), key, &custody);
    let answers = [large, small, text, custody];
    let ready: Json = serde_json::from_str(&served.get("/readyz", None).1).unwrap();
    assert_eq!(ready["disk_low"], answers[2].status == 507, "{ready}");
    for answer in answers.iter().filter(|answer| answer.status >= 400) {
        assert!(answer.head.contains("x-request-id: "), "{answer:?}");
        assert_eq!(
            (answer.status, code(answer).as_str()),
            (507, "STORAGE_FULL"),
            "{answer:?}"
        );
    }
    assert_eq!(served.terminate().0, 0);
    answers.map(|answer| answer.status)
}

#[test]
fn low_space_refuses_large_files_first_then_small_ones_and_text_and_custody_last() {
    let place = Place::with_node();
    let key = place.key();
    let served = place.serve();
    let case = served.post("/v1/cases", &key, &json!({"title": "A case"})).json();
    let item = json!({"case_id": case["data"]["id"], "description": "A knife", "type": "physical"});
    let item = served.post("/v1/evidence", &key, &item);
    assert_eq!(item.status, 201, "{item:?}");
    let evidence = item.json()["data"]["id"].as_str().unwrap().to_owned();
    assert_eq!(served.terminate().0, 0);
    let free = free_bytes(&place);
    let of_free = |share: u64| taken(&place, &key, &evidence, free / 100 * share);
    assert_eq!(of_free(10), [201, 201, 201, 201]);
    assert_eq!(of_free(33), [507, 201, 201, 201]);
    assert_eq!(of_free(66), [507, 507, 201, 201]);
    assert_eq!(of_free(150), [507, 507, 507, 507]);
    assert_eq!(place.run(&["verify", "--json"]).json()["clean"], true);
}

#[test]
fn nothing_is_served_without_tls_unless_it_is_set() {
    let place = Place::with_node();
    let set = [("BLOTTER_SERVER_PLAIN_LISTEN", "127.0.0.1:0")];
    for (set, is_served) in [(&set[..], true), (&[], false)] {
        let served = place.serve_with(set, &[]);
        let Some(plain) = served.ready["plain"].as_str() else {
            assert!(!is_served, "{}", served.ready);
            continue;
        };
        let told = get_plain(plain, "/healthz");
        assert!(is_served && told.status == 200, "{told:?}");
    }
}

#[test]
fn figures_are_read_at_their_own_listener_and_with_a_key() {
    let place = Place::with_node();
    let key = place.key();
    let made = place
        .run(&[
            "key",
            "create",
            "--name",
            "less",
            "--scopes",
            "cases:read",
            "--json",
        ])
        .json();
    let less = made["key"].as_str().unwrap();
    let served = place.serve_with(&[("BLOTTER_SERVER_METRICS_LISTEN", "127.0.0.1:0")], &[]);
    let own = get_plain(served.ready["metrics"].as_str().unwrap(), "/metrics");
    assert!(
        own.status == 200 && own.body.contains("\nblotter_up 1\n"),
        "{own:?}"
    );
    let keyed = served.get("/metrics", Some(&key));
    assert!(
        keyed.0 == 200 && keyed.1.contains("blotter_disk_free_bytes"),
        "{keyed:?}"
    );
    for (who, status, code) in [(None, 401, "UNAUTHORIZED"), (Some(less), 403, "FORBIDDEN")] {
        let refused = served.ask("GET", "/metrics", who, "", b"").unwrap();
        assert_eq!(
            (refused.status, &refused.json()["errors"][0]["code"]),
            (status, &code.into())
        );
        assert_eq!(
            refused.head.to_lowercase().contains("\r\nwww-authenticate:"),
            status == 401,
            "{refused:?}"
        );
    }
    let page = include_str!("../../../docs/api/metrics.md");
    for figure in keyed.1.lines().filter(|line| !line.starts_with('#')) {
        let name = figure.split(' ').next().unwrap();
        assert!(
            page.contains(&format!("`{name}`")),
            "{name} is not in the reference"
        );
    }
}

#[test]
fn who_reads_the_figures_is_in_the_audit_log_and_belongs_to_the_node() {
    let place = Place::with_node();
    let key = place.key();
    let served = place.serve();
    for (who, status) in [(Some(key.as_str()), 200), (None, 401)] {
        assert_eq!(served.get("/metrics", who).0, status);
    }
    assert_eq!(
        place
            .run(&["tenant", "add", "--slug", "harbor", "--name", "Harbor"])
            .code,
        0
    );
    let words = [
        "key", "create", "--name", "x", "--scopes", "*", "--tenant", "harbor", "--json",
    ];
    let foreign = place.run(&words).json();
    assert_eq!(
        served.get("/metrics", foreign["key"].as_str()).0,
        403,
        "they are of the whole node"
    );
    for (who, event, outcome) in [
        (Some(key.as_str()), "metrics", "done"),
        (Some(key.as_str()), "authenticate", "refused"),
        (foreign["key"].as_str(), "metrics", "denied"),
    ] {
        let audit = served.get(&format!("/v1/audit?event={event}"), who).1;
        let audit: serde_json::Value = serde_json::from_str(&audit).unwrap();
        let entry = &audit["data"][0];
        assert_eq!(
            (&entry["lane"], &entry["outcome"]),
            (&"metrics".into(), &outcome.into()),
            "{audit}"
        );
    }
}

#[test]
fn a_server_out_of_files_goes_on_answering_and_recovers() {
    let place = Place::with_node();
    let key = place.key();
    let script = "ulimit -n 96; exec \"$0\" \"$@\"";
    let served = place.serve_with(&[], &["sh", "-c", script]);
    let mut kept = served.connect().unwrap();
    let mut ask = || -> u16 {
        let head =
            format!("GET /v1/cases HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {key}\r\n\r\n");
        kept.write_all(head.as_bytes()).unwrap();
        let mut answer = Vec::new();
        while !answer.ends_with(b"\"total\":0}}") {
            let mut byte = [0];
            kept.read_exact(&mut byte).unwrap();
            answer.push(byte[0]);
        }
        String::from_utf8(answer)
            .unwrap()
            .split(' ')
            .nth(1)
            .unwrap()
            .parse()
            .unwrap()
    };
    assert_eq!(ask(), 200);
    let crowd: Vec<TcpStream> = (0..150)
        .map(|_| TcpStream::connect(served.address()).unwrap())
        .collect();
    while !place.log().contains("can't accept connections") {
        std::thread::yield_now();
    }
    assert_eq!(ask(), 200, "who has a connection is answered");
    drop(crowd);
    // Seats are free again once the server has seen that the crowd is gone.
    let begun = Instant::now();
    while served.connect().is_err() && begun.elapsed() < Duration::from_secs(20) {}
    assert_eq!(served.get("/v1/cases", Some(&key)).0, 200, "and then everybody");
    assert_eq!(
        served
            .post("/v1/cases", &key, &json!({"title": "After the crowd"}))
            .status,
        201
    );
    assert_eq!(served.terminate().0, 0);
    assert_eq!(place.run(&["verify", "--json"]).json()["clean"], true);
}
