//! `verify`: whether the node is what it claims. It only reads; beside a live server it is the server that reads. Exit code 3
//! when there is a fault.

use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;
use serde_json::{Value as Json, json};

use crate::app::folder::FolderError;
use crate::cli::order::care::about;
use crate::cli::order::{Order, Step};
use crate::cli::output::{Ink, Output, Steps, counted, many};
use crate::cli::reach::Reach;
use crate::cli::upkeep::bundle;
use crate::cli::{CliError, Done, Place};
use crate::store::disk::{Disk, RealDisk};
use crate::store::verify::{Report, Source, Stage, verify_folder};
use crate::views::FOLD;

/// Whether the node, or a bundle that came from one, is what it claims.
#[derive(Args, Debug)]
pub(in crate::cli) struct Verify {
    /// A bundle of `blotter export case`; without it, the data folder is verified
    bundle: Option<PathBuf>,
    /// The agency's keys, one a line, by which the bundle must be signed
    #[arg(long, value_name = "FILE", requires = "bundle")]
    keys: Option<PathBuf>,
}

impl Verify {
    pub(in crate::cli) fn run(self, place: &Place, output: Output) -> Done {
        match self.bundle {
            Some(bundle) => bundle::verify(&bundle, self.keys.as_deref(), output),
            None => run(place, output),
        }
    }
}

fn run(place: &Place, output: Output) -> Done {
    let folder = place.folder();
    let shown = match folder.refuse_lost().and_then(|()| folder.lock()) {
        Ok(_lock) => {
            let scratch = tempfile::tempdir().map_err(CliError::failed)?;
            let disk: Arc<dyn Disk> = Arc::new(RealDisk);
            let source = Source {
                disk: &disk,
                dir: folder.path(),
                fold: FOLD,
                scratch: scratch.path(),
            };
            let mut progress = Steps::new(output);
            let report = verify_folder(source, true, &mut |stage| progress.at(&step_of(stage)));
            progress.end();
            shown(&report.map_err(CliError::failed)?)
        }
        Err(FolderError::InUse(_)) => Reach::open(place)?.perform_long(Order::Verify, output)?,
        Err(error) => return Err(CliError::failed(error)),
    };
    output.show(&shown, |shown| told(output, shown));
    verdict_of(&shown)
}

/// How far a verification has come.
pub(in crate::cli) fn step_of(stage: Stage) -> Step {
    match stage {
        Stage::Journal(at, end) => Step::new(
            "reading the log",
            (about(at), about(end)),
            (about(at) >> 20, "MB"),
        ),
        Stage::Fold(folded) => Step::new("folding it anew", (0, 0), (folded, "operations")),
        Stage::Files(read, all) => Step::new("reading files", (read, all), (read, "files")),
    }
}

/// A report as JSON.
pub(in crate::cli) fn shown(report: &Report) -> Json {
    let logs: Vec<Json> = report
        .logs
        .iter()
        .map(|log| json!({"log": log.log.to_string(), "operations": log.operations, "root": log.root.to_string()}))
        .collect();
    json!({
        "clean": report.is_clean(), "groups": report.groups, "operations": report.operations(), "logs": logs,
        "files": report.files, "rows": report.rows, "files_lost": report.lost.len(),
        "faults": report.told(),
    })
}

/// A report in words.
pub(in crate::cli) fn told(output: Output, shown: &Json) -> String {
    let logs = shown["logs"].as_array().map_or(0, Vec::len);
    let rows = shown["rows"].as_u64();
    let looked = format!(
        "{} in {}, {}, {}",
        counted(shown, "operations"),
        many(logs as u64, "logs"),
        counted(shown, "files"),
        rows.map_or_else(|| "no rows".to_owned(), |rows| many(rows, "rows")),
    );
    if shown["clean"] == true {
        return format!("{}  {looked}", output.ink(Ink::Good, "clean"));
    }
    format!("{}\n{looked}", fault_lines(output, shown))
}

/// What is wrong, a line each.
pub(in crate::cli) fn fault_lines(output: Output, shown: &Json) -> String {
    let faults = shown["faults"].as_array().into_iter().flatten();
    let lines = faults
        .filter_map(Json::as_str)
        .map(|fault| format!("{}  {fault}", output.ink(Ink::Bad, "fault")));
    lines.collect::<Vec<_>>().join("\n")
}

/// What to do about files that are lost.
pub(in crate::cli) const LOST_ADVICE: &str = "Put each back from an older backup (it lies there under files/, the first two letters of its name, its \
     name), or add the original to its record again.";

/// What was done, and what could not be.
pub(in crate::cli) fn with_faults(output: Output, shown: &Json, done: String) -> String {
    if shown["clean"] == true {
        return done;
    }
    let advice = match shown["files_lost"].as_u64() {
        Some(1..) => format!("\n{LOST_ADVICE}"),
        _ => String::new(),
    };
    format!("{done}\n\nBut for this:\n{}{advice}", fault_lines(output, shown))
}

/// The exit code says it too.
pub(in crate::cli) fn verdict_of(shown: &Json) -> Done {
    match shown["clean"] == true {
        true => Ok(()),
        false => Err(CliError::Faults),
    }
}
