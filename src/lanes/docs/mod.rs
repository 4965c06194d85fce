//! What is published about the routes: an OpenAPI document made of the table of routes and of the tables of kinds, the page
//! that shows it, and the playground of the GraphQL lane.

/// How an operation is asked at a command line.
mod example;
/// From tables to the document.
mod openapi;
/// The pages and their files.
mod pages;

use std::sync::{Arc, OnceLock};

use axum::body::Bytes;
use serde_json::Value as Json;

use crate::lanes::http::answer::json_response;
use crate::lanes::http::route::{Gives, Route};

/// The document of these routes.
pub fn openapi(routes: &[Route]) -> Json {
    openapi::document(routes)
}

/// The routes that show the document; it is made when it is first asked for.
pub fn routes(document: fn() -> Json) -> Vec<Route> {
    let text: Arc<OnceLock<Bytes>> = Arc::default();
    let mut routes = pages::routes();
    routes.push(
        Route::get("/openapi.json", "This document")
            .group("about")
            .open()
            .gives_other(200, Gives::Other("application/json"))
            .visit(move |_, _| {
                let text = text.get_or_init(|| document().to_string().into());
                let response = json_response(text.clone());
                async move { Ok(response) }
            }),
    );
    routes
}
