//! `/v1/users`: who signs in, with which password, and tokens for evidence-room clients.

use axum::http::StatusCode;
use serde_json::{Map, Value as Json, json};

use crate::domain::kind::{ROLES, USER};
use crate::domain::value::Value;
use crate::lanes::http::Lanes;
use crate::lanes::http::answer::Answer;
use crate::lanes::http::ask::Ask;
use crate::lanes::http::route::{Route, Schema};
use crate::lanes::http::wire::Wire;
use crate::lanes::rest::people::{SHOWN_BEFORE, object, password, text};
use crate::lanes::rest::records;
use crate::services::failure::{Failure, Fault, Outcome, beside};
use crate::services::people::passwords::Password;

/// The routes.
pub(super) fn routes() -> Vec<Route> {
    let mut routes = records::readable(&USER, "people");
    routes.extend([
        Route::post("/v1/users", "Make a user, with a password or without one yet")
            .group("people")
            .writes(&USER)
            .takes(Schema::Json(new_schema))
            .gives(201, Schema::Record(&USER))
            .answer(|lanes, ask| {
                let caller = ask.caller()?;
                let written = lanes.services.create_user(caller, ask.fields()?, ask.request)?;
                Answer::created(&Wire::new(&lanes.services), &written)
            }),
        records::change(&USER, "people"),
        Route::post(
            "/v1/users/{id}/password",
            "Give a user a new password; to oneself with the current one",
        )
        .group("people")
        .takes(Schema::Json(password_schema))
        .gives(200, Schema::Json(nothing_schema))
        .answer(set_password),
        Route::post(
            "/v1/users/{id}/static-token",
            "Give a user a token for evidence-room clients, shown this once",
        )
        .group("people")
        .writes(&USER)
        .gives(201, Schema::Json(token_schema))
        .answer(|lanes, ask| {
            let (caller, id) = (ask.caller()?, ask.part("id"));
            let (written, token) = lanes.services.make_static_token_once(caller, id, ask.request)?;
            let answer = match written.replayed {
                true => Answer::data(Map::new()).meta("note", SHOWN_BEFORE),
                false => Answer::data(json!({ "token": token })).status(StatusCode::CREATED),
            };
            Ok(answer.replayed(written.replayed))
        }),
    ]);
    routes
}

fn set_password(lanes: &Lanes, ask: &Ask) -> Outcome<Answer> {
    let mut fields = ask.fields()?;
    let mut faults = Vec::new();
    let mut typed = |name: &str| match fields.remove(name) {
        None | Some(Value::Null) => None,
        Some(Value::Text(text)) => Some(Password::new(text)),
        Some(_) => {
            faults.push(Fault::wrong(format!("data.{name}"), "text"));
            None
        }
    };
    let (current, new) = (typed("current_password"), typed("password"));
    if new.is_none() && !faults.iter().any(|fault| fault.path == "data.password") {
        faults.push(Fault::missing("data.password", "text"));
    }
    let unknown = fields.keys();
    faults.extend(unknown.map(|name| Fault::wrong(format!("data.{name}"), "no such property")));
    let Some(new) = new else {
        return Err(Failure::Invalid(faults));
    };
    let (caller, id) = (ask.caller_beside(&faults)?, ask.part("id"));
    let written = lanes
        .services
        .set_password(&caller, id, current, &new, ask.request);
    let written = beside(faults, written)?;
    Ok(Answer::data(Map::new()).replayed(written.replayed))
}

fn new_schema() -> Json {
    let fields = USER.fields.iter();
    let plain = fields.filter(|field| matches!(field.name, "badge" | "phone" | "office_id"));
    let mut properties: Map<String, Json> = plain
        .map(|field| (field.name.to_owned(), text(field.doc)))
        .collect();
    let named = [
        (
            "email",
            json!({"type": "string", "format": "email", "description": "The address to sign in with, unique."}),
        ),
        ("name", text("The name shown.")),
        (
            "role",
            json!({"enum": ROLES, "description": "What the person may do."}),
        ),
        (
            "disabled",
            json!({"type": "boolean", "description": "Signs in no more."}),
        ),
        ("external_id", text("The client's own id of the record.")),
        ("password", password("Without one the user can't sign in yet.")),
    ];
    properties.extend(named.map(|(name, schema)| (name.to_owned(), schema)));
    object(&["email", "name", "role"], Json::Object(properties))
}

fn password_schema() -> Json {
    object(
        &["password"],
        json!({
            "password": password("The new one, 12 to 1,024 bytes."),
            "current_password": text("The present one, of those who change their own."),
        }),
    )
}

fn token_schema() -> Json {
    let about = "The token, shown this once: an answer that is a replay has it no more.";
    object(&[], json!({"token": text(about)}))
}

fn nothing_schema() -> Json {
    json!({"type": "object"})
}
