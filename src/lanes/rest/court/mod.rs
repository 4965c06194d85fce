//! What a court asks for: expunging a record, the receipts of that, operations with their proofs, the keys that check them.

use axum::body::Body;
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderValue, Response};
use serde_json::{Value as Json, json};

use crate::domain::id::OpId;
use crate::domain::kind::{ERASURE, EXPUNGED_BY_ORDER, Kind, Shape};
use crate::lanes::http::answer::Answer;
use crate::lanes::http::route::{Gives, Route, Schema, Visit, param};
use crate::lanes::http::wire::Wire;
use crate::lanes::http::{Lanes, blocking, schema};
use crate::lanes::rest::records;
use crate::services::court::hold;
use crate::services::failure::{Failure, Outcome};
use crate::services::policy;
use crate::store::identity::Stream;

const GROUP: &str = "court";

/// The routes.
pub(super) fn routes() -> Vec<Route> {
    let mut routes = records::readable(&ERASURE, GROUP);
    for kind in EXPUNGED_BY_ORDER {
        routes.push(expunge(kind));
        routes.push(prove(kind));
    }
    routes.push(prove(&ERASURE));
    routes.extend(hold::KINDS.map(hold_route));
    routes.push(
        Route::get("/v1/log/keys", "Read the public keys of this node's logs")
            .group(GROUP)
            .gives(200, Schema::Json(keys_schema))
            .answer(|lanes, ask| {
                let keys = lanes.services.log_keys(ask.caller()?)?.into_iter();
                let keys =
                    keys.map(|own| json!({"log": own.log.to_string(), "holds": own.holds, "keys": own.keys}));
                Ok(Answer::data(keys.collect::<Vec<_>>()))
            }),
    );
    routes.push(consistency());
    routes
}

/// Whoever kept a checkpoint sees that nothing before it was changed since.
fn consistency() -> Route {
    Route::get(
        "/v1/log/consistency",
        "Read the last checkpoint of a log, and the proof that the log begins as it did at an earlier size",
    )
    .group(GROUP)
    .query([
        param("holds", Shape::Choice(&["records", "audit"]), "Which log; without it that of the records."),
        param("from", Shape::Int(0, i64::MAX), "The earlier size; without it 0, which needs no proof."),
    ])
    .gives(200, Schema::Json(growth_schema))
    .answer(|lanes, ask| {
        let stream = match ask.param("holds") {
            None | Some("records") => Stream::Records,
            Some("audit") => Stream::Audit,
            Some(_) => return Err(Failure::wrong("holds", "one of records, audit")),
        };
        let from = ask.param("from").map_or(Ok(0), str::parse::<u64>);
        let from = from.map_err(|_| Failure::wrong("from", "a whole number of operations"))?;
        let (head, hashes) = lanes.services.prove_growth(ask.caller()?, stream, from)?;
        let hashes: Vec<String> = hashes.iter().map(ToString::to_string).collect();
        Ok(Answer::data(json!({
            "log": head.log.to_string(), "from": from, "to": head.size, "hashes": hashes, "checkpoint": head.note.to_string(),
        })))
    })
}

fn growth_schema() -> Json {
    json!({
        "type": "object", "required": ["log", "from", "to", "hashes", "checkpoint"],
        "properties": {
            "log": {"type": "string", "description": "The id of the log."},
            "from": {"type": "integer", "description": "Operations at the earlier size."},
            "to": {"type": "integer", "description": "Operations now."},
            "hashes": {
                "type": "array", "items": {"type": "string"},
                "description": "The consistency proof (RFC 6962, 2.1.2), hexadecimal.",
            },
            "checkpoint": {"type": "string", "description": "The signed checkpoint (C2SP tlog-checkpoint) over all of `to`."},
        },
    })
}

fn expunge(kind: &'static Kind) -> Route {
    let path = format!("/v1/{}/{{id}}/expunge", kind.plural);
    let summary = format!(
        "Destroy a record of the kind {} for good, by a court's order; gives the receipt",
        kind.name
    );
    Route::post(path, summary)
        .group(GROUP)
        .scope(policy::EXPUNGE)
        .conditional()
        .takes(Schema::Json(order_schema))
        .gives(201, Schema::Record(&ERASURE))
        .answer(move |lanes, ask| {
            let written = lanes.services.expunge(
                ask.caller()?,
                &lanes.finder,
                (kind, ask.part("id"), ask.head.if_match()),
                &ask.fields()?,
                ask.request,
            )?;
            Answer::created(&Wire::new(&lanes.services), &written)
        })
}

fn hold_route(kind: &'static Kind) -> Route {
    let summary = format!(
        "Put a record of the kind {} under a legal hold, for good: nothing of it is disposed of, destroyed or expunged",
        kind.name
    );
    Route::post(format!("/v1/{}/{{id}}/hold", kind.plural), summary)
        .group(GROUP)
        .scope(policy::HOLD)
        .conditional()
        .takes(Schema::Json(|| schema::object(hold::REASONS)))
        .gives(201, Schema::Record(kind))
        .answer(move |lanes, ask| {
            let record = (kind, ask.part("id"), ask.head.if_match());
            let written = lanes
                .services
                .hold(ask.caller()?, record, ask.fields()?, ask.request)?;
            Answer::created(&Wire::new(&lanes.services), &written)
        })
}

fn prove(kind: &'static Kind) -> Route {
    let summary = format!(
        "Read one operation of a record of the kind {} with its proof, as a .tlog-proof",
        kind.name
    );
    Route::get(format!("/v1/{}/{{id}}/proof", kind.plural), summary)
        .group(GROUP)
        .reads(kind)
        .query([param(
            "operation",
            Shape::Line(100),
            "Which one, as the history names it; without it the last.",
        )])
        .gives_other(200, Gives::Other("text/plain"))
        .visit(move |lanes, visit| proof(lanes, visit, kind))
}

async fn proof(lanes: Lanes, visit: Visit, kind: &'static Kind) -> Outcome<Response<Body>> {
    let (caller, head, _) = visit.into_parts()?;
    let wrong = |_| Failure::wrong("operation", "an operation as the history names it");
    let operation = head.param("operation").map(str::parse::<OpId>).transpose();
    let operation = operation.map_err(wrong)?;
    let record = head.part("id").to_owned();
    let text = blocking(move || {
        lanes
            .services
            .prove_operation(&caller, (kind, &record), operation)
    })
    .await?;
    let mut response = Response::new(Body::from(text));
    let plain = HeaderValue::from_static("text/plain; charset=utf-8");
    response.headers_mut().insert(CONTENT_TYPE, plain);
    Ok(response)
}

fn order_schema() -> Json {
    let member = |name: &str| {
        let field = ERASURE.field(name);
        let mut json = schema::shape(field.map_or(Shape::Line(200), |field| field.shape));
        json["description"] = field.map_or("", |field| field.doc).into();
        json
    };
    json!({
        "type": "object", "required": ["order", "reason"], "additionalProperties": false,
        "properties": {"order": member("order"), "reason": member("reason")},
    })
}

fn keys_schema() -> Json {
    json!({"type": "array", "items": {
        "type": "object", "required": ["log", "holds", "keys"],
        "properties": {
            "log": {"type": "string", "description": "The id of the log."},
            "holds": {"enum": ["records", "audit"]},
            "keys": {
                "type": "array", "items": {"type": "string"},
                "description": "Verifier keys (C2SP signed-note): Ed25519, then ML-DSA-44.",
            },
        },
    }})
}
