//! Reports: whose they are, what they are about, and what a stranger with the link may see.

use blotter::domain::id::Hash;
use blotter::domain::kind::{CASE, CREDENTIAL, REPORT};
use blotter::domain::value::Value;
use blotter::services::caller::{Caller, Via};
use blotter::services::casebook::{Area, Listing};
use blotter::services::failure::{Clash, Failure, Outcome};
use blotter::services::reports::ReportRules;
use blotter::services::{Services, Written};
use blotter::store::hash::sha256;

use crate::services::casebook::fields;
use crate::support::desk::TestDesk;

fn via() -> Via {
    Via::of("rest", "test")
}

/// A key with a reporter.
fn center(desk: &TestDesk) -> Caller {
    let owner = desk.owner();
    desk.services().seed_categories(&owner).unwrap();
    assert!(!desk.services().seed_categories(&owner).unwrap());
    let key = fields(serde_json::json!({
        "name": "Control center", "lanes": ["query"], "scopes": ["reports:write", "cases:write"],
        "reporter": {"name": "Control center", "phone": "+41446681800"},
    }));
    assert_eq!(CREDENTIAL.name, "credential");
    let key = desk.services().create_key(&owner, key).unwrap();
    desk.services().admit_key(&key.key, via()).unwrap()
}

fn report() -> serde_json::Value {
    serde_json::json!({"description": "A bicycle was taken.", "location": {"x": 8.54, "y": 47.37},
        "category": {"category_id": 5, "subcategory_id": 6}})
}

fn file(services: &Services, caller: &Caller, json: &serde_json::Value) -> Outcome<Written> {
    let body: Hash = sha256(&[json.to_string().as_bytes()]);
    services.file_report(caller, fields(json.clone()), None, body)
}

fn faults(outcome: Outcome<Written>) -> Vec<(String, String)> {
    let Err(Failure::Invalid(faults)) = outcome else {
        panic!("{outcome:?}")
    };
    let mut told: Vec<_> = faults
        .into_iter()
        .map(|fault| (fault.path, fault.expected))
        .collect();
    told.sort();
    told
}

#[test]
fn a_report_is_numbered_filed_by_the_keys_reporter_and_shown_by_its_secret_alone() {
    let desk = TestDesk::open();
    let (center, services) = (center(&desk), desk.services());
    let filed = file(services, &center, &report()).unwrap();
    let number = filed.records[0].text("display_id").unwrap().to_owned();
    assert_eq!(number, "1");
    let reporter = filed.records[0]
        .get("reporter")
        .and_then(|reporter| reporter.get("phone"));
    assert_eq!(reporter, Some(&Value::text("+41446681800")));
    let messages =
        serde_json::json!([{"text": "first", "type": "text"}, {"text": "second", "label": "Where"}]);
    let messages = Value::from(messages).as_list().to_vec();
    services.send_messages(&center, &number, messages, None).unwrap();
    let theirs = vec![Value::from(serde_json::json!({"text": "for officers only"}))];
    services
        .send_messages(&desk.owner(), &number, theirs, None)
        .unwrap();
    let told = services.read_report(&desk.owner(), &number).unwrap();
    assert_eq!(told.messages.len(), 3);
    let path = services.public_path(&told.report).unwrap();
    let token = path.rsplit('/').next().unwrap();
    let page = services.public_report(token, &via()).unwrap();
    let texts: Vec<_> = page.messages.iter().map(|(_, text)| text.as_str()).collect();
    assert_eq!(
        (texts, page.status.as_str()),
        (vec!["first", "Where: second"], "received")
    );
    assert!(services.public_report("A", &via()).is_err());
    services.revoke_public_link(&desk.owner(), &number, None).unwrap();
    assert!(matches!(
        services.public_report(token, &via()),
        Err(Failure::Unknown("report"))
    ));
}

#[test]
fn a_public_page_ends_by_itself() {
    let desk = TestDesk::open();
    let (center, services) = (center(&desk), desk.services());
    let filed = file(services, &center, &report()).unwrap();
    let path = services.public_path(&filed.records[0]).unwrap();
    let token = path.rsplit('/').next().unwrap();
    desk.clock.advance(30 * 86_400_000 - 1);
    services.public_report(token, &via()).unwrap();
    desk.clock.advance(1);
    assert!(services.public_report(token, &via()).is_err());
}

#[test]
fn every_fault_of_a_report_is_told_and_a_place_says_which_number_is_which() {
    let desk = TestDesk::open();
    let (center, services) = (center(&desk), desk.services());
    let told = faults(file(
        services,
        &center,
        &serde_json::json!({"location": {"x": 47.0, "y": 188.0},
        "category": {"category_id": 5, "subcategory_id": 2}, "reporter": {"phone": "044 668 18 00"}, "titel": 1}),
    ));
    let paths: Vec<_> = told.iter().map(|(path, _)| path.as_str()).collect();
    let expected = [
        "data.category.subcategory_id",
        "data.location.y",
        "data.reporter.name",
        "data.reporter.phone",
        "data.titel",
    ];
    assert_eq!(paths, expected);
    assert!(told[1].1.contains("y is latitude"));
    for category in [
        serde_json::json!({"category_id": 999}),
        serde_json::json!({"category_id": 6}),
    ] {
        let mut json = report();
        json["category"] = category;
        assert_eq!(
            faults(file(services, &center, &json))[0].0,
            "data.category.category_id"
        );
    }
    let nobody = file(services, &desk.owner(), &report());
    assert!(matches!(nobody, Err(Failure::NoReporter)));
}

#[test]
fn a_national_number_is_taken_where_a_region_is_set() {
    let desk = TestDesk::open();
    let center = center(&desk);
    let rules = ReportRules {
        default_region: Some("CH".into()),
        ..ReportRules::default()
    };
    let services = desk.services().clone().with_report_rules(rules);
    let mut json = report();
    json["reporter"] = serde_json::json!({"name": "A", "phone": "044 668 18 00"});
    let filed = file(&services, &center, &json).unwrap();
    let reporter = filed.records[0].get("reporter").unwrap();
    assert_eq!(reporter.get("phone"), Some(&Value::text("+41446681800")));
}

#[test]
fn the_same_report_within_a_minute_is_a_replay_where_that_is_set() {
    let desk = TestDesk::open();
    let center = center(&desk);
    let twice = |services: &Services| {
        (0..2)
            .map(|_| file(services, &center, &report()).unwrap().replayed)
            .collect::<Vec<_>>()
    };
    assert_eq!(twice(desk.services()), [false, false]);
    let rules = ReportRules {
        dedupe: true,
        ..ReportRules::default()
    };
    let services = desk.services().clone().with_report_rules(rules);
    assert_eq!(twice(&services), [false, true]);
    desk.clock.advance(59_999);
    assert_eq!(twice(&services), [true, true]);
    desk.clock.advance(1);
    assert_eq!(twice(&services), [false, true]);
}

#[test]
fn training_is_listed_only_when_it_is_asked_for_and_places_are_found_by_a_box() {
    let desk = TestDesk::open();
    let (center, services) = (center(&desk), desk.services());
    let mut json = report();
    file(services, &center, &json).unwrap();
    json["mode"] = "training".into();
    file(services, &center, &json).unwrap();
    let numbers = |listing: Listing| -> Vec<String> {
        let page = services.list(&center, &REPORT, &listing).unwrap();
        page.records
            .iter()
            .map(|report| report.text("display_id").unwrap().to_owned())
            .collect()
    };
    let mode = |mode: &str| Listing {
        equal: vec![("mode".to_owned(), Value::text(mode))],
        ..Listing::default()
    };
    assert_eq!(numbers(Listing::default()), ["1"]);
    assert_eq!(numbers(mode("training")), ["2"]);
    let within = |text: &str| Listing {
        within: Some(Area::parse(text).unwrap()),
        ..Listing::default()
    };
    assert_eq!(numbers(within("8,47,9,48")), ["1"]);
    assert_eq!(numbers(within("47,8,48,9")), [""; 0]);
    assert_eq!(numbers(within("170,-90,9,90")), ["1"]);
    assert!(Area::parse("8,47,9").is_none() && Area::parse("0,91,1,92").is_none());
}

#[test]
fn a_case_opened_from_a_report_is_linked_both_ways_once() {
    let desk = TestDesk::open();
    let (center, services) = (center(&desk), desk.services());
    file(services, &center, &report()).unwrap();
    let opened = services
        .open_case(
            &center,
            "1",
            fields(serde_json::json!({"priority": "high"})),
            None,
        )
        .unwrap();
    let case = opened
        .records
        .iter()
        .find(|record| record.kind == CASE.name)
        .unwrap();
    assert_eq!(case.text("title"), Some("Burglary: A bicycle was taken."));
    let told = services.read_report(&center, "1").unwrap();
    assert_eq!(told.report.get("case_id"), Some(&Value::Id(case.id)));
    assert_eq!(case.get("report_id"), Some(&Value::Id(told.report.id)));
    assert_eq!(told.report.text("status"), Some("in-progress"));
    let again = services.open_case(&center, "1", fields(serde_json::json!({})), None);
    assert!(matches!(again, Err(Failure::Conflict(Clash::State, ..))));
    let moved = fields(serde_json::json!({"location": {"x": 1, "y": 1}, "status": "resolved"}));
    let refused = services.change_report(&center, "1", None, moved, None);
    assert_eq!(faults(refused)[0].0, "data.location");
    assert_eq!(REPORT.plural, "reports");
}
