//! The pages of the program itself, as `build.rs` has built and packed them, so that they work where there is no network: the
//! reference, which is Swagger UI, and the playground of the GraphQL lane, which is GraphiQL.

use axum::http::HeaderValue;

use crate::lanes::docs::asset::{Asset, Encoding};
use crate::lanes::http::route::{Draft, Gives, Route};
use crate::services::failure::{Failure, Outcome};

/// A file: its name, its media type, the SHA-256 of what it says, and that, compressed with Brotli if it is no page.
type File = (&'static str, &'static str, &'static str, &'static [u8]);

/// What `build.rs` packed.
static FILES: &[File] = &include!(concat!(env!("OUT_DIR"), "/web.rs"));

/// Nothing from elsewhere. Both pages set styles as they go and have pictures in their style sheets; the editor's workers are files
/// of ours.
const POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; script-src 'self'; worker-src 'self'; style-src 'self' 'unsafe-inline'; font-src 'self'; \
     img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
);

/// The pages and their files.
pub(super) fn routes() -> Vec<Route> {
    vec![
        page("/docs", "The reference as a page", "reference.html"),
        page("/docs/graphql", "The GraphQL playground", "playground.html"),
        row("/docs/assets/{file}", "A file of these pages").visit(|_, visit| {
            let response = file(visit.head.part("file")).map(|file| file.response(&visit.head));
            async move { response }
        }),
    ]
}

fn page(path: &str, summary: &str, name: &'static str) -> Route {
    row(path, summary).visit(move |_, visit| {
        let response = file(name).map(|file| file.response(&visit.head));
        async move { response }
    })
}

fn row(path: &str, summary: &str) -> Draft {
    Route::get(path, summary)
        .group("about")
        .open()
        .gives_other(200, Gives::Other("text/html"))
}

fn file(wanted: &str) -> Outcome<Asset> {
    let file = FILES.iter().find(|(name, ..)| *name == wanted);
    let (name, media, hash, bytes) = file.ok_or(Failure::Unknown("file"))?;
    let encoding = match name.ends_with(".html") {
        true => Encoding::Plain,
        false => Encoding::Brotli,
    };
    Ok(Asset::new(*bytes, media, hash, encoding).under(POLICY))
}
