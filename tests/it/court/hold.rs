//! A legal hold is set over the API by who may, stays with its reason, and nothing held leaves the house or the log.

use axum::http::Method;
use serde_json::{Value as Json, json};

use crate::support::testbox::{Answer, TestBox};

const CASE_1: &str = "/v1/cases/INV-2026-0001";
const ITEM_1: &str = "/v1/evidence/EVD-0001";

async fn with_item() -> TestBox {
    let test = TestBox::start().await;
    test.post("/v1/cases", json!({"title": "x"})).await.expect(201);
    let item = json!({"case_id": "INV-2026-0001", "type": "physical", "description": "a knife"});
    test.post("/v1/evidence", item).await.expect(201);
    test
}

async fn post_as(test: &TestBox, scopes: &[&str], path: &str, data: Json) -> Answer {
    let key = test.key_with(scopes);
    let body = json!({ "data": data });
    test.send(TestBox::request(Method::POST, path, Some(&key), &[], Some(&body)))
        .await
}

#[tokio::test]
async fn a_hold_is_set_by_who_may_and_keeps_its_reason_and_is_never_taken_back() {
    let test = with_item().await;
    let hold = &format!("{CASE_1}/hold");
    let said = json!({"reason": "a civil suit", "order": "1 O 7/26"});
    let all_but_that = ["cases:write", "evidence:write", "custody:write", "users:admin"];
    let refused = post_as(&test, &all_but_that, hold, said.clone())
        .await
        .expect(403);
    assert_eq!(refused.messages(), ["the scope records:hold is needed"]);
    let blind = post_as(&test, &["records:hold"], hold, said.clone()).await;
    assert_eq!(blind.expect(403).messages(), ["the scope cases:read is needed"]);
    for (data, code) in [
        (json!({"order": "1"}), "MISSING_INPUT_DATA"),
        (json!({"reason": "x", "until": "2027"}), "INPUT_SCHEMA_VIOLATION"),
    ] {
        assert_eq!(test.post(hold, data).await.expect(400).codes(), [code]);
    }
    assert_eq!(test.get(CASE_1).await.data()["hold"], "none");
    let held = post_as(&test, &["records:hold", "cases:read"], hold, said)
        .await
        .expect(201)
        .data();
    assert_eq!((&held["hold"], &held["version"]), (&json!("held"), &json!(2)));
    let again = test
        .post(hold, json!({"reason": "another suit"}))
        .await
        .expect(201);
    assert_eq!(again.data()["version"], 2);
    let notes = test.get(&format!("{CASE_1}/notes")).await.expect(200).data();
    let texts: Vec<_> = notes
        .as_array()
        .unwrap()
        .iter()
        .map(|note| &note["text"])
        .collect();
    assert_eq!(texts, ["1 O 7/26: a civil suit", "another suit"]);
    let refused = test.patch(CASE_1, json!({"hold": "none"})).await.expect(400);
    assert!(refused.messages()[0].contains("is set by the server"));
    let audit = test.get("/v1/audit?event=hold").await.expect(200).data();
    assert!(audit.as_array().unwrap().len() >= 2, "{audit}");
    test.post("/v1/entities/ENT-0001/hold", json!({"reason": "x"}))
        .await
        .expect(404);
}

#[tokio::test]
async fn what_is_held_or_lies_on_a_held_case_is_neither_given_away_nor_expunged() {
    let test = with_item().await;
    let note = test
        .post(&format!("{ITEM_1}/notes"), json!({"text": "rusty"}))
        .await;
    let note = note.expect(201).data()["id"].as_str().unwrap().to_owned();
    test.post(&format!("{CASE_1}/hold"), json!({"reason": "a civil suit"}))
        .await
        .expect(201);
    let chain = test.get(&format!("{ITEM_1}/custody")).await.expect(200).data();
    for action in ["disposed", "destroyed", "returned"] {
        let step = json!({"action": action, "follows": chain["follows"]});
        let refused = test.post(&format!("{ITEM_1}/custody"), step).await.expect(409);
        assert_eq!(refused.codes(), ["CUSTODY_CONFLICT"]);
        let expected = format!("the case of the item is under a legal hold, so it can't be {action}");
        assert_eq!(refused.messages(), [expected]);
    }
    let scopes = [
        "records:expunge",
        "cases:read",
        "evidence:read",
        "cases:restricted",
    ];
    let order = json!({"order": "4 Ds 113/26", "reason": "acquitted"});
    for path in [CASE_1.to_owned(), ITEM_1.to_owned(), format!("/v1/notes/{note}")] {
        let refused = post_as(&test, &scopes, &format!("{path}/expunge"), order.clone()).await;
        let expected = "the case INV-2026-0001 is under a legal hold, so nothing of it can be expunged";
        assert_eq!(refused.expect(409).messages(), [expected], "{path}");
    }
    // The item itself says so too.
    test.post(&format!("{ITEM_1}/hold"), json!({"reason": "another suit"}))
        .await
        .expect(201);
    let step = json!({"action": "disposed", "follows": chain["follows"]});
    let refused = test.post(&format!("{ITEM_1}/custody"), step).await.expect(409);
    assert!(refused.messages()[0].starts_with("the item is under a legal hold"));
}
