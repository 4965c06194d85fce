//! `export`: a case as a bundle that a court checks without us, or the records changed since some time as JSON Lines.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use serde_json::Value as Json;

use crate::cli::order::Order;
use crate::cli::output::Output;
use crate::cli::reach::Reach;
use crate::cli::upkeep::verify::{verdict_of, with_faults};
use crate::cli::{CliError, Done, Place, text};
use crate::domain::time::Millis;

/// Write a case, or what changed, to a file.
#[derive(Args, Debug)]
pub(in crate::cli) struct Export {
    #[command(subcommand)]
    what: Option<What>,
    /// The records changed after this time, as JSON Lines: 2026-03-01T00:00:00Z
    #[arg(long, value_name = "TIME", value_parser = time)]
    since: Option<String>,
    /// The file to make
    #[arg(long, global = true, value_name = "FILE")]
    to: Option<PathBuf>,
}

#[derive(Subcommand, Debug)]
enum What {
    /// A case with entities, evidence, timeline, notes and files, each operation with its proof
    Case {
        /// Its id or number
        id: String,
    },
}

impl Export {
    pub(in crate::cli) fn run(self, place: &Place, output: Output) -> Done {
        let usage = |text: &str| CliError::Usage(text.to_owned());
        let to = self.to.ok_or_else(|| usage("--to FILE says where it goes"))?;
        let to = std::path::absolute(to).map_err(CliError::failed)?;
        let order = match (self.what, self.since) {
            (Some(What::Case { id }), None) => Order::ExportCase { case: id, to },
            (None, Some(since)) => Order::ExportSince { since, to },
            _ => return Err(usage("either `export case ID` or `export --since TIME`")),
        };
        let made = Reach::open(place)?.perform_long(order, output)?;
        match made["manifest"].is_null() {
            true => {
                output.show(&made, |made| {
                    format!("{} records are in {}.", made["records"], text(made, "to"))
                });
                Ok(())
            }
            false => {
                output.show(&made, |made| with_faults(output, made, told(made)));
                verdict_of(&made)
            }
        }
    }
}

fn time(text: &str) -> Result<String, String> {
    let wrong = || "a time with its offset, such as 2026-03-01T00:00:00Z".to_owned();
    Millis::parse(text).map(|time| time.to_string()).ok_or_else(wrong)
}

fn told(made: &Json) -> String {
    let to = text(made, "to");
    format!(
        "{} records, {} operations with their proofs and {} files are in {to}.\n\nWhoever gets it checks it with: blotter verify {to}",
        made["records"], made["operations"], made["files"]
    )
}
