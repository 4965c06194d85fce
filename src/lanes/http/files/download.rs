//! Files as they go out: whole, the part that was asked for (RFC 9110), or not at all when the client has them already. They
//! are read from disk a piece at a time, off the async threads.
//!
//! Bytes that a disk gives and never took go out as if they were the file to nobody. A short file, and one of which a part is
//! wanted, is read whole before it is answered, once while nobody writes to it; a whole one is hashed on its way, and a long one
//! whose hash is wrong is broken off before its last piece: its client misses bytes of the length that was told.

use std::io;

use axum::body::{Body, Bytes};
use axum::http::header::{
    ACCEPT_RANGES, CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_LENGTH, CONTENT_RANGE,
    CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG, HeaderName,
};
use axum::http::{HeaderValue, Method, Response, StatusCode};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use futures_util::stream;

use crate::lanes::http::ask::Head;
use crate::lanes::http::blocking;
use crate::lanes::http::failure::no_such_range;
use crate::services::failure::{Failure, Outcome};
use crate::services::files::hand_out::StoredFile;

/// Bytes read from disk at once.
const PIECE_BYTES: u64 = 256 << 10;
/// A whole file up to this length is read before it is answered, so that what is damaged is a plain 500: some hundredths of a
/// second. A longer one would keep its client waiting.
const READ_BEFORE_BYTES_MAX: u64 = 16 << 20;

/// How a browser is to take a file.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Disposition {
    /// As something to keep.
    Attachment,
    /// As a part of a page.
    Inline,
}

/// What of a file is to be sent.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Wanted {
    Whole,
    Part {
        first: u64,
        last: u64,
    },
    /// No byte of it is where the client asked.
    Outside,
}

/// The answer that gives a file.
///
/// # Errors
/// `Internal` for a file that is damaged.
pub async fn respond(head: &Head, file: &StoredFile, disposition: Disposition) -> Outcome<Response<Body>> {
    let length = file.bytes.bytes();
    let tag = format!("\"{}\"", file.hash);
    let header = |name: &str| head.header(name);
    let is_known = header("if-none-match").is_some_and(|tags| {
        tags == "*"
            || tags
                .split(',')
                .any(|known| known.trim().trim_start_matches("W/") == tag)
    });
    // Ranges are of GET alone (RFC 9110, 14.2).
    let ranges = head.method == Method::GET && header("if-range").is_none_or(|known| known == tag);
    let range = header("range").filter(|_| ranges);
    let wanted = range.map_or(Wanted::Whole, |range| wanted(range, length));
    let (status, first, end) = match wanted {
        _ if is_known => (StatusCode::NOT_MODIFIED, 0, 0),
        Wanted::Whole => (StatusCode::OK, 0, length),
        Wanted::Part { first, last } => (StatusCode::PARTIAL_CONTENT, first, last + 1),
        Wanted::Outside => (StatusCode::RANGE_NOT_SATISFIABLE, 0, 0),
    };
    let is_whole = (first, end) == (0, length);
    if first < end && (!is_whole || length <= READ_BEFORE_BYTES_MAX) {
        let file = file.clone();
        blocking(move || file.refuse_damaged()).await?;
    }
    let mut response = match status {
        StatusCode::RANGE_NOT_SATISFIABLE => no_such_range(length, &head.request_id),
        _ if is_whole => Response::new(whole(file)),
        _ => Response::new(part(file, first, end)),
    };
    *response.status_mut() = status;
    let mut set = |name: HeaderName, value: String| {
        if let Ok(value) = HeaderValue::try_from(value) {
            response.headers_mut().insert(name, value);
        }
    };
    set(ETAG, tag);
    set(ACCEPT_RANGES, "bytes".into());
    set(CACHE_CONTROL, "private, no-cache".into());
    let digest = format!("sha-256=:{}:", BASE64.encode(file.hash.0));
    match status {
        StatusCode::NOT_MODIFIED | StatusCode::RANGE_NOT_SATISFIABLE => return Ok(response),
        StatusCode::PARTIAL_CONTENT => {
            set(CONTENT_RANGE, format!("bytes {first}-{}/{length}", end - 1));
        }
        _ => set(HeaderName::from_static("content-digest"), digest.clone()),
    }
    set(HeaderName::from_static("repr-digest"), digest);
    set(CONTENT_LENGTH, (end - first).to_string());
    set(CONTENT_TYPE, file.media_type.clone());
    set(CONTENT_SECURITY_POLICY, "default-src 'none'; sandbox".into());
    set(CONTENT_DISPOSITION, disposition_of(file, disposition));
    Ok(response)
}

/// The range of `bytes=…` that can be sent; several at once, or what is no range, are answered with the whole.
fn wanted(range: &str, length: u64) -> Wanted {
    let Some((first, last)) = range
        .strip_prefix("bytes=")
        .and_then(|range| range.split_once('-'))
    else {
        return Wanted::Whole;
    };
    let number = |text: &str| text.trim().parse::<u64>().ok();
    match (first.trim(), last.trim()) {
        ("", suffix) => match number(suffix) {
            Some(0) => Wanted::Outside,
            Some(_) if length == 0 => Wanted::Outside,
            Some(count) => Wanted::Part {
                first: length.saturating_sub(count),
                last: length - 1,
            },
            None => Wanted::Whole,
        },
        (first, last) => {
            let Some(first) = number(first) else {
                return Wanted::Whole;
            };
            let last = if last.is_empty() {
                Some(u64::MAX)
            } else {
                number(last)
            };
            match last {
                Some(last) if last < first => Wanted::Whole,
                Some(_) if first >= length => Wanted::Outside,
                Some(last) => Wanted::Part {
                    first,
                    last: last.min(length - 1),
                },
                None => Wanted::Whole,
            }
        }
    }
}

/// The name in plain ASCII, and as it is for clients that know RFC 8187.
fn disposition_of(file: &StoredFile, disposition: Disposition) -> String {
    let kind = match disposition {
        Disposition::Attachment => "attachment",
        Disposition::Inline => "inline",
    };
    let Some(name) = &file.name else {
        return kind.to_owned();
    };
    let safe = |c: char| c.is_ascii_alphanumeric() || " ._-()+".contains(c);
    let ascii: String = name.chars().map(|c| if safe(c) { c } else { '_' }).collect();
    if ascii == *name {
        return format!("{kind}; filename=\"{ascii}\"");
    }
    let mut encoded = String::new();
    for byte in name.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'.' | b'_' | b'-' => encoded.push(char::from(byte)),
            _ => encoded.push_str(&format!("%{byte:02X}")),
        }
    }
    format!("{kind}; filename=\"{ascii}\"; filename*=UTF-8''{encoded}")
}

/// All of a file, hashed on its way.
fn whole(file: &StoredFile) -> Body {
    let start = (file.bytes.pieces(), file.clone());
    Body::from_stream(stream::try_unfold(start, async |(mut pieces, file)| {
        let read = blocking(move || match pieces.next(PIECE_BYTES) {
            Ok(piece) => Ok(piece.map(|piece| (Bytes::from(piece), (pieces, file)))),
            Err(error) => Err(file.damaged(error)),
        });
        read.await.map_err(broken_off)
    }))
}

fn part(file: &StoredFile, first: u64, end: u64) -> Body {
    let file = file.clone();
    Body::from_stream(stream::try_unfold(first, move |at| {
        let file = file.clone();
        async move {
            if at >= end {
                return Ok::<_, io::Error>(None);
            }
            let length = PIECE_BYTES.min(end - at);
            let piece = blocking(move || {
                let mut piece = vec![0; usize::try_from(length).unwrap_or(0)];
                let read = file.bytes.read_at(at, &mut piece);
                read.map_err(|error| file.damaged(format!("can't be read: {error}")))?;
                Ok(Bytes::from(piece))
            });
            let piece = piece.await.map_err(broken_off)?;
            Ok(Some((piece, at + length)))
        }
    }))
}

/// The answer has begun, so its end is the only thing left to refuse.
fn broken_off(failure: Failure) -> io::Error {
    if let Failure::Internal(cause) = failure {
        tracing::error!(cause, "a file is broken off on its way out");
    }
    io::Error::other("a file can't be given to its end")
}

#[cfg(test)]
mod tests {
    use super::{Wanted, wanted};

    #[test]
    fn a_range_is_a_part_the_whole_or_outside() {
        let part = |first, last| Wanted::Part { first, last };
        for (range, expected) in [
            ("bytes=0-0", part(0, 0)),
            ("bytes=2-", part(2, 9)),
            ("bytes=-3", part(7, 9)),
            ("bytes=-30", part(0, 9)),
            ("bytes=5-99", part(5, 9)),
            ("bytes=10-", Wanted::Outside),
            ("bytes=-0", Wanted::Outside),
            ("bytes=3-2", Wanted::Whole),
            ("bytes=0-1,3-4", Wanted::Whole),
            ("lines=1-2", Wanted::Whole),
            ("bytes=-", Wanted::Whole),
        ] {
            assert_eq!(wanted(range, 10), expected, "{range}");
        }
        assert_eq!(wanted("bytes=0-", 0), Wanted::Outside);
        assert_eq!(wanted("bytes=-1", 0), Wanted::Outside);
    }
}
