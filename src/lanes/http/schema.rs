//! The tables of kinds as JSON Schema, for the published document.

use serde_json::{Map, Value as Json, json};

use crate::domain::custody::STATES;
use crate::domain::kind::{DISPLAY_ID, EVIDENCE, Field, Kind, Member, Numbering, REPORT, Shape, Writer};
use crate::domain::operation::Merge;
use crate::lanes::http::wire::is_told;

/// Members of a list field, at most.
const MEMBERS_MAX: usize = 10_000;
/// Anything but control characters, and with something to see.
const LINE: &str =
    r"^[^\u0000-\u001F\u007F-\u009F]*[^\s\u0000-\u001F\u007F-\u009F][^\u0000-\u001F\u007F-\u009F]*$";

/// What a shape takes.
pub fn shape(shape: Shape) -> Json {
    match shape {
        Shape::Line(max) => json!({"type": "string", "minLength": 1, "maxLength": max, "pattern": LINE}),
        Shape::Text(max) => json!({"type": "string", "maxLength": max}),
        Shape::Choice(words) => json!({"type": "string", "enum": words}),
        Shape::Bool => json!({"type": "boolean"}),
        Shape::Int(least, most) => json!({"type": "integer", "minimum": least, "maximum": most}),
        Shape::Number(least, most) => json!({"type": "number", "minimum": least, "maximum": most}),
        Shape::Time => json!({"type": "string", "format": "date-time"}),
        Shape::Day => json!({"type": "string", "format": "date"}),
        Shape::Phone => {
            json!({"type": "string", "description": "E.164, such as +15550100123", "maxLength": 40})
        }
        Shape::Email => json!({"type": "string", "format": "email"}),
        Shape::Sha256 => json!({"type": "string", "pattern": "^[0-9a-fA-F]{64}$"}),
        Shape::Ref(kind) => {
            let what = if kind.is_empty() { "record" } else { kind };
            json!({
                "type": ["string", "integer"],
                "description": format!("A {what}: its id, its display id, or `ext:` and its external id."),
            })
        }
        Shape::List(member, max) => {
            json!({"type": "array", "items": self::shape(*member), "maxItems": max})
        }
        Shape::Object(members) => object(members),
        Shape::Free(bytes_max) => json!({"description": format!("Any JSON of at most {bytes_max} bytes.")}),
    }
}

/// An object with these members and no others.
pub fn object(members: &[Member]) -> Json {
    let properties: Map<String, Json> = members
        .iter()
        .map(|member| (member.name.to_owned(), shape(member.shape)))
        .collect();
    let required: Vec<&str> = members
        .iter()
        .filter(|member| member.required)
        .map(|member| member.name)
        .collect();
    closed(properties, &required)
}

/// An object with these properties and no others.
pub fn closed(properties: Map<String, Json>, required: &[&str]) -> Json {
    let mut schema = json!({"type": "object", "additionalProperties": false});
    schema["properties"] = Json::Object(properties);
    if !required.is_empty() {
        schema["required"] = json!(required);
    }
    schema
}

/// What makes a record of the kind.
pub fn of_new(kind: &Kind) -> Json {
    let mut required = Vec::new();
    let mut properties = Map::new();
    for field in kind.all_fields() {
        if matches!(field.writer, Writer::Client | Writer::Creator) {
            properties.insert(field.name.to_owned(), given(field));
            if field.required {
                required.push(field.name);
            }
        }
    }
    described(closed(properties, &required), kind.doc)
}

/// What changes a record of the kind; null clears a field. What is written once can be given where there is none yet.
pub fn of_change(kind: &Kind) -> Json {
    let mut properties = Map::new();
    for field in kind.all_fields() {
        let has_always = field.required || field.default.is_some();
        let schema = match field.writer {
            Writer::Client if has_always => given(field),
            Writer::Client => nullable(given(field)),
            _ if field.can_come_later() && !has_always => given(field),
            _ => continue,
        };
        properties.insert(field.name.to_owned(), schema);
    }
    described(closed(properties, &[]), kind.doc)
}

/// A record of the kind as it is answered.
pub fn of_record(kind: &Kind) -> Json {
    let text = || json!({"type": "string"});
    let time = || json!({"type": "string", "format": "date-time"});
    let mut properties = Map::from_iter([
        ("id".to_owned(), json!({"type": "string", "format": "uuid"})),
        (
            "version".to_owned(),
            json!({"type": "integer", "minimum": 1, "description": "Grows with every change; the `ETag`."}),
        ),
        ("created_at".to_owned(), time()),
        ("updated_at".to_owned(), time()),
        (
            "links".to_owned(),
            json!({"type": "object", "additionalProperties": {"type": "string"}}),
        ),
        (
            "conflicts".to_owned(),
            json!({"type": "object", "description": "Fields about which writers disagree: every version alive.",
                "additionalProperties": {"type": "array", "items": {"$ref": "#/components/schemas/Version"}}}),
        ),
        (
            "violations".to_owned(),
            json!({"type": "object", "description": "Fields that are written once and were given another value elsewhere: the one that stays first.",
                "additionalProperties": {"type": "array", "items": {"$ref": "#/components/schemas/Version"}}}),
        ),
    ]);
    if kind.numbering != Numbering::None {
        properties.insert(DISPLAY_ID.to_owned(), text());
    }
    if kind.name == EVIDENCE.name {
        let status =
            json!({"type": "string", "enum": STATES, "description": "Where it is, by its chain of custody."});
        properties.insert("status".to_owned(), status);
    }
    for field in kind.all_fields().filter(|field| is_told(field)) {
        properties.insert(field.name.to_owned(), answered(field));
    }
    if kind.name == REPORT.name {
        tell_of_report(&mut properties);
    }
    let required = ["id", "version", "created_at", "updated_at", "links"];
    described(closed(properties, &required), kind.doc)
}

/// What the reports lane says beside the fields.
fn tell_of_report(properties: &mut Map<String, Json>) {
    let text = || json!({"type": "string"});
    let message = json!({"type": "object", "additionalProperties": false,
    "required": ["id", "type", "text", "shown", "created_at"],
    "properties": {
        "id": {"type": "string", "format": "uuid"}, "type": text(), "text": text(), "label": text(),
        "shown": {"type": "string", "description": "The label before the text."},
        "created_at": {"type": "string", "format": "date-time"},
    }});
    let chat = json!({"type": "object", "description": "What was said since; of a report that is read alone.",
        "properties": {"messages": {"type": "array", "items": message}}});
    let number = json!({"type": "integer", "description": "Its number, as paths take it."});
    properties.insert("report_id".to_owned(), number);
    properties.insert("chat".to_owned(), chat);
    if let Some(image) = properties
        .get_mut("images")
        .and_then(|images| images.get_mut("items"))
    {
        image["properties"]["links"] = json!({"type": "object", "additionalProperties": text()});
    }
}

fn given(field: &Field) -> Json {
    let schema = match field.merge {
        Merge::OrSet | Merge::Append => {
            json!({"type": "array", "items": shape(field.shape), "maxItems": MEMBERS_MAX})
        }
        _ => shape(field.shape),
    };
    let mut schema = described(schema, field.doc);
    if let Some(default) = field.default {
        schema["default"] = default.into();
    }
    schema
}

fn answered(field: &Field) -> Json {
    let schema = match field.merge {
        Merge::OrSet | Merge::Append => json!({"type": "array", "items": told(field.shape)}),
        _ => told(field.shape),
    };
    described(schema, field.doc)
}

/// What a shape is told as: references are internal ids, and what was taken may be older than today's limits.
fn told(shape: Shape) -> Json {
    match shape {
        Shape::Ref(_) => json!({"type": "string", "format": "uuid"}),
        Shape::Line(_) | Shape::Text(_) | Shape::Phone | Shape::Email | Shape::Day => {
            json!({"type": "string"})
        }
        Shape::List(member, _) => json!({"type": "array", "items": told(*member)}),
        Shape::Object(members) => {
            let properties: Map<String, Json> = members
                .iter()
                .map(|member| (member.name.to_owned(), told(member.shape)))
                .collect();
            closed(properties, &[])
        }
        Shape::Free(_) => json!({}),
        other => self::shape(other),
    }
}

fn described(mut schema: Json, doc: &str) -> Json {
    schema["description"] = match schema["description"].as_str() {
        Some(more) => format!("{doc} {more}").into(),
        None => doc.into(),
    };
    schema
}

fn nullable(mut schema: Json) -> Json {
    match schema.get_mut("type") {
        Some(Json::String(one)) => schema["type"] = json!([one.clone(), "null"]),
        Some(Json::Array(several)) => several.push("null".into()),
        _ => {}
    }
    if let Some(Json::Array(words)) = schema.get_mut("enum") {
        words.push(Json::Null);
    }
    schema
}
