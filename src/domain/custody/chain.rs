//! The chain of one item: who has it, how it came to them, and where two units said different things. It is the `guarded`
//! field [`CUSTODY`] of a record of evidence.

use crate::domain::custody::{Action, Refusal, State, check_times};
use crate::domain::id::VersionId;
use crate::domain::operation::{Action as Act, Change};
use crate::domain::record::steps::{Step, Steps};
use crate::domain::record::{Record, Version};
use crate::domain::time::Hlc;
use crate::domain::value::Value;

/// The field of a record of evidence that holds its chain.
pub const CUSTODY: &str = "custody";

/// What is wrong with an entry that is in the log all the same. It is kept, and shown to a supervisor.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Fault {
    /// Not a map with an action known here; it changes nothing.
    #[error("an entry that this version can't read")]
    Unreadable,
    /// Not allowed after the entries that it names; it changes nothing.
    #[error(transparent)]
    Refused(Refusal),
    /// It names an entry that is not in this chain, or that is not older than itself: taken as not named.
    #[error("it follows {0}, which is no earlier entry of this chain")]
    Unfounded(VersionId),
}

/// Where the item is and who has it.
#[derive(Clone, PartialEq, Debug)]
pub struct Situation {
    /// Where it stands.
    pub state: State,
    /// Who has it: a text, a person's or a user's id, or a map with a name.
    pub holder: Option<Value>,
    /// Its place, as given.
    pub place: Option<Value>,
}

impl Situation {
    const fn unfounded(state: State) -> Self {
        Self {
            state,
            holder: None,
            place: None,
        }
    }

    /// Holder or place in words, whichever the state is about.
    fn with(&self) -> Option<String> {
        let value = match self.state {
            State::Stored => self.place.as_ref(),
            _ => self.holder.as_ref(),
        }?;
        let value = value.get("name").unwrap_or(value);
        match value {
            Value::Text(text) => Some(text.clone()),
            Value::Id(id) => Some(id.to_string()),
            _ => None,
        }
    }

    fn allows(&self, action: Action) -> Result<State, Refusal> {
        self.state.after(action).ok_or_else(|| Refusal::State {
            state: self.state,
            with: self.with(),
            action,
        })
    }

    /// After an entry that was allowed and leads to `state`.
    fn then(&self, state: State, action: Action, entry: &Value) -> Self {
        use Action as A;
        let given = |name| entry.get(name).filter(|value| !value.is_absent()).cloned();
        let holder = match action {
            A::Collected | A::Retrieved | A::CheckedOut => given("to").or_else(|| given("actor")),
            A::Transferred => given("to"),
            A::Returned => given("to"),
            A::Stored | A::CheckedIn | A::Undisposed | A::Disposed | A::Destroyed => None,
            A::Moved | A::Analysed | A::Copied | A::Viewed | A::Sealed | A::Unsealed => self.holder.clone(),
        };
        let place = match action {
            A::Collected | A::Stored | A::CheckedIn | A::Undisposed | A::Moved => {
                given("place").or_else(|| self.place.clone())
            }
            A::Retrieved | A::CheckedOut | A::Transferred => given("place"),
            A::Returned | A::Disposed | A::Destroyed => None,
            A::Analysed | A::Copied | A::Viewed | A::Sealed | A::Unsealed => self.place.clone(),
        };
        Self { state, holder, place }
    }
}

/// One entry of a chain.
#[derive(Clone, PartialEq, Debug)]
pub struct Entry {
    /// The change that wrote it.
    pub id: VersionId,
    /// When, in the order that all nodes agree on.
    pub hlc: Hlc,
    /// What was done; `None` if this version doesn't know the word.
    pub action: Option<Action>,
    /// All that it says: `action`, `recorded_at`, `happened_at`, `from`, `to`, `place`, `reason`, `note`, `witness`, …
    pub value: Value,
    /// The entries before it, as far as they are here.
    pub follows: Vec<VersionId>,
    /// The item after it.
    pub after: Situation,
    /// What is wrong with it.
    pub faults: Vec<Fault>,
}

/// Entries that exclude each other: both sides said what happened next.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Dispute {
    /// The last entry of each side, by clock.
    pub entries: Vec<VersionId>,
}

/// An item's custody from its collection until now.
#[derive(Clone, PartialEq, Debug)]
pub struct Chain {
    /// Each after all that it follows, then by clock.
    pub entries: Vec<Entry>,
    /// The entries that none follows: what the next entry has to name.
    pub heads: Vec<VersionId>,
    /// The item now; while there are several heads, after the latest of them by clock.
    pub now: Situation,
    /// Set until an entry names all heads.
    pub disputed: Option<Dispute>,
    /// Entries that name one which has not arrived here yet.
    pub missing: Vec<VersionId>,
}

impl Chain {
    /// The chain of a record; empty if it has none.
    pub fn of(record: &Record) -> Self {
        let steps = Steps::of(record, CUSTODY);
        let mut entries: Vec<Entry> = Vec::with_capacity(steps.all.len());
        for step in &steps.all {
            let entry = entry(step, &entries);
            entries.push(entry);
        }
        let ids = |places: &[usize]| steps.at(places).iter().map(|version| version.id).collect();
        let waiting = steps.all.iter().filter(|step| step.waits);
        Self {
            heads: ids(&steps.heads),
            now: steps
                .heads
                .last()
                .map_or(Situation::unfounded(State::New), |place| {
                    entries[*place].after.clone()
                }),
            disputed: (!steps.rivals.is_empty()).then(|| Dispute {
                entries: ids(&steps.rivals),
            }),
            missing: waiting.map(|step| step.version.id).collect(),
            entries,
        }
    }

    /// Whether an entry of this action may follow now.
    pub fn allows(&self, action: Action) -> Result<(), Refusal> {
        if self.disputed.is_some() {
            return Err(Refusal::Disputed);
        }
        if self.heads.len() > 1 {
            return Err(Refusal::Incomplete);
        }
        self.now.allows(action).map(drop)
    }

    /// Whether a supervisor's entry of this action may settle the dispute. It says what is true now, so it is enough
    /// that it can follow one side.
    pub fn settles(&self, action: Action) -> Result<(), Refusal> {
        let mut heads = self.entries.iter().filter(|entry| self.heads.contains(&entry.id));
        if heads.any(|head| head.after.allows(action).is_ok()) {
            return Ok(());
        }
        self.now.allows(action).map(drop)
    }

    /// The change that adds an entry after all heads.
    pub fn step(&self, entry: Value) -> Change {
        Change::new(CUSTODY, Act::Step(entry)).seeing(self.heads.clone())
    }

    /// An entry by its id.
    pub fn entry(&self, id: VersionId) -> Option<&Entry> {
        self.entries.iter().find(|entry| entry.id == id)
    }
}

fn entry(step: &Step<'_>, earlier: &[Entry]) -> Entry {
    let Version { id, hlc, value, .. } = step.version;
    let (action, after, fault) = judge(step, earlier);
    let unfounded = step.unfounded.iter().copied().map(Fault::Unfounded);
    Entry {
        id: *id,
        hlc: *hlc,
        action,
        value: value.clone(),
        follows: step.follows.iter().map(|place| earlier[*place].id).collect(),
        after,
        faults: unfounded.chain(fault).chain(fault_of_times(value)).collect(),
    }
}

/// The item after an entry: of the sides that it follows, the latest by clock that allows it.
fn judge(step: &Step<'_>, earlier: &[Entry]) -> (Option<Action>, Situation, Option<Fault>) {
    let value = &step.version.value;
    let mut places = step.follows.clone();
    places.sort_unstable_by(|a, b| b.cmp(a));
    let mut before: Vec<Situation> = places
        .into_iter()
        .map(|place| earlier[place].after.clone())
        .collect();
    if step.waits {
        before.push(Situation::unfounded(State::Unknown));
    } else if before.is_empty() {
        before.push(Situation::unfounded(State::New));
    }
    let word = value.get("action").and_then(Value::as_text);
    let Some(action) = word.and_then(|word| word.parse::<Action>().ok()) else {
        return (None, before.swap_remove(0), Some(Fault::Unreadable));
    };
    for side in &before {
        if let Some(state) = side.state.after(action) {
            return (Some(action), side.then(state, action, value), None);
        }
    }
    let refused = before[0].allows(action).err().map(Fault::Refused);
    (Some(action), before.swap_remove(0), refused)
}

fn fault_of_times(entry: &Value) -> Option<Fault> {
    let recorded = entry.get("recorded_at")?.as_time()?;
    let happened = entry.get("happened_at").and_then(Value::as_time);
    check_times(recorded, happened).err().map(Fault::Refused)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::{CUSTODY, Chain, Fault};
    use crate::domain::custody::{Action, Refusal, State};
    use crate::domain::id::{Hash, LogId, RecordId, VersionId};
    use crate::domain::operation::Merge;
    use crate::domain::record::{Field, Record, Stamp, Version};
    use crate::domain::time::Hlc;
    use crate::domain::value::{Fields, Value};

    /// Entry `n` of log 1 at clock `n`.
    fn id(n: u64) -> VersionId {
        VersionId {
            op: LogId(Hash([1; 32])).at(n),
            change: 0,
        }
    }

    /// A chain of entries `(number, action, follows)`, each made out to "number".
    fn chain(steps: &[(u64, &str, &[u64])]) -> Chain {
        let stamp = Stamp {
            hlc: Hlc(1),
            op: id(1).op,
        };
        let step = |(n, action, follows): &(u64, &str, &[u64])| Version {
            id: id(*n),
            hlc: Hlc(*n),
            value: Value::Map(Fields::from([
                ("action".to_owned(), Value::text(*action)),
                ("to".to_owned(), Value::text(n.to_string())),
            ])),
            follows: follows.iter().map(|n| id(*n)).collect(),
        };
        let versions: Vec<Version> = steps.iter().map(step).collect();
        let head = steps.last().map_or(0, |step| step.0);
        let field = Field {
            versions,
            ..Field::default()
        };
        Chain::of(&Record {
            id: RecordId::from_bytes([0; 16]),
            kind: "evidence".into(),
            tenant: "t".parse().unwrap(),
            created: stamp,
            updated: stamp,
            version: 1,
            heads: BTreeMap::from([(id(1).op.log, head)]),
            fields: BTreeMap::from([((CUSTODY.into(), Merge::Guarded), field)]),
        })
    }

    #[test]
    fn a_chain_follows_the_item_and_says_why_it_refuses() {
        let chain = chain(&[
            (1, "collected", &[]),
            (2, "stored", &[1]),
            (3, "checked-out", &[2]),
        ]);
        assert_eq!(
            (chain.now.state, chain.heads.as_slice()),
            (State::CheckedOut, &[id(3)][..])
        );
        assert_eq!(chain.allows(Action::CheckedIn), Ok(()));
        assert_eq!(
            chain.allows(Action::Moved).unwrap_err().to_string(),
            "the item is checked out to 3, so it can't be moved; check it in first"
        );
    }

    #[test]
    fn two_entries_after_one_are_a_dispute_until_an_entry_names_both() {
        let mut steps = vec![
            (1, "collected", &[][..]),
            (2, "checked-out", &[1]),
            (3, "checked-out", &[1]),
        ];
        let disputed = chain(&steps);
        assert_eq!(disputed.disputed.as_ref().unwrap().entries, [id(2), id(3)]);
        assert_eq!(disputed.allows(Action::CheckedIn), Err(Refusal::Disputed));
        assert_eq!(disputed.settles(Action::CheckedIn), Ok(()));
        assert!(disputed.settles(Action::Undisposed).is_err());
        steps.push((4, "checked-in", &[2, 3]));
        let settled = chain(&steps);
        assert_eq!((settled.disputed, settled.now.state), (None, State::Stored));
        steps.push((5, "transferred", &[3]));
        assert_eq!(chain(&steps).disputed.unwrap().entries, [id(4), id(5)]);
    }

    #[test]
    fn a_settlement_that_moves_nothing_leaves_the_item_where_the_latest_side_says() {
        let mut steps = vec![
            (1, "collected", &[][..]),
            (2, "checked-out", &[1]),
            (3, "checked-out", &[1]),
        ];
        steps.push((4, "viewed", &[2, 3]));
        assert_eq!(chain(&steps).now.holder, Some(Value::text("3")));
    }

    #[test]
    fn two_beginnings_are_a_dispute() {
        let chain = chain(&[(1, "collected", &[]), (2, "collected", &[])]);
        assert_eq!(chain.disputed.unwrap().entries, [id(1), id(2)]);
    }

    #[test]
    fn entries_that_have_not_arrived_are_missing_and_no_dispute_yet() {
        let chain = chain(&[(1, "collected", &[]), (3, "checked-in", &[9])]);
        assert_eq!(
            (chain.disputed.as_ref(), chain.missing.as_slice()),
            (None, &[id(3)][..])
        );
        assert_eq!(chain.now.state, State::Stored);
        assert_eq!(chain.allows(Action::Moved), Err(Refusal::Incomplete));
    }

    #[test]
    fn an_entry_that_was_not_allowed_is_kept_and_changes_nothing() {
        let chain = chain(&[
            (1, "collected", &[]),
            (2, "destroyed", &[1]),
            (3, "undisposed", &[2]),
            (4, "lost", &[3]),
        ]);
        assert_eq!(chain.now.state, State::Destroyed);
        assert!(matches!(
            chain.entries[2].faults[..],
            [Fault::Refused(Refusal::State { .. })]
        ));
        assert_eq!(chain.entries[3].faults, [Fault::Unreadable]);
    }

    #[test]
    fn entries_that_name_themselves_or_later_ones_make_no_circle() {
        let chain = chain(&[(1, "collected", &[2]), (2, "stored", &[1]), (3, "moved", &[3])]);
        assert_eq!(chain.entries[0].faults, [Fault::Unfounded(id(2))]);
        assert_eq!(chain.entries[2].faults[0], Fault::Unfounded(id(3)));
        assert_eq!(chain.disputed.unwrap().entries, [id(2), id(3)]);
    }
}
