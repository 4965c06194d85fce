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

// `{}`, `[]` and an empty text were taken for nothing in every field: a slip opened a restricted case, let a disabled user in
// and made keys without an end.
#[tokio::test]
async fn what_is_empty_in_another_way_than_a_field_can_be_is_a_fault() {
    let mut test = TestBox::start().await;
    test.key = test.key_with(&["*", "cases:restricted", "records:expunge"]);
    let case = json!({"title": "x", "classification": "restricted", "tags": ["a"], "description": "d"});
    test.post("/v1/cases", case).await.expect(201);
    for (change, path) in [
        (json!({"tags": {}}), "data.tags"),
        (json!({"team": {}}), "data.team"),
        (json!({"description": {}}), "data.description"),
        (json!({"priority": []}), "data.priority"),
        (json!({"classification": ""}), "data.classification"),
        (json!({"classification": null}), "data.classification"),
        (json!({"status": {}}), "data.status"),
        (json!({"status": null}), "data.status"),
        (json!({"review_date": ""}), "data.review_date"),
        (json!({"title": " "}), "data.title is missing"),
    ] {
        let refused = test.patch("/v1/cases/INV-2026-0001", change).await.expect(400);
        assert_eq!(paths(&refused), [path]);
    }
    let cleared = json!({"tags": [], "description": "", "review_date": null, "form_data": {}});
    let cleared = test
        .patch("/v1/cases/INV-2026-0001", cleared)
        .await
        .expect(200)
        .data();
    assert_eq!(
        (&cleared["description"], &cleared["tags"]),
        (&Json::Null, &json!([]))
    );
    assert_eq!(cleared["classification"], "restricted");
    let key =
        json!({"name": "k", "lanes": ["query"], "scopes": ["cases:read"], "expires_at": "", "networks": {}});
    let refused = test.post("/v1/keys", key).await.expect(400);
    assert_eq!(paths(&refused), ["data.expires_at", "data.networks"]);
    let item = json!({"case_id": "INV-2026-0001", "type": "physical", "description": "a knife"});
    test.post("/v1/evidence", item).await.expect(201);
    for (path, data, fault) in [
        ("cases/INV-2026-0001/tags", json!({"tags": {}}), "data.tags"),
        (
            "cases/INV-2026-0001/tags",
            json!({"tags": []}),
            "data.tags is missing",
        ),
        (
            "cases/INV-2026-0001/expunge",
            json!({"order": {}, "reason": "r"}),
            "data.order",
        ),
        (
            "evidence/EVD-0001/custody",
            json!({"action": "viewed", "follows": {}}),
            "data.follows",
        ),
        (
            "evidence/EVD-0001/custody",
            json!({"action": "viewed", "follows": []}),
            "data.follows is missing",
        ),
    ] {
        let refused = test.post(&format!("/v1/{path}"), data).await.expect(400);
        assert_eq!(paths(&refused), [fault], "{path}");
    }
    // Of a new record null is nothing said.
    let made = json!({"title": "y", "status": null, "priority": null, "team": null});
    let made = test.post("/v1/cases", made).await.expect(201).data();
    assert_eq!(
        (&made["status"], &made["priority"]),
        (&json!("open"), &json!("medium"))
    );
    let refused = test.post("/v1/cases", json!({"title": "z", "status": "", "team": {}}));
    assert_eq!(paths(&refused.await.expect(400)), ["data.status", "data.team"]);
}

#[tokio::test]
async fn what_is_written_once_can_be_given_later_and_then_stays() {
    let test = TestBox::start().await;
    for title in ["a", "b"] {
        test.post("/v1/cases", json!({"title": title})).await.expect(201);
    }
    let number = json!({"case_number": "LN1", "external_id": "ext"});
    let path = "/v1/cases/INV-2026-0001";
    let given = test.patch(path, number.clone()).await.expect(200).data();
    assert_eq!(
        (&given["case_number"], &given["version"]),
        (&json!("LN1"), &json!(2))
    );
    assert_eq!(
        test.patch(path, number.clone()).await.expect(200).data()["version"],
        2
    );
    let other = test.patch(path, json!({"case_number": "LN2"})).await.expect(400);
    assert_eq!(paths(&other), ["data.case_number"]);
    let taken = test.patch("/v1/cases/INV-2026-0002", number).await.expect(409);
    assert_eq!(taken.codes(), ["DUPLICATE", "DUPLICATE"]);
    assert_eq!(
        test.get("/v1/cases/ext:ext").await.expect(200).data()["case_number"],
        "LN1"
    );
}

#[tokio::test]
async fn every_value_that_is_taken_is_told_at_once() {
    let test = TestBox::start().await;
    for name in ["a", "b"] {
        let case =
            json!({"title": name, "case_number": format!("N-{name}"), "external_id": format!("e-{name}")});
        test.post("/v1/cases", case).await.expect(201);
    }
    let ids = ["INV-2026-0001", "INV-2026-0002"].map(|case| format!("/v1/cases/{case}"));
    let [a, b] = [
        test.get(&ids[0]).await.data()["id"].clone(),
        test.get(&ids[1]).await.data()["id"].clone(),
    ];
    test.post("/v1/cases", json!({"title": "c"})).await.expect(201);
    let wrong = json!({"titel": "c", "case_number": "N-a"});
    let told = test.post("/v1/cases", wrong).await.expect(400);
    assert_eq!(
        told.codes(),
        ["MISSING_INPUT_DATA", "INPUT_SCHEMA_VIOLATION", "DUPLICATE"],
        "what is taken beside the rest"
    );
    let both = json!({"title": "c", "case_number": "N-a", "external_id": "e-b"});
    for refused in [
        test.post("/v1/cases", both.clone()).await,
        test.patch("/v1/cases/INV-2026-0003", both.clone()).await,
    ] {
        let refused = refused.expect(409);
        assert_eq!(refused.codes(), ["DUPLICATE", "DUPLICATE"]);
        assert_eq!(
            refused.messages(),
            [
                "another case has this case_number",
                "another case has this external_id"
            ]
        );
        let meta = &refused.json()["meta"];
        assert_eq!((&meta["existing"], &meta["duplicates"][1]["existing"]), (&a, &b));
        assert_eq!(meta["duplicates"][0]["field"], "case_number");
    }
    let one = json!({"title": "c", "case_number": "N-b"});
    let refused = test.post("/v1/cases", one).await.expect(409).json();
    assert_eq!(
        (
            &refused["meta"]["existing"],
            refused["meta"].get("duplicates"),
            &refused["meta"]["field"]
        ),
        (&b, None, &json!("case_number"))
    );
    // What may not be read is not named, and what may is.
    let restricted = json!({"classification": "restricted"});
    test.patch("/v1/cases/INV-2026-0001", restricted)
        .await
        .expect(200);
    let refused = test.post("/v1/cases", both).await.expect(409);
    let meta = &refused.json()["meta"];
    assert_eq!(
        (&meta["existing"], meta["duplicates"][0].get("existing")),
        (&b, None)
    );
    assert_eq!(refused.codes().len(), 2);
}

#[tokio::test]
async fn a_number_that_would_not_be_kept_exactly_is_a_fault() {
    let test = TestBox::start().await;
    let send = async |form: &str| {
        let body = format!("{{\"data\": {{\"title\": \"x\", \"form_data\": {form}}}}}");
        let request = Request::builder().method(Method::POST).uri("/v1/cases");
        let request = request
            .header("host", "localhost")
            .header("content-type", "application/json");
        let request = request.header("authorization", format!("Bearer {}", test.key));
        test.send(request.body(Body::from(body)).unwrap()).await
    };
    let form = "{\"x\": 123456789012345678901234567890, \"y\": [1, {\"z\": -9223372036854775809}], \"w\": 18446744073709551615}";
    let refused = send(form).await.expect(400);
    assert_eq!(
        paths(&refused),
        ["data.form_data.w", "data.form_data.x", "data.form_data.y[1].z"]
    );
    assert!(
        refused.messages()[0].contains("or text"),
        "{:?}",
        refused.messages()
    );
    let kept = "{\"a\": 9223372036854775807, \"b\": -9223372036854775808, \"c\": 0.25, \"d\": \"123456789012345678901234567890\"}";
    let made = send(kept).await.expect(201).data();
    assert_eq!(made["form_data"], serde_json::from_str::<Json>(kept).unwrap());
}

#[tokio::test]
async fn a_condition_that_does_not_hold_stops_what_can_not_be_undone() {
    let mut test = TestBox::start().await;
    test.key = test.key_with(&["*", "records:expunge", "records:hold"]);
    test.post("/v1/cases", json!({"title": "x"})).await.expect(201);
    let said = json!({"data": {"order": "1", "reason": "r"}});
    for verb in ["expunge", "hold"] {
        let path = format!("/v1/cases/INV-2026-0001/{verb}");
        let stale = [("if-match", "\"99\"")];
        send(&test, Method::POST, &path, &stale, said.clone())
            .await
            .expect(412);
    }
    assert_eq!(
        test.get("/v1/cases/INV-2026-0001").await.expect(200).data()["version"],
        1
    );
    let path = "/v1/cases/by-external-id/x";
    let fresh = [("if-none-match", "*")];
    let put = json!({"data": {"title": "new"}});
    send(&test, Method::PUT, path, &fresh, put.clone())
        .await
        .expect(201);
    send(&test, Method::PUT, path, &fresh, put.clone())
        .await
        .expect(412);
    send(&test, Method::PUT, path, &[("if-match", "\"1\"")], put)
        .await
        .expect(200);
    let order = [("if-match", "\"1\"")];
    send(
        &test,
        Method::POST,
        "/v1/cases/INV-2026-0001/expunge",
        &order,
        said,
    )
    .await
    .expect(201);
}

#[tokio::test]
async fn faults_of_all_rows_of_a_batch_are_told_whatever_one_is() {
    let test = TestBox::start().await;
    let rows = json!([
        {"kind": "case", "data": {"title": 5, "x": 1}},
        {"kind": "zzz", "data": {}, "y": 1},
        7,
        {"kind": "entity", "data": {"kind": "person"}},
        {"kind": "case", "data": {"title": "good"}},
    ]);
    let refused = test.post("/v1/batch", rows.clone()).await.expect(400);
    assert_eq!(
        paths(&refused),
        [
            "data[0].data.title",
            "data[0].data.x",
            "data[1].kind",
            "data[1].y",
            "data[2]",
            "data[3].data.display_name is missing"
        ]
    );
    let each = json!({"data": rows, "meta": {"atomic": false}});
    let done = send(&test, Method::POST, "/v1/batch", &[], each)
        .await
        .expect(200)
        .data();
    let results: Vec<&str> = (0..5).map(|row| done[row]["result"].as_str().unwrap()).collect();
    assert_eq!(results, ["refused", "refused", "refused", "refused", "created"]);
    assert_eq!(done[1]["kind"], Json::Null);
}

#[tokio::test]
async fn parameters_of_a_search_are_what_the_document_says() {
    let test = TestBox::start().await;
    let refused = test
        .get("/v1/search?q=x&facets=maybe&consistency=zz&mode=other")
        .await
        .expect(400);
    assert_eq!(paths(&refused), ["consistency", "facets", "mode"]);
    let plain = test
        .get("/v1/search?q=x&facets=false&mode=live")
        .await
        .expect(200);
    assert_eq!(plain.json()["meta"]["facets"], Json::Null);
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
        "expires_at": "2020-01-01T00:00:00Z",
    });
    let refused = test.post("/v1/keys", key).await.expect(400);
    assert_eq!(
        paths(&refused),
        [
            "data.expires_at",
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

/// Each of these told its first sort of fault alone.
#[tokio::test]
async fn no_sort_of_fault_hides_another() {
    let test = TestBox::start().await;
    let case = test
        .post("/v1/cases", json!({"title": "x"}))
        .await
        .expect(201)
        .data();
    let entity = json!({"kind": "person", "display_name": "x"});
    let entity = test.post("/v1/entities", entity).await.expect(201).data();
    let user = json!({"email": "a@metro.example", "name": "A", "role": "officer"});
    let user = test.post("/v1/users", user).await.expect(201).data();
    let at = |kind: &str, of: &Json, verb: &str| format!("/v1/{kind}/{}/{verb}", of["id"].as_str().unwrap());
    let table = [
        (
            "/v1/users".to_owned(),
            json!({"email": "bad", "name": 5, "role": "zzz", "password": 5, "zz": 1}),
            vec!["data.email", "data.name", "data.password", "data.role", "data.zz"],
        ),
        (
            at("users", &user, "password"),
            json!({"password": "x", "current_password": 1, "zz": 1}),
            vec!["data.current_password", "data.password", "data.zz"],
        ),
        (
            at("cases", &case, "tags"),
            json!({"tags": [5, "a", null], "zz": 1}),
            vec!["data.tags[0]", "data.tags[2]", "data.zz"],
        ),
        (
            at("entities", &entity, "same-as"),
            json!({"to": 5, "zz": 1}),
            vec!["data.to", "data.zz"],
        ),
    ];
    for (path, data, expected) in table {
        let refused = test.post(&path, data).await.expect(400);
        assert_eq!(paths(&refused), expected, "{path}");
    }
    let refused = test
        .get("/v1/search?q=kind:zz&limit=x&facets=q&consistency=q&cursor=q")
        .await
        .expect(400);
    assert_eq!(paths(&refused), ["consistency", "facets", "limit", "q"]);
    assert_eq!(test.get(&at("cases", &case, "")).await.status, 200);
    assert_eq!(
        test.get("/v1/cases").await.expect(200).data()[0]["version"],
        json!(1),
        "nothing happened"
    );
}
