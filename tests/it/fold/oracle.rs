//! What a record must say, read naively from the raw set of its operations. It shares no code with the fold: no order of
//! arrival, no state, only "who named whom".

use std::collections::BTreeMap;

use blotter::domain::id::VersionId;
use blotter::domain::operation::{Action, Change, Merge, Operation};
use blotter::domain::record::{Record, Version};
use blotter::domain::time::Hlc;
use blotter::domain::value::Value;

/// One change, with where and when it was made.
struct Write<'o> {
    id: VersionId,
    hlc: Hlc,
    change: &'o Change,
}

/// What one field says: the ids of its changes that count, by clock, with their values.
type Expected = Vec<(VersionId, Value)>;

/// `Err` says what the record has wrong, if anything.
pub(super) fn check(record: Option<&Record>, operations: &[&Operation]) -> Result<(), String> {
    let Some(record) = record else {
        return fail(
            operations.is_empty(),
            "a record without a state",
            &operations.len(),
        );
    };
    let writes = writes(operations);
    check_head(record, operations)?;
    let mut fields: BTreeMap<(&str, Merge), Vec<&Write>> = BTreeMap::new();
    for write in &writes {
        let kind = kind(&write.change.action);
        fields.entry((&write.change.field, kind)).or_default().push(write);
    }
    let seals = fields.get(&("sealing", Merge::Lattice));
    let expunged = seals.is_some_and(|seals| seals.iter().any(|w| rank(w) >= 2));
    for ((name, merge), of_field) in &fields {
        let gone = expunged && !(*name == "sealing" && *merge == Merge::Lattice);
        let expected = if gone {
            Vec::new()
        } else {
            expect(*merge, of_field)
        };
        let shown: Expected = record
            .versions(name, *merge)
            .iter()
            .map(|version| (version.id, version.value.clone()))
            .collect();
        fail(
            shown == expected,
            "versions differ",
            &(name, merge, &shown, &expected),
        )?;
        if !gone {
            check_meaning(record, name, *merge, of_field)?;
        }
    }
    let unknown = record.fields.iter().find(|((name, merge), field)| {
        !field.versions.is_empty() && !fields.contains_key(&(name.as_str(), *merge))
    });
    fail(unknown.is_none(), "a field that nobody wrote", &unknown)
}

fn fail(good: bool, what: &str, seen: &dyn std::fmt::Debug) -> Result<(), String> {
    if good {
        Ok(())
    } else {
        Err(format!("{what}: {seen:?}"))
    }
}

fn writes<'o>(operations: &[&'o Operation]) -> Vec<Write<'o>> {
    let mut writes = Vec::new();
    for operation in operations {
        let changes = operation.payload.iter().flat_map(|payload| &payload.changes);
        for (place, change) in changes.enumerate() {
            let id = VersionId {
                op: operation.header.id,
                change: u16::try_from(place).unwrap_or(u16::MAX),
            };
            let hlc = operation.header.hlc;
            writes.push(Write { id, hlc, change });
        }
    }
    writes.sort_by_key(|write| (write.hlc, write.id));
    writes
}

fn check_head(record: &Record, operations: &[&Operation]) -> Result<(), String> {
    let by_clock = |o: &&&Operation| (o.header.hlc, o.header.id);
    let first = operations
        .iter()
        .min_by_key(by_clock)
        .ok_or("a state without operations")?;
    let last = operations
        .iter()
        .max_by_key(by_clock)
        .ok_or("a state without operations")?;
    let born = (
        &record.kind,
        &record.tenant,
        record.created.hlc,
        record.created.op,
    );
    let header = &first.header;
    fail(
        born == (&header.kind, &header.tenant, header.hlc, header.id),
        "not the first operation's",
        &born,
    )?;
    let updated = (record.updated.hlc, record.updated.op);
    fail(
        updated == (last.header.hlc, last.header.id),
        "not the last operation's",
        &updated,
    )?;
    fail(
        record.version == operations.len() as u64,
        "miscounted",
        &record.version,
    )
}

fn kind(action: &Action) -> Merge {
    match action {
        Action::Set(_) => Merge::Mv,
        Action::Append(_) => Merge::Append,
        Action::Add(_) | Action::Remove => Merge::OrSet,
        Action::Fix(_) => Merge::Once,
        Action::Raise(_) => Merge::Lattice,
        Action::Step(_) => Merge::Guarded,
    }
}

fn value(write: &Write) -> Option<Value> {
    match &write.change.action {
        Action::Set(value)
        | Action::Append(value)
        | Action::Add(value)
        | Action::Fix(value)
        | Action::Step(value) => Some(value.clone()),
        Action::Raise(rank) => Some(Value::Int(i64::from(*rank))),
        Action::Remove => None,
    }
}

fn rank(write: &Write) -> u32 {
    match write.change.action {
        Action::Raise(rank) => rank,
        _ => 0,
    }
}

/// Whether another change of the field names this one. Of its own operation only a later change can.
fn superseded(write: &Write, of_field: &[&Write]) -> bool {
    of_field.iter().any(|by| {
        by.change.seen.contains(&write.id) && (by.id.op != write.id.op || by.id.change > write.id.change)
    })
}

/// `of_field` is in the order of the clock.
fn expect(merge: Merge, of_field: &[&Write]) -> Expected {
    let all: Vec<(&Write, Value)> = of_field.iter().filter_map(|w| Some((*w, value(w)?))).collect();
    let kept: Vec<(&Write, Value)> = match merge {
        Merge::Mv | Merge::OrSet => all
            .into_iter()
            .filter(|(w, _)| !superseded(w, of_field))
            .collect(),
        Merge::Append | Merge::Once | Merge::Guarded => all,
        Merge::Lattice => {
            let top = of_field.iter().map(|w| rank(w)).max().unwrap_or(0);
            all.into_iter().filter(|(w, _)| rank(w) == top).take(1).collect()
        }
    };
    kept.into_iter().map(|(w, value)| (w.id, value)).collect()
}

/// The invariants by name, over what a reader of the record is shown.
fn check_meaning(record: &Record, name: &str, merge: Merge, of_field: &[&Write]) -> Result<(), String> {
    let in_list =
        |list: Option<&[Version]>, id: VersionId| list.is_some_and(|l| l.iter().any(|v| v.id == id));
    let conflict = record
        .conflicts()
        .find(|(field, _)| *field == name)
        .map(|(_, list)| list);
    let violation = record
        .violations()
        .find(|(field, _)| *field == name)
        .map(|(_, list)| list);
    let shown = record.get(name).cloned().unwrap_or(Value::Null);
    let first = of_field.first().and_then(|w| value(w));
    for write in of_field {
        let value = value(write);
        let good = match merge {
            Merge::Mv => {
                value.as_ref() == Some(&shown) || superseded(write, of_field) || in_list(conflict, write.id)
            }
            Merge::Once => value == first || in_list(violation, write.id),
            Merge::OrSet => {
                let member = value.as_ref().is_some_and(|v| record.members(name).contains(&v));
                value.is_none() || member || superseded(write, of_field)
            }
            Merge::Lattice => record.rank(name) >= rank(write),
            Merge::Append | Merge::Guarded => {
                record
                    .versions(name, merge)
                    .iter()
                    .filter(|v| v.id == write.id)
                    .count()
                    == 1
            }
        };
        fail(good, "a write is lost", &(name, merge, write.id, &shown))?;
    }
    Ok(())
}
