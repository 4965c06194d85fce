//! The query lane: the records of the tables of kinds as a GraphQL schema, and their changes by the routes that REST has. It
//! judges nothing: limits refuse what is too much, services judge the rest.

/// The writes of the table of routes as mutations.
mod changes;
/// Selections of which nothing may be left.
mod empty;
/// What a query may ask for at all.
mod limits;
/// Subscriptions, over a WebSocket.
mod live;
/// The table of contents.
pub mod router;
/// From a request to an answer.
mod run;
/// The types, and who answers their fields.
mod schema;
/// Requests and answers as JSON.
mod wire;

use crate::lanes::http::route::Route;

/// The schema over these routes in its own language, as it is served and committed.
///
/// # Panics
/// If the tables of kinds name a type that there is not; a test makes the schema.
pub fn sdl(routes: &[Route]) -> String {
    let writes = changes::writes(routes);
    let engine = schema::Engine::new(&writes).expect("the tables name types that there are");
    engine.schema.sdl()
}
