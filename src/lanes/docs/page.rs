//! The reference as a page: Swagger UI from the program itself, so that it works where there is no network.

use std::sync::Arc;

use axum::body::Bytes;
use axum::http::HeaderValue;
use utoipa_swagger_ui::Config;

use crate::lanes::docs::asset::{Asset, Encoding};
use crate::lanes::http::route::{Gives, Route};
use crate::store::hash::sha256;

const INDEX: &str = include_str!("page.html");
const START: &str = include_str!("start.js");
const STYLE: &str = include_str!("style.css");

/// The files of Swagger UI that the page needs.
const VENDORED: [&str; 3] = ["swagger-ui.css", "swagger-ui-bundle.js", "favicon-32x32.png"];

/// Nothing from elsewhere. Swagger UI sets styles of single elements and has pictures in its style sheet.
const POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; \
     connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
);

/// The routes of the page and its files.
pub(super) fn routes() -> Vec<Route> {
    let own = [
        ("/docs", "text/html; charset=utf-8", INDEX),
        ("/docs/start.js", "text/javascript; charset=utf-8", START),
        ("/docs/style.css", "text/css; charset=utf-8", STYLE),
    ];
    let mut routes: Vec<Route> = own
        .into_iter()
        .map(|(path, media, text)| route(path.to_owned(), asset(text.as_bytes(), media, Encoding::Plain)))
        .collect();
    let config = Arc::new(Config::from("/openapi.json"));
    for name in VENDORED {
        if let Ok(Some(file)) = utoipa_swagger_ui::serve(name, Arc::clone(&config)) {
            let encoding = match file.gzpipped {
                true => Encoding::Gzip,
                false => Encoding::Plain,
            };
            let asset = asset(file.bytes.into_owned(), &file.content_type, encoding);
            routes.push(route(format!("/docs/{name}"), asset));
        }
    }
    routes
}

fn route(path: String, asset: Asset) -> Route {
    Route::get(path, "The reference as a page")
        .group("about")
        .open()
        .gives_other(200, Gives::Other("text/html"))
        .visit(move |_, visit| {
            let response = asset.response(&visit.head);
            async move { Ok(response) }
        })
}

fn asset(bytes: impl Into<Bytes>, media: &str, encoding: Encoding) -> Asset {
    let bytes = bytes.into();
    let hash = sha256(&[&bytes]).to_string();
    Asset::new(bytes, media, &hash, encoding).under(POLICY)
}
