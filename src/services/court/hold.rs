//! A legal hold: from then on nothing of the case or item is disposed of, destroyed or expunged. A hold is never taken back:
//! its field merges upward only, so no unit that was apart can undo it.

use crate::domain::kind::{CASE, EVIDENCE, Kind, Member, NOTE, Shape};
use crate::domain::operation::{Action, Change};
use crate::domain::record::Record;
use crate::domain::value::{Fields, Value};
use crate::services::caller::Caller;
use crate::services::casebook::{Condition, refuse_stale};
use crate::services::desk::Desk;
use crate::services::failure::{Failure, Outcome};
use crate::services::policy::{self, Deed};
use crate::services::shape::Checker;
use crate::services::{RequestKey, Services, Written};

/// The field of a case or an item that says whether it is held, and its rank when it is.
const HOLD: &str = "hold";
const HELD: u32 = 1;

/// The kinds that can be held.
pub const KINDS: [&Kind; 2] = [&CASE, &EVIDENCE];

/// What is said of a hold.
pub const REASONS: &[Member] = &[
    Member {
        name: "reason",
        shape: Shape::Line(500),
        required: true,
    },
    Member {
        name: "order",
        shape: Shape::Line(200),
        required: false,
    },
];

/// Whether a hold was set on the record itself.
pub fn is_held(record: &Record) -> bool {
    record.rank(HOLD) >= HELD
}

impl Services {
    /// Puts a case or an item of evidence under a legal hold. Reason and order stay with it as a note; of one that is held
    /// already, only those are added. With the record comes what the caller said of its version.
    ///
    /// # Errors
    /// `Denied`, `Unknown`, `Stale`, `Invalid` with every fault.
    pub fn hold(
        &self,
        caller: &Caller,
        (kind, reference, condition): (&'static Kind, &str, Option<Condition>),
        input: Fields,
        request: Option<RequestKey>,
    ) -> Outcome<Written> {
        let reference = reference.to_owned();
        self.write(caller, "hold", request, move |desk| {
            policy::demand(desk.caller(), policy::HOLD)?;
            policy::demand_for(desk.caller(), kind, Deed::Read)?;
            let record = desk.find(kind, &reference)?;
            refuse_stale(&record, condition)?;
            let text = said(input)?;
            let raise = Change::new(HOLD, Action::Raise(HELD));
            let changes = if is_held(&record) { Vec::new() } else { vec![raise] };
            desk.change(kind, &record, changes)?;
            note(desk, &record, text)
        })
    }
}

/// The reason, after the number of the order if there is one.
fn said(input: Fields) -> Outcome<String> {
    let mut checker = Checker::new(&|_, _| None);
    let given = checker.value("data", Shape::Object(REASONS), Value::Map(input));
    let Some(given) = given.filter(|_| checker.faults.is_empty()) else {
        return Err(Failure::Invalid(checker.faults));
    };
    let text = |name: &str| given.get(name).and_then(Value::as_text);
    let reason = text("reason").unwrap_or_default();
    Ok(match text("order") {
        Some(order) => format!("{order}: {reason}"),
        None => reason.to_owned(),
    })
}

fn note(desk: &mut Desk<'_, '_, '_>, record: &Record, text: String) -> Outcome<()> {
    let says = [
        ("record_id", Value::Id(record.id)),
        ("text", Value::Text(text)),
        ("category", Value::text("hold")),
    ];
    let given = says
        .into_iter()
        .filter_map(|(name, value)| Some((NOTE.field(name)?, value)));
    desk.create_checked(&NOTE, given.collect(), Vec::new()).map(drop)
}
