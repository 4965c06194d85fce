//! Who did and asked what: entries of the audit log, which is signed like the records log and durable with the same sync.
//! How equal entries become one with a count stands in `tally.rs`; how they are read, in `reader.rs`.

/// Who reads the audit log.
pub mod reader;
/// Equal entries within a second become one with a count.
pub mod tally;

use std::borrow::Cow;
use std::collections::BTreeMap;

use crate::domain::id::{OpId, RecordId, TenantId};
use crate::domain::operation::{Action, Actor, Change, Draft, Urgency};
use crate::domain::value::Value;
use crate::services::Services;
use crate::services::audit::tally::{Counted, Noted};
use crate::services::caller::{Caller, Via};
use crate::services::failure::{Failure, Outcome};
use crate::services::files::room::Need;
use crate::store::error::StoreError;
use crate::store::session::Session;
use crate::views::local::{AUDIT_ENTRY, NOBODY};

/// What happened, as far as the audit must know.
#[derive(Clone, PartialEq, Debug)]
pub struct Event {
    /// The verb: `case.create`, `sign-in`, `search`, …
    pub event: Cow<'static, str>,
    /// `done`, `denied`, `refused`, …
    pub outcome: &'static str,
    /// The record that it was about.
    pub record: Option<RecordId>,
    /// More: a reason that was stated, a rule that denied, a count.
    pub detail: BTreeMap<&'static str, Value>,
}

impl Event {
    /// Something that was done.
    pub fn done(event: impl Into<Cow<'static, str>>, record: Option<RecordId>) -> Self {
        Self {
            event: event.into(),
            outcome: "done",
            record,
            detail: BTreeMap::new(),
        }
    }

    /// Something that was not.
    pub fn refused(
        event: impl Into<Cow<'static, str>>,
        outcome: &'static str,
        record: Option<RecordId>,
    ) -> Self {
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

    /// The entry about somebody.
    pub(super) fn draft(self, tenant: TenantId, actor: Actor, via: &Via) -> Draft {
        let fix = |name: &str, value: Value| Change::new(name, Action::Fix(value));
        let mut changes = vec![
            fix("event", Value::Text(self.event.into_owned())),
            fix("outcome", Value::text(self.outcome)),
            fix("lane", Value::text(via.lane)),
            fix("request_id", Value::text(via.request_id.clone())),
        ];
        changes.extend(
            via.address
                .map(|address| fix("address", Value::Text(address.to_string()))),
        );
        if self.outcome != "done" && !via.asked.is_empty() && !self.detail.contains_key("request") {
            changes.push(fix("request", Value::text(via.asked.clone())));
        }
        changes.extend(self.detail.into_iter().map(|(name, value)| fix(name, value)));
        let record = self.record.unwrap_or(NOBODY);
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
    session.audit(event.draft(tenant, stranger(via), via)).map(drop)
}

fn stranger(via: &Via) -> Actor {
    Actor {
        who: "stranger".into(),
        client: via.lane.into(),
    }
}

impl Services {
    /// Writes one audit entry, durable when this returns.
    ///
    /// # Errors
    /// The store failed; what was to be audited must not happen then.
    pub fn note(&self, caller: &Caller, event: Event) -> Outcome<()> {
        caller.refuse_faulty()?;
        let draft = event.draft(caller.tenant().clone(), caller.actor(), caller.via());
        self.note_draft(draft)
    }

    /// The same, and says where the entry stands.
    pub(super) fn note_placed(&self, caller: &Caller, event: Event) -> Outcome<OpId> {
        caller.refuse_faulty()?;
        let draft = event.draft(caller.tenant().clone(), caller.actor(), caller.via());
        let written = self.store().write(move |session| session.audit(draft));
        written.map_err(Failure::from)
    }

    fn note_draft(&self, draft: Draft) -> Outcome<()> {
        self.store()
            .write(move |session| session.audit(draft).map(drop))
            .map_err(Failure::from)
    }

    /// A denial is durable in the audit log before it is told.
    ///
    /// # Errors
    /// The store failed.
    pub fn note_denial(&self, caller: &Caller, verb: &'static str, failure: &Failure) -> Outcome<()> {
        let Failure::Denied(rule) = failure else {
            return Ok(());
        };
        let event = Event::refused(verb, "denied", None).with("rule", Value::text(rule.clone()));
        self.note_draft(event.draft(caller.tenant().clone(), caller.actor(), caller.via()))
    }

    /// Notes a read of what everybody of the agency may read: it rides with the next group, and equal reads by one caller
    /// within a second are counted into one more entry.
    ///
    /// # Errors
    /// Entries can't be written: then nothing is read either.
    pub fn note_plain_read(&self, caller: &Caller, event: Event) -> Outcome<()> {
        caller.refuse_faulty()?;
        match self.count(caller, event.clone()) {
            Noted::Kept => Ok(()),
            Noted::Untold => self.tell_noted(),
            Noted::Refused => {
                self.note(caller, event)?;
                Ok(self.store().write_soon(|_| Ok(()))?)
            }
        }
    }

    /// Counts an entry about a caller. Never waits. Where there is no room for the entry, it is not let ride with a group that
    /// would not be written.
    pub(super) fn count(&self, caller: &Caller, event: Event) -> Noted {
        match self.files().room().demand(Need::Text) {
            Ok(()) => self.tally().count(caller, event),
            Err(_full) => Noted::Refused,
        }
    }

    /// Notes that events about these restricted records are told to somebody; durable when this returns.
    ///
    /// # Errors
    /// The store failed: then they are not told.
    pub fn note_heard(&self, caller: &Caller, restricted: &[RecordId]) -> Outcome<()> {
        let ids = restricted.iter().copied().map(Value::Id).collect();
        self.note(
            caller,
            Event::done("events.read", None).with("restricted", Value::List(ids)),
        )
    }

    /// Tells the write thread that entries of reads lie with the tally. May wait.
    ///
    /// # Errors
    /// Entries can't be written: then nothing is read either.
    pub fn tell_noted(&self) -> Outcome<()> {
        Ok(self.tally().tell()?)
    }

    /// Notes a request that failed for another cause than a denial, which has its entry already. Equal ones are counted.
    ///
    /// # Errors
    /// The store failed.
    pub fn note_failure(&self, caller: &Caller, request: &str, failure: &Failure) -> Outcome<()> {
        if matches!(failure, Failure::Denied(_)) {
            return Ok(());
        }
        let event = Event::refused("request", failure.word(), None);
        self.note_plain_read(caller, event.with("request", Value::text(request)))
    }

    /// Notes that somebody came without a credential, or with one that opens nothing; `whose` is the agency of the
    /// credential and the record of its key or user, if it has one. The first of an address within a second is durable when this returns, the others are
    /// counted into one more entry, so that nobody can fill the disk with bad keys.
    ///
    /// # Errors
    /// The store failed.
    pub fn note_refused_stranger(
        &self,
        whose: Option<(TenantId, RecordId)>,
        via: &Via,
        rule: &str,
    ) -> Outcome<()> {
        let (tenant, record) = match whose {
            Some((tenant, record)) => (tenant, Some(record)),
            None => (self.home().clone(), None),
        };
        let event = Event::refused("authenticate", "refused", record).with("rule", Value::text(rule));
        self.count_stranger(tenant, via, event)
    }

    /// Notes that somebody without a credential asked for what is not there. Counted as those are who
    /// [are refused](Self::note_refused_stranger).
    ///
    /// # Errors
    /// The store failed.
    pub fn note_lost_stranger(&self, via: &Via, failure: &Failure) -> Outcome<()> {
        self.count_stranger(
            self.home().clone(),
            via,
            Event::refused("request", failure.word(), None),
        )
    }

    /// Notes what somebody did who is no caller; the first of an address within a second is durable when this returns.
    ///
    /// # Errors
    /// The store failed.
    pub(super) fn count_stranger(&self, tenant: TenantId, via: &Via, event: Event) -> Outcome<()> {
        match self.tally().count_stranger(tenant, stranger(via), via, event) {
            Counted::Merged => Ok(()),
            Counted::First(draft) => self.note_draft(draft),
        }
    }
}
