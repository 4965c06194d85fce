//! The reference as a page: Swagger UI from the program itself, so that it works where there is no network.

use std::sync::Arc;

use axum::body::{Body, Bytes};
use axum::http::header::{
    CACHE_CONTROL, CONTENT_ENCODING, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG, HeaderName, REFERRER_POLICY,
};
use axum::http::{HeaderValue, Response, StatusCode};
use utoipa_swagger_ui::Config;

use crate::lanes::http::ask::Head;
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

/// A file as it goes out.
struct Asset {
    bytes: Bytes,
    media: HeaderValue,
    tag: HeaderValue,
    gzipped: bool,
}

/// The routes of the page and its files.
pub(super) fn routes() -> Vec<Route> {
    let own = [
        ("/docs", "text/html; charset=utf-8", INDEX),
        ("/docs/start.js", "text/javascript; charset=utf-8", START),
        ("/docs/style.css", "text/css; charset=utf-8", STYLE),
    ];
    let mut routes: Vec<Route> = own
        .into_iter()
        .map(|(path, media, text)| {
            route(
                path.to_owned(),
                Asset::new(text.as_bytes().to_vec(), media, false),
            )
        })
        .collect();
    let config = Arc::new(Config::from("/openapi.json"));
    for name in VENDORED {
        if let Ok(Some(file)) = utoipa_swagger_ui::serve(name, Arc::clone(&config)) {
            let asset = Asset::new(file.bytes.into_owned(), &file.content_type, file.gzpipped);
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

impl Asset {
    fn new(bytes: Vec<u8>, media: &str, gzipped: bool) -> Self {
        let tag = format!("\"{}\"", &sha256(&[&bytes]).to_string()[..16]);
        Self {
            bytes: bytes.into(),
            media: HeaderValue::try_from(media)
                .unwrap_or(HeaderValue::from_static("application/octet-stream")),
            tag: HeaderValue::try_from(tag).unwrap_or(HeaderValue::from_static("\"0\"")),
            gzipped,
        }
    }

    /// The file, or nothing if the client has it already.
    fn response(&self, head: &Head) -> Response<Body> {
        let is_known = head.headers.get("if-none-match") == Some(&self.tag);
        let mut response = match is_known {
            true => Response::new(Body::empty()),
            false => Response::new(Body::from(self.bytes.clone())),
        };
        let headers = response.headers_mut();
        let mut put = |name: HeaderName, value: HeaderValue| headers.insert(name, value);
        put(ETAG, self.tag.clone());
        put(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
        put(CONTENT_SECURITY_POLICY, POLICY);
        put(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
        if is_known {
            *response.status_mut() = StatusCode::NOT_MODIFIED;
            return response;
        }
        put(CONTENT_TYPE, self.media.clone());
        if self.gzipped {
            put(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        }
        response
    }
}
