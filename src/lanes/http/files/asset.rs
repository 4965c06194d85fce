//! What `build.rs` packed of `web/`: from memory, compressed as it lies there, and not twice to who has it.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::body::{Body, Bytes};
use axum::http::header::{
    CACHE_CONTROL, CONTENT_ENCODING, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG, REFERRER_POLICY,
};
use axum::http::{HeaderMap, HeaderValue, Response, StatusCode};

use crate::lanes::http::ask::Head;
use crate::services::failure::{Failure, Outcome};

/// A file: its name, its media type, the SHA-256 of what it says, and that, compressed with Brotli if it is no page.
type Packed = (&'static str, &'static str, &'static str, &'static [u8]);

/// What `build.rs` packed.
static PACKED: &[Packed] = &include!(concat!(env!("OUT_DIR"), "/web.rs"));

/// Pages keep their names and are asked for anew; the name of every other file changes with what it says.
const PAGES: [&str; 2] = [".html", ".txt"];

/// The files of one folder of `web/`. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Assets(Arc<BTreeMap<&'static str, Asset>>);

impl Assets {
    /// Those of a folder, under this content security policy.
    pub fn of(folder: &str, policy: &HeaderValue) -> Self {
        let own = PACKED.iter().filter_map(|file @ (name, ..)| {
            let name = name.strip_prefix(folder)?.strip_prefix('/')?;
            Some((name, Asset::new(file, policy)))
        });
        Self(Arc::new(own.collect()))
    }

    /// One of them, or nothing if the client has it already.
    ///
    /// # Errors
    /// `Unknown` if there is none of this name.
    pub fn answer(&self, name: &str, head: &Head) -> Outcome<Response<Body>> {
        let asset = self.0.get(name).ok_or(Failure::Unknown("file"))?;
        Ok(asset.response(head))
    }
}

#[derive(Debug)]
struct Asset {
    bytes: Bytes,
    tag: HeaderValue,
    /// What every answer says.
    always: HeaderMap,
    /// What is said of the bytes.
    about: HeaderMap,
}

impl Asset {
    fn new((name, media, hash, bytes): &Packed, policy: &HeaderValue) -> Self {
        let is_page = PAGES.iter().any(|end| name.ends_with(end));
        let tag = format!("\"{}\"", hash.get(..16).unwrap_or(hash));
        let tag = HeaderValue::try_from(tag).unwrap_or(HeaderValue::from_static("\"0\""));
        let kept = match is_page {
            true => "no-cache",
            false => "public, max-age=31536000, immutable",
        };
        let always = HeaderMap::from_iter([
            (ETAG, tag.clone()),
            (CACHE_CONTROL, HeaderValue::from_static(kept)),
            (CONTENT_SECURITY_POLICY, policy.clone()),
            (REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
        ]);
        let mut about = HeaderMap::from_iter([(CONTENT_TYPE, HeaderValue::from_static(media))]);
        // Every browser takes Brotli over TLS. Pages lie there as they are.
        if !name.ends_with(".html") {
            about.insert(CONTENT_ENCODING, HeaderValue::from_static("br"));
        }
        Self {
            bytes: Bytes::from_static(bytes),
            tag,
            always,
            about,
        }
    }

    fn response(&self, head: &Head) -> Response<Body> {
        let mut response = Response::new(Body::empty());
        response.headers_mut().clone_from(&self.always);
        if head.has_version(&self.tag) {
            *response.status_mut() = StatusCode::NOT_MODIFIED;
            return response;
        }
        response.headers_mut().extend(self.about.clone());
        *response.body_mut() = Body::from(self.bytes.clone());
        response
    }
}
