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
    let ask = async |tag: &str| test.get_with(&path, &[("if-none-match", tag)]).await;
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

/// A snippet showed an auditor's key the words of notes that it could not read, and `/v1/notes` those about persons that it
/// could not read: a note is told to who may read both.
#[tokio::test]
async fn a_note_is_read_by_who_may_read_notes_and_what_it_is_about() {
    let test = TestBox::start().await;
    let person = json!({"kind": "person", "display_name": "Ann Yarrow"});
    test.post("/v1/entities", person).await.expect(201);
    let note = json!({"text": "Yogurt in the fridge"});
    let note = test.post("/v1/entities/ENT-0001/notes", note).await.expect(201);
    let path = note.json()["links"]["self"].as_str().unwrap().to_owned();
    let table = [
        (&["cases:read", "entities:read"][..], (1, 1), [200, 200, 200], 1),
        (&["entities:read"], (0, 1), [403, 403, 403], 0),
        (&["cases:read"], (0, 0), [404, 403, 200], 0),
    ];
    for (scopes, (noted, named), statuses, listed) in table {
        let key = test.key_with(scopes);
        for (word, expected) in [("yogurt", noted), ("yarrow", named)] {
            let path = format!("/v1/search?q={word}&consistency=wait");
            let found = test.get_as(&key, &path).await.expect(200).json();
            assert_eq!(found["meta"]["total"], expected, "{scopes:?} {word}");
            let told = found.to_string().to_lowercase().contains("fridge");
            assert!(told <= (noted == 1), "{scopes:?} {word}: {found}");
        }
        for (path, status) in [path.as_str(), "/v1/entities/ENT-0001/notes", "/v1/notes"]
            .into_iter()
            .zip(statuses)
        {
            // The second time from memory, if it stands there.
            for _ in 0..2 {
                assert_eq!(test.get_as(&key, path).await.status, status, "{scopes:?} {path}");
            }
        }
        let list = test.get_as(&key, "/v1/notes").await.json();
        assert_eq!(list["data"].as_array().map_or(0, Vec::len), listed, "{scopes:?}");
    }
}

/// The number of all notes was told to keys that may not read those about persons.
#[tokio::test]
async fn notes_are_counted_for_those_who_may_read_them_all() {
    let test = TestBox::start().await;
    let person = json!({"kind": "person", "display_name": "Ann Yarrow"});
    test.post("/v1/entities", person).await.expect(201);
    test.post("/v1/cases", json!({"title": "x"})).await.expect(201);
    for above in ["entities/ENT-0001", "cases/INV-2026-0001", "cases/INV-2026-0001"] {
        let path = format!("/v1/{above}/notes");
        test.post(&path, json!({"text": "x"})).await.expect(201);
    }
    let reader = test.key_with(&["cases:read"]);
    for (key, limit, expected) in [
        (&test.key, 1, json!(3)),
        (&reader, 1, json!(null)),
        (&reader, 9, json!(2)),
    ] {
        let path = format!("/v1/notes?limit={limit}");
        let list = test.get_as(key, &path).await.expect(200).json();
        assert_eq!(list["meta"]["total"], expected, "{path}");
    }
}
