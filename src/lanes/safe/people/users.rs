//! Users.

use std::cmp::Reverse;

use axum::http::StatusCode;
use serde_json::{Value as Json, json};

use crate::domain::id::RecordId;
use crate::domain::kind::{TEAM, USER};
use crate::domain::record::Record;
use crate::domain::value::{Fields, Value};
use crate::lanes::safe::ask::{Ask, Reader};
use crate::lanes::safe::given::{Fixed, Labels, Told, differs, refuse_changes, to_change, twin};
use crate::lanes::safe::router::Reply;
use crate::lanes::safe::wire::Book;
use crate::services::failure::{Failure, Fault, Outcome};
use crate::services::safe::people::TYPEAHEAD_MAX;
use crate::services::safe::room::id_of;

/// What a user may do whom a client makes: an administrator gives more.
const ROLE: &str = "viewer";
/// Users of a page, if nobody says how many.
const TOP: i64 = 100;
/// Users of a page, at most.
const TOP_MAX: i64 = 500;

/// What can't be changed here, and what says it instead.
const FIXED: Fixed = &[
    ("id", "it can't be changed"),
    ("guid", "it can't be changed"),
    ("emailDisable", "the appliance sends no e-mail"),
    ("personFormData", "users have no forms"),
];

/// What is told beside the parts of a name.
const LABELS: Labels = &[("name", &["firstName", "middleName", "lastName"])];

/// `GET /api/users/{id}`.
pub(in crate::lanes::safe) fn by_id(ask: &Ask<'_>) -> Outcome<Reply> {
    let room = ask.lanes.services.room(ask.caller())?;
    let user = room.record(&USER, ask.number()?)?;
    Ok(Book::new(&room, ask.guest).user(&user)?.into())
}

/// `GET /api/users/typeahead?search=`: at most ten, by name or e-mail address.
pub(in crate::lanes::safe) fn typeahead(ask: &Ask<'_>) -> Outcome<Reply> {
    let room = ask.lanes.services.room(ask.caller())?;
    room.services.demand(room.caller, "list", "users:read")?;
    let book = Book::new(&room, ask.guest);
    let start = ask.param("search").unwrap_or_default().to_lowercase();
    let mut found = Vec::new();
    for user in book.all(&USER)? {
        let name = user.text("name").unwrap_or_default().to_lowercase();
        let email = user.text("email").unwrap_or_default();
        let begins = name.split_whitespace().any(|word| word.starts_with(&start));
        if found.len() < TYPEAHEAD_MAX && (begins || name.starts_with(&start) || email.starts_with(&start)) {
            found.push(book.user(&user)?);
        }
    }
    Ok(Json::from(found).into())
}

/// `POST /api/users/`.
pub(in crate::lanes::safe) fn create(ask: &Ask<'_>) -> Outcome<Reply> {
    let services = &ask.lanes.services;
    let room = services.room(ask.caller())?;
    let book = Book::new(&room, ask.guest);
    let mut given = ask.object()?;
    for name in ["firstName", "lastName", "email"] {
        given.needed_text(name);
    }
    let new = json!({"emailDisable": false, "personFormData": []});
    refuse_changes(&mut given, &new, (&FIXED[2..], &[]));
    let (mut fields, teams) = said(&book, &mut given, None)?;
    fields.insert("role".to_owned(), Value::text(ROLE));
    fields
        .entry("office_id".to_owned())
        .or_insert_with(|| Value::Text(ask.guest.office.0.to_string()));
    let written = services.put_safe_user(ask.caller(), None, fields, teams, given.faults);
    let written = written.map_err(|failure| twin(failure, "duplicate_email"))?;
    let mut reply = reply(ask, written.first()?)?;
    reply.status = StatusCode::CREATED;
    Ok(reply)
}

/// `PUT /api/users/{id}`: the whole object as it was read; only what differs becomes a change.
pub(in crate::lanes::safe) fn change(ask: &Ask<'_>) -> Outcome<Reply> {
    let services = &ask.lanes.services;
    let room = services.room(ask.caller())?;
    let book = Book::new(&room, ask.guest);
    let mut given = ask.object()?;
    let told: Told = |book, user| Ok(Some(book.user(user)?));
    let (user, now) = to_change(ask, &book, (&USER, "user"), (told, &mut given))?;
    refuse_changes(&mut given, &now, (FIXED, LABELS));
    let (fields, teams) = said(&book, &mut given, Some(&now))?;
    let known = Some((user.id, user.version));
    let written = services.put_safe_user(ask.caller(), known, fields, teams, given.faults);
    let written = written.map_err(|failure| twin(failure, "duplicate_email"))?;
    reply(ask, written.first()?)
}

fn reply(ask: &Ask<'_>, user: &Record) -> Outcome<Reply> {
    let room = ask.lanes.services.room(ask.caller())?;
    Ok(Book::new(&room, ask.guest).user(user)?.into())
}

/// What the body says of a user; of one that is there only what differs.
fn said(
    book: &Book<'_>,
    given: &mut Reader<'_>,
    now: Option<&Json>,
) -> Outcome<(Fields, Option<Vec<RecordId>>)> {
    let is_new = |given: &Reader<'_>, name: &str| match now {
        Some(now) => differs(given, now, name),
        None => given.get(name).is_some(),
    };
    let mut fields = Fields::new();
    if given
        .int("organizationId")
        .is_some_and(|number| number != book.guest.organization && number != 0)
    {
        given.wrong("organizationId", "no such organization");
    }
    let names = ["firstName", "middleName", "lastName"];
    if names.iter().any(|name| is_new(given, name)) {
        let parts = names.iter().filter_map(|name| {
            let before = || now.and_then(|now| now[*name].as_str().map(str::to_owned));
            if given.names(name) {
                given.text(name)
            } else {
                before()
            }
        });
        let whole = parts.collect::<Vec<_>>().join(" ");
        fields.insert("name".to_owned(), Value::Text(whole));
    }
    for (name, own) in [
        ("email", "email"),
        ("mobilePhone", "phone"),
        ("otherphone", "other_phone"),
    ] {
        if is_new(given, name) {
            fields.insert(own.to_owned(), given.text(name).map_or(Value::Null, Value::Text));
        }
    }
    if is_new(given, "officeId") && given.int("officeId") != Some(0) {
        let office = book.given_office(given)?;
        fields.extend(office.map(|id| ("office_id".to_owned(), Value::Text(id.to_string()))));
    }
    if is_new(given, "active") {
        let active = given.bool("active");
        fields.extend(active.map(|active| ("disabled".to_owned(), Value::Bool(!active))));
    }
    if !is_new(given, "groups") {
        return Ok((fields, None));
    }
    let mut teams = Vec::new();
    for number in groups(given) {
        match id_of(&book.room.rows, book.room.caller, &TEAM, number)? {
            Some(id) => teams.push(id),
            None => given.wrong("groups", format!("no such group: {number}")),
        }
    }
    Ok((fields, Some(teams)))
}

/// Groups by their numbers, or as objects with an id.
fn groups(given: &mut Reader<'_>) -> Vec<i64> {
    let list = given.get("groups").and_then(Json::as_array);
    let number = |group: &Json| group.as_i64().or_else(|| group["id"].as_i64());
    match list.map(|list| list.iter().map(number).collect::<Option<Vec<_>>>()) {
        Some(Some(numbers)) => numbers,
        _ => {
            given.wrong("groups", "an array of whole numbers");
            Vec::new()
        }
    }
}

/// `GET /odata/users?$orderby=&$filter=contains(Email,'…')&$top=&$skip=`.
pub(in crate::lanes::safe) fn odata(ask: &Ask<'_>) -> Outcome<Reply> {
    const KNOWN: [&str; 4] = ["$orderby", "$filter", "$top", "$skip"];
    let mut faults: Vec<Fault> = ask
        .query
        .keys()
        .filter(|name| !KNOWN.contains(&name.as_str()))
        .map(|name| Fault::wrong(name, format!("one of {}", KNOWN.join(", "))))
        .collect();
    let filter = ask
        .param("$filter")
        .map(contains)
        .unwrap_or(Some((String::new(), String::new())));
    if filter.is_none() {
        faults.push(Fault::wrong(
            "$filter",
            "contains(Email,'…'), or FirstName, LastName or Name in its place",
        ));
    }
    let order = ask
        .param("$orderby")
        .map(order)
        .unwrap_or(Some(("id".to_owned(), true)));
    if order.is_none() {
        faults.push(Fault::wrong(
            "$orderby",
            "Id, Email, FirstName, LastName or Name, with asc or desc",
        ));
    }
    let number = |name, bounds, default: i64, faults: &mut Vec<Fault>| match ask.param_within(name, bounds) {
        Ok(number) => number.unwrap_or(default),
        Err(Failure::Invalid(wrong)) => {
            faults.extend(wrong);
            default
        }
        Err(_) => default,
    };
    let top = number("$top", (0, TOP_MAX), TOP, &mut faults);
    let skip = number("$skip", (0, i64::MAX), 0, &mut faults);
    let (Some((field, part)), Some((by, upwards)), true) = (filter, order, faults.is_empty()) else {
        return Err(Failure::Invalid(faults));
    };
    let room = ask.lanes.services.room(ask.caller())?;
    room.services.demand(room.caller, "list", "users:read")?;
    let book = Book::new(&room, ask.guest);
    let mut users = Vec::new();
    for user in book.all(&USER)? {
        let user = book.user(&user)?;
        let value = user[&field].as_str().unwrap_or_default().to_lowercase();
        if field.is_empty() || value.contains(&part) {
            users.push(user);
        }
    }
    let text = |user: &Json| user[&by].as_str().unwrap_or_default().to_lowercase();
    let id = |user: &Json| user["id"].as_i64().unwrap_or(0);
    match upwards {
        true => users.sort_by_key(|user| (text(user), id(user))),
        false => users.sort_by_key(|user| Reverse((text(user), id(user)))),
    }
    let place = |number: i64| usize::try_from(number).unwrap_or(usize::MAX);
    let page: Vec<Json> = users.into_iter().skip(place(skip)).take(place(top)).collect();
    Ok(json!({ "value": page }).into())
}

/// Names that OData calls know, as the objects here have them.
fn member(name: &str) -> Option<String> {
    let known = ["id", "email", "firstName", "lastName", "name"];
    let known = known
        .into_iter()
        .find(|known| known.eq_ignore_ascii_case(name.trim()))?;
    Some(known.to_owned())
}

/// `contains(Email,'part')`: the member and the part, in lower case.
fn contains(filter: &str) -> Option<(String, String)> {
    let (verb, rest) = filter.trim().split_once('(')?;
    let inside = rest
        .strip_suffix(')')
        .filter(|_| verb.trim().eq_ignore_ascii_case("contains"))?;
    let (name, part) = inside.split_once(',')?;
    let part = part.trim().strip_prefix('\'')?.strip_suffix('\'')?;
    let name = member(name).filter(|name| name != "id")?;
    // A quote within a text of OData is written twice; one alone would end it.
    let plain = part.replace("''", "");
    (!plain.contains('\'')).then(|| (name, part.replace("''", "'").to_lowercase()))
}

fn order(text: &str) -> Option<(String, bool)> {
    let (name, way) = text.trim().split_once(' ').unwrap_or((text.trim(), "asc"));
    match way.trim().to_lowercase().as_str() {
        "asc" => Some((member(name)?, true)),
        "desc" => Some((member(name)?, false)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::{contains, order};

    #[test]
    fn only_one_filter_is_read() {
        let some = |name: &str, part: &str| Some((name.to_owned(), part.to_owned()));
        assert_eq!(contains("contains(Email,'A@b')"), some("email", "a@b"));
        assert_eq!(
            contains("Contains( lastname , 'O''Neil')"),
            some("lastName", "o'neil")
        );
        for text in [
            "Email eq 'x'",
            "contains(Password,'x')",
            "contains(Email,'x') or true",
            "contains(Email,'a'b')",
        ] {
            assert_eq!(contains(text), None, "{text}");
        }
        assert_eq!(order("Email desc"), Some(("email".to_owned(), false)));
        assert_eq!(order("Password"), None);
    }
}
