//! Many records in one commit.

use axum::http::Method;
use serde_json::{Value as Json, json};

use crate::support::testbox::{Answer, TestBox};

async fn send(test: &TestBox, rows: &Json, atomic: bool, headers: &[(&str, &str)]) -> Answer {
    let body = json!({"data": rows, "meta": {"atomic": atomic}});
    test.send(TestBox::request(
        Method::POST,
        "/v1/batch",
        Some(&test.key),
        headers,
        Some(&body),
    ))
    .await
}

fn results(answer: &Answer) -> Vec<String> {
    let data = answer.data();
    let rows = data.as_array().unwrap();
    rows.iter()
        .map(|row| row["result"].as_str().unwrap().to_owned())
        .collect()
}

#[tokio::test]
async fn later_rows_name_earlier_ones_and_a_second_run_updates() {
    let test = TestBox::start().await;
    let rows = json!([
        {"kind": "case", "external_id": "c1", "data": {"title": "x"}},
        {"kind": "evidence", "external_id": "e1", "data": {"case_id": "ext:c1", "type": "photo", "description": "y"}},
        {"kind": "note", "data": {"record_id": "ext:e1", "text": "z"}},
    ]);
    let key = [("idempotency-key", "batch-1")];
    let first = send(&test, &rows, true, &key).await.expect(200);
    assert_eq!(results(&first), ["created", "created", "created"]);
    assert_eq!(first.data()[0]["display_id"], "INV-2026-0001");
    let again = send(&test, &rows, true, &key).await.expect(200);
    assert_eq!(
        (again.header("idempotency-replayed"), again.data()),
        ("true", first.data())
    );
    let later = send(&test, &rows, true, &[]).await.expect(200);
    assert_eq!(results(&later), ["updated", "updated", "created"]);
    // Of the last run the case and the item were as they should be, so nothing of them was written.
    let key = [("idempotency-key", "batch-2")];
    let third = send(&test, &rows, true, &key).await.expect(200);
    let again = send(&test, &rows, true, &key).await.expect(200);
    assert_eq!(
        (again.header("idempotency-replayed"), again.data()),
        ("true", third.data())
    );
}

#[tokio::test]
async fn one_bad_row_refuses_all_unless_the_client_says_otherwise() {
    let test = TestBox::start().await;
    let rows = json!([
        {"kind": "case", "data": {"title": "x"}},
        {"kind": "case", "data": {"titel": "x"}},
        {"kind": "case", "data": {"title": "y"}},
        {"kind": "office", "data": {"name": 7}},
    ]);
    let refused = send(&test, &rows, true, &[]).await.expect(400);
    assert_eq!(
        refused.messages(),
        [
            "data[1].data.title is missing: text is needed",
            "data[1].data.titel: no such property",
            "data[3].data.name: expected text",
        ]
    );
    assert_eq!(test.get("/v1/cases").await.data(), json!([]));
    let key = [("idempotency-key", "partly")];
    let partly = send(&test, &rows, false, &key).await.expect(200);
    assert_eq!(results(&partly), ["created", "refused", "created", "refused"]);
    assert_eq!(partly.data()[2]["display_id"], "INV-2026-0002");
    assert_eq!(partly.data()[3]["errors"][0]["code"], "INPUT_SCHEMA_VIOLATION");
    let again = send(&test, &rows, false, &key).await.expect(200);
    assert_eq!(
        (again.header("idempotency-replayed"), again.data()),
        ("true", partly.data())
    );
    assert_eq!(test.get("/v1/cases").await.data().as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn rows_that_are_none_are_all_named() {
    let test = TestBox::start().await;
    let rows = json!([7, {"kind": "user", "data": {}}, {"kind": "case"}, {"data": {}, "x": 1}]);
    let refused = send(&test, &rows, true, &[]).await.expect(400);
    let paths: Vec<_> = refused
        .messages()
        .iter()
        .map(|text| text.split([':', ' ']).next().unwrap().to_owned())
        .collect();
    assert_eq!(
        paths,
        [
            "data[0]",
            "data[1].kind",
            "data[2].data",
            "data[3].kind",
            "data[3].x"
        ]
    );
    assert_eq!(
        send(&test, &json!([]), true, &[]).await.expect(400).codes(),
        ["MISSING_INPUT_DATA"]
    );
}

#[tokio::test]
async fn what_is_taken_hides_no_fault_of_another_row_nor_of_the_request() {
    let test = TestBox::start().await;
    let taken = |title: &str| json!({"kind": "case", "data": {"title": title, "external_id": "x1"}});
    send(&test, &json!([taken("x")]), true, &[]).await.expect(200);
    let rows = json!([
        {"kind": "case", "data": {"titel": "b"}},
        {"kind": "case", "data": {"title": "c", "priority": "hihg"}},
        taken("d"),
    ]);
    let told = [
        (
            "MISSING_INPUT_DATA",
            "data[0].data.title is missing: text is needed",
        ),
        ("INPUT_SCHEMA_VIOLATION", "data[0].data.titel: no such property"),
        (
            "INPUT_SCHEMA_VIOLATION",
            "data[1].data.priority: expected one of low, medium, high, critical",
        ),
        ("DUPLICATE", "data[2]: another case has this external_id"),
    ];
    let check = |refused: &Answer, told: &[(&str, &str)]| {
        let (codes, texts) = (refused.codes(), refused.messages());
        let all: Vec<_> = codes
            .iter()
            .zip(&texts)
            .map(|(code, text)| (code.as_str(), text.as_str()))
            .collect();
        assert_eq!(all, told);
    };
    check(&send(&test, &rows, true, &[]).await.expect(400), &told);
    // What is wrong around the rows is told with them.
    let body = json!({"data": rows, "meta": {"atomic": "no"}});
    let headers = [("if-match", "\"7\""), ("idempotency-key", "a b")];
    let around = TestBox::request(
        Method::POST,
        "/v1/batch?foo=1",
        Some(&test.key),
        &headers,
        Some(&body),
    );
    let around = test.send(around).await.expect(400);
    let begins = [
        "foo: ",
        "Idempotency-Key: ",
        "meta.atomic: ",
        "If-Match: nothing is bound to a version here",
    ];
    let texts = around.messages();
    assert_eq!(texts.len(), begins.len() + told.len(), "{texts:?}");
    for begin in begins {
        assert!(
            texts.iter().any(|text| text.starts_with(begin)),
            "{begin} {texts:?}"
        );
    }
    // Where nothing else is wrong, it is a conflict, of each row.
    let rows = json!([taken("d"), {"kind": "case", "data": {"title": "e"}}, taken("f")]);
    let refused = send(&test, &rows, true, &[]).await.expect(409);
    let taken = |row: usize| {
        (
            "DUPLICATE",
            format!("data[{row}]: another case has this external_id"),
        )
    };
    let (first, second) = (taken(0), taken(2));
    check(&refused, &[(first.0, &first.1), (second.0, &second.1)]);
    let meta = &refused.json()["meta"];
    assert_eq!(meta["duplicates"][1]["existing"], meta["existing"]);
    for place in [0, 1] {
        assert_eq!(meta["duplicates"][place]["field"], "external_id");
    }
    assert_eq!(test.get("/v1/cases").await.data().as_array().unwrap().len(), 1);
}
