//! What is published about the routes: an OpenAPI document made of the table of routes and of the tables of kinds.

use serde_json::{Value as Json, json};

use crate::lanes::http::answer::json_body;
use crate::lanes::http::route::{Gives, Route};

/// The document of these routes.
pub fn openapi(routes: &[Route]) -> Json {
    let paths: serde_json::Map<String, Json> = routes
        .iter()
        .map(|route| (route.path.clone(), json!({})))
        .collect();
    json!({"openapi": "3.1.0", "paths": paths})
}

/// The routes that show it.
pub fn routes(document: Json) -> Vec<Route> {
    vec![
        Route::get("/openapi.json", "This document")
            .group("about")
            .open()
            .gives_other(200, Gives::Other("application/json"))
            .visit(move |_, _| {
                let response = json_body(&document);
                async move { Ok(response) }
            }),
    ]
}
