//! `doctor`: what is wrong with this box, and what to do about it. It looks and changes nothing.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use serde_json::{Value as Json, json};

use crate::app::folder::Folder;
use crate::app::probes::free_bytes;
use crate::cli::order::Order;
use crate::cli::output::{Ink, Output};
use crate::cli::reach::Reach;
use crate::cli::{CliError, Done, Place, text};
use crate::config::Config;
use crate::domain::time::{Clock, Millis, SystemClock};
use crate::server::certs::authority::Authority;
use crate::server::certs::name::names_of_node;
use crate::server::certs::{self, Facts};

const DAY_MS: i64 = 24 * 60 * 60 * 1000;
/// An index that is further behind does not follow.
const LAG_SECONDS_MAX: f64 = 5.0;
/// The day on which this was written: a clock before it is wrong.
const NOT_BEFORE: Millis = Millis(1_767_225_600_000);

/// What was looked at.
struct Finding {
    what: &'static str,
    sound: bool,
    told: String,
    /// What to do, if it is not sound.
    advice: &'static str,
}

impl Finding {
    fn new(what: &'static str, sound: bool, told: impl Into<String>, advice: &'static str) -> Self {
        Self {
            what,
            sound,
            told: told.into(),
            advice,
        }
    }

    fn shown(&self) -> Json {
        let advice = (!self.sound).then_some(self.advice);
        json!({"what": self.what, "sound": self.sound, "told": self.told, "advice": advice})
    }
}

pub(in crate::cli) fn run(place: &Place, output: Output) -> Done {
    let config = place.load()?.config;
    let folder = place.folder();
    let mut findings = vec![clock(), disk(&folder, &config), certificate(&folder, &config)];
    findings.extend(permissions(&folder));
    findings.extend(node(place));
    let sound = findings.iter().all(|finding| finding.sound);
    let shown: Vec<Json> = findings.iter().map(Finding::shown).collect();
    output.show(&json!({"sound": sound, "data": shown}), |_| {
        told(output, &findings)
    });
    if sound { Ok(()) } else { Err(CliError::Faults) }
}

fn told(output: Output, findings: &[Finding]) -> String {
    let line = |finding: &Finding| {
        let (ink, word) = if finding.sound {
            (Ink::Good, "good")
        } else {
            (Ink::Bad, "look")
        };
        let line = format!(
            "{}  {:<12}  {}",
            output.ink(ink, word),
            finding.what,
            finding.told
        );
        if finding.sound {
            line
        } else {
            format!("{line}\n                    {}", finding.advice)
        }
    };
    findings.iter().map(line).collect::<Vec<_>>().join("\n")
}

fn clock() -> Finding {
    let now = SystemClock.now();
    let synchronized = Path::new("/run/systemd/timesync/synchronized").exists();
    let told = format!("{now}{}", if synchronized { ", synchronised" } else { "" });
    Finding::new(
        "clock",
        now >= NOT_BEFORE,
        told,
        "the clock is wrong: timedatectl set-ntp true",
    )
}

fn disk(folder: &Folder, config: &Config) -> Finding {
    let advice = "make room: below the floor (store.low_disk_floor_bytes) writes are refused";
    match free_bytes(folder.path()) {
        None => Finding::new("disk", false, "can't be asked", "is the data folder there?"),
        Some(free) => {
            let floor = config.store.low_disk_floor_bytes;
            let told = format!("{} MB free, floor {} MB", free >> 20, floor >> 20);
            Finding::new("disk", free > floor.saturating_mul(8), told, advice)
        }
    }
}

fn certificate(folder: &Folder, config: &Config) -> Finding {
    let what = "certificate";
    let facts = match (&config.tls.certificate_file, &config.tls.key_file) {
        (Some(certificate), Some(key)) => {
            certs::load_agency(certificate, key, std::sync::Arc::new(SystemClock))
                .map(|loaded| loaded.facts())
        }
        _ if !Authority::certificate_file(&folder.certs()).exists() => {
            return Finding::new(
                what,
                false,
                "there is none",
                "blotter init --data DIR makes the node",
            );
        }
        _ => {
            let hosts = folder
                .facts()
                .ok()
                .flatten()
                .map(|facts| facts.host_names())
                .unwrap_or_default();
            let names = names_of_node(&[config.server.hosts.clone(), hosts].concat());
            certs::load_or_renew(&folder.certs(), names, std::sync::Arc::new(SystemClock))
                .map(|loaded| loaded.facts())
        }
    };
    match facts {
        Err(error) => Finding::new(
            what,
            false,
            error.to_string(),
            "put the files back, or unset tls.certificate_file",
        ),
        Ok(Facts { not_after, own, .. }) => {
            let days = (not_after.0 - SystemClock.now().0) / DAY_MS;
            let whose = if own { "own, renews itself" } else { "the agency's" };
            let advice = "have it renewed: clients will refuse it from that day on";
            Finding::new(
                what,
                days > 21 || (own && days > 0),
                format!("{days} days left, {whose}"),
                advice,
            )
        }
    }
}

/// Secrets are read by their owner alone.
fn permissions(folder: &Folder) -> Vec<Finding> {
    let secret = ["node.key", "certs/ca-key.pem", "certs/server.pem"];
    let open: Vec<&str> = secret
        .into_iter()
        .filter(|name| {
            let facts = fs::metadata(folder.path().join(name));
            facts.is_ok_and(|facts| facts.permissions().mode() & 0o077 != 0)
        })
        .collect();
    let told = if open.is_empty() {
        "secrets are their owner's alone".to_owned()
    } else {
        format!("others can read {}", open.join(", "))
    };
    vec![Finding::new(
        "permissions",
        open.is_empty(),
        told,
        "chmod 600 these files, and ask who has read them",
    )]
}

fn node(place: &Place) -> Vec<Finding> {
    let state = Reach::open(place).and_then(|mut reach| reach.perform(Order::State));
    let state = match state {
        Ok(state) => state,
        Err(error) => {
            let advice = "if no server runs, start one and read its log";
            return vec![Finding::new("node", false, error.to_string(), advice)];
        }
    };
    let served = if state["served"] == true {
        "a server runs"
    } else {
        "no server runs"
    };
    let told = format!("{served}; {} segments of log", state["log"]["segments"]);
    let lag = state["search"]["lag_seconds"].as_f64().unwrap_or(0.0);
    let search = format!("{} documents, {lag:.1} s behind", state["search"]["documents"]);
    let sound = state["search"]["sound"] == true && lag <= LAG_SECONDS_MAX;
    vec![
        Finding::new(
            "node",
            state["writes"] == true,
            told,
            "the write thread has failed: restart, and read the log",
        ),
        Finding::new(
            "search",
            sound,
            search,
            "it catches up by itself; if it does not: blotter rebuild index",
        ),
        Finding::new("agency", true, text(&state, "tenant"), ""),
    ]
}
