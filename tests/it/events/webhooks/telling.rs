//! What is told: every event, signed, in order, under the names of every other way, whatever a receiver does meanwhile.

use std::io::{BufRead, BufReader, Lines};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};

use serde_json::{Value as Json, json};

use crate::events::webhooks::receiver::{Manner, Post, Receiver};
use crate::events::webhooks::{NEAR, Telling, key_of};
use crate::support::process::Place;

fn sequences(events: &[Json]) -> Vec<u64> {
    events
        .iter()
        .map(|event| event["sequence"].as_u64().unwrap())
        .collect()
}

/// The receiver in Python: its process, and what it says of each delivery.
struct Vendor {
    process: Child,
    lines: Lines<BufReader<ChildStdout>>,
    port: String,
}

impl Vendor {
    /// With the secrets in this file, showing this certificate.
    fn start(secrets: &Path, leaf: &Path) -> Self {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/clients/webhook_receiver.py");
        let mut command = Command::new("python3");
        command.arg(script).args([secrets, leaf, leaf]);
        let mut process = command.stdout(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
        let port = lines.next().unwrap().unwrap();
        Self { process, lines, port }
    }

    /// The next events, each of which it found to be sound.
    fn told(&mut self, count: usize) -> Vec<Json> {
        let told = self.lines.by_ref().take(count);
        let told = told.map(|line| serde_json::from_str::<Json>(&line.unwrap()).unwrap());
        told.map(|told| {
            assert_eq!(told["faults"], json!([]), "{told}");
            assert_eq!(told["path"], "/hook?a=b");
            told["event"].clone()
        })
        .collect()
    }
}

impl Drop for Vendor {
    fn drop(&mut self) {
        drop(self.process.kill());
        drop(self.process.wait());
    }
}

/// A node that trusts its own authority for webhooks too, so that receivers on this machine can show its certificate.
fn trusting_itself() -> Telling {
    let place = Place::with_node();
    let key = key_of(&place, "*");
    // The first start makes the certificate.
    place.serve().kill();
    let ca = place.data().join("certs/ca.pem");
    let trusted = [("BLOTTER_EVENTS_WEBHOOK_CA_FILE", ca.to_str().unwrap())];
    let served = place.serve_with(&[&NEAR[..], &trusted].concat(), &[]);
    Telling { place, served, key }
}

#[test]
fn a_vendors_receiver_over_tls_finds_every_event_signed() {
    let telling = trusting_itself();
    let secrets = telling.place.file("secrets");
    let mut vendor = Vendor::start(&secrets, &telling.place.data().join("certs/server.pem"));
    let url = format!("https://localhost:{}/hook?a=b", vendor.port);
    let wish = json!({"name": "wall", "url": url, "filter": {"eventTypes": ["case.*"]}, "paused": true});
    let (id, secret) = telling.webhook(&wish);
    let at = |what: &str| format!("/v1/webhooks/{id}/{what}");
    std::fs::write(&secrets, &secret).unwrap();
    telling.open_cases((0..5).map(|number| format!("Case {number}")));
    let person = json!({"kind": "person", "display_name": "Ruth Okafor"});
    telling.post("/v1/entities", &person);
    telling.post(&at("resume"), &Json::Null);
    let cases: Vec<Json> = telling.events().into_iter().take(5).collect();
    assert_eq!(vendor.told(5), cases);

    // After a rotation both secrets sign, until the overlap is over.
    let rotated = telling.post(&at("rotate"), &json!({}));
    let new = rotated["secret"].as_str().unwrap();
    assert_ne!(new, secret);
    std::fs::write(&secrets, format!("{new}\n{secret}")).unwrap();
    let tried = telling.post(&at("test"), &Json::Null);
    assert_eq!(tried["delivered"], true, "{tried}");
    assert_eq!(tried["status"], 204, "{tried}");
    let test = vendor.told(1).remove(0);
    assert_eq!(test["eventType"], "webhook.test");
    assert_eq!((&test["test"], &test["sequence"]), (&json!(true), &json!(0)));
    let rotated = telling.post(&at("rotate"), &json!({"overlap_minutes": 0}));
    std::fs::write(&secrets, rotated["secret"].as_str().unwrap()).unwrap();
    telling.open_cases(std::iter::once("Case 5".to_owned()));
    assert_eq!(vendor.told(1)[0]["data"]["changes"]["title"], "Case 5");

    // Nobody reads a secret but who made it.
    let history = at("history");
    for path in [&format!("/v1/webhooks/{id}"), &history, "/v1/audit?limit=500"] {
        assert!(!telling.get(path).to_string().contains("whsec_"), "{path}");
    }
    let last = || {
        telling
            .log(&id)
            .0
            .into_iter()
            .map(|row| row["event_type"].clone())
    };
    let expected = ["case.opened", "webhook.test"];
    telling.wait_for(&id, |_| last().count() == 7);
    assert_eq!(last().take(2).collect::<Vec<_>>(), expected);
}

/// A connection that the receiver had closed was asked for an answer until the time was up: 20 s and a failed attempt.
#[test]
fn a_receiver_that_hangs_up_after_each_answer_is_told_the_next_event_at_the_first_attempt() {
    let telling = Telling::start();
    let quiet = Manner {
        closes: true,
        ..Manner::default()
    };
    let said = Manner {
        headers: "Connection: close\r\n",
        ..quiet
    };
    let receivers =
        [quiet, said, Manner { old: true, ..quiet }].map(|manner| Receiver::start_as(manner, 200, &[]));
    let hooks = receivers.each_ref().map(|receiver| {
        let wish = json!({"name": "wall", "url": receiver.url("/hook")});
        telling.webhook(&wish).0
    });
    for told in 1..=4 {
        telling.open_cases(std::iter::once(format!("Case {told}")));
        for (hook, receiver) in hooks.iter().zip(&receivers) {
            telling.wait_for(hook, |_| telling.log(hook).0.len() >= told);
            let attempts = telling.log(hook).0;
            let is_first = |row: &Json| row["attempt"] == 1 && row["status"] == 200;
            assert!(attempts.iter().all(is_first), "{attempts:#?}");
            assert_eq!(attempts.len(), told);
            assert_eq!(receiver.posts().len(), told);
        }
    }
}

#[test]
fn a_receiver_that_fails_is_told_again_in_order_and_delays_nobody_else() {
    let telling = Telling::start();
    let failing = [
        (0, ""),
        (500, ""),
        (503, "Retry-After: 1\r\n"),
        (302, "Location: /elsewhere\r\n"),
        (204, ""),
        (429, ""),
    ];
    let (weak, sound) = (Receiver::start(204, &failing), Receiver::start(204, &[]));
    let dead = Receiver::start(0, &[]);
    let hooks = [&weak, &sound, &dead].map(|receiver| {
        telling
            .webhook(&json!({"name": "wall", "url": receiver.url("/hook")}))
            .0
    });
    telling.open_cases((0..30).map(|number| format!("Case {number}")));
    let events = telling.events();
    assert_eq!(events.len(), 30);
    let bodies = |posts: Vec<Post>| posts.into_iter().map(|post| post.event).collect::<Vec<_>>();
    assert_eq!(bodies(sound.wait_taken(30)), events);
    assert_eq!(bodies(weak.wait_taken(30)), events);
    let all = weak.posts();
    assert!(
        all.iter().all(|post| post.path == "/hook"),
        "no redirect is followed"
    );
    let statuses: Vec<_> = all.iter().take(7).map(|post| post.status.unwrap_or(0)).collect();
    assert_eq!(statuses, [0, 500, 503, 302, 204, 429, 204]);
    let numbers: Vec<u64> = all.iter().take(7).map(Post::sequence).collect();
    let first = events[0]["sequence"].as_u64().unwrap();
    assert_eq!(numbers[..5], [first; 5], "each attempt is of the same event");
    assert_eq!(all[0].event, all[4].event);
    let (attempts, standing) = telling.log(&hooks[0]);
    let said: Vec<_> = attempts
        .iter()
        .rev()
        .take(5)
        .map(|row| (row["attempt"].as_u64().unwrap(), row["status"].as_u64()))
        .collect();
    assert_eq!(
        said,
        [
            (1, None),
            (2, Some(500)),
            (3, Some(503)),
            (4, Some(302)),
            (5, Some(204))
        ]
    );
    let at = |row: &Json| {
        blotter::domain::time::Millis::parse(row["at"].as_str().unwrap())
            .unwrap()
            .0
    };
    let waited = at(&attempts[attempts.len() - 4]) - at(&attempts[attempts.len() - 3]);
    assert!(waited >= 1_000, "Retry-After is honoured: {waited} ms");
    assert_eq!(
        (&standing["failures"], &standing["failing_since"]),
        (&json!(0), &Json::Null)
    );
    let (_, standing) = telling.log(&hooks[2]);
    assert!(
        standing["failures"].as_u64().unwrap() > 0 && standing["failing_since"].is_string(),
        "{standing}"
    );
    assert!(
        standing["behind"].as_u64() >= events.len().try_into().ok(),
        "{standing}"
    );
}

#[test]
fn a_kill_in_the_middle_loses_nothing_and_keeps_the_order() {
    const CASES: usize = 200;
    let receiver = Receiver::start(204, &[]);
    let mut telling = Telling::start();
    let (id, _) = telling.webhook(&json!({"name": "wall", "url": receiver.url("/")}));
    for part in 0..4 {
        telling.open_cases((0..CASES / 4).map(|number| format!("Case {part}/{number}")));
        receiver.wait_taken(1 + part * CASES / 4);
        telling = telling.kill_and_start();
    }
    let expected = sequences(&telling.events());
    assert_eq!(expected.len(), CASES);
    let posts = receiver.wait("the last one", |posts| {
        posts.iter().any(|post| post.sequence() == expected[CASES - 1])
    });
    let mut new: Vec<u64> = Vec::new();
    for post in &posts {
        // What comes again goes on from there, with no gap.
        let number = post.sequence();
        let known = new.iter().position(|known| *known == number);
        assert!(
            known.is_some() || expected[new.len()] == number,
            "{number} after {:?}",
            new.last()
        );
        if known.is_none() {
            new.push(number);
        }
    }
    assert_eq!(new, expected);

    // Told again from a place that somebody names.
    let before = receiver.posts().len();
    let after = expected[CASES - 4];
    telling.post(&format!("/v1/webhooks/{id}/replay"), &json!({"after": after}));
    let again = receiver.wait("a replay", |posts| {
        posts[before..]
            .iter()
            .any(|post| post.sequence() == expected[CASES - 3])
    });
    let again: Vec<u64> = again[before..]
        .iter()
        .map(Post::sequence)
        .skip_while(|number| *number != expected[CASES - 3])
        .collect();
    assert_eq!(again[0], expected[CASES - 3]);
    let all = receiver.wait("its end", |posts| {
        posts[before..]
            .iter()
            .filter(|post| post.sequence() == expected[CASES - 1])
            .count()
            >= 1
    });
    let tail: Vec<u64> = all[all.len() - 3..].iter().map(Post::sequence).collect();
    assert_eq!(tail, expected[CASES - 3..]);
    let told = telling.served.post(
        &format!("/v1/webhooks/{id}/replay"),
        &telling.key,
        &json!({"after": 1_000_000}),
    );
    assert_eq!(told.status, 400, "{told:?}");
}
