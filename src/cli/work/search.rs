//! `search`: the same answers as the API.

use clap::Args;
use serde_json::Value as Json;

use crate::cli::order::Order;
use crate::cli::output::{Ink, Output};
use crate::cli::reach::Reach;
use crate::cli::{Done, Place, text};

/// Find records: words, "phrases", names, plates, phones, kind:person, status:open, updated:>2026-01-01.
#[derive(Args, Debug)]
pub(in crate::cli) struct Search {
    /// What to look for
    #[arg(required = true)]
    query: Vec<String>,
    /// Only this kind; may be repeated
    #[arg(long = "kind", value_name = "KIND")]
    kinds: Vec<String>,
    /// Only this case, by its id or number
    #[arg(long, value_name = "ID")]
    case: Option<String>,
    /// Records shown at most
    #[arg(long, default_value_t = 20)]
    limit: usize,
    /// Why, for the audit
    #[arg(long)]
    reason: Option<String>,
}

impl Search {
    pub(in crate::cli) fn run(self, place: &Place, output: Output) -> Done {
        let order = Order::Search {
            text: self.query.join(" "),
            kinds: self.kinds,
            case: self.case,
            limit: self.limit,
            reason: self.reason,
        };
        let found = Reach::open(place)?.perform(order)?;
        output.show(&found, |found| told(output, found));
        Ok(())
    }
}

fn told(output: Output, found: &Json) -> String {
    let mut lines = Vec::new();
    for hit in found["data"].as_array().into_iter().flatten() {
        let id = match text(hit, "display_id") {
            "" => text(hit, "id"),
            display => display,
        };
        let why = hit["matched_by"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(Json::as_str);
        let why = why.collect::<Vec<_>>().join(", ");
        lines.push(format!(
            "{}  {}  {}",
            output.ink(Ink::Strong, &format!("{id:<14}")),
            text(hit, "title"),
            output.ink(Ink::Faint, &format!("{} · {why}", text(hit, "kind"))),
        ));
    }
    let meta = &found["meta"];
    let suggestions: Vec<&str> = meta["suggestions"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Json::as_str)
        .collect();
    if !suggestions.is_empty() {
        lines.push(format!("Did you mean: {}?", suggestions.join(", ")));
    }
    let shown = found["data"].as_array().map_or(0, Vec::len);
    let of = if meta["relaxed"] == true {
        "with some of the words"
    } else {
        "found"
    };
    lines.push(output.ink(Ink::Faint, &format!("{shown} of {} {of}", meta["total"])));
    lines.join("\n")
}
