//! A record as it is searched: made from the tables of the kinds, with the words that open it to readers.

use std::collections::BTreeSet;

use crate::domain::id::RecordId;
use crate::domain::kind::{
    self, CASE, CHAT_MESSAGE, DISPLAY_ID, ENTITY, EVIDENCE, EXTERNAL_ID, Field, NOTE, REPORT, Shape,
    TIMELINE_ENTRY, Writer,
};
use crate::domain::operation::Merge;
use crate::domain::record::Record;
use crate::domain::value::Value;
use crate::search::document::{DocText, SearchDoc};
use crate::services::caller::Caller;
use crate::services::find;
use crate::services::policy::{self, Deed};
use crate::store::database::{Direction, Read};
use crate::store::error::StoreError;
use crate::views::records;

/// The kinds that are found by themselves.
pub const SEARCHED: [&kind::Kind; 5] = [&CASE, &ENTITY, &EVIDENCE, &TIMELINE_ENTRY, &REPORT];
/// What opens a report of a training, in place of `open`: it is found by those alone who ask for trainings.
pub const TRAINING: &str = "training";

/// Kinds whose text is found as part of the record that they belong to, with the field that names it.
const TOLD_WITH: [(&kind::Kind, &str); 2] = [(&NOTE, "record_id"), (&CHAT_MESSAGE, "report_id")];
/// A title is one line of this many characters at most.
const TITLE_CHARS_MAX: usize = 200;
/// Notes and messages of one record that are searched, at most.
const TOLD_MAX: usize = 1_000;

/// Whether records of this kind are found by themselves.
pub fn is_searched(kind: &str) -> bool {
    SEARCHED.iter().any(|searched| searched.name == kind)
}

/// The record under which this one is found: itself, or what it was said about. `None`: it is not searched.
pub fn found_as(record: &Record) -> Option<RecordId> {
    if is_searched(&record.kind) {
        return Some(record.id);
    }
    let (_, field) = TOLD_WITH.iter().find(|(kind, _)| kind.name == record.kind)?;
    record.get(field).and_then(Value::as_id)
}

/// Before the words of who may read the record, but not the notes about it.
const WITHOUT_NOTES: &str = "without-notes:";

/// The words by which a caller is let in to documents.
pub fn words_of(caller: &Caller, training: bool) -> Vec<String> {
    let words = match training {
        true => vec![TRAINING.to_owned()],
        false => policy::words_of(caller),
    };
    match policy::has_scope(caller, &policy::scope_for(&NOTE, Deed::Read)) {
        true => words,
        false => without_notes(&words),
    }
}

fn without_notes(words: &[String]) -> Vec<String> {
    let words = words.iter();
    words.map(|word| format!("{WITHOUT_NOTES}{word}")).collect()
}

/// The documents of a record: none if it is not searched or nothing of it is left; a second one where notes are about it that not
/// everybody may read who may read the record.
///
/// # Errors
/// The disk failed.
pub fn documents(rows: &impl Read, record: &Record) -> Result<Vec<SearchDoc>, StoreError> {
    let Some(kind) = kind::kind(&record.kind).filter(|kind| is_searched(kind.name)) else {
        return Ok(Vec::new());
    };
    if record.is_expunged() {
        return Ok(Vec::new());
    }
    let case = find::case_of(rows, record)?;
    let mut text = words(kind, record);
    let classified = [Some(record), case.as_ref()].into_iter().flatten();
    let classification = classified
        .filter_map(|record| record.text("classification"))
        .next();
    text.classification = classification.unwrap_or_default().to_owned();
    text.office = office(rows, record, case.as_ref())?;
    text.case_ids = cases(rows, record, case.as_ref())?;
    let mut access = find::readers(rows, record)?;
    if record.text("mode") == Some("training") {
        access = vec![TRAINING.to_owned()];
    }
    let others = match kind.scope == NOTE.scope {
        true => Vec::new(),
        false => without_notes(&access),
    };
    let document = |access: Vec<String>, text: &DocText| SearchDoc {
        id: record.id,
        tenant: record.tenant.clone(),
        access,
        text: text.clone(),
    };
    let (noted, own) = told_with(rows, record.id)?
        .into_iter()
        .partition(|(told, _)| *told == NOTE.name);
    tell(&mut text, own);
    if noted.is_empty() {
        access.extend(others);
        return Ok(vec![document(access, &text)]);
    }
    let bare = (!others.is_empty()).then(|| document(others, &text));
    tell(&mut text, noted);
    Ok([document(access, &text)].into_iter().chain(bare).collect())
}

fn tell(text: &mut DocText, parts: Vec<(&str, String)>) {
    for (_, part) in parts {
        text.body.push('\n');
        text.body.push_str(&part);
    }
}

/// What the record itself says, by what it is.
pub(in crate::services) fn words(kind: &kind::Kind, record: &Record) -> DocText {
    let text = |field: &str| record.text(field).unwrap_or_default().to_owned();
    let mut doc = DocText {
        kind: kind_path(record),
        display_id: text(DISPLAY_ID),
        title: title(record),
        status: text("status"),
        created_ms: record.created.hlc.millis().0,
        updated_ms: record.updated.hlc.millis().0,
        ..DocText::default()
    };
    doc.tags = record
        .members("tags")
        .into_iter()
        .filter_map(Value::as_text)
        .map(str::to_owned)
        .collect();
    let levels = ["priority", "risk_level", "severity"];
    doc.level = levels
        .iter()
        .map(|level| text(level))
        .find(|level| !level.is_empty())
        .unwrap_or_default();
    for field in ["case_number", "barcode", EXTERNAL_ID.name] {
        doc.identifiers.extend(record.text(field).map(str::to_owned));
    }
    let named = [
        "title",
        "display_name",
        "status",
        "priority",
        "risk_level",
        "severity",
        "classification",
        "mode",
    ];
    let skipped = |name: &str| {
        named.contains(&name) || name == "tags" || name == "case_number" || name == EXTERNAL_ID.name
    };
    // What the program writes itself (by which key a report came) is no text of the record.
    let is_said = |field: &&Field| matches!(field.writer, Writer::Client | Writer::Creator);
    for field in kind
        .all_fields()
        .filter(|field| is_said(field) && !skipped(field.name))
    {
        let values = match field.merge {
            Merge::Mv | Merge::Once => record.get(field.name).into_iter().collect(),
            Merge::OrSet => record.members(field.name),
            Merge::Append | Merge::Lattice | Merge::Guarded => Vec::new(),
        };
        for value in values {
            match field.shape {
                Shape::Choice(_) => {}
                _ => gather(field.name, value, &mut doc),
            }
        }
    }
    doc.body.truncate(doc.body.trim_end().len());
    if record.kind == ENTITY.name {
        let name = text("display_name");
        match record.text("kind") {
            Some("person" | "organization") if !doc.names.contains(&name) => doc.names.push(name),
            Some("vehicle") if doc.plates.is_empty() => doc.plates.push(name),
            Some("phone") if doc.phones.is_empty() => doc.phones.push(name),
            _ => {}
        }
    }
    doc
}

/// Sorts the text within a value by the name under which it stands.
fn gather(name: &str, value: &Value, doc: &mut DocText) {
    match value {
        Value::Text(text) => {
            let place = match name {
                "names" | "aliases" | "name" | "recovered_by" | "former_names" => &mut doc.names,
                "plate" | "plates" => &mut doc.plates,
                "phone" | "phones" => &mut doc.phones,
                "number" if text.starts_with('+') => &mut doc.phones,
                "vin" | "imei" | "serial" | "identifiers" | "number" | "barcode" => &mut doc.identifiers,
                "role" => &mut doc.asides,
                _ => {
                    doc.body.push_str(text);
                    doc.body.push('\n');
                    return;
                }
            };
            place.push(text.clone());
        }
        Value::List(list) => list.iter().for_each(|member| gather(name, member, doc)),
        // A place is called by its name, which is none of a person.
        Value::Map(map) => map
            .iter()
            .for_each(|(member, value)| match (name, member.as_str()) {
                ("place", "name") => gather("place", value, doc),
                ("identifiers", _) => gather("identifiers", value, doc),
                _ => gather(member, value, doc),
            }),
        _ => {}
    }
}

fn kind_path(record: &Record) -> String {
    match record.text("kind").filter(|_| record.kind == ENTITY.name) {
        Some(kind) => format!("{}/{kind}", record.kind),
        None => record.kind.clone(),
    }
}

fn title(record: &Record) -> String {
    let fields = ["title", "display_name", "description"];
    let told = fields.iter().find_map(|field| record.text(field));
    let line = told.unwrap_or_default().lines().next().unwrap_or_default().trim();
    match (line.is_empty(), record.text(DISPLAY_ID)) {
        (true, Some(display)) => format!("{} {display}", record.kind),
        _ => line.chars().take(TITLE_CHARS_MAX).collect(),
    }
}

fn office(rows: &impl Read, record: &Record, case: Option<&Record>) -> Result<String, StoreError> {
    let named = |record: &Record| record.get("office_id").and_then(Value::as_id);
    let Some(id) = named(record).or_else(|| case.and_then(named)) else {
        return Ok(String::new());
    };
    let office = records::get(rows, id)?;
    Ok(office
        .and_then(|office| office.text("name").map(str::to_owned))
        .unwrap_or_default())
}

/// The cases that a record belongs to: its parent, itself if it is one, and those that name it.
fn cases(rows: &impl Read, record: &Record, case: Option<&Record>) -> Result<Vec<String>, StoreError> {
    let mut ids: BTreeSet<RecordId> = case.map(|case| case.id).into_iter().collect();
    if record.kind == CASE.name {
        ids.insert(record.id);
    }
    if record.kind == REPORT.name {
        ids.extend(record.get("case_id").and_then(Value::as_id));
    }
    if record.kind == ENTITY.name {
        let naming = (CASE.name, "entities");
        records::links(rows, record.id, naming, Direction::Up, None, &mut |_, id| {
            ids.insert(id);
            ids.len() < TOLD_MAX
        })?;
    }
    let mut written = Vec::new();
    for id in ids {
        written.push(id.to_string());
        if let Some(case) = records::get(rows, id)? {
            written.extend(case.text(DISPLAY_ID).map(str::to_owned));
        }
    }
    Ok(written)
}

/// The text of notes and messages about a record, each with its kind.
fn told_with(rows: &impl Read, id: RecordId) -> Result<Vec<(&'static str, String)>, StoreError> {
    let mut parts = Vec::new();
    for (kind, field) in TOLD_WITH {
        records::links(rows, id, (kind.name, field), Direction::Up, None, &mut |_, id| {
            parts.push((kind.name, id));
            parts.len() < TOLD_MAX
        })?;
    }
    let mut texts = Vec::new();
    for (kind, part) in parts {
        let part = records::get(rows, part)?.filter(|part| !part.is_expunged());
        let text = part.and_then(|part| part.text("text").map(str::to_owned));
        texts.extend(text.map(|text| (kind, text)));
    }
    Ok(texts)
}
