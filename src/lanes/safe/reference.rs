//! Lists that clients fill their menus with.

use serde_json::{Value as Json, json};

use crate::domain::kind::{OFFICE, TEAM};
use crate::lanes::safe::ask::Ask;
use crate::lanes::safe::router::Reply;
use crate::lanes::safe::wire::{Book, form};
use crate::services::failure::{Failure, Outcome};
use crate::services::safe::room::office_number;
use crate::services::safe::words::{self, ADDRESS_TYPES, Fixed, GENDERS, RACES};
use crate::views::words::{self as word_rows, List};

/// Locations of one answer to who is still typing.
const LOCATIONS_MAX: usize = 50;

const STATES: Fixed = &[
    "Alabama",
    "Alaska",
    "Arizona",
    "Arkansas",
    "California",
    "Colorado",
    "Connecticut",
    "Delaware",
    "District of Columbia",
    "Florida",
    "Georgia",
    "Hawaii",
    "Idaho",
    "Illinois",
    "Indiana",
    "Iowa",
    "Kansas",
    "Kentucky",
    "Louisiana",
    "Maine",
    "Maryland",
    "Massachusetts",
    "Michigan",
    "Minnesota",
    "Mississippi",
    "Missouri",
    "Montana",
    "Nebraska",
    "Nevada",
    "New Hampshire",
    "New Jersey",
    "New Mexico",
    "New York",
    "North Carolina",
    "North Dakota",
    "Ohio",
    "Oklahoma",
    "Oregon",
    "Pennsylvania",
    "Rhode Island",
    "South Carolina",
    "South Dakota",
    "Tennessee",
    "Texas",
    "Utah",
    "Vermont",
    "Virginia",
    "Washington",
    "West Virginia",
    "Wisconsin",
    "Wyoming",
];

/// `GET /api/races`.
pub(super) fn races(_: &Ask<'_>) -> Outcome<Reply> {
    Ok(fixed(RACES))
}

/// `GET /api/genders`.
pub(super) fn genders(_: &Ask<'_>) -> Outcome<Reply> {
    Ok(fixed(GENDERS))
}

/// `GET /api/addresstypes`.
pub(super) fn address_types(_: &Ask<'_>) -> Outcome<Reply> {
    Ok(fixed(ADDRESS_TYPES))
}

/// `GET /api/states`.
pub(super) fn states(_: &Ask<'_>) -> Outcome<Reply> {
    Ok(fixed(STATES))
}

/// `GET /api/personTypes`.
pub(super) fn person_types(ask: &Ask<'_>) -> Outcome<Reply> {
    listed(ask, List::Roles)
}

/// `GET /api/offensetypes`.
pub(super) fn offense_types(ask: &Ask<'_>) -> Outcome<Reply> {
    listed(ask, List::Offenses)
}

/// `GET /api/categories`.
pub(super) fn categories(ask: &Ask<'_>) -> Outcome<Reply> {
    listed(ask, List::Categories)
}

fn fixed(list: Fixed) -> Reply {
    let row = |(number, name): (i64, &&str)| json!({"id": number, "name": name, "active": true});
    let rows: Vec<Json> = (1..).zip(list).map(row).collect();
    Json::from(rows).into()
}

fn listed(ask: &Ask<'_>, list: List) -> Outcome<Reply> {
    let rows = ask.lanes.services.snapshot()?;
    let words = words::all(&rows, ask.caller(), list)?.into_iter();
    let row = |(number, name): (i64, String)| json!({"id": number, "name": name, "active": true});
    Ok(Json::from(words.map(row).collect::<Vec<_>>()).into())
}

/// `GET /api/offices`.
pub(super) fn offices(ask: &Ask<'_>) -> Outcome<Reply> {
    let room = ask.lanes.services.room(ask.caller())?;
    let mut offices = Vec::new();
    for office in Book::new(&room, ask.guest).all(&OFFICE)? {
        offices.push(json!({
            "id": office_number(&room.rows, &office)?,
            "name": office.text("name"),
            "address": office.text("address"),
            "organizationId": ask.guest.organization,
            "active": true,
        }));
    }
    Ok(Json::from(offices).into())
}

/// `GET /api/groups`.
pub(super) fn groups(ask: &Ask<'_>) -> Outcome<Reply> {
    let room = ask.lanes.services.room(ask.caller())?;
    let book = Book::new(&room, ask.guest);
    let mut groups = Vec::new();
    for team in book.all(&TEAM)? {
        let organization = ask.guest.organization;
        let (id, name) = (book.number(team.id)?, team.text("name"));
        groups.push(json!({"id": id, "name": name, "organizationId": organization, "active": true}));
    }
    Ok(Json::from(groups).into())
}

/// `GET /api/locations/typeahead?search=`: those whose name begins so.
pub(super) fn locations(ask: &Ask<'_>) -> Outcome<Reply> {
    let room = ask.lanes.services.room(ask.caller())?;
    let book = Book::new(&room, ask.guest);
    let start = ask.param("search").unwrap_or_default().to_lowercase();
    let (mut ids, tenant) = (Vec::new(), room.caller.tenant());
    word_rows::beginning(&room.rows, tenant, List::Locations, &start, &mut |id| {
        ids.push(id);
        ids.len() < LOCATIONS_MAX
    })?;
    let mut locations = Vec::new();
    for id in ids {
        if let Some(location) = room.seen(&crate::domain::kind::LOCATION, id)? {
            locations.push(book.location(&location)?);
        }
    }
    Ok(Json::from(locations).into())
}

/// `GET /api/forms?formType=All|Cases|Items|People`.
pub(super) fn forms(ask: &Ask<'_>) -> Outcome<Reply> {
    let wanted = ask.param("formType").unwrap_or("All").to_lowercase();
    if !["all", "cases", "items", "people"].contains(&wanted.as_str()) {
        return Err(Failure::wrong("formType", "All, Cases, Items or People"));
    }
    let room = ask.lanes.services.room(ask.caller())?;
    let book = Book::new(&room, ask.guest);
    let forms = book
        .forms()?
        .iter()
        .filter(|form| wanted == "all" || form.about == wanted);
    let listed: Vec<Json> = forms.map(form::Form::listed).chain([form::beside()]).collect();
    Ok(Json::from(listed).into())
}
