//! Those who are told and do not come: by the real server, to receivers that check, fail, are slow, or should not be reached.

mod limits;
mod receiver;
mod rights;
mod telling;

use std::time::{Duration, Instant};

use serde_json::{Value as Json, json};

use crate::events::webhooks::receiver::PATIENCE;
use crate::support::process::{Place, Served};

/// Settings of a node whose receivers are on this machine and are tried again soon.
const NEAR: [(&str, &str); 6] = [
    ("BLOTTER_RATES_REQUESTS_PER_SECOND", "1000000"),
    ("BLOTTER_RATES_BURST", "1000000"),
    ("BLOTTER_EVENTS_WEBHOOK_LOCAL_ALLOWED", "true"),
    ("BLOTTER_EVENTS_WEBHOOK_HTTP_ALLOWED", "true"),
    ("BLOTTER_EVENTS_WEBHOOK_RETRY_MS_MIN", "20"),
    ("BLOTTER_EVENTS_WEBHOOK_RETRY_SECONDS_MAX", "1"),
];

/// A node and its server, with a key that may do everything and listen.
struct Telling {
    place: Place,
    served: Served,
    key: String,
}

impl Telling {
    fn start() -> Self {
        Self::start_with(&[])
    }

    fn start_with(settings: &[(&str, &str)]) -> Self {
        let place = Place::with_node();
        let key = key_of(&place, "*");
        let served = place.serve_with(&[&NEAR, settings].concat(), &[]);
        Self { place, served, key }
    }

    /// Kills the server with no warning and starts it again.
    fn kill_and_start(self) -> Self {
        let Self { place, served, key } = self;
        served.kill();
        let served = place.serve_with(&NEAR, &[]);
        Self { place, served, key }
    }

    fn post(&self, path: &str, data: &Json) -> Json {
        let told = self.served.post(path, &self.key, data);
        assert!(told.status < 300, "{path} {told:?}");
        told.json()["data"].clone()
    }

    fn get(&self, path: &str) -> Json {
        let (status, body) = self.served.get(path, Some(&self.key));
        assert_eq!(status, 200, "{path} {body}");
        serde_json::from_str(&body).unwrap()
    }

    fn open_cases(&self, titles: impl Iterator<Item = String>) {
        for title in titles {
            self.post("/v1/cases", &json!({"title": title}));
        }
    }

    /// Everything so far, as those hear it who ask.
    fn events(&self) -> Vec<Json> {
        self.get("/v1/events?after=0&limit=500")["data"]
            .as_array()
            .unwrap()
            .clone()
    }

    /// Makes a webhook; gives its id and its secret.
    fn webhook(&self, data: &Json) -> (String, String) {
        let made = self.post("/v1/webhooks", data);
        let word = |name: &str| made[name].as_str().unwrap().to_owned();
        (word("id"), word("secret"))
    }

    /// The attempts at a webhook, the newest first, and how far it has come.
    fn log(&self, id: &str) -> (Vec<Json>, Json) {
        let told = self.get(&format!("/v1/webhooks/{id}/deliveries?limit=500"));
        (told["data"].as_array().unwrap().clone(), told["meta"].clone())
    }

    /// Waits until the record of a webhook is so.
    fn wait_for(&self, id: &str, is_so: impl Fn(&Json) -> bool) -> Json {
        let until = Instant::now() + PATIENCE;
        loop {
            let hook = self.get(&format!("/v1/webhooks/{id}"))["data"].clone();
            if is_so(&hook) {
                return hook;
            }
            assert!(Instant::now() < until, "{hook} {:?}", self.log(id));
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

/// A new key with these scopes that may ask and listen.
fn key_of(place: &Place, scopes: &str) -> String {
    let words = [
        "key",
        "create",
        "--name",
        "hooks",
        "--lanes",
        "query,events",
        "--scopes",
        scopes,
        "--json",
    ];
    place.run(&words).json()["key"].as_str().unwrap().to_owned()
}
