//! What an order takes with it, found on the write thread: nothing can be added to a record while it is looked through.

use std::collections::{BTreeMap, BTreeSet};

use crate::domain::id::{Hash, LogId, OpId, RecordId};
use crate::domain::kind::{self, DISPLAY_ID, EVIDENCE, EXPUNGED_BY_ORDER, EXPUNGED_WITH};
use crate::domain::record::Record;
use crate::domain::time::Hlc;
use crate::domain::value::{Fields, Value};
use crate::services::court::hold::is_held;
use crate::services::failure::{Clash, Failure, Outcome};
use crate::services::find::{self, Belongs};
use crate::store::database::Read;
use crate::store::handle::Store;
use crate::views::{files, ordinals, records};

/// Records, operations and files that go, and records that stay.
#[derive(Debug)]
pub(super) struct Scope {
    /// The record that the order names, then those that have no life without it.
    pub(super) records: Vec<Record>,
    /// All their operations so far.
    operations: Vec<OpId>,
    /// The requests that made them, by key and clock.
    answers: Vec<(Hash, Hlc)>,
    /// Records of their own that name one of them or are named by one.
    linked: Vec<Record>,
    /// Of each item in the cases of the items among them: case, item, number.
    in_case: Vec<(RecordId, RecordId, u64)>,
    files: i64,
    files_kept: i64,
}

impl Scope {
    /// Of one record.
    ///
    /// # Errors
    /// `Conflict` if it or what it is linked to is under a legal hold; `Busy` if it was changed this very moment.
    pub(super) fn of(store: &Store, rows: &impl Read, record: Record) -> Outcome<Self> {
        let records = with_belonging(rows, record)?;
        let ids: Vec<RecordId> = records.iter().map(|record| record.id).collect();
        let linked = linked(rows, &records, &ids)?;
        refuse_held(records.iter().chain(&linked))?;
        for record in &records {
            // Of what lies on a held case through something else: a note on an item of it.
            match find::belongs(rows, record)? {
                Belongs::To(above) => refuse_held([&*above])?,
                Belongs::Alone | Belongs::Unknown => {}
            }
        }
        let (mut operations, mut answers) = (Vec::new(), Vec::new());
        let (mut hashes, mut files_kept) = (BTreeSet::new(), 0);
        for id in &ids {
            for (log, seq) in records::history(rows, *id)? {
                // One of the group that is being gathered can't be read yet.
                let operation = store.operation(rows, log, seq)?.ok_or(Failure::Busy(1))?;
                operations.push(operation.header.id);
                let request = operation.payload.and_then(|payload| payload.request);
                answers.extend(request.map(|request| (request.key, operation.header.hlc)));
            }
            hashes.extend(files::files_of(rows, *id)?);
        }
        for hash in &hashes {
            files_kept += i64::from(files::is_named_beside(rows, *hash, &ids)?);
        }
        Ok(Self {
            in_case: in_case(rows, &records)?,
            records,
            operations,
            answers,
            linked,
            files: i64::try_from(hashes.len()).unwrap_or(i64::MAX) - files_kept,
            files_kept,
        })
    }

    /// What the receipt says of it: ids and counts, and no word of the records.
    pub(super) fn receipt(&self) -> Vec<(&'static str, Value)> {
        let named = |records: &[Record]| Value::List(records.iter().map(named).collect());
        let mut places: BTreeMap<LogId, Vec<Value>> = BTreeMap::new();
        for id in &self.operations {
            let seq = Value::Int(i64::try_from(id.seq).unwrap_or(i64::MAX));
            places.entry(id.log).or_default().push(seq);
        }
        let places = places.into_iter().map(|(log, seqs)| {
            let members = [("log", Value::Text(log.to_string())), ("seqs", Value::List(seqs))];
            map(members)
        });
        let answers = self.answers.iter().map(|(key, clock)| {
            let clock = Value::Int(i64::try_from(clock.0).unwrap_or(i64::MAX));
            map([("key", Value::Text(key.to_string())), ("clock", clock)])
        });
        let in_case = self.in_case.iter().map(|(case, item, number)| {
            let number = Value::Int(i64::try_from(*number).unwrap_or(i64::MAX));
            map([
                ("case", Value::Id(*case)),
                ("item", Value::Id(*item)),
                ("number", number),
            ])
        });
        vec![
            ("in_case", Value::List(in_case.collect())),
            ("records", named(&self.records)),
            ("operations", Value::List(places.collect())),
            ("linked", named(&self.linked)),
            ("files", Value::Int(self.files)),
            ("files_kept", Value::Int(self.files_kept)),
            ("answers", Value::List(answers.collect())),
        ]
    }
}

/// The numbers of all items of the cases that items among these records belong to.
fn in_case(rows: &impl Read, going: &[Record]) -> Outcome<Vec<(RecordId, RecordId, u64)>> {
    let items = going.iter().filter(|record| record.kind == EVIDENCE.name);
    let cases: BTreeSet<RecordId> = items.filter_map(|item| item.get("case_id")?.as_id()).collect();
    let mut numbers = Vec::new();
    for case in cases {
        for item in records::linked(rows, case, (EVIDENCE.name, "case_id"))? {
            numbers.extend(ordinals::in_case(rows, item)?.map(|number| (case, item, number)));
        }
    }
    Ok(numbers)
}

fn map<const N: usize>(members: [(&str, Value); N]) -> Value {
    let members = members.into_iter().map(|(name, value)| (name.to_owned(), value));
    Value::Map(members.collect::<Fields>())
}

fn named(record: &Record) -> Value {
    let mut named = Fields::from([
        ("id".to_owned(), Value::Id(record.id)),
        ("kind".to_owned(), Value::text(record.kind.clone())),
    ]);
    let number = record.text(DISPLAY_ID).map(Value::text);
    named.extend(number.map(|number| ("number".to_owned(), number)));
    Value::Map(named)
}

/// The record, and those that have no life without it, at any depth.
fn with_belonging(rows: &impl Read, record: Record) -> Outcome<Vec<Record>> {
    let mut found = vec![record];
    let mut looked_at = 0;
    while let Some(above) = found.get(looked_at).map(|record| record.id) {
        looked_at += 1;
        let mut below = Vec::new();
        for kind in EXPUNGED_WITH {
            for field in kind.fields.iter().filter(|field| field.parent) {
                below.extend(records::linked(rows, above, (kind.name, field.name))?);
            }
        }
        for id in below {
            if found.iter().all(|known| known.id != id) {
                found.extend(records::get(rows, id)?);
            }
        }
    }
    Ok(found)
}

/// The records of their own that are linked with these, either way.
fn linked(rows: &impl Read, records: &[Record], ids: &[RecordId]) -> Outcome<Vec<Record>> {
    let mut others = BTreeSet::new();
    for record in records {
        for version in record.fields.values().flat_map(|field| &field.versions) {
            ids_in(&version.value, &mut others);
        }
        others.extend(records::naming(rows, record.id)?);
    }
    let mut linked = Vec::new();
    for id in others.into_iter().filter(|id| !ids.contains(id)) {
        let other = records::get(rows, id)?.filter(|other| !other.is_expunged());
        linked.extend(other.filter(|other| EXPUNGED_BY_ORDER.iter().any(|kind| kind.name == other.kind)));
    }
    Ok(linked)
}

fn ids_in(value: &Value, ids: &mut BTreeSet<RecordId>) {
    match value {
        Value::Id(id) => drop(ids.insert(*id)),
        Value::List(list) => list.iter().for_each(|member| ids_in(member, ids)),
        Value::Map(map) => map.values().for_each(|member| ids_in(member, ids)),
        _ => {}
    }
}

/// Nothing is destroyed while it, or what it is linked to, is held for a court.
fn refuse_held<'r>(records: impl IntoIterator<Item = &'r Record>) -> Outcome<()> {
    let held = records.into_iter().find(|record| is_held(record));
    let Some(held) = held else { return Ok(()) };
    let what = kind::kind(&held.kind).map_or("record", |kind| kind.name);
    let number = held.text(DISPLAY_ID).unwrap_or_default();
    let text = format!("the {what} {number} is under a legal hold, so nothing of it can be expunged");
    let meta = Fields::from([("held".to_owned(), Value::Id(held.id))]);
    Err(Failure::Conflict(Clash::State, text, meta))
}
