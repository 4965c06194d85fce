//! What is known of an entity, by what it is. These members have a form; an agency may add members of its own beside them.

use super::{Member, Shape, member};

const NAMES: Shape = Shape::List(&Shape::Line(300), 100);

const IDENTIFIER: &[Member] = &[
    member("type", Shape::Line(100)),
    member("value", Shape::Line(200)),
    member("issued_by", Shape::Line(200)),
    member("expires_on", Shape::Day),
];

const IDENTIFIERS: Shape = Shape::List(&Shape::Object(IDENTIFIER), 100);

const PERSON: &[Member] = &[
    member("names", NAMES),
    member("aliases", NAMES),
    member("dob", Shape::Day),
    member("identifiers", IDENTIFIERS),
    member("description", Shape::Text(5_000)),
];

const VEHICLE: &[Member] = &[
    member("plate", Shape::Line(20)),
    member("state", Shape::Line(100)),
    member("vin", Shape::Line(40)),
    member("make", Shape::Line(100)),
    member("model", Shape::Line(100)),
    member("colour", Shape::Line(100)),
    member("year", Shape::Int(1880, 2200)),
];

const PLACE: &[Member] = &[
    member("address", Shape::Line(500)),
    member("latitude", Shape::Number(-90.0, 90.0)),
    member("longitude", Shape::Number(-180.0, 180.0)),
];

const PHONE: &[Member] = &[member("number", Shape::Phone), member("imei", Shape::Line(20))];

const ORGANIZATION: &[Member] = &[
    member("names", NAMES),
    member("aliases", NAMES),
    member("address", Shape::Line(500)),
    member("identifiers", IDENTIFIERS),
];

const ITEM: &[Member] = &[
    member("serial", Shape::Line(200)),
    member("make", Shape::Line(100)),
    member("model", Shape::Line(100)),
    member("colour", Shape::Line(100)),
];

const ACCOUNT: &[Member] = &[
    member("institution", Shape::Line(200)),
    member("number", Shape::Line(100)),
    member("number_ending", Shape::Line(20)),
];

/// Whether a text is a vehicle identification number: 17 of A–Z without I, O, Q, and 0–9; before 1981 makers had shorter ones
/// of their own, of five and more of all letters. Spaces and hyphens between them mean nothing.
pub fn is_vin(text: &str) -> bool {
    let mut length = 0;
    let mut is_modern = true;
    for c in text.chars().filter(|c| !c.is_whitespace() && *c != '-') {
        if !c.is_ascii_alphanumeric() {
            return false;
        }
        is_modern &= !matches!(c.to_ascii_uppercase(), 'I' | 'O' | 'Q');
        length += 1;
    }
    match length {
        17 => is_modern,
        length => (5..17).contains(&length),
    }
}

/// The members with a form that an entity of this kind can have.
pub fn attributes_of(kind: &str) -> &'static [Member] {
    match kind {
        "person" => PERSON,
        "vehicle" => VEHICLE,
        "place" => PLACE,
        "phone" => PHONE,
        "organization" => ORGANIZATION,
        "item" => ITEM,
        "account" => ACCOUNT,
        _ => &[],
    }
}

#[cfg(test)]
mod tests {
    use super::is_vin;

    #[test]
    fn a_vin_is_of_five_to_seventeen_letters_and_digits() {
        for vin in [
            "1FTFW1ET5DFC10312",
            "1ftfw1et5dfc10312",
            "1FTFW 1ET5D-FC10312",
            "9F02K",
            "IO QI-O",
        ] {
            assert!(is_vin(vin), "{vin}");
        }
        for text in [
            "",
            "1",
            "1FTF",
            "1FTFW1ET5DFC1031O",
            "IFTFW1ET5DFC10312",
            "1FTFW1ET5DFC103122",
            "1FTFW1ET5DFC1031?",
            "1FTFW1ÉT5DFC10312",
        ] {
            assert!(!is_vin(text), "{text}");
        }
    }
}
