//! Items by the numbers at which clients poll, and what each change left of them.

use crate::domain::id::RecordId;
use crate::domain::kind::EVIDENCE;
use crate::domain::operation::Operation;
use crate::domain::record::Record;
use crate::domain::time::Hlc;
use crate::services::failure::{Failure, Outcome};
use crate::services::policy::{self, Deed};
use crate::services::safe::room::{Found, Room};
use crate::views::fold::fold;
use crate::views::ordinals::{self, ItemChange};
use crate::views::records;

/// Items of one answer, at most.
pub const ITEMS_MAX: usize = 500;

/// A change of an item, with the item as it was after it.
#[derive(Debug)]
pub struct Told {
    /// Which one.
    pub change: ItemChange,
    /// What changed it, and the item after it; `None` if that is gone or hidden.
    pub after: Option<(Operation, Record)>,
}

impl Room<'_> {
    /// Items from a number on, as many at most; each that has a number is there.
    ///
    /// # Errors
    /// `Denied` without the scope; the store failed.
    pub fn items_from(&self, first: u64, count: usize) -> Outcome<Vec<(u64, Found)>> {
        self.services
            .demand(self.caller, "read", policy::scope_for(&EVIDENCE, Deed::Read))?;
        let mut ids: Vec<(u64, RecordId)> = Vec::new();
        let series = (self.caller.tenant(), &EVIDENCE);
        ordinals::from(&self.rows, series, first, &mut |number, id| {
            ids.push((number, id));
            ids.len() < count.min(ITEMS_MAX)
        })?;
        let found = ids.into_iter();
        found
            .map(|(number, id)| Ok((number, self.look_at(&EVIDENCE, id)?)))
            .collect()
    }

    /// The change of any item that has this number.
    ///
    /// # Errors
    /// `Denied` without the scope; the store failed.
    pub fn change(&self, number: u64) -> Outcome<Option<Told>> {
        self.services
            .demand(self.caller, "read", policy::scope_for(&EVIDENCE, Deed::Read))?;
        let Some(change) = ordinals::change(&self.rows, self.caller.tenant(), number)? else {
            return Ok(None);
        };
        let found = self.look_at(&EVIDENCE, change.item)?;
        let after = match found {
            Found::Seen(_) => self.after(&change)?,
            Found::NotIssued | Found::Hidden => None,
        };
        Ok(Some(Told { change, after }))
    }

    /// The changes of an item that the caller may read, the oldest first.
    ///
    /// # Errors
    /// The store failed.
    pub fn changes_of(&self, item: &Record) -> Outcome<Vec<ItemChange>> {
        Ok(ordinals::changes_of(&self.rows, item.id)?)
    }

    /// A record as it was at a moment, folded anew if it changed since; `None` if it was not yet.
    ///
    /// # Errors
    /// The store failed.
    pub fn as_of(&self, record: Record, moment: Hlc) -> Outcome<Option<Record>> {
        if record.updated.hlc <= moment {
            return Ok(Some(record));
        }
        let mut then = None;
        for (log, seq) in records::history(&self.rows, record.id)? {
            let operation = self.operation(log, seq)?;
            if operation.header.hlc > moment {
                break;
            }
            then = Some(fold(then, &operation));
        }
        Ok(then)
    }

    fn operation(&self, log: u32, seq: u64) -> Outcome<Operation> {
        let operation = self.services.store().operation(&self.rows, log, seq)?;
        operation.ok_or_else(|| Failure::Internal("a change without its operation".into()))
    }

    /// What a change was, and the item as it was then: folded from the operations that had arrived.
    ///
    /// # Errors
    /// The store failed.
    pub fn after(&self, change: &ItemChange) -> Outcome<Option<(Operation, Record)>> {
        let arrived: Vec<(u32, u64)> = ordinals::changes_of(&self.rows, change.item)?
            .into_iter()
            .filter(|other| other.number <= change.number)
            .map(|other| (other.log, other.seq))
            .collect();
        let (mut record, mut last) = (None, None);
        for (log, seq) in records::history(&self.rows, change.item)? {
            if !arrived.contains(&(log, seq)) {
                continue;
            }
            let operation = self.operation(log, seq)?;
            record = Some(fold(record, &operation));
            if (log, seq) == (change.log, change.seq) {
                last = Some(operation);
            }
        }
        Ok(last.zip(record))
    }
}
