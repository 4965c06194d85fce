//! The lane's own JSON: a request, an answer, an error with its code.

use async_graphql::{Response as Answered, ServerError, Value};
use axum::body::Body;
use axum::http::header::{ACCEPT, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderMap, HeaderValue, Response, StatusCode};
use serde::Deserialize;
use serde_json::{Map, Value as Json, json};

use crate::lanes::graphql::empty;
use crate::lanes::http::failure::words_of;
use crate::lanes::http::wire::Wire;
use crate::services::failure::{Failure, Fault, Outcome};

/// What a client asks.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(try_from = "Json")]
pub(super) struct Asked {
    /// The document.
    pub(super) query: String,
    /// Which of its operations.
    pub(super) operation_name: Option<String>,
    /// With which variables.
    pub(super) variables: Option<Map<String, Json>>,
}

impl Asked {
    /// Reads a body. `extensions` are clients' own; nothing of them is read.
    ///
    /// # Errors
    /// `Invalid` with every fault: an array of several requests, members that nobody knows or of another form.
    pub(super) fn of(json: Json) -> Outcome<Self> {
        let mut members = match json {
            Json::Object(members) => members,
            Json::Array(_) => return Err(Failure::wrong("body", "one request: batches are not taken")),
            _ => return Err(Failure::wrong("body", "an object with a query")),
        };
        let mut faults = Vec::new();
        let query = match members.remove("query") {
            Some(Json::String(query)) => query,
            None | Some(Json::Null) => {
                faults.push(Fault::missing("query", "a document"));
                String::new()
            }
            Some(_) => {
                faults.push(Fault::wrong("query", "text"));
                String::new()
            }
        };
        let operation_name = match members.remove("operationName") {
            None | Some(Json::Null) => None,
            Some(Json::String(name)) => Some(name),
            Some(_) => {
                faults.push(Fault::wrong("operationName", "text"));
                None
            }
        };
        let mut object = |name: &str| match members.remove(name) {
            None | Some(Json::Null) => None,
            Some(Json::Object(object)) => Some(object),
            Some(_) => {
                faults.push(Fault::wrong(name, "an object"));
                None
            }
        };
        let (variables, _) = (object("variables"), object("extensions"));
        faults.extend(members.keys().map(|name| Fault::wrong(name, "no such property")));
        match faults.is_empty() {
            true => Ok(Self {
                query,
                operation_name,
                variables,
            }),
            false => Err(Failure::Invalid(faults)),
        }
    }

    /// Reads the parameters of a GET.
    ///
    /// # Errors
    /// `Invalid` with every fault.
    pub(super) fn of_query(param: impl Fn(&str) -> Option<String>) -> Outcome<Self> {
        let mut members = Map::new();
        for name in ["query", "operationName"] {
            members.extend(param(name).map(|text| (name.to_owned(), Json::String(text))));
        }
        // What is no JSON is no object either.
        let variables =
            param("variables").map(|text| serde_json::from_str(&text).unwrap_or(Json::Bool(false)));
        members.extend(variables.map(|variables| ("variables".to_owned(), variables)));
        Self::of(Json::Object(members))
    }
}

impl TryFrom<Json> for Asked {
    type Error = &'static str;

    fn try_from(json: Json) -> Result<Self, Self::Error> {
        Self::of(json).map_err(|_| "no request of GraphQL")
    }
}

/// An answer of GraphQL.
#[derive(Debug)]
pub(super) struct Told {
    /// What was asked for; `None` if nothing was done.
    pub(super) data: Option<Value>,
    /// What went wrong.
    pub(super) errors: Vec<Json>,
}

impl Told {
    /// Nothing was done.
    pub(super) fn refused(failure: &Failure, request_id: &str) -> Self {
        log(failure, request_id);
        Self {
            data: None,
            errors: vec![error_json(failure, request_id)],
        }
    }

    /// What was answered, perhaps with marks of what is empty. An error that has no code is one of the query itself.
    pub(super) fn of(mut answered: Answered, is_marked: bool, request_id: &str) -> Self {
        if is_marked {
            empty::unmark(&mut answered);
        }
        let errors = answered.errors.into_iter();
        Self {
            data: (answered.data != Value::Null).then_some(answered.data),
            errors: errors.map(|error| answered_error(error, request_id)).collect(),
        }
    }

    /// As JSON text.
    pub(super) fn text(&self) -> String {
        let errors = match self.errors.is_empty() {
            true => String::new(),
            false => Json::from(self.errors.clone()).to_string(),
        };
        let data = self
            .data
            .as_ref()
            .map(|data| serde_json::to_string(data).unwrap_or_else(|_| "null".to_owned()));
        match (data, errors.as_str()) {
            (Some(data), "") => format!(r#"{{"data":{data}}}"#),
            (Some(data), errors) => format!(r#"{{"data":{data},"errors":{errors}}}"#),
            (None, "") => r#"{"data":null}"#.to_owned(),
            (None, errors) => format!(r#"{{"errors":{errors}}}"#),
        }
    }

    /// As it goes out: by the GraphQL media type a request that was refused as a whole has a status that says so, by plain
    /// JSON it is 200 with errors.
    pub(super) fn render(&self, media: Media) -> Response<Body> {
        let status = match (&self.data, media, self.errors.is_empty()) {
            (None, Media::Graphql, false) => StatusCode::BAD_REQUEST,
            _ => StatusCode::OK,
        };
        respond(status, media, self.text())
    }
}

/// The form of an answer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Media {
    /// `application/graphql-response+json`
    Graphql,
    /// `application/json`
    Json,
}

impl Media {
    /// The one that the client wants.
    pub(super) fn of(headers: &HeaderMap) -> Self {
        let wants = |accept: &HeaderValue| {
            let text = accept.to_str().unwrap_or_default();
            text.contains("application/graphql-response+json")
        };
        match headers.get_all(ACCEPT).iter().any(wants) {
            true => Self::Graphql,
            false => Self::Json,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Graphql => "application/graphql-response+json; charset=utf-8",
            Self::Json => "application/json",
        }
    }
}

fn respond(status: StatusCode, media: Media, text: String) -> Response<Body> {
    let mut response = Response::new(Body::from(text));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(media.name()));
    response
}

/// What failed before the query was read, with the status of HTTP.
pub(super) fn render_failure(_: &Wire<'_>, failure: &Failure, request_id: &str) -> Response<Body> {
    let status = match failure {
        Failure::Unauthenticated(_) | Failure::NoReporter => 401,
        Failure::Denied(_) => 403,
        Failure::Unknown(_) => 404,
        Failure::NoSuchMethod(..) => 405,
        Failure::TooLarge(_) => 413,
        Failure::Unsupported(_) => 415,
        Failure::Busy(_) => 429,
        Failure::Conflict(..) | Failure::Stale(_) | Failure::Gone => 409,
        Failure::Invalid(_) => 400,
        Failure::Stopping => 503,
        Failure::Full => 507,
        Failure::Internal(_) => 500,
    };
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = respond(status, Media::Json, Told::refused(failure, request_id).text());
    let headers = response.headers_mut();
    match failure {
        Failure::Unauthenticated(_) => {
            let challenge = HeaderValue::from_static("Bearer realm=\"blotter\"");
            headers.insert(WWW_AUTHENTICATE, challenge);
        }
        Failure::Busy(seconds) => {
            headers.insert(RETRY_AFTER, HeaderValue::from(*seconds));
        }
        _ => {}
    }
    response
}

/// The message of a failure, its code, and what more may be told.
pub(super) fn error_of(failure: &Failure) -> (String, Map<String, Json>) {
    let (code, message) = words_of(failure);
    let mut extensions = Map::from_iter([("code".to_owned(), code.into())]);
    match failure {
        Failure::Conflict(_, _, about) => {
            extensions.extend(about.iter().map(|(name, value)| (name.clone(), value.into())));
        }
        Failure::Stale(record) => {
            extensions.insert("version".to_owned(), record.version.into());
        }
        Failure::Busy(seconds) => {
            extensions.insert("retryAfterSeconds".to_owned(), (*seconds).into());
        }
        // The request's id is not known here; whoever reads the log finds the cause beside it.
        Failure::Internal(cause) => tracing::error!(cause, "a field of a query failed"),
        _ => {}
    }
    (message, extensions)
}

fn error_json(failure: &Failure, request_id: &str) -> Json {
    let (code, message) = words_of(failure);
    json!({"message": message, "extensions": {"code": code, "requestId": request_id}})
}

fn log(failure: &Failure, request_id: &str) {
    if let Failure::Internal(cause) = failure {
        tracing::error!(request_id, cause, "a query failed");
    }
}

/// Where the library finds a fault of its own.
const INTERNAL: &str = "internal: ";

fn answered_error(error: ServerError, request_id: &str) -> Json {
    let is_internal = error.message.starts_with(INTERNAL);
    if is_internal {
        tracing::error!(request_id, cause = error.message, "a query failed");
    }
    let message = match is_internal {
        true => "an unexpected error, which was logged",
        false => error.message.as_str(),
    };
    let mut json = json!({ "message": message });
    if !error.locations.is_empty() {
        json["locations"] = json!(error.locations);
    }
    if !error.path.is_empty() {
        json["path"] = json!(error.path);
    }
    let mut extensions = match error.extensions.map(|extensions| json!(extensions)) {
        Some(Json::Object(extensions)) => extensions,
        _ => Map::new(),
    };
    let code = if is_internal { "INTERNAL" } else { "INVALID" };
    extensions.entry("code").or_insert(code.into());
    extensions.insert("requestId".to_owned(), request_id.into());
    json["extensions"] = Json::Object(extensions);
    json
}
