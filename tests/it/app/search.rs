//! The index follows the log, and who may read a record finds it.

use axum::http::Method;
use serde_json::{Value as Json, json};

use crate::support::testbox::TestBox;

async fn found(desk: &TestBox, key: &str, query: &str) -> Vec<String> {
    let path = format!("/v1/search?consistency=wait&{query}");
    let hits = desk.get_as(key, &path).await.expect(200).data();
    let title = |hit: &Json| hit["title"].as_str().unwrap().to_owned();
    hits.as_array().unwrap().iter().map(title).collect()
}

#[tokio::test]
async fn what_was_written_is_found_at_once_by_those_who_wait() {
    let desk = TestBox::start().await;
    let key = desk.key.clone();
    let case = desk
        .post("/v1/cases", json!({"title": "Break-in at the chandlery"}))
        .await
        .expect(201)
        .data();
    assert_eq!(
        found(&desk, &key, "q=chandlery").await,
        ["Break-in at the chandlery"]
    );
    let person = json!({"kind": "person", "display_name": "Catherine Doyle", "attributes": {"aliases": ["Kate Doyle"]}});
    let person = desk.post("/v1/entities", person).await.expect(201).data();
    assert_eq!(found(&desk, &key, "q=Kathryn%20Doile").await, ["Catherine Doyle"]);

    let path = format!("/v1/cases/{}", case["id"].as_str().unwrap());
    let entities = json!({"entities": [{"entity_id": person["id"], "role": "witness"}]});
    desk.patch(&path, entities).await.expect(200);
    let within = format!("q=doyle&case_id={}", case["display_id"].as_str().unwrap());
    assert_eq!(found(&desk, &key, &within).await, ["Catherine Doyle"]);

    desk.patch(&path, json!({"title": "Break-in at the sail loft"}))
        .await
        .expect(200);
    assert!(found(&desk, &key, "q=chandlery").await.is_empty());
}

#[tokio::test]
async fn what_belongs_to_a_case_is_found_by_its_readers_alone() {
    let desk = TestBox::start().await;
    let (own, open) = (
        desk.key.clone(),
        desk.key_with(&["cases:read", "evidence:read", "entities:read", "reports:read"]),
    );
    let trusted = desk.key_with(&[
        "cases:read",
        "evidence:read",
        "entities:read",
        "reports:read",
        "cases:restricted",
    ]);
    let case = desk
        .post("/v1/cases", json!({"title": "Quiet matter"}))
        .await
        .expect(201)
        .data();
    let item = json!({"case_id": case["id"], "type": "physical", "description": "Brass lantern"});
    desk.post("/v1/evidence", item).await.expect(201);
    assert_eq!(found(&desk, &open, "q=lantern").await, ["Brass lantern"]);

    let path = format!("/v1/cases/{}", case["id"].as_str().unwrap());
    desk.patch(&path, json!({"classification": "restricted"}))
        .await
        .expect(200);
    assert!(found(&desk, &open, "q=lantern").await.is_empty());
    assert!(found(&desk, &own, "q=quiet").await.is_empty());
    assert_eq!(found(&desk, &trusted, "q=lantern").await, ["Brass lantern"]);
}

#[tokio::test]
async fn a_case_that_is_not_there_for_the_caller_is_told_as_by_lists() {
    let desk = TestBox::start().await;
    for (title, own) in [("Open matter", "cad-17"), ("Quiet matter", "cad-18")] {
        let case = json!({"title": title, "external_id": own, "case_number": format!("N/{own}")});
        desk.post("/v1/cases", case).await.expect(201);
    }
    let restricted = json!({"classification": "restricted"});
    desk.patch("/v1/cases/INV-2026-0002", restricted)
        .await
        .expect(200);
    for case in [
        "INV-2026-0002",
        "INV-2026-0999",
        "ext:cad-18",
        "01890000-0000-7000-8000-000000000000",
    ] {
        for path in ["/v1/search?q=matter&case_id=", "/v1/evidence?case_id="] {
            let refused = desk.get(&format!("{path}{case}")).await.expect(404);
            assert_eq!(refused.codes(), ["CASE_NOT_FOUND"], "{path}{case}");
        }
        let query = json!({"query": format!("{{ search(query: \"matter\", caseId: \"{case}\") {{ id }} }}")});
        let asked = TestBox::request(Method::POST, "/graphql", Some(&desk.key), &[], Some(&query));
        let errors = desk.send(asked).await.json()["errors"].clone();
        assert_eq!(errors[0]["extensions"]["code"], "NOT_FOUND", "{errors}");
        let refused = desk.get(&format!("/v1/search?q=case:{case}")).await.expect(400);
        assert!(refused.messages()[0].starts_with("q: expected the id or number of a known case"));
    }
    let key = desk.key.clone();
    for query in [
        "q=matter&case_id=INV-2026-0001",
        "q=matter&case_id=ext:cad-17",
        "q=matter%20case:inv-2026-0001",
        "q=case_number:N/cad-17",
        "q=number:cad-17",
        "q=number:n-cad-18,n-cad-17",
        "q=matter%20classification:open",
    ] {
        assert_eq!(found(&desk, &key, query).await, ["Open matter"], "{query}");
    }
    let trusted = desk.key_with(&["cases:read", "evidence:read", "cases:restricted"]);
    assert_eq!(
        found(&desk, &trusted, "q=classification:restricted").await,
        ["Quiet matter"]
    );
}

#[tokio::test]
async fn a_report_is_shown_in_its_own_words_alone() {
    let desk = TestBox::start().await;
    desk.services().seed_categories(&desk.owner()).unwrap();
    let report = json!({"description": "A bicycle was taken.", "location": {"x": 8.54, "y": 47.37},
        "category": {"category_id": 5}, "reporter": {"name": "A", "phone": "+41446681800"}});
    desk.post("/v1/reports", report).await.expect(201);
    for query in ["bicycle", "kind:report", "%2B41446681800"] {
        let path = format!("/v1/search?consistency=wait&q={query}");
        let hits = desk.get(&path).await.expect(200).data();
        let snippet = hits[0]["snippet"]
            .as_str()
            .unwrap()
            .replace("<mark>", "")
            .replace("</mark>", "");
        assert_eq!(snippet, "A bicycle was taken.", "{query}");
    }
}

#[tokio::test]
async fn a_search_counts_and_suggests_and_refuses_what_it_can_not_read() {
    let desk = TestBox::start().await;
    desk.post("/v1/cases", json!({"title": "Burglary", "tags": ["Night"]}))
        .await
        .expect(201);
    let answer = desk
        .get("/v1/search?q=burglary&facets=true&consistency=wait")
        .await
        .expect(200)
        .json();
    assert_eq!(answer["meta"]["total"], 1);
    assert_eq!(
        answer["meta"]["facets"]["tag"],
        json!([{"value": "night", "count": 1}])
    );
    assert_eq!(answer["meta"]["index_lag"]["milliseconds"], 0);
    let refused = desk.get("/v1/search?q=x&cursor=no-such").await.expect(400);
    assert_eq!(refused.codes(), ["INPUT_SCHEMA_VIOLATION"]);
    for (query, expected) in [
        ("q=kind:perosn", "one of case, entity"),
        ("q=x%20status:opne", "q: status: is one of open, active"),
        ("q=updated:soon", "a year, month or day"),
        ("q=-priority:hihg", "low, medium, high, critical"),
        ("q=x&kind=nonsense", "not `nonsense`"),
        ("q=-classification:secret", "one of open, restricted"),
        ("q=case_number:--", "a value with letters or digits"),
        (
            "q=foo:bar",
            "kind:, status:, priority:, tag:, office:, case:, number:",
        ),
        ("q=Staus:open", "in quotes \"Staus:open\" is searched as text"),
    ] {
        let refused = desk.get(&format!("/v1/search?{query}")).await.expect(400);
        assert!(
            refused.messages()[0].contains(expected),
            "{query}: {:?}",
            refused.messages()
        );
    }
    desk.get("/v1/search?q=kind:Person%20status:open,closed%20tag:any%20updated:%3E2026-01-01")
        .await
        .expect(200);
    let all = desk
        .get("/v1/search?q=foo:bar%20kind:perosn%20updated:soon&kind=no&limit=0")
        .await;
    assert_eq!(all.expect(400).messages().len(), 5);
    // What looks like no filter is text.
    for text in [
        "Re:burglary",
        "re:burglary",
        "\"re:burglary\"",
        "10:30",
        "https://example.org",
    ] {
        let path = format!("/v1/search?q={}", text.replace('"', "%22"));
        desk.get(&path).await.expect(200);
    }
    let none = desk.key_with(&["keys:admin"]);
    desk.get_as(&none, "/v1/search?q=x").await.expect(403);
}
