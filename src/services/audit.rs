//! Who did and asked what: entries of the audit log, which is signed like the records log and durable with the same sync.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::domain::id::{RecordId, TenantId};
use crate::domain::operation::{Action, Actor, Change, Draft, Urgency};
use crate::domain::value::Value;
use crate::services::caller::{Caller, Via};
use crate::store::error::StoreError;
use crate::store::session::Session;
use crate::views::local::AUDIT_ENTRY;

/// What happened, as far as the audit must know.
#[derive(Clone, PartialEq, Debug)]
pub struct Event {
    /// The verb: `case.create`, `sign-in`, `search`, …
    pub event: String,
    /// `done`, `denied`, `refused`, …
    pub outcome: &'static str,
    /// The record that it was about.
    pub record: Option<RecordId>,
    /// More: a reason that was stated, a rule that denied, a count.
    pub detail: BTreeMap<&'static str, Value>,
}

impl Event {
    /// Something that was done.
    pub fn done(event: impl Into<String>, record: Option<RecordId>) -> Self {
        Self {
            event: event.into(),
            outcome: "done",
            record,
            detail: BTreeMap::new(),
        }
    }

    /// Something that was not.
    pub fn refused(event: impl Into<String>, outcome: &'static str, record: Option<RecordId>) -> Self {
        Self {
            event: event.into(),
            outcome,
            record,
            detail: BTreeMap::new(),
        }
    }

    /// The same, saying more.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: Value) -> Self {
        self.detail.insert(name, value);
        self
    }

    fn draft(self, tenant: TenantId, actor: Actor, via: &Via) -> Draft {
        let fix = |name: &str, value: Value| Change::new(name, Action::Fix(value));
        let mut changes = vec![
            fix("event", Value::Text(self.event)),
            fix("outcome", Value::text(self.outcome)),
            fix("lane", Value::text(via.lane)),
            fix("request_id", Value::text(via.request_id.clone())),
        ];
        changes.extend(
            via.address
                .map(|address| fix("address", Value::Text(address.to_string()))),
        );
        changes.extend(self.detail.into_iter().map(|(name, value)| fix(name, value)));
        let record = self.record.unwrap_or(RecordId::from_bytes([0; 16]));
        Draft {
            tenant,
            actor,
            urgency: Urgency::Ordinary,
            kind: AUDIT_ENTRY.into(),
            record,
            changes,
        }
    }
}

/// Writes an entry about a caller.
///
/// # Errors
/// The store failed; the request must then be refused.
pub fn note(session: &mut Session<'_, '_>, caller: &Caller, event: Event) -> Result<(), StoreError> {
    let draft = event.draft(caller.tenant().clone(), caller.actor(), caller.via());
    session.audit(draft).map(drop)
}

/// Writes an entry about somebody who is no caller: a sign-in that failed.
///
/// # Errors
/// The store failed; the request must then be refused.
pub fn note_stranger(
    session: &mut Session<'_, '_>,
    tenant: TenantId,
    via: &Via,
    event: Event,
) -> Result<(), StoreError> {
    let actor = Actor {
        who: "stranger".into(),
        client: via.lane.into(),
    };
    session.audit(event.draft(tenant, actor, via)).map(drop)
}

/// Who, what, of which record.
type ReadKey = (Option<RecordId>, String, Option<RecordId>);

/// Which reads were audited within the last second.
#[derive(Debug, Default)]
pub struct RecentReads {
    /// Held for the moment of a look-up.
    seen: Mutex<HashMap<ReadKey, Instant>>,
}

/// Reads remembered at once, at most; with more, some are audited twice.
const READS_MAX: usize = 10_000;

impl RecentReads {
    /// Whether this read is the first of its kind by this caller within a second.
    pub fn is_fresh(&self, caller: &Caller, event: &Event) -> bool {
        let key = (caller.record(), event.event.clone(), event.record);
        let now = Instant::now();
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if seen.len() >= READS_MAX {
            seen.retain(|_, at| now.duration_since(*at) < Duration::from_secs(1));
        }
        if seen.len() >= READS_MAX {
            return true;
        }
        let before = seen.insert(key, now);
        before.is_none_or(|at| now.duration_since(at) >= Duration::from_secs(1))
    }
}
