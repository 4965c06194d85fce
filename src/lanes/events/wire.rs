//! Events and frames as JSON: eight members as partners know them, and ours beside them.

use serde::Deserialize;
use serde_json::{Map, Value as Json, json};

use crate::domain::event;
use crate::services::events::{Notice, Wanted};

/// The version of the form of events.
pub(super) const SCHEMA_VERSION: u32 = 1;

/// An event. It is written once, however many hear it.
pub(super) fn event(notice: &Notice) -> &str {
    notice.text.get_or_init(|| event_json(notice).to_string())
}

/// The same as a value.
pub(super) fn event_json(notice: &Notice) -> Json {
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
pub(super) fn events_schema() -> Json {
    json!({"type": "array", "items": event_schema()})
}

/// One event.
pub(super) fn event_schema() -> Json {
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

/// What a client says.
#[derive(Debug, Deserialize)]
#[serde(tag = "op", rename_all = "camelCase", deny_unknown_fields)]
pub(super) enum Said {
    /// Its credential.
    Auth {
        /// A key, or a session's token.
        token: String,
    },
    /// What it wants to hear, under a name of its own.
    #[serde(rename_all = "camelCase")]
    Subscribe {
        /// The name.
        id: String,
        /// Which events.
        #[serde(default)]
        filter: FilterSaid,
        /// The last that it has.
        after: Option<u64>,
        /// The name under which the server keeps how far it has come.
        durable: Option<String>,
    },
    /// A named subscription has come so far.
    Ack {
        /// The subscription.
        id: String,
        /// The last that was taken care of.
        sequence: u64,
    },
    /// Something is to be done.
    Command {
        /// The name under which it is answered.
        id: String,
        /// What.
        command: String,
        /// With what.
        #[serde(default)]
        args: Map<String, Json>,
    },
    /// It wants that no more.
    Unsubscribe {
        /// The name.
        id: String,
    },
    /// It is there. A struct, so that further members are refused.
    Ping {},
}

/// A filter as clients write it.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub(super) struct FilterSaid {
    event_types: Vec<String>,
    case_ids: Vec<String>,
    entity_ids: Vec<String>,
    min_severity: Option<String>,
}

impl From<FilterSaid> for Wanted {
    fn from(said: FilterSaid) -> Self {
        Self {
            types: said.event_types,
            cases: said.case_ids,
            entities: said.entity_ids,
            min_severity: said.min_severity,
        }
    }
}

/// An event for a subscription. The event's text goes in as it is.
pub(super) fn event_frame(id: &str, notice: &Notice) -> String {
    format!(
        r#"{{"op":"event","id":{},"event":{}}}"#,
        Json::from(id),
        event(notice)
    )
}

/// A subscription has heard all that was there.
pub(super) fn caught_up(id: &str, sequence: u64) -> String {
    json!({"op": "caughtUp", "id": id, "sequence": sequence}).to_string()
}

/// A subscription was left behind and has ended; it loses nothing if it goes on from here.
pub(super) fn lagged(id: &str, resume_after: u64) -> String {
    json!({"op": "lagged", "id": id, "resumeAfter": resume_after}).to_string()
}

/// What came of a command.
pub(super) fn result(id: &str, data: &Json) -> String {
    json!({"op": "result", "id": id, "data": data}).to_string()
}

/// Something could not be done.
pub(super) fn error(id: Option<&str>, code: &str, message: &str) -> String {
    let mut frame = json!({"op": "error", "code": code, "message": message});
    if let Some(id) = id {
        frame["id"] = id.into();
    }
    frame.to_string()
}
