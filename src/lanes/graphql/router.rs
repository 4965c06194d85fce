//! The table of contents of the GraphQL lane.

use std::sync::{Arc, OnceLock};

use axum::body::Body;
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, HeaderValue, Response};
use serde_json::json;

use crate::domain::kind::Shape;
use crate::lanes::graphql::run::{Kept, answer};
use crate::lanes::graphql::wire::{Asked, Media, render_failure};
use crate::lanes::graphql::{changes, live};
use crate::lanes::http::ask::Head;
use crate::lanes::http::ears::socket::is_upgrade;
use crate::lanes::http::route::{Gives, Param, Route, Visit, param};
use crate::lanes::http::{Lanes, body};
use crate::services::access::GRAPHQL_SOCKET_LANE;
use crate::services::failure::{Failure, Fault, Outcome};

/// Characters of a parameter. Percent-encoded they fit into a head, which has a limit of its own (`limits.header_bytes_max`).
const PARAM_CHARS_MAX: usize = 2_000;
const NAME_CHARS_MAX: usize = 200;

const PARAMS: [Param; 3] = [
    param(
        "query",
        Shape::Text(PARAM_CHARS_MAX),
        "The document; it must be a query. A longer one goes by `POST`.",
    ),
    param(
        "operationName",
        Shape::Text(NAME_CHARS_MAX),
        "Which of its operations.",
    ),
    param(
        "variables",
        Shape::Text(PARAM_CHARS_MAX),
        "With which variables, as a JSON object. Longer ones go by `POST`.",
    ),
];

/// Every route of this lane, over the writes of these others.
pub fn routes(others: &[Route]) -> Vec<Route> {
    let writes = changes::writes(others);
    let kept = Arc::new(Kept::new(writes.clone()));
    let (posted, got, live) = (Arc::clone(&kept), Arc::clone(&kept), kept);
    let post = Route::post("/graphql", "Ask, or change something, in GraphQL")
        .group("graphql")
        .lane("graphql")
        .tells(render_failure)
        .takes_other(asked_schema)
        .gives_other(200, Gives::Own(&MEDIA, "GraphqlAnswer", answered_schema))
        .visit(move |lanes, visit| post(Arc::clone(&posted), lanes, visit));
    let get = Route::get("/graphql", "Ask in GraphQL")
        .group("graphql")
        .lane("graphql")
        .tells(render_failure)
        .query(PARAMS)
        .gives_other(200, Gives::Own(&MEDIA, "GraphqlAnswer", answered_schema))
        .visit(move |lanes, visit| get(Arc::clone(&got), lanes, visit));
    let live = Route::get(
        "/graphql/ws",
        "Subscribe, ask and change in GraphQL over a WebSocket: `graphql-transport-ws`",
    )
    .group("graphql")
    .lane(GRAPHQL_SOCKET_LANE)
    .tells(render_failure)
    .admits_later(is_upgrade)
    .gives_other(101, Gives::Own(&MEDIA, "GraphqlAnswer", answered_schema))
    .visit(move |lanes, visit| {
        let opened = live::open(Arc::clone(&live), &lanes, visit);
        async { opened }
    });
    let text: Arc<OnceLock<String>> = Arc::default();
    let schema = Route::get(
        "/graphql/schema.graphql",
        "The schema of GraphQL, in its own language",
    )
    .group("about")
    .open()
    .gives_other(200, Gives::Other("application/graphql"))
    .visit(move |_, _| {
        let mut response = Response::new(Body::from(text.get_or_init(|| super::sdl(&writes)).clone()));
        let headers = response.headers_mut();
        headers.insert(
            CONTENT_TYPE,
            HeaderValue::from_static("application/graphql; charset=utf-8"),
        );
        async { Ok(response) }
    });
    vec![post, get, live, schema]
}

/// What an answer may be, by what the client accepts.
const MEDIA: [&str; 2] = ["application/graphql-response+json", "application/json"];

fn answered_schema() -> serde_json::Value {
    json!({"type": "object", "properties": {
        "data": {"type": ["object", "null"], "description": "What was asked for."},
        "errors": {"type": "array", "minItems": 1, "items": {"type": "object", "required": ["message", "extensions"], "properties": {
            "message": {"type": "string"},
            "path": {"type": "array", "description": "The field."},
            "extensions": {"type": "object", "required": ["code", "requestId"], "properties": {
                "code": {"type": "string"}, "requestId": {"type": "string"},
            }},
        }}},
    }})
}

fn asked_schema() -> serde_json::Value {
    json!({"type": "object", "required": ["query"], "additionalProperties": false,
        "example": {"query": "{ me { name } }"}, "properties": {
        "query": {"type": "string", "description": "The document."},
        "operationName": {"type": ["string", "null"], "description": "Which of its operations."},
        "variables": {"type": ["object", "null"], "description": "With which variables."},
        "extensions": {"type": ["object", "null"]},
    }})
}

async fn post(kept: Arc<Kept>, lanes: Lanes, visit: Visit) -> Outcome<Response<Body>> {
    let media = Media::of(&visit.head.headers);
    let (caller, head, body) = visit.into_parts()?;
    let bytes_max = lanes.options.graphql.body_bytes_max;
    let bytes = body::read_within(&head.headers, body, bytes_max, &lanes.options).await?;
    refuse_other_media(&head.headers)?;
    let asked = Asked::of(body::json("body", &bytes, lanes.options.members_max)?)?;
    answer(kept, lanes, (caller, head), asked, media).await
}

async fn get(kept: Arc<Kept>, lanes: Lanes, visit: Visit) -> Outcome<Response<Body>> {
    let media = Media::of(&visit.head.headers);
    let (caller, head, _) = visit.into_parts()?;
    refuse_longer(&head)?;
    let asked = Asked::of_query(|name| head.param(name).map(str::to_owned))?;
    answer(kept, lanes, (caller, head), asked, media).await
}

fn refuse_other_media(headers: &HeaderMap) -> Outcome<()> {
    let media = headers.get(CONTENT_TYPE).and_then(|media| media.to_str().ok());
    let essence = media
        .and_then(|media| media.split(';').next())
        .unwrap_or_default()
        .trim();
    if !essence.eq_ignore_ascii_case("application/json") {
        return Err(Failure::Unsupported("the body must be application/json".into()));
    }
    Ok(())
}

/// A parameter longer than the document says.
fn refuse_longer(head: &Head) -> Outcome<()> {
    let faults = PARAMS.iter().filter_map(|param| {
        let Shape::Text(chars_max) = param.shape else {
            return None;
        };
        let is_longer = head.param(param.name)?.chars().nth(chars_max).is_some();
        is_longer.then(|| {
            Fault::wrong(
                param.name,
                format!("at most {chars_max} characters; more goes by POST"),
            )
        })
    });
    match faults.collect::<Vec<_>>() {
        faults if faults.is_empty() => Ok(()),
        faults => Err(Failure::Invalid(faults)),
    }
}
