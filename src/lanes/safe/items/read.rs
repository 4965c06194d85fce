//! Items by sequence, by id, by where they are; their chains and forms.

use serde_json::{Value as Json, json};

use crate::domain::kind::{EVIDENCE, LOCATION};
use crate::domain::record::Record;
use crate::lanes::safe::ask::Ask;
use crate::lanes::safe::router::Reply;
use crate::lanes::safe::wire::{Book, stub};
use crate::services::failure::{Failure, Outcome};
use crate::services::safe::items::ITEMS_MAX;
use crate::services::safe::room::{Found, Room};
use crate::views::records;

/// `GET /api/items/seqOrgID/{n}`: the item, a stub, or `null` while the number is not issued; with `take` an array,
/// but `null` too for what is no number.
pub(in crate::lanes::safe) fn by_sequence(ask: &Ask<'_>) -> Outcome<Reply> {
    let room = ask.lanes.services.room(ask.caller())?;
    let book = Book::new(&room, ask.guest);
    let number = ask.number()?;
    let most = i64::try_from(ITEMS_MAX).unwrap_or(i64::MAX);
    let Some(take) = ask.param_within("take", (1, most))? else {
        return Ok(told(&book, number, room.look(&EVIDENCE, number)?)?.into());
    };
    let Some(first) = u64::try_from(number).ok().filter(|first| *first > 0) else {
        return Ok(Json::Null.into());
    };
    let items = room.items_from(first, usize::try_from(take).unwrap_or(1))?;
    let items: Outcome<Vec<Json>> = items
        .into_iter()
        .map(|(number, found)| told(&book, i64::try_from(number).unwrap_or(i64::MAX), found))
        .collect();
    Ok(Json::from(items?).into())
}

fn told(book: &Book<'_>, number: i64, found: Found) -> Outcome<Json> {
    match found {
        Found::NotIssued => Ok(Json::Null),
        Found::Hidden => Ok(stub(number.unsigned_abs())),
        Found::Seen(item) => book.item(&item),
    }
}

/// `GET /api/items/{id}`: the item, or a stub where it is gone or hidden.
pub(in crate::lanes::safe) fn by_id(ask: &Ask<'_>) -> Outcome<Reply> {
    let room = ask.lanes.services.room(ask.caller())?;
    let book = Book::new(&room, ask.guest);
    let number = ask.number()?;
    match room.look(&EVIDENCE, number)? {
        Found::NotIssued => Err(Failure::Unknown("item")),
        found => Ok(told(&book, number, found)?.into()),
    }
}

fn item_named(ask: &Ask<'_>, room: &Room<'_>) -> Outcome<Record> {
    let item = room.record(&EVIDENCE, ask.number()?);
    item.map_err(|failure| match failure {
        Failure::Unknown(_) => Failure::Unknown("item"),
        failure => failure,
    })
}

/// `GET /api/items/{id}/coc`: the chain of custody, oldest first.
pub(in crate::lanes::safe) fn chain(ask: &Ask<'_>) -> Outcome<Reply> {
    let room = ask.lanes.services.room(ask.caller())?;
    let item = item_named(ask, &room)?;
    Ok(Json::from(Book::new(&room, ask.guest).chain(&item)?).into())
}

/// `GET /api/formdata/{itemId}`: what is filled in of an item.
pub(in crate::lanes::safe) fn form_data(ask: &Ask<'_>) -> Outcome<Reply> {
    let room = ask.lanes.services.room(ask.caller())?;
    let item = item_named(ask, &room)?;
    Ok(Json::from(Book::new(&room, ask.guest).form_data("items", &item)?).into())
}

/// `GET /api/items/getByLocationBarcode?barcode=`: the items that are kept there.
pub(in crate::lanes::safe) fn by_location_barcode(ask: &Ask<'_>) -> Outcome<Reply> {
    let barcode = ask
        .param("barcode")
        .ok_or_else(|| Failure::wrong("barcode", "the barcode of a location"))?;
    let room = ask.lanes.services.room(ask.caller())?;
    let book = Book::new(&room, ask.guest);
    let tenant = room.caller.tenant().as_str();
    let field = LOCATION.field("barcode").ok_or(Failure::Unknown("location"))?;
    let location = records::by_name(&room.rows, tenant, &LOCATION, field, barcode)?;
    let location = location.map(|id| room.seen(&LOCATION, id)).transpose()?.flatten();
    let mut items = Vec::new();
    if let Some(location) = location {
        for id in book.naming(location.id, &EVIDENCE, "location_id")? {
            if let Found::Seen(item) = room.look_at(&EVIDENCE, id)? {
                items.push(book.item(&item)?);
            }
        }
    }
    Ok(json!({ "items": items }).into())
}
