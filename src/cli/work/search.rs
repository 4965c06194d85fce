//! `search`: the same answers as the API.

use clap::Args;
use serde_json::Value as Json;

use crate::cli::order::Order;
use crate::cli::output::{Ink, Output};
use crate::cli::reach::Reach;
use crate::cli::{Done, Place, text};

/// Find records: words, "phrases", names, plates, phones, kind:person, status:open, updated:>2026-01-01.
#[derive(Args, Debug)]
pub(in crate::cli) struct Search {
    /// What to look for
    #[arg(required = true)]
    query: Vec<String>,
    /// Only this kind; may be repeated
    #[arg(long = "kind", value_name = "KIND")]
    kinds: Vec<String>,
    /// Only this case, by its id or number
    #[arg(long, value_name = "ID")]
    case: Option<String>,
    /// Records shown at most
    #[arg(long, default_value_t = 20)]
    limit: usize,
    /// Why, for the audit
    #[arg(long)]
    reason: Option<String>,
}

impl Search {
    pub(in crate::cli) fn run(self, place: &Place, output: Output) -> Done {
        let order = Order::Search {
            text: self.query.join(" "),
            kinds: self.kinds,
            case: self.case,
            limit: self.limit,
            reason: self.reason,
        };
        let found = Reach::open(place)?.perform(order)?;
        output.show(&found, |found| told(output, output.columns(), found));
        Ok(())
    }
}

/// What a title or snippet has on the narrowest terminal, which then breaks the line.
const ROOM_MIN: usize = 20;

/// Hits with a line or two each, none of more than so many characters where that leaves room to read.
fn told(output: Output, columns: usize, found: &Json) -> String {
    let hits: Vec<&Json> = found["data"].as_array().into_iter().flatten().collect();
    let widest = |cell: fn(&Json) -> &str| hits.iter().map(|hit| cell(hit).chars().count()).max();
    let (ids, kinds) = (widest(number).unwrap_or(0), widest(kind).unwrap_or(0));
    let mut lines = Vec::new();
    for hit in &hits {
        let why = hit["matched_by"].as_array().into_iter().flatten();
        let why: Vec<&str> = why.filter_map(Json::as_str).collect();
        let why = format!("({})", why.join(", "));
        let title = on_one_line(text(hit, "title"));
        let indent = ids + kinds + 4;
        let room = |taken: usize| columns.saturating_sub(indent + taken).max(ROOM_MIN);
        lines.push(format!(
            "{}  {}  {}  {}",
            output.ink(Ink::Strong, &format!("{:ids$}", number(hit))),
            output.ink(Ink::Faint, &format!("{:kinds$}", kind(hit))),
            cut(&title, room(why.chars().count() + 2)),
            output.ink(Ink::Faint, &why),
        ));
        let snippet = snippet(output, text(hit, "snippet"), &title, room(0));
        lines.extend(snippet.map(|snippet| format!("{:indent$}{snippet}", "")));
    }
    let meta = &found["meta"];
    let suggestions = meta["suggestions"].as_array().into_iter().flatten();
    let suggestions: Vec<&str> = suggestions.filter_map(Json::as_str).collect();
    if !suggestions.is_empty() {
        lines.push(format!("Did you mean: {}?", suggestions.join(", ")));
    }
    let (shown, total) = (hits.len() as u64, meta["total"].as_u64().unwrap_or_default());
    let summary = match (shown, meta["relaxed"] == true) {
        (0, _) => "nothing found".to_owned(),
        (_, true) => format!("nothing has all of the words; {shown} of {total} that have some"),
        (_, false) => format!("{shown} of {total} found"),
    };
    lines.push(output.ink(Ink::Faint, &summary));
    lines.join("\n")
}

/// Its number for people, or the internal id of what has none.
fn number(hit: &Json) -> &str {
    match text(hit, "display_id") {
        "" => text(hit, "id"),
        display => display,
    }
}

fn kind(hit: &Json) -> &str {
    text(hit, "kind")
}

/// A snippet as text in which what matched stands out, on one line of so many characters; nothing, if it is the title again.
fn snippet(output: Output, html: &str, title: &str, room: usize) -> Option<String> {
    let mut parts = Vec::new();
    for (place, part) in html.split("<mark>").enumerate() {
        let (inside, outside) = match place {
            0 => ("", part),
            _ => part.split_once("</mark>").unwrap_or((part, "")),
        };
        for (ink, html) in [(Ink::Strong, inside), (Ink::Faint, outside)] {
            parts.push((ink, on_one_line(&unescaped(html))));
        }
    }
    let plain: String = parts.iter().map(|(_, text)| text.as_str()).collect();
    if plain.trim().is_empty() || plain.trim() == title {
        return None;
    }
    let long = |parts: &[(Ink, String)]| parts.iter().map(|(_, text)| text.chars().count()).sum::<usize>();
    // What matched first is on the line, wherever it stands.
    let (before, first) = (long(&parts[..2]), long(&parts[2..parts.len().min(3)]));
    let skipped = if before + first < room {
        0
    } else {
        before.saturating_sub(room / 4)
    };
    let (mut at, mut marked) = (0, String::new());
    for (ink, text) in parts {
        let line: String = text
            .chars()
            .zip(at..)
            .filter(|(_, at)| (skipped..skipped.saturating_add(room)).contains(at))
            .map(|(c, at)| {
                let is_cut = at + 1 == skipped.saturating_add(room) && at + 1 < plain.chars().count();
                if is_cut || at == skipped && skipped > 0 {
                    '…'
                } else {
                    c
                }
            })
            .collect();
        at += text.chars().count();
        if !line.is_empty() {
            marked.push_str(&output.ink(ink, &line));
        }
    }
    Some(marked)
}

/// The beginning of a text that is longer.
fn cut(text: &str, room: usize) -> String {
    match text.char_indices().nth(room) {
        None => text.to_owned(),
        Some(_) => text.chars().take(room.saturating_sub(1)).chain(['…']).collect(),
    }
}

fn unescaped(html: &str) -> String {
    let entities = [
        ("&lt;", "<"),
        ("&gt;", ">"),
        ("&quot;", "\""),
        ("&#39;", "'"),
        ("&amp;", "&"),
    ];
    let unescape = |text: String, (entity, c): (&str, &str)| text.replace(entity, c);
    entities.into_iter().fold(html.to_owned(), unescape)
}

/// Without control characters, which a terminal would obey.
fn on_one_line(text: &str) -> String {
    let is_hidden =
        |c: char| c.is_control() || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    let mut line = String::with_capacity(text.len());
    for c in text.chars() {
        let c = if is_hidden(c) { ' ' } else { c };
        if c != ' ' || !line.ends_with(' ') {
            line.push(c);
        }
    }
    line
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::told;
    use crate::cli::output::Output;

    #[test]
    fn hits_stand_in_columns_and_nothing_in_them_reaches_the_terminal_as_an_order() {
        let found = json!({
            "data": [
                {"display_id": "ENT-0017", "kind": "person", "title": "Catherine Doyle", "matched_by": ["sound"],
                 "snippet": "Kate <mark>Doyle</mark> &lt;b&gt;\u{1b}[31m\n&amp;amp;"},
                {"display_id": "INV-2026-2411", "kind": "case", "title": "Theft", "matched_by": ["text"], "snippet": "Theft"},
            ],
            "meta": {"total": 7, "suggestions": []},
        });
        let expected = "ENT-0017       person  Catherine Doyle  (sound)\n\
            \u{20}                      Kate Doyle <b> [31m &amp;\n\
            INV-2026-2411  case    Theft  (text)\n2 of 7 found";
        assert_eq!(told(Output::new(false), usize::MAX, &found), expected);
    }

    #[test]
    fn no_line_is_longer_than_the_terminal_and_what_matched_is_on_it() {
        let far = format!(
            "{}<mark>bolt cutter</mark>{}",
            "by night ".repeat(12),
            " and gone".repeat(12)
        );
        let hits = [
            json!({"display_id": "INV-2026-2407", "kind": "case", "title": "Break-in ".repeat(9), "matched_by": ["text"],
                "snippet": format!("<mark>Wharf</mark> Street{}", ", Harbor City".repeat(9))}),
            json!({"display_id": "EVD-1", "kind": "evidence", "title": "Tool", "matched_by": ["text"], "snippet": far}),
        ];
        let told = told(
            Output::new(false),
            80,
            &json!({"data": hits, "meta": {"total": 2}}),
        );
        let lines: Vec<&str> = told.lines().collect();
        assert!(lines.iter().all(|line| line.chars().count() <= 80), "{told}");
        let is_cut =
            |line: &str, begun: &str, end: &str| line.trim_start().starts_with(begun) && line.ends_with(end);
        assert!(
            is_cut(lines[0], "INV-2026-2407  case      Break-in", "…  (text)"),
            "{told}"
        );
        assert!(is_cut(lines[1], "Wharf Street", "…"), "{told}");
        assert!(
            is_cut(lines[3], "…", "…") && lines[3].contains("bolt cutter"),
            "{told}"
        );
        assert!(lines[1].chars().count() == 80, "{told}");
    }
}
