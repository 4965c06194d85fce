//! Reports: calls for help and incidents. They are filed by a key with its reporter or by who names one; training never mixes
//! with what is live.

/// What a report can be about.
pub mod categories;
/// Messages and pictures of a report.
pub mod chat;
/// A report becomes a case.
pub mod open_case;
/// The page for who filed it.
pub mod public;

use crate::domain::id::Hash;
use crate::domain::kind::{CASE, CHAT_MESSAGE, REPORT};
use crate::domain::matching::regions;
use crate::domain::operation::{Action, Change};
use crate::domain::record::Record;
use crate::domain::time::Millis;
use crate::domain::value::{Fields, Value};
use crate::services::caller::Caller;
use crate::services::casebook::{Condition, by_external_id, refuse_stale};
use crate::services::desk::Desk;
use crate::services::failure::{Clash, Failure, Fault, Outcome};
use crate::services::policy::{self, Deed};
use crate::services::reports::public::Link;
use crate::services::{RequestKey, Services, Written};
use crate::store::database::Read;
use crate::store::hash::sha256;
use crate::views::{local, records};

/// What an agency decides about its reports.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ReportRules {
    /// The same report by the same caller within a minute is a replay even without an `Idempotency-Key`.
    pub dedupe: bool,
    /// Whose national telephone numbers are taken: `US`.
    pub default_region: Option<String>,
    /// Days for which a public page is open.
    pub public_link_days: u64,
}

impl Default for ReportRules {
    fn default() -> Self {
        Self {
            dedupe: false,
            default_region: None,
            public_link_days: 30,
        }
    }
}

/// A report with what was said about it.
#[derive(Clone, Debug)]
pub struct Told {
    /// The report.
    pub report: Record,
    /// Its messages in order.
    pub messages: Vec<Record>,
}

/// For how long a repeated report is a replay.
const DEDUPE_MILLIS: i64 = 60_000;

impl Services {
    /// Files a report. `body` is the hash of what was asked, by which a repeated report is known.
    ///
    /// # Errors
    /// `Denied`, `Invalid` with every fault, `NoReporter`.
    pub fn file_report(
        &self,
        caller: &Caller,
        mut input: Fields,
        request: Option<RequestKey>,
        body: Hash,
    ) -> Outcome<Written> {
        let request = match request {
            None if self.report_rules.dedupe => Some(self.window(caller, body)?),
            request => request,
        };
        self.read_national_phone(&mut input);
        let link = self.new_link()?;
        self.write(caller, "report.file", request, move |desk| {
            file(desk, input, link)
        })
    }

    /// Files a report, or changes the one that has this external id. Says whether this request filed it.
    ///
    /// # Errors
    /// See [`Services::file_report`] and [`Services::change_report`].
    pub fn put_report(
        &self,
        caller: &Caller,
        external_id: &str,
        condition: Option<Condition>,
        mut input: Fields,
        request: Option<RequestKey>,
    ) -> Outcome<(Written, bool)> {
        self.read_national_phone(&mut input);
        let (link, external_id) = (self.new_link()?, external_id.to_owned());
        self.write_or_make(caller, request, move |desk| {
            let known = by_external_id(desk, &REPORT, &external_id, &mut input)?;
            refuse_stale(known.as_ref(), condition)?;
            match &known {
                Some(report) => change(desk, report, input)?,
                None => file(desk, input, link)?,
            }
            Ok(known.is_none())
        })
    }

    /// Changes a report's status, category, description or case.
    ///
    /// # Errors
    /// `Denied`, `Unknown`, `Invalid` with every fault, `Stale`.
    pub fn change_report(
        &self,
        caller: &Caller,
        reference: &str,
        condition: Option<Condition>,
        input: Fields,
        request: Option<RequestKey>,
    ) -> Outcome<Written> {
        let reference = reference.to_owned();
        self.write(caller, "update", request, move |desk| {
            let report = desk.find(&REPORT, &reference)?;
            refuse_stale(&report, condition)?;
            change(desk, &report, input)
        })
    }

    /// Reads a report with its messages.
    ///
    /// # Errors
    /// `Denied`, or `Unknown` if there is none for this caller.
    pub fn read_report(&self, caller: &Caller, reference: &str) -> Outcome<Told> {
        let report = self.read(caller, &REPORT, reference)?;
        let messages = messages_of(&self.snapshot()?, &report)?;
        Ok(Told { report, messages })
    }

    /// The key under which a report without one is known for a minute: that of the last window if it was used in it less than
    /// a minute ago, else that of this window.
    fn window(&self, caller: &Caller, body: Hash) -> Outcome<RequestKey> {
        let now = self.now();
        let key = |window: i64| {
            let who = caller.actor().who;
            sha256(&[
                b"report within a minute\0",
                &window.to_be_bytes(),
                &body.0,
                who.as_bytes(),
            ])
        };
        let window = now.0.div_euclid(DEDUPE_MILLIS);
        let before = local::answer(&self.snapshot()?, key(window - 1))?;
        let fresh = before.is_some_and(|answer| answer.at.plus(DEDUPE_MILLIS) > now);
        let key = key(if fresh { window - 1 } else { window });
        Ok(RequestKey { key, body })
    }

    fn read_national_phone(&self, input: &mut Fields) {
        let Some(region) = &self.report_rules.default_region else {
            return;
        };
        let Some(Value::Map(reporter)) = input.get_mut("reporter") else {
            return;
        };
        let phone = reporter.get("phone").and_then(Value::as_text);
        if let Some(number) = phone.and_then(|text| regions::international(region, text)) {
            reporter.insert("phone".to_owned(), Value::Text(number));
        }
    }
}

fn file(desk: &mut Desk<'_, '_, '_>, input: Fields, link: Link) -> Outcome<()> {
    policy::demand_for(desk.caller(), &REPORT, Deed::Write)?;
    let category = input.get("category").cloned();
    let given = all_faults(
        desk.check(&REPORT, input, None),
        categories::faults(desk, category.as_ref())?,
    )?;
    let mut added = link.changes();
    let who = Value::Text(desk.caller().actor().who);
    added.push(Change::new("filed_by", Action::Fix(who)));
    if !given.iter().any(|(field, _)| field.name == "reporter") {
        let bound = desk.caller().reporter().cloned().ok_or(Failure::NoReporter)?;
        added.push(Change::new("reporter", Action::Fix(Value::Map(bound))));
    }
    desk.create_checked(&REPORT, given, added).map(drop)
}

fn change(desk: &mut Desk<'_, '_, '_>, report: &Record, input: Fields) -> Outcome<()> {
    let faults = categories::faults(desk, input.get("category"))?;
    if !faults.is_empty() {
        all_faults(desk.check(&REPORT, input, Some(report)), faults)?;
        return Ok(());
    }
    let changed = desk.patch(&REPORT, report, input)?;
    refuse_orphan(desk, report, &changed)
}

/// A case that was opened from a report says so for good; the report says it too, as long as the case is there. Nobody parts a
/// report from a case that he does not see.
fn refuse_orphan(desk: &mut Desk<'_, '_, '_>, before: &Record, after: &Record) -> Outcome<()> {
    let case = before
        .get("case_id")
        .filter(|case| after.get("case_id") != Some(*case));
    let Some(case) = case.and_then(Value::as_id) else {
        return Ok(());
    };
    let case = records::get(desk.session().rows(), case)?;
    let Some(case) = case.filter(|case| !case.is_expunged()) else {
        return Ok(());
    };
    let text = match desk.find(&CASE, &case.id.to_string()) {
        Err(Failure::Unknown(_)) => "the report belongs to a case already",
        Err(failure) => return Err(failure),
        Ok(case) if case.get("report_id") == Some(&Value::Id(before.id)) => {
            "its case was opened from this report"
        }
        Ok(_) => return Ok(()),
    };
    Err(Failure::Conflict(Clash::State, text.to_owned(), Fields::new()))
}

/// What a check found, with more faults; a place on the map says which number is which.
fn all_faults<T>(checked: Outcome<T>, mut more: Vec<Fault>) -> Outcome<T> {
    let mut faults = match checked {
        Ok(given) if more.is_empty() => return Ok(given),
        Ok(_) => Vec::new(),
        Err(Failure::Invalid(faults)) => faults,
        Err(failure) => return Err(failure),
    };
    for fault in &mut faults {
        match fault.path.as_str() {
            "data.location.x" => {
                fault.expected =
                    "the longitude in degrees, from -180 to 180 (x is longitude, y is latitude)".into();
            }
            "data.location.y" => {
                fault.expected =
                    "the latitude in degrees, from -90 to 90 (x is longitude, y is latitude)".into();
            }
            _ => {}
        }
    }
    more.retain(|fault| !faults.iter().any(|known| known.path == fault.path));
    faults.append(&mut more);
    Err(Failure::Invalid(faults))
}

/// A report's messages in the order in which they were sent.
fn messages_of(rows: &impl Read, report: &Record) -> Outcome<Vec<Record>> {
    let ids = records::linked(rows, report.id, (CHAT_MESSAGE.name, "report_id"))?;
    let messages: Result<Vec<_>, _> = ids.into_iter().map(|id| records::get(rows, id)).collect();
    Ok(messages?.into_iter().flatten().collect())
}

/// When a record was made.
pub fn made_at(record: &Record) -> Millis {
    record.created.hlc.millis()
}

impl Desk<'_, '_, '_> {
    /// A report that the caller may change.
    fn report(&self, reference: &str) -> Outcome<Record> {
        policy::demand_for(self.caller(), &REPORT, Deed::Write)?;
        self.find(&REPORT, reference)
    }
}
