//! `key`: API keys. The key itself is shown once, when it is made.

use clap::{Args, Subcommand};
use serde_json::{Map, Value as Json, json};

use crate::cli::order::Order;
use crate::cli::output::{Ink, Output};
use crate::cli::reach::Reach;
use crate::cli::{CliError, Done, Place, text};
use crate::domain::time::{Clock, SystemClock};

const DAY_MS: i64 = 24 * 60 * 60 * 1000;

/// API keys for programs.
#[derive(Args, Debug)]
pub(in crate::cli) struct Key {
    /// The agency, if it is not the node's own
    #[arg(long, global = true, value_name = "SLUG", display_order = 100)]
    tenant: Option<String>,
    #[command(subcommand)]
    deed: Deed,
}

#[derive(Subcommand, Debug)]
enum Deed {
    /// Make a key; it is shown once
    Create(Create),
    /// List the keys
    List,
    /// Take a key back, for ever
    Revoke {
        /// Its id
        key: String,
    },
    /// Make a key with the same rights; the old one ends after the overlap
    Rotate {
        /// The id of the old one
        key: String,
        /// Hours for which both work
        #[arg(long, default_value_t = 24)]
        overlap_hours: u32,
    },
}

/// Make a key.
#[derive(Args, Clone, Debug)]
pub(in crate::cli) struct Create {
    /// Who or what uses it
    #[arg(long)]
    name: String,
    /// The lanes it opens: query, sync, events
    #[arg(long, value_delimiter = ',', default_value = "query", value_parser = ["query", "sync", "events"])]
    lanes: Vec<String>,
    /// What it may do there; '*' is all that the lanes allow but two: cases:restricted, records:expunge
    #[arg(long, value_delimiter = ',', required = true)]
    scopes: Vec<String>,
    /// When it ends: 90d, 12h
    #[arg(long, value_name = "SPAN", value_parser = span)]
    expires: Option<i64>,
    /// Who reports when a report names nobody: "Name,+15550100"
    #[arg(long, value_name = "NAME,PHONE")]
    reporter: Option<String>,
    /// Address range it may come from; may be repeated
    #[arg(long = "network", value_name = "CIDR")]
    networks: Vec<String>,
}

impl Key {
    pub(in crate::cli) fn run(self, place: &Place, output: Output) -> Done {
        let perform = |order| Reach::open(place)?.perform_for(self.tenant.clone(), order);
        match self.deed {
            Deed::Create(create) => {
                let made = perform(Order::KeyCreate(create.data()))?;
                output.show(&made, |made| told(output, made));
            }
            Deed::List => {
                let keys = perform(Order::KeyList)?;
                output.show(&keys, |keys| list(output, keys));
            }
            Deed::Revoke { key } => {
                let revoked = perform(Order::KeyRevoke(key))?;
                output.show(&revoked, |key| {
                    format!("The key of {} opens nothing any more.", text(key, "name"))
                });
            }
            Deed::Rotate { key, overlap_hours } => {
                let made = perform(Order::KeyRotate { key, overlap_hours })?;
                output.show(&made, |made| {
                    format!(
                        "{}\nThe old key ends in {overlap_hours} hours.",
                        told(output, made)
                    )
                });
            }
        }
        Ok(())
    }
}

impl Create {
    fn data(self) -> Map<String, Json> {
        let mut data = Map::from_iter([
            ("name".to_owned(), json!(self.name)),
            ("lanes".to_owned(), json!(self.lanes)),
            ("scopes".to_owned(), json!(self.scopes)),
        ]);
        if let Some(millis) = self.expires {
            let end = SystemClock.now().plus(millis);
            data.insert("expires_at".to_owned(), json!(end.to_string()));
        }
        if let Some(reporter) = self.reporter {
            let (name, phone) = reporter.rsplit_once(',').unwrap_or((&reporter, ""));
            let reporter = json!({"name": name.trim(), "phone": phone.trim()});
            data.insert("reporter".to_owned(), reporter);
        }
        if !self.networks.is_empty() {
            data.insert("networks".to_owned(), json!(self.networks));
        }
        data
    }
}

fn told(output: Output, made: &Json) -> String {
    format!(
        "{}\n\nThis is the only time that the key of {} is shown. Its id is {}.",
        output.ink(Ink::Strong, text(made, "key")),
        text(made, "name"),
        text(made, "id"),
    )
}

fn list(output: Output, keys: &Json) -> String {
    let words = |list: &Json| {
        let list = list.as_array().map(Vec::as_slice).unwrap_or_default();
        list.iter().filter_map(Json::as_str).collect::<Vec<_>>().join(",")
    };
    let row = |key: &Json| {
        let end = match text(key, "retires_at") {
            "" => text(key, "expires_at"),
            retires => retires,
        };
        let used = text(key, "last_used_at");
        vec![
            text(key, "id").to_owned(),
            text(key, "name").to_owned(),
            format!("…{}", text(key, "key_hint")),
            text(key, "state").to_owned(),
            words(&key["lanes"]),
            words(&key["scopes"]),
            end.get(..10).unwrap_or("never").to_owned(),
            used.get(..10).unwrap_or("never").to_owned(),
        ]
    };
    let rows: Vec<_> = keys["data"].as_array().into_iter().flatten().map(row).collect();
    if rows.is_empty() {
        return "There is no key yet: blotter key create --name NAME --scopes '*'".to_owned();
    }
    output.table(
        &[
            "id",
            "name",
            "key",
            "state",
            "lanes",
            "scopes",
            "ends",
            "last used",
        ],
        &rows,
    )
}

/// `90d` or `12h`, in milliseconds.
fn span(text: &str) -> Result<i64, String> {
    let wrong = || "a number of days or hours, such as 90d or 12h".to_owned();
    let (number, unit) = text
        .split_at_checked(text.len().saturating_sub(1))
        .ok_or_else(wrong)?;
    let unit_ms = match unit {
        "d" => DAY_MS,
        "h" => DAY_MS / 24,
        _ => return Err(wrong()),
    };
    let number: u32 = number.parse().map_err(|_| wrong())?;
    Ok(i64::from(number) * unit_ms)
}

/// A key of all rights for the demo.
pub(in crate::cli) fn create_for(reach: &mut Reach, name: &str) -> Result<String, CliError> {
    let data = json!({"name": name, "lanes": ["query", "events"], "scopes": ["*"]});
    let made = reach.perform(Order::KeyCreate(data.as_object().cloned().unwrap_or_default()))?;
    Ok(text(&made, "key").to_owned())
}

#[cfg(test)]
mod tests {
    use super::span;

    #[test]
    fn spans_are_days_or_hours() {
        assert_eq!(span("90d"), Ok(90 * 24 * 60 * 60 * 1000));
        assert_eq!(span("12h"), Ok(12 * 60 * 60 * 1000));
        for text in ["", "d", "90", "1w", "-1d", "1.5h", "é"] {
            assert!(span(text).is_err(), "{text}");
        }
    }
}
