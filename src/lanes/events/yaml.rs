//! JSON written as YAML 1.2, for documents that people read: blocks, and every text in double quotes unless it is a plain word.

use std::fmt::Write;

use serde_json::Value as Json;

/// The document, with a line's end.
pub(super) fn yaml(document: &Json) -> String {
    let mut text = String::new();
    write_block(&mut text, document, 0);
    text
}

fn write_block(text: &mut String, value: &Json, depth: usize) {
    match value {
        Json::Object(members) if !members.is_empty() => {
            for (name, value) in members {
                indent(text, depth);
                text.push_str(&scalar(&Json::from(name.as_str())));
                text.push(':');
                write_after(text, value, depth + 1);
            }
        }
        Json::Array(items) if !items.is_empty() => {
            for item in items {
                indent(text, depth);
                text.push('-');
                write_after(text, item, depth + 1);
            }
        }
        other => {
            indent(text, depth);
            let _ = writeln!(text, "{}", scalar(other));
        }
    }
}

fn write_after(text: &mut String, value: &Json, depth: usize) {
    let is_block = match value {
        Json::Object(members) => !members.is_empty(),
        Json::Array(items) => !items.is_empty(),
        _ => false,
    };
    if is_block {
        text.push('\n');
        write_block(text, value, depth);
    } else {
        let _ = writeln!(text, " {}", scalar(value));
    }
}

fn indent(text: &mut String, depth: usize) {
    text.extend(std::iter::repeat_n("  ", depth));
}

/// JSON is YAML; only plain words go without their quotes.
fn scalar(value: &Json) -> String {
    let reserved = ["true", "false", "null", "yes", "no", "on", "off", "y", "n"];
    let plain = |text: &str| {
        text.starts_with(|first: char| first.is_ascii_alphabetic())
            && text
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || "._-/".contains(c))
            && !reserved.contains(&text.to_ascii_lowercase().as_str())
    };
    match value {
        Json::String(text) if plain(text) => text.clone(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::yaml;

    #[test]
    fn blocks_are_indented_and_doubtful_words_quoted() {
        let document = json!({"a": {"b": [1, {"c": "no"}], "d": {}}, "$ref": "#/x", "e": "plain"});
        let expected = "a:\n  b:\n    - 1\n    -\n      c: \"no\"\n  d: {}\n\"$ref\": \"#/x\"\ne: plain\n";
        assert_eq!(yaml(&document), expected);
    }
}
