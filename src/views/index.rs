//! The rows by which a record is found: a pure function of the record, so that they follow it by the difference of two calls.

use std::collections::BTreeSet;

use crate::domain::id::RecordId;
use crate::domain::kind::{DISPLAY_ID, ERASURE, Field, Kind, Numbering, kind};
use crate::domain::matching::fold::composed;
use crate::domain::operation::Merge;
use crate::domain::record::{Record, SEALING};
use crate::domain::time::Hlc;
use crate::domain::value::Value;
use crate::store::tables::Table;
use crate::views::keys::Key;
use crate::views::words;

/// A row that a record causes; all but names have empty values.
pub type Row = (Table, Vec<u8>);

/// The two orders of lists.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Order {
    /// By creation.
    Created,
    /// By last change.
    Updated,
}

impl Order {
    fn letter(self) -> &'static str {
        match self {
            Self::Created => "c",
            Self::Updated => "u",
        }
    }
}

/// The part that all keys of one list have in common.
pub fn list_prefix(tenant: &str, kind: &str, order: Order) -> Key {
    Key::text(tenant).and_text(kind).and_text(order.letter())
}

/// The key of a record in one of its kind's lists.
pub fn list_key(record: &Record, order: Order) -> Vec<u8> {
    let hlc = match order {
        Order::Created => record.created.hlc,
        Order::Updated => record.updated.hlc,
    };
    list_prefix(record.tenant.as_str(), &record.kind, order)
        .and_hlc(hlc)
        .and_record(record.id)
        .bytes()
}

/// The key of the number of an agency's records of a kind; of reports each mode is counted for itself.
pub fn count_key(tenant: &str, kind: &str, mode: &str) -> Vec<u8> {
    Key::text(tenant)
        .and_text("!count")
        .and_text(kind)
        .and_text(mode)
        .bytes()
}

/// The key of the number of an agency's records that are not open to all of its people.
pub fn closed_count_key(tenant: &str) -> Vec<u8> {
    Key::text(tenant).and_text("!closed").bytes()
}

/// The numbers in which a record counts. An expunged one is none of its kind, but what belonged to it is closed.
pub fn counts_of(record: &Record) -> BTreeSet<Vec<u8>> {
    let tenant = record.tenant.as_str();
    if record.is_expunged() {
        return BTreeSet::from([closed_count_key(tenant)]);
    }
    let mode = record.text("mode").unwrap_or_default();
    let mut counts = BTreeSet::from([count_key(tenant, &record.kind, mode)]);
    let mut classes = record.versions("classification", Merge::Mv).iter();
    let is_open = |class: &Value| class.as_text().is_none_or(|class| class == "open");
    if record.rank(SEALING) > 0 || !classes.all(|version| is_open(&version.value)) {
        counts.insert(closed_count_key(tenant));
    }
    counts
}

/// The part that the keys of all records with open conflicts or violations have in common: a list beside those of the kinds.
pub fn conflicts_prefix(tenant: &str) -> Key {
    Key::text(tenant).and_text("!conflicts")
}

/// The key of what a unique field says, in whichever form of Unicode it was written. Fields by which one signs in are unique over all tenants.
pub fn name_key(tenant: &str, kind: &Kind, field: &Field, value: &str) -> Vec<u8> {
    let tenant = if field.unique_everywhere() { "" } else { tenant };
    Key::text(tenant)
        .and_text(kind.name)
        .and_text(field.name)
        .and_text(&composed(value))
        .bytes()
}

/// The key of a display id. Bare numbers count over all tenants and within their kind, the others name their kind themselves.
pub fn display_key(tenant: &str, kind: Option<&Kind>, display: &str) -> Vec<u8> {
    match kind {
        Some(kind) if kind.numbering == Numbering::Bare => {
            Key::text("").and_text(kind.name).and_text(display).bytes()
        }
        _ => Key::text(tenant).and_text("#").and_text(display).bytes(),
    }
}

/// The part that all links to a record from one field of one kind have in common.
pub fn link_prefix(target: RecordId, kind: &str, field: &str) -> Key {
    Key::record(target).and_text(&format!("{kind}.{field}"))
}

/// The part that the keys of all erasures that are not finished have in common, over all tenants: none has such a name.
pub fn erasures_prefix() -> Key {
    Key::text("!erasures")
}

/// All rows by which a record is found: none of an expunged one. A kind unknown here has only its lists.
pub fn rows_of(record: &Record) -> BTreeSet<Row> {
    let tenant = record.tenant.as_str();
    let mut rows = BTreeSet::new();
    if record.is_expunged() {
        return rows;
    }
    if record.kind == ERASURE.name && record.get("completed_at").is_none() {
        rows.insert((Table::Lists, erasures_prefix().and_record(record.id).bytes()));
    }
    for order in [Order::Created, Order::Updated] {
        rows.insert((Table::Lists, list_key(record, order)));
    }
    if record.conflicts().next().is_some() || record.violations().next().is_some() {
        let key = conflicts_prefix(tenant)
            .and_hlc(record.updated.hlc)
            .and_record(record.id);
        rows.insert((Table::Lists, key.bytes()));
    }
    let Some(kind) = kind(&record.kind) else {
        return rows;
    };
    if let Some(display) = record.text(DISPLAY_ID) {
        rows.insert((Table::Names, display_key(tenant, Some(kind), display)));
    }
    rows.extend(words::keys(record).map(|key| (Table::Words, key)));
    let time = sort_time(record);
    // A record has few of its kind's fields.
    for field in record
        .fields
        .keys()
        .filter_map(|(name, _)| kind.all_fields().find(|field| field.name == name))
    {
        if field.unique
            && let Some(value) = record.get(field.name).and_then(written)
        {
            rows.insert((Table::Names, name_key(tenant, kind, field, &value)));
        }
        let mut targets = Vec::new();
        match field.merge {
            Merge::Mv | Merge::Once => record
                .get(field.name)
                .into_iter()
                .for_each(|v| ids_in(v, &mut targets)),
            Merge::OrSet => record
                .members(field.name)
                .into_iter()
                .for_each(|v| ids_in(v, &mut targets)),
            Merge::Append | Merge::Lattice | Merge::Guarded => {}
        }
        for target in targets {
            let key = link_prefix(target, kind.name, field.name)
                .and_i64(time)
                .and_record(record.id);
            rows.insert((Table::Links, key.bytes()));
        }
    }
    rows
}

/// By what a record stands among its like: its own time if it tells one, else that of its creation.
fn sort_time(record: &Record) -> i64 {
    let told = record.get("timestamp").and_then(Value::as_time);
    told.map_or_else(
        || created_order(record.created.hlc),
        |time| time.0.saturating_mul(1 << 16),
    )
}

/// The clock with its counter, so that what one request made keeps its order.
fn created_order(hlc: Hlc) -> i64 {
    i64::try_from(hlc.0).unwrap_or(i64::MAX)
}

/// A value as text that names it.
pub fn written(value: &Value) -> Option<String> {
    match value {
        Value::Text(text) => Some(text.clone()),
        Value::Int(number) => Some(number.to_string()),
        _ => None,
    }
}

fn ids_in(value: &Value, ids: &mut Vec<RecordId>) {
    match value {
        Value::Id(id) => ids.push(*id),
        Value::List(list) => list.iter().for_each(|member| ids_in(member, ids)),
        Value::Map(map) => map.values().for_each(|member| ids_in(member, ids)),
        _ => {}
    }
}
