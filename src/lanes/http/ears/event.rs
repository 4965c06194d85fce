//! An event as JSON, the same on every lane: eight members as partners know them, and ours beside them.

use serde_json::{Map, Value as Json, json};

use crate::domain::event;
use crate::services::events::Notice;

/// The version of the form of events.
pub const SCHEMA_VERSION: u32 = 1;

/// An event. It is written once, however many hear it.
pub fn text(notice: &Notice) -> &str {
    notice.text.get_or_init(|| json_of(notice).to_string())
}

/// The same as a value.
pub fn json_of(notice: &Notice) -> Json {
    let changes: Map<String, Json> = notice
        .changes
        .iter()
        .map(|(field, value)| (field.clone(), value.into()))
        .collect();
    json!({
        "eventType": notice.name,
        "caseId": notice.case.as_ref().map(|(_, number)| number),
        "tenantId": notice.tenant.as_str(),
        "severity": notice.severity.as_str(),
        "triggeredAt": notice.at.to_string(),
        "source": notice.source,
        "entityIds": notice.entities,
        "reviewPath": notice.review_path,
        "eventId": notice.id.to_string(),
        "sequence": notice.sequence,
        "node": notice.node,
        "actor": notice.actor,
        "evidenceIds": notice.evidence,
        "reportId": notice.report,
        "data": {"kind": notice.kind.name, "id": notice.record.to_string(), "changes": changes},
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
        "data": {"type": "object", "description": "The record, and what changed in it."},
        "schemaVersion": {"const": SCHEMA_VERSION},
    });
    let required: Vec<&String> = properties.as_object().into_iter().flat_map(Map::keys).collect();
    json!({"type": "object", "required": required, "properties": properties})
}
