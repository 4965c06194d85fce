//! A write thread that can't go on ends the process, so that it is started again; nothing that was acknowledged is lost by it.

use serde_json::json;

use crate::support::process::Place;
use crate::support::small_disk::SmallDisk;

#[test]
fn a_disk_that_fails_for_good_ends_the_process_with_1() {
    let Some(disk) = SmallDisk::mount() else {
        println!("NOT TRIED: a small file system can't be mounted here");
        return;
    };
    let place = Place::with_node_on(&disk.dir(), &[("BLOTTER_STORE_LOW_DISK_FLOOR_BYTES", "1048576")]);
    let key = place.key();
    let served = place.serve();
    let before = served.post("/v1/cases", &key, &json!({"title": "Before the damage"}));
    assert_eq!(before.status, 201, "{before:?}");
    disk.damage();
    let refused = served.post("/v1/cases", &key, &json!({"title": "After the damage"}));
    assert!(refused.status >= 500, "never a false word: {refused:?}");
    assert_eq!(served.wait(), Some(1));
    let log = place.log();
    assert!(log.contains("the write thread"), "{log}");
    assert!(log.contains("start again"), "{log}");
}
