//! Imports from the command line: the bundled file as a whole, twice, and a file with damaged rows.

use std::fs;

use serde_json::Value as Json;

use crate::support::process::Place;

const CSV: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/data/nypd-hate-crime-complaints.csv");
const MAPPING: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/data/nypd-hate-crime-complaints.toml"
);

fn record_operations(place: &Place) -> u64 {
    let verified = place.run(&["verify", "--json"]).json();
    assert_eq!(verified["clean"], true, "{verified}");
    let logs = verified["logs"].as_array().unwrap();
    // The audit log grows with every import; that of records is the longer one.
    logs.iter()
        .map(|log| log["operations"].as_u64().unwrap())
        .max()
        .unwrap()
}

#[test]
fn a_second_import_makes_no_operation() {
    let place = Place::with_node();
    let import = |more: &[&str]| -> Json {
        let words = [&["import", CSV, "--map", MAPPING, "--json"], more].concat();
        place.run(&words).json()
    };
    let dry = import(&["--dry-run"]);
    let first = import(&[]);
    let operations = record_operations(&place);
    for summary in [&dry, &first] {
        assert_eq!(
            (&summary["rows"], &summary["rejected"]),
            (&2406.into(), &0.into())
        );
    }
    assert_eq!(dry["created"], first["created"]);
    let second = import(&[]);
    assert_eq!((&second["created"], &second["updated"]), (&0.into(), &0.into()));
    assert_eq!(second["unchanged"], first["created"]);
    assert_eq!(record_operations(&place), operations);
    let found = place
        .run(&["search", "--kind", "case", "kind:case", "--json"])
        .json();
    assert_eq!(found["meta"]["total"], 2406);
}

#[test]
fn damaged_rows_are_rejected_with_their_line_and_the_rest_goes_in() {
    let place = Place::with_node();
    let text = fs::read_to_string(CSV).unwrap();
    let damages: [fn(&str) -> Vec<u8>; 5] = [
        |row| row.replacen("/20", "/99/20", 1).into_bytes(),
        |row| row.as_bytes()[row.find(',').unwrap()..].to_vec(),
        |row| [row.as_bytes(), b"\xff"].concat(),
        |row| format!("{row}{}", "x".repeat(5 << 20)).into_bytes(),
        |row| row.replacen("PATROL", "=PATROL", 1).into_bytes(),
    ];
    let mut damaged = Vec::new();
    for (at, line) in text.lines().take(101).enumerate() {
        // Line 1 names the columns; each fifth row is damaged, in turn.
        let row = match at {
            0 => line.as_bytes().to_vec(),
            _ if at % 5 == 0 => damages[at / 5 % 5](line),
            _ => line.as_bytes().to_vec(),
        };
        damaged.extend(row);
        damaged.push(b'\n');
    }
    let file = place.file("damaged.csv");
    fs::write(&file, damaged).unwrap();
    let summary = place
        .run(&["import", file.to_str().unwrap(), "--map", MAPPING, "--json"])
        .json();
    assert_eq!(
        (&summary["rows"], &summary["rejected"]),
        (&100.into(), &20.into()),
        "{summary}"
    );
    let rejected = summary["first_rejected"].as_array().unwrap();
    let lines: Vec<u64> = rejected.iter().map(|row| row["line"].as_u64().unwrap()).collect();
    assert_eq!(lines, (1..=20).map(|nth| nth * 5 + 1).collect::<Vec<_>>());
    assert!(
        rejected
            .iter()
            .all(|row| !row["reason"].as_str().unwrap().is_empty())
    );
    assert!(place.file("damaged.rejects.csv").exists());
}
