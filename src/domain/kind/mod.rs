//! The kinds of records, as tables: each field's name, how it merges, what it may hold, and what it means. Validation,
//! uniqueness, the wire forms of the lanes and their published schemas all read these tables, so they can't drift apart.

mod attributes;
mod casework;
mod course;
mod court;
mod intake;
mod people;
mod reference;

pub use attributes::{attributes_of, is_vin};
pub use casework::{CASE, ENTITY, EVIDENCE, NOTE, TIMELINE_ENTRY};
pub use course::Course;
pub use court::{ERASURE, EXPUNGED_BY_ORDER, EXPUNGED_WITH};
pub use intake::{ALERT, CHAT_MESSAGE, REPORT, WATCHLIST, WATCHLIST_ENTRY};
pub use people::{CREDENTIAL, OFFICE, ROLES, TEAM, TENANT, UNIT, USER, WEBHOOK};
pub use reference::{CATEGORY, FORM, LOCATION, NODE};

use crate::domain::operation::Merge;

/// What a field may hold. Lengths are in Unicode characters.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Shape {
    /// One line of text, trimmed, without control characters.
    Line(usize),
    /// Text of several lines.
    Text(usize),
    /// One of these words.
    Choice(&'static [&'static str]),
    /// True or false.
    Bool,
    /// A whole number from the first to the second.
    Int(i64, i64),
    /// A number from the first to the second.
    Number(f64, f64),
    /// A wall time, RFC 3339.
    Time,
    /// A calendar day, `YYYY-MM-DD`.
    Day,
    /// A telephone number, kept as E.164.
    Phone,
    /// An e-mail address, kept in lower case.
    Email,
    /// A SHA-256 digest in hexadecimal.
    Sha256,
    /// A record of this kind (empty: of any kind): internal id, display id, or `ext:` and an external id.
    Ref(&'static str),
    /// Values of one shape, at most so many.
    List(&'static Shape, usize),
    /// Named members.
    Object(&'static [Member]),
    /// Any JSON value of at most so many bytes: forms and attributes whose members an agency defines.
    Free(usize),
}

/// A member of an [`Shape::Object`].
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Member {
    /// Its name.
    pub name: &'static str,
    /// What it may hold.
    pub shape: Shape,
    /// It must be there.
    pub required: bool,
}

/// Who gives a field its value.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Writer {
    /// A client, at creation and later.
    Client,
    /// A client, at creation only.
    Creator,
    /// The program; a client can read it.
    System,
    /// The program; it never leaves the node through a lane.
    Secret,
}

/// One field of a kind.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Field {
    /// Its name in code, log and JSON.
    pub name: &'static str,
    /// How its writes merge. An `orset` is a list to clients.
    pub merge: Merge,
    /// What it may hold; of an `orset` or `append` field, each member.
    pub shape: Shape,
    /// Who writes it.
    pub writer: Writer,
    /// A record can't be made without it.
    pub required: bool,
    /// No two records of the kind and tenant have the same.
    pub unique: bool,
    /// The record named is the one that this one belongs to.
    pub parent: bool,
    /// What it has when nobody says.
    pub default: Option<&'static str>,
    /// The state machine that guards some of its words.
    pub course: Option<&'static Course>,
    /// One sentence for the reference.
    pub doc: &'static str,
}

impl Field {
    const fn new(name: &'static str, merge: Merge, shape: Shape, doc: &'static str) -> Self {
        let writer = match merge {
            Merge::Once => Writer::Creator,
            Merge::Guarded | Merge::Lattice | Merge::Append => Writer::System,
            Merge::Mv | Merge::OrSet => Writer::Client,
        };
        Self {
            name,
            merge,
            shape,
            writer,
            required: false,
            unique: false,
            parent: false,
            default: None,
            course: None,
            doc,
        }
    }

    const fn mv(name: &'static str, shape: Shape, doc: &'static str) -> Self {
        Self::new(name, Merge::Mv, shape, doc)
    }

    const fn once(name: &'static str, shape: Shape, doc: &'static str) -> Self {
        Self::new(name, Merge::Once, shape, doc)
    }

    const fn set(name: &'static str, shape: Shape, doc: &'static str) -> Self {
        Self::new(name, Merge::OrSet, shape, doc)
    }

    const fn append(name: &'static str, shape: Shape, doc: &'static str) -> Self {
        Self::new(name, Merge::Append, shape, doc)
    }

    const fn guarded(name: &'static str, shape: Shape, doc: &'static str) -> Self {
        Self::new(name, Merge::Guarded, shape, doc)
    }

    const fn lattice(name: &'static str, ranks: &'static [&'static str], doc: &'static str) -> Self {
        Self::new(name, Merge::Lattice, Shape::Choice(ranks), doc)
    }

    /// A client who makes a record and doesn't know it yet can give it later, once. What a record belongs to is said at once.
    pub fn can_come_later(&self) -> bool {
        self.writer == Writer::Creator && self.merge == Merge::Once && !matches!(self.shape, Shape::Ref(_))
    }

    /// The word of a rank; of one that a newer node knows, the highest known here.
    pub fn rank_word(&self, rank: u32) -> Option<&'static str> {
        match self.shape {
            Shape::Choice(words) => words.get(rank as usize).or(words.last()).copied(),
            _ => None,
        }
    }

    /// Whether its values are unique over all tenants: what one signs in with says whose one is.
    pub fn unique_everywhere(&self) -> bool {
        self.unique && matches!(self.shape, Shape::Sha256 | Shape::Email) || self.name == "slug"
    }

    const fn required(mut self) -> Self {
        self.required = true;
        self
    }

    const fn unique(mut self) -> Self {
        self.unique = true;
        self
    }

    const fn parent(mut self) -> Self {
        self.parent = true;
        self
    }

    const fn system(mut self) -> Self {
        self.writer = Writer::System;
        self
    }

    const fn secret(mut self) -> Self {
        self.writer = Writer::Secret;
        self
    }

    const fn default(mut self, value: &'static str) -> Self {
        self.default = Some(value);
        self
    }

    const fn course(mut self, course: &'static Course) -> Self {
        self.course = Some(course);
        self
    }
}

const fn member(name: &'static str, shape: Shape) -> Member {
    Member {
        name,
        shape,
        required: false,
    }
}

const fn needed(name: &'static str, shape: Shape) -> Member {
    Member {
        name,
        shape,
        required: true,
    }
}

/// How the records of a kind are numbered for people.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Numbering {
    /// By the internal id alone.
    None,
    /// `PREFIX-<year>-<number>`, counted within the year.
    Yearly(&'static str),
    /// `PREFIX-<number>`.
    Plain(&'static str),
    /// A bare number.
    Bare,
}

/// A kind of record.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Kind {
    /// The name in log, search and JSON.
    pub name: &'static str,
    /// The path segment of its routes.
    pub plural: &'static str,
    /// The scope that guards it, without `:read` or `:write`.
    pub scope: &'static str,
    /// Its numbers for people.
    pub numbering: Numbering,
    /// Its fields, beside those that every record has.
    pub fields: &'static [Field],
    /// One sentence for the reference.
    pub doc: &'static str,
}

/// Every kind known here.
pub const KINDS: [&Kind; 22] = [
    &CASE,
    &ENTITY,
    &EVIDENCE,
    &TIMELINE_ENTRY,
    &NOTE,
    &REPORT,
    &CHAT_MESSAGE,
    &WATCHLIST,
    &WATCHLIST_ENTRY,
    &ALERT,
    &USER,
    &TEAM,
    &UNIT,
    &OFFICE,
    &TENANT,
    &CREDENTIAL,
    &WEBHOOK,
    &CATEGORY,
    &FORM,
    &LOCATION,
    &NODE,
    &ERASURE,
];

/// What a client calls the record in its own system; with tenant and kind it names at most one record.
pub const EXTERNAL_ID: Field = Field::once(
    "external_id",
    Shape::Line(200),
    "The client's own id of the record, unique within the kind.",
)
.unique();

/// The number for people: `INV-2026-1847`.
pub const DISPLAY_ID: &str = "display_id";

/// How far a record is sealed, by a court's order only.
pub const SEALING_FIELD: Field = Field::lattice(
    crate::domain::record::SEALING,
    &["unsealed", "sealed", "expunged"],
    "Whether a court sealed or expunged the record; never undone by a merge.",
);

/// The kind of that name.
pub fn kind(name: &str) -> Option<&'static Kind> {
    KINDS.into_iter().find(|kind| kind.name == name)
}

impl Kind {
    /// The field of that name, those that every record has included.
    pub fn field(&self, name: &str) -> Option<&Field> {
        self.all_fields().find(|field| field.name == name)
    }

    /// Whether that field is shown at all: what is secret is not, one unknown here is.
    pub fn tells(&self, name: &str) -> bool {
        self.field(name)
            .is_none_or(|field| field.writer != Writer::Secret)
    }

    /// Its own fields, then those that every record has.
    pub fn all_fields(&self) -> impl Iterator<Item = &Field> {
        self.fields.iter().chain([&EXTERNAL_ID, &SEALING_FIELD])
    }

    /// The prefix of its display ids, if they have one.
    pub fn prefix(&self) -> Option<&'static str> {
        match self.numbering {
            Numbering::Yearly(prefix) | Numbering::Plain(prefix) => Some(prefix),
            Numbering::None | Numbering::Bare => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{KINDS, Merge, Writer};

    #[test]
    fn no_kind_names_a_field_twice_and_every_field_is_documented() {
        for kind in KINDS {
            // The first of these are every record's own in the wire forms.
            let own = [
                "id",
                "version",
                "created_at",
                "updated_at",
                "links",
                "conflicts",
                "violations",
            ];
            let mut names: Vec<_> = own
                .into_iter()
                .chain(kind.all_fields().map(|field| field.name))
                .collect();
            names.sort_unstable();
            let count = names.len();
            names.dedup();
            assert_eq!(names.len(), count, "{}", kind.name);
            assert!(
                kind.all_fields().all(|field| field.doc.ends_with('.')),
                "{}",
                kind.name
            );
        }
    }

    #[test]
    fn only_the_program_steps_a_state_machine() {
        let guarded = KINDS
            .into_iter()
            .flat_map(|kind| kind.fields)
            .filter(|f| f.merge == Merge::Guarded);
        assert!(guarded.into_iter().all(|field| field.writer == Writer::System));
    }
}
