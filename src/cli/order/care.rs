//! Verification, backup and rebuild of an open node.

use std::fs;
use std::path::Path;
use std::sync::{Arc, TryLockError};
use std::time::Duration;

use serde_json::{Value as Json, json};

use crate::app::node::Node;
use crate::cli::order::{Backend, Refusal, Step, Tell};
use crate::cli::upkeep::backup::copy_beside;
use crate::cli::upkeep::packed::{beside, is_packed, pack};
use crate::cli::upkeep::verify::{shown, step_of};
use crate::domain::value::Value;
use crate::services::audit::Event;
use crate::services::caller::Caller;
use crate::services::search::follow::{catch_up, rebuild_index, wait_until_sound};
use crate::store::backup::{BackupError, backup, refuse_used};
use crate::store::disk::{Disk, RealDisk};
use crate::store::error::StoreError;
use crate::store::journal::Position;
use crate::store::verify::{Report, Source, verify_open};
use crate::views::FOLD;

/// A follower that takes longer to open a new index has a fault, which it logs.
const OPENING_MAX: Duration = Duration::from_secs(60);

pub(super) fn verify(node: &Node, tell: Tell<'_>) -> Result<Json, Refusal> {
    with_source(node, |source| {
        let rows = node.services.snapshot()?;
        let journal = node.services.store().journal();
        verify_open(source, journal, Some(&rows), &mut |stage| tell(step_of(stage))).map_err(internal)
    })
}

/// To a folder, or to a file by way of a folder beside it. All agencies and the node's key leave the house: that is in the audit
/// log, and in the copy, before anything is copied. What can't even begin leaves the entry of a refusal alone; a copy that fails
/// further on has a second one, for something of it may have been read by then.
pub(super) fn copy(node: &Node, caller: &Caller, to: &Path, tell: Tell<'_>) -> Result<Json, Refusal> {
    let note = |event: Event| {
        let event = event.with("to", Value::text(to.to_string_lossy()));
        node.services.note(caller, event)
    };
    let copied = match refuse_target(to) {
        Err(refusal) => Err(refusal),
        Ok(()) => {
            note(Event::done("backup", None))?;
            match is_packed(to) {
                true => copy_packed(node, to, tell),
                false => copy_to(node, to, tell),
            }
        }
    };
    if copied.is_err() {
        note(Event::refused("backup", "failed", None))?;
    }
    copied
}

/// Whether a copy can be made there: there is nothing yet, and something can be made.
fn refuse_target(to: &Path) -> Result<(), Refusal> {
    if is_packed(to) {
        if to.symlink_metadata().is_ok() {
            let what = format!("{} is there already. Name a new file", to.display());
            return Err(Refusal::new("conflict", what));
        }
        return beside(to).map(drop).map_err(internal);
    }
    refuse_used(&RealDisk, to).map_err(|error| refused(to, error))?;
    if to.symlink_metadata().is_err() {
        RealDisk.create_dir_all(to).map_err(internal)?;
        // What was made shows that it can be made; the copy makes it again.
        _ = fs::remove_dir(to);
    }
    Ok(())
}

fn refused(to: &Path, error: BackupError) -> Refusal {
    match error {
        BackupError::InUse(_) => Refusal::new(
            "conflict",
            format!("{}: {error}. Name a new folder", to.display()),
        ),
        error => internal(error),
    }
}

fn copy_packed(node: &Node, to: &Path, tell: Tell<'_>) -> Result<Json, Refusal> {
    let scratch = beside(to).map_err(internal)?;
    let folder = scratch.path().join("backup");
    let report = copy_to(node, &folder, tell)?;
    pack(&folder, to, tell).map_err(internal)?;
    Ok(report)
}

/// A copy that fails leaves nothing behind, so that the next try finds room and no half of one.
fn copy_to(node: &Node, to: &Path, tell: Tell<'_>) -> Result<Json, Refusal> {
    let was_there = to.symlink_metadata().is_ok();
    let was_empty = fs::read_dir(to).is_ok_and(|mut entries| entries.next().is_none());
    let copied = copy_into(node, to, tell);
    if copied.is_err() && (was_empty || !was_there) {
        clear(to, was_there);
    }
    copied
}

/// Removes what was begun; what can't be removed is in the way of the next try, which says so.
fn clear(to: &Path, keeps_folder: bool) {
    let entries = fs::read_dir(to).into_iter().flatten().filter_map(Result::ok);
    for path in entries.map(|entry| entry.path()) {
        _ = match path.is_dir() {
            true => fs::remove_dir_all(&path),
            false => fs::remove_file(&path),
        };
    }
    if !keeps_folder {
        _ = fs::remove_dir(to);
    }
}

fn copy_into(node: &Node, to: &Path, tell: Tell<'_>) -> Result<Json, Refusal> {
    let report = with_source(node, |source| {
        let journal = node.services.store().journal();
        let copied = backup(source, journal, to, &mut |stage| tell(step_of(stage)));
        copied.map_err(|error| refused(to, error))
    })?;
    copy_beside(node.folder.path(), to).map_err(internal)?;
    Ok(report)
}

/// Makes views and index anew beside those in use, which are read until the new ones take their place.
pub(super) fn rebuild(
    backend: &Backend,
    (views, index): (bool, bool),
    tell: Tell<'_>,
) -> Result<Json, Refusal> {
    let node = &backend.node;
    let _turn = match node.rebuilding.try_lock() {
        // A rebuild that panicked left nothing that the next one does not begin anew.
        Ok(turn) => turn,
        Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
        Err(TryLockError::WouldBlock) => {
            let what = "a rebuild is running already; wait until it has ended";
            return Err(Refusal::new("conflict", what));
        }
    };
    let store = node.services.store();
    let mut operations = None;
    if views {
        let told = &mut |done, total| tell(Step::new("folding the log", (done, total), (done, "operations")));
        operations = Some(store.rebuild_views(told).map_err(|error| match error {
            StoreError::Full => Refusal::new("full", NO_ROOM),
            error => internal(error),
        })?);
    }
    if index {
        let end = about(store.end());
        let told = &mut |at| {
            tell(Step::new(
                "indexing",
                (about(at), end),
                (about(at) >> 20, "MB of log"),
            ))
        };
        rebuild_index(store, &node.index, told).map_err(internal)?;
        match &backend.gauge {
            None => catch_up(store, &node.index).map_err(internal)?,
            Some(_) if wait_until_sound(&node.index, OPENING_MAX) => {}
            Some(_) => return Err(internal("the new index does not open: see the server's log")),
        }
    }
    Ok(json!({"operations": operations, "documents": node.index.documents()}))
}

const NO_ROOM: &str = "the disk has no room for new views beside those in use. Make room; or stop the server and remove \
                       views.redb in the data folder: the next start folds it anew";

/// About how many bytes of the journal lie before this place.
pub(in crate::cli) fn about(position: Position) -> u64 {
    const SEGMENT_BYTES: u64 = 64 << 20;
    u64::from(position.segment().saturating_sub(1)) * SEGMENT_BYTES + u64::from(position.offset())
}

fn with_source(
    node: &Node,
    work: impl FnOnce(Source<'_>) -> Result<Report, Refusal>,
) -> Result<Json, Refusal> {
    // What is erased meanwhile would be missing in one half of what is compared or copied.
    let _whole = node.services.store().hold_erasing();
    let scratch = tempfile::tempdir().map_err(internal)?;
    let disk: Arc<dyn Disk> = Arc::new(RealDisk);
    let source = Source {
        disk: &disk,
        dir: node.folder.path(),
        fold: FOLD,
        scratch: scratch.path(),
    };
    work(source).map(|report| shown(&report))
}

fn internal(error: impl std::fmt::Display) -> Refusal {
    Refusal::new("internal", error.to_string())
}
