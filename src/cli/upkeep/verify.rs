//! `verify`: whether the node is what it claims. It only reads; beside a live server it is the server that reads. Exit code 3
//! when there is a fault.

use std::sync::Arc;

use serde_json::{Value as Json, json};

use crate::app::folder::FolderError;
use crate::cli::order::Order;
use crate::cli::output::{Ink, Output};
use crate::cli::reach::Reach;
use crate::cli::{CliError, Done, Place};
use crate::store::disk::{Disk, RealDisk};
use crate::store::verify::{Report, Source, verify_folder};
use crate::views::FOLD;

pub(in crate::cli) fn run(place: &Place, output: Output) -> Done {
    let folder = place.folder();
    let shown = match folder.lock() {
        Ok(_lock) => {
            let scratch = tempfile::tempdir().map_err(CliError::failed)?;
            let disk: Arc<dyn Disk> = Arc::new(RealDisk);
            let source = Source {
                disk: &disk,
                dir: folder.path(),
                fold: FOLD,
                scratch: scratch.path(),
            };
            let report = verify_folder(source, true, &mut |_| {}).map_err(CliError::failed)?;
            shown(&report)
        }
        Err(FolderError::InUse(_)) => Reach::open(place)?.perform(Order::Verify)?,
        Err(error) => return Err(CliError::failed(error)),
    };
    output.show(&shown, |shown| told(output, shown));
    if shown["clean"] == true {
        Ok(())
    } else {
        Err(CliError::Faults)
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
        "files": report.files, "rows": report.rows, "faults": report.faults,
    })
}

/// A report in words.
pub(in crate::cli) fn told(output: Output, shown: &Json) -> String {
    let logs = shown["logs"].as_array().map_or(0, Vec::len);
    let rows = shown["rows"]
        .as_u64()
        .map_or_else(|| "no rows".to_owned(), |rows| format!("{rows} rows"));
    let looked = format!(
        "{} operations in {logs} logs, {} files, {rows}",
        shown["operations"], shown["files"]
    );
    let faults: Vec<&str> = shown["faults"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Json::as_str)
        .collect();
    if faults.is_empty() {
        return format!("{}  {looked}", output.ink(Ink::Good, "clean"));
    }
    let lines = faults
        .iter()
        .map(|fault| format!("{}  {fault}", output.ink(Ink::Bad, "fault")));
    let lines: Vec<String> = lines.collect();
    format!("{}\n{looked}", lines.join("\n"))
}
