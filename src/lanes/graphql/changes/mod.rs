//! Changes: every write that the table of routes has is one here, with the same rules, failures and repetition, because it is
//! that very route that is carried out. Its name is made of its method and path. Files alone come over REST.

/// What changes take.
mod inputs;

use async_graphql::dynamic::{InputObject, InputValue, ResolverContext, TypeRef};
use axum::http::header::{HOST, IF_MATCH};
use axum::http::{HeaderName, HeaderValue, Method};
use serde_json::{Map, Value as Json, json};

use crate::domain::kind::{KINDS, Kind};
use crate::lanes::graphql::changes::inputs::{Form, members, told};
use crate::lanes::graphql::schema::{
    Book, FieldDef, ROOTS, TypeDef, camel, json_link, json_type, json_value, lanes, one_of, pascal,
    refuse_or, sitting, type_of,
};
use crate::lanes::http::ask::{Ask, Head};
use crate::lanes::http::carry_out;
use crate::lanes::http::route::{Gives, Route, Schema, Scope, Takes};
use crate::lanes::http::schema;
use crate::services::failure::{Failure, Outcome};
use crate::services::policy::{self, Deed};
use crate::services::reading::sitting::Sitting;

/// The routes that are changes here.
pub(super) fn writes(routes: &[Route]) -> Vec<Route> {
    let is_own = |route: &Route| {
        route.method != Method::GET
            && route.scope != Scope::Open
            && route.path.starts_with("/v1/")
            && route.path != "/v1/session"
            && route.can_be_carried_out()
    };
    routes.iter().filter(|route| is_own(route)).cloned().collect()
}

/// Adds the root of changes.
pub(super) fn add(book: &mut Book, routes: &[Route]) {
    let mut fields: Vec<FieldDef> = Vec::new();
    for route in routes {
        let mut name = name_of(route);
        if fields.iter().any(|field| field.name == name) {
            name = camel(
                &format!("{} {}", route.method, route.path)
                    .to_lowercase()
                    .replace(['{', '}', ' '], "-"),
            );
        }
        fields.push(change(book, route, name));
    }
    if !fields.is_empty() {
        book.add(TypeDef {
            name: ROOTS[1].to_owned(),
            doc: "What can be changed; each by the rules of the route of REST that it names.".to_owned(),
            implements: Vec::new(),
            fields,
        });
    }
}

/// Words of paths that are lists of which members are added or taken away.
const LISTS: [&str; 9] = [
    "entities",
    "team",
    "tags",
    "relationships",
    "same-as",
    "timeline",
    "notes",
    "messages",
    "custody",
];

/// Paths that say a deed otherwise than by its verb.
const DEEDS: [(&str, &str, &str); 6] = [
    ("POST", "/v1/reports/{id}/case", "openInvestigationOfReport"),
    ("POST", "/v1/users/{id}/password", "setPasswordOfUser"),
    ("POST", "/v1/users/{id}/static-token", "makeStaticTokenOfUser"),
    ("POST", "/v1/conflicts/{id}", "settleConflict"),
    ("POST", "/v1/batch", "batch"),
    ("DELETE", "/v1/keys/{id}", "revokeCredential"),
];

fn segments(route: &Route) -> Vec<&str> {
    let path = route.path.trim_start_matches("/v1/");
    path.split('/').filter(|part| !part.starts_with('{')).collect()
}

fn kind_of(route: &Route) -> Option<&'static Kind> {
    let plural = *segments(route).first()?;
    KINDS.into_iter().find(|kind| kind.plural == plural)
}

/// `PATCH /v1/cases/{id}` → `updateInvestigation`.
fn name_of(route: &Route) -> String {
    let method = route.method.as_str();
    let deed = DEEDS
        .iter()
        .find(|(on, path, _)| *on == method && *path == route.path);
    if let Some((.., name)) = deed {
        return (*name).to_owned();
    }
    let parts = segments(route);
    let ty = kind_of(route).map_or_else(|| pascal(parts[0]), type_of);
    match (method, &parts[1..]) {
        ("POST", []) if route.path.ends_with('}') => format!("change{ty}"),
        ("POST", []) => format!("create{ty}"),
        ("PATCH", []) => format!("update{ty}"),
        ("DELETE", []) => format!("delete{ty}"),
        ("PUT", _) => format!("put{ty}"),
        ("POST", [.., last]) if LISTS.contains(last) => format!("add{}To{ty}", pascal(last)),
        ("DELETE", [.., last]) => format!("remove{}From{ty}", pascal(last)),
        (_, rest) => format!("{}{ty}", camel(&rest.join("-"))),
    }
}

/// One change, as its field needs it.
struct Change {
    name: String,
    route: Route,
    kind: Option<&'static Kind>,
    /// It answers with the record itself.
    gives_record: bool,
    data: Form,
    is_list: bool,
}

/// Members of an input that are not data.
const OWN: [&str; 3] = ["clientMutationId", "ifVersion", "atomic"];

/// What a list of rows is called in an input.
const ROWS: &str = "rows";

fn change(book: &mut Book, route: &Route, name: String) -> FieldDef {
    let gives = match &route.gives {
        (_, Gives::Data(Schema::Record(kind))) => Some(*kind),
        _ => None,
    };
    let kind = gives.or_else(|| kind_of(route).filter(|_| route.path.contains("{id}")));
    let payload = add_payload(book, kind);
    let input_name = format!("{}Input", pascal(&name));
    let (form, is_list) = add_input(book, route, &input_name);
    let change = Change {
        name: name.clone(),
        route: route.clone(),
        kind,
        gives_record: gives.is_some(),
        data: form,
        is_list,
    };
    let doc = format!("{}: `{} {}`.", route.summary, route.method, route.path);
    let field = FieldDef::new(name, TypeRef::named(payload), doc, move |ctx| {
        let done = carry(&ctx, &change);
        refuse_or(&ctx, done, json_value)
    });
    field.argument("input", TypeRef::named_nn(input_name), "What is to be changed.")
}

/// The input type: parts of the path, the data, what makes it repeatable.
fn add_input(book: &mut Book, route: &Route, name: &str) -> (Form, bool) {
    let mut input = InputObject::new(name);
    let id = InputValue::new("clientMutationId", TypeRef::named(TypeRef::STRING));
    input = input.field(id.description(
        "As an `Idempotency-Key`: sent again with the same change it is done once. It must be new for each other change.",
    ));
    let mut taken = vec!["clientMutationId".to_owned()];
    for part in parts_of(route) {
        let ty = match part {
            "name" | "tag" => TypeRef::STRING,
            _ => TypeRef::ID,
        };
        taken.push(camel(part));
        input = input.field(InputValue::new(camel(part), TypeRef::named_nn(ty)));
    }
    if route.conditional {
        let version = InputValue::new("ifVersion", TypeRef::named("Long"));
        input = input.field(version.description("Only if the record still has this version."));
    }
    let Takes::Data(data, meta) = &route.takes else {
        book.add_input(name.to_owned(), input);
        return (Form::Plain, false);
    };
    if meta.contains(&"atomic") {
        let atomic = InputValue::new("atomic", TypeRef::named(TypeRef::BOOLEAN));
        input = input.field(atomic.description("All rows or none; true if not said."));
    }
    let json = match data {
        Schema::New(kind) => schema::of_new(kind),
        Schema::Change(kind) => schema::of_change(kind),
        Schema::Json(form) => form(),
        Schema::Record(_) | Schema::Records(_) => Json::Null,
    };
    let is_list = json["type"] == "array";
    let json = match is_list {
        true => json!({"properties": {ROWS: json}, "required": [ROWS]}),
        false => json,
    };
    let (values, forms) = members(
        book,
        name.trim_end_matches("Input"),
        &json,
        route.method != Method::PUT,
    );
    for (value, here) in values.into_iter().zip(forms_in_order(&json)) {
        if !taken.contains(&here) {
            input = input.field(value);
        }
    }
    book.add_input(name.to_owned(), input);
    (Form::Object(forms), is_list)
}

fn forms_in_order(json: &Json) -> Vec<String> {
    let properties = json["properties"].as_object();
    properties
        .into_iter()
        .flat_map(Map::keys)
        .map(|name| camel(name))
        .collect()
}

fn parts_of(route: &Route) -> impl Iterator<Item = &str> {
    let parts = route.path.split('/').filter_map(|part| part.strip_prefix('{'));
    parts.map(|part| part.trim_end_matches('}'))
}

/// What comes of a change: the record as it is then, or what the route answers.
fn add_payload(book: &mut Book, kind: Option<&'static Kind>) -> String {
    let name = kind.map_or_else(
        || "Payload".to_owned(),
        |kind| format!("{}Payload", type_of(kind)),
    );
    if !book.has(&name) {
        let mut payload = json_type(
            &name,
            "What came of a change.",
            &[
                ("clientMutationId", "String", "As it was given."),
                (
                    "replayed",
                    "Boolean",
                    "An earlier request with the same `clientMutationId` did it.",
                ),
                (
                    "result",
                    "JSON",
                    "What else it gives: a key that is shown this once, the rows of a batch.",
                ),
                ("links", "JSON", "Where to go on."),
                ("meta", "JSON", "About the answer itself."),
            ],
        );
        if let Some(kind) = kind {
            let link = json_link(one_of(kind), "record", kind.name, "The record as it is now.");
            payload.fields.push(link);
        }
        book.add(payload);
    }
    name
}

impl Change {
    /// Faults of what the route takes, where the client wrote it.
    fn in_words_of_input(&self, mut failure: Failure) -> Failure {
        if let Failure::Invalid(faults) = &mut failure {
            for fault in faults {
                fault.path = self.path_here(&fault.path);
            }
        }
        failure
    }

    fn path_here(&self, path: &str) -> String {
        let within = match (path, path.strip_prefix("data")) {
            ("Idempotency-Key", _) => "clientMutationId".to_owned(),
            ("If-Match", _) => "ifVersion".to_owned(),
            ("data", _) if self.is_list => ROWS.to_owned(),
            ("data", _) => return "input".to_owned(),
            (_, Some(places)) if self.is_list && places.starts_with('[') => {
                self.data.path_here(&format!("{ROWS}{places}"))
            }
            (_, Some(member)) if member.starts_with('.') => self.data.path_here(&member[1..]),
            _ => match path.strip_prefix("meta.") {
                Some(member) => member.to_owned(),
                None => return path.to_owned(),
            },
        };
        format!("input.{within}")
    }
}

/// Carries a change out, and names what is wrong with it as the client wrote it.
fn carry(ctx: &ResolverContext<'_>, change: &Change) -> Outcome<Json> {
    carry_out_as_route(ctx, change).map_err(|failure| change.in_words_of_input(failure))
}

/// Carries a change out; what was read before is forgotten.
fn carry_out_as_route(ctx: &ResolverContext<'_>, change: &Change) -> Outcome<Json> {
    let sitting = sitting(ctx);
    let caller = sitting.caller();
    let given = ctx
        .args
        .get("input")
        .map(|input| input.as_value().clone().into_json());
    let Some(Ok(Json::Object(mut given))) = given else {
        return Err(Failure::wrong("input", "an object"));
    };
    let own: Map<String, Json> = OWN
        .into_iter()
        .filter_map(|name| {
            Some((
                name.to_owned(),
                given.remove(name).filter(|value| !value.is_null())?,
            ))
        })
        .collect();
    let head = head_of(ctx, change, &mut given, &own)?;
    let data = match (&change.route.takes, change.is_list) {
        (Takes::Data(..), true) => {
            let mut translated = change.data.translate(Json::Object(given));
            translated[ROWS].take()
        }
        (Takes::Data(..), false) => change.data.translate(Json::Object(given)),
        _ => Json::Null,
    };
    let mut meta = Map::new();
    meta.extend(
        own.get("atomic")
            .map(|atomic| ("atomic".to_owned(), atomic.clone())),
    );
    let body = json!({"data": data, "meta": meta}).to_string();
    let request = head.request_key(caller, body.as_bytes())?;
    let ask = Ask {
        head,
        caller: Some(caller.clone()),
        data,
        meta,
        request,
    };
    let done = carry_out(lanes(ctx), &change.route, &ask);
    sitting.move_on();
    let answer = done.or_else(|failure| {
        let services = sitting.services();
        services.note_failure(caller, &format!("mutation {}", change.name), &failure)?;
        Err(failure)
    })?;
    let replayed = answer
        .headers
        .iter()
        .any(|(name, _)| name == "idempotency-replayed");
    let id = match (change.gives_record, change.kind) {
        (true, _) => answer.data["id"].as_str().map(str::to_owned),
        (false, Some(kind)) => {
            let found = sitting.find(kind, ask.part("id")).ok();
            found.map(|record| record.id.to_string())
        }
        (false, None) => None,
    };
    let is_read = change.gives_record && id.as_deref().is_some_and(|id| reads(sitting, change.kind, id));
    let result = (!is_read).then(|| told(answer.data));
    Ok(json!({
        "clientMutationId": own.get("clientMutationId"), "replayed": replayed, "record": id, "result": result,
        "links": told(Json::Object(answer.links)), "meta": told(Json::Object(answer.meta)),
    }))
}

/// Whether the caller may read a record: one that he may write but not read, as one of another agency, is told as REST tells
/// it.
fn reads(sitting: &Sitting, kind: Option<&Kind>, id: &str) -> bool {
    let scope = kind.map(|kind| policy::scope_for(kind, Deed::Read));
    scope.is_some_and(|scope| policy::has_scope(sitting.caller(), &scope))
        && id.parse().is_ok_and(|id| matches!(sitting.get(id), Ok(Some(_))))
}

/// The head that the route would have been asked with.
fn head_of(
    ctx: &ResolverContext<'_>,
    change: &Change,
    given: &mut Map<String, Json>,
    own: &Map<String, Json>,
) -> Outcome<Head> {
    let asked = ctx.ctx.data_unchecked::<Head>();
    let mut head = Head {
        method: change.route.method.clone(),
        path: change.route.path.clone(),
        parts: std::collections::BTreeMap::new(),
        query: std::collections::BTreeMap::new(),
        query_faults: Vec::new(),
        headers: axum::http::HeaderMap::new(),
        ..asked.clone()
    };
    head.headers
        .extend(asked.headers.get(HOST).map(|host| (HOST, host.clone())));
    for part in parts_of(&change.route) {
        let text = match given.remove(&camel(part)) {
            Some(Json::String(text)) => text,
            Some(Json::Number(number)) => number.to_string(),
            _ => String::new(),
        };
        head.path = head.path.replace(&format!("{{{part}}}"), &text);
        head.parts.insert(part.to_owned(), text);
    }
    let mut set = |name: HeaderName, member: &str, text: Option<String>| {
        let Some(text) = text else {
            return Ok::<(), Failure>(());
        };
        let value = HeaderValue::try_from(text);
        let value =
            value.map_err(|_| Failure::wrong(format!("input.{member}"), "visible ASCII characters"))?;
        head.headers.insert(name, value);
        Ok(())
    };
    let version = own.get("ifVersion").map(|version| {
        let number = version.as_u64().or_else(|| version.as_str()?.parse().ok());
        let wrong = || Failure::wrong("input.ifVersion", "a `version` as it was answered");
        number.map(|number| number.to_string()).ok_or_else(wrong)
    });
    set(IF_MATCH, "ifVersion", version.transpose()?)?;
    let id = own
        .get("clientMutationId")
        .and_then(Json::as_str)
        .map(str::to_owned);
    set(HeaderName::from_static("idempotency-key"), "clientMutationId", id)?;
    Ok(head)
}
