//! From an operation to what is told of it: numbers instead of ids, the page where to look, the words that judge it.

use std::collections::VecDeque;
use std::sync::OnceLock;

use uuid::Uuid;

use crate::domain::event::{self, Event};
use crate::domain::id::{OpId, RecordId, VersionId};
use crate::domain::kind::{self, ALERT, CASE, DISPLAY_ID, ENTITY, EVIDENCE, REPORT};
use crate::domain::operation::{Action, Merge, Operation};
use crate::domain::record::{Record, SEALING};
use crate::domain::time::Hlc;
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
    let readers = find::readers(rows, &record)?;
    let case = if record.kind == CASE.name {
        Some(record.clone())
    } else {
        find::case_of(rows, &record)?.filter(|case| case.kind == CASE.name)
    };
    let mut cases: VecDeque<_> = match case {
        Some(case) => VecDeque::from([(case.id, number_of(&case))]),
        None if record.kind == ALERT.name => cases_of_alert(rows, &record, header.hlc, &readers)?.into(),
        None => VecDeque::new(),
    };
    let case = cases.pop_front();
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
    let numbers = |ids: &[RecordId]| numbers_of(rows, ids, &readers);
    let (entities, evidence) = (numbers(&event.entities)?, numbers(&event.evidence)?);
    let report = numbers(event.report.as_slice())?.pop();
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
        more_cases: cases.into(),
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
        if is_known_to(rows, &record, readers)? {
            numbers.push(number_of(&record));
        }
    }
    Ok(numbers)
}

/// Whether all of these readers may know of a record.
fn is_known_to(rows: &Snapshot, record: &Record, readers: &[String]) -> Outcome<bool> {
    let own = find::readers(rows, record)?;
    Ok(own.iter().any(|word| word == "open") || own == readers)
}

/// The cases that the subject of an alert belonged to at a time, the earliest bond first. Later bonds don't count: an event
/// is the same at every replay.
fn cases_of_alert(
    rows: &Snapshot,
    alert: &Record,
    at: Hlc,
    readers: &[String],
) -> Outcome<Vec<(RecordId, String)>> {
    let about = alert.get("record_id").and_then(Value::as_id);
    let Some(about) = about.map(|id| records::get(rows, id)).transpose()?.flatten() else {
        return Ok(Vec::new());
    };
    let mut bonds = Vec::new();
    if about.kind == REPORT.name {
        if let Some(bond) = about.shown("case_id")
            && let Some(case) = bond.value.as_id()
        {
            let case = records::get(rows, case)?;
            bonds.extend(case.map(|case| (bond.hlc, case)));
        }
    } else if about.kind == ENTITY.name {
        let subject = Value::Id(about.id);
        for case in find::cases_with(rows, about.id)? {
            let named = case.versions("entities", Merge::OrSet).iter();
            let named = named.filter(|bond| bond.value.get("entity_id") == Some(&subject));
            let first = named.map(|bond| bond.hlc).min();
            bonds.extend(first.map(|hlc| (hlc, case)));
        }
    }
    bonds.retain(|(hlc, case)| *hlc <= at && case.rank(SEALING) == 0);
    bonds.sort_by_key(|(hlc, case)| (*hlc, case.id));
    let mut cases = Vec::new();
    for (_, case) in bonds {
        if is_known_to(rows, &case, readers)? {
            cases.push((case.id, number_of(&case)));
        }
    }
    Ok(cases)
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
