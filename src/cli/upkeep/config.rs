//! `config`: what is set, from where, and what is wrong with it.

use std::sync::Arc;

use clap::Subcommand;
use serde_json::{Value as Json, json};

use crate::cli::output::{Ink, Output};
use crate::cli::{CliError, Done, Place};
use crate::config::Origin;
use crate::domain::time::SystemClock;
use crate::server::certs;

/// What is set, and why.
#[derive(Subcommand, Debug)]
pub(in crate::cli) enum ConfigVerb {
    /// Tell everything that is wrong with the settings, without a start
    Check,
    /// Show every setting with its value and where it came from
    Print,
}

impl ConfigVerb {
    pub(in crate::cli) fn run(self, place: &Place, output: Output) -> Done {
        let loaded = place.load()?;
        match self {
            Self::Check => {
                let tls = &loaded.config.tls;
                if let (Some(certificate), Some(key)) = (&tls.certificate_file, &tls.key_file) {
                    certs::load_agency(certificate, key, Arc::new(SystemClock)).map_err(CliError::failed)?;
                }
                let set = loaded
                    .shown
                    .iter()
                    .filter(|shown| shown.origin != Origin::Default)
                    .count();
                output.show(&json!({"sound": true, "set": set}), |_| {
                    let differ = if set == 1 {
                        "differs from its default"
                    } else {
                        "differ from their defaults"
                    };
                    format!("The settings are sound; {set} {differ}.")
                });
            }
            Self::Print => {
                let settings: Vec<Json> = loaded
                    .shown
                    .iter()
                    .map(|shown| json!({"name": shown.name, "value": shown.value, "origin": shown.origin.to_string()}))
                    .collect();
                let row = |shown: &crate::config::Shown| {
                    let origin = shown.origin.to_string();
                    let origin = match shown.origin {
                        Origin::Default => output.ink(Ink::Faint, &origin),
                        _ => origin,
                    };
                    vec![shown.name.clone(), shown.value.clone(), origin]
                };
                output.show(&json!({"data": settings}), |_| {
                    let rows: Vec<_> = loaded.shown.iter().map(row).collect();
                    output.table(&["setting", "value", "from"], &rows)
                });
            }
        }
        Ok(())
    }
}
