//! Files: whole or not at all, given out by their record alone, and refused in the right order when the disk is low.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use blotter::domain::kind::{CASE, EVIDENCE};
use blotter::domain::operation::Merge;
use blotter::domain::value::Value;
use blotter::services::demo::photo::Scene;
use blotter::services::failure::{Failure, Fault, Outcome};
use blotter::services::files::hand_out::Copy;
use blotter::services::files::room::{Need, Room};
use blotter::services::files::{Purpose, Uploaded};
use blotter::store::disk::{Disk, DiskFile, OpenMode, RealDisk};
use blotter::store::hash::sha256;

use crate::images::photo;
use crate::services::casebook::fields;
use crate::support::desk::TestDesk;

fn upload(desk: &TestDesk, purpose: Purpose, name: &str, bytes: &[u8]) -> Outcome<Uploaded> {
    let mut upload = desk.services().files().begin(purpose, 1 << 20)?;
    for chunk in bytes.chunks(1000) {
        upload.write(chunk)?;
    }
    upload.finish(Some(name))
}

fn item(desk: &TestDesk) -> String {
    let owner = desk.owner();
    let case = fields(serde_json::json!({"title": "x"}));
    desk.services().create(&owner, &CASE, case, None).unwrap();
    let given = serde_json::json!({"case_id": "INV-2026-0001", "type": "photo", "description": "y"});
    let item = desk
        .services()
        .create(&owner, &EVIDENCE, fields(given), None)
        .unwrap();
    item.records[0].id.to_string()
}

#[test]
fn a_file_is_attached_once_described_and_given_out_by_its_record_alone() {
    let desk = TestDesk::open();
    let (owner, services) = (desk.owner(), desk.services());
    let item = item(&desk);
    let picture = photo(Scene::Plate, "KTR-4471");
    let attach = |bytes: &[u8], name: &str| {
        let upload = upload(&desk, Purpose::Evidence, name, bytes).unwrap();
        services.attach_files(&owner, (&EVIDENCE, &item), vec![upload], None, |_, _| Ok(()))
    };
    attach(&picture, "../scene 1.jpg").unwrap();
    attach(b"%PDF-1.7 a statement", "statement.pdf").unwrap();
    let twice = attach(b"%PDF-1.7 a statement", "again.pdf").unwrap();
    let entries: Vec<_> = twice.records[0].versions("files", Merge::Append).to_vec();
    let text = |place: usize, name: &str| entries[place].value.get(name).and_then(Value::as_text);
    assert_eq!(entries.len(), 2);
    assert_eq!(
        (text(0, "media_type"), text(0, "name")),
        (Some("image/jpeg"), Some("scene 1.jpg"))
    );
    assert!(text(0, "thumbnail").is_some());
    let capture = entries[0].value.get("capture").unwrap();
    let taken = capture.get("taken_at").and_then(Value::as_time).unwrap();
    assert_eq!(taken.to_string(), "2026-03-18T01:14:22.000Z");
    let local = capture.get("taken_at_local").and_then(Value::as_text);
    assert_eq!(local, Some("2026-03-17T21:14:22"));
    assert_eq!(text(1, "media_type"), Some("application/pdf"));
    let hash = sha256(&[&picture]);
    let file = services
        .hand_out_file(&owner, (&EVIDENCE, &item), hash, Copy::Original)
        .unwrap();
    assert_eq!(
        (file.bytes.bytes(), file.bytes.hash().unwrap()),
        (picture.len() as u64, hash)
    );
    let small = services
        .hand_out_file(&owner, (&EVIDENCE, &item), hash, Copy::Thumbnail)
        .unwrap();
    assert!(small.bytes.bytes() < file.bytes.bytes());
    let stranger = desk.owner_of("elsewhere");
    for (caller, hash) in [(&stranger, hash), (&owner, small.hash)] {
        let refused = services.hand_out_file(caller, (&EVIDENCE, &item), hash, Copy::Original);
        assert!(matches!(refused, Err(Failure::Unknown(_))));
    }
    let svg = services.draw_label(&owner, &item).unwrap();
    assert!(svg.contains("EVD-0001") && svg.contains("INV-2026-0001"));
}

#[test]
fn a_refused_request_leaves_no_file() {
    let desk = TestDesk::open();
    let (owner, services) = (desk.owner(), desk.services());
    let item = item(&desk);
    let sent = vec![upload(&desk, Purpose::Evidence, "a", &photo(Scene::Plate, "KTR-4471")).unwrap()];
    let refused = services.attach_files(&owner, (&EVIDENCE, &item), sent, None, |_, _| {
        Err(Failure::wrong("data", "something else"))
    });
    assert!(matches!(refused, Err(Failure::Invalid(_))));
    let stranger = desk.owner_of("elsewhere");
    let sent = vec![upload(&desk, Purpose::Evidence, "a", b"bytes").unwrap()];
    let refused = services.attach_files(&stranger, (&EVIDENCE, &item), sent, None, |_, _| Ok(()));
    assert!(matches!(refused, Err(Failure::Unknown("evidence"))));
    assert_eq!(services.files().blobs().all().unwrap(), []);
    let none = services.attach_files(&owner, (&EVIDENCE, &item), Vec::new(), None, |_, _| Ok(()));
    assert!(matches!(none, Err(Failure::Invalid(faults)) if faults == [Fault::no_file()]));
}

/// A disk with as much room as a test says.
#[derive(Debug)]
struct LowDisk(AtomicU64);

impl Disk for LowDisk {
    fn open(&self, path: &Path, mode: OpenMode) -> io::Result<Arc<dyn DiskFile>> {
        RealDisk.open(path, mode)
    }
    fn create_dir_all(&self, dir: &Path) -> io::Result<()> {
        RealDisk.create_dir_all(dir)
    }
    fn list(&self, dir: &Path) -> io::Result<Vec<String>> {
        RealDisk.list(dir)
    }
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        RealDisk.rename(from, to)
    }
    fn remove(&self, path: &Path) -> io::Result<()> {
        RealDisk.remove(path)
    }
    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        RealDisk.sync_dir(dir)
    }
    fn len(&self, path: &Path) -> io::Result<Option<u64>> {
        RealDisk.len(path)
    }
    fn free_bytes(&self, _: &Path) -> io::Result<u64> {
        Ok(self.0.load(Ordering::Relaxed))
    }
}

#[test]
fn large_files_are_refused_first_then_pictures_and_text_at_the_floor() {
    const FLOOR: u64 = 100 << 20;
    let check = |free: u64, expected: [bool; 4]| {
        let disk = Arc::new(LowDisk(AtomicU64::new(free)));
        let room = Room::new(disk, "/nowhere".into(), FLOOR);
        let needs = [Need::File(2 << 20), Need::File(100), Need::Image, Need::Text];
        assert_eq!(
            needs.map(|need| room.demand(need).is_ok()),
            expected,
            "{free} bytes free"
        );
    };
    check(4 * FLOOR, [true; 4]);
    check(4 * FLOOR - 1, [false, true, true, true]);
    check(2 * FLOOR - 1, [false, false, false, true]);
    check(FLOOR - 1, [false; 4]);
    let disk = Arc::new(LowDisk(AtomicU64::new(4 * FLOOR + (3 << 20))));
    let room = Room::new(disk, "/nowhere".into(), FLOOR);
    let taken = (0..10).take_while(|_| room.take(Need::File(2 << 20), 1 << 20).is_ok());
    assert_eq!(taken.count(), 3, "what was taken since the last look counts");
}
