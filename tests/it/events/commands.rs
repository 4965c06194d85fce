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
    is_handed_up(&mut ear, &alert).await;
}

/// An alert is handed up as over REST: to somebody, or to nobody in particular.
async fn is_handed_up(ear: &mut Ear, alert: &str) {
    for (args, to) in [
        (
            json!({"alertId": alert, "to": "Chief Okafor"}),
            json!("Chief Okafor"),
        ),
        (json!({"alertId": alert}), json!("Chief Okafor")),
    ] {
        ear.say(&json!({"op": "command", "id": "c3", "command": "alert.escalate", "args": args}))
            .await;
        let result = ear.hear_until("result").await.pop().unwrap();
        assert_eq!(result["data"]["status"], "escalated", "{result}");
        assert_eq!(result["data"]["escalated_to"], to, "{result}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_unit_is_marked_where_it_is_and_everybody_hears_of_it() {
    let served = TestBox::start().await;
    let made = served.post("/v1/units", json!({"name": "Adam 12"})).await;
    let unit = made.expect(201).data();
    assert_eq!(unit["display_id"], "UNIT-0001");
    let mut ear = Ear::open(&served, &served.key).await;
    ear.say(&json!({"op": "subscribe", "id": "a", "filter": {"eventTypes": ["unit.*"]}}))
        .await;
    ear.hear_until("caughtUp").await;
    for (args, names) in [
        (json!({"unitId": "UNIT-0001", "latitude": 47.4}), "args.longitude"),
        (
            json!({"unitId": "UNIT-0001", "latitude": "x", "longitude": 8.5}),
            "args.latitude",
        ),
        (
            json!({"unitId": "UNIT-0001", "latitude": 147.4, "longitude": 8.5}),
            "args.latitude",
        ),
        (
            json!({"unitId": "UNIT-9", "latitude": 47.4, "longitude": 8.5}),
            "no such unit",
        ),
        (
            json!({"unitId": "UNIT-0001", "latitude": 47, "longitude": 8, "takenAt": "noon"}),
            "args.takenAt",
        ),
    ] {
        ear.say(&json!({"op": "command", "id": "c", "command": "unit.markPosition", "args": args}))
            .await;
        let frame = ear.hear().await.unwrap();
        assert!(frame["message"].as_str().unwrap().contains(names), "{frame}");
    }
    let args = json!({"unitId": "UNIT-0001", "latitude": 47.4, "longitude": 8, "accuracyMeters": 5,
        "takenAt": "2026-03-01T00:00:00Z"});
    ear.say(&json!({"op": "command", "id": "c1", "command": "unit.markPosition", "args": args}))
        .await;
    let mut frames = [ear.hear().await.unwrap(), ear.hear().await.unwrap()];
    frames.sort_by_key(|frame| frame["op"].as_str().unwrap().to_owned());
    let [event, result] = frames;
    assert_eq!(result["data"]["position"]["latitude"], 47.4, "{result}");
    let event = &event["event"];
    assert_eq!(event["eventType"], "unit.position_marked", "{event}");
    assert_eq!(
        (&event["caseId"], &event["severity"]),
        (&Json::Null, &json!("info"))
    );
    assert_eq!(event["data"]["id"], unit["id"], "{event}");
    assert_eq!(
        event["data"]["changes"]["position"]["accuracy_meters"], 5.0,
        "{event}"
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
    let links = result["data"]["links"].as_object().unwrap();
    assert!(links.keys().eq(["report"]), "{result}");
    let event = &event["event"];
    assert_eq!(event["eventType"], "report.message_added");
    assert_eq!(event["reportId"], json!(number));
    assert_eq!(event["caseId"], Json::Null);
    assert_eq!(event["reviewPath"], json!(format!("/reports/{number}")));
    assert_eq!(event["data"]["changes"]["text"], "On our way");
}
