//! Records of any kind: made, changed, found, repeated.

use blotter::domain::kind::{CASE, EVIDENCE, TIMELINE_ENTRY};
use blotter::domain::value::{Fields, Value};
use blotter::services::RequestKey;
use blotter::services::casebook::{Condition, Listing};
use blotter::services::failure::{Amiss, Clash, Failure};
use blotter::store::hash::sha256;

use crate::support::desk::TestDesk;

pub(crate) fn fields(json: serde_json::Value) -> Fields {
    match Value::from(json) {
        Value::Map(fields) => fields,
        _ => panic!("an object"),
    }
}

#[test]
fn a_case_is_numbered_found_and_listed() {
    let desk = TestDesk::open();
    let owner = desk.owner();
    let title =
        || fields(serde_json::json!({"title": "Break-in at the depot", "tags": ["burglary", "burglary"]}));
    let first = desk.services().create(&owner, &CASE, title(), None).unwrap();
    let second = desk.services().create(&owner, &CASE, title(), None).unwrap();
    assert_eq!(first.records[0].text("display_id"), Some("INV-2026-0001"));
    assert_eq!(second.records[0].text("display_id"), Some("INV-2026-0002"));
    assert_eq!(first.records[0].members("tags").len(), 1);
    let found = desk.services().read(&owner, &CASE, "INV-2026-0001").unwrap();
    assert_eq!(found.id, first.records[0].id);
    let page = desk
        .services()
        .list(
            &owner,
            &CASE,
            &Listing {
                limit: 1,
                ..Listing::default()
            },
        )
        .unwrap();
    assert_eq!(page.records, first.records);
    let rest = Listing {
        after: page.next,
        ..Listing::default()
    };
    let page = desk.services().list(&owner, &CASE, &rest).unwrap();
    assert_eq!((page.records, page.next), (second.records, None));
}

#[test]
fn every_fault_is_told_at_once_and_no_number_is_used_up() {
    let desk = TestDesk::open();
    let owner = desk.owner();
    let bad = fields(
        serde_json::json!({"title": " ", "priority": "urgent", "titel": "x", "place": {"latitude": 91}}),
    );
    let Err(Failure::Invalid(faults)) = desk.services().create(&owner, &CASE, bad, None) else {
        panic!()
    };
    let mut paths: Vec<_> = faults
        .iter()
        .map(|fault| (fault.path.as_str(), fault.amiss == Amiss::Missing))
        .collect();
    paths.sort_unstable();
    let expected = [
        ("data.place.latitude", false),
        ("data.priority", false),
        ("data.titel", false),
        ("data.title", true),
    ];
    assert_eq!(paths, expected);
    let good = desk
        .services()
        .create(&owner, &CASE, fields(serde_json::json!({"title": "x"})), None)
        .unwrap();
    assert_eq!(good.records[0].text("display_id"), Some("INV-2026-0001"));
}

#[test]
fn a_repeated_request_gets_the_first_answer_even_after_a_restart() {
    let mut desk = TestDesk::open();
    let owner = desk.owner();
    let request = |body: &[u8]| {
        Some(RequestKey {
            key: sha256(&[b"key"]),
            body: sha256(&[body]),
        })
    };
    let title = || fields(serde_json::json!({"title": "x"}));
    let first = desk
        .services()
        .create(&owner, &CASE, title(), request(b"a"))
        .unwrap();
    let change = fields(serde_json::json!({"title": "y"}));
    let reference = first.records[0].id.to_string();
    desk.services()
        .patch(
            &owner,
            (&CASE, &reference),
            Some(Condition::Version(1)),
            change,
            None,
        )
        .unwrap();
    for _ in 0..2 {
        let again = desk
            .services()
            .create(&owner, &CASE, title(), request(b"a"))
            .unwrap();
        assert!(again.replayed);
        assert_eq!(again.records, first.records);
        desk.restart();
    }
    let other = desk.services().create(&owner, &CASE, title(), request(b"b"));
    assert!(matches!(other, Err(Failure::Conflict(Clash::Idempotency, ..))));
}

#[test]
fn a_stale_version_changes_nothing() {
    let desk = TestDesk::open();
    let owner = desk.owner();
    let case = desk
        .services()
        .create(&owner, &CASE, fields(serde_json::json!({"title": "x"})), None)
        .unwrap();
    let reference = case.records[0].id.to_string();
    let to = |title: &str| fields(serde_json::json!({ "title": title }));
    let changed = desk
        .services()
        .patch(
            &owner,
            (&CASE, &reference),
            Some(Condition::Version(1)),
            to("y"),
            None,
        )
        .unwrap();
    assert_eq!(changed.records[0].version, 2);
    let stale = desk.services().patch(
        &owner,
        (&CASE, &reference),
        Some(Condition::Version(1)),
        to("z"),
        None,
    );
    let Err(Failure::Stale(now)) = stale else { panic!() };
    assert_eq!(now.text("title"), Some("y"));
    let same = desk
        .services()
        .patch(&owner, (&CASE, &reference), None, to("y"), None)
        .unwrap();
    assert_eq!(
        same.records[0].version, 2,
        "nothing differs, so nothing is written"
    );
}

#[test]
fn a_list_reads_each_record_once_also_what_its_records_name() {
    let desk = TestDesk::open();
    let owner = desk.owner();
    let make = |kind, json| desk.services().create(&owner, kind, fields(json), None).unwrap();
    make(&CASE, serde_json::json!({"title": "Harbor"}));
    let item = serde_json::json!({"case_id": "INV-2026-0001", "type": "physical", "description": "a knife"});
    let item = make(&EVIDENCE, item).records[0].id.to_string();
    for number in 0..20 {
        let entry = serde_json::json!({
            "case_id": "INV-2026-0001", "timestamp": "2026-03-17T21:00:00Z",
            "description": format!("entry {number}"), "about": [&item],
        });
        make(&TIMELINE_ENTRY, entry);
    }
    let work = desk.services().work();
    let before = (work.snapshots(), work.records());
    let page = desk.services().list(&owner, &TIMELINE_ENTRY, &Listing::default());
    assert_eq!(page.unwrap().records.len(), 20);
    let after = (work.snapshots(), work.records());
    assert_eq!(after.0 - before.0, 1, "one snapshot");
    assert_eq!(after.1 - before.1, 20 + 2, "the entries, their case, their item");
}

#[test]
fn evidence_belongs_to_a_case_that_its_caller_can_read() {
    let desk = TestDesk::open();
    let owner = desk.owner();
    let item = |case: &str| {
        fields(serde_json::json!({"case_id": case, "type": "physical", "description": "a knife"}))
    };
    let nowhere = desk
        .services()
        .create(&owner, &EVIDENCE, item("INV-2026-0001"), None);
    assert!(matches!(nowhere, Err(Failure::Invalid(faults)) if faults[0].path == "data.case_id"));
    let case = desk
        .services()
        .create(&owner, &CASE, fields(serde_json::json!({"title": "x"})), None)
        .unwrap();
    let made = desk
        .services()
        .create(&owner, &EVIDENCE, item("INV-2026-0001"), None)
        .unwrap();
    let listing = Listing {
        parent: Some(("case_id", case.records[0].id)),
        ..Listing::default()
    };
    let page = desk.services().list(&owner, &EVIDENCE, &listing).unwrap();
    assert_eq!(page.records, made.records);
    let foreign = desk.owner_of("elsewhere");
    assert!(matches!(
        desk.services().read(&foreign, &CASE, "INV-2026-0001"),
        Err(Failure::Unknown("case"))
    ));
    assert!(matches!(
        desk.services()
            .read(&foreign, &CASE, &case.records[0].id.to_string()),
        Err(Failure::Unknown("case"))
    ));
}
