//! The physical lines of a file, each held up to a bound and counted whatever its length.

use std::collections::VecDeque;
use std::io::{BufRead, BufReader, Read};

/// One line.
#[derive(Clone, PartialEq, Debug, Default)]
pub(super) struct Line {
    /// The first line of the file is 1.
    pub(super) number: u64,
    /// Without its end.
    pub(super) bytes: Vec<u8>,
    /// `\n`, `\r\n`, or nothing at the end of the file.
    pub(super) end: &'static [u8],
    /// Bytes that were read and not held.
    pub(super) dropped: u64,
}

/// Reads lines, and takes lines back to give them out again.
pub(super) struct Lines<R> {
    reader: BufReader<R>,
    returned: VecDeque<Line>,
    line_bytes_max: usize,
    number: u64,
}

impl<R: Read> Lines<R> {
    pub(super) fn new(reader: R, line_bytes_max: usize) -> Self {
        Self {
            reader: BufReader::with_capacity(64 << 10, reader),
            returned: VecDeque::new(),
            line_bytes_max,
            number: 0,
        }
    }

    /// What the file begins with, not consumed.
    pub(super) fn peek(&mut self) -> std::io::Result<&[u8]> {
        self.reader.fill_buf()
    }

    /// Takes bytes off the beginning.
    pub(super) fn consume(&mut self, bytes: usize) {
        self.reader.consume(bytes);
    }

    /// The next line; `None` at the end.
    pub(super) fn next(&mut self) -> std::io::Result<Option<Line>> {
        if let Some(line) = self.returned.pop_front() {
            return Ok(Some(line));
        }
        let mut line = Line {
            number: self.number + 1,
            ..Line::default()
        };
        loop {
            let buffer = self.reader.fill_buf()?;
            if buffer.is_empty() {
                break;
            }
            let newline = buffer.iter().position(|byte| *byte == b'\n');
            let content = &buffer[..newline.unwrap_or(buffer.len())];
            let held = content
                .len()
                .min(self.line_bytes_max.saturating_sub(line.bytes.len()));
            line.bytes.extend_from_slice(&content[..held]);
            line.dropped += u64::try_from(content.len() - held).unwrap_or(u64::MAX);
            let consumed = content.len() + usize::from(newline.is_some());
            self.reader.consume(consumed);
            if newline.is_some() {
                line.end = b"\n";
                break;
            }
        }
        if line.bytes.is_empty() && line.end.is_empty() {
            return Ok(None);
        }
        if line.dropped == 0 && line.end == b"\n" && line.bytes.last() == Some(&b'\r') {
            line.bytes.pop();
            line.end = b"\r\n";
        }
        self.number += 1;
        Ok(Some(line))
    }

    /// Puts lines back in front, in their order.
    pub(super) fn give_back(&mut self, lines: Vec<Line>) {
        for line in lines.into_iter().rev() {
            self.returned.push_front(line);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Lines;

    #[test]
    fn a_long_line_is_counted_but_not_held() {
        let text = format!("first\r\n{}\nlast", "x".repeat(1_000_000));
        let mut lines = Lines::new(text.as_bytes(), 100);
        let first = lines.next().unwrap().unwrap();
        assert_eq!(
            (first.number, first.bytes.as_slice(), first.end),
            (1, &b"first"[..], &b"\r\n"[..])
        );
        let long = lines.next().unwrap().unwrap();
        assert_eq!((long.bytes.len(), long.dropped), (100, 999_900));
        lines.give_back(vec![long.clone()]);
        assert_eq!(lines.next().unwrap().unwrap(), long);
        assert_eq!(lines.next().unwrap().unwrap().number, 3);
        assert!(lines.next().unwrap().is_none());
    }
}
