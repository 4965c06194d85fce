//! What a record says, as far as it can be looked for: the words by which it is searched, and when a person was born.

use crate::domain::id::RecordId;
use crate::domain::kind::{self, CASE, CHAT_MESSAGE, ENTITY, EVIDENCE, Kind, NOTE, REPORT, TIMELINE_ENTRY};
use crate::domain::record::Record;
use crate::domain::value::Value;
use crate::domain::watch::facts::Facts;
use crate::services::search::document;

/// The kinds that are held against watchlists. What is said about a record counts as said by it.
pub(super) const WATCHED: [&Kind; 7] = [
    &ENTITY,
    &REPORT,
    &CHAT_MESSAGE,
    &EVIDENCE,
    &TIMELINE_ENTRY,
    &CASE,
    &NOTE,
];

/// Whether records of this kind are held against watchlists.
pub(super) fn is_watched(kind: &str) -> bool {
    WATCHED.iter().any(|watched| watched.name == kind)
}

/// The record that a match is about: a message is of its report, a note of what it is about.
pub(super) fn about(record: &Record) -> Option<RecordId> {
    document::found_as(record)
}

/// What the record itself says.
pub(super) fn of(record: &Record) -> Option<Facts> {
    let kind = kind::kind(&record.kind).filter(|kind| is_watched(kind.name) && !record.is_expunged())?;
    let said = document::words(kind, record);
    let mut texts = vec![said.body, said.asides.join("\n")];
    // Of other kinds the title is the beginning of what is described, and of a person it is a name.
    let is_named = said.names.contains(&said.title);
    if kind.name == CASE.name || kind.name == ENTITY.name && !is_named {
        texts.push(said.title);
    }
    texts.retain(|text| !text.is_empty());
    let born = record
        .get("attributes")
        .and_then(|attributes| attributes.get("dob"));
    Some(Facts {
        names: said.names,
        born: born.and_then(Value::as_text).and_then(|day| day.parse().ok()),
        plates: said.plates,
        phones: said.phones,
        identifiers: said.identifiers,
        texts,
    })
}
