//! A case that not everybody may know of is named nowhere to those who may not: not in records that name it, their history,
//! what is found, what happened, or what is refused.

use axum::http::Method;
use serde_json::{Value as Json, json};

use crate::support::testbox::{Answer, METRO, TestBox};

const LANES: &[&str] = &["query", "events"];

/// A restricted case with an item; a person in it, a report that became part of it, and an entry of an open case about all.
struct Scene {
    served: TestBox,
    cleared: String,
    plain: String,
    /// Internal ids and numbers of what is hidden.
    hidden: Vec<String>,
    open_case: String,
}

impl Scene {
    async fn make() -> Self {
        let served = TestBox::start().await;
        served.services().seed_categories(&served.owner()).unwrap();
        let cleared = served.key_for(METRO, &["*", "cases:restricted"], LANES);
        let plain = served.key_for(METRO, &["*"], LANES);
        let make = async |path: &str, data: Json| {
            let body = json!({ "data": data });
            let request = TestBox::request(Method::POST, path, Some(&cleared), &[], Some(&body));
            served.send(request).await.expect(201).data()
        };
        let text = |record: &Json, field: &str| record[field].as_str().unwrap().to_owned();
        let case = json!({"title": "Hidden", "classification": "restricted", "external_id": "h"});
        let case = make("/v1/cases", case).await;
        let item = json!({"type": "physical", "description": "A knife", "case_id": case["id"]});
        let item = make("/v1/evidence", item).await;
        let person = json!({"kind": "person", "display_name": "Quentin Quackenbush"});
        let person = make("/v1/entities", person).await;
        let body = json!({"data": {"entities": [{"entity_id": person["id"], "role": "suspect"}]}});
        let path = format!("/v1/cases/{}", text(&case, "id"));
        let join = TestBox::request(Method::PATCH, &path, Some(&cleared), &[], Some(&body));
        served.send(join).await.expect(200);
        let report = json!({"location": {"x": 8.5, "y": 47.3}, "category": {"category_id": 1}, "case_id": case["id"],
            "reporter": {"name": "Desk", "phone": "+41446681800"}, "description": "A quackenbush again"});
        make("/v1/reports", report).await;
        let open = make("/v1/cases", json!({"title": "Open"})).await;
        let entry = json!({"timestamp": "2026-03-17T20:00:00Z", "description": "Seen",
            "about": [case["id"], item["id"], person["id"]]});
        let open_case = text(&open, "id");
        make(&format!("/v1/cases/{open_case}/timeline"), entry).await;
        let hidden = [&case, &item].map(|record| [text(record, "id"), text(record, "display_id")]);
        Self {
            hidden: hidden.concat(),
            served,
            cleared,
            plain,
            open_case,
        }
    }

    async fn ask(&self, key: &str, (method, path): (Method, &str), tag: &str, body: Option<Json>) -> Answer {
        let headers = [("if-match", tag)];
        let headers = if tag.is_empty() { &[][..] } else { &headers };
        let request = TestBox::request(method, path, Some(key), headers, body.as_ref());
        self.served.send(request).await
    }

    /// Names of what is hidden in an answer.
    fn named(&self, answer: &Answer) -> Vec<&String> {
        let text = String::from_utf8_lossy(&answer.bytes);
        let named = |name: &&String| text.contains(name.as_str());
        self.hidden.iter().filter(named).collect()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hidden_case_is_named_nowhere() {
    let scene = Scene::make().await;
    let timeline = format!("/v1/cases/{}/timeline", scene.open_case);
    let reads = [
        "/v1/reports",
        "/v1/reports/1",
        "/v1/reports/1/history",
        &timeline,
        "/v1/timeline",
        "/v1/events?after=0&limit=500",
        "/v1/search?consistency=wait&q=quackenbush&facets=true",
        "/v1/search?consistency=wait&q=kind:person",
    ];
    for path in reads {
        // Who may know it comes first and again: what is kept in memory of his answer is not for the other.
        for _ in 0..2 {
            for (key, knows) in [(&scene.cleared, true), (&scene.plain, false)] {
                let answer = scene.ask(key, (Method::GET, path), "", None).await.expect(200);
                assert_eq!(
                    !scene.named(&answer).is_empty(),
                    knows,
                    "{path}: {}",
                    answer.json()
                );
            }
        }
    }
    let query = json!({"query": "{ report(id: \"1\") { caseId case { id } } \
        search(query: \"quackenbush\") { caseIds } \
        reports { caseId } }"});
    for (key, knows) in [(&scene.cleared, true), (&scene.plain, false)] {
        let answer = scene
            .ask(key, (Method::POST, "/graphql"), "", Some(query.clone()))
            .await;
        let answer = answer.expect(200);
        assert_eq!(answer.json()["errors"], Json::Null);
        assert_eq!(!scene.named(&answer).is_empty(), knows, "{}", answer.json());
    }
    refusals_name_nothing(&scene).await;
}

/// What is written, refused and proved.
async fn refusals_name_nothing(scene: &Scene) {
    for (key, status) in [(&scene.cleared, 200), (&scene.plain, 403)] {
        let proof = (Method::GET, "/v1/reports/1/proof");
        scene.ask(key, proof, "", None).await.expect(status);
    }
    let note = Some(json!({"data": {"description": "Seen again"}}));
    let writes = [
        (
            Method::PATCH,
            "/v1/reports/1",
            "",
            Some(json!({"data": {"case_id": null}})),
            409,
        ),
        (Method::PATCH, "/v1/reports/1", "", note.clone(), 200),
        (Method::PATCH, "/v1/reports/1", "\"1\"", note, 412),
        (
            Method::POST,
            "/v1/reports/1/case",
            "",
            Some(json!({"data": {}})),
            409,
        ),
    ];
    for (method, path, tag, body, status) in writes {
        let answer = scene
            .ask(&scene.plain, (method, path), tag, body)
            .await
            .expect(status);
        assert!(scene.named(&answer).is_empty(), "{path}: {}", answer.json());
    }
    for filter in ["case_id=INV-2026-0001", "case_id=ext:h"] {
        let path = format!("/v1/search?consistency=wait&{filter}");
        scene
            .ask(&scene.plain, (Method::GET, &path), "", None)
            .await
            .expect(404);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_repeated_request_shows_nothing_that_its_sender_may_not_read_any_more() {
    let served = TestBox::start().await;
    let cleared = served.key_for(METRO, &["*", "cases:restricted"], LANES);
    let headers = [("idempotency-key", "one")];
    let body = json!({"title": "Open"});
    let write = || served.write(Method::POST, "/v1/cases", &headers, body.clone());
    let made = write().await.expect(201).data();
    write().await.expect(200);
    let path = format!("/v1/cases/{}", made["id"].as_str().unwrap());
    let body = json!({"data": {"classification": "restricted"}});
    let hide = TestBox::request(Method::PATCH, &path, Some(&cleared), &[], Some(&body));
    served.send(hide).await.expect(200);
    write().await.expect(404);
}
