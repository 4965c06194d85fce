//! The officers' pages: who gets them and under which policy, and what a real browser makes of them.

mod desk;
mod entry;
mod link;
mod pages;

use serde_json::{Value as Json, json};

use crate::support::browser::Browser;
use crate::support::process::{Place, Served};
use crate::ui::link::Link;

const EMAIL: &str = "ana@metro.example";
const PASSWORD: &str = "correct horse battery";

/// A node with a supervisor, and a browser in which nobody has signed in yet.
struct Desk {
    browser: Browser,
    server: Served,
    key: String,
    /// Between the two.
    link: Link,
    place: Place,
}

impl Desk {
    /// `None` where there is no browser.
    fn open() -> Option<Self> {
        let browser = Browser::or_say()?;
        let place = Place::with_node();
        let file = place.file("password");
        std::fs::write(&file, PASSWORD).unwrap();
        let who = [
            "user",
            "add",
            "--email",
            EMAIL,
            "--name",
            "Ana Ruiz",
            "--role",
            "supervisor",
        ];
        let added = place.run(&[&who[..], &["--password-file", file.to_str().unwrap()]].concat());
        assert_eq!(added.code, 0, "{added:?}");
        let made = place.run(&[
            "key",
            "create",
            "--name",
            "test",
            "--scopes",
            "*",
            "--lanes",
            "query,events",
            "--json",
        ]);
        let key = made.json()["key"].as_str().unwrap().to_owned();
        let server = place.serve();
        Some(Self {
            browser,
            link: Link::to(server.address()),
            server,
            key,
            place,
        })
    }

    fn origin(&self) -> String {
        format!("https://{}", self.link.address)
    }

    /// Opens an address, as if it had been typed.
    fn visit(&mut self, path: &str) {
        let url = format!("{}{path}", self.origin());
        self.browser.call("Page.navigate", &json!({"url": url}));
    }

    /// Waits until this text is on the page.
    fn sees(&mut self, text: &str) {
        let text = json!(text);
        self.browser
            .wait_until(&format!("document.body?.innerText.includes({text}) === true"));
    }

    /// Waits until something is there.
    fn finds(&mut self, selector: &str) {
        let selector = json!(selector);
        self.browser
            .wait_until(&format!("document.querySelector({selector}) !== null"));
    }

    /// Types into a field, in place of what it holds.
    fn types(&mut self, selector: &str, text: &str) {
        self.finds(selector);
        self.browser.value(&format!(
            "(field => {{ field.focus(); field.select(); }})(document.querySelector({}))",
            json!(selector)
        ));
        self.browser.call("Input.insertText", &json!({"text": text}));
    }

    fn clicks(&mut self, selector: &str) {
        self.finds(selector);
        let selector = json!(selector);
        self.browser
            .value(&format!("document.querySelector({selector}).click()"));
    }

    /// At the page for it, which is there already.
    fn signs_in(&mut self) {
        self.types("#email", EMAIL);
        self.types("#password", PASSWORD);
        self.clicks(".sign-in button");
        self.browser
            .wait_until("document.querySelector('.sign-in') === null");
        self.finds("#page");
    }

    /// Makes something; gives it.
    fn make(&self, path: &str, data: &Json) -> Json {
        let told = self.server.post(path, &self.key, data);
        assert_eq!(told.status, 201, "{}", told.body);
        told.json()["data"].clone()
    }

    fn read(&self, path: &str) -> Json {
        let (status, body) = self.server.get(path, Some(&self.key));
        assert_eq!(status, 200, "{body}");
        serde_json::from_str(&body).unwrap()
    }

    /// What no page may do: ask elsewhere, leave a field without a name, or report an error. That the box refused something,
    /// or could not be reached, is none: the page tells it.
    fn is_sound(&mut self) {
        let origin = self.origin();
        let elsewhere = self.browser.asked_elsewhere(&origin);
        let own = |url: &String| url.starts_with(&format!("blob:{origin}"));
        assert!(elsewhere.iter().all(own), "{elsewhere:?}");
        let told = [
            "status of 400",
            "status of 401",
            "status of 409",
            "net::ERR_CONNECTION",
            "WebSocket connection to",
        ];
        let is_told = |error: &&Json| {
            let text = error["entry"]["text"].as_str().unwrap_or_default();
            told.iter().any(|part| text.contains(part))
        };
        let errors: Vec<&Json> = self
            .browser
            .errors()
            .into_iter()
            .filter(|error| !is_told(error))
            .collect();
        assert_eq!(errors, Vec::<&Json>::new());
        let unnamed = self.browser.value(UNNAMED);
        assert_eq!(unnamed, json!([]), "without a name");
    }
}

/// What nobody could name who reads by ear, and ids that are there twice.
const UNNAMED: &str = "[
    ...[...document.querySelectorAll('input, select, textarea')].filter((field) => !field.labels?.length && !field.ariaLabel),
    ...[...document.querySelectorAll('a, button')].filter((one) => !one.textContent.trim() && !one.ariaLabel && !one.querySelector('img[alt]:not([alt=\"\"])')),
    ...[...document.querySelectorAll('img:not([alt])')],
    ...[...document.querySelectorAll('[id]')].filter((one) => document.querySelectorAll('#' + CSS.escape(one.id)).length > 1),
    ...(document.querySelectorAll('h1').length === 1 ? [] : document.querySelectorAll('h1')),
].map((one) => one.outerHTML.slice(0, 200))";
