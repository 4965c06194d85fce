//! Lists that come, change and end, against what is held and what comes.

use serde_json::{Value as Json, json};

use crate::support::testbox::TestBox;
use crate::watch::{alerts, list, make, settle};

async fn vehicle(served: &TestBox, plate: &str) -> Json {
    let data = json!({"kind": "vehicle", "display_name": "A vehicle", "attributes": {"plate": plate}});
    make(served, "entities", data).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_new_entry_is_held_against_everything_that_is_held() {
    let served = TestBox::start().await;
    let held = vehicle(&served, "KTR-4471").await;
    assert!(alerts(&served, &served.key).await.is_empty());
    // As a record of its own, in a batch, of a list that looks for nothing else.
    let wanted = list(&served, json!([])).await;
    let row = json!({"kind": "watchlist-entry", "data": {
        "watchlist_id": wanted["id"], "type": "plate", "value": "KTR 4471", "severity": "low", "note": "grey"}});
    served.post("/v1/batch", json!([row])).await.expect(200);
    let raised = alerts(&served, &served.key).await;
    assert_eq!(raised.len(), 1);
    assert_eq!(raised[0]["record_id"], held["id"]);
    assert_eq!(raised[0]["severity"], json!("low"), "the entry says how grave");
    let entries = served.get("/v1/watchlist-entries").await.expect(200).data();
    let entry = format!("/v1/watchlist-entries/{}", entries[0]["id"].as_str().unwrap());

    // It looks for something else by now, and then for nothing any more.
    let other = vehicle(&served, "QQX-118").await;
    served
        .patch(&entry, json!({"value": "QQX-118"}))
        .await
        .expect(200);
    let raised = alerts(&served, &served.key).await;
    assert!(raised.iter().any(|alert| alert["record_id"] == other["id"]));
    assert_eq!(raised.len(), 2);
    served
        .patch(&entry, json!({"status": "removed"}))
        .await
        .expect(200);
    settle(&served).await;
    vehicle(&served, "QQX-118").await;
    assert_eq!(alerts(&served, &served.key).await.len(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_has_expired_or_was_taken_off_does_not_match() {
    let served = TestBox::start().await;
    let wanted = list(&served, json!([{"type": "plate", "value": "KTR-4471"}])).await;
    let path = format!("/v1/watchlists/{}", wanted["id"].as_str().unwrap());
    served
        .patch(&path, json!({"expires_at": "2026-03-17T22:00:00Z"}))
        .await
        .expect(200);
    served.desk().clock.advance(3_600_000);
    vehicle(&served, "KTR-4471").await;
    assert!(alerts(&served, &served.key).await.is_empty());
    // Until it counts again: then what came meanwhile is found.
    served
        .patch(&path, json!({"expires_at": "2027-01-01T00:00:00Z"}))
        .await
        .expect(200);
    assert_eq!(alerts(&served, &served.key).await.len(), 1);
    served.patch(&path, json!({"entries": []})).await.expect(200);
    settle(&served).await;
    vehicle(&served, "KTR-4471").await;
    assert_eq!(alerts(&served, &served.key).await.len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn trainings_and_other_agencies_match_nothing() {
    let served = TestBox::start().await;
    served.services().seed_categories(&served.owner()).unwrap();
    list(&served, json!([{"type": "text", "value": "red kayak"}])).await;
    let report = json!({
        "description": "A red kayak is gone", "location": {"x": 8.5, "y": 47.3}, "category": {"category_id": 1},
        "reporter": {"name": "Desk", "phone": "+41446681800"}, "mode": "training",
    });
    make(&served, "reports", report).await;
    let foreign = served.key_for("harbor", &["*"], &["query", "events"]);
    let case = json!({"data": {"title": "A red kayak"}});
    let case = TestBox::request(
        axum::http::Method::POST,
        "/v1/cases",
        Some(&foreign),
        &[],
        Some(&case),
    );
    served.send(case).await.expect(201);
    assert!(alerts(&served, &served.key).await.is_empty());
    assert!(alerts(&served, &foreign).await.is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lists_have_limits_and_say_so() {
    let served = TestBox::start().await;
    let entries: Vec<Json> = (0..501)
        .map(|number| json!({"type": "plate", "value": format!("AA {number:04}")}))
        .collect();
    let data = json!({"name": "Long", "purpose": "x", "entries": entries});
    let refused = served.post("/v1/watchlists", data).await.expect(400);
    assert!(
        refused.messages()[0].contains("at most 500"),
        "{:?}",
        refused.messages()
    );
    let wanted = list(&served, json!(entries[..500].to_vec())).await;
    settle(&served).await;
    assert_eq!(served.watching.gauge().entries(), 500);
    assert!(served.watching.gauge().bytes() > 0);
    // A list that matches all that is held tells so once instead of raising an alert for each.
    let rows: Vec<Json> = (0..510)
        .map(|number| json!({"kind": "case", "data": {"title": format!("Bicycle number {number}")}}))
        .collect();
    served.post("/v1/batch", json!(rows)).await.expect(200);
    settle(&served).await;
    let entry = json!({"watchlist_id": wanted["id"], "type": "text", "value": "bicycle"});
    make(&served, "watchlist-entries", entry).await;
    settle(&served).await;
    let about = served.get("/v1/alerts?limit=500").await.expect(200).json();
    let rest = about["meta"]["next_cursor"].as_str().unwrap();
    let rest = served
        .get(&format!("/v1/alerts?limit=500&cursor={rest}"))
        .await
        .expect(200)
        .data();
    assert_eq!(
        about["data"].as_array().unwrap().len() + rest.as_array().unwrap().len(),
        501
    );
    let last = &rest.as_array().unwrap()[0];
    assert_eq!(
        (&last["record_id"], &last["severity"]),
        (&wanted["id"], &json!("low"))
    );
    assert!(
        last["reason"].as_str().unwrap().contains("more than 500 records"),
        "{last}"
    );
}
