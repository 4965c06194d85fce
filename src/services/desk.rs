//! The front desk: what a service does while it holds the write thread. It finds records for its caller, checks what was
//! given against their kinds, and drafts operations. All of a request is granted or nothing of it.

use std::collections::HashSet;
use std::sync::Arc;

use crate::domain::id::RecordId;
use crate::domain::kind::{self, DISPLAY_ID, Field, Kind, Numbering, Writer};
use crate::domain::operation::{Action, Change, Draft, Merge, Urgency};
use crate::domain::record::Record;
use crate::domain::time::Millis;
use crate::domain::value::{Fields, Value};
use crate::services::caller::Caller;
use crate::services::casework::{rules, steps};
use crate::services::custody;
use crate::services::failure::{Clash, Failure, Fault, Outcome, beside};
use crate::services::find;
use crate::services::people;
use crate::services::policy::{self, Deed};
use crate::services::shape::{self, Checker, describe};
use crate::services::watch::{self, Limits};
use crate::store::session::Session;
use crate::views::records;

/// A caller at the desk.
pub struct Desk<'d, 's, 't> {
    session: &'d mut Session<'s, 't>,
    caller: &'d Caller,
    limits: Limits,
    /// The records touched, as they are now, in the order of their first touch.
    touched: Vec<Arc<Record>>,
    /// What stood in `touched` at a place before, so that an attempt can be taken back.
    replaced: Vec<(usize, Arc<Record>)>,
}

impl<'d, 's, 't> Desk<'d, 's, 't> {
    /// Takes the caller to the desk.
    pub(super) fn new(session: &'d mut Session<'s, 't>, caller: &'d Caller, limits: Limits) -> Self {
        Self {
            session,
            caller,
            limits,
            touched: Vec::new(),
            replaced: Vec::new(),
        }
    }

    /// Who is served.
    pub fn caller(&self) -> &'d Caller {
        self.caller
    }

    /// The wall time of this request.
    pub fn now(&self) -> Millis {
        self.session.now()
    }

    /// The write thread's view of things.
    pub fn session(&mut self) -> &mut Session<'s, 't> {
        self.session
    }

    pub(super) fn touched(self) -> Vec<Arc<Record>> {
        self.touched
    }

    fn touch(&mut self, record: &Arc<Record>) {
        match self
            .touched
            .iter_mut()
            .enumerate()
            .find(|(_, known)| known.id == record.id)
        {
            None => self.touched.push(Arc::clone(record)),
            Some((place, known)) => {
                self.replaced
                    .push((place, std::mem::replace(known, Arc::clone(record))));
            }
        }
    }

    /// Does something whole or not at all: what it refuses leaves nothing, and the request goes on. The outer failure is
    /// one of the store.
    ///
    /// # Errors
    /// The disk failed.
    pub fn attempt<T>(&mut self, step: impl FnOnce(&mut Self) -> Outcome<T>) -> Outcome<Outcome<T>> {
        let mark = self.session.mark();
        let (touched, replaced) = (self.touched.len(), self.replaced.len());
        let outcome = step(self);
        if outcome.is_err() {
            self.session.undo(&mark)?;
            for (place, record) in self.replaced.drain(replaced..).rev() {
                self.touched[place] = record;
            }
            self.touched.truncate(touched);
        }
        Ok(outcome)
    }

    /// A record that the caller may read.
    ///
    /// # Errors
    /// `Unknown` if there is none for this caller.
    pub fn find(&self, kind: &'static Kind, reference: &str) -> Outcome<Record> {
        find::record(self.session.rows(), self.caller, kind, reference)
    }

    /// Makes a record of what a client gave.
    ///
    /// # Errors
    /// `Denied`, `Invalid` with every fault, `Conflict` for a unique value that is taken.
    pub fn create(&mut self, kind: &'static Kind, input: Fields) -> Outcome<Arc<Record>> {
        policy::demand_for(self.caller, kind, Deed::Write)?;
        let own = input.get("slug").and_then(Value::as_text) == Some(self.caller.tenant().as_str());
        let shown_once = [kind::CREDENTIAL.name, kind::WEBHOOK.name].contains(&kind.name);
        if shown_once || (kind.name == kind::TENANT.name && !own) {
            let maker = match shown_once {
                true => format!("POST /v1/{}", kind.plural),
                false => "the owner of the folder (`blotter tenant add`)".to_owned(),
            };
            let fault = Fault::refused("data", format!("{maker} makes these"));
            return Err(Failure::Invalid(vec![fault]));
        }
        let given = self.check(kind, input, None)?;
        let of = (self.caller.tenant(), kind);
        self.limits.refuse(self.session.rows(), of, None, &given)?;
        let mut added = rules::follow(self.session.rows(), kind, None, &given)?;
        if kind.name == kind::EVIDENCE.name {
            added.push(custody::collection(self.caller, self.now(), &given)?);
        }
        self.create_checked(kind, given, added)
    }

    /// Makes a record of checked fields and of what the program itself adds.
    ///
    /// # Errors
    /// `Conflict` for a unique value that is taken.
    pub fn create_checked(
        &mut self,
        kind: &'static Kind,
        given: Vec<(&'static Field, Value)>,
        added: Vec<Change>,
    ) -> Outcome<Arc<Record>> {
        let id = self.session.new_record()?;
        self.create_as(kind, id, given, added)
    }

    /// The same with an id that says what the record is of, so that it is made once.
    ///
    /// # Errors
    /// `Conflict` for a unique value that is taken.
    pub(super) fn create_as(
        &mut self,
        kind: &'static Kind,
        id: RecordId,
        given: Vec<(&'static Field, Value)>,
        added: Vec<Change>,
    ) -> Outcome<Arc<Record>> {
        self.refuse_duplicates(kind, &given, None)?;
        let mut changes = self.number(kind)?;
        changes.extend(policy::own_seat(self.caller, kind, &given));
        for (field, value) in given {
            match (field.merge, value) {
                (_, Value::Null) => {}
                (Merge::Once, value) => changes.push(Change::new(field.name, Action::Fix(value))),
                (Merge::OrSet, Value::List(members)) => {
                    changes.extend(
                        members
                            .into_iter()
                            .map(|member| Change::new(field.name, Action::Add(member))),
                    );
                }
                (_, value) => changes.push(Change::new(field.name, Action::Set(value))),
            }
        }
        changes.extend(added);
        let made = self.draft(kind, id, changes)?;
        people::refuse_escalation(self.session.rows(), self.caller, None, &made)?;
        Ok(made)
    }

    /// Changes a record as a client asked; only what differs becomes a change.
    ///
    /// # Errors
    /// `Denied`, `Invalid` with every fault, `Conflict` for a unique value that is taken or a sealed record.
    pub fn patch(&mut self, kind: &'static Kind, record: &Record, input: Fields) -> Outcome<Arc<Record>> {
        policy::demand_for(self.caller, kind, Deed::Write)?;
        refuse_sealed(record)?;
        let given = self.check(kind, input, Some(record))?;
        self.refuse_duplicates(kind, &given, Some(record.id))?;
        let of = (self.caller.tenant(), kind);
        self.limits
            .refuse(self.session.rows(), of, Some(record), &given)?;
        let mut changes = rules::follow(self.session.rows(), kind, Some(record), &given)?;
        for (field, value) in given {
            match (field.merge, value) {
                (Merge::OrSet, value) => set_members(record, field, value.as_list(), &mut changes),
                (_, value) if record.get(field.name) == Some(&value) => {}
                (Merge::Once, value) => changes.push(Change::new(field.name, Action::Fix(value))),
                (_, Value::Null) if record.get(field.name).is_none() => {}
                (_, value) if let Some(course) = field.course => {
                    changes.push(steps::go_on(kind, record, (field, course), value)?);
                }
                (_, value) => {
                    let seen = record.seen(field.name, Merge::Mv);
                    changes.push(Change::new(field.name, Action::Set(value)).seeing(seen));
                }
            }
        }
        self.change(kind, record, changes)
    }

    /// Drafts changes that a service has made itself. No change, no operation.
    ///
    /// # Errors
    /// The store failed.
    pub fn change(
        &mut self,
        kind: &'static Kind,
        record: &Record,
        changes: Vec<Change>,
    ) -> Outcome<Arc<Record>> {
        let changed = if changes.is_empty() {
            let as_it_is = Arc::new(self.fresh(record.id)?);
            self.touch(&as_it_is);
            as_it_is
        } else {
            let told = match kind.name == kind::ALERT.name {
                true => watch::told_to_cases(self.session.rows(), record, &changes)?,
                false => Vec::new(),
            };
            let changed = self.draft(kind, record.id, changes)?;
            for (case, entry) in told {
                self.draft(&kind::CASE, case, vec![entry])?;
            }
            changed
        };
        people::refuse_escalation(self.session.rows(), self.caller, Some(record), &changed)?;
        Ok(changed)
    }

    fn draft(&mut self, kind: &'static Kind, record: RecordId, changes: Vec<Change>) -> Outcome<Arc<Record>> {
        let urgency = if kind.name == kind::ALERT.name {
            Urgency::Alert
        } else {
            Urgency::Ordinary
        };
        let tenant = self.caller.tenant().clone();
        let draft = Draft {
            tenant,
            actor: self.caller.actor(),
            urgency,
            kind: kind.name.into(),
            record,
            changes,
        };
        let record = Arc::new(self.session.change(draft)?);
        self.touch(&record);
        Ok(record)
    }

    /// The record with all that was drafted.
    fn fresh(&self, id: RecordId) -> Outcome<Record> {
        let record = records::get(self.session.rows(), id)?;
        record.ok_or_else(|| Failure::Internal("a record that was just read is not there".into()))
    }

    /// What a client gave, checked against the kind; `record` is the one that is changed, if one is.
    ///
    /// # Errors
    /// `Invalid` with every fault, and with what is taken beside them.
    pub fn check(
        &self,
        kind: &'static Kind,
        mut input: Fields,
        record: Option<&Record>,
    ) -> Outcome<Vec<(&'static Field, Value)>> {
        let rows = self.session.rows();
        let resolve = |wanted: &str, text: &str| find::reference(rows, self.caller, wanted, text);
        let mut checker = Checker::new(&resolve);
        let mut given = Vec::new();
        for field in kind.fields.iter().chain([&kind::EXTERNAL_ID]) {
            let value = input.remove(field.name);
            given.extend(checked(&mut checker, field, value, record).map(|value| (field, value)));
        }
        rules::check(kind, record, &mut given, self.now(), &mut checker);
        let unknown = input
            .keys()
            .map(|name| Fault::wrong(format!("data.{name}"), "no such property"));
        checker.faults.extend(unknown);
        if checker.faults.is_empty() {
            return Ok(given);
        }
        // What is taken is told with the rest.
        let taken = self.refuse_duplicates(kind, &given, record.map(|record| record.id));
        beside(checker.faults, taken.map(|()| given))
    }

    /// Refuses unique values that others have.
    ///
    /// # Errors
    /// `Conflict`, naming each.
    pub(super) fn refuse_duplicates(
        &self,
        kind: &'static Kind,
        given: &[(&'static Field, Value)],
        own: Option<RecordId>,
    ) -> Outcome<()> {
        let mut taken = Vec::new();
        for (field, value) in given.iter().filter(|(field, _)| field.unique) {
            let Some(text) = value.as_text() else { continue };
            let rows = self.session.rows();
            let holder = records::by_name(rows, self.caller.tenant().as_str(), kind, field, text)?;
            let Some(other) = holder.filter(|other| Some(*other) != own) else {
                continue;
            };
            // Over all tenants, and of what the caller may not read, only the clash itself may be told.
            let known = match records::get(rows, other)? {
                Some(record) => find::may_read(rows, self.caller, &record)?,
                None => false,
            };
            let told = (known && !field.unique_everywhere()).then_some(other);
            taken.push((kind.name, field.name, told));
        }
        match taken.is_empty() {
            true => Ok(()),
            false => Err(Failure::taken(&taken)),
        }
    }

    /// The next number of the kind, as the change that gives it.
    fn number(&self, kind: &'static Kind) -> Outcome<Vec<Change>> {
        let series = match kind.numbering {
            Numbering::None => return Ok(Vec::new()),
            Numbering::Bare => String::new(),
            Numbering::Plain(prefix) => prefix.to_owned(),
            Numbering::Yearly(prefix) => format!("{prefix}-{}", self.now().year()),
        };
        let last = records::last_number(self.session.rows(), self.caller.tenant(), kind, &series)?;
        let display = if series.is_empty() {
            (last + 1).to_string()
        } else {
            format!("{series}-{:04}", last + 1)
        };
        Ok(vec![Change::new(DISPLAY_ID, Action::Fix(Value::Text(display)))])
    }
}

/// What a field is to have, null for nothing any more; `None` if it stays as it is, or after a fault was noted.
fn checked(
    checker: &mut Checker<'_>,
    field: &Field,
    value: Option<Value>,
    record: Option<&Record>,
) -> Option<Value> {
    let path = format!("data.{}", field.name);
    let is_nothing = value.as_ref().is_none_or(|value| is_nothing(field, value));
    match (value, record) {
        (Some(_), _) if matches!(field.writer, Writer::System | Writer::Secret) => {
            checker.forbid(&path, "is set by the server");
            None
        }
        (Some(value), Some(record)) if field.writer == Writer::Creator => {
            let value = checker.value(&path, field.shape, value)?;
            match record.get(field.name) {
                None if field.can_come_later() => Some(value),
                own => {
                    if own != Some(&value) {
                        checker.forbid(&path, "can't be changed");
                    }
                    None
                }
            }
        }
        (value, None) if is_nothing => {
            if field.required {
                checker.faults.push(Fault::missing(path, describe(field.shape)));
            }
            // Null is what many programs send for what nobody said.
            let is_said = value.is_some_and(|value| value != Value::Null);
            field.default.filter(|_| !is_said).map(Value::text)
        }
        (Some(_), Some(_)) if is_nothing && field.required => {
            checker.faults.push(Fault::missing(path, describe(field.shape)));
            None
        }
        (Some(_), Some(_)) if is_nothing && field.default.is_none() => Some(Value::Null),
        (None, _) => None,
        (Some(value), _) => match (field.merge, value) {
            (Merge::OrSet, Value::List(list)) => members(checker, &path, field, list),
            (Merge::OrSet, _) => {
                checker.refuse(&path, "an array");
                None
            }
            (_, value) => checker.value(&path, field.shape, value),
        },
    }
}

/// Whether a value says that there is none; in a shape that it can't have it is a fault.
fn is_nothing(field: &Field, value: &Value) -> bool {
    match field.merge {
        Merge::OrSet => matches!(value, Value::Null) || *value == Value::List(Vec::new()),
        _ => shape::is_nothing(field.shape, value),
    }
}

fn members(checker: &mut Checker<'_>, path: &str, field: &Field, list: Vec<Value>) -> Option<Value> {
    const MEMBERS_MAX: usize = 10_000;
    if list.len() > MEMBERS_MAX {
        checker
            .faults
            .push(Fault::wrong(path, format!("at most {MEMBERS_MAX} members")));
        return None;
    }
    let faults = checker.faults.len();
    let checked: Vec<_> = list
        .into_iter()
        .enumerate()
        .filter_map(|(place, member)| checker.value(&format!("{path}[{place}]"), field.shape, member))
        .collect();
    (checker.faults.len() == faults).then_some(Value::List(checked))
}

/// A sealed record takes no changes.
///
/// # Errors
/// `Conflict`.
pub fn refuse_sealed(record: &Record) -> Outcome<()> {
    if record.rank(crate::domain::record::SEALING) == 0 {
        return Ok(());
    }
    Err(Failure::Conflict(
        Clash::Sealed,
        "the record is sealed by a court's order".into(),
        Fields::new(),
    ))
}

/// The adds and removes that make the set these members.
fn set_members(record: &Record, field: &Field, wanted: &[Value], changes: &mut Vec<Change>) {
    // Compared as text: sets of hundreds are changed on the write thread.
    let text = |value: &Value| format!("{value:?}");
    let present = record.versions(field.name, Merge::OrSet);
    let mut known: HashSet<String> = present.iter().map(|version| text(&version.value)).collect();
    let stays: HashSet<String> = wanted.iter().map(text).collect();
    let gone = present
        .iter()
        .filter(|version| !stays.contains(&text(&version.value)));
    let gone: Vec<_> = gone.map(|version| version.id).collect();
    if !gone.is_empty() {
        changes.push(Change::new(field.name, Action::Remove).seeing(gone));
    }
    let added = wanted.iter().filter(|member| known.insert(text(member)));
    changes.extend(added.map(|member| Change::new(field.name, Action::Add(member.clone()))));
}
