//! Verification and backup of an open node.

use std::path::Path;
use std::sync::Arc;

use serde_json::Value as Json;

use crate::app::node::Node;
use crate::cli::order::Refusal;
use crate::cli::upkeep::backup::copy_beside;
use crate::cli::upkeep::verify::shown;
use crate::store::backup::backup;
use crate::store::disk::{Disk, RealDisk};
use crate::store::verify::{Source, verify_open};
use crate::views::FOLD;

pub(super) fn verify(node: &Node) -> Result<Json, Refusal> {
    with_source(node, |source| {
        let rows = node.services.snapshot()?;
        verify_open(source, node.services.store().journal(), Some(&rows), &mut |_| {}).map_err(internal)
    })
}

pub(super) fn copy(node: &Node, to: &Path) -> Result<Json, Refusal> {
    let report = with_source(node, |source| {
        backup(source, node.services.store().journal(), to, &mut |_| {}).map_err(internal)
    })?;
    copy_beside(node.folder.path(), to).map_err(internal)?;
    Ok(report)
}

fn with_source(
    node: &Node,
    work: impl FnOnce(Source<'_>) -> Result<crate::store::verify::Report, Refusal>,
) -> Result<Json, Refusal> {
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
