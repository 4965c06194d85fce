//! Failures as status, code and message: the one table, which is also `docs/api/failures.md`.

use axum::body::Body;
use axum::http::header::{ALLOW, CONTENT_RANGE, HeaderName, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderValue, Response, StatusCode};
use serde_json::{Map, Value as Json, json};

use crate::domain::value::Value;
use crate::lanes::http::answer::json_response;
use crate::lanes::http::wire::Wire;
use crate::services::failure::{Amiss, Clash, DUPLICATES, Failure, Fault};

/// A code that a client can meet.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Code {
    /// The word in `errors[].code`.
    pub code: &'static str,
    /// The status that it comes with.
    pub status: u16,
    /// When it is answered.
    pub when: &'static str,
}

macro_rules! codes {
    ($($name:ident $status:literal $when:literal;)*) => {
        $(#[doc = $when] pub const $name: Code = Code { code: stringify!($name), status: $status, when: $when };)*

        /// Every code, in the order of their status.
        pub const CODES: &[Code] = &[$($name),*];
    };
}

codes! {
    INPUT_SCHEMA_VIOLATION 400 "The structure is wrong: an object where an array belongs, an unknown property or parameter, a bad value.";
    MISSING_INPUT_DATA 400 "A mandatory value is absent, null, or an empty array where one item is needed. All of them in one answer.";
    NO_FILES_UPLOADED 400 "A file was needed, and none came.";
    UNAUTHORIZED 401 "No, an unknown, an expired or a revoked credential.";
    MISSING_REPORTER 401 "The key has no reporter, and the request names none.";
    FORBIDDEN 403 "Known, but may not do this; the message names the missing scope or the rule.";
    NOT_FOUND 404 "Not there for this caller: a record of another agency is never a 403.";
    CASE_NOT_FOUND 404 "No such case for this caller.";
    ENTITY_NOT_FOUND 404 "No such entity for this caller.";
    EVIDENCE_NOT_FOUND 404 "No such item of evidence for this caller.";
    REPORT_NOT_FOUND 404 "No such report for this caller.";
    METHOD_NOT_ALLOWED 405 "The path is known, but not with this method; `Allow` says with which.";
    DUPLICATE 409 "Another record has the same unique value; `meta.existing` is its id, `meta.field` the value's. Of several, `errors` and `meta.duplicates` name each.";
    IDEMPOTENCY_MISMATCH 409 "The `Idempotency-Key` was used for another request.";
    CUSTODY_CONFLICT 409 "The chain of custody does not allow the step.";
    CASE_SEALED 409 "The record is sealed by a court's order.";
    STATE_CONFLICT 409 "The state of the record does not allow it; the message says why.";
    VERSION_CONFLICT 412 "The record was changed since it was read; `meta.current` is what it is now.";
    PAYLOAD_TOO_LARGE 413 "Longer than the limit; the connection stays usable.";
    UNSUPPORTED_MEDIA_TYPE 415 "The body, or a file in it, is of a kind that is not taken.";
    RANGE_NOT_SATISFIABLE 416 "No byte of the file is where `Range` asks; `Content-Range` says how many it has.";
    RATE_LIMITED 429 "Too many requests of this credential; `Retry-After` says when to go on.";
    UNEXPECTED_ERROR 500 "A fault of the box. Only the request id goes out; the cause goes to its log.";
    SHUTTING_DOWN 503 "The node is stopping; another one, or a later moment, will do.";
    STORAGE_FULL 507 "The disk has no room for it.";
}

const CHALLENGE: HeaderValue = HeaderValue::from_static("Bearer realm=\"blotter\"");

/// A failure as it goes out, before its status and its words are put together.
struct Told {
    code: Code,
    errors: Vec<Json>,
    meta: Map<String, Json>,
    headers: Vec<(HeaderName, HeaderValue)>,
}

impl Told {
    fn new(code: Code, message: impl Into<String>) -> Self {
        Self {
            code,
            errors: vec![error(code, &message.into())],
            meta: Map::new(),
            headers: Vec::new(),
        }
    }

    fn header(mut self, name: HeaderName, value: impl TryInto<HeaderValue>) -> Self {
        self.headers
            .extend(value.try_into().ok().map(|value| (name, value)));
        self
    }

    fn render(mut self, request_id: &str) -> Response<Body> {
        self.meta.insert("request_id".to_owned(), request_id.into());
        let status = StatusCode::from_u16(self.code.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let envelope = json!({"errors": self.errors, "meta": self.meta});
        let mut response = json_response(envelope.to_string());
        *response.status_mut() = status;
        response.headers_mut().extend(self.headers);
        response
    }
}

fn error(code: Code, message: &str) -> Json {
    json!({"code": code.code, "message": message})
}

/// Faults that one answer names. Whoever sends a body of nothing else is told the number of the rest: the answer must not
/// outgrow the request.
const FAULTS_MAX: usize = 500;
/// The longest path of a fault that is told, in characters.
const PATH_CHARS_MAX: usize = 300;

fn faults_json(faults: &[Fault]) -> Vec<Json> {
    let mut errors: Vec<Json> = faults.iter().take(FAULTS_MAX).map(fault_json).collect();
    if let Some(rest) = faults.len().checked_sub(FAULTS_MAX).filter(|rest| *rest > 0) {
        errors.push(error(INPUT_SCHEMA_VIOLATION, &format!("and {rest} faults more")));
    }
    errors
}

/// A fault's code and message, which names its path.
pub fn fault_json(fault: &Fault) -> Json {
    let Fault {
        amiss,
        path,
        expected,
    } = fault;
    let path = match path.char_indices().nth(PATH_CHARS_MAX) {
        Some((end, _)) => &format!("{}…", &path[..end]),
        None => path,
    };
    let message = match amiss {
        Amiss::Missing => format!("{path} is missing: {expected} is needed"),
        Amiss::NoFile => "a file is needed, and none came".to_owned(),
        _ if path.is_empty() => expected.clone(),
        _ if fault.says_what_is_wrong() => format!("{path}: {expected}"),
        _ => format!("{path}: expected {expected}"),
    };
    error(code_of_fault(*amiss), &message)
}

fn code_of_fault(amiss: Amiss) -> Code {
    match amiss {
        Amiss::Missing => MISSING_INPUT_DATA,
        Amiss::Wrong | Amiss::Refused => INPUT_SCHEMA_VIOLATION,
        Amiss::Clashes(clash) => code_of(clash),
        Amiss::NoFile => NO_FILES_UPLOADED,
        Amiss::FileKind => UNSUPPORTED_MEDIA_TYPE,
    }
}

/// A failure in the words of lanes that have no status: a kind, and what may be told of it.
pub fn words_of(failure: &Failure) -> (&'static str, String) {
    let code = match failure.word() {
        "invalid" => "INVALID",
        "unknown" => "NOT_FOUND",
        "unauthenticated" => "UNAUTHENTICATED",
        "denied" => "DENIED",
        "conflict" => "CONFLICT",
        "busy" | "full" => "BUSY",
        _ => "INTERNAL",
    };
    let message = match failure {
        Failure::Invalid(faults) => {
            let faults = faults
                .iter()
                .take(FAULTS_MAX)
                .map(|fault| fault_json(fault)["message"].clone());
            let texts: Vec<String> = faults
                .filter_map(|text| text.as_str().map(str::to_owned))
                .collect();
            texts.join("; ")
        }
        Failure::Unknown(kind) => format!("no such {kind}"),
        Failure::Unauthenticated(why) => (*why).to_owned(),
        Failure::Denied(rule) => rule.clone(),
        Failure::Conflict(_, text, _) => text.clone(),
        Failure::Stale(_) => "the record was changed since it was read".to_owned(),
        Failure::Gone => "there is no record of which a version could have been read".to_owned(),
        Failure::TooLarge(bytes_max) => format!("at most {bytes_max} bytes"),
        Failure::Busy(seconds) => format!("too many requests: go on in {seconds} s"),
        Failure::Unsupported(taken) => taken.clone(),
        Failure::NoSuchMethod(_, why) => why.clone(),
        Failure::NoReporter => "the key has no reporter, and the request names none".to_owned(),
        Failure::Full => "the disk has no room for it".to_owned(),
        Failure::Stopping => "the node is stopping".to_owned(),
        Failure::Internal(_) => "an unexpected error, which was logged".to_owned(),
    };
    (code, message)
}

/// The answer to a request that failed. What may not be told goes to the log.
pub fn render(wire: &Wire<'_>, failure: &Failure, request_id: &str) -> Response<Body> {
    told(wire, failure, request_id).render(request_id)
}

fn told(wire: &Wire<'_>, failure: &Failure, request_id: &str) -> Told {
    match failure {
        Failure::Invalid(faults) => told_faults(faults),
        Failure::Unknown(kind) => {
            let code = match *kind {
                "case" => CASE_NOT_FOUND,
                "entity" => ENTITY_NOT_FOUND,
                "evidence" => EVIDENCE_NOT_FOUND,
                "report" => REPORT_NOT_FOUND,
                _ => NOT_FOUND,
            };
            Told::new(code, format!("no such {kind}"))
        }
        Failure::Unauthenticated(why) => Told::new(UNAUTHORIZED, *why).header(WWW_AUTHENTICATE, CHALLENGE),
        Failure::NoReporter => {
            let why = "the key has no reporter, and the request names none";
            Told::new(MISSING_REPORTER, why).header(WWW_AUTHENTICATE, CHALLENGE)
        }
        Failure::Denied(rule) => Told::new(FORBIDDEN, rule),
        Failure::Conflict(clash, text, about) => {
            let mut told = Told::new(code_of(*clash), text);
            let several = about.get(DUPLICATES).map_or(&[][..], Value::as_list).iter();
            let texts = several.filter_map(|one| one.get("message")?.as_text());
            let errors: Vec<Json> = texts.map(|text| error(told.code, text)).collect();
            if !errors.is_empty() {
                told.errors = errors;
            }
            let about = about.iter().map(|(name, value)| (name.clone(), value.into()));
            told.meta.extend(about);
            told
        }
        Failure::Stale(record) => {
            let mut told = Told::new(VERSION_CONFLICT, "the record was changed since it was read");
            match wire.record(record) {
                Ok(current) => told.meta.insert("current".to_owned(), current),
                Err(_) => None,
            };
            told
        }
        Failure::Gone => Told::new(VERSION_CONFLICT, words_of(failure).1),
        Failure::TooLarge(bytes_max) => Told::new(PAYLOAD_TOO_LARGE, format!("at most {bytes_max} bytes")),
        Failure::Unsupported(taken) => Told::new(UNSUPPORTED_MEDIA_TYPE, taken),
        Failure::NoSuchMethod(allowed, why) => {
            Told::new(METHOD_NOT_ALLOWED, why).header(ALLOW, allowed.as_str())
        }
        Failure::Busy(seconds) => Told::new(RATE_LIMITED, format!("too many requests: go on in {seconds} s"))
            .header(RETRY_AFTER, seconds.to_string()),
        Failure::Full => Told::new(STORAGE_FULL, "the disk has no room for it"),
        Failure::Stopping => Told::new(SHUTTING_DOWN, "the node is stopping").header(RETRY_AFTER, "5"),
        Failure::Internal(cause) => {
            tracing::error!(request_id, cause, "a request failed");
            Told::new(UNEXPECTED_ERROR, "an unexpected error, which was logged")
        }
    }
}

/// Every fault. A file that is not taken at all comes first and gives the status: a value can be put right.
fn told_faults(faults: &[Fault]) -> Told {
    let mut told = Told::new(INPUT_SCHEMA_VIOLATION, "");
    told.errors = faults_json(faults);
    if faults.iter().any(|fault| fault.amiss == Amiss::FileKind) {
        told.code = UNSUPPORTED_MEDIA_TYPE;
        told.errors.sort_by_key(|error| error["code"] != told.code.code);
    }
    told
}

fn code_of(clash: Clash) -> Code {
    match clash {
        Clash::Duplicate => DUPLICATE,
        Clash::Idempotency => IDEMPOTENCY_MISMATCH,
        Clash::Custody => CUSTODY_CONFLICT,
        Clash::Sealed => CASE_SEALED,
        Clash::State => STATE_CONFLICT,
    }
}

/// The code and the message of a failure of one row among several.
pub fn row_errors(wire: &Wire<'_>, failure: &Failure, request_id: &str) -> Vec<Json> {
    told(wire, failure, request_id).errors
}

/// No byte of a file is where it was asked for.
pub(super) fn no_such_range(length: u64, request_id: &str) -> Response<Body> {
    Told::new(RANGE_NOT_SATISFIABLE, format!("the file has {length} bytes"))
        .header(CONTENT_RANGE, format!("bytes */{length}"))
        .render(request_id)
}

/// The table of codes as Markdown.
pub fn reference() -> String {
    let mut text = "# What a request can fail with\n\nProduced by the program from its own table; a test compares the two.\n\n\
        | code | status | when |\n| --- | --- | --- |\n"
        .to_owned();
    for Code { code, status, when } in CODES {
        text.push_str(&format!("| `{code}` | {status} | {when} |\n"));
    }
    text
}
