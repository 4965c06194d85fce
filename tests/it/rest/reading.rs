//! One record read again and again: from memory, and yet never stale, never by who may not, never more often than is granted.

use axum::http::Method;
use blotter::lanes::http::Options;
use serde_json::json;

use crate::support::testbox::TestBox;

/// Makes a case and reads it twice with the key, the second time from memory; gives its path.
async fn known_case(test: &TestBox, key: &str) -> String {
    let made = test
        .post("/v1/cases", json!({"title": "Break-in"}))
        .await
        .expect(201);
    let path = made.json()["links"]["self"].as_str().unwrap().to_owned();
    let first = test.get_as(key, &path).await.expect(200);
    let second = test.get_as(key, &path).await.expect(200);
    assert_eq!(first.bytes, second.bytes);
    assert_eq!(first.header("etag"), second.header("etag"));
    assert_eq!(first.data(), made.data());
    path
}

#[tokio::test]
async fn a_revoked_key_opens_nothing_from_the_next_request_on() {
    let test = TestBox::start().await;
    let made = test
        .post(
            "/v1/keys",
            json!({"name": "crm", "lanes": ["query"], "scopes": ["cases:read"]}),
        )
        .await
        .expect(201);
    let key = made.data()["key"].as_str().unwrap().to_owned();
    let path = known_case(&test, &key).await;
    let id = made.data()["id"].as_str().unwrap().to_owned();
    test.services().revoke_key(&test.owner(), &id, None).unwrap();
    assert_eq!(
        test.get_as(&key, &path).await.expect(401).codes(),
        ["UNAUTHORIZED"]
    );
}

#[tokio::test]
async fn a_key_that_expires_opens_nothing_from_then_on() {
    let test = TestBox::start().await;
    let given = json!({"name": "crm", "lanes": ["query"], "scopes": ["cases:read"], "expires_at": "2026-03-17T22:14:22Z"});
    let made = test.post("/v1/keys", given).await.expect(201);
    let key = made.data()["key"].as_str().unwrap().to_owned();
    let path = known_case(&test, &key).await;
    test.desk().clock.advance(60 * 60_000);
    test.get_as(&key, &path).await.expect(401);
}

#[tokio::test]
async fn what_was_changed_is_read_and_what_was_closed_is_closed() {
    let test = TestBox::start().await;
    let reader = test.key_with(&["cases:read"]);
    let stranger = test.key_for("other", &["cases:read"], &["query"]);
    let without = test.key_with(&["entities:read"]);
    let path = known_case(&test, &reader).await;
    test.patch(&path, json!({"title": "Burglary"})).await.expect(200);
    let read = test.get_as(&reader, &path).await.expect(200);
    assert_eq!(
        (&read.data()["title"], read.header("etag")),
        (&json!("Burglary"), "\"2\"")
    );
    test.get_as(&reader, &path).await.expect(200);
    test.get_as(&stranger, &path).await.expect(404);
    test.get_as(&without, &path).await.expect(403);
    test.get_as("ak_unknown", &path).await.expect(401);
    let other_agency = [("x-tenant-id", "other")];
    test.send(TestBox::request(
        Method::GET,
        &path,
        Some(&reader),
        &other_agency,
        None,
    ))
    .await
    .expect(404);
    let entity = path.replace("cases", "entities");
    test.get(&entity).await.expect(404);
    test.get(&format!("{path}?reasn=x")).await.expect(400);
    test.patch(&path, json!({"classification": "restricted"}))
        .await
        .expect(200);
    test.get_as(&reader, &path).await.expect(404);
}

#[tokio::test]
async fn who_has_the_version_is_told_so() {
    let test = TestBox::start().await;
    let path = known_case(&test, &test.key).await;
    let ask = |tag: &'static str| {
        let tag = [("if-none-match", tag)];
        test.send(TestBox::request(Method::GET, &path, Some(&test.key), &tag, None))
    };
    for tag in ["\"1\"", "W/\"1\"", "\"7\", \"1\"", "*"] {
        let known = ask(tag).await.expect(304);
        assert_eq!((known.header("etag"), known.bytes.len()), ("\"1\"", 0), "{tag}");
    }
    ask("\"2\"").await.expect(200);
    test.patch(&path, json!({"title": "Burglary"})).await.expect(200);
    ask("\"1\"").await.expect(200);
    ask("\"2\"").await.expect(304);
}

#[tokio::test]
async fn reads_from_memory_take_their_tokens_too() {
    let test = TestBox::start_with(Options {
        requests_per_second: 1,
        request_burst: 6,
        ..Options::default()
    })
    .await;
    let path = known_case(&test, &test.key).await;
    let mut read = 0;
    while test.get(&path).await.status == 200 {
        read += 1;
        assert!(read <= 5, "three tokens were left, and a few came in since");
    }
    assert_eq!(test.get(&path).await.expect(429).codes(), ["RATE_LIMITED"]);
}
