//! From an operation to what is told of it: numbers instead of ids, the page where to look, the words that judge it.

use std::collections::{BTreeSet, VecDeque};
use std::sync::{Arc, OnceLock};

use uuid::Uuid;

use crate::domain::event::{self, Event};
use crate::domain::id::{OpId, RecordId, VersionId};
use crate::domain::kind::{
    self, ALERT, CASE, CHAT_MESSAGE, DISPLAY_ID, ENTITY, EVIDENCE, Kind, REPORT, TIMELINE_ENTRY,
};
use crate::domain::operation::{Action, Change, Merge, Operation};
use crate::domain::record::{Record, SEALING};
use crate::domain::time::Hlc;
use crate::domain::value::Value;
use crate::services::events::Notice;
use crate::services::failure::Outcome;
use crate::services::policy::{self, Deed};
use crate::services::{find, sight};
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
    let (mut cases, hidden) = match Cases::of(store, rows, (&record, header.hlc), &readers)? {
        Cases::Told(cases) => (VecDeque::from(cases), None),
        Cases::Hidden(case, words) => (VecDeque::new(), Some((case, words))),
    };
    let case = cases.pop_front();
    let before = |version: VersionId| match past(store, rows, version).ok()??.1.action {
        Action::Set(value) | Action::Add(value) => Some(value),
        _ => None,
    };
    let Some(mut event) = event::of(&operation, &record, case.is_some(), &before) else {
        return Ok(None);
    };
    name_subject(rows, &mut event)?;
    let numbers = |ids: &[RecordId]| numbers_of(rows, ids, &readers);
    let entities = numbers(&event.entities)?;
    let evidence: Vec<String> = numbers(&event.evidence)?.into_iter().map(second).collect();
    let report = numbers(event.report.as_slice())?.pop().map(second);
    let mut scopes = find::scopes_beside(&record, &mut |id| records::get(rows, id))?;
    scopes.push(policy::scope_for(kind, Deed::Read));
    let known = |changes, besides| known_changes(rows, (kind, changes), (&readers, besides));
    let (told, removed) = (known(&event.changes, None)?, known(&event.removed, None)?);
    let told_fully = hidden
        .as_ref()
        .map(|(case, _)| known(&event.changes, Some(case.0)))
        .transpose()?;
    let notice = Notice {
        sequence,
        id: event_id(header.id),
        severity: event.severity,
        at: header.hlc.millis(),
        node: header.id.log.to_string(),
        actor: operation.header.actor.name().to_owned(),
        source: source_of(&operation).to_owned(),
        tenant: record.tenant.clone(),
        record: record.id,
        is_new: record.created.op == header.id,
        kind,
        review_path: review_path(
            &event,
            &record,
            case.as_ref(),
            (&entities, &evidence, report.as_deref()),
        ),
        case,
        more_cases: cases.into(),
        entities,
        evidence,
        report,
        name: event.name,
        changes: told,
        removed,
        readers,
        scopes,
        fuller: None,
        hidden_case: None,
        text: OnceLock::new(),
    };
    Ok(Some(match hidden.zip(told_fully) {
        Some((hidden, changes)) => with_fuller(notice, hidden, changes),
        None => notice,
    }))
}

/// Names what an event is about beside its record.
fn name_subject(rows: &Snapshot, event: &mut Event) -> Outcome<()> {
    for about in &event.about {
        let Some(about) = records::get(rows, *about)? else {
            continue;
        };
        match about.kind.as_str() {
            kind if kind == ENTITY.name => event.entities.push(about.id),
            kind if kind == EVIDENCE.name => event.evidence.push(about.id),
            kind if kind == REPORT.name => event.report = Some(about.id),
            _ => {}
        }
    }
    Ok(())
}

/// What changed, without the names of what not all of these readers may know of, but for one record.
fn known_changes(
    rows: &Snapshot,
    (kind, changes): (&Kind, &[(String, Value)]),
    (readers, besides): (&[String], Option<RecordId>),
) -> Outcome<Vec<(String, Value)>> {
    sight::of_changes(kind.name, changes, &mut |id| match records::get(rows, id)? {
        Some(named) => Ok(besides == Some(id) || is_known_to(rows, &named, readers)?),
        None => Ok(false),
    })
}

/// The same, and beside it what those hear who may know of a hidden case.
fn with_fuller(
    mut notice: Notice,
    (case, readers): ((RecordId, String), Vec<String>),
    changes: Vec<(String, Value)>,
) -> Notice {
    notice.fuller = Some(Arc::new(Notice {
        hidden_case: Some(case.0),
        case: Some(case),
        changes,
        readers,
        ..notice.clone()
    }));
    notice
}

/// The cases that an event names: their ids and numbers.
enum Cases {
    /// All who hear of it may know of these.
    Told(Vec<(RecordId, String)>),
    /// Only those may know of this one who have one of these words.
    Hidden((RecordId, String), Vec<String>),
}

impl Cases {
    /// Those of a record at a time.
    fn of(store: &Store, rows: &Snapshot, (record, at): (&Record, Hlc), readers: &[String]) -> Outcome<Self> {
        let of_report = |report: &Record| {
            let Some((_, case)) = case_of_report(store, rows, report, at)? else {
                return Ok(Self::Told(Vec::new()));
            };
            let told = (case.id, number_of(&case));
            Ok(match is_known_to(rows, &case, readers)? {
                true => Self::Told(vec![told]),
                false => Self::Hidden(told, find::readers(rows, &case)?),
            })
        };
        match record.kind.as_str() {
            kind if kind == CASE.name => return Ok(Self::Told(vec![(record.id, number_of(record))])),
            kind if kind == REPORT.name => return of_report(record),
            _ => {}
        }
        match find::case_of(rows, record)? {
            Some(case) if case.kind == CASE.name => Ok(Self::Told(vec![(case.id, number_of(&case))])),
            _ if record.kind == ALERT.name => {
                Ok(Self::Told(cases_of_alert(store, rows, (record, at), readers)?))
            }
            Some(report) if report.kind == REPORT.name => of_report(&report),
            _ => Ok(Self::Told(Vec::new())),
        }
    }
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

/// The change that wrote a version, whether or not that is still alive, and when.
fn past(store: &Store, rows: &Snapshot, version: VersionId) -> Outcome<Option<(Hlc, Change)>> {
    let Some(operation) = store.own_operation(rows, version.op.log, version.op.seq)? else {
        return Ok(None);
    };
    let (at, payload) = (operation.header.hlc, operation.payload);
    let change = payload.and_then(|payload| payload.changes.into_iter().nth(version.change.into()));
    Ok(change.map(|change| (at, change)))
}

fn second((_, number): (RecordId, String)) -> String {
    number
}

fn number_of(record: &Record) -> String {
    let number = record.text(DISPLAY_ID);
    number.map_or_else(|| record.id.to_string(), str::to_owned)
}

/// Those that everybody may know of who hears this, and their numbers.
fn numbers_of(rows: &Snapshot, ids: &[RecordId], readers: &[String]) -> Outcome<Vec<(RecordId, String)>> {
    let mut numbers = Vec::new();
    for id in ids {
        let Some(record) = records::get(rows, *id)? else {
            continue;
        };
        if is_known_to(rows, &record, readers)? {
            numbers.push((record.id, number_of(&record)));
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
    store: &Store,
    rows: &Snapshot,
    (alert, at): (&Record, Hlc),
    readers: &[String],
) -> Outcome<Vec<(RecordId, String)>> {
    let about = alert.get("record_id").and_then(Value::as_id);
    let Some(about) = about.map(|id| records::get(rows, id)).transpose()?.flatten() else {
        return Ok(Vec::new());
    };
    let mut bonds = Vec::new();
    if about.kind == REPORT.name {
        bonds.extend(case_of_report(store, rows, &about, at)?);
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

/// The case that a report belonged to at a time, and since when. What was replaced since stands in the log: each change names
/// the versions that it replaced.
fn case_of_report(
    store: &Store,
    rows: &Snapshot,
    report: &Record,
    at: Hlc,
) -> Outcome<Option<(Hlc, Record)>> {
    let (mut shown, mut later): (Option<(Hlc, Value)>, _) = (None, Vec::new());
    for version in report.versions("case_id", Merge::Mv) {
        match version.hlc <= at {
            true => shown = Some((version.hlc, version.value.clone())),
            false => later.push(version.id),
        }
    }
    let mut walked = BTreeSet::new();
    while let Some(version) = later.pop() {
        let Some((written, change)) = past(store, rows, version)? else {
            continue;
        };
        match change.action {
            Action::Set(value) if written <= at => {
                if shown.as_ref().is_none_or(|(known, _)| *known < written) {
                    shown = Some((written, value));
                }
            }
            _ => later.extend(change.seen.into_iter().filter(|earlier| walked.insert(*earlier))),
        }
    }
    let Some((since, Value::Id(case))) = shown else {
        return Ok(None);
    };
    let case = records::get(rows, case)?.filter(|case| !case.is_expunged());
    Ok(case.map(|case| (since, case)))
}

/// `rest:Desk` → `rest`.
fn source_of(operation: &Operation) -> &str {
    let client = operation.header.actor.client.as_str();
    client.split_once(':').map_or(client, |(lane, _)| lane)
}

fn review_path(
    event: &Event,
    record: &Record,
    case: Option<&(RecordId, String)>,
    (entities, evidence, report): (&[(RecordId, String)], &[String], Option<&str>),
) -> Option<String> {
    // What a timeline says of an item stands in the case.
    let item = evidence.first().filter(|_| record.kind != TIMELINE_ENTRY.name);
    // A report has a page of its own, whether or not it belongs to a case.
    let case = case.filter(|_| ![REPORT.name, CHAT_MESSAGE.name].contains(&record.kind.as_str()));
    match (case, entities.first(), item, report) {
        (Some((_, case)), ..) if event.is_alert => Some(format!("/cases/{case}/alerts/{}", event.severity)),
        (_, _, Some(item), _) => Some(format!("/evidence/{item}")),
        (Some((_, case)), ..) => Some(format!("/cases/{case}")),
        (None, Some((_, entity)), ..) => Some(format!("/entities/{entity}")),
        (None, None, None, Some(report)) => Some(format!("/reports/{report}")),
        (None, None, None, None) => None,
    }
}
