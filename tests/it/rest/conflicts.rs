//! What writers disagree about is listed, shown with the record, and settled by a person.

use blotter::domain::kind::CASE;
use blotter::domain::operation::{Action, Change};
use blotter::domain::value::Value;
use serde_json::json;

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
    test.services()
        .write(&test.owner(), "test", None, |desk| {
            let case = desk.find(&CASE, "INV-2026-0001")?;
            let change = Change::new("title", Action::Set(Value::text("b")));
            desk.change(&CASE, &case, vec![change]).map(drop)
        })
        .unwrap();
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
