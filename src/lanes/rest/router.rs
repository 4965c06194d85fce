//! The table of contents of the REST lane: every route, by what it is about.

use crate::domain::kind::{ALERT, CASE, ENTITY, EVIDENCE, FORM, LOCATION, OFFICE, TEAM, WATCHLIST};
use crate::lanes::http::route::Route;
use crate::lanes::rest::{records, search};

/// Every route of this lane.
pub fn routes() -> Vec<Route> {
    [
        records::all(&CASE, "cases"),
        records::all(&ENTITY, "entities"),
        records::all(&EVIDENCE, "evidence"),
        records::all(&WATCHLIST, "watchlists"),
        records::all(&ALERT, "watchlists"),
        records::all(&TEAM, "agency"),
        records::all(&OFFICE, "agency"),
        records::all(&FORM, "agency"),
        records::all(&LOCATION, "agency"),
        search::routes(),
    ]
    .concat()
}
