//! Rules of single kinds, applied at the desk wherever records are made or changed.

use crate::domain::custody::chain::Chain;
use crate::domain::id::RecordId;
use crate::domain::kind::{
    ALERT, CASE, CATEGORY, ENTITY, EVIDENCE, Field, Kind, WATCHLIST, WATCHLIST_ENTRY, WEBHOOK, attributes_of,
    is_vin,
};
use crate::domain::operation::{Action, Change};
use crate::domain::record::Record;
use crate::domain::time::Millis;
use crate::domain::value::{Fields, Value};
use crate::domain::watch::sought::Sort;
use crate::services::events::webhooks;
use crate::services::failure::{Clash, Failure, Fault, Outcome};
use crate::services::shape::{Checker, is_nothing};
use crate::store::database::Read;
use crate::views::records;

/// The field that says how far a case is finished, and its rank once it is closed.
const STAGE: &str = "stage";
const CLOSED: u32 = 1;

/// A checked field.
type Given = (&'static Field, Value);

/// Checks what the table of the kind can't say; values may get their proper form.
pub(in crate::services) fn check(
    kind: &Kind,
    record: Option<&Record>,
    given: &mut [Given],
    now: Millis,
    checker: &mut Checker<'_>,
) {
    if kind.name == ALERT.name {
        refuse_mere_dismissal(given, checker);
    }
    if kind.name == WEBHOOK.name {
        return webhooks::check(given, checker);
    }
    if [WATCHLIST.name, WATCHLIST_ENTRY.name].contains(&kind.name) {
        refuse_unborn(kind, given, now, checker);
        return refuse_idle_entries(kind, record, given, checker);
    }
    if kind.name != ENTITY.name {
        return;
    }
    let said = given.iter().find(|(field, _)| field.name == "kind");
    let what = said
        .and_then(|(_, value)| value.as_text())
        .or_else(|| record.and_then(|record| record.text("kind")))
        .unwrap_or_default()
        .to_owned();
    let attributes = given.iter_mut().find(|(field, _)| field.name == "attributes");
    match attributes {
        Some((_, Value::Map(attributes))) => {
            let known = record.and_then(|record| record.get("attributes"));
            check_attributes(&what, attributes, (known, now), checker);
        }
        None | Some((_, Value::Null)) => {}
        Some(_) => checker.refuse("data.attributes", "an object"),
    }
}

/// What is looked for must be something that can be found.
fn refuse_idle_entries(kind: &Kind, record: Option<&Record>, given: &[Given], checker: &mut Checker<'_>) {
    let said = |name: &str| {
        let given = given.iter().find(|(field, _)| field.name == name);
        given.map(|(_, value)| value)
    };
    let mut faults = Vec::new();
    if kind.name == WATCHLIST.name {
        let entries = said("entries").map_or(&[][..], Value::as_list).iter();
        for (place, entry) in entries.enumerate() {
            idle(
                &|name| entry.get(name),
                &format!("data.entries[{place}]."),
                &mut faults,
            );
        }
    } else if ["type", "value", "aliases"]
        .iter()
        .any(|name| said(name).is_some())
    {
        let known = |name: &str| said(name).or_else(|| record?.get(name));
        idle(&known, "data.", &mut faults);
    }
    checker.faults.extend(faults);
}

/// Nobody who is looked for was born before anybody who lives, or is to be born.
fn refuse_unborn(kind: &Kind, given: &[Given], now: Millis, checker: &mut Checker<'_>) {
    let mut refuse = |path: &str, day: Option<&Value>| {
        if day
            .and_then(Value::as_text)
            .is_some_and(|day| !is_of_birth(day, now))
        {
            checker.refuse(path, BORN);
        }
    };
    for (field, value) in given {
        match field.name {
            "dob" => refuse("data.dob", Some(value)),
            "entries" if kind.name == WATCHLIST.name => {
                for (place, entry) in value.as_list().iter().enumerate() {
                    refuse(&format!("data.entries[{place}].dob"), entry.get("dob"));
                }
            }
            _ => {}
        }
    }
}

const BORN: &str = "a day of birth that is not before 1850-01-01 and not later than today";
const VIN: &str = "a vehicle identification number: 17 of A-Z without I, O and Q, and 0-9, or 5 to 16 letters and digits of a \
    vehicle from before 1981; what was read of one in part goes in a member of another name, such as partial_vin";

/// Whether somebody of whom there are records can be born on this day: not later than today by the node's clock in the zone
/// where days begin first, UTC+14.
fn is_of_birth(day: &str, now: Millis) -> bool {
    const FIRST_ZONE_MILLIS: i64 = 14 * 60 * 60_000;
    let last = now.plus(FIRST_ZONE_MILLIS).to_string();
    ("1850-01-01"..=last.get(..10).unwrap_or(&last)).contains(&day)
}

/// What a member of attributes must be, beside its form.
fn beside_its_form(what: &str, name: &str, value: &Value, now: Millis) -> Option<&'static str> {
    let text = value.as_text()?;
    match (what, name) {
        ("person", "dob") => (!is_of_birth(text, now)).then_some(BORN),
        ("vehicle", "vin") => (!is_vin(text)).then_some(VIN),
        _ => None,
    }
}

/// What is wrong with the spellings of an entry.
fn idle<'v>(said: &dyn Fn(&str) -> Option<&'v Value>, before: &str, faults: &mut Vec<Fault>) {
    let Some(sort) = said("type").and_then(Value::as_text).and_then(Sort::parse) else {
        return;
    };
    let value = said("value").map(|value| ("value".to_owned(), value));
    let aliases = said("aliases").map_or(&[][..], Value::as_list).iter().enumerate();
    let aliases = aliases.map(|(place, alias)| (format!("aliases[{place}]"), alias));
    for (name, value) in value.into_iter().chain(aliases) {
        let expected = value.as_text().and_then(|value| sort.fault(value));
        faults.extend(expected.map(|expected| Fault::wrong(format!("{before}{name}"), expected)));
    }
}

/// An alert is put aside with a reason.
fn refuse_mere_dismissal(given: &[Given], checker: &mut Checker<'_>) {
    let says = |name: &str| {
        given
            .iter()
            .find(|(field, _)| field.name == name)
            .map(|(_, value)| value)
    };
    let is_dismissed = says("status").and_then(Value::as_text) == Some("dismissed");
    if is_dismissed && says("dismissed_because").and_then(Value::as_text).is_none() {
        let fault = Fault::missing("data.dismissed_because", "why it is put aside");
        checker.faults.push(fault);
    }
}

/// Members that the entity's kind gives a form must have it; others are the agency's own and stay as they are. What the record
/// has from before there was a rule can be sent again.
fn check_attributes(
    what: &str,
    attributes: &mut Fields,
    (known, now): (Option<&Value>, Millis),
    checker: &mut Checker<'_>,
) {
    for member in attributes_of(what) {
        let given = attributes.remove(member.name);
        let Some(value) = given.filter(|value| !is_nothing(member.shape, value)) else {
            continue;
        };
        let path = format!("data.attributes.{}", member.name);
        if let Some(value) = checker.value(&path, member.shape, value) {
            let is_known = known.and_then(|known| known.get(member.name)) == Some(&value);
            let expected = beside_its_form(what, member.name, &value, now).filter(|_| !is_known);
            checker
                .faults
                .extend(expected.map(|expected| Fault::wrong(path, expected)));
            attributes.insert(member.name.to_owned(), value);
        }
    }
}

/// What follows from the fields given: changes of the program's own, or a refusal.
///
/// # Errors
/// `Conflict` if the state of the record does not allow it.
pub(in crate::services) fn follow(
    rows: &impl Read,
    kind: &Kind,
    record: Option<&Record>,
    given: &[Given],
) -> Outcome<Vec<Change>> {
    let value = |name: &str| {
        given
            .iter()
            .find(|(field, _)| field.name == name)
            .map(|(_, value)| value)
    };
    if kind.name == CATEGORY.name
        && let Some(parent) = value("parent_id").and_then(Value::as_id)
    {
        refuse_third_level(rows, parent)?;
    }
    match value("status").and_then(Value::as_text) {
        Some(status) if kind.name == CASE.name => follow_status(rows, record, status),
        _ => Ok(Vec::new()),
    }
}

fn follow_status(rows: &impl Read, record: Option<&Record>, status: &str) -> Outcome<Vec<Change>> {
    let stage = record.map_or(0, |record| record.rank(STAGE));
    match (status == "closed", stage >= CLOSED) {
        (true, false) => {
            if let Some(record) = record {
                refuse_disputed(rows, record.id)?;
            }
            Ok(vec![Change::new(STAGE, Action::Raise(CLOSED))])
        }
        (false, true) => {
            let text = "a closed case stays closed: open another one that refers to it";
            Err(Failure::Conflict(Clash::State, text.into(), Fields::new()))
        }
        _ => Ok(Vec::new()),
    }
}

/// A case with an item that two units say different things about can't be closed.
fn refuse_disputed(rows: &impl Read, case: RecordId) -> Outcome<()> {
    let mut disputed = Vec::new();
    for id in records::linked(rows, case, (EVIDENCE.name, "case_id"))? {
        let record = records::get(rows, id)?;
        if record.is_some_and(|record| Chain::of(&record).disputed.is_some()) {
            disputed.push(Value::Id(id));
        }
    }
    if disputed.is_empty() {
        return Ok(());
    }
    let text = "the custody of an item of the case is disputed: a supervisor settles that first";
    let about = Fields::from([("evidence".to_owned(), Value::List(disputed))]);
    Err(Failure::Conflict(Clash::Custody, text.into(), about))
}

fn refuse_third_level(rows: &impl Read, parent: RecordId) -> Outcome<()> {
    match records::get(rows, parent)? {
        Some(parent) if parent.get("parent_id").is_some() => Err(Failure::wrong(
            "data.parent_id",
            "a category of the first level: there are two",
        )),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::{Millis, is_of_birth};

    #[test]
    fn a_day_of_birth_is_one_that_has_begun_somewhere() {
        let check = |now: &str, day: &str, expected: bool| {
            let now = Millis::parse(now).unwrap();
            assert_eq!(is_of_birth(day, now), expected, "{day} at {now}");
        };
        let evening = "2026-03-17T21:14:22Z";
        for day in ["1850-01-01", "1980-01-31", "2026-03-17", "2026-03-18"] {
            check(evening, day, true);
        }
        for day in [
            "0000-01-01",
            "0980-01-31",
            "1849-12-31",
            "2026-03-19",
            "2099-01-01",
        ] {
            check(evening, day, false);
        }
        check("2026-03-17T09:59:59Z", "2026-03-18", false);
        check("2026-03-17T10:00:00Z", "2026-03-18", true);
    }
}
