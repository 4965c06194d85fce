//! Files, custody and labels of evidence.

use axum::body::Body;
use axum::http::header::{CONTENT_SECURITY_POLICY, CONTENT_TYPE};
use axum::http::{HeaderValue, Response, StatusCode};
use serde_json::{Map, Value as Json, json};

use crate::domain::custody::Action;
use crate::domain::custody::chain::{Chain, Entry};
use crate::domain::id::Hash;
use crate::domain::kind::{EVIDENCE, Kind};
use crate::domain::record::Record;
use crate::lanes::http::answer::Answer;
use crate::lanes::http::files::download::{Disposition, respond};
use crate::lanes::http::files::multipart::receive_for;
use crate::lanes::http::route::{Gives, Route, Schema, Visit};
use crate::lanes::http::wire::{Wire, path_of};
use crate::lanes::http::{Lanes, blocking};
use crate::services::failure::{Failure, Fault, Outcome};
use crate::services::files::Purpose;
use crate::services::files::hand_out::Copy;

/// The routes.
pub(super) fn routes() -> Vec<Route> {
    let attach = Route::post("/v1/evidence/{id}/files", "Add files to an item of evidence")
        .group("evidence")
        .writes(&EVIDENCE)
        .takes_files(Schema::Json(|| json!({"type": "null"})))
        .gives(201, Schema::Record(&EVIDENCE))
        .visit(attach);
    let custody = Route::get(
        "/v1/evidence/{id}/custody",
        "Read an item's chain of custody, oldest entry first",
    )
    .group("evidence")
    .reads(&EVIDENCE)
    .gives(200, Schema::Json(chain_schema))
    .answer(|lanes, ask| {
        let custody = lanes.services.custody_of(ask.caller()?, ask.part("id"))?;
        Ok(Answer::data(chain_json(&custody.item, &custody.chain)))
    });
    let transfer = Route::post(
        "/v1/evidence/{id}/custody",
        "Add an entry to an item's chain of custody",
    )
    .group("evidence")
    .scope("custody:write")
    .takes(Schema::Json(step_schema))
    .gives(201, Schema::Json(entry_schema))
    .answer(|lanes, ask| {
        let services = &lanes.services;
        let written = services.transfer_custody(ask.caller()?, ask.part("id"), ask.fields()?, ask.request)?;
        let item = written.first()?;
        let chain = Chain::of(item);
        let made = chain.entries.last().map_or(Json::Null, entry_json);
        let own = format!("{}/custody", path_of(&EVIDENCE, item.id));
        let answer = Answer::data(made)
            .status(StatusCode::CREATED)
            .replayed(written.replayed);
        Ok(answer
            .link("self", own)
            .link("evidence", path_of(&EVIDENCE, item.id)))
    });
    let label = Route::get(
        "/v1/evidence/{id}/label",
        "Draw an item's label, 62 by 29 mm, as SVG",
    )
    .group("evidence")
    .reads(&EVIDENCE)
    .gives_other(200, Gives::Other("image/svg+xml"))
    .visit(label);
    let mut routes = vec![attach, custody, transfer, label];
    routes.extend(files(&EVIDENCE, "files", "evidence"));
    routes
}

/// The routes by which the files of a kind's records are read.
pub(super) fn files(kind: &'static Kind, segment: &str, group: &'static str) -> Vec<Route> {
    let path = format!("/v1/{}/{{id}}/{segment}/{{sha256}}", kind.plural);
    let route = |path: String, summary: &str, copy: Copy| {
        Route::get(path, summary)
            .group(group)
            .reads(kind)
            .gives_other(200, Gives::Other("application/octet-stream"))
            .visit(move |lanes, visit| hand_out(lanes, visit, kind, copy))
    };
    vec![
        route(path.clone(), "Read a file, whole or in part", Copy::Original),
        route(
            format!("{path}/thumbnail"),
            "Read the small copy of a picture",
            Copy::Thumbnail,
        ),
    ]
}

async fn hand_out(lanes: Lanes, visit: Visit, kind: &'static Kind, copy: Copy) -> Outcome<Response<Body>> {
    let (caller, head, _) = visit.into_parts()?;
    let hash: Hash = head
        .part("sha256")
        .parse()
        .map_err(|_| Failure::Unknown("file"))?;
    let reference = head.part("id").to_owned();
    let file = blocking(move || {
        lanes
            .services
            .hand_out_file(&caller, (kind, &reference), hash, copy)
    })
    .await?;
    let disposition = match copy {
        Copy::Original => Disposition::Attachment,
        Copy::Thumbnail => Disposition::Inline,
    };
    respond(&head, &file, disposition).await
}

async fn attach(lanes: Lanes, visit: Visit) -> Outcome<Response<Body>> {
    let (caller, head, mut parts) = receive_for(&lanes, &EVIDENCE, visit, Purpose::Evidence).await?;
    blocking(move || {
        if !parts.data.is_null() {
            let fault = Fault::wrong("data", "no such part: files are taken");
            parts.faults.push(fault);
        }
        let request = parts.gather(head.request_key(&caller, &parts.body))?;
        let item = (&EVIDENCE, head.part("id"));
        let written = lanes
            .services
            .attach_files(&caller, item, parts.take(), request, |_, _| Ok(()))?;
        Ok(Answer::created(&Wire::new(&lanes.services), &written)?.render())
    })
    .await
}

async fn label(lanes: Lanes, visit: Visit) -> Outcome<Response<Body>> {
    let (caller, head, _) = visit.into_parts()?;
    let svg = blocking(move || lanes.services.draw_label(&caller, head.part("id"))).await?;
    let mut response = Response::new(Body::from(svg));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("image/svg+xml"));
    headers.insert(
        CONTENT_SECURITY_POLICY,
        HeaderValue::from_static("default-src 'none'; sandbox"),
    );
    Ok(response)
}

fn chain_json(item: &Record, chain: &Chain) -> Json {
    let ids = |ids: &[crate::domain::id::VersionId]| ids.iter().map(ToString::to_string).collect::<Vec<_>>();
    json!({
        "evidence_id": item.id.to_string(),
        "display_id": item.text("display_id"),
        "state": chain.now.state.as_str(),
        "holder": chain.now.holder.as_ref().map(Json::from),
        "place": chain.now.place.as_ref().map(Json::from),
        "disputed": chain.disputed.is_some(),
        "follows": ids(&chain.heads),
        "entries": chain.entries.iter().map(entry_json).collect::<Vec<_>>(),
    })
}

/// An entry: its id, which the next one names, what was said, what it follows, and where the item stood after it.
fn entry_json(entry: &Entry) -> Json {
    let mut json = Map::from_iter([("id".to_owned(), entry.id.to_string().into())]);
    if let Json::Object(said) = Json::from(&entry.value) {
        json.extend(said);
    }
    let follows: Vec<Json> = entry.follows.iter().map(|id| id.to_string().into()).collect();
    json.insert("follows".to_owned(), follows.into());
    json.insert("state".to_owned(), entry.after.state.as_str().into());
    if !entry.faults.is_empty() {
        let faults: Vec<Json> = entry
            .faults
            .iter()
            .map(|fault| fault.to_string().into())
            .collect();
        json.insert("faults".to_owned(), faults.into());
    }
    Json::Object(json)
}

fn step_schema() -> Json {
    let text = json!({"type": "string"});
    let id = json!({"type": "string", "description": "The id of the last entry: `follows` of the chain."});
    let actions: Vec<&str> = Action::all().map(Action::as_str).collect();
    let example = json!({"action": "stored", "place": "shelf 12", "follows": "$LAST"});
    json!({"type": "object", "required": ["action", "follows"], "additionalProperties": false, "example": example, "properties": {
        "action": {"type": "string", "description": format!("One of {}.", actions.join(", "))},
        "happened_at": {"type": "string", "format": "date-time"}, "from": text, "to": text,
        "to_id": {"type": "string", "description": "The person or organization that it went to."},
        "place": text, "reason": text, "note": text, "witness": text, "signature": text,
        "hash_before": {"type": "string", "description": "SHA-256 of what was handed over, before the step."},
        "hash_after": {"type": "string", "description": "The same after it."},
        "follows": {"oneOf": [id, {"type": "array", "items": id}]},
    }})
}

fn entry_schema() -> Json {
    json!({"type": "object", "required": ["id", "follows", "state"], "properties": {
        "id": {"type": "string"}, "action": {"type": "string"}, "state": {"type": "string"},
        "follows": {"type": "array", "items": {"type": "string"}},
    }})
}

fn chain_schema() -> Json {
    json!({"type": "object", "required": ["evidence_id", "state", "disputed", "follows", "entries"], "properties": {
        "evidence_id": {"type": "string"}, "display_id": {"type": ["string", "null"]}, "state": {"type": "string"},
        "holder": {}, "place": {}, "disputed": {"type": "boolean"},
        "follows": {"type": "array", "items": {"type": "string"}},
        "entries": {"type": "array", "items": entry_schema()},
    }})
}
