//! An operation: one immutable, signed change of one record. The log is nothing but these.

use std::fmt;

use crate::domain::id::{Hash, LogId, OpId, RecordId, TenantId, VersionId};
use crate::domain::time::{Hlc, Millis};
use crate::domain::value::Value;

/// The version of the operation format that this program writes.
pub const FORMAT_VERSION: u16 = 1;

/// How a field's writes from several nodes come together: the six kinds of the record contract.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Merge {
    /// A write replaces exactly the versions that its author saw; more than one left is a conflict for a person.
    Mv,
    /// Immutable entries; a correction is a new entry that points at the old.
    Append,
    /// Add wins; a remove takes away the adds that its author saw.
    OrSet,
    /// The first value stays; another is a violation.
    Once,
    /// Only upward, by rank.
    Lattice,
    /// A state machine; each step names the step that it starts from.
    Guarded,
}

/// What one change does to its field. The action alone says how it merges, so that a field unknown here folds all the same.
#[derive(Clone, PartialEq, Debug)]
pub enum Action {
    /// `mv`: this is the value now, instead of the versions seen.
    Set(Value),
    /// `append`: one more entry.
    Append(Value),
    /// `orset`: a member.
    Add(Value),
    /// `orset`: the adds seen are taken away.
    Remove,
    /// `once`: the value, for ever.
    Fix(Value),
    /// `lattice`: at least this rank.
    Raise(u32),
    /// `guarded`: a step that follows the versions seen.
    Step(Value),
}

impl Action {
    /// The kind of field that this action belongs to.
    pub fn merge(&self) -> Merge {
        match self {
            Self::Set(_) => Merge::Mv,
            Self::Append(_) => Merge::Append,
            Self::Add(_) | Self::Remove => Merge::OrSet,
            Self::Fix(_) => Merge::Once,
            Self::Raise(_) => Merge::Lattice,
            Self::Step(_) => Merge::Guarded,
        }
    }
}

/// One change of one field.
#[derive(Clone, PartialEq, Debug)]
pub struct Change {
    /// The field's name.
    pub field: String,
    /// What happens to it.
    pub action: Action,
    /// The versions of the field that the author saw and that this change replaces, removes or follows.
    pub seen: Vec<VersionId>,
}

/// Who acted, and through what.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Actor {
    /// `user:<id>`, `key:<id>`, `node:<log>` or `system`.
    pub who: String,
    /// The client or device that spoke: a lane, a key's name, a verb of the command line.
    pub client: String,
}

impl Actor {
    /// The name to show: `rest:Desk` is Desk.
    pub fn name(&self) -> &str {
        self.client
            .split_once(':')
            .map_or(self.client.as_str(), |(_, name)| name)
    }
}

/// How sure the author's wall clock was.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct ClockQuality {
    /// Offset to a trusted clock in milliseconds, as last measured.
    pub offset_millis: Option<i64>,
    /// When that was measured, by this clock.
    pub checked_at: Option<Millis>,
    /// Which boot of the machine: wall times of one boot can be compared.
    pub boot: [u8; 16],
}

/// Which link lane an operation takes when links are narrow.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Debug)]
pub enum Urgency {
    /// Alerts and officer safety.
    Alert,
    /// Everything else.
    #[default]
    Ordinary,
}

/// The part of an operation that can never be erased.
#[derive(Clone, PartialEq, Debug)]
pub struct Header {
    /// The format of header and payload.
    pub version: u16,
    /// Where it arose, and its place there.
    pub id: OpId,
    /// When, in the order that all nodes agree on.
    pub hlc: Hlc,
    /// When, by the author's wall clock.
    pub wall: Millis,
    /// How sure that was.
    pub clock: ClockQuality,
    /// The agency.
    pub tenant: TenantId,
    /// Who.
    pub actor: Actor,
    /// How soon it must travel.
    pub urgency: Urgency,
    /// The record's kind by name; a kind unknown here is kept all the same.
    pub kind: String,
    /// The record.
    pub record: RecordId,
    /// `SHA-256(salt ‖ payload)`: stands for the erasable part once that is gone.
    pub content: Hash,
}

/// What a client asked for, kept with the first operation of its answer so that a repeated request gets the same one.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Request {
    /// `SHA-256(credential ‖ Idempotency-Key)`.
    pub key: Hash,
    /// `SHA-256(method ‖ path ‖ body)`.
    pub body: Hash,
    /// How many operations of this log, from this one on, the request made.
    pub operations: u32,
}

/// The part of an operation that a court's order can erase.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Payload {
    /// The changes, in order.
    pub changes: Vec<Change>,
    /// The request that they answer, where its client may repeat it.
    pub request: Option<Request>,
}

/// One signed change: header and, unless it was erased, payload.
#[derive(Clone, PartialEq, Debug)]
pub struct Operation {
    /// What stays for ever.
    pub header: Header,
    /// What it says; `None` once erased.
    pub payload: Option<Payload>,
}

/// What a service asks the write thread to write: an operation without its place in the log.
#[derive(Clone, PartialEq, Debug)]
pub struct Draft {
    /// The agency.
    pub tenant: TenantId,
    /// Who acts.
    pub actor: Actor,
    /// How soon it must travel.
    pub urgency: Urgency,
    /// The record's kind by name.
    pub kind: String,
    /// The record.
    pub record: RecordId,
    /// What changes.
    pub changes: Vec<Change>,
}

impl Change {
    /// A change that names no version seen.
    pub fn new(field: impl Into<String>, action: Action) -> Self {
        Self {
            field: field.into(),
            action,
            seen: Vec::new(),
        }
    }

    /// The same, naming the versions seen.
    #[must_use]
    pub fn seeing(mut self, seen: Vec<VersionId>) -> Self {
        self.seen = seen;
        self
    }
}

impl Header {
    /// Which of two logs' operations comes first.
    pub fn stamp(&self) -> (Hlc, OpId) {
        (self.hlc, self.id)
    }

    /// Whether `other` is this very operation's place with other words in it: two logs under one name.
    pub fn forks(&self, other: &Self) -> bool {
        self.id == other.id && self != other
    }
}

impl LogId {
    /// The place `seq` in this log.
    pub fn at(self, seq: u64) -> OpId {
        OpId { log: self, seq }
    }
}

impl fmt::Display for Merge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Mv => "mv",
            Self::Append => "append",
            Self::OrSet => "orset",
            Self::Once => "once",
            Self::Lattice => "lattice",
            Self::Guarded => "guarded",
        })
    }
}
