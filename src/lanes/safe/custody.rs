//! Custody transactions: `{"transaction":{…,"itemIds":[…]},"sigdata":"<base64 of a PNG>"}`. All items or none.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde_json::{Value as Json, json};

use crate::domain::custody::Action;
use crate::domain::id::RecordId;
use crate::domain::kind::EVIDENCE;
use crate::domain::value::{Fields, Value};
use crate::lanes::safe::ask::{Ask, Reader};
use crate::lanes::safe::router::Reply;
use crate::lanes::safe::wire::Book;
use crate::services::failure::{Failure, Outcome};
use crate::services::safe::custody::{ITEMS_MAX, Transaction};
use crate::services::safe::words::{self, CUSTODY_REASONS, DISPOSAL_METHODS, Fixed};

/// As entries of custody bound them.
const NOTES_CHARS_MAX: usize = 5_000;
const NAME_CHARS_MAX: usize = 300;

/// `POST /api/CheckOuts/V2`.
pub(super) fn check_out(ask: &Ask<'_>) -> Outcome<Reply> {
    transact(ask, Action::CheckedOut, |book, given, said| {
        person(book, given, said, ("takenById", "to"))?;
        if given.get("takenById").is_none() {
            given.missing("takenById", "the user who takes the items");
        }
        fixed(given, said, ("reasonId", CUSTODY_REASONS));
        if let Some(back) = given.time("expectedReturnDate") {
            said.insert("expected_return".to_owned(), Value::Time(back));
        }
        Ok(None)
    })
}

/// `POST /api/CheckIns/V2`.
pub(super) fn check_in(ask: &Ask<'_>) -> Outcome<Reply> {
    transact(ask, Action::CheckedIn, returned)
}

/// `POST /api/Disposals/UndisposeV2`.
pub(super) fn undispose(ask: &Ask<'_>) -> Outcome<Reply> {
    transact(ask, Action::Undisposed, returned)
}

/// `POST /api/Moves/V2`.
pub(super) fn move_items(ask: &Ask<'_>) -> Outcome<Reply> {
    transact(ask, Action::Moved, |book, given, said| {
        person(book, given, said, ("movedById", "by"))?;
        if given.get("locationId").is_none() {
            given.missing("locationId", "the location to which the items go");
        }
        location(book, given, said)
    })
}

/// `POST /api/transfers/V2`.
pub(super) fn transfer(ask: &Ask<'_>) -> Outcome<Reply> {
    transact(ask, Action::Transferred, |book, given, said| {
        person(book, given, said, ("transferredFromId", "from"))?;
        person(book, given, said, ("transferredToId", "to"))?;
        if given.get("transferredToId").is_none() {
            given.missing("transferredToId", "the user who gets the items");
        }
        Ok(None)
    })
}

/// `POST /api/disposals/v2`.
pub(super) fn dispose(ask: &Ask<'_>) -> Outcome<Reply> {
    transact(ask, Action::Disposed, |book, given, said| {
        person(book, given, said, ("disposedById", "by"))?;
        person(book, given, said, ("witnessId", "witness"))?;
        fixed(given, said, ("methodId", DISPOSAL_METHODS));
        Ok(None)
    })
}

/// What a deed says beside what all say; gives the location where the items are then.
type Say = fn(&Book<'_>, &mut Reader<'_>, &mut Fields) -> Outcome<Option<(RecordId, String)>>;

fn transact(ask: &Ask<'_>, action: Action, say: Say) -> Outcome<Reply> {
    let services = &ask.lanes.services;
    let room = services.room(ask.caller())?;
    let book = Book::new(&room, ask.guest);
    let mut root = ask.object()?;
    let Some(transaction) = root.get("transaction") else {
        root.missing("transaction", "an object with itemIds");
        root.finish()?;
        return Err(Failure::wrong("transaction", "an object with itemIds"));
    };
    let mut given = Reader::of(transaction, "")?;
    let mut said = Fields::new();
    let location = say(&book, &mut given, &mut said)?;
    if let Some(notes) = given.text("notes") {
        if notes.chars().count() > NOTES_CHARS_MAX {
            given.wrong("notes", format!("at most {NOTES_CHARS_MAX} characters"));
        }
        said.insert("note".to_owned(), Value::Text(notes));
    }
    let happened = given
        .time("transactionActivityDate")
        .or_else(|| given.time("transactionDate"));
    said.extend(happened.map(|time| ("happened_at".to_owned(), Value::Time(time))));
    let items = given.ints("itemIds").unwrap_or_default();
    if items.is_empty() {
        given.missing("itemIds", "an array with at least one item");
    } else if items.len() > ITEMS_MAX {
        given.wrong("itemIds", format!("at most {ITEMS_MAX} items"));
    }
    let signature = signature(&root, &mut given);
    if !given.faults.is_empty() {
        unknown_items(&book, &mut given, &items)?;
    }
    given.finish()?;
    let transaction = Transaction {
        action,
        items,
        said,
        location,
        signature,
    };
    let written = services.transact(ask.caller(), transaction)?;
    let room = services.room(ask.caller())?;
    let book = Book::new(&room, ask.guest);
    let items: Outcome<Vec<Json>> = written.records.iter().map(|item| book.item(item)).collect();
    let items = items?;
    let ids: Vec<&Json> = items.iter().map(|item| &item["id"]).collect();
    Ok(json!({"success": true, "itemIds": ids, "items": items}).into())
}

/// What is wrong with the items, where something else is wrong already; else the transaction itself finds out.
fn unknown_items(book: &Book<'_>, given: &mut Reader<'_>, items: &[i64]) -> Outcome<()> {
    for (place, number) in items.iter().take(ITEMS_MAX).enumerate() {
        let id = book.room.id_of(&EVIDENCE, *number)?;
        let item = id.map(|id| book.room.seen(&EVIDENCE, id)).transpose()?;
        if item.flatten().is_none() {
            given.wrong(&format!("itemIds[{place}]"), "no such item");
        }
    }
    Ok(())
}

fn returned(
    book: &Book<'_>,
    given: &mut Reader<'_>,
    said: &mut Fields,
) -> Outcome<Option<(RecordId, String)>> {
    person(book, given, said, ("checkedInById", "to"))?;
    // The name is of somebody who is no user: with it, the id 0 is nobody's, and not the caller's.
    match given.line("returnedByName", NAME_CHARS_MAX) {
        Some(name) if given.is_none("returnedById") => {
            said.insert("from".to_owned(), Value::Text(name));
        }
        _ => person(book, given, said, ("returnedById", "from"))?,
    }
    location(book, given, said)
}

/// A user by number, under a name of an entry of custody.
fn person(
    book: &Book<'_>,
    given: &mut Reader<'_>,
    said: &mut Fields,
    (name, under): (&str, &str),
) -> Outcome<()> {
    if let Some((id, called)) = book.given_user(given, name)? {
        said.insert(under.to_owned(), Value::Text(called));
        if under == "to" {
            said.insert("to_id".to_owned(), Value::Id(id));
        }
    }
    Ok(())
}

fn location(
    book: &Book<'_>,
    given: &mut Reader<'_>,
    said: &mut Fields,
) -> Outcome<Option<(RecordId, String)>> {
    let location = book.given_location(given, "locationId")?;
    let place = location
        .iter()
        .map(|(_, way)| ("place".to_owned(), Value::text(way)));
    said.extend(place);
    Ok(location)
}

/// A reason by its number in a fixed list.
fn fixed(given: &mut Reader<'_>, said: &mut Fields, (name, list): (&str, Fixed)) {
    let Some(number) = given.int(name) else { return };
    match words::fixed(list, number) {
        Some(word) => drop(said.insert("reason".to_owned(), Value::text(word))),
        None => given.wrong(
            name,
            format!("no such id in its list, which has {} entries", list.len()),
        ),
    }
}

fn signature(root: &Reader<'_>, given: &mut Reader<'_>) -> Option<Vec<u8>> {
    let text = root.get("sigdata")?.as_str().unwrap_or("?");
    let text = text.split_once("base64,").map_or(text, |(_, data)| data);
    let bytes: String = text.chars().filter(|c| !c.is_whitespace()).collect();
    if bytes.is_empty() {
        return None;
    }
    match BASE64.decode(bytes) {
        Ok(bytes) => Some(bytes),
        Err(_) => {
            given.wrong("sigdata", "a PNG in base64");
            None
        }
    }
}
