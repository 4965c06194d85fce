//! Reading JSON bodies: within the limit, without doubled members, in the envelope. A body that is too long is drained up to
//! a bound, so that its connection stays usable.

/// What a sender says of its bytes.
pub(in crate::lanes::http) mod digest;

use std::fmt;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::HeaderMap;
use axum::http::header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, EXPECT};
use http_body_util::BodyExt;
use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::error::Category;
use serde_json::{Map, Value as Json};

use crate::lanes::http::Options;
use crate::services::failure::{Failure, Fault, Outcome};

/// Once so much of a body is there, room is made for all that was said: growing by doubling touches three times as much memory.
const FIRST_BYTES: u64 = 64 << 10;

/// What of a large body is read between two pauses: whoever else asks meets so much of it on his core, and not 4 MB.
const PIECE_BYTES: u64 = 64 << 10;

/// Between the pieces of a large body: 16 MB a second.
const PAUSE_OF_LARGE: Duration = Duration::from_millis(4);

/// How much of a body is read that nobody asked for.
const UNASKED_BYTES_MAX: u64 = 64 << 10;

/// Between pieces of [`UNASKED_BYTES_MAX`] of a body that was refused because its sender asks too often: 1.3 MB a second.
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

async fn forget_at(mut body: Body, bytes_max: u64, pause: Duration) {
    let (mut length, mut next_pause) = (0, UNASKED_BYTES_MAX);
    while let Some(Ok(frame)) = body.frame().await {
        length += frame.data_ref().map_or(0, Bytes::len) as u64;
        if length > bytes_max {
            return;
        }
        if length > next_pause && !pause.is_zero() {
            next_pause = length + UNASKED_BYTES_MAX;
            tokio::time::sleep(pause).await;
        }
    }
}

/// Reads a whole body.
///
/// # Errors
/// `TooLarge`; `Unsupported` for one that is packed; `Invalid` if it breaks off, or is not what its `Content-Digest` says.
pub async fn read(headers: &HeaderMap, body: Body, options: &Options) -> Outcome<Bytes> {
    read_within(headers, body, options.json_bytes_max, options).await
}

/// The same within another limit.
///
/// # Errors
/// `TooLarge`; `Unsupported` for one that is packed; `Invalid` if it breaks off, or is not what its `Content-Digest` says.
pub async fn read_within(
    headers: &HeaderMap,
    mut body: Body,
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
    if said.is_some_and(|length| {
        length > bytes_max && (length > drained_bytes_max || headers.contains_key(EXPECT))
    }) {
        return Err(Failure::TooLarge(bytes_max));
    }
    let (too_long, whole) = (said.is_some_and(|length| length > bytes_max), said.unwrap_or(0));
    let mut all = Vec::new();
    let (mut length, mut next_pause) = (0_u64, options.large_body_bytes_min as u64);
    while let Some(frame) = body.frame().await {
        let broken = || Failure::wrong("body", "a whole body: it broke off");
        let Ok(data) = frame.map_err(|_| broken())?.into_data() else {
            continue;
        };
        length += data.len() as u64;
        if length > next_pause {
            if length - (data.len() as u64) <= options.large_body_bytes_min as u64
                && let Err(wide) = refuse_wide(&all, options.members_max)
            {
                drop(all);
                drain_slowly(body, drained_bytes_max).await;
                return Err(wide);
            }
            next_pause = length + PIECE_BYTES;
            tokio::time::sleep(PAUSE_OF_LARGE).await;
        }
        if length <= bytes_max && !too_long {
            if length > FIRST_BYTES {
                // Nothing if there is room.
                all.reserve_exact(usize::try_from(whole.saturating_sub(all.len() as u64)).unwrap_or(0));
            }
            all.extend_from_slice(&data);
        } else if length > drained_bytes_max {
            break;
        }
    }
    if too_long || length > bytes_max {
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

/// JSON of a body or of a part of it.
///
/// # Errors
/// `Invalid` if it is none, or if an object in it has a member twice or too many.
pub fn json(path: &str, bytes: &[u8], members_max: usize) -> Outcome<Json> {
    let mut reading = serde_json::Deserializer::from_slice(bytes);
    let read = Strict { members_max }.deserialize(&mut reading);
    let whole = read.and_then(|json| reading.end().map(|()| json));
    whole.map_err(|error| Failure::wrong(path, format!("JSON: {}", fault_of(&error))))
}

/// Refuses JSON by its beginning where an object has too many members already: the rest is not worth its reading.
///
/// # Errors
/// `Invalid`, as [`json`] would say of the whole.
fn refuse_wide(begun: &[u8], members_max: usize) -> Outcome<()> {
    let mut reading = serde_json::Deserializer::from_slice(begun);
    match (Counted { members_max }).deserialize(&mut reading) {
        Err(error) if error.classify() == Category::Data => {
            Err(Failure::wrong("body", format!("JSON: {}", fault_of(&error))))
        }
        // It ends too early, or something else is wrong with it: that is found when it is whole.
        _ => Ok(()),
    }
}

fn too_wide<E: Error>(members_max: usize) -> E {
    E::custom(format!("an object has at most {members_max} members"))
}

/// Levels within one another, at most: those that the parser bears.
const LEVELS_MAX: u32 = 127;

/// What is wrong with JSON, in our words: those of the parser are no contract.
fn fault_of(error: &serde_json::Error) -> String {
    let place = format!("line {}, column {}", error.line(), error.column());
    let theirs = error.to_string();
    match error.classify() {
        // Our own, by `Strict`.
        Category::Data => {
            let own = theirs.rsplit_once(" at line ").map_or(&*theirs, |(own, _)| own);
            format!("{own} ({place})")
        }
        Category::Eof => format!("it ends too early ({place})"),
        _ if theirs.starts_with("recursion") => format!("at most {LEVELS_MAX} levels ({place})"),
        _ if theirs.starts_with("number out of range") => format!("a number is too large ({place})"),
        _ => format!("what stands at {place} is none"),
    }
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

/// Reads a JSON value in which no object has a member twice: of two, one would be lost silently.
#[derive(Clone, Copy)]
struct Strict {
    members_max: usize,
}

impl<'de> DeserializeSeed<'de> for Strict {
    type Value = Json;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Json, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict {
    type Value = Json;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Json, E> {
        Ok(Json::Null)
    }

    fn visit_bool<E>(self, truth: bool) -> Result<Json, E> {
        Ok(truth.into())
    }

    fn visit_i64<E>(self, number: i64) -> Result<Json, E> {
        Ok(number.into())
    }

    fn visit_u64<E>(self, number: u64) -> Result<Json, E> {
        Ok(number.into())
    }

    fn visit_f64<E>(self, number: f64) -> Result<Json, E> {
        Ok(number.into())
    }

    fn visit_str<E>(self, text: &str) -> Result<Json, E> {
        Ok(text.into())
    }

    fn visit_string<E>(self, text: String) -> Result<Json, E> {
        Ok(text.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut members: A) -> Result<Json, A::Error> {
        let mut list = Vec::new();
        while let Some(member) = members.next_element_seed(self)? {
            list.push(member);
        }
        Ok(Json::Array(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Json, A::Error> {
        let mut map = Map::new();
        while let Some(name) = members.next_key::<String>()? {
            let value = members.next_value_seed(self)?;
            if map.contains_key(&name) {
                return Err(A::Error::custom(format!("the property {name:?} is there twice")));
            }
            if map.len() == self.members_max {
                return Err(too_wide(self.members_max));
            }
            map.insert(name, value);
        }
        Ok(Json::Object(map))
    }
}

/// Reads a JSON value, counts the members of its objects, and keeps nothing.
#[derive(Clone, Copy)]
struct Counted {
    members_max: usize,
}

impl<'de> DeserializeSeed<'de> for Counted {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Counted {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_str<E>(self, _: &str) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut members: A) -> Result<(), A::Error> {
        while members.next_element_seed(self)?.is_some() {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<(), A::Error> {
        let mut count = 0;
        while members.next_key::<IgnoredAny>()?.is_some() {
            members.next_value_seed(self)?;
            if count == self.members_max {
                return Err(too_wide(self.members_max));
            }
            count += 1;
        }
        Ok(())
    }
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

    #[test]
    fn what_is_wrong_with_json_is_said_in_our_words() {
        for (text, expected) in [
            ("{1:2}", "what stands at line 1, column 2 is none"),
            ("[1,\n]", "what stands at line 2, column 1 is none"),
            ("[1] 2", "what stands at line 1, column 5 is none"),
            ("[", "it ends too early (line 1, column 1)"),
            ("[1e999]", "a number is too large (line 1, column 6)"),
            (
                r#"{"a at line 1":1,"a at line 1":2}"#,
                r#"the property "a at line 1" is there twice (line 1, column 33)"#,
            ),
        ] {
            assert_eq!(said(text), format!("JSON: {expected}"), "{text}");
        }
        let (deep, deeper) = (levels(127), levels(128));
        assert!(json("body", deep.as_bytes(), 9).is_ok());
        assert_eq!(said(&deeper), "JSON: at most 127 levels (line 1, column 128)");
    }

    fn levels(count: usize) -> String {
        "[".repeat(count) + &"]".repeat(count)
    }

    fn said(text: &str) -> String {
        match json("body", text.as_bytes(), 9) {
            Err(Failure::Invalid(mut faults)) => faults.remove(0).expected,
            other => panic!("{other:?}"),
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
