//! Changes: every write that REST has, by the same rules, repeated without harm.

use axum::http::Method;
use blotter::lanes::http::route::Scope;
use serde_json::{Value as Json, json};

use crate::graphql::{ask, ask_as, codes, data};
use crate::support::process::{Place, Served};
use crate::support::testbox::{METRO, TestBox};

#[test]
fn every_write_of_rest_that_takes_json_is_a_change() {
    let schema = blotter::lanes::sdl();
    let mut writes = 0;
    for route in blotter::lanes::routes() {
        let is_write = route.method != Method::GET
            && route.scope != Scope::Open
            && route.path.starts_with("/v1/")
            && route.path != "/v1/session"
            && route.can_be_carried_out();
        if is_write {
            let told = format!("`{} {}`.", route.method, route.path);
            assert_eq!(schema.matches(&told).count(), 1, "{told}");
            writes += 1;
        }
    }
    assert!(writes > 60, "{writes}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_change_is_made_by_the_rules_of_its_route_and_only_once() {
    let served = TestBox::start().await;
    let make = "mutation($input: CreateInvestigationInput!) {
        createInvestigation(input: $input) { clientMutationId replayed investigation { id displayId title version } }
    }";
    let input = json!({"input": {"title": "Pier 4", "offenseType": "arson", "clientMutationId": "m-1"}});
    let made = data(&ask(&served, make, input.clone()).await)["createInvestigation"].clone();
    assert_eq!(
        (&made["clientMutationId"], &made["replayed"]),
        (&json!("m-1"), &json!(false))
    );
    let again = data(&ask(&served, make, input).await)["createInvestigation"].clone();
    assert_eq!(again["investigation"], made["investigation"]);
    assert_eq!(again["replayed"], true);
    let other = json!({"input": {"title": "Pier 5", "clientMutationId": "m-1"}});
    assert_eq!(codes(&ask(&served, make, other).await), ["CONFLICT"]);
    let id = made["investigation"]["id"].clone();
    let rest = served
        .get(&format!("/v1/cases/{}", id.as_str().unwrap()))
        .await
        .expect(200)
        .data();
    assert_eq!(rest["offense_type"], "arson");

    let change = "mutation($id: ID!, $version: Long) {
        updateInvestigation(input: {id: $id, status: \"active\", ifVersion: $version}) { investigation { status } }
        addTagsToInvestigation(input: {id: $id, tags: [\"night\"]}) { investigation { tags status } }
    }";
    let changed = data(&ask(&served, change, json!({"id": id, "version": 1})).await);
    assert_eq!(
        changed["updateInvestigation"]["investigation"]["status"],
        "active"
    );
    assert_eq!(
        changed["addTagsToInvestigation"]["investigation"],
        json!({"tags": ["night"], "status": "active"})
    );
    let stale = ask(&served, change, json!({"id": id, "version": 1})).await;
    assert_eq!(codes(&stale), ["CONFLICT"]);
    assert_eq!(stale["data"]["updateInvestigation"], json!(null));
    check_conditions(&served, change, &id).await;

    let item =
        "mutation($id: ID!) { createEvidence(input: {caseId: $id, type: \"photo\", description: \"Pier\"}) {
        evidence { id custodyFollows sequentialOrgId case { title } } } }";
    let item = data(&ask(&served, item, json!({"id": id})).await)["createEvidence"]["evidence"].clone();
    assert_eq!(item["case"]["title"], "Pier 4");
    assert_eq!(item["sequentialOrgId"], 1);
    let step = "mutation($id: ID!, $follows: JSON!) {
        addCustodyToEvidence(input: {id: $id, action: \"stored\", place: \"Shelf 3\", follows: $follows}) {
            result evidence { status chainOfCustody { action actor } }
        }
    }";
    let variables = json!({"id": item["id"], "follows": item["custodyFollows"]});
    let stored = data(&ask(&served, step, variables.clone()).await)["addCustodyToEvidence"].clone();
    assert_eq!(stored["evidence"]["status"], "stored");
    assert_eq!(stored["result"]["state"], "stored");
    assert_eq!(
        stored["evidence"]["chainOfCustody"][1],
        json!({"action": "stored", "actor": "test key via graphql"})
    );
    assert_eq!(codes(&ask(&served, step, variables).await), ["CONFLICT"]);

    let reader = served.key_for(METRO, &["cases:read"], &["query"]);
    let refused = json!({"input": {"title": "No"}});
    assert_eq!(codes(&ask_as(&served, &reader, make, refused).await), ["DENIED"]);
    let other = served.key_for("harbor", &["*"], &["query"]);
    let foreign = ask_as(&served, &other, change, json!({"id": id})).await;
    assert_eq!(codes(&foreign), ["NOT_FOUND", "NOT_FOUND"]);
    let wrong = json!({"input": {"title": "x", "priority": "no such word"}});
    assert_eq!(codes(&ask(&served, make, wrong).await), ["INVALID"]);
    faults_are_named_as_the_client_wrote_them(&served, make).await;
}

async fn faults_are_named_as_the_client_wrote_them(served: &TestBox, make: &str) {
    let batch = "mutation($input: BatchInput!) { batch(input: $input) { result } }";
    let row = json!({"kind": "case", "data": {"title": ""}});
    let wrong = [
        (
            make,
            json!({"title": " ", "officers": ["nobody"]}),
            vec!["input.title", "input.officers[0]"],
        ),
        (
            make,
            json!({"title": "x", "reviewDate": "2026-02-30"}),
            vec!["input.reviewDate"],
        ),
        (batch, json!({"rows": [row]}), vec!["input.rows[0].data.title"]),
    ];
    for (change, input, paths) in wrong {
        let told = ask(served, change, json!({"input": input})).await;
        let message = told["errors"][0]["message"].as_str().unwrap();
        for path in paths {
            assert!(message.contains(path), "{path}: {told}");
        }
    }
}

#[test]
fn a_change_that_is_sent_again_after_a_restart_is_done_once() {
    let place = Place::with_node();
    let key = place.key();
    let make = |served: &Served, title: &str| {
        let query = "mutation($input: CreateInvestigationInput!) {
            createInvestigation(input: $input) { clientMutationId replayed investigation { id title } } }";
        let input = json!({"title": title, "clientMutationId": "m-1"});
        let body = json!({"query": query, "variables": {"input": input}}).to_string();
        let headers = "Content-Type: application/json\r\n";
        let told = served.ask("POST", "/graphql", Some(&key), headers, body.as_bytes());
        told.unwrap().json()
    };
    let served = place.serve();
    let first = data(&make(&served, "Pier 4"))["createInvestigation"].clone();
    assert_eq!(first["replayed"], false);
    // Once it stopped in good order, once it was killed.
    assert_eq!(served.terminate().0, 0);
    let mut served = place.serve();
    for is_last in [false, true] {
        let again = data(&make(&served, "Pier 4"))["createInvestigation"].clone();
        assert_eq!(
            (&again["replayed"], &again["clientMutationId"]),
            (&json!(true), &json!("m-1"))
        );
        assert_eq!(again["investigation"], first["investigation"]);
        assert_eq!(codes(&make(&served, "Pier 5")), ["CONFLICT"]);
        let (status, cases) = served.get("/v1/cases", Some(&key));
        let cases: serde_json::Value = serde_json::from_str(&cases).unwrap();
        assert_eq!((status, cases["data"].as_array().unwrap().len()), (200, 1));
        if !is_last {
            served.kill();
            served = place.serve();
        }
    }
    assert_eq!(served.terminate().0, 0);
}

async fn check_conditions(served: &TestBox, change: &str, id: &Json) {
    let no_version = ask(served, change, json!({"id": id, "version": "x"})).await;
    assert!(
        no_version["errors"][0]["message"]
            .as_str()
            .unwrap()
            .contains("input.ifVersion"),
        "{no_version}"
    );
    let note = "mutation($id: ID!) { addNotesToInvestigation(input: {id: $id, text: \"x\", ifVersion: 1}) { result } }";
    let refused = ask(served, note, json!({"id": id})).await;
    assert!(
        refused["errors"][0]["message"]
            .as_str()
            .unwrap()
            .contains("ifVersion"),
        "{refused}"
    );
}
