//! Restricted, juvenile and sealed cases: who sees them, by whatever way, and the stated reason that opens one.

use blotter::domain::kind::{ALERT, CASE, EVIDENCE};
use blotter::domain::record::Record;
use blotter::domain::value::Value;
use blotter::services::caller::Caller;
use blotter::services::casebook::Listing;
use blotter::services::failure::{Clash, Failure};

use super::{case, entries, fields, person, program};
use crate::support::desk::TestDesk;

#[test]
fn a_class_is_seen_by_those_who_are_cleared_for_it_or_named() {
    let desk = TestDesk::open();
    let (named, named_caller) = person(&desk, "named", "officer");
    let callers = [
        ("named", named_caller),
        ("viewer", person(&desk, "viewer", "viewer").1),
        ("officer", person(&desk, "officer", "officer").1),
        ("supervisor", person(&desk, "supervisor", "supervisor").1),
        ("administrator", person(&desk, "administrator", "administrator").1),
        ("key", program(&desk, &["*"])),
        ("cleared key", program(&desk, &["*", "cases:restricted"])),
        ("owner", desk.owner()),
    ];
    let everybody = callers
        .iter()
        .map(|(name, _)| *name)
        .collect::<Vec<_>>()
        .join(", ");
    let cleared = "named, supervisor, administrator, cleared key, owner";
    for (class, readers) in [
        ("open", everybody.as_str()),
        ("restricted", cleared),
        ("juvenile", cleared),
        ("sealed", "administrator, owner"),
    ] {
        let made = case(
            &desk,
            serde_json::json!({
                "title": class, "classification": class, "officers": [named.id.to_string()],
                "external_id": class, "case_number": format!("N-{class}"),
            }),
        );
        for (name, caller) in &callers {
            let sees = readers.split(", ").any(|reader| reader == *name);
            check_sight(&desk, caller, &made, sees, &format!("{class} {name}"));
        }
    }
}

/// By every way to a case and to what belongs to it.
fn check_sight(desk: &TestDesk, caller: &Caller, case: &Record, sees: bool, about: &str) {
    let services = desk.services();
    let input = serde_json::json!({
        "case_id": case.id.to_string(), "type": "physical", "description": "a knife",
    });
    let item = services.create(&desk.owner(), &EVIDENCE, fields(input.clone()), None);
    let item = item.unwrap().records[0].id.to_string();
    let external = format!("ext:{}", case.text("external_id").unwrap());
    let display = case.text("display_id").unwrap().to_owned();
    for reference in [case.id.to_string(), display, external] {
        let read = services.read(caller, &CASE, &reference);
        assert_eq!(read.is_ok(), sees, "{about} {reference}");
    }
    assert_eq!(services.read(caller, &EVIDENCE, &item).is_ok(), sees, "{about}");
    let all = services.list(caller, &CASE, &Listing::default()).unwrap();
    assert_eq!(
        all.records.iter().any(|record| record.id == case.id),
        sees,
        "{about}"
    );
    let inside = Listing {
        parent: Some(("case_id", case.id)),
        ..Listing::default()
    };
    let items = services.list(caller, &EVIDENCE, &inside).unwrap();
    assert_eq!(!items.records.is_empty(), sees, "{about}");
    if caller.scopes().contains("evidence:write") {
        let added = services.create(caller, &EVIDENCE, fields(input), None);
        assert_eq!(added.is_ok(), sees, "a reference: {about}");
    }
}

#[test]
fn a_clash_does_not_tell_which_hidden_record_it_is() {
    let desk = TestDesk::open();
    let services = desk.services();
    let hidden = case(
        &desk,
        serde_json::json!({
            "title": "x", "classification": "restricted", "case_number": "N-1", "external_id": "e-1",
        }),
    );
    let (_, officer) = person(&desk, "officer", "officer");
    let (_, supervisor) = person(&desk, "supervisor", "supervisor");
    for name in ["case_number", "external_id"] {
        let value = hidden.text(name).unwrap();
        let input = || fields(serde_json::json!({"title": "y", name: value}));
        let Err(Failure::Conflict(Clash::Duplicate, _, meta)) =
            services.create(&officer, &CASE, input(), None)
        else {
            panic!()
        };
        assert_eq!(meta, fields(serde_json::json!({"field": name})), "no id");
        let Err(Failure::Conflict(_, _, meta)) = services.create(&supervisor, &CASE, input(), None) else {
            panic!()
        };
        assert_eq!(meta.get("existing"), Some(&Value::Id(hidden.id)));
    }
    let put = services.put_external(
        &officer,
        (&CASE, "e-1"),
        None,
        fields(serde_json::json!({"title": "z"})),
        None,
    );
    let Err(Failure::Conflict(Clash::Duplicate, _, meta)) = put else {
        panic!()
    };
    assert_eq!(meta, fields(serde_json::json!({"field": "external_id"})), "no id");
}

#[test]
fn only_who_is_cleared_lets_others_see_a_case_or_seals_it() {
    let desk = TestDesk::open();
    let services = desk.services();
    let (named, caller) = person(&desk, "named", "officer");
    let (friend, _) = person(&desk, "friend", "officer");
    let (_, supervisor) = person(&desk, "supervisor", "supervisor");
    let made = case(
        &desk,
        serde_json::json!({
            "title": "x", "classification": "restricted", "officers": [named.id.to_string()],
        }),
    );
    let reference = made.id.to_string();
    let both = [named.id.to_string(), friend.id.to_string()];
    let patch = |caller, json| services.patch(caller, (&CASE, &reference), None, fields(json), None);
    patch(&caller, serde_json::json!({"title": "y"})).unwrap();
    for json in [
        serde_json::json!({"classification": "open"}),
        serde_json::json!({"officers": both}),
        serde_json::json!({"team": [{"user_id": friend.id.to_string(), "name": "F", "role": "r"}]}),
        serde_json::json!({"classification": "sealed"}),
    ] {
        assert!(
            matches!(patch(&caller, json.clone()), Err(Failure::Denied(_))),
            "{json}"
        );
    }
    assert!(matches!(
        patch(&supervisor, serde_json::json!({"classification": "sealed"})),
        Err(Failure::Denied(_))
    ));
    patch(&supervisor, serde_json::json!({"officers": both})).unwrap();
    patch(&supervisor, serde_json::json!({"classification": "open"})).unwrap();
    let sealed = fields(serde_json::json!({"title": "x", "classification": "sealed"}));
    assert!(matches!(
        services.create(&caller, &CASE, sealed, None),
        Err(Failure::Denied(_))
    ));
}

#[test]
fn a_stated_reason_opens_one_restricted_record_once_and_raises_an_alert() {
    let desk = TestDesk::open();
    let services = desk.services();
    let (_, officer) = person(&desk, "officer", "officer");
    let (_, viewer) = person(&desk, "viewer", "viewer");
    let (_, supervisor) = person(&desk, "supervisor", "supervisor");
    let key = program(&desk, &["*"]);
    let reason = Some("a threat to life in progress");
    let restricted = case(
        &desk,
        serde_json::json!({"title": "x", "classification": "restricted"}),
    );
    let reference = restricted.id.to_string();
    let read = |caller, reason| services.read_because(caller, &CASE, &reference, reason);
    assert!(matches!(read(&viewer, reason), Err(Failure::Unknown(_))));
    assert!(matches!(read(&key, reason), Err(Failure::Unknown(_))));
    assert!(matches!(
        read(&officer, Some("because")),
        Err(Failure::Invalid(_))
    ));
    assert!(
        services
            .list(&supervisor, &ALERT, &Listing::default())
            .unwrap()
            .records
            .is_empty()
    );
    assert_eq!(read(&officer, reason).unwrap().id, restricted.id);
    assert!(
        matches!(read(&officer, None), Err(Failure::Unknown(_))),
        "that one time"
    );
    let alerts = services
        .list(&supervisor, &ALERT, &Listing::default())
        .unwrap()
        .records;
    assert_eq!(alerts.len(), 1);
    assert_eq!(alerts[0].get("record_id"), Some(&Value::Id(restricted.id)));
    assert!(
        services
            .list(&officer, &ALERT, &Listing::default())
            .unwrap()
            .records
            .is_empty()
    );
    let entry = &entries(&desk, "break-glass")[0];
    assert_eq!(
        (entry.record, &entry.actor),
        (Some(restricted.id), &officer.actor().who)
    );
    assert_eq!(entry.fields.get("reason").and_then(Value::as_text), reason);
    for class in ["juvenile", "sealed"] {
        let other = case(&desk, serde_json::json!({"title": "x", "classification": class}));
        let read = services.read_because(&officer, &CASE, &other.id.to_string(), reason);
        assert!(matches!(read, Err(Failure::Unknown(_))), "{class}");
    }
}

#[test]
fn whoever_opens_a_case_reads_it() {
    let desk = TestDesk::open();
    let services = desk.services();
    let (user, officer) = person(&desk, "dana", "officer");
    for class in ["open", "restricted", "juvenile"] {
        let input = serde_json::json!({"title": class, "classification": class});
        let made = services
            .create(&officer, &CASE, fields(input.clone()), None)
            .unwrap();
        let made = made.first().unwrap();
        assert!(
            services.read(&officer, &CASE, &made.id.to_string()).is_ok(),
            "{class}"
        );
        let officers = made.members("officers").len();
        assert_eq!(officers, usize::from(class != "open"), "{class}");
        let named =
            serde_json::json!({"title": class, "classification": class, "officers": [user.id.to_string()]});
        let named = services.create(&officer, &CASE, fields(named), None).unwrap();
        assert_eq!(named.first().unwrap().members("officers").len(), 1, "{class}");
        let key = services.create(&program(&desk, &["*"]), &CASE, fields(input.clone()), None);
        assert_eq!(key.is_ok(), class == "open", "{class}");
        let cleared = program(&desk, &["*", "cases:restricted"]);
        assert!(
            services.create(&cleared, &CASE, fields(input), None).is_ok(),
            "{class}"
        );
    }
}
