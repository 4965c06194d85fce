//! What a record must say, read naively from the raw set of its operations. It shares no code with the fold: no order of
//! arrival, no state, only "who named whom".

use std::collections::{BTreeMap, BTreeSet};

use blotter::domain::id::VersionId;
use blotter::domain::operation::{Action, Change, Merge, Operation};
use blotter::domain::record::Record;
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
        let plain = fields.get(&(*name, Merge::Mv)).map_or(&[][..], Vec::as_slice);
        match merge {
            _ if gone => {}
            Merge::Guarded => check_steps(record, name, (plain, of_field), operations)?,
            // What stands of it is a matter of the steps.
            Merge::Mv if fields.contains_key(&(*name, Merge::Guarded)) => {}
            _ => check_meaning(record, name, *merge, of_field)?,
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
    let conflict = rivals_shown(record, name);
    let violation = record
        .violations()
        .find(|(field, _)| *field == name)
        .map_or(&[][..], |(_, list)| list);
    let shown = record.get(name).cloned().unwrap_or(Value::Null);
    let first = of_field.first().and_then(|w| value(w));
    for write in of_field {
        let value = value(write);
        let good = match merge {
            Merge::Mv => {
                value.as_ref() == Some(&shown) || superseded(write, of_field) || conflict.contains(&write.id)
            }
            Merge::Once => value == first || violation.iter().any(|v| v.id == write.id),
            Merge::OrSet => {
                let member = value.as_ref().is_some_and(|v| record.members(name).contains(&v));
                value.is_none() || member || superseded(write, of_field)
            }
            Merge::Lattice => record.rank(name) >= rank(write),
            Merge::Append => {
                record
                    .versions(name, merge)
                    .iter()
                    .filter(|v| v.id == write.id)
                    .count()
                    == 1
            }
            Merge::Guarded => false,
        };
        fail(good, "a write is lost", &(name, merge, write.id, &shown))?;
    }
    Ok(())
}

fn rivals_shown(record: &Record, name: &str) -> Vec<VersionId> {
    let mut conflicts = record.conflicts();
    let list = conflicts.find(|(field, _)| *field == name).map(|(_, list)| list);
    list.into_iter().flatten().map(|version| version.id).collect()
}

/// A field with a state machine: of the plain writes that are alive and of all steps, those stand that no later step starts
/// from. The latest of them is shown, and those that wait for the same unknown writes, or for none, exclude each other. So
/// a write is shown, was started from by a step that named it, is in the conflict list, or something is still on its way.
fn check_steps(
    record: &Record,
    name: &str,
    (plain, steps): (&[&Write], &[&Write]),
    operations: &[&Operation],
) -> Result<(), String> {
    let mut all: Vec<&Write> = plain.iter().copied().filter(|w| !superseded(w, plain)).collect();
    all.retain(|write| value(write).is_some());
    let is_step = |id: VersionId| steps.iter().any(|step| step.id == id);
    all.extend(steps);
    all.sort_by_key(|write| (write.hlc, write.id));
    let named = |by: &Write, id: VersionId| is_step(by.id) && by.change.seen.contains(&id);
    let arrived = |id: &VersionId| {
        let mut of_log = operations.iter().map(|operation| operation.header.id);
        of_log.any(|op| op.log == id.op.log && op.seq >= id.op.seq)
    };
    let mut waits: Vec<BTreeSet<VersionId>> = Vec::new();
    for (place, write) in all.iter().enumerate() {
        let mut absent = BTreeSet::new();
        if is_step(write.id) {
            let before = (0..place).filter(|before| named(write, all[*before].id));
            absent.extend(before.flat_map(|before| waits[before].clone()));
            absent.extend(write.change.seen.iter().copied().filter(|id| !arrived(id)));
        }
        waits.push(absent);
    }
    let stands = |place: &usize| !all[place + 1..].iter().any(|by| named(by, all[*place].id));
    let standing: Vec<usize> = (0..all.len()).filter(stands).collect();
    let excludes = |a: &usize| standing.iter().any(|b| a != b && waits[*a] == waits[*b]);
    let rivals = standing.iter().filter(|place| excludes(place));
    let rivals: Vec<VersionId> = rivals.map(|place| all[*place].id).collect();
    let expected: Vec<VersionId> = standing.iter().map(|place| all[*place].id).collect();
    let shown: Vec<VersionId> = record.standing(name).iter().map(|version| version.id).collect();
    fail(shown == expected, "others stand", &(name, &shown, &expected))?;
    let listed = rivals_shown(record, name);
    fail(
        listed == rivals,
        "others exclude each other",
        &(name, &listed, &rivals),
    )?;
    let last = standing.last().and_then(|place| value(all[*place]));
    let last = last.filter(|value| *value != Value::Null);
    fail(
        record.get(name) == last.as_ref(),
        "not the latest that stands",
        &(name, &last),
    )
}
