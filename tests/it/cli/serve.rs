//! A server that is started, asked, worked on from the command line, and told to stop.

use std::time::Duration;

use rustix::process::Signal;

use crate::support::process::Place;

#[test]
fn a_server_says_that_it_is_ready_answers_over_tls_and_stops_in_order() {
    let place = Place::with_node();
    let key = place
        .run(&["key", "create", "--name", "test", "--scopes", "*", "--json"])
        .json();
    let key = key["key"].as_str().unwrap().to_owned();
    let served = place.serve();
    assert_eq!(served.get("/healthz", None), (200, "ok\n".to_owned()));
    assert_eq!(served.get("/v1/cases", None).0, 401);
    assert_eq!(served.get("/v1/cases", Some(&key)).0, 200);
    // What `init` wrote down of the node itself.
    let (status, nodes) = served.get("/v1/nodes", Some(&key));
    assert_eq!((status, nodes.matches("public_key").count()), (200, 1), "{nodes}");

    // While it runs, verbs go through its socket.
    let more = place
        .run(&[
            "key",
            "create",
            "--name",
            "more",
            "--scopes",
            "cases:read",
            "--json",
        ])
        .json();
    assert_eq!(served.get("/v1/cases", more["key"].as_str()).0, 200);
    let keys = place.run(&["key", "list", "--json"]).json();
    assert_eq!(keys["data"].as_array().unwrap().len(), 2);
    let revoked = place
        .run(&["key", "revoke", more["id"].as_str().unwrap(), "--json"])
        .json();
    assert_eq!(revoked["state"], "revoked");
    assert_eq!(served.get("/v1/cases", more["key"].as_str()).0, 401);
    let refused = place.run(&["init", "--tenant", "metro", "--json"]);
    assert_eq!(refused.code, 1, "{refused:?}");

    let (code, took) = served.terminate();
    assert_eq!(code, 0);
    assert!(took < Duration::from_secs(10), "{took:?}");
    assert!(!place.data().join("admin.sock").exists());
    assert_eq!(place.run(&["verify", "--json"]).json()["clean"], true);
}

/// A hang-up, which closed terminals and habits of `reload` send, ended the process where it stood.
#[test]
fn a_hang_up_ends_no_daemon() {
    let place = Place::with_node();
    let served = place.serve();
    served.signal(Signal::HUP);
    assert_eq!(served.get("/healthz", None), (200, "ok\n".to_owned()));
    assert_eq!(served.terminate().0, 0);
}

#[test]
fn a_server_that_was_killed_starts_again() {
    let place = Place::with_node();
    let served = place.serve();
    let key = place
        .run(&["key", "create", "--name", "k", "--scopes", "*", "--json"])
        .json();
    drop(served);
    let served = place.serve();
    assert_eq!(served.get("/v1/cases", key["key"].as_str()).0, 200);
    assert_eq!(served.terminate().0, 0);
}
