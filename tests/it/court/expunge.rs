//! An expunged record is gone from every file of the data folder, and every proof over the log stays valid.

use axum::http::Method;
use blotter::domain::kind::CASE;
use blotter::domain::value::{Fields, Value};
use blotter::services::failure::Failure;
use blotter::views::erasures;
use serde_json::{Value as Json, json};

use crate::court::{attach, faults, holding};
use crate::support::desk::TestDesk;
use crate::support::testbox::{Answer, TestBox};

/// Words that stand in the record alone, each in another place of it.
const SECRETS: [&str; 8] = [
    "Quillfeather",
    "Marzipanov",
    "first-title-zx81",
    "Nightjarlane",
    "Tambourine-witness",
    "ext-77-obsidian",
    "whispered-threnody",
    "bytes-of-the-vellichor",
];

async fn order(test: &TestBox, path: &str, data: Json) -> Answer {
    let key = test.key_with(&["records:expunge", "cases:read", "cases:restricted"]);
    let body = json!({ "data": data });
    test.send(TestBox::request(Method::POST, path, Some(&key), &[], Some(&body)))
        .await
}

fn an_order() -> Json {
    json!({"order": "4 Ds 113/26", "reason": "acquitted; section 17"})
}

/// A case with notes, timeline, evidence with a file, an entity; another case that has the same file's bytes.
async fn make_case(test: &TestBox) {
    let made = test
        .write(
            Method::POST,
            "/v1/cases",
            &[("idempotency-key", "made-once")],
            json!({"title": SECRETS[2], "description": "Quillfeather met Marzipanov", "external_id": SECRETS[5],
                   "tags": ["Nightjarlane"]}),
        )
        .await;
    made.expect(201);
    let case = "/v1/cases/INV-2026-0001";
    test.patch(case, json!({"title": "Marzipanov"})).await.expect(200);
    let timeline = json!({"timestamp": "2026-03-01T10:00:00Z", "description": "Tambourine-witness saw it"});
    test.post(&format!("{case}/timeline"), timeline).await.expect(201);
    test.post(&format!("{case}/notes"), json!({"text": "whispered-threnody"}))
        .await
        .expect(201);
    let person = json!({"kind": "person", "display_name": "Ann Other"});
    test.post("/v1/entities", person).await.expect(201);
    let link = json!({"entity_id": "ENT-0001", "role": "witness"});
    test.post(&format!("{case}/entities"), link).await.expect(201);
    let item = json!({"case_id": "INV-2026-0001", "type": "document", "description": "a letter"});
    test.post("/v1/evidence", item).await.expect(201);
}

#[tokio::test]
async fn nothing_of_an_expunged_case_is_left_in_any_file() {
    let test = TestBox::start().await;
    make_case(&test).await;
    let folder = test.desk().folder().to_path_buf();
    // Rows reach the file with a checkpoint, or when they are made anew.
    test.services().store().rebuild_views(&mut |_, _| {}).unwrap();
    let before = holding(&folder, &SECRETS[..7]);
    assert!(
        before.iter().any(|file| file.contains("views.redb")),
        "{before:?}"
    );
    assert!(before.iter().any(|file| file.contains(".seg")), "{before:?}");
    assert_eq!(faults(test.services(), &folder), [""; 0]);

    let receipt = order(&test, "/v1/cases/INV-2026-0001/expunge", an_order()).await;
    let receipt = receipt.expect(201).data();
    assert!(receipt["completed_at"].is_string(), "{receipt}");
    assert_eq!(receipt["records"].as_array().unwrap().len(), 3, "{receipt}");
    assert_eq!(receipt["order"], "4 Ds 113/26");
    let linked = receipt["linked"].as_array().unwrap().iter();
    let mut linked: Vec<_> = linked.map(|one| one["number"].as_str().unwrap()).collect();
    linked.sort_unstable();
    assert_eq!(linked, ["ENT-0001", "EVD-0001"], "{receipt}");
    assert!(receipt.get("answers").is_none());

    assert_eq!(holding(&folder, &SECRETS), [""; 0]);
    assert_eq!(faults(test.services(), &folder), [""; 0]);
    gone(&test).await;
    let receipts = test.get("/v1/erasures").await.expect(200).data();
    assert_eq!(receipts[0]["display_id"], "ERA-0001");

    // Who repeats the request, in whatever words, does not bring back what was erased, also after a start.
    let repeat = async |key: &str, title: &str| {
        let data = json!({"title": title, "external_id": "ext-77-obsidian"});
        let headers = [("idempotency-key", key)];
        test.write(Method::POST, "/v1/cases", &headers, data).await
    };
    for _ in 0..2 {
        let refused = repeat("made-once", "another").await.expect(404);
        assert_eq!(refused.codes(), ["NOT_FOUND"]);
        test.services().store().rebuild_views(&mut |_, _| {}).unwrap();
    }
    assert_eq!(test.get("/v1/cases").await.data(), json!([]));
    // Its number is not given out again, and its external id is free.
    let again = repeat("made-anew", "another").await.expect(201);
    assert_eq!(again.data()["display_id"], "INV-2026-0002");
    assert_eq!(faults(test.services(), &folder), [""; 0]);
}

async fn gone(test: &TestBox) {
    let case = "/v1/cases/INV-2026-0001";
    for path in ["", "/history", "/timeline", "/notes", "/proof"] {
        test.get(&format!("{case}{path}")).await.expect(404);
    }
    order(test, &format!("{case}/expunge"), an_order())
        .await
        .expect(404);
    test.patch(case, json!({"title": "back"})).await.expect(404);
    for list in ["/v1/cases", "/v1/timeline", "/v1/notes"] {
        let listed = test.get(list).await.expect(200).data();
        assert_eq!(listed, json!([]), "{list}");
    }
    for word in SECRETS.iter().chain(&["INV-2026-0001"]) {
        let found = test.get(&format!("/v1/search?q={word}&consistency=wait")).await;
        assert_eq!(found.expect(200).data(), json!([]), "{word}");
    }
    test.get("/v1/search?q=Ann&case_id=INV-2026-0001")
        .await
        .expect(404);
    let found = test.get("/v1/search?q=Ann").await.expect(200).data();
    assert_eq!(found[0]["display_id"], "ENT-0001");
    // What belonged to it is judged as sealed: a key does not read it, whatever its scopes.
    test.get("/v1/evidence/EVD-0001").await.expect(404);
}

#[tokio::test]
async fn files_go_with_their_last_record_and_stay_with_any_other() {
    let test = TestBox::start().await;
    make_case(&test).await;
    let (services, owner) = (test.services(), test.owner());
    let item = json!({"case_id": "INV-2026-0001", "type": "document", "description": "a copy"});
    test.post("/v1/evidence", item).await.expect(201);
    attach(services, &owner, "EVD-0001", b"bytes-of-the-vellichor");
    attach(services, &owner, "EVD-0001", b"shared bytes");
    attach(services, &owner, "EVD-0002", b"shared bytes");
    let folder = test.desk().folder();
    assert_eq!(holding(folder, &SECRETS[7..]).len(), 1);

    let path = "/v1/evidence/EVD-0001/expunge";
    let refused = order(&test, path, an_order()).await.expect(403);
    assert!(
        refused.messages()[0].contains("evidence:read"),
        "{:?}",
        refused.messages()
    );
    let key = test.key_with(&["records:expunge", "evidence:read"]);
    let body = json!({"data": an_order()});
    let request = TestBox::request(Method::POST, path, Some(&key), &[], Some(&body));
    let receipt = test.send(request).await.expect(201).data();
    assert_eq!(
        (&receipt["files"], &receipt["files_kept"]),
        (&json!(1), &json!(1))
    );
    assert_eq!(holding(folder, &SECRETS[7..]), [""; 0]);
    assert_eq!(holding(folder, &["shared bytes"]).len(), 1);
    assert_eq!(faults(services, folder), [""; 0]);
}

#[tokio::test]
async fn an_order_needs_its_number_and_the_right_and_no_hold() {
    let test = TestBox::start().await;
    make_case(&test).await;
    let path = "/v1/cases/INV-2026-0001/expunge";
    let refused = order(&test, path, json!({"reason": ""})).await.expect(400);
    assert_eq!(refused.codes(), ["MISSING_INPUT_DATA"; 2]);
    let refused = order(&test, path, json!({"order": "1", "reason": "x", "why": 1})).await;
    assert_eq!(refused.expect(400).codes(), ["INPUT_SCHEMA_VIOLATION"]);
    let refused = test.post(path, an_order()).await.expect(403);
    assert!(
        refused.messages()[0].contains("records:expunge"),
        "{:?}",
        refused.messages()
    );

    let hold = |path: &'static str| test.post(path, json!({"reason": "a civil suit", "order": "1 O 7/26"}));
    let held = hold("/v1/evidence/EVD-0001/hold").await.expect(201);
    assert_eq!(held.data()["hold"], "held");
    let refused = order(&test, path, an_order()).await.expect(409);
    assert!(refused.messages()[0].contains("EVD-0001 is under a legal hold"));
    hold("/v1/cases/INV-2026-0001/hold").await.expect(201);
    assert_eq!(
        order(&test, path, an_order()).await.expect(409).codes(),
        ["STATE_CONFLICT"]
    );
    test.get("/v1/cases/INV-2026-0001").await.expect(200);
}

fn case(desk: &TestDesk) -> String {
    let input = Fields::from([("title".to_owned(), Value::text("first-title-zx81"))]);
    let made = desk.services().create(&desk.owner(), &CASE, input, None).unwrap();
    made.first().unwrap().id.to_string()
}

#[test]
fn an_erasure_that_was_cut_is_finished_by_the_next_start() {
    let mut desk = TestDesk::open();
    let id = case(&desk);
    let input = Fields::from(["order", "reason"].map(|name| (name.to_owned(), Value::text("1"))));
    let outcome = desk
        .services()
        .order_erasure(&desk.owner(), (&CASE, &id, None), &input, None);
    outcome.unwrap();
    assert!(!holding(desk.folder(), &SECRETS).is_empty());

    // Right after the group, and once more after the payloads are gone, when new rows can't be made.
    desk.restart();
    let read = desk.services().read(&desk.owner(), &CASE, &id);
    assert!(matches!(read, Err(Failure::Unknown("case"))));
    let obstacle = desk.folder().join("views.anew");
    std::fs::create_dir(&obstacle).unwrap();
    std::fs::write(obstacle.join("x"), "").unwrap();
    assert!(desk.services().finish_erasures(&desk.finder()).is_err());
    assert_eq!(faults(desk.services(), desk.folder()), [""; 0]);
    std::fs::remove_dir_all(&obstacle).unwrap();

    desk.restart();
    assert_eq!(desk.services().finish_erasures(&desk.finder()).unwrap(), 1);
    assert_eq!(desk.services().finish_erasures(&desk.finder()).unwrap(), 0);
    assert_eq!(holding(desk.folder(), &SECRETS), [""; 0]);
    assert_eq!(faults(desk.services(), desk.folder()), [""; 0]);
    let rows = desk.services().snapshot().unwrap();
    assert_eq!(erasures::unfinished(&rows).unwrap(), []);
}
