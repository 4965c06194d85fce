//! From a request to its row of the table and back: who asks, which row, the body, the hop to a thread that may wait.

use std::collections::BTreeMap;
use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;

use axum::body::{Body, Bytes};
use axum::extract::{ConnectInfo, Query, Request};
use axum::http::header::AUTHORIZATION;
use axum::http::request::Parts;
use axum::http::{HeaderMap, Method, Response};
use serde_json::Value as Json;

use crate::lanes::http::answer::json_response;
use crate::lanes::http::{Lanes, Rates, blocking, body, caller, dressed};
use crate::lanes::safe::ask::{Ask, lowered};
use crate::lanes::safe::router::{Reply, Row, rows};
use crate::lanes::safe::{failure, sign_in};
use crate::services::caller::{SAFE_LANE, Via};
use crate::services::failure::{Failure, Outcome};
use crate::services::safe::door::{Credentials, Guest};

/// Whether a path belongs to this lane.
pub fn is_safe_path(path: &str) -> bool {
    let begins = |start: &str| {
        path.get(..start.len())
            .is_some_and(|begin| begin.eq_ignore_ascii_case(start))
    };
    begins("/api/") || begins("/odata/") || path.trim_end_matches('/').eq_ignore_ascii_case("/token")
}

/// The lane as it is served. Cheap to clone.
#[derive(Clone)]
pub struct Safe {
    lanes: Lanes,
    rows: Arc<[(Vec<&'static str>, Row)]>,
    rates: Arc<Rates>,
}

impl fmt::Debug for Safe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Safe({} routes)", self.rows.len())
    }
}

/// What of a request a handler is not given.
struct Asked {
    request_id: String,
    headers: HeaderMap,
    method: Method,
    query: BTreeMap<String, String>,
    via: Via,
}

impl Safe {
    /// Over what all lanes share.
    pub fn new(lanes: &Lanes) -> Self {
        let cut = |row: Row| (row.path.split('/').skip(1).collect(), row);
        let rates = Rates::new(
            lanes.options.safe_requests_per_second,
            lanes.options.safe_request_burst,
            lanes.options.large_body_bytes_min,
        );
        Self {
            lanes: lanes.clone(),
            rows: rows().into_iter().map(cut).collect(),
            rates: Arc::new(rates),
        }
    }

    /// Answers a request of this lane.
    pub async fn answer(&self, request: Request) -> Response<Body> {
        let (parts, body) = request.into_parts();
        let id = caller::request_id(&parts.headers);
        let outcome = self.serve(parts, body, &id).await;
        dressed(
            outcome.unwrap_or_else(|failure| failure::render(&failure, &id)),
            &id,
        )
    }

    async fn serve(&self, parts: Parts, body: Body, id: &str) -> Outcome<Response<Body>> {
        let path = parts.uri.path().trim_matches('/').to_owned();
        let asked = Asked {
            request_id: id.to_owned(),
            query: query_of(&parts),
            via: Via {
                lane: SAFE_LANE,
                address: parts
                    .extensions
                    .get::<ConnectInfo<SocketAddr>>()
                    .map(|ConnectInfo(peer)| peer.ip().to_canonical()),
                request_id: id.to_owned(),
            },
            headers: parts.headers,
            method: parts.method,
        };
        let may_be_known = path.eq_ignore_ascii_case("token") || asked.headers.contains_key(AUTHORIZATION);
        let bytes = if may_be_known {
            body::read(&asked.headers, body, &self.lanes.options).await
        } else {
            // Nobody's body is not worth its room.
            body::drain(body).await;
            Ok(Bytes::new())
        };
        let safe = self.clone();
        let turn = self.lanes.turn(bytes.as_ref().map_or(0, Bytes::len)).await;
        blocking(move || {
            let _until_answered = turn;
            let id = asked.request_id.clone();
            let outcome = if path.eq_ignore_ascii_case("token") {
                sign_in::answer(&safe.lanes, &asked.method, asked.via, bytes)
            } else {
                safe.admitted(&path, asked, bytes)
            };
            Ok(outcome.unwrap_or_else(|failure| failure::render(&failure, &id)))
        })
        .await
    }

    /// Who asks is known before anything is told of what is there.
    fn admitted(&self, path: &str, asked: Asked, bytes: Outcome<Bytes>) -> Outcome<Response<Body>> {
        let services = &self.lanes.services;
        let guest = services.admit_safe(&credentials(&asked.headers), asked.via.clone())?;
        let body_bytes = bytes.as_ref().map_or(0, Bytes::len) as u64;
        self.rates.take(&guest.caller, body_bytes)?;
        let outcome = self.routed(path, &guest, asked, bytes);
        if let Err(failure) = &outcome {
            services.note_failure(&guest.caller, path_for_audit(path), failure)?;
        }
        outcome
    }

    fn routed(
        &self,
        path: &str,
        guest: &Guest,
        asked: Asked,
        bytes: Outcome<Bytes>,
    ) -> Outcome<Response<Body>> {
        let method = match asked.method {
            Method::HEAD => Method::GET,
            method => method,
        };
        let mut fitting = self
            .rows
            .iter()
            .filter_map(|(pattern, row)| Some((row, fits(pattern, path)?)))
            .peekable();
        if fitting.peek().is_none() {
            return Err(Failure::Unknown("path"));
        }
        let fitting: Vec<_> = fitting.collect();
        let Some((row, parts)) = fitting.iter().find(|(row, _)| row.method == method) else {
            let allowed: Vec<&str> = fitting.iter().map(|(row, _)| row.method.as_str()).collect();
            let text = format!("this path takes {}", allowed.join(", "));
            return Ok(failure::no_such_method(&allowed.join(", "), &text));
        };
        if row.path == "/api/items" && !self.lanes.services.safe_options().item_create {
            let text = "items are created by item entry or by data import, and not by clients";
            return Ok(failure::no_such_method("GET", text));
        }
        let sent = match method {
            Method::GET => Json::Null,
            _ => self.json(&bytes?)?,
        };
        let ask = Ask {
            lanes: &self.lanes,
            guest,
            parts: parts.clone(),
            query: asked.query,
            body: lowered(sent.clone()),
            sent,
        };
        let Reply { status, body } = (row.handler)(&ask)?;
        let mut response = json_response(body.to_string());
        *response.status_mut() = status;
        Ok(response)
    }

    /// Nothing at all is an object with nothing in it: some clients send no body where all members have a default.
    fn json(&self, bytes: &[u8]) -> Outcome<Json> {
        if bytes.trim_ascii().is_empty() {
            return Ok(Json::Object(serde_json::Map::new()));
        }
        let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
        body::json("body", bytes, self.lanes.options.members_max)
    }
}

/// What the request says of who asks.
fn credentials(headers: &HeaderMap) -> Credentials<'_> {
    let text = |name: &str| {
        headers
            .get(name)
            .and_then(|value| value.to_str().ok())
            .map(str::trim)
    };
    let bearer = text(AUTHORIZATION.as_str()).and_then(|value| value.split_once(' '));
    let token = bearer.filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"));
    Credentials {
        token: token.map_or("", |(_, token)| token.trim()),
        is_static: text("statictoken").is_some_and(|said| said.eq_ignore_ascii_case("true")),
        organization: text("organizationid").and_then(|number| number.parse().ok()),
        office: text("officeid").and_then(|number| number.parse().ok()),
    }
}

/// The parameters by their names in lower case; what can't be read says nothing.
fn query_of(parts: &Parts) -> BTreeMap<String, String> {
    let pairs = Query::<Vec<(String, String)>>::try_from_uri(&parts.uri);
    let pairs = pairs.map(|Query(pairs)| pairs).unwrap_or_default();
    pairs
        .into_iter()
        .map(|(name, value)| (name.to_ascii_lowercase(), value))
        .collect()
}

/// The open parts of a path, if the pattern fits it.
fn fits(pattern: &[&str], path: &str) -> Option<Vec<String>> {
    let segments: Vec<&str> = path.split('/').collect();
    if segments.len() != pattern.len() {
        return None;
    }
    let mut open = Vec::new();
    for (wanted, segment) in pattern.iter().zip(segments) {
        let is_open = wanted.starts_with('{');
        if is_open && !segment.is_empty() {
            open.push(decoded(segment));
        } else if is_open || !wanted.eq_ignore_ascii_case(segment) {
            return None;
        }
    }
    Some(open)
}

/// A segment with what was written as `%41` in it.
fn decoded(segment: &str) -> String {
    let mut bytes = Vec::with_capacity(segment.len());
    let mut rest = segment.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let pair = after.first_chunk::<2>().filter(|_| *first == b'%');
        let digit = |byte: u8| {
            char::from(byte)
                .to_digit(16)
                .and_then(|digit| u8::try_from(digit).ok())
        };
        match pair.and_then(|[high, low]| Some(digit(*high)? << 4 | digit(*low)?)) {
            Some(byte) => {
                bytes.push(byte);
                rest = &after[2..];
            }
            None => {
                bytes.push(*first);
                rest = after;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// The first words of a path: what comes then may be a name.
fn path_for_audit(path: &str) -> &str {
    let end = path
        .match_indices('/')
        .nth(2)
        .map_or(path.len(), |(place, _)| place);
    &path[..end.min(60)]
}

#[cfg(test)]
mod tests {
    use super::{fits, is_safe_path};

    #[test]
    fn paths_match_in_any_case_and_open_parts_stay_as_they_are() {
        let pattern = ["api", "people", "isemailalreadyinuse", "{email}"];
        let path = "API/People/IsEmailAlreadyInUse/A%40b.example";
        assert_eq!(fits(&pattern, path), Some(vec!["A@b.example".to_owned()]));
        assert_eq!(fits(&["api", "items", "{id}"], "api/items"), None);
        assert!(is_safe_path("/ODATA/users") && is_safe_path("/Token/") && !is_safe_path("/apis/x"));
    }
}
