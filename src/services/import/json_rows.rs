//! Rows of a JSON file: the objects of one array, or one object a line. Each object is held alone, up to the row limit.

use std::io::Read;

use serde_json::Value;

use super::lines::Lines;
use super::{Limits, Reason};

const SHOWN_CHARS_MAX: usize = 4 << 10;

/// One object, or why there is none.
pub(super) struct JsonRow {
    pub(super) line: u64,
    pub(super) object: Result<Value, (Reason, String)>,
}

/// Reads the objects one after the other.
pub(super) struct JsonRows<R> {
    lines: Lines<R>,
    row_bytes_max: usize,
    form: Option<Form>,
    /// The line that the array's next byte stands on.
    line: u64,
}

#[derive(Clone, Copy, PartialEq)]
enum Form {
    Array,
    ArrayEnded,
    ObjectPerLine,
}

impl<R: Read> JsonRows<R> {
    pub(super) fn new(lines: Lines<R>, limits: &Limits) -> Self {
        Self {
            lines,
            row_bytes_max: limits.row_bytes_max,
            form: None,
            line: 1,
        }
    }

    /// The next object.
    pub(super) fn next(&mut self) -> std::io::Result<Option<JsonRow>> {
        let form = match self.form {
            Some(form) => form,
            None => self.find_form()?,
        };
        self.form = Some(form);
        match form {
            Form::Array => {
                while self.form == Some(Form::Array) {
                    if let Some(row) = self.element()? {
                        return Ok(Some(row));
                    }
                }
                Ok(None)
            }
            Form::ArrayEnded => Ok(None),
            Form::ObjectPerLine => self.object_line(),
        }
    }

    /// An array begins with a bracket on its first line.
    fn find_form(&mut self) -> std::io::Result<Form> {
        let start = self.lines.peek()?;
        let blank = start
            .iter()
            .take_while(|byte| matches!(byte, b' ' | b'\t'))
            .count();
        if start.get(blank) == Some(&b'[') {
            self.lines.consume(blank + 1);
            return Ok(Form::Array);
        }
        Ok(Form::ObjectPerLine)
    }

    fn object_line(&mut self) -> std::io::Result<Option<JsonRow>> {
        while let Some(line) = self.lines.next()? {
            if line.dropped > 0 || !line.bytes.trim_ascii().is_empty() {
                return Ok(Some(self.parsed(line.number, &line.bytes, line.dropped)));
            }
        }
        Ok(None)
    }

    /// One element of the array, if there is anything before the next comma: everything up to the comma or bracket at its own depth, however the lines lie.
    fn element(&mut self) -> std::io::Result<Option<JsonRow>> {
        let (mut held, mut dropped, mut line) = (Vec::new(), 0_u64, self.line);
        let mut scan = Scan::default();
        loop {
            let buffer = self.lines.peek()?;
            if buffer.is_empty() {
                self.form = Some(Form::ArrayEnded);
                break;
            }
            let mut taken = 0;
            let mut end = None;
            for &byte in buffer {
                taken += 1;
                end = scan.end(byte);
                if end.is_some() {
                    break;
                }
                if held.is_empty() && byte.is_ascii_whitespace() {
                    line += u64::from(byte == b'\n');
                } else if held.len() < self.row_bytes_max {
                    held.push(byte);
                } else {
                    dropped += 1;
                }
                self.line += u64::from(byte == b'\n');
            }
            self.lines.consume(taken);
            if let Some(form) = end {
                self.form = Some(form);
                break;
            }
        }
        if held.is_empty() {
            return Ok(None);
        }
        Ok(Some(self.parsed(line, &held, dropped)))
    }

    fn parsed(&self, line: u64, bytes: &[u8], dropped: u64) -> JsonRow {
        let object = if dropped > 0 {
            Err(Reason::row(format!(
                "the object is larger than {} bytes",
                self.row_bytes_max
            )))
        } else {
            match serde_json::from_slice(bytes) {
                Ok(value @ Value::Object(_)) => Ok(value),
                Ok(_) => Err(Reason::row("it is not a JSON object")),
                Err(error) => Err(Reason::row(format!("it is not JSON: {error}"))),
            }
        };
        let object = object.map_err(|reason| {
            let shown: String = String::from_utf8_lossy(bytes)
                .trim()
                .chars()
                .take(SHOWN_CHARS_MAX)
                .collect();
            (reason, shown)
        });
        JsonRow { line, object }
    }
}

/// Where the scan of one element stands.
#[derive(Default)]
struct Scan {
    depth: u64,
    in_string: bool,
    escaped: bool,
}

impl Scan {
    /// Takes one byte; tells what follows if it ends the element.
    fn end(&mut self, byte: u8) -> Option<Form> {
        // A string can't run over the end of a line, so a quote without its pair costs no more than its own line.
        if self.in_string && byte != b'\n' {
            (self.in_string, self.escaped) = (self.escaped || byte != b'"', !self.escaped && byte == b'\\');
            return None;
        }
        (self.in_string, self.escaped) = (byte == b'"', false);
        match byte {
            b',' if self.depth == 0 => return Some(Form::Array),
            b']' if self.depth == 0 => return Some(Form::ArrayEnded),
            b'{' | b'[' => self.depth += 1,
            b'}' | b']' => self.depth = self.depth.saturating_sub(1),
            _ => {}
        }
        None
    }
}

/// A column's text: the key itself, or a path of keys `a.b`. Numbers and truth values as JSON writes them, null as nothing.
pub(super) fn cell(object: &Value, column: &str) -> String {
    let value = object
        .get(column)
        .or_else(|| column.split('.').try_fold(object, |value, key| value.get(key)));
    match value {
        None | Some(Value::Null) => String::new(),
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{JsonRows, Limits, Lines, cell};

    fn check(text: &str, expected: &[&str]) {
        let limits = Limits {
            cell_bytes_max: 40,
            row_bytes_max: 60,
            ..Limits::default()
        };
        let mut rows = JsonRows::new(Lines::new(text.as_bytes(), limits.row_bytes_max), &limits);
        let mut found = Vec::new();
        while let Some(row) = rows.next().unwrap() {
            found.push(match row.object {
                Ok(object) => format!("{}:{object}", row.line),
                Err(_) => format!("{}!", row.line),
            });
        }
        assert_eq!(found, expected, "{text}");
    }

    #[test]
    fn an_array_and_one_object_a_line_are_both_read() {
        check("{\"a\":1}\n\n{\"a\":2}\n", &["1:{\"a\":1}", "3:{\"a\":2}"]);
        check(
            "[\n {\"a\":1},\n {\"a\":\n  [2,\"],}\"]}\n]\n",
            &["2:{\"a\":1}", "3:{\"a\":[2,\"],}\"]}"],
        );
        check("[]", &[]);
        check("", &[]);
    }

    #[test]
    fn a_damaged_object_costs_only_itself() {
        check(
            "{\"a\":1}\n{\"a\":\n[1]\n{\"a\":2}\n",
            &["1:{\"a\":1}", "2!", "3!", "4:{\"a\":2}"],
        );
        check(
            "[{\"a\":1},\n{\"a\":x},\n{\"a\":2}]",
            &["1:{\"a\":1}", "2!", "3:{\"a\":2}"],
        );
        let giant = "x".repeat(500);
        check(
            &format!("[{{\"a\":1}},\n{{\"a\":\"{giant}\"}}\n,{{\"a\":2}}]"),
            &["1:{\"a\":1}", "2!", "3:{\"a\":2}"],
        );
        check(
            &format!("[{{\"a\":1}},{{\"a\":\"{giant}\"}},{{\"a\":2}}]"),
            &["1:{\"a\":1}", "1!", "1:{\"a\":2}"],
        );
        check(
            &format!("{{\"a\":\"{giant}\"}}\n{{\"a\":2}}"),
            &["1!", "2:{\"a\":2}"],
        );
        check(&"[".repeat(10_000), &["1!"]);
        check(&format!("[{}", ",".repeat(100_000)), &[]);
    }

    #[test]
    fn a_column_may_be_a_path() {
        let object = json!({"a": {"b": 5}, "c.d": "x", "e": null, "f": true});
        for (column, expected) in [
            ("a.b", "5"),
            ("c.d", "x"),
            ("e", ""),
            ("f", "true"),
            ("none", ""),
            ("a", "{\"b\":5}"),
        ] {
            assert_eq!(cell(&object, column), expected);
        }
    }
}
