//! The text of a query, token by token: how many there are, how deep they nest, how often one field is named in one selection.
//! Nothing is built and nothing calls itself, so the worst text costs no more than reading it once.

use std::collections::HashMap;

use crate::lanes::graphql::limits::{Exceeded, Limits};

/// The deepest nesting of braces, brackets and parentheses that is handed to the parser, which calls itself for each.
const NESTING_MAX: usize = 60;

/// Refuses a text that no query within the limits can be.
///
/// # Errors
/// The limit that was met first.
pub(in crate::lanes::graphql) fn scan(text: &str, limits: &Limits) -> Result<(), Exceeded> {
    let mut scan = Scan {
        limits,
        tokens: 0,
        directives: 0,
        open: Vec::new(),
        last: ["", ""],
    };
    let mut rest = text;
    while let Some(token) = next(&mut rest) {
        scan.take(token)?;
    }
    Ok(())
}

/// What is open: a selection with its aliases so far, by field; or something else.
enum Open<'q> {
    Selection(HashMap<&'q str, usize>),
    Other,
}

struct Scan<'q, 'l> {
    limits: &'l Limits,
    tokens: usize,
    directives: usize,
    open: Vec<Open<'q>>,
    /// The two tokens before.
    last: [&'q str; 2],
}

impl<'q> Scan<'q, '_> {
    fn take(&mut self, token: &'q str) -> Result<(), Exceeded> {
        self.tokens += 1;
        let Limits {
            tokens_max,
            directives_max,
            aliases_max,
            ..
        } = *self.limits;
        if self.tokens > tokens_max {
            return Err(Exceeded::new(
                "tokens_max",
                tokens_max,
                "the query has more tokens",
            ));
        }
        match token {
            "{" if matches!(self.open.last(), None | Some(Open::Selection(_))) => {
                self.open.push(Open::Selection(HashMap::new()));
            }
            "{" | "(" | "[" => self.open.push(Open::Other),
            "}" | ")" | "]" => drop(self.open.pop()),
            "@" => self.directives += 1,
            name if self.last[1] == ":" => {
                if let Some(Open::Selection(aliases)) = self.open.last_mut() {
                    let count = aliases.entry(name).or_default();
                    *count += 1;
                    if *count > aliases_max {
                        let what = format!("the field {:?} has more aliases", clipped(name));
                        return Err(Exceeded::new("aliases_max", aliases_max, &what));
                    }
                }
            }
            _ => {}
        }
        if self.directives > directives_max {
            let what = "the query has more directives";
            return Err(Exceeded::new("directives_max", directives_max, what));
        }
        if self.open.len() > NESTING_MAX {
            let what = format!("the query nests more than {NESTING_MAX} levels");
            return Err(Exceeded::new("depth_max", self.limits.depth_max, &what));
        }
        self.last = [self.last[1], token];
        Ok(())
    }
}

fn clipped(name: &str) -> String {
    name.chars().take(80).collect()
}

/// The next token: a name or number, a string, or one character. Commas, blanks and comments are none.
fn next<'q>(rest: &mut &'q str) -> Option<&'q str> {
    loop {
        *rest = rest.trim_start_matches(|c: char| c.is_whitespace() || matches!(c, ',' | '\u{feff}'));
        match rest.strip_prefix('#') {
            Some(comment) => *rest = comment.find(['\n', '\r']).map_or("", |end| &comment[end..]),
            None => break,
        }
    }
    let length = match rest.chars().next()? {
        '"' => string(rest),
        first if is_of_word(first) => rest.find(|c| !is_of_word(c)).unwrap_or(rest.len()),
        first => first.len_utf8(),
    };
    let (token, after) = rest.split_at(length);
    *rest = after;
    Some(token)
}

fn is_of_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_'
}

/// The length of the string that the text begins with; all of the text if it does not end.
fn string(text: &str) -> usize {
    if text.starts_with("\"\"\"") {
        let mut at = 3;
        while let Some(end) = text[at..].find("\"\"\"") {
            at += end + 3;
            // `\"""` stands for the three quotes themselves.
            if !text[..at - 3].ends_with('\\') {
                return at;
            }
        }
        return text.len();
    }
    let mut escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => return at + 1,
            // A string of one quote ends with its line; what follows is read by the parser's own rules.
            '\n' | '\r' => return at,
            _ => {}
        }
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::{Limits, next, scan};

    #[test]
    fn a_text_falls_into_its_tokens() {
        let text = "query Q($a: ID!) { x(s: \"a { \\\" b\", t: \"\"\"} \\\"\"\" {\"\"\") # { { {\n ...F @skip(if: true) }";
        let mut rest = text;
        let tokens: Vec<_> = std::iter::from_fn(|| next(&mut rest)).collect();
        assert_eq!(tokens[..4], ["query", "Q", "(", "$"]);
        assert!(tokens.contains(&"\"a { \\\" b\"") && tokens.contains(&"\"\"\"} \\\"\"\" {\"\"\""));
        assert_eq!(tokens.iter().filter(|token| **token == "{").count(), 1);
    }

    #[test]
    fn each_bomb_meets_its_limit_and_a_query_meets_none() {
        let limits = Limits::default();
        let many = |count: usize, part: &dyn Fn(usize) -> String| (0..count).map(part).collect::<String>();
        let table = [
            (
                format!("{{{}}}", many(10, &|n| format!("a{n}: case(id: 1) {{ id }} "))),
                None,
            ),
            (
                format!("{{{}}}", many(11, &|n| format!("a{n}: case(id: 1) {{ id }} "))),
                Some("aliases_max"),
            ),
            (
                format!("{{ a {} }}", many(1_000, &|_| "@skip(if: true)".into())),
                Some("directives_max"),
            ),
            (many(10_000, &|_| "{a".into()), Some("depth_max")),
            (
                format!("{{a(x: {})}}", many(10_000, &|_| "[".into())),
                Some("depth_max"),
            ),
            (
                format!("{{{}}}", many(20_000, &|_| "a ".into())),
                Some("tokens_max"),
            ),
            ("\"".repeat(999), None),
            (
                format!("{{a(o: {{{}}})}}", many(50, &|n| format!("k{n}: a "))),
                None,
            ),
        ];
        for (text, limit) in table {
            let met = scan(&text, &limits).err().map(|exceeded| exceeded.limit);
            assert_eq!(met, limit, "{}", &text[..60.min(text.len())]);
        }
    }
}
