//! The table of contents of the web UI: the paths of its pages, and its files.

use axum::http::{HeaderValue, StatusCode};

use crate::lanes::http::files::asset::Assets;
use crate::lanes::http::route::{Draft, Gives, Route};

/// Nothing from elsewhere, nothing inline, and no text becomes markup: browsers that know trusted types refuse it to every script
/// but the framework's own templates. Pictures are of the node, or chosen and not sent yet.
const POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; connect-src 'self'; base-uri 'none'; \
     form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types svelte-trusted-html",
);

/// Where the pages are: everything that the `reviewPath` of an event can name, and what leads there.
const PAGES: [&str; 8] = [
    "/",
    "/cases",
    "/cases/{id}",
    "/cases/{id}/alerts/{severity}",
    "/entities/{id}",
    "/evidence/new",
    "/evidence/{id}",
    "/reports/{id}",
];

/// The pages and their files.
pub fn routes() -> Vec<Route> {
    let files = Assets::of("desk", &POLICY);
    let page = |path| {
        let files = files.clone();
        row(path).page().visit(move |_, visit| {
            let response = files.answer("desk.html", &visit.head);
            async move { response }
        })
    };
    let mut routes: Vec<Route> = PAGES.into_iter().map(page).collect();
    routes.push(row("/assets/{file}").visit(move |_, visit| {
        let response = files.answer(visit.head.part("file"), &visit.head);
        async move { response }
    }));
    routes
}

/// The page for an address at which there is none.
pub fn lost() -> Route {
    let files = Assets::of("desk", &POLICY);
    row("/{*path}").page().visit(move |_, visit| {
        let page = files.answer("desk.html", &visit.head);
        async move {
            let mut page = page?;
            if page.status() == StatusCode::OK {
                *page.status_mut() = StatusCode::NOT_FOUND;
            }
            Ok(page)
        }
    })
}

fn row(path: &str) -> Draft {
    Route::get(path, "A page of the web UI")
        .group("ui")
        .open()
        .gives_other(200, Gives::Other("text/html"))
}
