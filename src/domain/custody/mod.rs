//! Custody: what can be done with an item, and where it stands after that. Who may act at all is judged elsewhere.
//!
//! What each action needs and what it leads to; `·` is refused, `=` leaves the state as it is:
//!
//! | action | new | unknown | held | stored | checked out | returned | disposed | destroyed |
//! | --- | --- | --- | --- | --- | --- | --- | --- | --- |
//! | collected | held | · | · | · | · | · | · | · |
//! | transferred | · | = | = | · | = | · | · | · |
//! | stored | · | stored | stored | · | · | · | · | · |
//! | retrieved | · | held | · | held | · | · | · | · |
//! | checked-out | · | checked out | checked out | checked out | · | · | · | · |
//! | checked-in | · | stored | · | · | stored | · | · | · |
//! | moved | · | = | = | = | · | · | · | · |
//! | analysed, copied, viewed, sealed, unsealed | · | = | = | = | = | · | · | · |
//! | returned | · | returned | returned | returned | returned | · | · | · |
//! | disposed | · | disposed | disposed | disposed | disposed | · | · | · |
//! | destroyed | · | destroyed | destroyed | destroyed | destroyed | · | destroyed | · |
//! | undisposed | · | stored | · | · | · | stored | stored | · |
//!
//! *Returned* is given back to its owner, for good. *Unknown*: entries before the last one have not arrived here yet.

use std::fmt;
use std::str::FromStr;

use crate::domain::time::Millis;

/// The chain of one item, as folded from its entries.
pub mod chain;

/// What was done with an item.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Action {
    /// Taken in: the first entry of every chain.
    Collected,
    /// Handed from one person to another.
    Transferred,
    /// Put in its place in the store.
    Stored,
    /// Taken from its place, to be worked on in the house.
    Retrieved,
    /// Signed out to somebody.
    CheckedOut,
    /// Brought back from there.
    CheckedIn,
    /// Put in another place.
    Moved,
    /// Examined by a laboratory or an expert.
    Analysed,
    /// Copied, as a file is.
    Copied,
    /// Looked at.
    Viewed,
    /// Put under a seal.
    Sealed,
    /// Its seal was broken.
    Unsealed,
    /// Given back to its owner.
    Returned,
    /// Gone: sold, given away, handed to another agency.
    Disposed,
    /// Gone for ever.
    Destroyed,
    /// Disposed of or returned in error, or come back since.
    Undisposed,
}

/// Every action, with the word for it in records and on the wire.
const ACTIONS: [(Action, &str); 16] = [
    (Action::Collected, "collected"),
    (Action::Transferred, "transferred"),
    (Action::Stored, "stored"),
    (Action::Retrieved, "retrieved"),
    (Action::CheckedOut, "checked-out"),
    (Action::CheckedIn, "checked-in"),
    (Action::Moved, "moved"),
    (Action::Analysed, "analysed"),
    (Action::Copied, "copied"),
    (Action::Viewed, "viewed"),
    (Action::Sealed, "sealed"),
    (Action::Unsealed, "unsealed"),
    (Action::Returned, "returned"),
    (Action::Disposed, "disposed"),
    (Action::Destroyed, "destroyed"),
    (Action::Undisposed, "undisposed"),
];

impl Action {
    /// All of them, in the order of the record contract.
    pub fn all() -> impl Iterator<Item = Self> {
        ACTIONS.into_iter().map(|(action, _)| action)
    }

    /// The word for it.
    pub fn as_str(self) -> &'static str {
        ACTIONS
            .iter()
            .find(|(action, _)| *action == self)
            .map_or("", |(_, word)| word)
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// A word that is no custody action.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("not a custody action: {0:?}")]
pub struct NotAnAction(String);

impl FromStr for Action {
    type Err = NotAnAction;

    fn from_str(text: &str) -> Result<Self, NotAnAction> {
        ACTIONS
            .iter()
            .find(|(_, word)| *word == text)
            .map(|(action, _)| *action)
            .ok_or_else(|| NotAnAction(text.chars().take(80).collect()))
    }
}

/// Where an item stands between two entries.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum State {
    /// It has no entry yet.
    New,
    /// Entries before the last one have not arrived here yet, and the last one alone doesn't say.
    Unknown,
    /// In the agency's hands: just collected, or taken from its place to be worked on.
    Held,
    /// In its place.
    Stored,
    /// Signed out to somebody.
    CheckedOut,
    /// Given back to its owner.
    Returned,
    /// Disposed of.
    Disposed,
    /// Destroyed, for ever.
    Destroyed,
}

/// The words of all states.
pub const STATES: &[&str] = &[
    "new",
    "unknown",
    "held",
    "stored",
    "checked-out",
    "returned",
    "disposed",
    "destroyed",
];

/// The same, as coarsely as an evidence room's own software tells it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Standing {
    /// In the agency's hands or its store.
    CheckedIn,
    /// Signed out.
    CheckedOut,
    /// No longer in the agency's custody.
    Disposed,
}

impl Standing {
    /// The coarse table: stricter than that of [`State`], which also has to agree.
    pub fn allows(self, action: Action) -> bool {
        use Action as A;
        match self {
            Self::CheckedIn => matches!(action, A::CheckedOut | A::Moved | A::Disposed),
            Self::CheckedOut => matches!(action, A::CheckedIn | A::Transferred | A::Disposed),
            Self::Disposed => action == A::Undisposed,
        }
    }
}

impl State {
    /// The state after `action`; `None` where it is refused.
    pub fn after(self, action: Action) -> Option<Self> {
        use Action as A;
        let here = matches!(self, Self::Unknown | Self::Held | Self::Stored | Self::CheckedOut);
        match (action, self) {
            (A::Collected, Self::New) => Some(Self::Held),
            (A::Transferred, Self::Unknown | Self::Held | Self::CheckedOut) => Some(self),
            (A::Stored, Self::Unknown | Self::Held) => Some(Self::Stored),
            (A::Retrieved, Self::Unknown | Self::Stored) => Some(Self::Held),
            (A::CheckedOut, Self::Unknown | Self::Held | Self::Stored) => Some(Self::CheckedOut),
            (A::CheckedIn, Self::Unknown | Self::CheckedOut) => Some(Self::Stored),
            (A::Moved, Self::Unknown | Self::Held | Self::Stored) => Some(self),
            (A::Analysed | A::Copied | A::Viewed | A::Sealed | A::Unsealed, _) if here => Some(self),
            (A::Returned, _) if here => Some(Self::Returned),
            (A::Disposed, _) if here => Some(Self::Disposed),
            (A::Destroyed, Self::Disposed) => Some(Self::Destroyed),
            (A::Destroyed, _) if here => Some(Self::Destroyed),
            (A::Undisposed, Self::Unknown | Self::Returned | Self::Disposed) => Some(Self::Stored),
            _ => None,
        }
    }

    /// The word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::New => "new",
            Self::Unknown => "unknown",
            Self::Held => "held",
            Self::Stored => "stored",
            Self::CheckedOut => "checked-out",
            Self::Returned => "returned",
            Self::Disposed => "disposed",
            Self::Destroyed => "destroyed",
        }
    }

    /// Checked in, checked out or disposed of.
    pub fn standing(self) -> Standing {
        match self {
            Self::New | Self::Held | Self::Stored => Standing::CheckedIn,
            // Nobody here can vouch that an item is in the store while entries are missing.
            Self::Unknown | Self::CheckedOut => Standing::CheckedOut,
            Self::Returned | Self::Disposed | Self::Destroyed => Standing::Disposed,
        }
    }
}

/// Why an entry can't be made now, in words for the officer who tries.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Refusal {
    /// The table of [`State`] says no.
    #[error("the item is {}, so it can't be {action}{}", situation(*.state, .with.as_deref()), advice(*.state, *.action))]
    State {
        /// Where the item stands.
        state: State,
        /// Who has it or where it is, as far as that is known in words.
        with: Option<String>,
        /// What was tried.
        action: Action,
    },
    /// Entries exclude each other.
    #[error(
        "the custody of the item is disputed; a supervisor's entry that names both sides must settle it first"
    )]
    Disputed,
    /// More than one entry is the last, and entries between them have not arrived yet.
    #[error("entries of the item's custody have not arrived here yet")]
    Incomplete,
    /// An act is recorded before it happened.
    #[error("it is said to have happened at {happened}, later than it was recorded at {recorded}")]
    HappensLater {
        /// When it was written down.
        recorded: Millis,
        /// When it is said to have happened.
        happened: Millis,
    },
}

fn situation(state: State, with: Option<&str>) -> String {
    let (words, join) = match state {
        State::New => return "not collected yet".to_owned(),
        State::Unknown => ("on its way between units", ""),
        State::Held => ("held", " by "),
        State::Stored => ("stored", " at "),
        State::CheckedOut => ("checked out", " to "),
        State::Returned => ("returned", " to "),
        State::Disposed => ("disposed of", ""),
        State::Destroyed => ("destroyed", ""),
    };
    match with {
        Some(with) if !join.is_empty() => format!("{words}{join}{with}"),
        _ => words.to_owned(),
    }
}

fn advice(state: State, action: Action) -> &'static str {
    match (state, action) {
        (State::New, _) => "; collect it first",
        (State::Held, Action::Retrieved) => "; it is in hand already",
        (State::Held, Action::CheckedIn) => "; store it instead",
        (State::Stored, Action::Stored | Action::CheckedIn) => "; move it instead",
        (State::Stored, Action::Transferred) => "; check it out or retrieve it first",
        (State::CheckedOut, Action::CheckedOut) => "; check it in or transfer it",
        (State::CheckedOut, Action::Stored | Action::Retrieved | Action::Moved) => "; check it in first",
        (State::Returned | State::Disposed, action)
            if !matches!(action, Action::Collected | Action::Returned | Action::Disposed) =>
        {
            "; take the disposal back first"
        }
        (State::Destroyed, _) => "; nothing can follow that",
        _ => "",
    }
}

/// The two times of an entry: what is recorded has happened.
pub fn check_times(recorded: Millis, happened: Option<Millis>) -> Result<(), Refusal> {
    match happened {
        Some(happened) if happened > recorded => Err(Refusal::HappensLater { recorded, happened }),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::{Action, Standing, State, check_times};
    use crate::domain::time::Millis;

    const STATES: [(State, &str); 8] = [
        (State::New, "new"),
        (State::Unknown, "unknown"),
        (State::Held, "held"),
        (State::Stored, "stored"),
        (State::CheckedOut, "checked out"),
        (State::Returned, "returned"),
        (State::Disposed, "disposed"),
        (State::Destroyed, "destroyed"),
    ];

    #[test]
    fn the_state_machine_is_the_table_at_the_head_of_this_file() {
        let mut checked = 0;
        for line in include_str!("mod.rs")
            .lines()
            .skip_while(|line| !line.contains("--- |"))
            .skip(1)
        {
            let Some(row) = line.strip_prefix("//! |") else {
                break;
            };
            let cells: Vec<&str> = row.split('|').map(str::trim).collect();
            for word in cells[0].split(", ") {
                let action: Action = word.parse().unwrap();
                for ((state, _), cell) in STATES.iter().zip(&cells[1..]) {
                    let expected = match *cell {
                        "·" => None,
                        "=" => Some(*state),
                        name => Some(STATES.iter().find(|(_, n)| *n == name).unwrap().0),
                    };
                    assert_eq!(state.after(action), expected, "{state:?} {action}");
                    checked += 1;
                }
            }
        }
        assert_eq!(checked, 16 * 8);
    }

    #[test]
    fn what_the_coarse_table_allows_the_fine_one_allows_too_unless_the_item_is_destroyed() {
        for state in [
            State::Held,
            State::Stored,
            State::CheckedOut,
            State::Returned,
            State::Disposed,
        ] {
            for action in Action::all().filter(|action| state.standing().allows(*action)) {
                let after = state.after(action).map(State::standing);
                let expected = match action {
                    Action::CheckedIn | Action::Moved | Action::Undisposed => Standing::CheckedIn,
                    Action::CheckedOut | Action::Transferred => Standing::CheckedOut,
                    _ => Standing::Disposed,
                };
                assert_eq!(after, Some(expected), "{state:?} {action}");
            }
        }
        assert!(Action::all().all(|action| State::Destroyed.after(action).is_none()));
    }

    #[test]
    fn every_action_reads_back_what_it_writes() {
        assert_eq!(Action::all().count(), 16);
        assert!(Action::all().all(|action| action.to_string().parse() == Ok(action)));
        assert!("Collected".parse::<Action>().is_err());
    }

    #[test]
    fn what_is_recorded_has_happened() {
        assert_eq!(check_times(Millis(5), Some(Millis(5))), Ok(()));
        assert!(check_times(Millis(5), Some(Millis(6))).is_err());
        assert_eq!(check_times(Millis(5), None), Ok(()));
    }
}
