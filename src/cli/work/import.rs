//! `import`: rows of a file become records by a mapping, some hundred rows a commit. Rows that can't be taken in go to a file
//! beside the source, which can be corrected and imported again; importing a file twice changes nothing.

use std::collections::{BTreeMap, HashSet};
use std::fs::File;
use std::hash::{BuildHasher, RandomState};
use std::io::{BufWriter, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use clap::Args;
use serde_json::{Value as Json, json};

use crate::cli::order::Order;
use crate::cli::output::{Output, Progress, many};
use crate::cli::reach::Reach;
use crate::cli::work::dry_run::Remembered;
use crate::cli::work::results::Results;
use crate::cli::{CliError, Done, Place};
use crate::services::import::{
    BatchRow, Limits, Mapping, Outcome, Raw, Reason, RejectFile, Rejected, SourceRow, open,
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
    /// Where rejected rows go [default: beside the source, as cases.rejects.csv for cases.csv]
    #[arg(long, value_name = "FILE")]
    rejects: Option<PathBuf>,
    /// What became of each row, as JSON Lines: line, kind, external id, id, created|updated|unchanged|rejected
    #[arg(long, value_name = "FILE")]
    results: Option<PathBuf>,
}

impl Import {
    pub(in crate::cli) fn run(self, place: &Place, output: Output) -> Done {
        let mapping = std::fs::read_to_string(&self.map)
            .map_err(|error| CliError::Failed(format!("can't read {}: {error}", self.map.display())))?;
        let source = File::open(&self.file)
            .map_err(|error| CliError::Failed(format!("can't read {}: {error}", self.file.display())))?;
        let bytes = source.metadata().map_or(0, |facts| facts.len());
        let rejects = self.rejects.clone().unwrap_or_else(|| beside(&self.file));
        self.refuse_overwriting(&rejects)?;
        let limits = place.load()?.config.import_limits();
        let mut reach = Reach::open(place)?;
        let job = Job {
            limits,
            mapping: &mapping,
            bytes,
            rejects: Some(&rejects),
            results: self.results.as_deref(),
            dry_run: self.dry_run,
        };
        let begun = Instant::now();
        let progress = Progress::new(output, "importing", "rows", bytes);
        let summary = job.run(source, &mut reach, progress)?;
        let mut shown = summary.shown();
        shown["dry_run"] = json!(self.dry_run);
        shown["rejects"] = json!((summary.rejected > 0).then_some(&rejects));
        shown["results"] = json!(self.results);
        let seconds = begun.elapsed().as_secs_f64();
        output.show(&shown, |_| summary.told(&rejects, seconds, self.dry_run));
        Ok(())
    }

    /// What is written is neither read nor written twice.
    fn refuse_overwriting(&self, rejects: &Path) -> Done {
        let whole = |path: &Path| path.canonicalize().unwrap_or_else(|_| path.to_owned());
        let (source, results) = (whole(&self.file), self.results.as_deref());
        let read = [("--rejects", Some(rejects)), ("--results", results)];
        for (name, path) in read {
            if let Some(path) = path.filter(|path| whole(path) == source) {
                let text = format!("{name} {} is the file that is taken in", path.display());
                return Err(CliError::Usage(text));
            }
        }
        match results.is_some_and(|results| whole(results) == whole(rejects)) {
            true => Err(CliError::Usage("--results is the file of --rejects".to_owned())),
            false => Ok(()),
        }
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
    /// Where it is told what became of each row, if anywhere.
    pub(in crate::cli) results: Option<&'a Path>,
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

    fn told(&self, rejects: &Path, seconds: f64, dry_run: bool) -> String {
        let Self {
            rows,
            rejected,
            created,
            updated,
            unchanged,
            ..
        } = self;
        let taken = rows - rejected;
        let rows = many(*rows, "rows");
        let mut lines = match dry_run {
            true => vec![
                format!(
                    "Nothing was changed: {taken} of {rows} would be taken in, judged in {seconds:.1} s."
                ),
                format!("Records: {created} would be made, {updated} changed, {unchanged} left as they are."),
            ],
            false => vec![
                format!("{taken} of {rows} taken in, in {seconds:.1} s."),
                format!("Records: {created} made, {updated} changed, {unchanged} as they were."),
            ],
        };
        if *rejected > 0 {
            lines.push(format!(
                "{rejected} {} rejected; correct and import {}:",
                if *rejected == 1 { "row was" } else { "rows were" },
                rejects.display()
            ));
            let first = self
                .first_rejected
                .iter()
                .map(|(line, reason)| format!("  line {line}: {reason}"));
            lines.extend(first);
            let more = rejected.saturating_sub(self.first_rejected.len() as u64);
            lines.extend(
                (more > 0).then(|| format!("  and {more} more, each with its line and reason in that file")),
            );
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
            most: usize::try_from(self.bytes / 100)
                .map_or(BLOCK_MAX, |most| most.clamp(BLOCK_MIN, BLOCK_MAX)),
        };
        let mut import = open(mapping, counted, self.limits).map_err(CliError::failed)?;
        let columns = import.columns().to_vec();
        let mut taking = Taking {
            reach,
            dry_run: self.dry_run,
            waiting: Vec::new(),
            waiting_bytes: 0,
            hasher: RandomState::new(),
            made_once: HashSet::new(),
            remembered: self
                .dry_run
                .then(Remembered::new)
                .transpose()
                .map_err(CliError::failed)?,
            summary: Summary::default(),
            rejects: None,
            results: self
                .results
                .map(Results::begin)
                .transpose()
                .map_err(|error| unwritten(&error))?,
        };
        let begin = || -> std::io::Result<Option<Rejects>> {
            let Some(path) = self.rejects else { return Ok(None) };
            let file = BufWriter::new(File::create(path)?);
            Ok(Some(RejectFile::new(file, format, &columns)?))
        };
        while let Some(outcome) = import.next_row().map_err(CliError::failed)? {
            taking.summary.rows += 1;
            taking.take(outcome, &begin)?;
            progress.at(read.load(Ordering::Relaxed).min(self.bytes), taking.summary.rows);
        }
        taking.send(&begin)?;
        if let Some(rejects) = &mut taking.rejects {
            rejects.flush().map_err(CliError::failed)?;
        }
        taking
            .results
            .map_or(Ok(()), Results::end)
            .map_err(|error| unwritten(&error))?;
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
    /// In the order of the file, rejected ones too.
    waiting: Vec<Outcome>,
    waiting_bytes: usize,
    hasher: RandomState,
    /// Records that are made once and were made, as hashes.
    made_once: HashSet<u64>,
    /// Of a dry run.
    remembered: Option<Remembered>,
    summary: Summary,
    /// Begun with the first rejected row.
    rejects: Option<Rejects>,
    results: Option<Results>,
}

fn unwritten(error: &std::io::Error) -> CliError {
    CliError::Failed(format!("can't write the results: {error}"))
}

impl Taking<'_> {
    fn take(&mut self, outcome: Outcome, begin: Begin<'_>) -> Done {
        self.waiting_bytes += match &outcome {
            Outcome::Ready(row) => row.records.iter().map(size_of_record).sum(),
            Outcome::Rejected(rejected) => size_of_raw(&rejected.raw),
        };
        self.waiting.push(outcome);
        if self.waiting.len() >= ROWS_PER_COMMIT || self.waiting_bytes >= BYTES_PER_COMMIT {
            self.send(begin)?;
        }
        Ok(())
    }

    fn send(&mut self, begin: Begin<'_>) -> Done {
        let waiting = std::mem::take(&mut self.waiting);
        self.waiting_bytes = 0;
        let ready = waiting.iter().filter_map(|outcome| match outcome {
            Outcome::Ready(row) => Some(self.to_make(row)),
            Outcome::Rejected(_) => None,
        });
        let rows: Vec<Vec<BatchRow>> = ready.collect();
        let (mut refused, results) = self.put(&rows)?;
        let mut place = 0;
        for outcome in waiting {
            let row = match outcome {
                Outcome::Rejected(rejected) => {
                    self.reject(&rejected, None, begin)?;
                    continue;
                }
                Outcome::Ready(row) => row,
            };
            match refused.remove(&place) {
                Some(refusal) => {
                    let reasons = refusal["reason"].as_str().unwrap_or_default();
                    let reasons = reasons.lines().map(Reason::row).collect();
                    let is_refused = |record: &&BatchRow| {
                        refusal["kind"] == *record.kind && refusal["external_id"] == *record.external_id
                    };
                    let refused = row.records.iter().find(is_refused).cloned();
                    self.reject(&row.into_rejected(reasons), refused.as_ref(), begin)?;
                }
                None => {
                    self.settle(&rows[place])?;
                    if let Some(file) = &mut self.results {
                        file.took(row.line, &row.records, &results[place])
                            .map_err(|error| unwritten(&error))?;
                    }
                }
            }
            place += 1;
        }
        Ok(())
    }

    /// The records of a row, without those that are made once and were.
    fn to_make(&self, row: &SourceRow) -> Vec<BatchRow> {
        let records = row.records.iter();
        let is_new = |record: &&BatchRow| !record.once || !self.made_once.contains(&self.hash(record));
        records.filter(is_new).cloned().collect()
    }

    fn hash(&self, record: &BatchRow) -> u64 {
        self.hasher.hash_one((&record.kind, &record.external_id))
    }

    /// Has rows made; gives what is told of those that were refused, by their places, and what became of the others.
    fn put(&mut self, rows: &[Vec<BatchRow>]) -> Result<(BTreeMap<usize, Json>, Json), CliError> {
        if rows.is_empty() {
            return Ok((BTreeMap::new(), Json::Null));
        }
        let before = self.remembered.as_mut().map(|remembered| remembered.before(rows));
        let mut answer = self.reach.perform(Order::PutRows {
            rows: rows.to_vec(),
            before: before.transpose().map_err(CliError::failed)?.unwrap_or_default(),
            dry_run: self.dry_run,
            results: self.results.is_some(),
        })?;
        let results = answer["results"].take();
        let count = |member: &str| answer[member].as_u64().unwrap_or(0);
        self.summary.created += count("created");
        self.summary.updated += count("updated");
        self.summary.unchanged += count("unchanged");
        let refused = answer["refused"].as_array().into_iter().flatten();
        let refused = refused.filter_map(|row| {
            let place = usize::try_from(row["row"].as_u64()?).ok()?;
            Some((place, row.clone()))
        });
        Ok((refused.collect(), results))
    }

    /// A row went in.
    fn settle(&mut self, row: &[BatchRow]) -> Done {
        let once: Vec<u64> = row
            .iter()
            .filter(|record| record.once)
            .map(|record| self.hash(record))
            .collect();
        self.made_once.extend(once);
        match &mut self.remembered {
            Some(remembered) => remembered.keep(row).map_err(CliError::failed),
            None => Ok(()),
        }
    }

    fn reject(&mut self, rejected: &Rejected, record: Option<&BatchRow>, begin: Begin<'_>) -> Done {
        self.summary.rejected += 1;
        if let Some(file) = &mut self.results {
            file.rejected(rejected, record)
                .map_err(|error| unwritten(&error))?;
        }
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

/// How long a row is as it stood.
fn size_of_raw(raw: &Raw) -> usize {
    match raw {
        Raw::Cells(cells) => cells.iter().map(String::len).sum(),
        Raw::Text(text) => text.len(),
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

/// A source is read by hundredths, so that its rows and its percents go on together; in blocks of so many bytes.
const BLOCK_MIN: usize = 1 << 10;
const BLOCK_MAX: usize = 1 << 20;

/// A source that says how far it was read.
struct Counted<R> {
    inner: R,
    bytes: Arc<AtomicU64>,
    /// Bytes read at once.
    most: usize,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let most = buffer.len().min(self.most);
        let read = self.inner.read(&mut buffer[..most])?;
        self.bytes.fetch_add(read as u64, Ordering::Relaxed);
        Ok(read)
    }
}
