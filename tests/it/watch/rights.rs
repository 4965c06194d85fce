//! Deconfliction: the two sides of a match learn of each other, not of what the other one may not show.

use axum::http::Method;
use serde_json::{Value as Json, json};

use crate::support::testbox::{METRO, TestBox};
use crate::watch::{alerts, events, list, make, settle};

/// Made by a key that is cleared.
async fn make_as(served: &TestBox, key: &str, plural: &str, data: Json) -> Json {
    let body = json!({ "data": data });
    let ask = TestBox::request(
        Method::POST,
        &format!("/v1/{plural}"),
        Some(key),
        &[],
        Some(&body),
    );
    served.send(ask).await.expect(201).data()
}

fn cleared(served: &TestBox) -> String {
    served.key_for(METRO, &["*", "cases:restricted"], &["query", "events"])
}

async fn office(served: &TestBox) -> Json {
    make(served, "offices", json!({"name": "Waterfront Station"})).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_owner_of_a_list_learns_that_a_restricted_case_matched_and_whom_to_ask() {
    let served = TestBox::start().await;
    let inside = cleared(&served);
    let wanted = list(&served, json!([{"type": "plate", "value": "KTR-4471"}])).await;
    let office = office(&served).await;
    let case = json!({"title": "Quiet", "classification": "restricted", "office_id": office["id"]});
    let case = make_as(&served, &inside, "cases", case).await;
    let item = json!({"case_id": case["id"], "type": "photo", "description": "Photo of pickup KTR 4471 at berth nine"});
    let item = make_as(&served, &inside, "evidence", item).await;

    // Who may not read the case: one alert about the list, with no word of the case but whom to ask.
    let outside = alerts(&served, &served.key).await;
    assert_eq!(outside.len(), 1, "{outside:#?}");
    let told = &outside[0];
    assert_eq!(
        (&told["record_id"], &told["entry"]),
        (&wanted["id"], &json!("KTR-4471"))
    );
    assert_eq!(told["contact"], json!("Waterfront Station"));
    let hidden = [
        item["id"].as_str().unwrap(),
        item["display_id"].as_str().unwrap(),
        case["id"].as_str().unwrap(),
        case["display_id"].as_str().unwrap(),
        "berth",
        "Quiet",
    ];
    let heard = events(&served, &served.key, "").await;
    let search = served
        .get("/v1/search?q=pickup&consistency=wait")
        .await
        .expect(200)
        .json();
    let said = format!("{told}{}{search}", json!(heard));
    for word in hidden {
        assert!(!said.contains(word), "{word} is told: {said}");
    }
    let types = |events: &[Json]| -> Vec<String> {
        let types = events
            .iter()
            .map(|event| event["eventType"].as_str().unwrap().to_owned());
        types
            .filter(|name| name.contains("alert") || name.contains("watchlist"))
            .collect()
    };
    assert_eq!(types(&heard), ["watchlist.matched"]);
    let total = served.get("/v1/alerts?limit=1").await.expect(200).json();
    assert_ne!(total["meta"]["total"], json!(2));

    // Who may read it: the alert about the item too, with all that matched, and the event of the case.
    let both = alerts(&served, &inside).await;
    assert_eq!(both.len(), 2);
    let own = both
        .iter()
        .find(|alert| alert["record_id"] == item["id"])
        .unwrap();
    assert_eq!(own["contact"], json!("Desk of Okafor, ext. 12"));
    assert!(own["reason"].as_str().unwrap().contains("KTR 4471"), "{own}");
    let mut heard = types(&events(&served, &inside, "").await);
    heard.sort();
    assert_eq!(
        heard,
        [
            "case.alert.priority_raised",
            "watchlist.matched",
            "watchlist.matched"
        ]
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_owner_of_a_case_learns_that_a_restricted_list_matched_and_whom_to_ask() {
    let served = TestBox::start().await;
    let inside = cleared(&served);
    let wanted = json!({
        "name": "Informants' debts", "purpose": "Covert", "owner": "Special unit, ext. 7", "classification": "restricted",
        "severity": "critical", "handling": "Call before you act.", "entries": [{"type": "name", "value": "Stephen Marlowe"}],
    });
    let wanted = make_as(&served, &inside, "watchlists", wanted).await;
    let path = format!("/v1/watchlists/{}", wanted["id"].as_str().unwrap());
    served.get(&path).await.expect(404);
    let person = make(
        &served,
        "entities",
        json!({"kind": "person", "display_name": "Steve Marlow"}),
    )
    .await;
    let case = json!({"title": "Open", "entities": [{"entity_id": person["id"], "role": "suspect"}]});
    make(&served, "cases", case).await;

    let outside = alerts(&served, &served.key).await;
    assert_eq!(outside.len(), 1, "{outside:#?}");
    let told = &outside[0];
    assert_eq!(told["record_id"], person["id"]);
    assert_eq!(told["handling"], json!("Call before you act."));
    assert_eq!(told["contact"], json!("Special unit, ext. 7"));
    assert_eq!(told["entry"], json!(null));
    let heard = events(&served, &served.key, "").await;
    let said = format!("{told}{}", json!(heard));
    for word in ["Stephen", "Informants", "Covert", "WL-0001"] {
        assert!(!said.contains(word), "{word} is told: {said}");
    }
    let types: Vec<&str> = heard
        .iter()
        .map(|event| event["eventType"].as_str().unwrap())
        .collect();
    assert!(types.contains(&"case.alert.priority_raised"), "{types:?}");
    // Who reads the list is told the entry and the record, which is open to all.
    let both = alerts(&served, &inside).await;
    let own = both
        .iter()
        .find(|alert| alert["record_id"] == wanted["id"])
        .unwrap();
    assert!(own["reason"].as_str().unwrap().contains("Steve Marlow"), "{own}");
    assert_eq!(own["counterpart"], told["id"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_a_sealed_case_only_the_administrators_are_named() {
    let served = TestBox::start().await;
    list(&served, json!([{"type": "text", "value": "amber lantern"}])).await;
    let administrator = served.owner();
    let write = |title: &str| {
        let input = json!({"title": title, "classification": "sealed", "office_id": null});
        let blotter::domain::value::Value::Map(input) = input.into() else {
            unreachable!()
        };
        let made = served
            .services()
            .create(&administrator, &blotter::domain::kind::CASE, input, None);
        made.unwrap().first().unwrap().id
    };
    let sealed = write("The amber lantern");
    settle(&served).await;
    let told = alerts(&served, &served.key).await;
    assert_eq!(told.len(), 1);
    assert_eq!(told[0]["contact"], json!("an administrator of the agency"));
    assert!(!told[0].to_string().contains(&sealed.to_string()));
}
