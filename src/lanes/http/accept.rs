//! Which of two forms of an answer is wanted (RFC 9110 § 12.5.1).

use axum::http::HeaderMap;
use axum::http::header::ACCEPT;

/// Whether this form of an answer is wanted, which somebody has to name, and JSON is not wanted more.
pub fn prefers(headers: &HeaderMap, wanted: &str) -> bool {
    let (mut named, mut json) = (None, None);
    let accepts = headers.get_all(ACCEPT).iter();
    let ranges = accepts.filter_map(|accept| accept.to_str().ok());
    for range in ranges.flat_map(|accept| accept.split(',')) {
        let mut parts = range.split(';').map(str::trim);
        let media = parts.next().unwrap_or_default().to_ascii_lowercase();
        let said = parts.find_map(|part| part.strip_prefix("q=").or_else(|| part.strip_prefix("Q=")));
        let quality = said.map_or(Some(1.0), |said| said.parse::<f32>().ok());
        let Some(quality) = quality.filter(|quality| (0.0..=1.0).contains(quality)) else {
            continue;
        };
        // The closer a range names JSON, the more it counts.
        let closeness = match media.as_str() {
            media if media == wanted => {
                named = Some(quality);
                continue;
            }
            "application/json" => 2,
            "application/*" => 1,
            "*/*" => 0,
            _ => continue,
        };
        if json.is_none_or(|(known, _)| known <= closeness) {
            json = Some((closeness, quality));
        }
    }
    let json = json.map_or(0.0, |(_, quality)| quality);
    named.is_some_and(|named| named > 0.0 && named >= json)
}

#[cfg(test)]
mod tests {
    use axum::http::header::ACCEPT;
    use axum::http::{HeaderMap, HeaderValue};

    use super::prefers;

    fn check(wanted: &str, table: &[(&'static str, bool)]) {
        for (accept, expected) in table {
            let headers = HeaderMap::from_iter([(ACCEPT, HeaderValue::from_static(accept))]);
            assert_eq!(prefers(&headers, wanted), *expected, "{wanted} by {accept}");
        }
    }

    #[test]
    fn a_stream_is_answered_unless_json_is_wanted_more() {
        let table = [
            ("text/event-stream", true),
            ("Text/Event-Stream; charset=utf-8", true),
            ("application/json", false),
            ("*/*", false),
            ("application/json, text/event-stream;q=0.5", false),
            ("application/json;q=0.4, text/event-stream;q=0.5", true),
            ("application/json, text/event-stream", true),
            (
                "*/*;q=0.1, text/event-stream;q=0.5, application/json;q=0.9",
                false,
            ),
            ("text/event-stream;q=0.5, */*", false),
            ("text/event-stream;q=0.5, */*, application/json;q=0.2", true),
            ("text/event-stream;q=0", false),
            ("x-text/event-stream-er", false),
            ("text/event-stream;q=much", false),
        ];
        check("text/event-stream", &table);
    }

    #[test]
    fn a_page_is_for_browsers() {
        let table = [
            (
                "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
                true,
            ),
            ("text/html", true),
            ("application/json, text/html;q=0.1", false),
            ("application/json, text/plain, */*", false),
            ("*/*", false),
        ];
        check("text/html", &table);
    }
}
