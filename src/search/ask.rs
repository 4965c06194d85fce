//! What a person typed, read: words, "phrases", -exclusions and `field:value` filters. What is no known syntax is searched as
//! words; a filter that can't be read, or that there is not, is told as a slip, so that who asks can refuse it.

use jiff::civil::{Date, date};
use jiff::tz::TimeZone;

/// Words and phrases of a query that are searched; each costs a look into the dictionary of every segment.
const PARTS_MAX: usize = 32;

/// The filters that there are. Other spellings are taken (`type:`, `risk:`, `caseNumber:`).
pub const FILTERS: [&str; 11] = [
    "kind",
    "status",
    "priority",
    "tag",
    "office",
    "case",
    "number",
    "case_number",
    "classification",
    "created",
    "updated",
];

/// What stands before a colon in mail and addresses, in small letters too: no slip of a filter.
const NO_FILTERS: [&str; 12] = [
    "re", "fw", "fwd", "aw", "cc", "bcc", "mailto", "tel", "fax", "sms", "sip", "urn",
];

/// A query as it was understood.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ask {
    /// All that was typed.
    pub text: String,
    /// What is looked for, in order.
    pub parts: Vec<Part>,
    /// What narrows it.
    pub filters: Vec<Filter>,
    /// Filters that can't be read; they are searched as words.
    pub slips: Vec<Slip>,
    /// Whether more was typed than is searched: what follows the 32nd word or phrase is left out.
    pub is_cut: bool,
    /// Whether the last part may be the beginning of a word that is still being typed.
    pub is_typing: bool,
}

/// A word or phrase.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// As it was typed, without its sign and quotes.
    pub text: String,
    /// In quotes: these words in this order.
    pub is_phrase: bool,
    /// With a minus: documents with it are left out.
    pub is_excluded: bool,
}

/// What looks like a filter and is none, as it was typed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Slip {
    /// There is no such filter.
    Name(String),
    /// No period is written so.
    Period(String),
    /// Nothing is called so: it has no letter or digit.
    Value(String),
}

/// A filter; several on one label are alternatives, otherwise all must hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Filter {
    /// `status:open`, `kind:person,vehicle`.
    Label {
        /// Which one.
        label: Label,
        /// Any of these.
        values: Vec<String>,
        /// With a minus.
        is_excluded: bool,
    },
    /// `updated:>2026-01-01`, `created:2026-01..2026-03`. Days are days in UTC.
    Time {
        /// When it arose, or when it was last changed.
        when: When,
        /// From this ms on.
        from_ms: Option<i64>,
        /// Before this ms.
        before_ms: Option<i64>,
        /// With a minus.
        is_excluded: bool,
    },
}

/// What can be filtered by its value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Label {
    /// `kind:`
    Kind,
    /// `status:`
    Status,
    /// `tag:`
    Tag,
    /// `office:`
    Office,
    /// `priority:`, `risk:` or `severity:`
    Level,
    /// `case:`, an internal or display id.
    Case,
    /// `number:`, a whole number or identifier of the record.
    Number,
    /// `case_number:`, the same of a case.
    CaseNumber,
    /// `classification:`
    Classification,
}

impl Label {
    /// Its first name before the colon.
    pub fn word(self) -> &'static str {
        match self {
            Self::Kind => "kind",
            Self::Status => "status",
            Self::Tag => "tag",
            Self::Office => "office",
            Self::Level => "priority",
            Self::Case => "case",
            Self::Number => "number",
            Self::CaseNumber => "case_number",
            Self::Classification => "classification",
        }
    }
}

/// A time of a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum When {
    /// `created:`
    Created,
    /// `updated:`
    Updated,
}

impl Ask {
    /// Reads a query.
    pub fn parse(text: &str) -> Self {
        let mut ask = Self {
            text: text.to_owned(),
            ..Self::default()
        };
        let mut rest = text.trim_start();
        while !rest.is_empty() {
            let unsigned = rest
                .strip_prefix('-')
                .filter(|after| !after.starts_with(char::is_whitespace));
            let is_excluded = unsigned.is_some_and(|after| !after.is_empty());
            let token = unsigned.unwrap_or(rest);
            let (raw, quoted, after) = take(token);
            ask.is_typing = after.is_empty() && quoted.is_none() && !is_excluded;
            match quoted {
                Some(phrase) if raw.is_empty() => ask.push(phrase, true, is_excluded),
                quoted => ask.read_token(raw, quoted, is_excluded),
            }
            rest = after.trim_start();
        }
        ask
    }

    /// The parts that are looked for.
    pub fn wanted(&self) -> impl Iterator<Item = &Part> {
        self.parts.iter().filter(|part| !part.is_excluded)
    }

    fn read_token(&mut self, raw: &str, quoted: Option<&str>, is_excluded: bool) {
        let field_and_value = raw
            .split_once(':')
            .map(|(field, value)| (field, quoted.unwrap_or(value)))
            .filter(|(_, value)| !value.is_empty());
        let filter = field_and_value.and_then(|(field, value)| read_filter(field, value, is_excluded));
        if let (None, Some((field, value))) = (&filter, field_and_value) {
            let typed = || format!("{field}:{value}");
            if is_filter(field) {
                let is_value = value.contains(char::is_alphanumeric);
                self.slips.push(match is_value {
                    true => Slip::Period(typed()),
                    false => Slip::Value(typed()),
                });
            } else if is_slip(field, value) {
                self.slips.push(Slip::Name(typed()));
            }
        }
        match filter {
            Some(filter) => {
                self.is_typing = false;
                self.filters.push(filter);
            }
            None => {
                self.push(raw, false, is_excluded);
                if let Some(phrase) = quoted {
                    self.push(phrase, true, is_excluded);
                }
            }
        }
    }

    fn push(&mut self, text: &str, is_phrase: bool, is_excluded: bool) {
        if !text.chars().any(char::is_alphanumeric) {
            return;
        }
        self.is_cut |= self.parts.len() == PARTS_MAX;
        if !self.is_cut {
            self.parts.push(Part {
                text: text.to_owned(),
                is_phrase,
                is_excluded,
            });
        }
    }
}

/// One token: what stands before a quote, what stands in quotes, and what is left of the text.
fn take(text: &str) -> (&str, Option<&str>, &str) {
    let is_quote = |c: char| matches!(c, '"' | '“' | '”' | '„' | '«' | '»');
    let end = text
        .find(|c: char| c.is_whitespace() || is_quote(c))
        .unwrap_or(text.len());
    let opens = text[end..].chars().next().filter(|c| is_quote(*c));
    let Some(quote) = opens.filter(|_| end == 0 || text[..end].ends_with(':')) else {
        let end = text.find(char::is_whitespace).unwrap_or(text.len());
        return (&text[..end], None, &text[end..]);
    };
    let inside = &text[end + quote.len_utf8()..];
    match inside.char_indices().find(|(_, c)| is_quote(*c)) {
        Some((at, close)) => (
            &text[..end],
            Some(&inside[..at]),
            &inside[at + close.len_utf8()..],
        ),
        None => (&text[..end], Some(inside), ""),
    }
}

/// Whether something is a filter by its name.
fn is_filter(field: &str) -> bool {
    // With a value that any of them takes.
    read_filter(field, "2026", false).is_some()
}

/// Whether something looks like a filter that there is not. A word in small letters before a colon does; a capital
/// (`Re:call`, `DOB:1980`), a figure (`10:30`), an address (`https://…`) and what has more colons are of a text, unless they
/// are one letter off a filter.
fn is_slip(field: &str, value: &str) -> bool {
    let is_word = field.len() > 1
        && field
            .bytes()
            .all(|b| b.is_ascii_alphabetic() || matches!(b, b'_' | b'-'));
    if !is_word || value.contains(':') || !value.starts_with(char::is_alphanumeric) {
        return false;
    }
    let small = field.to_ascii_lowercase();
    let is_near = |filter: &str| filter.len() > 4 && strsim::osa_distance(filter, &small) == 1;
    !NO_FILTERS.contains(&small.as_str()) && (small == field || FILTERS.iter().any(|filter| is_near(filter)))
}

fn read_filter(field: &str, value: &str, is_excluded: bool) -> Option<Filter> {
    let label = match field.to_lowercase().replace(['_', '-'], "").as_str() {
        "kind" | "type" => Label::Kind,
        "status" => Label::Status,
        "tag" => Label::Tag,
        "office" => Label::Office,
        "priority" | "risk" | "severity" => Label::Level,
        "case" => Label::Case,
        "number" => Label::Number,
        "casenumber" => Label::CaseNumber,
        "classification" => Label::Classification,
        "created" | "year" => return read_time(When::Created, value, is_excluded),
        "updated" => return read_time(When::Updated, value, is_excluded),
        _ => return None,
    };
    let values: Vec<String> = value
        .split(',')
        .map(str::trim)
        .filter(|value| value.contains(char::is_alphanumeric))
        .map(str::to_owned)
        .collect();
    (!values.is_empty()).then_some(Filter::Label {
        label,
        values,
        is_excluded,
    })
}

fn read_time(when: When, value: &str, is_excluded: bool) -> Option<Filter> {
    let bounds = |from_ms, before_ms| {
        Some(Filter::Time {
            when,
            from_ms,
            before_ms,
            is_excluded,
        })
    };
    if let Some((first, last)) = value.split_once("..") {
        let open = |text: &str| text.is_empty() || text == "*";
        let from_ms = if open(first) { None } else { Some(period(first)?.0) };
        let before_ms = if open(last) { None } else { Some(period(last)?.1) };
        return bounds(from_ms, before_ms);
    }
    if let Some(rest) = value.strip_prefix(">=") {
        return bounds(Some(period(rest)?.0), None);
    }
    if let Some(rest) = value.strip_prefix("<=") {
        return bounds(None, Some(period(rest)?.1));
    }
    if let Some(rest) = value.strip_prefix('>') {
        return bounds(Some(period(rest)?.1), None);
    }
    if let Some(rest) = value.strip_prefix('<') {
        return bounds(None, Some(period(rest)?.0));
    }
    let (from_ms, before_ms) = period(value)?;
    bounds(Some(from_ms), Some(before_ms))
}

/// The first ms of a year, month or day, and the first after it.
fn period(text: &str) -> Option<(i64, i64)> {
    let numbers: Vec<i16> = text
        .split('-')
        .map(|part| part.parse().ok())
        .collect::<Option<_>>()?;
    let small = |number: i16| i8::try_from(number).ok();
    let (first, next): (Date, Date) = match numbers[..] {
        [year @ 1..=9998] if text.len() == 4 => (date(year, 1, 1), date(year + 1, 1, 1)),
        [year @ 1..=9998, month] => {
            let first = Date::new(year, small(month)?, 1).ok()?;
            (first, first.last_of_month().tomorrow().ok()?)
        }
        [year @ 1..=9998, month, day] => {
            let first = Date::new(year, small(month)?, small(day)?).ok()?;
            (first, first.tomorrow().ok()?)
        }
        _ => return None,
    };
    let ms = |day: Date| Some(day.to_zoned(TimeZone::UTC).ok()?.timestamp().as_millisecond());
    Some((ms(first)?, ms(next)?))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{ProptestConfig, any, proptest};

    use super::{Ask, Filter, Label, Slip, When};

    #[test]
    fn words_phrases_and_exclusions_are_told_apart() {
        let check = |input: &str, expected: &[(&str, bool, bool)], is_typing: bool| {
            let ask = Ask::parse(input);
            let parts: Vec<_> = ask
                .parts
                .iter()
                .map(|part| (part.text.as_str(), part.is_phrase, part.is_excluded))
                .collect();
            assert_eq!(parts, expected, "{input}");
            assert_eq!(ask.is_typing, is_typing, "{input}");
        };
        check(
            "black sedan",
            &[("black", false, false), ("sedan", false, false)],
            true,
        );
        check(
            "black sedan ",
            &[("black", false, false), ("sedan", false, false)],
            false,
        );
        check(
            "\"black sedan\" -red",
            &[("black sedan", true, false), ("red", false, true)],
            false,
        );
        check(
            "“black sedan” x",
            &[("black sedan", true, false), ("x", false, false)],
            true,
        );
        check("-\"in custody\"", &[("in custody", true, true)], false);
        check("\"never closed", &[("never closed", true, false)], false);
        check(
            "6'2\" tall",
            &[("6'2\"", false, false), ("tall", false, false)],
            true,
        );
        check(
            "foo:bar updated:soon",
            &[("foo:bar", false, false), ("updated:soon", false, false)],
            true,
        );
        check("- -- :", &[], true);
        check("INV-2026-1847", &[("INV-2026-1847", false, false)], true);
    }

    #[test]
    fn what_looks_like_a_filter_and_is_none_is_a_slip() {
        let check = |input: &str, names: &[&str], values: &[&str]| {
            let (mut wrong_names, mut wrong_values) = (Vec::new(), Vec::new());
            for slip in Ask::parse(input).slips {
                match slip {
                    Slip::Name(typed) => wrong_names.push(typed),
                    Slip::Value(typed) | Slip::Period(typed) => wrong_values.push(typed),
                }
            }
            assert_eq!(wrong_names, names, "{input}");
            assert_eq!(wrong_values, values, "{input}");
        };
        check(
            "updated:soon created:>2026-13 number:--",
            &[],
            &["updated:soon", "created:>2026-13", "number:--"],
        );
        check("kind:person status:open updated:>2026-01-01", &[], &[]);
        check(
            "foo:bar -case_nr:7 vin:\"1FT FW1\"",
            &["foo:bar", "case_nr:7", "vin:1FT FW1"],
            &[],
        );
        check("Staus:open PRIORTIY:high", &["Staus:open", "PRIORTIY:high"], &[]);
        // What stands in texts and is looked for as it stands.
        check(
            "10:30 10:30pm re: Re:call re:call DOB:1980-01-31 Suspect:Ann kind: a:b :) x::y",
            &[],
            &[],
        );
        check(
            "https://example.org/a:b tel:+12075550148 mailto:a@b.example 00:1a:2b:3c ab:cd:ef fe80::1",
            &[],
            &[],
        );
        check("\"foo:bar\" C:\\photos état:ouvert", &[], &[]);
    }

    #[test]
    fn filters_are_read() {
        let label = |label, values: &[&str], is_excluded| Filter::Label {
            label,
            values: values.iter().map(|value| (*value).to_owned()).collect(),
            is_excluded,
        };
        let check = |input: &str, expected: Filter| {
            let ask = Ask::parse(input);
            assert_eq!(ask.filters, [expected], "{input}");
            assert!(ask.parts.is_empty(), "{input}");
        };
        check("kind:person", label(Label::Kind, &["person"], false));
        check(
            "STATUS:open,active",
            label(Label::Status, &["open", "active"], false),
        );
        check("-tag:\"hate crime\"", label(Label::Tag, &["hate crime"], true));
        check(
            "case:INV-2026-0001",
            label(Label::Case, &["INV-2026-0001"], false),
        );
        for (name, read) in [
            ("number", Label::Number),
            ("case_number", Label::CaseNumber),
            ("caseNumber", Label::CaseNumber),
            ("case-number", Label::CaseNumber),
            ("severity", Label::Level),
            ("classification", Label::Classification),
        ] {
            check(&format!("{name}:N-1"), label(read, &["N-1"], false));
        }
        let time = |when, from_ms, before_ms| Filter::Time {
            when,
            from_ms,
            before_ms,
            is_excluded: false,
        };
        check(
            "updated:>2026-01-01",
            time(When::Updated, Some(1_767_312_000_000), None),
        );
        check(
            "updated:>=2026",
            time(When::Updated, Some(1_767_225_600_000), None),
        );
        check(
            "created:2026-01..2026-03",
            time(When::Created, Some(1_767_225_600_000), Some(1_775_001_600_000)),
        );
        check(
            "created:..2026-03",
            time(When::Created, None, Some(1_775_001_600_000)),
        );
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]
        #[test]
        fn no_text_breaks_it_and_no_letter_is_lost(text in any::<String>()) {
            Ask::parse(&text);
        }

        #[test]
        fn syntax_in_any_mixture_is_read(text in "([-\"“:.<>=,0-9a-z\u{e9}\u{4e2d} ]|kind:|updated:|created:){0,40}") {
            let ask = Ask::parse(&text);
            let held: usize = ask.parts.iter().map(|part| part.text.chars().filter(|c| c.is_alphanumeric()).count()).sum();
            let typed = text.chars().filter(|c| c.is_alphanumeric()).count();
            assert!(held == typed || !ask.filters.is_empty(), "{text:?} became {ask:?}");
        }
    }
}
