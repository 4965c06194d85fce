//! People and programs that act, and what they did: sessions, users, keys, agencies, the audit log.

mod audit;
mod keys;
mod session;
mod tenants;
mod users;

use serde_json::{Value as Json, json};

use crate::lanes::http::route::Route;

/// What a replay says in `meta.note` in place of a secret.
const SHOWN_BEFORE: &str =
    "the secret was shown in the first answer and is kept nowhere; if it was lost, make another one";

/// The routes.
pub(super) fn routes() -> Vec<Route> {
    [
        session::routes(),
        users::routes(),
        keys::routes(),
        tenants::routes(),
        audit::routes(),
    ]
    .concat()
}

fn text(about: &str) -> Json {
    json!({"type": "string", "description": about})
}

fn password(about: &str) -> Json {
    json!({"type": "string", "format": "password", "minLength": 12, "maxLength": 1_024, "description": about})
}

fn object(required: &[&str], properties: Json) -> Json {
    let mut schema = json!({"type": "object", "required": required, "additionalProperties": false});
    schema["properties"] = properties;
    schema
}
