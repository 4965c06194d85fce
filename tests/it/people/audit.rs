//! The audit log: an entry for each kind of request, counts of equal ones, its readers, a disk that takes no more.

use blotter::domain::kind::CASE;
use blotter::domain::value::Value;
use blotter::services::RequestKey;
use blotter::services::audit::reader::AuditFilter;
use blotter::services::caller::Via;
use blotter::services::casebook::Listing;
use blotter::services::failure::Failure;
use blotter::store::hash::sha256;

use super::{case, entries, fields, outcome, person, program, via};
use crate::support::desk::TestDesk;

/// Waits for what rides with the next group: a write is one.
fn settle(desk: &TestDesk) {
    case(desk, serde_json::json!({"title": "settle"}));
}

#[test]
fn every_kind_of_request_leaves_its_entry() {
    let desk = TestDesk::open();
    let services = desk.services();
    let (_, officer) = person(&desk, "officer", "officer");
    let (_, supervisor) = person(&desk, "supervisor", "supervisor");
    let made = case(&desk, serde_json::json!({"title": "x"}));
    let hidden = case(
        &desk,
        serde_json::json!({"title": "y", "classification": "restricted"}),
    );
    let (open, restricted) = (made.id.to_string(), hidden.id.to_string());
    services.read(&supervisor, &CASE, &restricted).unwrap();
    assert_eq!(
        entries(&desk, "read")[0].record,
        Some(hidden.id),
        "durable before the answer"
    );
    services.list(&supervisor, &CASE, &Listing::default()).unwrap();
    let listed = &entries(&desk, "list")[0];
    let restricted_ids = listed.fields.get("restricted").map(Value::as_list);
    assert_eq!(restricted_ids, Some(&[Value::Id(hidden.id)][..]));
    services.read(&officer, &CASE, &restricted).unwrap_err();
    let refused = &entries(&desk, "read")[0];
    assert_eq!((outcome(refused), refused.record), ("unknown", Some(hidden.id)));
    services.read(&officer, &CASE, "INV-1999-0001").unwrap_err();
    let refused = &entries(&desk, "read")[0];
    assert_eq!((outcome(refused), refused.record), ("unknown", None));
    let (_, viewer) = person(&desk, "viewer", "viewer");
    let written = services.create(&viewer, &CASE, fields(serde_json::json!({"title": "x"})), None);
    assert!(matches!(written, Err(Failure::Denied(_))));
    assert_eq!(outcome(&entries(&desk, "create")[0]), "denied");
    services.read(&officer, &CASE, &open).unwrap();
    services
        .note_failure(&officer, "POST /v1/cases", &Failure::wrong("data", "more"))
        .unwrap();
    settle(&desk);
    assert_eq!(entries(&desk, "read")[0].record, Some(made.id));
    assert_eq!(outcome(&entries(&desk, "request")[0]), "invalid");
    let key = Some(RequestKey {
        key: sha256(&[b"k"]),
        body: sha256(&[b"b"]),
    });
    for expected in ["done", "replayed"] {
        let input = fields(serde_json::json!({"title": "z"}));
        services.create(&officer, &CASE, input, key).unwrap();
        assert_eq!(outcome(&entries(&desk, "create")[0]), expected);
    }
}

#[test]
fn equal_reads_within_a_second_are_counted_and_no_count_is_lost_at_a_stop() {
    let mut desk = TestDesk::open();
    let made = case(&desk, serde_json::json!({"title": "x"}));
    for _ in 0..10 {
        desk.services()
            .read(&desk.owner(), &CASE, &made.id.to_string())
            .unwrap();
    }
    desk.restart();
    let reads = entries(&desk, "read");
    let count = |entry: &blotter::services::audit::reader::AuditEntry| {
        entry.fields.get("count").and_then(Value::as_int).unwrap_or(1)
    };
    assert_eq!(reads.iter().map(count).sum::<i64>(), 10);
    assert!(reads.len() <= 3, "{}", reads.len());
}

#[test]
fn a_flood_of_bad_keys_is_counted_by_address() {
    let mut desk = TestDesk::open();
    for number in 0..2_000_u32 {
        let address = Some(std::net::Ipv4Addr::from(number % 1_000).into());
        let from = Via { address, ..via() };
        assert!(desk.services().admit_key("ak_none", from).is_err());
    }
    desk.restart();
    let filter = AuditFilter {
        event: Some("authenticate".into()),
        ..AuditFilter::default()
    };
    let home = desk.owner_of("node");
    let page = desk.services().audit(&home, &filter, None, 5_000).unwrap();
    let counts = page
        .entries
        .iter()
        .map(|entry| entry.fields.get("count").and_then(Value::as_int).unwrap_or(1));
    assert_eq!(counts.sum::<i64>(), 2_000);
    assert!(page.entries.len() < 1_500, "{}", page.entries.len());
}

#[test]
fn the_log_is_read_by_page_and_filter_within_the_agency_by_those_who_may() {
    let desk = TestDesk::open();
    let services = desk.services();
    for _ in 0..7 {
        case(&desk, serde_json::json!({"title": "x"}));
        desk.clock.advance(60_000);
    }
    let all = AuditFilter {
        event: Some("create".into()),
        ..AuditFilter::default()
    };
    let (mut seen, mut after) = (Vec::new(), None);
    loop {
        let page = services.audit(&desk.owner(), &all, after.as_deref(), 3).unwrap();
        seen.extend(page.entries);
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    assert_eq!(seen.len(), 7);
    assert!(
        seen.windows(2).all(|pair| pair[0].at > pair[1].at),
        "newest first"
    );
    let some = AuditFilter {
        from: Some(seen[4].at),
        to: Some(seen[1].at),
        ..all.clone()
    };
    let page = services.audit(&desk.owner(), &some, None, 50).unwrap();
    assert_eq!(page.entries, seen[2..=4]);
    let one = AuditFilter {
        record: seen[2].record,
        actor: Some("owner".into()),
        ..all.clone()
    };
    assert_eq!(
        services.audit(&desk.owner(), &one, None, 50).unwrap().entries,
        seen[2..3]
    );
    assert!(
        services
            .audit(&desk.owner_of("other"), &all, None, 50)
            .unwrap()
            .entries
            .is_empty()
    );
    let (_, officer) = person(&desk, "officer", "officer");
    assert!(matches!(
        services.audit(&officer, &all, None, 50),
        Err(Failure::Denied(_))
    ));
    assert!(
        services
            .audit(&program(&desk, &["audit:read"]), &all, None, 50)
            .is_ok()
    );
    services.begin_audit_export(&desk.owner()).unwrap();
    assert_eq!(entries(&desk, "audit.export").len(), 1);
}
