//! A disk that is full: a small ext4 file system behind a loop device, filled by the store itself and by somebody else. What was
//! acknowledged is read, what is refused is refused as full, every start succeeds, and work goes on once there is space.

use std::fs::{self, File};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::Arc;

use blotter::store::blobs::Blobs;
use blotter::store::disk::{Disk, RealDisk};
use blotter::store::error::StoreError;
use blotter::store::handle::Store;
use blotter::store::journal::JournalOptions;
use blotter::views::root::state_root;

use super::station::{Station, case, options, title};
use crate::support::small_disk::SmallDisk;

fn write(store: &Store, number: u64, bytes: usize) -> Result<(), StoreError> {
    let draft = case(number, &"x".repeat(bytes));
    store.write(move |session| session.append(draft).map(drop))
}

/// Writes until the disk is full, starting again where the process must; gives the number of the last that was acknowledged.
fn write_until_full(station: &Station, dir: &Path, mut number: u64) -> u64 {
    let (mut store, _) = station.open_in(dir).unwrap();
    // Large ones, then whatever still fits.
    for bytes in [200_000, 20_000, 2_000, 200] {
        let mut refusals = 0;
        while refusals < 3 {
            match write(&store, number + 1, bytes) {
                Ok(()) => number += 1,
                Err(StoreError::Full) => refusals += 1,
                Err(StoreError::Stopped) => {
                    refusals += 1;
                    drop(store);
                    (store, _) = station.open_in(dir).unwrap();
                    // It may be there: then it was durable before the rows met the end of the disk.
                    number += u64::from(title(&store.snapshot().unwrap(), number + 1).is_some());
                }
                Err(error) => panic!("neither done nor full: {error}"),
            }
        }
    }
    number
}

fn check(station: &Station, dir: &Path, number: u64) {
    for _ in 0..2 {
        let (store, _) = station
            .open_in(dir)
            .unwrap_or_else(|error| panic!("a start on a full disk: {error}"));
        let rows = store.snapshot().unwrap();
        assert!((1..=number).all(|case| title(&rows, case).is_some()));
        assert_eq!(title(&rows, number + 1), None);
        state_root(&rows).unwrap();
        let blobs = Blobs::open(Arc::clone(&station.disk), &dir.join("files")).unwrap();
        let mut upload = blobs.begin(1 << 30).unwrap();
        while upload.write(&[7; 100_000]).is_ok() {}
        drop(upload);
        assert_eq!(blobs.all().unwrap(), []);
    }
}

/// A day on a disk of which so much is never to be used up.
fn day(disk: &SmallDisk, reserve_bytes: u64) -> u64 {
    let dir = disk.dir().join(format!("data-{reserve_bytes}"));
    let mut station = Station::on(RealDisk);
    station.options = options();
    station.options.journal = JournalOptions::default();
    station.options.cache_bytes = 64 << 20;
    station.options.writer.reserve_bytes = reserve_bytes;
    station.options.writer.checkpoint_bytes = 2 << 20;
    let kept = disk.dir().join("kept");
    fs::write(&kept, vec![7; 12 << 20]).unwrap();
    RealDisk.create_dir_all(&dir).unwrap();
    drop(Blobs::open(Arc::clone(&station.disk), &dir.join("files")).unwrap());
    let last = write_until_full(&station, &dir, 0);
    let free = RealDisk.free_bytes(&dir).unwrap();
    assert!(
        free >= reserve_bytes / 2,
        "{free} bytes left of a reserve of {reserve_bytes}"
    );
    check(&station, &dir, last);
    disk.fill();
    check(&station, &dir, last);
    // And the worst: the views are damaged too, and there is no space for new ones.
    let views = dir.join("views.redb");
    if views.exists() {
        let file = File::options().write(true).open(&views).unwrap();
        file.write_all_at(&[0xff; 512], 0).unwrap();
        check(&station, &dir, last);
    }
    disk.empty();
    fs::remove_file(kept).unwrap();
    let (store, _) = station.open_in(&dir).unwrap();
    write(&store, last + 1, 200_000).unwrap();
    drop(store);
    check(&station, &dir, last + 1);
    last
}

#[test]
fn a_full_disk_refuses_and_never_lies_or_stays_down() {
    let Some(disk) = SmallDisk::mount() else {
        println!(
            "STORE: A FULL DISK WAS NOT TRIED: loop file systems can't be mounted here; only its errors are, in store::faults"
        );
        return;
    };
    for reserve_bytes in [6 << 20, 0] {
        let last = day(&disk, reserve_bytes);
        fs::remove_dir_all(disk.dir().join(format!("data-{reserve_bytes}"))).unwrap();
        println!(
            "store: full disk of 64 MB, reserve {} MB: {last} writes acknowledged, none lost, every start succeeded",
            reserve_bytes >> 20
        );
    }
}
