//! What a court asks for, by the owner of the folder.

use std::fs::{File, OpenOptions};
use std::io::{BufWriter, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use serde_json::{Value as Json, json};

use crate::cli::order::{Refusal, Step, Tell, shown};
use crate::domain::kind::EXPUNGED_BY_ORDER;
use crate::domain::time::Millis;
use crate::domain::value::{Fields, Value};
use crate::services::Services;
use crate::services::caller::Caller;
use crate::services::search::Finder;
use crate::store::verify::LostFile;

pub(super) fn expunge(
    services: &Services,
    finder: &Finder,
    caller: &Caller,
    (kind, record): (&str, &str),
    [order, reason]: [String; 2],
) -> Result<Json, Refusal> {
    let known = EXPUNGED_BY_ORDER.into_iter().find(|known| known.name == kind);
    let Some(kind) = known else {
        let names = EXPUNGED_BY_ORDER.map(|kind| kind.name).join(", ");
        return Err(Refusal::new("invalid", format!("kind must be one of {names}")));
    };
    let input = Fields::from([
        ("order".to_owned(), Value::Text(order)),
        ("reason".to_owned(), Value::Text(reason)),
    ]);
    let written = services.expunge(caller, finder, (kind, record, None), &input, None)?;
    Ok(shown::record(written.first()?))
}

/// Writes a bundle next to where it goes, and gives it its name when it is whole.
pub(super) fn export_case(
    services: &Services,
    caller: &Caller,
    (case, to): (&str, &Path),
    tell: Tell<'_>,
) -> Result<Json, Refusal> {
    let (file, part) = begin(to)?;
    let told = &mut |done, total| tell(Step::new("proving", (done, total), (done, "operations")));
    let exported = services
        .export_case(caller, case, BufWriter::new(&file), told)
        .map_err(Refusal::from);
    let exported = end(exported, &file, &part, to)?;
    let faults: Vec<String> = exported.lost.iter().map(LostFile::to_string).collect();
    Ok(json!({
        "to": to, "records": exported.records, "operations": exported.operations, "files": exported.files,
        "bytes": exported.bytes, "manifest": exported.manifest.to_string(), "clean": faults.is_empty(),
        "files_lost": faults.len(), "faults": faults,
    }))
}

/// Writes the records changed since a time.
pub(super) fn export_since(
    services: &Services,
    caller: &Caller,
    (since, to): (&str, &Path),
    tell: Tell<'_>,
) -> Result<Json, Refusal> {
    let since = Millis::parse(since)
        .ok_or_else(|| Refusal::new("invalid", "since must be a time such as 2026-03-01T00:00:00Z"))?;
    let (file, part) = begin(to)?;
    let told = &mut |done, total| tell(Step::new("exporting", (done, total), (done, "records")));
    let mut out = BufWriter::new(&file);
    let written = services
        .export_since(caller, since, &mut out, told)
        .map_err(Refusal::from)
        .and_then(|records| {
            out.flush()
                .map_err(|error| unwritable(to, &error))
                .map(|()| records)
        });
    drop(out);
    let records = end(written, &file, &part, to)?;
    Ok(json!({"to": to, "records": records}))
}

fn begin(to: &Path) -> Result<(File, PathBuf), Refusal> {
    if to.exists() {
        return Err(Refusal::new(
            "conflict",
            format!("{} is there already", to.display()),
        ));
    }
    let mut part = to.as_os_str().to_owned();
    part.push(".part");
    let part = PathBuf::from(part);
    let mut options = OpenOptions::new();
    let opened = options
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&part);
    let file = opened.map_err(|error| unwritable(&part, &error))?;
    Ok((file, part))
}

fn end<T>(outcome: Result<T, Refusal>, file: &File, part: &Path, to: &Path) -> Result<T, Refusal> {
    let named = outcome.and_then(|done| {
        let kept = file.sync_all().and_then(|()| std::fs::rename(part, to));
        kept.map(|()| done).map_err(|error| unwritable(to, &error))
    });
    if named.is_err() {
        // Half a file is nobody's.
        _ = std::fs::remove_file(part);
    }
    named
}

fn unwritable(path: &Path, error: &std::io::Error) -> Refusal {
    Refusal::new("failed", format!("can't write {}: {error}", path.display()))
}
