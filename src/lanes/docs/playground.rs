//! The playground of the GraphQL lane: GraphiQL from the program itself, as `build.rs` has built and packed it.

use axum::http::HeaderValue;

use crate::lanes::docs::asset::{Asset, Encoding};
use crate::lanes::http::route::{Gives, Route};
use crate::services::failure::Failure;

/// A file: its name, its media type, the SHA-256 of what it says, and that compressed with Brotli.
type File = (&'static str, &'static str, &'static str, &'static [u8]);

/// What `build.rs` packed.
static FILES: &[File] = &include!(concat!(env!("OUT_DIR"), "/web.rs"));

/// Nothing from elsewhere. The editor makes style sheets as it goes, and its workers are files of ours.
const POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; script-src 'self'; worker-src 'self'; style-src 'self' 'unsafe-inline'; font-src 'self'; \
     img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
);

/// The page and its files.
pub(super) fn routes() -> Vec<Route> {
    let row = |path: &str, summary: &str| {
        Route::get(path, summary)
            .group("about")
            .open()
            .gives_other(200, Gives::Other("text/html"))
    };
    let page = row("/docs/graphql", "The GraphQL playground").visit(|_, visit| {
        let file = file("index.html");
        async move { Ok(file.ok_or(NONE)?.response(&visit.head)) }
    });
    let files = row("/docs/graphql/{file}", "A file of the GraphQL playground").visit(|_, visit| {
        let file = file(visit.head.part("file"));
        async move { Ok(file.ok_or(NONE)?.response(&visit.head)) }
    });
    vec![page, files]
}

const NONE: Failure = Failure::Unknown("file");

fn file(wanted: &str) -> Option<Asset> {
    let (_, media, hash, bytes) = FILES.iter().find(|(name, ..)| *name == wanted)?;
    Some(Asset::new(*bytes, media, hash, Encoding::Brotli).under(POLICY))
}
