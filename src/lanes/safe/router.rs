//! The table of contents: every route of this lane. Paths match in any case, each also with a slash at its end.

use axum::http::{Method, StatusCode};
use serde_json::{Value as Json, json};

use crate::lanes::http::answer::Answer;
use crate::lanes::http::route::{Draft, Route};
use crate::lanes::safe::ask::Ask;
use crate::lanes::safe::door::DOOR;
use crate::lanes::safe::{cases, custody, failure, items, people, reference, search, sign_in};
use crate::services::caller::SAFE_LANE;
use crate::services::failure::{Failure, Outcome};

/// What a handler answers.
pub(super) struct Reply {
    pub(super) status: StatusCode,
    pub(super) body: Json,
}

impl From<Json> for Reply {
    fn from(body: Json) -> Self {
        Self {
            status: StatusCode::OK,
            body,
        }
    }
}

type Handler = fn(&Ask<'_>) -> Outcome<Reply>;

fn get(path: &str, handler: Handler) -> Route {
    answered(draft(Method::GET, path), handler)
}

fn post(path: &str, handler: Handler) -> Route {
    answered(posted(path), handler)
}

fn posted(path: &str) -> Draft {
    draft(Method::POST, path).takes_other(any_object)
}

fn put(path: &str, handler: Handler) -> Route {
    answered(draft(Method::PUT, path).takes_other(any_object), handler)
}

fn draft(method: Method, path: &str) -> Draft {
    let row = Route::begin(method, path, "").lane(SAFE_LANE).lenient();
    row.door(DOOR).tells(failure::render)
}

fn any_object() -> Json {
    json!({"type": "object"})
}

fn answered(row: Draft, handler: Handler) -> Route {
    row.answer(move |lanes, asked| {
        let guest = lanes.services.guest(asked.caller()?)?;
        let Reply { status, body } = handler(&Ask::of(lanes, &guest, asked))?;
        Ok(Answer::bare(status, body))
    })
}

/// Every route, with the sign-in and with what is told of paths that are none.
pub fn routes() -> Vec<Route> {
    let mut routes = rows();
    routes.push(draft(Method::POST, "/token").open().visit(sign_in::answer));
    let methods = [
        Method::GET,
        Method::POST,
        Method::PUT,
        Method::PATCH,
        Method::DELETE,
    ];
    for (path, method) in ["/api", "/api/{*rest}", "/odata", "/odata/{*rest}"]
        .into_iter()
        .flat_map(|path| methods.clone().map(|method| (path, method)))
    {
        routes.push(answered(draft(method, path), |_| Err(Failure::Unknown("path"))));
    }
    let others = methods.into_iter().filter(|method| *method != Method::POST);
    routes.extend(others.map(|method| answered(draft(method, "/api/items"), items::write::other)));
    routes
}

/// Every route that needs a credential.
pub fn rows() -> Vec<Route> {
    vec![
        get("/api/items/seqorgid/{n}", items::read::by_sequence),
        get("/api/items/seqorgitemhistoryid/{n}", items::history::by_sequence),
        get("/api/items/itemhistory", items::history::of_item),
        get(
            "/api/items/getbylocationbarcode",
            items::read::by_location_barcode,
        ),
        post("/api/items/search", search::items),
        get("/api/items/{id}", items::read::by_id),
        put("/api/items/{id}", items::write::change),
        answered(
            posted("/api/items").refused(items::write::refused),
            items::write::create,
        ),
        get("/api/items/{id}/coc", items::read::chain),
        get("/api/items/{id}/formdata", items::read::form_data),
        post("/api/items/{id}/notes", items::write::note),
        get("/api/formdata/{id}", items::read::form_data),
        get("/api/forms", reference::forms),
        get("/api/cases/getbynumber", cases::read::by_number),
        post("/api/cases/search", search::cases),
        post("/api/cases", cases::write::create),
        get("/api/cases/{id}", cases::read::by_id),
        put("/api/cases/{id}", cases::write::change),
        get("/api/cases/{id}/items", cases::read::items),
        post("/api/cases/{id}/items", cases::read::items),
        get("/api/cases/{id}/people", cases::read::people),
        post("/api/cases/{id}/notes", cases::write::note),
        get("/api/people/case/{id}", cases::read::people),
        get("/api/people/typeahead", people::persons::typeahead),
        get(
            "/api/people/isemailalreadyinuse/{email}",
            people::persons::is_email_in_use,
        ),
        post("/api/people/search", search::people),
        post("/api/people/addpersontocase/{id}", people::persons::add_to_case),
        post("/api/people", people::persons::create),
        get("/api/people/{id}", people::persons::by_id),
        put("/api/people/{id}", people::persons::change),
        post("/api/people/{id}/notes", people::persons::note),
        get("/api/users/typeahead", people::users::typeahead),
        post("/api/users", people::users::create),
        get("/api/users/{id}", people::users::by_id),
        put("/api/users/{id}", people::users::change),
        get("/odata/users", people::users::odata),
        post("/api/checkouts/v2", custody::check_out),
        post("/api/checkins/v2", custody::check_in),
        post("/api/moves/v2", custody::move_items),
        post("/api/transfers/v2", custody::transfer),
        post("/api/disposals/v2", custody::dispose),
        post("/api/disposals/undisposev2", custody::undispose),
        get("/api/groups", reference::groups),
        get("/api/offices", reference::offices),
        get("/api/races", reference::races),
        get("/api/genders", reference::genders),
        get("/api/persontypes", reference::person_types),
        get("/api/addresstypes", reference::address_types),
        get("/api/states", reference::states),
        get("/api/offensetypes", reference::offense_types),
        get("/api/categories", reference::categories),
        get("/api/locations/typeahead", reference::locations),
    ]
}
