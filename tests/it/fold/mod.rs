//! The merge: whatever units wrote apart and however their logs are woven together, one frontier means one state, and no
//! write is lost. `BLOTTER_TEST_SCALE` multiplies the number of cases.

use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use blotter::domain::custody::chain::Chain;
use blotter::domain::operation::{Action, Operation};
use blotter::domain::record::{EXPUNGED, SEALING};
use blotter::store::codec::encode_record;
use proptest::prelude::any;
use proptest::test_runner::{Config, RngAlgorithm, TestCaseError, TestRng, TestRunner};

use crate::fold::world::{Dice, Frontier, RECORDS, State, World, take};

mod custody;
mod oracle;
mod world;

const WORLDS: u32 = 94_000;
const WORLDS_EXHAUSTED: u32 = 1_000;
const CUSTODY_DAYS: u32 = 5_000;

/// What was gone through, beside the cases.
#[derive(Default)]
struct Count {
    operations: AtomicU64,
    orders: AtomicU64,
    writes: AtomicU64,
}

#[test]
fn one_frontier_is_one_state_and_no_write_is_lost() {
    let count = Count::default();
    let worlds = (any::<u64>(), 3..=6_usize, 1..=40_usize, any::<bool>());
    let cases = run(WORLDS, "worlds", |runner| {
        runner.run(&worlds, |(seed, units, steps, hostile)| {
            check_world(seed, units, steps, hostile, &count).map_err(TestCaseError::fail)
        })
    }) + run(WORLDS_EXHAUSTED, "exhausted worlds", |runner| {
        runner.run(
            &(any::<u64>(), 2..=6_usize, any::<bool>()),
            |(seed, units, hostile)| {
                check_every_order(seed, units, hostile, &count).map_err(TestCaseError::fail)
            },
        )
    }) + run(CUSTODY_DAYS, "days of custody", |runner| {
        runner.run(&(any::<u64>(), 1..=12_usize), |(seed, rounds)| {
            custody::check_day(seed, rounds, &count.orders).map_err(TestCaseError::fail)
        })
    });
    let [operations, orders, writes] =
        [&count.operations, &count.orders, &count.writes].map(|count| count.load(Ordering::Relaxed));
    println!(
        "fold: {cases} cases, {operations} operations, {orders} orders, {writes} fields against the oracle"
    );
}

/// Runs a property on all cores with seeds of its own; returns the number of cases.
fn run<E: std::fmt::Debug>(
    cases: u32,
    name: &str,
    property: impl Fn(&mut TestRunner) -> Result<(), E> + Sync,
) -> u32 {
    let scale = std::env::var("BLOTTER_TEST_SCALE")
        .ok()
        .and_then(|scale| scale.parse().ok());
    let cases = cases * scale.unwrap_or(1);
    let threads = thread::available_parallelism().map_or(1, usize::from).min(8) as u32;
    thread::scope(|scope| {
        for thread in 0..threads {
            let property = &property;
            let share = cases / threads + u32::from(thread < cases % threads);
            scope.spawn(move || {
                let config = Config {
                    cases: share,
                    failure_persistence: None,
                    ..Config::default()
                };
                let mut seed = [0; 32];
                seed[0] = thread as u8;
                seed[1] = name.len() as u8;
                let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &seed);
                if let Err(fault) = property(&mut TestRunner::new_with_rng(config, rng)) {
                    panic!("{name}: {fault:?}");
                }
            });
        }
    });
    cases
}

fn check_world(seed: u64, units: usize, steps: usize, hostile: bool, count: &Count) -> Result<(), String> {
    let world = World::new(seed, units, steps, hostile);
    let mut dice = Dice(!seed);
    let unit = &world.units[dice.below(units)];
    same(
        &unit.state,
        &world.arrive(&unit.frontier, &mut dice),
        "a unit's own state",
    )?;
    let partial = world.somewhere(&mut dice);
    check_oracle(&world, &partial, &world.arrive(&partial, &mut dice), count)?;
    let end = world.end();
    let state = world.arrive(&end, &mut dice);
    same(
        &state,
        &world.arrive(&end, &mut dice),
        "everything, in two orders",
    )?;
    check_oracle(&world, &end, &state, count)?;
    check_erased(&world, &state)?;
    count.orders.fetch_add(4, Ordering::Relaxed);
    count
        .operations
        .fetch_add(end.iter().sum::<usize>() as u64, Ordering::Relaxed);
    state
        .iter()
        .flatten()
        .try_for_each(|record| custody::check_chain(&Chain::of(record)))
}

/// Equal as structures and as the bytes that a state root is made of.
fn same(one: &State, other: &State, what: &str) -> Result<(), String> {
    let bytes = |state: &State| state.each_ref().map(|record| record.as_ref().map(encode_record));
    if one == other && bytes(one) == bytes(other) {
        Ok(())
    } else {
        Err(format!("{what}: {one:#?} is not {other:#?}"))
    }
}

fn check_oracle(world: &World, frontier: &Frontier, state: &State, count: &Count) -> Result<(), String> {
    for (record, id) in state.iter().zip(RECORDS) {
        let arrived = world
            .logs
            .iter()
            .zip(frontier)
            .flat_map(|(log, end)| &log[..*end]);
        let of_record: Vec<&Operation> = arrived.filter(|o| o.header.record == id).collect();
        oracle::check(record.as_ref(), &of_record)?;
        let fields = record.as_ref().map_or(0, |record| record.fields.len());
        count.writes.fetch_add(fields as u64, Ordering::Relaxed);
    }
    Ok(())
}

/// A record that was expunged is the same on a node that still has the erased payloads of it and on one that rebuilds
/// without them.
fn check_erased(world: &World, state: &State) -> Result<(), String> {
    if !state
        .iter()
        .flatten()
        .any(blotter::domain::record::Record::is_expunged)
    {
        return Ok(());
    }
    let mut rebuilt = State::default();
    for operation in world.logs.iter().flatten() {
        let mut operation = operation.clone();
        let changes = operation.payload.iter().flat_map(|payload| &payload.changes);
        let orders = changes
            .filter(|c| c.field == SEALING && c.action == Action::Raise(EXPUNGED))
            .count();
        let place = usize::from(operation.header.record != RECORDS[0]);
        if orders == 0 && state[place].as_ref().is_some_and(|record| record.is_expunged()) {
            operation.payload = None;
        }
        take(&mut rebuilt, &operation);
    }
    same(state, &rebuilt, "rebuilt without what was erased")
}

/// Up to six operations in every order that keeps each log's own: not sampled.
fn check_every_order(seed: u64, units: usize, hostile: bool, count: &Count) -> Result<(), String> {
    let mut world = World::new(seed, units, 20, hostile);
    while world.end().iter().sum::<usize>() > 6 {
        let longest = world.logs.iter_mut().max_by_key(|log| log.len());
        longest.and_then(Vec::pop);
    }
    let end = world.end();
    let mut first = None;
    let mut places = vec![0; units];
    every_order(&world.logs, &mut places, &State::default(), &mut |state| {
        count.orders.fetch_add(1, Ordering::Relaxed);
        same(first.get_or_insert_with(|| state.clone()), state, "two orders")
    })?;
    check_oracle(&world, &end, &first.unwrap_or_default(), count)
}

/// Calls `at_end` with the state after each order of the operations from `places` on.
fn every_order(
    logs: &[Vec<Operation>],
    places: &mut Vec<usize>,
    state: &State,
    at_end: &mut dyn FnMut(&State) -> Result<(), String>,
) -> Result<(), String> {
    let mut ended = true;
    for log in 0..logs.len() {
        if let Some(operation) = logs[log].get(places[log]) {
            ended = false;
            let mut next = state.clone();
            take(&mut next, operation);
            places[log] += 1;
            every_order(logs, places, &next, at_end)?;
            places[log] -= 1;
        }
    }
    if ended { at_end(state) } else { Ok(()) }
}
