//! A file of a page as it goes out: from memory, compressed as it lies there, and not twice to who has it.

use axum::body::{Body, Bytes};
use axum::http::header::{
    CACHE_CONTROL, CONTENT_ENCODING, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG, HeaderName, REFERRER_POLICY,
};
use axum::http::{HeaderValue, Response, StatusCode};

use crate::lanes::http::ask::Head;

/// How the bytes are compressed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Encoding {
    /// They are not.
    Plain,
    /// Brotli, which every browser takes over TLS.
    Brotli,
}

/// A file.
#[derive(Clone)]
pub(super) struct Asset {
    bytes: Bytes,
    media: HeaderValue,
    tag: HeaderValue,
    encoding: Encoding,
    policy: HeaderValue,
}

impl Asset {
    /// These bytes; `hash` is of what they say.
    pub(super) fn new(bytes: impl Into<Bytes>, media: &str, hash: &str, encoding: Encoding) -> Self {
        let tag = format!("\"{}\"", hash.get(..16).unwrap_or(hash));
        Self {
            bytes: bytes.into(),
            media: HeaderValue::try_from(media)
                .unwrap_or(HeaderValue::from_static("application/octet-stream")),
            tag: HeaderValue::try_from(tag).unwrap_or(HeaderValue::from_static("\"0\"")),
            encoding,
            policy: HeaderValue::from_static("default-src 'none'"),
        }
    }

    /// The same under this content security policy.
    pub(super) fn under(self, policy: HeaderValue) -> Self {
        Self { policy, ..self }
    }

    /// The file, or nothing if the client has it already.
    pub(super) fn response(&self, head: &Head) -> Response<Body> {
        let is_known = head.has_version(&self.tag);
        let mut response = match is_known {
            true => Response::new(Body::empty()),
            false => Response::new(Body::from(self.bytes.clone())),
        };
        let headers = response.headers_mut();
        let mut put = |name: HeaderName, value: HeaderValue| headers.insert(name, value);
        put(ETAG, self.tag.clone());
        put(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
        put(CONTENT_SECURITY_POLICY, self.policy.clone());
        put(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
        if is_known {
            *response.status_mut() = StatusCode::NOT_MODIFIED;
            return response;
        }
        put(CONTENT_TYPE, self.media.clone());
        if self.encoding == Encoding::Brotli {
            put(CONTENT_ENCODING, HeaderValue::from_static("br"));
        }
        response
    }
}
