//! A pasted list of names, plates and numbers held against everything that the agency holds: what of it the caller may read is
//! told, row by row. It walks all records once, however long the list is, on a thread that may wait.

use std::collections::BTreeMap;
use std::sync::PoisonError;

use crate::domain::id::RecordId;
use crate::domain::kind::{self, DISPLAY_ID, Kind};
use crate::domain::record::{EXPUNGED, Record, SEALING};
use crate::domain::value::{Fields, Value};
use crate::domain::watch::index::{Codes, Found, Index};
use crate::domain::watch::sought::{Sort, Sought};
use crate::services::Services;
use crate::services::audit::Event;
use crate::services::caller::Caller;
use crate::services::failure::{Failure, Fault, Outcome};
use crate::services::find;
use crate::services::policy::{self, Deed};
use crate::services::watch::Watching;
use crate::services::watch::facts::{self, WATCHED};
use crate::services::watch::lists;
use crate::store::database::{Direction, Snapshot};
use crate::views::index::Order;
use crate::views::records;

/// The scope of those who look for something.
const SCOPE: &str = "watchlists:read";
/// After how many seconds somebody who asked twice at once may ask again.
const AGAIN_SECONDS: u32 = 2;

/// What was found for a list.
#[derive(Clone, PartialEq, Debug)]
pub struct Screened {
    /// Each row of the list, in its order.
    pub rows: Vec<ScreenedRow>,
    /// Records that were looked at.
    pub records: u64,
}

/// A row of the list.
#[derive(Clone, PartialEq, Debug)]
pub struct ScreenedRow {
    /// What was looked for.
    pub sought: Sought,
    /// What was found, the surest first.
    pub hits: Vec<ScreenedHit>,
    /// How many more there are that are not told.
    pub more: u64,
}

/// A record that a row may be.
#[derive(Clone, PartialEq, Debug)]
pub struct ScreenedHit {
    /// The record.
    pub id: RecordId,
    /// What it is.
    pub kind: &'static Kind,
    /// Its number; empty if it has none.
    pub display_id: String,
    /// What it is called.
    pub title: String,
    /// How sure it is, from 0 to 1.
    pub score: f64,
    /// What the record says, and how that is what is looked for.
    pub reason: String,
}

/// What a pasted text looks for: one a line, or CSV with a column `value` and, if wanted, `type` and `dob`.
///
/// # Errors
/// `Invalid` for CSV that can't be read.
pub fn rows_of(text: &str) -> Outcome<Vec<Fields>> {
    let first = text.lines().next().unwrap_or_default();
    let is_table = first
        .split(',')
        .any(|cell| cell.trim().eq_ignore_ascii_case("value"));
    let row = |value: &str| Fields::from([("value".to_owned(), Value::text(value.trim()))]);
    if !is_table {
        let lines = text.lines().filter(|line| !line.trim().is_empty());
        return Ok(lines.map(row).collect());
    }
    let mut reader = csv::ReaderBuilder::new()
        .flexible(true)
        .trim(csv::Trim::All)
        .from_reader(text.as_bytes());
    let wrong = |error: csv::Error| Failure::wrong("data.text", format!("CSV that can be read: {error}"));
    let heads = reader.headers().map_err(wrong)?.clone();
    let mut rows = Vec::new();
    for record in reader.records() {
        let record = record.map_err(wrong)?;
        let cells = heads.iter().zip(&record).filter(|(_, cell)| !cell.is_empty());
        let cells = cells.map(|(head, cell)| (head.to_lowercase(), Value::text(cell)));
        rows.push(
            cells
                .filter(|(head, _)| ["value", "type", "dob"].contains(&head.as_str()))
                .collect(),
        );
    }
    Ok(rows)
}

impl Services {
    /// Holds a list against everything of the agency; see [`rows_of`] for a text. Each row is told with what the caller may
    /// read. It takes as long as a walk through all records, and one caller can have one such walk at a time.
    ///
    /// # Errors
    /// `Denied`; `Invalid` with every fault; `Busy` if the caller's last list is still being looked for.
    pub fn screen(&self, caller: &Caller, rows: Vec<Fields>, reason: Option<&str>) -> Outcome<Screened> {
        self.demand(caller, "screen", SCOPE)?;
        let wanted = self.wanted(rows)?;
        let _turn = Turn::take(&self.watching, caller)?;
        let mut screen = Screen::new(wanted, self.watching.options.screened_hits_per_row_max);
        let snapshot = self.snapshot()?;
        for kind in WATCHED {
            if policy::has_scope(caller, &policy::scope_for(kind, Deed::Read)) {
                self.screen_kind(caller, &snapshot, kind, &mut screen)?;
            }
        }
        let screened = screen.end();
        self.note_screen(caller, &snapshot, &screened, reason)?;
        Ok(screened)
    }

    /// What is looked for, checked.
    fn wanted(&self, rows: Vec<Fields>) -> Outcome<Vec<Sought>> {
        let most = self.watching.options.screened_rows_max;
        if rows.is_empty() || rows.len() > most {
            return Err(Failure::wrong("data", format!("1 to {most} rows")));
        }
        let (mut wanted, mut faults) = (Vec::new(), Vec::new());
        for (place, mut row) in rows.into_iter().enumerate() {
            let at = |name: &str| format!("data.rows[{place}].{name}");
            let value = row
                .get("value")
                .and_then(Value::as_text)
                .unwrap_or_default()
                .trim()
                .to_owned();
            if value.is_empty() || value.chars().count() > 300 {
                faults.push(Fault::missing(at("value"), "a line of at most 300 characters"));
                continue;
            }
            let guessed = Value::text(Sort::guess(&value).to_string());
            let said = row.entry("type".to_owned()).or_insert(guessed).as_text();
            if said.and_then(Sort::parse).is_none() {
                faults.push(Fault::wrong(
                    at("type"),
                    format!("one of {}", Sort::WORDS.join(", ")),
                ));
            }
            let born = row.get("dob").map(|day| {
                day.as_text()
                    .and_then(|day| day.parse::<crate::domain::watch::sought::Day>().ok())
            });
            if born == Some(None) {
                faults.push(Fault::wrong(at("dob"), "a day, YYYY-MM-DD"));
            }
            wanted.extend(lists::sought(&|name| row.get(name)));
        }
        match faults.is_empty() {
            true => Ok(wanted),
            false => Err(Failure::Invalid(faults)),
        }
    }

    fn screen_kind(
        &self,
        caller: &Caller,
        rows: &Snapshot,
        kind: &'static Kind,
        screen: &mut Screen,
    ) -> Outcome<()> {
        let (order, mut failed) = ((Order::Created, Direction::Up), None);
        records::list(rows, (caller.tenant(), kind), order, None, &mut |_, id| {
            failed = screen.look(rows, caller, &self.watching.options, id).err();
            failed.is_none()
        })?;
        failed.map_or(Ok(()), Err)
    }

    /// That somebody had a list looked for is in the audit log before the answer, with what he was told of restricted records.
    fn note_screen(
        &self,
        caller: &Caller,
        rows: &Snapshot,
        screened: &Screened,
        reason: Option<&str>,
    ) -> Outcome<()> {
        let (mut found, mut restricted) = (0, Vec::new());
        for hit in screened.rows.iter().flat_map(|row| &row.hits) {
            found += 1;
            if let Some(record) = records::get(rows, hit.id)?
                && find::is_restricted(rows, &record)?
            {
                restricted.push(Value::Id(hit.id));
            }
        }
        let count = |number: usize| Value::Int(i64::try_from(number).unwrap_or(i64::MAX));
        let mut event = Event::done("screen", None)
            .with("rows", count(screened.rows.len()))
            .with("found", Value::Int(found));
        if !restricted.is_empty() {
            event = event.with("restricted", Value::List(restricted));
        }
        if let Some(reason) = reason {
            event = event.with("reason", Value::text(reason));
        }
        self.note(caller, event)
    }
}

/// A caller's one walk at a time.
struct Turn<'w> {
    watching: &'w Watching,
    who: String,
}

impl<'w> Turn<'w> {
    fn take(watching: &'w Watching, caller: &Caller) -> Outcome<Self> {
        let who = format!("{}/{}", caller.tenant(), caller.actor().who);
        let mut screening = watching.screening.lock().unwrap_or_else(PoisonError::into_inner);
        match screening.insert(who.clone()) {
            true => Ok(Self { watching, who }),
            false => Err(Failure::Busy(AGAIN_SECONDS)),
        }
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        let mut screening = self
            .watching
            .screening
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        screening.remove(&self.who);
    }
}

/// A list on its walk.
struct Screen {
    index: Index,
    codes: Codes,
    /// The rows by their places in the index, each with what was found: the surest of a record.
    found: BTreeMap<u32, BTreeMap<RecordId, ScreenedHit>>,
    more: BTreeMap<u32, u64>,
    rows: Vec<(u32, Sought)>,
    hits_max: usize,
    records: u64,
}

impl Screen {
    fn new(wanted: Vec<Sought>, hits_max: usize) -> Self {
        let (mut index, mut codes) = (Index::default(), Codes::default());
        let rows = wanted
            .into_iter()
            .map(|sought| (index.add(sought.clone(), &mut codes), sought));
        let rows = rows.collect();
        index.settle();
        Self {
            index,
            codes,
            found: BTreeMap::new(),
            more: BTreeMap::new(),
            rows,
            hits_max,
            records: 0,
        }
    }

    fn look(
        &mut self,
        rows: &Snapshot,
        caller: &Caller,
        options: &super::WatchOptions,
        id: RecordId,
    ) -> Outcome<()> {
        let Some(record) = records::get(rows, id)? else {
            return Ok(());
        };
        if !is_told(&record) || !find::may_read(rows, caller, &record)? {
            return Ok(());
        }
        self.records += 1;
        let (Some(facts), Some(about)) = (facts::of(&record), facts::about(&record)) else {
            return Ok(());
        };
        let found = self.index.find(&facts, options.likely, &mut self.codes);
        if found.is_empty() {
            return Ok(());
        }
        let about = match about == record.id {
            true => Some(record),
            false => records::get(rows, about)?.filter(is_told),
        };
        if let Some(about) = about
            && let Some(kind) = kind::kind(&about.kind).filter(|kind| facts::is_watched(kind.name))
            && policy::has_scope(caller, &policy::scope_for(kind, Deed::Read))
            && find::may_read(rows, caller, &about)?
        {
            for found in found {
                self.take(&about, kind, &found);
            }
        }
        Ok(())
    }

    fn take(&mut self, about: &Record, kind: &'static Kind, found: &Found) {
        let hits = self.found.entry(found.place).or_default();
        let known = hits.get(&about.id).map_or(-1.0, |hit| hit.score);
        if known >= found.score {
            return;
        }
        let title = ["display_name", "title", "description"]
            .iter()
            .find_map(|field| about.text(field));
        let hit = ScreenedHit {
            id: about.id,
            kind,
            display_id: about.text(DISPLAY_ID).unwrap_or_default().to_owned(),
            title: title.unwrap_or_default().chars().take(200).collect(),
            score: (found.score * 100.0).round() / 100.0,
            reason: format!("{}: {}", found.said, found.how),
        };
        hits.insert(about.id, hit);
        if hits.len() > self.hits_max {
            let least = hits
                .iter()
                .min_by(|one, two| one.1.score.partial_cmp(&two.1.score).expect("no NaN"));
            if let Some(least) = least.map(|(id, _)| *id) {
                hits.remove(&least);
            }
            *self.more.entry(found.place).or_default() += 1;
        }
    }

    fn end(mut self) -> Screened {
        let rows = self.rows.into_iter().map(|(place, sought)| {
            let mut hits: Vec<ScreenedHit> = self
                .found
                .remove(&place)
                .unwrap_or_default()
                .into_values()
                .collect();
            hits.sort_by(|one, two| two.score.partial_cmp(&one.score).expect("no NaN"));
            ScreenedRow {
                sought,
                hits,
                more: self.more.remove(&place).unwrap_or_default(),
            }
        });
        Screened {
            rows: rows.collect(),
            records: self.records,
        }
    }
}

/// Whether anybody may be told of it: of what was expunged nobody, of trainings nobody here.
fn is_told(record: &Record) -> bool {
    record.rank(SEALING) < EXPUNGED && record.text("mode") != Some("training")
}
