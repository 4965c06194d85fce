//! A copy of a node to come back from: the journal up to a group boundary, the files, the key; not the views, which a start
//! makes anew. It is made beside a live server and verified as a whole before it counts; `backup.json`, written last, says that
//! it does. A file that is damaged keeps nothing else from being copied: it is left out and told. A node that comes back from one is a new incarnation: its old logs stay as they are, and new ones begin.

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::path::Path;
use std::sync::Arc;

use crate::domain::id::Hash;
use crate::store::blobs::Blobs;
use crate::store::disk::{Disk, OpenMode};
use crate::store::error::StoreError;
use crate::store::identity::Identity;
use crate::store::journal::JournalReader;
use crate::store::verify::{Report, Source, Stage, verify_folder};

/// Written last: a folder without it is no backup.
const MANIFEST: &str = "backup.json";
const CHUNK_BYTES: usize = 1 << 20;

/// Why there is no backup, or no node from one.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// The folder that was to be written to has something in it.
    #[error("the folder is in use: {0}")]
    InUse(String),
    /// The folder is no finished backup.
    #[error("this is no finished backup: {0}")]
    NoBackup(String),
    /// What was copied is not clean; the report says why.
    #[error("the copy has {} faults, the first: {}", .0.faults.len(), .0.faults.first().map_or("", String::as_str))]
    Faulty(Box<Report>),
    /// The disk failed, or is full.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Copies a node, which may be live, into an empty or new folder. `journal` is the live store's, or one that was inspected.
/// Files that are not whole are in the report, and not in the backup.
///
/// # Errors
/// The folder is in use, the log is damaged, or the disk failed; then the folder is no backup.
pub fn backup(
    source: Source<'_>,
    journal: &JournalReader,
    to: &Path,
    progress: &mut dyn FnMut(Stage),
) -> Result<Report, BackupError> {
    let disk = source.disk;
    begin(disk, to)?;
    // First where the journal ends, then the files: what it names up to there is there by now.
    let end = journal.end();
    copy_journal(disk, journal, to)?;
    let damaged = copy_files(disk, source.dir, to)?;
    let identity = Identity::load(disk.as_ref(), source.dir)?;
    let identity = identity.ok_or_else(|| StoreError::Damaged("there is no node.key".into()))?;
    identity.save(disk.as_ref(), to)?;
    let mut report = sound(Source { dir: to, ..source }, progress)?;
    explain(&mut report, &damaged);
    let manifest = serde_json::json!({
        "format": 1,
        "end": end.to_u64(),
        "groups": report.groups,
        "files": report.files,
        "lost": report.lost.iter().map(|file| file.hash.to_string()).collect::<Vec<_>>(),
        "logs": logs_of(&report),
    });
    write_whole(
        disk.as_ref(),
        &to.join(MANIFEST),
        format!("{manifest:#}\n").as_bytes(),
    )?;
    disk.sync_dir(to).map_err(StoreError::from)?;
    Ok(report)
}

fn logs_of(report: &Report) -> serde_json::Value {
    let logs = report.logs.iter().map(|log| {
        serde_json::json!({
            "log": log.log.to_string(),
            "operations": log.operations,
            "root": log.root.to_string(),
        })
    });
    logs.collect()
}

/// Verifies a backup and writes nothing.
///
/// # Errors
/// It is no backup, it is damaged, or the disk failed.
pub fn check(backup: Source<'_>, progress: &mut dyn FnMut(Stage)) -> Result<Report, BackupError> {
    let no_backup = |why: &str| BackupError::NoBackup(why.to_owned());
    let path = backup.dir.join(MANIFEST);
    let bytes = backup.disk.len(&path).map_err(StoreError::from)?;
    let bytes = bytes.ok_or_else(|| no_backup("it has no backup.json"))?;
    let mut text = vec![0; usize::try_from(bytes.min(1 << 20)).unwrap_or(0)];
    let file = backup
        .disk
        .open(&path, OpenMode::Read)
        .map_err(StoreError::from)?;
    file.read_at(0, &mut text).map_err(StoreError::from)?;
    let manifest: serde_json::Value =
        serde_json::from_slice(&text).map_err(|_| no_backup("its backup.json can't be read"))?;
    match manifest["format"].as_u64() {
        Some(1) => {}
        Some(_) => {
            return Err(no_backup(
                "it was made by a newer blotter: take the newer program",
            ));
        }
        None => return Err(no_backup("its backup.json says no format")),
    }
    let report = sound(backup, progress)?;
    // A journal that was cut at a group boundary is whole in itself.
    if manifest["groups"] != report.groups || manifest["files"] != report.files {
        return Err(no_backup("it holds less than its backup.json says"));
    }
    if manifest["logs"] != logs_of(&report) {
        return Err(no_backup("its logs are not those of its backup.json"));
    }
    Ok(report)
}

/// Makes a node in an empty or new folder from a backup, in a new incarnation.
///
/// # Errors
/// As [`check`]; or the folder is in use. Then there is no node.
pub fn restore(
    backup: Source<'_>,
    to: &Path,
    progress: &mut dyn FnMut(Stage),
) -> Result<(Identity, Report), BackupError> {
    let disk = backup.disk;
    refuse_used(disk.as_ref(), to)?;
    check(backup, progress)?;
    begin(disk, to)?;
    let journal = JournalReader::inspect(Arc::clone(disk), &backup.dir.join("journal"));
    copy_journal(disk, &journal.map_err(StoreError::from)?, to)?;
    let damaged = copy_files(disk, backup.dir, to)?;
    let identity = Identity::load(disk.as_ref(), backup.dir)?;
    let identity = identity.ok_or_else(|| BackupError::NoBackup("it has no node.key".into()))?;
    // The key makes it a node, so it comes last; and it goes again if the copy is not clean.
    let reborn = identity.reborn()?;
    reborn.save(disk.as_ref(), to)?;
    let mut report = sound(Source { dir: to, ..backup }, progress).inspect_err(|_| {
        drop(disk.remove(&to.join("node.key")));
    })?;
    explain(&mut report, &damaged);
    Ok((reborn, report))
}

/// Refuses a folder with something in it.
///
/// # Errors
/// `InUse`, or nobody lets us look.
pub fn refuse_used(disk: &dyn Disk, to: &Path) -> Result<(), BackupError> {
    match disk.list(to) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        Err(error) => Err(StoreError::from(error).into()),
        Ok(names) => match names.first() {
            Some(name) => Err(BackupError::InUse(format!("it has {name} in it"))),
            None => Ok(()),
        },
    }
}

/// A folder with nothing in it but empty ones.
fn begin(disk: &Arc<dyn Disk>, to: &Path) -> Result<(), BackupError> {
    refuse_used(disk.as_ref(), to)?;
    for folder in ["journal", "files"] {
        disk.create_dir_all(&to.join(folder)).map_err(StoreError::from)?;
    }
    Ok(())
}

/// Logs must be without fault; files may be lost.
fn sound(source: Source<'_>, progress: &mut dyn FnMut(Stage)) -> Result<Report, BackupError> {
    let report = verify_folder(source, false, progress)?;
    match report.faults.is_empty() {
        true => Ok(report),
        false => Err(BackupError::Faulty(Box::new(report))),
    }
}

/// What is not in the copy was damaged where it came from.
fn explain(report: &mut Report, damaged: &BTreeMap<Hash, String>) {
    for file in &mut report.lost {
        if let Some(why) = damaged.get(&file.hash) {
            file.why.clone_from(why);
        }
    }
}

fn copy_journal(disk: &Arc<dyn Disk>, journal: &JournalReader, to: &Path) -> Result<(), StoreError> {
    let folder = to.join("journal");
    for (path, bytes) in journal.files()? {
        let name = path
            .file_name()
            .ok_or_else(|| StoreError::Io("a segment without a name".into()))?;
        let (from, copy) = (
            disk.open(&path, OpenMode::Read)?,
            disk.open(&folder.join(name), OpenMode::CreateNew)?,
        );
        let mut buffer = vec![0; CHUNK_BYTES];
        let mut at = 0;
        while at < bytes {
            let chunk = &mut buffer[..(bytes - at).min(CHUNK_BYTES as u64) as usize];
            from.read_at(at, chunk)?;
            copy.write_at(at, chunk)?;
            at += chunk.len() as u64;
        }
        copy.sync_data()?;
    }
    Ok(disk.sync_dir(&folder)?)
}

/// Every file goes through an upload of its own, so it lies under the hash of what was read. Gives those that can't be read, or
/// are not what they were, with what is wrong.
fn copy_files(disk: &Arc<dyn Disk>, dir: &Path, to: &Path) -> Result<BTreeMap<Hash, String>, StoreError> {
    let mut damaged = BTreeMap::new();
    let from = Blobs::reading(Arc::clone(disk), &dir.join("files"));
    if disk.list(dir)?.iter().all(|name| name != "files") {
        return Ok(damaged);
    }
    let copies = Blobs::open(Arc::clone(disk), &to.join("files"))?;
    for hash in from.all()? {
        // Removed since it was listed: then nothing names it any more.
        let Some(file) = from.open_file(hash)? else {
            continue;
        };
        let mut copy = copies.begin(file.bytes())?;
        let mut unwritten = None;
        let read = file.each_chunk(&mut |chunk| {
            let written = copy.write(chunk);
            written.inspect_err(|error| unwritten = Some(error.clone()))
        });
        match (unwritten, read) {
            (Some(error), _) => return Err(error),
            (None, Err(error)) => drop(damaged.insert(hash, format!("can't be read: {error}"))),
            (None, Ok(())) if copy.finish_as(hash)?.is_some() => {}
            (None, Ok(())) => drop(damaged.insert(hash, "has other bytes".to_owned())),
        }
    }
    Ok(damaged)
}

fn write_whole(disk: &dyn Disk, path: &Path, bytes: &[u8]) -> Result<(), StoreError> {
    let file = disk.open(path, OpenMode::CreateNew)?;
    file.write_at(0, bytes)?;
    Ok(file.sync_data()?)
}
