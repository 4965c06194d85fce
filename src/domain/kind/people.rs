//! People and programs that act or are told, and what they act for: users, teams, offices, tenants, credentials, webhooks.

use super::{Field, Kind, Member, Numbering, Shape, member, needed};
use crate::domain::event::Severity;

/// What a user may do, from least to most.
pub const ROLES: &[&str] = &["viewer", "officer", "supervisor", "administrator"];

/// A person who signs in.
pub const USER: Kind = Kind {
    name: "user",
    plural: "users",
    scope: "users",
    numbering: Numbering::None,
    doc: "A person who signs in.",
    fields: &[
        Field::mv("email", Shape::Email, "The address to sign in with, unique.")
            .required()
            .unique(),
        Field::mv("name", Shape::Line(200), "The name shown.").required(),
        Field::mv("role", Shape::Choice(ROLES), "What the person may do.").required(),
        Field::mv("badge", Shape::Line(50), "The badge number."),
        Field::mv("phone", Shape::Line(50), "A telephone number, as it was given."),
        Field::mv("other_phone", Shape::Line(50), "Another one."),
        Field::mv("office_id", Shape::Ref("office"), "The office of the person."),
        Field::mv("disabled", Shape::Bool, "Signs in no more."),
        Field::mv(
            "licence_reserved",
            Shape::Bool,
            "A licence of evidence-room clients is kept free for the person.",
        ),
        Field::mv("password_hash", Shape::Line(300), "Argon2id, in PHC form.").secret(),
        Field::mv(
            "static_token_hash",
            Shape::Sha256,
            "The hash of the token for evidence-room clients.",
        )
        .unique()
        .secret(),
    ],
};

/// People who work together.
pub const TEAM: Kind = Kind {
    name: "team",
    plural: "teams",
    scope: "users",
    numbering: Numbering::None,
    doc: "People who work together.",
    fields: &[
        Field::mv("name", Shape::Line(200), "What it is called.")
            .required()
            .unique(),
        Field::mv("office_id", Shape::Ref("office"), "The office it belongs to."),
        Field::set("members", Shape::Ref("user"), "Who is in it."),
    ],
};

const POSITION: &[Member] = &[
    needed("latitude", Shape::Number(-90.0, 90.0)),
    needed("longitude", Shape::Number(-180.0, 180.0)),
    member("accuracy_meters", Shape::Number(0.0, 1_000_000.0)),
    member("taken_at", Shape::Time),
];

/// Who is out there: a patrol, a car, a boat.
pub const UNIT: Kind = Kind {
    name: "unit",
    plural: "units",
    scope: "cases",
    numbering: Numbering::Plain("UNIT"),
    doc: "A patrol, car or boat, and where it was last.",
    fields: &[
        Field::mv("name", Shape::Line(100), "Its call sign.")
            .required()
            .unique(),
        Field::mv("team_id", Shape::Ref("team"), "The team that is in it."),
        Field::mv(
            "position",
            Shape::Object(POSITION),
            "Where it is, in degrees of WGS 84, as somebody marked it.",
        ),
    ],
};

/// A precinct, a station, a unit's home.
pub const OFFICE: Kind = Kind {
    name: "office",
    plural: "offices",
    scope: "users",
    numbering: Numbering::None,
    doc: "A precinct, a station, a unit's home.",
    fields: &[
        Field::mv("name", Shape::Line(200), "What it is called.")
            .required()
            .unique(),
        Field::mv(
            "number",
            Shape::Int(0, 1_000_000_000),
            "The agency's number of it.",
        ),
        Field::mv("address", Shape::Line(500), "Where it is."),
        Field::set("tags", super::casework::TAG, "Words to find it by."),
    ],
};

/// An agency served by this node.
pub const TENANT: Kind = Kind {
    name: "tenant",
    plural: "tenants",
    scope: "tenants",
    numbering: Numbering::None,
    doc: "An agency that is served here.",
    fields: &[
        Field::once("slug", Shape::Line(63), "Its short name in ids and headers.")
            .required()
            .unique(),
        Field::mv("name", Shape::Line(200), "Its full name.").required(),
        Field::mv(
            "organization_id",
            Shape::Int(0, 1_000_000_000),
            "Its number for evidence-room clients.",
        ),
    ],
};

const REPORTER: &[Member] = &[needed("name", Shape::Line(200)), needed("phone", Shape::Phone)];

/// A key for a program.
pub const CREDENTIAL: Kind = Kind {
    name: "credential",
    plural: "keys",
    scope: "keys",
    numbering: Numbering::None,
    doc: "An API key, with what it may do; the key itself is shown once and kept as a hash.",
    fields: &[
        Field::mv("name", Shape::Line(200), "Who or what uses it.").required(),
        Field::once(
            "lanes",
            Shape::List(&Shape::Choice(&["query", "sync", "events"]), 3),
            "The lanes it opens.",
        )
        .required(),
        Field::once(
            "scopes",
            Shape::List(&Shape::Line(50), 50),
            "What it may do there.",
        )
        .required(),
        Field::once("expires_at", Shape::Time, "From when on it opens nothing."),
        Field::once(
            "reporter",
            Shape::Object(REPORTER),
            "Who reports when a report names nobody.",
        ),
        Field::once(
            "networks",
            Shape::List(&Shape::Line(50), 50),
            "The address ranges it may come from.",
        ),
        Field::once("key_hash", Shape::Sha256, "The keyed hash of the key.")
            .unique()
            .secret(),
        Field::once(
            "key_hint",
            Shape::Line(12),
            "The last characters, to tell keys apart.",
        )
        .system(),
        Field::once(
            "replaces",
            Shape::Ref("credential"),
            "The key that this one follows.",
        )
        .system(),
        Field::mv("retires_at", Shape::Time, "When a rotated key ends.").system(),
        Field::lattice(
            "revocation",
            &["active", "revoked"],
            "Whether it was taken back; never undone.",
        ),
    ],
};

const FILTER: &[Member] = &[
    member("eventTypes", Shape::List(&Shape::Line(100), 200)),
    member("caseIds", Shape::List(&Shape::Line(200), 200)),
    member("entityIds", Shape::List(&Shape::Line(200), 200)),
    member("minSeverity", Shape::Choice(&Severity::WORDS)),
];

/// A program of others that is told of events.
pub const WEBHOOK: Kind = Kind {
    name: "webhook",
    plural: "webhooks",
    scope: "webhooks",
    numbering: Numbering::None,
    doc: "Where events are told to, signed, one after the other; the secret is shown once.",
    fields: &[
        Field::mv("name", Shape::Line(200), "Who or what listens there.").required(),
        Field::mv("url", Shape::Line(2_000), "The address that events are posted to.").required(),
        Field::mv("filter", Shape::Object(FILTER), "Which events; all, if not said."),
        Field::mv(
            "owner_id",
            Shape::Ref(""),
            "The user or key whose rights it has; who made it, if not said. It hears what the owner may read when it is told.",
        ),
        Field::mv("paused", Shape::Bool, "Nothing is told; nothing is lost either."),
        Field::mv(
            "paused_because",
            Shape::Line(400),
            "Why the node paused it, if the node did.",
        )
        .system(),
        Field::mv(
            "told_by",
            Shape::Sha256,
            "The log of the node that tells; a restored copy of a node tells nothing until somebody resumes it there.",
        )
        .system(),
        Field::once(
            "begins_after",
            Shape::Int(0, i64::MAX),
            "The `sequence` after which it began.",
        )
        .system(),
        Field::mv(
            "replayed_after",
            Shape::Int(0, i64::MAX),
            "The `sequence` after which everything was to be told again, the last time.",
        )
        .system(),
        Field::mv("secret_number", Shape::Int(1, i64::MAX), "Which secret it has by now.").system(),
        Field::mv(
            "old_secret_until",
            Shape::Time,
            "Until when the secret before is signed with too.",
        )
        .system(),
    ],
};
