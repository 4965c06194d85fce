//! Frames as JSON.

use serde::Deserialize;
use serde_json::{Map, Value as Json, json};

use crate::lanes::http::ears::event;
use crate::services::events::{Notice, Wanted};

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
        event::text(notice)
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
