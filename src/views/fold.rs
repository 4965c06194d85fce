//! The fold: one record's state and one more operation make the next state. Pure, free of any schema, and the same in
//! whatever way the operations of several logs are woven together. Each log comes in its own order, as logs travel;
//! an operation given twice changes nothing.

use std::collections::BTreeMap;

use crate::domain::id::{OpId, VersionId};
use crate::domain::operation::{Action, Change, Header, Merge, Operation};
use crate::domain::record::{Field, Record, SEALING, Stamp, Version};
use crate::domain::value::Value;

/// The rules of this fold. A change of any of them is a new version, and every view is folded again.
pub const FOLD_VERSION: u32 = 1;

/// The record after `operation`.
#[must_use]
pub fn fold(record: Option<Record>, operation: &Operation) -> Record {
    let header = &operation.header;
    let mut record = record.unwrap_or_else(|| unborn(header));
    if record
        .heads
        .get(&header.id.log)
        .is_some_and(|head| *head >= header.id.seq)
    {
        return record;
    }
    // An erased payload says nothing any more; that it was there still counts.
    let changes = operation
        .payload
        .as_ref()
        .map_or(&[][..], |payload| &payload.changes);
    for (place, change) in (0..=u16::MAX).zip(changes) {
        let id = VersionId {
            op: header.id,
            change: place,
        };
        apply(&mut record, id, header, change);
    }
    touch(&mut record, header);
    record
}

fn unborn(header: &Header) -> Record {
    let stamp = Stamp {
        hlc: header.hlc,
        op: header.id,
    };
    Record {
        id: header.record,
        kind: header.kind.clone(),
        tenant: header.tenant.clone(),
        created: stamp,
        updated: stamp,
        version: 0,
        heads: BTreeMap::new(),
        fields: BTreeMap::new(),
    }
}

/// Counts the operation in; the earliest one says what the record is.
fn touch(record: &mut Record, header: &Header) {
    let stamp = Stamp {
        hlc: header.hlc,
        op: header.id,
    };
    if stamp < record.created {
        record.created = stamp;
        record.kind.clone_from(&header.kind);
        record.tenant.clone_from(&header.tenant);
    }
    record.updated = record.updated.max(stamp);
    record.version += 1;
    record.heads.insert(header.id.log, header.id.seq);
    let expunged = record.is_expunged();
    record.fields.retain(|(name, merge), field| {
        field
            .awaited
            .retain(|id| id.op.log != header.id.log || id.op.seq > header.id.seq);
        let kept = !expunged || (name == SEALING && *merge == Merge::Lattice);
        kept && !(field.versions.is_empty() && field.awaited.is_empty())
    });
}

fn apply(record: &mut Record, id: VersionId, header: &Header, change: &Change) {
    let heads = &record.heads;
    let arrived = |op: OpId| op == header.id || heads.get(&op.log).is_some_and(|head| *head >= op.seq);
    let field = record
        .fields
        .entry((change.field.clone(), change.action.merge()))
        .or_default();
    let version = |value: &Value| Version {
        id,
        hlc: header.hlc,
        value: value.clone(),
        follows: Vec::new(),
    };
    match &change.action {
        Action::Set(value) | Action::Add(value) => {
            replace(field, &change.seen, arrived);
            if !field.awaited.contains(&id) {
                insert(&mut field.versions, version(value));
            }
        }
        Action::Remove => replace(field, &change.seen, arrived),
        Action::Append(value) | Action::Fix(value) => insert(&mut field.versions, version(value)),
        Action::Step(value) => {
            let mut follows = change.seen.clone();
            follows.sort_unstable();
            follows.dedup();
            insert(
                &mut field.versions,
                Version {
                    follows,
                    ..version(value)
                },
            );
        }
        Action::Raise(rank) => raise(field, version(&Value::Int(i64::from(*rank)))),
    }
}

/// Keeps the order (clock, id). Within a log the clock only grows, so this is also each log's own order.
fn insert(versions: &mut Vec<Version>, version: Version) {
    let place = versions.partition_point(|other| (other.hlc, other.id) < (version.hlc, version.id));
    versions.insert(place, version);
}

/// Takes away what the author saw; what has not arrived yet is dropped when it does.
fn replace(field: &mut Field, seen: &[VersionId], arrived: impl Fn(OpId) -> bool) {
    field.versions.retain(|version| !seen.contains(&version.id));
    field.awaited.extend(seen.iter().filter(|id| !arrived(id.op)));
}

/// The highest rank stays, and of equal ones the earliest.
fn raise(field: &mut Field, version: Version) {
    let order = |v: &Version| (std::cmp::Reverse(v.value.as_int()), v.hlc, v.id);
    match field.versions.first() {
        Some(highest) if order(highest) <= order(&version) => {}
        _ => field.versions = vec![version],
    }
}
