//! What a court's order does to records: which kinds it can name, what goes with them, and the receipt that stays.

use super::{
    ALERT, CASE, CHAT_MESSAGE, ENTITY, EVIDENCE, Field, Kind, Member, NOTE, Numbering, REPORT, Shape,
    TIMELINE_ENTRY, WATCHLIST, WATCHLIST_ENTRY, member, needed,
};

/// The kinds of which an order can expunge a record.
pub const EXPUNGED_BY_ORDER: [&Kind; 7] = [
    &CASE,
    &ENTITY,
    &EVIDENCE,
    &TIMELINE_ENTRY,
    &NOTE,
    &REPORT,
    &WATCHLIST,
];

/// The kinds whose records have no life without the one that they belong to: they go with it.
pub const EXPUNGED_WITH: [&Kind; 5] = [&TIMELINE_ENTRY, &NOTE, &CHAT_MESSAGE, &ALERT, &WATCHLIST_ENTRY];

const NAMED: &[Member] = &[
    needed("id", Shape::Ref("")),
    needed("kind", Shape::Line(40)),
    member("number", Shape::Line(100)),
];

const PLACES: &[Member] = &[
    needed("log", Shape::Sha256),
    needed("seqs", Shape::List(&Shape::Int(1, i64::MAX), 1_000_000)),
];

const IN_CASE: &[Member] = &[
    needed("item", Shape::Ref("evidence")),
    needed("case", Shape::Ref("case")),
    needed("number", Shape::Int(1, i64::MAX)),
];

const ANSWER: &[Member] = &[
    needed("key", Shape::Sha256),
    needed("clock", Shape::Int(0, i64::MAX)),
];

/// The receipt of an erasure: what was destroyed, by whose order. It says no word of the records themselves.
pub const ERASURE: Kind = Kind {
    name: "erasure",
    plural: "erasures",
    scope: "audit",
    numbering: Numbering::Plain("ERA"),
    doc: "The receipt of an erasure by a court's order: which operations, when, by whose order. It holds ids and no word of what was erased.",
    fields: &[
        Field::once("record_id", Shape::Ref(""), "The record that the order names.")
            .required()
            .system(),
        Field::once("order", Shape::Line(200), "The number of the court's order.")
            .required()
            .system(),
        Field::once("reason", Shape::Text(2_000), "What the order says, in words.")
            .required()
            .system(),
        Field::once("ordered_by", Shape::Line(100), "The user who carried it out.").system(),
        Field::once(
            "records",
            Shape::List(&Shape::Object(NAMED), 100_000),
            "The records that were erased: the one named, and those that have no life without it.",
        )
        .system(),
        Field::once(
            "operations",
            Shape::List(&Shape::Object(PLACES), 1_000),
            "The operations whose salt and payload were destroyed, by log and place.",
        )
        .system(),
        Field::once(
            "linked",
            Shape::List(&Shape::Object(NAMED), 100_000),
            "Records of their own that name an erased one or were named by it: they stay.",
        )
        .system(),
        Field::once(
            "files",
            Shape::Int(0, i64::MAX),
            "Files and small copies that were destroyed.",
        )
        .system(),
        Field::once(
            "files_kept",
            Shape::Int(0, i64::MAX),
            "Files that stay, because another record names the same bytes.",
        )
        .system(),
        Field::once(
            "answers",
            Shape::List(&Shape::Object(ANSWER), 100_000),
            "The remembered requests that made the operations: forgotten too.",
        )
        .secret(),
        Field::once(
            "in_case",
            Shape::List(&Shape::Object(IN_CASE), 100_000),
            "The numbers that the items of the erased items' cases have in them, which a new fold could not count.",
        )
        .secret(),
        Field::once(
            "completed_at",
            Shape::Time,
            "When nothing of it was left on this node; until then it is finished at each start.",
        )
        .system(),
    ],
};
