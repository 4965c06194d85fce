//! Persons and organizations.

use axum::http::StatusCode;
use serde_json::Value as Json;

use crate::domain::kind::{CASE, ENTITY};
use crate::domain::person::{LICENCE, Person};
use crate::domain::record::Record;
use crate::domain::value::{Fields, Value};
use crate::lanes::safe::ask::{Ask, Reader};
use crate::lanes::safe::given::{Told, to_change};
use crate::lanes::safe::items::write::differs;
use crate::lanes::safe::router::Reply;
use crate::lanes::safe::wire::Book;
use crate::services::failure::{Failure, Outcome};
use crate::services::safe::words::{GENDERS, RACES, fixed};
use crate::views::words::List;

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
    let (first, last) = (given.text("firstName"), given.text("lastName"));
    let business = given.text("businessName");
    for (name, list) in [("raceId", RACES), ("genderId", GENDERS)] {
        if let Some(number) = given.needed_int(name)
            && fixed(list, number).is_none()
        {
            given.wrong(name, format!("a whole number from 1 to {}", list.len()));
        }
    }
    if business.is_none() {
        for (name, said) in [("firstName", &first), ("lastName", &last)] {
            if said.is_none() {
                given.missing(name, "a text, or businessName");
            }
        }
    }
    let kind = match (&business, &first, &last) {
        (Some(_), None, None) => "organization",
        _ => "person",
    };
    let is_new = |given: &Reader<'_>, name: &str| given.get(name).is_some();
    let (name, mut attributes) = said(&book, &mut given, (kind, Fields::new()), &is_new)?;
    if let Some(address) = address_in(ask) {
        attributes.insert("default_address".to_owned(), address.clone().into());
    }
    given.finish()?;
    let fields = Fields::from([
        ("kind".to_owned(), Value::text(kind)),
        ("display_name".to_owned(), Value::Text(name)),
        ("attributes".to_owned(), Value::Map(attributes)),
    ]);
    let twice = ask
        .param("allowDuplicate")
        .is_some_and(|said| said.eq_ignore_ascii_case("true"));
    let written = services.create_person(ask.caller(), fields, twice)?;
    let mut reply = reply(ask, written.first()?)?;
    reply.status = StatusCode::CREATED;
    Ok(reply)
}

/// `PUT /api/people/{id}`: the whole object as it was read; only what differs becomes a change.
pub(in crate::lanes::safe) fn change(ask: &Ask<'_>) -> Outcome<Reply> {
    let services = &ask.lanes.services;
    let room = services.room(ask.caller())?;
    let book = Book::new(&room, ask.guest);
    let mut given = person_in(ask)?;
    let told: Told = |book, person| book.person(person);
    let (person, now) = to_change(ask, &book, (&ENTITY, "person"), (told, &mut given))?;
    let kind = person.text("kind").unwrap_or("person").to_owned();
    let kept = person
        .get("attributes")
        .and_then(Value::as_map)
        .cloned()
        .unwrap_or_default();
    let is_new = |given: &Reader<'_>, name: &str| differs(given, &now, name);
    let (name, mut attributes) = said(&book, &mut given, (&kind, kept.clone()), &is_new)?;
    if let Some(address) = address_in(ask) {
        attributes.insert("default_address".to_owned(), address.clone().into());
    }
    given.finish()?;
    let mut fields = Fields::new();
    if attributes != kept {
        fields.insert("attributes".to_owned(), Value::Map(attributes));
    }
    if !name.is_empty() {
        fields.insert("display_name".to_owned(), Value::Text(name));
    }
    let id = person.id.to_string();
    let written = services.patch(ask.caller(), (&ENTITY, &id), Some(person.version), fields, None)?;
    reply(ask, written.first()?)
}

/// `POST /api/people/{id}/notes`.
pub(in crate::lanes::safe) fn note(ask: &Ask<'_>) -> Outcome<Reply> {
    crate::lanes::safe::notes::add(ask, &ENTITY, "person")
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

fn address_in<'a>(ask: &'a Ask<'_>) -> Option<&'a Json> {
    ask.object_sent("address")
        .or_else(|| ask.object_sent("defaultAddress"))
}

fn reply(ask: &Ask<'_>, person: &Record) -> Outcome<Reply> {
    let room = ask.lanes.services.room(ask.caller())?;
    let told = Book::new(&room, ask.guest).person(person)?;
    Ok(told.ok_or(Failure::Unknown("person"))?.into())
}

/// Whether the body says something new of a member.
type IsNew<'f> = &'f dyn Fn(&Reader<'_>, &str) -> bool;

/// Puts a member in its place, or takes it away.
fn put(attributes: &mut Fields, name: &str, value: Option<Value>) {
    match value {
        Some(value) => drop(attributes.insert(name.to_owned(), value)),
        None => drop(attributes.remove(name)),
    }
}

/// The name shown, and the attributes: those before, and what the body says that is new. Empty where the name stays.
fn said(
    book: &Book<'_>,
    given: &mut Reader<'_>,
    (kind, mut attributes): (&str, Fields),
    is_new: IsNew<'_>,
) -> Outcome<(String, Fields)> {
    plain_members(given, &mut attributes, is_new);
    if is_new(given, "personTypeId") {
        let word = book.given_word(given, "personTypeId", List::Roles)?;
        put(&mut attributes, "person_type", word.map(Value::Text));
    }
    if is_new(given, "alias") {
        let alias = given
            .text("alias")
            .map(|alias| Value::List(vec![Value::Text(alias)]));
        put(&mut attributes, "aliases", alias);
    }
    let licence = ["driverLicence", "driverLicense"]
        .into_iter()
        .find(|name| given.get(name).is_some());
    if let Some(name) = licence.filter(|name| *name == "driverLicense" || is_new(given, name)) {
        let value = given.text(name).unwrap_or_default();
        let one = Fields::from([
            ("type".to_owned(), Value::text(LICENCE)),
            ("value".to_owned(), Value::Text(value)),
        ]);
        let list = Value::List(vec![Value::Map(one)]);
        put(&mut attributes, "identifiers", Some(list));
    }
    let filled = attributes.get("form_data").cloned();
    if let Some(forms) = book.given_forms(given, ("people", filled.as_ref()))?
        && !(forms.is_empty() && filled.is_none())
    {
        put(&mut attributes, "form_data", Some(Value::Map(forms)));
    }
    let names = ["firstName", "middleName", "lastName", "businessName"];
    if !names.iter().any(|name| is_new(given, name)) {
        return Ok((String::new(), attributes));
    }
    let whole = match kind {
        "organization" => given.text("businessName").unwrap_or_default(),
        _ => {
            let parts = names[..3].iter().filter_map(|name| given.text(name));
            parts.collect::<Vec<_>>().join(" ")
        }
    };
    let list = Value::List(vec![Value::text(whole.clone())]);
    put(&mut attributes, "names", Some(list));
    Ok((whole, attributes))
}

/// Members that are kept as they are given.
fn plain_members(given: &mut Reader<'_>, attributes: &mut Fields, is_new: IsNew<'_>) {
    let texts = [
        ("firstName", "first_name"),
        ("middleName", "middle_name"),
        ("lastName", "last_name"),
        ("mobilePhone", "mobile_phone"),
        ("otherPhone", "other_phone"),
        ("email", "email"),
    ];
    for (name, own) in texts {
        if is_new(given, name) {
            put(attributes, own, given.text(name).map(Value::Text));
        }
    }
    if is_new(given, "dob") {
        let day = given.day("dob");
        if day.is_none() && given.text("dob").is_some() {
            given.wrong("dob", "a day such as 1980-01-31");
        }
        put(attributes, "dob", day.map(Value::Text));
    }
    for (name, own, list) in [("raceId", "race_id", RACES), ("genderId", "gender_id", GENDERS)] {
        if is_new(given, name) {
            let number = given.int(name);
            if number.is_some_and(|number| fixed(list, number).is_none()) {
                given.wrong(name, format!("a whole number from 1 to {}", list.len()));
            }
            put(attributes, own, number.map(Value::Int));
        }
    }
    for name in ["deceased", "juvenile", "active"] {
        if is_new(given, name) {
            put(attributes, name, given.bool(name).map(Value::Bool));
        }
    }
}
