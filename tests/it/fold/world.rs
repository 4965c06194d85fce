//! Units that write apart and exchange logs now and then, all from one seed: fewer steps make a prefix of the same story.

use blotter::domain::custody::Action as Custody;
use blotter::domain::custody::chain::{CUSTODY, Chain};
use blotter::domain::id::{Hash, LogId, OpId, RecordId, VersionId};
use blotter::domain::operation::{
    Action, Actor, Change, ClockQuality, FORMAT_VERSION, Header, Operation, Payload, Urgency,
};
use blotter::domain::record::{EXPUNGED, Record, SEALING};
use blotter::domain::time::{Hlc, Millis};
use blotter::domain::value::{Fields, Value};
use blotter::views::fold::fold;
use uuid::Uuid;

pub(super) const NOW: i64 = 1_790_000_000_000;
/// In seconds.
const TEN_YEARS: usize = 10 * 365 * 86_400;
/// Records that the units share; the first is written to most.
pub(super) const RECORDS: [RecordId; 2] = [
    RecordId(Uuid::from_u128(0x0190_0000_0000_7000_8000_0000_0000_0001)),
    RecordId(Uuid::from_u128(0x0190_0000_0000_7000_8000_0000_0000_0002)),
];

/// Random numbers that are the same on every machine (SplitMix64).
pub(super) struct Dice(pub(super) u64);

impl Dice {
    pub(super) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Below `end`.
    pub(super) fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.next() % end as u64).expect("below a usize")
    }

    pub(super) fn percent(&mut self, chance: usize) -> bool {
        self.below(100) < chance
    }
}

/// How many operations of each log are there.
pub(super) type Frontier = Vec<usize>;
/// The state of every record at a frontier.
pub(super) type State = [Option<Record>; 2];

/// One unit: what has reached it, and its clock.
pub(super) struct Unit {
    pub(super) frontier: Frontier,
    pub(super) state: State,
    hlc: Hlc,
    skew: i64,
    hostile: bool,
}

pub(super) struct World {
    pub(super) logs: Vec<Vec<Operation>>,
    pub(super) units: Vec<Unit>,
}

/// Adds an operation to the state.
pub(super) fn take(state: &mut State, operation: &Operation) {
    let place = usize::from(operation.header.record != RECORDS[0]);
    state[place] = Some(fold(state[place].take(), operation));
}

/// A unit's log.
pub(super) fn log(unit: usize) -> LogId {
    // Not in the order of the units.
    LogId(Hash([[0x77, 0x11, 0xcc, 0x44, 0xee, 0x22][unit]; 32]))
}

/// An operation with the parts that a merge looks at.
pub(super) fn operation(id: OpId, hlc: Hlc, record: RecordId, changes: Vec<Change>) -> Operation {
    let header = Header {
        version: FORMAT_VERSION,
        id,
        hlc,
        wall: hlc.millis(),
        clock: ClockQuality::default(),
        tenant: "metro".parse().expect("a slug"),
        actor: Actor {
            who: String::new(),
            client: String::new(),
        },
        urgency: Urgency::Ordinary,
        kind: "evidence".to_owned(),
        record,
        content: Hash::default(),
    };
    let payload = Payload {
        changes,
        request: None,
    };
    Operation {
        header,
        payload: Some(payload),
    }
}

/// How wrong a unit's clock is, in milliseconds.
pub(super) fn skew(dice: &mut Dice) -> i64 {
    (dice.below(2 * TEN_YEARS) as i64 - TEN_YEARS as i64) * 1000
}

impl World {
    /// `units` of which the last is hostile if so said, after `steps`.
    pub(super) fn new(seed: u64, units: usize, steps: usize, hostile: bool) -> Self {
        let mut dice = Dice(seed);
        let unit = |place| Unit {
            frontier: vec![0; units],
            state: State::default(),
            hlc: Hlc::default(),
            skew: 0,
            hostile: hostile && place + 1 == units,
        };
        let mut world = Self {
            logs: vec![Vec::new(); units],
            units: (0..units).map(unit).collect(),
        };
        for unit in &mut world.units {
            unit.skew = skew(&mut dice);
        }
        for _ in 0..steps {
            let (from, to) = (dice.below(units), dice.below(units));
            // A link carries one log or all that the other side has, up to where it breaks.
            match dice.below(10) {
                0..=5 => world.write(from, &mut dice),
                6..=7 => world.carry(from, to, dice.below(units), &mut dice),
                _ => (0..units).for_each(|log| world.carry(from, to, log, &mut dice)),
            }
        }
        world
    }

    /// How far all logs have got.
    pub(super) fn end(&self) -> Frontier {
        self.logs.iter().map(Vec::len).collect()
    }

    /// Somewhere on the way.
    pub(super) fn somewhere(&self, dice: &mut Dice) -> Frontier {
        self.logs.iter().map(|log| dice.below(log.len() + 1)).collect()
    }

    /// Everything up to a frontier, each log in its own order, otherwise in any; some of it twice.
    pub(super) fn arrive(&self, frontier: &Frontier, dice: &mut Dice) -> State {
        let mut state = State::default();
        let mut places = vec![0; frontier.len()];
        let mut left: Vec<usize> = (0..frontier.len()).filter(|log| frontier[*log] > 0).collect();
        while !left.is_empty() {
            let choice = dice.below(left.len());
            let log = left[choice];
            take(&mut state, &self.logs[log][places[log]]);
            places[log] += 1;
            if places[log] == frontier[log] {
                left.swap_remove(choice);
            }
            if dice.percent(15) {
                take(&mut state, &self.logs[log][dice.below(places[log])]);
            }
        }
        state
    }

    fn carry(&mut self, from: usize, to: usize, log: usize, dice: &mut Dice) {
        let (start, end) = (self.units[to].frontier[log], self.units[from].frontier[log]);
        let end = if dice.percent(30) {
            start + end.saturating_sub(start) / 2
        } else {
            end
        };
        for place in start..end {
            let operation = &self.logs[log][place];
            let unit = &mut self.units[to];
            unit.hlc = unit.hlc.witness(operation.header.hlc);
            take(&mut unit.state, operation);
            unit.frontier[log] = place + 1;
        }
    }

    fn write(&mut self, at: usize, dice: &mut Dice) {
        let seq = self.logs[at].len() as u64 + 1;
        let unit = &mut self.units[at];
        let record = usize::from(dice.percent(20));
        if dice.percent(5) {
            unit.skew = skew(dice); // somebody set the clock
        }
        unit.hlc = unit
            .hlc
            .tick(Millis(NOW + unit.skew + (dice.next() % 1000) as i64));
        if unit.hostile && dice.percent(30) {
            unit.hlc = Hlc((((NOW + unit.skew) as u64) << 16) | (dice.next() % 4));
        }
        let seen = unit.state[record].as_ref();
        let changes = (0..1 + dice.below(3))
            .map(|_| change(seen, unit.hostile, dice))
            .collect();
        let mut operation = operation(log(at).at(seq), unit.hlc, RECORDS[record], changes);
        if unit.hostile && dice.percent(20) {
            operation.header.kind = "other".to_owned();
            operation.header.tenant = "other".parse().expect("a slug");
        }
        if unit.hostile && dice.percent(5) {
            operation.payload = None;
        }
        take(&mut unit.state, &operation);
        unit.frontier[at] += 1;
        self.logs[at].push(operation);
    }
}

/// A change by an author who has the record as folded at that moment before them.
fn change(record: Option<&Record>, hostile: bool, dice: &mut Dice) -> Change {
    let value = match dice.below(20) {
        0 => Value::Null,
        number => Value::Int(number as i64 % 4),
    };
    let (mut field, action) = match dice.below(12) {
        0..=1 => ("title", Action::Set(value)),
        // Once there was a step, all that follows are steps.
        2..=3 if dice.percent(30) || record.is_some_and(|r| r.has_steps("status")) => {
            ("status", Action::Step(value))
        }
        2..=3 => ("status", Action::Set(value)),
        4 => ("notes", Action::Append(value)),
        5..=6 => ("tags", Action::Add(value)),
        7 => ("tags", Action::Remove),
        8 => ("hash", Action::Fix(value)),
        9 => ("hold", Action::Raise(dice.below(3) as u32)),
        10 => (SEALING, Action::Raise(if dice.percent(8) { EXPUNGED } else { 1 })),
        _ => (CUSTODY, Action::Step(entry(dice))),
    };
    if hostile && dice.percent(30) {
        field = "title"; // another program's idea of what kind of field that is
    }
    let mut seen = match (&action, record) {
        (_, None) | (Action::Append(_) | Action::Fix(_) | Action::Raise(_), _) => Vec::new(),
        (Action::Step(_), Some(record)) if field == CUSTODY => Chain::of(record).heads,
        (Action::Step(_), Some(record)) => record.standing(field).iter().map(|version| version.id).collect(),
        (Action::Add(_), Some(_)) if dice.percent(80) => Vec::new(),
        (_, Some(record)) => record.seen(field, action.merge()),
    };
    if hostile {
        seen.retain(|_| dice.percent(60));
        for _ in 0..dice.below(4) {
            let op = log(dice.below(6)).at(dice.next() % 8);
            seen.push(VersionId {
                op,
                change: dice.below(3) as u16,
            });
        }
    }
    Change::new(field, action).seeing(seen)
}

/// An entry of a chain with nothing but its action.
pub(super) fn custody_entry(action: Custody) -> Value {
    Value::Map(Fields::from([(
        "action".to_owned(),
        Value::text(action.as_str()),
    )]))
}

fn entry(dice: &mut Dice) -> Value {
    let actions: Vec<Custody> = Custody::all().collect();
    let action = actions[dice.below(actions.len())];
    custody_entry(action)
}
