//! Damaged rows among good ones: each is rejected with its own line and reason, and the rest goes in.

use std::io::Read;

use blotter::services::import::{Format, ImportError, Limits, Mapping, Outcome, RejectFile, open};

use super::{MAPPING, opened, read_all};

const HEADER: &str = "Id,Title,Date,Office,Count";

fn good(id: usize) -> String {
    format!("G{id},Noise at night,03/07/2022,Precinct 60,-3\n")
}

/// Rows that must be rejected, each with a word of its reason.
fn damaged_rows() -> Vec<(Vec<u8>, &'static str)> {
    let text = |text: &str| text.as_bytes().to_vec();
    vec![
        (
            text("B1,Bad day,02/30/2022,Precinct 1,\n"),
            "Date: `02/30/2022` is not a date",
        ),
        (
            text("B2,Bad form,2022-03-07,Precinct 1,\n"),
            "Date: `2022-03-07` is not a date",
        ),
        (
            text("B3,Bad year,03/07/22,Precinct 1,\n"),
            "Date: `03/07/22` is not a date",
        ),
        (text("B4,No date,,Precinct 1,\n"), "Date: it is empty"),
        (text(",No id,03/07/2022,Precinct 1,\n"), "Id: it is empty"),
        (text("   ,Blank id,03/07/2022,Precinct 1,\n"), "Id: it is empty"),
        (
            b"B5,Caf\xe9,03/07/2022,Precinct 1,\n".to_vec(),
            "Title: byte 4 (0xE9) is not UTF-8",
        ),
        (
            b"B6,\xff\xfeN\0,03/07/2022,Precinct 1,\n".to_vec(),
            "Title: byte 1 (0xFF) is not UTF-8",
        ),
        (
            format!("B7,{},03/07/2022,Precinct 1,\n", "x".repeat(5 << 20)).into_bytes(),
            "Title: the cell is larger",
        ),
        (
            format!("B8,\"{}\",03/07/2022,Precinct 1,\n", "y".repeat(300 << 10)).into_bytes(),
            "Title: the cell has 307200 bytes",
        ),
    ]
}

/// More of them: in their form.
fn misshapen_rows() -> Vec<(Vec<u8>, &'static str)> {
    let text = |text: &str| text.as_bytes().to_vec();
    vec![
        (
            text("B9,\"=HYPERLINK(\"\"http://x.example\"\",\"\"y\"\")\",03/07/2022,Precinct 1,\n"),
            "Title: it looks like a spreadsheet formula",
        ),
        (
            text("B10,=cmd|' /C calc'!A0,03/07/2022,Precinct 1,\n"),
            "Title: it looks like a spreadsheet formula",
        ),
        (
            text("B11,@SUM(A1:A9),03/07/2022,Precinct 1,\n"),
            "Title: it looks like a spreadsheet formula",
        ),
        (text("B12,too few,03/07/2022\n"), "it has 3 columns, not 5"),
        (
            text("B13,too many,03/07/2022,Precinct 1,1,2\n"),
            "it has 6 columns, not 5",
        ),
        (
            text("B14,\"open quote,03/07/2022,Precinct 1,\n"),
            "a quotation mark has no pair",
        ),
        (
            text("B15,\"closed\" early,03/07/2022,Precinct 1,\n"),
            "a quotation mark has no pair",
        ),
        (
            text("G0,twice,03/07/2022,Precinct 1,\n"),
            "the case `G0` stands on line 2 already",
        ),
        (
            b"B16,bell\x07,03/07/2022,Precinct 1,\n".to_vec(),
            "Title: it holds the control character U+0007",
        ),
        (
            text("B17,count,03/07/2022,Precinct 1,many\n"),
            "Count: `many` is not a number",
        ),
    ]
}

#[test]
fn twenty_damaged_rows_are_rejected_and_the_rest_goes_in() {
    let mut file = format!("\u{feff}{HEADER}\r\n").into_bytes();
    let mut line = 2;
    let mut expected = Vec::new();
    for (at, (row, reason)) in damaged_rows().into_iter().chain(misshapen_rows()).enumerate() {
        file.extend_from_slice(good(at * 2).as_bytes());
        // A good row over two lines, so that lines and rows differ.
        let id = at * 2 + 1;
        file.extend_from_slice(
            format!("G{id},\"Noise\r\nat \"\"night\"\"\",03/07/2022,\"Precinct, 61\",\r\n").as_bytes(),
        );
        line += 3;
        file.extend_from_slice(&row);
        expected.push((line, reason));
        line += 1;
    }
    file.extend_from_slice(good(40).trim_end().as_bytes());
    assert_eq!(expected.len(), 20);

    let (ready, rejected) = read_all(opened(MAPPING, file.as_slice()));
    assert_eq!(rejected.len(), 20, "{rejected:#?}");
    for (row, (line, reason)) in rejected.iter().zip(&expected) {
        assert_eq!(row.line, *line, "{}", row.reason());
        assert!(row.reason().contains(reason), "{} is not {reason}", row.reason());
    }
    assert_eq!(ready.len(), 41);
    assert_eq!(ready[1].records[1].data["title"], "Noise\r\nat \"night\"");
    assert_eq!(ready[1].line, 3);
    assert_eq!(ready[0].records[1].data["count"], -3);
    for row in &ready {
        let office = &row.records[0];
        assert!(
            office.kind == "office" && office.once,
            "each row brings what it needs: {row:?}"
        );
    }
}

#[test]
fn rejected_rows_can_be_corrected_and_imported_again() {
    let file = format!(
        "{HEADER}\nB1,\"Noise, at night\",02/30/2022,Precinct 1,\nB2,=A1+B2,03/07/2022,Precinct 1,\nB3,few\nG,fine,03/07/2022,Precinct 1,\n"
    );
    let rejects = |file: &str| {
        let mut import = opened(MAPPING, file.as_bytes());
        let columns = import.columns().to_vec();
        let mut bytes = Vec::new();
        let mut rejects = RejectFile::new(&mut bytes, Format::Csv, &columns).unwrap();
        let mut ready = 0;
        while let Some(outcome) = import.next_row().unwrap() {
            match outcome {
                Outcome::Ready(_) => ready += 1,
                Outcome::Rejected(row) => rejects.write(&row).unwrap(),
            }
        }
        rejects.flush().unwrap();
        drop(rejects);
        (ready, String::from_utf8(bytes).unwrap())
    };
    let (ready, first) = rejects(&file);
    assert_eq!(ready, 1);
    assert_eq!(
        first,
        format!(
            "{HEADER},line,reason,raw,taken_ids\n\
             B1,\"Noise, at night\",02/30/2022,Precinct 1,,2,Date: `02/30/2022` is not a date of the form %m/%d/%Y,,\n\
             B2,'=A1+B2,03/07/2022,Precinct 1,,3,Title: it looks like a spreadsheet formula,,\n\
             ,,,,,4,\"it has 2 columns, not 5\",\"B3,few\",\n"
        )
    );
    let (ready, unchanged) = rejects(&first);
    assert_eq!(ready, 0, "nothing that was not corrected slips in");
    assert_eq!(unchanged.lines().count(), 4);
    let corrected = first
        .replace("02/30", "03/02")
        .replace("'=A1+B2", "Noise")
        .replace(",,,,,4", "B3,few,03/07/2022,Precinct 1,,4");
    assert_eq!(rejects(&corrected).0, 3);
}

/// Gives a header, then one cell that never ends, and counts how much was read.
struct Endless {
    header: &'static [u8],
    left: usize,
}

impl Read for Endless {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        if !self.header.is_empty() {
            return self.header.read(buffer);
        }
        let read = buffer.len().min(self.left);
        buffer[..read].fill(b'x');
        self.left -= read;
        Ok(read)
    }
}

#[test]
fn a_cell_without_end_is_never_held() {
    let endless = Endless {
        header: b"Id,Title,Date,Office,Count\n1,",
        left: 200 << 20,
    };
    let (ready, rejected) = read_all(opened(MAPPING, endless));
    assert_eq!(ready.len(), 0);
    assert_eq!(rejected.len(), 1);
    assert_eq!(rejected[0].line, 2);
    assert!(
        rejected[0].reason().starts_with("Title: the cell is larger"),
        "{}",
        rejected[0].reason()
    );
    assert!(format!("{rejected:?}").len() < 10_000);
}

#[test]
fn another_encoding_is_read_when_the_mapping_names_it() {
    let file = [HEADER.as_bytes(), b"\n1,Caf\xe9,03/07/2022,Precinct 1,\n"].concat();
    let mapping = format!("encoding = 'windows-1252'\n{MAPPING}");
    let (ready, rejected) = read_all(opened(&mapping, file.as_slice()));
    assert_eq!(rejected, []);
    assert_eq!(ready[0].records[1].data["title"], "Café");
}

#[test]
fn a_file_of_another_shape_is_refused_as_a_whole() {
    let check = |file: &[u8], words: &str| {
        let error = open(Mapping::parse(MAPPING).unwrap(), file, Limits::default())
            .err()
            .unwrap();
        assert!(error.to_string().contains(words), "{error}");
    };
    check(b"", "empty");
    check(b"\xff\xfeI\0d\0", "UTF-16");
    check(b"Id,Title\n", "`Date`, `Office`, `Count`");
    check(b"Id,Id,Title,Date,Office,Count\n", "two columns");
    check(b"\"Id,Title\n", "quotation");
    assert!(matches!(
        open(Mapping::parse(MAPPING).unwrap(), &b"Id\n"[..], Limits::default()),
        Err(ImportError::MissingColumns(_))
    ));
}

#[test]
fn json_rows_become_the_same_records() {
    let mapping = format!("format = 'json'\n{MAPPING}");
    let object = r#"{"Id": 7, "Title": "Noise", "Date": "03/07/2022", "Office": "Precinct 60", "Count": -3}"#;
    let bad = object.replace("03/07", "13/07").replace('7', "8");
    for file in [
        format!("{object}\n{bad}\nnot json\n"),
        format!("[{object},\n{bad},\nnot json]"),
    ] {
        let (ready, rejected) = read_all(opened(&mapping, file.as_bytes()));
        assert_eq!(ready.len(), 1);
        assert_eq!(ready[0].records[1].external_id, "7");
        assert_eq!(ready[0].records[1].data["count"], -3);
        let lines: Vec<u64> = rejected.iter().map(|row| row.line).collect();
        assert_eq!(lines, [2, 3]);
        let mut rejects = RejectFile::new(Vec::new(), Format::Json, &[]).unwrap();
        rejected.iter().for_each(|row| rejects.write(row).unwrap());
    }
}
