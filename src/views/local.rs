//! Views of this node alone: which requests were answered by which operations, the audit log in order, failed sign-ins.

use crate::domain::id::{Hash, LogId, OpId, RecordId, TenantId};
use crate::domain::operation::{Action, Operation};
use crate::domain::time::{Hlc, Millis};
use crate::domain::value::{Fields, Value};
use crate::store::database::{Direction, Read, Rows, after};
use crate::store::error::StoreError;
use crate::store::tables::Table;
use crate::views::keys::Key;

/// The kind of the audit log's operations.
pub const AUDIT_ENTRY: &str = "audit-entry";

/// How long answers are kept at least, by the clock of this node: two days, where clients are promised one.
const ANSWERS_KEPT_MILLIS: i64 = 2 * 86_400_000;
/// How many old ones go for each that comes.
const ANSWERS_FORGOTTEN_AT_ONCE: usize = 4;
/// Where in a row of answers its clock stands.
const ANSWER_CLOCK: usize = 32 + 32 + 8 + 4 + 8;
/// The event of somebody who tries to sign in: `refused` counts, `done` ends the count, anything else leaves it.
pub const SIGN_IN: &str = "sign-in";

/// The event that ends the count of failures by another's word: an administrator gave a new password.
pub const UNLOCK: &str = "sign-in.unlock";

/// The record of an audit entry that is about none.
pub const NOBODY: RecordId = RecordId(uuid::Uuid::nil());

/// A request that was answered.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Answer {
    /// What was asked, hashed.
    pub body: Hash,
    /// The first operation that answered it.
    pub first: OpId,
    /// How many there were; none any more of what was expunged.
    pub operations: u32,
    /// When.
    pub at: Millis,
}

pub(super) fn remember_answer(rows: &mut Rows<'_>, operation: &Operation) -> Result<(), StoreError> {
    let Some(request) = operation
        .payload
        .as_ref()
        .and_then(|payload| payload.request.as_ref())
    else {
        return Ok(());
    };
    let header = &operation.header;
    let row = [
        &request.body.0[..],
        &header.id.log.0.0,
        &header.id.seq.to_be_bytes(),
        &request.operations.to_be_bytes(),
        &header.wall.0.to_be_bytes(),
        &header.hlc.0.to_be_bytes(),
    ];
    rows.put(Table::Answers, &request.key.0, &row.concat())?;
    let age = [&header.hlc.0.to_be_bytes()[..], &request.key.0].concat();
    rows.put(Table::AnswerAges, &age, &[])?;
    forget_old_answers(rows, header.hlc)
}

/// Forgets some of what is older than answers are kept: more than one comes in, so all go in time, and every fold of the
/// same journal forgets the same.
fn forget_old_answers(rows: &mut Rows<'_>, now: Hlc) -> Result<(), StoreError> {
    for age in old_answers(rows, now, ANSWERS_FORGOTTEN_AT_ONCE)? {
        forget_answer(rows, &age)?;
    }
    Ok(())
}

/// What is older than this is forgotten.
fn oldest_kept(now: Hlc) -> Hlc {
    Hlc::default().tick(now.millis().plus(-ANSWERS_KEPT_MILLIS))
}

/// The ages of answers that are older than answers are kept, the oldest first.
fn old_answers(rows: &Rows<'_>, now: Hlc, count_max: usize) -> Result<Vec<Vec<u8>>, StoreError> {
    let oldest = oldest_kept(now);
    let mut old = Vec::new();
    let visit = &mut |key: &[u8], _: &[u8]| {
        old.push(key.to_vec());
        old.len() < count_max
    };
    rows.scan(
        Table::AnswerAges,
        &[],
        &oldest.0.to_be_bytes(),
        Direction::Up,
        visit,
    )?;
    Ok(old)
}

/// Forgets one answer by its age: clock and key. A key that was used again later is younger than this row and stays.
fn forget_answer(rows: &mut Rows<'_>, age: &[u8]) -> Result<(), StoreError> {
    let (clock, key) = age.split_at(8);
    let row = rows.get(Table::Answers, key)?.unwrap_or_default();
    if row.get(ANSWER_CLOCK..) == Some(clock) {
        rows.delete(Table::Answers, key)?;
    }
    rows.delete(Table::AnswerAges, age)
}

/// Buries the answers that expunged operations gave, by key and clock: whoever repeats such a request must not make anew what a
/// court erased. With that all answers go that are older than answers are kept, so that a fold that never saw them has the same
/// rows from here on.
pub(super) fn bury_answers(rows: &mut Rows<'_>, answers: &[(Hash, Hlc)], now: Hlc) -> Result<(), StoreError> {
    for age in old_answers(rows, now, usize::MAX)? {
        forget_answer(rows, &age)?;
    }
    let oldest = oldest_kept(now);
    for (key, clock) in answers.iter().filter(|(_, clock)| *clock >= oldest) {
        let clock_bytes = clock.0.to_be_bytes();
        let row = rows.get(Table::Answers, &key.0)?;
        if row.is_some_and(|row| row.get(ANSWER_CLOCK..) != Some(&clock_bytes[..])) {
            continue;
        }
        let wall = clock.millis().0.to_be_bytes();
        let buried = [&[0; ANSWER_CLOCK - 8][..], &wall, &clock_bytes].concat();
        rows.put(Table::Answers, &key.0, &buried)?;
        rows.put(Table::AnswerAges, &[&clock_bytes[..], &key.0].concat(), &[])?;
    }
    Ok(())
}

/// What answered the request of this key, if there was one.
///
/// # Errors
/// The disk failed.
pub fn answer(rows: &impl Read, key: Hash) -> Result<Option<Answer>, StoreError> {
    let Some(row) = rows.get(Table::Answers, &key.0)? else {
        return Ok(None);
    };
    let damaged = || StoreError::Damaged("a row of answers has another length".into());
    let (body, rest) = row.split_first_chunk::<32>().ok_or_else(damaged)?;
    let (log, rest) = rest.split_first_chunk::<32>().ok_or_else(damaged)?;
    let (seq, rest) = rest.split_first_chunk::<8>().ok_or_else(damaged)?;
    let (count, rest) = rest.split_first_chunk::<4>().ok_or_else(damaged)?;
    let (at, _) = rest.split_first_chunk::<8>().ok_or_else(damaged)?;
    Ok(Some(Answer {
        body: Hash(*body),
        first: LogId(Hash(*log)).at(u64::from_be_bytes(*seq)),
        operations: u32::from_be_bytes(*count),
        at: Millis(i64::from_be_bytes(*at)),
    }))
}

/// An audit operation's fields: each was written once.
pub fn audit_fields(operation: &Operation) -> Fields {
    fixed(operation)
        .map(|(field, value)| (field.to_owned(), value.clone()))
        .collect()
}

fn fixed(operation: &Operation) -> impl Iterator<Item = (&str, &Value)> {
    let changes = operation.payload.iter().flat_map(|payload| &payload.changes);
    changes.filter_map(|change| match &change.action {
        Action::Fix(value) => Some((change.field.as_str(), value)),
        _ => None,
    })
}

pub(super) fn note_audit(rows: &mut Rows<'_>, log: u32, operation: &Operation) -> Result<(), StoreError> {
    let header = &operation.header;
    let key = Key::tenant(&header.tenant)
        .and_hlc(header.hlc)
        .and_u32(log)
        .and_u64(header.id.seq);
    rows.put(Table::Audit, &key.bytes(), &[])?;
    if header.record == NOBODY {
        return Ok(());
    }
    let word = |name: &str| {
        fixed(operation)
            .find(|(field, _)| *field == name)
            .and_then(|(_, value)| value.as_text())
    };
    match (word("event"), word("outcome")) {
        (Some(SIGN_IN), Some("refused")) => count_sign_in(rows, header.record, header.wall, true),
        (Some(SIGN_IN | UNLOCK), Some("done")) => count_sign_in(rows, header.record, header.wall, false),
        _ => Ok(()),
    }
}

fn count_sign_in(rows: &mut Rows<'_>, user: RecordId, at: Millis, failed: bool) -> Result<(), StoreError> {
    if !failed {
        return rows.delete(Table::SignIns, &user.bytes());
    }
    let (failures, _) = failed_sign_ins(rows, user)?;
    let row = [&(failures + 1).to_be_bytes()[..], &at.0.to_be_bytes()].concat();
    rows.put(Table::SignIns, &user.bytes(), &row)
}

/// How often in a row a user's sign-in failed, and when last.
///
/// # Errors
/// The disk failed.
pub fn failed_sign_ins(rows: &impl Read, user: RecordId) -> Result<(u32, Millis), StoreError> {
    let row = rows.get(Table::SignIns, &user.bytes())?.unwrap_or_default();
    let failures = row.first_chunk().copied().map_or(0, u32::from_be_bytes);
    let at = row.last_chunk().copied().map_or(0, i64::from_be_bytes);
    Ok((failures, Millis(at)))
}

/// The place in a tenant's audit log before which all entries are older than this.
pub fn audit_place(tenant: &TenantId, at: Millis) -> Vec<u8> {
    Key::tenant(tenant).and_hlc(Hlc::default().tick(at)).bytes()
}

/// Walks a tenant's audit entries from the newest on, older than `before`, as (key, log number, seq).
///
/// # Errors
/// The disk failed.
pub fn audit(
    rows: &impl Read,
    tenant: &TenantId,
    before: Option<&[u8]>,
    visit: &mut dyn FnMut(&[u8], u32, u64) -> bool,
) -> Result<(), StoreError> {
    let prefix = Key::tenant(tenant).bytes();
    let end = before
        .filter(|key| key.starts_with(&prefix))
        .map_or_else(|| after(&prefix), <[u8]>::to_vec);
    rows.scan(Table::Audit, &prefix, &end, Direction::Down, &mut |key, _| {
        let log = key
            .len()
            .checked_sub(12)
            .and_then(|at| key[at..].first_chunk().copied());
        let seq = key.last_chunk().copied().map(u64::from_be_bytes);
        match (log.map(u32::from_be_bytes), seq) {
            (Some(log), Some(seq)) => visit(key, log, seq),
            _ => true,
        }
    })
}

/// The clock in an audit key.
pub fn audit_clock(key: &[u8]) -> Option<Hlc> {
    let at = key.len().checked_sub(20)?;
    key[at..]
        .first_chunk()
        .copied()
        .map(|bytes| Hlc(u64::from_be_bytes(bytes)))
}
