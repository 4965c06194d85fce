//! A headless Chromium, spoken to over its debugging protocol.

use std::io::{BufRead, BufReader, Write};
use std::os::unix::process::CommandExt as _;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process_group};
use serde_json::{Value as Json, json};

/// However busy the machine is.
const LIMIT: Duration = Duration::from_secs(120);
/// Between two looks at the page.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// A headless Chromium with one page, spoken to over two pipes.
pub(crate) struct Browser {
    child: Child,
    ask: ChildStdin,
    told: Receiver<Json>,
    calls: u64,
    /// Of the page.
    session: Json,
    /// What the page reported by itself.
    events: Vec<Json>,
    _profile: tempfile::TempDir,
}

impl Browser {
    /// `None` where there is no Chromium.
    pub(crate) fn start() -> Option<Self> {
        let found = Command::new("chromium").arg("--version").output();
        if !found.is_ok_and(|found| found.status.success()) {
            return None;
        }
        let profile = tempfile::tempdir().unwrap();
        // The protocol goes over the descriptors 3 and 4, one JSON after the other, each ended by a zero.
        let begin = "exec chromium --headless --no-sandbox --disable-gpu --disable-dev-shm-usage --no-first-run \
            --no-proxy-server --ignore-certificate-errors --remote-debugging-pipe --user-data-dir=\"$0\" \
            3<&0 4>&1 0</dev/null 1>&2 2>\"$0\"/log";
        let mut command = Command::new("sh");
        command.args(["-c", begin]).arg(profile.path());
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.process_group(0).spawn().unwrap();
        let (ask, out) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
        let mut browser = Self {
            child,
            ask,
            told: listen(out),
            calls: 0,
            session: Json::Null,
            events: Vec::new(),
            _profile: profile,
        };
        let page = browser.call("Target.createTarget", &json!({"url": "about:blank"}));
        let attach = json!({"targetId": page["targetId"], "flatten": true});
        browser.session = browser.call("Target.attachToTarget", &attach)["sessionId"].clone();
        for domain in ["Network", "Runtime", "Log", "Page"] {
            browser.call(&format!("{domain}.enable"), &json!({}));
        }
        Some(browser)
    }

    /// Calls a method and waits for its result; what the page reports meanwhile is kept.
    pub(crate) fn call(&mut self, method: &str, params: &Json) -> Json {
        let told = self.ask(method, params);
        assert!(told["error"].is_null(), "{method}: {told}");
        told["result"].clone()
    }

    fn ask(&mut self, method: &str, params: &Json) -> Json {
        self.calls += 1;
        let mut call = json!({"id": self.calls, "method": method, "params": params});
        if self.session.is_string() {
            call["sessionId"] = self.session.clone();
        }
        self.ask.write_all(format!("{call}\0").as_bytes()).unwrap();
        let end = Instant::now() + LIMIT;
        loop {
            let left = end.saturating_duration_since(Instant::now());
            let told = self.told.recv_timeout(left);
            let told = told.unwrap_or_else(|error| panic!("{method} is not answered: {error}"));
            if told["id"] == self.calls {
                return told;
            }
            self.events.push(told);
        }
    }

    /// What the page makes of an expression; null if it is left meanwhile.
    pub(crate) fn value(&mut self, expression: &str) -> Json {
        let asked = json!({"expression": expression, "returnByValue": true});
        self.ask("Runtime.evaluate", &asked)["result"]["result"]["value"].clone()
    }

    /// Looks until the expression is true.
    pub(crate) fn wait_until(&mut self, expression: &str) {
        let begun = Instant::now();
        while self.value(expression) != true {
            let text = "document.body ? document.body.innerText.slice(0, 2000) : '(no page)'";
            assert!(begun.elapsed() < LIMIT, "not {expression}: {}", self.value(text));
            thread::sleep(LOOK_EVERY);
        }
    }

    /// What the page reports next by this method.
    pub(crate) fn next_event(&mut self, method: &str) -> Json {
        let begun = Instant::now();
        loop {
            let found = self.events.iter().position(|event| event["method"] == *method);
            if let Some(place) = found {
                return self.events.remove(place)["params"].take();
            }
            assert!(begun.elapsed() < LIMIT, "no {method}");
            thread::sleep(LOOK_EVERY);
            // What the page reports is read with the answer to anything.
            self.value("1");
        }
    }

    /// What the page reported by this method.
    pub(crate) fn events_of(&self, method: &str) -> impl Iterator<Item = &Json> {
        let of = move |event: &&Json| event["method"] == *method;
        self.events.iter().filter(of).map(|event| &event["params"])
    }
}

impl Browser {
    /// A browser that must be there in CI; without one elsewhere it is said, and nothing is tried.
    pub(crate) fn or_say() -> Option<Self> {
        let browser = Self::start();
        if browser.is_none() {
            assert!(std::env::var_os("CI").is_none(), "there is no chromium");
            println!("there is no chromium: the page was not opened in a browser");
        }
        browser
    }

    /// Waits until the page has asked for something whose address has this part.
    pub(crate) fn wait_for_request(&mut self, part: &str) {
        let begun = Instant::now();
        loop {
            let is_like = |event: &Json| {
                event["request"]["url"]
                    .as_str()
                    .is_some_and(|url| url.contains(part))
            };
            if self.events_of("Network.requestWillBeSent").any(is_like) {
                return;
            }
            assert!(begun.elapsed() < LIMIT, "nothing like {part} was asked for");
            thread::sleep(LOOK_EVERY);
            // What the page reports is read with the answer to anything.
            self.value("1");
        }
    }

    /// The requests that went to anybody but this origin.
    pub(crate) fn asked_elsewhere(&self, origin: &str) -> Vec<String> {
        let asked = self.events_of("Network.requestWillBeSent");
        let urls = asked.filter_map(|event| event["request"]["url"].as_str());
        let elsewhere = urls.filter(|url| !url.starts_with(origin) && !url.starts_with("data:"));
        elsewhere.map(str::to_owned).collect()
    }

    /// What went wrong on the page, in its own words.
    pub(crate) fn errors(&self) -> Vec<&Json> {
        let is_error = |event: &&Json| event["type"] == "error" || event["entry"]["level"] == "error";
        ["Runtime.consoleAPICalled", "Log.entryAdded"]
            .iter()
            .flat_map(|method| self.events_of(method).filter(is_error))
            .chain(self.events_of("Runtime.exceptionThrown"))
            .collect()
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // It may have ended before.
        kill_process_group(Pid::from_child(&self.child), Signal::KILL).unwrap_or_default();
        drop(self.child.wait());
    }
}

/// Reads what the browser says until it is gone.
fn listen(out: ChildStdout) -> Receiver<Json> {
    let (told, heard) = channel();
    thread::spawn(move || {
        for message in BufReader::new(out).split(0).map_while(Result::ok) {
            let message = serde_json::from_slice(&message).unwrap_or_default();
            if told.send(message).is_err() {
                return;
            }
        }
    });
    heard
}
