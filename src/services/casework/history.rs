//! Who changed what, and when: the operations of a record in their order.

use crate::domain::kind::Kind;
use crate::domain::operation::Operation;
use crate::domain::record::Record;
use crate::services::caller::Caller;
use crate::services::failure::Outcome;
use crate::services::{Services, sight};
use crate::views::records;

/// Where an operation stands here: the number of its log, and its place there.
pub type Place = (u32, u64);

/// A part of a record's history.
#[derive(Clone, Debug)]
pub struct HistoryPage {
    /// The record as it is now.
    pub record: Record,
    /// The operations, the earliest first.
    pub operations: Vec<Operation>,
    /// How many there are in all.
    pub total: usize,
    /// The last one's place if there are more.
    pub next: Option<Place>,
}

impl Services {
    /// A record's operations after a place, so many at most.
    ///
    /// # Errors
    /// `Denied`, or `Unknown` if there is no such record for this caller.
    pub fn history(
        &self,
        caller: &Caller,
        (kind, reference): (&'static Kind, &str),
        after: Option<Place>,
        limit: usize,
    ) -> Outcome<HistoryPage> {
        let record = self.read(caller, kind, reference)?;
        let rows = self.snapshot()?;
        let places = records::history(&rows, record.id)?;
        let begin = after.and_then(|after| places.iter().position(|place| *place == after));
        let rest = &places[begin.map_or(0, |place| place + 1)..];
        let part = &rest[..limit.min(rest.len())];
        let mut operations = Vec::with_capacity(part.len());
        let mut sees = sight::of(&rows, caller);
        for (log, seq) in part {
            let operation = self.store().operation(&rows, *log, *seq)?;
            let seen = operation.map(|operation| sight::of_operation(kind.name, operation, &mut sees));
            operations.extend(seen.transpose()?);
        }
        Ok(HistoryPage {
            record,
            operations,
            total: places.len(),
            next: part.last().copied().filter(|_| part.len() < rest.len()),
        })
    }
}
