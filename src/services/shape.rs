//! What a client gave → values of the shapes that a kind's table wants, or every fault of it at once.

use std::net::IpAddr;

use crate::domain::id::{Hash, RecordId};
use crate::domain::kind::{Member, Shape};
use crate::domain::matching::{phones, regions};
use crate::domain::time::Millis;
use crate::domain::value::{Fields, Value};
use crate::services::failure::Fault;

/// Finds the record that a reference names, of the kind wanted (empty: any).
pub type Resolve<'r> = &'r dyn Fn(&str, &str) -> Option<RecordId>;

/// Checks values and gathers what is wrong with them.
pub struct Checker<'r> {
    resolve: Resolve<'r>,
    /// All faults so far.
    pub faults: Vec<Fault>,
}

impl<'r> Checker<'r> {
    /// With nothing wrong yet.
    pub fn new(resolve: Resolve<'r>) -> Self {
        Self {
            resolve,
            faults: Vec::new(),
        }
    }

    fn wrong(&mut self, path: &str, expected: impl Into<String>) -> Option<Value> {
        self.faults.push(Fault::wrong(path, expected));
        None
    }

    /// Notes that a value can't be there, and why.
    pub fn forbid(&mut self, path: &str, why: &str) {
        self.faults.push(Fault::refused(path, why));
    }

    /// Notes that a value can't be taken.
    pub fn refuse(&mut self, path: &str, expected: &str) {
        self.faults.push(Fault::wrong(path, expected));
    }

    /// The value in its proper form; `None` after a fault was noted.
    pub fn value(&mut self, path: &str, shape: Shape, value: Value) -> Option<Value> {
        match shape {
            Shape::Line(max) | Shape::Text(max) => {
                self.text(path, value, max, matches!(shape, Shape::Line(_)))
            }
            Shape::Choice(words) => match value.as_text() {
                Some(text) if words.contains(&text) => Some(value),
                _ => self.wrong(path, format!("one of {}", words.join(", "))),
            },
            Shape::Bool => value
                .as_bool()
                .map(Value::Bool)
                .or_else(|| self.wrong(path, "true or false")),
            Shape::Int(least, most) => match value.as_int() {
                Some(number) if (least..=most).contains(&number) => Some(value),
                _ => self.wrong(path, format!("a whole number from {least} to {most}")),
            },
            Shape::Number(least, most) => match value.as_float() {
                Some(number) if (least..=most).contains(&number) => Some(Value::Float(number)),
                _ => self.wrong(path, format!("a number from {least} to {most}")),
            },
            Shape::Time => self.time(path, &value),
            Shape::Day => match value.as_text() {
                Some(text) if text.parse::<jiff::civil::Date>().is_ok() && text.len() == 10 => Some(value),
                _ => self.wrong(path, "a day as YYYY-MM-DD"),
            },
            Shape::Phone => match value.as_text().and_then(e164) {
                Some(number) => Some(Value::Text(number)),
                None => self.wrong(
                    path,
                    "a telephone number with its country code, such as +12075550126",
                ),
            },
            Shape::Email => match value
                .as_text()
                .map(|text| text.trim().to_lowercase())
                .filter(|t| is_email(t))
            {
                Some(address) => Some(Value::Text(address)),
                None => self.wrong(path, "an e-mail address"),
            },
            Shape::Sha256 => match value.as_text().and_then(|text| text.parse::<Hash>().ok()) {
                Some(hash) => Some(Value::Text(hash.to_string())),
                None => self.wrong(path, "a SHA-256 digest in 64 hexadecimal digits"),
            },
            Shape::Ref(kind) => self.reference(path, kind, &value),
            Shape::List(shape, max) => self.list(path, (*shape, max), value),
            Shape::Object(members) => self.object(path, members, value),
            Shape::Free(bytes_max) => self.free(path, bytes_max, value),
        }
    }

    fn text(&mut self, path: &str, value: Value, chars_max: usize, line: bool) -> Option<Value> {
        let Value::Text(text) = value else {
            return self.wrong(path, "text");
        };
        let text = if line { text.trim().to_owned() } else { text };
        let control = |c: char| c.is_control() && (line || !matches!(c, '\n' | '\r' | '\t'));
        if text.chars().count() > chars_max {
            return self.wrong(path, format!("at most {chars_max} characters"));
        }
        if text.chars().any(control) {
            return self.wrong(
                path,
                if line {
                    "one line without control characters"
                } else {
                    "no control characters"
                },
            );
        }
        Some(Value::Text(text))
    }

    fn time(&mut self, path: &str, value: &Value) -> Option<Value> {
        match value {
            Value::Time(_) => Some(value.clone()),
            _ => match value.as_text().and_then(Millis::parse) {
                Some(time) => Some(Value::Time(time)),
                None => self.wrong(path, "a time as 2026-03-17T21:14:22Z (RFC 3339, with its offset)"),
            },
        }
    }

    fn reference(&mut self, path: &str, kind: &str, value: &Value) -> Option<Value> {
        let found = match value {
            Value::Id(id) => Some(*id),
            Value::Int(number) => (self.resolve)(kind, &number.to_string()),
            _ => value.as_text().and_then(|text| (self.resolve)(kind, text)),
        };
        match found {
            Some(id) => Some(Value::Id(id)),
            None => self.wrong(
                path,
                format!(
                    "the id of a known {}",
                    if kind.is_empty() { "record" } else { kind }
                ),
            ),
        }
    }

    fn list(&mut self, path: &str, (shape, max): (Shape, usize), value: Value) -> Option<Value> {
        let Value::List(list) = value else {
            return self.wrong(path, "an array");
        };
        if list.len() > max {
            return self.wrong(path, format!("at most {max} members"));
        }
        let checked: Vec<_> = list
            .into_iter()
            .enumerate()
            .map(|(place, member)| self.value(&format!("{path}[{place}]"), shape, member))
            .collect();
        checked.into_iter().collect::<Option<Vec<_>>>().map(Value::List)
    }

    fn object(&mut self, path: &str, members: &'static [Member], value: Value) -> Option<Value> {
        let Value::Map(mut given) = value else {
            return self.wrong(path, "an object");
        };
        let faults = self.faults.len();
        let mut checked = Fields::new();
        for member in members {
            let path = format!("{path}.{}", member.name);
            let said = given.remove(member.name);
            match said.filter(|value| !is_nothing(member.shape, value)) {
                Some(value) => {
                    checked.extend(
                        self.value(&path, member.shape, value)
                            .map(|v| (member.name.to_owned(), v)),
                    );
                }
                None if member.required => self.faults.push(Fault::missing(path, describe(member.shape))),
                None => {}
            }
        }
        for name in given.keys() {
            self.faults
                .push(Fault::wrong(format!("{path}.{name}"), "no such property"));
        }
        let time = |name: &str| checked.get(name).and_then(Value::as_time);
        if time("valid_to") < time("valid_from") && time("valid_to").is_some() {
            self.refuse(&format!("{path}.valid_to"), "no time before valid_from");
        }
        (self.faults.len() == faults).then_some(Value::Map(checked))
    }

    fn free(&mut self, path: &str, bytes_max: usize, value: Value) -> Option<Value> {
        let length = serde_json::Value::from(&value).to_string().len();
        if length > bytes_max {
            return self.wrong(path, format!("at most {bytes_max} bytes of JSON"));
        }
        if depth(&value) > FREE_DEPTH_MAX {
            return self.wrong(path, format!("at most {FREE_DEPTH_MAX} levels of nesting"));
        }
        let faults = self.faults.len();
        self.refuse_rounded(path, &value);
        (self.faults.len() == faults).then_some(value)
    }

    /// Numbers that JSON bears and a record does not: beyond the whole numbers it has, digits would be lost silently.
    fn refuse_rounded(&mut self, path: &str, value: &Value) {
        match value {
            Value::Float(number) if number.abs() >= EXACT_MAX => {
                let (least, most) = (i64::MIN, i64::MAX);
                let expected = format!(
                    "a whole number from {least} to {most} without point or exponent, or text: this one would not be kept \
                    exactly"
                );
                self.refuse(path, &expected);
            }
            Value::List(list) => {
                for (place, member) in list.iter().enumerate() {
                    self.refuse_rounded(&format!("{path}[{place}]"), member);
                }
            }
            Value::Map(map) => {
                for (name, member) in map {
                    self.refuse_rounded(&format!("{path}.{name}"), member);
                }
            }
            _ => {}
        }
    }
}

/// Levels of nesting in free JSON, at most.
const FREE_DEPTH_MAX: usize = 16;

/// 2^53: from here on a number with a fraction stands for several whole ones.
const EXACT_MAX: f64 = 9_007_199_254_740_992.0;

fn depth(value: &Value) -> usize {
    match value {
        Value::List(list) => 1 + list.iter().map(depth).max().unwrap_or(0),
        Value::Map(map) => 1 + map.values().map(depth).max().unwrap_or(0),
        _ => 0,
    }
}

/// Whether a value of this shape says that there is none: null, an empty text, list or object. What is empty in another way
/// than the shape can be is no such value.
pub fn is_nothing(shape: Shape, value: &Value) -> bool {
    match (value, shape) {
        (Value::Null, _) => true,
        (Value::Text(text), Shape::Line(_) | Shape::Text(_)) => text.trim().is_empty(),
        (Value::List(list), Shape::List(..)) => list.is_empty(),
        (Value::Map(map), Shape::Object(members)) => {
            map.is_empty() && !members.iter().any(|member| member.required)
        }
        (value, Shape::Free(_)) => value.is_absent(),
        _ => false,
    }
}

/// What a shape expects, in a few words.
pub fn describe(shape: Shape) -> &'static str {
    match shape {
        Shape::Line(_) | Shape::Text(_) => "text",
        Shape::Choice(_) => "one of the words allowed",
        Shape::Bool => "true or false",
        Shape::Int(..) | Shape::Number(..) => "a number",
        Shape::Time => "a time",
        Shape::Day => "a day",
        Shape::Phone => "a telephone number",
        Shape::Email => "an e-mail address",
        Shape::Sha256 => "a SHA-256 digest",
        Shape::Ref(_) => "the id of a record",
        Shape::List(..) => "a list with at least one member",
        Shape::Object(_) => "an object",
        Shape::Free(_) => "a value",
    }
}

/// `+` and seven to fifteen digits (ITU-T E.164). A number without its country could be anybody's.
fn e164(text: &str) -> Option<String> {
    let phone = phones::parse(text).filter(|phone| phone.international)?;
    // Numbers that are kept free for examples are written without an area.
    let is_example = phone.digits.len() == 8 && phone.digits.starts_with("155501");
    (is_example || regions::is_possible(&phone.digits)).then(|| format!("+{}", phone.digits))
}

/// Whether a text has the form of an e-mail address.
pub fn is_email(text: &str) -> bool {
    let Some((name, host)) = text.rsplit_once('@') else {
        return false;
    };
    let plain =
        |part: &str| !part.is_empty() && !part.contains(|c: char| c.is_whitespace() || c.is_control());
    text.len() <= 254 && plain(name) && plain(host) && !host.starts_with('.') && !host.ends_with('.')
}

/// A range of addresses: one in it, and how many of the first bits all have in common.
pub type Network = (IpAddr, u8);

/// An address range as `10.0.0.0/8` or a single address.
pub fn network(text: &str) -> Option<Network> {
    let (address, bits) = text
        .split_once('/')
        .map_or((text, None), |(address, bits)| (address, Some(bits)));
    let address: IpAddr = address.parse().ok()?;
    let most = if address.is_ipv4() { 32 } else { 128 };
    let bits = bits.map_or(Some(most), |bits| bits.parse().ok())?;
    (bits <= most).then_some((address, bits))
}

#[cfg(test)]
mod tests {
    use super::{Checker, Shape, e164, is_email};
    use crate::domain::value::Value;

    #[test]
    fn phone_numbers_are_kept_as_e164() {
        assert_eq!(e164("+1 (555) 010-0123").as_deref(), Some("+15550100123"));
        assert_eq!(
            e164("+15550100").as_deref(),
            Some("+15550100"),
            "kept free for examples"
        );
        for text in [
            "",
            "+",
            "+15551100",
            "555",
            "5550100123",
            "+999123456789",
            "+1234567890123456",
            "phone",
        ] {
            assert_eq!(e164(text), None, "{text:?}");
        }
    }

    #[test]
    fn e_mail_addresses_need_a_name_and_a_host() {
        assert!(is_email("a@b"));
        for text in ["", "a", "@b", "a@", "a b@c", "a@.b"] {
            assert!(!is_email(text), "{text:?}");
        }
    }

    #[test]
    fn every_fault_is_told_with_its_path() {
        let mut checker = Checker::new(&|_, _| None);
        let list = Value::List(vec![Value::Int(1), Value::text("ok"), Value::text("a\u{7}b")]);
        assert_eq!(
            checker.value("data.tags", Shape::List(&Shape::Line(5), 9), list),
            None
        );
        let paths: Vec<_> = checker.faults.iter().map(|fault| fault.path.as_str()).collect();
        assert_eq!(paths, ["data.tags[0]", "data.tags[2]"]);
    }
}
