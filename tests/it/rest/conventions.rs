//! What holds on every route: the envelope, the codes, limits, versions, repeated requests.

use axum::http::Method;
use blotter::lanes::http::Options;
use blotter::lanes::http::route::Takes;
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
    assert_eq!(method.headers.get_all("allow").iter().count(), 1);
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

#[tokio::test]
async fn a_slash_at_the_end_of_a_path_changes_nothing() {
    let test = TestBox::start().await;
    let made = test.post("/v1/cases/", json!({"title": "x"})).await.expect(201);
    assert_eq!(
        test.get("/v1/cases/INV-2026-0001/").await.expect(200).data(),
        made.data()
    );
    for path in ["/v1/cases/?limit=1", "/reports/", "/docs/", "/openapi.json/"] {
        test.get(path).await.expect(200);
    }
    for path in ["/v1/nothing/", "/", "//"] {
        assert_eq!(test.get(path).await.expect(404).codes(), ["NOT_FOUND"], "{path}");
    }
    test.delete("/v1/cases/").await.expect(405);
}

#[tokio::test]
async fn a_repeated_request_is_answered_once_and_said_to_be_a_replay() {
    let test = TestBox::start().await;
    let key = [("idempotency-key", "order-1")];
    let ask = |title: &str| json!({ "title": title });
    let first = test
        .write(Method::POST, "/v1/cases", &key, ask("x"))
        .await
        .expect(201);
    let again = test
        .write(Method::POST, "/v1/cases", &key, ask("x"))
        .await
        .expect(200);
    assert_eq!(again.header("idempotency-replayed"), "true");
    assert_eq!(
        (first.header("idempotency-replayed"), again.json()),
        ("", first.json())
    );
    let other = test
        .write(Method::POST, "/v1/cases", &key, ask("y"))
        .await
        .expect(409);
    assert_eq!(other.codes(), ["IDEMPOTENCY_MISMATCH"]);
    assert!(other.json()["meta"]["used_at"].is_string());
    let bad = [("idempotency-key", "two words")];
    test.write(Method::POST, "/v1/cases", &bad, ask("x"))
        .await
        .expect(400);
    assert_eq!(test.get("/v1/cases").await.data().as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn a_stale_version_is_refused_with_the_current_record() {
    let test = TestBox::start().await;
    test.post("/v1/cases", json!({"title": "x"})).await.expect(201);
    let path = "/v1/cases/INV-2026-0001";
    let change = json!({"title": "y"});
    let tag = [("if-match", "\"1\"")];
    test.write(Method::PATCH, path, &tag, change.clone())
        .await
        .expect(200);
    let stale = test
        .write(Method::PATCH, path, &tag, change.clone())
        .await
        .expect(412);
    assert_eq!(stale.codes(), ["VERSION_CONFLICT"]);
    assert_eq!(stale.json()["meta"]["current"]["title"], "y");
    for (tag, status) in [
        ("\"abc\"", 412),
        ("nonsense", 400),
        ("W/\"2\"", 400),
        ("\"1\", \"2\"", 400),
        ("", 400),
        ("2", 200),
        ("*", 200),
    ] {
        let headers = [("if-match", tag)];
        let answer = test.write(Method::PATCH, path, &headers, change.clone()).await;
        assert_eq!(answer.status, status, "{tag}");
        if status == 400 {
            assert!(answer.messages()[0].starts_with("If-Match: expected one strong ETag"));
        }
    }
}

#[tokio::test]
async fn a_parameter_that_comes_twice_hides_no_other_fault() {
    let test = TestBox::start().await;
    let refused = test
        .get("/v1/cases?foo=1&limit=1&limit=x&sort=foo")
        .await
        .expect(400);
    let texts = refused.messages();
    let paths: Vec<_> = texts.iter().map(|text| text.split(':').next().unwrap()).collect();
    assert_eq!(paths, ["limit", "foo", "sort"]);
    // A record that is known by heart is not answered beside a fault either.
    let case = json!({"title": "x", "external_id": "own"});
    test.post("/v1/cases", case).await.expect(201);
    let path = "/v1/cases/INV-2026-0001";
    let change = test
        .patch(path, json!({"external_id": "other"}))
        .await
        .expect(400);
    assert_eq!(change.messages(), ["data.external_id: can't be changed"]);
    test.get(path).await.expect(200);
    test.get("/v1/cases/INV-2026-0001?%FF=%FF&x=1&x=2")
        .await
        .expect(400);
}

#[tokio::test]
async fn what_is_taken_back_or_put_is_refused_by_its_version_too() {
    let test = TestBox::start().await;
    let input = json!({"name": "crm", "lanes": ["query"], "scopes": ["cases:read"]});
    let key = test.post("/v1/keys", input).await.expect(201).data();
    let key = format!("/v1/keys/{}", key["id"].as_str().unwrap());
    for name in ["one", "other"] {
        let input = json!({"kind": "person", "display_name": name});
        test.post("/v1/entities", input).await.expect(201);
    }
    let same = json!({"to": "ENT-0002"});
    test.post("/v1/entities/ENT-0001/same-as", same).await.expect(201);
    let same = "/v1/entities/ENT-0001/same-as/ENT-0002";
    test.services().seed_categories(&test.owner()).unwrap();
    let report = json!({"location": {"x": -70.26, "y": 43.66}, "category": {"category_id": 1}, "reporter": {"name": "Desk", "phone": "+12075550126"}});
    let filed = test.post("/v1/reports", report.clone()).await.expect(201);
    let public = filed.json()["links"]["public"].as_str().unwrap().to_owned();
    let public = &public[public.find("/public/").unwrap()..];
    let stale = [("if-match", "\"77\"")];
    for path in [key.as_str(), same, "/v1/reports/1/public-link"] {
        let refused = test
            .write(Method::DELETE, path, &stale, json!(null))
            .await
            .expect(412);
        assert_eq!(refused.codes(), ["VERSION_CONFLICT"], "{path}");
    }
    assert_eq!(test.get(&key).await.data()["version"], 1);
    assert_eq!(
        test.get("/v1/entities/ENT-0001").await.data()["same_as"]
            .as_array()
            .unwrap()
            .len(),
        1
    );
    test.send(TestBox::request(Method::GET, public, None, &[], None))
        .await
        .expect(200);
    for (path, data) in [
        (
            "/v1/entities/by-external-id/nn",
            json!({"kind": "person", "display_name": "x"}),
        ),
        ("/v1/reports/by-external-id/nn", report),
    ] {
        let refused = test.write(Method::PUT, path, &stale, data).await.expect(412);
        assert_eq!(refused.codes(), ["VERSION_CONFLICT"], "{path}");
    }
    test.get("/v1/entities/ext:nn").await.expect(404);
    assert_eq!(test.get("/v1/reports").await.data().as_array().unwrap().len(), 1);

    let shown = test.get("/v1/reports?fields=report_id").await.expect(200).data();
    assert_eq!(shown[0]["report_id"], 1);
    let shown = test
        .get("/v1/keys?fields=name,last_used_at")
        .await
        .expect(200)
        .data();
    assert!(
        shown[0].get("last_used_at").is_some() && shown[0].get("scopes").is_none(),
        "{shown}"
    );
}

#[tokio::test]
async fn a_body_that_is_too_long_leaves_its_connection_usable() {
    let test = TestBox::start_with(Options {
        json_bytes_max: 4096,
        ..Options::default()
    })
    .await;
    let mut connection = test.connect().await;
    let long = json!({"data": {"title": "x".repeat(1 << 20)}});
    let ask = |body| TestBox::request(Method::POST, "/v1/cases", Some(&test.key), &[], Some(body));
    let refused = connection.send(ask(&long)).await.expect(413);
    assert_eq!(refused.codes(), ["PAYLOAD_TOO_LARGE"]);
    connection
        .send(ask(&json!({"data": {"title": "x"}})))
        .await
        .expect(201);
    let plain = TestBox::request(
        Method::POST,
        "/v1/cases",
        Some(&test.key),
        &[("content-type", "text/plain")],
        None,
    );
    assert_eq!(
        connection.send(plain).await.expect(415).codes(),
        ["UNSUPPORTED_MEDIA_TYPE"]
    );
}

#[tokio::test]
async fn who_asks_too_often_is_told_when_to_go_on() {
    let test = TestBox::start_with(Options {
        requests_per_second: 1,
        request_burst: 2,
        ..Options::default()
    })
    .await;
    for _ in 0..2 {
        test.get("/v1/cases").await.expect(200);
    }
    let limited = test.get("/v1/cases").await.expect(429);
    assert_eq!(limited.codes(), ["RATE_LIMITED"]);
    assert!(limited.header("retry-after").parse::<u32>().unwrap() >= 1);
    let other = test.key_with(&["cases:read", "audit:read"]);
    test.get_as(&other, "/v1/cases").await.expect(200);
    let told = test.get_as(&other, "/v1/audit?outcome=busy").await.expect(200);
    assert_eq!(told.data()[0]["request"], "GET /v1/cases");
}

#[tokio::test]
async fn a_large_body_counts_as_several_requests() {
    let test = TestBox::start_with(Options {
        requests_per_second: 1,
        request_burst: 4,
        large_body_bytes_min: 1024,
        ..Options::default()
    })
    .await;
    let note = |length| json!({"title": "x", "description": "y".repeat(length)});
    // One for the request, two for what it holds; then one is left.
    test.post("/v1/cases", note(2_100)).await.expect(201);
    let limited = test.post("/v1/cases", note(1_024)).await.expect(429);
    assert!(limited.header("retry-after").parse::<u32>().unwrap() >= 1);
    test.post("/v1/cases", note(1)).await.expect(201);
    // One that no bucket holds is let in when the bucket is full.
    let other = test.key_with(&["*"]);
    let long = json!({"data": note(9_000)});
    let request = TestBox::request(Method::POST, "/v1/cases", Some(&other), &[], Some(&long));
    test.send(request).await.expect(201);
}

#[tokio::test]
async fn a_request_keeps_a_sane_name_and_loses_any_other() {
    let test = TestBox::start().await;
    let named = |id| {
        TestBox::request(
            Method::GET,
            "/v1/cases",
            Some(&test.key),
            &[("x-request-id", id)],
            None,
        )
    };
    assert_eq!(
        test.send(named("gate-7.42")).await.header("x-request-id"),
        "gate-7.42"
    );
    let other = test.send(named("no spaces, please")).await;
    assert_eq!(other.header("x-request-id").len(), 32);
}

#[tokio::test]
async fn a_key_opens_its_own_lane_and_agency_alone() {
    let test = TestBox::start().await;
    let sync = test.key_for("metro", &["*"], &["sync"]);
    let denied = test.get_as(&sync, "/v1/cases").await.expect(403);
    assert_eq!(denied.messages(), ["the lane query is needed"]);
    let foreign = TestBox::request(
        Method::GET,
        "/v1/cases",
        Some(&test.key),
        &[("x-tenant-id", "harbor")],
        None,
    );
    let refused = test.send(foreign).await.expect(404);
    assert_eq!(
        (refused.codes(), refused.messages()),
        (vec!["NOT_FOUND".to_owned()], vec!["no such tenant".to_owned()])
    );
    let own = [("x-tenant-id", "metro")];
    let named = TestBox::request(Method::GET, "/v1/cases", Some(&test.key), &own, None);
    test.send(named).await.expect(200);
    for credential in ["ak_000000000000000000000000000", "nonsense"] {
        assert_eq!(
            test.get_as(credential, "/v1/cases").await.expect(401).codes(),
            ["UNAUTHORIZED"]
        );
    }
}

#[test]
fn every_failure_is_in_the_published_table() {
    crate::support::compare_with_file(
        "docs/api/failures.md",
        &blotter::lanes::http::failure::reference(),
    );
}

#[tokio::test]
async fn no_condition_is_passed_over() {
    let test = TestBox::start().await;
    let key = test.key_with(&["*", "records:expunge", "records:hold"]);
    let mut told = (0, 0);
    for route in blotter::lanes::routes() {
        if route.method == Method::GET || !route.path.starts_with("/v1/") {
            continue;
        }
        let parts = route.path.split('/');
        let parts = parts.map(|part| if part.starts_with('{') { "1" } else { part });
        let path = parts.collect::<Vec<_>>().join("/");
        let body = json!({"data": {}});
        let body = (!matches!(route.takes, Takes::Nothing)).then_some(&body);
        for (tag, begin) in [
            ("nonsense", "If-Match: expected one strong ETag"),
            ("\"1\"", "If-Match: nothing is bound to a version here"),
        ] {
            if tag == "\"1\"" && route.conditional {
                told.0 += 1;
                continue;
            }
            let headers = [("if-match", tag)];
            let request = TestBox::request(route.method.clone(), &path, Some(&key), &headers, body);
            let refused = test.send(request).await.expect(400);
            let texts = refused.messages();
            assert!(
                texts.iter().any(|text| text.starts_with(begin)),
                "{route:?} {texts:?}"
            );
            told.1 += 1;
        }
    }
    assert!(told.0 > 40 && told.1 > 100, "{told:?}");
    // What is there in whatever version is there at all.
    let any = [("if-match", "*")];
    for (path, data) in [
        ("/v1/cases/by-external-id/nn", json!({"title": "x"})),
        (
            "/v1/reports/by-external-id/nn",
            json!({"category": {"category_id": 1}}),
        ),
    ] {
        let refused = test.write(Method::PUT, path, &any, data).await.expect(412);
        assert_eq!(refused.codes(), ["VERSION_CONFLICT"], "{path}");
    }
    let path = "/v1/cases/by-external-id/nn";
    test.write(Method::PUT, path, &[("if-match", "\"0\"")], json!({"title": "x"}))
        .await
        .expect(412);
    test.get("/v1/cases/ext:nn").await.expect(404);
    let case = json!({"title": "x"});
    test.write(Method::PUT, path, &[], case.clone()).await.expect(201);
    test.write(Method::PUT, path, &any, case).await.expect(200);
}
