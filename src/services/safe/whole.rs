//! A record as a client of the evidence room gives it whole: with its notes, and with what is wrong with the form of the
//! request, so that one answer names every fault.

use crate::domain::id::RecordId;
use crate::domain::kind::{Kind, NOTE};
use crate::domain::value::{Fields, Value};
use crate::services::caller::Caller;
use crate::services::desk::Desk;
use crate::services::failure::{Amiss, Clash, Failure, Fault, Outcome};
use crate::services::safe::people::refuse_duplicates;
use crate::services::{Services, Written, casebook};
use crate::views::ordinals;

/// A record to be made or changed.
#[derive(Debug)]
pub struct Whole {
    /// Its kind.
    pub kind: &'static Kind,
    /// The one that is changed, in the version that was read; without it one is made.
    pub known: Option<(RecordId, u64)>,
    /// Its fields.
    pub input: Fields,
    /// Notes that are written on it.
    pub notes: Vec<Fields>,
    /// What is wrong with the request itself. With any, nothing is written.
    pub faults: Vec<Fault>,
    /// A person is written although there is one who may be the same.
    pub twice: bool,
}

impl Services {
    /// Makes or changes a record, with notes on it.
    ///
    /// # Errors
    /// `Denied`, `Invalid` with every fault, `Stale`, `Conflict` with the numbers of the persons who are there.
    pub fn put_whole(&self, caller: &Caller, mut whole: Whole) -> Outcome<Written> {
        let verb = match whole.known {
            Some(_) => "update",
            None => "create",
        };
        let faults = std::mem::take(&mut whole.faults);
        self.write(caller, verb, None, move |desk| {
            let put = judged(desk, faults, |desk| put(desk, whole));
            put.map_err(|failure| numbered(desk, failure))
        })
    }
}

fn put(desk: &mut Desk<'_, '_, '_>, whole: Whole) -> Outcome<()> {
    let kind = whole.kind;
    let (before, record) = match whole.known {
        Some((id, version)) => {
            let before = desk.find(kind, &id.to_string())?;
            casebook::refuse_stale(&before, Some(casebook::Condition::Version(version)))?;
            let record = desk.patch(kind, &before, whole.input)?;
            (Some(before), record)
        }
        None => (None, desk.create(kind, whole.input)?),
    };
    if !whole.twice {
        refuse_duplicates(desk, before.as_ref(), &record)?;
    }
    for mut note in whole.notes {
        note.insert("record_id".to_owned(), Value::Text(record.id.to_string()));
        desk.create(&NOTE, note)?;
    }
    Ok(())
}

/// A clash, with the number of what it is with. It is looked up within the write: there also stands what came a moment before.
pub(super) fn numbered(desk: &mut Desk<'_, '_, '_>, failure: Failure) -> Failure {
    let Failure::Conflict(Clash::Duplicate, text, mut about) = failure else {
        return failure;
    };
    if let Some(id) = about.get("existing").and_then(Value::as_id) {
        let number = match ordinals::of(desk.session().rows(), id) {
            Ok(number) => number.and_then(|number| i64::try_from(number).ok()),
            Err(error) => return error.into(),
        };
        let existing = number.map(Value::Int).into_iter().collect();
        about.insert("existing".to_owned(), Value::List(existing));
    }
    Failure::Conflict(Clash::Duplicate, text, about)
}

/// Takes a step that has faults already: it is taken to learn what more is wrong, and leaves nothing. What the request said
/// wrongly the step lacks, so that it misses something says nothing.
pub(super) fn judged(
    desk: &mut Desk<'_, '_, '_>,
    faults: Vec<Fault>,
    step: impl FnOnce(&mut Desk<'_, '_, '_>) -> Outcome<()>,
) -> Outcome<()> {
    let outcome = step(desk);
    if faults.is_empty() {
        return outcome;
    }
    match outcome {
        Err(Failure::Invalid(more)) => {
            let more = more.into_iter().filter(|fault| fault.amiss != Amiss::Missing);
            Err(Failure::Invalid(more.chain(faults).collect()))
        }
        Ok(()) | Err(Failure::Conflict(..) | Failure::Stale(_)) => Err(Failure::Invalid(faults)),
        Err(failure) => Err(failure),
    }
}
