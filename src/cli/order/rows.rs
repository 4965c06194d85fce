//! Source rows of an import through the write path: many rows a commit, each whole or not at all, and a row that says what is
//! there already makes no operation.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::{Value as Json, json};

use crate::cli::order::Refusal;
use crate::domain::id::RecordId;
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
    /// Each refused row: its place, why, and its record that was.
    refused: Vec<Json>,
    /// Of each row the records that were put; none of one that was refused.
    results: Vec<Vec<Json>>,
}

/// What became of a record: its id, and whether it was made, changed or left.
type Put = (RecordId, &'static str);

const CREATED: &str = "created";

pub(super) fn put(
    services: &Services,
    caller: &Caller,
    (before, rows): (Vec<BatchRow>, Vec<Vec<BatchRow>>),
    dry_run: bool,
    results: bool,
) -> Result<Json, Refusal> {
    let tally = Arc::new(Mutex::new(Tally::default()));
    let counted = Arc::clone(&tally);
    let written = services.write(caller, "import", None, move |desk| {
        let mut tally = counted.lock().unwrap_or_else(PoisonError::into_inner);
        for record in before.into_iter().filter(|_| dry_run) {
            // It went in before, alike or not; what refers to it is judged.
            drop(desk.attempt(|desk| put_row(desk, &[record], &mut 0))?);
        }
        put_all(desk, rows, (dry_run, results), &mut tally)?;
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
    Ok(json!({
        "created": tally.created, "updated": tally.updated, "unchanged": tally.unchanged,
        "refused": tally.refused,
        "results": tally.results,
    }))
}

/// A dry run takes everything back by refusing at the end; this is the refusal.
const DRY: &str = "dry run";

fn put_all(
    desk: &mut Desk<'_, '_, '_>,
    rows: Vec<Vec<BatchRow>>,
    (dry_run, results): (bool, bool),
    tally: &mut Tally,
) -> Outcome<()> {
    let (mut made, mut told_rows) = (HashSet::new(), Vec::new());
    for (place, mut row) in rows.into_iter().enumerate() {
        row.retain(|record| !record.once || !made.contains(&name_of(record)));
        let mut reached = 0;
        match desk.attempt(|desk| put_row(desk, &row, &mut reached))? {
            Ok(done) => {
                made.extend(row.iter().filter(|record| record.once).map(name_of));
                for (_, what) in &done {
                    match *what {
                        CREATED => tally.created += 1,
                        "updated" => tally.updated += 1,
                        _ => tally.unchanged += 1,
                    }
                }
                let told = row.iter().zip(done).filter(|_| results);
                told_rows.push(told.map(|(record, put)| shown(record, put, dry_run)).collect());
            }
            Err(failure @ Failure::Internal(_)) => return Err(failure),
            Err(failure) => {
                let (why, record) = (Refusal::from(failure).message, row.get(reached));
                tally.refused.push(json!({
                    "row": place, "reason": why, "kind": record.map(|record| &record.kind),
                    "external_id": record.map(|record| &record.external_id),
                }));
                told_rows.push(Vec::new());
            }
        }
    }
    if results {
        tally.results = told_rows;
    }
    Ok(())
}

/// What a dry run makes has no id to be found by.
fn shown(record: &BatchRow, (id, what): Put, dry_run: bool) -> Json {
    let id = (!dry_run || what != CREATED).then(|| id.to_string());
    json!({"kind": record.kind, "external_id": record.external_id, "id": id, "what": what})
}

fn name_of(record: &BatchRow) -> (String, String) {
    (record.kind.clone(), record.external_id.clone())
}

/// The records of one row, and what became of each; `reached` is the place of the one that is put.
fn put_row(desk: &mut Desk<'_, '_, '_>, row: &[BatchRow], reached: &mut usize) -> Outcome<Vec<Put>> {
    let mut done = Vec::with_capacity(row.len());
    for (place, record) in row.iter().enumerate() {
        *reached = place;
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
        done.push(put_record(desk, kind, &record.external_id, input)?);
    }
    Ok(done)
}

fn put_record(
    desk: &mut Desk<'_, '_, '_>,
    kind: &'static kind::Kind,
    external_id: &str,
    mut input: Fields,
) -> Outcome<Put> {
    let known = casebook::by_external_id(desk, kind, external_id, &mut input)?;
    let after = casebook::put(desk, kind, known.as_ref(), None, input)?;
    let what = match known {
        None => CREATED,
        Some(before) if before.version == after.version => "unchanged",
        Some(_) => "updated",
    };
    Ok((after.id, what))
}
