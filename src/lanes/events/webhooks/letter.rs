//! What is sent: the event as every other way tells it, signed as Standard Webhooks says, with CloudEvents' attributes as headers.

use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use serde_json::json;

use crate::domain::time::Millis;
use crate::lanes::http::ears::event;
use crate::services::events::Notice;
use crate::services::events::webhooks::{Webhook, signatures};

/// The type of the event that tries a webhook.
pub(super) const TEST: &str = "webhook.test";

/// One event, ready to go out.
pub(super) struct Letter {
    /// The event's own id, the same at every attempt.
    pub(super) id: String,
    /// Its type.
    pub(super) name: String,
    /// Its place in the feed.
    pub(super) sequence: u64,
    at: String,
    source: String,
    subject: String,
    /// The event.
    pub(super) body: String,
}

impl Letter {
    /// An event.
    pub(super) fn of(notice: &Notice) -> Self {
        Self {
            id: notice.id.to_string(),
            name: notice.name.clone(),
            sequence: notice.sequence,
            at: notice.at.to_string(),
            source: format!("urn:blotter:node:{}", notice.node),
            subject: notice.record.to_string(),
            body: event::text(notice).to_owned(),
        }
    }

    /// An event that means nothing: it has the form of the others, another type, and says that it is a test.
    pub(super) fn test(hook: &Webhook, (id, node, tenant): (&str, &str, &str), now: Millis) -> Self {
        let body = json!({
            "eventType": TEST,
            "caseId": null,
            "tenantId": tenant,
            "severity": "info",
            "triggeredAt": now.to_string(),
            "source": "webhooks",
            "entityIds": [],
            "reviewPath": null,
            "eventId": id,
            "sequence": 0,
            "node": node,
            "actor": "webhooks",
            "evidenceIds": [],
            "reportId": null,
            "data": {"kind": "webhook", "id": hook.id.to_string(), "changes": {}, "removed": {}},
            "schemaVersion": event::SCHEMA_VERSION,
            "test": true,
        });
        Self {
            id: id.to_owned(),
            name: TEST.to_owned(),
            sequence: 0,
            at: now.to_string(),
            source: format!("urn:blotter:node:{node}"),
            subject: hook.id.to_string(),
            body: body.to_string(),
        }
    }

    /// The headers of an attempt at this time.
    pub(super) fn headers(&self, hook: &Webhook, now: Millis) -> HeaderMap {
        let seconds = now.0.div_euclid(1_000);
        let signed = signatures(&hook.secrets, &self.id, seconds, &self.body);
        let seconds = seconds.to_string();
        let said = [
            (CONTENT_TYPE, "application/json"),
            (HeaderName::from_static("webhook-id"), &self.id),
            (HeaderName::from_static("webhook-timestamp"), &seconds),
            (HeaderName::from_static("webhook-signature"), &signed),
            (HeaderName::from_static("ce-specversion"), "1.0"),
            (HeaderName::from_static("ce-id"), &self.id),
            (HeaderName::from_static("ce-type"), &self.name),
            (HeaderName::from_static("ce-source"), &self.source),
            (HeaderName::from_static("ce-subject"), &self.subject),
            (HeaderName::from_static("ce-time"), &self.at),
        ];
        // What is no header value is none of ours: ids, times and words of types all are.
        let said = said
            .into_iter()
            .filter_map(|(name, value)| Some((name, HeaderValue::from_str(value).ok()?)));
        said.collect()
    }
}
