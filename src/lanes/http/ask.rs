//! What a handler is asked: who, by which path, with which parameters and data.

use std::collections::BTreeMap;
use std::net::IpAddr;

use axum::http::header::{CONTENT_LENGTH, IF_MATCH, IF_NONE_MATCH};
use axum::http::{HeaderMap, HeaderValue, Method};
use serde_json::{Map, Value as Json};

use crate::domain::value::{Fields, Value};
use crate::services::RequestKey;
use crate::services::caller::Caller;
use crate::services::casebook::Condition;
use crate::services::failure::{Failure, Fault, Outcome};
use crate::store::hash::sha256;

/// A request without its body.
#[derive(Clone, Debug)]
pub struct Head {
    /// The method.
    pub method: Method,
    /// The path as it was asked.
    pub path: String,
    /// The parts of the path that the route names.
    pub parts: BTreeMap<String, String>,
    /// The query's parameters; the route knows all of them.
    pub query: BTreeMap<String, String>,
    /// What is wrong with the query as such, to be told with the rest.
    pub query_faults: Vec<Fault>,
    /// The headers.
    pub headers: HeaderMap,
    /// Its name in answer, log and audit.
    pub request_id: String,
    /// The lane that it came in by.
    pub lane: &'static str,
    /// The peer's address.
    pub address: Option<IpAddr>,
    /// Whether it came without TLS, straight or through a proxy on this machine.
    pub is_plain: bool,
}

/// Marks a request that came without TLS.
#[derive(Clone, Copy, Debug)]
pub struct Plain;

/// What is kept of a path that was asked, in characters.
const PATH_CHARS_MAX: usize = 200;

/// Where the pages are that nothing but their address keeps from others.
const PUBLIC_PAGES: &str = "/public/reports/";

impl Head {
    /// Method and path, for the audit log: without what opens a page to whoever has it.
    pub fn asked(&self) -> String {
        let end = self.path.char_indices().nth(PATH_CHARS_MAX);
        let path = &self.path[..end.map_or(self.path.len(), |(end, _)| end)];
        let is_public = path
            .get(..PUBLIC_PAGES.len())
            .is_some_and(|start| start.eq_ignore_ascii_case(PUBLIC_PAGES));
        let path = if is_public { PUBLIC_PAGES } else { path };
        format!("{} {path}", self.method)
    }

    /// A header as text, if it is there and is text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// The length of the body, if it is said.
    pub fn body_bytes(&self) -> Option<u64> {
        self.header(CONTENT_LENGTH.as_str())?.parse().ok()
    }

    /// A part of the path; empty if the route doesn't name it.
    pub fn part(&self, name: &str) -> &str {
        self.parts.get(name).map_or("", String::as_str)
    }

    /// A parameter of the query.
    pub fn param(&self, name: &str) -> Option<&str> {
        self.query.get(name).map(String::as_str)
    }

    /// What is wrong with `If-Match`: it is neither `*` nor one tag, nor a number as answered in `version`; or nothing is made
    /// of the record that the path names, so that it would be passed over.
    pub(super) fn if_match_fault(&self, is_conditional: bool) -> Option<Fault> {
        let counts =
            "nothing is bound to a version here; it counts where the record that the path names is changed";
        match self.asked_version()? {
            None => Some(Fault::wrong(
                "If-Match",
                "one strong ETag as it was answered, such as \"7\"",
            )),
            Some(_) => (!is_conditional).then(|| Fault::refused("If-Match", counts)),
        }
    }

    /// What the client says of the record that it changes or makes, by `If-Match`, or by `If-None-Match: *`.
    pub fn if_match(&self) -> Option<Condition> {
        let is_new = || self.header("if-none-match").map(str::trim) == Some("*");
        match self.asked_version() {
            Some(asked) => asked,
            None => is_new().then_some(Condition::NoneYet),
        }
    }

    /// What `If-Match` says if it is there; nothing if it is in no form that it may have.
    fn asked_version(&self) -> Option<Option<Condition>> {
        let mut lines = self.headers.get_all(IF_MATCH).iter();
        let only = lines.next()?.to_str().ok().filter(|_| lines.next().is_none());
        Some(only.and_then(|tag| condition(tag.trim())))
    }

    /// Whether the client says, by `If-None-Match`, that it has what bears this tag.
    pub fn has_version(&self, tag: &HeaderValue) -> bool {
        let lines = self.headers.get_all(IF_NONE_MATCH).iter();
        let mut tags = lines
            .flat_map(|line| line.as_bytes().split(|byte| *byte == b','))
            .map(<[u8]>::trim_ascii);
        // The weak comparison of RFC 9110: what comes before the tag counts for nothing.
        tags.any(|given| given == b"*" || given.strip_prefix(b"W/").unwrap_or(given) == tag.as_bytes())
    }

    /// By which the caller may repeat the request; `body` are the bytes that were asked, or their hash.
    ///
    /// # Errors
    /// `Invalid` for a key that is none.
    pub fn request_key(&self, caller: &Caller, body: &[u8]) -> Outcome<Option<RequestKey>> {
        const CHARS_MAX: usize = 200;
        let Some(key) = self.headers.get("idempotency-key") else {
            return Ok(None);
        };
        let visible =
            |bytes: &&[u8]| (1..=CHARS_MAX).contains(&bytes.len()) && bytes.iter().all(u8::is_ascii_graphic);
        let Some(key) = Some(key.as_bytes()).filter(visible) else {
            return Err(Failure::wrong(
                "Idempotency-Key",
                format!("1 to {CHARS_MAX} visible ASCII characters"),
            ));
        };
        let who = caller.actor().who;
        // Some routes answer without the prefix too, and are the same.
        let path = match self.path.starts_with("/v1/") {
            true => self.path.clone(),
            false => format!("/v1{}", self.path),
        };
        let length = |part: &str| (part.len() as u64).to_be_bytes();
        Ok(Some(RequestKey {
            key: sha256(&[&length(&who), who.as_bytes(), key]),
            body: sha256(&[
                self.method.as_str().as_bytes(),
                b" ",
                &length(&path),
                path.as_bytes(),
                body,
            ]),
        }))
    }
}

/// `*`, a tag, or a number as answered in `version`. A tag that is none of ours is that of no version.
fn condition(tag: &str) -> Option<Condition> {
    const NEVER: u64 = u64::MAX;
    let inner = tag.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
    match (tag, inner) {
        ("*", _) => Some(Condition::Any),
        (_, Some(inner)) if inner.contains('"') => None,
        (_, Some(inner)) => Some(Condition::Version(inner.parse().unwrap_or(NEVER))),
        (number, None) => Some(Condition::Version(number.parse().ok()?)),
    }
}

/// A request whose body, if it has one, was JSON in the envelope.
#[derive(Clone, Debug)]
pub struct Ask {
    /// Everything but the body.
    pub head: Head,
    /// Who asks; `None` only on routes that are open to everybody.
    pub caller: Option<Caller>,
    /// The root `data`; null on routes that take none.
    pub data: Json,
    /// The root `meta`.
    pub meta: Map<String, Json>,
    /// By which the client may repeat it.
    pub request: Option<RequestKey>,
}

impl Ask {
    /// Who asks.
    ///
    /// # Errors
    /// `Unauthenticated`, on a route that is open to everybody.
    pub fn caller(&self) -> Outcome<&Caller> {
        self.caller
            .as_ref()
            .ok_or(Failure::Unauthenticated("a credential is needed"))
    }

    /// The same; where faults were found already, one [for whom nothing happens](Caller::faulty) but that the others are found.
    ///
    /// # Errors
    /// `Unauthenticated`, on a route that is open to everybody.
    pub fn caller_beside(&self, faults: &[Fault]) -> Outcome<Caller> {
        let caller = self.caller()?.clone();
        Ok(if faults.is_empty() {
            caller
        } else {
            caller.faulty()
        })
    }

    /// A part of the path.
    pub fn part(&self, name: &str) -> &str {
        self.head.part(name)
    }

    /// A parameter of the query.
    pub fn param(&self, name: &str) -> Option<&str> {
        self.head.param(name)
    }

    /// `data` as the members of an object.
    ///
    /// # Errors
    /// `Invalid` if it is anything else.
    pub fn fields(&self) -> Outcome<Fields> {
        fields_of("data", &self.data)
    }

    /// `data` as a list.
    ///
    /// # Errors
    /// `Invalid` if it is anything else, or if nothing is in it.
    pub fn list(&self) -> Outcome<&[Json]> {
        match &self.data {
            Json::Array(list) if list.is_empty() => Err(Failure::Invalid(vec![Fault::missing(
                "data",
                "an array with at least one member",
            )])),
            Json::Array(list) => Ok(list),
            _ => Err(Failure::wrong("data", "an array")),
        }
    }
}

/// The members of an object.
///
/// # Errors
/// `Invalid` if it is anything else.
pub fn fields_of(path: &str, json: &Json) -> Outcome<Fields> {
    match Value::from(json.clone()) {
        Value::Map(fields) => Ok(fields),
        _ => Err(Failure::wrong(path, "an object")),
    }
}
