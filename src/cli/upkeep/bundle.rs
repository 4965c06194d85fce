//! `verify BUNDLE`: whether a case that came as a bundle is what its agency signed. It needs no data folder.

use std::fs::File;
use std::io::BufReader;
use std::path::Path;

use serde_json::json;

use crate::cli::output::{Ink, Output};
use crate::cli::{CliError, Done};
use crate::services::export::check::check_bundle;
use crate::store::note::key::VerifierKey;

pub(in crate::cli) fn verify(bundle: &Path, keys: Option<&Path>, output: Output) -> Done {
    let known = keys.map(read_keys).transpose()?.unwrap_or_default();
    let file = File::open(bundle)
        .map_err(|error| CliError::Failed(format!("can't read {}: {error}", bundle.display())))?;
    match check_bundle(BufReader::new(file), &known) {
        Ok(good) => {
            let shown = json!({
                "clean": true, "name": good.name, "exported_at": good.exported_at.to_string(),
                "exported_by": good.exported_by, "records": good.records, "operations": good.operations,
                "files": good.files, "keys": good.keys, "keys_are_known": good.keys_are_known, "faults": [],
            });
            output.show(&shown, |_| {
                let trust = if good.keys_are_known {
                    "The keys are those that were given."
                } else {
                    "The keys are those in the bundle: ask the agency whether they are its own, or add --keys FILE."
                };
                format!(
                    "{}  case {}, exported on {} by {}\n{} records, {} operations, {} files\n{trust}",
                    output.ink(Ink::Good, "clean"),
                    good.name,
                    good.exported_at,
                    good.exported_by,
                    good.records,
                    good.operations,
                    good.files
                )
            });
            Ok(())
        }
        Err(fault) => {
            let shown = json!({"clean": false, "member": fault.member, "faults": [fault.to_string()]});
            output.show(&shown, |_| format!("{}  {fault}", output.ink(Ink::Bad, "fault")));
            Err(CliError::Faults)
        }
    }
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
