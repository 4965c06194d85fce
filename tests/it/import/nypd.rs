//! The bundled complaints: every figure is computed a second time, straight from the file.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;

use blotter::services::import::{BatchRow, SourceRow};
use serde_json::json;

use super::{opened, read_all};

const MAPPING: &str = include_str!("../../../data/nypd-hate-crime-complaints.toml");
const CSV: &str = include_str!("../../../data/nypd-hate-crime-complaints.csv");

pub(crate) fn imported() -> Vec<SourceRow> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/data/nypd-hate-crime-complaints.csv");
    let (ready, rejected) = read_all(opened(
        MAPPING,
        File::open(path).expect("the bundled file is there"),
    ));
    assert_eq!(rejected, []);
    ready
}

fn of_kind<'a>(rows: &'a [SourceRow], kind: &str) -> Vec<&'a BatchRow> {
    rows.iter()
        .flat_map(|row| &row.records)
        .filter(|record| record.kind == kind)
        .collect()
}

/// The file read by another hand: the csv crate, by column number.
fn plain() -> Vec<Vec<String>> {
    let mut reader = csv::Reader::from_reader(CSV.as_bytes());
    reader
        .records()
        .map(|row| {
            row.expect("the bundled file is whole")
                .iter()
                .map(str::to_owned)
                .collect()
        })
        .collect()
}

fn different(rows: &[Vec<String>], column: usize) -> usize {
    rows.iter().map(|row| &row[column]).collect::<BTreeSet<_>>().len()
}

#[test]
fn every_complaint_is_a_case() {
    let (rows, plain) = (imported(), plain());
    let cases = of_kind(&rows, "case");
    assert_eq!((cases.len(), plain.len()), (2406, 2406));
    let ids: BTreeSet<_> = cases.iter().map(|case| &case.external_id).collect();
    assert_eq!(ids.len(), 2406, "external ids are unique");
    for (case, row) in cases.iter().zip(&plain) {
        assert!(case.data["case_number"].as_str().unwrap().starts_with(&row[0]));
        assert_eq!(case.data["case_number"], json!(case.external_id));
        let (month, rest) = row[3].split_once('/').unwrap();
        let (day, year) = rest.split_once('/').unwrap();
        assert!(
            case.data["occurred_at"]
                .as_str()
                .unwrap()
                .starts_with(&format!("{year}-{month}-{day}T0"))
        );
        assert_eq!(
            case.data["office_id"],
            json!(format!("ext:nypd-precinct-{}", row[4]))
        );
    }
    let plain_ids = plain.iter().map(|row| row[0].as_str()).collect::<BTreeSet<_>>();
    assert_eq!(
        plain_ids
            .iter()
            .filter(|id| ids.contains(&(**id).to_owned()))
            .count(),
        plain_ids.len()
    );
}

#[test]
fn a_complaint_reads_as_a_person_would_write_it() {
    let rows = imported();
    let first = &rows[0];
    assert_eq!(first.line, 2);
    let kinds: Vec<&str> = first.records.iter().map(|record| record.kind.as_str()).collect();
    assert_eq!(kinds, ["office", "entity", "entity", "case", "timeline-entry"]);
    assert_eq!(
        first.records[0].data,
        json!({"name": "Precinct 60", "number": 60})
    );
    assert_eq!(
        first.records[1].data,
        json!({"kind": "place", "display_name": "Kings County", "attributes": {"place_type": "county"}})
    );
    assert_eq!(
        first.records[2].data["display_name"],
        "Patrol Borough Brooklyn South"
    );
    assert_eq!(first.records[3].external_id, "202206012204617");
    assert_eq!(
        first.records[3].data,
        json!({
            "case_number": "202206012204617",
            "title": "Aggravated harassment, first degree, anti-Jewish",
            "description": "Felony complaint of precinct 60: AGGRAVATED HARASSMENT 1. Bias motive: anti-Jewish (Religion/Religious Practice). Complaint of month 3, 2022.",
            "offense_type": "Miscellaneous penal law",
            "priority": "high",
            "occurred_at": "2022-03-07T05:00:00.000Z",
            "office_id": "ext:nypd-precinct-60",
            "entities": [
                {"entity_id": "ext:county-kings", "role": "county"},
                {"entity_id": "ext:patrol-boro-bklyn-south", "role": "patrol borough"},
            ],
            "tags": ["Anti-Jewish"]
        })
    );
}

#[test]
fn places_tags_and_priorities_are_counted_as_in_the_file() {
    let (rows, plain) = (imported(), plain());
    let made = |kind| {
        let records = of_kind(&rows, kind);
        assert!(records.iter().all(|record| record.once));
        let ids: BTreeSet<_> = records.iter().map(|record| &record.external_id).collect();
        ids.len()
    };
    assert_eq!(made("office"), different(&plain, 4));
    assert_eq!(made("entity"), different(&plain, 6) + different(&plain, 5));
    let (mut tags, mut priorities) = (BTreeMap::new(), BTreeMap::new());
    for case in of_kind(&rows, "case") {
        *tags
            .entry(case.data["tags"][0].as_str().unwrap().to_owned())
            .or_insert(0) += 1;
        *priorities
            .entry(case.data["priority"].as_str().unwrap().to_owned())
            .or_insert(0) += 1;
    }
    let count = |column: usize, value: &str| plain.iter().filter(|row| row[column] == value).count();
    assert_eq!(tags.len(), different(&plain, 10));
    assert_eq!(tags["Anti-Jewish"], count(10, "ANTI-JEWISH"));
    assert_eq!(tags["Anti-elderly"], count(10, "60 YRS AND OLDER"));
    assert_eq!(priorities["high"], count(7, "FELONY"));
    assert_eq!(priorities["medium"], count(7, "MISDEMEANOR"));
    assert_eq!(
        priorities["low"],
        count(7, "VIOLATION") + count(7, "INVESTIGATION")
    );
}

#[test]
fn a_case_with_an_arrest_has_two_timeline_entries() {
    let (rows, plain) = (imported(), plain());
    let arrests = plain.iter().filter(|row| !row[13].is_empty()).count();
    assert_eq!(arrests, 987);
    assert_eq!(of_kind(&rows, "timeline-entry").len(), plain.len() + arrests);
    for (row, plain) in rows.iter().zip(&plain) {
        let entries = of_kind(std::slice::from_ref(row), "timeline-entry");
        assert_eq!(
            entries.len(),
            if plain[13].is_empty() { 1 } else { 2 },
            "line {}",
            row.line
        );
        if let Some(arrest) = entries.get(1) {
            assert!(arrest.data["description"].as_str().unwrap().contains(&plain[13]));
        }
    }
}

#[test]
fn every_reference_names_a_record_that_came_before() {
    let mut known = BTreeSet::new();
    for record in imported().iter().flat_map(|row| &row.records) {
        let linked = record.data["entities"]
            .as_array()
            .into_iter()
            .flatten()
            .map(|link| &link["entity_id"]);
        for reference in [&record.data["case_id"], &record.data["office_id"]]
            .into_iter()
            .chain(linked)
        {
            let Some(reference) = reference.as_str() else {
                continue;
            };
            let id = reference.strip_prefix("ext:").unwrap();
            assert!(known.contains(id), "{id}");
        }
        known.insert(record.external_id.clone());
    }
}

#[test]
fn a_second_reading_gives_the_same_records() {
    assert_eq!(imported(), imported());
}
