//! From headers to a caller: the one place of the HTTP lanes in which a credential is taken.

use std::hash::{BuildHasher, RandomState};
use std::net::IpAddr;

use axum::http::header::{AUTHORIZATION, COOKIE};
use axum::http::{HeaderMap, HeaderValue, Method};
use uuid::{NoContext, Timestamp};

use crate::lanes::http::ask::Head;
use crate::lanes::http::{Lanes, Rates};
use crate::services::access::{KEY_PREFIX, demand_lane};
use crate::services::caller::{Caller, Via};
use crate::services::failure::{Failure, Outcome};

/// How who asks is let in.
#[derive(Clone, Copy, Debug)]
pub struct Door {
    /// Who it is, if that is known without the disk and nothing is to be refused. Never waits.
    pub recalled: fn(&Lanes, &Head) -> Option<Caller>,
    /// Who it is. Waits for the store; a refusal is in the audit log.
    pub admitted: fn(&Lanes, &Head) -> Outcome<Caller>,
    /// How often he may ask.
    pub rates: fn(&Lanes) -> &Rates,
}

/// The door of keys and sessions.
pub(super) const DOOR: Door = Door {
    recalled,
    admitted: caller_of,
    rates: |lanes| &lanes.rates,
};

/// The client's own id of the request if it is a sane one, else a new one.
pub fn request_id(headers: &HeaderMap) -> String {
    let sane = |id: &&str| {
        (1..=64).contains(&id.len())
            && id
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b))
    };
    let given = headers
        .get("x-request-id")
        .and_then(|id| id.to_str().ok())
        .filter(sane);
    given.map_or_else(new_id, str::to_owned)
}

/// A new id: the time, and bits that no other request has. They need not be secret, so they are not asked of the system each
/// time: a hasher's keys are random for each thread, and others for each hasher.
fn new_id() -> String {
    let (seconds, nanos) = Timestamp::now(NoContext).to_unix();
    let millis = seconds * 1000 + u64::from(nanos / 1_000_000);
    let keys = RandomState::new();
    let bits = u128::from(keys.hash_one(0)) << 64 | u128::from(keys.hash_one(1));
    let mut bytes = [0; 10];
    bytes.copy_from_slice(&bits.to_be_bytes()[..10]);
    let id = uuid::Builder::from_unix_timestamp_millis(millis, &bytes).into_uuid();
    id.simple().to_string()
}

/// Whether the request brings anything by which a caller could be known.
pub(super) fn has_credential(headers: &HeaderMap) -> bool {
    headers.contains_key(AUTHORIZATION) || session_token(headers).is_some()
}

/// The cookie of a session. By its prefix browsers keep it to this host and to TLS.
pub const SESSION_COOKIE: &str = "__Host-blotter-session";

/// The key or session token that the request brings.
pub fn credential_of(headers: &HeaderMap) -> Option<&str> {
    match headers.get(AUTHORIZATION) {
        Some(given) => key_in(given),
        None => session_token(headers),
    }
}

/// The session's token among the cookies.
pub fn session_token(headers: &HeaderMap) -> Option<&str> {
    let lines = headers.get_all(COOKIE).iter();
    let cookies = lines
        .filter_map(|line| line.to_str().ok())
        .flat_map(|line| line.split(';'));
    cookies
        .filter_map(|cookie| cookie.trim().split_once('='))
        .find(|(name, _)| *name == SESSION_COOKIE)
        .map(|(_, token)| token)
}

/// Refuses what a foreign page had a browser ask. Browsers say where a request comes from; with `strict` one must say so.
///
/// # Errors
/// `Denied`.
pub fn refuse_cross_site(head: &Head, strict: bool) -> Outcome<()> {
    if matches!(head.method, Method::GET | Method::HEAD | Method::OPTIONS) {
        return Ok(());
    }
    refuse_foreign(head, strict)
}

/// Refuses a foreign page that has a browser open a socket with the session's cookie: what no method guards.
///
/// # Errors
/// `Denied`.
pub fn refuse_foreign_page(head: &Head) -> Outcome<()> {
    if head.headers.contains_key(AUTHORIZATION) || session_token(&head.headers).is_none() {
        return Ok(());
    }
    refuse_foreign(head, true)
}

fn refuse_foreign(head: &Head, strict: bool) -> Outcome<()> {
    let site = head
        .header("sec-fetch-site")
        .map(|site| matches!(site, "same-origin" | "none"));
    // Behind plaintext there may be a proxy with TLS in front, or none.
    let origin = head.header("origin").map(|origin| {
        let (scheme, host) = origin.split_once("://").unwrap_or_default();
        let is_ours = scheme == "https" || head.is_plain && scheme == "http";
        is_ours && head.header("host") == Some(host)
    });
    let said = [site, origin];
    if said.contains(&Some(false)) || (strict && said == [None, None]) {
        return Err(Failure::Denied(
            "a request with the session cookie must come from our own pages".into(),
        ));
    }
    Ok(())
}

/// How the request came in.
pub fn via_of(head: &Head) -> Via {
    Via {
        lane: head.lane,
        address: head.address.map(|address: IpAddr| address.to_canonical()),
        request_id: head.request_id.clone(),
        asked: head.asked(),
    }
}

/// Somebody came with nothing by which a caller could be known; gives the failure to answer with.
pub(super) fn refuse_nobody(lanes: &Lanes, head: &Head) -> Failure {
    lanes
        .services
        .refuse_stranger(None, &via_of(head), "a credential is needed")
}

/// Who asks. Reads the store, so it runs where that may wait.
///
/// Every credential is for one agency, that of its own record, so `X-Tenant-ID` picks nothing; one that names another
/// agency is answered as any record of that agency is: there is no such thing for this caller.
///
/// # Errors
/// `Unauthenticated`; `Denied` where the credential does not open this lane; `Unknown` for another agency.
fn caller_of(lanes: &Lanes, head: &Head) -> Outcome<Caller> {
    let caller = admit(lanes, head, via_of(head))?;
    if let Err(failure) = demand_lane(&caller, head.lane) {
        lanes.services.note_denial(&caller, "request", &failure)?;
        return Err(failure);
    }
    if names_other_agency(&caller, head) {
        let failure = Failure::Unknown("tenant");
        lanes.services.note_failure(&caller, "request", &failure)?;
        return Err(failure);
    }
    Ok(caller)
}

/// The credential of the request → its caller. A key or token in `Authorization` counts before the cookie.
fn admit(lanes: &Lanes, head: &Head, via: Via) -> Outcome<Caller> {
    let services = &lanes.services;
    let Some(given) = head.headers.get(AUTHORIZATION) else {
        let Some(token) = session_token(&head.headers) else {
            return Err(refuse_nobody(lanes, head));
        };
        let caller = services.admit_session(token, via)?;
        if let Err(failure) = refuse_cross_site(head, true) {
            services.note_denial(&caller, "request", &failure)?;
            return Err(failure);
        }
        return Ok(caller);
    };
    match key_in(given) {
        Some(key) => services.admit_key(key, via),
        None => Err(services.refuse_stranger(None, &via, "the credential is unknown")),
    }
}

fn key_in(given: &HeaderValue) -> Option<&str> {
    let (scheme, token) = given.to_str().ok()?.split_once(' ')?;
    let key = token.trim();
    (scheme.eq_ignore_ascii_case("bearer") && key.starts_with(KEY_PREFIX)).then_some(key)
}

/// Who asks, if that is known without the disk and nothing speaks against it. Never waits.
fn recalled(lanes: &Lanes, head: &Head) -> Option<Caller> {
    let key = key_in(head.headers.get(AUTHORIZATION)?)?;
    let caller = lanes.services.recall_key(key, via_of(head))?;
    let fits = demand_lane(&caller, head.lane).is_ok() && !names_other_agency(&caller, head);
    fits.then_some(caller)
}

fn names_other_agency(caller: &Caller, head: &Head) -> bool {
    let named = head.headers.get("x-tenant-id");
    named.is_some_and(|named| named.as_bytes() != caller.tenant().as_str().as_bytes())
}

#[cfg(test)]
mod tests {
    use axum::http::{HeaderMap, HeaderValue, Method};

    use super::{Head, refuse_foreign};

    #[test]
    fn an_origin_is_ours_by_its_scheme_too() {
        let check = |origin: &'static str, is_plain: bool, is_ours: bool| {
            let mut headers = HeaderMap::new();
            headers.insert("origin", HeaderValue::from_static(origin));
            headers.insert("host", HeaderValue::from_static("box.example:8443"));
            let head = Head {
                method: Method::GET,
                path: String::new(),
                parts: Default::default(),
                query: Default::default(),
                query_faults: Vec::new(),
                headers,
                request_id: String::new(),
                lane: "events",
                address: None,
                is_plain,
            };
            assert_eq!(
                refuse_foreign(&head, true).is_ok(),
                is_ours,
                "{origin} {is_plain}"
            );
        };
        check("https://box.example:8443", false, true);
        check("http://box.example:8443", false, false);
        check("wss://box.example:8443", false, false);
        check("null", false, false);
        // Without TLS at this end there may be a proxy with it in front, or none.
        check("https://box.example:8443", true, true);
        check("http://box.example:8443", true, true);
        check("http://other.example:8443", true, false);
    }
}
