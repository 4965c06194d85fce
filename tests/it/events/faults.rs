//! A disk that fails in the middle of a batch of the feed: once it is well again, who listens has missed nothing and has
//! nothing twice.

use std::sync::Arc;

use blotter::domain::kind::CASE;
use blotter::domain::value::{Fields, Value};
use blotter::services::events::{Feed, FeedOptions, Filter, Listener};
use blotter::store::disk::RealDisk;

use crate::support::desk::TestDesk;
use crate::support::faulty::{Fault, FaultyDisk, Touch};
use crate::support::testbox::METRO;

const EIO: i32 = 5;
const CASES: u64 = 12;

/// What one hears who asks again for what failed, from memory where it is at hand; gives the sequences.
fn heard(feed: &Feed, listener: &Listener, begun: u64, disk: &FaultyDisk) -> Vec<u64> {
    let (mut after, mut heard) = (begun, Vec::new());
    while after < begun + CASES {
        let filter = Filter::default();
        let recent = feed.recent(listener, &filter, after, 5);
        let Ok(next) = recent.map_or_else(|| feed.stored(listener, &filter, after, 5), Ok) else {
            disk.repair();
            continue;
        };
        heard.extend(next.notices.iter().map(|notice| notice.sequence));
        after = next.reached;
        if disk.failed() {
            disk.repair();
        }
        std::thread::yield_now();
    }
    heard
}

#[test]
fn a_batch_that_the_disk_broke_off_is_told_once_and_whole() {
    let mut came_up = 0;
    const NTHS: [u64; 5] = [1, 2, 5, 8, 12];
    let tries = NTHS
        .into_iter()
        .flat_map(|nth| [(nth, false, 4096), (nth, true, 4096), (nth, true, 5)]);
    for (nth, sticky, kept_max) in tries {
        let fault = Fault {
            touch: Touch::Read,
            nth,
            errno: EIO,
            sticky,
        };
        let disk = FaultyDisk::new(Arc::new(RealDisk), fault);
        disk.repair();
        let desk = TestDesk::open_on(Arc::new(disk.clone()));
        let (services, owner) = (desk.services(), desk.owner_of(METRO));
        let options = FeedOptions {
            kept_max,
            ..FeedOptions::default()
        };
        let feed = Feed::new(Arc::clone(services.store()), options).unwrap();
        let begun = feed.last().unwrap();
        // Somebody listens, and the batch is whole before the thread takes it up.
        let _listens = feed.listen();
        for number in 0..CASES {
            let fields = Fields::from([("title".to_owned(), Value::text(format!("Case {number}")))]);
            services.create(&owner, &CASE, fields, None).unwrap();
        }
        disk.spoil();
        let follower = feed.follow().unwrap();
        let sequences = heard(&feed, &Listener::new(owner.clone()), begun, &disk);
        assert_eq!(
            sequences,
            (begun + 1..=begun + CASES).collect::<Vec<_>>(),
            "{fault:?} {kept_max}"
        );
        came_up += u64::from(disk.failed());
        // Who comes now is told the same, wherever it is kept.
        let again = heard(&feed, &Listener::new(owner), begun, &disk);
        assert_eq!(again, sequences, "{fault:?} {kept_max}");
        drop(follower);
    }
    assert_eq!(came_up, 15, "every fault came up");
}
