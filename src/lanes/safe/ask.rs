//! A request taken apart: parts of its path, parameters and body, all found without regard to the case of their names.

use std::collections::BTreeMap;

use jiff::civil::{Date, DateTime, Time};
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
pub(super) fn lowered(json: Json) -> Json {
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

    /// What stands before the names of its members in faults.
    pub(super) fn before(&self) -> &str {
        &self.before
    }

    /// Whether the member is named, with or without a value.
    pub(super) fn names(&self, name: &str) -> bool {
        self.map.contains_key(&name.to_lowercase())
    }

    /// Whether a member names nothing: it is missing, null, empty, or the id 0.
    pub(super) fn is_none(&self, name: &str) -> bool {
        match self.get(name) {
            None => true,
            Some(Json::String(text)) => ["", "0"].contains(&text.trim()),
            Some(said) => said.as_i64() == Some(0),
        }
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

    /// One line of text, of at most so many characters.
    pub(super) fn line(&mut self, name: &str, chars_max: usize) -> Option<String> {
        let text = self.text(name)?;
        if text.chars().count() > chars_max || text.contains(char::is_control) {
            self.wrong(name, format!("one line of at most {chars_max} characters"));
            return None;
        }
        Some(text)
    }

    /// The same of what is no number by its nature.
    pub(super) fn words(&mut self, name: &str, chars_max: usize) -> Option<String> {
        if matches!(self.get(name), Some(Json::Number(_))) {
            self.wrong(name, "a text");
            return None;
        }
        self.line(name, chars_max)
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

    /// A time: RFC 3339, or without a zone, which is that of the appliance then; a date alone is its first moment.
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
        let written = text.get(..10).and_then(|day| day.parse::<Date>().ok());
        Some(written.or_else(|| Some(civil_of(&text)?.date()))?.to_string())
    }

    /// Every fault, if there is one.
    pub(super) fn finish(self) -> Outcome<()> {
        match self.faults.is_empty() {
            true => Ok(()),
            false => Err(Failure::Invalid(self.faults)),
        }
    }
}

/// A time as clients write it; without a zone it is in that of the appliance.
pub(super) fn time_of(text: &str) -> Option<Millis> {
    let text = text.trim();
    // What names its zone may leave out the seconds.
    let zoned = || Some(Millis(text.parse::<jiff::Timestamp>().ok()?.as_millisecond()));
    if let Some(time) = Millis::parse(text).or_else(zoned) {
        return Some(time);
    }
    let stamp = civil_of(text)?
        .to_zoned(jiff::tz::TimeZone::system())
        .ok()?
        .timestamp();
    Millis::parse(&stamp.to_string())
}

/// A time without a zone, in ISO 8601 or with a space or slashes, on a clock of 12 or 24 hours; a day is its first moment.
fn civil_of(text: &str) -> Option<DateTime> {
    const DAYS: [&str; 2] = ["%Y-%m-%d", "%m/%d/%Y"];
    const CLOCKS: [&str; 6] = [
        "%H:%M:%S%.f",
        "%H:%M",
        "%I:%M:%S%.f %p",
        "%I:%M %p",
        "%I:%M:%S%.f%p",
        "%I:%M%p",
    ];
    let text = text.trim();
    if let Some(day) = DAYS.iter().find_map(|day| Date::strptime(day, text).ok()) {
        return Some(day.at(0, 0, 0, 0));
    }
    let (day, clock) = text.split_once(['T', 't', ' '])?;
    let day = DAYS.iter().find_map(|format| Date::strptime(format, day).ok())?;
    let clock = clock.trim();
    let time = CLOCKS
        .iter()
        .find_map(|format| Time::strptime(format, clock).ok())?;
    Some(day.to_datetime(time))
}

#[cfg(test)]
mod tests {
    use super::{civil_of, time_of};

    #[test]
    fn times_are_read_on_both_clocks() {
        for (text, expected) in [
            ("2017-11-29T13:25:00.500", "2017-11-29T13:25:00.5"),
            ("2017-11-29T13:25", "2017-11-29T13:25:00"),
            ("2017-11-29T13:25:07", "2017-11-29T13:25:07"),
            ("2017-11-29 13:25:00.000", "2017-11-29T13:25:00"),
            ("2017-11-29T01:25 PM", "2017-11-29T13:25:00"),
            ("2017-11-29 1:25 pm", "2017-11-29T13:25:00"),
            ("2017-11-29 01:25:09PM", "2017-11-29T13:25:09"),
            ("2017-11-29T12:05 AM", "2017-11-29T00:05:00"),
            ("11/29/2017 13:25", "2017-11-29T13:25:00"),
            ("11/29/2017 1:25:00 PM", "2017-11-29T13:25:00"),
            ("11/29/2017", "2017-11-29T00:00:00"),
        ] {
            let read = civil_of(text).map(|time| time.to_string());
            assert_eq!(read.as_deref(), Some(expected), "{text}");
        }
        assert_eq!(time_of("2017-11-29T13:25Z"), time_of("2017-11-29T13:25:00Z"));
        for text in [
            "soon",
            "2017-11-29T25:00",
            "2017-11-29 13:25 PM",
            "2017-13-01",
            "1980",
        ] {
            assert_eq!(time_of(text), None, "{text}");
        }
    }
}
