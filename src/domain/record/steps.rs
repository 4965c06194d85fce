//! How the versions of a `guarded` field stand to each other: which step starts from which, which of them none starts from,
//! and whether those exclude each other. What a step *means* is for its state machine to say, not for this.

use std::collections::{BTreeMap, BTreeSet};

use crate::domain::id::VersionId;
use crate::domain::operation::Merge;
use crate::domain::record::{Record, Version};

/// A version with what it starts from.
#[derive(Clone, PartialEq, Debug)]
pub struct Step<'r> {
    /// The version.
    pub version: &'r Version,
    /// The places, among all of the field, of those that it starts from, as far as they are here.
    pub follows: Vec<usize>,
    /// What it names and is no earlier version of this field: taken as not named.
    pub unfounded: Vec<VersionId>,
    /// It names a version that has not arrived here yet.
    pub waits: bool,
    /// All versions before it that have not arrived.
    absent: BTreeSet<VersionId>,
}

/// The versions of a `guarded` field, each after those that it starts from.
#[derive(Clone, PartialEq, Debug)]
pub struct Steps<'r> {
    /// All, in the order of the clock. A plain write of the same field (it is `mv` until the first step) is a beginning.
    pub all: Vec<Step<'r>>,
    /// The places of those that none starts from.
    pub heads: Vec<usize>,
    /// The places of the heads that exclude each other: two that wait for nothing, or for the same. None, or at least two.
    pub rivals: Vec<usize>,
}

impl<'r> Steps<'r> {
    /// The steps of a record's field.
    pub fn of(record: &'r Record, field: &str) -> Self {
        // In the order of the clock, and a step that names a later version is taken as not naming it: so no step comes
        // before one that it starts from, and there are no circles whatever a log says.
        let plain = record.versions(field, Merge::Mv).iter();
        let mut versions: Vec<&Version> = plain.chain(record.versions(field, Merge::Guarded)).collect();
        versions.sort_by_key(|version| (version.hlc, version.id));
        let mut all: Vec<Step<'r>> = Vec::with_capacity(versions.len());
        let mut places = BTreeMap::new();
        for version in versions {
            let step = step(record, version, &all, &places);
            places.insert(version.id, all.len());
            all.push(step);
        }
        let followed: BTreeSet<usize> = all.iter().flat_map(|step| &step.follows).copied().collect();
        let heads: Vec<usize> = (0..all.len()).filter(|place| !followed.contains(place)).collect();
        // What has not arrived can still join two heads, but not two that wait for the same.
        let rival = |a: &usize| heads.iter().any(|b| a != b && all[*a].absent == all[*b].absent);
        let rivals = heads.iter().copied().filter(rival).collect();
        Self { all, heads, rivals }
    }

    /// The versions at these places.
    pub fn at(&self, places: &[usize]) -> Vec<&'r Version> {
        places.iter().map(|place| self.all[*place].version).collect()
    }
}

fn step<'r>(
    record: &Record,
    version: &'r Version,
    before: &[Step<'_>],
    places: &BTreeMap<VersionId, usize>,
) -> Step<'r> {
    let mut step = Step {
        version,
        follows: Vec::new(),
        unfounded: Vec::new(),
        waits: false,
        absent: BTreeSet::new(),
    };
    for id in &version.follows {
        let head = record.heads.get(&id.op.log);
        if let Some(place) = places.get(id) {
            step.follows.push(*place);
            step.absent.extend(before[*place].absent.iter().copied());
        } else if head.is_some_and(|head| *head >= id.op.seq) {
            step.unfounded.push(*id);
        } else {
            step.absent.insert(*id);
        }
    }
    step.waits = version.follows.iter().any(|id| step.absent.contains(id));
    step
}
