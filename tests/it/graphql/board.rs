//! A case as boards ask for it, and who may see what of it.

use axum::http::Method;
use serde_json::{Value as Json, json};

use crate::graphql::{CASE_BOARD, ask, ask_as, codes, data, post};
use crate::support::testbox::{METRO, TestBox};

/// A case with so many entities and items; gives its id and its number.
async fn case(served: &TestBox, entities: usize, items: usize) -> (String, String) {
    let mut members = Vec::new();
    for number in 0..entities {
        let person =
            json!({"kind": "person", "display_name": format!("Person {number}"), "risk_level": "high"});
        let made = served.post("/v1/entities", person).await.expect(201).data();
        members.push(json!({"entity_id": made["id"], "role": "witness"}));
    }
    let team = json!([{"name": "Dana Reyes", "role": "lead"}, {"name": "Sam Ito", "role": "analyst"}]);
    let case = json!({"title": "Harbor", "team": team, "entities": members});
    let case = served.post("/v1/cases", case).await.expect(201).data();
    let id = case["id"].as_str().unwrap().to_owned();
    for number in 0..items {
        let item = json!({"case_id": id, "type": "physical", "description": format!("Item {number}")});
        served.post("/v1/evidence", item).await.expect(201);
    }
    for minute in 0..12 {
        let entry = json!({
            "timestamp": format!("2026-03-17T21:{minute:02}:00Z"), "description": format!("Minute {minute}"),
        });
        served
            .post(&format!("/v1/cases/{id}/timeline"), entry)
            .await
            .expect(201);
    }
    (id, case["display_id"].as_str().unwrap().to_owned())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_board_that_clients_bring_along_is_answered_as_it_stands() {
    let served = TestBox::start().await;
    let (id, number) = case(&served, 7, 5).await;
    let board = data(&ask(&served, CASE_BOARD, json!({"caseId": number})).await);
    assert_eq!(
        board,
        data(&ask(&served, CASE_BOARD, json!({"caseId": id})).await)
    );
    let case = &board["investigation"];
    assert_eq!(case["id"], json!(id));
    assert_eq!(
        (&case["title"], &case["status"]),
        (&json!("Harbor"), &json!("open"))
    );
    assert_eq!(
        case["assignedTeam"],
        json!([{"name": "Dana Reyes", "role": "lead"}, {"name": "Sam Ito", "role": "analyst"}])
    );
    assert_eq!(case["relatedEntities"].as_array().unwrap().len(), 6);
    assert_eq!(case["relatedEntities"][0]["riskLevel"], "high");
    assert_eq!(case["evidence"].as_array().unwrap().len(), 4);
    let chain = &case["evidence"][0]["chainOfCustody"];
    assert_eq!(chain[0]["action"], "collected");
    assert_eq!(chain[0]["actor"], "test key via rest");
    let told: Vec<_> = case["timeline"]
        .as_array()
        .unwrap()
        .iter()
        .map(|entry| &entry["description"])
        .collect();
    let expected: Vec<_> = (2..12)
        .rev()
        .map(|minute| json!(format!("Minute {minute}")))
        .collect();
    assert_eq!(told, expected.iter().collect::<Vec<_>>());
    // The members of the answer stand in the order in which they were asked for.
    let names: Vec<_> = case.as_object().unwrap().keys().collect();
    assert_eq!(
        names,
        [
            "id",
            "title",
            "status",
            "assignedTeam",
            "relatedEntities",
            "evidence",
            "timeline"
        ]
    );
    let alias = "query($id: ID!) { case(id: $id) { displayId reviewPath } }";
    let alias = data(&ask(&served, alias, json!({"id": number})).await);
    assert_eq!(alias["case"]["reviewPath"], json!(format!("/cases/{number}")));
    let got = "/graphql?query=%7Bme%7Bname%20tenant%7D%7D";
    let got = served.get(got).await.expect(200);
    assert_eq!(
        got.json(),
        json!({"data": {"me": {"name": "test key", "tenant": "metro"}}})
    );
    assert_eq!(got.header("content-type"), "application/json");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_board_reads_one_snapshot_and_each_record_once() {
    let served = TestBox::start().await;
    let (id, _) = case(&served, 100, 4).await;
    let query = "query($id: ID!) { investigation(id: $id) {
        title relatedEntities(limit: 100) { displayName investigations(limit: 2) { title } }
        evidence(limit: 4) { case { title } chainOfCustody { action evidence { type } } } timeline(limit: 10) { case { id } }
    } }";
    // The engine is made by the first who asks.
    data(&ask(&served, "{ me { name } }", json!({})).await);
    let work = served.services().work();
    let before = (work.snapshots(), work.records());
    let board = data(&ask(&served, query, json!({"id": id})).await);
    assert_eq!(
        board["investigation"]["relatedEntities"]
            .as_array()
            .unwrap()
            .len(),
        100
    );
    assert_eq!(
        board["investigation"]["relatedEntities"][99]["investigations"][0]["title"],
        "Harbor"
    );
    let after = (work.snapshots(), work.records());
    assert_eq!(after.0 - before.0, 1, "one snapshot");
    assert_eq!(after.1 - before.1, 1 + 100 + 4 + 10, "each record once");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_caller_may_not_read_is_not_there() {
    let served = TestBox::start().await;
    let cleared = served.key_for(METRO, &["*", "cases:restricted"], &["query"]);
    let write = async |path: &str, data: Json| {
        let body = json!({ "data": data });
        let request = TestBox::request(Method::POST, path, Some(&cleared), &[], Some(&body));
        served.send(request).await.expect(201).data()
    };
    let open = write("/v1/cases", json!({"title": "Open"})).await;
    let hidden = write(
        "/v1/cases",
        json!({"title": "Hidden", "classification": "restricted"}),
    )
    .await;
    let person = json!({"kind": "person", "display_name": "Ruth Okafor"});
    let person = write("/v1/entities", person).await;
    let of_hidden = json!({"case_id": hidden["id"], "type": "photo", "description": "Pier"});
    let item = write("/v1/evidence", of_hidden).await;
    for case in [&open, &hidden] {
        let path = format!("/v1/cases/{}/entities", case["id"].as_str().unwrap());
        write(&path, json!({"entity_id": person["id"], "role": "owner"})).await;
    }
    let other = served.key_for("harbor", &["*"], &["query"]);
    for (key, id) in [
        (&served.key, &hidden["display_id"]),
        (&served.key, &json!("INV-2026-9999")),
        (&served.key, &json!("no such thing")),
        (&other, &open["id"]),
    ] {
        let answer = ask_as(&served, key, CASE_BOARD, json!({"caseId": id})).await;
        assert_eq!(answer["data"], json!({"investigation": null}), "{answer}");
        assert_eq!(answer["errors"][0]["path"], json!(["investigation"]));
        assert_eq!(codes(&answer), ["NOT_FOUND"]);
    }
    let lists = "query($person: ID!) {
        investigationsConnection { totalCount nodes { title } }
        evidenceItems { description case { title } }
        entity(id: $person) { investigationsConnection { totalCount nodes { title } } ... on Person { names } }
        record(id: $person) { __typename reviewPath }
    }";
    let variables = json!({"person": person["display_id"]});
    let seen = data(&ask(&served, lists, variables.clone()).await);
    let only_open = json!({"totalCount": 1, "nodes": [{"title": "Open"}]});
    assert_eq!(seen["investigationsConnection"], only_open);
    assert_eq!(seen["entity"]["investigationsConnection"], only_open);
    assert_eq!(seen["evidenceItems"], json!([]));
    assert_eq!(seen["record"]["__typename"], "Person");
    let seen = data(&ask_as(&served, &cleared, lists, variables).await);
    assert_eq!(seen["investigationsConnection"]["totalCount"], 2);
    assert_eq!(
        seen["evidenceItems"],
        json!([{"description": "Pier", "case": {"title": "Hidden"}}])
    );
    let item = json!({"id": item["id"]});
    let one = "query($id: ID!) { evidence(id: $id) { id } }";
    assert_eq!(codes(&ask(&served, one, item).await), ["NOT_FOUND"]);
    // Who was cleared has left his name before he was answered.
    let entries = served
        .get("/v1/audit?event=list&outcome=done")
        .await
        .expect(200)
        .data();
    assert!(
        entries
            .as_array()
            .unwrap()
            .iter()
            .any(|entry| !entry["restricted"].is_null()),
        "{entries:#}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn scopes_lanes_and_credentials_are_those_of_every_lane() {
    let served = TestBox::start().await;
    let (id, _) = case(&served, 1, 1).await;
    let only_cases = served.key_with(&["cases:read"]);
    let answer = ask_as(&served, &only_cases, CASE_BOARD, json!({ "caseId": id })).await;
    assert_eq!(answer["data"]["investigation"]["title"], "Harbor");
    assert_eq!(answer["data"]["investigation"]["evidence"], Json::Null);
    assert_eq!(codes(&answer), ["DENIED", "DENIED"]);
    let events_only = served.key_for(METRO, &["*"], &["events"]);
    let body = json!({"query": "{ me { name } }"});
    assert_eq!(
        codes(&post(&served, &events_only, &body).await.expect(403).json()),
        ["DENIED"]
    );
    let unknown = post(&served, "ak_0000000000000000000000000000", &body)
        .await
        .expect(401);
    assert_eq!(codes(&unknown.json()), ["UNAUTHENTICATED"]);
    let nobody = TestBox::request(Method::POST, "/graphql", None, &[], Some(&body));
    assert_eq!(
        codes(&served.send(nobody).await.expect(401).json()),
        ["UNAUTHENTICATED"]
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_credential_that_was_revoked_or_has_expired_opens_nothing() {
    let served = TestBox::start().await;
    let make = async |name: &str, more: Json| {
        let mut key = json!({"name": name, "lanes": ["query"], "scopes": ["*"]});
        key.as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        served.post("/v1/keys", key).await.expect(201).data()
    };
    // An hour after the test's clock.
    let ending = make("ending", json!({"expires_at": "2026-03-17T22:14:22Z"})).await;
    let revoked = make("revoked", json!({})).await;
    let body =
        json!({"query": "mutation { createInvestigation(input: {title: \"x\"}) { investigation { id } } }"});
    for key in [&ending, &revoked] {
        let answer = post(&served, key["key"].as_str().unwrap(), &body)
            .await
            .expect(200);
        data(&answer.json());
    }
    let path = format!("/v1/keys/{}", revoked["id"].as_str().unwrap());
    served.delete(&path).await;
    served.desk().clock.advance(3_600_001);
    for key in [&ending, &revoked] {
        let refused = post(&served, key["key"].as_str().unwrap(), &body)
            .await
            .expect(401);
        assert_eq!(codes(&refused.json()), ["UNAUTHENTICATED"]);
        assert!(refused.json().get("data").is_none());
        let got = "/graphql?query=%7Bme%7Bname%7D%7D";
        let refused = served.get_as(key["key"].as_str().unwrap(), got).await.expect(401);
        assert_eq!(codes(&refused.json()), ["UNAUTHENTICATED"]);
    }
    let cases = served.get("/v1/cases").await.expect(200).data();
    assert_eq!(cases.as_array().unwrap().len(), 2, "nothing more was made");
}
