//! What a server says while it runs.

use std::path::Path;

use serde_json::Value as Json;

use crate::support::process::Place;

#[test]
fn each_line_of_the_log_is_one_json_object() {
    let place = Place::with_node();
    let key = place.key();
    let settings = [("BLOTTER_LOG_FORMAT", "json"), ("BLOTTER_LOG_LEVEL", "debug")];
    let served = place.serve_with(&settings, &[]);
    assert_eq!(served.get("/v1/cases", Some(&key)).0, 200);
    assert_eq!(served.terminate().0, 0);
    let log = place.log();
    let lines: Vec<Json> = log
        .lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}")))
        .collect();
    for line in &lines {
        let has = |member: &str| line[member].is_string();
        assert!(has("timestamp") && has("level") && has("message"), "{line}");
    }
    let said = |text: &str| lines.iter().any(|line| line["message"] == text);
    assert!(said("ready") && said("stopped"), "{log}");
    assert!(!log.contains(&key), "no secret is ever logged");
}

#[test]
fn a_journald_that_does_not_answer_is_told() {
    if Path::new("/run/systemd/journal/socket").exists() {
        println!("NOT TRIED: this machine has a journald");
        return;
    }
    let place = Place::with_node();
    let settings = [("BLOTTER_LOG_FORMAT", "journald")];
    let ended = place.run_with(&settings, &["serve", "--listen", "127.0.0.1:0"]);
    assert_eq!(ended.code, 1);
    assert!(
        ended.err.contains("journald") && ended.err.contains("log.format"),
        "{ended:?}"
    );
}
