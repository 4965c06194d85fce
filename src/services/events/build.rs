//! From an operation to what is told of it: numbers instead of ids, the page where to look, the words that judge it.

use std::sync::OnceLock;

use uuid::Uuid;

use crate::domain::event::{self, Event};
use crate::domain::id::{OpId, RecordId, VersionId};
use crate::domain::kind::{self, CASE, DISPLAY_ID, ENTITY, EVIDENCE, REPORT};
use crate::domain::operation::{Action, Operation};
use crate::domain::record::Record;
use crate::domain::value::Value;
use crate::services::events::Notice;
use crate::services::failure::Outcome;
use crate::services::find;
use crate::services::policy::{self, Deed};
use crate::store::database::Snapshot;
use crate::store::handle::Store;
use crate::store::hash::sha256;
use crate::views::records;

/// What is told of an arrival, if anything is.
///
/// # Errors
/// The disk failed.
pub(super) fn notice(
    store: &Store,
    rows: &Snapshot,
    (sequence, log, seq): (u64, u32, u64),
) -> Outcome<Option<Notice>> {
    let Some(operation) = store.operation(rows, log, seq)? else {
        return Ok(None);
    };
    let header = &operation.header;
    let (Some(kind), Some(record)) = (kind::kind(&header.kind), records::get(rows, header.record)?) else {
        return Ok(None);
    };
    let case = if record.kind == CASE.name {
        Some(record.clone())
    } else {
        find::case_of(rows, &record)?.filter(|case| case.kind == CASE.name)
    };
    let before = |version: VersionId| written(store, rows, version);
    let Some(mut event) = event::of(&operation, &record, case.is_some(), &before) else {
        return Ok(None);
    };
    if let Some(about) = event
        .about
        .map(|id| records::get(rows, id))
        .transpose()?
        .flatten()
    {
        match about.kind.as_str() {
            kind if kind == ENTITY.name => event.entities.push(about.id),
            kind if kind == EVIDENCE.name => event.evidence.push(about.id),
            kind if kind == REPORT.name => event.report = Some(about.id),
            _ => {}
        }
    }
    let readers = find::readers(rows, &record)?;
    let numbers = |ids: &[RecordId]| numbers_of(rows, ids, &readers);
    let (entities, evidence) = (numbers(&event.entities)?, numbers(&event.evidence)?);
    let report = numbers(event.report.as_slice())?.pop();
    let case = case.map(|case| (case.id, number_of(&case)));
    Ok(Some(Notice {
        sequence,
        id: event_id(header.id),
        severity: event.severity,
        at: header.hlc.millis(),
        node: header.id.log.to_string(),
        actor: shown_actor(&operation).to_owned(),
        source: source_of(&operation).to_owned(),
        tenant: record.tenant.clone(),
        record: record.id,
        is_new: record.created.op == header.id,
        kind,
        review_path: review_path(&event, case.as_ref(), &entities, &evidence, report.as_deref()),
        case,
        entities,
        evidence,
        report,
        name: event.name,
        changes: event.changes,
        readers,
        scope: policy::scope_for(kind, Deed::Read),
        text: OnceLock::new(),
    }))
}

/// The same wherever and whenever the operation is read: the first half of a hash, marked as a UUID of version 8.
fn event_id(operation: OpId) -> Uuid {
    let hash = sha256(&[
        b"blotter event\0",
        &operation.log.0.0,
        &operation.seq.to_be_bytes(),
    ]);
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&hash.0[..16]);
    uuid::Builder::from_custom_bytes(bytes).into_uuid()
}

/// What a version said that is no longer alive.
fn written(store: &Store, rows: &Snapshot, version: VersionId) -> Option<Value> {
    let operation = store.own_operation(rows, version.op.log, version.op.seq).ok()??;
    let change = operation
        .payload?
        .changes
        .into_iter()
        .nth(version.change.into())?;
    match change.action {
        Action::Set(value) => Some(value),
        _ => None,
    }
}

fn number_of(record: &Record) -> String {
    let number = record.text(DISPLAY_ID);
    number.map_or_else(|| record.id.to_string(), str::to_owned)
}

/// The numbers of those that everybody may know of who hears this.
fn numbers_of(rows: &Snapshot, ids: &[RecordId], readers: &[String]) -> Outcome<Vec<String>> {
    let mut numbers = Vec::new();
    for id in ids {
        let Some(record) = records::get(rows, *id)? else {
            continue;
        };
        let own = find::readers(rows, &record)?;
        if own.iter().any(|word| word == "open") || own == readers {
            numbers.push(number_of(&record));
        }
    }
    Ok(numbers)
}

/// `rest:Desk` → `Desk`.
fn shown_actor(operation: &Operation) -> &str {
    let client = operation.header.actor.client.as_str();
    client.split_once(':').map_or(client, |(_, name)| name)
}

/// `rest:Desk` → `rest`.
fn source_of(operation: &Operation) -> &str {
    let client = operation.header.actor.client.as_str();
    client.split_once(':').map_or(client, |(lane, _)| lane)
}

fn review_path(
    event: &Event,
    case: Option<&(RecordId, String)>,
    entities: &[String],
    evidence: &[String],
    report: Option<&str>,
) -> Option<String> {
    match (case, entities.first(), evidence.first(), report) {
        (Some((_, case)), ..) if event.is_alert => Some(format!("/cases/{case}/alerts/{}", event.severity)),
        (_, _, Some(item), _) => Some(format!("/evidence/{item}")),
        (Some((_, case)), ..) => Some(format!("/cases/{case}")),
        (None, Some(entity), ..) => Some(format!("/entities/{entity}")),
        (None, None, None, Some(report)) => Some(format!("/reports/{report}")),
        (None, None, None, None) => None,
    }
}
