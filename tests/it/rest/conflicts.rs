//! What writers disagree about is listed, shown with the record, and settled by a person.

use blotter::domain::kind::{CASE, ENTITY, EVIDENCE, TEAM};
use blotter::domain::operation::{Action, Change};
use blotter::domain::value::Value;
use serde_json::{Value as Json, json};

use crate::support::testbox::TestBox;

#[tokio::test]
async fn a_conflict_is_listed_until_it_is_settled_by_naming_all_versions() {
    let test = TestBox::start().await;
    test.post("/v1/cases", json!({"title": "a"})).await.expect(201);
    test.post("/v1/cases", json!({"title": "quiet"}))
        .await
        .expect(201);
    assert_eq!(test.get("/v1/conflicts").await.expect(200).data(), json!([]));
    // A write that has not seen the first one, as from a unit that was apart.
    let title = Change::new("title", Action::Set(Value::text("b")));
    test.desk()
        .change_apart(&test.owner(), (&CASE, "INV-2026-0001"), vec![title]);
    let list = test.get("/v1/conflicts").await.expect(200).data();
    assert_eq!(list.as_array().unwrap().len(), 1);
    let versions = &list[0]["conflicts"]["title"];
    let id = list[0]["id"].as_str().unwrap();
    assert_eq!(
        test.get(&format!("/v1/cases/{id}")).await.data()["conflicts"]["title"],
        *versions
    );
    let path = list[0]["links"]["settle"].as_str().unwrap();
    let settle =
        |versions| json!({"field": "title", "versions": versions, "value": "ab", "reason": "both are right"});
    let some = test
        .post(path, settle(json!([versions[0]["version"]])))
        .await
        .expect(412);
    assert_eq!(some.codes(), ["VERSION_CONFLICT"]);
    let all = json!([versions[1]["version"], versions[0]["version"]]);
    let settled = test.post(path, settle(all)).await.expect(201);
    assert_eq!(
        (&settled.data()["title"], settled.data().get("conflicts")),
        (&json!("ab"), None)
    );
    assert_eq!(test.get("/v1/conflicts").await.expect(200).data(), json!([]));
    let notes = test.get(&format!("/v1/cases/{id}/notes")).await.data();
    assert_eq!(notes[0]["text"], "title: both are right");
    let faults = test
        .post(path, json!({"versions": "x", "why": 1}))
        .await
        .expect(400);
    assert_eq!(faults.messages().len(), 5);
}

#[tokio::test]
async fn a_second_value_of_what_is_written_once_is_shown_and_changes_nothing() {
    let test = TestBox::start().await;
    test.post("/v1/cases", json!({"title": "a", "external_id": "first"}))
        .await
        .expect(201);
    let second = Change::new("external_id", Action::Fix(Value::text("second")));
    test.desk()
        .change_apart(&test.owner(), (&CASE, "INV-2026-0001"), vec![second]);
    let list = test
        .get("/v1/conflicts?field=external_id")
        .await
        .expect(200)
        .data();
    let values = |json: &serde_json::Value| -> Vec<serde_json::Value> {
        let versions = json["violations"]["external_id"].as_array().unwrap();
        versions.iter().map(|version| version["value"].clone()).collect()
    };
    assert_eq!(
        (values(&list[0]), &list[0]["conflicts"]),
        (vec![json!("first"), json!("second")], &json!({}))
    );
    let case = test.get("/v1/cases/INV-2026-0001").await.expect(200).data();
    assert_eq!((values(&case).len(), &case["external_id"]), (2, &json!("first")));
    let versions = &list[0]["violations"]["external_id"];
    let settle = json!({"field": "external_id", "versions": [versions[0]["version"], versions[1]["version"]],
        "value": "second", "reason": "x"});
    let refused = test
        .post(list[0]["links"]["settle"].as_str().unwrap(), settle)
        .await
        .expect(400);
    assert!(
        refused.messages()[0].contains("its first value stays"),
        "{:?}",
        refused.messages()
    );
}

// `{}` settled a dispute about a restricted case's class, and opened it.
#[tokio::test]
async fn what_is_empty_in_another_way_than_a_field_can_be_settles_nothing() {
    let mut test = TestBox::start().await;
    test.key = test.key_with(&["*", "cases:restricted"]);
    let case = json!({"title": "a", "classification": "restricted", "description": "d"});
    test.post("/v1/cases", case).await.expect(201);
    let apart = [("classification", "juvenile"), ("description", "e")]
        .map(|(field, word)| Change::new(field, Action::Set(Value::text(word))));
    test.desk()
        .change_apart(&test.owner(), (&CASE, "INV-2026-0001"), apart.into());
    let conflicts = test.get("/v1/conflicts").await.expect(200).data()[0]["conflicts"].clone();
    let settle = async |field: &str, value: Json| {
        let versions = conflicts[field].as_array().unwrap().iter();
        let versions: Vec<&Json> = versions.map(|version| &version["version"]).collect();
        let settlement = json!({"field": field, "versions": versions, "value": value, "reason": "x"});
        test.post("/v1/conflicts/INV-2026-0001", settlement).await
    };
    for (field, value) in [
        ("classification", json!({})),
        ("classification", json!(null)),
        ("classification", json!("")),
        ("description", json!([])),
    ] {
        let refused = settle(field, value).await.expect(400);
        assert!(refused.messages()[0].starts_with("data.value: "), "{refused:?}");
    }
    settle("description", json!("")).await.expect(201);
    let settled = settle("classification", json!("restricted"))
        .await
        .expect(201)
        .data();
    assert_eq!(
        (&settled["classification"], settled.get("description")),
        (&json!("restricted"), None)
    );
}

/// Two cases with an item each, the first with a person; writers disagree about something of all of them.
async fn disagreeing() -> TestBox {
    let test = TestBox::start().await;
    for title in ["a", "b"] {
        test.post("/v1/cases", json!({"title": title})).await.expect(201);
    }
    let person = json!({"kind": "person", "display_name": "Ann Other"});
    test.post("/v1/entities", person).await.expect(201);
    let witness = json!({"entity_id": "ENT-0001", "role": "witness"});
    test.post("/v1/cases/INV-2026-0001/entities", witness)
        .await
        .expect(201);
    for case in ["INV-2026-0001", "INV-2026-0002"] {
        let item = json!({"case_id": case, "type": "physical", "description": "a knife"});
        test.post("/v1/evidence", item).await.expect(201);
    }
    let apart = |kind, id, field| {
        let change = Change::new(field, Action::Set(Value::text("low")));
        test.desk().change_apart(&test.owner(), (kind, id), vec![change]);
    };
    apart(&CASE, "INV-2026-0001", "title");
    apart(&CASE, "INV-2026-0002", "priority");
    apart(&ENTITY, "ENT-0001", "display_name");
    apart(&EVIDENCE, "EVD-0001", "description");
    apart(&EVIDENCE, "EVD-0002", "description");
    apart(&CASE, "INV-2026-0002", "title");
    test
}

#[tokio::test]
async fn the_list_is_narrowed_by_kind_record_case_and_field_and_goes_on_where_it_ended() {
    let test = disagreeing().await;
    let found = async |query: &str| {
        let list = test
            .get(&format!("/v1/conflicts{query}"))
            .await
            .expect(200)
            .data();
        let items = list.as_array().unwrap().iter();
        let ids: Vec<String> = items
            .map(|item| item["display_id"].as_str().unwrap().to_owned())
            .collect();
        ids.join(" ")
    };
    let all = "INV-2026-0002 EVD-0002 EVD-0001 ENT-0001 INV-2026-0001";
    for (query, expected) in [
        ("", all),
        ("?kind=case", "INV-2026-0002 INV-2026-0001"),
        ("?kind=team", ""),
        ("?record_id=EVD-0002", "EVD-0002"),
        ("?case_id=INV-2026-0001", "EVD-0001 ENT-0001 INV-2026-0001"),
        ("?case_id=INV-2026-0001&kind=evidence", "EVD-0001"),
        ("?field=title", "INV-2026-0002 INV-2026-0001"),
        ("?field=priority", "INV-2026-0002"),
        ("?field=description&case_id=INV-2026-0002", "EVD-0002"),
    ] {
        assert_eq!(found(query).await, expected, "{query}");
    }
    let (mut cursor, mut seen) = (String::new(), Vec::new());
    loop {
        let path = format!("/v1/conflicts?field=description&limit=1{cursor}");
        let page = test.get(&path).await.expect(200);
        seen.extend(
            page.data()
                .as_array()
                .unwrap()
                .iter()
                .map(|item| item["display_id"].clone()),
        );
        let Some(next) = page.json()["meta"]["next_cursor"].as_str().map(str::to_owned) else {
            break;
        };
        let other = format!("/v1/conflicts?field=title&limit=1&cursor={next}");
        test.get(&other).await.expect(400);
        cursor = format!("&cursor={next}");
    }
    assert_eq!(seen, ["EVD-0002", "EVD-0001"]);
    for wrong in [
        "kind=moon",
        "field=moon",
        "kind=user&field=password_hash",
        "kind=user&field=title",
    ] {
        let refused = test.get(&format!("/v1/conflicts?{wrong}")).await.expect(400);
        assert_eq!(refused.codes(), ["INPUT_SCHEMA_VIOLATION"], "{wrong}");
    }
    test.get("/v1/conflicts?case_id=INV-1999-0001").await.expect(404);
    test.get("/v1/conflicts?record_id=nothing").await.expect(404);
}

#[tokio::test]
async fn what_can_not_be_written_settles_nothing() {
    let test = TestBox::start().await;
    let person = |dob: &str| json!({"kind": "person", "display_name": "Ann", "attributes": {"dob": dob}});
    test.post("/v1/entities", person("1980-01-31")).await.expect(201);
    let car = json!({"kind": "vehicle", "display_name": "Car", "attributes": {"plate": "KTR-4471"}});
    test.post("/v1/entities", car).await.expect(201);
    for name in ["Night", "Day"] {
        test.post("/v1/teams", json!({"name": name})).await.expect(201);
    }
    let teams = test.get("/v1/teams").await.expect(200).data();
    let team = teams[0]["id"].as_str().unwrap();
    let apart = |kind, id: &str, field, value: Json| {
        let change = Change::new(field, Action::Set(Value::from(value)));
        test.desk().change_apart(&test.owner(), (kind, id), vec![change]);
    };
    apart(&ENTITY, "ENT-0001", "attributes", json!({"dob": "1981-01-31"}));
    apart(&ENTITY, "ENT-0002", "attributes", json!({"plate": "KTR-4472"}));
    apart(&TEAM, team, "name", json!("Dusk"));
    let settle = async |path: &str, field: &str, value: Json| {
        let record = test.get(path).await.expect(200).data();
        let versions = record["conflicts"][field].as_array().unwrap().iter();
        let versions: Vec<&Json> = versions.map(|version| &version["version"]).collect();
        let settlement = json!({"field": field, "versions": versions, "value": value, "reason": "x"});
        let path = format!("/v1/conflicts/{}", record["id"].as_str().unwrap());
        test.post(&path, settlement).await
    };
    for (path, value, fault) in [
        (
            "/v1/entities/ENT-0001",
            json!({"dob": "2099-01-01"}),
            "data.value.dob: ",
        ),
        (
            "/v1/entities/ENT-0001",
            json!({"names": "Ann"}),
            "data.value.names: ",
        ),
        ("/v1/entities/ENT-0001", json!(["Ann"]), "data.value: "),
        (
            "/v1/entities/ENT-0002",
            json!({"vin": "1FTF"}),
            "data.value.vin: ",
        ),
        (
            "/v1/entities/ENT-0002",
            json!({"plate": {}}),
            "data.value.plate: ",
        ),
    ] {
        let refused = settle(path, "attributes", value.clone()).await.expect(400);
        assert!(refused.messages()[0].starts_with(fault), "{value} {refused:?}");
    }
    let team = format!("/v1/teams/{team}");
    let other = json!(teams[1]["name"]);
    let refused = settle(&team, "name", other).await.expect(409);
    assert_eq!(refused.codes(), ["DUPLICATE"]);
    settle(&team, "name", json!("Dusk")).await.expect(201);
    let kept = json!({"dob": "1980-01-31", "shoe": 41});
    let settled = settle("/v1/entities/ENT-0001", "attributes", kept.clone());
    assert_eq!(settled.await.expect(201).data()["attributes"], kept);
}
