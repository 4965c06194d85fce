//! Evidence over TLS: files in whole and in part, custody, labels, and strangers.

use axum::http::Method;
use serde_json::json;

use crate::images::photo;
use crate::reports::{send_parts, start};
use crate::support::testbox::TestBox;
use blotter::services::demo::photo::Scene;

async fn item(served: &TestBox) {
    served.post("/v1/cases", json!({"title": "x"})).await.expect(201);
    let item = json!({"case_id": "INV-2026-0001", "type": "photo", "description": "a picture"});
    served.post("/v1/evidence", item).await.expect(201);
}

/// Ranges are of GET alone.
async fn heads_tell_of_the_whole(served: &TestBox, path: &str, length: usize) {
    let part = [("range", "bytes=0-4")];
    let head = TestBox::request(Method::HEAD, path, Some(&served.key), &part, None);
    let head = served.send(head).await.expect(200);
    assert_eq!(head.header("content-length"), length.to_string());
}

#[tokio::test]
async fn a_file_is_read_whole_in_part_or_not_again() {
    let served = start().await;
    item(&served).await;
    let picture = photo(Scene::Plate, "KTR-4471");
    let made = send_parts(
        &served,
        "/v1/evidence/EVD-0001/files",
        &[("files", Some("Zürich \"1\".jpg"), &picture)],
    )
    .await;
    let hash = made.expect(201).data()["files"][0]["sha256"]
        .as_str()
        .unwrap()
        .to_owned();
    let path = format!("/v1/evidence/EVD-0001/files/{hash}");
    let whole = served.get(&path).await.expect(200);
    assert_eq!(whole.bytes, picture);
    assert_eq!(whole.header("etag"), format!("\"{hash}\""));
    assert!(whole.header("content-digest").starts_with("sha-256=:"));
    assert_eq!(whole.header("x-content-type-options"), "nosniff");
    assert!(
        whole
            .header("content-disposition")
            .starts_with("attachment; filename=")
    );
    let with = async |name, value: String| served.get_with(&path, &[(name, &value)]).await;
    let part = with("range", "bytes=10-19".into()).await.expect(206);
    assert_eq!(&part.bytes[..], &picture[10..20]);
    assert_eq!(
        part.header("content-range"),
        format!("bytes 10-19/{}", picture.len())
    );
    let tail = with("range", "bytes=-5".into()).await.expect(206);
    assert_eq!(&tail.bytes[..], &picture[picture.len() - 5..]);
    let beyond = with("range", format!("bytes={}-", picture.len()))
        .await
        .expect(416);
    let length = format!("bytes */{}", picture.len());
    assert_eq!(beyond.header("content-range"), length);
    assert_eq!(beyond.codes(), ["RANGE_NOT_SATISFIABLE"]);
    with("if-none-match", format!("\"{hash}\"")).await.expect(304);
    heads_tell_of_the_whole(&served, &path, picture.len()).await;
    let small = served.get(&format!("{path}/thumbnail")).await.expect(200);
    assert!(small.bytes.len() < picture.len());
    let stranger = served.key_for("elsewhere", &["*"], &["query"]);
    for path in [
        path.clone(),
        format!("{path}/thumbnail"),
        "/v1/evidence/EVD-0001/custody".into(),
        "/v1/evidence/EVD-0001/label".into(),
    ] {
        served.get_as(&stranger, &path).await.expect(404);
    }
    served
        .get(&format!("/v1/evidence/EVD-0001/files/{}", "0".repeat(64)))
        .await
        .expect(404);
}

#[tokio::test]
async fn a_step_of_custody_names_the_last_one() {
    let served = start().await;
    item(&served).await;
    let path = "/v1/evidence/EVD-0001/custody";
    let chain = served.get(path).await.expect(200).data();
    assert_eq!(
        (&chain["state"], &chain["disputed"]),
        (&json!("held"), &json!(false))
    );
    let first = chain["entries"][0]["id"].clone();
    assert_eq!(chain["entries"][0]["action"], "collected");
    let step = json!({"action": "stored", "place": "Shelf 4", "follows": first});
    let made = served.post(path, step.clone()).await.expect(201).data();
    assert_eq!(
        (&made["state"], &made["follows"]),
        (&json!("stored"), &json!([first]))
    );
    let late = served.post(path, step).await.expect(409);
    assert_eq!(late.codes(), ["CUSTODY_CONFLICT"]);
    assert_eq!(late.json()["meta"]["follows"], json!([made["id"]]));
    let reader = served.key_with(&["evidence:write"]);
    let body = json!({"data": {"action": "moved", "follows": made["id"]}});
    served
        .send(TestBox::request(
            Method::POST,
            path,
            Some(&reader),
            &[],
            Some(&body),
        ))
        .await
        .expect(403);
    let both = served.post(path, json!({"action": "moved"})).await.expect(400);
    assert_eq!(both.codes(), ["MISSING_INPUT_DATA"]);
    let chain = served.get(path).await.expect(200).data();
    let label = served.get("/v1/evidence/EVD-0001/label").await.expect(200);
    assert!(label.header("content-type").starts_with("image/svg+xml"));
    assert_eq!(chain["entries"].as_array().unwrap().len(), 2);
}
