//! What systemd is told: ready, alive while the write thread works, stopping; nothing while the disk hangs.

use std::io::ErrorKind;
use std::os::unix::net::UnixDatagram;
use std::time::Duration;

use rustix::process::Signal;
use serde_json::json;

use crate::support::process::{Place, Served};
use crate::support::small_disk::SmallDisk;

/// Longer than several intervals of the watchdog.
const SILENCE: Duration = Duration::from_millis(2_500);

struct Systemd(UnixDatagram);

impl Systemd {
    fn serve(place: &Place) -> (Self, Served) {
        let path = place.file("notify");
        let socket = UnixDatagram::bind(&path).unwrap();
        let settings = [
            ("NOTIFY_SOCKET", path.to_str().unwrap()),
            ("BLOTTER_STORE_STUCK_SECONDS_MAX", "1"),
        ];
        (Self(socket), place.serve_with(&settings, &[]))
    }

    /// The next word; `None` if there is none for so long.
    fn word(&self, limit: Duration) -> Option<String> {
        self.0.set_read_timeout(Some(limit)).unwrap();
        let mut buffer = [0; 4096];
        match self.0.recv(&mut buffer) {
            Ok(read) => Some(String::from_utf8(buffer[..read].to_vec()).unwrap()),
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => None,
            Err(error) => panic!("{error}"),
        }
    }

    fn wait_for(&self, wanted: &str) {
        let limit = Duration::from_secs(20);
        while !self
            .word(limit)
            .unwrap_or_else(|| panic!("{wanted} never came"))
            .contains(wanted)
        {}
    }
}

#[test]
fn systemd_is_told_of_the_start_of_life_and_of_the_stop() {
    let place = Place::with_node();
    let (systemd, served) = Systemd::serve(&place);
    let first = systemd.word(Duration::from_secs(20)).unwrap();
    assert!(
        first.contains("READY=1") && first.contains("STATUS=https://"),
        "{first}"
    );
    systemd.wait_for("WATCHDOG=1");
    systemd.wait_for("WATCHDOG=1");
    served.signal(Signal::TERM);
    systemd.wait_for("STOPPING=1");
    assert_eq!(served.wait(), Some(0));
}

#[test]
fn a_disk_that_hangs_makes_the_watchdog_silent() {
    let Some(disk) = SmallDisk::mount() else {
        println!("NOT TRIED: a small file system can't be mounted here");
        return;
    };
    let place = Place::with_node_on(&disk.dir(), &[("BLOTTER_STORE_LOW_DISK_FLOOR_BYTES", "1048576")]);
    let key = place.key();
    let (systemd, served) = Systemd::serve(&place);
    systemd.wait_for("WATCHDOG=1");
    disk.freeze();
    std::thread::scope(|scope| {
        let writing = scope.spawn(|| served.post("/v1/cases", &key, &json!({"title": "Waits for the disk"})));
        while systemd.word(SILENCE).is_some() {}
        let ready = served.get("/readyz", None);
        disk.thaw();
        assert_eq!(ready.0, 503, "{ready:?}");
        assert_eq!(writing.join().unwrap().status, 201);
    });
    systemd.wait_for("WATCHDOG=1");
    assert_eq!(served.get("/readyz", None).0, 200);
    assert_eq!(served.terminate().0, 0);
}
