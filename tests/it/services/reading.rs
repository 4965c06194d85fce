//! Records kept in memory as they are shown: what a writer was told is there, everybody reads from then on.

use std::sync::atomic::{AtomicI64, Ordering};

use blotter::domain::kind::CASE;
use blotter::domain::record::Record;
use blotter::domain::value::Value;
use blotter::services::audit::reader::AuditFilter;
use blotter::services::audit::tally::Noted;
use blotter::services::failure::Outcome;
use blotter::store::database::Read;

use crate::services::casebook::fields;
use crate::support::desk::TestDesk;

fn show(_: &dyn Read, record: &Record) -> Outcome<Vec<u8>> {
    Ok(record.text("title").unwrap_or_default().into())
}

fn case(desk: &TestDesk, title: &str) -> String {
    let given = fields(serde_json::json!({ "title": title }));
    let made = desk.services().create(&desk.owner(), &CASE, given, None).unwrap();
    made.records[0].id.to_string()
}

/// Reads as a lane does: from memory if the record stands there.
fn read(desk: &TestDesk, id: &str) -> String {
    let (services, owner) = (desk.services(), desk.owner());
    let shown = services.recall(&owner, &CASE, id);
    let shown = shown.unwrap_or_else(|| services.read_shown(&owner, &CASE, id, None, show).unwrap());
    String::from_utf8(shown.text().to_vec()).unwrap()
}

#[test]
fn no_reader_gets_less_than_what_a_writer_was_answered_before() {
    const WRITES: i64 = 200;
    let desk = TestDesk::open();
    let id = case(&desk, "0");
    let answered = AtomicI64::new(0);
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                let mut last = 0;
                while last < WRITES {
                    let least = answered.load(Ordering::SeqCst).max(last);
                    last = read(&desk, &id).parse().unwrap();
                    assert!(last >= least, "{last} was read after {least} was written or read");
                }
            });
        }
        for number in 1..=WRITES {
            let change = fields(serde_json::json!({"title": number.to_string()}));
            desk.services()
                .patch(&desk.owner(), (&CASE, &id), None, change, None)
                .unwrap();
            answered.store(number, Ordering::SeqCst);
            assert_eq!(read(&desk, &id), number.to_string(), "own writes are read");
        }
    });
}

#[test]
fn what_is_shown_again_comes_from_memory_until_it_changes() {
    let desk = TestDesk::open();
    let (services, owner) = (desk.services(), desk.owner());
    let id = case(&desk, "x");
    let other = case(&desk, "y");
    assert!(services.recall(&owner, &CASE, &id).is_none());
    read(&desk, &id);
    read(&desk, &other);
    assert!(services.recall(&owner, &CASE, &id).is_some());
    assert!(services.recall(&desk.owner_of("other"), &CASE, &id).is_none());
    let change = fields(serde_json::json!({"title": "z"}));
    services.patch(&owner, (&CASE, &id), None, change, None).unwrap();
    assert!(services.recall(&owner, &CASE, &id).is_none());
    assert!(services.recall(&owner, &CASE, &other).is_some());
}

#[test]
fn reads_from_memory_are_all_in_the_audit_log() {
    let mut desk = TestDesk::open();
    let id = case(&desk, "x");
    read(&desk, &id);
    for _ in 0..9 {
        let (services, owner) = (desk.services(), desk.owner());
        let shown = services.recall(&owner, &CASE, &id).unwrap();
        match services.note_recalled(&owner, &shown) {
            Noted::Kept => {}
            Noted::Untold => services.tell_noted().unwrap(),
            Noted::Refused => panic!("the store takes entries"),
        }
    }
    desk.restart();
    let filter = AuditFilter {
        event: Some("read".into()),
        ..AuditFilter::default()
    };
    let page = desk.services().audit(&desk.owner(), &filter, None, 100).unwrap();
    let count = |entry: &Option<&Value>| entry.and_then(Value::as_int).unwrap_or(1);
    let counts = page.entries.iter().map(|entry| entry.fields.get("count"));
    assert_eq!(counts.map(|entry| count(&entry)).sum::<i64>(), 10);
}
