//! The file of rows that were not taken in: the rows as they stood, with line and reason, to be corrected and imported again.

use std::io::Write;

use serde_json::{Map, Value, json};

use super::cells::looks_like_formula;
use super::{Format, Raw, Rejected};

/// The external ids that rows before had taken, each with its kind before it, so that the row does not take them from here.
pub(super) const TAKEN_IDS: &str = "taken_ids";

/// Added behind the file's own columns; all but the last are ignored when the file is imported again.
const REJECT_COLUMNS: [&str; 4] = ["line", "reason", "raw", TAKEN_IDS];

/// A column that an earlier import has added.
pub(super) fn is_reject_column(column: &str) -> bool {
    REJECT_COLUMNS.contains(&column)
}

/// Writes rejected rows in the form of the file that they come from.
pub struct RejectFile<W: Write> {
    out: Form<W>,
    /// The file's columns without those that an earlier import has added.
    columns: Vec<String>,
    kept: Vec<usize>,
}

enum Form<W: Write> {
    Csv(Box<csv::Writer<W>>),
    Json(W),
}

impl<W: Write> RejectFile<W> {
    /// Begins a file; for CSV with the source's columns (`Import::columns`) and `line`, `reason`, `raw`, `taken_ids` behind them.
    ///
    /// # Errors
    /// When it can't be written.
    pub fn new(out: W, format: Format, columns: &[String]) -> std::io::Result<Self> {
        let kept: Vec<usize> = (0..columns.len())
            .filter(|at| !is_reject_column(&columns[*at]))
            .collect();
        let columns: Vec<String> = kept.iter().map(|at| columns[*at].clone()).collect();
        let out = match format {
            Format::Json => Form::Json(out),
            Format::Csv => {
                let mut writer = csv::Writer::from_writer(out);
                writer.write_record(columns.iter().map(String::as_str).chain(REJECT_COLUMNS))?;
                Form::Csv(Box::new(writer))
            }
        };
        Ok(Self { out, columns, kept })
    }

    /// Adds a row. A cell that a spreadsheet would run is written with an apostrophe before it.
    ///
    /// # Errors
    /// When it can't be written.
    pub fn write(&mut self, rejected: &Rejected) -> std::io::Result<()> {
        let (line, reason) = (rejected.line.to_string(), rejected.reason());
        match &mut self.out {
            Form::Csv(writer) => {
                let (mut row, raw) = match &rejected.raw {
                    Raw::Cells(cells) => {
                        let kept = self.kept.iter();
                        let row = kept
                            .map(|at| cells.get(*at).map_or_else(String::new, |cell| harmless(cell)))
                            .collect();
                        (row, String::new())
                    }
                    Raw::Text(text) => (vec![String::new(); self.columns.len()], harmless(text)),
                };
                row.extend([line, reason, raw, rejected.taken_ids.join("\n")]);
                writer.write_record(&row)?;
            }
            Form::Json(out) => {
                let object = match &rejected.raw {
                    Raw::Text(text) => serde_json::from_str(text).ok(),
                    Raw::Cells(_) => None,
                };
                let mut object = match (object, &rejected.raw) {
                    (Some(Value::Object(object)), _) => object,
                    (_, Raw::Text(text)) => Map::from_iter([("raw".to_owned(), json!(text))]),
                    (_, Raw::Cells(cells)) => Map::from_iter([("raw".to_owned(), json!(cells))]),
                };
                object.insert("line".to_owned(), json!(rejected.line));
                object.insert("reason".to_owned(), json!(reason));
                object.insert(TAKEN_IDS.to_owned(), json!(rejected.taken_ids));
                writeln!(out, "{}", Value::Object(object))?;
            }
        }
        Ok(())
    }

    /// Writes what is held back.
    ///
    /// # Errors
    /// When it can't be written.
    pub fn flush(&mut self) -> std::io::Result<()> {
        match &mut self.out {
            Form::Csv(writer) => writer.flush(),
            Form::Json(out) => out.flush(),
        }
    }
}

fn harmless(cell: &str) -> String {
    if looks_like_formula(cell) && !cell.starts_with('\'') {
        format!("'{cell}")
    } else {
        cell.to_owned()
    }
}
