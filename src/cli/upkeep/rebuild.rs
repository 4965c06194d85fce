//! `rebuild`: makes anew what is folded from the log: the views, the search index, or both. Nothing can be lost by it, and beside
//! a live server reads and writes go on meanwhile.

use clap::{Args, ValueEnum};
use serde_json::Value as Json;

use crate::cli::order::Order;
use crate::cli::output::{Output, counted, many};
use crate::cli::reach::Reach;
use crate::cli::{Done, Place};

/// The current records, the search index, or both.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
enum What {
    // A word about each would make its help another than those of all other verbs.
    Views,
    Index,
    All,
}

/// Make views and index anew from the log; a server may run meanwhile.
#[derive(Args, Debug)]
pub(in crate::cli) struct Rebuild {
    /// What to make anew: the current records, the search index, or both
    #[arg(value_enum, default_value = "all")]
    what: What,
}

impl Rebuild {
    pub(in crate::cli) fn run(self, place: &Place, output: Output) -> Done {
        let order = Order::Rebuild {
            views: self.what != What::Index,
            index: self.what != What::Views,
        };
        let made = Reach::open(place)?.perform_long(order, output)?;
        output.show(&made, |made| told(self.what, made));
        Ok(())
    }
}

fn told(what: What, made: &Json) -> String {
    let views = format!("The views are made anew from {}.", counted(made, "operations"));
    let index = format!(
        "The index is made anew: {} can be found.",
        many(made["documents"].as_u64().unwrap_or(0), "records")
    );
    match what {
        What::Views => views,
        What::Index => index,
        What::All => format!("{views}\n{index}"),
    }
}
