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
        output.show(&found, |found| told(output, found));
        Ok(())
    }
}

fn told(output: Output, found: &Json) -> String {
    let hits: Vec<&Json> = found["data"].as_array().into_iter().flatten().collect();
    let widest = |cell: fn(&Json) -> &str| hits.iter().map(|hit| cell(hit).chars().count()).max();
    let (ids, kinds) = (widest(number).unwrap_or(0), widest(kind).unwrap_or(0));
    let mut lines = Vec::new();
    for hit in &hits {
        let why = hit["matched_by"].as_array().into_iter().flatten();
        let why: Vec<&str> = why.filter_map(Json::as_str).collect();
        let title = on_one_line(text(hit, "title"));
        lines.push(format!(
            "{}  {}  {title}  {}",
            output.ink(Ink::Strong, &format!("{:ids$}", number(hit))),
            output.ink(Ink::Faint, &format!("{:kinds$}", kind(hit))),
            output.ink(Ink::Faint, &format!("({})", why.join(", "))),
        ));
        let (plain, marked) = snippet(output, text(hit, "snippet"));
        if !plain.is_empty() && plain != title {
            lines.push(format!("{:indent$}{marked}", "", indent = ids + kinds + 4));
        }
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

/// A snippet as text, plain and with what matched standing out.
fn snippet(output: Output, html: &str) -> (String, String) {
    let (mut plain, mut marked) = (String::new(), String::new());
    let mut add = |ink, html: &str| {
        let text = on_one_line(&unescaped(html));
        if !text.is_empty() {
            plain.push_str(&text);
            marked.push_str(&output.ink(ink, &text));
        }
    };
    for (place, part) in html.split("<mark>").enumerate() {
        let (inside, outside) = match place {
            0 => ("", part),
            _ => part.split_once("</mark>").unwrap_or((part, "")),
        };
        add(Ink::Strong, inside);
        add(Ink::Faint, outside);
    }
    (plain.trim().to_owned(), marked)
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
        assert_eq!(told(Output::new(false), &found), expected);
    }
}
