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
    member("vin", Shape::Line(17)),
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
