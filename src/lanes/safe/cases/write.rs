//! Cases made and changed.

use axum::http::StatusCode;
use serde_json::{Value as Json, json};

use crate::domain::kind::{CASE, USER};
use crate::domain::record::Record;
use crate::domain::value::{Fields, Value};
use crate::lanes::safe::ask::{Ask, Reader};
use crate::lanes::safe::failure::of_case;
use crate::lanes::safe::given::{Fixed, Labels, Told, differs, refuse_changes, tags, to_change, twin};
use crate::lanes::safe::notes;
use crate::lanes::safe::router::Reply;
use crate::lanes::safe::wire::Book;
use crate::services::failure::Outcome;
use crate::services::safe::room::id_of;
use crate::services::safe::whole::Whole;
use crate::views::words::List;

/// Characters of a title that is made of a description.
const TITLE_CHARS_MAX: usize = 120;

/// What can't be changed here, and what says it instead.
const FIXED: Fixed = &[
    ("id", FOR_EVER),
    ("caseNumber", FOR_EVER),
    ("organizationId", FOR_EVER),
    ("creatorId", FOR_EVER),
    ("createdDate", FOR_EVER),
    ("closedDate", "active says whether a case is closed"),
    ("followUpDate", UNKNOWN),
    ("reviewDateNotes", UNKNOWN),
    ("media", UNKNOWN),
    ("rootMediaFolderId", UNKNOWN),
    ("permissions", "the officers and the team of a case have them"),
];

const FOR_EVER: &str = "it can't be changed";
const UNKNOWN: &str = "the record knows none; POST /api/cases/{id}/notes keeps a text";

/// Whom a case always has.
const SOMEBODY: &str = "an array with at least one user";

/// What is told beside an id.
const LABELS: Labels = &[("offenseType", &["offenseTypeId"]), ("officeName", &["officeId"])];

/// What a new case can't have.
const NOT_NEW: Fixed = &[
    ("followUpDate", UNKNOWN),
    ("reviewDateNotes", UNKNOWN),
    ("media", UNKNOWN),
];

/// `POST /api/cases`.
pub(in crate::lanes::safe) fn create(ask: &Ask<'_>) -> Outcome<Reply> {
    let services = &ask.lanes.services;
    let room = services.room(ask.caller())?;
    let book = Book::new(&room, ask.guest);
    let mut given = ask.object()?;
    let number = given.needed_text("caseNumber");
    let is_none = |said: Option<&Json>| said.is_none_or(|said| *said == json!([]) || *said == json!(0));
    if is_none(given.get("caseOfficerIds")) && is_none(given.get("caseOfficerId")) {
        given.missing("caseOfficerIds", SOMEBODY);
    }
    let offense = match given.get("offenseTypeId") {
        Some(_) => book.given_word(&mut given, "offenseTypeId", List::Offenses)?,
        None => given.text("offenseType"),
    };
    if given.get("offenseTypeId").is_none() && offense.is_none() {
        given.missing("offenseTypeId", "the id of an offense type");
    }
    for name in ["formData", "tags"] {
        if !given.names(name) {
            given.missing(name, "an array, which may be empty");
        }
    }
    let mut fields = said(&book, &mut given, None)?;
    let number = number.unwrap_or_default();
    let title = given.text("offenseDescription").or_else(|| offense.clone());
    let title = title.unwrap_or_else(|| number.clone());
    let title: String = title
        .lines()
        .next()
        .unwrap_or_default()
        .chars()
        .filter(|letter| !letter.is_control())
        .take(TITLE_CHARS_MAX)
        .collect();
    fields.insert("title".to_owned(), Value::Text(title));
    fields.insert("case_number".to_owned(), Value::Text(number));
    fields.extend(offense.map(|word| ("offense_type".to_owned(), Value::Text(word))));
    let office = book.given_office(&mut given)?.unwrap_or(ask.guest.office.0);
    fields.insert("office_id".to_owned(), Value::Text(office.to_string()));
    refuse_changes(&mut given, &Json::Null, (NOT_NEW, &[]));
    let whole = Whole {
        kind: &CASE,
        known: None,
        input: fields,
        notes: notes::given(&book, &mut given, &Json::Null)?,
        faults: given.faults,
        twice: false,
    };
    let written = services.put_whole(ask.caller(), whole).map_err(of_case);
    let written = written.map_err(|failure| twin(failure, "duplicate_case_number"))?;
    let mut reply = reply(ask, written.first()?)?;
    reply.status = StatusCode::CREATED;
    Ok(reply)
}

/// `PUT /api/cases/{id}`: the whole object as it was read; only what differs becomes a change.
pub(in crate::lanes::safe) fn change(ask: &Ask<'_>) -> Outcome<Reply> {
    let services = &ask.lanes.services;
    let room = services.room(ask.caller())?;
    let book = Book::new(&room, ask.guest);
    let mut given = ask.object()?;
    let told: Told = |book, case| Ok(Some(book.case(case)?));
    let (case, now) = to_change(ask, &book, (&CASE, "case"), (told, &mut given))?;
    refuse_changes(&mut given, &now, (FIXED, LABELS));
    let mut fields = said(&book, &mut given, Some((&case, &now)))?;
    if differs(&given, &now, "offenseTypeId") {
        let word = book.given_word(&mut given, "offenseTypeId", List::Offenses)?;
        fields.insert("offense_type".to_owned(), word.map_or(Value::Null, Value::Text));
    }
    if differs(&given, &now, "officeId") {
        let office = book.given_office(&mut given)?;
        fields.extend(office.map(|id| ("office_id".to_owned(), Value::Text(id.to_string()))));
    }
    if differs(&given, &now, "active") {
        match given.bool("active") {
            Some(false) => drop(fields.insert("status".to_owned(), Value::text("closed"))),
            Some(true) => given.wrong("active", "nothing else: a closed case stays closed"),
            None => {}
        }
    }
    let whole = Whole {
        kind: &CASE,
        known: Some((case.id, case.version)),
        input: fields,
        notes: notes::given(&book, &mut given, &now)?,
        faults: given.faults,
        twice: false,
    };
    let written = services.put_whole(ask.caller(), whole).map_err(of_case)?;
    reply(ask, written.first()?)
}

/// `POST /api/cases/{id}/notes`.
pub(in crate::lanes::safe) fn note(ask: &Ask<'_>) -> Outcome<Reply> {
    notes::add(ask, &CASE, "case")
}

fn reply(ask: &Ask<'_>, case: &Record) -> Outcome<Reply> {
    let room = ask.lanes.services.room(ask.caller())?;
    Ok(Book::new(&room, ask.guest).case(case)?.into())
}

/// What the body says of a case; of one that is there only what differs.
fn said(book: &Book<'_>, given: &mut Reader<'_>, before: Option<(&Record, &Json)>) -> Outcome<Fields> {
    let mut fields = Fields::new();
    let is_new = |given: &Reader<'_>, name: &str| match before {
        Some((_, now)) => differs(given, now, name),
        None => given.get(name).is_some(),
    };
    if is_new(given, "offenseDescription") {
        let text = given.text("offenseDescription").map_or(Value::Null, Value::Text);
        fields.insert("description".to_owned(), text);
    }
    if is_new(given, "offenseDate") {
        let time = given
            .time("offenseDate")
            .map(|time| Value::Text(time.to_string()));
        fields.insert("occurred_at".to_owned(), time.unwrap_or(Value::Null));
    }
    if is_new(given, "reviewDate") {
        let day = given.day("reviewDate").map_or(Value::Null, Value::Text);
        fields.insert("review_date".to_owned(), day);
    }
    if is_new(given, "offenseLocation") {
        let kept = before.and_then(|(case, _)| case.get("place")?.as_map().cloned());
        let mut place = kept.unwrap_or_default();
        match given.text("offenseLocation") {
            Some(text) => place.insert("address".to_owned(), Value::Text(text)),
            None => place.remove("address"),
        };
        fields.insert("place".to_owned(), Value::Map(place));
    }
    let class = before.map_or("open", |(case, _)| case.text("classification").unwrap_or("open"));
    if is_new(given, "isRestricted") {
        match (given.bool("isRestricted"), class) {
            (Some(true), _) => drop(fields.insert("classification".to_owned(), Value::text("restricted"))),
            (Some(false), "restricted") => {
                fields.insert("classification".to_owned(), Value::text("open"));
            }
            (Some(false), "open") | (None, _) => {}
            (Some(false), _) => given.wrong("isRestricted", format!("nothing else: the case is {class}")),
        }
    }
    if let Some(officers) = officers(book, given, before.map(|(_, now)| now))? {
        fields.insert("officers".to_owned(), officers);
    }
    fields.extend(tags(given).map(|tags| ("tags".to_owned(), tags)));
    let filled = before.and_then(|(case, _)| case.get("form_data"));
    let forms = book.given_forms(given, ("cases", filled))?;
    fields.extend(forms.map(|forms| ("form_data".to_owned(), Value::Map(forms))));
    Ok(fields)
}

/// The officers by their numbers: the list, or the older single one, who takes the first one's place in it. Of a new case it
/// is known whether there is one.
fn officers(book: &Book<'_>, given: &mut Reader<'_>, before: Option<&Json>) -> Outcome<Option<Value>> {
    let now = before.unwrap_or(&Json::Null);
    let (name, numbers): (_, Vec<i64>) = if differs(given, now, "caseOfficerIds") {
        let is_nobody = given.get("caseOfficerIds").is_none();
        match given.ints("caseOfficerIds") {
            None if !is_nobody => return Ok(None),
            numbers => ("caseOfficerIds", numbers.unwrap_or_default()),
        }
    } else if differs(given, now, "caseOfficerId") {
        let others = now["caseOfficerIds"].as_array().into_iter().flatten().skip(1);
        let others = others.filter_map(Json::as_i64);
        let first = given.int("caseOfficerId").filter(|number| *number != 0);
        ("caseOfficerId", first.into_iter().chain(others).collect())
    } else {
        return Ok(None);
    };
    if before.is_some() && numbers.is_empty() {
        given.missing("caseOfficerIds", SOMEBODY);
    }
    let mut officers = Vec::new();
    for number in numbers {
        match id_of(&book.room.rows, book.room.caller, &USER, number)? {
            Some(id) => officers.push(Value::Text(id.to_string())),
            None => given.wrong(name, format!("no such user: {number}")),
        }
    }
    Ok(Some(Value::List(officers)))
}
