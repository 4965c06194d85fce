//! Cases with what belongs to them, entities with how they stand to each other, categories.

use axum::http::Method;
use blotter::domain::custody::chain::CUSTODY;
use blotter::domain::kind::{ENTITY, EVIDENCE};
use blotter::domain::operation::{Action, Change};
use blotter::domain::value::{Fields, Value};
use serde_json::{Value as Json, json};

use crate::support::testbox::TestBox;

#[tokio::test]
async fn timeline_and_notes_belong_to_a_case() {
    let test = TestBox::start().await;
    test.post("/v1/cases", json!({"title": "x"})).await.expect(201);
    let case = "/v1/cases/INV-2026-0001";
    for (time, text) in [
        ("2026-03-02T10:00:00Z", "second"),
        ("2026-03-01T10:00:00Z", "first"),
    ] {
        let entry = json!({"timestamp": time, "description": text, "severity": "low"});
        let made = test.post(&format!("{case}/timeline"), entry).await.expect(201);
        assert!(
            made.json()["links"]["case"]
                .as_str()
                .unwrap()
                .starts_with("/v1/cases/")
        );
    }
    let timeline = test.get(&format!("{case}/timeline")).await.expect(200).data();
    assert_eq!(
        (&timeline[0]["description"], &timeline[1]["description"]),
        (&json!("first"), &json!("second"))
    );
    test.post(&format!("{case}/notes"), json!({"text": "seen"}))
        .await
        .expect(201);
    assert_eq!(
        test.get(&format!("{case}/notes"))
            .await
            .data()
            .as_array()
            .unwrap()
            .len(),
        1
    );
}

#[tokio::test]
async fn tags_entities_and_team_belong_to_a_case() {
    let test = TestBox::start().await;
    test.post("/v1/cases", json!({"title": "x"})).await.expect(201);
    let attributes = json!({"names": ["Ann Lee"], "dob": "1980-02-01", "shoe_size": 41});
    let person = json!({"kind": "person", "display_name": "Ann Lee", "attributes": attributes});
    let person = test.post("/v1/entities", person).await.expect(201);
    let case = "/v1/cases/INV-2026-0001";
    let tagged = test
        .post(&format!("{case}/tags"), json!({"tags": ["a", "b"]}))
        .await
        .expect(201);
    assert_eq!(tagged.data()["tags"], json!(["a", "b"]));
    assert_eq!(
        test.delete(&format!("{case}/tags/a")).await.expect(200).data()["tags"],
        json!(["b"])
    );
    test.delete(&format!("{case}/tags/a")).await.expect(404);
    let role = json!({"entity_id": "ENT-0001", "role": "witness"});
    let linked = test.post(&format!("{case}/entities"), role).await.expect(201);
    assert_eq!(linked.data()["entities"][0]["entity_id"], person.data()["id"]);
    let unknown = test
        .post(
            &format!("{case}/entities"),
            json!({"entity_id": "ENT-0009", "rôle": 1}),
        )
        .await
        .expect(400);
    let mut messages = unknown.messages();
    messages.sort();
    assert_eq!(
        messages,
        [
            "data.entity_id: expected the id of a known entity",
            "data.role is missing: text is needed",
            "data.rôle: no such property",
        ]
    );
    assert_eq!(
        test.delete(&format!("{case}/entities/ENT-0001"))
            .await
            .expect(200)
            .data()["entities"],
        json!([])
    );
    test.post(
        &format!("{case}/team"),
        json!({"name": "Sam Ortiz", "role": "lead"}),
    )
    .await
    .expect(201);
    assert_eq!(
        test.delete(&format!("{case}/team/Sam%20Ortiz"))
            .await
            .expect(200)
            .data()["team"],
        json!([])
    );
}

#[tokio::test]
async fn what_is_known_of_an_entity_has_the_form_of_its_kind() {
    let test = TestBox::start().await;
    let phone =
        json!({"kind": "phone", "display_name": "prepaid", "attributes": {"number": "+1 (207) 555-0148"}});
    let made = test.post("/v1/entities", phone).await.expect(201);
    assert_eq!(made.data()["attributes"]["number"], "+12075550148");
    for (kind, attributes, path) in [
        ("phone", json!({"number": "5550148"}), "data.attributes.number"),
        ("person", json!({"names": "Ann"}), "data.attributes.names"),
        ("person", json!({"dob": "1980-13-01"}), "data.attributes.dob"),
        ("person", json!({"dob": {}}), "data.attributes.dob"),
        ("person", json!({"dob": "2099-01-01"}), "data.attributes.dob"),
        ("person", json!({"dob": "0000-01-01"}), "data.attributes.dob"),
        ("vehicle", json!({"year": "old"}), "data.attributes.year"),
        ("vehicle", json!({"vin": "1"}), "data.attributes.vin"),
        (
            "vehicle",
            json!({"vin": "1FTFW1ET5DFC1031O"}),
            "data.attributes.vin",
        ),
        (
            "vehicle",
            json!({"own": {"seen": [1, 123_456_789_012_345_678_901_234_567_890.0_f64]}}),
            "data.attributes.own.seen[1]",
        ),
        ("item", json!([1]), "data.attributes"),
    ] {
        let body = json!({"kind": kind, "display_name": "x", "attributes": attributes});
        let refused = test.post("/v1/entities", body).await.expect(400);
        assert!(
            refused.messages()[0].starts_with(&format!("{path}: ")),
            "{:?}",
            refused.messages()
        );
    }
    let number = json!({"attributes": {"number": "12"}});
    test.patch("/v1/entities/ENT-0001", number).await.expect(400);
    // A part of a number is no such number, but can be kept; spaces and hyphens stay as they were written.
    let car = json!({"vin": "1FTFW 1ET5D-FC10312", "partial_vin": "10", "born": "2099-01-01"});
    let car = json!({"kind": "vehicle", "display_name": "a car", "attributes": car});
    let made = test.post("/v1/entities", car.clone()).await.expect(201).data();
    assert_eq!(made["attributes"], car["attributes"]);
}

#[tokio::test]
async fn the_rules_of_what_is_known_hold_on_every_way_in() {
    let test = TestBox::start().await;
    let send = async |path: &str, body: Json| {
        let request = TestBox::request(Method::POST, path, Some(&test.key), &[], Some(&body));
        test.send(request).await
    };
    let car = |vin: &str| json!({"kind": "vehicle", "display_name": "x", "attributes": {"vin": vin}});
    let row = json!({"data": [{"kind": "entity", "data": car("1")}]});
    let refused = send("/v1/batch", row).await.expect(400);
    assert!(
        refused.messages()[0].contains("data.attributes.vin"),
        "{:?}",
        refused.messages()
    );
    let query = "mutation($attributes: JSON) { createEntity(input: {kind: \"vehicle\", displayName: \"x\", attributes: $attributes}) { entity { id } } }";
    let refused = send(
        "/graphql",
        json!({"query": query, "variables": {"attributes": {"vin": "1"}}}),
    )
    .await;
    let refused = refused.json()["errors"].to_string();
    assert!(refused.contains("attributes.vin"), "{refused}");
    for (entries, path) in [
        (
            json!([{"type": "name", "value": "Ann Lee", "dob": "2099-01-01"}]),
            "data.entries[0].dob",
        ),
        (
            json!([{"type": "name", "value": "Ann Lee", "dob": "1980-01-31"}, {"type": "name", "value": "Al Lee", "dob": "2999-01-01"}]),
            "data.entries[1].dob",
        ),
    ] {
        let list = json!({"name": "x", "purpose": "y", "entries": entries});
        let refused = test.post("/v1/watchlists", list).await.expect(400);
        assert!(
            refused.messages()[0].starts_with(path),
            "{:?}",
            refused.messages()
        );
    }
    test.get("/v1/entities/ENT-0001").await.expect(404);
}

#[tokio::test]
async fn what_was_kept_before_there_was_a_rule_can_be_sent_again() {
    let test = TestBox::start().await;
    let person = json!({"kind": "person", "display_name": "Ann Lee"});
    test.post("/v1/entities", person).await.expect(201);
    // As another node, or this one before, wrote it.
    let old = Value::from(json!({"dob": "2099-01-01", "number": 1e30}));
    let old = Change::new("attributes", Action::Set(old));
    test.desk()
        .change_apart(&test.owner(), (&ENTITY, "ENT-0001"), vec![old]);
    let read = test.get("/v1/entities/ENT-0001").await.expect(200).data();
    assert_eq!(read["attributes"]["dob"], "2099-01-01");
    let again = |dob: &str| json!({"attributes": {"dob": dob, "aliases": ["Annie"]}});
    test.patch("/v1/entities/ENT-0001", again("2099-01-01"))
        .await
        .expect(200);
    test.patch("/v1/entities/ENT-0001", again("2099-01-02"))
        .await
        .expect(400);
}

#[tokio::test]
async fn two_entities_held_to_be_one_can_be_parted_again() {
    let test = TestBox::start().await;
    for name in ["Ann Lee", "A. Lee"] {
        let person = json!({"kind": "person", "display_name": name});
        test.post("/v1/entities", person).await.expect(201);
    }
    let path = "/v1/entities/ENT-0001/same-as";
    test.post(path, json!({"to": "ENT-0001"})).await.expect(400);
    let car = json!({"kind": "vehicle", "display_name": "a car"});
    test.post("/v1/entities", car).await.expect(201);
    test.post(path, json!({"to": "ENT-0003"})).await.expect(400);
    let one = test
        .post(path, json!({"to": "ENT-0002"}))
        .await
        .expect(201)
        .data();
    let other = test.get("/v1/entities/ENT-0002").await.data();
    assert_eq!(
        (&one["same_as"][0], &other["same_as"][0]),
        (&other["id"], &one["id"])
    );
    let stands = json!({"to": "ENT-0002", "role": "sister", "valid_from": "2020-01-01T00:00:00Z"});
    test.post("/v1/entities/ENT-0001/relationships", stands)
        .await
        .expect(201);
    test.delete("/v1/entities/ENT-0002/same-as/ENT-0001")
        .await
        .expect(200);
    assert_eq!(
        test.get("/v1/entities/ENT-0001").await.data()["same_as"],
        json!([])
    );
    test.delete("/v1/entities/ENT-0002/same-as/ENT-0001")
        .await
        .expect(404);
}

#[tokio::test]
async fn a_case_with_a_disputed_item_is_not_closed_and_a_closed_one_stays_closed() {
    let test = TestBox::start().await;
    test.post("/v1/cases", json!({"title": "x"})).await.expect(201);
    let item = json!({"case_id": "INV-2026-0001", "type": "physical", "description": "a knife"});
    test.post("/v1/evidence", item).await.expect(201);
    let owner = test.owner();
    // Two units apart: both steps follow nothing.
    let entry = Fields::from([("action".to_owned(), Value::text("collected"))]);
    let step = Change::new(CUSTODY, Action::Step(Value::Map(entry)));
    test.desk()
        .change_apart(&owner, (&EVIDENCE, "EVD-0001"), vec![step.clone(), step]);
    let close = json!({"status": "closed"});
    let refused = test
        .patch("/v1/cases/INV-2026-0001", close.clone())
        .await
        .expect(409);
    assert_eq!(refused.codes(), ["CUSTODY_CONFLICT"]);
    assert_eq!(refused.json()["meta"]["evidence"].as_array().unwrap().len(), 1);
    test.post("/v1/cases", json!({"title": "y"})).await.expect(201);
    let closed = test.patch("/v1/cases/INV-2026-0002", close).await.expect(200);
    assert_eq!(closed.data()["stage"], "closed");
    let again = test
        .patch("/v1/cases/INV-2026-0002", json!({"status": "open"}))
        .await
        .expect(409);
    assert_eq!(again.codes(), ["STATE_CONFLICT"]);
}

#[tokio::test]
async fn categories_are_a_tree_in_the_language_of_the_caller() {
    let test = TestBox::start().await;
    let fire = json!({"text": "Fire", "translations": {"de": "Feuer"}});
    test.post("/v1/categories", fire).await.expect(201);
    test.post("/v1/categories", json!({"text": "Car", "parent_id": 1}))
        .await
        .expect(201);
    test.post("/v1/categories", json!({"text": "Wheel", "parent_id": 2}))
        .await
        .expect(400);
    let tree = |text: &str| json!([{"id": 1, "text": text, "children": [{"id": 2, "text": "Car"}]}]);
    assert_eq!(test.get("/v1/categories").await.expect(200).data(), tree("Fire"));
    let german = [("accept-language", "fr;q=0.2, de-AT;q=0.9")];
    let ask = TestBox::request(Method::GET, "/categories", Some(&test.key), &german, None);
    assert_eq!(test.send(ask).await.expect(200).data(), tree("Feuer"));
    let reader = test.key_with(&["reports:write"]);
    let make = json!({"data": {"text": "x"}});
    let ask = TestBox::request(Method::POST, "/v1/categories", Some(&reader), &[], Some(&make));
    assert_eq!(
        test.send(ask).await.expect(403).messages(),
        ["the scope users:admin is needed"]
    );
}
