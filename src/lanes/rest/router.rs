//! The table of contents of the REST lane: every route, by what it is about.

use crate::domain::kind::{
    ALERT, CASE, ENTITY, EVIDENCE, FORM, LOCATION, NODE, NOTE, OFFICE, TEAM, TIMELINE_ENTRY, UNIT, WATCHLIST,
    WATCHLIST_ENTRY, WEBHOOK,
};
use crate::lanes::http::route::Route;
use crate::lanes::rest::{
    batch, casework, categories, conflicts, court, evidence, people, records, reports, search, watch,
};

/// Every route of this lane.
pub fn routes() -> Vec<Route> {
    [
        records::all(&CASE, "cases"),
        casework::members(),
        casework::entries(),
        records::readable(&TIMELINE_ENTRY, "cases"),
        records::readable(&NOTE, "cases"),
        records::all(&ENTITY, "entities"),
        casework::relations(),
        records::all(&EVIDENCE, "evidence"),
        records::all(&WATCHLIST, "watchlists"),
        records::all(&WATCHLIST_ENTRY, "watchlists"),
        records::all(&ALERT, "watchlists"),
        watch::routes(),
        records::all(&TEAM, "agency"),
        records::all(&UNIT, "agency"),
        records::all(&OFFICE, "agency"),
        records::all(&FORM, "agency"),
        records::all(&LOCATION, "agency"),
        records::readable(&NODE, "agency"),
        vec![records::change(&NODE, "agency")],
        records::readable(&WEBHOOK, "webhooks"),
        evidence::routes(),
        reports::routes(),
        search::routes(),
        categories::routes(),
        conflicts::routes(),
        batch::routes(),
        court::routes(),
        people::routes(),
    ]
    .concat()
}
