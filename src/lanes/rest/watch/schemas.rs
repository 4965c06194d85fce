//! The forms of what is said and told here.

use serde_json::{Value as Json, json};

use crate::domain::watch::sought::Sort;

fn object(properties: &Json, required: &[&str]) -> Json {
    json!({"type": "object", "additionalProperties": false, "required": required, "properties": properties})
}

/// A deed with which nothing is said.
pub(super) fn nothing_schema() -> Json {
    object(&json!({}), &[])
}

/// Why an alert is put aside.
pub(super) fn reason_schema() -> Json {
    object(
        &json!({"reason": {"type": "string", "maxLength": 500, "description": "Why."}}),
        &["reason"],
    )
}

/// To whom an alert is handed up.
pub(super) fn to_schema() -> Json {
    object(
        &json!({"to": {"type": "string", "maxLength": 300, "description": "To whom.", "example": "the watch commander"}}),
        &[],
    )
}

/// A list that is held against everything.
pub(super) fn list_schema() -> Json {
    let row = json!({
        "value": {"type": "string", "maxLength": 300, "description": "What is looked for."},
        "type": {"type": "string", "enum": Sort::WORDS, "description": "What it is; if it is not said, what it looks like."},
        "aliases": {"type": "array", "items": {"type": "string"}, "description": "Other names of the same."},
        "dob": {"type": "string", "format": "date", "description": "The day of birth of a person."},
    });
    let properties = json!({
        "text": {"type": "string", "description": "One a line, or CSV with a column `value` and, if wanted, `type` and `dob`."},
        "rows": {"type": "array", "items": object(&row, &["value"]), "description": "The same as objects."},
        "reason": {"type": "string", "maxLength": 500, "description": "Why, for the audit."},
    });
    let mut list = object(&properties, &[]);
    list["example"] = json!({"text": "Katherine Doyle\nKTR-4471"});
    list
}

/// What was found for it.
pub(super) fn rows_schema() -> Json {
    let hit = json!({
        "type": "object",
        "required": ["kind", "id", "display_id", "title", "score", "reason"],
        "properties": {
            "kind": {"type": "string", "description": "What it is."},
            "id": {"type": "string", "description": "The record."},
            "display_id": {"type": "string", "description": "Its number for people; empty if it has none."},
            "title": {"type": "string", "description": "What it is called."},
            "score": {"type": "number", "description": "How sure it is, from 0 to 1."},
            "reason": {"type": "string", "description": "What it says, and how that is what is looked for."},
        },
    });
    let row = json!({
        "type": "object",
        "required": ["row", "type", "value", "hits", "more"],
        "properties": {
            "row": {"type": "integer", "description": "Its place in the list, from 1."},
            "type": {"type": "string", "description": "What it was taken for."},
            "value": {"type": "string", "description": "What was looked for."},
            "hits": {"type": "array", "items": hit, "description": "What may be it, the surest first."},
            "more": {"type": "integer", "description": "How many more there are."},
        },
    });
    json!({"type": "array", "items": row})
}
