//! What an operation means to those who listen: at most one event, by a pure function of the operation, of the record that
//! it is about, and of what its changes replaced. The words are the vocabulary of the event contract.

use std::fmt;
use std::str::FromStr;

use crate::domain::custody;
use crate::domain::id::{RecordId, VersionId};
use crate::domain::kind::{
    ALERT, CASE, CHAT_MESSAGE, ENTITY, EVIDENCE, Kind, NOTE, REPORT, TIMELINE_ENTRY, UNIT, kind,
};
use crate::domain::operation::{Action, Change, Operation};
use crate::domain::record::{Record, SEALING};
use crate::domain::value::Value;

/// How grave an event is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Debug)]
pub enum Severity {
    /// Worth knowing.
    #[default]
    Info,
    /// Can wait.
    Low,
    /// As usual.
    Medium,
    /// Soon.
    High,
    /// At once.
    Critical,
}

impl Severity {
    const ALL: [Self; 5] = [Self::Info, Self::Low, Self::Medium, Self::High, Self::Critical];

    /// The words for them, from the least.
    pub const WORDS: [&str; 5] = ["info", "low", "medium", "high", "critical"];

    /// The word for it.
    pub fn as_str(self) -> &'static str {
        Self::WORDS[self as usize]
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// A word that is no severity.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("not a severity")]
pub struct NotASeverity;

impl FromStr for Severity {
    type Err = NotASeverity;

    fn from_str(word: &str) -> Result<Self, NotASeverity> {
        let place = Self::WORDS.iter().position(|known| *known == word);
        place.map(|place| Self::ALL[place]).ok_or(NotASeverity)
    }
}

/// Every type of event but those of custody, with a sentence for the reference.
const TYPES: [(&str, &str); 33] = [
    ("case.opened", "A case was made."),
    ("case.updated", "Fields of a case changed."),
    ("case.closed", "A case was closed."),
    ("case.sealed", "A case was sealed."),
    (
        "case.alert.priority_raised",
        "An alert was raised about something that belongs to a case.",
    ),
    (
        "case.alert.acknowledged",
        "Somebody looks after an alert about something that belongs to a case.",
    ),
    (
        "case.alert.dismissed",
        "An alert about something that belongs to a case was put aside, with a reason.",
    ),
    (
        "case.alert.escalated",
        "An alert about something that belongs to a case was handed up.",
    ),
    ("entity.created", "A person or thing was made."),
    ("entity.updated", "Fields of a person or thing changed."),
    (
        "entity.linked",
        "A person or thing was tied to another one or to a case.",
    ),
    (
        "entity.risk_raised",
        "The danger that a person or thing means rose.",
    ),
    ("evidence.collected", "An item of evidence was taken in."),
    ("evidence.updated", "Fields of an item of evidence changed."),
    (
        "evidence.file.attached",
        "A file was added to an item of evidence.",
    ),
    ("timeline.entry_added", "Something was entered in a timeline."),
    (
        "note.added",
        "A remark was made on a case, a person or thing, or an item.",
    ),
    ("report.received", "A report came in."),
    ("report.updated", "Fields of a report changed."),
    ("report.message_added", "A message was added to a report."),
    ("report.image_added", "A picture was added to a report."),
    ("watchlist.matched", "Something on a watchlist turned up."),
    ("alert.raised", "An alert was raised that belongs to no case."),
    (
        "alert.updated",
        "An alert changed: `data.changes` says how. Each case that it belongs to is told so besides, by `case.alert.…`.",
    ),
    ("unit.position_marked", "Somebody marked where a unit is."),
    (
        "sync.upstream.connected",
        "The node above is reached. Not raised yet.",
    ),
    (
        "sync.upstream.lost",
        "The node above is out of reach. Not raised yet.",
    ),
    (
        "sync.queue.drained",
        "Everything has arrived at the node above. Not raised yet.",
    ),
    (
        "sync.conflict.found",
        "Two nodes wrote what excludes each other. Not raised yet.",
    ),
    ("node.enrolled", "A node was taken in. Not raised yet."),
    ("node.revoked", "A node was shut out. Not raised yet."),
    ("command.issued", "A client asked for a command. Not raised yet."),
    ("command.completed", "A command was carried out. Not raised yet."),
];

/// The alerts of a case.
const ALERTS: &str = "alerts";

/// Before the action in the types of custody.
const CUSTODY: &str = "evidence.custody.";

/// Every type of event that there is, with a sentence for the reference.
pub fn types() -> Vec<(String, String)> {
    let known = TYPES
        .iter()
        .map(|(name, doc)| ((*name).to_owned(), (*doc).to_owned()));
    let custody = custody::Action::all().map(|action| {
        let doc = format!("The chain of custody of an item has a new entry: {action}.");
        (custody_type(action), doc)
    });
    known.chain(custody).collect()
}

fn custody_type(action: custody::Action) -> String {
    format!("{CUSTODY}{}", action.as_str().replace('-', "_"))
}

/// Fields, and what is told of each.
pub type Told = Vec<(String, Value)>;

/// What happened, in the ids of this node's records: who may be told what of it is judged elsewhere.
#[derive(Clone, PartialEq, Debug)]
pub struct Event {
    /// One of [`types`].
    pub name: String,
    /// How grave it is.
    pub severity: Severity,
    /// Whether it came of an alert: the page of the alert is where to look.
    pub is_alert: bool,
    /// The records that the alert, the note or the entry of a timeline is about.
    pub about: Vec<RecordId>,
    /// The persons and things named.
    pub entities: Vec<RecordId>,
    /// The items of evidence named.
    pub evidence: Vec<RecordId>,
    /// The report named.
    pub report: Option<RecordId>,
    /// What changed, of the fields that clients read: what each is now, of one of several values the list of what was added. Of
    /// a case's alerts there is the one that it is told of.
    pub changes: Told,
    /// What was taken out of fields of several values, as lists.
    pub removed: Told,
}

/// The event that an operation means, if it means one. `in_case` says whether the record belongs to a case; `before` knows
/// what versions said that the operation replaced.
pub fn of(
    operation: &Operation,
    record: &Record,
    in_case: bool,
    before: &dyn Fn(VersionId) -> Option<Value>,
) -> Option<Event> {
    let (payload, kind) = (operation.payload.as_ref()?, kind(&record.kind)?);
    // Trainings disturb nobody, and of what was expunged nothing is told.
    if record.is_expunged() || record.text("mode") == Some("training") {
        return None;
    }
    let is_new = record.created.op == operation.header.id;
    let seen = Seen {
        record,
        in_case,
        changes: &payload.changes,
        before,
    };
    let (name, severity) = seen.named(is_new)?;
    let (changes, removed) = seen.told(kind);
    let mut event = Event {
        is_alert: record.kind == ALERT.name || seen.alert().is_some(),
        about: seen.about(),
        severity,
        entities: Vec::new(),
        evidence: Vec::new(),
        report: None,
        changes,
        removed,
        name,
    };
    match kind.name {
        kind if kind == ENTITY.name => event.entities.push(record.id),
        kind if kind == EVIDENCE.name => event.evidence.push(record.id),
        kind if kind == REPORT.name => event.report = Some(record.id),
        _ => event.report = record.get("report_id").and_then(Value::as_id),
    }
    for linked in seen.linked() {
        if !event.entities.contains(&linked) {
            event.entities.push(linked);
        }
    }
    Some(event)
}

/// Adds a value to the list of a field.
fn gather(lists: &mut Told, field: &str, value: Option<Value>) {
    let place = lists.iter().position(|(name, _)| name == field);
    let place = place.unwrap_or_else(|| {
        lists.push((field.to_owned(), Value::List(Vec::new())));
        lists.len() - 1
    });
    if let Value::List(list) = &mut lists[place].1 {
        list.extend(value.filter(|value| !list.contains(value)));
    }
}

/// How grave an alert is.
fn grave(alert: &Value) -> Severity {
    let word = alert.get("severity").and_then(Value::as_text);
    word.and_then(|word| word.parse().ok()).unwrap_or_default()
}

/// What an entry of a case's alerts says.
fn of_alert_in_case(entry: &Value) -> &'static str {
    match entry.get("status").map(Value::as_text) {
        // Without a status those of earlier versions.
        None | Some(Some("raised")) => "case.alert.priority_raised",
        Some(Some("acknowledged")) => "case.alert.acknowledged",
        Some(Some("dismissed")) => "case.alert.dismissed",
        Some(Some("escalated")) => "case.alert.escalated",
        Some(_) => "case.updated",
    }
}

/// An operation beside its record.
struct Seen<'o> {
    record: &'o Record,
    in_case: bool,
    changes: &'o [Change],
    before: &'o dyn Fn(VersionId) -> Option<Value>,
}

impl Seen<'_> {
    /// What it is called, and how grave it is.
    fn named(&self, is_new: bool) -> Option<(String, Severity)> {
        let own = |field: &str| self.severity(field);
        let (name, severity) = match self.record.kind.as_str() {
            kind if kind == CASE.name => match self.alert() {
                Some(alert) if !is_new => (of_alert_in_case(alert), grave(alert)),
                _ => (self.of_case(is_new), own("priority")),
            },
            kind if kind == ENTITY.name => (self.of_entity(is_new), own("risk_level")),
            kind if kind == EVIDENCE.name => return Some((self.of_evidence(is_new), Severity::Low)),
            kind if kind == TIMELINE_ENTRY.name => ("timeline.entry_added", own("severity")),
            kind if kind == NOTE.name => ("note.added", Severity::Info),
            kind if kind == REPORT.name => (self.of_report(is_new), Severity::Medium),
            kind if kind == CHAT_MESSAGE.name => ("report.message_added", Severity::Medium),
            kind if kind == UNIT.name && self.set("position").is_some() => {
                ("unit.position_marked", Severity::Info)
            }
            kind if kind == ALERT.name => (self.of_alert(is_new), own("severity")),
            _ => return None,
        };
        Some((name.to_owned(), severity))
    }

    /// What the versions said that a change replaces, as far as it is known.
    fn replaced(&self, change: &Change) -> impl Iterator<Item = Value> {
        change.seen.iter().filter_map(|version| (self.before)(*version))
    }

    /// What changed and what was taken out, as far as clients read it with the record.
    fn told(&self, kind: &Kind) -> (Told, Told) {
        let (mut changes, mut removed) = (Told::new(), Told::new());
        for change in self.changes {
            let Some(field) = kind.field(&change.field).filter(|field| kind.tells(field.name)) else {
                continue;
            };
            let value = match &change.action {
                Action::Append(value) if field.name == ALERTS => value.clone(),
                Action::Append(value) | Action::Add(value) => {
                    gather(&mut changes, field.name, Some(value.clone()));
                    continue;
                }
                Action::Remove => {
                    gather(&mut removed, field.name, None);
                    for value in self.replaced(change) {
                        gather(&mut removed, field.name, Some(value));
                    }
                    continue;
                }
                Action::Set(value) | Action::Fix(value) | Action::Step(value) => value.clone(),
                Action::Raise(rank) => match field.rank_word(*rank) {
                    Some(word) => Value::text(word),
                    None => Value::Int(i64::from(*rank)),
                },
            };
            changes.retain(|(name, _)| name != field.name);
            changes.push((field.name.to_owned(), value));
        }
        (changes, removed)
    }

    /// What was added to the alerts of a case.
    fn alert(&self) -> Option<&Value> {
        self.changes.iter().find_map(|change| match &change.action {
            Action::Append(value) if change.field == ALERTS => Some(value),
            _ => None,
        })
    }

    fn of_case(&self, is_new: bool) -> &'static str {
        match () {
            () if is_new => "case.opened",
            () if self.raises(SEALING) || self.sets("classification", "sealed") => "case.sealed",
            () if self.sets("status", "closed") => "case.closed",
            () if self.adds("entities") => "entity.linked",
            () => "case.updated",
        }
    }

    fn of_entity(&self, is_new: bool) -> &'static str {
        match () {
            () if is_new => "entity.created",
            () if self.adds("relationships") || self.adds("same_as") => "entity.linked",
            () if self.has_risen("risk_level") => "entity.risk_raised",
            () => "entity.updated",
        }
    }

    fn of_evidence(&self, is_new: bool) -> String {
        let step = self.changes.iter().find_map(|change| match &change.action {
            Action::Step(value) if change.field == "custody" => value.get("action")?.as_text(),
            _ => None,
        });
        let appends = |change: &Change| change.field == "files" && matches!(change.action, Action::Append(_));
        match step.and_then(|word| word.parse::<custody::Action>().ok()) {
            _ if is_new => "evidence.collected".to_owned(),
            Some(action) => custody_type(action),
            None if self.changes.iter().any(appends) => "evidence.file.attached".to_owned(),
            None => "evidence.updated".to_owned(),
        }
    }

    fn of_report(&self, is_new: bool) -> &'static str {
        let appends =
            |change: &Change| change.field == "images" && matches!(change.action, Action::Append(_));
        match () {
            () if is_new => "report.received",
            () if self.changes.iter().any(appends) => "report.image_added",
            () => "report.updated",
        }
    }

    fn of_alert(&self, is_new: bool) -> &'static str {
        let matched = self.record.get("watchlist_id").is_some();
        match () {
            () if is_new && matched => "watchlist.matched",
            () if is_new && self.in_case => "case.alert.priority_raised",
            () if is_new => "alert.raised",
            () => "alert.updated",
        }
    }

    /// As the operation says it, so that it is the same at every replay; else as the record does.
    fn severity(&self, field: &str) -> Severity {
        let said = self.changes.iter().find_map(|change| match &change.action {
            Action::Set(value) | Action::Fix(value) if change.field == field => value.as_text(),
            _ => None,
        });
        let word = said.or_else(|| self.record.text(field));
        word.and_then(|word| word.parse().ok()).unwrap_or_default()
    }

    fn raises(&self, field: &str) -> bool {
        let raises = |change: &Change| change.field == field && matches!(change.action, Action::Raise(_));
        self.changes.iter().any(raises)
    }

    fn adds(&self, field: &str) -> bool {
        let adds = |change: &Change| change.field == field && matches!(change.action, Action::Add(_));
        self.changes.iter().any(adds)
    }

    fn sets(&self, field: &str, word: &str) -> bool {
        self.set(field)
            .is_some_and(|(value, _)| value.as_text() == Some(word))
    }

    fn set(&self, field: &str) -> Option<(&Value, &[VersionId])> {
        self.changes.iter().find_map(|change| match &change.action {
            Action::Set(value) | Action::Step(value) if change.field == field => {
                Some((value, change.seen.as_slice()))
            }
            _ => None,
        })
    }

    /// Whether it writes a graver word than every one that it replaces.
    fn has_risen(&self, field: &str) -> bool {
        let rank = |value: &Value| value.as_text().and_then(|word| word.parse::<Severity>().ok());
        let Some((value, seen)) = self.set(field) else {
            return false;
        };
        let earlier = seen
            .iter()
            .filter_map(|version| rank(&(self.before)(*version)?))
            .max();
        rank(value) > earlier
    }

    /// The records that an alert, a note or an entry of a timeline is about.
    fn about(&self) -> Vec<RecordId> {
        let said = match self.record.kind.as_str() {
            kind if kind == ALERT.name || kind == NOTE.name => self.record.get("record_id"),
            kind if kind == TIMELINE_ENTRY.name => {
                let about = self.record.get("about").map_or(&[][..], Value::as_list);
                return about.iter().filter_map(Value::as_id).collect();
            }
            _ => self.alert().and_then(|alert| alert.get("record_id")),
        };
        said.and_then(Value::as_id).into_iter().collect()
    }

    /// The persons and things that its links name, and those that it names no more.
    fn linked(&self) -> Vec<RecordId> {
        let mut linked = Vec::new();
        for change in self.changes {
            let named = |value: &Value| match change.field.as_str() {
                "entities" => value.get("entity_id")?.as_id(),
                "relationships" => value.get("to")?.as_id(),
                "same_as" => value.as_id(),
                _ => None,
            };
            match &change.action {
                Action::Add(value) => linked.extend(named(value)),
                Action::Remove => linked.extend(self.replaced(change).filter_map(|value| named(&value))),
                _ => {}
            }
        }
        linked
    }
}
