//! The whole store on a disk that fails at the n-th write, sync, open …, for every n of a scripted day: nothing is acknowledged
//! falsely, nothing refused is there, and once the fault is gone the store starts.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use blotter::domain::id::Hash;
use blotter::store::blobs::Blobs;
use blotter::store::error::StoreError;
use blotter::store::handle::Store;
use blotter::views::files;

use super::station::{
    DIR, HandClock, NOW, Station, assert_rebuilds, audited, case, evidence, options, title,
};
use crate::support::faulty::{Fault, FaultyDisk, Touch};
use crate::support::power::PowerDisk;

const EIO: i32 = 5;
const ENOSPC: i32 = 28;
/// Writes of the day; the process is started anew after half of them.
const WRITES: u64 = 30;

/// What came of each write of the day.
#[derive(Default)]
struct Day {
    acknowledged: BTreeSet<u64>,
    /// Told that nobody knows: they may be there.
    unknown: BTreeSet<u64>,
    files: Vec<Hash>,
}

fn upload(blobs: &Blobs, number: u64) -> Result<Hash, StoreError> {
    let mut writer = blobs.begin(100)?;
    writer.write(&number.to_be_bytes())?;
    Ok(writer.finish()?.hash())
}

impl Day {
    fn write(&mut self, store: &Store, blobs: &Blobs, number: u64) {
        let file = number
            .is_multiple_of(5)
            .then(|| upload(blobs, number))
            .transpose();
        let Ok(file) = file else {
            return;
        };
        let written = store.write(move |session| {
            session.append(case(number, "Fire"))?;
            if let Some(file) = file {
                session.append(evidence(1_000, file))?;
            }
            session.audit(audited(number, "create")).map(drop)
        });
        match written {
            Ok(()) => {
                self.acknowledged.insert(number);
                self.files.extend(file);
            }
            Err(StoreError::Stopped) => drop(self.unknown.insert(number)),
            Err(_) => {}
        }
    }

    fn check(&self, store: &Store, blobs: &Blobs, fault: Fault) {
        let rows = store.snapshot().unwrap();
        for number in 1..=WRITES {
            let there = title(&rows, number).is_some();
            if self.acknowledged.contains(&number) {
                assert!(there, "{fault:?}: {number} was acknowledged");
            } else if !self.unknown.contains(&number) {
                assert!(!there, "{fault:?}: {number} was refused, and is there");
            }
        }
        for hash in &self.files {
            let file = blobs.open_file(*hash).unwrap().unwrap();
            assert_eq!(file.hash().unwrap(), *hash);
        }
    }
}

fn open(station: &Station) -> Result<(Store, Blobs), StoreError> {
    let blobs = Blobs::open(Arc::clone(&station.disk), &Path::new(DIR).join("files"))?;
    let (store, _) = station.open()?;
    let rows = store.snapshot()?;
    blobs.sweep(|hash| files::is_named(&rows, hash))?;
    Ok((store, blobs))
}

/// A day with this fault. Gives whether it came up.
fn run(fault: Fault, power_is_lost: bool) -> bool {
    let power = PowerDisk::new(fault.nth);
    let mut station = Station::on(power.clone());
    station.options = options();
    station.options.writer.checkpoint_bytes = 4000;
    // Something is there before, so that opening has work to do.
    let mut day = Day::default();
    let (store, blobs) = open(&station).unwrap();
    day.write(&store, &blobs, 1);
    drop((store, blobs));

    let disk = FaultyDisk::new(Arc::new(power.clone()), fault);
    station.disk = Arc::new(disk.clone());
    let mut number = 2;
    for until in [WRITES / 2, WRITES] {
        // A process that can't go on is started again, at most thrice: a lasting fault lets none live.
        for _ in 0..3 {
            let Ok((store, blobs)) = open(&station) else {
                continue;
            };
            while number <= until && !store.has_failed() {
                day.write(&store, &blobs, number);
                number += 1;
            }
            if number > until {
                break;
            }
        }
    }
    disk.repair();
    station.disk = Arc::new(if power_is_lost { power.reboot() } else { power });
    station.clock = HandClock::new(NOW);
    let (store, blobs) = open(&station).unwrap_or_else(|error| panic!("{fault:?}: {error}"));
    day.check(&store, &blobs, fault);
    day.write(&store, &blobs, WRITES + 1);
    assert!(day.acknowledged.contains(&(WRITES + 1)));
    drop(blobs);
    assert_rebuilds(&station, store);
    disk.failed()
}

#[test]
fn no_single_fault_of_a_day_makes_the_store_lie_or_stay_down() {
    let touches = [
        Touch::Open,
        Touch::Read,
        Touch::Write,
        Touch::Length,
        Touch::Sync,
        Touch::Name,
    ];
    let counts: Vec<(u64, u64)> = std::thread::scope(|scope| {
        let days: Vec<_> = touches
            .map(|touch| scope.spawn(move || every_day(touch)))
            .into_iter()
            .collect();
        days.into_iter().map(|day| day.join().unwrap()).collect()
    });
    let days: u64 = counts.iter().map(|(days, _)| days).sum();
    let most = counts.iter().map(|(_, most)| *most).max().unwrap_or(0);
    println!("store: {days} days with one fault each, up to the {most}th touch of a sort, no false word");
}

/// Days with the n-th touch of this sort failing, until none is left to fail: how many, and the last n.
fn every_day(touch: Touch) -> (u64, u64) {
    let (mut days, mut most) = (0, 0);
    for (errno, sticky, power_is_lost) in [
        (EIO, false, false),
        (EIO, false, true),
        (ENOSPC, false, true),
        (ENOSPC, true, false),
    ] {
        let mut nth = 1;
        let fault = |nth| Fault {
            touch,
            nth,
            errno,
            sticky,
        };
        while run(fault(nth), power_is_lost) {
            days += 1;
            nth += 1;
        }
        most = most.max(nth - 1);
    }
    (days, most)
}
