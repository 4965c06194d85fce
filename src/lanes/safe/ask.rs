//! A request taken apart: parts of its path, parameters and body, all found without regard to the case of their names.

use std::collections::BTreeMap;

use serde_json::{Map, Value as Json};

use crate::domain::time::Millis;
use crate::lanes::http::{Lanes, ask};
use crate::services::caller::Caller;
use crate::services::failure::{Failure, Fault, Outcome};
use crate::services::safe::door::Guest;

/// What a handler is asked.
pub(super) struct Ask<'a> {
    /// What every lane has at hand.
    pub(super) lanes: &'a Lanes,
    /// Who asks.
    pub(super) guest: &'a Guest,
    /// The parameters, by their names in lower case.
    pub(super) query: &'a BTreeMap<String, String>,
    /// The body, its names in lower case.
    pub(super) body: Json,
    asked: &'a ask::Ask,
}

impl<'a> Ask<'a> {
    /// What a guest asks.
    pub(super) fn of(lanes: &'a Lanes, guest: &'a Guest, asked: &'a ask::Ask) -> Self {
        Self {
            lanes,
            guest,
            query: &asked.head.query,
            body: lowered(asked.data.clone()),
            asked,
        }
    }

    /// The part of the path that its pattern leaves open, in lower case.
    pub(super) fn part(&self) -> &str {
        let mut parts = self.asked.head.parts.values();
        parts.next().map_or("", String::as_str)
    }

    /// Who asks.
    pub(super) fn caller(&self) -> &Caller {
        &self.guest.caller
    }

    /// The whole number in the path.
    pub(super) fn number(&self) -> Outcome<i64> {
        self.part()
            .parse()
            .map_err(|_| Failure::wrong("id", "a whole number"))
    }

    /// A parameter that says something.
    pub(super) fn param(&self, name: &str) -> Option<&str> {
        let value = self.query.get(&name.to_ascii_lowercase())?;
        Some(value.trim()).filter(|value| !value.is_empty())
    }

    /// A whole number among the parameters, within bounds.
    pub(super) fn param_within(&self, name: &str, (least, most): (i64, i64)) -> Outcome<Option<i64>> {
        let Some(text) = self.param(name) else {
            return Ok(None);
        };
        match text.parse() {
            Ok(number) if (least..=most).contains(&number) => Ok(Some(number)),
            _ => Err(Failure::wrong(
                name,
                format!("a whole number from {least} to {most}"),
            )),
        }
    }

    /// An object in the body, its names as they were sent.
    pub(super) fn object_sent(&self, name: &str) -> Option<&Json> {
        let members = self.asked.data.as_object()?;
        let mut named = members
            .iter()
            .filter(|(known, _)| known.eq_ignore_ascii_case(name));
        named
            .next()
            .map(|(_, value)| value)
            .filter(|value| value.is_object())
    }

    /// The body as an object.
    pub(super) fn object(&self) -> Outcome<Reader<'_>> {
        Reader::of(&self.body, "")
    }
}

/// The same value with the names of all its members in lower case; of two that become one the last counts.
fn lowered(json: Json) -> Json {
    match json {
        Json::Object(map) => map
            .into_iter()
            .map(|(name, value)| (name.to_lowercase(), lowered(value)))
            .collect::<Map<_, _>>()
            .into(),
        Json::Array(list) => list.into_iter().map(lowered).collect(),
        other => other,
    }
}

/// Reads members of an object, and gathers everything that is wrong with them.
pub(super) struct Reader<'j> {
    map: &'j Map<String, Json>,
    before: String,
    pub(super) faults: Vec<Fault>,
}

impl<'j> Reader<'j> {
    /// Of an object; `before` stands before the names of its members in faults.
    pub(super) fn of(json: &'j Json, before: &str) -> Outcome<Self> {
        match json {
            Json::Object(map) => Ok(Self {
                map,
                before: before.to_owned(),
                faults: Vec::new(),
            }),
            _ => Err(Failure::wrong("body", "a JSON object")),
        }
    }

    /// A member that is there and not null.
    pub(super) fn get(&self, name: &str) -> Option<&'j Json> {
        self.map
            .get(&name.to_lowercase())
            .filter(|value| !value.is_null())
    }

    /// Whether the member is named, with or without a value.
    pub(super) fn names(&self, name: &str) -> bool {
        self.map.contains_key(&name.to_lowercase())
    }

    /// Something is wrong with a member.
    pub(super) fn wrong(&mut self, name: &str, expected: impl Into<String>) {
        let path = format!("{}{name}", self.before);
        self.faults.push(Fault::wrong(path, expected));
    }

    /// A member is missing.
    pub(super) fn missing(&mut self, name: &str, expected: &str) {
        let path = format!("{}{name}", self.before);
        self.faults.push(Fault::missing(path, expected));
    }

    /// A text that says something; numbers are taken as they are written.
    pub(super) fn text(&mut self, name: &str) -> Option<String> {
        match self.get(name)? {
            Json::String(text) => Some(text.trim().to_owned()).filter(|text| !text.is_empty()),
            Json::Number(number) => Some(number.to_string()),
            _ => {
                self.wrong(name, "a text");
                None
            }
        }
    }

    /// A text that must be there.
    pub(super) fn needed_text(&mut self, name: &str) -> Option<String> {
        let faults = self.faults.len();
        let text = self.text(name);
        if text.is_none() && self.faults.len() == faults {
            self.missing(name, "a text");
        }
        text
    }

    /// A whole number, also one that is written as a text.
    pub(super) fn int(&mut self, name: &str) -> Option<i64> {
        let number = match self.get(name)? {
            Json::Number(number) => number.as_i64(),
            Json::String(text) if text.trim().is_empty() => return None,
            Json::String(text) => text.trim().parse().ok(),
            _ => None,
        };
        if number.is_none() {
            self.wrong(name, "a whole number");
        }
        number
    }

    /// A whole number that must be there.
    pub(super) fn needed_int(&mut self, name: &str) -> Option<i64> {
        let faults = self.faults.len();
        let number = self.int(name);
        if number.is_none() && self.faults.len() == faults {
            self.missing(name, "a whole number");
        }
        number
    }

    /// A number with or without a fraction.
    pub(super) fn float(&mut self, name: &str) -> Option<f64> {
        let number = match self.get(name)? {
            Json::Number(number) => number.as_f64(),
            Json::String(text) if text.trim().is_empty() => return None,
            Json::String(text) => text.trim().parse().ok(),
            _ => None,
        };
        if number.is_none_or(|number| !number.is_finite()) {
            self.wrong(name, "a number");
            return None;
        }
        number
    }

    /// True or false.
    pub(super) fn bool(&mut self, name: &str) -> Option<bool> {
        match self.get(name)? {
            Json::Bool(truth) => Some(*truth),
            Json::String(text) if text.eq_ignore_ascii_case("true") => Some(true),
            Json::String(text) if text.eq_ignore_ascii_case("false") => Some(false),
            _ => {
                self.wrong(name, "true or false");
                None
            }
        }
    }

    /// Whole numbers.
    pub(super) fn ints(&mut self, name: &str) -> Option<Vec<i64>> {
        let list = self
            .get(name)?
            .as_array()
            .map(|list| list.iter().map(Json::as_i64).collect());
        match list {
            Some(Some(numbers)) => Some(numbers),
            _ => {
                self.wrong(name, "an array of whole numbers");
                None
            }
        }
    }

    /// A time: RFC 3339, or without a zone, which is UTC then; a date alone is its first moment.
    pub(super) fn time(&mut self, name: &str) -> Option<Millis> {
        let text = self.text(name)?;
        let time = time_of(&text);
        if time.is_none() {
            self.wrong(
                name,
                "a time such as 2017-11-29T13:25:00Z or 2017-11-29 13:25:00.000",
            );
        }
        time
    }

    /// A calendar day, also as the beginning of a time.
    pub(super) fn day(&mut self, name: &str) -> Option<String> {
        let text = self.text(name)?;
        let time = time_of(&text)?;
        Some(time.to_string().chars().take(10).collect())
    }

    /// Every fault, if there is one.
    pub(super) fn finish(self) -> Outcome<()> {
        match self.faults.is_empty() {
            true => Ok(()),
            false => Err(Failure::Invalid(self.faults)),
        }
    }
}

/// A time as clients write it.
pub(super) fn time_of(text: &str) -> Option<Millis> {
    let text = text.trim();
    if let Some(time) = Millis::parse(text) {
        return Some(time);
    }
    let formats = [
        "%Y-%m-%dT%H:%M:%S%.f",
        "%Y-%m-%d %H:%M:%S%.f",
        "%Y-%m-%d %I:%M:%S%.f %p",
        "%Y-%m-%d %I:%M %p",
        "%Y-%m-%d %H:%M",
        "%m/%d/%Y %I:%M:%S %p",
        "%m/%d/%Y %H:%M:%S",
    ];
    let zone = jiff::tz::TimeZone::system();
    let mut times = formats
        .iter()
        .filter_map(|format| jiff::civil::DateTime::strptime(format, text).ok());
    let civil = times.next().or_else(|| {
        let days = ["%Y-%m-%d", "%m/%d/%Y"].into_iter();
        let mut days = days.filter_map(|format| jiff::civil::Date::strptime(format, text).ok());
        Some(days.next()?.at(0, 0, 0, 0))
    })?;
    let stamp = civil.to_zoned(zone).ok()?.timestamp();
    Millis::parse(&stamp.to_string())
}
