//! What happens to a report is told in the case that it belonged to then, live and at every replay, to those who may know of it.

use axum::body::Body;
use axum::http::Method;
use blotter::services::demo::photo::Scene;
use serde_json::{Value as Json, json};

use crate::events::ears::{Ear, ask_all, subscribe};
use crate::images::photo;
use crate::reports::{parted, upload};
use crate::support::testbox::{METRO, TestBox};

/// The id and the number of a case.
type Case = (Json, Json);

async fn write(served: &TestBox, key: &str, (method, path): (Method, &str), data: Json) -> Json {
    let body = json!({ "data": data });
    let request = TestBox::request(method, path, Some(key), &[], Some(&body));
    let told = served.send(request).await;
    assert!(told.status < 300, "{path} {}", told.json());
    told.data()
}

/// Two open cases, and one that a key without clearance may not know of.
async fn cases(served: &TestBox, cleared: &str) -> [Case; 3] {
    let mut cases = Vec::new();
    for class in ["open", "open", "restricted"] {
        let case = json!({"title": "A theft", "classification": class});
        let case = write(served, cleared, (Method::POST, "/v1/cases"), case).await;
        cases.push((case["id"].clone(), case["display_id"].clone()));
    }
    cases.try_into().unwrap()
}

/// A report is filed with the first case, goes to the second and to the hidden one, and in the end to none.
async fn moved_about(served: &TestBox, cleared: &str, [first, second, hidden]: &[Case; 3]) {
    let report = json!({"location": {"x": 8.5, "y": 47.3}, "category": {"category_id": 1}, "case_id": first.0,
        "reporter": {"name": "Desk", "phone": "+41446681800"}});
    let own = (Method::PATCH, "/v1/reports/1");
    let messages = (Method::POST, "/v1/reports/1/chat/messages");
    let (key, said) = (served.key.as_str(), json!([{"text": "On our way"}]));
    write(served, key, (Method::POST, "/v1/reports"), report).await;
    write(served, key, messages.clone(), said.clone()).await;
    write(served, key, own.clone(), json!({"case_id": second.0})).await;
    let picture = photo(Scene::Plate, "KTR-4471");
    let pictures = Body::from(parted(&[("files[]", Some("a.jpg"), &picture)]));
    let pictures = upload("/v1/reports/1/images", key, pictures);
    served.send(pictures).await.expect(200);
    write(served, key, own.clone(), json!({"description": "A bicycle"})).await;
    write(served, cleared, own.clone(), json!({"case_id": hidden.0})).await;
    write(served, key, messages, said).await;
    write(served, cleared, own, json!({"case_id": null})).await;
}

/// The types and cases of all that is told of the report.
fn told(events: &[Json]) -> Vec<(String, Json)> {
    let of_report = events.iter().filter(|event| event["reportId"] == "1");
    let told = of_report.map(|event| {
        assert_eq!(event["reviewPath"], "/reports/1", "{event}");
        (
            event["eventType"].as_str().unwrap().to_owned(),
            event["caseId"].clone(),
        )
    });
    told.collect()
}

/// What is to be told to one who sees this in place of the hidden case.
fn expected([first, second, _]: &[Case; 3], seen: &Json) -> Vec<(String, Json)> {
    let table = [
        ("report.received", &first.1),
        ("report.message_added", &first.1),
        ("report.updated", &second.1),
        ("report.image_added", &second.1),
        ("report.updated", &second.1),
        ("report.updated", seen),
        ("report.message_added", seen),
        ("report.updated", &Json::Null),
    ];
    let table = table.map(|(name, case)| (name.to_owned(), case.clone()));
    table.into()
}

/// As many events about reports as are to come.
async fn hear(ear: &mut Ear, count: usize) -> Vec<Json> {
    let mut heard = Vec::new();
    while heard.len() < count {
        let frame = ear.hear().await.unwrap();
        let event = &frame["event"];
        heard.extend((!event["reportId"].is_null()).then(|| event.clone()));
    }
    heard
}

/// It was told as if it belonged to no case.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_happens_to_a_report_is_told_in_the_case_that_it_belonged_to_then() {
    let served = TestBox::start().await;
    served.services().seed_categories(&served.owner()).unwrap();
    let cleared = served.key_for(METRO, &["*", "cases:restricted"], &["query", "events"]);
    let cases = cases(&served, &cleared).await;
    let mut wall = Ear::open(&served, &served.key).await;
    let mut wish = subscribe("wall", None);
    wish["filter"] = json!({"caseIds": [cases[1].1]});
    wall.say(&wish).await;
    wall.hear_until("caughtUp").await;
    let mut live = Ear::open(&served, &cleared).await;
    live.say(&subscribe("live", None)).await;
    live.hear_until("caughtUp").await;
    moved_about(&served, &cleared, &cases).await;

    let replayed = ask_all(&served, &served.key, "").await;
    assert_eq!(told(&replayed), expected(&cases, &Json::Null));
    let replayed = ask_all(&served, &cleared, "").await;
    assert_eq!(told(&replayed), expected(&cases, &cases[2].1));
    let audit = served.get("/v1/audit?event=events.read").await.expect(200);
    let noted = audit.data()[0]["restricted"].to_string();
    assert!(
        noted.contains(cases[2].0.as_str().unwrap()),
        "the hidden case is in the audit log: {noted}"
    );
    let of_reports: Vec<Json> = replayed
        .into_iter()
        .filter(|event| !event["reportId"].is_null())
        .collect();
    assert_eq!(hear(&mut live, 8).await, of_reports, "live and replay are one");
    let on_wall: Vec<(String, Json)> = told(&hear(&mut wall, 3).await);
    assert_eq!(on_wall, expected(&cases, &Json::Null)[2..5]);
}
