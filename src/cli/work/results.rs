//! What became of each row of an import: a file of JSON Lines, one for each record of a row that went in, one for a row that was
//! rejected.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;

use serde_json::{Value as Json, json};

use crate::services::import::{BatchRow, Reason, Rejected};

/// The file, as far as it is written.
pub(super) struct Results {
    out: BufWriter<File>,
    /// Of records that the first row made which named them, by kind and external id.
    ids: HashMap<(String, String), Json>,
}

impl Results {
    /// Begins the file, in place of one that is there.
    pub(super) fn begin(path: &Path) -> io::Result<Self> {
        Ok(Self {
            out: BufWriter::new(File::create(path)?),
            ids: HashMap::new(),
        })
    }

    /// A row went in. `done` are those of its records that were put, in their order; the others were made by a row before.
    pub(super) fn took(&mut self, line: u64, records: &[BatchRow], done: &Json) -> io::Result<()> {
        let mut done = done.as_array().into_iter().flatten().peekable();
        for record in records {
            let is_it =
                |put: &&Json| put["kind"] == *record.kind && put["external_id"] == *record.external_id;
            let name = || (record.kind.clone(), record.external_id.clone());
            let (id, what) = match done.next_if(is_it) {
                Some(put) => (put["id"].clone(), put["what"].clone()),
                None => (
                    self.ids.get(&name()).cloned().unwrap_or_default(),
                    "unchanged".into(),
                ),
            };
            if record.once {
                self.ids.entry(name()).or_insert_with(|| id.clone());
            }
            self.line(&json!({
                "line": line, "kind": record.kind, "external_id": record.external_id, "id": id, "what": what,
            }))?;
        }
        Ok(())
    }

    /// A row was rejected; `record` is the one for which it was, where it was for one.
    pub(super) fn rejected(&mut self, rejected: &Rejected, record: Option<&BatchRow>) -> io::Result<()> {
        let reasons: Vec<String> = rejected.reasons.iter().map(Reason::to_string).collect();
        self.line(&json!({
            "line": rejected.line, "kind": record.map(|record| &record.kind),
            "external_id": record.map(|record| &record.external_id), "id": null, "what": "rejected",
            "reasons": reasons,
        }))
    }

    fn line(&mut self, json: &Json) -> io::Result<()> {
        writeln!(self.out, "{json}")
    }

    /// All rows are told.
    pub(super) fn end(mut self) -> io::Result<()> {
        self.out.flush()
    }
}
