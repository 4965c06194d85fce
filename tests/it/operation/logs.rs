//! What a server says while it runs.

use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::process::Command;
use std::sync::mpsc;
use std::time::Duration;

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

#[test]
fn journald_gets_each_line_with_its_fields() {
    let place = Place::with_node();
    let key = place.key();
    let path = place.file("journal.sock");
    let journal = UnixDatagram::bind(&path).unwrap();
    // The socket stands where journald's does, for the server alone.
    let script = format!(
        "mount -t tmpfs none /run && mkdir -p /run/systemd/journal && touch /run/systemd/journal/socket && \
         mount --bind {} /run/systemd/journal/socket",
        path.display()
    );
    let own = ["unshare", "--mount", "--map-root-user", "sh", "-c"];
    let tried = Command::new(own[0]).args(&own[1..]).arg(&script).output();
    if !tried.is_ok_and(|tried| tried.status.success()) {
        println!("NOT TRIED: nothing can be mounted here");
        return;
    }
    let (tell, told) = mpsc::channel();
    std::thread::spawn(move || {
        let mut buffer = vec![0; 64 << 10];
        while let Ok(read) = journal.recv(&mut buffer) {
            let text = String::from_utf8_lossy(&buffer[..read]).into_owned();
            if tell.send(text).is_err() {
                return;
            }
        }
    });
    let script = format!("{script} && exec \"$0\" \"$@\"");
    let begun_by = [&own[..], &[script.as_str()]].concat();
    let served = place.serve_with(&[("BLOTTER_LOG_FORMAT", "journald")], &begun_by);
    assert_eq!(served.get("/v1/cases", Some(&key)).0, 200);
    assert_eq!(served.terminate().0, 0);
    let mut all = String::new();
    while !all.contains("stopped") {
        all += &told.recv_timeout(Duration::from_secs(20)).unwrap();
    }
    for field in ["MESSAGE", "ready", "PRIORITY", "SYSLOG_IDENTIFIER"] {
        assert!(all.contains(field), "{field}: {all}");
    }
    assert!(!all.contains(&key), "no secret is ever logged");
    assert_eq!(place.log(), "", "and nothing goes elsewhere");
}
