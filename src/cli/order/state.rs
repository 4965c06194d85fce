//! How a node is, in figures that `doctor` judges, and what it knows of itself.

use serde_json::{Value as Json, json};

use crate::app::node::Node;
use crate::app::probes::free_bytes;
use crate::cli::order::Refusal;
use crate::search::index::Health;
use crate::services::caller::Caller;
use crate::services::search::follow::{Gauge, obstacle};
use crate::store::verify::LostFile;

/// Files that are named one by one.
const LOST_MAX: usize = 10;

/// Makes sure that the node has a record of itself.
pub(super) fn know(node: &Node, caller: &Caller) -> Result<Json, Refusal> {
    let made = node.services.know_node(caller, &node.facts.node_name)?;
    Ok(json!({"made": made}))
}

pub(super) fn is_known(node: &Node, caller: &Caller) -> Result<Json, Refusal> {
    let rows = node.services.snapshot()?;
    let own = node.services.own_node(&rows, caller)?;
    Ok(json!({"known": own.is_some()}))
}

pub(super) fn state(node: &Node, gauge: Option<&Gauge>) -> Result<Json, Refusal> {
    let store = node.services.store();
    let end = store.end();
    let behind = gauge.map_or_else(
        || node.index.position() < end.to_u64(),
        |gauge| !gauge.lag().is_zero(),
    );
    let failing = match gauge {
        Some(gauge) => gauge.failing(),
        None => obstacle(store, &node.index),
    };
    let (files, lost) = node.services.missing_files()?;
    let lost: Vec<String> = lost.iter().map(LostFile::to_string).collect();
    Ok(json!({
        "node_name": node.facts.node_name,
        "tenant": node.facts.tenant,
        "served": gauge.is_some(),
        "writes": !store.has_failed(),
        "log": {
            "segments": end.segment(), "end": end.offset(), "step_seconds": store.busy_for().as_secs_f64(),
        },
        "search": {
            "documents": node.index.documents(),
            "lag_seconds": gauge.map_or(0.0, |gauge| gauge.lag().as_secs_f64()),
            "behind": behind,
            "failing": failing,
            "sound": node.index.health() == Health::Sound,
        },
        "files": {"named": files, "lost": lost.len(), "faults": lost.get(..LOST_MAX).unwrap_or(&lost)},
        "disk_free_bytes": free_bytes(node.folder.path()),
    }))
}
