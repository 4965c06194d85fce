//! The whole store when power is lost, again and again, also while it starts: journal, files and view database on one disk.

use std::path::Path;
use std::sync::Arc;

use blotter::domain::id::Hash;
use blotter::store::blobs::Blobs;
use blotter::store::error::StoreError;
use blotter::store::handle::Store;
use blotter::store::verify::{Source, verify_open};
use blotter::views::root::state_root;
use blotter::views::{FOLD, files};

use super::station::{DIR, Station, audited, case, evidence, options, title};
use crate::support::power::{Dice, PowerDisk};
use crate::support::scale;

/// What the store has said, against which it is held.
#[derive(Default)]
struct Promises {
    /// Titles of case 1, 2, 3 … as acknowledged.
    titles: Vec<String>,
    /// The next title, if its write was cut short.
    doubtful: Option<String>,
    /// Files named by acknowledged operations, with their bytes.
    files: Vec<(Hash, Vec<u8>)>,
    doubtful_file: Option<(Hash, Vec<u8>)>,
}

impl Promises {
    /// What was found is exactly what was acknowledged, or one group more.
    fn check(&mut self, store: &Store, blobs: &Blobs, seed: u64) {
        let rows = store.snapshot().unwrap();
        for (number, expected) in (1..).zip(&self.titles) {
            assert_eq!(
                title(&rows, number).as_ref(),
                Some(expected),
                "seed {seed}: case {number} was acknowledged"
            );
        }
        let next = self.titles.len() as u64 + 1;
        match (title(&rows, next), self.doubtful.take()) {
            (None, _) => {}
            (Some(found), Some(doubtful)) if found == doubtful => {
                self.titles.push(found);
                self.files.extend(self.doubtful_file.take());
            }
            (Some(found), doubtful) => panic!("seed {seed}: {found:?} where {doubtful:?} was asked for"),
        }
        self.doubtful_file = None;
        assert_eq!(title(&rows, next + 1), None, "seed {seed}: nobody asked for this");
        for (hash, bytes) in &self.files {
            assert!(files::is_named(&rows, *hash).unwrap(), "seed {seed}: {hash}");
            let file = blobs.open_file(*hash).unwrap();
            let file = file.unwrap_or_else(|| panic!("seed {seed}: {hash} is not there"));
            let mut found = vec![0; file.bytes() as usize];
            file.read_at(0, &mut found).unwrap();
            assert!(found == *bytes, "seed {seed}: {hash} is not whole");
        }
    }

    /// Works until the power goes.
    fn work(&mut self, store: &Store, blobs: &Blobs, dice: &mut Dice) -> StoreError {
        loop {
            if let Err(error) = self.step(store, blobs, dice) {
                return error;
            }
        }
    }

    fn step(&mut self, store: &Store, blobs: &Blobs, dice: &mut Dice) -> Result<(), StoreError> {
        let number = self.titles.len() as u64 + 1;
        let new_title = format!("{number}: {}", "x".repeat(dice.below(900) as usize));
        self.doubtful = Some(new_title.clone());
        let mut held = None;
        if dice.one_in(4) {
            let bytes: Vec<u8> = (0..dice.below(3000)).map(|_| dice.bits() as u8).collect();
            let mut writer = blobs.begin(10_000)?;
            for chunk in bytes.chunks(1000) {
                writer.write(chunk)?;
            }
            let done = writer.finish()?;
            self.doubtful_file = Some((done.hash(), bytes));
            held = Some(done);
        }
        let (file, draft) = (held.as_ref().map(|held| held.hash()), case(number, &new_title));
        store.write(move |session| {
            session.append(draft)?;
            if let Some(file) = file {
                session.append(evidence(1_000_000, file))?;
            }
            session.audit(audited(number, "create"))
        })?;
        self.titles.extend(self.doubtful.take());
        self.files.extend(self.doubtful_file.take());
        Ok(())
    }
}

fn open(station: &Station) -> Result<(Store, Blobs), StoreError> {
    let blobs = Blobs::open(Arc::clone(&station.disk), &Path::new(DIR).join("files"))?;
    let (store, _) = station.open()?;
    let rows = store.snapshot()?;
    blobs.sweep(|hash| files::is_named(&rows, hash))?;
    drop(rows);
    Ok((store, blobs))
}

struct Tally {
    losses: u64,
    in_starts: u64,
    groups: u64,
}

fn run(seed: u64, tally: &mut Tally) {
    let mut dice = Dice::new(seed ^ 0x0D15);
    let mut disk = PowerDisk::new(seed);
    let mut station = Station::on(disk.clone());
    station.options = options();
    let mut promises = Promises::default();
    for _ in 0..3 {
        station.disk = Arc::new(disk.clone());
        // From a checkpoint after each group to none at all.
        station.options.writer.checkpoint_bytes = [1, 3000, 1 << 30][dice.below(3) as usize];
        // Often early: while the start still recovers.
        disk.cut_at(
            1 + if dice.one_in(3) {
                dice.below(30)
            } else {
                dice.below(160)
            },
        );
        match open(&station) {
            Ok((store, blobs)) if !disk.is_out() => {
                promises.check(&store, &blobs, seed);
                promises.work(&store, &blobs, &mut dice);
            }
            Ok(_) => tally.in_starts += 1,
            Err(error) => {
                assert!(disk.is_out(), "seed {seed}: {error}");
                tally.in_starts += 1;
            }
        }
        assert!(disk.is_out());
        disk = disk.reboot();
        tally.losses += 1;
    }
    station.disk = Arc::new(disk);
    let (store, blobs) = open(&station).unwrap_or_else(|error| panic!("seed {seed}: {error}"));
    promises.check(&store, &blobs, seed);
    tally.groups += promises.titles.len() as u64;
    let named: Vec<Hash> = blobs.all().unwrap();
    assert_eq!(
        named.len(),
        promises.files.len(),
        "seed {seed}: files that nobody names"
    );
    let rows = store.snapshot().unwrap();
    let root = state_root(&rows).unwrap();
    let source = Source {
        disk: &station.disk,
        dir: Path::new(DIR),
        fold: FOLD,
        scratch: Path::new("/scratch"),
    };
    station.identity.save(station.disk.as_ref(), source.dir).unwrap();
    let report = verify_open(source, store.journal(), Some(&rows), &mut |_| ()).unwrap();
    assert!(report.is_clean(), "seed {seed}: {:?}", report.faults);
    drop((rows, store));
    station.disk.remove(&Path::new(DIR).join("views.redb")).unwrap();
    let (store, _) = station.open().unwrap();
    assert_eq!(
        state_root(&store.snapshot().unwrap()).unwrap(),
        root,
        "seed {seed}: a rebuild gives other rows"
    );
}

#[test]
fn the_store_keeps_what_it_acknowledged_through_every_loss_of_power() {
    let seeds = 2000 * scale();
    let threads = 2;
    let tallies: Vec<Tally> = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..threads)
            .map(|worker| {
                scope.spawn(move || {
                    let mut tally = Tally {
                        losses: 0,
                        in_starts: 0,
                        groups: 0,
                    };
                    (worker..seeds)
                        .step_by(threads as usize)
                        .for_each(|seed| run(seed, &mut tally));
                    tally
                })
            })
            .collect();
        workers.into_iter().map(|worker| worker.join().unwrap()).collect()
    });
    let sum = |part: fn(&Tally) -> u64| tallies.iter().map(part).sum::<u64>();
    println!(
        "store: {seeds} seeds, {} losses of power ({} while starting), {} groups acknowledged, none lost, each store clean at the end",
        sum(|tally| tally.losses),
        sum(|tally| tally.in_starts),
        sum(|tally| tally.groups)
    );
}
