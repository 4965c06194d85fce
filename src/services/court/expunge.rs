//! A court's order carried out. First one group of the log says that the records are expunged, and says it in a receipt; from
//! then on nobody finds them. Then, and after a crash at the next start, what is left of them is destroyed: salts and payloads
//! in the journal, files, the rows of the views, the documents of the index. Last the receipt says when that was done.

use std::sync::{Arc, PoisonError};
use std::time::Duration;

use crate::domain::id::RecordId;
use crate::domain::kind::{self, ERASURE, Kind, Shape};
use crate::domain::operation::{Action, Change};
use crate::domain::record::{EXPUNGED, Record, SEALING};
use crate::domain::value::{Fields, Value};
use crate::services::audit::{self, Event};
use crate::services::caller::Caller;
use crate::services::casebook::{Condition, refuse_stale};
use crate::services::court::scope::Scope;
use crate::services::desk::Desk;
use crate::services::failure::{Failure, Fault, Outcome};
use crate::services::policy::{self, Deed};
use crate::services::search::Finder;
use crate::services::shape::{Checker, is_nothing};
use crate::services::{RequestKey, Services, Written};
use crate::views::{erasures, records};

/// How often an order waits for a change of the record that is being written.
const TRIES_MAX: usize = 50;
/// Between two tries.
const PAUSE: Duration = Duration::from_millis(20);
/// What an order must say.
const SAID: [&str; 2] = ["order", "reason"];

impl Services {
    /// Expunges a record and what has no life without it, by an order that `input` names, and gives the receipt. It is done
    /// when the receipt has `completed_at`; otherwise the next start finishes it. With the record comes the version that the
    /// caller read, if it said so.
    ///
    /// # Errors
    /// `Denied`; `Unknown`; `Invalid` without order and reason; `Stale`; `Conflict` under a legal hold.
    pub fn expunge(
        &self,
        caller: &Caller,
        finder: &Finder,
        record: (&'static Kind, &str, Option<Condition>),
        input: &Fields,
        request: Option<RequestKey>,
    ) -> Outcome<Written> {
        let mut written = self.order_erasure(caller, record, input, request)?;
        if let Err(failure) = self.finish_erasures(finder) {
            // It is expunged, and nobody finds it any more; only the bytes wait.
            tracing::error!(
                ?failure,
                "an erasure could not be finished; the next start goes on with it"
            );
        }
        let receipt = written.first()?.id;
        let now = records::get(&self.snapshot()?, receipt)?;
        written.records = now.into_iter().map(Arc::new).collect();
        Ok(written)
    }

    /// The first half: the one group that says it. What is left is destroyed by [`Services::finish_erasures`].
    ///
    /// # Errors
    /// As [`Services::expunge`].
    pub fn order_erasure(
        &self,
        caller: &Caller,
        (kind, reference, condition): (&'static Kind, &str, Option<Condition>),
        input: &Fields,
        request: Option<RequestKey>,
    ) -> Outcome<Written> {
        self.demand(caller, "expunge", policy::EXPUNGE)?;
        self.demand(caller, "expunge", policy::scope_for(kind, Deed::Read))?;
        let said = said(input)?;
        for _ in 0..TRIES_MAX {
            let (store, said) = (self.store().clone(), said.clone());
            let reference = reference.to_owned();
            let outcome = self.write(caller, "expunge", request, move |desk| {
                let record = desk.find(kind, &reference)?;
                refuse_stale(&record, condition)?;
                let named = record.id;
                let scope = Scope::of(&store, desk.session().rows(), record)?;
                let receipt = make_receipt(desk, named, &scope, said)?;
                for record in &scope.records {
                    let kind = kind::kind(&record.kind).unwrap_or(kind);
                    let raise = Change::new(SEALING, Action::Raise(EXPUNGED));
                    desk.change(kind, record, vec![raise])?;
                }
                let event = Event::done("expunge", Some(named)).with("erasure", Value::Id(receipt.id));
                let caller = desk.caller();
                Ok(audit::note(desk.session(), caller, event)?)
            });
            match outcome {
                Err(Failure::Busy(_)) => std::thread::sleep(PAUSE),
                outcome => return outcome,
            }
        }
        Err(Failure::Busy(1))
    }

    /// Destroys what is left of expunged records, wherever that was cut short, and says so in their receipts; gives their
    /// number. It can be repeated at any time.
    ///
    /// # Errors
    /// The disk failed or has no room; then it is to be repeated.
    pub fn finish_erasures(&self, finder: &Finder) -> Outcome<u64> {
        let _alone = self.erasing.lock().unwrap_or_else(PoisonError::into_inner);
        let rows = self.snapshot()?;
        let mut receipts = Vec::new();
        for id in erasures::unfinished(&rows)? {
            receipts.extend(records::get(&rows, id)?);
        }
        drop(rows);
        if receipts.is_empty() {
            return Ok(0);
        }
        for receipt in &receipts {
            self.store().erase(&erasures::operations(receipt))?;
        }
        self.sweep_files()?;
        finder.forget_expunged()?;
        // Freed pages of the views still hold the words: only new rows don't.
        self.store().remove_put_aside_rows()?;
        self.store().rebuild_views(&mut |_, _| {})?;
        for receipt in &receipts {
            self.complete(receipt)?;
        }
        Ok(receipts.len() as u64)
    }

    fn complete(&self, receipt: &Record) -> Outcome<()> {
        let (id, tenant) = (receipt.id, receipt.tenant.clone());
        let owner = self.admit_owner(tenant, format!("erasure {id}"));
        self.write(&owner, "expunge.complete", None, move |desk| {
            let Some(receipt) = records::get(desk.session().rows(), id)? else {
                return Err(Failure::Unknown(ERASURE.name));
            };
            let done = Change::new("completed_at", Action::Fix(Value::Time(desk.now())));
            desk.change(&ERASURE, &receipt, vec![done]).map(drop)
        })
        .map(drop)
    }
}

/// The order's number and its reason, or every fault.
fn said(input: &Fields) -> Outcome<Vec<(&'static str, Value)>> {
    let resolve = |_: &str, _: &str| None;
    let mut checker = Checker::new(&resolve);
    let mut said = Vec::new();
    for name in SAID {
        let path = format!("data.{name}");
        let shape = ERASURE.field(name).map_or(Shape::Line(200), |field| field.shape);
        match input.get(name).filter(|value| !is_nothing(shape, value)) {
            None => checker.faults.push(Fault::missing(
                path,
                match name {
                    "order" => "the number of the court's order",
                    _ => "what the order says, without a word of the record",
                },
            )),
            Some(value) => said.extend(
                checker
                    .value(&path, shape, value.clone())
                    .map(|value| (name, value)),
            ),
        }
    }
    let unknown = input.keys().filter(|name| !SAID.contains(&name.as_str()));
    checker
        .faults
        .extend(unknown.map(|name| Fault::wrong(format!("data.{name}"), "no such property")));
    match checker.faults.is_empty() {
        true => Ok(said),
        false => Err(Failure::Invalid(checker.faults)),
    }
}

fn make_receipt(
    desk: &mut Desk<'_, '_, '_>,
    named: RecordId,
    scope: &Scope,
    said: Vec<(&'static str, Value)>,
) -> Outcome<Arc<Record>> {
    let who = desk.caller().actor().who;
    let mut values = said;
    values.push(("record_id", Value::Id(named)));
    values.push(("ordered_by", Value::Text(who)));
    values.extend(scope.receipt());
    let given = values
        .into_iter()
        .filter_map(|(name, value)| Some((ERASURE.field(name)?, value)));
    desk.create_checked(&ERASURE, given.collect(), Vec::new())
}
