//! What is wrong, said to every route: an answer of the lane's own form, never a fault of the box, and nothing changed.

use axum::body::Body;
use axum::http::{Method, Request};
use blotter::domain::kind::CASE;
use blotter::lanes::safe::router::rows;
use serde_json::{Value as Json, json};

use super::{Client, agency, item, make};
use crate::support::testbox::{METRO, TestBox};

/// Names that routes read, each with a value of a kind that it is not.
fn twisted(value: &Json) -> Json {
    const NAMES: &str = "transaction itemIds takenById reasonId notes locationId transferredToId methodId sigdata \
        expectedReturnDate description categoryId tags formData recoveryLocation recoveryLocationLatitude updatedDateTime \
        caseNumber caseOfficerIds caseOfficerId offenseTypeId offenseDate offenseLocation active officeId person firstName \
        lastName businessName raceId genderId dob email driverLicence personId typeId address mobilePhone groups \
        organizationId StaticFields OfficeIds PageSize PageNumber orderBy orderByAsc text noteCategoryId entityId";
    let names = NAMES.split_whitespace();
    Json::Object(names.map(|name| (name.to_owned(), value.clone())).collect())
}

fn bodies() -> Vec<String> {
    let deep = format!("{}1{}", "[".repeat(5_000), "]".repeat(5_000));
    let values = [
        json!(-1),
        json!(1.5),
        json!(u64::MAX),
        json!("\u{0}\u{202e}"),
        json!("x".repeat(70_000)),
        json!([{}, [], null, -1, "a"]),
        json!({"itemIds": ["a", {}], "data": 1, "fieldName": 1, "name": [], "schema": null}),
        json!(true),
        json!([{"data": "{", "formId": -1}, {"fieldName": "id", "searchCriteria": 8, "model": "x"}]),
        json!({"itemIds": [i64::MAX, i64::MIN, 0, -1], "takenById": i64::MIN, "locationId": i64::MAX}),
    ];
    let twisted = values.iter().map(|value| twisted(value).to_string());
    let plain = [
        "[]",
        "null",
        "1",
        "\"x\"",
        "{",
        "{\"a\":1,\"a\":2}",
        "\u{feff}{}",
        "not json",
        &deep,
    ];
    twisted.chain(plain.map(str::to_owned)).collect()
}

/// Reads of what can't be.
const READS: &[&str] = &[
    "/api/items/seqOrgID/-1",
    "/api/items/seqOrgID/99999999999999999999",
    "/api/items/seqOrgID/x",
    "/api/items/seqOrgID/1?take=0",
    "/api/items/seqOrgID/9223372036854775807?take=500",
    "/api/items/%ff%fe",
    "/api/items/%zz/coc",
    "/api/items/itemHistory?itemId=1&skip=9223372036854775807&top=501",
    "/api/items/itemHistory?itemId=1&orderBy=Name",
    "/api/items/getByLocationBarcode",
    "/api/forms?formType=Cars",
    "/api/cases/getByNumber",
    "/api/people/isemailalreadyinuse/%00",
    "/api/people/typeahead?search=%00%ff",
    "/odata/users?$top=-1&$skip=x&$filter=)(&$orderby=%00",
    "/api//items/1",
    "/api/",
];

#[tokio::test(flavor = "multi_thread")]
async fn nonsense_gets_an_answer_and_changes_nothing() {
    let bed = TestBox::start().await;
    let token = agency(&bed, METRO, (7, 3), "administrator");
    let case = make(bed.services(), &bed.owner(), &CASE, json!({"title": "Burglary"}));
    item(&bed, &case, "a drill");
    let mut client = Client::with(&bed, &token, (7, 3)).await;
    let before = client.get("/api/items/1").await.expect(200).json();
    let mut connection = bed.connect().await;
    let head = |method: &Method, path: &str| {
        let request = Request::builder()
            .method(method.clone())
            .uri(path)
            .header("host", "localhost");
        let request = request.header("authorization", format!("Bearer {token}"));
        let request = request
            .header("content-type", "application/json")
            .header("statictoken", "True");
        request.header("ORGANIZATIONID", "7").header("officeid", "3")
    };
    for row in rows().iter().filter(|row| row.method != Method::GET) {
        let path = row.path.replace("{id}", "1");
        for body in bodies() {
            let shown: String = body.chars().take(80).collect();
            let request = head(&row.method, &path).body(Body::from(body)).unwrap();
            let answer = connection.send(request).await;
            assert!(
                answer.status < 500,
                "{} {path} {shown}: {}",
                row.method,
                answer.status
            );
            if answer.status >= 400 {
                let told = answer.json();
                assert!(
                    told["error"].is_string() && told["error_description"].is_string(),
                    "{path}: {told}"
                );
            }
        }
    }
    // What is off is off whatever is sent, and nothing is no object that was read.
    for (method, path, body, status) in [
        (Method::POST, "/api/items", "not json", 405),
        (Method::POST, "/api/items", "{}", 405),
        (Method::PUT, "/api/items/1", "", 400),
        (Method::PUT, "/api/cases/1", "", 400),
    ] {
        let request = head(&method, path).body(Body::from(body)).unwrap();
        let answer = connection.send(request).await;
        assert_eq!(answer.status, status, "{method} {path} {body}");
    }
    for path in READS {
        let request = head(&Method::GET, path).body(Body::empty()).unwrap();
        let answer = connection.send(request).await;
        assert!(answer.status < 500, "{path}: {}", answer.status);
    }
    let mut after = client.get("/api/items/1").await.expect(200).json();
    // A note is no nonsense: any text is one.
    for name in ["notes", "notesAmount"] {
        after[name] = before[name].clone();
    }
    assert_eq!(after, before);
}
