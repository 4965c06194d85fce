//! Source rows of an import through the write path: many rows a commit, each whole or not at all, and a row that says what is
//! there already makes no operation.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::{Value as Json, json};

use crate::cli::order::Refusal;
use crate::domain::kind;
use crate::domain::value::{Fields, Value};
use crate::services::Services;
use crate::services::caller::Caller;
use crate::services::casebook;
use crate::services::desk::Desk;
use crate::services::failure::{Failure, Outcome};
use crate::services::import::BatchRow;

/// What became of the rows.
#[derive(Default)]
struct Tally {
    created: u64,
    updated: u64,
    unchanged: u64,
    /// The place of each refused row, with the reasons.
    refused: Vec<(usize, String)>,
}

pub(super) fn put(
    services: &Services,
    caller: &Caller,
    (before, rows): (Vec<BatchRow>, Vec<Vec<BatchRow>>),
    dry_run: bool,
) -> Result<Json, Refusal> {
    let tally = Arc::new(Mutex::new(Tally::default()));
    let counted = Arc::clone(&tally);
    let written = services.write(caller, "import", None, move |desk| {
        let mut tally = counted.lock().unwrap_or_else(PoisonError::into_inner);
        for record in before.into_iter().filter(|_| dry_run) {
            // It went in before, alike or not; what refers to it is judged.
            drop(desk.attempt(|desk| put_row(desk, &[record]))?);
        }
        put_all(desk, rows, &mut tally)?;
        if dry_run {
            Err(Failure::Unknown(DRY))
        } else {
            Ok(())
        }
    });
    match written {
        Ok(_) | Err(Failure::Unknown(DRY)) => {}
        Err(failure) => return Err(failure.into()),
    }
    let tally = tally.lock().unwrap_or_else(PoisonError::into_inner);
    let refused: Vec<Json> = tally
        .refused
        .iter()
        .map(|(row, reason)| json!({"row": row, "reason": reason}))
        .collect();
    Ok(json!({
        "created": tally.created, "updated": tally.updated, "unchanged": tally.unchanged, "refused": refused,
    }))
}

/// A dry run takes everything back by refusing at the end; this is the refusal.
const DRY: &str = "dry run";

fn put_all(desk: &mut Desk<'_, '_, '_>, rows: Vec<Vec<BatchRow>>, tally: &mut Tally) -> Outcome<()> {
    let mut made = HashSet::new();
    for (place, mut row) in rows.into_iter().enumerate() {
        row.retain(|record| !record.once || !made.contains(&name_of(record)));
        match desk.attempt(|desk| put_row(desk, &row))? {
            Ok((created, updated, unchanged)) => {
                made.extend(row.iter().filter(|record| record.once).map(name_of));
                tally.created += created;
                tally.updated += updated;
                tally.unchanged += unchanged;
            }
            Err(failure @ Failure::Internal(_)) => return Err(failure),
            Err(failure) => tally.refused.push((place, Refusal::from(failure).message)),
        }
    }
    Ok(())
}

fn name_of(record: &BatchRow) -> (String, String) {
    (record.kind.clone(), record.external_id.clone())
}

/// The records of one row: how many were made, changed, left.
fn put_row(desk: &mut Desk<'_, '_, '_>, row: &[BatchRow]) -> Outcome<(u64, u64, u64)> {
    let (mut created, mut updated, mut unchanged) = (0, 0, 0);
    for record in row {
        let Some(kind) = kind::kind(&record.kind) else {
            return Err(Failure::wrong(
                "kind",
                format!("a kind of record, not {:?}", record.kind),
            ));
        };
        let input = match Value::from(record.data.clone()) {
            Value::Map(fields) => fields,
            _ => Fields::new(),
        };
        let (before, after) = put_record(desk, kind, &record.external_id, input)?;
        match before {
            None => created += 1,
            Some(version) if version == after => unchanged += 1,
            Some(_) => updated += 1,
        }
    }
    Ok((created, updated, unchanged))
}

/// The versions of the record before and after.
fn put_record(
    desk: &mut Desk<'_, '_, '_>,
    kind: &'static kind::Kind,
    external_id: &str,
    mut input: Fields,
) -> Outcome<(Option<u64>, u64)> {
    let known = casebook::by_external_id(desk, kind, external_id, &mut input)?;
    let after = casebook::put(desk, kind, known.as_ref(), None, input)?;
    Ok((known.map(|record| record.version), after.version))
}
