//! A report becomes a case; the link is kept on both sides.

use crate::domain::kind::{CASE, CATEGORY, REPORT};
use crate::domain::operation::{Action, Change, Merge};
use crate::domain::record::Record;
use crate::domain::value::{Fields, Value};
use crate::services::caller::Caller;
use crate::services::casework::steps;
use crate::services::desk::Desk;
use crate::services::failure::{Clash, Failure, Fault, Outcome, beside};
use crate::services::reports::made_at;
use crate::services::{RequestKey, Services, Written};

/// Characters of a description that make a title.
const TITLE_CHARS_MAX: usize = 120;

impl Services {
    /// Opens a case from a report; what `input` does not say is taken from the report.
    ///
    /// # Errors
    /// `Denied`, `Unknown`, `Invalid` with every fault, `Conflict` if the report belongs to a case already.
    pub fn open_case(
        &self,
        caller: &Caller,
        reference: &str,
        input: Fields,
        request: Option<RequestKey>,
    ) -> Outcome<Written> {
        let reference = reference.to_owned();
        self.write(caller, "report.open-case", request, move |desk| {
            let report = desk.report(&reference)?;
            if let Some(case) = report.get("case_id") {
                let case = case
                    .as_id()
                    .filter(|case| desk.find(&CASE, &case.to_string()).is_ok());
                let case = case.map(|case| ("case_id".to_owned(), Value::Id(case)));
                let meta = Fields::from_iter(case);
                let text = "the report belongs to a case already".to_owned();
                return Err(Failure::Conflict(Clash::State, text, meta));
            }
            let said = input.get("report_id");
            let said = said.map(|_| Fault::refused("data.report_id", "the path says it"));
            let category = category_text(desk, &report)?;
            let made = desk.create(&CASE, with_report(input, &report, category.as_deref()));
            let case = beside(said.into_iter().collect(), made)?;
            let mut changes = vec![
                Change::new("case_id", Action::Set(Value::Id(case.id)))
                    .seeing(report.seen("case_id", Merge::Mv)),
            ];
            if report.text("status") == Some("received") {
                changes.extend(taken_up(&report)?);
            }
            desk.change(&REPORT, &report, changes).map(drop)
        })
    }
}

/// The change by which a report is worked on.
fn taken_up(report: &Record) -> Outcome<Option<Change>> {
    let field = REPORT.field("status");
    let guarded = field.and_then(|field| Some((field, field.course?)));
    let go_on = |guarded| steps::go_on(&REPORT, report, guarded, Value::text("in-progress"));
    guarded.map(go_on).transpose()
}

fn with_report(mut input: Fields, report: &Record, category: Option<&str>) -> Fields {
    input.insert("report_id".to_owned(), Value::Id(report.id));
    let number = report.text("display_id").unwrap_or_default();
    let line = report
        .text("description")
        .and_then(|text| text.lines().find(|line| !line.trim().is_empty()));
    let title = match (category, line) {
        (Some(category), Some(line)) => format!("{category}: {}", line.trim()),
        (Some(text), None) | (None, Some(text)) => text.trim().to_owned(),
        (None, None) => format!("Report {number}"),
    };
    let coordinate = |name: &str| {
        report
            .get("location")
            .and_then(|location| location.get(name))
            .cloned()
    };
    let place = [("longitude", coordinate("x")), ("latitude", coordinate("y"))];
    let place: Fields = place
        .into_iter()
        .filter_map(|(name, value)| Some((name.to_owned(), value?)))
        .collect();
    let title = title
        .chars()
        .filter(|c| !c.is_control())
        .take(TITLE_CHARS_MAX)
        .collect();
    let mut defaults = vec![
        ("title", Value::Text(title)),
        ("occurred_at", Value::Time(made_at(report))),
        ("place", Value::Map(place)),
    ];
    defaults.extend(
        report
            .get("description")
            .map(|text| ("description", text.clone())),
    );
    if report.text("mode") == Some("training") {
        defaults.push(("tags", Value::List(vec![Value::text("training")])));
    }
    for (name, value) in defaults {
        input.entry(name.to_owned()).or_insert(value);
    }
    input
}

fn category_text(desk: &Desk<'_, '_, '_>, report: &Record) -> Outcome<Option<String>> {
    let category = report.get("category");
    let number = category.and_then(|category| {
        category
            .get("subcategory_id")
            .or_else(|| category.get("category_id"))
    });
    let Some(number) = number.and_then(Value::as_int) else {
        return Ok(None);
    };
    match desk.find(&CATEGORY, &number.to_string()) {
        Ok(category) => Ok(category.text("text").map(str::to_owned)),
        Err(Failure::Unknown(_)) => Ok(None),
        Err(failure) => Err(failure),
    }
}
