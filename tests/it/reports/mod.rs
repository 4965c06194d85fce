//! The reports lane over TLS, with and without `/v1`: the contract's examples to the letter.

mod evidence;
mod files;

use axum::body::Body;
use axum::http::{Method, Request};
use serde_json::{Value as Json, json};

use crate::images::photo;
use crate::support::testbox::{Answer, TestBox};
use blotter::services::demo::photo::Scene;

/// What parts the parts.
pub(crate) const BOUNDARY: &str = "----parted";

/// A part of a body: name, file name, bytes.
pub(crate) type Part<'p> = (&'p str, Option<&'p str>, &'p [u8]);

/// A multipart body.
pub(crate) fn parted(parts: &[Part<'_>]) -> Vec<u8> {
    let mut body = Vec::new();
    for (name, file, bytes) in parts {
        let file = file.map_or_else(String::new, |file| format!("; filename=\"{file}\""));
        let head = format!("--{BOUNDARY}\r\ncontent-disposition: form-data; name=\"{name}\"{file}\r\n\r\n");
        body.extend_from_slice(head.as_bytes());
        body.extend_from_slice(bytes);
        body.extend_from_slice(b"\r\n");
    }
    body.extend_from_slice(format!("--{BOUNDARY}--\r\n").as_bytes());
    body
}

/// A request with such a body.
pub(crate) fn upload(path: &str, key: &str, body: Body) -> Request<Body> {
    let request = Request::builder()
        .method(Method::POST)
        .uri(path)
        .header("host", "box.example:8443");
    let media = format!("multipart/form-data; boundary={BOUNDARY}");
    let request = request
        .header("authorization", format!("Bearer {key}"))
        .header("content-type", media);
    request.body(body).unwrap()
}

async fn send_parts(served: &TestBox, path: &str, parts: &[Part<'_>]) -> Answer {
    served
        .send(upload(path, &served.key, Body::from(parted(parts))))
        .await
}

fn report() -> Json {
    json!({"description": "A bicycle was taken.", "location": {"x": 8.54, "y": 47.37},
        "category": {"category_id": 5, "subcategory_id": 6}, "reporter": {"name": "A", "phone": "+41446681800"}})
}

async fn start() -> TestBox {
    let served = TestBox::start().await;
    served.services().seed_categories(&served.owner()).unwrap();
    served
}

/// The path of the public page that an answer links to.
fn public_path(answer: &Answer) -> String {
    let link = answer.json()["links"]["public"].as_str().unwrap().to_owned();
    link[link.find("/public/").unwrap()..].to_owned()
}

#[tokio::test]
async fn a_report_is_filed_talked_about_and_read_back_with_and_without_v1() {
    let served = start().await;
    let filed = served.post("/v1/reports", report()).await.expect(201);
    assert_eq!(filed.data(), json!({"report_id": 1}));
    assert!(public_path(&filed).starts_with("/public/reports/"));
    let second = served.post("/reports", report()).await.expect(201);
    assert_eq!(second.data(), json!({"report_id": 2}));
    let messages =
        json!([{"text": "first", "type": "text"}, {"text": "second", "type": "text", "label": "Where"}]);
    let sent = served
        .post("/reports/1/chat/messages", messages)
        .await
        .expect(200);
    assert_eq!(sent.json(), json!({"data": {}}));
    let picture = photo(Scene::Plate, "KTR-4471");
    let chat = br#"{"chat":{"messages":[{"text":"third","type":"text"}]}}"#;
    let parts = [
        ("files[]", Some("a.jpg"), picture.as_slice()),
        ("data", None, chat),
    ];
    let added = send_parts(&served, "/v1/reports/1/images", &parts)
        .await
        .expect(200);
    assert_eq!(added.data(), json!({"report_id": 1}));
    assert_eq!(
        added.json()["links"]["public"].as_str().unwrap(),
        format!("https://box.example:8443{}", public_path(&filed))
    );
    let read = served.get("/v1/reports/1").await.expect(200).data();
    let shown: Vec<_> = read["chat"]["messages"]
        .as_array()
        .unwrap()
        .iter()
        .map(|message| message["shown"].as_str().unwrap())
        .collect();
    assert_eq!(shown, ["first", "Where: second", "third"]);
    assert_eq!(
        (&read["report_id"], &read["status"], &read["mode"]),
        (&json!(1), &json!("received"), &json!("live"))
    );
    assert_eq!(read["images"][0]["media_type"], "image/jpeg");
    for link in ["self", "thumbnail"] {
        served
            .get(read["images"][0]["links"][link].as_str().unwrap())
            .await
            .expect(200);
    }
    let text = read.to_string();
    assert!(!text.contains("public_token") && !text.contains("public_seed"));
    let opened = served.post("/v1/reports/1/case", json!({})).await.expect(201);
    assert_eq!(opened.data()["title"], "Burglary: A bicycle was taken.");
    let read = served.get("/reports/1").await.expect(200).data();
    assert_eq!(
        (&read["case_id"], &read["status"]),
        (&opened.data()["id"], &json!("in-progress"))
    );
    assert_eq!(opened.data()["report_id"], read["id"]);
    assert_eq!(opened.data()["links"]["report"], read["links"]["self"]);
    assert_eq!(read["links"]["case"], opened.data()["links"]["self"]);
    let changed = served
        .patch("/v1/reports/1", json!({"status": "resolved"}))
        .await
        .expect(200);
    assert_eq!(changed.data()["status"], "resolved");
}

#[tokio::test]
async fn a_report_stays_with_the_case_that_was_opened_from_it() {
    let served = start().await;
    served.post("/v1/reports", report()).await.expect(201);
    let wrong = json!({"title": 5, "foo": 1, "report_id": 3});
    let refused = served.post("/v1/reports/1/case", wrong).await.expect(400);
    assert_eq!(refused.messages().len(), 3, "{:?}", refused.messages());
    served.post("/v1/reports/1/case", json!({})).await.expect(201);
    let parted = served
        .patch("/v1/reports/1", json!({"case_id": null}))
        .await
        .expect(409);
    assert_eq!(parted.codes(), ["STATE_CONFLICT"]);
}

#[tokio::test]
async fn a_report_is_filed_once_and_changed_by_its_clients_own_id() {
    let served = start().await;
    let put = |path: &'static str, data: Json| served.write(Method::PUT, path, &[], data);
    let path = "/v1/reports/by-external-id/cad-9";
    let filed = put(path, report()).await.expect(201);
    assert_eq!(filed.data(), json!({"report_id": 1}));
    assert!(public_path(&filed).starts_with("/public/reports/"));
    let again = put("/reports/by-external-id/cad-9", report()).await.expect(200);
    assert_eq!(again.json()["links"], filed.json()["links"]);
    let mut changed = report();
    changed["status"] = json!("in-progress");
    put(path, changed.clone()).await.expect(200);
    let read = served.get("/v1/reports/ext:cad-9").await.expect(200).data();
    assert_eq!(
        (&read["report_id"], &read["status"], &read["version"]),
        (&json!(1), &json!("in-progress"), &json!(2))
    );
    changed["mode"] = json!("training");
    changed["category"] = json!({"category_id": 99});
    let refused = put(path, changed).await.expect(400);
    assert_eq!(refused.messages().len(), 2, "{:?}", refused.messages());
    let stale = [("if-match", "\"1\"")];
    served
        .write(Method::PUT, path, &stale, report())
        .await
        .expect(412);
}

#[tokio::test]
async fn what_is_wrong_with_a_report_is_told_at_once_and_uses_no_number_up() {
    let served = start().await;
    let empty = served.post("/v1/reports", json!({})).await.expect(400);
    assert_eq!(empty.codes(), ["MISSING_INPUT_DATA", "MISSING_INPUT_DATA"]);
    let swapped = json!({"location": {"x": 8.5, "y": 147.3}, "category": {"category_id": 99}, "titel": "x"});
    let refused = served.post("/v1/reports", swapped).await.expect(400);
    assert_eq!(refused.codes(), ["INPUT_SCHEMA_VIOLATION"; 3]);
    assert!(
        refused
            .messages()
            .iter()
            .any(|message| message.contains("x is longitude, y is latitude"))
    );
    let mut nobody = report();
    nobody.as_object_mut().unwrap().remove("reporter");
    let refused = served.post("/v1/reports", nobody).await.expect(401);
    assert_eq!(refused.codes(), ["MISSING_REPORTER"]);
    let none = served
        .post("/v1/reports/7/chat/messages", json!([{"text": "x"}]))
        .await
        .expect(404);
    assert_eq!(none.codes(), ["REPORT_NOT_FOUND"]);
    let filed = served.post("/v1/reports", report()).await.expect(201);
    assert_eq!(filed.data()["report_id"], 1);
    let refused = served
        .post("/v1/reports/1/chat/messages", json!([]))
        .await
        .expect(400);
    assert_eq!(refused.codes(), ["MISSING_INPUT_DATA"]);
    let refused = served
        .post("/v1/reports/1/chat/messages", json!({"text": "x"}))
        .await
        .expect(400);
    assert_eq!(refused.codes(), ["INPUT_SCHEMA_VIOLATION"]);
    let refused = served
        .post(
            "/v1/reports/1/chat/messages",
            json!([{"text": "x"}, {"label": "y"}]),
        )
        .await
        .expect(400);
    assert!(refused.messages()[0].contains("data[1].text"));
    assert_eq!(
        served.get("/v1/reports/1").await.data()["chat"]["messages"],
        json!([])
    );
}

#[tokio::test]
async fn training_is_hidden_and_a_repeated_report_gets_the_first_answer_and_link() {
    let served = start().await;
    let mut exercise = report();
    exercise["mode"] = "training".into();
    served.post("/v1/reports", exercise).await.expect(201);
    let twice = |key: &'static str| {
        let served = &served;
        async move {
            served
                .write(Method::POST, "/v1/reports", &[("idempotency-key", key)], report())
                .await
        }
    };
    let first = twice("k1").await.expect(201);
    let again = twice("k1").await.expect(200);
    assert_eq!(again.header("idempotency-replayed"), "true");
    assert_eq!(
        (again.data(), public_path(&again)),
        (first.data(), public_path(&first))
    );
    let ids = |answer: Answer| {
        answer
            .data()
            .as_array()
            .unwrap()
            .iter()
            .map(|item| item["report_id"].as_i64().unwrap())
            .collect::<Vec<_>>()
    };
    assert_eq!(ids(served.get("/v1/reports").await.expect(200)), [2]);
    assert_eq!(
        ids(served.get("/v1/reports?mode=training").await.expect(200)),
        [1]
    );
    assert_eq!(
        ids(served
            .get("/reports?bbox=8,47,9,48&status=received")
            .await
            .expect(200)),
        [2]
    );
    assert_eq!(
        ids(served.get("/reports?bbox=0,0,1,1").await.expect(200)),
        [0_i64; 0]
    );
    served.get("/reports?bbox=8,47").await.expect(400);
    let fixed = served
        .patch("/v1/reports/2", json!({"mode": "training"}))
        .await
        .expect(400);
    assert_eq!(fixed.codes(), ["INPUT_SCHEMA_VIOLATION"]);
}

#[tokio::test]
async fn categories_come_in_the_callers_language() {
    let served = start().await;
    let ask = |language: &'static str| {
        TestBox::request(
            Method::GET,
            "/categories",
            Some(&served.key),
            &[("accept-language", language)],
            None,
        )
    };
    let german = served.send(ask("fr;q=0.5, de-CH")).await.expect(200).data();
    assert_eq!(german[1]["text"], "Diebstahl");
    assert_eq!(german[1]["children"][0], json!({"id": 6, "text": "Einbruch"}));
    let plain = served.get("/v1/categories").await.expect(200).data();
    assert_eq!(
        plain[1],
        json!({"id": 5, "text": "Theft", "children": [{"id": 6, "text": "Burglary"},
        {"id": 7, "text": "Vehicle"}, {"id": 8, "text": "Pickpocketing or shoplifting"}]})
    );
}

#[tokio::test]
async fn a_public_page_shows_what_its_reader_may_see_and_nothing_else() {
    let served = start().await;
    let filed = served.post("/v1/reports", report()).await.expect(201);
    let path = public_path(&filed);
    served
        .post("/v1/reports/1/chat/messages", json!([{"text": "By the <river>"}]))
        .await
        .expect(200);
    let officers = served.key_with(&["reports:write"]);
    let body = json!({"data": [{"text": "for officers only"}]});
    let request = TestBox::request(
        Method::POST,
        "/v1/reports/1/chat/messages",
        Some(&officers),
        &[],
        Some(&body),
    );
    served.send(request).await.expect(200);
    let picture = photo(Scene::Plate, "KTR-4471");
    send_parts(
        &served,
        "/v1/reports/1/images",
        &[("files", Some("a.jpg"), &picture)],
    )
    .await
    .expect(200);
    let open = |path: String| TestBox::request(Method::GET, &path, None, &[], None);
    let page = served.send(open(path.clone())).await.expect(200);
    let text = String::from_utf8(page.bytes.to_vec()).unwrap();
    assert!(text.contains("Received") && text.contains("By the &lt;river&gt;"));
    for hidden in [
        "officers only",
        "bicycle",
        "+41446681800",
        "8.54",
        "Burglary",
        "a.jpg",
        "<script",
        "http://",
        "https://",
    ] {
        assert!(!text.contains(hidden), "{hidden}");
    }
    let policy = page.header("content-security-policy");
    assert!(policy.starts_with("default-src 'none'; style-src 'sha256-") && !policy.contains("unsafe"));
    assert_eq!(
        (page.header("cache-control"), page.header("referrer-policy")),
        ("no-store", "no-referrer")
    );
    let small = served.send(open(format!("{path}/images/0"))).await.expect(200);
    assert_eq!(small.header("content-type"), "image/jpeg");
    assert!(small.bytes.len() < picture.len());
    served.send(open(format!("{path}/images/1"))).await.expect(404);
    served.send(open("/public/reports/AAAA".into())).await.expect(404);
    served.delete("/v1/reports/1/public-link").await.expect(200);
    served.send(open(path.clone())).await.expect(404);
    served.send(open(format!("{path}/images/0"))).await.expect(404);
}
