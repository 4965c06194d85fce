//! What an agency sets up once: categories of reports, forms, storage locations, its nodes.

use super::{Field, Kind, Member, Numbering, Shape, needed};

/// What a report can be about.
pub const CATEGORY: Kind = Kind {
    name: "category",
    plural: "categories",
    scope: "reports",
    numbering: Numbering::Bare,
    doc: "What a report can be about; two levels.",
    fields: &[
        Field::mv(
            "text",
            Shape::Line(200),
            "What it is called in the control center's language.",
        )
        .required(),
        Field::mv(
            "translations",
            Shape::Free(8_192),
            "What it is called elsewhere, by language tag.",
        ),
        Field::once(
            "parent_id",
            Shape::Ref("category"),
            "The category that this one refines.",
        )
        .parent(),
        Field::mv("retired", Shape::Bool, "No new report takes it."),
    ],
};

/// The agency's own fields.
pub const FORM: Kind = Kind {
    name: "form",
    plural: "forms",
    scope: "cases",
    numbering: Numbering::None,
    doc: "The agency's own fields of cases, evidence or persons.",
    fields: &[
        Field::mv("name", Shape::Line(200), "What it is called.")
            .required()
            .unique(),
        Field::mv(
            "for",
            Shape::Choice(&["cases", "items", "people"]),
            "What it is filled in for.",
        )
        .required(),
        Field::mv(
            "schema",
            Shape::Free(65_536),
            "Its fields: type, name and display name each.",
        )
        .required(),
    ],
};

/// A shelf, a locker, a room.
pub const LOCATION: Kind = Kind {
    name: "location",
    plural: "locations",
    scope: "evidence",
    numbering: Numbering::None,
    doc: "A shelf, a locker or a room where evidence is kept.",
    fields: &[
        Field::mv("name", Shape::Line(200), "What it is called.").required(),
        Field::once(
            "parent_id",
            Shape::Ref("location"),
            "The location that it is part of.",
        )
        .parent(),
        Field::mv("office_id", Shape::Ref("office"), "The office it belongs to."),
        Field::mv("barcode", Shape::Line(100), "The code on its label, unique.").unique(),
    ],
};

const LOG: &[Member] = &[
    needed("log", Shape::Sha256),
    needed("holds", Shape::Choice(&["records", "audit"])),
];

/// An installation of this program.
pub const NODE: Kind = Kind {
    name: "node",
    plural: "nodes",
    scope: "nodes",
    numbering: Numbering::None,
    doc: "An installation of this program: a unit in a vehicle, a precinct, a central. It makes its own record.",
    fields: &[
        Field::mv("name", Shape::Line(200), "What it is called.").required(),
        Field::mv(
            "tier",
            Shape::Choice(&["unit", "precinct", "central"]),
            "Its place; a central has nothing above it.",
        )
        .required(),
        Field::once(
            "public_key",
            Shape::Line(64),
            "Its Ed25519 key in hexadecimal, which signs its logs.",
        )
        .unique()
        .system(),
        Field::set(
            "logs",
            Shape::Object(LOG),
            "The logs that it has written; a restored backup begins new ones.",
        )
        .system(),
    ],
};
