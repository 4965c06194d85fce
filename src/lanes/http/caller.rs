//! From headers to a caller: the one place of the HTTP lanes in which a credential is taken.

use std::net::IpAddr;

use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;
use uuid::Uuid;

use crate::lanes::http::Lanes;
use crate::lanes::http::ask::Head;
use crate::services::access::KEY_PREFIX;
use crate::services::caller::{Caller, Via};
use crate::services::failure::{Failure, Outcome};

/// The name of the lane in audit entries and operations.
const LANE: &str = "rest";
/// The lane that a credential must open.
const LANE_NEEDED: &str = "query";

/// The client's own id of the request if it is a sane one, else a new one.
pub(super) fn request_id(headers: &HeaderMap) -> String {
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
    given.map_or_else(|| Uuid::now_v7().simple().to_string(), str::to_owned)
}

/// Whether the request brings anything by which a caller could be known.
pub(super) fn has_credential(headers: &HeaderMap) -> bool {
    headers.contains_key(AUTHORIZATION)
}

/// Who asks. Reads the store, so it runs where that may wait.
///
/// # Errors
/// `Unauthenticated`; `Denied` where the credential does not open this lane, or is for another agency.
pub(super) fn caller_of(lanes: &Lanes, head: &Head) -> Outcome<Caller> {
    let via = Via {
        lane: LANE,
        address: head.address.map(|address: IpAddr| address.to_canonical()),
        request_id: head.request_id.clone(),
    };
    let caller = admit(lanes, &head.headers, via)?;
    let refusal = if !caller.lanes().contains(LANE_NEEDED) {
        Some(format!("the lane {LANE_NEEDED} is needed"))
    } else {
        let tenant = head.header("x-tenant-id");
        tenant
            .is_some_and(|tenant| tenant != caller.tenant().as_str())
            .then(|| "the credential is not for the agency that X-Tenant-ID names".to_owned())
    };
    match refusal {
        None => Ok(caller),
        Some(rule) => {
            let failure = Failure::Denied(rule);
            lanes.services.note_denial(&caller, "request", &failure)?;
            Err(failure)
        }
    }
}

/// The credential of the request → its caller.
fn admit(lanes: &Lanes, headers: &HeaderMap, via: Via) -> Outcome<Caller> {
    let given = headers
        .get(AUTHORIZATION)
        .ok_or(Failure::Unauthenticated("a credential is needed"))?;
    let token = given.to_str().ok().and_then(|text| {
        let (scheme, token) = text.split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
    });
    match token {
        Some(key) if key.starts_with(KEY_PREFIX) => lanes.services.admit_key(key, via),
        _ => Err(Failure::Unauthenticated("the credential is unknown")),
    }
}
