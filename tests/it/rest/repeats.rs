//! Every POST of the table, sent twice with one `Idempotency-Key`.

use axum::http::Method;
use blotter::lanes::http::route::{Route, Scope, Takes};
use serde_json::{Value as Json, json};

use crate::support::testbox::{Answer, TestBox};

/// What the routes stand on: a case, an item, two entities, a report, a user and a key.
struct Ground {
    test: TestBox,
    user: String,
    key: String,
    webhook: String,
    alert: String,
}

async fn ground() -> Ground {
    let test = TestBox::start().await;
    test.services().seed_categories(&test.owner()).unwrap();
    test.post("/v1/cases", json!({"title": "x"})).await.expect(201);
    let item = json!({"case_id": "INV-2026-0001", "type": "photo", "description": "x"});
    test.post("/v1/evidence", item).await.expect(201);
    for name in ["a", "b"] {
        let entity = json!({"kind": "person", "display_name": name});
        test.post("/v1/entities", entity).await.expect(201);
    }
    test.post("/v1/reports", report()).await.expect(201);
    let user = json!({"email": "a@b.example", "name": "a", "role": "viewer"});
    let user = test.post("/v1/users", user).await.expect(201).data();
    let key = test.post("/v1/keys", key()).await.expect(201).data();
    let webhook = json!({"name": "x", "url": "https://desk.example.org/hook"});
    let webhook = test.post("/v1/webhooks", webhook).await.expect(201).data();
    let alert = json!({"record_id": "INV-2026-0001", "reason": "x"});
    let alert = test.post("/v1/alerts", alert).await.expect(201).data();
    let id = |json: &Json| json["id"].as_str().unwrap().to_owned();
    Ground {
        user: id(&user),
        webhook: id(&webhook),
        key: id(&key),
        alert: id(&alert),
        test,
    }
}

fn report() -> Json {
    json!({"location": {"x": 8.5, "y": 47.3}, "category": {"category_id": 1},
        "reporter": {"name": "a", "phone": "+41446681800"}})
}

fn key() -> Json {
    json!({"name": "crm", "lanes": ["query"], "scopes": ["cases:read"]})
}

/// What is sent to a route; `None` for those of which other tests know more: files, pictures, conflicts.
async fn body(ground: &Ground, route: &Route) -> Option<Json> {
    let member = json!({"entity_id": "ENT-0001", "role": "witness"});
    let other = json!({"to": "ENT-0002", "role": "sister"});
    let path = route.path.strip_prefix("/v1").unwrap_or(&route.path);
    Some(match path {
        "/cases" => json!({"title": "y"}),
        "/cases/{id}/entities" => member,
        "/cases/{id}/team" => json!({"name": "a", "role": "lead"}),
        "/cases/{id}/tags" => json!({"tags": ["a"]}),
        "/cases/{id}/timeline" => json!({"timestamp": "2026-03-01T00:00:00Z", "description": "x"}),
        "/cases/{id}/notes" | "/entities/{id}/notes" | "/evidence/{id}/notes" => json!({"text": "x"}),
        "/entities" => json!({"kind": "person", "display_name": "c"}),
        "/entities/{id}/relationships" => other,
        "/entities/{id}/same-as" => json!({"to": "ENT-0002"}),
        "/evidence" => json!({"case_id": "INV-2026-0001", "type": "photo", "description": "y"}),
        "/evidence/{id}/custody" => {
            let chain = ground.test.get("/v1/evidence/EVD-0001/custody").await.expect(200);
            json!({"action": "stored", "place": "A-1", "follows": chain.data()["follows"]})
        }
        "/watchlists" => json!({"name": "x", "purpose": "x"}),
        "/watchlist-entries" => json!({"watchlist_id": "WL-0001", "type": "plate", "value": "x1"}),
        "/alerts" => json!({"record_id": "INV-2026-0001", "reason": "x"}),
        "/alerts/{id}/acknowledge" | "/alerts/{id}/escalate" => json!({}),
        "/alerts/{id}/dismiss" => json!({"reason": "another one"}),
        // A question, however it is asked; and what has ids of its own for what is repeated.
        "/watchlists/screen" | "/graphql" => return None,
        "/teams" | "/units" | "/offices" | "/locations" => json!({"name": "x"}),
        "/forms" => json!({"name": "x", "for": "cases", "schema": [1]}),
        "/categories" => json!({"text": "x"}),
        "/reports" => report(),
        "/reports/{id}/chat/messages" => json!([{"text": "x"}]),
        "/reports/{id}/case" => json!({}),
        "/batch" => json!([{"kind": "case", "data": {"title": "z"}}]),
        "/users" => json!({"email": "c@d.example", "name": "c", "role": "viewer"}),
        "/users/{id}/password" => json!({"password": "correct horse battery"}),
        "/users/{id}/static-token" => Json::Null,
        "/keys" => key(),
        "/keys/{id}/rotate" => json!({"overlap_minutes": 5}),
        "/webhooks" => json!({"name": "x", "url": "https://desk.example.org/hook"}),
        "/webhooks/{id}/rotate" => json!({"overlap_minutes": 5}),
        "/webhooks/{id}/replay" => json!({"after": 0}),
        "/webhooks/{id}/pause" | "/webhooks/{id}/resume" => Json::Null,
        // Writes nothing: each is a test of its own.
        "/webhooks/{id}/test" => return None,
        "/evidence/{id}/files" | "/reports/{id}/images" | "/conflicts/{id}" => return None,
        hold if hold.ends_with("/{id}/hold") => json!({"reason": "a civil suit"}),
        // A court's order is a supervisor's to carry out, and it is for good.
        expunge if expunge.ends_with("/{id}/expunge") => return None,
        other => panic!("say what POST {other} takes"),
    })
}

async fn send(ground: &Ground, route: &Route, body: &Json) -> Answer {
    let record = match route.path.trim_start_matches("/v1").split('/').nth(1) {
        Some("cases") => "INV-2026-0001",
        Some("entities") => "ENT-0001",
        Some("evidence") => "EVD-0001",
        Some("users") => &ground.user,
        Some("keys") => &ground.key,
        Some("webhooks") => &ground.webhook,
        Some("alerts") => &ground.alert,
        _ => "1",
    };
    let path = route.path.replace("{id}", record);
    let body = json!({ "data": body });
    let body = (!matches!(route.takes, Takes::Nothing)).then_some(&body);
    let name = format!("{route:?}").replace(' ', "-");
    let headers = [("idempotency-key", name.as_str())];
    let request = TestBox::request(Method::POST, &path, Some(&ground.test.key), &headers, body);
    ground.test.send(request).await
}

#[tokio::test]
async fn every_post_takes_an_idempotency_key() {
    let ground = ground().await;
    let routes = blotter::lanes::routes().into_iter();
    let posts = routes.filter(|route| route.method == Method::POST && route.scope != Scope::Open);
    let mut tried = 0;
    for route in posts {
        // The same answer under the other path; its report has a case by then.
        if route.path == "/reports/{id}/case" {
            continue;
        }
        let Some(body) = body(&ground, &route).await else {
            continue;
        };
        let first = send(&ground, &route, &body).await;
        assert!(matches!(first.status, 200 | 201), "{route:?}: {:?}", first.json());
        assert_eq!(first.header("idempotency-replayed"), "", "{route:?}");
        let again = send(&ground, &route, &body).await;
        assert_eq!(
            (again.status, again.header("idempotency-replayed")),
            (200, "true"),
            "{route:?}: {:?}",
            again.json()
        );
        let (mut told, repeated) = (first.data(), again.data());
        let secrets: Vec<_> = ["key", "token", "secret"]
            .iter()
            .filter_map(|name| told.as_object_mut()?.shift_remove(*name))
            .collect();
        assert_eq!(repeated, told, "{route:?}");
        assert_eq!(
            again.json()["meta"]["note"].is_string(),
            !secrets.is_empty(),
            "{route:?}"
        );
        tried += 1;
    }
    assert!(tried >= 30, "{tried} routes");
    let users = ground.test.get("/v1/users").await.data();
    assert_eq!(users.as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn a_user_repeats_the_change_of_his_own_password() {
    let ground = ground().await;
    let path = format!("/v1/users/{}/password", ground.user);
    let given = json!({"password": "correct horse battery"});
    ground.test.post(&path, given).await.expect(200);
    let sign_in = async |password: &str| {
        let body = json!({"data": {"email": "a@b.example", "password": password}});
        let request = TestBox::request(Method::POST, "/v1/session", None, &[], Some(&body));
        let answer = ground.test.send(request).await.expect(201);
        let cookie = answer.header("set-cookie").split(';').next().unwrap();
        cookie.to_owned()
    };
    let change = async |cookie: &str, new: &str| {
        let body = json!({"data": {"current_password": "correct horse battery", "password": new}});
        let headers = [
            ("cookie", cookie),
            ("sec-fetch-site", "same-origin"),
            ("idempotency-key", "change-1"),
        ];
        let request = TestBox::request(Method::POST, &path, None, &headers, Some(&body));
        ground.test.send(request).await
    };
    let new = "horse battery correct";
    change(&sign_in("correct horse battery").await, new)
        .await
        .expect(200);
    let cookie = sign_in(new).await;
    let again = change(&cookie, new).await.expect(200);
    assert_eq!(again.header("idempotency-replayed"), "true");
    change(&cookie, "another battery horse").await.expect(409);
    sign_in(new).await;
}

#[tokio::test]
async fn a_request_with_a_key_is_the_same_with_and_without_the_prefix() {
    let test = ground().await.test;
    let key = [("idempotency-key", "once")];
    let first = test
        .write(Method::POST, "/reports", &key, report())
        .await
        .expect(201);
    let again = test
        .write(Method::POST, "/v1/reports", &key, report())
        .await
        .expect(200);
    assert_eq!(again.data()["report_id"], first.data()["report_id"]);
}
