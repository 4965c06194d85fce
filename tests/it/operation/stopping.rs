//! SIGTERM: what is in hand is finished within ten seconds; a second one cuts it.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use rustix::process::Signal;
use serde_json::{Value as Json, json};

use crate::support::process::{Place, Served, Wire, told};

const BODY: &[u8] = br#"{"data": {"title": "Half of this comes after the signal"}}"#;

/// A request whose body is half there: the server has asked for it, so it is in hand.
fn in_hand(served: &Served, key: &str) -> Wire {
    let mut wire = served.connect().unwrap();
    write!(
        wire,
        "POST /v1/cases HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Type: application/json\r\n\
         Content-Length: {}\r\nAuthorization: Bearer {key}\r\nExpect: 100-continue\r\n\r\n",
        BODY.len()
    )
    .unwrap();
    let mut go_on = [0; 25];
    wire.read_exact(&mut go_on).unwrap();
    assert_eq!(&go_on, b"HTTP/1.1 100 Continue\r\n\r\n");
    wire.write_all(&BODY[..20]).unwrap();
    wire
}

/// What the log says of the opening of the folder.
fn opening(place: &Place) -> Json {
    let lines = place.log();
    let lines = lines
        .lines()
        .map(|line| serde_json::from_str::<Json>(line).unwrap());
    lines
        .into_iter()
        .find(|line| line["message"] == "the log is open")
        .unwrap()
}

#[test]
fn a_stop_in_order_leaves_the_next_start_nothing_to_do() {
    let place = Place::with_node();
    let key = place.key();
    // So late that only the stop itself can have made views and index durable.
    let settings = [
        ("BLOTTER_LOG_FORMAT", "json"),
        ("BLOTTER_STORE_CHECKPOINT_SECONDS", "3600"),
        ("BLOTTER_SEARCH_COMMIT_MS", "60000"),
    ];
    let served = place.serve_with(&settings, &[]);
    for nth in 0..50 {
        let made = served.post("/v1/cases", &key, &json!({"title": format!("Case {nth}")}));
        assert_eq!(made.status, 201, "{made:?}");
    }
    let (code, took) = served.terminate();
    assert_eq!(code, 0);
    assert!(took < Duration::from_secs(10), "it waits for no timer: {took:?}");
    let doctor = place.run(&["doctor", "--json"]).json();
    let findings = doctor["data"].as_array().unwrap();
    let index = findings
        .iter()
        .find(|finding| finding["what"] == "index")
        .unwrap();
    assert_eq!(index["told"], "50 records, up to date", "{doctor}");
    let served = place.serve_with(&settings, &[]);
    let opened = opening(&place);
    assert_eq!(
        (&opened["replayed"], &opened["rebuilt"]),
        (&json!(0), &json!(false)),
        "{opened}"
    );
    let found = served.get("/v1/search?q=kind:case&limit=1", Some(&key)).1;
    let found: Json = serde_json::from_str(&found).unwrap();
    assert_eq!(found["meta"]["total"], 50, "{found}");
    assert_eq!(served.terminate().0, 0);
}

fn wait_until_closed(served: &Served) {
    while TcpStream::connect(served.address()).is_ok() {
        std::thread::yield_now();
    }
}

#[test]
fn a_request_in_hand_is_finished_by_a_stop() {
    let place = Place::with_node();
    let key = place.key();
    let served = place.serve();
    let mut wire = in_hand(&served, &key);
    let begun = Instant::now();
    served.signal(Signal::TERM);
    wait_until_closed(&served);
    wire.write_all(&BODY[20..]).unwrap();
    let answer = told(&mut wire).unwrap();
    assert_eq!(answer.status, 201, "{answer:?}");
    assert_eq!(served.wait(), Some(0));
    assert!(begun.elapsed() < Duration::from_secs(10));
    let found = place.run(&["search", "signal", "--json"]).json();
    assert_eq!(found["meta"]["total"], 1, "what was acknowledged is there");
}

#[test]
fn a_request_that_does_not_end_is_cut_in_time() {
    let place = Place::with_node();
    let key = place.key();
    let served = place.serve_with(&[("BLOTTER_LIMITS_DRAIN_SECONDS_MAX", "1")], &[]);
    let mut wire = in_hand(&served, &key);
    let (code, took) = served.terminate();
    assert_eq!(code, 0);
    assert!(took < Duration::from_secs(10), "{took:?}");
    assert!(told(&mut wire).is_err());
    assert_eq!(place.run(&["verify", "--json"]).json()["clean"], true);
}

#[test]
fn a_second_signal_cuts_what_is_in_hand() {
    let place = Place::with_node();
    let key = place.key();
    let served = place.serve_with(&[("BLOTTER_LIMITS_DRAIN_SECONDS_MAX", "300")], &[]);
    let wire = in_hand(&served, &key);
    served.signal(Signal::TERM);
    wait_until_closed(&served);
    served.signal(Signal::TERM);
    assert_eq!(served.wait(), Some(0));
    drop(wire);
    assert_eq!(place.run(&["verify", "--json"]).json()["clean"], true);
}
