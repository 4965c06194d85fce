//! Sign-in with a password, as these clients do it: `grant_type=password` in a form.

use axum::body::Body;
use axum::extract::Query;
use axum::http::{Response, StatusCode, Uri};
use serde_json::json;

use crate::lanes::http::answer::json_response;
use crate::lanes::http::caller::via_of;
use crate::lanes::http::route::Visit;
use crate::lanes::http::{Lanes, blocking, body};
use crate::services::caller::Via;
use crate::services::failure::{Failure, Outcome};
use crate::services::people::passwords::Password;

/// `POST /token`.
pub(super) async fn answer(lanes: Lanes, visit: Visit) -> Outcome<Response<Body>> {
    let bytes = body::read(&visit.head.headers, visit.body, &lanes.options).await?;
    let via = via_of(&visit.head);
    blocking(move || sign_in(&lanes, &bytes, via)).await
}

fn sign_in(lanes: &Lanes, bytes: &[u8], via: Via) -> Outcome<Response<Body>> {
    let Some(pairs) = form(bytes) else {
        return Ok(refused(
            "invalid_request",
            "a form with grant_type, username and password is needed",
        ));
    };
    let said = |name: &str| {
        let mut pairs = pairs.iter();
        pairs
            .find(|(known, _)| known.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    };
    match said("grant_type") {
        Some("password") => {}
        None => return Ok(refused("invalid_request", "grant_type is missing")),
        Some(_) => {
            return Ok(refused(
                "unsupported_grant_type",
                "the grant type password is taken",
            ));
        }
    }
    let (Some(name), Some(password)) = (said("username"), said("password")) else {
        return Ok(refused("invalid_request", "username or password is missing"));
    };
    let password = Password::new(password.to_owned());
    match lanes.services.sign_in_safe(name, &password, via) {
        Ok((token, seconds)) => Ok(json_response(
            json!({"access_token": token, "token_type": "bearer", "expires_in": seconds}).to_string(),
        )),
        Err(Failure::Unauthenticated(why)) => Ok(refused("invalid_grant", why)),
        Err(failure) => Err(failure),
    }
}

/// The pairs of a form.
fn form(bytes: &[u8]) -> Option<Vec<(String, String)>> {
    let text = std::str::from_utf8(bytes).ok()?;
    let uri: Uri = format!("/?{}", text.trim()).parse().ok()?;
    Query::try_from_uri(&uri).ok().map(|Query(pairs)| pairs)
}

fn refused(error: &str, why: &str) -> Response<Body> {
    let body = json!({"error": error, "error_description": why});
    let mut response = json_response(body.to_string());
    *response.status_mut() = StatusCode::BAD_REQUEST;
    response
}
