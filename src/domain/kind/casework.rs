//! Cases and what belongs to them: entities, evidence, timeline entries, notes.

use super::course::{ALERT_STATES, CASE_STATUS};
use super::{Field, Kind, Member, Numbering, Shape, member, needed};

/// A place, as far as it is known.
pub(super) const PLACE: &[Member] = &[
    member("name", Shape::Line(200)),
    member("address", Shape::Line(500)),
    member("latitude", Shape::Number(-90.0, 90.0)),
    member("longitude", Shape::Number(-180.0, 180.0)),
];

pub(super) const TAG: Shape = Shape::Line(64);

/// From nothing to worst.
pub(super) const SEVERITIES: &[&str] = &["low", "medium", "high", "critical"];

const RISKS: &[&str] = &["none", "low", "medium", "high", "critical"];

/// Who may read a record, as its policy's word.
pub(super) const CLASSIFICATIONS: &[&str] = &["open", "restricted", "sealed", "juvenile"];

const TEAM_MEMBER: &[Member] = &[
    member("user_id", Shape::Ref("user")),
    needed("name", Shape::Line(200)),
    needed("role", Shape::Line(100)),
];

const CASE_ENTITY: &[Member] = &[
    needed("entity_id", Shape::Ref("entity")),
    needed("role", Shape::Line(100)),
    member("valid_from", Shape::Time),
    member("valid_to", Shape::Time),
];

const RELATIONSHIP: &[Member] = &[
    needed("to", Shape::Ref("entity")),
    needed("role", Shape::Line(100)),
    member("valid_from", Shape::Time),
    member("valid_to", Shape::Time),
];

const CASE_ALERT: &[Member] = &[
    needed("alert_id", Shape::Ref("alert")),
    needed("record_id", Shape::Ref("")),
    needed("severity", Shape::Choice(SEVERITIES)),
    member("status", Shape::Choice(ALERT_STATES)),
];

/// An investigation.
pub const CASE: Kind = Kind {
    name: "case",
    plural: "cases",
    scope: "cases",
    numbering: Numbering::Yearly("INV"),
    doc: "An investigation: what happened, who works on it, and what belongs to it.",
    fields: &[
        Field::mv("title", Shape::Line(300), "What the case is about, in a line.").required(),
        Field::mv("description", Shape::Text(50_000), "What is known."),
        Field::mv(
            "status",
            Shape::Choice(&["open", "active", "suspended", "closed"]),
            "Where the work stands; a closed case stays closed.",
        )
        .default("open")
        .course(&CASE_STATUS),
        Field::mv("priority", Shape::Choice(SEVERITIES), "How much it presses.").default("medium"),
        Field::once(
            "case_number",
            Shape::Line(100),
            "The agency's own number, unique.",
        )
        .unique(),
        Field::mv(
            "offense_type",
            Shape::Line(200),
            "The offense, in the agency's words.",
        ),
        Field::mv(
            "classification",
            Shape::Choice(CLASSIFICATIONS),
            "Who may read it.",
        )
        .default("open"),
        Field::mv("occurred_at", Shape::Time, "When it happened."),
        Field::mv("place", Shape::Object(PLACE), "Where it happened."),
        Field::mv("office_id", Shape::Ref("office"), "The office that owns it."),
        Field::set("officers", Shape::Ref("user"), "The officers in charge."),
        Field::set(
            "team",
            Shape::Object(TEAM_MEMBER),
            "Who works on it, in which role.",
        ),
        Field::set(
            "entities",
            Shape::Object(CASE_ENTITY),
            "The persons and things in it, each with a role.",
        ),
        Field::set("tags", TAG, "Words to find it by."),
        Field::mv("form_data", Shape::Free(65_536), "The agency's own fields."),
        Field::mv("review_date", Shape::Day, "When it is to be looked at again."),
        Field::once(
            "report_id",
            Shape::Ref("report"),
            "The report from which it was opened.",
        ),
        Field::lattice(
            "stage",
            &["open", "closed", "archived"],
            "How far it is finished; only upward.",
        ),
        Field::append(
            "alerts",
            Shape::Object(CASE_ALERT),
            "What of it is on a watchlist, and what became of that alert: its `status` of that moment.",
        ),
        Field::lattice("hold", &["none", "held"], "Nothing of it may be destroyed."),
    ],
};

/// A person or a thing.
pub const ENTITY: Kind = Kind {
    name: "entity",
    plural: "entities",
    scope: "entities",
    numbering: Numbering::Plain("ENT"),
    doc: "A person, vehicle, place, phone, organization, item or account.",
    fields: &[
        Field::once(
            "kind",
            Shape::Choice(&[
                "person",
                "vehicle",
                "place",
                "phone",
                "organization",
                "item",
                "account",
            ]),
            "What it is.",
        )
        .required(),
        Field::mv("display_name", Shape::Line(300), "What it is called.").required(),
        Field::mv("risk_level", Shape::Choice(RISKS), "The danger that it means.").default("none"),
        Field::mv(
            "attributes",
            Shape::Free(65_536),
            "What is known, by kind: names, aliases, dob, identifiers; plate, vin, make, model, colour; number; address.",
        ),
        Field::set(
            "relationships",
            Shape::Object(RELATIONSHIP),
            "How it stands to others.",
        ),
        Field::set(
            "same_as",
            Shape::Ref("entity"),
            "Held to be one with these; can be taken back.",
        ),
        Field::set("tags", TAG, "Words to find it by."),
    ],
};

const CAPTURE: &[Member] = &[
    member("taken_at", Shape::Time),
    member("taken_at_local", Shape::Line(40)),
    member("latitude", Shape::Number(-90.0, 90.0)),
    member("longitude", Shape::Number(-180.0, 180.0)),
    member("device", Shape::Line(200)),
    member("width", Shape::Int(0, i64::MAX)),
    member("height", Shape::Int(0, i64::MAX)),
];

/// A file, by the hash of its bytes.
pub(super) const FILE: &[Member] = &[
    needed("sha256", Shape::Sha256),
    needed("size", Shape::Int(0, i64::MAX)),
    needed("media_type", Shape::Line(100)),
    member("name", Shape::Line(255)),
    member("thumbnail", Shape::Sha256),
    member("capture", Shape::Object(CAPTURE)),
    member("added_by", Shape::Line(100)),
];

const CUSTODY_ENTRY: &[Member] = &[
    needed("action", Shape::Line(20)),
    needed("recorded_at", Shape::Time),
    member("happened_at", Shape::Time),
    needed("actor", Shape::Line(300)),
    member("client", Shape::Line(100)),
    member("from", Shape::Line(300)),
    member("to", Shape::Line(300)),
    member("to_id", Shape::Ref("")),
    member("place", Shape::Line(300)),
    member("reason", Shape::Line(500)),
    member("note", Shape::Text(5_000)),
    member("witness", Shape::Line(300)),
    member("expected_return", Shape::Time),
    member("signature", Shape::Sha256),
    member("hash_before", Shape::Sha256),
    member("hash_after", Shape::Sha256),
];

/// An item of evidence.
pub const EVIDENCE: Kind = Kind {
    name: "evidence",
    plural: "evidence",
    scope: "evidence",
    numbering: Numbering::Plain("EVD"),
    doc: "An item of evidence, with its files and its chain of custody.",
    fields: &[
        Field::once("case_id", Shape::Ref("case"), "The case it belongs to.")
            .required()
            .parent(),
        Field::mv(
            "type",
            Shape::Choice(&[
                "physical",
                "photo",
                "video",
                "audio",
                "document",
                "digital-extraction",
                "other",
            ]),
            "What it is.",
        )
        .required(),
        Field::mv("description", Shape::Text(10_000), "What it is, in words.").required(),
        Field::mv("category", Shape::Line(100), "The evidence room's category."),
        Field::once("recovered_at", Shape::Time, "When it was recovered."),
        Field::once("recovered_by", Shape::Line(300), "Who recovered it."),
        Field::mv("place", Shape::Object(PLACE), "Where it was recovered."),
        Field::mv("location", Shape::Line(300), "Where it is stored."),
        Field::mv(
            "location_id",
            Shape::Ref("location"),
            "The shelf, locker or room where it is stored.",
        ),
        Field::once("barcode", Shape::Line(100), "The code on its label, unique.").unique(),
        Field::mv(
            "retention_class",
            Shape::Line(100),
            "The rule by which it is kept.",
        ),
        Field::set("tags", TAG, "Words to find it by."),
        Field::mv("form_data", Shape::Free(65_536), "The agency's own fields."),
        Field::append("files", Shape::Object(FILE), "Its files: original bytes by hash."),
        Field::guarded("custody", Shape::Object(CUSTODY_ENTRY), "Its chain of custody."),
        Field::lattice("hold", &["none", "held"], "It may not be disposed of."),
    ],
};

/// Something that happened, in the order of its time.
pub const TIMELINE_ENTRY: Kind = Kind {
    name: "timeline-entry",
    plural: "timeline",
    scope: "cases",
    numbering: Numbering::None,
    doc: "Something that happened in a case; a correction is a new entry that points at the old.",
    fields: &[
        Field::once("case_id", Shape::Ref("case"), "The case.")
            .required()
            .parent(),
        Field::once("timestamp", Shape::Time, "When it happened.").required(),
        Field::once(
            "uncertainty_seconds",
            Shape::Int(0, 31_536_000),
            "How far that may be off, each way.",
        ),
        Field::once("description", Shape::Text(10_000), "What happened.").required(),
        Field::once(
            "severity",
            Shape::Choice(&["info", "low", "medium", "high", "critical"]),
            "How grave it is.",
        )
        .default("info"),
        Field::once("source", Shape::Line(200), "Where the word of it comes from."),
        Field::once(
            "corrects",
            Shape::Ref("timeline-entry"),
            "The entry that this one puts right.",
        ),
        Field::once(
            "about",
            Shape::List(&Shape::Ref(""), 50),
            "The records that it is about.",
        ),
    ],
};

/// A remark on a record.
pub const NOTE: Kind = Kind {
    name: "note",
    plural: "notes",
    scope: "cases",
    numbering: Numbering::None,
    doc: "A remark on a case, an entity or an item of evidence.",
    fields: &[
        Field::once("record_id", Shape::Ref(""), "What it is about.")
            .required()
            .parent(),
        Field::once("text", Shape::Text(20_000), "The remark.").required(),
        Field::once("category", Shape::Line(100), "The agency's category of notes."),
        Field::once(
            "corrects",
            Shape::Ref("note"),
            "The note that this one puts right.",
        ),
    ],
};
