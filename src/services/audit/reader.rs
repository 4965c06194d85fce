//! Who reads the audit log: newest first, filtered, page by page. Reading it is itself an entry.

use crate::domain::id::{OpId, RecordId};
use crate::domain::operation::Operation;
use crate::domain::time::Millis;
use crate::domain::value::{Fields, Value};
use crate::services::Services;
use crate::services::audit::Event;
use crate::services::caller::Caller;
use crate::services::failure::{Fault, Outcome};
use crate::views::local::{self, NOBODY};

/// Which entries.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct AuditFilter {
    /// Only of this event.
    pub event: Option<String>,
    /// Only of this outcome.
    pub outcome: Option<String>,
    /// Only of this actor: `user:<id>`, `key:<id>`, `owner`, `stranger`.
    pub actor: Option<String>,
    /// Only about this record.
    pub record: Option<RecordId>,
    /// Only from this time on.
    pub from: Option<Millis>,
    /// Only before this time.
    pub to: Option<Millis>,
}

impl AuditFilter {
    /// What a client asks for, with what is wrong with it: `said` gives what it says under a name, `record` is its name of the
    /// record.
    pub fn read<'t>(said: impl Fn(&str) -> Option<&'t str>, record: &str) -> (Self, Vec<Fault>) {
        let mut faults = Vec::new();
        let mut time = |name: &str| {
            let at = Millis::parse(said(name)?);
            if at.is_none() {
                faults.push(Fault::wrong(name, "a time as 2026-03-17T21:14:22Z"));
            }
            at
        };
        let (from, to) = (time("from"), time("to"));
        let about = said(record).map(str::parse).transpose();
        let about = about.unwrap_or_else(|_| {
            faults.push(Fault::wrong(record, "the internal id of a record"));
            None
        });
        let text = |name: &str| said(name).map(str::to_owned);
        let filter = Self {
            event: text("event"),
            outcome: text("outcome"),
            actor: text("actor"),
            record: about,
            from,
            to,
        };
        (filter, faults)
    }
}

/// One entry.
#[derive(Clone, PartialEq, Debug)]
pub struct AuditEntry {
    /// Its place in the signed log.
    pub id: OpId,
    /// When.
    pub at: Millis,
    /// Who: `user:<id>`, `key:<id>`, `owner`, `stranger`.
    pub actor: String,
    /// Through what.
    pub client: String,
    /// About which record.
    pub record: Option<RecordId>,
    /// `event`, `outcome`, `lane`, `request_id`, `address`, and what else it says.
    pub fields: Fields,
}

/// A part of the log.
#[derive(Clone, PartialEq, Debug)]
pub struct AuditPage {
    /// The entries, newest first.
    pub entries: Vec<AuditEntry>,
    /// Where the next page begins; `None` at the end.
    pub next: Option<Vec<u8>>,
}

/// Entries looked at for one page, at most: a filter that nothing passes must not read a year in one request.
const ENTRIES_PER_PAGE_MAX: usize = 5_000;

impl Services {
    /// A page of the caller's agency's audit log.
    ///
    /// # Errors
    /// `Denied` without `audit:read`.
    pub fn audit(
        &self,
        caller: &Caller,
        filter: &AuditFilter,
        after: Option<&[u8]>,
        limit: usize,
    ) -> Outcome<AuditPage> {
        self.demand(caller, "audit.read", "audit:read")?;
        let page = self.audit_page(caller, filter, after, limit)?;
        self.note_plain_read(caller, Event::done("audit.read", None))?;
        Ok(page)
    }

    /// Begins an export: its entry is durable when this returns. The pages follow by [`Services::audit_export_page`].
    ///
    /// # Errors
    /// `Denied` without `audit:read`.
    pub fn begin_audit_export(&self, caller: &Caller) -> Outcome<()> {
        self.demand(caller, "audit.export", "audit:read")?;
        self.note(caller, Event::done("audit.export", None))
    }

    /// A page of an export that was begun.
    ///
    /// # Errors
    /// `Denied` without `audit:read`.
    pub fn audit_export_page(
        &self,
        caller: &Caller,
        filter: &AuditFilter,
        after: Option<&[u8]>,
    ) -> Outcome<AuditPage> {
        self.demand(caller, "audit.export", "audit:read")?;
        self.audit_page(caller, filter, after, 500)
    }

    fn audit_page(
        &self,
        caller: &Caller,
        filter: &AuditFilter,
        after: Option<&[u8]>,
        limit: usize,
    ) -> Outcome<AuditPage> {
        let rows = self.snapshot()?;
        let end = filter.to.map(|to| local::audit_place(caller.tenant(), to));
        let before = match (after, end.as_deref()) {
            (Some(after), Some(end)) => Some(after.min(end)),
            (after, end) => after.or(end),
        };
        let mut page = AuditPage {
            entries: Vec::new(),
            next: None,
        };
        let (mut looked_at, mut last, mut fault) = (0_usize, None, None);
        local::audit(&rows, caller.tenant(), before, &mut |key, log, seq| {
            let at = local::audit_clock(key).map(|hlc| hlc.millis());
            if filter.from.is_some_and(|from| at.is_some_and(|at| at < from)) {
                return false;
            }
            looked_at += 1;
            if page.entries.len() == limit || looked_at > ENTRIES_PER_PAGE_MAX {
                page.next = last.take();
                return false;
            }
            last = Some(key.to_vec());
            match self.store().operation(&rows, log, seq) {
                Ok(operation) => page
                    .entries
                    .extend(operation.map(entry).filter(|entry| passes(filter, entry))),
                Err(error) => fault = Some(error),
            }
            fault.is_none()
        })?;
        fault.map_or(Ok(page), |error| Err(error.into()))
    }
}

fn entry(operation: Operation) -> AuditEntry {
    let fields = local::audit_fields(&operation);
    let header = operation.header;
    AuditEntry {
        id: header.id,
        at: header.wall,
        actor: header.actor.who,
        client: header.actor.client,
        record: (header.record != NOBODY).then_some(header.record),
        fields,
    }
}

fn passes(filter: &AuditFilter, entry: &AuditEntry) -> bool {
    let says = |name: &str, wanted: &Option<String>| {
        let said = entry.fields.get(name).and_then(Value::as_text);
        wanted.as_deref().is_none_or(|wanted| said == Some(wanted))
    };
    says("event", &filter.event)
        && says("outcome", &filter.outcome)
        && filter.actor.as_ref().is_none_or(|actor| *actor == entry.actor)
        && filter.record.is_none_or(|record| Some(record) == entry.record)
}
