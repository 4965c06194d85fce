//! Items changed: the whole object as it was read comes back, and only what differs becomes a change.

use axum::http::StatusCode;
use serde_json::Value as Json;

use crate::domain::kind::{CASE, EVIDENCE};
use crate::domain::record::Record;
use crate::domain::value::{Fields, Value};
use crate::lanes::http::Lanes;
use crate::lanes::safe::ask::{Ask, Reader};
use crate::lanes::safe::given::{
    Fixed, Labels, MEMBERS, Told, differs, refuse_changes, tags, to_change, twin,
};
use crate::lanes::safe::notes;
use crate::lanes::safe::router::Reply;
use crate::lanes::safe::wire::{Book, updated};
use crate::services::failure::{Failure, Outcome};
use crate::services::safe::whole::Whole;
use crate::views::words::List;

/// What can't be changed here, and where it can.
const FIXED: Fixed = &[
    ("id", FOR_EVER),
    ("sequentialOrgId", FOR_EVER),
    ("sequentialCaseId", FOR_EVER),
    ("barcode", FOR_EVER),
    ("barcodes", FOR_EVER),
    ("dateCreated", FOR_EVER),
    ("recoveryDate", FOR_EVER),
    ("recoveredById", FOR_EVER),
    ("submittedById", FOR_EVER),
    ("primaryCaseId", FOR_EVER),
    ("cases", FOR_EVER),
    ("creatingOrgId", FOR_EVER),
    ("loaningOrgId", UNKNOWN),
    ("incomingOrgId", UNKNOWN),
    ("tasks", UNKNOWN),
    ("childItems", UNKNOWN),
    ("parentItemId", UNKNOWN),
    ("rootMediaFolderId", UNKNOWN),
    ("locationId", "items are moved by POST /api/Moves/V2"),
    ("statusId", "custody is a transaction"),
    ("custodyReasonId", "custody is a transaction"),
    ("custodianId", "custody is a transaction"),
    ("peopleIds", "custody is a transaction"),
    ("active", "items are disposed of by POST /api/disposals/v2"),
    ("currentOfficeId", "it is the office of the case"),
    (
        "isPrimaryCaseRestricted",
        "cases are changed by PUT /api/cases/{id}",
    ),
    ("media", "files come by POST /v1/evidence/{id}/files"),
];

const FOR_EVER: &str = "it can't be changed";
const UNKNOWN: &str = "the record knows none";
const NEEDS_CASE: &str = "the number of a case, here or as the first of `cases`";

/// What is told beside an id.
const LABELS: Labels = &[
    ("category", &["categoryId"]),
    ("custodian", &["custodianId"]),
    ("location", &["locationId"]),
    ("recoveredBy", &["recoveredById"]),
    ("status", &["statusId"]),
    ("submittedBy", &["submittedById"]),
];

/// `PUT /api/items/{id}`.
pub(in crate::lanes::safe) fn change(ask: &Ask<'_>) -> Outcome<Reply> {
    let services = &ask.lanes.services;
    let room = services.room(ask.caller())?;
    let book = Book::new(&room, ask.guest);
    let mut given = ask.object()?;
    let told: Told = |book, item| Ok(Some(book.item(item)?));
    let (item, now) = to_change(ask, &book, (&EVIDENCE, "item"), (told, &mut given))?;
    refuse_changes(&mut given, &now, (FIXED, LABELS));
    let mut fields = Fields::new();
    if given.names("description") {
        let text = given.needed_text("description");
        fields.extend(text.map(|text| ("description".to_owned(), Value::Text(text))));
    }
    if differs(&given, &now, "categoryId") {
        let word = book.given_word(&mut given, "categoryId", List::Categories)?;
        fields.insert("category".to_owned(), word.map_or(Value::Null, Value::Text));
    }
    let kept = item.get("place").and_then(Value::as_map).cloned();
    let place = place(&mut given, kept.unwrap_or_default(), &now);
    fields.extend(place.map(|place| ("place".to_owned(), Value::Map(place))));
    fields.extend(tags(&mut given).map(|tags| ("tags".to_owned(), tags)));
    let filled = filled(&book, &mut given, item.get("form_data"), &now)?;
    fields.extend(filled.map(|filled| ("form_data".to_owned(), Value::Map(filled))));
    let whole = Whole {
        kind: &EVIDENCE,
        known: Some((item.id, item.version)),
        input: fields,
        notes: notes::given(&book, &mut given, &now)?,
        faults: given.faults,
        twice: false,
    };
    reply(ask, services.put_whole(ask.caller(), whole)?.first()?)
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

/// Members of the place where an item was recovered, and what we call them.
const PLACE: &[(&str, &str)] = &[
    ("recoveryLocation", "name"),
    ("recoveryLocationLatitude", "latitude"),
    ("recoveryLocationLongitude", "longitude"),
    ("latitude", "latitude"),
    ("longitude", "longitude"),
];

/// The place where an item was recovered, if the body says anything new of it.
fn place(given: &mut Reader<'_>, mut place: Fields, now: &Json) -> Option<Fields> {
    let mut is_new = false;
    for (name, member) in PLACE {
        if !differs(given, now, name) {
            continue;
        }
        is_new = true;
        let value = match *member {
            "name" => given.text(name).map(Value::Text),
            _ => given.float(name).map(Value::Float),
        };
        match value {
            Some(value) => place.insert((*member).to_owned(), value),
            None => place.remove(*member),
        };
    }
    is_new.then_some(place)
}

/// What is filled in of an item, if the body says anything new of it.
fn filled(
    book: &Book<'_>,
    given: &mut Reader<'_>,
    before: Option<&Value>,
    now: &Json,
) -> Outcome<Option<Fields>> {
    let mut filled = book.given_forms(given, ("items", before))?;
    for (name, stable) in MEMBERS {
        if !differs(given, now, name) {
            continue;
        }
        let kept = || before.and_then(Value::as_map).cloned().unwrap_or_default();
        let filled = filled.get_or_insert_with(kept);
        match given.text(name) {
            Some(text) => filled.insert(stable.to_owned(), Value::Text(text)),
            None => filled.remove(stable),
        };
    }
    Ok(filled)
}

/// The one code of the label, from a text or an array with one.
fn barcode(given: &mut Reader<'_>) -> Option<Value> {
    match given.get("barcodes") {
        Some(Json::Array(codes)) => match codes.as_slice() {
            [] => None,
            [Json::String(code)] => Some(Value::text(code.trim())),
            _ => {
                given.wrong("barcodes", "an array with one text: an item has one label");
                None
            }
        },
        _ => given.text("barcodes").map(Value::Text),
    }
}

/// That nobody makes items where the setting `safe.item_create` is off, whatever he sends.
pub(in crate::lanes::safe) fn refused(lanes: &Lanes) -> Option<Failure> {
    let why = "items are created by item entry (the page /evidence/new, or POST /v1/evidence) or by data import, and not by clients";
    let is_off = !lanes.services.safe_options().item_create;
    is_off.then(|| Failure::NoSuchMethod(String::new(), why.to_owned()))
}

/// `POST /api/items`, where the setting `safe.item_create` is on.
pub(in crate::lanes::safe) fn create(ask: &Ask<'_>) -> Outcome<Reply> {
    let services = &ask.lanes.services;
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
    let case = case(&book, &mut given)?;
    put("case_id", case.map(|case| Value::Text(case.id.to_string())));
    let found_at = place(&mut given, Fields::new(), &Json::Null).unwrap_or_default();
    put("place", Some(Value::Map(found_at)));
    put("barcode", barcode(&mut given));
    put("tags", tags(&mut given));
    let filled = filled(&book, &mut given, None, &Json::Null)?;
    put("form_data", filled.map(Value::Map));
    if given.bool("active") == Some(false) {
        given.wrong("active", "true: items are disposed of by POST /api/disposals/v2");
    }
    let whole = Whole {
        kind: &EVIDENCE,
        known: None,
        input: fields,
        notes: notes::given(&book, &mut given, &Json::Null)?,
        faults: given.faults,
        twice: false,
    };
    let written = services.put_whole(ask.caller(), whole);
    let written = written.map_err(|failure| twin(failure, "duplicate_barcode"))?;
    let mut reply = reply(ask, written.first()?)?;
    reply.status = StatusCode::CREATED;
    Ok(reply)
}

/// The case of a new item: its primary one, else the first of its cases. The record knows no item without one.
fn case(book: &Book<'_>, given: &mut Reader<'_>) -> Outcome<Option<Record>> {
    if given.get("primaryCaseId").is_some() {
        return book.given(given, "primaryCaseId", &CASE);
    }
    let Some(cases) = given.ints("cases") else {
        if given.get("cases").is_none() {
            given.missing("primaryCaseId", NEEDS_CASE);
        }
        return Ok(None);
    };
    match cases.first() {
        Some(number) => book.given_number(given, "cases", (&CASE, *number)),
        None => {
            given.missing("primaryCaseId", NEEDS_CASE);
            Ok(None)
        }
    }
}

/// `/api/items` with any other method: there is one way to use it, and only where the setting is on.
pub(in crate::lanes::safe) fn other(ask: &Ask<'_>) -> Outcome<Reply> {
    let allowed = match ask.lanes.services.safe_options().item_create {
        true => "POST",
        false => "",
    };
    let why = "items are read at /api/items/{id}, and looked for by POST /api/items/search";
    Err(Failure::NoSuchMethod(allowed.to_owned(), why.to_owned()))
}

/// `POST /api/items/{id}/notes`.
pub(in crate::lanes::safe) fn note(ask: &Ask<'_>) -> Outcome<Reply> {
    notes::add(ask, &EVIDENCE, "item")
}
