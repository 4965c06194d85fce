//! The routes of people over TLS: the cookie and where it is taken, keys shown once, the audit log as JSON Lines.

use axum::http::Method;
use blotter::domain::value::Value;
use blotter::services::audit::reader::AuditFilter;
use serde_json::json;

use super::{PASSWORD, case, entries, outcome, person};
use crate::support::testbox::{Answer, TestBox};

async fn sign_in(bench: &TestBox, password: &str) -> Answer {
    let body = json!({"data": {"email": "chief@metro.example", "password": password}});
    let request = TestBox::request(Method::POST, "/v1/session", None, &[], Some(&body));
    bench.send(request).await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_cookie_is_for_our_own_pages_alone() {
    let bench = TestBox::start().await;
    person(bench.desk(), "chief", "administrator");
    let wrong = sign_in(&bench, "wrong wrong wrong").await.expect(401);
    assert_eq!(wrong.header("set-cookie"), "");
    let right = sign_in(&bench, PASSWORD).await.expect(201);
    assert_eq!(right.data()["role"], "administrator");
    let cookie = right.header("set-cookie").to_owned();
    let (pair, flags) = cookie.split_once("; ").unwrap();
    assert!(pair.starts_with("__Host-blotter-session=se_"), "{pair}");
    assert_eq!(flags, "Path=/; Secure; HttpOnly; SameSite=Strict");
    let with = |method: Method, path: &str, headers: &[(&str, &str)], body: Option<serde_json::Value>| {
        let headers: Vec<_> = headers.iter().copied().chain([("cookie", pair)]).collect();
        TestBox::request(method, path, None, &headers, body.as_ref())
    };
    let me = bench
        .send(with(Method::GET, "/v1/session", &[], None))
        .await
        .expect(200);
    assert_eq!(
        (&me.data()["kind"], &me.data()["tenant"]),
        (&json!("user"), &json!("metro"))
    );
    assert!(me.data()["agency"].as_str().is_some_and(|name| !name.is_empty()));
    assert_eq!(me.data()["sessions"].as_array().unwrap().len(), 1);
    let case = || Some(json!({"data": {"title": "x"}}));
    for headers in [
        &[][..],
        &[("sec-fetch-site", "cross-site")],
        &[("sec-fetch-site", "same-site")],
        &[("origin", "https://evil.example")],
        &[("origin", "null")],
        &[("origin", "http://localhost")],
        &[
            ("origin", "https://evil.example"),
            ("sec-fetch-site", "same-origin"),
        ],
    ] {
        let refused = bench.send(with(Method::POST, "/v1/cases", headers, case())).await;
        assert_eq!(refused.status, 403, "{headers:?}");
    }
    for headers in [
        &[("sec-fetch-site", "same-origin")][..],
        &[("origin", "https://localhost")],
    ] {
        let made = bench.send(with(Method::POST, "/v1/cases", headers, case())).await;
        assert_eq!(made.status, 201, "{headers:?}");
    }
    let own = [("sec-fetch-site", "same-origin")];
    let out = bench
        .send(with(Method::DELETE, "/v1/session", &own, None))
        .await
        .expect(200);
    assert!(out.header("set-cookie").ends_with("Max-Age=0"));
    bench
        .send(with(Method::GET, "/v1/session", &[], None))
        .await
        .expect(401);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_is_shown_once_rotated_and_revoked() {
    let bench = TestBox::start().await;
    let input = json!({"name": "crm", "lanes": ["query"], "scopes": ["cases:read"]});
    let headers = [("idempotency-key", "one")];
    let made = bench
        .write(Method::POST, "/v1/keys", &headers, input.clone())
        .await
        .expect(201);
    let key = made.data()["key"].as_str().unwrap().to_owned();
    let again = bench
        .write(Method::POST, "/v1/keys", &headers, input)
        .await
        .expect(200);
    assert_eq!(again.data()["key"], json!(null));
    let path = format!("/v1/keys/{}", made.data()["id"].as_str().unwrap());
    assert_eq!(
        bench.get(&path).await.expect(200).data()["last_used_at"],
        json!(null)
    );
    bench.get_as(&key, "/v1/cases").await.expect(200);
    bench.get_as(&key, "/v1/keys").await.expect(403);
    let shown = bench.get(&path).await.expect(200);
    assert!(shown.data()["last_used_at"].is_string());
    assert!(!String::from_utf8_lossy(&shown.bytes).contains("hash"));
    let new = bench
        .post(&format!("{path}/rotate"), json!({"overlap_minutes": 5}))
        .await
        .expect(201);
    let new = new.data()["key"].as_str().unwrap().to_owned();
    bench.get_as(&key, "/v1/cases").await.expect(200);
    bench.get_as(&new, "/v1/cases").await.expect(200);
    bench.delete(&path).await.expect(200);
    bench.get_as(&key, "/v1/cases").await.expect(401);
    bench.get_as(&new, "/v1/cases").await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn users_get_passwords_and_tokens_that_no_answer_repeats() {
    let bench = TestBox::start().await;
    let input = json!({"email": "a@x", "name": "A", "role": "officer", "password": PASSWORD});
    let made = bench.post("/v1/users", input).await.expect(201);
    let path = format!("/v1/users/{}", made.data()["id"].as_str().unwrap());
    bench.patch(&path, json!({"badge": "4711"})).await.expect(200);
    bench
        .post(
            &format!("{path}/password"),
            json!({"password": "another long password"}),
        )
        .await
        .expect(200);
    bench
        .post(&format!("{path}/password"), json!({"password": "short"}))
        .await
        .expect(400);
    let token = bench
        .send(TestBox::request(
            Method::POST,
            &format!("{path}/static-token"),
            Some(&bench.key),
            &[],
            None,
        ))
        .await
        .expect(201);
    assert!(token.data()["token"].as_str().unwrap().starts_with("st_"));
    let shown = bench.get(&path).await.expect(200);
    let body = String::from_utf8_lossy(&shown.bytes).into_owned();
    assert!(!body.contains("argon2") && !body.contains("hash"), "{body}");
    // What is on the box is no agency's matter.
    let county = json!({"slug": "county", "name": "County"});
    bench.post("/v1/tenants", county.clone()).await.expect(405);
    let row = json!([{"kind": "tenant", "data": county}]);
    bench.post("/v1/batch", row).await.expect(400);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_audit_log_is_read_by_page_and_as_json_lines() {
    let bench = TestBox::start().await;
    for _ in 0..3 {
        bench.post("/v1/cases", json!({"title": "x"})).await.expect(201);
    }
    bench.post("/v1/cases", json!({"titel": "x"})).await.expect(400);
    let first = bench.get("/v1/audit?event=create&limit=2").await.expect(200);
    assert_eq!(first.data().as_array().unwrap().len(), 2);
    let next = first.json()["meta"]["next_cursor"].as_str().unwrap().to_owned();
    let path = format!("/v1/audit?event=create&limit=2&cursor={next}");
    let second = bench.get(&path).await.expect(200);
    assert_eq!(second.data().as_array().unwrap().len(), 1);
    let other = format!("/v1/audit?event=list&limit=2&cursor={next}");
    bench.get(&other).await.expect(400);
    bench.get("/v1/audit?limit=0&from=yesterday").await.expect(400);
    let accept = [("accept", "application/x-ndjson")];
    let request = TestBox::request(Method::GET, "/v1/audit", Some(&bench.key), &accept, None);
    let lines = bench.send(request).await.expect(200);
    let lines = String::from_utf8(lines.bytes.to_vec()).unwrap();
    let entries: Vec<serde_json::Value> = lines
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(entries[0]["event"], "audit.export");
    assert!(
        entries
            .iter()
            .any(|entry| entry["event"] == "request" && entry["outcome"] == "invalid")
    );
    let weak = bench.key_with(&["cases:read"]);
    bench.get_as(&weak, "/v1/audit").await.expect(403);
    bench
        .send(TestBox::request(Method::GET, "/v1/audit", None, &[], None))
        .await
        .expect(401);
    let denied = bench.get("/v1/audit?outcome=denied").await.expect(200);
    assert_eq!(
        denied.data()[0]["actor"].as_str().unwrap().split(':').next(),
        Some("key")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_entry_says_what_was_asked_and_by_which_key_also_where_nothing_is_there() {
    let bench = TestBox::start().await;
    let input = json!({"name": "probe", "lanes": ["query"], "scopes": ["cases:read"]});
    let made = bench.post("/v1/keys", input).await.expect(201);
    let (id, key) = (made.data()["id"].clone(), made.data()["key"].clone());
    let key = key.as_str().unwrap();
    let ask = |method, path: &str| {
        let body = (method == Method::POST).then(|| json!({"data": {"title": "x"}}));
        bench.send(TestBox::request(method, path, Some(key), &[], body.as_ref()))
    };
    let far = format!("/v1/{}", "n".repeat(500));
    ask(Method::GET, "/v1/nowhere?x=1").await.expect(404);
    ask(Method::GET, &far).await.expect(404);
    let refused = ask(Method::DELETE, "/v1/cases/").await.expect(405);
    assert_eq!(refused.header("allow"), "GET, HEAD, POST");
    ask(Method::POST, "/v1/cases").await.expect(403);
    bench
        .delete(&format!("/v1/keys/{}", id.as_str().unwrap()))
        .await
        .expect(200);
    ask(Method::GET, "/v1/nowhere").await.expect(401);
    let told = async |outcome: &str| {
        let listed = bench
            .get(&format!("/v1/audit?outcome={outcome}"))
            .await
            .expect(200);
        let mut requests = Vec::new();
        for entry in listed.data().as_array().unwrap() {
            requests.push(entry["request"].as_str().unwrap_or_default().to_owned());
        }
        (requests, listed.data()[0]["record"].clone())
    };
    let (mut unknown, _) = told("unknown").await;
    unknown.sort();
    assert_eq!(
        unknown,
        [
            format!("GET /v1/{}", "n".repeat(196)),
            "GET /v1/nowhere".to_owned()
        ]
    );
    assert_eq!(told("invalid").await.0, ["DELETE /v1/cases"]);
    assert_eq!(told("denied").await.0, ["POST /v1/cases"]);
    assert_eq!(told("refused").await, (vec!["GET /v1/nowhere".to_owned()], id));
}

/// What an auditor asked that left no trace.
#[tokio::test(flavor = "multi_thread")]
async fn what_reads_no_record_leaves_its_entry_too() {
    let bench = TestBox::start().await;
    case(bench.desk(), json!({"title": "first"}));
    for path in [
        "/v1/session",
        "/v1/log/keys",
        "/v1/log/consistency",
        "/v1/conflicts",
        "/graphql?query=%7B__typename%7D",
    ] {
        bench.get(path).await.expect(200);
    }
    for path in [
        "/public/reports/guess",
        "/public/reports/guess/images/0",
        "/public/reports/guess/images/x",
    ] {
        bench
            .send(TestBox::request(Method::GET, path, None, &[], None))
            .await
            .expect(404);
    }
    // What rides with the next group is there after a write.
    case(bench.desk(), json!({"title": "settle"}));
    for event in ["session.read", "log.keys", "log.consistency", "list", "query"] {
        let found = entries(bench.desk(), event);
        assert_eq!(found.iter().map(outcome).collect::<Vec<_>>(), ["done"], "{event}");
    }
    let home = bench.desk().owner_of(bench.services().home().as_str());
    let filter = AuditFilter {
        event: Some("public-page".to_owned()),
        ..AuditFilter::default()
    };
    let guesses = bench.services().audit(&home, &filter, None, 500).unwrap().entries;
    let guess = guesses.last().unwrap();
    assert_eq!((outcome(guess), guess.actor.as_str()), ("unknown", "stranger"));
    assert!(
        !format!("{guesses:?}").contains("guess"),
        "it may be a secret but for a letter"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stranger_who_asks_for_what_is_not_there_leaves_an_entry() {
    let bench = TestBox::start().await;
    let asked = [
        (Method::DELETE, "/v1/nowhere/at/all?key=secret", 404, "unknown"),
        // The address of a public page opens it: an entry has no more of it than where such pages are.
        (Method::POST, "/public/reports/secret", 405, "invalid"),
    ];
    let home = bench.desk().owner_of(bench.services().home().as_str());
    for (method, path, status, outcome) in asked {
        let request = TestBox::request(method.clone(), path, None, &[], None);
        bench.send(request).await.expect(status);
        let filter = AuditFilter {
            outcome: Some(outcome.to_owned()),
            ..AuditFilter::default()
        };
        let told = bench.services().audit(&home, &filter, None, 500).unwrap().entries;
        let (path, _) = path.split_once("?key=").or(path.split_once("secret")).unwrap();
        assert_eq!(told[0].actor, "stranger");
        assert_eq!(
            told[0].fields.get("request").and_then(Value::as_text),
            Some(format!("{method} {path}").as_str())
        );
    }
}
