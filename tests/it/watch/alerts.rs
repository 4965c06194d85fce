//! From a match to an alert and its events.

use serde_json::json;

use crate::support::testbox::TestBox;
use crate::watch::{alerts, events, list, make, settle};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_plate_on_a_list_raises_an_alert_and_both_events() {
    let served = TestBox::start().await;
    let wanted = list(&served, json!([{"type": "plate", "value": "KTR-4471"}])).await;
    let case = make(&served, "cases", json!({"title": "Broken window"})).await;
    let vehicle =
        json!({"kind": "vehicle", "display_name": "Grey pickup", "attributes": {"plate": "KTR 4471"}});
    let vehicle = make(&served, "entities", vehicle).await;
    assert_eq!(alerts(&served, &served.key).await.len(), 1);
    // That it belongs to a case is learned later, and the case hears of it.
    let link = json!({"entity_id": vehicle["id"], "role": "vehicle"});
    let path = format!("/v1/cases/{}/entities", case["id"].as_str().unwrap());
    served.post(&path, link).await.expect(201);
    let raised = alerts(&served, &served.key).await;
    assert_eq!(raised.len(), 1, "{raised:?}");
    let alert = &raised[0];
    for (member, expected) in [
        ("watchlist_id", wanted["id"].clone()),
        ("record_id", vehicle["id"].clone()),
        ("severity", json!("critical")),
        ("status", json!("raised")),
        ("score", json!(1.0)),
        ("handling", json!("Do not stop alone.")),
        ("contact", json!("Desk of Okafor, ext. 12")),
        ("entry", json!("KTR-4471")),
    ] {
        assert_eq!(alert[member], expected, "{member} of {alert}");
    }
    let reason = alert["reason"].as_str().unwrap();
    assert!(
        reason.contains("KTR 4471: the same plate as the plate KTR-4471 of WL-0001"),
        "{reason}"
    );

    let heard = events(&served, &served.key, "watchlist.matched,case.alert.*").await;
    assert_eq!(heard.len(), 2, "{heard:?}");
    let matched = heard
        .iter()
        .find(|event| event["eventType"] == "watchlist.matched")
        .unwrap();
    let raised = heard
        .iter()
        .find(|event| event["eventType"] == "case.alert.priority_raised")
        .unwrap();
    assert_eq!(matched["caseId"], json!(null));
    assert_eq!(matched["reviewPath"], json!("/entities/ENT-0001"));
    // The eight members of the contract, to the letter.
    let number = case["display_id"].as_str().unwrap();
    for (member, expected) in [
        ("eventType", json!("case.alert.priority_raised")),
        ("caseId", json!(number)),
        ("tenantId", json!("metro")),
        ("severity", json!("critical")),
        ("triggeredAt", raised["triggeredAt"].clone()),
        ("source", json!("watchlist-correlation")),
        ("entityIds", json!([vehicle["display_id"]])),
        ("reviewPath", json!(format!("/cases/{number}/alerts/critical"))),
    ] {
        assert_eq!(raised[member], expected, "{member} of {raised}");
    }
    for event in [matched, raised] {
        assert_eq!(event["source"], json!("watchlist-correlation"));
        assert_eq!(event["entityIds"], json!([vehicle["display_id"]]));
        assert_eq!(event["actor"], json!("the box"));
    }
    settle(&served).await;
}
