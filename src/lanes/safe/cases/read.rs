//! Cases by id and number, their items and people.

use serde_json::{Value as Json, json};

use crate::domain::kind::{CASE, EVIDENCE};
use crate::lanes::safe::ask::Ask;
use crate::lanes::safe::router::Reply;
use crate::lanes::safe::wire::Book;
use crate::services::failure::{Failure, Outcome};
use crate::services::safe::room::Found;
use crate::views::records;

/// Items of one page, at most.
const ITEMS_MAX: i64 = 100;
/// Items of a page, if nobody says how many.
const ITEMS: i64 = 25;

/// `GET /api/cases/{id}`.
pub(in crate::lanes::safe) fn by_id(ask: &Ask<'_>) -> Outcome<Reply> {
    let room = ask.lanes.services.room(ask.caller())?;
    let case = room.record(&CASE, ask.number()?)?;
    Ok(Book::new(&room, ask.guest).case(&case)?.into())
}

/// `GET /api/cases/getByNumber?value=`: by the agency's own number, or by ours.
pub(in crate::lanes::safe) fn by_number(ask: &Ask<'_>) -> Outcome<Reply> {
    let number = ask
        .param("value")
        .ok_or_else(|| Failure::wrong("value", "the number of a case"))?;
    let room = ask.lanes.services.room(ask.caller())?;
    let tenant = room.caller.tenant();
    let field = CASE.field("case_number").ok_or(Failure::Unknown("case"))?;
    let known = match records::by_name(&room.rows, tenant.as_str(), &CASE, field, number)? {
        Some(id) => Some(id),
        None => records::by_display(&room.rows, tenant, Some(&CASE), number)?,
    };
    let number = known.map(|id| room.number_of(id)).transpose()?.flatten();
    let number = number.and_then(|number| i64::try_from(number).ok());
    let case = room.record(&CASE, number.unwrap_or(0))?;
    Ok(Book::new(&room, ask.guest).case(&case)?.into())
}

/// `GET` and `POST /api/cases/{id}/items`: a page of the case's items.
pub(in crate::lanes::safe) fn items(ask: &Ask<'_>) -> Outcome<Reply> {
    let (mut size, mut page, mut upwards) = (ITEMS, 1, true);
    if !ask.body.is_null() {
        let mut given = ask.object()?;
        size = given.int("pageSize").unwrap_or(ITEMS);
        page = given.int("pageNumber").unwrap_or(1);
        upwards = given.bool("orderByAsc").unwrap_or(true);
        if !(1..=ITEMS_MAX).contains(&size) {
            given.wrong("pageSize", format!("a whole number from 1 to {ITEMS_MAX}"));
        }
        if page < 1 {
            given.wrong("pageNumber", "a whole number from 1");
        }
        let by = given.text("orderBy").unwrap_or_default().to_lowercase();
        if !["", "id", "sequentialcaseid", "sequentialorgid", "datecreated"].contains(&by.as_str()) {
            given.wrong("orderBy", "id, sequentialCaseId, sequentialOrgId or dateCreated");
        }
        given.finish()?;
    }
    let room = ask.lanes.services.room(ask.caller())?;
    let case = room.record(&CASE, ask.number()?)?;
    let book = Book::new(&room, ask.guest);
    let mut seen = Vec::new();
    for id in book.naming(case.id, &EVIDENCE, "case_id")? {
        if room.seen(&EVIDENCE, id)?.is_some() {
            seen.push((book.number(id)?, id));
        }
    }
    seen.sort_unstable();
    if !upwards {
        seen.reverse();
    }
    let place = |number: i64| usize::try_from(number).unwrap_or(usize::MAX);
    let skipped = place((page.max(1) - 1).saturating_mul(size));
    let mut items = Vec::new();
    for (_, id) in seen.iter().skip(skipped).take(place(size)) {
        if let Found::Seen(item) = room.look_at(&EVIDENCE, *id)? {
            items.push(book.item(&item)?);
        }
    }
    Ok(json!({"entities": items, "count": seen.len()}).into())
}

/// `GET /api/cases/{id}/people`: the persons of a case, each with the role in it.
pub(in crate::lanes::safe) fn people(ask: &Ask<'_>) -> Outcome<Reply> {
    let room = ask.lanes.services.room(ask.caller())?;
    let case = room.record(&CASE, ask.number()?)?;
    Ok(Json::from(Book::new(&room, ask.guest).people_of(&case)?).into())
}
