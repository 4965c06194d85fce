//! How each operation is asked at a command line, with a body that shows its form.

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
    match &route.takes {
        Takes::Nothing => {}
        Takes::Data(data, _) => {
            let body = serde_json::json!({ "data": given(*data) });
            command.push_str(&format!(" \\\n  -H 'content-type: application/json' -d '{body}'"));
        }
        Takes::Multipart(_) => command.push_str(" \\\n  -F 'files=@photo.jpg'"),
        Takes::Own(form) => {
            let body = form()["example"].clone();
            command.push_str(&format!(" \\\n  -H 'content-type: application/json' -d '{body}'"));
        }
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

fn given(data: Schema) -> Json {
    let schema = match data {
        Schema::New(kind) => schema::of_new(kind),
        // One member is a change; the first that is text says most.
        Schema::Change(kind) => {
            let mut change = schema::of_change(kind);
            let first = change["properties"]
                .as_object()
                .and_then(|all| all.keys().next().cloned());
            change["required"] = first.into_iter().collect();
            change
        }
        Schema::Record(kind) => schema::of_record(kind),
        Schema::Records(_) => return Json::Array(Vec::new()),
        Schema::Json(schema) => schema(),
    };
    sample("", &schema)
}

/// The least that a schema takes.
fn sample(name: &str, schema: &Json) -> Json {
    if let Some(word) = schema.get("const").or_else(|| schema["enum"].get(0)) {
        return word.clone();
    }
    let kind = schema["type"].as_str().or_else(|| schema["type"][0].as_str());
    match kind {
        Some("object") => object(schema),
        Some("array") => Json::Array(vec![sample(name, &schema["items"])]),
        Some("integer") => schema["minimum"].as_i64().unwrap_or(0).max(1).into(),
        Some("number") => 44.1.into(),
        Some("boolean") => true.into(),
        _ => text(name, schema).into(),
    }
}

fn object(schema: &Json) -> Json {
    let required = schema["required"].as_array().cloned().unwrap_or_default();
    let names = required.iter().filter_map(Json::as_str);
    let members: Map<String, Json> = names
        .map(|name| (name.to_owned(), sample(name, &schema["properties"][name])))
        .collect();
    if !members.is_empty() {
        return Json::Object(members);
    }
    let only = schema["properties"].as_object().filter(|all| all.len() == 1);
    let only = only.into_iter().flatten();
    only.map(|(name, schema)| (name.clone(), sample(name, schema)))
        .collect()
}

fn text(name: &str, schema: &Json) -> &'static str {
    let about = schema["description"].as_str().unwrap_or_default();
    match (schema["format"].as_str(), name) {
        (Some("date-time"), _) => "2026-03-17T21:14:22Z",
        (Some("date"), _) => "2026-03-17",
        (Some("email"), _) => "ruth.okafor@harborcity.example",
        (Some("password"), _) => "a long pass phrase",
        (_, "phone" | "number") if about.contains("E.164") => "+12075550126",
        (_, "case_id" | "record_id") => "INV-2026-0001",
        (_, "entity_id" | "to") => "ENT-0002",
        (_, "title") => "Bicycle found",
        (_, "display_name") => "Katherine Doyle",
        (_, "role") => "witness",
        (_, "name") => "Ruth Okafor",
        (_, "slug") => "harbor-city",
        (_, "tags") => "night",
        _ => "…",
    }
}
