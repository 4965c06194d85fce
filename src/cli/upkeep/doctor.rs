//! `doctor`: what is wrong with this box, and what to do about it. It mends nothing, and writes nothing but a file of a few
//! bytes in each folder, which it takes away again: only that shows whether the folder can be written.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use serde_json::{Value as Json, json};

use crate::app::folder::{Folder, FolderError};
use crate::app::probes::free_bytes;
use crate::cli::order::Order;
use crate::cli::output::{Ink, Output, many};
use crate::cli::reach::Reach;
use crate::cli::upkeep::verify::LOST_ADVICE;
use crate::cli::{CliError, Done, Place};
use crate::config::{Config, Origin};
use crate::domain::time::{Clock, Millis, SystemClock};
use crate::search::index::PROBE;
use crate::server::certs::authority::Authority;
use crate::server::certs::{self, CertError, Facts};

const DAY_MS: i64 = 24 * 60 * 60 * 1000;
/// The agency's certificate is ordered again so many days before it ends.
const CERTIFICATE_DAYS_MIN: i64 = 21;
/// An index, or a queue, that is further behind does not follow.
const LAG_SECONDS_MAX: f64 = 5.0;
/// A write thread that is longer at one step waits for the disk.
const STEP_SECONDS_MAX: f64 = 2.0;
/// The day on which this was written: a clock before it is wrong.
const NOT_BEFORE: Millis = Millis(1_767_225_600_000);
/// A file can be so much younger than the clock, for want of precision.
const AHEAD_MS_MAX: i64 = 60_000;
/// What others must not read, and where the newest file tells how late it was at least.
const SECRETS: [&str; 4] = [
    "node.key",
    "certs/ca-key.pem",
    "certs/server.pem",
    "sessions.json",
];

/// Where a node writes: the data folder itself, and those in it.
const FOLDERS: [&str; 5] = ["", "journal", "files", "search", "certs"];

/// What was looked at.
struct Finding {
    what: &'static str,
    told: String,
    /// What to do, if it is not well.
    advice: Option<String>,
    /// The node does not do its work so.
    is_grave: bool,
}

impl Finding {
    fn well(what: &'static str, told: impl Into<String>) -> Self {
        Self {
            what,
            told: told.into(),
            advice: None,
            is_grave: false,
        }
    }

    fn bad(what: &'static str, told: impl Into<String>, advice: impl Into<String>) -> Self {
        Self {
            what,
            told: told.into(),
            advice: Some(advice.into()),
            is_grave: false,
        }
    }

    fn judged(what: &'static str, sound: bool, told: impl Into<String>, advice: &str) -> Self {
        Self {
            what,
            told: told.into(),
            advice: (!sound).then(|| advice.to_owned()),
            is_grave: false,
        }
    }

    fn grave(what: &'static str, told: impl Into<String>, advice: impl Into<String>) -> Self {
        Self {
            is_grave: true,
            ..Self::bad(what, told, advice)
        }
    }

    /// How bad it is, in a word.
    fn word(&self) -> &'static str {
        match (&self.advice, self.is_grave) {
            (None, _) => "good",
            (Some(_), false) => "look",
            (Some(_), true) => "fault",
        }
    }

    fn shown(&self) -> Json {
        let sound = self.advice.is_none();
        json!({"what": self.what, "sound": sound, "word": self.word(), "told": self.told, "advice": self.advice})
    }
}

pub(in crate::cli) fn run(place: &Place, output: Output) -> Done {
    let (config, settings) = settings(place);
    let folder = place.folder();
    let mut findings = vec![settings, clock(&folder)];
    if let Err(FolderError::NoNode(_)) = folder.refuse_lost() {
        let path = folder.path().display();
        let advice = format!("blotter init --data {path} makes one; --data names another folder");
        findings.push(Finding::bad("node", format!("there is none in {path}"), advice));
    } else {
        findings.push(disk(&folder, &config));
        findings.push(certificate(&folder, &config));
        findings.push(permissions(&folder, &config));
        findings.push(writing(&folder));
        findings.extend(socket(&folder));
        findings.extend(node(place));
    }
    let sound = findings.iter().all(|finding| finding.advice.is_none());
    let shown: Vec<Json> = findings.iter().map(Finding::shown).collect();
    output.show(&json!({"sound": sound, "data": shown}), |_| {
        told(output, &findings)
    });
    if sound { Ok(()) } else { Err(CliError::Faults) }
}

fn told(output: Output, findings: &[Finding]) -> String {
    let mut lines = Vec::new();
    for finding in findings {
        let ink = match finding.advice {
            None => Ink::Good,
            Some(_) => Ink::Bad,
        };
        let word = format!("{:5}", finding.word());
        let (word, what) = (output.ink(ink, &word), finding.what);
        let mut said = finding.told.lines();
        lines.push(format!("{word} {what:<12} {}", said.next().unwrap_or_default()));
        let further = said.map(|line| format!("{:19}{line}", ""));
        lines.extend(further);
        let advice = finding.advice.iter().flat_map(|advice| advice.lines());
        lines.extend(advice.map(|line| format!("{:19}→ {line}", "")));
    }
    let bad = findings.iter().filter(|finding| finding.advice.is_some()).count();
    let end = match bad {
        0 => "All is well.".to_owned(),
        1 => "One thing to look at.".to_owned(),
        bad => format!("{bad} things to look at."),
    };
    format!("{}\n\n{end}", lines.join("\n"))
}

/// What is set; where that is faulty, everything else is looked at with the defaults.
fn settings(place: &Place) -> (Config, Finding) {
    const WHAT: &str = "settings";
    match place.load() {
        Ok(loaded) => {
            let is_set = |shown: &&crate::config::Shown| shown.origin != Origin::Default;
            let set = loaded.shown.iter().filter(is_set).count();
            let told = format!("sound, {set} set");
            (loaded.config, Finding::well(WHAT, told))
        }
        Err(error) => {
            let advice = "put them right: a server would not start (blotter config check)";
            let finding = Finding::bad(WHAT, error.to_string(), advice);
            (Config::default(), finding)
        }
    }
}

fn clock(folder: &Folder) -> Finding {
    const WHAT: &str = "clock";
    const ADVICE: &str = "set it: timedatectl set-ntp true";
    let now = SystemClock.now();
    if now < NOT_BEFORE {
        return Finding::bad(WHAT, format!("{now}, which is years ago"), ADVICE);
    }
    match newest(&folder.path().join("journal")) {
        Some(written) if written.0 > now.0 + AHEAD_MS_MAX => {
            let told = format!("{now}, but something was written at {written}");
            Finding::bad(WHAT, told, ADVICE)
        }
        _ => {
            let kept = Path::new("/run/systemd/timesync/synchronized").exists();
            let kept = if kept { ", synchronised" } else { "" };
            Finding::well(WHAT, format!("{now}{kept}"))
        }
    }
}

/// When a file in the folder was changed last.
fn newest(folder: &Path) -> Option<Millis> {
    let entries = fs::read_dir(folder).ok()?;
    let times = entries.filter_map(|entry| entry.ok()?.metadata().ok()?.modified().ok());
    let newest = times.max()?.duration_since(UNIX_EPOCH).ok()?;
    i64::try_from(newest.as_millis()).ok().map(Millis)
}

fn disk(folder: &Folder, config: &Config) -> Finding {
    const WHAT: &str = "disk";
    let Some(free) = free_bytes(folder.path()) else {
        let told = format!("{} can't be asked", folder.path().display());
        return Finding::bad(WHAT, told, "is the data folder there? --data names it");
    };
    let floor = config.store.low_disk_floor_bytes;
    if free < floor {
        let told = format!(
            "{} free, below store.low_disk_floor_bytes ({}): writes are refused",
            size(free),
            size(floor)
        );
        return Finding::grave(WHAT, told, "make room, or set a lower floor");
    }
    let told = format!("{} free; nothing is written below {}", size(free), size(floor));
    let advice = "make room: large files are refused at four times that, pictures at twice";
    Finding::judged(WHAT, free > floor.saturating_mul(8), told, advice)
}

fn size(bytes: u64) -> String {
    match bytes >> 20 {
        megabytes if megabytes >= 10_240 => format!("{} GB", megabytes >> 10),
        megabytes => format!("{megabytes} MB"),
    }
}

fn certificate(folder: &Folder, config: &Config) -> Finding {
    const WHAT: &str = "certificate";
    let agency = config.tls.certificate_file.as_ref();
    let facts = match (agency, &config.tls.key_file) {
        (Some(certificate), Some(key)) => {
            certs::load_agency(certificate, key, std::sync::Arc::new(SystemClock))
                .map(|loaded| Some(loaded.facts()))
        }
        _ => certs::facts_of_own(&folder.certs()),
    };
    match (facts, agency) {
        (Ok(Some(Facts { not_after, .. })), None) => {
            let days = days_until(not_after);
            let told = format!("the node's own, {days} days left, renewed by the server");
            let advice = "start the server: it renews the certificate by itself";
            Finding::judged(WHAT, days > 0, told, advice)
        }
        (Ok(None), _) => Finding::well(WHAT, "none yet: the next start of the server makes it"),
        (Ok(Some(Facts { not_after, .. })), Some(_)) => {
            let days = days_until(not_after);
            let told = format!("the agency's, {days} days left");
            let advice = "have it renewed and put in the same files; the server takes it up by itself";
            Finding::judged(WHAT, days > CERTIFICATE_DAYS_MIN, told, advice)
        }
        (Err(error), Some(_)) => {
            let advice =
                "no server starts so: put the files right, or unset tls.certificate_file and tls.key_file";
            Finding::grave(WHAT, error.to_string(), advice)
        }
        (Err(error @ (CertError::Malformed { .. } | CertError::Mismatch(_))), None)
            if Authority::open(&folder.certs()).is_ok() =>
        {
            let advice = "the next start of the server makes it anew; or bring certs/ back from a backup";
            Finding::bad(WHAT, error.to_string(), advice)
        }
        (Err(error), None) => {
            let advice = "no server starts so: bring certs/ back from a backup, or do as is said above";
            Finding::grave(WHAT, error.to_string(), advice)
        }
    }
}

fn days_until(end: Millis) -> i64 {
    (end.0 - SystemClock.now().0) / DAY_MS
}

/// The folder and its secrets are their owner's alone, and all of it has one owner.
fn permissions(folder: &Folder, config: &Config) -> Finding {
    const WHAT: &str = "permissions";
    let path = folder.path();
    let Ok(whole) = fs::metadata(path) else {
        return Finding::bad(
            WHAT,
            "the data folder can't be looked at",
            "ask who owns it: ls -ld",
        );
    };
    if let Some((file, error)) = unreadable(path) {
        let told = format!("{} can't be read here: {error}", file.display());
        let advice = format!("whose is it (ls -l {})? Run blotter as its owner", file.display());
        return Finding::bad(WHAT, told, advice);
    }
    let open = |facts: &fs::Metadata| facts.permissions().mode() & 0o077 != 0;
    if let Some(key) = &config.tls.key_file
        && fs::metadata(key).is_ok_and(|facts| facts.permissions().mode() & 0o007 != 0)
    {
        let told = format!("others can read {}", key.display());
        let advice = format!("chmod o= {}, and ask who has read it", key.display());
        return Finding::bad(WHAT, told, advice);
    }
    let of = |name: &str| fs::metadata(path.join(name)).ok();
    let readable: Vec<&str> = SECRETS
        .into_iter()
        .filter(|name| of(name).is_some_and(|facts| open(&facts)))
        .collect();
    if !readable.is_empty() {
        let names = readable.join(" ");
        let advice = format!(
            "(cd {} && chmod 600 {names}), and ask who has read them",
            path.display()
        );
        return Finding::bad(WHAT, format!("others can read {names}"), advice);
    }
    if open(&whole) {
        let told = format!("others can look into {}", path.display());
        return Finding::bad(WHAT, told, format!("chmod 700 {}", path.display()));
    }
    let foreign = fs::read_dir(path)
        .into_iter()
        .flatten()
        .filter_map(Result::ok)
        .find(|entry| entry.metadata().is_ok_and(|facts| facts.uid() != whole.uid()));
    match foreign {
        Some(entry) => {
            let told = format!("{} is not the folder's owner's", entry.path().display());
            let advice = format!(
                "chown -R --reference={0} {0}: was a verb run as another user?",
                path.display()
            );
            Finding::bad(WHAT, told, advice)
        }
        None => Finding::well(WHAT, "the folder is its owner's alone"),
    }
}

/// A file of the node that whoever runs this may not read.
fn unreadable(folder: &Path) -> Option<(PathBuf, std::io::Error)> {
    let files = [&SECRETS[..], &["node.toml", "views.redb"]].concat();
    let paths = files.into_iter().map(|name| folder.join(name));
    let refused = |path: PathBuf| match fs::File::open(&path) {
        Err(error) if error.kind() == std::io::ErrorKind::PermissionDenied => Some((path, error)),
        _ => None,
    };
    paths.filter_map(refused).next()
}

/// Whether files can be made in the folder and in each of its own; those that a node has not made yet are passed over.
fn writing(folder: &Folder) -> Finding {
    const WHAT: &str = "writing";
    let refused: Vec<String> = FOLDERS
        .map(|name| folder.path().join(name))
        .iter()
        .filter_map(|path| Some(format!("{}: {}", path.display(), try_to_write(path).err()?)))
        .collect();
    let told = match refused.is_empty() {
        true => "files can be made in the data folder".to_owned(),
        false => format!("no file can be made in\n{}", refused.join("\n")),
    };
    let advice = format!(
        "is it mounted read-only (findmnt -T {0}), and whose is it (ls -ld {0})?",
        folder.path().display()
    );
    Finding::judged(WHAT, refused.is_empty(), told, &advice)
}

fn try_to_write(folder: &Path) -> std::io::Result<()> {
    match fs::symlink_metadata(folder) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        _ => {}
    }
    // A name that an index which is just being made passes over too.
    let path = folder.join(format!("{PROBE}-doctor-{}", std::process::id()));
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&path)?;
    let written = file.write_all(b"blotter doctor\n").and_then(|()| file.sync_all());
    fs::remove_file(&path)?;
    written
}

/// A node that nobody could ask.
fn closed(folder: &Folder, told: String) -> Finding {
    const WHAT: &str = "node";
    if let Err(FolderError::InUse(_)) = folder.lock() {
        let advice = "if a server holds the folder, read its log: journalctl -u blotter";
        return Finding::bad(WHAT, told, advice);
    }
    let advice = "no server starts so: put right what is named, or have the node made from its newest backup in a new folder\n\
                  blotter restore BACKUP --data DIR (blotter verify says what is damaged here)";
    Finding::grave(WHAT, told, advice)
}

/// Where verbs reach a running server.
fn socket(folder: &Folder) -> Option<Finding> {
    let error = folder.refuse_long_path().err()?;
    let advice = "no server starts so: move the folder, or name it by a shorter path";
    Some(Finding::grave("socket", error.to_string(), advice))
}

fn node(place: &Place) -> Vec<Finding> {
    let state = Reach::open(place).and_then(|mut reach| reach.perform(Order::State));
    let state = match state {
        Ok(state) => state,
        Err(error) => return vec![closed(&place.folder(), error.to_string())],
    };
    let number = |path: &str| state.pointer(path).and_then(Json::as_f64).unwrap_or(0.0);
    let served = state["served"] == true;
    let server = if served { "a server runs" } else { "no server runs" };
    let step = number("/log/step_seconds");
    let segments = many(state["log"]["segments"].as_u64().unwrap_or(0), "segments");
    let lag = number("/search/lag_seconds");
    let queue = if lag > 0.0 {
        format!("the oldest change has waited {lag:.1} s to be indexed")
    } else {
        "nothing waits".to_owned()
    };
    let node = format!(
        "{} ({}), {server}",
        state["node_name"].as_str().unwrap_or_default(),
        state["tenant"].as_str().unwrap_or_default()
    );
    let written = match (state["writes"] == true, step) {
        (false, _) => "the write thread has ended".to_owned(),
        (true, step) if step > STEP_SECONDS_MAX => format!("the disk has not answered for {step:.0} s"),
        (true, _) => format!("{segments}, takes writes; blotter verify reads them"),
    };
    vec![
        Finding::well("node", node),
        Finding::judged(
            "log",
            state["writes"] == true && step <= STEP_SECONDS_MAX,
            written,
            "look after the disk (dmesg), then restart; the server's log says more",
        ),
        files(&state),
        index(&state),
        Finding::judged(
            "queue",
            lag <= LAG_SECONDS_MAX,
            queue,
            "the server's log says why; if it stays so: blotter rebuild index",
        ),
    ]
}

/// Whether files are there is looked up here; reading all of them takes long.
fn files(state: &Json) -> Finding {
    const WHAT: &str = "files";
    let (named, lost) = (&state["files"]["named"], &state["files"]["lost"]);
    let count = lost.as_u64().unwrap_or(0);
    if count == 0 {
        let told = format!("{named} of records, each there with its length; blotter verify reads them");
        return Finding::well(WHAT, told);
    }
    let faults = state["files"]["faults"].as_array().into_iter().flatten();
    let mut lines: Vec<&str> = faults.filter_map(Json::as_str).collect();
    if count > lines.len() as u64 {
        lines.push("… (blotter verify names all of them)");
    }
    let told = format!("{lost} of {named} are not whole:\n{}", lines.join("\n"));
    Finding::grave(WHAT, told, LOST_ADVICE)
}

fn index(state: &Json) -> Finding {
    const WHAT: &str = "index";
    let search = &state["search"];
    let documents = many(search["documents"].as_u64().unwrap_or(0), "records");
    let sound = search["sound"] == true;
    if let Some(failing) = search["failing"].as_str() {
        let told = format!("{documents}, and it can't take up what is newer: {failing}");
        let advice = "searches miss what is newer. Does blotter verify call the log damaged? Then have the node made from its newest \
                      backup in a new folder\nblotter restore BACKUP --data DIR. If it does not: blotter rebuild index";
        return Finding::grave(WHAT, told, advice);
    }
    let told = match (sound, search["behind"] == true) {
        (false, _) => "damaged; it is being made anew".to_owned(),
        (true, true) if state["served"] != true => {
            format!("{documents}; the next start takes up what is newer")
        }
        (true, true) => {
            let lag = search["lag_seconds"].as_f64().unwrap_or(0.0);
            format!("{documents}, {lag:.1} s behind")
        }
        (true, false) => format!("{documents}, up to date"),
    };
    Finding::judged(WHAT, sound, told, "if it stays so: blotter rebuild index")
}
