//! When telling ends: receivers that are gone or fail for too long, addresses that may not be reached, copies of a node.

use serde_json::{Value as Json, json};

use crate::events::webhooks::receiver::Receiver;
use crate::events::webhooks::{NEAR, Telling, key_of};
use crate::support::process::{Place, UNHURRIED};

#[test]
fn who_is_gone_or_fails_too_long_is_paused_with_a_reason_and_loses_nothing() {
    let telling = Telling::start_with(&[("BLOTTER_EVENTS_WEBHOOK_GIVE_UP_SECONDS", "1")]);
    let (gone, failing) = (Receiver::start(410, &[]), Receiver::start(500, &[]));
    let hooks = [&gone, &failing].map(|receiver| {
        telling
            .webhook(&json!({"name": "wall", "url": receiver.url("/")}))
            .0
    });
    telling.open_cases((0..3).map(|number| format!("Case {number}")));
    let reasons = ["gone (410)", "the last answer was 500"];
    for (id, reason) in hooks.iter().zip(reasons) {
        let hook = telling.wait_for(id, |hook| hook["paused"] == true);
        assert!(
            hook["paused_because"].as_str().unwrap().contains(reason),
            "{hook}"
        );
    }
    assert_eq!(gone.posts().len(), 1);
    assert!(failing.posts().len() > 1);
    for (id, receiver) in hooks.iter().zip([&gone, &failing]) {
        receiver.answer(204);
        let resumed = telling.post(&format!("/v1/webhooks/{id}/resume"), &Json::Null);
        assert_ne!(resumed["paused"], true, "{resumed}");
        assert_eq!(resumed["paused_because"], Json::Null, "{resumed}");
        let told: Vec<Json> = receiver
            .wait_taken(3)
            .into_iter()
            .map(|post| post.event)
            .collect();
        assert_eq!(told, telling.events());
        // A person who pauses gives no reason, and nothing comes any more.
        let paused = telling.post(&format!("/v1/webhooks/{id}/pause"), &Json::Null);
        assert_eq!(
            (&paused["paused"], &paused["paused_because"]),
            (&json!(true), &Json::Null)
        );
    }
}

#[test]
fn addresses_of_the_node_and_near_it_are_not_reached_by_any_name() {
    let receiver = Receiver::start(204, &[]);
    let port = receiver.port();
    let check = |telling: &Telling, url: String, expected: &str| {
        let (id, _) = telling.webhook(&json!({"name": "wall", "url": url}));
        let tried = telling.post(&format!("/v1/webhooks/{id}/test"), &Json::Null);
        let error = tried["error"].as_str().unwrap_or_default();
        assert!(error.contains(expected), "{url}: {tried}");
        assert_eq!(
            (&tried["delivered"], &tried["status"]),
            (&json!(false), &Json::Null),
            "{url}"
        );
    };
    let place = Place::with_node();
    let key = key_of(&place, "*");
    let served = place.serve_with(&UNHURRIED, &[]);
    let telling = Telling { place, served, key };
    for host in ["localhost", "127.1", "2130706433", "0x7f000001"] {
        check(&telling, format!("https://{host}:{port}/"), "is refused");
    }
    written_out_addresses_are_refused_at_once(&telling, &receiver);
    check(
        &telling,
        "https://no-such-name.invalid/".to_owned(),
        "is not known",
    );
    assert!(receiver.posts().is_empty());
    // With what a test allows, the same receiver is reached.
    let Telling { place, served, key } = telling;
    served.kill();
    let served = place.serve_with(&NEAR, &[]);
    let telling = Telling { place, served, key };
    let (id, _) = telling.webhook(&json!({"name": "wall", "url": receiver.url("/")}));
    let tried = telling.post(&format!("/v1/webhooks/{id}/test"), &Json::Null);
    assert_eq!(tried["delivered"], true, "{tried}");
    a_repeated_test_is_posted_once(&telling, &receiver, &id);
}

/// What can be seen to lead nowhere was taken, and said so at the first event.
fn written_out_addresses_are_refused_at_once(telling: &Telling, receiver: &Receiver) {
    let (id, _) = telling.webhook(&json!({"name": "wall", "url": "https://desk.example.org/"}));
    let port = receiver.port();
    let near = [
        "127.0.0.1",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "0.0.0.0",
        "[::]",
        "169.254.169.254",
    ];
    let near = near.map(|host| (format!("https://{host}:{port}/"), "is refused"));
    let own = telling.served.ready["url"].as_str().unwrap().to_owned();
    let more = [(receiver.url("/"), "https is needed"), (own, "is refused")];
    for (url, expected) in near.into_iter().chain(more) {
        let body = json!({"data": {"name": 7, "url": url, "nmae": "wall"}, "mata": {}}).to_string();
        for (method, path) in [
            ("POST", "/v1/webhooks".to_owned()),
            ("PATCH", format!("/v1/webhooks/{id}")),
        ] {
            let head = "Content-Type: application/json\r\n";
            let told = telling
                .served
                .ask(method, &path, Some(&telling.key), head, body.as_bytes())
                .unwrap();
            assert_eq!(told.status, 400, "{method} {url}: {}", told.body);
            for part in ["data.url", expected, "data.name:", "data.nmae", "mata"] {
                assert!(told.body.contains(part), "{part} {}", told.body);
            }
        }
    }
}

/// A test that is repeated with its key is answered as it was.
fn a_repeated_test_is_posted_once(telling: &Telling, receiver: &Receiver, id: &str) {
    let test = |key: &str| {
        let headers = format!("Idempotency-Key: {key}\r\n");
        let path = format!("/v1/webhooks/{id}/test");
        let answer = telling
            .served
            .ask("POST", &path, Some(&telling.key), &headers, b"")
            .unwrap();
        assert_eq!(answer.status, 200, "{}", answer.body);
        (
            answer.json()["data"].clone(),
            answer.head.to_lowercase().contains("idempotency-replayed: true"),
        )
    };
    let (first, again, other) = (test("one"), test("one"), test("two"));
    assert_eq!(
        (&again.0, again.1, first.1, other.1),
        (&first.0, true, false, false)
    );
    assert_ne!(first.0["event_id"], other.0["event_id"]);
    assert_eq!(receiver.wait_taken(3).len(), 3);
}

#[test]
fn a_restored_copy_tells_nothing_until_somebody_says_so() {
    let receiver = Receiver::start(204, &[]);
    let telling = Telling::start();
    let (id, _) = telling.webhook(&json!({"name": "wall", "url": receiver.url("/")}));
    telling.open_cases(std::iter::once("Before".to_owned()));
    receiver.wait_taken(1);
    let copy = telling.place.file("copy");
    let words = ["backup", "--to", copy.to_str().unwrap()];
    assert_eq!(telling.place.run(&words).code, 0);
    let Telling { served, key, .. } = telling;
    served.kill();
    let restored = Place::new();
    let ended = restored.run(&["restore", copy.to_str().unwrap()]);
    assert_eq!(ended.code, 0, "{ended:?}");
    let served = restored.serve_with(&NEAR, &[]);
    let telling = Telling {
        place: restored,
        served,
        key,
    };
    telling.open_cases(std::iter::once("A drill".to_owned()));
    // A second webhook that is told shows that the couriers are on their way.
    let other = Receiver::start(204, &[]);
    let (_, _) = telling.webhook(&json!({"name": "other", "url": other.url("/")}));
    telling.open_cases(std::iter::once("Another drill".to_owned()));
    other.wait_taken(1);
    assert_eq!(receiver.posts().len(), 1);
    telling.post(&format!("/v1/webhooks/{id}/resume"), &Json::Null);
    let posts = receiver.wait_taken(4);
    let told: Vec<&Json> = posts[1..]
        .iter()
        .map(|post| &post.event["data"]["changes"]["title"])
        .collect();
    assert_eq!(
        told,
        ["Before", "A drill", "Another drill"],
        "it begins where the webhook began"
    );
}
