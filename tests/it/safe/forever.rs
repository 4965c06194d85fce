//! Numbers once given: over rebuilds, over what is hidden, and over what a court has destroyed.

use axum::http::Method;
use blotter::domain::kind::CASE;
use serde_json::{Value as Json, json};

use super::{Client, agency, item, make};
use crate::court::faults;
use crate::support::testbox::{METRO, TestBox};

fn stub(number: u64) -> Json {
    json!({"id": number, "sequentialOrgId": number, "isForbidden": true})
}

#[tokio::test(flavor = "multi_thread")]
async fn who_may_not_see_an_item_gets_a_stub_under_its_number() {
    let bed = TestBox::start().await;
    let mut chief = Client::new(&bed).await;
    let officer = agency(&bed, METRO, (7, 3), "officer");
    let mut officer = Client::with(&bed, &officer, (7, 3)).await;
    let (services, owner) = (bed.services(), bed.owner());
    let open = make(services, &owner, &CASE, json!({"title": "Open"}));
    let closed = make(
        services,
        &owner,
        &CASE,
        json!({"title": "Informant", "classification": "restricted"}),
    );
    for (case, name) in [(&open, "one"), (&closed, "two"), (&open, "three")] {
        item(&bed, case, name);
    }
    for path in ["/api/items/seqOrgID/2", "/api/items/2"] {
        assert_eq!(officer.get(path).await.expect(200).json(), stub(2));
        assert_eq!(chief.get(path).await.expect(200).json()["description"], "two");
    }
    let all = officer
        .get("/api/items/seqOrgID/1?take=9")
        .await
        .expect(200)
        .json();
    let whole: Vec<bool> = all
        .as_array()
        .unwrap()
        .iter()
        .map(|item| item.get("description").is_some())
        .collect();
    assert_eq!(whole, [true, false, true]);
    let change = officer
        .get("/api/items/seqOrgItemHistoryId/2")
        .await
        .expect(200)
        .json();
    assert_eq!(change["item"][0]["item"], stub(2));
    assert_eq!(change["item"][0]["seqOrgItemHistoryId"], 2);
    officer.get("/api/items/2/coc").await.expect(404);
    officer.get("/api/cases/2").await.expect(404);
    let hits = officer
        .post("/api/items/search", json!({}))
        .await
        .expect(200)
        .json();
    assert_eq!(hits["count"], 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_court_destroyed_keeps_its_number_and_moves_no_other() {
    let bed = TestBox::start().await;
    let mut client = Client::new(&bed).await;
    let case = make(bed.services(), &bed.owner(), &CASE, json!({"title": "Burglary"}));
    for number in 1..=4 {
        item(&bed, &case, &format!("item {number}"));
    }
    let key = bed.key_with(&["records:expunge", "evidence:read", "cases:restricted"]);
    let order = json!({"data": {"order": "4 Ds 113/26", "reason": "acquitted"}});
    for display in ["EVD-0002", "EVD-0001"] {
        let path = format!("/v1/evidence/{display}/expunge");
        let request = TestBox::request(Method::POST, &path, Some(&key), &[], Some(&order));
        bed.send(request).await.expect(201);
    }
    let mut read = Vec::new();
    for _ in 0..2 {
        let items = client
            .get("/api/items/seqOrgID/1?take=10")
            .await
            .expect(200)
            .json();
        assert_eq!((&items[0], &items[1]), (&stub(1), &stub(2)));
        let of_case = |place: usize| items[place]["sequentialCaseId"].clone();
        assert_eq!((of_case(2), of_case(3)), (json!("3"), json!("4")));
        read.push(items);
        // A fold from nothing, without what was destroyed, gives the same numbers.
        assert_eq!(faults(bed.services(), bed.desk().folder()), [""; 0]);
        bed.services().store().rebuild_views(&mut |_, _| {}).unwrap();
    }
    assert_eq!(read[0], read[1]);
    item(&bed, &case, "item 5");
    let last = client.get("/api/items/seqOrgID/5").await.expect(200).json();
    assert_eq!((&last["sequentialCaseId"], &last["id"]), (&json!("5"), &json!(5)));
    assert_eq!(
        client.get("/api/items/seqOrgID/6").await.expect(200).json(),
        Json::Null
    );
    let change = client
        .get("/api/items/seqOrgItemHistoryId/1")
        .await
        .expect(200)
        .json();
    assert_eq!(change["item"][0]["item"], stub(1));
}
