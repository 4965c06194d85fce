//! What is published about the routes: an OpenAPI document made of the table of routes and of the tables of kinds, and a page
//! that shows it.

/// From tables to the document.
mod openapi;
/// The page.
mod page;

use serde_json::Value as Json;

use crate::lanes::http::answer::json_body;
use crate::lanes::http::route::{Gives, Route};

/// The document of these routes.
pub fn openapi(routes: &[Route]) -> Json {
    openapi::document(routes)
}

/// The routes that show it.
pub fn routes(document: Json) -> Vec<Route> {
    let mut routes = page::routes();
    routes.push(
        Route::get("/openapi.json", "This document")
            .group("about")
            .open()
            .gives_other(200, Gives::Other("application/json"))
            .visit(move |_, _| {
                let response = json_body(&document);
                async move { Ok(response) }
            }),
    );
    routes
}
