//! What people see at a terminal: questions, lines as wide as it is, help and failures in one form.

use crate::support::process::Place;

/// Runs a program at a terminal of 60 columns, and types a line of `ANSWERS` at each question.
const AT_A_TERMINAL: &str = r#"
import fcntl, os, pty, struct, sys, termios
child, terminal = pty.fork()
if child == 0:
    fcntl.ioctl(1, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 60, 0, 0))
    os.execvp(sys.argv[1], sys.argv[1:])
said = b""
for answer in os.environ["ANSWERS"].split():
    asked = len(said)
    while len(said) == asked or not said.endswith(b": "):
        said += os.read(terminal, 1024)
    os.write(terminal, answer.encode() + b"\n")
while True:
    try:
        more = os.read(terminal, 1024)
    except OSError:
        break
    if not more:
        break
    said += more
sys.stdout.buffer.write(said)
sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"#;

fn at_a_terminal(place: &Place, kind: &str, answers: &str, words: &[&str]) -> (i32, String) {
    let settings = [("ANSWERS", answers), ("TERM", kind), ("NO_COLOR", "")];
    let ended = place.run_by(&["python3", "-c", AT_A_TERMINAL], &settings, words);
    assert_eq!(ended.err, "", "{ended:?}");
    (ended.code, ended.out)
}

const CHIEF: &str = "chief@metro.example";

#[test]
fn whoever_sits_at_a_terminal_is_asked_for_a_password_and_signs_in_with_it() {
    let place = Place::new();
    let init = ["init", "--admin", CHIEF, "--admin-name", "Dana Ortiz"];
    let (code, said) = at_a_terminal(&place, "xterm", "correct-horse other-horse", &init);
    assert_eq!((code, said.contains("differ")), (1, true), "{said}");
    assert!(!place.data().exists());
    let (code, said) = at_a_terminal(&place, "xterm", "correct-horse-9 correct-horse-9", &init);
    assert_eq!((code, said.contains("horse")), (0, false), "{said}");
    assert!(said.contains("Next: blotter serve"), "{said}");
    let password = ["user", "password", CHIEF];
    let (code, said) = at_a_terminal(&place, "xterm", "wrong-horse-77 wrong-horse-77", &password);
    assert_eq!(
        (code, said.contains("Dana Ortiz has a new password")),
        (0, true),
        "{said}"
    );
    let served = place.serve();
    let sign_in = |password: &str| {
        let body = serde_json::json!({"data": {"email": CHIEF, "password": password}}).to_string();
        let headers = "Content-Type: application/json\r\n";
        let told = served.ask("POST", "/v1/session", None, headers, body.as_bytes());
        told.unwrap().status
    };
    assert_eq!(sign_in("wrong-horse-77"), 201);

    // Nobody to ask: what comes next says how.
    let ended = place.run(&password);
    assert_eq!(
        (ended.code, ended.err.contains("--password-file")),
        (2, true),
        "{ended:?}"
    );
    let place = Place::new();
    let made = place.run(&["init", "--admin", CHIEF]);
    assert!(
        made.out.contains(&format!("Next: blotter user password {CHIEF}")),
        "{made:?}"
    );
    assert!(place.run(&["user", "list"]).out.contains("  chief  "));
    assert_eq!(place.run(&["init", "--admin", CHIEF]).code, 0);
    assert_eq!(place.run(&init).code, 1, "another name");
}

#[test]
fn lines_are_as_wide_as_the_terminal_and_a_dumb_one_gets_no_colours() {
    let place = Place::with_node();
    let file = place.file("cases.csv");
    std::fs::write(
        &file,
        "Case_Number,Title,Details\nB-1,Break-in on Wharf Street,\"The window of the chandlery on the wharf was broken between \
         closing time and the owner's arrival, and two chartplotters are missing\"\n",
    )
    .unwrap();
    let map = place.file("map.toml");
    let mapping = r#"
format = "csv"
[[record]]
name = "case"
kind = "case"
external_id = "{Case_Number}"
[record.data]
title = "{Title}"
description = "{Details}"
"#;
    std::fs::write(&map, mapping).unwrap();
    let words = ["import", file.to_str().unwrap(), "--map", map.to_str().unwrap()];
    let ended = place.run(&words);
    assert!(ended.out.starts_with("1 of 1 row taken in"), "{ended:?}");
    let (code, said) = at_a_terminal(&place, "dumb", "", &["search", "wharf"]);
    assert_eq!((code, said.contains('\u{1b}')), (0, false), "{said}");
    assert!(said.contains("wharf was broken") && said.contains('…'), "{said}");
    assert!(said.lines().all(|line| line.chars().count() <= 60), "{said}");
    let (_, said) = at_a_terminal(&place, "xterm", "", &["search", "wharf"]);
    assert!(
        said.contains("\u{1b}[1mWharf\u{1b}[0m") || said.contains("\u{1b}[1mwharf\u{1b}[0m"),
        "{said}"
    );
}

#[test]
fn help_and_failures_have_one_form() {
    let place = Place::with_node();
    let help = |words: &[&str]| place.run(&[words, &["--help"]].concat()).out;
    for verb in [
        &["import"][..],
        &["key", "create"],
        &["rebuild"],
        &["demo"],
        &["serve"],
    ] {
        let told = help(verb);
        let (own, everywhere) = told.split_once("\nEverywhere:\n").unwrap();
        for option in ["--data", "--config", "--json"] {
            assert!(
                everywhere.contains(option) && !own.contains(&format!("  {option}")),
                "{told}"
            );
        }
        assert!(!told.contains("\n\n          "), "{told}");
    }
    let of_demo = help(&["demo"]);
    assert!(
        of_demo.contains("temporary one") && !of_demo.contains("./blotter-data"),
        "{of_demo}"
    );
    for verb in [
        &["docs", "api"][..],
        &["completions"],
        &["bench"],
        &["config", "check"],
    ] {
        assert!(!help(verb).contains("--data"), "{verb:?}");
    }

    let check = |ended: crate::support::process::Ended, code: i32, told: &str| {
        assert_eq!(ended.code, code, "{ended:?}");
        let said = [ended.out.as_str(), ended.err.as_str()].concat();
        assert!(said.starts_with(told), "{ended:?}");
        assert!(!said.contains("error: "), "{ended:?}");
    };
    check(place.run(&["serv"]), 2, "blotter: unrecognized subcommand 'serv'");
    check(
        place.run(&["key", "create"]),
        2,
        "blotter: the following required",
    );
    let settings = place.file("blotter.toml");
    std::fs::write(&settings, "[server]\nlisen = \"x\"\n[limits]\nheaders_max = 0\n").unwrap();
    let config = ["config", "check", "--config", settings.to_str().unwrap()];
    check(place.run(&config), 1, "blotter: 2 settings are wrong:\n  ");
    let table = place.file("bad.csv");
    std::fs::write(&table, "a,b\n1,2\n").unwrap();
    let table = table.to_str().unwrap();
    check(
        place.run(&["verify", table]),
        3,
        &format!("fault  {table} is no bundle"),
    );
}
