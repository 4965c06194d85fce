//! Failures in the form that these clients know: `{"error", "error_description"}`, of a bad request also `fields` with the
//! name and the fault of each, of a clash what it is with. Inner text goes to the log alone.

use axum::body::Body;
use axum::http::header::{ALLOW, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderValue, Response, StatusCode};
use serde_json::{Map, Value as Json};

use crate::lanes::http::answer::json_response;
use crate::lanes::http::failure::words_of;
use crate::lanes::http::wire::Wire;
use crate::services::failure::{Amiss, Clash, Failure, Fault};
use crate::services::safe::door::NO_LICENCE;

/// Faults that one answer names.
const FAULTS_MAX: usize = 500;

/// The answer to a request that failed.
pub(super) fn render(_: &Wire<'_>, failure: &Failure, request_id: &str) -> Response<Body> {
    if let Failure::Internal(cause) = failure {
        tracing::error!(request_id, cause, "a request failed");
    }
    let (status, error) = kind_of(failure);
    let (_, text) = words_of(failure);
    let mut body = Map::from_iter([
        ("error".to_owned(), Json::from(error)),
        ("error_description".to_owned(), Json::from(text)),
    ]);
    match failure {
        Failure::Invalid(faults) => {
            let fields: Map<String, Json> = faults.iter().take(FAULTS_MAX).map(field_of).collect();
            let names: Vec<&str> = fields.keys().map(String::as_str).collect();
            let text = format!("missing or wrong: {}", names.join(", "));
            body.insert("error_description".to_owned(), text.into());
            body.insert("fields".to_owned(), fields.into());
        }
        Failure::Conflict(_, _, about) => {
            body.extend(
                about
                    .iter()
                    .map(|(name, value)| (name.clone(), Json::from(value))),
            );
        }
        _ => {}
    }
    let mut response = json_response(Json::Object(body).to_string());
    *response.status_mut() = status;
    let headers = response.headers_mut();
    match failure {
        Failure::Unauthenticated(_) | Failure::NoReporter => {
            headers.insert(
                WWW_AUTHENTICATE,
                HeaderValue::from_static("Bearer realm=\"blotter\""),
            );
        }
        Failure::NoSuchMethod(allowed, _) => {
            let allowed = HeaderValue::try_from(allowed);
            headers.extend(allowed.ok().map(|allowed| (ALLOW, allowed)));
        }
        Failure::Busy(seconds) => {
            headers.insert(RETRY_AFTER, HeaderValue::from(*seconds));
        }
        Failure::Stopping => {
            headers.insert(RETRY_AFTER, HeaderValue::from_static("5"));
        }
        _ => {}
    }
    response
}

fn kind_of(failure: &Failure) -> (StatusCode, &'static str) {
    match failure {
        Failure::Invalid(_) => (StatusCode::BAD_REQUEST, "invalid_request"),
        Failure::Unknown(_) => (StatusCode::NOT_FOUND, "not_found"),
        Failure::Unauthenticated(_) | Failure::NoReporter => (StatusCode::UNAUTHORIZED, "unauthorized"),
        Failure::Denied(rule) if rule == NO_LICENCE => (StatusCode::FORBIDDEN, "no_license_available"),
        Failure::Denied(_) => (StatusCode::FORBIDDEN, "forbidden"),
        Failure::Conflict(clash, ..) => {
            let error = match clash {
                Clash::Duplicate => "duplicate",
                Clash::Idempotency => "idempotency_mismatch",
                Clash::Custody => "invalid_state",
                Clash::Sealed => "sealed",
                Clash::State => "conflict",
            };
            (StatusCode::CONFLICT, error)
        }
        Failure::Stale(_) | Failure::Gone => (StatusCode::CONFLICT, "stale_object"),
        Failure::TooLarge(_) => (StatusCode::PAYLOAD_TOO_LARGE, "payload_too_large"),
        Failure::Unsupported(_) => (StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported_media_type"),
        Failure::NoSuchMethod(..) => (StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed"),
        Failure::Busy(_) => (StatusCode::TOO_MANY_REQUESTS, "too_many_requests"),
        Failure::Full => (StatusCode::INSUFFICIENT_STORAGE, "storage_full"),
        Failure::Stopping => (StatusCode::SERVICE_UNAVAILABLE, "shutting_down"),
        Failure::Internal(_) => (StatusCode::INTERNAL_SERVER_ERROR, "unexpected_error"),
    }
}

/// Our own names of fields, as these clients call them: of several that a path begins with the first counts.
const NAMES: [(&str, &str); 34] = [
    ("attributes.aliases", "alias"),
    ("attributes.dob", "dob"),
    ("attributes.identifiers", "driverLicence"),
    ("attributes.names", "lastName"),
    ("attributes", "formData"),
    ("barcode", "barcodes"),
    ("case_id", "primaryCaseId"),
    ("case_number", "caseNumber"),
    ("category", "categoryId"),
    ("classification", "isRestricted"),
    ("disabled", "active"),
    ("display_name", "lastName"),
    ("entities", "people"),
    ("form_data", "formData"),
    ("happened_at", "transactionActivityDate"),
    ("location_id", "locationId"),
    ("location", "locationId"),
    ("name", "lastName"),
    ("occurred_at", "offenseDate"),
    ("offense_type", "offenseTypeId"),
    ("office_id", "officeId"),
    ("officers", "caseOfficerIds"),
    ("other_phone", "otherphone"),
    ("phone", "mobilePhone"),
    ("place.address", "offenseLocation"),
    ("place.latitude", "recoveryLocationLatitude"),
    ("place.longitude", "recoveryLocationLongitude"),
    ("place.name", "recoveryLocation"),
    ("record_id", "entityId"),
    ("recovered_at", "recoveryDate"),
    ("recovered_by", "recoveredById"),
    ("review_date", "reviewDate"),
    ("status", "active"),
    ("title", "offenseDescription"),
];

/// A path of ours as these clients call it, theirs as it is; of lists of their own the place stays.
fn client_name(path: &str) -> String {
    let Some(path) = path.strip_prefix("data.") else {
        return path.to_owned();
    };
    let known = NAMES.iter().find_map(|(own, name)| {
        let rest = path.strip_prefix(own)?;
        (rest.is_empty() || rest.starts_with(['.', '['])).then_some((name, rest))
    });
    match known {
        Some((&"caseOfficerIds", rest)) => format!("caseOfficerIds{rest}"),
        Some((name, _)) => (*name).to_owned(),
        None => path.to_owned(),
    }
}

/// The faults of an object that lies in another, under the client's names: `person.lastName`.
pub(super) fn within(before: &str, failure: Failure) -> Failure {
    let Failure::Invalid(mut faults) = failure else {
        return failure;
    };
    for fault in &mut faults {
        if !fault.path.starts_with(before) {
            fault.path = format!("{before}{}", client_name(&fault.path));
        }
    }
    Failure::Invalid(faults)
}

/// The faults of a case: its description has a name of its own.
pub(super) fn of_case(failure: Failure) -> Failure {
    let Failure::Invalid(mut faults) = failure else {
        return failure;
    };
    for fault in &mut faults {
        if fault.path == "data.description" {
            "offenseDescription".clone_into(&mut fault.path);
        }
    }
    Failure::Invalid(faults)
}

fn field_of(fault: &Fault) -> (String, Json) {
    let name = client_name(&fault.path);
    let why = match (fault.amiss == Amiss::Missing, fault.says_what_is_wrong()) {
        (true, _) => format!("is required: {}", fault.expected),
        (false, true) => fault.expected.clone(),
        (false, false) => format!("expected {}", fault.expected),
    };
    (name.chars().take(300).collect(), why.into())
}
