//! What a handler answers: `data`, `links` and `meta` in one envelope, never together with errors.

use std::sync::Arc;

use axum::body::{Body, Bytes};
use axum::http::header::{CONTENT_TYPE, ETAG, HeaderName};
use axum::http::{HeaderValue, Response, StatusCode};
use serde_json::{Map, Value as Json};

use crate::domain::record::Record;
use crate::lanes::http::ask::Head;
use crate::lanes::http::wire::Wire;
use crate::services::Written;
use crate::services::failure::Outcome;
use crate::services::reading::Shown;
use crate::store::database::Read;

/// Said of an answer that an earlier request with the same key got.
const REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");

/// A success.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The status.
    pub status: StatusCode,
    /// What was asked for.
    pub data: Json,
    /// Where to go on.
    pub links: Map<String, Json>,
    /// About the answer itself.
    pub meta: Map<String, Json>,
    /// Headers beside the usual ones.
    pub headers: Vec<(HeaderName, HeaderValue)>,
    /// The whole envelope, if it is written already.
    written: Option<Arc<Shown>>,
    /// The data goes out alone.
    is_bare: bool,
}

impl Answer {
    /// `200` with this data.
    pub fn data(data: impl Into<Json>) -> Self {
        Self {
            status: StatusCode::OK,
            data: data.into(),
            links: Map::new(),
            meta: Map::new(),
            headers: Vec::new(),
            written: None,
            is_bare: false,
        }
    }

    /// This data without an envelope, as lanes answer that have a form of their own.
    pub fn bare(status: StatusCode, data: Json) -> Self {
        Self {
            status,
            is_bare: true,
            ..Self::data(data)
        }
    }

    /// `200` with a record, its links and its version.
    ///
    /// # Errors
    /// The disk failed.
    pub fn record(wire: &Wire<'_>, record: &Record) -> Outcome<Self> {
        let data = wire.record(record)?;
        let mut answer = Self::data(Json::Null);
        if let Some(Json::Object(links)) = data.get("links") {
            answer.links = links.clone();
        }
        answer.data = data;
        answer.headers.push((ETAG, etag(record.version)));
        Ok(answer)
    }

    /// A record that was read; `304` and nothing if the client says that it has this version.
    pub fn shown(shown: Arc<Shown>, head: &Head) -> Self {
        let tag = etag(shown.version());
        let mut answer = Self::data(Json::Null);
        if head.has_version(&tag) {
            answer.status = StatusCode::NOT_MODIFIED;
        }
        answer.headers.push((ETAG, tag));
        answer.written = Some(shown);
        answer
    }

    /// `201` with the record that was made; `200` if an earlier request with the same key made it.
    ///
    /// # Errors
    /// The disk failed.
    pub fn created(wire: &Wire<'_>, written: &Written) -> Outcome<Self> {
        let answer = Self::record(wire, written.first()?)?;
        Ok(answer.status(StatusCode::CREATED).replayed(written.replayed))
    }

    /// `200` with the record that was changed.
    ///
    /// # Errors
    /// The disk failed.
    pub fn changed(wire: &Wire<'_>, written: &Written) -> Outcome<Self> {
        Ok(Self::record(wire, written.first()?)?.replayed(written.replayed))
    }

    /// A page of a list.
    pub fn list(items: Vec<Json>, next_cursor: Option<String>) -> Self {
        let mut answer = Self::data(items);
        if let Some(cursor) = next_cursor {
            answer.meta.insert("next_cursor".to_owned(), cursor.into());
        }
        answer
    }

    /// The same with another status.
    #[must_use]
    pub fn status(mut self, status: StatusCode) -> Self {
        self.status = status;
        self
    }

    /// The same under `201` if this request made what it answers.
    #[must_use]
    pub fn made(self, made: bool) -> Self {
        match made {
            true => self.status(StatusCode::CREATED),
            false => self,
        }
    }

    /// The same, said to be the answer of an earlier request if it is.
    #[must_use]
    pub fn replayed(mut self, replayed: bool) -> Self {
        if replayed {
            self.status = StatusCode::OK;
            self.headers.push((REPLAYED, HeaderValue::from_static("true")));
        }
        self
    }

    /// The same with a link more.
    #[must_use]
    pub fn link(mut self, name: &str, to: impl Into<Json>) -> Self {
        self.links.insert(name.to_owned(), to.into());
        self
    }

    /// The same with a member of `meta` more.
    #[must_use]
    pub fn meta(mut self, name: &str, value: impl Into<Json>) -> Self {
        self.meta.insert(name.to_owned(), value.into());
        self
    }

    /// As it goes out.
    pub fn render(mut self) -> Response<Body> {
        let (status, headers) = (self.status, std::mem::take(&mut self.headers));
        let mut response = match self.written.take() {
            _ if status == StatusCode::NOT_MODIFIED => Response::new(Body::empty()),
            Some(shown) => json_response(Bytes::from_owner(Text(shown))),
            None => json_response(self.text()),
        };
        *response.status_mut() = status;
        response.headers_mut().extend(headers);
        response
    }

    /// The envelope, or what is bare.
    fn text(self) -> String {
        if self.is_bare {
            return self.data.to_string();
        }
        let mut envelope = Map::from_iter([("data".to_owned(), self.data)]);
        for (name, members) in [("links", self.links), ("meta", self.meta)] {
            if !members.is_empty() {
                envelope.insert(name.to_owned(), Json::Object(members));
            }
        }
        Json::Object(envelope).to_string()
    }
}

/// How this lane writes a single record, envelope and all.
///
/// # Errors
/// The disk failed.
pub fn show(rows: &dyn Read, record: &Record) -> Outcome<Vec<u8>> {
    Ok(Answer::record(&Wire::over(rows), record)?.text().into_bytes())
}

/// The bytes that are sent stay where they are kept.
struct Text(Arc<Shown>);

impl AsRef<[u8]> for Text {
    fn as_ref(&self) -> &[u8] {
        self.0.text()
    }
}

/// The version of a record as an entity tag.
pub fn etag(version: u64) -> HeaderValue {
    HeaderValue::try_from(format!("\"{version}\"")).unwrap_or(HeaderValue::from_static("\"0\""))
}

/// `200` with a body that is JSON.
pub fn json_response(body: impl Into<Body>) -> Response<Body> {
    let mut response = Response::new(body.into());
    response
        .headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}
