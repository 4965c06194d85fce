//! The pages of the program itself, as `build.rs` has built and packed them, so that they work where there is no network: the
//! reference, which is Swagger UI, and the playground of the GraphQL lane, which is GraphiQL.

use axum::http::HeaderValue;

use crate::lanes::http::files::asset::Assets;
use crate::lanes::http::route::{Draft, Gives, Route};

/// Nothing from elsewhere. Both pages set styles as they go and have pictures in their style sheets; the editor's workers are files
/// of ours.
const POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; script-src 'self'; worker-src 'self'; style-src 'self' 'unsafe-inline'; font-src 'self'; \
     img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
);

/// The pages and their files.
pub(super) fn routes() -> Vec<Route> {
    let files = Assets::of("docs", &POLICY);
    let page = |path, summary, name: &'static str| {
        let files = files.clone();
        row(path, summary).visit(move |_, visit| {
            let response = files.answer(name, &visit.head);
            async move { response }
        })
    };
    let pages = [
        page("/docs", "The reference as a page", "reference.html"),
        page("/docs/graphql", "The GraphQL playground", "playground.html"),
    ];
    let file = row("/docs/assets/{file}", "A file of these pages").visit(move |_, visit| {
        let response = files.answer(visit.head.part("file"), &visit.head);
        async move { response }
    });
    pages.into_iter().chain([file]).collect()
}

fn row(path: &str, summary: &str) -> Draft {
    Route::get(path, summary)
        .group("about")
        .open()
        .gives_other(200, Gives::Other("text/html"))
}
