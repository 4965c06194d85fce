//! The lines of docs/API.md against the box that they are written for: each is run as it stands there.

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, Stdio};

use rustix::process::{Pid, Signal, kill_process};

use crate::support::process::Place;

/// What a shell runs before the lines: whatever is refused ends it, and a stream that does not end is left after a while.
const BEFORE: &str = r#"set -eu
curl() {
    case " $* " in
        *" -N "*) command curl -sS --max-time 2 "$@" || [ $? = 28 ] ;;
        *) command curl -sS --fail-with-body "$@" ;;
    esac
}
"#;

/// What ends with the test, however that ends.
struct Demo(Child);

impl Drop for Demo {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

#[test]
fn every_line_of_the_lanes_page_does_what_it_says_against_a_demo_which_stays_where_it_was_told() {
    let place = Place::new();
    let data = place.data().to_str().unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_blotter"));
    command.args(["demo", "--listen", "127.0.0.1:0", "--no-open", "--data", data]);
    command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null());
    let mut demo = Demo(command.spawn().unwrap());
    let mut out = BufReader::new(demo.0.stdout.take().unwrap());
    let mut said = String::new();
    let export = loop {
        let begun = said.len();
        assert!(out.read_line(&mut said).unwrap() > 0, "{said}");
        let line = said[begun..].trim();
        if line.starts_with("export ") {
            break line.to_owned();
        }
    };
    let page = include_str!("../../../docs/API.md");
    let blocks: Vec<&str> = page
        .split("```sh\n")
        .skip(1)
        .map(|rest| rest.split("```").next().unwrap())
        .collect();
    assert!(blocks.len() > 6 && blocks[0].starts_with("export BOX="));
    for block in &blocks[1..] {
        let lines = block.lines().filter(|line| !line.starts_with("SSL_CERT_FILE="));
        // Nothing may happen for half a minute.
        let lines = lines
            .collect::<Vec<_>>()
            .join("\n")
            .replace("wait=30s", "wait=1s");
        let script = format!("{BEFORE}{export}\n{lines}\n");
        let ran = Command::new("bash").args(["-c", &script]).output().unwrap();
        let answers = String::from_utf8_lossy(&ran.stdout);
        let complaint = String::from_utf8_lossy(&ran.stderr);
        let is_fine = ran.status.success() && !answers.contains("\"errors\":[");
        assert!(is_fine, "{block}\n{complaint}\n{answers}");
        for (line, answer) in [
            ("/api/formdata/1", "Fieldcam"),
            ("/api/cases/2407/people", "Solberg"),
            ("updateInvestigation", "\"priority\":\"critical\""),
        ] {
            assert!(
                !lines.contains(line) || answers.contains(answer),
                "{line}: {answers}"
            );
        }
    }

    // The unit that a frame of the page marks.
    let unit = format!("{export}; curl -sS --fail --cacert $CA --oauth2-bearer $KEY $BOX/v1/units/UNIT-0001");
    let unit = Command::new("bash").args(["-c", &unit]).output().unwrap();
    assert!(unit.status.success(), "{unit:?}");

    let again = place.run(&["demo", "--no-open"]);
    assert_eq!(
        (again.code, again.err.contains("not empty")),
        (1, true),
        "{again:?}"
    );
    kill_process(Pid::from_child(&demo.0), Signal::INT).unwrap();
    out.read_to_string(&mut said).unwrap();
    assert!(demo.0.wait().unwrap().success());
    let stays = format!("It stays in {data}");
    assert!(
        said.matches(&stays).count() == 2 && !said.contains("Gone"),
        "{said}"
    );
    let found = place.run(&["search", "--kind", "case", "chandlery"]);
    assert!(found.out.contains("INV-2026-2407"), "{found:?}");
}
