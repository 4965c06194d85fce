//! Imports from the command line: the bundled file as a whole, twice, and a file with damaged rows.

use std::collections::BTreeMap;
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

/// Cases of an office that is made by the first row that goes in; timeline entries and changes refer to rows before them.
const DESK_MAPPING: &str = r#"
required = ["Id"]
[[record]]
name = "office"
kind = "office"
once = true
external_id = "office-{Office}"
data = { name = "Office {Office}" }
[[record]]
name = "case"
kind = "case"
when = "Title"
external_id = "{Id}"
data = { title = "{Title}", office_id = "ext:{@office}" }
[[record]]
kind = "timeline-entry"
when = "Event"
external_id = "{Id}:{Event | slug}"
data = { case_id = "ext:{Id}", timestamp = "{Day | date %m/%d/%Y}", description = "{Event}", severity = "info" }
"#;

/// A place with the mapping and this file.
fn desk(csv: &str) -> (Place, String, String) {
    let place = Place::with_node();
    let (file, map) = (place.file("desk.csv"), place.file("desk.toml"));
    fs::write(&file, csv).unwrap();
    fs::write(&map, DESK_MAPPING).unwrap();
    let text = |path: &std::path::Path| path.to_str().unwrap().to_owned();
    (place, text(&file), text(&map))
}

/// Line and reason of each rejected row, as the rejects file has them.
fn rejects_of(place: &Place, name: &str) -> Vec<(u64, String)> {
    let mut reader = csv::Reader::from_path(place.file(name)).unwrap();
    let rows = reader.records().map(|row| row.unwrap());
    rows.map(|row| (row[5].parse().unwrap(), row[6].to_owned()))
        .collect()
}

#[test]
fn a_refused_row_takes_nothing_from_the_rows_after_it() {
    // The first row, which is the first to name the office, is sound but for a title that no case can have.
    let long = "t".repeat(400);
    let csv = format!(
        "Id,Office,Title,Event,Day\n1,A,{long},,\n2,A,Noise,,\n3,A,Theft,Reported,02/30/2026\n4,A,,Reported,03/07/2026\n2,A,,Reported,03/07/2026\n"
    );
    let (place, file, map) = desk(&csv);
    let expected = [
        (2, "title must be at most 300 characters"),
        (4, "Day: `02/30/2026` is not a date of the form %m/%d/%Y"),
        (5, "case_id must be the id of a known case"),
    ];
    let import = |file: &str, more: &[&str]| place.run(&[&["import", file, "--map", &map], more].concat());
    let dry = import(&file, &["--dry-run", "--json"]).json();
    let mut real = import(&file, &["--json"]).json();
    real["dry_run"] = true.into();
    assert_eq!(dry, real, "a dry run tells what a real one does");
    assert_eq!(
        (&real["rows"], &real["created"]),
        (&5.into(), &3.into()),
        "office, case, entry: {real}"
    );
    let rejects = rejects_of(&place, "desk.rejects.csv");
    assert_eq!(
        rejects,
        expected.map(|(line, reason)| (line, reason.to_owned())),
        "in the file's order"
    );
    // Corrected, the same file goes in, and its own columns do no harm.
    let path = place.file("desk.rejects.csv");
    let text = fs::read_to_string(&path).unwrap();
    fs::write(
        &path,
        text.replace(&long, "Short")
            .replace("02/30", "02/28")
            .replace("4,A,,", "4,A,Found,"),
    )
    .unwrap();
    let corrected = import(path.to_str().unwrap(), &["--json"]).json();
    assert_eq!(
        (&corrected["rejected"], &corrected["created"]),
        (&0.into(), &5.into()),
        "{corrected}"
    );
    assert_eq!(place.run(&["verify", "--json"]).json()["clean"], true);
}

/// Line, external id and what became of it.
fn told(rows: &[Json]) -> Vec<(u64, String, String)> {
    let text = |json: &Json| json.as_str().unwrap_or("-").to_owned();
    let told = |row: &Json| {
        let line = row["line"].as_u64().unwrap();
        (line, text(&row["external_id"]), text(&row["what"]))
    };
    rows.iter().map(told).collect()
}

#[test]
fn each_row_has_its_result_and_help_says_where_the_rejects_go() {
    let csv = "Id,Office,Title,Event,Day\n1,A,Theft,Reported,03/07/2026\n2,A,Noise,,\n3,A,Fire,Seen,yesterday\n,A,Nameless,,\n4,B,\"a\nb\",,\n";
    let (place, file, map) = desk(csv);
    let results = place.file("results.jsonl");
    let import = |more: &[&str]| {
        let words = [
            "import",
            &file,
            "--map",
            &map,
            "--json",
            "--results",
            results.to_str().unwrap(),
        ];
        let summary = place.run(&[&words[..], more].concat()).json();
        assert_eq!(summary["rejected"], 3, "{summary}");
        let text = fs::read_to_string(&results).unwrap();
        let lines = text.lines().map(|line| serde_json::from_str(line).unwrap());
        lines.collect::<Vec<Json>>()
    };
    let expected = |made: &str, of_office: &str| {
        [
            (2, "office-A", of_office),
            (2, "1", made),
            (2, "1:reported", made),
            (3, "office-A", "unchanged"),
            (3, "2", made),
            (4, "-", "rejected"),
            (5, "-", "rejected"),
            // Its office could be made; the case is what is wrong.
            (6, "4", "rejected"),
        ]
        .map(|(line, id, what)| (line, id.to_owned(), what.to_owned()))
    };
    let dry = import(&["--dry-run"]);
    assert_eq!(told(&dry), expected("created", "created"));
    assert_eq!(dry[1]["id"], Json::Null, "nothing is there to be found by it");
    let real = import(&[]);
    assert_eq!(told(&real), expected("created", "created"));
    assert_eq!(
        (&real[1]["kind"], &real[2]["kind"]),
        (&"case".into(), &"timeline-entry".into())
    );
    assert_eq!(
        real[3]["id"], real[0]["id"],
        "the office that the row before made"
    );
    assert_eq!(
        real[5]["reasons"],
        serde_json::json!(["Day: `yesterday` is not a date of the form %m/%d/%Y"])
    );
    let again = import(&[]);
    assert_eq!(told(&again), expected("unchanged", "unchanged"));
    assert_eq!(again[1]["id"], real[1]["id"]);
    fs::write(&file, csv.replace("Noise", "Loud noise")).unwrap();
    let changed = import(&[]);
    assert_eq!(
        (&changed[4]["what"], &changed[4]["id"]),
        (&"updated".into(), &real[4]["id"])
    );
    for wrong in [&file, place.file("desk.rejects.csv").to_str().unwrap()] {
        let refused = place.run(&["import", &file, "--map", &map, "--results", wrong]);
        assert_eq!(refused.code, 2, "{refused:?}");
    }
    let help = place.run(&["import", "--help"]).out;
    let help = help.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(
        help.contains("as cases.rejects.csv for cases.csv") && help.contains("--results"),
        "{help}"
    );
}

#[test]
fn a_dry_run_over_many_commits_refers_to_what_it_took_back() {
    // Entries of the first case stand far behind it, and each tenth case is told twice in other words.
    let mut csv = "Id,Office,Title,Event,Day\n".to_owned();
    for id in 0..1_000 {
        csv += &format!("{id},{},Case {id},,\n", id % 7);
        if id % 10 == 9 {
            csv += &format!("0,{},,Seen {id},03/07/2026\n", id % 7);
            csv += &format!("none-{id},0,,Lost,03/07/2026\n");
        }
    }
    let (place, file, map) = desk(&csv);
    let served = place.serve();
    let import = |more: &[&str]| {
        place
            .run(&[&["import", &file, "--map", &map, "--json"], more].concat())
            .json()
    };
    let dry = import(&["--dry-run"]);
    let found = place.run(&["search", "kind:case", "--json"]).json();
    assert_eq!(found["meta"]["total"], 0, "nothing is left of it");
    let mut real = import(&[]);
    real["dry_run"] = true.into();
    assert_eq!(dry, real);
    assert_eq!(
        (&real["created"], &real["rejected"]),
        (&(7 + 1_000 + 100).into(), &100.into()),
        "{real}"
    );
    assert_eq!(served.terminate().0, 0);
}

#[test]
fn what_an_import_says_is_calm_and_the_source_is_never_overwritten() {
    let mut csv = "Id,Office,Title,Event,Day\n".to_owned();
    for id in 0..30 {
        csv += &format!("{id},A,Case,Seen,yesterday\n");
    }
    csv += "30,A,Case,,\n,A,Nameless,Seen,03/07/2026\n";
    let (place, file, map) = desk(&csv);
    let own = place.run(&["import", &file, "--map", &map, "--rejects", &file]);
    assert_eq!(own.code, 2, "{own:?}");
    assert_eq!(fs::read_to_string(&file).unwrap(), csv);
    let dry = place.run(&["import", &file, "--map", &map, "--dry-run"]).out;
    assert!(
        dry.starts_with("Nothing was changed: 1 of 32 rows would be taken in"),
        "{dry}"
    );
    assert!(dry.contains("Records: 2 would be made"), "{dry}");
    let said = place.run(&["import", &file, "--map", &map]).out;
    let lines: Vec<&str> = said.lines().collect();
    assert!(lines[0].starts_with("1 of 32 rows taken in"), "{said}");
    assert_eq!(lines[1], "Records: 2 made, 0 changed, 0 as they were.");
    assert!(
        lines[2].starts_with("31 rows were rejected; correct and import "),
        "{said}"
    );
    assert_eq!(
        lines[3],
        "  line 2: Day: `yesterday` is not a date of the form %m/%d/%Y"
    );
    assert_eq!(lines.len(), 24, "{said}");
    assert_eq!(
        lines[23],
        "  and 11 more, each with its line and reason in that file"
    );
    let rejects = rejects_of(&place, "desk.rejects.csv");
    assert_eq!(
        rejects[30],
        (33, "Id: it is empty".to_owned()),
        "one cause is told once"
    );
}

/// Description and case number of each case, by its external id.
fn cases(place: &Place) -> BTreeMap<String, (Json, Json)> {
    let key = place.key();
    let served = place.serve();
    let (status, body) = served.get("/v1/cases", Some(&key));
    assert_eq!(status, 200, "{body}");
    let body: Json = serde_json::from_str(&body).unwrap();
    let cases = body["data"].as_array().unwrap().iter().map(|case| {
        let facts = (case["description"].clone(), case["case_number"].clone());
        (case["external_id"].as_str().unwrap().to_owned(), facts)
    });
    let cases = cases.collect();
    assert_eq!(served.terminate().0, 0);
    cases
}

/// Once, a complaint's second arrest that was rejected, corrected in the file of rejects and imported from there, changed the
/// case of the first.
#[test]
fn rejected_rows_of_a_repeated_complaint_become_cases_of_their_own() {
    let text = fs::read_to_string(CSV).unwrap();
    let mut lines = text.lines();
    let (columns, row) = (lines.next().unwrap(), lines.next().unwrap());
    let row = row.strip_suffix(",").unwrap();
    // Each row of another precinct, so that their cases differ.
    let rows: Vec<String> = ["1/a", "1/b", "1/c", "2/a", "2/b", "3/a", "3/b", "3/b"]
        .iter()
        .enumerate()
        .map(|(at, id)| {
            let (complaint, arrest) = id.split_once('/').unwrap();
            let row = row.replacen("202206012204617", complaint, 1);
            format!("{},{arrest}\n", row.replacen(",60,", &format!(",{},", at + 1), 1))
        })
        .collect();
    let sound = format!("{columns}\n{}", rows.concat());
    let long = "T".repeat(400);
    // By the mapping, by a cell, and by the service; the last stands twice.
    let damages = [
        (1, "03/07/2022", "02/30/2022"),
        (3, "MISCELLANEOUS", "=A1+MISCELLANEOUS"),
        (5, "AGGRAVATED HARASSMENT 1", long.as_str()),
    ];
    let mut damaged = rows;
    for (at, right, wrong) in damages {
        damaged[at] = damaged[at].replace(right, wrong);
    }
    let place = Place::with_node();
    let import = |place: &Place, name: &str, text: &str| {
        let file = place.file(name);
        fs::write(&file, text).unwrap();
        let summary = place
            .run(&["import", file.to_str().unwrap(), "--map", MAPPING, "--json"])
            .json();
        ["rejected", "created", "updated"].map(|member| summary[member].as_u64().unwrap())
    };
    let source = format!("{columns}\n{}", damaged.concat());
    assert_eq!(import(&place, "source.csv", &source), [4, 2 + 4 * 4, 0]);
    let rejects = fs::read_to_string(place.file("source.rejects.csv")).unwrap();
    assert_eq!(import(&place, "rejects.csv", &rejects), [4, 0, 0], "as it is");
    let corrected = damages
        .iter()
        .fold(rejects, |text, (_, right, wrong)| text.replace(wrong, right))
        .replace("'MISC", "MISC");
    assert_eq!(import(&place, "corrected.csv", &corrected), [1, 3 * 4, 0]);
    let made = cases(&place);
    for (name, text) in [("source.csv", &source), ("corrected.csv", &corrected)] {
        let [_, created, updated] = import(&place, name, text);
        assert_eq!((created, updated), (0, 0), "{name} a second time");
    }
    assert_eq!(
        made.keys().collect::<Vec<_>>(),
        ["1", "1/b", "1/c", "2", "2/b", "3", "3/b"]
    );
    let other = Place::with_node();
    import(&other, "source.csv", &sound);
    assert_eq!(made, cases(&other), "as if nothing had been damaged");
}
