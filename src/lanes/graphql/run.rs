//! From a request to an answer: the text and the document are judged first; then all fields are answered in one sitting on a
//! thread that may wait for the disk.

use std::sync::{Arc, OnceLock};

use async_graphql::dynamic::{Schema, SchemaError};
use async_graphql::parser::parse_query;
use async_graphql::parser::types::{ExecutableDocument, OperationType};
use async_graphql::{Request, Variables};
use axum::body::Body;
use axum::http::{Method, Response};
use serde_json::Value as Json;
use tokio::runtime::Handle;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::lanes::graphql::empty;
use crate::lanes::graphql::limits::{scan, weigh};
use crate::lanes::graphql::schema::Engine;
use crate::lanes::graphql::wire::{Asked, Media, Told};
use crate::lanes::http::ask::Head;
use crate::lanes::http::route::Route;
use crate::lanes::http::{Lanes, blocking};
use crate::services::caller::Caller;
use crate::services::failure::{Failure, Outcome};
use crate::services::reading::sitting::Sitting;

/// The engine, and what answers subscriptions; each is made when somebody asks first.
#[derive(Debug)]
pub(super) struct Kept {
    engine: OnceLock<Engine>,
    of_events: OnceLock<Schema>,
    writes: Vec<Route>,
    /// Held while a subscription's answers are made.
    turns: Arc<Semaphore>,
}

/// Subscriptions whose answers are made at once: it takes a core each, and a thread that keeps the memory it once had. A
/// thousand of them hear at the same moment.
const TOLD_AT_ONCE: usize = 4;

impl Kept {
    /// Over these writes.
    pub(super) fn new(writes: Vec<Route>) -> Self {
        Self {
            engine: OnceLock::new(),
            of_events: OnceLock::new(),
            writes,
            turns: Arc::new(Semaphore::new(TOLD_AT_ONCE)),
        }
    }

    /// Waits until the answers of another subscription may be made.
    ///
    /// # Errors
    /// None: nobody closes the turns.
    pub(super) async fn turn(&self) -> Outcome<OwnedSemaphorePermit> {
        let turns = Arc::clone(&self.turns);
        turns.acquire_owned().await.map_err(|_closed| Failure::Stopping)
    }

    /// What answers queries and changes.
    ///
    /// # Errors
    /// `Internal`: the tables are wrong.
    pub(super) fn engine(&self) -> Outcome<&Engine> {
        made(&self.engine, || Engine::new(&self.writes))
    }

    /// What answers subscriptions.
    ///
    /// # Errors
    /// `Internal`: the tables are wrong.
    pub(super) fn of_events(&self) -> Outcome<&Schema> {
        made(&self.of_events, Engine::of_events)
    }
}

fn made<T>(kept: &OnceLock<T>, make: impl FnOnce() -> Result<T, SchemaError>) -> Outcome<&T> {
    if let Some(made) = kept.get() {
        return Ok(made);
    }
    let made = make().map_err(|error| Failure::Internal(error.to_string()))?;
    Ok(kept.get_or_init(|| made))
}

/// Answers a request.
///
/// # Errors
/// None that is one of the query: those are in the answer.
pub(super) async fn answer(
    kept: Arc<Kept>,
    lanes: Lanes,
    (caller, head): (Caller, Head),
    asked: Asked,
    media: Media,
) -> Outcome<Response<Body>> {
    let handle = Handle::current();
    let admits = match head.method == Method::POST {
        true => Admits::Changes,
        false => Admits::Queries,
    };
    blocking(move || {
        let told = match prepared(&kept, &lanes, admits, &asked) {
            Ok(prepared) => {
                let asked = (asked, prepared.document);
                run(prepared.engine, &lanes, (&caller, &head), asked, &handle)
            }
            Err(failure) => {
                let request = format!("{} {}", head.method, head.path);
                lanes.services.note_failure(&caller, &request, &failure)?;
                Told::refused(&failure, &head.request_id)
            }
        };
        Ok(told.render(media))
    })
    .await
}

/// Where the document ends to be one; how the parser tells it is for programmers.
fn no_document(error: &async_graphql::parser::Error) -> Failure {
    let at = error.positions().next();
    let at = at.map(|at| format!(": line {}, column {} is not understood", at.line, at.column));
    let what = match error {
        async_graphql::parser::Error::Syntax { .. } => at.unwrap_or_default(),
        other => format!(": {}", other.to_string().to_lowercase()),
    };
    Failure::wrong("query", format!("a document of GraphQL{what}"))
}

/// The operations that a way in takes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Admits {
    /// Queries.
    Queries,
    /// Queries and changes.
    Changes,
    /// Subscriptions too.
    All,
}

/// A document within all limits.
pub(super) struct Prepared<'k> {
    /// What answers it.
    pub(super) engine: &'k Engine,
    /// The document.
    pub(super) document: ExecutableDocument,
    /// What its costliest operation can cost.
    pub(super) cost: usize,
}

/// The document, if it is within all limits.
///
/// # Errors
/// `Invalid`, naming the limit.
pub(super) fn prepared<'k>(
    kept: &'k Kept,
    lanes: &Lanes,
    admits: Admits,
    asked: &Asked,
) -> Outcome<Prepared<'k>> {
    let engine = kept.engine()?;
    let limits = &lanes.options.graphql;
    scan(&asked.query, limits)?;
    let document = parse_query(&asked.query).map_err(|error| no_document(&error))?;
    let nothing = serde_json::Map::new();
    let variables = asked.variables.as_ref().unwrap_or(&nothing);
    let cost = weigh(&document, variables, (&engine.costs, Engine::roots()), limits)?;
    let has = |ty| {
        document
            .operations
            .iter()
            .any(|(_, operation)| operation.node.ty == ty)
    };
    if admits != Admits::All && has(OperationType::Subscription) {
        let expected = "a query or a mutation: subscriptions are taken by the WebSocket /graphql/ws";
        return Err(Failure::wrong("query", expected));
    }
    if admits == Admits::Queries && has(OperationType::Mutation) {
        return Err(Failure::wrong("query", "a query: changes are asked by POST"));
    }
    Ok(Prepared {
        engine,
        document,
        cost,
    })
}

/// The type of the operation that is meant, if it is clear which one is.
pub(super) fn chosen(document: &ExecutableDocument, name: Option<&str>) -> Option<OperationType> {
    let mut operations = document.operations.iter();
    let meant = match name {
        Some(name) => operations.find(|(known, _)| known.is_some_and(|known| known.as_str() == name)),
        None => operations.next().filter(|_| operations.next().is_none()),
    };
    meant.map(|(_, operation)| operation.node.ty)
}

/// Answers a query or a change in a sitting of its own.
pub(super) fn run(
    engine: &Engine,
    lanes: &Lanes,
    (caller, head): (&Caller, &Head),
    asked: (Asked, ExecutableDocument),
    handle: &Handle,
) -> Told {
    let sitting = Arc::new(Sitting::new(&lanes.services, caller.clone()));
    let (request, is_marked) = request_of(lanes, head, asked, &sitting);
    let answered = handle.block_on(engine.schema.execute(request));
    // What was read is in the audit log before anything of it is told.
    match sitting.note() {
        Ok(()) => Told::of(answered, is_marked, &head.request_id),
        Err(failure) => Told::refused(&failure, &head.request_id),
    }
}

/// A request as the library takes it, with what resolvers read from; and whether the answer has marks of what is empty.
pub(super) fn request_of(
    lanes: &Lanes,
    head: &Head,
    (asked, mut document): (Asked, ExecutableDocument),
    sitting: &Arc<Sitting>,
) -> (Request, bool) {
    let is_marked = empty::mark(&mut document);
    let variables = Json::Object(asked.variables.unwrap_or_default());
    let mut request = Request::new(asked.query)
        .variables(Variables::from_json(variables))
        .data(Arc::clone(sitting))
        .data(lanes.clone())
        .data(head.clone());
    request.operation_name = asked.operation_name;
    request.set_parsed_query(document);
    (request, is_marked)
}
