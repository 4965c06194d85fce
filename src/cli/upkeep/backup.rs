//! `backup` and `restore`: a verified copy to come back from, made beside a live server. A node that comes back begins new logs.

use std::fmt::Display;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Args;
use serde_json::{Value as Json, json};
use tempfile::TempDir;

use crate::app::folder::Folder;
use crate::cli::order::Order;
use crate::cli::output::{Output, Steps, counted, many};
use crate::cli::reach::Reach;
use crate::cli::upkeep::packed::{beside, unpack};
use crate::cli::upkeep::verify::{self, shown, step_of, verdict_of, with_faults};
use crate::cli::{CliError, Done, Place};
use crate::server::certs::CertError;
use crate::server::certs::authority::Authority;
use crate::store::backup::{BackupError, check, restore};
use crate::store::disk::{Disk, RealDisk};
use crate::store::error::StoreError;
use crate::store::identity::Stream;
use crate::store::verify::{Report, Source, Stage};
use crate::views::FOLD;

/// What lies in a data folder beside what the store keeps: the node's facts, its authority, and the certificate, which a server
/// makes anew.
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
        let folder = place.folder();
        folder.refuse_lost().map_err(CliError::failed)?;
        let data = fs::canonicalize(folder.path());
        let data = data.map_err(|error| CliError::Failed(format!("{}: {error}", folder.path().display())))?;
        let above = to.ancestors().find_map(|above| fs::canonicalize(above).ok());
        if above.is_some_and(|above| above.starts_with(&data)) {
            let what = format!(
                "{} lies in the data folder, and would be lost with it",
                to.display()
            );
            return Err(CliError::Usage(what));
        }
        let made = Reach::open(place)?.perform_long(Order::Backup(to), output)?;
        output.show(&made, |made| {
            let done = format!(
                "{} and {} are copied to {} and verified.",
                counted(made, "operations"),
                many(whole_files(made), "files"),
                self.to.display()
            );
            with_faults(output, made, done)
        });
        verdict_of(&made)
    }
}

impl Restore {
    pub(in crate::cli) fn run(self, place: &Place, output: Output) -> Done {
        if let Err(error) = fs::metadata(&self.from) {
            let from = self.from.display();
            return Err(CliError::Failed(match error.kind() {
                io::ErrorKind::NotFound => format!("there is no {from}: name a backup, a folder or a file"),
                _ => format!("can't read {from}: {error}"),
            }));
        }
        if self.check {
            return self.verdict(output);
        }
        let folder = place.folder();
        let room = || beside(folder.path());
        let restored = self.opened(room, output, |source, tell| {
            let from = source.dir;
            let (identity, mut report) = restore(source, folder.path(), tell)?;
            report.faults.extend(lacking(from));
            Ok((identity, report, copy_beside(from, folder.path())))
        });
        let (identity, report, copied) = restored.map_err(|error| match error {
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
            error => self.failed(&error),
        })?;
        copied?;
        let mut shown = shown(&report);
        shown["log"] = json!(identity.log(Stream::Records).to_string());
        output.show(&shown, |shown| with_faults(output, shown, told(&folder, shown)));
        verdict_of(&shown)
    }

    /// Whether the backup is whole; what it lacks is a fault, whichever of its bytes says so.
    fn verdict(&self, output: Output) -> Done {
        let checked = self.opened(tempfile::tempdir, output, |source, tell| {
            let mut report = check(source, tell)?;
            report.faults.extend(lacking(source.dir));
            Ok(report)
        });
        let report = match checked {
            Ok(report) => report,
            Err(BackupError::Faulty(report)) => *report,
            Err(error @ (BackupError::NoBackup(_) | BackupError::Store(StoreError::Damaged(_)))) => Report {
                faults: vec![error.to_string()],
                ..Report::default()
            },
            Err(error) => return Err(self.failed(&error)),
        };
        output.show(&shown(&report), |shown| match report.is_clean() {
            true => format!(
                "The backup is whole: {}, {}.",
                counted(shown, "operations"),
                counted(shown, "files")
            ),
            false => verify::told(output, shown),
        });
        match report.is_clean() {
            true => Ok(()),
            false => Err(CliError::Faults),
        }
    }

    /// Opens the backup and does something with it, step by step. One that is a file is unpacked into such a folder meanwhile.
    fn opened<T>(
        &self,
        room: impl FnOnce() -> io::Result<TempDir>,
        output: Output,
        act: impl FnOnce(Source<'_>, &mut dyn FnMut(Stage)) -> Result<T, BackupError>,
    ) -> Result<T, BackupError> {
        let mut unpacked = None;
        if fs::metadata(&self.from).map_err(StoreError::from)?.is_file() {
            let folder = room().map_err(StoreError::from)?;
            unpack(&self.from, folder.path()).map_err(|error| match error.raw_os_error() {
                // What the disk refuses has a number; the rest is what the file says.
                None => BackupError::NoBackup(error.to_string()),
                Some(_) => StoreError::from(error).into(),
            })?;
            unpacked = Some(folder);
        }
        let scratch = tempfile::tempdir().map_err(StoreError::from)?;
        let disk: Arc<dyn Disk> = Arc::new(RealDisk);
        let source = Source {
            disk: &disk,
            dir: unpacked.as_ref().map_or(self.from.as_path(), TempDir::path),
            fold: FOLD,
            scratch: scratch.path(),
        };
        let mut progress = Steps::new(output);
        let done = act(source, &mut |stage| progress.at(&step_of(stage)));
        progress.end();
        done
    }

    fn failed(&self, error: &BackupError) -> CliError {
        CliError::Failed(format!("{}: {error}", self.from.display()))
    }
}

fn told(folder: &Folder, shown: &Json) -> String {
    let path = folder.path().display();
    format!(
        "{} and {} are back in {path}. The node begins new logs.\n\nNext: blotter serve --data {path}",
        counted(shown, "operations"),
        many(whole_files(shown), "files")
    )
}

fn whole_files(shown: &Json) -> u64 {
    let count = |member: &str| shown[member].as_u64().unwrap_or(0);
    count("files").saturating_sub(count("files_lost"))
}

/// What a backup must have beside what the store keeps for a server to start from it, and what to do where it is missing or
/// damaged.
fn lacking(backup: &Path) -> Vec<String> {
    const FACTS_ADVICE: &str =
        "`blotter init` in the restored folder, with the words that made the node, writes it again";
    const CERTS_ADVICE: &str = "take certs/ from another backup; or remove it in the restored folder, and `blotter init` there, \
                                with the words that made the node, makes a new authority, whose certificate all clients must \
                                be given to trust";
    let folder = Folder::new(backup);
    // Where it was unpacked is nobody's concern.
    let own = |error: &dyn Display| error.to_string().replace(&format!("{}/", backup.display()), "");
    let mut told = Vec::new();
    match folder.facts() {
        Ok(Some(_)) => {}
        Ok(None) => told.push(format!("node.toml is not in the backup: {FACTS_ADVICE}")),
        Err(error) => told.push(format!("{}: {FACTS_ADVICE}", own(&error))),
    }
    match Authority::open(&folder.certs()) {
        Ok(_) => {}
        Err(CertError::NoAuthority(path)) => {
            let path = own(&path.display());
            told.push(format!("{path} is not in the backup: {CERTS_ADVICE}"));
        }
        Err(error) => told.push(format!("{}: {CERTS_ADVICE}", own(&error))),
    }
    told
}

/// Copies what lies beside the store; what is not there is not needed.
pub(in crate::cli) fn copy_beside(from: &Path, to: &Path) -> Done {
    let folder = Folder::new(to);
    folder.make().map_err(CliError::failed)?;
    for name in BESIDE {
        match fs::copy(from.join(name), to.join(name)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => {
                let (from, to) = (from.join(name), to.join(name));
                let what = format!("can't copy {} to {}: {error}", from.display(), to.display());
                return Err(CliError::Failed(what));
            }
            // The permissions travel with the bytes.
            Ok(_) => {}
        }
    }
    Ok(())
}
