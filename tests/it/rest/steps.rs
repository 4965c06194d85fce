//! What a state machine guards: a case is closed and a report approved by a step from the one version that stands; steps that
//! were taken apart are kept, shown and settled.

use axum::http::Method;
use blotter::domain::custody::chain::CUSTODY;
use blotter::domain::id::VersionId;
use blotter::domain::kind::{CASE, EVIDENCE, Kind, REPORT};
use blotter::domain::operation::{Action, Change};
use blotter::domain::value::{Fields, Value};
use serde_json::{Value as Json, json};

use crate::support::testbox::TestBox;

const CASE_1: &str = "/v1/cases/INV-2026-0001";
const REPORT_1: &str = "/v1/reports/1";

async fn with_case() -> TestBox {
    let test = TestBox::start().await;
    test.post("/v1/cases", json!({"title": "x"})).await.expect(201);
    test
}

async fn with_report() -> TestBox {
    let test = TestBox::start().await;
    test.post("/v1/categories", json!({"text": "Theft"}))
        .await
        .expect(201);
    let report = json!({"location": {"x": 1, "y": 2}, "category": {"category_id": 1},
        "reporter": {"name": "A", "phone": "+12075550126"}});
    test.post("/v1/reports", report).await.expect(201);
    test
}

/// The version that stands now.
fn standing(test: &TestBox, (kind, id): (&'static Kind, &'static str)) -> VersionId {
    let rows = test.services().snapshot().unwrap();
    let record = blotter::services::find::record(&rows, &test.owner(), kind, id).unwrap();
    record.standing("status")[0].id
}

/// A change by a unit that was apart and had seen these versions.
fn apart(test: &TestBox, (kind, id): (&'static Kind, &'static str), action: Action, seen: Vec<VersionId>) {
    let status = Change::new("status", action).seeing(seen);
    test.desk().change_apart(&test.owner(), (kind, id), vec![status]);
}

fn words(conflict: &Json) -> Vec<&str> {
    let versions = conflict["status"].as_array().unwrap();
    versions.iter().map(|v| v["value"].as_str().unwrap()).collect()
}

fn settlement(conflicts: &Json, field: &str, value: &str) -> Json {
    let versions = conflicts[field].as_array().unwrap().iter();
    let versions: Vec<Json> = versions.map(|version| version["version"].clone()).collect();
    json!({"field": field, "versions": versions, "value": value, "reason": "asked both"})
}

#[tokio::test]
async fn an_ordinary_patch_that_closes_a_case_is_a_step_from_the_version_that_stands() {
    let test = with_case().await;
    let before = standing(&test, (&CASE, "INV-2026-0001"));
    test.patch(CASE_1, json!({"title": "y"})).await.expect(200);
    let stale = [("if-match", "\"1\"")];
    let refused = test
        .write(Method::PATCH, CASE_1, &stale, json!({"status": "closed"}))
        .await
        .expect(412);
    assert_eq!(refused.codes(), ["VERSION_CONFLICT"]);
    let current = [("if-match", "\"2\"")];
    let closed = test
        .write(Method::PATCH, CASE_1, &current, json!({"status": "closed"}))
        .await
        .expect(200)
        .data();
    assert_eq!(
        (&closed["status"], &closed["stage"]),
        (&json!("closed"), &json!("closed"))
    );
    let history = test.get(&format!("{CASE_1}/history")).await.expect(200).data();
    let changes = history[2]["changes"].as_array().unwrap();
    let step = changes.iter().find(|change| change["field"] == "status").unwrap();
    assert_eq!(
        (&step["action"], &step["value"], &step["replaces"]),
        (&json!("step"), &json!("closed"), &json!([before.to_string()]))
    );
    for other in ["open", "suspended"] {
        let refused = test.patch(CASE_1, json!({"status": other})).await.expect(409);
        assert_eq!(refused.codes(), ["STATE_CONFLICT"]);
    }
    test.patch(CASE_1, json!({"status": null})).await.expect(400);
    let same = test.patch(CASE_1, json!({"status": "closed", "priority": "low"}));
    assert_eq!(same.await.expect(200).data()["version"], 4);
    let list = test.get("/v1/cases?status=closed").await.expect(200).data();
    assert_eq!(list.as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn a_case_closed_by_two_units_apart_is_disputed_until_a_step_names_both() {
    let test = with_case().await;
    let case = (&CASE, "INV-2026-0001");
    let start = standing(&test, case);
    test.patch(CASE_1, json!({"status": "closed"})).await.expect(200);
    apart(&test, case, Action::Step(Value::text("closed")), vec![start]);
    let list = test.get("/v1/conflicts").await.expect(200).data();
    assert_eq!(words(&list[0]["conflicts"]), ["closed", "closed"]);
    let path = list[0]["links"]["settle"].as_str().unwrap();
    let reopened = settlement(&list[0]["conflicts"], "status", "open");
    assert_eq!(
        test.post(path, reopened).await.expect(409).codes(),
        ["STATE_CONFLICT"]
    );
    let settled = settlement(&list[0]["conflicts"], "status", "closed");
    let settled = test.post(path, settled).await.expect(201).data();
    assert_eq!(
        (&settled["status"], settled.get("conflicts")),
        (&json!("closed"), None)
    );
    assert_eq!(test.get("/v1/conflicts").await.expect(200).data(), json!([]));
}

#[tokio::test]
async fn a_case_is_not_closed_from_a_status_that_is_no_longer_the_only_one() {
    let test = with_case().await;
    let case = (&CASE, "INV-2026-0001");
    let start = standing(&test, case);
    test.patch(CASE_1, json!({"status": "active"})).await.expect(200);
    apart(&test, case, Action::Set(Value::text("suspended")), vec![start]);
    let refused = test.patch(CASE_1, json!({"status": "closed"})).await.expect(409);
    assert_eq!(refused.codes(), ["STATE_CONFLICT"]);
    assert_eq!(refused.json()["meta"]["versions"].as_array().unwrap().len(), 2);
    let read = test.get(CASE_1).await.expect(200).data();
    assert_eq!(read["stage"], "open");
    // One that was closed by a unit that knew of one of both only.
    apart(&test, case, Action::Step(Value::text("closed")), vec![start]);
    let read = test.get(CASE_1).await.expect(200).data();
    assert_eq!(words(&read["conflicts"]), ["active", "suspended", "closed"]);
    let settled = settlement(&read["conflicts"], "status", "active");
    let settled = test
        .post("/v1/conflicts/INV-2026-0001", settled)
        .await
        .expect(201)
        .data();
    assert_eq!(
        (&settled["status"], settled.get("conflicts")),
        (&json!("active"), None)
    );
    let closed = test
        .patch(CASE_1, json!({"status": "closed"}))
        .await
        .expect(200)
        .data();
    assert_eq!(
        (&closed["status"], &closed["stage"]),
        (&json!("closed"), &json!("closed"))
    );
}

#[tokio::test]
async fn a_disputed_item_keeps_its_case_open_and_stands_in_the_list_of_conflicts() {
    let test = with_case().await;
    let item = json!({"case_id": "INV-2026-0001", "type": "physical", "description": "a knife"});
    test.post("/v1/evidence", item).await.expect(201);
    let entry = Fields::from([("action".to_owned(), Value::text("collected"))]);
    let step = Change::new(CUSTODY, Action::Step(Value::Map(entry)));
    test.desk()
        .change_apart(&test.owner(), (&EVIDENCE, "EVD-0001"), vec![step]);
    let list = test.get("/v1/conflicts").await.expect(200).data();
    let rivals = list[0]["conflicts"]["custody"].as_array().unwrap();
    assert_eq!((list[0]["kind"].as_str(), rivals.len()), (Some("evidence"), 2));
    let by_value = settlement(&list[0]["conflicts"], "custody", "stored");
    let refused = test.post("/v1/conflicts/EVD-0001", by_value).await.expect(400);
    assert!(refused.messages()[0].contains("names all last ones"));
    // Neither by an ordinary change nor by the settlement of another dispute.
    let case = (&CASE, "INV-2026-0001");
    let refused = test.patch(CASE_1, json!({"status": "closed"})).await.expect(409);
    assert_eq!(refused.codes(), ["CUSTODY_CONFLICT"]);
    apart(&test, case, Action::Set(Value::text("active")), Vec::new());
    let read = test.get(CASE_1).await.expect(200).data();
    let settled = settlement(&read["conflicts"], "status", "closed");
    let refused = test
        .post("/v1/conflicts/INV-2026-0001", settled)
        .await
        .expect(409);
    assert_eq!(refused.codes(), ["CUSTODY_CONFLICT"]);
    assert_eq!(test.get(CASE_1).await.data()["stage"], "open");
}

#[tokio::test]
async fn a_report_is_decided_once_and_taken_up_again_before_it_is_decided_anew() {
    let test = with_report().await;
    let report = (&REPORT, "1");
    let start = standing(&test, report);
    test.patch(REPORT_1, json!({"status": "resolved"}))
        .await
        .expect(200);
    let refused = test
        .patch(REPORT_1, json!({"status": "rejected"}))
        .await
        .expect(409);
    assert_eq!(
        refused.messages(),
        [
            "the status of this report is resolved and can't become rejected: from there it can become in-progress"
        ]
    );
    for status in ["in-progress", "rejected", "in-progress", "resolved"] {
        let changed = test.patch(REPORT_1, json!({"status": status})).await.expect(200);
        assert_eq!(changed.data()["status"], status);
    }
    // Another unit had rejected it from the start.
    apart(&test, report, Action::Step(Value::text("rejected")), vec![start]);
    let read = test.get(REPORT_1).await.expect(200).data();
    assert_eq!(words(&read["conflicts"]), ["resolved", "rejected"]);
    let refused = test
        .patch(REPORT_1, json!({"status": "in-progress"}))
        .await
        .expect(409);
    assert_eq!(refused.codes(), ["STATE_CONFLICT"]);
    let settled = settlement(&read["conflicts"], "status", "rejected");
    let id = read["id"].as_str().unwrap();
    let settled = test
        .post(&format!("/v1/conflicts/{id}"), settled)
        .await
        .expect(201);
    assert_eq!(settled.data()["status"], "rejected");
    test.patch(REPORT_1, json!({"status": "in-progress"}))
        .await
        .expect(200);
}
