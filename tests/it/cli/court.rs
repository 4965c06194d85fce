//! What a court asks for at the command line, on a folder and through the server that holds it.

use std::path::{Path, PathBuf};

use serde_json::json;

use crate::support::process::{Ended, Place};

fn cases(place: &Place) {
    let (rows, map) = (place.file("rows.csv"), place.file("map.toml"));
    std::fs::write(&rows, "number,title\n1,The harbor fire\n2,The other one\n").unwrap();
    let mapping = "format = \"csv\"\n\n[[record]]\nname = \"case\"\nkind = \"case\"\nexternal_id = \"{number}\"\n\
                   data = { title = \"{title}\" }\n";
    std::fs::write(&map, mapping).unwrap();
    let ended = place.run(&["import", rows.to_str().unwrap(), "--map", map.to_str().unwrap()]);
    assert_eq!(ended.code, 0, "{ended:?}");
}

fn export(place: &Place, case: &str, file: &str) -> PathBuf {
    let to = place.file(file);
    let ended = place.run(&["export", "case", case, "--to", to.to_str().unwrap(), "--json"]);
    assert_eq!(ended.code, 0, "{ended:?}");
    assert_eq!(ended.json()["records"], 1);
    to
}

fn verify(place: &Place, file: &Path) -> Ended {
    place.run(&["verify", file.to_str().unwrap(), "--json"])
}

fn expunge(place: &Place, case: &str) -> Ended {
    place.run(&[
        "expunge",
        "case",
        case,
        "--order",
        "4 Ds 113/26",
        "--reason",
        "acquitted",
        "--json",
    ])
}

#[test]
fn a_case_is_exported_and_expunged_here_and_through_a_server() {
    let place = Place::with_node();
    cases(&place);
    let here = export(&place, "INV-2026-0001", "one.zip");
    assert_eq!(verify(&place, &here).json()["clean"], true);

    let served = place.serve();
    let live = export(&place, "INV-2026-0002", "two.zip");
    assert_eq!(verify(&place, &live).json()["name"], "INV-2026-0002");
    let lines = place.file("lines");
    let to = lines.to_str().unwrap();
    let ended = place.run(&["export", "--since", "2020-01-01T00:00:00Z", "--to", to, "--json"]);
    assert_eq!(ended.code, 0, "{ended:?}");
    let lines = std::fs::read_to_string(&lines).unwrap();
    let is_case = |line: &&str| line.contains("\"kind\":\"case\"");
    assert_eq!(lines.lines().filter(is_case).count(), 2);
    let receipt = expunge(&place, "INV-2026-0001").json();
    assert_eq!(receipt["display_id"], "ERA-0001");
    assert!(receipt["completed_at"].is_string(), "{receipt}");
    assert_eq!(served.terminate().0, 0);

    assert_eq!(expunge(&place, "INV-2026-0001").code, 1, "it is gone");
    assert_eq!(expunge(&place, "INV-2026-0002").code, 0);
    assert_eq!(place.run(&["verify"]).code, 0);
}

#[test]
fn a_changed_bundle_is_named_and_what_is_wrong_is_refused() {
    let place = Place::with_node();
    cases(&place);
    let bundle = export(&place, "INV-2026-0002", "two.zip");
    let to = bundle.to_str().unwrap();
    let again = place.run(&["export", "case", "INV-2026-0001", "--to", to, "--json"]);
    assert_eq!(
        (again.code, &again.json()["errors"][0]["code"]),
        (1, &json!("conflict"))
    );
    let mut bytes = std::fs::read(&bundle).unwrap();
    let at = bytes
        .windows(9)
        .position(|window| window == b"other one")
        .unwrap();
    bytes[at] ^= 1;
    std::fs::write(&bundle, bytes).unwrap();
    let ended = verify(&place, &bundle);
    assert_eq!(ended.code, 3, "{ended:?}");
    let member = ended.json()["member"].as_str().unwrap().to_owned();
    assert!(member.contains("records/case/"), "{member}");

    let file = place.file("x");
    let to = file.to_str().unwrap();
    for (words, code) in [
        (&["export", "case", "INV-2026-0009", "--to", to][..], 1),
        (&["export", "--since", "yesterday", "--to", to], 2),
        (&["export", "--to", to], 2),
        (
            &[
                "expunge",
                "case",
                "INV-2026-0009",
                "--order",
                "1",
                "--reason",
                "x",
            ],
            1,
        ),
        (&["expunge", "user", "x", "--order", "1", "--reason", "x"], 1),
        (&["verify", "no-such-bundle.zip"], 1),
    ] {
        let ended = place.run(&[words, &["--json"]].concat());
        assert_eq!(ended.code, code, "{words:?}: {ended:?}");
        assert!(ended.json()["errors"].is_array(), "{ended:?}");
    }
    assert!(!file.exists() && !place.file("x.part").exists());
}
