//! Rows with one id, of which some are rejected: each has the id that its place in the source gives it, from the file of rejects too.

use blotter::services::import::{Format, Outcome, RejectFile};

use super::opened;

const MAPPING: &str = r#"
[[record]]
name = "case"
kind = "case"
external_id = "{Id}"
repeat_id = "{Id}/{Part}"
data = { title = "{Title}", occurred_at = "{Date | date %m/%d/%Y}" }
[[record]]
kind = "timeline-entry"
external_id = "{@case}:record"
data = { case_id = "ext:{@case}" }
"#;

/// The ids of the cases that go in, each with its title, and the file of rejects.
fn imported(mapping: &str, file: &str) -> (Vec<String>, String) {
    let mut import = opened(mapping, file.as_bytes());
    let format = if mapping.starts_with("format") {
        Format::Json
    } else {
        Format::Csv
    };
    let columns = import.columns().to_vec();
    let (mut ready, mut bytes) = (Vec::new(), Vec::new());
    let mut rejects = RejectFile::new(&mut bytes, format, &columns).unwrap();
    while let Some(outcome) = import.next_row().unwrap() {
        match outcome {
            Outcome::Ready(row) => {
                let (case, entry) = (&row.records[0], &row.records[1]);
                assert_eq!(entry.external_id, format!("{}:record", case.external_id));
                ready.push(format!(
                    "{} {}",
                    case.external_id,
                    case.data["title"].as_str().unwrap()
                ));
            }
            Outcome::Rejected(row) => rejects.write(&row).unwrap(),
        }
    }
    rejects.flush().unwrap();
    drop(rejects);
    (ready, String::from_utf8(bytes).unwrap())
}

/// What goes in of a file with these rows, and then of its file of rejects as `correct` leaves it.
fn check(rows: &[&str], first: &[&str], correct: &[(&str, &str)], second: &[&str]) {
    let (ready, rejects) = imported(MAPPING, &format!("Id,Part,Title,Date\n{}\n", rows.join("\n")));
    assert_eq!(ready, first, "{rows:?}");
    // Rejected once more as it is, it is the same file but for the lines.
    let (ready, again) = imported(MAPPING, &rejects);
    let taken = |file: &str| -> Vec<String> {
        let mut reader = csv::Reader::from_reader(file.as_bytes());
        reader.records().map(|row| row.unwrap()[7].to_owned()).collect()
    };
    assert_eq!(ready, [""; 0], "{rejects}");
    assert_eq!(taken(&rejects), taken(&again));
    let corrected = correct
        .iter()
        .fold(again, |file, (wrong, right)| file.replace(wrong, right));
    assert_eq!(imported(MAPPING, &corrected).0, second, "{corrected}");
}

#[test]
fn a_corrected_row_has_the_id_of_its_place_in_the_source() {
    let day = ("02/30", "02/28");
    check(
        &["1,a,A,02/01/2022", "1,b,B,02/30/2022", "1,c,C,02/01/2022"],
        &["1 A", "1/c C"],
        &[day],
        &["1/b B"],
    );
    check(
        &["1,a,A,02/30/2022", "1,b,B,02/01/2022", "1,c,C,02/30/2022"],
        &["1/b B"],
        &[day],
        &["1 A", "1/c C"],
    );
    // A fault of a cell that no id is made of, and of one that is.
    check(
        &["1,a,=A1,02/01/2022", "1,b,B,02/01/2022", "1,=c1,C,02/01/2022"],
        &["1/b B"],
        &[("'=A1", "A"), ("'=c1", "c")],
        &["1 A", "1/c C"],
    );
}

#[test]
fn what_is_corrected_may_be_the_id() {
    check(
        &["1,a,A,02/01/2022", "1,b,B,02/30/2022", "1,c,C,02/30/2022"],
        &["1 A"],
        &[("1,b,B,02/30", "2,b,B,02/28"), ("1,c,C,02/30", "1,d,C,02/28")],
        &["2 B", "1/d C"],
    );
    check(
        &["1,a,A,02/01/2022", ",,B,02/01/2022"],
        &["1 A"],
        &[(",,B", "2,b,B")],
        &["2 B"],
    );
}

#[test]
fn a_row_that_stands_twice_is_rejected_until_it_is_corrected() {
    check(
        &["1,a,A,02/01/2022", "1,b,B,02/01/2022", "1,b,B,02/01/2022"],
        &["1 A", "1/b B"],
        &[("1,b,B", "1,c,C")],
        &["1/c C"],
    );
    // Nothing tells the second one from the first.
    check(
        &["1,,A,02/01/2022", "1,,A,02/01/2022", "1,b,B,02/01/2022"],
        &["1 A", "1/b B"],
        &[("1,,A", "1,c,C")],
        &["1/c C"],
    );
    // It is named as it stands there, with the line of that row.
    let rows = "Id,Part,Title,Date\n1,a,A,02/01/2022\n1,b,B,02/01/2022\n1,b,B,02/01/2022\n1,,A,02/01/2022\n";
    let (_, rejects) = imported(MAPPING, rows);
    for reason in [
        ",4,the case `1/b` stands on line 3 already,",
        ",5,the case `1` stands on line 2 already,",
    ] {
        assert!(rejects.contains(reason), "{rejects}");
    }
    // The same without a `repeat_id`.
    let plain = MAPPING.replace("repeat_id", "#");
    let (ready, rejects) = imported(&plain, "Id,Part,Title,Date\n1,a,A,02/01/2022\n1,b,B,02/01/2022\n");
    assert_eq!(ready, ["1 A"]);
    assert!(
        rejects.ends_with(",3,the case `1` stands on line 2 already,,case 1\n"),
        "{rejects}"
    );
    let (ready, again) = imported(&plain, &rejects);
    assert_eq!(ready, [""; 0]);
    assert!(
        again.contains(
            "the case `1` stands in the file that this row was rejected from (`taken_ids`) already"
        ),
        "{again}"
    );
}

#[test]
fn json_carries_them_as_a_list() {
    let mapping = format!("format = 'json'\n{MAPPING}");
    let row = |part: &str, day: &str| {
        format!("{{\"Id\": 1, \"Part\": \"{part}\", \"Title\": \"{part}\", \"Date\": \"02/{day}/2022\"}}\n")
    };
    let file = [row("a", "30"), row("b", "01"), row("c", "30")].concat();
    let (ready, rejects) = imported(&mapping, &file);
    assert_eq!(ready, ["1/b b"]);
    assert!(rejects.contains("\"taken_ids\":[\"case 1\"]"), "{rejects}");
    let (ready, again) = imported(&mapping, &rejects);
    assert_eq!(ready, [""; 0]);
    assert_eq!(
        imported(&mapping, &again.replace("/30/", "/28/")).0,
        ["1 a", "1/c c"]
    );
}
