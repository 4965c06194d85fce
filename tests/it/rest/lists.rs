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
    let padded = "/v1/cases/by-external-id/%20cad-17%09";
    let padded = test.write(axum::http::Method::PUT, padded, &[], json!({"title": "b"}));
    assert_eq!(padded.await.expect(200).data()["id"], made.data()["id"]);
    for blank in ["%20", "%09", "%C2%A0"] {
        let path = format!("/v1/cases/by-external-id/{blank}");
        let refused = test.write(axum::http::Method::PUT, &path, &[], json!({"title": "c"}));
        assert_eq!(
            refused.await.expect(400).codes(),
            ["INPUT_SCHEMA_VIOLATION"],
            "{blank}"
        );
    }
    let twice = test
        .post("/v1/cases", json!({"title": "c", "external_id": "cad-17"}))
        .await
        .expect(409);
    assert_eq!(twice.codes(), ["DUPLICATE"]);
    assert_eq!(twice.json()["meta"]["existing"], made.data()["id"]);
}

#[tokio::test]
async fn of_two_puts_of_a_new_external_id_one_makes_the_record() {
    let test = TestBox::start().await;
    let path = "/v1/entities/by-external-id/p-1";
    let put = |name: &str| {
        let data = json!({"kind": "person", "display_name": name});
        test.write(axum::http::Method::PUT, path, &[], data)
    };
    for _ in 0..3 {
        let answers = [put("a"), put("b"), put("c"), put("d")];
        futures_util::future::join_all(answers).await;
    }
    let path = "/v1/cases/by-external-id/c-1";
    let put = || test.write(axum::http::Method::PUT, path, &[], json!({"title": "one"}));
    let answers = futures_util::future::join_all([put(), put(), put(), put(), put(), put()]).await;
    let mut statuses: Vec<u16> = answers.iter().map(|answer| answer.status).collect();
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 200, 200, 200, 200, 201]);
    assert_eq!(titles(&test.get("/v1/cases").await.data()), ["one"]);
    let other = json!({"title": "one", "external_id": "c-2"});
    let refused = test
        .write(axum::http::Method::PUT, path, &[], other)
        .await
        .expect(400);
    assert!(refused.messages()[0].starts_with("data.external_id"));
}

#[tokio::test]
async fn what_a_case_holds_is_listed_by_case_kind_type_and_status() {
    let test = TestBox::start().await;
    for title in ["a", "b"] {
        test.post("/v1/cases", json!({ "title": title }))
            .await
            .expect(201);
    }
    for (name, kind) in [
        ("Ann", "person"),
        ("Bob", "person"),
        ("KTR-4471", "vehicle"),
        ("Eve", "person"),
    ] {
        let entity = json!({"kind": kind, "display_name": name});
        test.post("/v1/entities", entity).await.expect(201);
    }
    for entity in ["ENT-0003", "ENT-0001", "ENT-0002"] {
        let member = json!({"entity_id": entity, "role": "witness"});
        test.post("/v1/cases/INV-2026-0001/entities", member)
            .await
            .expect(201);
    }
    let names = |list: &Json| -> Vec<String> {
        let items = list.as_array().unwrap().iter();
        items
            .map(|item| item["display_name"].as_str().unwrap().to_owned())
            .collect()
    };
    let check = async |query: &str, expected: &[&str]| {
        let list = test
            .get(&format!("/v1/entities?case_id=INV-2026-0001{query}"))
            .await
            .expect(200);
        assert_eq!(names(&list.data()), expected, "{query}");
        list.json()["meta"]["next_cursor"].as_str().map(str::to_owned)
    };
    check("", &["Ann", "Bob", "KTR-4471"]).await;
    check("&kind=person&sort=-created_at", &["Bob", "Ann"]).await;
    let next = check("&limit=2&sort=-updated_at", &["KTR-4471", "Bob"])
        .await
        .unwrap();
    check(&format!("&limit=2&sort=-updated_at&cursor={next}"), &["Ann"]).await;
    assert_eq!(
        test.get("/v1/entities?case_id=INV-2026-0002").await.data(),
        json!([])
    );
    test.post("/v1/cases/INV-2026-0001/notes", json!({"text": "n"}))
        .await
        .expect(201);
    for (case, count) in [("INV-2026-0001", 1), ("INV-2026-0002", 0)] {
        let notes = test.get(&format!("/v1/notes?case_id={case}")).await.expect(200);
        assert_eq!(notes.data().as_array().unwrap().len(), count);
    }
    let item = json!({"case_id": "INV-2026-0001", "type": "photo", "description": "x"});
    let made = test.post("/v1/evidence", item).await.expect(201);
    assert_eq!(made.data()["status"], "held");
    for (query, count) in [
        ("status=held", 1),
        ("status=stored", 0),
        ("type=photo&fields=status", 1),
        ("type=video", 0),
    ] {
        let list = test.get(&format!("/v1/evidence?{query}")).await.expect(200);
        assert_eq!(list.data().as_array().unwrap().len(), count, "{query}");
    }
    test.get("/v1/evidence?status=lost").await.expect(400);
    test.get("/v1/entities?status=open").await.expect(400);
}

#[tokio::test]
async fn a_list_says_how_many_it_has_where_that_tells_nobody_too_much() {
    let test = TestBox::start().await;
    test.services().seed_categories(&test.owner()).unwrap();
    for title in ["a", "b", "c"] {
        test.post("/v1/cases", json!({ "title": title }))
            .await
            .expect(201);
    }
    for mode in ["live", "training", "live"] {
        let report = json!({"location": {"x": 8.5, "y": 47.3}, "category": {"category_id": 1}, "mode": mode,
            "reporter": {"name": "a", "phone": "+41446681800"}});
        test.post("/v1/reports", report).await.expect(201);
    }
    let check = async |path: &str, expected: Json| {
        let list = test.get(path).await.expect(200);
        assert_eq!(list.json()["meta"]["total"], expected, "{path}");
        list.json()["meta"]["next_cursor"].as_str().map(str::to_owned)
    };
    check("/v1/cases", json!(3)).await;
    let next = check("/v1/cases?limit=2", json!(3)).await.unwrap();
    check(&format!("/v1/cases?limit=2&cursor={next}"), json!(3)).await;
    check("/v1/cases?status=open", json!(3)).await;
    check("/v1/cases?status=open&limit=1", Json::Null).await;
    check("/v1/reports?limit=1", json!(2)).await;
    check("/v1/reports?limit=1&mode=training", json!(1)).await;
    check("/v1/teams", json!(0)).await;
    check("/v1/cases/INV-2026-0001/history?limit=1", json!(1)).await;
    let cleared = test.key_with(&["*", "cases:restricted"]);
    let sealed = json!({"data": {"title": "d", "classification": "restricted"}});
    let made = TestBox::request(
        axum::http::Method::POST,
        "/v1/cases",
        Some(&cleared),
        &[],
        Some(&sealed),
    );
    test.send(made).await.expect(201);
    check("/v1/cases", json!(3)).await;
    check("/v1/cases?limit=2", Json::Null).await;
    let list = test.get_as(&cleared, "/v1/cases").await.expect(200);
    assert_eq!(list.json()["meta"]["total"], 4);
    let open = json!({"classification": "open"});
    let path = "/v1/cases/INV-2026-0004";
    let change = TestBox::request(
        axum::http::Method::PATCH,
        path,
        Some(&cleared),
        &[],
        Some(&json!({ "data": open })),
    );
    test.send(change).await.expect(200);
    check("/v1/cases?limit=2", json!(4)).await;
}

#[tokio::test]
async fn the_notes_of_a_case_are_listed_by_their_last_change() {
    let test = TestBox::start().await;
    for title in ["a", "b"] {
        test.post("/v1/cases", json!({ "title": title }))
            .await
            .expect(201);
    }
    for (case, text) in [(1, "m"), (1, "n"), (2, "of another case"), (1, "o")] {
        let path = format!("/v1/cases/INV-2026-000{case}/notes");
        test.post(&path, json!({ "text": text })).await.expect(201);
    }
    let newest = "/v1/notes?case_id=INV-2026-0001&sort=-updated_at&limit=2&fields=text";
    let texts = |page: &Json| -> Vec<String> {
        let items = page["data"].as_array().unwrap().iter();
        items
            .map(|item| item["text"].as_str().unwrap().to_owned())
            .collect()
    };
    let first = test.get(newest).await.expect(200).json();
    assert_eq!(texts(&first), ["o", "n"]);
    let next = first["meta"]["next_cursor"].as_str().unwrap();
    let rest = test.get(&format!("{newest}&cursor={next}")).await.expect(200);
    assert_eq!(texts(&rest.json()), ["m"]);
}
