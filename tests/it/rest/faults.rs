//! All faults of a request are told at once, and nothing happens for one that has any; what a client sends back of an answer is
//! no fault; bytes that are not what their digest says are.

use axum::body::Body;
use axum::http::{Method, Request};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value as Json, json};
use sha2::{Digest, Sha256, Sha512};

use crate::support::testbox::{Answer, TestBox};

/// A request with this body, as it is.
async fn send(test: &TestBox, method: Method, path: &str, headers: &[(&str, &str)], body: Json) -> Answer {
    test.send(TestBox::request(
        method,
        path,
        Some(&test.key),
        headers,
        Some(&body),
    ))
    .await
}

/// What the messages are about, in order.
fn paths(answer: &Answer) -> Vec<String> {
    let messages = answer.messages();
    let mut paths: Vec<String> = messages
        .iter()
        .filter_map(|message| Some(message.split_once(": ")?.0.to_owned()))
        .collect();
    paths.sort();
    paths
}

#[tokio::test]
async fn faults_around_data_do_not_hide_those_in_it() {
    let test = TestBox::start().await;
    let body = json!({
        "data": {"title": 1, "priority": "urgent", "titel": "x", "tags": 7},
        "meta": {"zz": 1}, "foo": 1,
    });
    let around = ["foo", "meta.zz"];
    let within = ["data.priority", "data.tags", "data.titel", "data.title"];
    let refused = send(&test, Method::POST, "/v1/cases", &[], body.clone())
        .await
        .expect(400);
    assert_eq!(paths(&refused), [&within[..], &around].concat());
    // Of the query and of the headers too, and on routes that are answered in another way.
    let headers = [("idempotency-key", "a b")];
    let refused = send(&test, Method::POST, "/v1/cases?wat=1", &headers, body.clone())
        .await
        .expect(400);
    assert_eq!(
        paths(&refused),
        [&["Idempotency-Key"], &within[..], &around, &["wat"]].concat()
    );
    let put = "/v1/cases/by-external-id/a";
    let refused = send(&test, Method::PUT, put, &[], body.clone()).await.expect(400);
    assert_eq!(paths(&refused), [&within[..], &around].concat());
    let refused = send(&test, Method::PATCH, "/v1/cases/INV-2026-0009", &[], body)
        .await
        .expect(400);
    assert_eq!(
        paths(&refused),
        around,
        "where there is no record, nothing more is known"
    );
    let refused = test
        .get("/v1/cases?sort=nope&fields=zz&status=bogus&wat=1")
        .await
        .expect(400);
    assert_eq!(paths(&refused), ["fields", "sort", "status", "wat"]);
}

#[tokio::test]
async fn nothing_happens_for_a_request_with_a_fault_around_its_data() {
    let test = TestBox::start().await;
    let body = json!({"data": {"title": "sound"}, "foo": 1});
    let key = [("idempotency-key", "once")];
    for (method, path) in [
        (Method::POST, "/v1/cases"),
        (Method::POST, "/v1/cases?wat=1"),
        (Method::PUT, "/v1/cases/by-external-id/a"),
    ] {
        let refused = send(&test, method, path, &key, body.clone()).await.expect(400);
        assert!(paths(&refused).contains(&"foo".to_owned()));
    }
    let rows =
        json!({"data": [{"kind": "case", "data": {"title": "sound"}}], "meta": {"atomic": false}, "foo": 1});
    send(&test, Method::POST, "/v1/batch", &[], rows)
        .await
        .expect(400);
    let user = json!({"email": "a@b.example", "name": "A", "role": "officer"});
    send(
        &test,
        Method::POST,
        "/v1/users",
        &[],
        json!({"data": user, "meta": 1}),
    )
    .await
    .expect(400);
    assert_eq!(test.get("/v1/cases").await.data(), json!([]));
    assert_eq!(test.get("/v1/users").await.data(), json!([]));
    // The key of a request that was refused is free, and the query is no part of what it stands for.
    let made = test
        .write(Method::POST, "/v1/cases", &key, json!({"title": "sound"}))
        .await
        .expect(201);
    let refused = test
        .write(Method::POST, "/v1/cases?wat=1", &key, json!({"title": "sound"}))
        .await
        .expect(400);
    assert_eq!(paths(&refused), ["wat"]);
    // A read that was refused was none.
    test.get("/v1/entities?wat=1").await.expect(400);
    let id = made.data()["id"].as_str().unwrap().to_owned();
    test.get(&format!("/v1/cases/{id}?wat=1")).await.expect(400);
    test.services().tell_noted().unwrap();
    let entries = test.get("/v1/audit?limit=500").await.expect(200).data();
    let reads: Vec<&Json> = entries
        .as_array()
        .unwrap()
        .iter()
        .filter(|entry| entry["event"] == "read" || entry.to_string().contains("\"entity\""))
        .collect();
    assert_eq!(reads, [&Json::Null; 0], "{entries}");
}

#[tokio::test]
async fn every_wrong_word_of_a_new_key_is_told() {
    let test = TestBox::start().await;
    let key = json!({
        "name": 7, "lanes": ["query", "side"], "scopes": ["cases:read", "no:such"], "networks": ["10.0.0.0/99"], "x": 1,
    });
    let refused = test.post("/v1/keys", key).await.expect(400);
    assert_eq!(
        paths(&refused),
        [
            "data.lanes[1]",
            "data.name",
            "data.networks[0]",
            "data.scopes[1]",
            "data.x"
        ]
    );
}

#[tokio::test]
async fn what_was_read_can_be_sent_back_with_its_links() {
    let test = TestBox::start().await;
    let made = test.post("/v1/cases", json!({"title": "x"})).await.expect(201);
    let links = made.json()["links"].clone();
    assert!(links.is_object());
    let body = json!({"data": {"title": "y"}, "links": links, "link": links});
    let changed = send(&test, Method::PATCH, "/v1/cases/INV-2026-0001", &[], body)
        .await
        .expect(200);
    assert_eq!(changed.data()["title"], "y");
    let body = json!({"data": {"title": "z"}, "links": links, "meta": {"total": 1}});
    let refused = send(&test, Method::PATCH, "/v1/cases/INV-2026-0001", &[], body)
        .await
        .expect(400);
    assert_eq!(paths(&refused), ["meta.total"]);
}

#[tokio::test]
async fn no_relationship_ends_before_it_begins() {
    let test = TestBox::start().await;
    test.post("/v1/cases", json!({"title": "x"})).await.expect(201);
    for name in ["A", "B"] {
        let person = json!({"kind": "person", "display_name": name});
        test.post("/v1/entities", person).await.expect(201);
    }
    let (early, late) = ("2026-01-01T00:00:00.000Z", "2026-01-02T00:00:00.000Z");
    for (path, name) in [
        ("/v1/cases/INV-2026-0001/entities", "entity_id"),
        ("/v1/entities/ENT-0002/relationships", "to"),
    ] {
        let member = |from: &str, to: &str| json!({name: "ENT-0001", "role": "witness", "valid_from": from, "valid_to": to});
        let refused = test.post(path, member(late, early)).await.expect(400);
        assert_eq!(paths(&refused), ["data.valid_to"], "{path}");
        test.post(path, member(early, early)).await.expect(201);
        test.post(path, member(early, late)).await.expect(201);
        let open = json!({name: "ENT-0001", "role": "suspect", "valid_to": late});
        test.post(path, open).await.expect(201);
    }
    let linked = json!([{"entity_id": "ENT-0001", "role": "witness", "valid_from": late, "valid_to": early}]);
    let refused = test
        .post("/v1/cases", json!({"title": "y", "entities": linked}))
        .await
        .expect(400);
    assert_eq!(paths(&refused), ["data.entities[0].valid_to"]);
}

#[tokio::test]
async fn a_body_that_is_not_what_its_digest_says_is_refused() {
    let test = TestBox::start().await;
    let long = "x".repeat(200_000);
    for body in [
        json!({"data": {"title": "x"}}),
        json!({"data": {"title": "x", "description": long}}),
    ] {
        let bytes = body.to_string();
        let right = format!("sha-256=:{}:", STANDARD.encode(Sha256::digest(&bytes)));
        let stronger = format!("sha-512=:{}:", STANDARD.encode(Sha512::digest(&bytes)));
        let wrong = format!("sha-256=:{}:", STANDARD.encode(Sha256::digest("another body")));
        let before = test.get("/v1/cases").await.json()["meta"]["total"].clone();
        for said in [
            &wrong,
            &format!("{stronger}, {wrong}"),
            "sha-256=AAAA",
            "sha-512=:AAAA:",
        ] {
            let headers = [("content-digest", said)];
            let refused = send(&test, Method::POST, "/v1/cases", &headers, body.clone())
                .await
                .expect(400);
            assert_eq!(paths(&refused), ["Content-Digest"], "{said}");
        }
        assert_eq!(test.get("/v1/cases").await.json()["meta"]["total"], before);
        for said in [&right, &format!("{stronger}, {right}"), "md5=:AAAA:"] {
            let headers = [("content-digest", said)];
            let made = send(&test, Method::POST, "/v1/cases", &headers, body.clone()).await;
            // The description is longer than one may be; what the digest says was true.
            let status = if bytes.len() > 100_000 { made.status } else { 201 };
            assert_eq!(made.status, status, "{said}");
            assert!(!paths(&made).contains(&"Content-Digest".to_owned()), "{said}");
        }
    }
    let asked = json!({"query": "{ me { name } }"}).to_string();
    let request = |said: &str| {
        Request::post("/graphql")
            .header("authorization", format!("Bearer {}", test.key))
            .header("content-type", "application/json")
            .header("content-digest", said)
            .body(Body::from(asked.clone()))
            .unwrap()
    };
    let right = format!("sha-256=:{}:", STANDARD.encode(Sha256::digest(&asked)));
    test.send(request(&right)).await.expect(200);
    let wrong = format!("sha-256=:{}:", STANDARD.encode(Sha256::digest("another")));
    let refused = test.send(request(&wrong)).await;
    assert!(
        refused.json()["errors"][0]["message"]
            .as_str()
            .unwrap()
            .contains("Content-Digest"),
        "{:?}",
        refused.json()
    );
}
