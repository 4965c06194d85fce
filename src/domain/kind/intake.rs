//! What comes in from outside, and what it is held against: reports, chat messages, watchlists, alerts.

use super::casework::{CLASSIFICATIONS, FILE, SEVERITIES};
use super::course::{ALERT_STATES, ALERT_STATUS, REPORT_STATUS};
use super::{Field, Kind, Member, Numbering, Shape, member, needed};
use crate::domain::watch::sought::Sort;

const LOCATION: &[Member] = &[
    needed("x", Shape::Number(-180.0, 180.0)),
    needed("y", Shape::Number(-90.0, 90.0)),
];

const REPORTER: &[Member] = &[needed("name", Shape::Line(200)), needed("phone", Shape::Phone)];

const REPORT_CATEGORY: &[Member] = &[
    needed("category_id", Shape::Int(0, i64::MAX)),
    member("subcategory_id", Shape::Int(0, i64::MAX)),
];

/// A call for help, or an incident.
pub const REPORT: Kind = Kind {
    name: "report",
    plural: "reports",
    scope: "reports",
    numbering: Numbering::Bare,
    doc: "A call for help or an incident taken by a control center, a citizen app, a partner or an officer.",
    fields: &[
        Field::mv("description", Shape::Text(20_000), "What is told."),
        Field::once(
            "location",
            Shape::Object(LOCATION),
            "Where: x is longitude, y latitude, in degrees of WGS 84.",
        )
        .required(),
        Field::mv("category", Shape::Object(REPORT_CATEGORY), "What kind of report.").required(),
        Field::once(
            "mode",
            Shape::Choice(&["live", "training"]),
            "Training raises no alerts; can't be changed.",
        )
        .default("live"),
        Field::once(
            "reporter",
            Shape::Object(REPORTER),
            "Who told it; else the key's reporter.",
        ),
        Field::mv(
            "status",
            Shape::Choice(&["received", "in-progress", "resolved", "rejected"]),
            "Where it stands; from resolved and rejected only back to in-progress.",
        )
        .default("received")
        .course(&REPORT_STATUS),
        Field::mv("case_id", Shape::Ref("case"), "The case it became part of."),
        Field::append(
            "images",
            Shape::Object(FILE),
            "Its pictures: original bytes by hash.",
        ),
        Field::mv(
            "public_token",
            Shape::Sha256,
            "The hash of the public page's secret.",
        )
        .unique()
        .secret(),
        Field::mv(
            "public_seed",
            Shape::Line(64),
            "From which the node makes that secret again.",
        )
        .secret(),
        Field::mv("public_expires_at", Shape::Time, "When the public page ends.").system(),
        Field::once("filed_by", Shape::Line(100), "The key or user that filed it.").system(),
    ],
};

/// A line of a report's conversation.
pub const CHAT_MESSAGE: Kind = Kind {
    name: "chat-message",
    plural: "messages",
    scope: "reports",
    numbering: Numbering::None,
    doc: "A message to or from the person who reported.",
    fields: &[
        Field::once("report_id", Shape::Ref("report"), "The report.")
            .required()
            .parent(),
        Field::once("type", Shape::Choice(&["text"]), "What it holds.").default("text"),
        Field::once("text", Shape::Text(10_000), "What it says.").required(),
        Field::once("label", Shape::Line(100), "Shown before the text: `label: text`."),
        Field::once(
            "place",
            Shape::Int(0, i64::MAX),
            "Its place among messages of one request.",
        )
        .system(),
        Field::once("sent_by", Shape::Line(100), "The key or user that sent it.").system(),
    ],
};

const SORT: Shape = Shape::Choice(Sort::WORDS);

const ALIASES: Shape = Shape::List(&Shape::Line(300), 50);

const ENTRY: &[Member] = &[
    needed("type", SORT),
    needed("value", Shape::Line(300)),
    member("aliases", ALIASES),
    member("dob", Shape::Day),
    member("note", Shape::Line(500)),
];

/// Who and what is looked for.
pub const WATCHLIST: Kind = Kind {
    name: "watchlist",
    plural: "watchlists",
    scope: "watchlists",
    numbering: Numbering::Plain("WL"),
    doc: "Names, plates, phones and words that somebody looks for, with what to do on a match.",
    fields: &[
        Field::mv("name", Shape::Line(200), "What it is called.").required(),
        Field::mv("purpose", Shape::Line(500), "Why it is kept.").required(),
        Field::mv("owner", Shape::Line(200), "Who answers for it."),
        Field::mv("severity", Shape::Choice(SEVERITIES), "How grave a match is.").default("high"),
        Field::mv("expires_at", Shape::Time, "From when on it matches no more."),
        Field::mv("handling", Shape::Text(5_000), "What to do on a match."),
        Field::mv(
            "classification",
            Shape::Choice(CLASSIFICATIONS),
            "Who may read it; others learn of a match without its content.",
        )
        .default("open"),
        Field::set(
            "officers",
            Shape::Ref("user"),
            "Who reads it though it is restricted.",
        ),
        Field::set(
            "entries",
            Shape::Object(ENTRY),
            "What is looked for, of a short list; a long one has records of the kind watchlist-entry.",
        ),
    ],
};

/// One line of a long watchlist: the record that a list of thousands has for each of its members.
pub const WATCHLIST_ENTRY: Kind = Kind {
    name: "watchlist-entry",
    plural: "watchlist-entries",
    scope: "watchlists",
    numbering: Numbering::None,
    doc: "A name, plate, phone, identifier or text of a long watchlist, as a record of its own.",
    fields: &[
        Field::once("watchlist_id", Shape::Ref("watchlist"), "The list.")
            .required()
            .parent(),
        Field::mv("type", SORT, "What it is.").required(),
        Field::mv(
            "value",
            Shape::Line(300),
            "What is looked for; `?` in a plate is any character.",
        )
        .required(),
        Field::mv("aliases", ALIASES, "Other names of the same."),
        Field::mv(
            "dob",
            Shape::Day,
            "The day of birth: it confirms a name or refutes it.",
        ),
        Field::mv("note", Shape::Line(500), "A remark."),
        Field::mv(
            "severity",
            Shape::Choice(SEVERITIES),
            "How grave a match is, if not as the list says.",
        ),
        Field::mv("expires_at", Shape::Time, "From when on it matches no more."),
        Field::mv(
            "status",
            Shape::Choice(&["active", "removed"]),
            "Whether it is looked for; a removed one matches no more.",
        )
        .default("active"),
    ],
};

/// A match, or another call for attention.
pub const ALERT: Kind = Kind {
    name: "alert",
    plural: "alerts",
    scope: "watchlists",
    numbering: Numbering::None,
    doc: "Something that a person must look at.",
    fields: &[
        Field::once("watchlist_id", Shape::Ref("watchlist"), "The list that matched.").system(),
        Field::once("record_id", Shape::Ref(""), "What matched.")
            .required()
            .parent(),
        Field::once("severity", Shape::Choice(SEVERITIES), "How grave it is.").default("high"),
        Field::once("score", Shape::Number(0.0, 1.0), "How sure the match is.").system(),
        Field::once("reason", Shape::Line(500), "Why it was raised.").required(),
        Field::once("entry", Shape::Line(300), "What the list looks for.").system(),
        Field::once("handling", Shape::Text(5_000), "What the list says to do.").system(),
        Field::once(
            "contact",
            Shape::Line(300),
            "Whom to ask about the other side of the match.",
        )
        .system(),
        Field::once(
            "counterpart",
            Shape::Ref("alert"),
            "The alert of the same match for those who read the record.",
        )
        .system(),
        Field::mv(
            "status",
            Shape::Choice(ALERT_STATES),
            "Where it stands; a dismissed one can be taken up again, but is never raised anew.",
        )
        .default("raised")
        .course(&ALERT_STATUS),
        Field::mv(
            "dismissed_because",
            Shape::Line(500),
            "Why it was put aside; without it none is.",
        ),
        Field::mv("escalated_to", Shape::Line(300), "To whom it was handed up."),
    ],
};
