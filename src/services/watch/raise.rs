//! From a match to alerts. One is about the record, for those who read it; if others than they read the list, a second one is
//! about the list, for those who read that. Each says of its other side only what its readers may read there, and whom to ask.

use uuid::Uuid;

use crate::domain::id::{RecordId, TenantId};
use crate::domain::kind::{ALERT, CASE, DISPLAY_ID, ENTITY, REPORT};
use crate::domain::operation::{Action, Change, Merge};
use crate::domain::record::{Record, SEALING};
use crate::domain::time::Millis;
use crate::domain::value::{Fields, Value};
use crate::services::desk::Desk;
use crate::services::failure::Outcome;
use crate::services::find;
use crate::services::policy;
use crate::services::watch::lists::Hit;
use crate::store::database::Read;
use crate::store::hash::sha256;
use crate::views::records;

/// The longest reason.
const REASON_CHARS_MAX: usize = 500;

/// What a match means, ready to be written.
#[derive(Clone, Debug)]
pub(super) struct Raise {
    alert: Alert,
    /// For those who read the list.
    notice: Option<Alert>,
    /// The cases that the record belongs to, and what is added to each.
    cases: Vec<RecordId>,
    /// What the alert is about; `None` of what no case is told.
    about: Option<RecordId>,
    severity: String,
}

/// An alert to be made.
#[derive(Clone, Debug)]
struct Alert {
    id: RecordId,
    fields: Vec<(&'static str, Value)>,
}

/// What a match of this record means now; nothing if list or entry have ended, or if it was said before.
pub(super) fn plan(rows: &impl Read, record: &Record, hit: &Hit, now: Millis) -> Outcome<Option<Raise>> {
    let Some(list) = standing(rows, hit.list, now)? else {
        return Ok(None);
    };
    let entry = match hit.source == hit.list {
        true => None,
        false => match standing(rows, hit.source, now)? {
            Some(entry) => Some(entry),
            None => return Ok(None),
        },
    };
    if is_out_of_reach(rows, record)? {
        return Ok(None);
    }
    let said = entry
        .as_ref()
        .and_then(|entry| entry.text("severity"))
        .or_else(|| list.text("severity"));
    let match_ = Match {
        record,
        list: &list,
        hit,
        severity: said.unwrap_or("high"),
        record_readers: find::readers(rows, record)?,
        list_readers: find::readers(rows, &list)?,
    };
    let raise = Raise {
        alert: match_.for_the_record(rows)?,
        notice: match_.for_the_list(rows)?,
        cases: cases_of(rows, record)?,
        about: Some(record.id),
        severity: match_.severity.to_owned(),
    };
    Ok(raise.is_news(rows)?.then_some(raise))
}

/// That an entry matches more of what is held than is alerted about: an alert about the list.
pub(super) fn plan_too_many(rows: &impl Read, hit: &Hit, most: usize) -> Outcome<Option<(TenantId, Raise)>> {
    let Some(list) = records::get(rows, hit.list)? else {
        return Ok(None);
    };
    let readers = find::readers(rows, &list)?;
    let match_ = Match {
        record: &list,
        list: &list,
        hit,
        severity: "low",
        record_readers: readers.clone(),
        list_readers: readers,
    };
    let sought = &hit.sought;
    let reason = format!(
        "{} {} matches more than {most} records that are held; the others are not alerted about: have them screened",
        sought.sort, sought.value
    );
    let raise = Raise {
        alert: match_.alert(b"many", &list, &reason, owner(rows, &list)?),
        notice: None,
        cases: Vec::new(),
        about: None,
        severity: match_.severity.to_owned(),
    };
    let tenant = list.tenant.clone();
    Ok(raise.is_news(rows)?.then_some((tenant, raise)))
}

/// The list or entry, if it counts.
fn standing(rows: &impl Read, id: RecordId, now: Millis) -> Outcome<Option<Record>> {
    let ends = |record: &Record| record.get("expires_at").and_then(Value::as_time);
    let counts = |record: &Record| record.rank(SEALING) == 0 && ends(record).is_none_or(|end| end > now);
    Ok(records::get(rows, id)?.filter(counts))
}

/// What a court has sealed is not looked into, and a training disturbs nobody.
fn is_out_of_reach(rows: &impl Read, record: &Record) -> Outcome<bool> {
    let sealed = match find::case_of(rows, record)? {
        Some(case) => case.rank(SEALING) > 0,
        None => false,
    };
    Ok(sealed || record.rank(SEALING) > 0 || record.text("mode") == Some("training"))
}

/// A match with what decides who may know what of it.
struct Match<'m> {
    record: &'m Record,
    list: &'m Record,
    hit: &'m Hit,
    severity: &'m str,
    record_readers: Vec<String>,
    list_readers: Vec<String>,
}

impl Match<'_> {
    /// The id of an alert: the same wherever and whenever the same entry meets the same record.
    fn id(&self, side: &[u8]) -> RecordId {
        let sought = &self.hit.sought;
        let born = format!("{:?}", sought.born);
        let sort = sought.sort.to_string();
        let parts = [sort.as_bytes(), sought.value.as_bytes(), born.as_bytes()];
        let entry = sha256(
            &parts
                .map(|part| sha256(&[part]).0)
                .each_ref()
                .map(<[u8; 32]>::as_slice),
        );
        let (list, record) = (self.list.id.bytes(), self.record.id.bytes());
        let hash = sha256(&[b"blotter alert\0", side, &list, &entry.0, &record]);
        let mut bytes = [0; 16];
        bytes.copy_from_slice(&hash.0[..16]);
        RecordId(Uuid::from_bytes(
            uuid::Builder::from_custom_bytes(bytes).into_uuid().into_bytes(),
        ))
    }

    /// What both sides are told.
    fn alert(&self, side: &[u8], about: &Record, reason: &str, contact: String) -> Alert {
        let mut fields = vec![
            ("watchlist_id", Value::Id(self.list.id)),
            ("record_id", Value::Id(about.id)),
            ("severity", Value::text(self.severity)),
            (
                "score",
                Value::Float((self.hit.found.score * 100.0).round() / 100.0),
            ),
            (
                "reason",
                Value::Text(reason.chars().take(REASON_CHARS_MAX).collect()),
            ),
            ("status", Value::text("raised")),
            ("contact", Value::Text(contact)),
        ];
        let handling = self.list.text("handling");
        fields.extend(handling.map(|text| ("handling", Value::text(text))));
        Alert {
            id: self.id(side),
            fields,
        }
    }

    fn is_list_open_to_the_record(&self) -> bool {
        self.record_readers
            .iter()
            .all(|word| self.list_readers.contains(word))
            || self.list_readers.iter().any(|word| word == "open")
    }

    fn is_record_open_to_the_list(&self) -> bool {
        self.list_readers
            .iter()
            .all(|word| self.record_readers.contains(word))
            || self.record_readers.iter().any(|word| word == "open")
    }

    /// What matched what, and how.
    fn reason(&self) -> String {
        let (found, sought) = (&self.hit.found, &self.hit.sought);
        let list = self.list.text("name").unwrap_or_default();
        format!(
            "{}: {} as the {} {} of {} {list}",
            found.said,
            found.how,
            sought.sort,
            sought.value,
            number(self.list)
        )
    }

    fn for_the_record(&self, rows: &impl Read) -> Outcome<Alert> {
        let contact = owner(rows, self.list)?;
        if !self.is_list_open_to_the_record() {
            let reason = format!("on a watchlist that is not open to all who read this; ask {contact}");
            return Ok(self.alert(b"record", self.record, &reason, contact));
        }
        let mut alert = self.alert(b"record", self.record, &self.reason(), contact);
        alert.fields.push(("entry", Value::text(&*self.hit.sought.value)));
        Ok(alert)
    }

    /// Needed where somebody reads the list who can't read all of the other alert.
    fn for_the_list(&self, rows: &impl Read) -> Outcome<Option<Alert>> {
        let is_open = self.is_record_open_to_the_list();
        if is_open && self.is_list_open_to_the_record() {
            return Ok(None);
        }
        let contact = contact(rows, self.record)?;
        let sought = &self.hit.sought;
        let reason = match is_open {
            true => format!("{} {}", number(self.record), self.reason()),
            false => format!(
                "{} {} turned up in a record that is not open to all who read this list; ask {contact}",
                sought.sort, sought.value
            ),
        };
        let mut alert = self.alert(b"list", self.list, &reason, contact);
        alert.fields.push(("entry", Value::text(&*sought.value)));
        alert.fields.push(("counterpart", Value::Id(self.id(b"record"))));
        Ok(Some(alert))
    }
}

/// An entry of a case's alerts: how the alert stands at that moment.
fn link(alert: RecordId, about: RecordId, severity: &str, status: &str) -> Value {
    let members = [
        ("alert_id", Value::Id(alert)),
        ("record_id", Value::Id(about)),
        ("severity", Value::text(severity)),
        ("status", Value::text(status)),
    ];
    let members = members.into_iter().map(|(name, value)| (name.to_owned(), value));
    Value::Map(members.collect::<Fields>())
}

/// What becomes of an alert by these changes, for each case that its subject belongs to: who reads the case is told there, and
/// nobody of a case that he does not read.
pub(in crate::services) fn told_to_cases(
    rows: &impl Read,
    alert: &Record,
    changes: &[Change],
) -> Outcome<Vec<(RecordId, Change)>> {
    let status = changes.iter().find_map(|change| match &change.action {
        Action::Set(value) | Action::Step(value) if change.field == "status" => value.as_text(),
        _ => None,
    });
    let about = alert.get("record_id").and_then(Value::as_id);
    let about = about.map(|id| records::get(rows, id)).transpose()?.flatten();
    let (Some(status), Some(about)) = (status, about) else {
        return Ok(Vec::new());
    };
    let severity = alert.text("severity").unwrap_or("high");
    let entry = link(alert.id, about.id, severity, status);
    let told = |case| (case, Change::new("alerts", Action::Append(entry.clone())));
    Ok(cases_of(rows, &about)?.into_iter().map(told).collect())
}

fn number(record: &Record) -> String {
    record
        .text(DISPLAY_ID)
        .map_or_else(|| record.kind.clone(), str::to_owned)
}

/// Who answers for a list.
fn owner(rows: &impl Read, list: &Record) -> Outcome<String> {
    match list.text("owner") {
        Some(owner) => Ok(owner.to_owned()),
        None => contact(rows, list),
    }
}

/// Whom to ask about a record that is not open to all: those in charge, else the office. Of what is closest not even that.
fn contact(rows: &impl Read, record: &Record) -> Outcome<String> {
    const NOBODY: &str = "an administrator of the agency";
    let case = find::case_of(rows, record)?;
    let class = policy::class_of(record, case.as_ref());
    if class == "sealed" || class == "juvenile" {
        return Ok(NOBODY.to_owned());
    }
    let held = case.as_ref().unwrap_or(record);
    let named = |id: RecordId| -> Outcome<Option<String>> {
        Ok(records::get(rows, id)?.and_then(|record| record.text("name").map(str::to_owned)))
    };
    let mut names = Vec::new();
    for id in held.members("officers").into_iter().filter_map(Value::as_id) {
        names.extend(named(id)?);
    }
    if let (true, Some(office)) = (names.is_empty(), held.get("office_id").and_then(Value::as_id)) {
        names.extend(named(office)?);
    }
    match names.is_empty() {
        true => Ok(NOBODY.to_owned()),
        false => Ok(names.join(", ").chars().take(300).collect()),
    }
}

/// The cases that a record belongs to.
fn cases_of(rows: &impl Read, record: &Record) -> Outcome<Vec<RecordId>> {
    let mut cases = match record.kind.as_str() {
        kind if kind == CASE.name => vec![record.clone()],
        kind if kind == REPORT.name => {
            let id = record.get("case_id").and_then(Value::as_id);
            let case = id.map(|id| records::get(rows, id)).transpose()?.flatten();
            case.into_iter().collect()
        }
        kind if kind == ENTITY.name => find::cases_with(rows, record.id)?,
        _ => find::case_of(rows, record)?.into_iter().collect(),
    };
    cases.retain(|case| case.kind == CASE.name && case.rank(SEALING) == 0);
    Ok(cases.into_iter().map(|case| case.id).collect())
}

impl Raise {
    /// Whether anything of it is not there yet.
    fn is_news(&self, rows: &impl Read) -> Outcome<bool> {
        for alert in std::iter::once(&self.alert).chain(&self.notice) {
            if records::get(rows, alert.id)?.is_none() {
                return Ok(true);
            }
        }
        for case in &self.cases {
            if self.is_unknown_to(rows, *case)?.is_some() {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// The case, if it does not know of the alert and should.
    fn is_unknown_to(&self, rows: &impl Read, case: RecordId) -> Outcome<Option<Record>> {
        let alert = records::get(rows, self.alert.id)?;
        if alert.is_some_and(|alert| alert.text("status") == Some("dismissed")) {
            return Ok(None);
        }
        let case = records::get(rows, case)?;
        Ok(case.filter(|case| {
            let known = case.versions("alerts", Merge::Append);
            let own = Some(&Value::Id(self.alert.id));
            !known.iter().any(|version| version.value.get("alert_id") == own)
        }))
    }

    /// What is added to a case: an alert that somebody has acknowledged already is not raised anew.
    fn told_to_a_case(&self, rows: &impl Read) -> Outcome<Vec<Change>> {
        let alert = records::get(rows, self.alert.id)?;
        let status = alert.as_ref().and_then(|alert| alert.text("status"));
        let entry = |about| link(self.alert.id, about, &self.severity, status.unwrap_or("raised"));
        let entry = self.about.map(entry);
        Ok(entry
            .map(|entry| Change::new("alerts", Action::Append(entry)))
            .into_iter()
            .collect())
    }

    /// Writes what is not there yet; says how many alerts that made.
    pub(super) fn write(&self, desk: &mut Desk<'_, '_, '_>) -> Outcome<u64> {
        let mut made = 0;
        for alert in std::iter::once(&self.alert).chain(&self.notice) {
            if records::get(desk.session().rows(), alert.id)?.is_none() {
                let fields = alert.fields.iter();
                let given = fields.filter_map(|(name, value)| Some((ALERT.field(name)?, value.clone())));
                desk.create_as(&ALERT, alert.id, given.collect(), Vec::new())?;
                made += 1;
            }
        }
        for case in &self.cases {
            if let Some(case) = self.is_unknown_to(desk.session().rows(), *case)? {
                let told = self.told_to_a_case(desk.session().rows())?;
                desk.change(&CASE, &case, told)?;
            }
        }
        Ok(made)
    }
}
