//! The forms of bodies and answers that are no plain records.

use serde_json::{Value as Json, json};

use crate::domain::kind::{CASE, ENTITY, Kind, NOTE, Shape, TIMELINE_ENTRY};
use crate::lanes::http::schema;
use crate::lanes::rest::batch;

/// An item of a case's timeline; the path says the case.
pub(super) fn new_timeline_entry() -> Json {
    without(schema::of_new(&TIMELINE_ENTRY), "case_id")
}

/// A note; the path says about what.
pub(super) fn new_note() -> Json {
    without(schema::of_new(&NOTE), "record_id")
}

fn without(mut schema: Json, name: &str) -> Json {
    if let Some(properties) = schema["properties"].as_object_mut() {
        properties.shift_remove(name);
    }
    if let Some(required) = schema["required"].as_array_mut() {
        required.retain(|own| own != name);
    }
    schema
}

fn member_of(kind: &Kind, field: &str) -> Json {
    let shape = kind.field(field).map_or(Shape::Free(0), |field| field.shape);
    schema::shape(shape)
}

/// An entity's place in a case.
pub(super) fn case_entity() -> Json {
    member_of(&CASE, "entities")
}

/// Somebody's place in a team.
pub(super) fn team_member() -> Json {
    let mut member = member_of(&CASE, "team");
    member["example"] = json!({"name": "Ruth Okafor", "role": "lead"});
    member
}

/// How an entity stands to another.
pub(super) fn relationship() -> Json {
    member_of(&ENTITY, "relationships")
}

/// Tags to put on.
pub(super) fn tags() -> Json {
    let tag = member_of(&CASE, "tags");
    json!({
        "type": "object", "required": ["tags"], "additionalProperties": false,
        "properties": {"tags": {"type": "array", "minItems": 1, "items": tag}},
    })
}

/// The other of two entities.
pub(super) fn other_entity() -> Json {
    json!({
        "type": "object", "required": ["to"], "additionalProperties": false,
        "properties": {"to": schema::shape(Shape::Ref("entity"))},
    })
}

/// The operations of a record.
pub(super) fn history() -> Json {
    let text = json!({"type": "string"});
    let change = json!({
        "type": "object", "required": ["field", "action"], "additionalProperties": false,
        "properties": {
            "field": text,
            "action": {"type": "string", "enum": ["set", "append", "add", "remove", "fix", "raise", "step"]},
            "value": {},
            "version": text,
            "replaces": {"type": "array", "items": text},
        },
    });
    json!({"type": "array", "items": {
        "type": "object", "required": ["operation", "at", "recorded_at", "who", "client", "erased", "changes"],
        "additionalProperties": false,
        "properties": {
            "operation": {"type": "string", "description": "The log in which it arose, and its place there."},
            "at": {"type": "string", "format": "date-time", "description": "By the clock that all nodes agree on."},
            "recorded_at": {"type": "string", "format": "date-time", "description": "By the author's wall clock."},
            "who": text, "client": text,
            "erased": {"type": "boolean", "description": "Its content was erased by a court's order."},
            "changes": {"type": "array", "items": change},
        },
    }})
}

/// A record with open conflicts.
pub(super) fn conflicts() -> Json {
    json!({"type": "array", "items": {
        "type": "object", "required": ["kind", "id", "version", "updated_at", "conflicts", "violations", "links"],
        "additionalProperties": false,
        "properties": {
            "kind": {"type": "string"},
            "id": {"type": "string", "format": "uuid"},
            "display_id": {"type": "string"},
            "version": {"type": "integer"},
            "updated_at": {"type": "string", "format": "date-time"},
            "conflicts": {"type": "object",
                "additionalProperties": {"type": "array", "items": {"$ref": "#/components/schemas/Version"}}},
            "violations": {"type": "object", "description": "Fields that are written once and were given another value elsewhere: the one that stays first.",
                "additionalProperties": {"type": "array", "items": {"$ref": "#/components/schemas/Version"}}},
            "links": {"type": "object", "additionalProperties": {"type": "string"}},
        },
    }})
}

/// How a conflict is settled.
pub(super) fn settlement() -> Json {
    json!({
        "type": "object", "required": ["field", "versions", "value", "reason"], "additionalProperties": false,
        "example": {"field": "title", "versions": ["$ONE", "$OTHER"], "value": "Bicycle found",
            "reason": "both say the same"},
        "properties": {
            "field": {"type": "string", "description": "The field."},
            "versions": {"type": "array", "minItems": 1, "items": {"type": "string"},
                "description": "All versions that are alive: whoever settles has seen them."},
            "value": {"description": "What is true; null for nothing."},
            "reason": schema::shape(Shape::Line(500)),
        },
    })
}

/// A record that was settled: of any kind.
pub(super) fn any_record() -> Json {
    json!({"type": "object"})
}

/// The rows of a batch.
pub(super) fn batch_rows() -> Json {
    let kinds: Vec<&str> = batch::KINDS.iter().map(|kind| kind.name).collect();
    let example = json!([
        {"kind": "case", "external_id": "cad-17", "data": {"title": "Bicycle found"}},
        {"kind": "note", "data": {"record_id": "ext:cad-17", "text": "The owner was told."}},
    ]);
    json!({"type": "array", "minItems": 1, "maxItems": batch::ROWS_MAX, "example": example, "items": {
        "type": "object", "required": ["kind", "data"], "additionalProperties": false,
        "properties": {
            "kind": {"type": "string", "enum": kinds},
            "external_id": schema::shape(Shape::Line(200)),
            "data": {"type": "object", "description":
                "As in a POST of the kind; references may be `ext:` and the external id of an earlier row."},
        },
    }})
}

/// What became of the rows of a batch.
pub(super) fn batch_results() -> Json {
    json!({"type": "array", "items": {
        "type": "object", "required": ["result"], "additionalProperties": false,
        "properties": {
            "kind": {"type": "string", "description": "Not of a row that can't be read."},
            "result": {"type": "string", "enum": ["created", "updated", "refused"]},
            "id": {"type": "string", "format": "uuid"},
            "display_id": {"type": "string"},
            "external_id": {"type": "string"},
            "version": {"type": "integer"},
            "links": {"type": "object", "additionalProperties": {"type": "string"}},
            "errors": {"type": "array", "items": {"$ref": "#/components/schemas/Error"}},
        },
    }})
}

/// Categories with those that refine them.
pub(super) fn categories() -> Json {
    let leaf = json!({
        "type": "object", "required": ["id", "text"], "additionalProperties": false,
        "properties": {"id": {"type": "integer"}, "text": {"type": "string"}},
    });
    let mut category = leaf.clone();
    category["properties"]["children"] = json!({"type": "array", "items": leaf});
    json!({"type": "array", "items": category})
}
