//! An operation as it begins, and what a subscription is told: its text, asked as a query about one thing that happened. All
//! runs on a thread that may wait for the disk; what happened together is told in one sitting. A query or a change needs what it
//! needs over HTTP, a subscription what `/v1/events` needs.

use std::sync::{Arc, Mutex, PoisonError};

use async_graphql::dynamic::{DynamicRequestExt, FieldValue, Schema};
use async_graphql::parser::parse_query;
use async_graphql::parser::types::{DocumentOperations, ExecutableDocument, OperationType};
use tokio::runtime::Handle;
use tokio::sync::OwnedSemaphorePermit;

use crate::domain::id::RecordId;
use crate::lanes::graphql::live::root::{About, Wish};
use crate::lanes::graphql::run::{Admits, Kept, chosen, prepared, request_of, run};
use crate::lanes::graphql::wire::{Asked, Told};
use crate::lanes::http::Lanes;
use crate::lanes::http::ask::Head;
use crate::lanes::http::ears::hear::Place;
use crate::services::access::demand_lane;
use crate::services::caller::Caller;
use crate::services::events::{Filter, Heard, Wanted};
use crate::services::failure::{Failure, Outcome};
use crate::services::reading::sitting::Sitting;

/// Events told in one sitting, at most.
const EVENTS_AT_ONCE: usize = 100;
/// Bytes of answers that are made before they are sent, but for the last one.
const ANSWERS_BYTES_MAX: usize = 256 << 10;

/// What a subscription is told of.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Subject {
    /// Each event.
    Events,
    /// The case, once for all that happened since.
    Case,
}

/// What came of an operation's beginning.
pub(super) enum Begun {
    /// It is a query or a change, and can be carried out.
    Asked(Box<ExecutableDocument>),
    /// Nothing was done.
    Refused(Told),
    /// It goes on.
    Subscribed {
        subject: Subject,
        place: Place,
        at_once: usize,
    },
}

/// Begins an operation; `refuse_more` says whether there may be one more subscription.
///
/// # Errors
/// None that is one of the operation: those are told.
pub(super) fn begin(
    kept: &Kept,
    lanes: &Lanes,
    (caller, head): (&Caller, &Head),
    asked: &Asked,
    refuse_more: impl FnOnce() -> Outcome<()>,
) -> Outcome<Begun> {
    let refused = |failure: Failure| {
        let request = format!("{} {}", head.method, head.path);
        lanes.services.note_failure(caller, &request, &failure)?;
        Ok(Begun::Refused(Told::refused(&failure, &head.request_id)))
    };
    let prepared = match prepared(kept, lanes, Admits::All, asked) {
        Ok(prepared) => prepared,
        Err(failure) => return refused(failure),
    };
    let chosen = chosen(&prepared.document, asked.operation_name.as_deref());
    let (is_subscription, lane) = match chosen {
        Some(OperationType::Subscription) => (true, "events"),
        _ => (false, "query"),
    };
    if let Err(failure) = demand_lane(caller, lane) {
        return refused(failure);
    }
    if !is_subscription {
        return Ok(Begun::Asked(Box::new(prepared.document)));
    }
    if let Err(failure) = refuse_more() {
        return refused(failure);
    }
    let most = lanes.options.graphql.complexity_max / prepared.cost.max(1);
    match wish(kept, lanes, (caller, head), (asked, prepared.document))? {
        Err(told) => Ok(Begun::Refused(told)),
        Ok(wish) => {
            let (subject, place) = match place_of(lanes, wish) {
                Err(failure @ Failure::Invalid(_)) => return refused(failure),
                placed => placed?,
            };
            Ok(Begun::Subscribed {
                subject,
                place,
                at_once: most.clamp(1, EVENTS_AT_ONCE),
            })
        }
    }
}

/// Answers a query or a change that has begun.
///
/// # Errors
/// None that is one of the operation: those are told.
pub(super) fn answer(
    kept: &Kept,
    lanes: &Lanes,
    (caller, head): (&Caller, &Head),
    asked: (Asked, ExecutableDocument),
) -> Outcome<Told> {
    let engine = kept.engine()?;
    Ok(run(engine, lanes, (caller, head), asked, &Handle::current()))
}

/// What a subscription wants, as its root field says; or why there is no such thing.
fn wish(
    kept: &Kept,
    lanes: &Lanes,
    (caller, head): (&Caller, &Head),
    (asked, document): (&Asked, ExecutableDocument),
) -> Outcome<Result<Wish, Told>> {
    let wishes: Arc<Mutex<Vec<Wish>>> = Arc::default();
    let asking = Asking::new(kept, lanes, (caller, head), (asked, document))?;
    let told = asking.about(About::Wishes(Arc::clone(&wishes)));
    asking.sitting.note()?;
    if !told.errors.is_empty() {
        return Ok(Err(told));
    }
    let mut wishes = std::mem::take(&mut *wishes.lock().unwrap_or_else(PoisonError::into_inner));
    match (wishes.pop(), wishes.is_empty()) {
        (Some(wish), true) => Ok(Ok(wish)),
        _ => {
            let failure = Failure::wrong("query", "one root field: a subscription has exactly one");
            Ok(Err(Told::refused(&failure, &head.request_id)))
        }
    }
}

fn place_of(lanes: &Lanes, wish: Wish) -> Outcome<(Subject, Place)> {
    Ok(match wish {
        Wish::Events(filter, after) => {
            let at = lanes.feed.begin_after(after)?;
            (Subject::Events, Place::new(filter, at))
        }
        Wish::Case(id) => {
            let place = Place::new(of_case(id)?, lanes.feed.last()?);
            (Subject::Case, place.patient())
        }
    })
}

fn of_case(id: RecordId) -> Outcome<Filter> {
    Filter::new(Wanted {
        cases: vec![id.to_string()],
        ..Wanted::default()
    })
}

/// What a subscription is told at once.
pub(super) struct Telling {
    /// One each.
    pub(super) answers: Vec<Told>,
    /// Up to this arrival.
    pub(super) reached: u64,
}

/// Answers a subscription about what was heard: about all of it, or about so much as is enough at once. The turn ends with the
/// last answer: nobody waits for another's entry in the audit log.
///
/// # Errors
/// The disk failed, or the audit log can't be written: then nothing may be told.
pub(super) fn tell(
    kept: &Kept,
    lanes: &Lanes,
    (caller, head): (&Caller, &Head),
    (asked, subject): (&Asked, Subject),
    heard: Heard,
    turn: OwnedSemaphorePermit,
) -> Outcome<Telling> {
    let document = parse_query(&asked.query).map_err(|error| Failure::Internal(error.to_string()))?;
    let asking = Asking::new(kept, lanes, (caller, head), (asked, document))?;
    let mut telling = Telling {
        answers: Vec::new(),
        reached: heard.reached,
    };
    match subject {
        Subject::Case => telling.answers.push(asking.about(About::Change)),
        Subject::Events => {
            let (mut bytes, count) = (0, heard.notices.len());
            for (place, notice) in heard.notices.into_iter().enumerate() {
                let sequence = notice.sequence;
                let told = asking.about(About::Event(notice));
                bytes += told.text().len();
                telling.answers.push(told);
                if bytes >= ANSWERS_BYTES_MAX && place + 1 < count {
                    telling.reached = sequence;
                    break;
                }
            }
        }
    }
    drop(turn);
    asking.sitting.note()?;
    Ok(telling)
}

/// A subscription that is asked as a query.
struct Asking<'a> {
    schema: &'a Schema,
    lanes: &'a Lanes,
    head: &'a Head,
    asked: &'a Asked,
    document: ExecutableDocument,
    sitting: Arc<Sitting>,
}

impl<'a> Asking<'a> {
    fn new(
        kept: &'a Kept,
        lanes: &'a Lanes,
        (caller, head): (&Caller, &'a Head),
        (asked, document): (&'a Asked, ExecutableDocument),
    ) -> Outcome<Self> {
        Ok(Self {
            schema: kept.of_events()?,
            lanes,
            head,
            asked,
            document: as_query(document, asked.operation_name.as_deref()),
            sitting: Arc::new(Sitting::new(&lanes.services, caller.clone())),
        })
    }

    fn about(&self, about: About) -> Told {
        let asked = (self.asked.clone(), self.document.clone());
        let (mut request, is_marked) = request_of(self.lanes, self.head, asked, &self.sitting);
        // Of the operations only this one is left, as one without a name.
        request.operation_name = None;
        let request = request.root_value(FieldValue::owned_any(about));
        let answered = Handle::current().block_on(self.schema.execute(request));
        Told::of(answered, is_marked, &self.head.request_id)
    }
}

/// The operation that was chosen, alone, as a query.
fn as_query(mut document: ExecutableDocument, name: Option<&str>) -> ExecutableDocument {
    let chosen = document
        .operations
        .iter()
        .find(|(known, _)| name.is_none() || name == known.map(|known| known.as_str()));
    if let Some(mut operation) = chosen.map(|(_, operation)| operation.clone()) {
        operation.node.ty = OperationType::Query;
        document.operations = DocumentOperations::Single(operation);
    }
    document
}
