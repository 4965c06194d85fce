//! Turns the rows of a CSV, JSON or JSON Lines file into records, by a mapping file that ships beside the data.
//!
//! Pure: it reads a stream and a mapping and gives, row by row, either records in the JSON of `POST /v1/batch` or a
//! rejection with its true line and reasons. It holds one row at a time, and 16 bytes a row to notice an id that comes twice.
//! It does not know what the record kinds demand; whoever creates the records may reject a row afterwards
//! ([`SourceRow::into_rejected`]).
//!
//! References between records of one file are written `"ext:<external id>"` wherever an id is expected. A record stands
//! after every record of the file that it refers to.

mod cells;
mod csv_rows;
mod json_rows;
mod lines;
/// The mapping file.
pub mod mapping;
/// The file of what was not taken in.
pub mod rejects;
mod rows;
mod template;
mod value_map;

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::Value;

pub use mapping::{Format, Mapping, MappingError};
pub use rejects::RejectFile;
pub use rows::{Import, open};

/// Bounds of one source row.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Limits {
    /// One cell. A larger one is rejected and never held.
    pub cell_bytes_max: usize,
    /// One row with all its cells. At most this much is held while a file is read.
    pub row_bytes_max: usize,
    /// Lines of one row: a quoted cell that runs over more was not meant to.
    pub row_lines_max: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            cell_bytes_max: 256 << 10,
            row_bytes_max: 1 << 20,
            row_lines_max: 500,
        }
    }
}

/// One record to create or, when its external id is known, to leave or bring up to date.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct BatchRow {
    /// `case`, `entity`, `timeline-entry`, `office`, …
    pub kind: String,
    /// The client's own id of the record, unique within its kind.
    pub external_id: String,
    /// As `POST /v1/<kind>` takes it; ids may be given as `ext:<external id>`.
    pub data: Value,
    /// The first row that goes in makes it; every row that needs it carries it, for the rows before may be refused.
    #[serde(default)]
    pub once: bool,
}

/// One row of the file and the records it became, in the order in which they must be made.
#[derive(Clone, PartialEq, Debug)]
pub struct SourceRow {
    /// The line of the file on which the row begins; the first line is 1.
    pub line: u64,
    /// What it became.
    pub records: Vec<BatchRow>,
    /// The row as it stood.
    pub raw: Raw,
    /// As in [`Rejected::taken_ids`].
    pub taken_ids: Vec<String>,
}

impl SourceRow {
    /// The same row, refused by whoever was to create its records.
    pub fn into_rejected(self, reasons: Vec<Reason>) -> Rejected {
        Rejected {
            line: self.line,
            reasons,
            raw: self.raw,
            taken_ids: self.taken_ids,
        }
    }
}

/// One row that was not taken in.
#[derive(Clone, PartialEq, Debug)]
pub struct Rejected {
    /// The line of the file on which the row begins.
    pub line: u64,
    /// Everything that was wrong with it; never empty.
    pub reasons: Vec<Reason>,
    /// The row as it stood, cut where it was too large to hold.
    pub raw: Raw,
    /// External ids that its records would have had if rows before had not taken them, as `case 42`.
    pub taken_ids: Vec<String>,
}

impl Rejected {
    /// All reasons on one line.
    pub fn reason(&self) -> String {
        let reasons: Vec<String> = self.reasons.iter().map(Reason::to_string).collect();
        reasons.join("; ")
    }
}

/// What was wrong, and in which column.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Reason {
    /// The column, where it is one column's fault.
    pub column: Option<String>,
    /// Plain words.
    pub text: String,
}

impl Reason {
    /// A fault of one column.
    pub fn at(column: &str, text: impl Into<String>) -> Self {
        Self {
            column: Some(column.to_owned()),
            text: text.into(),
        }
    }

    /// A fault of the whole row.
    pub fn row(text: impl Into<String>) -> Self {
        Self {
            column: None,
            text: text.into(),
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.column {
            Some(column) => write!(f, "{column}: {}", self.text),
            None => f.write_str(&self.text),
        }
    }
}

/// A source row as it stood.
#[derive(Clone, PartialEq, Debug)]
pub enum Raw {
    /// In the order of the file's columns.
    Cells(Vec<String>),
    /// Where it could not be told apart into columns.
    Text(String),
}

/// What became of one source row.
#[derive(Clone, PartialEq, Debug)]
pub enum Outcome {
    /// Records to create.
    Ready(SourceRow),
    /// Nothing.
    Rejected(Rejected),
}

/// The file as a whole can't be imported.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// It could not be read.
    #[error("the file could not be read")]
    Io(#[from] std::io::Error),
    /// It holds nothing.
    #[error("the file is empty")]
    Empty,
    /// It is in an encoding that has no line ends in single bytes.
    #[error("the file is UTF-16; save it as UTF-8")]
    Utf16,
    /// The first line is no list of columns.
    #[error("the first line is not a list of columns: {0}")]
    Header(String),
    /// The mapping names columns that the file has not.
    #[error("the file has no column {}", .0.join(", "))]
    MissingColumns(Vec<String>),
}
