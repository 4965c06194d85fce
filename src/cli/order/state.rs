//! How a node is, in figures that `doctor` judges.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use serde_json::{Value as Json, json};

use crate::app::node::Node;
use crate::app::probes::free_bytes;
use crate::cli::order::Refusal;
use crate::search::index::Health;
use crate::services::search::follow::Gauge;

pub(super) fn state(node: &Node, gauge: Option<&Gauge>) -> Result<Json, Refusal> {
    let store = node.services.store();
    let end = store.end();
    let mode = fs::metadata(node.folder.path()).map_or(0, |facts| facts.permissions().mode() & 0o777);
    Ok(json!({
        "node_name": node.facts.node_name,
        "tenant": node.facts.tenant,
        "served": gauge.is_some(),
        "writes": !store.has_failed(),
        "log": {"segments": end.segment(), "end": end.offset()},
        "search": {
            "documents": node.index.documents(),
            "lag_seconds": gauge.map_or(0.0, |gauge| gauge.lag().as_secs_f64()),
            "sound": node.index.health() == Health::Sound,
        },
        "disk_free_bytes": free_bytes(node.folder.path()),
        "folder_mode": format!("{mode:03o}"),
    }))
}
