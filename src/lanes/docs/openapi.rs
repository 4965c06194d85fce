//! The OpenAPI 3.1 document, made of the table of routes and of the tables of kinds.

use serde_json::{Map, Value as Json, json};

use crate::domain::kind::{KINDS, Kind};
use crate::lanes::docs::example::{body, curl};
use crate::lanes::http::failure::CODES;
use crate::lanes::http::route::{Gives, Route, Schema, Scope, Takes};
use crate::lanes::http::schema;

/// What stands before the table of routes in the reference.
const ABOUT: &str = "Cases, entities, evidence, reports and what belongs to them, over HTTP. A request has its content under \
    `data`; an answer has `data`, `links` and `meta`, or `errors`, never both. Ids in paths are internal ids, display ids \
    (`INV-2026-0001`), or `ext:` and an external id. Every POST but signing in takes an `Idempotency-Key`, kept for at \
    least a day: the same request again gets the first answer with `200`, and a key or token that was shown in it is not \
    shown again. What changes a record takes `If-Match` with the `ETag` that was read where it is named below, \
    and refuses it elsewhere; GET of a record takes \
    `If-None-Match`. Who may write records of a kind, or set them up (`…:write`, `…:admin`), may read them too. Times are RFC 3339 in UTC.";

/// The document of these routes.
pub(super) fn document(routes: &[Route]) -> Json {
    let mut paths: Map<String, Json> = Map::new();
    for route in routes {
        let item = paths.entry(route.path.clone()).or_insert_with(|| json!({}));
        item[route.method.as_str().to_lowercase()] = operation(route);
    }
    paths.sort_keys();
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "blotter",
            "version": env!("CARGO_PKG_VERSION"),
            "description": ABOUT,
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/"}],
        "security": [{"key": []}],
        "tags": groups(routes),
        "paths": paths,
        "components": {
            "securitySchemes": {"key": {
                "type": "http", "scheme": "bearer",
                "description": "An API key, `ak_…`: `blotter key create` makes one.",
            }},
            "schemas": schemas(routes),
            "responses": responses(),
        },
    })
}

fn groups(routes: &[Route]) -> Vec<Json> {
    let mut names: Vec<&str> = Vec::new();
    for route in routes {
        if !names.contains(&route.group) {
            names.push(route.group);
        }
    }
    names.iter().map(|name| json!({ "name": name })).collect()
}

fn operation(route: &Route) -> Json {
    let mut operation = json!({
        "tags": [route.group],
        "summary": route.summary,
        "operationId": operation_id(route),
        "parameters": parameters(route),
        "responses": answers(route),
    });
    let rights = match &route.scope {
        Scope::Open => "Needs no credential.".to_owned(),
        Scope::Caller => "Needs a credential, whatever its scopes.".to_owned(),
        Scope::Needs(_) => {
            let scopes: Vec<String> = route.scopes().map(|scope| format!("`{scope}`")).collect();
            let word = if scopes.len() == 1 { "scope" } else { "scopes" };
            format!("Needs the {word} {}.", scopes.join(" and "))
        }
    };
    let example = curl(route);
    operation["description"] = format!("{rights}\n\n```sh\n{example}\n```").into();
    if route.scope == Scope::Open {
        operation["security"] = json!([]);
    }
    let content = match &route.takes {
        Takes::Nothing => return operation,
        Takes::Data(data, meta) => ("application/json", request(*data, meta)),
        Takes::Multipart(data) => ("multipart/form-data", form(schema_json(*data))),
        Takes::Own(form) => ("application/json", form()),
    };
    let (media, schema) = content;
    let mut content = json!({ "schema": schema });
    if let Some(body) = body(route) {
        content["example"] = body;
    }
    operation["requestBody"] = json!({"required": true, "content": {media: content}});
    operation
}

/// The parts of a form; where there can be no `data` it is not one.
fn form(data: Json) -> Json {
    let files =
        json!({"type": "array", "items": {"type": "string", "contentMediaType": "application/octet-stream"}});
    let mut properties = json!({ "files": files });
    if data["type"] != "null" {
        properties["data"] = data;
    }
    json!({"type": "object", "properties": properties})
}

/// `GET /v1/cases/{id}/notes` → `get_v1_cases_id_notes`.
fn operation_id(route: &Route) -> String {
    let mut id = route.method.as_str().to_lowercase();
    for part in route
        .path
        .split(|c: char| !c.is_ascii_alphanumeric())
        .filter(|part| !part.is_empty())
    {
        id.push('_');
        id.push_str(part);
    }
    id
}

fn parameters(route: &Route) -> Vec<Json> {
    let mut parameters: Vec<Json> = path_parts(&route.path)
        .map(|name| json!({"name": name, "in": "path", "required": true, "schema": {"type": "string", "minLength": 1}}))
        .collect();
    parameters.extend(route.query.iter().map(|param| {
        json!({
            "name": param.name, "in": "query", "required": false,
            "description": param.doc, "schema": schema::shape(param.shape),
        })
    }));
    let header = |name: &str, doc: &str, schema: Json| json!({"name": name, "in": "header", "required": false, "description": doc, "schema": schema});
    // Who signs in twice has two sessions.
    if route.method == "POST" && route.scope != Scope::Open {
        parameters.push(header(
            "Idempotency-Key",
            "The same key and body again get the first answer.",
            json!({"type": "string", "pattern": "^[!-~]{1,200}$"}),
        ));
    }
    if route.conditional {
        parameters.push(header(
            "If-Match",
            "The `ETag` that was read; another version is refused.",
            json!({"type": "string", "pattern": "^\"[0-9]{1,9}\"$"}),
        ));
    }
    parameters
}

fn path_parts(path: &str) -> impl Iterator<Item = &str> {
    path.split('/')
        .filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'))
}

fn answers(route: &Route) -> Json {
    let (status, gives) = &route.gives;
    let success = match *status {
        // What follows is no HTTP.
        101 => json!({"description": route.summary}),
        _ => success(route, gives),
    };
    let mut answers = Map::from_iter([(status.to_string(), success.clone())]);
    match (route.method.as_str(), status) {
        ("POST", 201) => {
            answers.insert("200".to_owned(), success);
        }
        ("PUT", 200) => {
            answers.insert("201".to_owned(), success);
        }
        _ => {}
    }
    if route.knows_versions() {
        let known =
            json!({"description": "The client has this version: its `If-None-Match` names the `ETag`."});
        answers.insert("304".to_owned(), known);
    }
    for status in failures(route) {
        let told = match gives {
            Gives::Own(media, name, _) => {
                json!({"description": "It failed; `errors` say why.", "content": own_json(media, name)})
            }
            _ => json!({"$ref": format!("#/components/responses/{status}")}),
        };
        answers.insert(status.to_string(), told);
    }
    if matches!(gives, Gives::Other("text/html")) {
        // Who follows a link that has ended is a person too.
        let gone = json!({"description": "The page has ended, or never was.", "content": {"text/html": {}}});
        answers.insert("404".to_owned(), gone);
    }
    Json::Object(answers)
}

fn success(route: &Route, gives: &Gives) -> Json {
    let envelope = |data: Json, meta: Json| {
        let links = json!({"type": "object", "additionalProperties": {"type": ["string", "null"]}});
        let properties = json!({"data": data, "links": links, "meta": meta});
        json!({"application/json": {"schema": {
            "type": "object", "required": ["data"], "properties": properties, "additionalProperties": false,
        }}})
    };
    let content = match gives {
        Gives::Data(data) => envelope(schema_json(*data), json!({"type": "object"})),
        Gives::Page(data) => {
            let meta = json!({"type": "object", "properties": {
                "next_cursor": {"type": "string", "description": "Absent at the end."},
                "total": {"type": "integer", "minimum": 0,
                    "description": "How many the whole list has; absent where counting would mean reading them."},
            }});
            envelope(page_json(*data), meta)
        }
        Gives::Other(media) => json!({*media: {}}),
        Gives::Own(media, name, _) => own_json(media, name),
        Gives::Nothing => return json!({ "description": route.summary }),
    };
    json!({"description": route.summary, "content": content})
}

fn own_json(media: &[&str], name: &str) -> Json {
    media
        .iter()
        .map(|media| ((*media).to_owned(), json!({"schema": reference(name)})))
        .collect::<Map<_, _>>()
        .into()
}

/// With `?fields=` an item has only the members asked for.
fn page_json(data: Schema) -> Json {
    match data {
        Schema::Records(kind) => {
            let mut item = schema::of_record(kind);
            item["required"] = json!(["id"]);
            json!({"type": "array", "items": item})
        }
        other => schema_json(other),
    }
}

/// The statuses with which a route can fail.
fn failures(route: &Route) -> Vec<u16> {
    let mut statuses = vec![400, 404, 429, 500, 503];
    if route.scope != Scope::Open {
        statuses.extend([401, 403]);
    } else if route.method == "POST" {
        // Signing in is open to everybody, and can fail.
        statuses.push(401);
    }
    if route.method != "GET" {
        statuses.extend([409, 412, 507]);
    }
    if !matches!(route.takes, Takes::Nothing) {
        statuses.extend([413, 415]);
    }
    statuses.sort_unstable();
    statuses
}

fn request(data: Schema, meta: &[&str]) -> Json {
    let known: Map<String, Json> = meta.iter().map(|name| ((*name).to_owned(), json!({}))).collect();
    let properties = Map::from_iter([
        ("data".to_owned(), schema_json(data)),
        ("meta".to_owned(), schema::closed(known, &[])),
        (
            "links".to_owned(),
            json!({"description": "Passed over: an answer has it."}),
        ),
        ("link".to_owned(), json!({"description": "As `links`."})),
    ]);
    schema::closed(properties, &["data"])
}

fn schema_json(schema: Schema) -> Json {
    match schema {
        Schema::New(kind) => reference(&format!("New{}", pascal(kind))),
        Schema::Change(kind) => reference(&format!("{}Change", pascal(kind))),
        Schema::Record(kind) => reference(&pascal(kind)),
        Schema::Records(kind) => json!({"type": "array", "items": reference(&pascal(kind))}),
        Schema::Json(schema) => schema(),
    }
}

fn reference(name: &str) -> Json {
    json!({"$ref": format!("#/components/schemas/{name}")})
}

/// `timeline-entry` → `TimelineEntry`.
fn pascal(kind: &Kind) -> String {
    let words = kind.name.split('-').map(|word| {
        let (first, rest) = word.split_at(1);
        first.to_uppercase() + rest
    });
    words.collect()
}

fn schemas(routes: &[Route]) -> Json {
    let mut schemas = Map::new();
    for route in routes {
        if let (_, Gives::Own(_, name, form)) = route.gives {
            schemas.insert(name.to_owned(), form());
        }
    }
    for kind in KINDS {
        schemas.insert(pascal(kind), schema::of_record(kind));
        schemas.insert(format!("New{}", pascal(kind)), schema::of_new(kind));
        schemas.insert(format!("{}Change", pascal(kind)), schema::of_change(kind));
    }
    let codes: Vec<&str> = CODES.iter().map(|code| code.code).collect();
    let text = || json!({"type": "string"});
    schemas.insert(
        "Error".to_owned(),
        json!({
            "type": "object", "required": ["code", "message"], "additionalProperties": false,
            "properties": {"code": {"type": "string", "enum": codes}, "message": text()},
        }),
    );
    schemas.insert(
        "Version".to_owned(),
        json!({
            "type": "object", "required": ["version", "value", "written_at"], "additionalProperties": false,
            "properties": {"version": text(), "value": {}, "written_at": {"type": "string", "format": "date-time"}},
        }),
    );
    Json::Object(schemas)
}

/// A response for each status of the table of codes.
fn responses() -> Json {
    let mut responses: Map<String, Json> = Map::new();
    for code in CODES {
        let line = format!("`{}`: {}", code.code, code.when);
        let response = responses.entry(code.status.to_string()).or_insert_with(|| {
            let errors = json!({"type": "array", "minItems": 1, "items": reference("Error")});
            let schema = json!({
                "type": "object", "required": ["errors", "meta"], "additionalProperties": false,
                "properties": {"errors": errors, "meta": {"type": "object"}},
            });
            json!({"description": "", "content": {"application/json": {"schema": schema}}})
        });
        let before = response["description"].as_str().unwrap_or_default();
        response["description"] =
            format!("{before}{}{line}", if before.is_empty() { "" } else { "\n\n" }).into();
    }
    Json::Object(responses)
}
