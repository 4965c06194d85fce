//! What each change left of an item: the second sequence at which clients poll, and the same of one item.

use serde_json::{Value as Json, json};

use crate::domain::custody::chain::CUSTODY;
use crate::domain::kind::EVIDENCE;
use crate::domain::operation::Operation;
use crate::domain::record::Record;
use crate::lanes::safe::ask::Ask;
use crate::lanes::safe::router::Reply;
use crate::lanes::safe::wire::{Book, stub};
use crate::services::failure::{Failure, Outcome};
use crate::views::ordinals::ItemChange;

/// Rows of one answer, at most.
const ROWS_MAX: i64 = 500;

/// `GET /api/items/seqOrgItemHistoryId/{n}`: the n-th change of any item, or `null` while there is none.
pub(in crate::lanes::safe) fn by_sequence(ask: &Ask<'_>) -> Outcome<Reply> {
    let room = ask.lanes.services.room(ask.caller())?;
    let book = Book::new(&room, ask.guest);
    let number = u64::try_from(ask.number()?).unwrap_or(0);
    let Some(told) = room.change(number)? else {
        return Ok(Json::Null.into());
    };
    let after = told.after.as_ref().map(|(operation, item)| (operation, item));
    let (name, row) = row(&book, &told.change, after)?;
    Ok(json!({"historyType": name, "item": [row]}).into())
}

/// `GET /api/items/itemHistory?itemId=&orderBy=&orderMethodAsc=&skip=&top=`: the changes of one item.
pub(in crate::lanes::safe) fn of_item(ask: &Ask<'_>) -> Outcome<Reply> {
    let item = ask.param_within("itemId", (0, i64::MAX))?;
    let item = item.ok_or_else(|| Failure::wrong("itemId", "the id of an item"))?;
    if ask
        .param("orderBy")
        .is_some_and(|by| !by.eq_ignore_ascii_case("timestamp"))
    {
        return Err(Failure::wrong("orderBy", "TimeStamp"));
    }
    let ascending = match ask.param("orderMethodAsc") {
        None => false,
        Some(said) if said.eq_ignore_ascii_case("true") => true,
        Some(said) if said.eq_ignore_ascii_case("false") => false,
        Some(_) => return Err(Failure::wrong("orderMethodAsc", "true or false")),
    };
    let skip = ask.param_within("skip", (0, i64::MAX))?.unwrap_or(0);
    let top = ask.param_within("top", (1, ROWS_MAX))?.unwrap_or(25);
    let room = ask.lanes.services.room(ask.caller())?;
    let item = room.record(&EVIDENCE, item).map_err(|failure| match failure {
        Failure::Unknown(_) => Failure::Unknown("item"),
        failure => failure,
    })?;
    let mut changes = room.changes_of(&item)?;
    if !ascending {
        changes.reverse();
    }
    let book = Book::new(&room, ask.guest);
    let place = |number: i64| usize::try_from(number).unwrap_or(usize::MAX);
    let mut rows = Vec::new();
    for change in changes.iter().skip(place(skip)).take(place(top)) {
        let after = room.after(change)?;
        let after = after.as_ref().map(|(operation, item)| (operation, item));
        rows.push(row(&book, change, after)?.1);
    }
    Ok(json!({ "data": rows }).into())
}

/// The name of a change, and its row.
fn row(
    book: &Book<'_>,
    change: &ItemChange,
    after: Option<(&Operation, &Record)>,
) -> Outcome<(&'static str, Json)> {
    let Some((operation, item)) = after else {
        let number = book.number(change.item)?.unsigned_abs();
        let row = json!({
            "historyId": null,
            "timeStamp": null,
            "historyUserId": null,
            "historyUserName": null,
            "historyType": 0,
            "seqOrgItemHistoryId": change.number,
            "item": stub(number),
            "entity": stub(number),
        });
        return Ok(("Forbidden", row));
    };
    let header = &operation.header;
    let book = Book::of_then(book.room, book.guest, header.hlc.last_of_its_moment());
    let user = header
        .actor
        .who
        .strip_prefix("user:")
        .and_then(|id| id.parse().ok());
    let user = user.map(|id| book.named(id)).transpose()?.flatten();
    let name = match &user {
        Some((_, name)) => name.clone(),
        None => header
            .actor
            .client
            .split_once(':')
            .map_or("", |(_, name)| name)
            .to_owned(),
    };
    let (kind, type_name) = type_of(operation, item);
    let mut whole = book.item(item)?;
    let changes = book.room.changes_of(item)?;
    let so_far = changes.iter().filter(|other| other.number <= change.number);
    whole["historiesAmount"] = so_far.count().into();
    let row = json!({
        "historyId": header.id.to_string(),
        "timeStamp": header.wall.to_string(),
        "historyUserId": user.map(|(number, _)| number),
        "historyUserName": name,
        "historyType": kind,
        "seqOrgItemHistoryId": change.number,
        "item": whole.clone(),
        "entity": whole,
    });
    Ok((type_name, row))
}

fn type_of(operation: &Operation, item: &Record) -> (i64, &'static str) {
    if operation.header.id == item.created.op {
        return (1, "Created");
    }
    let mut changes = operation.payload.iter().flat_map(|payload| &payload.changes);
    match changes.any(|change| change.field == CUSTODY) {
        true => (3, "Custody"),
        false => (2, "Updated"),
    }
}
