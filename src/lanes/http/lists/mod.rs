//! By what lists of a kind can be narrowed, the same in every lane.

/// Places in lists, as clients carry them.
pub mod cursor;

use crate::domain::custody;
use crate::domain::id::RecordId;
use crate::domain::kind::{CASE, EVIDENCE, Kind, REPORT, Shape};
use crate::domain::record::Record;
use crate::lanes::http::route::{Param, param};
use crate::services::casebook::Listing;

/// The filters that compare a field with a word.
pub const WORDS: [&str; 4] = ["kind", "type", "status", "mode"];

/// The fields of the kind by which its lists can be narrowed.
pub fn filters(kind: &Kind) -> impl Iterator<Item = Param> {
    let docs = [
        ("kind", "Only those of this kind."),
        ("type", "Only those of this type."),
        ("status", "Only those that stand so."),
        ("mode", "Only those of this mode; `live` if not said."),
        ("case_id", "Only those of this case."),
    ];
    let named = docs.into_iter().filter_map(|(name, doc)| {
        let shape = match name {
            "case_id" => case_field(kind).map(|_| Shape::Ref(CASE.name)),
            "status" if kind.name == EVIDENCE.name => Some(Shape::Choice(custody::STATES)),
            _ => kind.field(name).map(|field| field.shape),
        };
        Some(param(name, shape?, doc))
    });
    let on_map = kind.name == REPORT.name;
    let area = param(
        "bbox",
        Shape::Line(100),
        "Only those within west,south,east,north in degrees.",
    );
    named.chain(on_map.then_some(area))
}

/// What ties a list's records to a case: a field of theirs, or one of the case.
enum CaseField {
    Own(&'static str),
    OfCase(&'static str),
}

fn case_field(kind: &Kind) -> Option<CaseField> {
    match kind.name {
        "entity" => Some(CaseField::OfCase("entities")),
        "note" | "alert" => Some(CaseField::Own("record_id")),
        _ => kind.field("case_id").map(|field| CaseField::Own(field.name)),
    }
}

/// Only those of this case.
pub fn narrow_to_case(listing: &mut Listing, kind: &Kind, case: &Record) {
    match case_field(kind) {
        Some(CaseField::OfCase(field)) => listing.among = Some(named_in(case, field)),
        Some(CaseField::Own(field)) => listing.parent = Some((field, case.id)),
        None => {}
    }
}

/// The records that a case names in a list of its own.
fn named_in(case: &Record, field: &str) -> Vec<RecordId> {
    let members = case.members(field).into_iter();
    members
        .filter_map(|member| member.get("entity_id")?.as_id())
        .collect()
}
