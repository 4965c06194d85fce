//! Items changed: the whole object as it was read comes back, and only what differs becomes a change.

use axum::http::StatusCode;
use serde_json::Value as Json;

use crate::domain::kind::{CASE, EVIDENCE};
use crate::domain::record::Record;
use crate::domain::value::{Fields, Value};
use crate::lanes::safe::ask::{Ask, Reader};
use crate::lanes::safe::given::{Told, tags, to_change};
use crate::lanes::safe::router::Reply;
use crate::lanes::safe::wire::{Book, updated};
use crate::services::failure::{Failure, Outcome};
use crate::views::words::List;

/// What can't be changed here, and where it can.
const FIXED: [(&str, &str); 6] = [
    ("recoveryDate", "nothing else: it can't be changed"),
    ("recoveredById", "nothing else: it can't be changed"),
    ("primaryCaseId", "nothing else: it can't be changed"),
    (
        "locationId",
        "nothing else: items are moved by POST /api/Moves/V2",
    ),
    ("statusId", "nothing else: custody is a transaction"),
    (
        "active",
        "nothing else: items are disposed of by POST /api/disposals/v2",
    ),
];

/// `PUT /api/items/{id}`.
pub(in crate::lanes::safe) fn change(ask: &Ask<'_>) -> Outcome<Reply> {
    let services = &ask.lanes.services;
    let room = services.room(ask.caller())?;
    let book = Book::new(&room, ask.guest);
    let mut given = ask.object()?;
    let told: Told = |book, item| Ok(Some(book.item(item)?));
    let (item, now) = to_change(ask, &book, (&EVIDENCE, "item"), (told, &mut given))?;
    for (name, expected) in FIXED {
        if given.get(name).is_some_and(|value| !same(value, &now[name])) {
            given.wrong(name, expected);
        }
    }
    let mut fields = Fields::new();
    if given.names("description") {
        let text = given.needed_text("description");
        fields.extend(text.map(|text| ("description".to_owned(), Value::Text(text))));
    }
    if differs(&given, &now, "categoryId") {
        let word = book.given_word(&mut given, "categoryId", List::Categories)?;
        fields.extend(word.map(|word| ("category".to_owned(), Value::Text(word))));
    }
    place(&mut given, &item, &now, &mut fields);
    fields.extend(tags(&mut given).map(|tags| ("tags".to_owned(), tags)));
    let mut forms = book.given_forms(&mut given, ("items", item.get("form_data")))?;
    for (name, stable) in [
        ("make", "make"),
        ("model", "model"),
        ("serialNumber", "serial_number"),
    ] {
        if differs(&given, &now, name) {
            let kept = || {
                item.get("form_data")
                    .and_then(Value::as_map)
                    .cloned()
                    .unwrap_or_default()
            };
            let text = given.text(name).map_or(Value::Null, Value::Text);
            forms.get_or_insert_with(kept).insert(stable.to_owned(), text);
        }
    }
    fields.extend(forms.map(|forms| ("form_data".to_owned(), Value::Map(forms))));
    given.finish()?;
    let id = item.id.to_string();
    let written = services.patch(ask.caller(), (&EVIDENCE, &id), Some(item.version), fields, None)?;
    reply(ask, written.first()?)
}

fn reply(ask: &Ask<'_>, item: &Record) -> Outcome<Reply> {
    let room = ask.lanes.services.room(ask.caller())?;
    Ok(Book::new(&room, ask.guest).item(item)?.into())
}

/// Whoever says when what he read was changed last must have read the last change.
pub(in crate::lanes::safe) fn refuse_stale(given: &mut Reader<'_>, record: &Record) -> Outcome<()> {
    let Some(said) = given.text("updatedDateTime") else {
        return Ok(());
    };
    let read: Result<jiff::Timestamp, _> = said.parse();
    match (read, updated(record).parse::<jiff::Timestamp>()) {
        (Ok(read), Ok(now)) if read == now => Ok(()),
        (Ok(_), Ok(_)) => Err(Failure::Stale(Box::new(record.clone()))),
        _ => {
            given.wrong("updatedDateTime", "the time as it was read");
            Ok(())
        }
    }
}

/// Whether the body gives a member another value than it has.
pub(in crate::lanes::safe) fn differs(given: &Reader<'_>, now: &Json, name: &str) -> bool {
    given.names(name) && !same(given.get(name).unwrap_or(&Json::Null), &now[name])
}

/// Numbers may come as texts, and times in another form.
fn same(given: &Json, now: &Json) -> bool {
    let plain = |json: &Json| json.as_str().map_or_else(|| json.to_string(), str::to_owned);
    let time = |json: &Json| json.as_str().and_then(crate::lanes::safe::ask::time_of);
    given == now || plain(given) == plain(now) || time(given).is_some_and(|at| time(now) == Some(at))
}

fn place(given: &mut Reader<'_>, item: &Record, now: &Json, fields: &mut Fields) {
    let members = [
        ("recoveryLocation", "name"),
        ("recoveryLocationLatitude", "latitude"),
        ("recoveryLocationLongitude", "longitude"),
    ];
    let kept = || {
        item.get("place")
            .and_then(Value::as_map)
            .cloned()
            .unwrap_or_default()
    };
    let mut place = None;
    for (name, member) in members {
        if !differs(given, now, name) {
            continue;
        }
        let value = match member {
            "name" => given.text(name).map(Value::Text),
            _ => given.float(name).map(Value::Float),
        };
        let place = place.get_or_insert_with(kept);
        match value {
            Some(value) => place.insert(member.to_owned(), value),
            None => place.remove(member),
        };
    }
    fields.extend(place.map(|place| ("place".to_owned(), Value::Map(place))));
}

/// `POST /api/items`, where the setting `safe.item_create` is on.
pub(in crate::lanes::safe) fn create(ask: &Ask<'_>) -> Outcome<Reply> {
    let services = &ask.lanes.services;
    if !services.safe_options().item_create {
        let why = "items are created by item entry or by data import, and not by clients";
        return Err(Failure::NoSuchMethod("GET".to_owned(), why.to_owned()));
    }
    let room = services.room(ask.caller())?;
    let book = Book::new(&room, ask.guest);
    let mut given = ask.object()?;
    let mut fields = Fields::from([("type".to_owned(), Value::text("physical"))]);
    for name in [
        "active",
        "categoryId",
        "recoveredById",
        "locationId",
        "recoveryDate",
        "primaryCaseId",
    ] {
        if given.get(name).is_none() {
            given.missing(name, "a value");
        }
    }
    let mut put = |name: &str, value: Option<Value>| {
        fields.extend(value.map(|value| (name.to_owned(), value)));
    };
    put("description", given.needed_text("description").map(Value::Text));
    put(
        "category",
        book.given_word(&mut given, "categoryId", List::Categories)?
            .map(Value::Text),
    );
    let by = book.given_user(&mut given, "recoveredById")?;
    put("recovered_by", by.map(|(_, name)| Value::Text(name)));
    let location = book.given_location(&mut given, "locationId")?;
    put(
        "location_id",
        location.as_ref().map(|(id, _)| Value::Text(id.to_string())),
    );
    put("location", location.map(|(_, way)| Value::Text(way)));
    put(
        "recovered_at",
        given
            .time("recoveryDate")
            .map(|time| Value::Text(time.to_string())),
    );
    let case = book.given(&mut given, "primaryCaseId", &CASE)?;
    put("case_id", case.map(|case| Value::Text(case.id.to_string())));
    let found_at = given.text("recoveryLocation");
    put(
        "place",
        found_at.map(|name| Value::Map(Fields::from([("name".to_owned(), Value::Text(name))]))),
    );
    put("tags", tags(&mut given));
    put(
        "form_data",
        book.given_forms(&mut given, ("items", None))?.map(Value::Map),
    );
    given.finish()?;
    let written = services.create(ask.caller(), &EVIDENCE, fields, None)?;
    let mut reply = reply(ask, written.first()?)?;
    reply.status = StatusCode::CREATED;
    Ok(reply)
}

/// `POST /api/items/{id}/notes`.
pub(in crate::lanes::safe) fn note(ask: &Ask<'_>) -> Outcome<Reply> {
    crate::lanes::safe::notes::add(ask, &EVIDENCE, "item")
}
