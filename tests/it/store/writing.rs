//! The write thread: what is granted is kept and seen, what is refused leaves nothing, and a start finds it all again.

use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::channel;

use blotter::domain::id::Hash;
use blotter::domain::operation::{Action, Change};
use blotter::domain::time::Millis;
use blotter::domain::value::Value;
use blotter::store::commit::logs::log_row;
use blotter::store::disk::OpenMode;
use blotter::store::error::StoreError;
use blotter::store::handle::Store;
use blotter::store::identity::Stream;
use blotter::store::journal::Position;
use blotter::store::merkle::Frontier;
use blotter::views::local;
use blotter::views::root::state_root;

use super::station::{DIR, NOW, Station, all_rows, assert_rebuilds, audited, case, draft, record, title};
use crate::support::power::PowerDisk;

fn station() -> Station {
    Station::on(PowerDisk::new(1))
}

/// The places of a log in the order of the journal.
fn places(store: &Store, stream: Stream) -> Vec<u64> {
    let groups = store.journal().scan(Position::START).map(Result::unwrap);
    groups
        .flat_map(|group| group.entries)
        .map(|entry| {
            blotter::store::commit::replay::operation(&entry)
                .unwrap()
                .header
                .id
        })
        .filter(|id| id.log == store.log(stream))
        .map(|id| id.seq)
        .collect()
}

#[test]
fn a_write_is_seen_by_the_next_read_and_after_a_start() {
    let station = station();
    let (store, opened) = station.open().unwrap();
    assert_eq!((opened.replayed, opened.rebuilt), (0, false));
    for number in 1..=40 {
        let id = store
            .write(move |session| session.append(case(number, "Fire")))
            .unwrap();
        assert_eq!((id.log, id.seq), (store.log(Stream::Records), number));
        let snapshot = store.snapshot().unwrap();
        assert_eq!(title(&snapshot, number).as_deref(), Some("Fire"));
        let operation = store.own_operation(&snapshot, id.log, id.seq).unwrap().unwrap();
        assert_eq!(operation.header.record, record(number));
    }
    let before = all_rows(&store.snapshot().unwrap());
    drop(store);
    let (store, opened) = station.open().unwrap();
    assert_eq!(
        (opened.replayed, opened.rebuilt),
        (0, false),
        "a clean stop leaves nothing to fold"
    );
    assert!(all_rows(&store.snapshot().unwrap()) == before);
    assert_rebuilds(&station, store);
}

type Ask = Box<dyn FnOnce(&Store) -> Result<(), StoreError> + Send>;

/// Runs requests in one group: the first holds the thread until all others wait.
fn in_one_group(store: &Arc<Store>, requests: Vec<Ask>) -> Vec<Result<(), StoreError>> {
    let (go, gate) = channel::<()>();
    let (running, runs) = channel::<()>();
    let holder = Arc::clone(store);
    let held = std::thread::spawn(move || {
        holder.write(move |_| -> Result<(), StoreError> {
            running.send(()).unwrap();
            gate.recv().unwrap();
            Ok(())
        })
    });
    runs.recv().unwrap();
    let mut threads = Vec::new();
    for request in requests {
        let (asked, asks) = channel();
        let store = Arc::clone(store);
        threads.push(std::thread::spawn(move || {
            asked.send(()).unwrap();
            request(&store)
        }));
        asks.recv().unwrap();
        // The order within the group matters: what waits must be in the queue before the next one.
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    go.send(()).unwrap();
    held.join().unwrap().unwrap();
    threads.into_iter().map(|thread| thread.join().unwrap()).collect()
}

#[test]
fn a_refused_or_panicking_request_leaves_nothing_in_its_group() {
    let station = station();
    let (store, _) = station.open().unwrap();
    let store = Arc::new(store);
    let outcomes = in_one_group(
        &store,
        vec![
            Box::new(|store| {
                store.write(|session| {
                    session.append(case(1, "One"))?;
                    session.audit(audited(9, "sign-in")).map(drop)
                })
            }),
            Box::new(|store| {
                store.write(|session| {
                    assert_eq!(title(session.rows(), 1).as_deref(), Some("One"));
                    session.append(case(1, "Refused"))?;
                    session.append(case(2, "Refused"))?;
                    session.audit(audited(9, "sign-in"))?;
                    Err(StoreError::Io("no".to_owned()))
                })
            }),
            Box::new(|store| {
                store.write(|session| {
                    session.append(case(3, "Panics"))?;
                    panic!("a service has a bug")
                })
            }),
            Box::new(|store| {
                store.write(|session| {
                    assert_eq!((title(session.rows(), 2), title(session.rows(), 3)), (None, None));
                    let mark = session.mark();
                    session.append(case(4, "Row of a batch"))?;
                    session.undo(&mark)?;
                    session.append(case(5, "Five")).map(drop)
                })
            }),
            Box::new(|store| {
                store.write(|session| {
                    let long = "x".repeat(70_000);
                    session.append(case(6, &long)).map(drop)
                })
            }),
        ],
    );
    assert!(matches!(
        &outcomes[..],
        [
            Ok(()),
            Err(StoreError::Io(_)),
            Err(StoreError::Panicked),
            Ok(()),
            Err(StoreError::TooLong { .. })
        ]
    ));
    let groups = store.journal().scan(Position::START).count();
    assert_eq!(groups, 1, "all rode in one group");
    assert_eq!(places(&store, Stream::Records), [1, 2]);
    assert_eq!(places(&store, Stream::Audit), [1]);
    let snapshot = store.snapshot().unwrap();
    let titles: Vec<_> = (1..=6).map(|number| title(&snapshot, number)).collect();
    let expected = [Some("One"), None, None, None, Some("Five"), None];
    assert_eq!(titles, expected.map(|title| title.map(str::to_owned)));
    assert_eq!(local::failed_sign_ins(&snapshot, record(9)).unwrap().0, 1);
    drop(snapshot);
    assert_rebuilds(&station, Arc::into_inner(store).unwrap());
}

/// A number that is none went into the journal, where no replay could read it: the node never started again.
#[test]
fn what_could_not_be_read_back_is_refused() {
    let station = station();
    let (store, _) = station.open().unwrap();
    for bad in [f64::NAN, f64::INFINITY] {
        let change = Change::new("title", Action::Set(Value::Float(bad)));
        let refused = store.write(move |session| session.append(draft("case", record(1), vec![change])));
        assert!(matches!(refused, Err(StoreError::Malformed(_))));
    }
    store
        .write(|session| {
            // A request that goes on after a fold failed is refused all the same.
            let change = Change::new("title", Action::Set(Value::Float(f64::NAN)));
            session.append(draft("case", record(1), vec![change]))?;
            drop(session.append(case(1, "Two")));
            Ok::<(), StoreError>(())
        })
        .unwrap_err();
    store.write(|session| session.append(case(1, "One"))).unwrap();
    assert_eq!(places(&store, Stream::Records), [1]);
    assert_rebuilds(&station, store);
}

#[test]
fn a_request_is_answered_once_over_restarts() {
    let station = station();
    let (key, body) = (Hash([1; 32]), Hash([2; 32]));
    let (store, _) = station.open().unwrap();
    let first = store
        .write(move |session| {
            session.answers(key, body);
            session.audit(audited(7, "create"))?;
            let first = session.append(case(1, "One"))?;
            session.append(case(2, "Two"))?;
            Ok::<_, StoreError>(first)
        })
        .unwrap();
    let expected = local::Answer {
        body,
        first,
        operations: 2,
        at: NOW,
    };
    assert_eq!(
        local::answer(&store.snapshot().unwrap(), key).unwrap(),
        Some(expected)
    );
    drop(store);
    let (store, _) = station.open().unwrap();
    let seen = store
        .write(move |session| local::answer(session.rows(), key))
        .unwrap();
    assert_eq!(seen, Some(expected));
    assert_rebuilds(&station, store);
}

#[test]
fn answers_are_kept_a_day_and_forgotten_in_time() {
    const HOUR: i64 = 3_600_000;
    let station = station();
    let (store, _) = station.open().unwrap();
    let key = |number: i64| {
        let mut key = Hash([3; 32]);
        key.0[..8].copy_from_slice(&number.to_be_bytes());
        key
    };
    let hours = 24 * 5;
    for hour in 0..hours {
        station.clock.set(NOW.plus(hour * HOUR));
        store
            .write(move |session| {
                session.answers(key(hour), Hash([2; 32]));
                session.append(case(1, "One"))
            })
            .unwrap();
        let rows = store.snapshot().unwrap();
        for kept in (hour - 24).max(0)..=hour {
            assert!(local::answer(&rows, key(kept)).unwrap().is_some());
        }
    }
    let rows = all_rows(&store.snapshot().unwrap());
    let count = |name| rows.iter().filter(|(table, ..)| *table == name).count();
    assert!(count("answers") <= 50, "{}", count("answers"));
    assert_eq!(count("answers"), count("answer-ages"));
    assert_rebuilds(&station, store);
}

#[test]
fn numbers_of_logs_go_by_the_journal_whoever_wrote_first() {
    let station = station();
    let (store, _) = station.open().unwrap();
    let refused = store.write(|session| {
        session.append(case(1, "Refused"))?;
        Err::<(), _>(StoreError::Io("no".to_owned()))
    });
    assert!(refused.is_err());
    store
        .write(|session| session.audit(audited(1, "sign-in")))
        .unwrap();
    store.write(|session| session.append(case(1, "One"))).unwrap();
    store
        .write(|session| session.audit(audited(1, "sign-in")))
        .unwrap();
    let rows = store.snapshot().unwrap();
    let row = |stream| log_row(&rows, store.log(stream)).unwrap().unwrap();
    assert_eq!((row(Stream::Audit).number, row(Stream::Records).number), (0, 1));
    assert_eq!(
        (row(Stream::Audit).edge.size(), row(Stream::Records).edge.size()),
        (2, 1)
    );
    let mut walked = Vec::new();
    let tenant = "metro".parse().unwrap();
    local::audit(&rows, &tenant, None, &mut |_, log, seq| {
        walked.push((log, seq));
        true
    })
    .unwrap();
    assert_eq!(walked, [(0, 2), (0, 1)]);
    assert_eq!(local::failed_sign_ins(&rows, record(1)).unwrap(), (2, NOW));
    drop(rows);
    assert_rebuilds(&station, store);
}

#[test]
fn a_clock_that_was_years_ahead_does_no_harm() {
    let station = station();
    let (store, _) = station.open().unwrap();
    let mut last = None;
    for (number, now) in [
        (1, NOW),
        (2, NOW.plus(20 * 365 * 86_400_000)),
        (3, NOW.plus(1)),
        (4, Millis(i64::MAX)),
        (5, NOW.plus(2)),
        (6, Millis(-1)),
    ] {
        station.clock.set(now);
        let id = store
            .write(move |session| session.append(case(number, "One")))
            .unwrap();
        let rows = store.snapshot().unwrap();
        let header = store
            .own_operation(&rows, id.log, id.seq)
            .unwrap()
            .unwrap()
            .header;
        assert_eq!(header.wall, now);
        assert!(Some(header.hlc) > last);
        last = Some(header.hlc);
    }
    let left = u64::MAX - last.unwrap().0;
    assert!(left > 1 << 60, "the clock has room to go on: {left}");
    assert_rebuilds(&station, store);
}

#[test]
fn damaged_views_are_put_aside_and_made_anew() {
    let station = station();
    let views = Path::new(DIR).join("views.redb");
    let (store, _) = station.open().unwrap();
    for number in 1..=20 {
        store
            .write(move |session| session.append(case(number, "One")))
            .unwrap();
    }
    let root = state_root(&store.snapshot().unwrap()).unwrap();
    drop(store);
    let bytes = station.disk.len(&views).unwrap().unwrap();
    type Damage = fn(u64) -> (u64, Vec<u8>);
    let damages: [Damage; 5] = [
        |_| (0, b"not a database".to_vec()),
        |_| (0, vec![0; 4096]),
        |_| (64, vec![0xff; 512]),
        |bytes| (4096, vec![0xff; bytes as usize - 4096]),
        |bytes| (4096, vec![0; bytes as usize - 4096]),
    ];
    for (which, damage) in damages.iter().enumerate() {
        let (offset, garbage) = damage(bytes);
        let file = station.disk.open(&views, OpenMode::ReadWrite).unwrap();
        file.write_at(offset, &garbage).unwrap();
        let (store, opened) = station.open().unwrap();
        assert!(opened.rebuilt, "damage {which}");
        assert_eq!(opened.replayed, 20);
        assert_eq!(state_root(&store.snapshot().unwrap()).unwrap(), root);
    }
    for length in [0, 100, 4096, bytes / 2, bytes - 1] {
        let file = station.disk.open(&views, OpenMode::ReadWrite).unwrap();
        file.set_len(length).unwrap();
        let (store, _) = station.open().unwrap();
        assert_eq!(
            state_root(&store.snapshot().unwrap()).unwrap(),
            root,
            "cut to {length} of {bytes} bytes"
        );
    }
}

#[test]
fn a_journal_that_lost_what_the_rows_know_is_no_reason_to_forget_it() {
    let station = station();
    let (store, _) = station.open().unwrap();
    for number in 1..=20 {
        store
            .write(move |session| session.append(case(number, "One")))
            .unwrap();
    }
    let end = store.end();
    drop(store);
    let segment = Path::new(DIR).join(format!("journal/{:020}.seg", end.segment()));
    let file = station.disk.open(&segment, OpenMode::ReadWrite).unwrap();
    file.set_len(u64::from(end.offset()) - 1).unwrap();
    for _ in 0..2 {
        assert!(matches!(station.open(), Err(StoreError::Damaged(_))));
    }
}

#[test]
fn every_tree_is_the_one_that_its_leaves_make() {
    let station = station();
    let (store, _) = station.open().unwrap();
    for number in 1..=300 {
        store
            .write(move |session| {
                session.append(case(number, "One"))?;
                session.audit(audited(number, "create"))
            })
            .unwrap();
    }
    let mut edge = Frontier::new();
    let mut tiles = 0;
    for group in store.journal().scan(Position::START) {
        for entry in group.unwrap().entries {
            let header = blotter::store::commit::replay::operation(&entry).unwrap().header;
            if header.id.log == store.log(Stream::Records) {
                let leaf = blotter::store::merkle::leaf_hash(&entry.header, &header.content);
                tiles += edge.append(leaf).len();
            }
        }
    }
    let rows = store.snapshot().unwrap();
    let row = log_row(&rows, store.log(Stream::Records)).unwrap().unwrap();
    assert_eq!((row.edge, tiles), (edge, 1));
    drop(rows);
    assert_rebuilds(&station, store);
}

#[test]
fn what_comes_after_the_stop_is_told_so() {
    let station = station();
    let (store, _) = station.open().unwrap();
    store.stop();
    store.stop();
    let late = store.write(|session| session.append(case(1, "Late")));
    assert!(matches!(late, Err(StoreError::Stopped)));
    assert!(matches!(store.write_soon(|_| Ok(())), Err(StoreError::Stopped)));
}

#[test]
fn what_nobody_waits_for_is_written_too() {
    let station = station();
    let (store, _) = station.open().unwrap();
    store
        .write_soon(|session| session.audit(audited(1, "read")).map(drop))
        .unwrap();
    let end = store.wait_beyond(Position::START, std::time::Duration::from_secs(20));
    assert!(end > Position::START);
    for number in 2..=9 {
        store
            .write_soon(move |session| session.audit(audited(number, "read")).map(drop))
            .unwrap();
    }
    store.stop();
    assert_eq!(places(&store, Stream::Audit), (1..=9).collect::<Vec<_>>());
}
