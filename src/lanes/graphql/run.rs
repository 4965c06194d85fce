//! From a request to an answer: the text and the document are judged first; then all fields are answered in one sitting on a
//! thread that may wait for the disk.

use std::sync::{Arc, OnceLock};

use async_graphql::parser::parse_query;
use async_graphql::parser::types::{ExecutableDocument, OperationType};
use async_graphql::{Request, Variables};
use axum::body::Body;
use axum::http::{Method, Response};
use serde_json::Value as Json;
use tokio::runtime::Handle;

use crate::lanes::graphql::limits::{scan, weigh};
use crate::lanes::graphql::schema::Engine;
use crate::lanes::graphql::wire::{Asked, Media, Told};
use crate::lanes::http::ask::Head;
use crate::lanes::http::route::Route;
use crate::lanes::http::{Lanes, blocking};
use crate::services::caller::Caller;
use crate::services::failure::{Failure, Outcome};
use crate::services::reading::sitting::Sitting;

/// The engine; it is made when somebody asks first.
#[derive(Debug)]
pub(super) struct Kept {
    engine: OnceLock<Engine>,
    writes: Vec<Route>,
}

impl Kept {
    /// Over these writes.
    pub(super) fn new(writes: Vec<Route>) -> Self {
        Self {
            engine: OnceLock::new(),
            writes,
        }
    }

    fn engine(&self) -> Outcome<&Engine> {
        if let Some(engine) = self.engine.get() {
            return Ok(engine);
        }
        let engine = Engine::new(&self.writes).map_err(|error| Failure::Internal(error.to_string()))?;
        Ok(self.engine.get_or_init(|| engine))
    }
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
    blocking(move || {
        let told = match prepared(&kept, &lanes, &head.method, &asked) {
            Ok((engine, document)) => run(engine, &lanes, (&caller, &head), (asked, document), &handle),
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

/// The document, if it is within all limits.
fn prepared<'k>(
    kept: &'k Kept,
    lanes: &Lanes,
    method: &Method,
    asked: &Asked,
) -> Outcome<(&'k Engine, ExecutableDocument)> {
    let engine = kept.engine()?;
    let limits = &lanes.options.graphql;
    scan(&asked.query, limits)?;
    let document = parse_query(&asked.query).map_err(|error| Failure::wrong("query", error.to_string()))?;
    let nothing = serde_json::Map::new();
    let variables = asked.variables.as_ref().unwrap_or(&nothing);
    weigh(&document, variables, (&engine.costs, Engine::roots()), limits)?;
    let is_query = |ty: OperationType| ty == OperationType::Query;
    if *method != Method::POST
        && !document
            .operations
            .iter()
            .all(|(_, operation)| is_query(operation.node.ty))
    {
        return Err(Failure::wrong("query", "a query: changes are asked by POST"));
    }
    Ok((engine, document))
}

fn run(
    engine: &Engine,
    lanes: &Lanes,
    (caller, head): (&Caller, &Head),
    (asked, document): (Asked, ExecutableDocument),
    handle: &Handle,
) -> Told {
    let sitting = Arc::new(Sitting::new(&lanes.services, caller.clone()));
    let variables = Json::Object(asked.variables.unwrap_or_default());
    let mut request = Request::new(asked.query)
        .variables(Variables::from_json(variables))
        .data(Arc::clone(&sitting))
        .data(lanes.clone())
        .data(head.clone());
    request.operation_name = asked.operation_name;
    request.set_parsed_query(document);
    let answered = handle.block_on(engine.schema.execute(request));
    // What was read is in the audit log before anything of it is told.
    match sitting.note() {
        Ok(()) => Told::of(answered, &head.request_id),
        Err(failure) => Told::refused(&failure, &head.request_id),
    }
}
