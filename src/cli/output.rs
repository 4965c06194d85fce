//! How verbs show what they got: text for people, one JSON value for programs; colours on a terminal only; progress as a bar on
//! a terminal and as a line a second elsewhere.

use std::io::{ErrorKind, IsTerminal, Write};
use std::time::{Duration, Instant};

use rustix::termios::tcgetwinsize;
use serde_json::{Value as Json, json};

use crate::cli::order::Step;

const BAR_CELLS: usize = 28;

/// How to show things.
#[derive(Clone, Copy, Debug)]
pub(super) struct Output {
    json: bool,
    colours: bool,
    /// Of the terminal; 0 if there is none.
    columns: usize,
}

/// Whether a terminal moves its cursor and draws colours as it is told.
fn is_clever(stream: &impl IsTerminal) -> bool {
    stream.is_terminal() && std::env::var_os("TERM").is_none_or(|kind| kind != "dumb")
}

/// Whether what is written there may have colours.
pub(super) fn takes_colours(stream: &impl IsTerminal) -> bool {
    is_clever(stream) && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}

/// So many of what is named in the plural.
pub(super) fn many(count: u64, units: &str) -> String {
    let unit = match count {
        1 => units.strip_suffix('s').unwrap_or(units),
        _ => units,
    };
    format!("{count} {unit}")
}

/// So many as a member of what a node answered says, by its name.
pub(super) fn counted(json: &Json, units: &str) -> String {
    many(json[units].as_u64().unwrap_or(0), units)
}

/// What a word is, for its colour.
#[derive(Clone, Copy, Debug)]
pub(super) enum Ink {
    /// Stands out.
    Strong,
    /// Stands back.
    Faint,
    /// All is well.
    Good,
    /// Must be looked at.
    Bad,
}

impl Output {
    pub(super) fn new(json: bool) -> Self {
        let out = std::io::stdout();
        Self {
            json,
            colours: takes_colours(&out),
            columns: tcgetwinsize(&out).map_or(0, |size| size.ws_col.into()),
        }
    }

    /// How many characters a line has; `usize::MAX` where nobody looks on.
    pub(super) fn columns(self) -> usize {
        if self.columns == 0 {
            usize::MAX
        } else {
            self.columns
        }
    }

    /// Whether a program reads it.
    pub(super) fn is_json(self) -> bool {
        self.json
    }

    /// Shows a result.
    pub(super) fn show(self, value: &Json, told: impl FnOnce(&Json) -> String) {
        if self.json {
            line(&value.to_string());
        } else {
            line(told(value).trim_end());
        }
    }

    /// Says something to people alone.
    pub(super) fn say(self, text: &str) {
        if !self.json {
            line(text);
        }
    }

    /// Shows why it failed.
    pub(super) fn failure(self, code: &str, message: &str) {
        if self.json {
            line(&json!({"errors": [{"code": code, "message": message}]}).to_string());
        } else {
            _ = writeln!(std::io::stderr(), "blotter: {message}");
        }
    }

    /// A text in its colour.
    pub(super) fn ink(self, ink: Ink, text: &str) -> String {
        if !self.colours {
            return text.to_owned();
        }
        let code = match ink {
            Ink::Strong => "1",
            Ink::Faint => "2",
            Ink::Good => "32",
            Ink::Bad => "31",
        };
        format!("\u{1b}[{code}m{text}\u{1b}[0m")
    }

    /// Columns with a head, as wide as they must be.
    pub(super) fn table(self, head: &[&str], rows: &[Vec<String>]) -> String {
        let width = |column: usize| {
            let cells = rows.iter().map(|row| row[column].chars().count());
            cells.chain([head[column].chars().count()]).max().unwrap_or(0)
        };
        let widths: Vec<usize> = (0..head.len()).map(width).collect();
        let line = |cells: &mut dyn Iterator<Item = &str>| {
            let padded = cells.zip(&widths).map(|(cell, width)| format!("{cell:width$}"));
            padded.collect::<Vec<_>>().join("  ").trim_end().to_owned()
        };
        let mut lines = vec![self.ink(Ink::Faint, &line(&mut head.iter().copied()))];
        lines.extend(rows.iter().map(|row| line(&mut row.iter().map(String::as_str))));
        lines.join("\n")
    }
}

/// A closed pipe ends a program quietly; what can't be written otherwise is lost, and that is a failure.
fn line(text: &str) {
    let mut out = std::io::stdout().lock();
    let Err(error) = writeln!(out, "{text}").and_then(|()| out.flush()) else {
        return;
    };
    if error.kind() == ErrorKind::BrokenPipe {
        std::process::exit(0);
    }
    // What was to be shown may have been a key, which is told once.
    _ = writeln!(
        std::io::stderr(),
        "blotter: what was done can't be shown: {error}. A key or token that was made is lost with it: take it back (blotter \
         key list, blotter key revoke)"
    );
    std::process::exit(1);
}

/// How far long work has come, on stderr.
pub(super) struct Progress {
    what: String,
    unit: String,
    total: u64,
    on_terminal: bool,
    silent: bool,
    shown: Option<Instant>,
}

impl Progress {
    /// Work of so many bytes, rows, steps; 0 if nobody knows.
    pub(super) fn new(output: Output, what: &str, unit: &str, total: u64) -> Self {
        let on_terminal = is_clever(&std::io::stderr());
        Self {
            what: what.to_owned(),
            unit: unit.to_owned(),
            total,
            on_terminal,
            silent: output.json,
            // Where nobody looks on, what is done within a second is worth no line.
            shown: (!on_terminal).then(Instant::now),
        }
    }

    /// So much is done.
    pub(super) fn at(&mut self, done: u64, counted: u64) {
        let every = Duration::from_millis(if self.on_terminal { 60 } else { 1000 });
        if self.silent || self.shown.is_some_and(|shown| shown.elapsed() < every) {
            return;
        }
        self.shown = Some(Instant::now());
        self.draw(done, counted);
    }

    /// All is done.
    pub(super) fn end(self, counted: u64) {
        if self.on_terminal && !self.silent {
            self.draw(self.total, counted);
            _ = writeln!(std::io::stderr());
        }
    }

    fn draw(&self, done: u64, counted: u64) {
        let (what, counted) = (&self.what, many(counted, &self.unit));
        let percent = (done.min(self.total) * 100).checked_div(self.total);
        let mut err = std::io::stderr().lock();
        // Progress that can't be shown is no fault.
        _ = match percent {
            Some(percent) if self.on_terminal => {
                let full = usize::try_from(percent).unwrap_or(0) * BAR_CELLS / 100;
                let bar = format!("{}{}", "━".repeat(full), "─".repeat(BAR_CELLS - full));
                write!(err, "\r\u{1b}[2K  {what:<26} {bar} {percent:>3} %  {counted}")
            }
            None if self.on_terminal => write!(err, "\r\u{1b}[2K  {what:<26} {counted}"),
            Some(percent) => writeln!(err, "{what}: {percent} %, {counted}"),
            None => writeln!(err, "{what}: {counted}"),
        }
        .and_then(|()| err.flush());
    }
}

/// How far work of several steps has come: each step has a bar, one after the other.
pub(super) struct Steps {
    output: Output,
    current: Option<(Progress, u64)>,
}

impl Steps {
    /// Nothing is done yet.
    pub(super) fn new(output: Output) -> Self {
        Self {
            output,
            current: None,
        }
    }

    /// A step has come so far.
    pub(super) fn at(&mut self, step: &Step) {
        let same = self
            .current
            .as_ref()
            .is_some_and(|(progress, _)| progress.what == step.what);
        if !same {
            self.end();
        }
        let (
            output,
            Step {
                what, unit, total, ..
            },
        ) = (self.output, step);
        let (progress, counted) = self
            .current
            .get_or_insert_with(|| (Progress::new(output, what, unit, *total), 0));
        *counted = step.counted;
        progress.at(step.done, step.counted);
    }

    /// The present step is done.
    pub(super) fn end(&mut self) {
        if let Some((progress, counted)) = self.current.take() {
            progress.end(counted);
        }
    }
}
