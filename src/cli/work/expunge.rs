//! `expunge`: destroys a record for good, by a court's order. The receipt stays, and says what was destroyed and when.

use clap::Args;
use serde_json::Value as Json;

use crate::cli::order::Order;
use crate::cli::output::Output;
use crate::cli::reach::Reach;
use crate::cli::{Done, Place, text};

/// Destroy a record for good, by a court's order.
#[derive(Args, Debug)]
pub(in crate::cli) struct Expunge {
    /// case, entity, evidence, timeline-entry, note, report or watchlist
    kind: String,
    /// Its id or number
    record: String,
    /// Number of the court's order
    #[arg(long, value_name = "NUMBER")]
    order: String,
    /// What the order says, without a word of the record
    #[arg(long, value_name = "TEXT")]
    reason: String,
}

impl Expunge {
    pub(in crate::cli) fn run(self, place: &Place, output: Output) -> Done {
        let receipt = Reach::open(place)?.perform(Order::Expunge {
            kind: self.kind,
            record: self.record,
            order: self.order,
            reason: self.reason,
        })?;
        output.show(&receipt, told);
        Ok(())
    }
}

fn told(receipt: &Json) -> String {
    let count = |member: &str| receipt[member].as_array().map_or(0, Vec::len);
    let operations: usize = receipt["operations"].as_array().map_or(0, |places| {
        let seqs = places.iter().filter_map(|place| place["seqs"].as_array());
        seqs.map(Vec::len).sum()
    });
    let state = if receipt["completed_at"].is_null() {
        "It is expunged; the next start destroys what is left of it."
    } else {
        "Nothing of it is left in this folder."
    };
    let mut lines = vec![format!(
        "{state}\n\n  receipt     {}\n  records     {}\n  operations  {operations}\n  files       {} destroyed, {} kept for other records",
        text(receipt, "display_id"),
        count("records"),
        receipt["files"],
        receipt["files_kept"],
    )];
    for linked in receipt["linked"].as_array().into_iter().flatten() {
        let number = linked["number"].as_str().unwrap_or_else(|| text(linked, "id"));
        lines.push(format!("  stays       {} {number}", text(linked, "kind")));
    }
    lines.push("\nBackups made before still hold it: make a new one and destroy those.".to_owned());
    lines.join("\n")
}
