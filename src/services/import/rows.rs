//! The run over a file: each row read, checked cell by cell, and mapped.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::io::Read;

use serde_json::Value;

use super::csv_rows::{CsvRow, CsvRows};
use super::json_rows::{JsonRow, JsonRows, cell};
use super::lines::Lines;
use super::mapping::{Format, Known, Mapping};
use super::rejects::{TAKEN_IDS, is_reject_column};
use super::{ImportError, Limits, Outcome, Raw, Reason, Rejected, SourceRow, cells};

/// How much of a cell is kept in a rejected row when the cell is too large.
const SHOWN_CHARS_MAX: usize = 1 << 10;

/// A file that is being read, row by row.
pub struct Import<R> {
    mapping: Mapping,
    limits: Limits,
    source: Source<R>,
    seen: Seen,
}

enum Source<R> {
    Csv {
        rows: CsvRows<R>,
        /// The file's columns.
        columns: Vec<String>,
        /// For each column of the mapping, its place in the file.
        places: Vec<usize>,
    },
    Json(JsonRows<R>),
}

/// Begins to read a file.
///
/// # Errors
/// When the file as a whole can't be read by this mapping.
pub fn open<R: Read>(mapping: Mapping, source: R, limits: Limits) -> Result<Import<R>, ImportError> {
    let mut lines = Lines::new(source, limits.row_bytes_max);
    let start = lines.peek()?;
    if start.starts_with(b"\xff\xfe") || start.starts_with(b"\xfe\xff") {
        return Err(ImportError::Utf16);
    }
    if start.starts_with(b"\xef\xbb\xbf") {
        lines.consume(3);
    }
    let source = match mapping.format {
        Format::Json => Source::Json(JsonRows::new(lines, &limits)),
        Format::Csv => csv_source(&mapping, lines, &limits)?,
    };
    Ok(Import {
        mapping,
        limits,
        source,
        seen: Seen::default(),
    })
}

fn csv_source<R: Read>(
    mapping: &Mapping,
    lines: Lines<R>,
    limits: &Limits,
) -> Result<Source<R>, ImportError> {
    let mut rows = CsvRows::new(lines, mapping.delimiter, limits);
    let header = rows.next()?.ok_or(ImportError::Empty)?;
    let cells = header
        .cells
        .map_err(|unreadable| ImportError::Header(unreadable.reason.reason(&[], limits).text))?;
    let mut columns: Vec<String> = Vec::new();
    for bytes in &cells {
        let name = cells::decode(bytes, mapping.encoding).map_err(ImportError::Header)?;
        let name = name.trim().to_owned();
        if !name.is_empty() && columns.contains(&name) {
            return Err(ImportError::Header(format!("two columns are named `{name}`")));
        }
        columns.push(name);
    }
    let mut missing = Vec::new();
    let mut places = Vec::new();
    for column in &mapping.columns {
        match columns.iter().position(|known| known == column) {
            Some(place) => places.push(place),
            None => missing.push(format!("`{column}`")),
        }
    }
    if missing.is_empty() {
        Ok(Source::Csv {
            rows,
            columns,
            places,
        })
    } else {
        Err(ImportError::MissingColumns(missing))
    }
}

/// A row before it is mapped: where it stands, how it stood, and its cells in the order of the mapping's columns.
struct UnmappedRow {
    line: u64,
    raw: Raw,
    /// None if it could not be told apart into cells.
    cells: Vec<String>,
    reasons: Vec<Reason>,
    /// What an earlier import has written beside it.
    taken_ids: Vec<String>,
}

impl<R: Read> Import<R> {
    /// The columns of a CSV file; none for JSON.
    pub fn columns(&self) -> &[String] {
        match &self.source {
            Source::Csv { columns, .. } => columns,
            Source::Json(_) => &[],
        }
    }

    /// The next row.
    ///
    /// # Errors
    /// When the file can't be read further.
    pub fn next_row(&mut self) -> Result<Option<Outcome>, ImportError> {
        let read = match &mut self.source {
            Source::Csv {
                rows,
                columns,
                places,
            } => {
                let Some(row) = rows.next()? else { return Ok(None) };
                read_csv(row, columns, places, &self.mapping, &self.limits)
            }
            Source::Json(rows) => {
                let Some(row) = rows.next()? else { return Ok(None) };
                read_json(row, &self.mapping.columns, &self.limits)
            }
        };
        Ok(Some(self.mapped(read)))
    }

    fn mapped(&mut self, read: UnmappedRow) -> Outcome {
        let UnmappedRow {
            line,
            raw,
            cells,
            reasons,
            mut taken_ids,
        } = read;
        if cells.is_empty() && !reasons.is_empty() {
            return Outcome::Rejected(Rejected {
                line,
                reasons,
                raw,
                taken_ids,
            });
        }
        let known = RowsBefore {
            seen: &self.seen,
            taken_ids: &taken_ids,
        };
        let mapped = self.mapping.mapped(&cells, &reasons, &known);
        for (kind, external_id) in &mapped.taken {
            let taken = taken_id(kind, external_id);
            if !taken_ids.contains(&taken) {
                taken_ids.push(taken);
            }
        }
        for (kind, external_id) in &mapped.settled {
            self.seen.note(kind, external_id, line);
        }
        if !mapped.reasons.is_empty() {
            return Outcome::Rejected(Rejected {
                line,
                reasons: mapped.reasons,
                raw,
                taken_ids,
            });
        }
        for record in mapped.records.iter().filter(|record| !record.once) {
            self.seen.note(&record.kind, &record.external_id, line);
        }
        Outcome::Ready(SourceRow {
            line,
            records: mapped.records,
            raw,
            taken_ids,
        })
    }
}

impl<R: Read> Iterator for Import<R> {
    type Item = Result<Outcome, ImportError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.next_row().transpose()
    }
}

fn read_csv(
    row: CsvRow,
    columns: &[String],
    places: &[usize],
    mapping: &Mapping,
    limits: &Limits,
) -> UnmappedRow {
    let found = match row.cells {
        Ok(found) => found,
        Err(unreadable) => {
            return UnmappedRow {
                line: row.line,
                raw: Raw::Text(String::from_utf8_lossy(&unreadable.shown).into_owned()),
                cells: Vec::new(),
                reasons: vec![unreadable.reason.reason(columns, limits)],
                taken_ids: Vec::new(),
            };
        }
    };
    let mut reasons = Vec::new();
    let mut texts = Vec::with_capacity(found.len());
    for (column, bytes) in columns.iter().zip(&found) {
        let text = match cells::decode(bytes, mapping.encoding) {
            Ok(text) => {
                let fault = cells::fault(&text, limits.cell_bytes_max).filter(|_| !is_reject_column(column));
                reasons.extend(fault.map(|fault| Reason::at(column, fault)));
                text.into_owned()
            }
            Err(fault) => {
                reasons.push(Reason::at(column, fault));
                String::from_utf8_lossy(bytes).into_owned()
            }
        };
        texts.push(shortened(text, limits));
    }
    let cells = places
        .iter()
        .filter_map(|place| texts.get(*place).cloned())
        .collect();
    let taken = columns.iter().position(|column| column == TAKEN_IDS);
    let taken = taken.and_then(|place| texts.get(place));
    UnmappedRow {
        line: row.line,
        taken_ids: taken.map_or_else(Vec::new, |ids| ids.lines().map(str::to_owned).collect()),
        raw: Raw::Cells(texts),
        cells,
        reasons,
    }
}

fn read_json(row: JsonRow, columns: &[String], limits: &Limits) -> UnmappedRow {
    let object = match row.object {
        Ok(object) => object,
        Err((reason, shown)) => {
            return UnmappedRow {
                line: row.line,
                raw: Raw::Text(shown),
                cells: Vec::new(),
                reasons: vec![reason],
                taken_ids: Vec::new(),
            };
        }
    };
    let mut reasons = Vec::new();
    let mut texts = Vec::with_capacity(columns.len());
    for column in columns {
        let text = cell(&object, column);
        // A number may begin with a minus; only text can be a formula.
        let is_number = serde_json::from_str(&text).is_ok_and(|value: Value| value.is_number());
        let fault = cells::fault(&text, limits.cell_bytes_max).filter(|_| !is_number);
        reasons.extend(fault.map(|fault| Reason::at(column, fault)));
        texts.push(text);
    }
    let taken = object.get(TAKEN_IDS).and_then(Value::as_array);
    let taken = taken.into_iter().flatten().filter_map(Value::as_str);
    UnmappedRow {
        line: row.line,
        taken_ids: taken.map(str::to_owned).collect(),
        raw: Raw::Text(object.to_string()),
        cells: texts,
        reasons,
    }
}

fn shortened(text: String, limits: &Limits) -> String {
    if text.len() <= limits.cell_bytes_max {
        return text;
    }
    text.chars().take(SHOWN_CHARS_MAX).chain("…".chars()).collect()
}

/// Which external ids stood in earlier rows, as hashes with a secret key: 16 bytes a row.
#[derive(Default)]
struct Seen {
    hasher: RandomState,
    lines: HashMap<u64, u64>,
}

impl Seen {
    fn hash(&self, kind: &str, external_id: &str) -> u64 {
        self.hasher.hash_one((kind, external_id))
    }

    fn note(&mut self, kind: &str, external_id: &str, line: u64) {
        self.lines.insert(self.hash(kind, external_id), line);
    }
}

/// What stood before one row: in its file, and in the file that it was rejected from.
struct RowsBefore<'a> {
    seen: &'a Seen,
    taken_ids: &'a [String],
}

impl Known for RowsBefore<'_> {
    fn place_of(&self, kind: &str, external_id: &str) -> Option<String> {
        let line = self.seen.lines.get(&self.seen.hash(kind, external_id));
        let rejected = || {
            let is_taken = self.taken_ids.contains(&taken_id(kind, external_id));
            is_taken.then(|| format!("in the file that this row was rejected from (`{TAKEN_IDS}`)"))
        };
        line.map(|line| format!("on line {line}")).or_else(rejected)
    }
}

/// As it is written beside a rejected row.
fn taken_id(kind: &str, external_id: &str) -> String {
    format!("{kind} {external_id}")
}
