//! A person or an organization as an evidence room writes it, read from the attributes of an entity: first, middle and last
//! name apart, a driver's licence, addresses. Whoever was entered with a whole name has it taken apart at its spaces.

use crate::domain::kind::ENTITY;
use crate::domain::record::Record;
use crate::domain::value::Value;

/// The kind of identifier that a driver's licence is.
pub const LICENCE: &str = "driver-licence";

/// What of an entity tells whether two are the same, as written. Empty where nothing is known.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Person {
    /// The given name.
    pub first: String,
    /// Names between.
    pub middle: String,
    /// The family name.
    pub last: String,
    /// The name of an organization, also of the one that a person stands for.
    pub business: String,
    /// The day of birth.
    pub dob: String,
    /// The number of the driver's licence.
    pub licence: String,
    /// The e-mail address.
    pub email: String,
}

impl Person {
    /// Of a record; `None` of one that is neither person nor organization.
    pub fn of(record: &Record) -> Option<Self> {
        let kind = record.text("kind").filter(|_| record.kind == ENTITY.name)?;
        let attributes = record.get("attributes");
        let said = |name: &str| {
            let value = attributes.and_then(|attributes| attributes.get(name));
            value
                .and_then(Value::as_text)
                .unwrap_or_default()
                .trim()
                .to_owned()
        };
        let names = attributes.and_then(|attributes| attributes.get("names"));
        let whole = names.and_then(|names| names.as_list().first()?.as_text());
        let whole = whole
            .or_else(|| record.text("display_name"))
            .unwrap_or_default()
            .trim();
        let mut person = Self {
            first: said("first_name"),
            middle: said("middle_name"),
            last: said("last_name"),
            business: said("business_name"),
            dob: said("dob"),
            licence: licence(attributes),
            email: said("email").to_lowercase(),
        };
        match kind {
            "organization" => whole.clone_into(&mut person.business),
            "person" => {
                if person.first.is_empty() && person.last.is_empty() {
                    (person.first, person.middle, person.last) = taken_apart(whole);
                }
            }
            _ => return None,
        }
        Some(person)
    }
}

fn licence(attributes: Option<&Value>) -> String {
    let identifiers = attributes.and_then(|attributes| attributes.get("identifiers"));
    let mut identifiers = identifiers.map_or(&[][..], Value::as_list).iter();
    let found = identifiers.find(|one| one.get("type").and_then(Value::as_text) == Some(LICENCE));
    let value = found.and_then(|one| one.get("value")?.as_text());
    value.unwrap_or_default().trim().to_owned()
}

/// First, middle and last name of a whole one. A comma says that the last name stands first.
pub fn taken_apart(whole: &str) -> (String, String, String) {
    if let Some((last, given)) = whole.split_once(',') {
        let (first, middle) = given.trim().split_once(' ').unwrap_or((given.trim(), ""));
        return (first.to_owned(), middle.trim().to_owned(), last.trim().to_owned());
    }
    let words: Vec<&str> = whole.split_whitespace().collect();
    match words.as_slice() {
        [] => Default::default(),
        [one] => (String::new(), String::new(), (*one).to_owned()),
        [first, between @ .., last] => ((*first).to_owned(), between.join(" "), (*last).to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::taken_apart;

    #[test]
    fn a_whole_name_is_taken_apart_at_its_spaces() {
        let check = |whole: &str, first: &str, middle: &str, last: &str| {
            let parts = (first.to_owned(), middle.to_owned(), last.to_owned());
            assert_eq!(taken_apart(whole), parts, "{whole}");
        };
        check("Ada Lovelace", "Ada", "", "Lovelace");
        check("Maria del Carmen Ruiz", "Maria", "del Carmen", "Ruiz");
        check("Ruiz, Maria Carmen", "Maria", "Carmen", "Ruiz");
        check("Prince", "", "", "Prince");
        check("", "", "", "");
    }
}
