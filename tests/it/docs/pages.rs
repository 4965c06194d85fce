//! The pages in a real browser: they render, go on answering, and ask nobody but the box. Texts alone don't tell: a plugin of the
//! reference once passed every test of them and hung the browser for ever.

use serde_json::{Value as Json, json};

use crate::support::browser::Browser;
use crate::support::process::Place;

#[test]
fn a_browser_shows_the_reference_finds_in_it_and_asks_nobody_else() {
    let Some(mut browser) = Browser::or_say() else {
        return;
    };
    let place = Place::with_node();
    let server = place.serve();
    let origin = format!("https://{}", server.address());
    let page = format!("{origin}/docs");
    browser.call("Page.navigate", &json!({"url": page}));
    browser.wait_until("document.querySelectorAll('.opblock-tag').length > 10");
    let groups = browser.value("document.querySelectorAll('.opblock-tag').length");

    browser.value("document.querySelector('.operation-filter-input').focus()");
    for letter in "custody".chars() {
        browser.call("Input.insertText", &json!({"text": letter}));
    }
    let paths = "[...document.querySelectorAll('.opblock-summary-path')].map((path) => path.dataset.path)";
    browser.wait_until(&format!("{paths}.includes('/v1/evidence/{{id}}/custody')"));
    assert_eq!(browser.value("1 + 1"), 2, "the page hangs");
    let found = browser.value("document.querySelectorAll('.opblock-tag').length");
    assert!(found.as_u64() < groups.as_u64(), "{found} of {groups} groups");

    browser.value(
        "document.querySelector('[data-path$=custody]').closest('.opblock-summary').firstChild.click()",
    );
    browser.wait_until("document.querySelector('.opblock-body')?.innerText.includes('curl --cacert')");
    assert_eq!(browser.value("1 + 1"), 2, "the page hangs");

    assert_eq!(browser.asked_elsewhere(&origin), Vec::<String>::new());
    let asked = browser.events_of("Network.requestWillBeSent").count();
    assert!(asked > 4, "{asked} requests were seen");
    assert_eq!(browser.errors(), Vec::<&Json>::new());
}

const PASSWORD: &str = "correct horse battery";

#[test]
fn a_browser_runs_a_query_and_a_subscription_in_the_playground_and_asks_nobody_else() {
    let Some(mut browser) = Browser::or_say() else {
        return;
    };
    let place = Place::with_node();
    std::fs::write(place.file("password"), PASSWORD).unwrap();
    let file = place.file("password");
    let words = [
        "user",
        "add",
        "--email",
        "a@b.example",
        "--name",
        "Ana",
        "--role",
        "officer",
        "--password-file",
    ];
    let added = place.run(&[&words[..], &[file.to_str().unwrap()]].concat());
    assert_eq!(added.code, 0, "{added:?}");
    let server = place.serve();
    let origin = format!("https://{}", server.address());
    browser.call("Page.navigate", &json!({"url": format!("{origin}/docs/graphql")}));
    // Editors of the query, of variables or headers, and of the answer, each with its lines drawn.
    browser.wait_until("document.querySelectorAll('.monaco-editor .view-line').length > 10");
    assert_eq!(
        browser.value("getComputedStyle(document.querySelector('.monaco-editor')).display"),
        "block"
    );
    let line = "document.querySelector('.graphiql-editors .view-line > span > span')";
    browser.wait_until(&format!(
        "{line} && [...document.querySelectorAll('.view-line span[class*=mtk]')].length > 5"
    ));
    // Whoever has a session asks without a key.
    browser.wait_until(
        "document.querySelector('.result-window')?.innerText.includes('UNAUTHENTICATED') === true",
    );
    let data = json!({"data": {"email": "a@b.example", "password": PASSWORD}}).to_string();
    let request = json!({"method": "POST", "body": data, "headers": {"content-type": "application/json"}});
    browser.value(&format!(
        "fetch('/v1/session', {request}).then((answer) => {{ globalThis.signedIn = answer.ok; }})"
    ));
    browser.wait_until("globalThis.signedIn === true");
    browser.value("document.querySelector('.graphiql-execute-button').click()");
    browser.wait_until("document.querySelector('.result-window').innerText.includes('queryType')");
    browser.wait_for_request(".worker-");
    subscribe(&mut browser);
    assert_eq!(browser.asked_elsewhere(&origin), Vec::<String>::new());
    // Before a key is given the schema is refused.
    let of_lane = |error: &&Json| {
        let url = error["entry"]["url"].as_str().unwrap_or_default();
        url == format!("{origin}/graphql")
    };
    let errors: Vec<&Json> = browser
        .errors()
        .into_iter()
        .filter(|error| !of_lane(error))
        .collect();
    assert_eq!(errors, Vec::<&Json>::new());
}

/// Whoever has a session is told what happens, over a connection that is not the page's: that one speaks HTTP/2.
fn subscribe(browser: &mut Browser) {
    let case = json!({"data": {"title": "Pier 4"}}).to_string();
    let request = json!({"method": "POST", "body": case, "headers": {"content-type": "application/json"}});
    browser.value(&format!(
        "fetch('/v1/cases', {request}).then((answer) => {{ globalThis.made = answer.ok; }})"
    ));
    browser.wait_until("globalThis.made === true");
    let text = "subscription { events(after: 0) { eventType } }";
    browser.value(&format!(
        "localStorage.removeItem('graphiql:tabState'); localStorage.setItem('graphiql:query', '{text}'); location.reload()"
    ));
    let editor = "document.querySelector('.graphiql-query-editor .view-lines')";
    browser.wait_until(&format!(
        "{editor}?.innerText.replaceAll('\\u00a0', ' ').trim() === '{text}'"
    ));
    browser.value("document.querySelector('.graphiql-execute-button').click()");
    browser
        .wait_until("document.querySelector('.result-window')?.innerText.includes('case.opened') === true");
}
