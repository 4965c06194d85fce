//! JSON as it is taken: no member twice, not too wide, not too deep, and what is wrong with it in our words.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::error::Category;
use serde_json::{Map, Value as Json};

use crate::services::failure::{Failure, Outcome};

/// JSON of a body or of a part of it.
///
/// # Errors
/// `Invalid` if it is none, or if an object in it has a member twice or too many.
pub fn json(path: &str, bytes: &[u8], members_max: usize) -> Outcome<Json> {
    let mut reading = serde_json::Deserializer::from_slice(bytes);
    let read = Strict {
        members_max,
        keeps: true,
    }
    .deserialize(&mut reading);
    let whole = read.and_then(|json| reading.end().map(|()| json));
    whole.map_err(|error| Failure::wrong(path, format!("JSON: {}", fault_of(&error))))
}

/// Refuses JSON by its beginning where an object has too many members already: the rest is not worth its reading.
///
/// # Errors
/// `Invalid`, as [`json`] would say of the whole.
pub(super) fn refuse_wide(begun: &[u8], members_max: usize) -> Outcome<()> {
    let mut reading = serde_json::Deserializer::from_slice(begun);
    let counted = Strict {
        members_max,
        keeps: false,
    }
    .deserialize(&mut reading);
    match counted {
        Err(error) if error.classify() == Category::Data => {
            Err(Failure::wrong("body", format!("JSON: {}", fault_of(&error))))
        }
        // It ends too early, or something else is wrong with it: that is found when it is whole.
        _ => Ok(()),
    }
}

/// Levels within one another, at most: those that the parser bears.
const LEVELS_MAX: u32 = 127;

/// What is wrong with JSON, in our words: those of the parser are no contract.
fn fault_of(error: &serde_json::Error) -> String {
    let place = format!("line {}, column {}", error.line(), error.column());
    let theirs = error.to_string();
    match error.classify() {
        // Our own, by `Strict`.
        Category::Data => {
            let own = theirs.rsplit_once(" at line ").map_or(&*theirs, |(own, _)| own);
            format!("{own} ({place})")
        }
        Category::Eof => format!("it ends too early ({place})"),
        _ if theirs.starts_with("recursion") => format!("at most {LEVELS_MAX} levels ({place})"),
        _ if theirs.starts_with("number out of range") => format!("a number is too large ({place})"),
        _ => format!("what stands at {place} is none"),
    }
}

/// Reads a JSON value in which no object has a member twice: of two, one would be lost silently.
#[derive(Clone, Copy)]
struct Strict {
    members_max: usize,
    /// Otherwise members are counted, and nothing is made of them.
    keeps: bool,
}

impl<'de> DeserializeSeed<'de> for Strict {
    type Value = Json;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Json, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict {
    type Value = Json;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Json, E> {
        Ok(Json::Null)
    }

    fn visit_bool<E>(self, truth: bool) -> Result<Json, E> {
        Ok(truth.into())
    }

    fn visit_i64<E>(self, number: i64) -> Result<Json, E> {
        Ok(number.into())
    }

    fn visit_u64<E>(self, number: u64) -> Result<Json, E> {
        Ok(number.into())
    }

    fn visit_f64<E>(self, number: f64) -> Result<Json, E> {
        Ok(number.into())
    }

    fn visit_str<E>(self, text: &str) -> Result<Json, E> {
        Ok(if self.keeps { text.into() } else { Json::Null })
    }

    fn visit_string<E>(self, text: String) -> Result<Json, E> {
        Ok(text.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut members: A) -> Result<Json, A::Error> {
        let mut list = Vec::new();
        while let Some(member) = members.next_element_seed(self)? {
            if self.keeps {
                list.push(member);
            }
        }
        Ok(Json::Array(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Json, A::Error> {
        let (mut map, mut count) = (Map::new(), 0);
        while let Some(name) = self.name(&mut members)? {
            let value = members.next_value_seed(self)?;
            if map.contains_key(&name) {
                return Err(A::Error::custom(format!("the property {name:?} is there twice")));
            }
            if count == self.members_max {
                let max = self.members_max;
                return Err(A::Error::custom(format!("an object has at most {max} members")));
            }
            count += 1;
            if self.keeps {
                map.insert(name, value);
            }
        }
        Ok(Json::Object(map))
    }
}

impl Strict {
    /// The name of the next member; empty if nothing is kept.
    fn name<'de, A: MapAccess<'de>>(self, members: &mut A) -> Result<Option<String>, A::Error> {
        match self.keeps {
            true => members.next_key(),
            false => Ok(members.next_key::<IgnoredAny>()?.map(|_| String::new())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::json;
    use crate::services::failure::Failure;

    #[test]
    fn what_is_wrong_with_json_is_said_in_our_words() {
        for (text, expected) in [
            ("{1:2}", "what stands at line 1, column 2 is none"),
            ("[1,\n]", "what stands at line 2, column 1 is none"),
            ("[1] 2", "what stands at line 1, column 5 is none"),
            ("[", "it ends too early (line 1, column 1)"),
            ("[1e999]", "a number is too large (line 1, column 6)"),
            (
                r#"{"a at line 1":1,"a at line 1":2}"#,
                r#"the property "a at line 1" is there twice (line 1, column 33)"#,
            ),
        ] {
            assert_eq!(said(text), format!("JSON: {expected}"), "{text}");
        }
        let (deep, deeper) = (levels(127), levels(128));
        assert!(json("body", deep.as_bytes(), 9).is_ok());
        assert_eq!(said(&deeper), "JSON: at most 127 levels (line 1, column 128)");
    }

    fn levels(count: usize) -> String {
        "[".repeat(count) + &"]".repeat(count)
    }

    fn said(text: &str) -> String {
        match json("body", text.as_bytes(), 9) {
            Err(Failure::Invalid(mut faults)) => faults.remove(0).expected,
            other => panic!("{other:?}"),
        }
    }
}
