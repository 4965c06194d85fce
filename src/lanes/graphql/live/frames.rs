//! Frames of the protocol `graphql-transport-ws`.

use serde::Deserialize;
use serde_json::{Map, Value as Json, json};

use crate::lanes::graphql::wire::{Asked, Told};

/// The sub-protocol.
pub(super) const PROTOCOL: &str = "graphql-transport-ws";

/// What a client says.
#[derive(Debug, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(super) enum Said {
    /// It begins.
    ConnectionInit {
        /// What it brings, among it a credential.
        payload: Option<Map<String, Json>>,
    },
    /// It wants to know whether the server is there.
    Ping {},
    /// It is there.
    Pong {},
    /// It asks, changes or subscribes.
    Subscribe {
        /// The name under which it is answered.
        id: String,
        /// What.
        payload: Asked,
    },
    /// It wants that no more.
    Complete {
        /// The name.
        id: String,
    },
}

/// It may begin.
pub(super) const ACK: &str = r#"{"type":"connection_ack"}"#;
/// The server is there.
pub(super) const PONG: &str = r#"{"type":"pong"}"#;

/// An answer.
pub(super) fn next(id: &str, told: &Told) -> String {
    format!(
        r#"{{"type":"next","id":{},"payload":{}}}"#,
        Json::from(id),
        told.text()
    )
}

/// It ends with these errors.
pub(super) fn error(id: &str, told: &Told) -> String {
    json!({"type": "error", "id": id, "payload": told.errors}).to_string()
}

/// It has ended.
pub(super) fn complete(id: &str) -> String {
    json!({"type": "complete", "id": id}).to_string()
}

/// A subscription was left behind and has ended; it loses nothing if it goes on from here.
pub(super) fn lagged(id: &str, resume_after: u64, request_id: &str) -> String {
    let message =
        format!("lagged: read faster, and subscribe again with `after: {resume_after}`: nothing is lost");
    let about =
        json!({"code": "BUSY", "requestId": request_id, "reason": "lagged", "resumeAfter": resume_after});
    json!({"type": "error", "id": id, "payload": [{"message": message, "extensions": about}]}).to_string()
}

/// The credential that a client brings with its beginning, if it brings one.
pub(super) fn credential_in(payload: &Map<String, Json>) -> Option<&str> {
    let given = ["authorization", "Authorization", "apiKey"]
        .into_iter()
        .find_map(|name| payload.get(name)?.as_str())?
        .trim();
    let token = match given.split_once(char::is_whitespace) {
        Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") => token.trim(),
        _ => given,
    };
    let is_one = !token.is_empty() && !token.eq_ignore_ascii_case("bearer");
    is_one.then_some(token)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value as Json, json};

    use super::{Said, credential_in};

    #[test]
    fn a_credential_comes_under_any_of_its_names() {
        let table = [
            (json!({"authorization": "Bearer ak_1"}), Some("ak_1")),
            (json!({"Authorization": "bearer  ak_1 "}), Some("ak_1")),
            (json!({"Authorization": "ak_1"}), Some("ak_1")),
            (json!({"apiKey": "ak_1", "more": 1}), Some("ak_1")),
            (json!({"Authorization": "Bearer "}), None),
            (json!({"apiKey": ""}), None),
            (json!({"apiKey": 1}), None),
            (json!({}), None),
        ];
        for (payload, expected) in table {
            let payload = payload.as_object().unwrap();
            assert_eq!(credential_in(payload), expected, "{payload:?}");
        }
    }

    #[test]
    fn frames_of_the_protocol_are_read_and_nothing_else() {
        let read = |frame: &Json| serde_json::from_value::<Said>(frame.clone()).is_ok();
        for frame in [
            json!({"type": "connection_init"}),
            json!({"type": "connection_init", "payload": null}),
            json!({"type": "ping", "payload": {"a": 1}}),
            json!({"type": "pong"}),
            json!({"type": "complete", "id": "a"}),
            json!({"type": "subscribe", "id": "a", "payload": {"query": "{ a }", "variables": null, "extensions": {}}}),
        ] {
            assert!(read(&frame), "{frame}");
        }
        for frame in [
            json!({}),
            json!([]),
            json!({"type": "start"}),
            json!({"type": "connection_init", "payload": "x"}),
            json!({"type": "subscribe", "id": "a"}),
            json!({"type": "subscribe", "id": 1, "payload": {"query": "{ a }"}}),
            json!({"type": "subscribe", "payload": {"query": "{ a }"}}),
            json!({"type": "subscribe", "id": "a", "payload": {"query": 1}}),
            json!({"type": "subscribe", "id": "a", "payload": {"query": "{ a }", "variables": []}}),
            json!({"type": "complete"}),
        ] {
            assert!(!read(&frame), "{frame}");
        }
    }
}
