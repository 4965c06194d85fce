//! The index follows the log, and who may read a record finds it.

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
        ("q=x%20status:opne", "one of open, active"),
        ("q=updated:soon", "a year, month or day"),
        ("q=-priority:hihg", "low, medium, high, critical"),
        ("q=x&kind=nonsense", "not `nonsense`"),
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
    let none = desk.key_with(&["keys:admin"]);
    desk.get_as(&none, "/v1/search?q=x").await.expect(403);
}
