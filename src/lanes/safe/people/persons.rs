//! Persons and organizations.

use axum::http::StatusCode;
use serde_json::{Value as Json, json};

use crate::domain::kind::{CASE, ENTITY};
use crate::domain::person::{LICENCE, Person};
use crate::domain::record::Record;
use crate::domain::value::{Fields, Value};
use crate::lanes::safe::ask::{Ask, Reader};
use crate::lanes::safe::failure::within;
use crate::lanes::safe::given::{Fixed, Labels, Told, differs, refuse_changes, to_change};
use crate::lanes::safe::notes;
use crate::lanes::safe::router::Reply;
use crate::lanes::safe::wire::Book;
use crate::services::failure::{Failure, Outcome};
use crate::services::safe::whole::Whole;
use crate::services::safe::words::{GENDERS, RACES, fixed};
use crate::services::shape::is_email;
use crate::views::words::List;

/// What can't be changed here, and what says it instead.
const FIXED: Fixed = &[
    ("id", FOR_EVER),
    ("guid", FOR_EVER),
    ("organizationId", FOR_EVER),
    ("createDateTime", FOR_EVER),
    ("userId", UNKNOWN),
    ("media", UNKNOWN),
    ("rootMediaFolderId", UNKNOWN),
    ("isDeleted", "a person goes by a court's order alone"),
];

const FOR_EVER: &str = "it can't be changed";
const UNKNOWN: &str = "the record knows none";

/// What is told beside other members.
const LABELS: Labels = &[
    ("name", &["firstName", "middleName", "lastName", "businessName"]),
    (
        "displayedName",
        &["firstName", "middleName", "lastName", "businessName"],
    ),
    ("race", &["raceId"]),
    ("gender", &["genderId"]),
];

/// As the record bounds names, numbers of licences and addresses, and as telephone numbers are bounded here.
const NAME_CHARS_MAX: usize = 300;
const LICENCE_CHARS_MAX: usize = 200;
const EMAIL_CHARS_MAX: usize = 254;
const PHONE_CHARS_MAX: usize = 100;

/// `GET /api/people/{id}`.
pub(in crate::lanes::safe) fn by_id(ask: &Ask<'_>) -> Outcome<Reply> {
    let room = ask.lanes.services.room(ask.caller())?;
    let person = room.record(&ENTITY, ask.number()?)?;
    let told = Book::new(&room, ask.guest).person(&person)?;
    Ok(told.ok_or(Failure::Unknown("person"))?.into())
}

/// `GET /api/people/typeahead?search=`: at most ten.
pub(in crate::lanes::safe) fn typeahead(ask: &Ask<'_>) -> Outcome<Reply> {
    let room = ask.lanes.services.room(ask.caller())?;
    room.services.demand(room.caller, "list", "entities:read")?;
    let book = Book::new(&room, ask.guest);
    let mut people = Vec::new();
    for person in room.people_beginning(ask.param("search").unwrap_or_default())? {
        people.extend(book.person(&person)?);
    }
    Ok(Json::from(people).into())
}

/// `GET /api/people/isemailalreadyinuse/{email}`.
pub(in crate::lanes::safe) fn is_email_in_use(ask: &Ask<'_>) -> Outcome<Reply> {
    let room = ask.lanes.services.room(ask.caller())?;
    room.services.demand(room.caller, "list", "entities:read")?;
    Ok(Json::from(room.is_email_in_use(ask.part())?).into())
}

/// `POST /api/people`: `{"person":{…},"address":{…}}`, or the person alone. `?allowDuplicate=true` makes it all the same.
pub(in crate::lanes::safe) fn create(ask: &Ask<'_>) -> Outcome<Reply> {
    let services = &ask.lanes.services;
    let room = services.room(ask.caller())?;
    let book = Book::new(&room, ask.guest);
    let mut given = person_in(ask)?;
    for name in ["raceId", "genderId"] {
        if given.needed_int(name) == Some(0) {
            given.missing(name, "a whole number from 1 on");
        }
    }
    let is_said = |name: &str| differs(&given, &Json::Null, name);
    let is_business = is_said("businessName");
    let missing = ["firstName", "lastName"].map(|name| (name, !is_said(name)));
    let is_named = ["firstName", "middleName", "lastName"].into_iter().any(is_said);
    for (name, is_missing) in missing {
        if is_missing && !is_business {
            given.missing(name, "a text, or businessName");
        }
    }
    let kind = match is_business && !is_named {
        true => "organization",
        false => "person",
    };
    let (name, attributes) = said(ask, &book, &mut given, ((kind, Fields::new()), &Json::Null))?;
    let fields = Fields::from([
        ("kind".to_owned(), Value::text(kind)),
        ("display_name".to_owned(), Value::Text(name.unwrap_or_default())),
        ("attributes".to_owned(), Value::Map(attributes)),
    ]);
    let mut reply = write(ask, &book, given, (None, fields, &Json::Null))?;
    reply.status = StatusCode::CREATED;
    Ok(reply)
}

/// `PUT /api/people/{id}`: the whole object as it was read; only what differs becomes a change.
pub(in crate::lanes::safe) fn change(ask: &Ask<'_>) -> Outcome<Reply> {
    let room = ask.lanes.services.room(ask.caller())?;
    let book = Book::new(&room, ask.guest);
    let mut given = person_in(ask)?;
    let told: Told = |book, person| book.person(person);
    let (person, now) = to_change(ask, &book, (&ENTITY, "person"), (told, &mut given))?;
    refuse_changes(&mut given, &now, (FIXED, LABELS));
    let kind = person.text("kind").unwrap_or("person");
    let kept = person.get("attributes").and_then(Value::as_map).cloned();
    let kept = kept.unwrap_or_default();
    let (name, attributes) = said(ask, &book, &mut given, ((kind, kept.clone()), &now))?;
    let mut fields = Fields::new();
    if attributes != kept {
        fields.insert("attributes".to_owned(), Value::Map(attributes));
    }
    fields.extend(name.map(|name| ("display_name".to_owned(), Value::Text(name))));
    write(ask, &book, given, (Some(&person), fields, &now))
}

/// Writes a person with what the body notes of it, and tells it.
fn write(
    ask: &Ask<'_>,
    book: &Book<'_>,
    mut given: Reader<'_>,
    (known, input, now): (Option<&Record>, Fields, &Json),
) -> Outcome<Reply> {
    let twice = ask.param("allowDuplicate");
    let before = given.before().to_owned();
    let whole = Whole {
        kind: &ENTITY,
        known: known.map(|person| (person.id, person.version)),
        input,
        notes: notes::given(book, &mut given, now)?,
        faults: given.faults,
        twice: twice.is_some_and(|said| said.eq_ignore_ascii_case("true")),
    };
    let written = ask.lanes.services.put_whole(ask.caller(), whole);
    let written = written.map_err(|failure| within(&before, failure))?;
    reply(ask, written.first()?)
}

/// `POST /api/people/{id}/notes`.
pub(in crate::lanes::safe) fn note(ask: &Ask<'_>) -> Outcome<Reply> {
    notes::add(ask, &ENTITY, "person")
}

/// `POST /api/people/addPersonToCase/{caseId}`: `{personId, typeId, notes}`.
pub(in crate::lanes::safe) fn add_to_case(ask: &Ask<'_>) -> Outcome<Reply> {
    let services = &ask.lanes.services;
    let room = services.room(ask.caller())?;
    let book = Book::new(&room, ask.guest);
    let case = room.record(&CASE, ask.number()?)?;
    let mut given = ask.object()?;
    for name in ["personId", "typeId"] {
        if given.get(name).is_none() {
            given.missing(name, "a whole number");
        }
    }
    let person = book.given(&mut given, "personId", &ENTITY)?;
    if person.as_ref().is_some_and(|person| Person::of(person).is_none()) {
        given.wrong("personId", "no such person");
    }
    let role = book.given_word(&mut given, "typeId", List::Roles)?;
    let notes = given.text("notes");
    given.finish()?;
    let (Some(person), Some(role)) = (person, role) else {
        return Err(Failure::Unknown("person"));
    };
    let member = Value::Map(Fields::from([
        ("entity_id".to_owned(), Value::Text(person.id.to_string())),
        ("role".to_owned(), Value::Text(role)),
    ]));
    services.add_person_to_case(ask.caller(), (case.id, person.id), member, notes)?;
    let room = services.room(ask.caller())?;
    let case = room.record(&CASE, ask.number()?)?;
    Ok(Json::from(Book::new(&room, ask.guest).people_of(&case)?).into())
}

/// The person of the body: under its name, or the body itself.
fn person_in<'a>(ask: &'a Ask<'_>) -> Outcome<Reader<'a>> {
    let root = ask.object()?;
    match root.get("person") {
        Some(person) => Reader::of(person, "person."),
        None => Ok(root),
    }
}

/// The address of the body, its names as they were sent.
fn address_in<'a>(ask: &'a Ask<'_>) -> Option<&'a Json> {
    let within = |person: &'a Json| {
        let mut members = person.as_object()?.iter();
        let member = members.find(|(name, _)| name.eq_ignore_ascii_case("defaultAddress"));
        member.map(|(_, value)| value).filter(|value| value.is_object())
    };
    ask.object_sent("address")
        .or_else(|| ask.object_sent("defaultAddress"))
        .or_else(|| ask.object_sent("person").and_then(within))
}

fn reply(ask: &Ask<'_>, person: &Record) -> Outcome<Reply> {
    let room = ask.lanes.services.room(ask.caller())?;
    let told = Book::new(&room, ask.guest).person(person)?;
    Ok(told.ok_or(Failure::Unknown("person"))?.into())
}

/// Puts a member in its place, or takes it away.
fn put(attributes: &mut Fields, name: &str, value: Option<Value>) {
    match value {
        Some(value) => drop(attributes.insert(name.to_owned(), value)),
        None => drop(attributes.remove(name)),
    }
}

/// The name shown if the body says a new one, and the attributes: those before, and what the body says that is new.
fn said(
    ask: &Ask<'_>,
    book: &Book<'_>,
    given: &mut Reader<'_>,
    ((kind, mut attributes), now): ((&str, Fields), &Json),
) -> Outcome<(Option<String>, Fields)> {
    plain_members(given, &mut attributes, now);
    if differs(given, now, "personTypeId") {
        let word = book.given_word(given, "personTypeId", List::Roles)?;
        put(&mut attributes, "person_type", word.map(Value::Text));
    }
    if differs(given, now, "alias") {
        let alias = given.words("alias", NAME_CHARS_MAX);
        put_first(&mut attributes, "aliases", alias);
    }
    licence(given, &mut attributes, now);
    if let Some(address) = address_in(ask) {
        attributes.insert("default_address".to_owned(), address.clone().into());
    } else if differs(given, now, "defaultAddress") {
        match given.get("defaultAddress") {
            None => drop(attributes.remove("default_address")),
            Some(_) => given.wrong("defaultAddress", "an object"),
        }
    }
    let filled = attributes.get("form_data").cloned();
    if let Some(forms) = book.given_forms(given, ("people", filled.as_ref()))? {
        let forms = (!forms.is_empty()).then_some(Value::Map(forms));
        put(&mut attributes, "form_data", forms);
    }
    let name = names(given, (kind, &mut attributes), now);
    Ok((name, attributes))
}

/// The first of a list that these clients know one member of; the others stay.
fn put_first(attributes: &mut Fields, name: &str, first: Option<String>) {
    let known = attributes.get(name).map_or(&[][..], Value::as_list);
    let others = known.iter().skip(1).cloned();
    let list: Vec<Value> = first.map(Value::Text).into_iter().chain(others).collect();
    put(attributes, name, (!list.is_empty()).then_some(Value::List(list)));
}

/// The whole name, if a part of it is new; the parts stand apart from then on.
fn names(given: &mut Reader<'_>, (kind, attributes): (&str, &mut Fields), now: &Json) -> Option<String> {
    const PARTS: [(&str, &str); 4] = [
        ("firstName", "first_name"),
        ("middleName", "middle_name"),
        ("lastName", "last_name"),
        ("businessName", "business_name"),
    ];
    if !PARTS.iter().any(|(name, _)| differs(given, now, name)) {
        return None;
    }
    let is_business = kind == "organization";
    let faults = given.faults.len();
    let mut whole = Vec::new();
    for (name, own) in PARTS {
        let part = match given.names(name) {
            true => given.words(name, NAME_CHARS_MAX),
            false => now[name].as_str().map(str::to_owned),
        };
        if (own == "business_name") == is_business {
            whole.extend(part.clone());
        }
        // An organization is called by its business name.
        if own != "business_name" || !is_business {
            put(attributes, own, part.map(Value::Text));
        }
    }
    let whole = whole.join(" ");
    if whole.is_empty() {
        if given.faults.len() == faults {
            let name = if is_business { "businessName" } else { "lastName" };
            given.missing(name, "a text");
        }
        return None;
    }
    put_first(attributes, "names", Some(whole.clone()));
    Some(whole)
}

/// The driver's licence, by either spelling; other identifiers stay.
fn licence(given: &mut Reader<'_>, attributes: &mut Fields, now: &Json) {
    let alike = json!({"driverLicence": now["driverLicence"], "driverLicense": now["driverLicence"]});
    let mut names = ["driverLicence", "driverLicense"].into_iter();
    let Some(name) = names.find(|name| differs(given, &alike, name)) else {
        return;
    };
    let known = attributes.get("identifiers").map_or(&[][..], Value::as_list);
    let mut list: Vec<Value> = known.to_vec();
    list.retain(|one| one.get("type").and_then(Value::as_text) != Some(LICENCE));
    list.extend(given.line(name, LICENCE_CHARS_MAX).map(|number| {
        Value::Map(Fields::from([
            ("type".to_owned(), Value::text(LICENCE)),
            ("value".to_owned(), Value::Text(number)),
        ]))
    }));
    let list = (!list.is_empty()).then_some(Value::List(list));
    put(attributes, "identifiers", list);
}

/// Members that are kept as they are given.
fn plain_members(given: &mut Reader<'_>, attributes: &mut Fields, now: &Json) {
    let texts = [
        ("mobilePhone", "mobile_phone", PHONE_CHARS_MAX),
        ("otherPhone", "other_phone", PHONE_CHARS_MAX),
    ];
    for (name, own, most) in texts {
        if differs(given, now, name) {
            put(attributes, own, given.line(name, most).map(Value::Text));
        }
    }
    if differs(given, now, "email") {
        let email = given.words("email", EMAIL_CHARS_MAX);
        if email.as_ref().is_some_and(|email| !is_email(email)) {
            given.wrong("email", "an e-mail address");
        }
        put(attributes, "email", email.map(Value::Text));
    }
    if differs(given, now, "dob") {
        let day = given.day("dob");
        if day.is_none() && given.text("dob").is_some() {
            given.wrong("dob", "a day such as 1980-01-31");
        }
        put(attributes, "dob", day.map(Value::Text));
    }
    for (name, own, list) in [("raceId", "race_id", RACES), ("genderId", "gender_id", GENDERS)] {
        if differs(given, now, name) {
            let number = given.int(name);
            if number.is_some_and(|number| fixed(list, number).is_none()) {
                given.wrong(name, format!("a whole number from 1 to {}", list.len()));
            }
            put(attributes, own, number.map(Value::Int));
        }
    }
    for name in ["deceased", "juvenile", "active"] {
        if differs(given, now, name) {
            put(attributes, name, given.bool(name).map(Value::Bool));
        }
    }
}
