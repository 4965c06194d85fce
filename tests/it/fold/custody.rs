//! Custody over two units, by a model that shares no code with the chain: it knows the three states of an evidence room,
//! who wrote since the last meeting, and that two who both did so disagree.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU64, Ordering};

use blotter::domain::custody::chain::{CUSTODY, Chain};
use blotter::domain::custody::{Action, Refusal, Standing};
use blotter::domain::id::VersionId;
use blotter::domain::operation::{Action as Act, Change, Operation};
use blotter::domain::time::{Hlc, Millis};

use crate::fold::every_order;
use crate::fold::world::{Dice, NOW, RECORDS, State, custody_entry, log, operation, skew, take};

/// What holds for any chain, hostile ones too.
pub(super) fn check_chain(chain: &Chain) -> Result<(), String> {
    let mut before = BTreeSet::new();
    let mut followed = BTreeSet::new();
    for entry in &chain.entries {
        if !entry.follows.iter().all(|id| before.contains(id)) {
            return Err(format!("an entry comes before one that it follows: {chain:#?}"));
        }
        followed.extend(entry.follows.iter().copied());
        before.insert(entry.id);
    }
    let heads: BTreeSet<_> = before.difference(&followed).copied().collect();
    let rivals = chain.disputed.as_ref().map_or(0, |dispute| dispute.entries.len());
    let good = before.len() == chain.entries.len()
        && heads == chain.heads.iter().copied().collect()
        && rivals != 1
        && (rivals == heads.len() || heads.len() == 1 || !chain.missing.is_empty());
    if good {
        Ok(())
    } else {
        Err(format!("not a chain: {chain:#?}"))
    }
}

/// The evidence room's own table: what it allows, and where the item is then.
const ROOM: [(Standing, Action, Standing); 7] = [
    (Standing::CheckedIn, Action::CheckedOut, Standing::CheckedOut),
    (Standing::CheckedIn, Action::Moved, Standing::CheckedIn),
    (Standing::CheckedIn, Action::Disposed, Standing::Disposed),
    (Standing::CheckedOut, Action::CheckedIn, Standing::CheckedIn),
    (Standing::CheckedOut, Action::Transferred, Standing::CheckedOut),
    (Standing::CheckedOut, Action::Disposed, Standing::Disposed),
    (Standing::Disposed, Action::Undisposed, Standing::CheckedIn),
];

fn room(before: Standing, action: Action) -> Option<Standing> {
    let row = ROOM.iter().find(|row| (row.0, row.1) == (before, action));
    row.map(|row| row.2)
}

struct Unit {
    state: State,
    hlc: Hlc,
    skew: i64,
    /// The model: where this unit believes the item to be, and its last entry since the units met.
    room: Standing,
    wrote: Option<VersionId>,
}

/// Two units that share one item.
struct Day {
    units: [Unit; 2],
    logs: Vec<Vec<Operation>>,
    met: [usize; 2],
}

impl Day {
    /// The first unit took the item in and stored it; both know.
    fn new(dice: &mut Dice) -> Result<Self, String> {
        let mut unit = || Unit {
            state: State::default(),
            hlc: Hlc::default(),
            skew: skew(dice),
            room: Standing::CheckedIn,
            wrote: None,
        };
        let mut day = Self {
            units: [unit(), unit()],
            logs: vec![Vec::new(); 2],
            met: [0; 2],
        };
        day.write(0, Action::Collected);
        day.write(0, Action::Stored);
        day.meet();
        day.agree()?;
        Ok(day)
    }

    fn chain(&self, at: usize) -> Chain {
        let item = self.units[at].state[0].as_ref();
        item.map(Chain::of).expect("the item was taken in")
    }

    fn write(&mut self, at: usize, action: Action) {
        let unit = &mut self.units[at];
        unit.hlc = unit.hlc.tick(Millis(NOW + unit.skew));
        let id = log(at).at(self.logs[at].len() as u64 + 1);
        let entry = custody_entry(action);
        let change = match &unit.state[0] {
            Some(record) => Chain::of(record).step(entry),
            None => Change::new(CUSTODY, Act::Step(entry)),
        };
        let operation = operation(id, unit.hlc, RECORDS[0], vec![change]);
        take(&mut unit.state, &operation);
        unit.wrote = Some(VersionId { op: id, change: 0 });
        self.logs[at].push(operation);
    }

    /// Each sends the other what it has not seen.
    fn meet(&mut self) {
        for (from, to) in [(0, 1), (1, 0)] {
            for operation in &self.logs[from][self.met[from]..] {
                let unit = &mut self.units[to];
                unit.hlc = unit.hlc.witness(operation.header.hlc);
                take(&mut unit.state, operation);
            }
            self.met[from] = self.logs[from].len();
        }
    }

    /// Something is tried at a unit: the chain and the model agree whether it may be done.
    fn attempt(&mut self, at: usize, action: Action) -> Result<(), String> {
        let after = room(self.units[at].room, action);
        let answer = self.chain(at).allows(action);
        if after.is_some() != answer.is_ok() {
            return Err(format!("{action} in {:?}: {answer:?}", self.units[at].room));
        }
        if let Some(after) = after {
            self.write(at, action);
            self.units[at].room = after;
        }
        Ok(())
    }

    /// After a meeting: disputed exactly if both wrote, and by their last entries. Says whether it is.
    fn agree(&mut self) -> Result<bool, String> {
        let wrote = [self.units[0].wrote.take(), self.units[1].wrote.take()];
        let chain = self.chain(0);
        if chain != self.chain(1) {
            return Err("two units that met have two chains".to_owned());
        }
        let rivals = chain
            .disputed
            .as_ref()
            .map(|dispute| dispute.entries.iter().copied());
        let rivals: BTreeSet<VersionId> = rivals.into_iter().flatten().collect();
        if wrote.iter().all(Option::is_some) {
            let refused = chain.allows(Action::CheckedIn) == Err(Refusal::Disputed);
            let good = refused && rivals == wrote.into_iter().flatten().collect();
            return if good {
                Ok(true)
            } else {
                Err(format!("both wrote: {chain:#?}"))
            };
        }
        let writer = usize::from(wrote[1].is_some());
        let room = self.units[writer].room;
        self.units.iter_mut().for_each(|unit| unit.room = room);
        let good = rivals.is_empty() && chain.now.state.standing() == room;
        if good {
            Ok(false)
        } else {
            Err(format!("one wrote: {room:?}, {chain:#?}"))
        }
    }

    /// A supervisor at one of the units says what is true; the other hears of it.
    fn settle(&mut self, dice: &mut Dice) -> Result<(), String> {
        let sides = [self.units[0].room, self.units[1].room];
        let possible = |action| sides.iter().any(|side| room(*side, action).is_some());
        let (_, mut action, mut after) = ROOM[dice.below(ROOM.len())];
        if self.chain(0).settles(action).is_ok() != possible(action) {
            return Err(format!("{action} settles {sides:?} or not?"));
        }
        if let (false, Some(row)) = (possible(action), ROOM.iter().find(|row| row.0 == sides[0])) {
            (action, after) = (row.1, row.2);
        }
        let at = dice.below(2);
        self.write(at, action);
        self.meet();
        self.units.iter_mut().for_each(|unit| unit.room = after);
        let disputed = self.agree()?;
        if disputed {
            Err("settled and disputed".to_owned())
        } else {
            Ok(())
        }
    }

    /// The same chain, whichever way the two logs arrive.
    fn check_orders(&self, orders: &AtomicU64) -> Result<(), String> {
        let expected = Some(self.chain(0));
        every_order(&self.logs, &mut vec![0; 2], &State::default(), &mut |state| {
            orders.fetch_add(1, Ordering::Relaxed);
            let same = state[0].as_ref().map(Chain::of) == expected;
            if same {
                Ok(())
            } else {
                Err("another chain in another order".to_owned())
            }
        })
    }
}

/// Units part, act on the item, meet, and a supervisor settles what they disagree on; the last dispute stays.
pub(super) fn check_day(seed: u64, rounds: usize, orders: &AtomicU64) -> Result<(), String> {
    let dice = &mut Dice(seed);
    let mut day = Day::new(dice)?;
    for round in 1..=rounds {
        for _ in 0..dice.below(4) {
            let action = ROOM[dice.below(ROOM.len())].1;
            day.attempt(dice.below(2), action)?;
        }
        day.meet();
        if day.agree()? && round < rounds {
            day.settle(dice)?;
        }
    }
    check_chain(&day.chain(0))?;
    let short = day.logs.iter().map(Vec::len).sum::<usize>() <= 8;
    if short { day.check_orders(orders) } else { Ok(()) }
}

#[test]
fn an_item_that_two_units_signed_out_apart_is_disputed_in_every_order_until_one_entry_names_both() {
    let mut day = Day::new(&mut Dice(7)).unwrap();
    day.attempt(0, Action::CheckedOut).unwrap();
    day.attempt(1, Action::CheckedOut).unwrap();
    day.meet();
    assert!(day.agree().unwrap());
    let orders = AtomicU64::new(0);
    day.check_orders(&orders).unwrap();
    assert_eq!(orders.swap(0, Ordering::Relaxed), 4);
    day.write(1, Action::CheckedIn);
    day.meet();
    assert_eq!(day.chain(0).disputed, None);
    assert_eq!(day.chain(0).allows(Action::Moved), Ok(()));
    day.check_orders(&orders).unwrap();
    assert_eq!(orders.into_inner(), 10);
}
