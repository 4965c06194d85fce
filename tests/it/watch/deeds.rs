//! What is done with alerts: the state machine, over REST and over the socket of events, and what is remembered of it.

use axum::http::Method;
use serde_json::{Value as Json, json};

use crate::support::testbox::{METRO, TestBox};
use crate::watch::{alerts, events, list, make};

async fn raised(served: &TestBox) -> (Json, String) {
    list(served, json!([{"type": "plate", "value": "KTR-4471"}])).await;
    let vehicle = json!({"kind": "vehicle", "display_name": "Pickup", "attributes": {"plate": "KTR 4471"}});
    let vehicle = make(served, "entities", vehicle).await;
    let raised = alerts(served, &served.key).await;
    (
        vehicle,
        format!("/v1/alerts/{}", raised[0]["id"].as_str().unwrap()),
    )
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_alert_is_acknowledged_escalated_and_dismissed_with_a_reason() {
    let served = TestBox::start().await;
    let (vehicle, alert) = raised(&served).await;
    let refused = served
        .post(&format!("{alert}/dismiss"), json!({}))
        .await
        .expect(400);
    // What the client was to give is named as the client gives it.
    assert_eq!(
        refused.messages(),
        ["data.reason is missing: why it is put aside is needed"]
    );
    served
        .patch(&alert, json!({"status": "dismissed"}))
        .await
        .expect(400);
    let seen = served
        .post(&format!("{alert}/acknowledge"), json!({}))
        .await
        .expect(200)
        .data();
    assert_eq!(seen["status"], "acknowledged");
    served
        .post(&format!("{alert}/acknowledge"), json!({"x": 1}))
        .await
        .expect(400);
    let to = json!({"to": "Watch commander"});
    let seen = served
        .post(&format!("{alert}/escalate"), to)
        .await
        .expect(200)
        .data();
    assert_eq!(
        (&seen["status"], &seen["escalated_to"]),
        (&json!("escalated"), &json!("Watch commander"))
    );
    served
        .patch(&alert, json!({"status": "raised"}))
        .await
        .expect(409);
    let seen = json!({"reason": "Another pickup: the owner showed papers"});
    let seen = served
        .post(&format!("{alert}/dismiss"), seen)
        .await
        .expect(200)
        .data();
    assert_eq!(seen["status"], "dismissed");
    served
        .patch(&alert, json!({"status": "raised"}))
        .await
        .expect(409);
    remains_dismissed(&served, &vehicle).await;
    is_remembered(&served, &alert).await;
}

/// The same pair raises nothing any more, however often the record changes.
async fn remains_dismissed(served: &TestBox, vehicle: &Json) {
    let path = format!("/v1/entities/{}", vehicle["id"].as_str().unwrap());
    served
        .patch(
            &path,
            json!({"attributes": {"plate": "KTR4471", "colour": "grey"}}),
        )
        .await
        .expect(200);
    let case = make(served, "cases", json!({"title": "Later"})).await;
    let link = json!({"entity_id": vehicle["id"], "role": "vehicle"});
    served
        .post(
            &format!("/v1/cases/{}/entities", case["id"].as_str().unwrap()),
            link,
        )
        .await
        .expect(201);
    let after = alerts(served, &served.key).await;
    assert_eq!((after.len(), &after[0]["status"]), (1, &json!("dismissed")));
}

/// In the feed and in the audit log.
async fn is_remembered(served: &TestBox, alert: &str) {
    let heard = events(
        served,
        &served.key,
        "watchlist.matched,case.alert.*,alert.updated",
    )
    .await;
    let types: Vec<&str> = heard
        .iter()
        .map(|event| event["eventType"].as_str().unwrap())
        .collect();
    assert_eq!(
        types,
        [
            "watchlist.matched",
            "alert.updated",
            "alert.updated",
            "alert.updated"
        ],
        "it belonged to no case when that was done"
    );
    let audit = served.get("/v1/audit?limit=500").await.expect(200).data();
    let deeds = audit.as_array().unwrap().iter();
    let deeds = deeds.filter(|entry| entry["record"].as_str().is_some_and(|id| alert.ends_with(id)));
    let who: Vec<_> = deeds.map(|entry| entry["event"].as_str().unwrap()).collect();
    assert!(who.contains(&"alert.raise"), "{who:?}");
    assert_eq!(
        who.iter().filter(|event| **event == "update").count(),
        3,
        "{who:?}"
    );
}

/// What of a feed says so and is told of this case, to this key.
async fn told_of(served: &TestBox, key: &str, case: &Json) -> Vec<(Json, Json)> {
    let number = case["display_id"].as_str().unwrap();
    let heard = events(served, key, &format!("*alert*,watchlist.*&cases={number}")).await;
    let told = heard.into_iter();
    told.map(|mut event| (event["eventType"].take(), event["caseId"].take()))
        .collect()
}

/// Who filtered by the case heard of the alert, and never that somebody had taken care of it; a restricted case that an open
/// person is in did not hear it at all.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_case_that_heard_of_an_alert_hears_what_becomes_of_it() {
    let served = TestBox::start().await;
    list(&served, json!([{"type": "plate", "value": "KTR-4471"}])).await;
    let vehicle = json!({"kind": "vehicle", "display_name": "Pickup", "attributes": {"plate": "KTR 4471"}});
    let vehicle = make(&served, "entities", vehicle).await;
    assert_eq!(alerts(&served, &served.key).await.len(), 1);
    let named = json!([{"entity_id": vehicle["id"], "role": "vehicle"}]);
    let mut cases = Vec::new();
    let inside = served.key_for(METRO, &["*", "cases:restricted"], &["query", "events"]);
    let hidden = json!({"data": {"title": "Quiet", "classification": "restricted", "entities": named}});
    let ask = TestBox::request(Method::POST, "/v1/cases", Some(&inside), &[], Some(&hidden));
    cases.push(served.send(ask).await.expect(201).data());
    for title in ["One", "Two"] {
        cases.push(make(&served, "cases", json!({"title": title, "entities": named})).await);
    }
    let raised = alerts(&served, &served.key).await;
    let alert = format!("/v1/alerts/{}", raised[0]["id"].as_str().unwrap());
    let numbers: Vec<Json> = cases.iter().map(|case| case["display_id"].clone()).collect();
    // What says nothing new is told to nobody.
    for verb in ["acknowledge", "acknowledge", "escalate"] {
        served
            .post(&format!("{alert}/{verb}"), json!({}))
            .await
            .expect(200);
    }
    let told = |kind: &str, number: &Json| (json!(kind), number.clone());
    for case in &cases[1..] {
        let own = &case["display_id"];
        let expected = [
            told("case.alert.priority_raised", own),
            told("alert.updated", &numbers[1]),
            told("case.alert.acknowledged", own),
            told("alert.updated", &numbers[1]),
            told("case.alert.escalated", own),
        ];
        for key in [&served.key, &inside] {
            assert_eq!(told_of(&served, key, case).await, expected);
        }
    }
    let own = &numbers[0];
    let expected = [
        told("case.alert.priority_raised", own),
        told("case.alert.acknowledged", own),
        told("case.alert.escalated", own),
    ];
    assert_eq!(told_of(&served, &inside, &cases[0]).await, expected);
    a_later_case_is_told_how_it_stands(&served, &named, &raised[0]).await;
    // Who acted, and all who read the alert, learn nothing of a case that they may not read.
    assert_eq!(told_of(&served, &served.key, &cases[0]).await, []);
    let all = json!(events(&served, &served.key, "").await).to_string();
    for word in ["display_id", "id"].map(|member| cases[0][member].as_str().unwrap()) {
        assert!(!all.contains(word), "{word}: {all}");
    }
    let path = format!("/v1/cases/{}", own.as_str().unwrap());
    let hidden = served.get_as(&inside, &path).await.expect(200).data();
    let said = hidden["alerts"].as_array().unwrap().iter();
    let said: Vec<&Json> = said.map(|entry| &entry["status"]).collect();
    assert_eq!(
        said,
        [&json!("raised"), &json!("acknowledged"), &json!("escalated")],
        "{hidden}"
    );
}

/// A case that the person comes into later is not told that the alert is raised anew.
async fn a_later_case_is_told_how_it_stands(served: &TestBox, named: &Json, alert: &Json) {
    let late = make(served, "cases", json!({"title": "Late", "entities": named})).await;
    alerts(served, &served.key).await;
    let own = &late["display_id"];
    let expected = [(json!("case.alert.escalated"), own.clone())];
    assert_eq!(told_of(served, &served.key, &late).await, expected);
    let path = format!("/v1/cases/{}", own.as_str().unwrap());
    let said = served.get(&path).await.expect(200).data()["alerts"].clone();
    let entry = json!({
        "alert_id": alert["id"], "record_id": named[0]["entity_id"], "severity": alert["severity"], "status": "escalated",
    });
    assert_eq!(said, json!([entry]));
}

/// A report that is part of a case matched as if it were part of none.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_report_that_belongs_to_a_case_matches_for_it() {
    let served = TestBox::start().await;
    served.services().seed_categories(&served.owner()).unwrap();
    let report = json!({
        "description": "A grey pickup again", "location": {"x": 8.5, "y": 47.3}, "category": {"category_id": 1},
        "reporter": {"name": "Desk", "phone": "+41446681800"},
    });
    make(&served, "reports", report).await;
    let case = served
        .post("/v1/reports/1/case", json!({}))
        .await
        .expect(201)
        .data();
    alerts(&served, &served.key).await;
    list(&served, json!([{"type": "text", "value": "grey pickup"}])).await;
    alerts(&served, &served.key).await;
    let told = told_of(&served, &served.key, &case).await;
    let matched = (json!("watchlist.matched"), case["display_id"].clone());
    assert!(told.contains(&matched), "{told:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_may_only_read_does_nothing_to_an_alert() {
    let served = TestBox::start().await;
    let (_, alert) = raised(&served).await;
    let reader = served.key_for(METRO, &["watchlists:read"], &["query"]);
    for verb in ["acknowledge", "dismiss", "escalate"] {
        let body = json!({"data": {}});
        let ask = TestBox::request(
            Method::POST,
            &format!("{alert}/{verb}"),
            Some(&reader),
            &[],
            Some(&body),
        );
        served.send(ask).await.expect(403);
    }
    let foreign = served.key_for("harbor", &["*"], &["query"]);
    let body = json!({"data": {}});
    let path = format!("{alert}/acknowledge");
    let ask = TestBox::request(Method::POST, &path, Some(&foreign), &[], Some(&body));
    served.send(ask).await.expect(404);
}
