//! `backup` and `restore`: a verified copy to come back from, made beside a live server. A node that comes back begins new logs.

use std::fmt::Display;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Args;
use serde_json::{Value as Json, json};
use tempfile::TempDir;

use crate::app::folder::Folder;
use crate::cli::order::Order;
use crate::cli::output::{Output, Steps};
use crate::cli::reach::Reach;
use crate::cli::upkeep::packed::{beside, unpack};
use crate::cli::upkeep::verify::{self, shown, step_of};
use crate::cli::{CliError, Done, Place};
use crate::store::backup::{BackupError, check, restore};
use crate::store::disk::{Disk, RealDisk};
use crate::store::error::StoreError;
use crate::store::identity::Stream;
use crate::store::verify::{Report, Source};
use crate::views::FOLD;

/// What lies in a data folder beside what the store keeps: the node's facts, its authority and certificate.
const BESIDE: [&str; 4] = [
    "node.toml",
    "certs/ca.pem",
    "certs/ca-key.pem",
    "certs/server.pem",
];

/// Copy the node to a new folder or file; it may run meanwhile.
#[derive(Args, Debug)]
pub(in crate::cli) struct Backup {
    /// The folder to make, or the file if it ends with `.zip`; on another disk best
    #[arg(long, value_name = "DIR|FILE")]
    to: PathBuf,
}

/// Make a node from a backup.
#[derive(Args, Debug)]
pub(in crate::cli) struct Restore {
    /// The backup, a folder or a file
    from: PathBuf,
    /// Verify the backup and write nothing
    #[arg(long)]
    check: bool,
}

impl Backup {
    pub(in crate::cli) fn run(self, place: &Place, output: Output) -> Done {
        let to = std::path::absolute(&self.to).map_err(CliError::failed)?;
        let made = Reach::open(place)?.perform_long(Order::Backup(to), output)?;
        output.show(&made, |made| {
            format!(
                "{} operations and {} files are copied to {} and verified.",
                made["operations"],
                made["files"],
                self.to.display()
            )
        });
        Ok(())
    }
}

impl Restore {
    pub(in crate::cli) fn run(self, place: &Place, output: Output) -> Done {
        if self.check {
            return self.verdict(output);
        }
        let scratch = tempfile::tempdir().map_err(CliError::failed)?;
        let unpacked = self.unpacked(place.folder().path())?;
        let from = unpacked.as_ref().map_or(self.from.as_path(), TempDir::path);
        let disk: Arc<dyn Disk> = Arc::new(RealDisk);
        let source = Source {
            disk: &disk,
            dir: from,
            fold: FOLD,
            scratch: scratch.path(),
        };
        let mut progress = Steps::new(output);
        let folder = place.folder();
        let restored = restore(source, folder.path(), &mut |stage| progress.at(&step_of(stage)));
        progress.end();
        let (identity, report) = restored.map_err(|error| match error {
            BackupError::InUse(_) => {
                let path = folder.path().display();
                CliError::Failed(format!(
                    "{path}: {error}. Name an empty folder, or a new one, with --data"
                ))
            }
            BackupError::Faulty(report) => {
                output.show(&shown(&report), |shown| verify::told(output, shown));
                CliError::Faults
            }
            error => CliError::Failed(format!("{}: {error}", self.from.display())),
        })?;
        folder.make().map_err(CliError::failed)?;
        copy_beside(from, folder.path())?;
        let mut shown = shown(&report);
        shown["log"] = json!(identity.log(Stream::Records).to_string());
        output.show(&shown, |shown| told(&folder, shown));
        Ok(())
    }

    /// Whether the backup is whole; what it lacks is a fault, whichever of its bytes says so.
    fn verdict(&self, output: Output) -> Done {
        let report = self.examined(output)?;
        output.show(&shown(&report), |shown| match report.is_clean() {
            true => format!(
                "The backup is whole: {} operations, {} files.",
                shown["operations"], shown["files"]
            ),
            false => verify::told(output, shown),
        });
        match report.is_clean() {
            true => Ok(()),
            false => Err(CliError::Faults),
        }
    }

    fn examined(&self, output: Output) -> Result<Report, CliError> {
        let failed = |error: &dyn Display| CliError::Failed(format!("{}: {error}", self.from.display()));
        let scratch = tempfile::tempdir().map_err(CliError::failed)?;
        let unpacked = scratch.path().join("backup");
        let from = match fs::metadata(&self.from)
            .map_err(|error| failed(&error))?
            .is_file()
        {
            false => self.from.as_path(),
            true => {
                fs::create_dir(&unpacked).map_err(CliError::failed)?;
                match unpack(&self.from, &unpacked) {
                    // What the disk refuses has a number; the rest is what the file says.
                    Err(error) if error.raw_os_error().is_none() => return Ok(fault(&error)),
                    unpacked => unpacked.map_err(|error| failed(&error))?,
                }
                &unpacked
            }
        };
        let disk: Arc<dyn Disk> = Arc::new(RealDisk);
        let source = Source {
            disk: &disk,
            dir: from,
            fold: FOLD,
            scratch: scratch.path(),
        };
        let mut progress = Steps::new(output);
        let checked = check(source, &mut |stage| progress.at(&step_of(stage)));
        progress.end();
        match checked {
            Ok(report) => Ok(report),
            Err(BackupError::Faulty(report)) => Ok(*report),
            Err(error @ (BackupError::NoBackup(_) | BackupError::Store(StoreError::Damaged(_)))) => {
                Ok(fault(&error))
            }
            Err(error) => Err(failed(&error)),
        }
    }

    /// The folder that was packed into a file, beside what is made of it; it goes away.
    fn unpacked(&self, to: &Path) -> Result<Option<TempDir>, CliError> {
        if !self.from.is_file() {
            return Ok(None);
        }
        let folder = beside(to).map_err(CliError::failed)?;
        unpack(&self.from, folder.path())
            .map_err(|error| CliError::Failed(format!("{}: {error}", self.from.display())))?;
        Ok(Some(folder))
    }
}

/// A backup of which nothing but this can be said.
fn fault(what: &dyn Display) -> Report {
    Report {
        faults: vec![what.to_string()],
        ..Report::default()
    }
}

fn told(folder: &Folder, shown: &Json) -> String {
    let path = folder.path().display();
    format!(
        "{} operations and {} files are back in {path}. The node begins new logs.\n\nNext: blotter serve --data {path}",
        shown["operations"], shown["files"]
    )
}

/// Copies what lies beside the store; what is not there is not needed.
pub(in crate::cli) fn copy_beside(from: &Path, to: &Path) -> Done {
    let folder = Folder::new(to);
    folder.make().map_err(CliError::failed)?;
    for name in BESIDE {
        match fs::copy(from.join(name), to.join(name)) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => return Err(CliError::Failed(format!("can't copy {name}: {error}"))),
            // The permissions travel with the bytes.
            Ok(_) => {}
        }
    }
    Ok(())
}
