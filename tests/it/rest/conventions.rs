//! What holds on every route: the envelope, the codes, limits, versions, repeated requests.

use axum::http::Method;
use serde_json::json;

use crate::support::testbox::TestBox;

#[tokio::test]
async fn a_case_is_made_read_changed_and_listed() {
    let test = TestBox::start().await;
    let made = test
        .post(
            "/v1/cases",
            json!({"title": "Break-in at the depot", "priority": "high"}),
        )
        .await
        .expect(201);
    assert_eq!(made.data()["display_id"], "INV-2026-0001");
    assert_eq!(made.data()["status"], "open");
    assert_eq!(made.header("etag"), "\"1\"");
    assert!(!made.header("x-request-id").is_empty());
    let link = made.json()["links"]["self"].as_str().unwrap().to_owned();
    let changed = test.patch(&link, json!({"priority": "low"})).await.expect(200);
    assert_eq!(changed.header("etag"), "\"2\"");
    let read = test.get("/v1/cases/INV-2026-0001").await.expect(200);
    assert_eq!(read.data(), changed.data());
    let list = test.get("/v1/cases?fields=title,priority").await.expect(200);
    let expected = json!([{"id": read.data()["id"], "title": "Break-in at the depot", "priority": "low"}]);
    assert_eq!(list.data(), expected);
}

#[tokio::test]
async fn failures_come_in_the_envelope_with_their_codes() {
    let test = TestBox::start().await;
    let faults = test
        .post("/v1/cases", json!({"titel": "x", "priority": "urgent"}))
        .await
        .expect(400);
    let mut codes = faults.codes();
    codes.sort();
    assert_eq!(
        codes,
        [
            "INPUT_SCHEMA_VIOLATION",
            "INPUT_SCHEMA_VIOLATION",
            "MISSING_INPUT_DATA"
        ]
    );
    assert_eq!(faults.json().get("data"), None);
    assert_eq!(
        test.get("/v1/cases/INV-2026-0001").await.expect(404).codes(),
        ["CASE_NOT_FOUND"]
    );
    assert_eq!(test.get("/v1/nothing").await.expect(404).codes(), ["NOT_FOUND"]);
    let method = test.delete("/v1/cases").await.expect(405);
    assert_eq!(
        (method.codes(), method.header("allow")),
        (vec!["METHOD_NOT_ALLOWED".to_owned()], "GET, HEAD, POST")
    );
    let nobody = test
        .send(TestBox::request(Method::GET, "/v1/cases", None, &[], None))
        .await
        .expect(401);
    assert!(nobody.header("www-authenticate").starts_with("Bearer"));
    let reader = test.key_with(&["entities:read"]);
    let denied = test.get_as(&reader, "/v1/cases").await.expect(403);
    assert_eq!(denied.messages(), ["the scope cases:read is needed"]);
    let typo = test.get("/v1/cases?limt=3").await.expect(400);
    assert_eq!(typo.messages(), ["limt: no such parameter"]);
}
