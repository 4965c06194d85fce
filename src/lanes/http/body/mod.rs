//! Reading JSON bodies: within the limit, in the envelope. A body that is too long is drained up to a bound, so that its
//! connection stays usable.

/// What a sender says of its bytes.
pub(in crate::lanes::http) mod digest;
/// JSON without doubled members.
mod json;

use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::HeaderMap;
use axum::http::header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, EXPECT};
use http_body_util::BodyExt;
use hyper::body::Frame;
use serde_json::{Map, Value as Json};

use crate::lanes::http::Options;
use crate::services::failure::{Failure, Fault, Outcome};

pub use json::json;

/// Once so much of a body is there, room is made for all that was said: growing by doubling touches three times as much memory.
const FIRST_BYTES: u64 = 64 << 10;

/// What of a large body, or of one that is refused, is read between two pauses: whoever else asks meets so much of it on his
/// core, and not 4 MB.
const PIECE_BYTES: u64 = 64 << 10;

/// Between the pieces of a large body: 16 MB a second.
const PAUSE_OF_LARGE: Duration = Duration::from_millis(4);

/// How much of a body is read that nobody asked for.
const UNASKED_BYTES_MAX: u64 = 64 << 10;

/// Between the pieces of a body that was refused because its sender asks too often: 1.3 MB a second.
const PAUSE_OF_REFUSED: Duration = Duration::from_millis(50);

/// Reads a short body and forgets it, so that its sender is there for the answer: clients that are still sending when a
/// stream of HTTP/2 ends take that for a fault.
pub async fn drain(body: Body) {
    forget(body, UNASKED_BYTES_MAX).await;
}

/// The same for a body that may be a file: a client that learns of its refusal while it sends often loses the answer.
pub(super) async fn drain_long(body: Body, bytes_max: u64) {
    forget(body, bytes_max).await;
}

/// The same at a pace: of one who asks too often, who is to have his answer and to cost next to nothing.
pub(super) async fn drain_slowly(body: Body, bytes_max: u64) {
    forget_at(body, bytes_max, PAUSE_OF_REFUSED).await;
}

async fn forget(body: Body, bytes_max: u64) {
    forget_at(body, bytes_max, Duration::ZERO).await;
}

async fn forget_at(body: Body, bytes_max: u64, pause: Duration) {
    let mut pieces = Pieces::of(body, UNASKED_BYTES_MAX, pause);
    while let Some(Ok(_)) = pieces.next().await {
        if pieces.length > bytes_max {
            return;
        }
    }
}

/// A body as it comes in. Once it is large, there is a pause after each piece of it.
struct Pieces {
    body: Body,
    /// What came so far, in bytes.
    length: u64,
    pause_after: u64,
    pause: Duration,
}

impl Pieces {
    fn of(body: Body, large_bytes_min: u64, pause: Duration) -> Self {
        Self {
            body,
            length: 0,
            pause_after: large_bytes_min,
            pause,
        }
    }

    async fn next(&mut self) -> Option<Result<Bytes, axum::Error>> {
        if self.length > self.pause_after && !self.pause.is_zero() {
            self.pause_after = self.length + PIECE_BYTES;
            tokio::time::sleep(self.pause).await;
        }
        loop {
            match self.body.frame().await?.map(Frame::into_data) {
                Ok(Ok(data)) => {
                    self.length += data.len() as u64;
                    return Some(Ok(data));
                }
                Ok(Err(_trailers)) => {}
                Err(broken) => return Some(Err(broken)),
            }
        }
    }
}

/// Reads a whole body.
///
/// # Errors
/// `TooLarge`; `Unsupported` for one that is packed; `Invalid` if it breaks off, is not what its `Content-Digest` says, or
/// begins with an object that has too many members.
pub async fn read(headers: &HeaderMap, body: Body, options: &Options) -> Outcome<Bytes> {
    read_within(headers, body, options.json_bytes_max, options).await
}

/// The same within another limit.
///
/// # Errors
/// Those of [`read`].
pub async fn read_within(
    headers: &HeaderMap,
    body: Body,
    bytes_max: u64,
    options: &Options,
) -> Outcome<Bytes> {
    let drained_bytes_max = options.drained_bytes_max;
    if let Err(packed) = refuse_packed(headers) {
        forget(body, drained_bytes_max).await;
        return Err(packed);
    }
    let said = headers
        .get(CONTENT_LENGTH)
        .and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
    let is_too_long = said.is_some_and(|length| length > bytes_max);
    if is_too_long && (said > Some(drained_bytes_max) || headers.contains_key(EXPECT)) {
        return Err(Failure::TooLarge(bytes_max));
    }
    let large_bytes_min = options.large_body_bytes_min as u64;
    let mut pieces = Pieces::of(body, large_bytes_min, PAUSE_OF_LARGE);
    let (mut all, mut is_looked_at) = (Vec::new(), false);
    while let Some(data) = pieces.next().await {
        let data = data.map_err(|_| Failure::wrong("body", "a whole body: it broke off"))?;
        if is_too_long || pieces.length > bytes_max {
            if pieces.length > drained_bytes_max {
                break;
            }
            continue;
        }
        if pieces.length > FIRST_BYTES {
            let rest = said.unwrap_or(0).saturating_sub(all.len() as u64);
            // Nothing if there is room.
            all.reserve_exact(usize::try_from(rest).unwrap_or(0));
        }
        all.extend_from_slice(&data);
        if pieces.length > large_bytes_min && !is_looked_at {
            is_looked_at = true;
            if let Err(wide) = json::refuse_wide(&all, options.members_max) {
                drop(all);
                drain_slowly(pieces.body, drained_bytes_max).await;
                return Err(wide);
            }
        }
    }
    if is_too_long || pieces.length > bytes_max {
        return Err(Failure::TooLarge(bytes_max));
    }
    let all = all.into();
    digest::check(headers, &all).await?;
    Ok(all)
}

/// Bodies are taken as they are: what unpacks to a thousand times its length is not unpacked.
///
/// # Errors
/// `Unsupported` for a body that is said to be packed.
pub(super) fn refuse_packed(headers: &HeaderMap) -> Outcome<()> {
    let is_plain = |coding: &[u8]| coding.trim_ascii().eq_ignore_ascii_case(b"identity");
    match headers
        .get_all(CONTENT_ENCODING)
        .iter()
        .all(|coding| is_plain(coding.as_bytes()))
    {
        true => Ok(()),
        false => Err(Failure::Unsupported("no content-encoding is taken".into())),
    }
}

/// What came in the envelope.
#[derive(Debug)]
pub struct Content {
    /// The root `data`.
    pub data: Json,
    /// Of the root `meta` what the route knows.
    pub meta: Map<String, Json>,
    /// What is wrong around `data`, which may have faults of its own.
    pub faults: Vec<Fault>,
}

/// The content of a body; `meta_known` are the members that the route knows.
///
/// # Errors
/// `Unsupported` for another media type, `Invalid` with every fault where there is no `data`.
pub fn parse(headers: &HeaderMap, bytes: &[u8], meta_known: &[&str], options: &Options) -> Outcome<Content> {
    let media = headers
        .get(CONTENT_TYPE)
        .map(|media| media.to_str().unwrap_or("?"));
    let is_json = |media: &str| {
        let essence = media.split(';').next().unwrap_or_default().trim();
        essence.eq_ignore_ascii_case("application/json")
    };
    if bytes.is_empty() && media.is_none_or(is_json) {
        return Err(Failure::Invalid(vec![Fault::missing("data", "a body with it")]));
    }
    if !media.is_some_and(is_json) {
        return Err(Failure::Unsupported("the body must be application/json".into()));
    }
    match json("body", bytes, options.members_max)? {
        Json::Object(root) => envelope(root, meta_known),
        _ => Err(Failure::wrong("body", "an object with the member data")),
    }
}

/// A body without the envelope, whatever it is said to be; none at all is an object with nothing in it.
///
/// # Errors
/// See [`json`].
pub fn bare(bytes: &[u8], options: &Options) -> Outcome<Json> {
    if bytes.trim_ascii().is_empty() {
        return Ok(Json::Object(Map::new()));
    }
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    json("body", bytes, options.members_max)
}

/// What an answer has beside `data`: who sends back what he read sends it along, and it says nothing.
pub(super) const ANSWERED: [&str; 2] = ["links", "link"];

fn envelope(mut root: Map<String, Json>, meta_known: &[&str]) -> Outcome<Content> {
    let mut faults = Vec::new();
    let data = root.remove("data").unwrap_or(Json::Null);
    if data.is_null() {
        faults.push(Fault::missing("data", "an object or an array"));
    }
    let mut meta = match root.remove("meta") {
        None | Some(Json::Null) => Map::new(),
        Some(Json::Object(meta)) => meta,
        Some(_) => {
            faults.push(Fault::wrong("meta", "an object"));
            Map::new()
        }
    };
    let strangers = root.keys().filter(|name| !ANSWERED.contains(&name.as_str()));
    faults.extend(strangers.map(|name| Fault::wrong(name, "no such property")));
    meta.retain(|name, _| {
        let is_known = meta_known.contains(&name.as_str());
        if !is_known {
            faults.push(Fault::wrong(format!("meta.{name}"), "no such property"));
        }
        is_known
    });
    if data.is_null() {
        return Err(Failure::Invalid(faults));
    }
    Ok(Content { data, meta, faults })
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use axum::http::{HeaderMap, HeaderValue};
    use serde_json::json;

    use super::{Content, Options, json, parse, read};
    use crate::services::failure::Failure;

    fn parsed(text: &str) -> Result<serde_json::Value, Vec<String>> {
        let headers = HeaderMap::from_iter([(
            axum::http::header::CONTENT_TYPE,
            HeaderValue::from_static("application/json; charset=utf-8"),
        )]);
        match parse(&headers, text.as_bytes(), &["atomic"], &Options::default()) {
            Ok(content) if content.faults.is_empty() => Ok(content.data),
            Ok(Content { faults, .. }) | Err(Failure::Invalid(faults)) => {
                Err(faults.into_iter().map(|fault| fault.path).collect())
            }
            Err(_) => Err(Vec::new()),
        }
    }

    #[test]
    fn a_body_is_an_object_with_data() {
        let whole = json!({"a": [1, -2, 3.5, "x", null, true]});
        for body in [
            json!({"data": whole, "meta": {"atomic": true}}),
            json!({"data": whole, "links": {"self": "/v1/cases/1"}, "link": null}),
        ] {
            assert_eq!(parsed(&body.to_string()), Ok(whole.clone()));
        }
        for (text, path) in [
            ("", "data"),
            ("{}", "data"),
            ("[]", "body"),
            (r#"{"data":null}"#, "data"),
            (r#"{"data":{},"date":{}}"#, "date"),
            (r#"{"data":{},"meta":{"x":1}}"#, "meta.x"),
            (r#"{"data":{"a":1,"a":2}}"#, "body"),
            ("{\"data\":", "body"),
        ] {
            assert_eq!(parsed(text), Err(vec![path.to_owned()]), "{text}");
        }
    }

    // Three hundred thousand members were read to their end before the ten thousand and first was refused.
    #[tokio::test]
    async fn a_large_body_is_refused_by_its_beginning_as_the_whole_would_be() {
        let options = Options {
            large_body_bytes_min: 64,
            members_max: 9,
            ..Options::default()
        };
        let wide: Vec<String> = (0..100)
            .map(|number| format!("\"k{number}\": {number}"))
            .collect();
        let wide = format!("{{\"data\":[{{{}}}]}}", wide.join(","));
        let narrow = format!("[{}1]", "1,".repeat(1_000));
        for (text, is_refused) in [(&wide, true), (&narrow, false)] {
            let pieces: Vec<_> = text
                .as_bytes()
                .chunks(40)
                .map(|piece| Ok::<_, std::io::Error>(piece.to_vec()))
                .collect();
            let body = Body::from_stream(futures_util::stream::iter(pieces));
            let outcome = read(&HeaderMap::new(), body, &options).await;
            match outcome {
                Err(Failure::Invalid(faults)) => {
                    assert!(is_refused);
                    let whole = json("body", text.as_bytes(), 9).unwrap_err();
                    assert!(
                        matches!(whole, Failure::Invalid(whole) if whole[0].expected == faults[0].expected)
                    );
                }
                outcome => assert_eq!(outcome.unwrap().len(), text.len()),
            }
        }
    }

    #[test]
    fn a_body_as_deep_as_a_well_is_refused() {
        let deep = format!("{{\"data\":{}{}}}", "[".repeat(10_000), "]".repeat(10_000));
        assert_eq!(parsed(&deep), Err(vec!["body".to_owned()]));
    }
}
