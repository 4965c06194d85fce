//! `import`: rows of a file become records by a mapping, some hundred rows a commit. Rows that can't be taken in go to a file
//! beside the source, which can be corrected and imported again; importing a file twice changes nothing.

use std::fs::File;
use std::io::{BufWriter, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use clap::Args;
use serde_json::{Value as Json, json};

use crate::cli::order::Order;
use crate::cli::output::{Output, Progress};
use crate::cli::reach::Reach;
use crate::cli::{CliError, Done, Place};
use crate::services::import::{
    BatchRow, Limits, Mapping, Outcome, Reason, RejectFile, Rejected, SourceRow, open,
};

/// Source rows in one commit.
const ROWS_PER_COMMIT: usize = 200;
/// Or so many bytes, where rows are large.
const BYTES_PER_COMMIT: usize = 4 << 20;

/// Take in CSV, JSON or JSON Lines.
#[derive(Args, Debug)]
pub(in crate::cli) struct Import {
    /// What to take in
    file: PathBuf,
    /// How rows become records; data/nypd-hate-crime-complaints.toml is an example
    #[arg(long, value_name = "FILE")]
    map: PathBuf,
    /// Judge every row and change nothing
    #[arg(long)]
    dry_run: bool,
    /// Where rejected rows go [default: FILE.rejects beside the source]
    #[arg(long, value_name = "FILE")]
    rejects: Option<PathBuf>,
}

impl Import {
    pub(in crate::cli) fn run(self, place: &Place, output: Output) -> Done {
        let mapping = std::fs::read_to_string(&self.map)
            .map_err(|error| CliError::Failed(format!("can't read {}: {error}", self.map.display())))?;
        let source = File::open(&self.file)
            .map_err(|error| CliError::Failed(format!("can't read {}: {error}", self.file.display())))?;
        let bytes = source.metadata().map_or(0, |facts| facts.len());
        let rejects = self.rejects.clone().unwrap_or_else(|| beside(&self.file));
        let limits = place.load()?.config.import_limits();
        let mut reach = Reach::open(place)?;
        let job = Job {
            limits,
            mapping: &mapping,
            bytes,
            rejects: Some(&rejects),
            dry_run: self.dry_run,
        };
        let begun = Instant::now();
        let progress = Progress::new(output, "importing", "rows", bytes);
        let summary = job.run(source, &mut reach, progress)?;
        let mut shown = summary.shown();
        shown["dry_run"] = json!(self.dry_run);
        shown["rejects"] = json!((summary.rejected > 0).then_some(&rejects));
        output.show(&shown, |_| summary.told(&rejects, begun.elapsed().as_secs_f64()));
        Ok(())
    }
}

fn beside(file: &Path) -> PathBuf {
    let name = file
        .file_stem()
        .map_or_else(Default::default, |stem| stem.to_string_lossy().into_owned());
    let ending = file
        .extension()
        .map_or_else(|| "csv".into(), |ending| ending.to_string_lossy().into_owned());
    file.with_file_name(format!("{name}.rejects.{ending}"))
}

/// One file to take in.
pub(in crate::cli) struct Job<'a> {
    /// The mapping file's text.
    pub(in crate::cli) mapping: &'a str,
    /// The length of the source.
    pub(in crate::cli) bytes: u64,
    /// Where rejected rows go; nowhere if there can be none.
    pub(in crate::cli) rejects: Option<&'a Path>,
    /// Change nothing.
    pub(in crate::cli) dry_run: bool,
    /// How large its rows may be.
    pub(in crate::cli) limits: Limits,
}

/// What became of a file.
#[derive(Clone, Default, Debug)]
pub(in crate::cli) struct Summary {
    /// Source rows read.
    pub(in crate::cli) rows: u64,
    /// Source rows refused.
    pub(in crate::cli) rejected: u64,
    /// Records made.
    pub(in crate::cli) created: u64,
    updated: u64,
    unchanged: u64,
    /// The first refused rows: line and reason.
    first_rejected: Vec<(u64, String)>,
}

impl Summary {
    fn shown(&self) -> Json {
        let first: Vec<Json> = self
            .first_rejected
            .iter()
            .map(|(line, reason)| json!({"line": line, "reason": reason}))
            .collect();
        json!({
            "rows": self.rows, "rejected": self.rejected, "created": self.created, "updated": self.updated,
            "unchanged": self.unchanged, "first_rejected": first,
        })
    }

    fn told(&self, rejects: &Path, seconds: f64) -> String {
        let Self {
            rows,
            rejected,
            created,
            updated,
            unchanged,
            ..
        } = self;
        let mut lines = vec![
            format!("{} of {rows} rows taken in, in {seconds:.1} s.", rows - rejected),
            format!("Records: {created} made, {updated} changed, {unchanged} as they were."),
        ];
        if *rejected > 0 {
            lines.push(format!(
                "{rejected} rows were rejected; correct and import {}:",
                rejects.display()
            ));
            let first = self
                .first_rejected
                .iter()
                .map(|(line, reason)| format!("  line {line}: {reason}"));
            lines.extend(first);
        }
        lines.join("\n")
    }
}

/// Rejected rows that the summary tells.
const REJECTED_SHOWN_MAX: usize = 20;

impl Job<'_> {
    /// Takes in the whole file.
    pub(in crate::cli) fn run(
        &self,
        source: impl Read,
        reach: &mut Reach,
        mut progress: Progress,
    ) -> Result<Summary, CliError> {
        let mapping = Mapping::parse(self.mapping).map_err(CliError::failed)?;
        let format = mapping.format();
        let read = Arc::new(AtomicU64::new(0));
        let counted = Counted {
            inner: source,
            bytes: Arc::clone(&read),
        };
        let mut import = open(mapping, counted, self.limits).map_err(CliError::failed)?;
        let columns = import.columns().to_vec();
        let mut taking = Taking {
            reach,
            dry_run: self.dry_run,
            waiting: Vec::new(),
            waiting_bytes: 0,
            summary: Summary::default(),
            rejects: None,
        };
        let begin = || -> std::io::Result<Option<Rejects>> {
            let Some(path) = self.rejects else { return Ok(None) };
            let file = BufWriter::new(File::create(path)?);
            Ok(Some(RejectFile::new(file, format, &columns)?))
        };
        while let Some(outcome) = import.next_row().map_err(CliError::failed)? {
            taking.summary.rows += 1;
            match outcome {
                Outcome::Rejected(rejected) => taking.reject(&rejected, &begin)?,
                Outcome::Ready(row) => taking.take(row, &begin)?,
            }
            progress.at(read.load(Ordering::Relaxed).min(self.bytes), taking.summary.rows);
        }
        taking.send(&begin)?;
        if let Some(rejects) = &mut taking.rejects {
            rejects.flush().map_err(CliError::failed)?;
        }
        progress.end(taking.summary.rows);
        Ok(taking.summary)
    }
}

type Rejects = RejectFile<BufWriter<File>>;
type Begin<'b> = &'b dyn Fn() -> std::io::Result<Option<Rejects>>;

/// The work in hand.
struct Taking<'a> {
    reach: &'a mut Reach,
    dry_run: bool,
    waiting: Vec<SourceRow>,
    waiting_bytes: usize,
    summary: Summary,
    /// Begun with the first rejected row.
    rejects: Option<Rejects>,
}

impl Taking<'_> {
    fn take(&mut self, row: SourceRow, begin: Begin<'_>) -> Done {
        self.waiting_bytes += row.records.iter().map(size_of_record).sum::<usize>();
        self.waiting.push(row);
        let full = self.waiting.len() >= ROWS_PER_COMMIT || self.waiting_bytes >= BYTES_PER_COMMIT;
        // A dry run leaves nothing for later rows to refer to, so it is judged in one piece.
        if full && !self.dry_run {
            self.send(begin)?;
        }
        Ok(())
    }

    fn send(&mut self, begin: Begin<'_>) -> Done {
        let rows = std::mem::take(&mut self.waiting);
        self.waiting_bytes = 0;
        if rows.is_empty() {
            return Ok(());
        }
        let answer = self.reach.perform(Order::PutRows {
            rows: rows.iter().map(|row| row.records.clone()).collect(),
            dry_run: self.dry_run,
        })?;
        let count = |member: &str| answer[member].as_u64().unwrap_or(0);
        self.summary.created += count("created");
        self.summary.updated += count("updated");
        self.summary.unchanged += count("unchanged");
        let mut rows: Vec<Option<SourceRow>> = rows.into_iter().map(Some).collect();
        for refused in answer["refused"].as_array().into_iter().flatten() {
            let place = refused["row"]
                .as_u64()
                .and_then(|place| usize::try_from(place).ok());
            let row = place.and_then(|place| rows.get_mut(place)?.take());
            let reasons = refused["reason"]
                .as_str()
                .unwrap_or_default()
                .lines()
                .map(Reason::row)
                .collect();
            if let Some(row) = row {
                self.reject(&row.into_rejected(reasons), begin)?;
            }
        }
        Ok(())
    }

    fn reject(&mut self, rejected: &Rejected, begin: Begin<'_>) -> Done {
        self.summary.rejected += 1;
        if self.summary.first_rejected.len() < REJECTED_SHOWN_MAX {
            self.summary
                .first_rejected
                .push((rejected.line, rejected.reason()));
        }
        let mut write = || -> std::io::Result<()> {
            if self.rejects.is_none() {
                self.rejects = begin()?;
            }
            self.rejects.as_mut().map_or(Ok(()), |file| file.write(rejected))
        };
        write().map_err(|error| CliError::Failed(format!("can't write the rejected rows: {error}")))
    }
}

/// About how long a record is.
fn size_of_record(record: &BatchRow) -> usize {
    fn size(value: &Json) -> usize {
        match value {
            Json::String(text) => text.len() + 2,
            Json::Array(list) => list.iter().map(size).sum::<usize>() + 2,
            Json::Object(map) => map.iter().map(|(name, value)| name.len() + 4 + size(value)).sum(),
            _ => 8,
        }
    }
    record.external_id.len() + size(&record.data)
}

/// A source that says how far it was read.
struct Counted<R> {
    inner: R,
    bytes: Arc<AtomicU64>,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let read = self.inner.read(buffer)?;
        self.bytes.fetch_add(read as u64, Ordering::Relaxed);
        Ok(read)
    }
}
