//! The table of contents of the event lane.

use std::sync::LazyLock;

use axum::body::{Body, Bytes};
use axum::http::HeaderValue;
use axum::http::Response;
use axum::http::header::CONTENT_TYPE;

use crate::domain::event::Severity;
use crate::domain::kind::Shape;
use crate::lanes::events::{asyncapi, pull, socket, webhooks};
use crate::lanes::http::Lanes;
use crate::lanes::http::accept::prefers;
use crate::lanes::http::ears::event;
use crate::lanes::http::ears::guest::Guest;
use crate::lanes::http::ears::socket::is_upgrade;
use crate::lanes::http::route::{Gives, Param, Route, Schema, Visit, param};
use crate::services::failure::Outcome;

const PARAMS: [Param; 7] = [
    param(
        "after",
        Shape::Int(0, i64::MAX),
        "The last `sequence` that you have. Without it: only what happens from now on.",
    ),
    param(
        "limit",
        Shape::Int(1, pull::LIMIT_MAX as i64),
        "Events an answer, at most; a `text/event-stream` with it ends after so many.",
    ),
    param(
        "wait",
        Shape::Line(10),
        "How long to wait for the first one: `30s`, at most a minute.",
    ),
    param(
        "types",
        Shape::Line(2_000),
        "Only these types, with commas between them; `case.*` is all of a case.",
    ),
    param(
        "cases",
        Shape::Line(2_000),
        "Only of these cases, with commas between them.",
    ),
    param(
        "entities",
        Shape::Line(2_000),
        "Only of these persons and things, with commas between them.",
    ),
    param(
        "min_severity",
        Shape::Choice(&Severity::WORDS),
        "Only as grave as this, or graver.",
    ),
];

/// The AsyncAPI document, made when it is first asked for.
static DOCUMENT: LazyLock<Bytes> = LazyLock::new(|| asyncapi::text().into());

/// Every route of this lane.
pub fn routes() -> Vec<Route> {
    let listen = Route::get(
        "/v1/events",
        "Listen to what happens: JSON, `text/event-stream`, or a WebSocket",
    )
    .group("events")
    .lane("events")
    .admits_later(is_upgrade)
    .query(PARAMS)
    .gives(200, Schema::Json(event::list_schema))
    .visit(listen);
    let document = Route::get("/asyncapi.yaml", "The AsyncAPI document of events")
        .group("about")
        .open()
        .gives_other(200, Gives::Other("application/yaml"))
        .visit(|_, _| async {
            let mut response = Response::new(Body::from(DOCUMENT.clone()));
            let headers = response.headers_mut();
            headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/yaml"));
            Ok(response)
        });
    [vec![listen, document], webhooks::router::routes()].concat()
}

async fn listen(lanes: Lanes, visit: Visit) -> Outcome<Response<Body>> {
    if is_upgrade(&visit.head.headers) {
        return socket::open(&lanes, visit);
    }
    let guest = Guest::of(&visit.head);
    let (caller, head, _) = visit.into_parts()?;
    if prefers(&head.headers, "text/event-stream") {
        pull::stream(lanes, caller, guest, head).await
    } else {
        pull::page(lanes, caller, head).await
    }
}
