//! From a match to an alert and its events.

use serde_json::json;

use crate::support::testbox::TestBox;
use crate::watch::{alerts, events, list, make, settle};

/// A list took what nothing can ever match, without a word.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_nothing_can_match_is_refused_with_the_reason() {
    let served = TestBox::start().await;
    let entries = json!([{"type": "plate", "value": "???"}, {"type": "phone", "value": "12"}, {"type": "plate", "value": "KTR-4?71"},
        {"type": "name", "value": "Ann Other", "aliases": ["Ann", "X"]}, {"type": "identifier", "value": "D-1"}]);
    let bad = json!({"name": "x", "purpose": "x", "entries": entries});
    let refused = served.post("/v1/watchlists", bad).await.expect(400);
    let told = refused.messages().join("\n");
    for path in [
        "entries[0].value",
        "entries[1].value",
        "entries[3].aliases[1]",
        "entries[4].value",
    ] {
        assert!(told.contains(&format!("data.{path}: expected")), "{path}: {told}");
    }
    assert_eq!(refused.messages().len(), 4, "{told}");
    let wanted = list(&served, json!([])).await;
    let entry = json!({"watchlist_id": wanted["id"], "type": "phone", "value": "+1 207 555 0148"});
    let entry = make(&served, "watchlist-entries", entry).await;
    let path = format!("/v1/watchlist-entries/{}", entry["id"].as_str().unwrap());
    for change in [
        json!({"value": "12"}),
        json!({"type": "plate", "value": "?"}),
        json!({"aliases": ["1"]}),
    ] {
        served.patch(&path, change).await.expect(400);
    }
    served.patch(&path, json!({"note": "his"})).await.expect(200);
}

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
