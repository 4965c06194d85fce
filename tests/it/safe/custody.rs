//! Transactions of custody, and items sent back whole.

use base64::Engine as _;
use blotter::domain::kind::{CASE, LOCATION};
use serde_json::{Value as Json, json};

use super::{Client, item, make};
use crate::support::testbox::TestBox;

/// The smallest picture that is one by its first bytes.
fn png() -> String {
    base64::engine::general_purpose::STANDARD.encode(b"\x89PNG\r\n\x1a\n and no more")
}

/// A case with three items, and a shelf.
async fn room_of_three() -> (TestBox, Client) {
    let bed = TestBox::start().await;
    let client = Client::new(&bed).await;
    let case = make(bed.services(), &bed.owner(), &CASE, json!({"title": "Burglary"}));
    make(
        bed.services(),
        &bed.owner(),
        &LOCATION,
        json!({"name": "Shelf 1", "barcode": "S1"}),
    );
    for number in 1..=3 {
        item(&bed, &case, &format!("item {number}"));
    }
    (bed, client)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_transaction_is_of_all_items_or_none() {
    let (_bed, mut client) = room_of_three().await;
    let out = json!({"Transaction": {"TakenById": 1, "reasonId": 1, "notes": "to court", "itemIds": [1, 2]}, "SigData": png()});
    let done = client.post("/api/CheckOuts/V2", out).await.expect(200).json();
    assert_eq!(done["itemIds"], json!([1, 2]));
    assert_eq!(done["items"][0]["status"], "Checked Out");
    assert_eq!(done["items"][0]["custodian"], "Pat administrator");
    let row = client.get("/api/items/1/coc").await.expect(200).json()[1].clone();
    assert_eq!(
        (&row["type"], &row["hasSignature"]),
        (&json!("Out"), &json!(true))
    );
    assert_eq!(row["actor"], "Pat administrator via API");
    assert_eq!(row["checkOutReason"], "Court");
    let before = client.get("/api/items/seqOrgID/1?take=10").await.json();

    // One item of three is out, so nothing is written for any.
    let again = json!({"transaction": {"takenById": 1, "itemIds": [3, 1]}});
    let refused = client.post("/api/checkouts/v2", again).await.expect(409).json();
    assert_eq!(refused["error"], "invalid_state");
    assert_eq!(refused["state"], "Checked Out");
    assert_eq!(client.get("/api/items/seqOrgID/1?take=10").await.json(), before);
}

/// Where an item was last had no number, and was told as the whole way where the present place is told by its name.
#[tokio::test(flavor = "multi_thread")]
async fn where_an_item_was_last_is_told_as_where_it_is() {
    let (bed, mut client) = room_of_three().await;
    let room = make(bed.services(), &bed.owner(), &LOCATION, json!({"name": "Room 2"}));
    for parent in [Some(room.id), None] {
        let shelf = json!({"name": "Shelf 1", "parent_id": parent.map(|id| id.to_string())});
        make(bed.services(), &bed.owner(), &LOCATION, shelf);
    }
    // 1 and 4 are called alike and have no parent: which of them it was nobody can tell.
    let table = [
        (1, Json::Null, Json::Null),
        (3, Json::Null, json!("Shelf 1")),
        (2, json!(3), json!("Shelf 1")),
        (3, json!(2), json!("Room 2")),
    ];
    for (to, last_number, last) in table {
        let transaction = json!({"transaction": {"locationId": to, "itemIds": [1]}});
        client.post("/api/Moves/V2", transaction).await.expect(200);
        let item = client.get("/api/items/1").await.expect(200).json();
        assert_eq!(item["locationId"], to);
        assert_eq!(
            (&item["lastLocationId"], &item["lastLocation"]),
            (&last_number, &last),
            "{to}"
        );
    }
    let key = bed.key_for("metro", &["evidence:read"], &["query"]);
    let query = json!({"query": "{ evidence(id: \"EVD-0001\") { chainOfCustody { actor } } }"});
    let request = TestBox::request(
        axum::http::Method::POST,
        "/graphql",
        Some(&key),
        &[],
        Some(&query),
    );
    let told = bed.send(request).await.expect(200).json();
    let chain = &told["data"]["evidence"]["chainOfCustody"];
    assert_eq!(chain[1]["actor"], "Pat administrator via safe", "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn each_state_allows_what_the_table_says() {
    let (_bed, mut client) = room_of_three().await;
    let out = json!({"transaction": {"takenById": 1, "reasonId": 1, "itemIds": [1, 2]}});
    client.post("/api/CheckOuts/V2", out).await.expect(200);
    let table = [
        ("/api/Moves/V2", json!({"locationId": 1, "itemIds": [3]}), 200),
        ("/api/Moves/V2", json!({"locationId": 1, "itemIds": [1]}), 409),
        (
            "/api/transfers/V2",
            json!({"transferredToId": 1, "itemIds": [1]}),
            200,
        ),
        (
            "/api/transfers/V2",
            json!({"transferredToId": 1, "itemIds": [3]}),
            409,
        ),
        (
            "/api/CheckIns/V2",
            json!({"checkedInById": 0, "locationId": 1, "itemIds": [1, 2]}),
            200,
        ),
        (
            "/api/CheckIns/V2",
            json!({"checkedInById": 0, "locationId": 1, "itemIds": [3]}),
            409,
        ),
        (
            "/api/disposals/v2",
            json!({"disposedById": 0, "methodId": 1, "itemIds": [1]}),
            200,
        ),
        (
            "/api/disposals/v2",
            json!({"disposedById": 0, "methodId": 1, "itemIds": [1]}),
            409,
        ),
        (
            "/api/Disposals/UndisposeV2",
            json!({"checkedInById": 0, "itemIds": [1]}),
            200,
        ),
        (
            "/api/Disposals/UndisposeV2",
            json!({"checkedInById": 0, "itemIds": [1]}),
            409,
        ),
    ];
    for (path, transaction, status) in table {
        let told = client
            .post(path, json!({"transaction": transaction}))
            .await
            .expect(status)
            .json();
        if path == "/api/disposals/v2" && status == 200 {
            assert_eq!(
                (&told["items"][0]["active"], &told["items"][0]["statusId"]),
                (&json!(false), &json!(3))
            );
        }
    }
    let there = client
        .get("/api/items/getByLocationBarcode?barcode=S1")
        .await
        .expect(200)
        .json();
    assert_eq!(there["items"].as_array().unwrap().len(), 3);
    assert_eq!(there["items"][0]["fullLocation"], "Shelf 1");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_fault_of_a_transaction_is_in_one_answer() {
    let (_bed, mut client) = room_of_three().await;
    let bad = json!({"transaction": {"takenById": 99, "reasonId": 77, "itemIds": []}, "sigdata": "!"});
    let faults = client.post("/api/checkouts/v2", bad).await.expect(400).json();
    assert_eq!(faults["error"], "invalid_request");
    for name in ["takenById", "reasonId", "itemIds", "sigdata"] {
        assert!(faults["fields"][name].is_string(), "{faults}");
    }
    let gone = json!({"transaction": {"takenById": 1, "itemIds": [1, 99]}});
    let faults = client.post("/api/checkouts/v2", gone).await.expect(400).json();
    assert!(faults["fields"]["itemIds[1]"].is_string(), "{faults}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_item_comes_back_whole_and_only_what_differs_is_changed() {
    let bed = TestBox::start().await;
    let mut client = Client::new(&bed).await;
    let case = make(bed.services(), &bed.owner(), &CASE, json!({"title": "Burglary"}));
    item(&bed, &case, "a drill");
    let read = client.get("/api/items/1").await.expect(200).json();
    assert_eq!(
        client.put("/api/items/1", read.clone()).await.expect(200).json(),
        read
    );
    let mut changed = read.clone();
    changed["description"] = "a red drill".into();
    changed["serialNumber"] = "A-17".into();
    changed["categoryId"] = 6.into();
    changed["tags"] = json!([{"tagModelId": 1, "name": "tool"}]);
    changed["unknown"] = 1.into();
    let told = client
        .put("/api/items/1", changed.clone())
        .await
        .expect(200)
        .json();
    assert_eq!(
        (&told["description"], &told["serialNumber"]),
        (&json!("a red drill"), &json!("A-17"))
    );
    assert_eq!(
        (&told["category"], &told["tags"][0]["name"]),
        (&json!("Firearm"), &json!("tool"))
    );
    assert_eq!(told["historiesAmount"], 2);
    a_row_of_history_counts_as_of_then(&mut client).await;
    let stale = client.put("/api/items/1", changed).await.expect(409).json();
    assert_eq!(stale["error"], "stale_object");
    let mut wrong = told.clone();
    wrong["statusId"] = 2.into();
    wrong["categoryId"] = 999.into();
    let faults = client.put("/api/items/1", wrong).await.expect(400).json();
    assert!(faults["fields"]["statusId"].is_string() && faults["fields"]["categoryId"].is_string());
    let rows = client
        .get("/api/items/itemHistory?itemId=1&orderBy=TimeStamp&orderMethodAsc=true")
        .await;
    let rows = rows.expect(200).json()["data"].clone();
    assert_eq!(rows[0]["item"]["description"], "a drill");
    assert_eq!(rows[1]["item"]["description"], "a red drill");
    assert_eq!(rows[1]["historyUserName"], "Pat administrator");
    let refused = client
        .post("/api/items", json!({"description": "x"}))
        .await
        .expect(405);
    assert!(
        refused.json()["error_description"]
            .as_str()
            .unwrap()
            .contains("data import")
    );
    let note = json!({"EntityId": 1, "noteCategoryId": 1, "Text": "seen"});
    client.post("/api/items/1/notes", note).await.expect(201);
    let read = client.get("/api/items/1").await.expect(200).json();
    assert_eq!(
        (&read["notesAmount"], &read["notes"][0]["text"]),
        (&json!(1), &json!("seen"))
    );
    assert_eq!(
        client.get("/api/items/2").await.expect(404).json()["error"],
        Json::from("not_found")
    );
}

async fn a_row_of_history_counts_as_of_then(client: &mut Client) {
    let path = "/api/items/itemHistory?itemId=1&orderMethodAsc=true";
    let rows = client.get(path).await.expect(200).json();
    for (row, amount) in rows["data"].as_array().unwrap().iter().zip([1, 2]) {
        for whole in ["item", "entity"] {
            assert_eq!(row[whole]["historiesAmount"], amount, "{row}");
        }
    }
}

/// The name counts where no user is named; with the id 0 it was lost, and the caller stood in the chain.
#[tokio::test(flavor = "multi_thread")]
async fn who_returns_an_item_is_a_user_or_a_name() {
    let (_bed, mut client) = room_of_three().await;
    for (said, expected) in [
        (json!({"returnedById": 0, "returnedByName": "Bob"}), "Bob"),
        (json!({"returnedById": null, "returnedByName": "Bob"}), "Bob"),
        (json!({"returnedByName": "Bob"}), "Bob"),
        (
            json!({"returnedById": 1, "returnedByName": "Bob"}),
            "Pat administrator",
        ),
        (json!({"returnedById": 0}), "Pat administrator"),
    ] {
        let out = json!({"transaction": {"takenById": 1, "itemIds": [1]}});
        client.post("/api/CheckOuts/V2", out).await.expect(200);
        let mut transaction = said.clone();
        transaction["itemIds"] = json!([1]);
        let back = json!({"transaction": transaction});
        client.post("/api/CheckIns/V2", back).await.expect(200);
        let chain = client.get("/api/items/1/coc").await.expect(200).json();
        let last = chain.as_array().unwrap().last().unwrap();
        assert_eq!(last["issuedFrom"], expected, "{said}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn items_are_found_by_criteria_over_their_members_page_by_page() {
    let (_bed, mut client) = room_of_three().await;
    let out = json!({"transaction": {"takenById": 1, "itemIds": [2]}});
    client.post("/api/CheckOuts/V2", out).await.expect(200);
    let table = [
        (
            json!([{"fieldName": "Status", "searchCriteria": 0, "model": "checked out"}]),
            json!([2]),
        ),
        (
            json!([{"fieldName": "statusId", "searchCriteria": 1, "model": 2}]),
            json!([1, 3]),
        ),
        (
            json!([{"fieldName": "id", "searchCriteria": 17, "model": 2}, {"fieldName": "description", "searchCriteria": 25, "model": "ITEM"}]),
            json!([2, 3]),
        ),
        (
            json!([{"fieldName": "notesAmount", "searchCriteria": 15, "model": 0}]),
            json!([]),
        ),
        (
            json!([{"fieldName": "historiesAmount", "searchCriteria": 0, "model": 2}]),
            json!([2]),
        ),
    ];
    for (fields, expected) in table {
        let found = client
            .post("/api/items/search", json!({ "StaticFields": fields }))
            .await
            .expect(200)
            .json();
        let ids: Vec<&Json> = found["data"]
            .as_array()
            .unwrap()
            .iter()
            .map(|item| &item["id"])
            .collect();
        assert_eq!(
            (json!(ids), &found["count"]),
            (expected.clone(), &json!(expected.as_array().unwrap().len()))
        );
    }
    let second =
        json!({"orderBy": "id", "orderByAsc": false, "PageSize": 2, "PageNumber": 2, "OfficeIds": []});
    let found = client.post("/api/items/search", second).await.expect(200).json();
    assert_eq!((&found["count"], &found["data"][0]["id"]), (&json!(3), &json!(1)));
    // A page is of whole objects.
    assert_eq!(
        found["data"][0],
        client.get("/api/items/1").await.expect(200).json()
    );
    let elsewhere = client
        .post("/api/items/search", json!({"OfficeIds": [999]}))
        .await
        .expect(200)
        .json();
    assert_eq!(elsewhere["count"], 0);
}
