//! The AsyncAPI 3 document of the event lane: one channel, what goes each way, every type of event.

use serde_json::{Value as Json, json};

use crate::domain::event::{self, Severity};
use crate::lanes::events::commands;
use crate::lanes::events::yaml::yaml;
use crate::lanes::http::ears::event as event_form;

const ABOUT: &str = "What happens on a node, as it happens. A connection subscribes as often as it likes; each subscription is \
    replayed from the `sequence` that its client has and then goes on live, with no gap and no double. The same events come \
    from `GET /v1/events` as JSON and as `text/event-stream`, and from the subscriptions of GraphQL at `/graphql/ws`.";

/// The document.
pub fn document() -> Json {
    let sent = [
        ("event", "An event for a subscription."),
        ("caughtUp", "The replay of a subscription has ended."),
        (
            "lagged",
            "The client read too slowly and the subscription has ended; nothing is lost if it subscribes again after `resumeAfter`.",
        ),
        ("result", "What came of a command: the record as it is then."),
        (
            "error",
            "A frame, a subscription or a command was refused; ten in a row end the connection.",
        ),
        ("pong", "The server is there."),
    ];
    let taken = [
        (
            "auth",
            "The credential, as the first frame, if no header brought it.",
        ),
        (
            "subscribe",
            "Events from a sequence on; without `after` from now on.",
        ),
        (
            "ack",
            "A named subscription has come so far: the server keeps it over restarts.",
        ),
        ("unsubscribe", "No more of these."),
        ("command", "Something is to be done, by the rules of REST."),
        ("ping", "The client is there."),
    ];
    let names = |frames: &[(&str, &str)]| -> Vec<Json> {
        let reference = |name: &str| json!({"$ref": format!("#/channels/events/messages/{name}")});
        frames.iter().map(|(name, _)| reference(name)).collect()
    };
    let messages: serde_json::Map<String, Json> = sent
        .iter()
        .chain(&taken)
        .map(|(name, about)| ((*name).to_owned(), message(name, about)))
        .collect();
    json!({
        "asyncapi": "3.0.0",
        "info": {
            "title": "blotter events",
            "version": env!("CARGO_PKG_VERSION"),
            "description": ABOUT,
            "license": {"name": "Apache-2.0"},
        },
        "defaultContentType": "application/json",
        "servers": {"node": {"host": "localhost:8443", "protocol": "wss", "description": "A node, over TLS."}},
        "channels": {"events": {"address": "/v1/events", "messages": messages}},
        "operations": {
            "hear": {"action": "send", "channel": {"$ref": "#/channels/events"}, "messages": names(&sent)},
            "say": {"action": "receive", "channel": {"$ref": "#/channels/events"}, "messages": names(&taken)},
        },
        "components": {"schemas": {"event": event_form::schema()}},
        "x-event-types": types(),
    })
}

fn types() -> serde_json::Map<String, Json> {
    let types = event::types().into_iter();
    types.map(|(name, doc)| (name, doc.into())).collect()
}

/// The same as it is served and committed.
pub fn text() -> String {
    yaml(&document())
}

fn message(name: &str, about: &str) -> Json {
    let text = json!({"type": "string"});
    let number = json!({"type": "integer", "minimum": 0});
    let filter = json!({"type": "object", "properties": {
        "eventTypes": {"type": "array", "items": text, "description": "Types; `*` stands for anything."},
        "caseIds": {"type": "array", "items": text, "description": "By number or id."},
        "entityIds": {"type": "array", "items": text, "description": "By number or id."},
        "minSeverity": {"type": "string", "enum": Severity::WORDS},
    }});
    let command = json!({"type": "string", "enum": commands::names().collect::<Vec<_>>()});
    let event = json!({"$ref": "#/components/schemas/event"});
    let members = match name {
        "event" => vec![("id", &text), ("event", &event)],
        "caughtUp" | "ack" => vec![("id", &text), ("sequence", &number)],
        "lagged" => vec![("id", &text), ("resumeAfter", &number)],
        "error" => vec![("code", &text), ("message", &text)],
        "auth" => vec![("token", &text)],
        "subscribe" | "unsubscribe" => vec![("id", &text)],
        "command" => vec![("id", &text), ("command", &command)],
        "result" => vec![("id", &text)],
        _ => Vec::new(),
    };
    let more = match name {
        "subscribe" => vec![("filter", &filter), ("after", &number), ("durable", &text)],
        "error" => vec![("id", &text)],
        _ => Vec::new(),
    };
    let required: Vec<&str> = ["op"]
        .into_iter()
        .chain(members.iter().map(|(name, _)| *name))
        .collect();
    let mut properties = json!({"op": {"const": name}});
    for (name, schema) in members.iter().chain(&more) {
        properties[*name] = (*schema).clone();
    }
    for name in match name {
        "result" => &["data"][..],
        "command" => &["args"],
        _ => &[],
    } {
        properties[*name] = json!({"type": "object"});
    }
    json!({"summary": about, "payload": {"type": "object", "required": required, "properties": properties}})
}
