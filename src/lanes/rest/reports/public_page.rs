//! The page for who filed a report: self-contained, without scripts, legible on a phone, light or dark as its reader likes it.
//! It refers to nothing but its own pictures, and tells no other site from where a reader comes.

use std::fmt::Write as _;

use axum::body::Body;
use axum::http::header::{CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderName, REFERRER_POLICY};
use axum::http::{HeaderValue, Response, StatusCode};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;

use crate::domain::time::Millis;
use crate::lanes::http::ask::Head;
use crate::lanes::http::blocking;
use crate::lanes::http::files::download::{Disposition, respond};
use crate::lanes::http::route::{Gives, Route};
use crate::services::caller::Via;
use crate::services::failure::Failure;
use crate::services::reports::public::PublicReport;
use crate::store::hash::sha256;

const STYLE: &str = include_str!("public_page.css");

/// The routes.
pub(super) fn routes() -> Vec<Route> {
    let page = Route::get("/public/reports/{token}", "The page for who filed a report")
        .group("public")
        .open()
        .gives_other(200, Gives::Other("text/html"))
        .visit(|lanes, visit| async move {
            let (head, via) = (visit.head.clone(), via(visit.head));
            let token = head.part("token").to_owned();
            let asked = token.clone();
            match blocking(move || lanes.services.public_report(&asked, &via)).await {
                Ok(report) => Ok(html(StatusCode::OK, &page_of(&report, &token))),
                Err(Failure::Unknown(_)) => Ok(html(StatusCode::NOT_FOUND, &gone())),
                Err(failure) => Err(failure),
            }
        });
    let picture = Route::get(
        "/public/reports/{token}/images/{place}",
        "A small picture of that page",
    )
    .group("public")
    .open()
    .gives_other(200, Gives::Other("image/jpeg"))
    .visit(|lanes, visit| async move {
        let (token, via) = (visit.head.part("token").to_owned(), via(visit.head.clone()));
        // There is none at a place that is no number.
        let place = visit.head.part("place").parse().unwrap_or(usize::MAX);
        let file = blocking(move || lanes.services.public_picture(&token, place, &via)).await?;
        let mut response = respond(&visit.head, &file, Disposition::Inline).await?;
        quiet(&mut response);
        Ok::<_, Failure>(response)
    });
    vec![page, picture]
}

/// The path stays out of the audit log: who knows it may see the page.
fn via(head: Head) -> Via {
    Via {
        address: head.address.map(|address| address.to_canonical()),
        ..Via::of("rest", head.request_id)
    }
}

/// What keeps a secret address secret: no referrer, no search engine.
fn quiet(response: &mut Response<Body>) {
    let headers = response.headers_mut();
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    headers.insert(
        HeaderName::from_static("x-robots-tag"),
        HeaderValue::from_static("noindex, nofollow, noarchive"),
    );
}

fn html(status: StatusCode, text: &str) -> Response<Body> {
    let mut response = Response::new(Body::from(text.to_owned()));
    *response.status_mut() = status;
    let style = BASE64.encode(sha256(&[STYLE.as_bytes()]).0);
    let policy = format!(
        "default-src 'none'; style-src 'sha256-{style}'; img-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    );
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    if let Ok(policy) = HeaderValue::try_from(policy) {
        headers.insert(CONTENT_SECURITY_POLICY, policy);
    }
    quiet(&mut response);
    response
}

fn frame(title: &str, main: &str) -> String {
    format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\
        <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\
        <meta name=\"color-scheme\" content=\"light dark\"><title>{title}</title><style>{STYLE}</style></head>\
        <body><main>{main}</main></body></html>\n"
    )
}

fn gone() -> String {
    frame(
        "Page not found",
        "<header><p class=\"eyebrow\">Report</p><h1>This page is not here</h1></header>\
        <p class=\"lead\">The link has ended, was taken back, or was not copied whole. \
        Your report itself is not affected.</p>",
    )
}

/// The word for a status, and what it means for who waits.
fn status_words(status: &str) -> (&'static str, &'static str, usize) {
    match status {
        "in-progress" => ("In progress", "Somebody is working on your report.", 2),
        "resolved" => ("Resolved", "The work on your report is finished.", 3),
        "rejected" => ("Closed", "Your report was closed without further action.", 3),
        _ => ("Received", "Your report has arrived and will be looked at.", 1),
    }
}

fn page_of(report: &PublicReport, token: &str) -> String {
    let (word, meaning, step) = status_words(&report.status);
    let number = escaped(&report.number);
    let mut main = format!(
        "<header><p class=\"eyebrow\">Report {number}</p><h1>{word}</h1><p class=\"lead\">{meaning}</p></header>"
    );
    if report.is_training {
        main.push_str("<p class=\"training\">This report is an exercise.</p>");
    }
    steps(
        &mut main,
        step,
        if report.status == "rejected" {
            "Closed"
        } else {
            "Resolved"
        },
    );
    let _ = write!(
        main,
        "<dl><div><dt>Filed</dt><dd>{}</dd></div><div><dt>Status since</dt><dd>{}</dd></div></dl>",
        time(report.filed_at),
        time(report.status_at)
    );
    if !report.messages.is_empty() {
        main.push_str("<section><h2>Your messages</h2><ol class=\"messages\">");
        for (at, text) in &report.messages {
            let _ = write!(main, "<li><p>{}</p>{}</li>", escaped(text), time(*at));
        }
        main.push_str("</ol></section>");
    }
    pictures(&mut main, report, token);
    let _ = write!(
        main,
        "<footer><p>In an emergency, call your emergency number; this page is not watched.</p>\
        <p>This page ends on {}. Whoever has its address can see it.</p></footer>",
        time(report.expires_at)
    );
    frame(&format!("Report {number} · {word}"), &main)
}

fn steps(main: &mut String, reached: usize, last: &str) {
    main.push_str("<ol class=\"steps\" aria-label=\"Progress\">");
    for (place, name) in ["Received", "In progress", last].into_iter().enumerate() {
        let (class, current) = match (place + 1).cmp(&reached) {
            std::cmp::Ordering::Less => ("done", ""),
            std::cmp::Ordering::Equal => ("done now", " aria-current=\"step\""),
            std::cmp::Ordering::Greater => ("", ""),
        };
        let _ = write!(main, "<li class=\"{class}\"{current}>{name}</li>");
    }
    main.push_str("</ol>");
}

fn pictures(main: &mut String, report: &PublicReport, token: &str) {
    if report.pictures.is_empty() {
        return;
    }
    main.push_str("<section><h2>Your pictures</h2><ul class=\"pictures\">");
    for (place, has_small_copy) in report.pictures.iter().enumerate() {
        let number = place + 1;
        let _ = match has_small_copy {
            true => write!(
                main,
                "<li><img src=\"/public/reports/{}/images/{place}\" alt=\"Picture {number} of your report\" loading=\"lazy\"></li>",
                escaped(token)
            ),
            false => write!(main, "<li class=\"unseen\">Picture {number} was received.</li>"),
        };
    }
    main.push_str("</ul></section>");
}

/// `17 March 2026, 21:14 UTC`
fn time(at: Millis) -> String {
    let full = at.to_string();
    let shown = jiff::Timestamp::from_millisecond(at.0).map_or_else(
        |_| full.clone(),
        |at| at.strftime("%-d %B %Y, %H:%M UTC").to_string(),
    );
    format!("<time datetime=\"{full}\">{shown}</time>")
}

fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '&' => safe.push_str("&amp;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            c => safe.push(c),
        }
    }
    safe
}

#[cfg(test)]
mod tests {
    use super::{Millis, PublicReport, page_of};

    #[test]
    fn what_was_said_is_text_and_never_markup() {
        let page = page_of(
            &PublicReport {
                number: "123".into(),
                filed_at: Millis(0),
                status: "received".into(),
                status_at: Millis(0),
                messages: vec![(Millis(0), "<script>alert('x')</script> & \"more\"".into())],
                pictures: vec![true, false],
                expires_at: Millis(86_400_000),
                is_training: false,
            },
            "token",
        );
        assert!(page.contains("&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt; &amp; &quot;more&quot;"));
        assert!(!page.contains("<script"));
        assert!(page.contains("1 January 1970, 00:00 UTC"));
    }
}
