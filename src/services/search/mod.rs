//! One box over cases, entities, evidence, timeline and reports. What a caller may read stands in the query itself; the cases
//! that hits name are judged afterwards. Every search is audited with its stated reason before it is answered.

/// A record as it is searched.
pub mod document;
/// The follower of the log that keeps the index.
pub mod follow;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use crate::domain::id::RecordId;
use crate::domain::kind::{self, CASE, Shape};
use crate::domain::value::Value;
use crate::search::ask::{Ask as Typed, FILTERS, Filter, Label, Slip};
use crate::search::index::{Index, IndexError};
use crate::search::page::{Page, Reader, Search};
use crate::services::Services;
use crate::services::audit::Event;
use crate::services::caller::Caller;
use crate::services::failure::{Failure, Fault, Outcome};
use crate::services::find;
use crate::services::policy::{self, Deed};
use crate::services::search::document::SEARCHED;
use crate::services::search::follow::Gauge;
use crate::store::database::Snapshot;

/// For an index that must forget what was expunged: it may be far behind.
const FORGET_MAX: Duration = Duration::from_secs(60);

/// How much may be asked.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct FindOptions {
    /// Characters of a text to search for.
    pub text_chars_max: usize,
    /// Hits a page.
    pub limit_max: usize,
    /// How long a search waits for the index to see what was written before it, if it was asked to.
    pub wait_max: Duration,
}

impl Default for FindOptions {
    fn default() -> Self {
        Self {
            text_chars_max: 2_000,
            limit_max: 500,
            wait_max: Duration::from_secs(3),
        }
    }
}

/// What is asked.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Ask {
    /// What was typed.
    pub text: String,
    /// Only these kinds.
    pub kinds: Vec<String>,
    /// Only what belongs to this case, by internal id or display id.
    pub case_id: Option<String>,
    /// Hits a page.
    pub limit: usize,
    /// Where the page before ended.
    pub cursor: Option<String>,
    /// Count facets.
    pub with_facets: bool,
    /// Why, for the audit.
    pub reason: Option<String>,
    /// See everything that was written before this.
    pub waits: bool,
    /// Find reports of trainings, and nothing else.
    pub training: bool,
}

impl Default for Ask {
    fn default() -> Self {
        Self {
            text: String::new(),
            kinds: Vec::new(),
            case_id: None,
            limit: 20,
            cursor: None,
            with_facets: false,
            reason: None,
            waits: false,
            training: false,
        }
    }
}

/// A page, with how far the index was behind.
#[derive(Clone, PartialEq, Debug)]
pub struct Answer {
    /// Hits, total, facets, suggestions.
    pub page: Page,
    /// Age of the oldest change that this answer does not see.
    pub lag: Duration,
}

/// The search service. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Finder {
    services: Services,
    index: Arc<Index>,
    /// Without a follower the caller of this has caught up itself.
    gauge: Option<Gauge>,
    options: FindOptions,
}

impl Finder {
    /// Over an index that somebody keeps.
    pub fn new(services: Services, index: Arc<Index>, gauge: Option<Gauge>) -> Self {
        Self {
            services,
            index,
            gauge,
            options: FindOptions::default(),
        }
    }

    /// The same with other bounds of what may be asked.
    #[must_use]
    pub fn with_options(mut self, options: FindOptions) -> Self {
        self.options = options;
        self
    }

    /// Searches for a caller.
    ///
    /// # Errors
    /// `Denied` without any right to read, `Invalid` with every fault of the query, `Unknown` for a case that is not there for
    /// this caller; what can't be audited is not answered.
    pub fn search(&self, caller: &Caller, ask: &Ask) -> Outcome<Answer> {
        let kinds = self.kinds(caller, ask)?;
        let (typed, case) = self.understood(caller, ask)?;
        if ask.waits
            && let Some(gauge) = &self.gauge
        {
            gauge.wait(self.options.wait_max);
        }
        let lag = self.gauge.as_ref().map_or(Duration::ZERO, Gauge::lag);
        let mut page = match kinds {
            None => Page::default(),
            Some(kinds) => self
                .index
                .search(&query(caller, ask, (typed, kinds, case), self.services.now().0))
                .map_err(|error| failure(&error))?,
        };
        self.hide_cases(caller, &mut page)?;
        let count = i64::try_from(page.total).unwrap_or(i64::MAX);
        let mut event = Event::done("search", None)
            .with("query", Value::text(ask.text.clone()))
            .with("found", Value::Int(count));
        if let Some(reason) = &ask.reason {
            event = event.with("reason", Value::text(reason.clone()));
        }
        self.services.note(caller, event)?;
        Ok(Answer { page, lag })
    }

    /// Takes out of what was found the cases that the caller may not know of. The rows are not older than what was found.
    fn hide_cases(&self, caller: &Caller, page: &mut Page) -> Outcome<()> {
        let named: BTreeSet<&String> = page.hits.iter().flat_map(|hit| &hit.case_ids).collect();
        if named.is_empty() {
            return Ok(());
        }
        let rows = self.services.snapshot()?;
        let mut hidden = BTreeSet::new();
        for case in named {
            if !knows_case(&rows, caller, case)? {
                hidden.insert(case.clone());
            }
        }
        for hit in &mut page.hits {
            hit.case_ids.retain(|case| !hidden.contains(case));
        }
        Ok(())
    }

    /// Waits until nothing of expunged records is left in the index.
    ///
    /// # Errors
    /// `Busy` if the follower does not get there; the disk failed.
    pub(in crate::services) fn forget_expunged(&self) -> Outcome<()> {
        match &self.gauge {
            Some(gauge) if gauge.wait(FORGET_MAX) => Ok(()),
            Some(_) => Err(Failure::Busy(1)),
            None => follow::catch_up(self.services.store(), &self.index)
                .map_err(|error| Failure::Internal(error.to_string())),
        }
    }

    /// What was typed, and the case to search in. Refuses what can't be asked, and filters that nothing can match.
    fn understood(&self, caller: &Caller, ask: &Ask) -> Outcome<(Typed, Option<RecordId>)> {
        let FindOptions {
            text_chars_max,
            limit_max,
            ..
        } = self.options;
        let mut faults = Vec::new();
        if ask.limit == 0 || ask.limit > limit_max {
            faults.push(Fault::wrong(
                "limit",
                format!("a whole number from 1 to {limit_max}"),
            ));
        }
        let unknown = unknown_value(Label::Kind, &ask.kinds);
        faults.extend(unknown.map(|expected| Fault::wrong("kind", expected)));
        if ask.text.chars().count() > text_chars_max {
            faults.push(Fault::wrong("q", format!("at most {text_chars_max} characters")));
            return Err(Failure::Invalid(faults));
        }
        let rows = self.services.snapshot()?;
        let typed = Typed::parse(&ask.text);
        faults.extend(typed.slips.iter().map(fault_of));
        for filter in &typed.filters {
            match filter {
                Filter::Label {
                    label: Label::Case,
                    values,
                    ..
                } => {
                    faults.extend(unknown_case(&rows, caller, values)?);
                }
                Filter::Label { label, values, .. } => {
                    let unknown = unknown_value(*label, values);
                    let why = |expected| format!("{}: is {expected}", label.word());
                    faults.extend(unknown.map(|expected| Fault::refused("q", why(expected))));
                }
                Filter::Time { .. } => {}
            }
        }
        if !faults.is_empty() {
            return Err(Failure::Invalid(faults));
        }
        let case = ask.case_id.as_ref();
        let case = case
            .map(|case| find::record(&rows, caller, &CASE, case))
            .transpose()?;
        Ok((typed, case.map(|case| case.id)))
    }

    /// The kinds to search in, empty for all; `None` if the caller may read none of those that were asked for.
    fn kinds(&self, caller: &Caller, ask: &Ask) -> Outcome<Option<Vec<String>>> {
        let may = |kind: &&&kind::Kind| policy::has_scope(caller, &policy::scope_for(kind, Deed::Read));
        let allowed: Vec<&str> = SEARCHED.iter().filter(may).map(|kind| kind.name).collect();
        if allowed.is_empty() {
            self.services.demand(caller, "search", "cases:read")?;
        }
        if allowed.len() == SEARCHED.len() {
            return Ok(Some(ask.kinds.clone()));
        }
        if ask.kinds.is_empty() {
            return Ok(Some(allowed.into_iter().map(str::to_owned).collect()));
        }
        let base = |kind: &str| {
            if document::is_searched(kind) {
                kind.to_owned()
            } else {
                kind::ENTITY.name.to_owned()
            }
        };
        let asked: Vec<String> = ask
            .kinds
            .iter()
            .filter(|kind| allowed.contains(&base(kind).as_str()))
            .cloned()
            .collect();
        Ok((!asked.is_empty()).then_some(asked))
    }
}

/// Whether a case is there for the caller.
fn knows_case(rows: &Snapshot, caller: &Caller, case: &str) -> Outcome<bool> {
    match find::record(rows, caller, &CASE, case) {
        Ok(_) => Ok(true),
        Err(Failure::Unknown(_)) => Ok(false),
        Err(failure) => Err(failure),
    }
}

/// A case that is not there for the caller, as a filter names it.
fn unknown_case(rows: &Snapshot, caller: &Caller, values: &[String]) -> Outcome<Option<Fault>> {
    for value in values {
        // The index compares without regard to capitals, and knows no external ids.
        if value.starts_with(find::EXTERNAL_PREFIX) || !knows_case(rows, caller, &value.to_uppercase())? {
            let expected = format!("the id or number of a known case, not `{value}`");
            return Ok(Some(Fault::wrong("q", expected)));
        }
    }
    Ok(None)
}

/// What was typed that no filter is, so that a slip of the finger is not taken for "there is none".
fn fault_of(slip: &Slip) -> Fault {
    let expected = match slip {
        Slip::Period(typed) => format!(
            "a year, month or day, as in updated:>2026-03-17 or created:2026-01..2026-03, not `{typed}`"
        ),
        Slip::Value(typed) => format!("a value with letters or digits, not `{typed}`"),
        Slip::Name(typed) => format!(
            "one of the filters {}:, not `{typed}`; names, plates and words are found without one, and in quotes \"{typed}\" is \
            searched as text",
            FILTERS.join(":, ")
        ),
    };
    Fault::wrong("q", expected)
}

/// What is expected instead of values that nothing has.
fn unknown_value(label: Label, values: &[String]) -> Option<String> {
    let known = known_values(label);
    let is_known = |value: &&String| known.contains(&value.trim().to_lowercase().as_str());
    let unknown = values.iter().find(|value| !is_known(value));
    let unknown = unknown.filter(|_| !known.is_empty())?;
    Some(format!("one of {}, not `{unknown}`", known.join(", ")))
}

/// Every value that a filter can have; none if agencies make them.
fn known_values(label: Label) -> Vec<&'static str> {
    let fields: &[&str] = match label {
        Label::Kind => &["kind"],
        Label::Status => &["status"],
        Label::Level => &["priority", "risk_level", "severity"],
        Label::Classification => &["classification"],
        Label::Tag | Label::Office | Label::Case | Label::Number | Label::CaseNumber => return Vec::new(),
    };
    let mut known = Vec::new();
    if label == Label::Kind {
        known.extend(SEARCHED.iter().map(|kind| kind.name));
    }
    for field in SEARCHED.iter().flat_map(|kind| kind.all_fields()) {
        if let Shape::Choice(choices) = field.shape
            && fields.contains(&field.name)
        {
            for choice in choices {
                if !known.contains(choice) {
                    known.push(choice);
                }
            }
        }
    }
    known
}

fn query(
    caller: &Caller,
    ask: &Ask,
    (typed, kinds, case): (Typed, Vec<String>, Option<RecordId>),
    now_ms: i64,
) -> Search {
    let access = document::words_of(caller, ask.training);
    Search {
        typed,
        reader: Reader {
            tenant: caller.tenant().clone(),
            access,
        },
        kinds,
        case_id: case.map(|case| case.to_string()),
        limit: ask.limit,
        cursor: ask.cursor.clone(),
        with_facets: ask.with_facets,
        now_ms,
    }
}

fn failure(error: &IndexError) -> Failure {
    match error {
        IndexError::BadCursor => Failure::wrong("cursor", "a cursor that this query gave"),
        // It is being made anew; the records themselves are untouched.
        IndexError::Io(_) | IndexError::Failed(_) => Failure::Internal(error.to_string()),
    }
}
