//! A record as it stands: for each field the versions that are alive, and what they mean together.

/// Which step of a `guarded` field starts from which.
pub mod steps;

use std::collections::{BTreeMap, BTreeSet};

use crate::domain::id::{LogId, OpId, RecordId, TenantId, VersionId};
use crate::domain::operation::Merge;
use crate::domain::record::steps::Steps;
use crate::domain::time::Hlc;
use crate::domain::value::Value;

/// The field whose rank says whether a record is sealed or expunged.
pub const SEALING: &str = "sealing";

/// The rank of [`SEALING`] at which nothing but the stub of a record is left.
pub const EXPUNGED: u32 = 2;

/// One version of a field: a value and the change that wrote it.
#[derive(Clone, PartialEq, Debug)]
pub struct Version {
    /// The change.
    pub id: VersionId,
    /// When.
    pub hlc: Hlc,
    /// What it says.
    pub value: Value,
    /// `guarded` only: the steps that this one follows.
    pub follows: Vec<VersionId>,
}

/// One field: versions in the order (clock, id), and ids that were replaced before they arrived.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Field {
    /// Alive versions, ordered by clock, then by id.
    pub versions: Vec<Version>,
    /// Replaced by an operation that came before them; they will be dropped on arrival.
    pub awaited: BTreeSet<VersionId>,
}

impl Field {
    fn differs(&self) -> bool {
        self.versions.iter().any(|v| v.value != self.versions[0].value)
    }
}

/// When a record was touched, and by which operation.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Stamp {
    /// By the clock that all nodes agree on.
    pub hlc: Hlc,
    /// The operation.
    pub op: OpId,
}

/// Everything known of one record: the fold of all its operations, the same in whatever order they came.
#[derive(Clone, PartialEq, Debug)]
pub struct Record {
    /// Its name for ever.
    pub id: RecordId,
    /// What it is, by the earliest operation.
    pub kind: String,
    /// Whose it is, by the earliest operation.
    pub tenant: TenantId,
    /// The earliest operation.
    pub created: Stamp,
    /// The latest operation.
    pub updated: Stamp,
    /// How many operations are folded in; grows with each, so it serves as ETag.
    pub version: u64,
    /// Of each log the last operation folded in here.
    pub heads: BTreeMap<LogId, u64>,
    /// Fields by name and merge kind: two programs that disagree about a field's kind disturb nobody.
    pub fields: BTreeMap<(String, Merge), Field>,
}

impl Record {
    fn field(&self, name: &str, merge: Merge) -> Option<&Field> {
        // A lookup by a borrowed pair would need an owned key; records have few fields.
        self.fields
            .iter()
            .find(|((field, kind), _)| field == name && *kind == merge)
            .map(|(_, field)| field)
    }

    /// The alive versions of a field.
    pub fn versions(&self, name: &str, merge: Merge) -> &[Version] {
        self.field(name, merge).map_or(&[], |field| &field.versions)
    }

    /// The ids of the alive versions: what an author of a change has seen.
    pub fn seen(&self, name: &str, merge: Merge) -> Vec<VersionId> {
        self.versions(name, merge)
            .iter()
            .map(|version| version.id)
            .collect()
    }

    /// The versions of a field that stand: the alive ones, and once there are steps, those that no step starts from. The
    /// author of a change names all of them.
    pub fn standing(&self, name: &str) -> Vec<&Version> {
        if self.has_steps(name) {
            let steps = Steps::of(self, name);
            return steps.at(&steps.heads);
        }
        self.versions(name, Merge::Mv).iter().collect()
    }

    /// Whether a step of its state machine was made in the field.
    pub fn has_steps(&self, name: &str) -> bool {
        !self.versions(name, Merge::Guarded).is_empty()
    }

    /// The version shown: of those that stand the latest by clock, of a `once` field the first.
    pub fn shown(&self, name: &str) -> Option<&Version> {
        if self.has_steps(name) {
            return self.standing(name).pop();
        }
        let latest = self.versions(name, Merge::Mv).last();
        latest.or_else(|| self.versions(name, Merge::Once).first())
    }

    /// The value shown. `None` if never set or cleared.
    pub fn get(&self, name: &str) -> Option<&Value> {
        let shown = &self.shown(name)?.value;
        (*shown != Value::Null).then_some(shown)
    }

    /// The text shown, if it is one.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.get(name)?.as_text()
    }

    /// The members of an `orset`, each value once, in the order in which they were first added.
    pub fn members(&self, name: &str) -> Vec<&Value> {
        let mut members: Vec<&Value> = Vec::new();
        for version in self.versions(name, Merge::OrSet) {
            if !members.contains(&&version.value) {
                members.push(&version.value);
            }
        }
        members
    }

    /// The rank of a `lattice` field; 0 if it was never raised.
    pub fn rank(&self, name: &str) -> u32 {
        self.versions(name, Merge::Lattice)
            .first()
            .and_then(|version| version.value.as_int())
            .and_then(|rank| u32::try_from(rank).ok())
            .unwrap_or(0)
    }

    /// The fields with versions that exclude each other: what a person has to settle. Of an `mv` field alive ones that
    /// differ, of a `guarded` field steps of which none starts from the other.
    pub fn conflicts(&self) -> impl Iterator<Item = (&str, Vec<&Version>)> {
        self.fields.iter().filter_map(|((name, merge), field)| {
            let versions = match merge {
                Merge::Mv if self.has_steps(name) => return None,
                Merge::Mv if field.differs() => field.versions.iter().collect(),
                Merge::Guarded => {
                    let steps = Steps::of(self, name);
                    steps.at(&steps.rivals)
                }
                _ => Vec::new(),
            };
            (!versions.is_empty()).then_some((name.as_str(), versions))
        })
    }

    /// The `once` fields that were given another value later: what a supervisor has to see.
    pub fn violations(&self) -> impl Iterator<Item = (&str, &[Version])> {
        self.fields
            .iter()
            .filter(|((_, merge), field)| *merge == Merge::Once && field.differs())
            .map(|((name, _), field)| (name.as_str(), field.versions.as_slice()))
    }

    /// Nothing is left of it but this stub.
    pub fn is_expunged(&self) -> bool {
        self.rank(SEALING) >= EXPUNGED
    }
}
