//! A pasted list held against everything.

use axum::http::Method;
use serde_json::{Value as Json, json};

use crate::support::testbox::{METRO, TestBox};
use crate::watch::make;

async fn screen_as(served: &TestBox, key: &str, data: Json) -> Json {
    let body = json!({ "data": data });
    let ask = TestBox::request(Method::POST, "/v1/watchlists/screen", Some(key), &[], Some(&body));
    served.send(ask).await.expect(200).json()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_row_is_told_with_what_the_caller_may_read() {
    let served = TestBox::start().await;
    let cleared = served.key_for(METRO, &["*", "cases:restricted"], &["query"]);
    let person =
        json!({"kind": "person", "display_name": "Stephen Marlowe", "attributes": {"dob": "1988-04-02"}});
    let person = make(&served, "entities", person).await;
    let vehicle = json!({"kind": "vehicle", "display_name": "Pickup", "attributes": {"plate": "KTR-4471"}});
    let vehicle = make(&served, "entities", vehicle).await;
    let hidden = json!({"data": {"title": "Steve Marlow again", "classification": "restricted"}});
    let hidden = TestBox::request(Method::POST, "/v1/cases", Some(&cleared), &[], Some(&hidden));
    let hidden = served.send(hidden).await.expect(201).data();

    let text = "Steve Marlow\nKTR 4471\n\n+1 207 555 0148\nNobody Known";
    let told = screen_as(&served, &served.key, json!({"text": text, "reason": "tip 12"})).await;
    let rows = told["data"].as_array().unwrap();
    let of = |row: &Json| {
        (
            row["row"].clone(),
            row["type"].clone(),
            row["hits"].as_array().unwrap().len(),
        )
    };
    assert_eq!(
        rows.iter().map(of).collect::<Vec<_>>(),
        [
            (json!(1), json!("name"), 1),
            (json!(2), json!("plate"), 1),
            (json!(3), json!("phone"), 0),
            (json!(4), json!("name"), 0),
        ]
    );
    assert_eq!(rows[0]["hits"][0]["id"], person["id"]);
    assert_eq!(rows[1]["hits"][0]["display_id"], vehicle["display_id"]);
    assert_eq!(rows[1]["hits"][0]["score"], json!(1.0));
    // Of the restricted case it tells nothing, not that it is there either.
    assert_eq!(told["meta"], json!({"hits": 2, "records": 2}));
    // Who is cleared is told of the restricted case too; who has no right to cases of neither.
    let told = screen_as(&served, &cleared, json!({"text": text})).await;
    let ids: Vec<&Json> = told["data"][0]["hits"]
        .as_array()
        .unwrap()
        .iter()
        .map(|hit| &hit["id"])
        .collect();
    assert!(
        ids.contains(&&hidden["id"]) && ids.contains(&&person["id"]),
        "{ids:?}"
    );
    let narrow = served.key_with(&["watchlists:read"]);
    let told = screen_as(&served, &narrow, json!({"text": text})).await;
    assert_eq!(told["meta"]["hits"], json!(0));
    let foreign = served.key_for("harbor", &["*"], &["query"]);
    assert_eq!(
        screen_as(&served, &foreign, json!({"text": text})).await["meta"]["hits"],
        json!(0)
    );

    // A table, and objects: a day of birth refutes.
    let table = "type,value,dob\nname,Stephen Marlowe,1988-04-02\nname,Stephen Marlowe,1950-01-31";
    let told = screen_as(&served, &served.key, json!({"text": table})).await;
    let hits: Vec<usize> = told["data"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| of(row).2)
        .collect();
    assert_eq!(hits, [1, 0]);
    let rows = json!([{"value": "S. Marlowe", "type": "name", "dob": "1988-04-02"}, "KTR-4471"]);
    let told = screen_as(&served, &served.key, json!({"rows": rows})).await;
    assert_eq!(told["meta"]["hits"], json!(2));
    let audit = served
        .get("/v1/audit?event=screen&limit=50")
        .await
        .expect(200)
        .data();
    assert!(audit.to_string().contains("tip 12"), "{audit}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_list_that_is_none_is_refused_with_what_is_wrong() {
    let served = TestBox::start().await;
    let long = "x\n".repeat(10_001);
    for (data, wrong) in [
        (json!({}), "text"),
        (json!({"text": ""}), "1 to 10000 rows"),
        (json!({"text": long}), "1 to 10000 rows"),
        (
            json!({"rows": [{"value": "x", "type": "colour"}]}),
            "data.rows[0].type",
        ),
        (
            json!({"rows": [{"value": "x y", "dob": "soon"}]}),
            "data.rows[0].dob",
        ),
        (json!({"rows": [{"value": " "}]}), "data.rows[0].value"),
        (json!({"rows": [7]}), "data.rows"),
        (json!({"text": "a", "colour": 1}), "data.colour"),
    ] {
        let refused = served.post("/v1/watchlists/screen", data).await.expect(400);
        assert!(
            refused.messages()[0].contains(wrong),
            "{wrong}: {:?}",
            refused.messages()
        );
    }
    let writer = served.key_with(&["cases:read"]);
    let body = json!({"data": {"text": "a b"}});
    let ask = TestBox::request(
        Method::POST,
        "/v1/watchlists/screen",
        Some(&writer),
        &[],
        Some(&body),
    );
    served.send(ask).await.expect(403);
}
