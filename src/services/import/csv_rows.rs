//! Rows of a CSV file (RFC 4180), with the one thing that a general reader lacks: it finds its way back. A quote that is
//! never closed costs the row on which it stands, not the rest of the file.

use std::io::Read;

use super::lines::{Line, Lines};
use super::{Limits, Reason};

/// How much of an unreadable row is kept to show it.
const SHOWN_BYTES_MAX: usize = 4 << 10;

/// One row: its cells, or why it has none.
pub(super) struct CsvRow {
    pub(super) line: u64,
    pub(super) cells: Result<Vec<Vec<u8>>, Unreadable>,
}

/// A row that can't be told apart into the file's columns.
pub(super) struct Unreadable {
    pub(super) reason: CsvFault,
    /// The beginning of the row.
    pub(super) shown: Vec<u8>,
}

/// What is wrong with the form of a row.
pub(super) enum CsvFault {
    /// Text after a closing quote, or a quote without its pair.
    Quotes,
    /// `(found, expected)`.
    Columns(usize, usize),
    /// The row does not end within the limit; the column in which it was reached, and the bytes of the row.
    TooLarge(usize, u64),
}

impl CsvFault {
    pub(super) fn reason(&self, columns: &[String], limits: &Limits) -> Reason {
        match self {
            Self::Quotes => Reason::row("a quotation mark has no pair on this row"),
            Self::Columns(found, expected) => Reason::row(format!("it has {found} columns, not {expected}")),
            Self::TooLarge(column, bytes) => {
                let text = format!(
                    "the cell is larger than {} bytes (the row has {bytes})",
                    limits.cell_bytes_max
                );
                match columns.get(*column) {
                    Some(column) => Reason::at(column, text),
                    None => Reason::row(text),
                }
            }
        }
    }
}

/// Reads the rows one after the other.
pub(super) struct CsvRows<R> {
    lines: Lines<R>,
    delimiter: u8,
    row_bytes_max: usize,
    row_lines_max: usize,
    /// Columns of the header; every row has as many. `None` until the header is read.
    width: Option<usize>,
}

impl<R: Read> CsvRows<R> {
    pub(super) fn new(lines: Lines<R>, delimiter: u8, limits: &Limits) -> Self {
        Self {
            lines,
            delimiter,
            row_bytes_max: limits.row_bytes_max,
            row_lines_max: limits.row_lines_max,
            width: None,
        }
    }

    /// The next row; the first is the header. Empty lines are passed over.
    pub(super) fn next(&mut self) -> std::io::Result<Option<CsvRow>> {
        let first = loop {
            match self.lines.next()? {
                None => return Ok(None),
                Some(line) if line.bytes.is_empty() => {}
                Some(line) => break line,
            }
        };
        let line = first.number;
        let cells = self.row(first)?;
        if let (Ok(cells), None) = (&cells, self.width) {
            self.width = Some(cells.len());
        }
        Ok(Some(CsvRow { line, cells }))
    }

    fn row(&mut self, first: Line) -> std::io::Result<Result<Vec<Vec<u8>>, Unreadable>> {
        let mut splitter = Splitter::new(self.delimiter);
        let mut held = vec![first];
        let mut held_bytes = 0;
        loop {
            let line = held.last().expect("the first line is held from the start");
            held_bytes += line.bytes.len();
            let fed = splitter.feed(line);
            if line.dropped > 0 && held.len() == 1 {
                let bytes = line.dropped + u64::try_from(line.bytes.len()).unwrap_or(u64::MAX);
                // What was held ends inside the cell that is too large, and was taken for its end.
                let column = splitter.cells.len() - usize::from(fed == Fed::Complete);
                return Ok(Err(unreadable(CsvFault::TooLarge(column, bytes), &held[0])));
            }
            match fed {
                Fed::Complete => {
                    let (found, expected) =
                        (splitter.cells.len(), self.width.unwrap_or(splitter.cells.len()));
                    if found == expected {
                        return Ok(Ok(splitter.cells));
                    }
                    if held.len() == 1 {
                        return Ok(Err(unreadable(CsvFault::Columns(found, expected), &held[0])));
                    }
                    return Ok(Err(self.retreat(held, CsvFault::Quotes)));
                }
                Fed::Damaged => return Ok(Err(self.retreat(held, CsvFault::Quotes))),
                Fed::Open => {}
            }
            if held_bytes > self.row_bytes_max || held.len() > self.row_lines_max {
                let bytes = u64::try_from(held_bytes).unwrap_or(u64::MAX);
                let fault = if held_bytes > self.row_bytes_max {
                    CsvFault::TooLarge(splitter.cells.len(), bytes)
                } else {
                    CsvFault::Quotes
                };
                let rejected = self.retreat(held, fault);
                self.pass_over_fragments()?;
                return Ok(Err(rejected));
            }
            match self.lines.next()? {
                Some(line) => held.push(line),
                None => return Ok(Err(self.retreat(held, CsvFault::Quotes))),
            }
        }
    }

    /// Gives up the row's first line only: the lines after it are read again as rows of their own.
    fn retreat(&mut self, mut held: Vec<Line>, fault: CsvFault) -> Unreadable {
        let rest = held.split_off(1);
        self.lines.give_back(rest);
        unreadable(fault, &held[0])
    }

    /// After a giant cell: its remaining lines are no rows. Stops at the line that closes its quote, and before the first
    /// line that is a row or may begin one.
    fn pass_over_fragments(&mut self) -> std::io::Result<()> {
        while let Some(line) = self.lines.next()? {
            let mut row = Splitter::new(self.delimiter);
            let fed = row.feed(&line);
            if fed == Fed::Damaged || (fed == Fed::Complete && self.width != Some(row.cells.len())) {
                continue;
            }
            let mut rest_of_cell = Splitter::new(self.delimiter);
            rest_of_cell.within = Within::Quoted;
            if fed == Fed::Complete || rest_of_cell.feed(&line) != Fed::Complete {
                self.lines.give_back(vec![line]);
            }
            break;
        }
        Ok(())
    }
}

fn unreadable(reason: CsvFault, line: &Line) -> Unreadable {
    Unreadable {
        reason,
        shown: line.bytes[..line.bytes.len().min(SHOWN_BYTES_MAX)].to_vec(),
    }
}

#[derive(PartialEq, Debug)]
enum Fed {
    Complete,
    /// A quoted cell goes on over the end of the line.
    Open,
    Damaged,
}

#[derive(Clone, Copy, PartialEq)]
enum Within {
    CellStart,
    Bare,
    Quoted,
    QuoteInQuoted,
}

/// Tells one row's cells apart, line by line.
struct Splitter {
    delimiter: u8,
    cells: Vec<Vec<u8>>,
    cell: Vec<u8>,
    within: Within,
}

impl Splitter {
    fn new(delimiter: u8) -> Self {
        Self {
            delimiter,
            cells: Vec::new(),
            cell: Vec::new(),
            within: Within::CellStart,
        }
    }

    fn feed(&mut self, line: &Line) -> Fed {
        for &byte in &line.bytes {
            self.within = match (self.within, byte) {
                (Within::CellStart, b'"') => Within::Quoted,
                (Within::CellStart | Within::Bare | Within::QuoteInQuoted, byte)
                    if byte == self.delimiter =>
                {
                    self.cells.push(std::mem::take(&mut self.cell));
                    Within::CellStart
                }
                (Within::Quoted, b'"') => Within::QuoteInQuoted,
                (Within::QuoteInQuoted, b'"') => {
                    self.cell.push(b'"');
                    Within::Quoted
                }
                (Within::QuoteInQuoted, _) => return Fed::Damaged,
                (within, byte) => {
                    self.cell.push(byte);
                    if within == Within::Quoted {
                        within
                    } else {
                        Within::Bare
                    }
                }
            };
        }
        if self.within == Within::Quoted {
            self.cell.extend_from_slice(line.end);
            return Fed::Open;
        }
        self.cells.push(std::mem::take(&mut self.cell));
        Fed::Complete
    }
}

#[cfg(test)]
mod tests {
    use super::{CsvFault, CsvRows, Limits, Lines};

    /// `line:cell|cell` for a row, `line!` and the kind of fault for an unreadable one.
    fn check(text: &str, expected: &[&str]) {
        let limits = Limits {
            cell_bytes_max: 40,
            row_bytes_max: 60,
            ..Limits::default()
        };
        let mut rows = CsvRows::new(Lines::new(text.as_bytes(), limits.row_bytes_max), b',', &limits);
        let mut found = Vec::new();
        while let Some(row) = rows.next().unwrap() {
            found.push(match row.cells {
                Ok(cells) => {
                    let cells: Vec<String> = cells
                        .into_iter()
                        .map(|cell| String::from_utf8(cell).unwrap())
                        .collect();
                    format!("{}:{}", row.line, cells.join("|"))
                }
                Err(unreadable) => match unreadable.reason {
                    CsvFault::Quotes => format!("{}!quotes", row.line),
                    CsvFault::Columns(found, _) => format!("{}!columns {found}", row.line),
                    CsvFault::TooLarge(column, _) => format!("{}!large {column}", row.line),
                },
            });
        }
        assert_eq!(found, expected, "{text}");
    }

    #[test]
    fn rows_are_told_apart_as_rfc_4180_says() {
        check("a,b\n1,2\n", &["1:a|b", "2:1|2"]);
        check(
            "a,b\r\n\r\n\"1\",\"x, \"\"y\"\"\r\nz\"\r\n3,4",
            &["1:a|b", "3:1|x, \"y\"\r\nz", "5:3|4"],
        );
        check("a,b\n5\" pipe,\n", &["1:a|b", "2:5\" pipe|"]);
    }

    #[test]
    fn a_quote_without_its_pair_costs_one_row() {
        check("a,b\n1,\"2\n3,4\n5,6\n", &["1:a|b", "2!quotes", "3:3|4", "4:5|6"]);
        check(
            "a,b\n1,\"2\n3,\"4, 4\"\n5,6\n",
            &["1:a|b", "2!quotes", "3:3|4, 4", "4:5|6"],
        );
        check("a,b\n1,\"2\"x\n3,4\n", &["1:a|b", "2!quotes", "3:3|4"]);
        check("a,b\n1,\"2", &["1:a|b", "2!quotes"]);
        check(
            "a,b\n1,\"2\n3,4\",5\n6,7\n",
            &["1:a|b", "2!quotes", "3!columns 3", "4:6|7"],
        );
    }

    #[test]
    fn a_row_of_another_width_is_told() {
        check(
            "a,b\n1\n1,2,3\n4,5\n",
            &["1:a|b", "2!columns 1", "3!columns 3", "4:4|5"],
        );
    }

    #[test]
    fn a_giant_cell_is_named_by_its_column_and_left_behind() {
        let giant = "x".repeat(500);
        check(
            &format!("a,b\n1,{giant}\n3,4\n"),
            &["1:a|b", "2!large 1", "3:3|4"],
        );
        check(
            &format!("a,b\n\"{giant}\",2\n3,4\n"),
            &["1:a|b", "2!large 0", "3:3|4"],
        );
        let lines = "long line of text\n".repeat(20);
        check(
            &format!("a,b\n1,\"{lines}\"\n3,4\n"),
            &["1:a|b", "2!large 1", "23:3|4"],
        );
    }
}
