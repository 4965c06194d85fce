//! `verify BUNDLE`: whether a case that came as a bundle is what its agency signed. It needs no data folder.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;

use serde_json::{Value as Json, json};

use crate::cli::output::{Ink, Output, counted};
use crate::cli::upkeep::verify::{fault_lines, verdict_of};
use crate::cli::{CliError, Done};
use crate::services::export::check::{Checked, check_bundle};
use crate::store::note::key::VerifierKey;
use crate::store::verify::LostFile;

/// How every zip begins that has something in it.
const ZIP: &[u8] = b"PK";

pub(in crate::cli) fn verify(bundle: &Path, keys: Option<&Path>, output: Output) -> Done {
    let known = keys.map(read_keys).transpose()?.unwrap_or_default();
    let unread =
        |error: std::io::Error| CliError::Failed(format!("can't read {}: {error}", bundle.display()));
    let mut file = BufReader::new(File::open(bundle).map_err(unread)?);
    if !file.fill_buf().map_err(unread)?.starts_with(ZIP) {
        let fault = format!(
            "{} is no bundle: name a file that `blotter export case` wrote",
            bundle.display()
        );
        let shown = json!({"clean": false, "member": null, "faults": [fault]});
        output.show(&shown, |shown| fault_lines(output, shown));
        return Err(CliError::Faults);
    }
    match check_bundle(file, &known) {
        Ok(good) => {
            let shown = json!({
                "clean": good.lost.is_empty(), "name": good.name, "exported_at": good.exported_at.to_string(),
                "exported_by": good.exported_by, "records": good.records, "operations": good.operations,
                "files": good.files, "keys": good.keys, "keys_are_known": good.keys_are_known,
                "files_lost": good.lost.len(), "faults": good.lost.iter().map(LostFile::to_string).collect::<Vec<_>>(),
            });
            output.show(&shown, |shown| told(output, shown, &good));
            verdict_of(&shown)
        }
        Err(fault) => {
            let shown = json!({"clean": false, "member": fault.member, "faults": [fault.to_string()]});
            output.show(&shown, |_| format!("{}  {fault}", output.ink(Ink::Bad, "fault")));
            Err(CliError::Faults)
        }
    }
}

fn told(output: Output, shown: &Json, good: &Checked) -> String {
    let trust = if good.keys_are_known {
        "The keys are those that were given."
    } else {
        "The keys are those in the bundle: ask the agency whether they are its own, or add --keys FILE."
    };
    let head = match good.lost.len() {
        0 => format!("{}  ", output.ink(Ink::Good, "clean")),
        _ => format!(
            "{}\nAll else is what the agency signed, and that these files were not whole there.\n",
            fault_lines(output, shown)
        ),
    };
    format!(
        "{head}case {}, exported on {} by {}\n{}, {}, {}\n{trust}",
        good.name,
        good.exported_at,
        good.exported_by,
        counted(shown, "records"),
        counted(shown, "operations"),
        counted(shown, "files")
    )
}

/// Verifier keys, one a line.
fn read_keys(path: &Path) -> Result<Vec<VerifierKey>, CliError> {
    let bad =
        |error: &dyn std::fmt::Display| CliError::Failed(format!("can't read {}: {error}", path.display()));
    let text = std::fs::read_to_string(path).map_err(|error| bad(&error))?;
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    let keys: Result<Vec<VerifierKey>, _> = lines.map(str::parse).collect();
    let keys = keys.map_err(|error| bad(&error))?;
    if keys.is_empty() {
        return Err(bad(&"there is no key in it"));
    }
    Ok(keys)
}
