//! An event as JSON, the same on every lane: eight members as partners know them, and ours beside them.

use serde_json::{Map, Value as Json, json};

use crate::domain::event;
use crate::domain::value::Value;
use crate::services::events::Notice;

/// The version of the form of events.
pub const SCHEMA_VERSION: u32 = 1;

/// An event. It is written once, however many hear it.
pub fn text(notice: &Notice) -> &str {
    notice.text.get_or_init(|| json_of(notice).to_string())
}

/// The same as a value.
pub fn json_of(notice: &Notice) -> Json {
    let told = |fields: &[(String, Value)]| -> Map<String, Json> {
        let told = fields.iter().map(|(field, value)| (field.clone(), value.into()));
        told.collect()
    };
    let data = json!({
        "kind": notice.kind.name,
        "id": notice.record.to_string(),
        "changes": told(&notice.changes),
        "removed": told(&notice.removed),
    });
    let entities = notice.entities.iter().map(|(_, number)| number.as_str());
    json!({
        "eventType": notice.name,
        "caseId": notice.case.as_ref().map(|(_, number)| number),
        "tenantId": notice.tenant.as_str(),
        "severity": notice.severity.as_str(),
        "triggeredAt": notice.at.to_string(),
        "source": notice.source,
        "entityIds": entities.collect::<Vec<_>>(),
        "reviewPath": notice.review_path,
        "eventId": notice.id.to_string(),
        "sequence": notice.sequence,
        "node": notice.node,
        "actor": notice.actor,
        "evidenceIds": notice.evidence,
        "reportId": notice.report,
        "data": data,
        "schemaVersion": SCHEMA_VERSION,
    })
}

/// A list of events.
pub fn list_schema() -> Json {
    json!({"type": "array", "items": schema()})
}

/// One event.
pub fn schema() -> Json {
    let text = |about: &str| json!({"type": "string", "description": about});
    let may_be_null = |about: &str| json!({"type": ["string", "null"], "description": about});
    let texts = |about: &str| json!({"type": "array", "items": {"type": "string"}, "description": about});
    let types: Vec<String> = event::types().into_iter().map(|(name, _)| name).collect();
    let properties = json!({
        "eventType": {"type": "string", "enum": types, "description": "What happened."},
        "caseId": may_be_null("The case, by number."),
        "tenantId": text("The agency."),
        "severity": {"type": "string", "enum": event::Severity::WORDS, "description": "How grave it is."},
        "triggeredAt": {"type": "string", "format": "date-time", "description": "When."},
        "source": text("Through what it came: a lane, or a part of the program."),
        "entityIds": texts("Persons and things, by number."),
        "reviewPath": may_be_null("The page where a person looks."),
        "eventId": {"type": "string", "format": "uuid", "description": "Its name, the same in every delivery."},
        "sequence": {"type": "integer", "minimum": 1, "description": "Its place in the feed of this node, ascending."},
        "node": text("The log in which it arose."),
        "actor": text("Who, by the name that is shown."),
        "evidenceIds": texts("Items of evidence, by number."),
        "reportId": may_be_null("The report, by number."),
        "data": data_schema(),
        "schemaVersion": {"const": SCHEMA_VERSION},
    });
    let required: Vec<&String> = properties.as_object().into_iter().flat_map(Map::keys).collect();
    json!({"type": "object", "required": required, "properties": properties})
}

fn data_schema() -> Json {
    const CHANGES: &str = "What each field that changed is now, in the form that REST tells it; of a field of several values the \
        list of those that were added, and of a case's `alerts` the entry that the event is about.";
    const REMOVED: &str = "What was taken out of fields of several values: a list for each.";
    let properties = json!({
        "kind": {"type": "string", "description": "What kind of record."},
        "id": {"type": "string", "description": "Its id."},
        "changes": {"type": "object", "description": CHANGES},
        "removed": {"type": "object", "additionalProperties": {"type": "array"}, "description": REMOVED},
    });
    let required = ["kind", "id", "changes", "removed"];
    let about = "The record, and what changed in it.";
    json!({"type": "object", "description": about, "required": required, "properties": properties})
}
