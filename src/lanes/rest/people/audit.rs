//! `GET /v1/audit`: the audit log, newest first, by page or as JSON Lines.

use axum::body::{Body, Bytes};
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderValue, Response};
use futures_util::stream;
use serde_json::{Map, Value as Json, json};

use crate::domain::kind::Shape;
use crate::lanes::http::accept::prefers;
use crate::lanes::http::answer::Answer;
use crate::lanes::http::ask::Head;
use crate::lanes::http::lists::cursor;
use crate::lanes::http::route::{Gives, Param, Route, Schema, Visit, param};
use crate::lanes::http::{Lanes, blocking};
use crate::lanes::rest::people::text;
use crate::services::audit::reader::{AuditEntry, AuditFilter};
use crate::services::caller::Caller;
use crate::services::failure::{Failure, Fault, Outcome};

const NDJSON: &str = "application/x-ndjson";
const LIMIT: usize = 50;
const LIMIT_MAX: usize = 500;

const PARAMS: [Param; 8] = [
    param(
        "event",
        Shape::Line(100),
        "Only of this event: `sign-in`, `read`, `create`, …",
    ),
    param(
        "outcome",
        Shape::Line(50),
        "Only of this outcome: `done`, `denied`, `refused`, …",
    ),
    param(
        "actor",
        Shape::Line(200),
        "Only of `user:<id>`, `key:<id>`, `owner` or `stranger`.",
    ),
    param(
        "record",
        Shape::Line(36),
        "Only about the record with this internal id.",
    ),
    param("from", Shape::Time, "Only from this time on."),
    param("to", Shape::Time, "Only before this time."),
    param(
        "limit",
        Shape::Int(1, LIMIT_MAX as i64),
        "Entries a page; 50 if not said.",
    ),
    param("cursor", Shape::Line(1_000), "Where the page before ended."),
];

/// The routes.
pub(super) fn routes() -> Vec<Route> {
    let summary =
        "Read the audit log, newest first; all of it as JSON Lines for `Accept: application/x-ndjson`";
    vec![
        Route::get("/v1/audit", summary)
            .group("people")
            .scope("audit:read")
            .query(PARAMS)
            .gives_other(200, Gives::Page(Schema::Json(entry_schema)))
            .visit(answer),
    ]
}

async fn answer(lanes: Lanes, visit: Visit) -> Outcome<Response<Body>> {
    let caller = visit
        .caller
        .ok_or(Failure::Unauthenticated("a credential is needed"))?;
    let (filter, limit) = asked(&visit.head)?;
    if prefers(&visit.head.headers, NDJSON) {
        return export(lanes, caller, filter).await;
    }
    let list = format!("{} {filter:?}", caller.tenant());
    let after = visit
        .head
        .param("cursor")
        .map(|place| cursor::decode(&["audit", &list], place))
        .transpose()?;
    blocking(move || {
        let page = lanes.services.audit(&caller, &filter, after.as_deref(), limit)?;
        let next = page.next.map(|place| cursor::encode(&["audit", &list], &place));
        Ok(Answer::list(page.entries.iter().map(entry).collect(), next).render())
    })
    .await
}

/// Streams page after page, so that memory does not grow with the log.
async fn export(lanes: Lanes, caller: Caller, filter: AuditFilter) -> Outcome<Response<Body>> {
    let (at_door, who) = (lanes.clone(), caller.clone());
    blocking(move || at_door.services.begin_audit_export(&who)).await?;
    let pages = stream::try_unfold(Some(None::<Vec<u8>>), move |place| {
        let (lanes, caller, filter) = (lanes.clone(), caller.clone(), filter.clone());
        async move {
            let Some(after) = place else { return Ok(None) };
            let page = blocking(move || {
                lanes
                    .services
                    .audit_export_page(&caller, &filter, after.as_deref())
            });
            match page.await {
                Ok(page) => {
                    let lines: String = page.entries.iter().map(|e| format!("{}\n", entry(e))).collect();
                    Ok(Some((Bytes::from(lines), page.next.map(Some))))
                }
                // The answer has begun; to break it off is the only way left to say that it is not whole.
                Err(failure) => Err(std::io::Error::other(failure.word())),
            }
        }
    });
    let mut response = Response::new(Body::from_stream(pages));
    response
        .headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static(NDJSON));
    Ok(response)
}

fn asked(head: &Head) -> Outcome<(AuditFilter, usize)> {
    let (filter, mut faults) = AuditFilter::read(|name| head.param(name), "record");
    let limit = head
        .param("limit")
        .map_or(Some(LIMIT), |limit| limit.parse().ok());
    let limit = limit.filter(|limit| (1..=LIMIT_MAX).contains(limit));
    if limit.is_none() {
        faults.push(Fault::wrong(
            "limit",
            format!("a whole number from 1 to {LIMIT_MAX}"),
        ));
    }
    if !faults.is_empty() {
        return Err(Failure::Invalid(faults));
    }
    Ok((filter, limit.unwrap_or(LIMIT)))
}

fn entry(entry: &AuditEntry) -> Json {
    let fields = entry
        .fields
        .iter()
        .map(|(name, value)| (name.clone(), value.into()));
    let mut json = Map::from_iter([
        ("id".to_owned(), json!(entry.id.to_string())),
        ("at".to_owned(), json!(entry.at.to_string())),
        ("actor".to_owned(), json!(entry.actor)),
        ("client".to_owned(), json!(entry.client)),
        ("record".to_owned(), json!(entry.record.map(|id| id.to_string()))),
    ]);
    json.extend(fields);
    Json::Object(json)
}

fn entry_schema() -> Json {
    let entry = json!({
        "type": "object",
        "required": ["id", "at", "actor", "client", "record", "event", "outcome", "lane", "request_id"],
        "properties": {
            "id": text("Its place in the signed audit log."),
            "at": text("When."),
            "actor": text("Who: `user:<id>`, `key:<id>`, `owner` or `stranger`."),
            "client": text("Through what."),
            "record": {"type": ["string", "null"], "description": "About which record."},
            "event": text("What."),
            "outcome": text("What came of it."),
            "lane": text("How it came in."),
            "request_id": text("By which the request is found in the log of the box."),
            "address": text("From where."),
            "count": {"type": "integer", "description": "How many more equal ones came within the second before."},
        },
    });
    json!({"type": "array", "items": entry})
}
