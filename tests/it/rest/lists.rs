//! Lists: pages, orders, filters; the history of a record.

use serde_json::{Value as Json, json};

use crate::support::testbox::TestBox;

fn titles(list: &Json) -> Vec<String> {
    let items = list.as_array().unwrap();
    items
        .iter()
        .map(|item| item["title"].as_str().unwrap().to_owned())
        .collect()
}

#[tokio::test]
async fn pages_follow_each_other_without_a_gap_and_end() {
    let test = TestBox::start().await;
    for title in ["a", "b", "c", "d", "e"] {
        test.post("/v1/cases", json!({ "title": title }))
            .await
            .expect(201);
    }
    for (sort, expected) in [
        ("created_at", "abcde"),
        ("-created_at", "edcba"),
        ("-updated_at", "edcba"),
    ] {
        let mut seen = Vec::new();
        let mut cursor = String::new();
        loop {
            let page = test
                .get(&format!("/v1/cases?limit=2&sort={sort}{cursor}"))
                .await
                .expect(200)
                .json();
            seen.extend(titles(&page["data"]));
            let Some(next) = page["meta"]["next_cursor"].as_str() else {
                break;
            };
            cursor = format!("&cursor={next}");
        }
        assert_eq!(seen.concat(), expected, "{sort}");
        if !cursor.is_empty() {
            let foreign = test
                .get(&format!("/v1/entities?limit=2&sort={sort}{cursor}"))
                .await
                .expect(400);
            assert_eq!(
                foreign.messages(),
                ["cursor: expected a cursor that this list gave"]
            );
        }
    }
}

#[tokio::test]
async fn lists_are_narrowed_by_their_parameters() {
    let test = TestBox::start().await;
    for (title, status) in [("a", "open"), ("b", "active"), ("c", "closed")] {
        let case = json!({"title": title, "status": status});
        test.post("/v1/cases", case).await.expect(201);
    }
    let item = |case: &str| json!({"case_id": case, "type": "photo", "description": case});
    for case in ["INV-2026-0001", "INV-2026-0002", "INV-2026-0001"] {
        test.post("/v1/evidence", item(case)).await.expect(201);
    }
    assert_eq!(titles(&test.get("/v1/cases?status=active").await.data()), ["b"]);
    for sort in ["created_at", "-updated_at"] {
        let of_case = test
            .get(&format!("/v1/evidence?case_id=INV-2026-0001&sort={sort}"))
            .await;
        assert_eq!(of_case.data().as_array().unwrap().len(), 2);
    }
    test.get("/v1/evidence?case_id=INV-2026-0009").await.expect(404);
    assert_eq!(
        titles(
            &test
                .get("/v1/cases?updated_after=2026-03-18T00:00:00Z")
                .await
                .data()
        )
        .len(),
        0
    );
    for (query, path) in [
        ("status=done", "status"),
        ("limit=0", "limit"),
        ("limit=501", "limit"),
        ("sort=title", "sort"),
        ("updated_after=yesterday", "updated_after"),
        ("fields=password", "fields"),
        ("cursor=AAAA", "cursor"),
        ("limit=1&limit=2", "limit"),
        ("case_id=x", "case_id"),
    ] {
        let refused = test.get(&format!("/v1/cases?{query}")).await.expect(400);
        assert!(
            refused.messages()[0].starts_with(path),
            "{query}: {:?}",
            refused.messages()
        );
    }
}

#[tokio::test]
async fn the_history_of_a_record_says_who_changed_what() {
    let test = TestBox::start().await;
    test.post("/v1/cases", json!({"title": "a"})).await.expect(201);
    test.patch("/v1/cases/INV-2026-0001", json!({"title": "b"}))
        .await
        .expect(200);
    let history = test
        .get("/v1/cases/INV-2026-0001/history")
        .await
        .expect(200)
        .data();
    assert_eq!(history.as_array().unwrap().len(), 2);
    let change = &history[1]["changes"][0];
    assert_eq!(
        (&change["field"], &change["action"], &change["value"]),
        (&json!("title"), &json!("set"), &json!("b"))
    );
    assert_eq!(change["replaces"].as_array().unwrap().len(), 1);
    assert!(history[0]["who"].as_str().unwrap().starts_with("key:"));
    let first = test.get("/v1/cases/INV-2026-0001/history?limit=1").await.json();
    let next = first["meta"]["next_cursor"].as_str().unwrap();
    let rest = test
        .get(&format!("/v1/cases/INV-2026-0001/history?cursor={next}"))
        .await
        .json();
    assert_eq!(
        (&rest["data"][0], rest["meta"].get("next_cursor")),
        (&history[1], None)
    );
}

#[tokio::test]
async fn a_record_is_made_and_changed_by_the_clients_own_id() {
    let test = TestBox::start().await;
    let path = "/v1/cases/by-external-id/cad-17";
    let put = |title: &str| test.write(axum::http::Method::PUT, path, &[], json!({ "title": title }));
    let made = put("a").await.expect(201);
    assert_eq!(made.data()["external_id"], "cad-17");
    let changed = put("b").await.expect(200);
    assert_eq!(
        (&changed.data()["id"], &changed.data()["version"]),
        (&made.data()["id"], &json!(2))
    );
    assert_eq!(
        test.get("/v1/cases/ext:cad-17").await.expect(200).data()["title"],
        "b"
    );
    let twice = test
        .post("/v1/cases", json!({"title": "c", "external_id": "cad-17"}))
        .await
        .expect(409);
    assert_eq!(twice.codes(), ["DUPLICATE"]);
    assert_eq!(twice.json()["meta"]["existing"], made.data()["id"]);
}
