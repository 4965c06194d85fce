//! What a client has done over its socket, by the rules of REST.

use serde_json::{Value as Json, json};

use crate::events::ears::Ear;
use crate::support::testbox::{METRO, TestBox};

/// Commands that are wrong, each with what its error names.
fn refused(number: &str, alert: &str) -> [(Json, &'static str); 6] {
    [
        (json!({"command": "alert.explode", "args": {}}), "command"),
        (json!({"command": "alert.acknowledge"}), "alertId"),
        (
            json!({"command": "alert.dismiss", "args": {"alertId": alert}}),
            "reason",
        ),
        (
            json!({"command": "case.setStatus", "args": {"caseId": number, "status": "lost"}}),
            "status",
        ),
        (
            json!({"command": "case.setStatus", "args": {"caseId": "INV-1999-0001", "status": "active"}}),
            "no such case",
        ),
        (
            json!({"command": "case.setStatus", "args": {"caseId": number, "status": "active", "x": 1}}),
            "args.x",
        ),
    ]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_command_is_judged_and_answered_as_a_request_is() {
    let served = TestBox::start().await;
    let case = served
        .post("/v1/cases", json!({"title": "A case"}))
        .await
        .expect(201)
        .data();
    let number = case["display_id"].as_str().unwrap().to_owned();
    let alert = json!({"record_id": case["id"], "reason": "A tip", "severity": "critical"});
    let alert = served.post("/v1/alerts", alert).await.expect(201).data();
    let alert = alert["id"].as_str().unwrap().to_owned();

    let reader = served.key_for(METRO, &["cases:read", "watchlists:read"], &["events"]);
    let mut ear = Ear::open(&served, &reader).await;
    let wish =
        json!({"op": "command", "id": "c1", "command": "alert.acknowledge", "args": {"alertId": alert}});
    ear.say(&wish).await;
    assert_eq!(ear.hear().await.unwrap()["code"], "DENIED");

    let mut ear = Ear::open(&served, &served.key).await;
    ear.say(&json!({"op": "subscribe", "id": "a", "filter": {"eventTypes": ["case.*"]}}))
        .await;
    assert_eq!(ear.hear().await.unwrap()["op"], "caughtUp");
    for (mut wish, names) in refused(&number, &alert) {
        (wish["op"], wish["id"]) = (json!("command"), json!("c"));
        ear.say(&wish).await;
        let frame = ear.hear().await.unwrap();
        assert_eq!(
            (&frame["op"], &frame["id"]),
            (&json!("error"), &json!("c")),
            "{frame}"
        );
        assert!(frame["message"].as_str().unwrap().contains(names), "{frame}");
    }
    ear.say(&wish).await;
    let mut heard = [ear.hear().await.unwrap(), ear.hear().await.unwrap()];
    heard.sort_by_key(|frame| frame["op"].as_str().unwrap().to_owned());
    let [event, result] = heard;
    assert_eq!(
        (&result["op"], &result["id"]),
        (&json!("result"), &json!("c1")),
        "{result}"
    );
    assert_eq!(result["data"]["status"], "acknowledged");
    let expected = [
        ("eventType", json!("case.alert.acknowledged")),
        ("caseId", json!(number)),
        ("severity", json!("critical")),
        ("source", json!("events")),
        ("reviewPath", json!(format!("/cases/{number}/alerts/critical"))),
    ];
    for (member, value) in expected {
        assert_eq!(event["event"][member], value, "{event}");
    }
    let wish = json!({"command": "case.setStatus", "args": {"caseId": number, "status": "suspended"}});
    let mut wish = wish;
    (wish["op"], wish["id"]) = (json!("command"), json!("c2"));
    ear.say(&wish).await;
    let frames = [ear.hear().await.unwrap(), ear.hear().await.unwrap()];
    assert!(
        frames.iter().any(|frame| frame["data"]["status"] == "suspended"),
        "{frames:?}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_is_added_to_a_report_and_everybody_hears_of_it() {
    let served = TestBox::start().await;
    served.services().seed_categories(&served.owner()).unwrap();
    let report = json!({"description": "A bicycle was taken.", "location": {"x": 8.54, "y": 47.37},
        "category": {"category_id": 5, "subcategory_id": 6}, "reporter": {"name": "A", "phone": "+41446681800"}});
    served.post("/v1/reports", report).await.expect(201);
    // The first of a new box.
    let number = "1";
    let mut ear = Ear::open(&served, &served.key).await;
    ear.say(&json!({"op": "subscribe", "id": "a", "after": 0, "filter": {"eventTypes": ["report.*"]}}))
        .await;
    let received = ear.hear_until("caughtUp").await;
    assert_eq!(received[0]["event"]["eventType"], "report.received");
    assert_eq!(received[0]["event"]["reportId"], json!(number));
    let wish = json!({"op": "command", "id": "c1", "command": "report.addMessage",
        "args": {"reportId": number, "text": "On our way", "label": "Desk"}});
    ear.say(&wish).await;
    let mut frames = [ear.hear().await.unwrap(), ear.hear().await.unwrap()];
    frames.sort_by_key(|frame| frame["op"].as_str().unwrap().to_owned());
    let [event, result] = frames;
    assert_eq!(result["op"], "result", "{result}");
    let event = &event["event"];
    assert_eq!(event["eventType"], "report.message_added");
    assert_eq!(event["reportId"], json!(number));
    assert_eq!(event["caseId"], Json::Null);
    assert_eq!(event["reviewPath"], json!(format!("/reports/{number}")));
    assert_eq!(event["data"]["changes"]["text"], "On our way");
}
