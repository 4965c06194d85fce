//! Which part of a list, in which order, with which members of each record.

use serde_json::Value as Json;

use crate::domain::id::RecordId;
use crate::domain::kind::{self, DISPLAY_ID, Kind, Shape};
use crate::domain::time::Millis;
use crate::domain::value::Value;
use crate::lanes::http::Lanes;
use crate::lanes::http::answer::Answer;
use crate::lanes::http::ask::Ask;
use crate::lanes::http::lists::cursor;
use crate::lanes::http::lists::{WORDS, filters, narrow_to_case};
use crate::lanes::http::route::{Param, param};
use crate::lanes::http::wire::{Wire, is_told};
use crate::services::casebook::{Area, Listing};
use crate::services::failure::{Failure, Fault, Outcome};
use crate::services::find;
use crate::store::database::Direction;
use crate::views::index::Order;

/// Items of a page if the client doesn't say how many.
pub(super) const LIMIT_DEFAULT: usize = 50;
/// Items of a page at most.
pub(super) const LIMIT_MAX: usize = 500;

const SORTS: &[&str] = &["created_at", "-created_at", "updated_at", "-updated_at"];

/// What every record has beside the fields of its kind.
const ALWAYS: [&str; 7] = [
    "id",
    "display_id",
    "version",
    "created_at",
    "updated_at",
    "conflicts",
    "links",
];

/// How many items, from where on.
pub(super) const PAGE: [Param; 2] = [
    param(
        "limit",
        Shape::Int(1, LIMIT_MAX as i64),
        "How many at most; 50 if not said.",
    ),
    param(
        "cursor",
        Shape::Line(2_000),
        "Where to go on: `meta.next_cursor` of the page before.",
    ),
];

/// The parameters of a list of the kind.
pub(super) fn params(kind: &Kind) -> Vec<Param> {
    let mut params = PAGE.to_vec();
    params.extend([
        param(
            "sort",
            Shape::Choice(SORTS),
            "The order; `created_at` if not said.",
        ),
        param(
            "updated_after",
            Shape::Time,
            "Only those that were changed later.",
        ),
        param(
            "fields",
            Shape::Line(2_000),
            "Only these members, parted by commas; `id` always.",
        ),
    ]);
    params.extend(filters(kind));
    params
}

/// What a client asked of a list.
pub(super) struct Selection {
    listing: Listing,
    identity: Vec<String>,
    fields: Option<Vec<String>>,
}

/// Reads the query of a list of the kind.
///
/// # Errors
/// `Invalid` with every fault; `Unknown` for a case that is not there.
pub(super) fn read(lanes: &Lanes, ask: &Ask, kind: &'static Kind) -> Outcome<Selection> {
    let mut faults = Vec::new();
    let mut listing = Listing {
        limit: limit(ask, &mut faults),
        ..Listing::default()
    };
    let sort = ask.param("sort").unwrap_or("created_at");
    (listing.order, listing.way) = match sort {
        "created_at" => (Order::Created, Direction::Up),
        "-created_at" => (Order::Created, Direction::Down),
        "updated_at" => (Order::Updated, Direction::Up),
        "-updated_at" => (Order::Updated, Direction::Down),
        _ => {
            faults.push(Fault::wrong("sort", format!("one of {}", SORTS.join(", "))));
            (Order::Created, Direction::Up)
        }
    };
    if let Some(after) = ask.param("updated_after") {
        listing.updated_after = Millis::parse(after);
        if listing.updated_after.is_none() {
            faults.push(Fault::wrong("updated_after", "a time as 2026-03-17T21:14:22Z"));
        }
    }
    if let Some(area) = ask.param("bbox") {
        listing.within = Area::parse(area);
        if listing.within.is_none() {
            let expected = "west,south,east,north: two longitudes and two latitudes in degrees";
            faults.push(Fault::wrong("bbox", expected));
        }
    }
    let params = filters(kind).collect::<Vec<_>>();
    for name in WORDS {
        if let Some(word) = ask.param(name) {
            let param = params.iter().find(|param| param.name == name);
            match param.map(|param| param.shape) {
                Some(Shape::Choice(words)) if !words.contains(&word) => {
                    faults.push(Fault::wrong(name, format!("one of {}", words.join(", "))));
                }
                _ => listing.equal.push((name.to_owned(), Value::text(word))),
            }
        }
    }
    let fields = fields(ask, kind, &mut faults);
    let identity = identity(ask, kind, sort)?;
    if let Some(cursor) = ask.param("cursor") {
        match cursor::decode(&words(&identity), cursor) {
            Ok(place) => listing.after = Some(place),
            Err(Failure::Invalid(more)) => faults.extend(more),
            Err(failure) => return Err(failure),
        }
    }
    if !faults.is_empty() {
        return Err(Failure::Invalid(faults));
    }
    if let Some(case) = ask.param("case_id") {
        let case = find::record(&lanes.services.snapshot()?, ask.caller()?, &kind::CASE, case)?;
        narrow_to_case(&mut listing, kind, &case);
    }
    Ok(Selection {
        listing,
        identity,
        fields,
    })
}

/// The same, of those alone that name this record in this field.
pub(super) fn read_of(
    lanes: &Lanes,
    ask: &Ask,
    kind: &'static Kind,
    (field, id): (&'static str, RecordId),
) -> Outcome<Selection> {
    let mut selection = read(lanes, ask, kind)?;
    selection.listing.parent = Some((field, id));
    Ok(selection)
}

/// The page that was asked for.
///
/// # Errors
/// `Denied`; the disk failed.
pub(super) fn page(lanes: &Lanes, ask: &Ask, kind: &'static Kind, selection: &Selection) -> Outcome<Answer> {
    let page = lanes.services.list(ask.caller()?, kind, &selection.listing)?;
    let wire = Wire::new(&lanes.services);
    let mut items = wire.records(&page.records)?;
    if let Some(fields) = &selection.fields {
        items.iter_mut().for_each(|item| keep(item, fields));
    }
    let next = page
        .next
        .map(|place| cursor::encode(&words(&selection.identity), &place));
    let answer = Answer::list(items, next);
    Ok(match page.total {
        Some(total) => answer.meta("total", total),
        None => answer,
    })
}

/// How many items a page has at most.
pub(super) fn limit(ask: &Ask, faults: &mut Vec<Fault>) -> usize {
    let Some(text) = ask.param("limit") else {
        return LIMIT_DEFAULT;
    };
    match text.parse() {
        Ok(limit) if (1..=LIMIT_MAX).contains(&limit) => limit,
        _ => {
            faults.push(Fault::wrong(
                "limit",
                format!("a whole number from 1 to {LIMIT_MAX}"),
            ));
            LIMIT_DEFAULT
        }
    }
}

/// Which list this is: its cursors are good for no other.
fn identity(ask: &Ask, kind: &Kind, sort: &str) -> Outcome<Vec<String>> {
    let mut identity = vec![
        ask.caller()?.tenant().to_string(),
        ask.head.path.clone(),
        kind.name.to_owned(),
        sort.to_owned(),
    ];
    for name in [
        "kind",
        "type",
        "status",
        "mode",
        "bbox",
        "case_id",
        "updated_after",
    ] {
        identity.push(ask.param(name).unwrap_or_default().to_owned());
    }
    Ok(identity)
}

fn words(identity: &[String]) -> Vec<&str> {
    identity.iter().map(String::as_str).collect()
}

fn fields(ask: &Ask, kind: &Kind, faults: &mut Vec<Fault>) -> Option<Vec<String>> {
    let names: Vec<String> = ask
        .param("fields")?
        .split(',')
        .map(|name| name.trim().to_owned())
        .collect();
    for name in &names {
        if !is_made(kind, name) && !ALWAYS.contains(&name.as_str()) && !kind.field(name).is_some_and(is_told)
        {
            faults.push(Fault::wrong("fields", format!("no such property: {name:?}")));
        }
    }
    Some(names)
}

/// What is shown of a record and is no field of it: the status of an item is said by its chain of custody.
fn is_made(kind: &Kind, name: &str) -> bool {
    let made: &[&str] = match kind.name {
        "evidence" => &["status"],
        "report" => &["report_id"],
        "credential" => &["last_used_at"],
        _ => &[],
    };
    made.contains(&name)
}

fn keep(item: &mut Json, fields: &[String]) {
    if let Json::Object(members) = item {
        let is_wanted = |name: &str| fields.iter().any(|field| field == name);
        // The number of a report is told by what is shown of it.
        members.retain(|name, _| {
            name == "id" || is_wanted(name) || (name == DISPLAY_ID && is_wanted("report_id"))
        });
    }
}
