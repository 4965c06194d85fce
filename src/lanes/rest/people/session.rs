//! `/v1/session`: signing in and out at the web pages, and who one is.

use axum::http::HeaderValue;
use axum::http::StatusCode;
use axum::http::header::SET_COOKIE;
use serde_json::{Map, Value as Json, json};

use crate::domain::value::{Fields, Value};
use crate::lanes::http::Lanes;
use crate::lanes::http::answer::Answer;
use crate::lanes::http::ask::Ask;
use crate::lanes::http::caller::{SESSION_COOKIE, refuse_cross_site, session_token, via_of};
use crate::lanes::http::route::{Route, Schema};
use crate::lanes::rest::people::{object, text};
use crate::services::audit::Event;
use crate::services::caller::{Caller, Identity};
use crate::services::failure::{Failure, Fault, Outcome};
use crate::services::people::passwords::Password;

/// The routes.
pub(super) fn routes() -> Vec<Route> {
    const PATH: &str = "/v1/session";
    vec![
        Route::post(PATH, "Sign in; sets the session cookie")
            .group("people")
            .open()
            .takes(Schema::Json(sign_in_schema))
            .gives(201, Schema::Json(me_schema))
            .answer(sign_in),
        Route::get(PATH, "Who the caller is and what the caller may")
            .group("people")
            .gives(200, Schema::Json(me_schema))
            .answer(|lanes, ask| {
                let caller = ask.caller()?;
                let read = Event::done("session.read", None);
                lanes.services.note_plain_read(caller, read)?;
                Ok(Answer::data(me(lanes, caller)?))
            }),
        Route::delete(PATH, "Sign out; ends the session")
            .group("people")
            .gives(200, Schema::Json(nothing_schema))
            .answer(sign_out),
    ]
}

fn sign_in(lanes: &Lanes, ask: &Ask) -> Outcome<Answer> {
    refuse_cross_site(&ask.head, false)?;
    let mut fields = ask.fields()?;
    let (email, password) = (word(&mut fields, "email"), word(&mut fields, "password"));
    let mut faults: Vec<Fault> = fields
        .keys()
        .map(|name| Fault::wrong(format!("data.{name}"), "no such property"))
        .collect();
    match (email, password) {
        (Ok(email), Ok(password)) if faults.is_empty() => {
            let password = Password::new(password);
            let signed_in = lanes.services.sign_in(&email, &password, via_of(&ask.head))?;
            let mut answer = Answer::data(me(lanes, &signed_in.caller)?)
                .status(StatusCode::CREATED)
                .meta("ends_at", signed_in.ends_at.to_string());
            answer.headers.extend(cookie(&signed_in.token, ""));
            Ok(answer)
        }
        (email, password) => {
            faults.extend(email.err().into_iter().chain(password.err()));
            Err(Failure::Invalid(faults))
        }
    }
}

fn word(fields: &mut Fields, name: &str) -> Result<String, Fault> {
    let path = format!("data.{name}");
    match fields.remove(name) {
        None | Some(Value::Null) => Err(Fault::missing(path, "text")),
        Some(Value::Text(text)) => Ok(text),
        Some(_) => Err(Fault::wrong(path, "text")),
    }
}

fn sign_out(lanes: &Lanes, ask: &Ask) -> Outcome<Answer> {
    let Some(token) = session_token(&ask.head.headers) else {
        return Err(Failure::wrong("Cookie", "a session: a key is revoked instead"));
    };
    lanes.services.sign_out(ask.caller()?, token)?;
    let mut answer = Answer::data(Map::new());
    answer.headers.extend(cookie("", "; Max-Age=0"));
    Ok(answer)
}

/// The cookie goes over TLS alone, to this host alone, never to scripts and never along with a foreign page's request.
fn cookie(token: &str, end: &str) -> Option<(axum::http::HeaderName, HeaderValue)> {
    let text = format!("{SESSION_COOKIE}={token}; Path=/; Secure; HttpOnly; SameSite=Strict{end}");
    Some((SET_COOKIE, HeaderValue::try_from(text).ok()?))
}

fn me(lanes: &Lanes, caller: &Caller) -> Outcome<Json> {
    let (kind, role) = match caller.identity() {
        Identity::User(_, role) => ("user", Some(role.word())),
        Identity::Key(_) => ("key", None),
        Identity::Owner => ("owner", None),
        Identity::Node(_) => ("node", None),
    };
    let sessions = lanes.services.own_sessions(caller);
    let sessions: Vec<Json> = sessions
        .iter()
        .map(|session| {
            json!({
                "id": session.id,
                "began_at": session.began_at.to_string(),
                "last_used_at": session.last_used_at.to_string(),
                "ends_at": lanes.services.session_end(session.began_at).to_string(),
                "address": session.address.map(|address| address.to_string()),
            })
        })
        .collect();
    Ok(json!({
        "id": caller.record().map(|id| id.to_string()),
        "kind": kind,
        "name": caller.name(),
        "role": role,
        "tenant": caller.tenant().as_str(),
        "agency": lanes.services.agency_name(caller)?,
        "scopes": caller.scopes(),
        "lanes": caller.lanes(),
        "sessions": sessions,
    }))
}

fn sign_in_schema() -> Json {
    object(
        &["email", "password"],
        json!({"email": text("The address to sign in with."), "password": text("The password.")}),
    )
}

fn me_schema() -> Json {
    let texts = |about: &str| json!({"type": "array", "items": {"type": "string"}, "description": about});
    json!({
        "type": "object",
        "required": ["id", "kind", "name", "role", "tenant", "agency", "scopes", "lanes", "sessions"],
        "properties": {
            "id": {"type": ["string", "null"], "description": "The record of the user or key."},
            "kind": {"enum": ["user", "key", "owner"], "description": "What kind of identity it is."},
            "name": text("The name shown."),
            "role": {"type": ["string", "null"], "description": "A user's role."},
            "tenant": text("The agency."),
            "agency": text("What the agency is called."),
            "scopes": texts("What the caller may do."),
            "lanes": texts("The lanes that are open."),
            "sessions": {
                "type": "array",
                "items": {"type": "object"},
                "description": "The user's own sessions, the last used first. They end with the process of the node.",
            },
        },
    })
}

fn nothing_schema() -> Json {
    json!({"type": "object"})
}
