//! A start that can't succeed says why, in words that help, and leaves nothing running.

use crate::support::process::Place;

#[test]
fn a_port_in_use_is_told_with_its_address() {
    let place = Place::with_node();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let ended = place.run(&["serve", "--listen", &address]);
    assert_eq!((ended.code, ended.out.as_str()), (1, ""), "{ended:?}");
    assert!(
        ended.err.contains(&address) && ended.err.contains("--listen"),
        "{ended:?}"
    );
    // The folder was given back.
    assert_eq!(place.serve().terminate().0, 0);
}

#[test]
fn a_folder_in_use_is_told_with_its_path() {
    let place = Place::with_node();
    let served = place.serve();
    let ended = place.run(&["serve", "--listen", "127.0.0.1:0"]);
    assert_eq!(ended.code, 1, "{ended:?}");
    let path = place.data().display().to_string();
    assert!(
        ended.err.contains(&path) && ended.err.contains("in use"),
        "{ended:?}"
    );
    assert_eq!(
        served.get("/healthz", None).0,
        200,
        "the first one is not disturbed"
    );
}

#[test]
fn all_faults_of_the_settings_are_told_at_once() {
    let place = Place::with_node();
    let file = place.file("blotter.toml");
    std::fs::write(&file, "[server]\nlisen = \"x\"\n[limits]\nheaders_max = 0\n").unwrap();
    let settings = [("BLOTTER_LOG_LEVEL", "loud")];
    for verb in [&["serve"][..], &["config", "check"]] {
        let words = [verb, &["--config", file.to_str().unwrap()]].concat();
        let ended = place.run_with(&settings, &words);
        assert_eq!(ended.code, 1, "{ended:?}");
        for fault in ["server.listen", "limits.headers_max", "BLOTTER_LOG_LEVEL"] {
            assert!(ended.err.contains(fault), "{fault}: {ended:?}");
        }
    }
}
