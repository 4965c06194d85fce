//! The lanes: each speaks a protocol and holds no rule of the domain; none names another. What the HTTP lanes share stands in
//! [`http`].

/// The published document of all routes, and the page that shows it.
pub mod docs;
/// What happens, told as it happens.
pub mod events;
/// Records and changes in GraphQL.
pub mod graphql;
/// What all HTTP lanes share.
pub mod http;
/// Records over HTTP.
pub mod rest;
/// The evidence room, for clients of another maker's software.
pub mod safe;
/// The officers' pages.
pub mod ui;

use crate::lanes::http::Lanes;
use crate::lanes::http::route::Route;

/// Every route of every HTTP lane.
pub fn routes() -> Vec<Route> {
    let mut routes = told();
    routes.extend(docs::routes(document));
    routes
}

/// The OpenAPI document of every route, but for those that show it.
pub fn document() -> serde_json::Value {
    docs::openapi(&told())
}

/// The schema of the GraphQL lane, in its own language.
pub fn sdl() -> String {
    graphql::sdl(&of_records())
}

/// The routes that the document tells of.
fn told() -> Vec<Route> {
    let mut routes = of_records();
    routes.extend(graphql::router::routes(&routes));
    routes
}

/// The routes whose writes GraphQL has too.
fn of_records() -> Vec<Route> {
    let mut routes = rest::router::routes();
    routes.extend(events::router::routes());
    routes
}

/// The router of all HTTP lanes, the evidence room and the officers' pages among them.
pub fn router(lanes: &Lanes) -> axum::Router {
    let mut routes = routes();
    routes.extend(safe::router::routes());
    routes.extend(ui::router::routes());
    http::router(lanes, routes, ui::router::lost())
}
