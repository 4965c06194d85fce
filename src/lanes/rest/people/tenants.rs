//! `/v1/tenants`: agencies. Each sees itself alone, and none makes another: the owner of the folder does.

use crate::domain::kind::TENANT;
use crate::lanes::http::route::Route;
use crate::lanes::rest::records;

/// The routes.
pub(super) fn routes() -> Vec<Route> {
    let mut routes = records::readable(&TENANT, "people");
    routes.push(records::change(&TENANT, "people"));
    routes
}
