//! Cases made and changed.

use axum::http::StatusCode;
use serde_json::Value as Json;

use crate::domain::kind::{CASE, USER};
use crate::domain::record::Record;
use crate::domain::value::{Fields, Value};
use crate::lanes::safe::ask::{Ask, Reader};
use crate::lanes::safe::given::{Told, numbered, tags, to_change};
use crate::lanes::safe::items::write::differs;
use crate::lanes::safe::router::Reply;
use crate::lanes::safe::wire::Book;
use crate::services::failure::Outcome;
use crate::services::safe::room::id_of;
use crate::views::words::List;

/// Characters of a title that is made of a description.
const TITLE_CHARS_MAX: usize = 120;

/// `POST /api/cases`.
pub(in crate::lanes::safe) fn create(ask: &Ask<'_>) -> Outcome<Reply> {
    let services = &ask.lanes.services;
    let room = services.room(ask.caller())?;
    let book = Book::new(&room, ask.guest);
    let mut given = ask.object()?;
    let number = given.needed_text("caseNumber");
    if given.get("caseOfficerIds").is_none() && given.get("caseOfficerId").is_none() {
        given.missing("caseOfficerIds", "an array with at least one user");
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
        .take(TITLE_CHARS_MAX)
        .collect();
    fields.insert("title".to_owned(), Value::Text(title));
    fields.insert("case_number".to_owned(), Value::Text(number));
    fields.extend(offense.map(|word| ("offense_type".to_owned(), Value::Text(word))));
    let office = book.given_office(&mut given)?.unwrap_or(ask.guest.office.0);
    fields.insert("office_id".to_owned(), Value::Text(office.to_string()));
    given.finish()?;
    let written = services.create(ask.caller(), &CASE, fields, None);
    let written = written.map_err(|failure| numbered(&room, failure, "duplicate_case_number"))?;
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
    if differs(&given, &now, "caseNumber") {
        given.wrong("caseNumber", "nothing else: it can't be changed");
    }
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
    given.finish()?;
    let id = case.id.to_string();
    let written = services.patch(ask.caller(), (&CASE, &id), Some(case.version), fields, None)?;
    reply(ask, written.first()?)
}

/// `POST /api/cases/{id}/notes`.
pub(in crate::lanes::safe) fn note(ask: &Ask<'_>) -> Outcome<Reply> {
    crate::lanes::safe::notes::add(ask, &CASE, "case")
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
    if let Some(officers) = officers(book, given, &is_new)? {
        fields.insert("officers".to_owned(), officers);
    }
    fields.extend(tags(given).map(|tags| ("tags".to_owned(), tags)));
    let filled = before.and_then(|(case, _)| case.get("form_data"));
    let forms = book.given_forms(given, ("cases", filled))?;
    fields.extend(forms.map(|forms| ("form_data".to_owned(), Value::Map(forms))));
    Ok(fields)
}

/// The officers by their numbers: the list, or the older single one.
fn officers(
    book: &Book<'_>,
    given: &mut Reader<'_>,
    is_new: &dyn Fn(&Reader<'_>, &str) -> bool,
) -> Outcome<Option<Value>> {
    let (name, numbers) = if is_new(given, "caseOfficerIds") {
        ("caseOfficerIds", given.ints("caseOfficerIds"))
    } else if is_new(given, "caseOfficerId") && given.get("caseOfficerIds").is_none() {
        (
            "caseOfficerId",
            given.int("caseOfficerId").map(|number| vec![number]),
        )
    } else {
        return Ok(None);
    };
    let mut officers = Vec::new();
    for number in numbers.unwrap_or_default() {
        match id_of(&book.room.rows, book.room.caller, &USER, number)? {
            Some(id) => officers.push(Value::Text(id.to_string())),
            None => given.wrong(name, format!("no such user: {number}")),
        }
    }
    Ok(Some(Value::List(officers)))
}
