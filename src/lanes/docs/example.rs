//! How each operation is asked, with a body that shows its form and is taken as it stands.

use serde_json::{Map, Value as Json};

use crate::lanes::http::route::{Route, Schema, Scope, Takes};
use crate::lanes::http::schema;

/// A command that asks the route. `$BOX` and `$KEY` are the reader's own.
pub(super) fn curl(route: &Route) -> String {
    if route.gives.0 == 101 {
        let path = path(route);
        return format!(
            "websocat --protocol graphql-transport-ws -H \"authorization: Bearer $KEY\" wss://$BOX{path}"
        );
    }
    let mut command = "curl --cacert ca.pem".to_owned();
    if route.scope != Scope::Open {
        command.push_str(" --oauth2-bearer $KEY");
    }
    if !matches!(
        (route.method.as_str(), &route.takes),
        ("GET", _) | ("POST", Takes::Data(..) | Takes::Own(_))
    ) {
        command.push_str(&format!(" -X {}", route.method));
    }
    command.push_str(&format!(" https://$BOX{}", path(route)));
    if let Some(body) = body(route) {
        command.push_str(&format!(" \\\n  -H 'content-type: application/json' -d '{body}'"));
    } else if matches!(route.takes, Takes::Multipart(_)) {
        command.push_str(" \\\n  -F 'files=@photo.jpg'");
    }
    command
}

/// The path with ids such as people see.
fn path(route: &Route) -> String {
    let area = route.path.trim_start_matches("/v1").split('/').nth(1);
    let id = match area {
        Some("cases") => "INV-2026-0001",
        Some("entities") => "ENT-0001",
        Some("evidence") => "EVD-0001",
        Some("watchlists") => "WL-0001",
        Some("reports" | "categories") => "1",
        _ => "$ID",
    };
    let parts = route.path.split('/').map(|part| match part {
        "{id}" => id,
        "{external_id}" => "cad-17",
        "{sha256}" => "$SHA256",
        "{other}" => "ENT-0002",
        "{tag}" => "night",
        "{name}" => "Ruth%20Okafor",
        "{token}" => "$TOKEN",
        "{place}" => "0",
        part => part,
    });
    parts.collect::<Vec<_>>().join("/")
}

/// The body that shows the route's form, fit to be sent: only ids in it, and the record that the path names, must be there.
pub(super) fn body(route: &Route) -> Option<Json> {
    match &route.takes {
        Takes::Nothing | Takes::Multipart(_) => None,
        Takes::Data(data, _) => Some(serde_json::json!({ "data": given(*data) })),
        Takes::Own(form) => Some(sample("", "", &form())),
    }
}

fn given(data: Schema) -> Json {
    match data {
        Schema::New(kind) => {
            let mut new = schema::of_new(kind);
            let more = BESIDE.iter().filter(|(own, _)| *own == kind.name);
            if let Some(required) = new["required"].as_array_mut() {
                required.extend(more.map(|(_, field)| Json::from(*field)));
            }
            sample(kind.name, "", &new)
        }
        // One member is a change; the first that is text says most.
        Schema::Change(kind) => {
            let mut change = schema::of_change(kind);
            let first = change["properties"]
                .as_object()
                .and_then(|all| all.keys().next().cloned());
            change["required"] = first.into_iter().collect();
            sample(kind.name, "", &change)
        }
        Schema::Record(kind) => sample(kind.name, "", &schema::of_record(kind)),
        Schema::Records(_) => Json::Array(Vec::new()),
        Schema::Json(schema) => sample("", "", &schema()),
    }
}

/// What a first record of the kind has beside what it must have. A key that is bound to no reporter must name one.
const BESIDE: [(&str, &str); 2] = [("report", "description"), ("report", "reporter")];

/// The least that a schema takes, or the example that it has; the name of the kind of record, and that of the member.
fn sample(kind: &str, name: &str, schema: &Json) -> Json {
    if let Some(example) = schema.get("example") {
        return example.clone();
    }
    if let Some(word) = schema.get("const").or_else(|| schema["enum"].get(0)) {
        return word.clone();
    }
    let is = schema["type"].as_str().or_else(|| schema["type"][0].as_str());
    match is {
        Some("object") => object(kind, schema),
        Some("array") => Json::Array(vec![sample(kind, name, &schema["items"])]),
        Some("integer") => schema["minimum"].as_i64().unwrap_or(0).max(1).into(),
        Some("number") if name == "x" => (-70.25).into(),
        Some("number") => 43.66.into(),
        Some("boolean") => true.into(),
        _ => text(kind, name, schema).into(),
    }
}

fn object(kind: &str, schema: &Json) -> Json {
    let required = schema["required"].as_array().cloned().unwrap_or_default();
    let names = required.iter().filter_map(Json::as_str);
    let members: Map<String, Json> = names
        .map(|name| (name.to_owned(), sample(kind, name, &schema["properties"][name])))
        .collect();
    if !members.is_empty() {
        return Json::Object(members);
    }
    let only = schema["properties"].as_object().filter(|all| all.len() == 1);
    let only = only.into_iter().flatten();
    only.map(|(name, schema)| (name.clone(), sample(kind, name, schema)))
        .collect()
}

fn text(kind: &str, name: &str, schema: &Json) -> &'static str {
    let about = schema["description"].as_str().unwrap_or_default();
    match (schema["format"].as_str(), name) {
        (Some("date-time"), _) => "2026-03-17T21:14:22Z",
        (Some("date"), _) => "2026-03-17",
        (_, "email") => "ruth.okafor@harborcity.example",
        (_, "password") => "a long pass phrase",
        (_, "phone" | "number") if about.contains("E.164") => "+12075550126",
        (_, "case_id" | "record_id") => "INV-2026-0001",
        (_, "watchlist_id") => "WL-0001",
        (_, "entity_id" | "to") => "ENT-0002",
        (_, "title") => "Bicycle found",
        (_, "display_name" | "value") => "Katherine Doyle",
        (_, "description") => "A blue bicycle at pier 4",
        (_, "order") => "4 Ds 113/26",
        (_, "purpose") => "theft of boats",
        (_, "reason") => "asked for by the prosecutor",
        (_, "role") => "witness",
        (_, "scopes") => "cases:read",
        (_, "slug") => "harbor-city",
        (_, "tags") => "night",
        (_, "text") if kind == "category" => "Noise",
        (_, "text") => "The owner was told.",
        (_, "url") => "https://desk.harborcity.example/events",
        (_, "schema") => "hull number",
        (_, "name") => called(kind),
        _ => "…",
    }
}

/// What one of the kind may be called.
fn called(kind: &str) -> &'static str {
    match kind {
        "credential" | "webhook" => "Dispatch",
        "form" => "Boats",
        "location" => "Shelf 12",
        "node" => "Front desk",
        "office" => "Harbor station",
        "team" => "Burglary",
        "tenant" => "Harbor City Police",
        "unit" => "Boat 2",
        "watchlist" => "Stolen boats",
        _ => "Ruth Okafor",
    }
}
