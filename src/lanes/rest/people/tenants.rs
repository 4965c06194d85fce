//! `/v1/tenants`: agencies. Each sees itself alone.

use serde_json::{Value as Json, json};

use crate::domain::kind::TENANT;
use crate::lanes::http::answer::Answer;
use crate::lanes::http::route::{Route, Schema};
use crate::lanes::http::wire::Wire;
use crate::lanes::rest::people::{object, password, text};
use crate::lanes::rest::records;

/// The routes.
pub(super) fn routes() -> Vec<Route> {
    let mut routes = records::readable(&TENANT, "people");
    routes.extend([
        records::change(&TENANT, "people"),
        Route::post("/v1/tenants", "Make an agency with its first administrator")
            .group("people")
            .writes(&TENANT)
            .takes(Schema::Json(new_schema))
            .gives(201, Schema::Record(&TENANT))
            .answer(|lanes, ask| {
                let caller = ask.caller()?;
                let written = lanes.services.create_tenant(caller, ask.fields()?, ask.request)?;
                Answer::created(&Wire::new(&lanes.services), &written)
            }),
    ]);
    routes
}

fn new_schema() -> Json {
    let administrator = object(
        &["email", "name", "password"],
        json!({
            "email": text("The address to sign in with."),
            "name": text("The name shown."),
            "password": password("12 to 1,024 bytes."),
        }),
    );
    object(
        &["slug", "name"],
        json!({
            "slug": text("Its short name: 1 to 63 of a-z, 0-9 and -."),
            "name": text("Its full name."),
            "organization_id": {"type": "integer", "minimum": 0, "description": "Its number for evidence-room clients."},
            "external_id": text("The client's own id of the record."),
            "administrator": administrator,
        }),
    )
}
