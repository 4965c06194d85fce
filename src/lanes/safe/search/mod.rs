//! Searches: each static field is a criterion over a member of the object as it is read. What is asked of a member that
//! objects don't have, or by a criterion that does not exist, is refused by its name.

mod criterion;
mod members;
mod narrow;

use serde_json::{Value as Json, json};

use crate::domain::id::RecordId;
use crate::domain::kind::{CASE, ENTITY, EVIDENCE, Kind};
use crate::domain::value::Value;
use crate::lanes::safe::ask::Ask;
use crate::lanes::safe::given::Told;
use crate::lanes::safe::router::Reply;
use crate::lanes::safe::search::criterion::{Criterion, criteria, plain};
use crate::lanes::safe::search::narrow::narrowed;
use crate::lanes::safe::wire::Book;
use crate::services::audit::Event;
use crate::services::failure::{Failure, Fault, Outcome};
use crate::services::policy::{self, Deed};
use crate::store::database::Direction;
use crate::views::index::Order;
use crate::views::records;

/// Objects of a page, if nobody says how many.
const PAGE: i64 = 25;
/// Objects of a page, at most.
const PAGE_MAX: i64 = 500;

/// What is searched.
struct Searched {
    kind: &'static Kind,
    /// The member that names the office; empty if there is none.
    office: &'static str,
    /// The names of its members.
    members: &'static str,
    /// Without what needs to be counted: enough for most criteria.
    briefly: Told,
    whole: Told,
}

/// `POST /api/items/search`.
pub(super) fn items(ask: &Ask<'_>) -> Outcome<Reply> {
    let searched = Searched {
        kind: &EVIDENCE,
        members: members::ITEM,
        office: "currentOfficeId",
        briefly: |book, item| Ok(Some(book.item_briefly(item)?)),
        whole: |book, item| Ok(Some(book.item(item)?)),
    };
    search(ask, &searched)
}

/// `POST /api/cases/search`.
pub(super) fn cases(ask: &Ask<'_>) -> Outcome<Reply> {
    let searched = Searched {
        kind: &CASE,
        members: members::CASE,
        office: "officeId",
        briefly: |book, case| Ok(Some(book.case_briefly(case)?)),
        whole: |book, case| Ok(Some(book.case(case)?)),
    };
    search(ask, &searched)
}

/// `POST /api/people/search`.
pub(super) fn people(ask: &Ask<'_>) -> Outcome<Reply> {
    let searched = Searched {
        kind: &ENTITY,
        members: members::PERSON,
        office: "",
        briefly: |book, person| book.person(person),
        whole: |book, person| book.person(person),
    };
    search(ask, &searched)
}

/// What is asked for, and in which order.
struct Asked {
    criteria: Vec<Criterion>,
    offices: Vec<i64>,
    by: String,
}

fn search(ask: &Ask<'_>, searched: &Searched) -> Outcome<Reply> {
    let room = ask.lanes.services.room(ask.caller())?;
    let kind = searched.kind;
    room.services
        .demand(room.caller, "search", policy::scope_for(kind, Deed::Read))?;
    let mut given = ask.object()?;
    let asked = Asked {
        criteria: criteria(&mut given, room.services.now()),
        offices: given.ints("OfficeIds").unwrap_or_default(),
        by: given.text("orderBy").unwrap_or_else(|| "id".to_owned()),
    };
    let size = given.int("PageSize").unwrap_or(PAGE);
    let page = given.int("PageNumber").unwrap_or(1);
    if !(1..=PAGE_MAX).contains(&size) {
        given.wrong("PageSize", format!("a whole number from 1 to {PAGE_MAX}"));
    }
    if page < 1 {
        given.wrong("PageNumber", "a whole number from 1");
    }
    let upwards = given.bool("orderByAsc").unwrap_or(true);
    given.finish()?;
    let book = Book::new(&room, ask.guest);
    let mut found = found(&book, searched, &asked)?;
    found.sort_by(|(a, one, _), (b, other, _)| compare(a, b).then(one.cmp(other)));
    if !upwards {
        found.reverse();
    }
    let event = Event::done("search", None).with("kind", Value::text(kind.name));
    room.services.note(room.caller, event)?;
    let place = |number: i64| usize::try_from(number).unwrap_or(usize::MAX);
    let mut data = Vec::new();
    for (_, _, id) in found
        .iter()
        .skip(place((page - 1).saturating_mul(size)))
        .take(place(size))
    {
        if let Some(record) = room.seen(kind, *id)? {
            data.extend((searched.whole)(&book, &record)?);
        }
    }
    Ok(json!({"count": found.len(), "data": data}).into())
}

/// Those that the criteria hold for: by what they are ordered, number and id of each. One object is in memory at a time, and
/// where a criterion has rows of its own only what those name is read.
fn found(book: &Book<'_>, searched: &Searched, asked: &Asked) -> Outcome<Vec<(Json, i64, RecordId)>> {
    refuse_unknown(searched.members, asked)?;
    let Some(briefly) = first(book, searched)? else {
        return Ok(Vec::new());
    };
    let is_enough = asked.names(searched).all(|name| member(&briefly, name).is_some());
    let read = match is_enough {
        true => searched.briefly,
        false => searched.whole,
    };
    let ids = match narrowed(book, searched.kind, &asked.criteria)? {
        Some(ids) => ids,
        None => book.ids(searched.kind)?,
    };
    let mut found = Vec::new();
    for id in ids {
        let Some(record) = book.room.seen(searched.kind, id)? else {
            continue;
        };
        let Some(object) = read(book, &record)? else {
            continue;
        };
        if asked.holds(&object, searched.office) {
            let key = member(&object, &asked.by).cloned().unwrap_or(Json::Null);
            found.push((key, object["id"].as_i64().unwrap_or(0), id));
        }
    }
    Ok(found)
}

/// The first object of the kind, briefly: it shows which members need no counting.
fn first(book: &Book<'_>, searched: &Searched) -> Outcome<Option<Json>> {
    let shown = |id| match book.room.seen(searched.kind, id)? {
        Some(record) => (searched.briefly)(book, &record),
        None => Ok(None),
    };
    let mut first = Ok(None);
    let (rows, tenant) = (&book.room.rows, book.room.caller.tenant());
    let order = (Order::Created, Direction::Up);
    records::list(rows, (tenant, searched.kind), order, None, &mut |_, id| {
        first = shown(id);
        matches!(first, Ok(None))
    })?;
    first
}

impl Asked {
    /// The members that are looked at.
    fn names<'a>(&'a self, searched: &'a Searched) -> impl Iterator<Item = &'a str> {
        let own = [self.by.as_str(), searched.office].into_iter();
        let own = own.filter(|name| !name.is_empty());
        self.criteria.iter().map(|one| one.field.as_str()).chain(own)
    }

    fn holds(&self, object: &Json, office: &str) -> bool {
        let in_office = office.is_empty()
            || self.offices.is_empty()
            || object[office]
                .as_i64()
                .is_some_and(|number| self.offices.contains(&number));
        in_office
            && self
                .criteria
                .iter()
                .all(|one| one.holds(member(object, &one.field)))
    }
}

/// A member by its name in any case.
fn member<'o>(object: &'o Json, name: &str) -> Option<&'o Json> {
    let members = object.as_object()?;
    let mut named = members
        .iter()
        .filter(|(known, _)| known.eq_ignore_ascii_case(name));
    named.next().map(|(_, value)| value)
}

fn refuse_unknown(members: &str, asked: &Asked) -> Outcome<()> {
    let is_known = |name: &str| {
        members
            .split_whitespace()
            .any(|known| known.eq_ignore_ascii_case(name))
    };
    let why = |name: &str| format!("a member of the object, not {name:.60}");
    let criteria = asked.criteria.iter().filter(|one| !is_known(&one.field));
    let mut faults: Vec<Fault> = criteria
        .map(|one| {
            let path = format!("StaticFields[{}].fieldName", one.place);
            Fault::wrong(path, why(&one.field))
        })
        .collect();
    if !is_known(&asked.by) {
        faults.push(Fault::wrong("orderBy", why(&asked.by)));
    }
    match faults.is_empty() {
        true => Ok(()),
        false => Err(Failure::Invalid(faults)),
    }
}

fn compare(a: &Json, b: &Json) -> std::cmp::Ordering {
    match (a.as_f64(), b.as_f64()) {
        (Some(a), Some(b)) => a.total_cmp(&b),
        _ => plain(a).to_lowercase().cmp(&plain(b).to_lowercase()),
    }
}
