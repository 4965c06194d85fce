//! `/v1/keys`: API keys, each shown once.

use axum::http::StatusCode;
use serde_json::{Value as Json, json};

use crate::domain::id::RecordId;
use crate::domain::kind::CREDENTIAL;
use crate::domain::record::Record;
use crate::domain::value::Value;
use crate::lanes::http::Lanes;
use crate::lanes::http::answer::Answer;
use crate::lanes::http::ask::Ask;
use crate::lanes::http::route::{Gives, Route, Schema};
use crate::lanes::http::schema;
use crate::lanes::http::wire::Wire;
use crate::lanes::rest::people::{SHOWN_BEFORE, object};
use crate::lanes::rest::{history, selection};
use crate::services::Written;
use crate::services::failure::{Failure, Outcome};

/// How long a rotated key still opens when nobody says: a day, in minutes.
const OVERLAP_MINUTES: i64 = 24 * 60;

/// And at most: thirty days.
const OVERLAP_MINUTES_MAX: i64 = 30 * 24 * 60;

/// The routes.
pub(super) fn routes() -> Vec<Route> {
    vec![
        Route::get(
            "/v1/keys",
            "List keys, each with its last use since the node was started",
        )
        .group("people")
        .reads(&CREDENTIAL)
        .query(selection::params(&CREDENTIAL))
        .gives_other(200, Gives::Page(Schema::Json(list_schema)))
        .answer(list),
        Route::get("/v1/keys/{id}", "Read a key's record, never the key")
            .group("people")
            .reads(&CREDENTIAL)
            .gives(200, Schema::Json(key_schema))
            .answer(|lanes, ask| {
                let key = lanes.services.read(ask.caller()?, &CREDENTIAL, ask.part("id"))?;
                told(lanes, &key)
            }),
        history::of(&CREDENTIAL, "people"),
        Route::post("/v1/keys", "Make a key, shown this once in `key`")
            .group("people")
            .writes(&CREDENTIAL)
            .takes(Schema::New(&CREDENTIAL))
            .gives(201, Schema::Json(key_schema))
            .answer(make),
        Route::post(
            "/v1/keys/{id}/rotate",
            "Make a key with the same rights, shown this once; the old one ends after the overlap",
        )
        .group("people")
        .writes(&CREDENTIAL)
        .takes(Schema::Json(rotate_schema))
        .gives(201, Schema::Json(key_schema))
        .answer(rotate),
        Route::delete("/v1/keys/{id}", "Revoke a key, for ever and at once")
            .group("people")
            .writes(&CREDENTIAL)
            .conditional()
            .gives(200, Schema::Json(key_schema))
            .answer(|lanes, ask| {
                let (caller, condition) = (ask.caller()?, ask.head.if_match());
                told(
                    lanes,
                    &lanes.services.revoke_key(caller, ask.part("id"), condition)?,
                )
            }),
    ]
}

fn list(lanes: &Lanes, ask: &Ask) -> Outcome<Answer> {
    let selection = selection::read(lanes, ask, &CREDENTIAL)?;
    let mut answer = selection::page(lanes, ask, &CREDENTIAL, &selection)?;
    let fields = ask.param("fields");
    if fields.is_none_or(|fields| fields.split(',').any(|name| name.trim() == "last_used_at")) {
        let items = answer.data.as_array_mut().into_iter().flatten();
        items.for_each(|item| put_last_use(lanes, item));
    }
    Ok(answer)
}

fn make(lanes: &Lanes, ask: &Ask) -> Outcome<Answer> {
    let made = lanes
        .services
        .create_key_once(ask.caller()?, ask.fields()?, ask.request)?;
    shown_once(lanes, made)
}

/// The key itself is in the first answer alone: nothing of it is kept, so a replay can't repeat it and says so.
fn shown_once(lanes: &Lanes, (written, key): (Written, String)) -> Outcome<Answer> {
    let mut answer = told(lanes, written.first()?)?.status(StatusCode::CREATED);
    if written.replayed {
        answer = answer.meta("note", SHOWN_BEFORE);
    } else {
        answer.data["key"] = key.into();
    }
    Ok(answer.replayed(written.replayed))
}

fn rotate(lanes: &Lanes, ask: &Ask) -> Outcome<Answer> {
    let mut fields = ask.fields()?;
    let minutes = match fields.remove("overlap_minutes") {
        None | Some(Value::Null) => OVERLAP_MINUTES,
        Some(Value::Int(minutes)) if (0..=OVERLAP_MINUTES_MAX).contains(&minutes) => minutes,
        Some(_) => {
            let expected = format!("a whole number from 0 to {OVERLAP_MINUTES_MAX}");
            return Err(Failure::wrong("data.overlap_minutes", expected));
        }
    };
    if let Some(name) = fields.keys().next() {
        return Err(Failure::wrong(format!("data.{name}"), "no such property"));
    }
    let (caller, id) = (ask.caller()?, ask.part("id"));
    let made = lanes
        .services
        .rotate_key_once(caller, id, minutes * 60_000, ask.request)?;
    shown_once(lanes, made)
}

fn told(lanes: &Lanes, key: &Record) -> Outcome<Answer> {
    let mut answer = Answer::record(&Wire::new(&lanes.services), key)?;
    put_last_use(lanes, &mut answer.data);
    Ok(answer)
}

/// Null if the key was not used since the node was started: the moment is kept in memory alone.
fn put_last_use(lanes: &Lanes, item: &mut Json) {
    let id = item["id"].as_str().and_then(|id| id.parse::<RecordId>().ok());
    let at = id.and_then(|id| lanes.services.last_use_of(id));
    item["last_used_at"] = at.map(|at| at.to_string()).into();
}

/// A key's record, its last use, and, where it was just made, the key.
fn key_schema() -> Json {
    let mut key = schema::of_record(&CREDENTIAL);
    let used = "When it was last used since this node was started.";
    key["properties"]["last_used_at"] =
        json!({"type": ["string", "null"], "format": "date-time", "description": used});
    key["properties"]["key"] = json!({"type": "string", "description": "The key itself, shown this once: an answer that is a replay has it no more."});
    key
}

/// With `?fields=` an item has only the members asked for.
fn list_schema() -> Json {
    let mut key = key_schema();
    key["required"] = json!(["id"]);
    json!({"type": "array", "items": key})
}

fn rotate_schema() -> Json {
    let about = "How long the old key still opens; a day if not said.";
    object(
        &[],
        json!({"overlap_minutes": {
            "type": "integer", "minimum": 0, "maximum": OVERLAP_MINUTES_MAX, "description": about,
            "example": OVERLAP_MINUTES,
        }}),
    )
}
