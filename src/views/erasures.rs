//! Erasures by a court's order: the rows that follow from a receipt. A fold of the journal after the payloads are gone must
//! give the rows that are there, so what only a payload said and must not be forgotten (a number that was given out, a request
//! that was answered) is said again by the receipt.

use crate::domain::id::{Hash, LogId, OpId, RecordId};
use crate::domain::record::Record;
use crate::domain::time::Hlc;
use crate::domain::value::Value;
use crate::store::database::{Direction, Read, Rows};
use crate::store::error::StoreError;
use crate::store::tables::Table;
use crate::views::index::erasures_prefix;
use crate::views::{local, ordinals, records};

/// Lets the rows follow a receipt.
pub(super) fn apply(rows: &mut Rows<'_>, receipt: &Record, now: Hlc) -> Result<(), StoreError> {
    for named in list(receipt, "records") {
        let text = |member: &str| named.get(member).and_then(Value::as_text);
        if let (Some(kind), Some(number)) = (text("kind"), text("number")) {
            records::count_number(rows, (&receipt.tenant, kind), number)?;
        }
    }
    for numbered in list(receipt, "in_case") {
        let id = |member: &str| numbered.get(member).and_then(Value::as_id);
        let number = numbered.get("number").and_then(Value::as_int);
        let number = number.and_then(|number| u64::try_from(number).ok());
        if let (Some(case), Some(item), Some(number)) = (id("case"), id("item"), number) {
            ordinals::restate(rows, case, item, number)?;
        }
    }
    let answers = list(receipt, "answers").iter().filter_map(|answer| {
        let key: Hash = answer.get("key")?.as_text()?.parse().ok()?;
        let clock = u64::try_from(answer.get("clock")?.as_int()?).ok()?;
        Some((key, Hlc(clock)))
    });
    local::bury_answers(rows, &answers.collect::<Vec<_>>(), now)
}

fn list<'r>(receipt: &'r Record, field: &str) -> &'r [Value] {
    receipt.get(field).map_or(&[], Value::as_list)
}

/// The operations whose payloads a receipt says are destroyed.
pub fn operations(receipt: &Record) -> Vec<OpId> {
    let mut operations = Vec::new();
    for place in list(receipt, "operations") {
        let log = place.get("log").and_then(Value::as_text);
        let Some(log) = log.and_then(|log| log.parse().ok()).map(LogId) else {
            continue;
        };
        let seqs = place.get("seqs").map_or(&[][..], Value::as_list).iter();
        let seqs = seqs.filter_map(|seq| u64::try_from(seq.as_int()?).ok());
        operations.extend(seqs.map(|seq| log.at(seq)));
    }
    operations
}

/// The records of one of a receipt's lists.
pub fn named(receipt: &Record, field: &str) -> Vec<RecordId> {
    let members = list(receipt, field).iter();
    members
        .filter_map(|member| member.get("id").and_then(Value::as_id))
        .collect()
}

/// The receipts of erasures that are not finished on this node.
///
/// # Errors
/// The disk failed.
pub fn unfinished(rows: &impl Read) -> Result<Vec<RecordId>, StoreError> {
    let mut found = Vec::new();
    let prefix = erasures_prefix().bytes();
    let visit = &mut |_: &[u8], id| {
        found.push(id);
        true
    };
    records::walk(rows, Table::Lists, &prefix, Direction::Up, None, visit)?;
    Ok(found)
}
