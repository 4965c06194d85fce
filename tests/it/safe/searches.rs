//! Searches by members that have rows of their own find what a look at everything finds; what the record tells of an item's
//! persons and of who may read a case.

use blotter::domain::kind::{CASE, ENTITY, EVIDENCE, LOCATION, OFFICE};
use serde_json::{Value as Json, json};

use super::{Client, agency, make};
use crate::support::testbox::{METRO, TestBox};

/// The ids that a search finds, by their number.
async fn found(client: &mut Client, kind: &str, fields: &Json) -> Vec<i64> {
    let body = json!({"StaticFields": fields, "PageSize": 500});
    let told = client.post(&format!("/api/{kind}/search"), body).await;
    let told = told.expect(200).json();
    let ids: Vec<i64> = told["data"]
        .as_array()
        .unwrap()
        .iter()
        .map(|object| object["id"].as_i64().unwrap())
        .collect();
    assert_eq!(told["count"], ids.len(), "{fields}");
    ids
}

/// Cases 1 to 3, items 1 to 6, persons 1 to 4 and a car, each a minute after the other.
async fn room() -> (TestBox, Client) {
    let bed = TestBox::start().await;
    let client = Client::new(&bed).await;
    let owner = bed.owner();
    let new = |kind, json| {
        bed.desk().clock.advance(60_000);
        make(bed.services(), &owner, kind, json).id.to_string()
    };
    let harbor = new(&OFFICE, json!({"name": "Harbor", "number": 9}));
    let shelf = new(&LOCATION, json!({"name": "Shelf"}));
    let mut cases = Vec::new();
    for (offense, office) in [("Theft", None), ("theft", Some(&harbor)), ("Keying", None)] {
        let mut case = json!({"title": "x", "offense_type": offense});
        if let Some(office) = office {
            case["office_id"] = office.as_str().into();
        }
        cases.push(new(&CASE, case));
    }
    for (place, (category, case)) in ["Weapon", "weapon", "Rope", "", "Rope", "Other"]
        .into_iter()
        .zip([0, 0, 1, 1, 2, 2])
        .enumerate()
    {
        let mut item =
            json!({"case_id": cases[case], "type": "physical", "description": format!("item {place}")});
        if !category.is_empty() {
            item["category"] = category.into();
        }
        if place % 2 == 0 {
            item["location_id"] = shelf.as_str().into();
        }
        new(&EVIDENCE, item);
    }
    for (first, last) in [("Ada", "Moss"), ("Ben", "Mossman"), ("Cy", "Moss"), ("Di", "Roe")] {
        let attributes =
            json!({"first_name": first, "last_name": last, "email": format!("{first}@x.example")});
        let name = format!("{first} {last}");
        new(
            &ENTITY,
            json!({"kind": "person", "display_name": name, "attributes": attributes}),
        );
    }
    new(&ENTITY, json!({"kind": "vehicle", "display_name": "Moss"}));
    (bed, client)
}

/// A criterion of a kind of object: member, id and model; and what it finds.
type Row = (&'static str, &'static str, i64, Json, Vec<i64>);

async fn table(client: &mut Client) -> Vec<Row> {
    let item = client.get("/api/items/4").await.expect(200).json();
    let rope = client.get("/api/items/3").await.expect(200).json()["categoryId"].clone();
    let case = client.get("/api/cases/2").await.expect(200).json();
    vec![
        ("items", "id", 0, json!(4), vec![4]),
        ("items", "SqlId", 0, json!("4"), vec![4]),
        ("items", "id", 0, json!("04"), vec![]),
        ("items", "id", 0, json!(40), vec![]),
        ("items", "primaryCaseId", 0, json!(2), vec![3, 4]),
        ("items", "primaryCaseId", 0, json!(20), vec![]),
        ("items", "cases", 0, json!(3), vec![5, 6]),
        ("items", "LOCATIONID", 0, json!(1), vec![1, 3, 5]),
        ("items", "locationId", 0, json!(""), vec![2, 4, 6]),
        ("items", "category", 0, json!("WEAPON"), vec![1, 2]),
        ("items", "category", 2, json!("ro"), vec![3, 5]),
        ("items", "category", 0, json!(""), vec![4]),
        ("items", "categoryId", 0, rope, vec![3, 5]),
        ("items", "dateCreated", 7, item["dateCreated"].clone(), vec![5, 6]),
        (
            "items",
            "dateCreated",
            6,
            item["dateCreated"].clone(),
            vec![1, 2, 3],
        ),
        ("items", "dateCreated", 13, item["dateCreated"].clone(), vec![4]),
        ("items", "updatedDateTime", 12, json!(1), vec![1, 2, 3, 4, 5, 6]),
        ("items", "updatedDateTime", 11, json!(1), vec![]),
        ("items", "dateCreated", 6, json!("1970-01-01"), vec![]),
        ("cases", "id", 0, json!(2), vec![2]),
        ("cases", "offenseType", 0, json!("theft"), vec![1, 2]),
        (
            "cases",
            "offenseTypeId",
            0,
            case["offenseTypeId"].clone(),
            vec![2],
        ),
        ("cases", "officeId", 0, json!(9), vec![2]),
        ("cases", "caseNumber", 0, json!("inv-2026-0002"), vec![2]),
        ("cases", "caseNumber", 2, json!("INV-2026"), vec![1, 2, 3]),
        ("cases", "CaseNumber", 25, json!("-0003"), vec![3]),
        ("cases", "caseNumber", 25, json!("-0009"), vec![]),
        ("cases", "caseOfficer", 0, json!("nobody"), vec![]),
        (
            "items",
            "primaryCaseNumber",
            0,
            json!("INV-2026-0002"),
            vec![3, 4],
        ),
        (
            "items",
            "primaryCaseNumber",
            25,
            json!("000"),
            vec![1, 2, 3, 4, 5, 6],
        ),
        ("items", "category", 25, json!("EAP"), vec![1, 2]),
        ("items", "category", 25, json!(""), vec![1, 2, 3, 4, 5, 6]),
        ("people", "lastName", 25, json!("oss"), vec![1, 2, 3]),
        ("people", "email", 25, json!("N@x"), vec![2]),
        ("cases", "createdDate", 7, case["createdDate"].clone(), vec![3]),
        ("people", "lastName", 0, json!("moss"), vec![1, 3]),
        ("people", "lastName", 2, json!("MOSS"), vec![1, 2, 3]),
        ("people", "email", 0, json!("di@X.example"), vec![4]),
        ("people", "driverLicence", 0, json!("D-1"), vec![]),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn members_with_rows_find_what_a_look_at_everything_finds() {
    let (_bed, mut client) = room().await;
    for (kind, field, criterion, model, expected) in table(&mut client).await {
        let one = json!({"fieldName": field, "searchCriteria": criterion, "model": model});
        assert_eq!(found(&mut client, kind, &json!([one])).await, expected, "{one}");
        // Whatever holds for a record is asked all the same, also of another criterion that has rows.
        let odd = json!({"fieldName": "id", "searchCriteria": 1, "model": expected.first()});
        let rest: Vec<i64> = expected.iter().skip(1).copied().collect();
        assert_eq!(found(&mut client, kind, &json!([one, odd])).await, rest, "{one}");
        let first = json!({"fieldName": "id", "searchCriteria": 0, "model": expected.first()});
        let alone: Vec<i64> = expected.iter().take(1).copied().collect();
        assert_eq!(
            found(&mut client, kind, &json!([first, one])).await,
            alone,
            "{one}"
        );
    }
    // Also where rows name nothing a member that is none is named.
    let fields = json!([{"fieldName": "id", "searchCriteria": 0, "model": 99}, {"fieldName": "hue", "searchCriteria": 0, "model": 1}]);
    let told = client
        .post("/api/items/search", json!({ "StaticFields": fields }))
        .await;
    assert!(told.expect(400).json()["fields"]["StaticFields[1].fieldName"].is_string());
}

/// A search that had no rows read every record of the kind, whatever it found.
#[tokio::test(flavor = "multi_thread")]
async fn what_rows_name_is_all_that_is_read() {
    let (bed, mut client) = room().await;
    for (kind, field, criterion, reads_all) in [
        ("items", "description", 25, true),
        ("items", "description", 0, true),
        ("items", "category", 1, true),
        ("items", "category", 25, false),
        ("items", "primaryCaseNumber", 0, false),
        ("items", "primaryCaseNumber", 25, false),
        ("cases", "caseNumber", 0, false),
        ("cases", "caseNumber", 2, false),
        ("cases", "caseNumber", 25, false),
        ("cases", "caseOfficers", 25, false),
        ("people", "lastName", 25, false),
        ("people", "firstName", 25, true),
    ] {
        let one = json!({"fieldName": field, "searchCriteria": criterion, "model": "no such"});
        let none = json!({"fieldName": "id", "searchCriteria": 14, "model": 0});
        let before = bed.services().work().records();
        let nothing = found(&mut client, kind, &json!([one, none])).await;
        assert_eq!(nothing, Vec::<i64>::new(), "{one}");
        let read = bed.services().work().records() - before;
        // To know the members the first record is looked at, and what it names.
        let all = if kind == "cases" { 3 } else { 4 };
        assert_eq!(read > all, reads_all, "{one}: {read} records were read");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn items_name_the_persons_they_went_to_and_restricted_cases_those_who_may_read_them() {
    let (bed, mut client) = room().await;
    let case = client.get("/api/cases/1").await.expect(200).json();
    assert_eq!(
        (&case["permissions"], &case["permissionAmount"]),
        (&Json::Null, &json!(0))
    );
    let user = client.get("/api/users/1").await.expect(200).json();
    let owner = bed.owner();
    let restricted = json!({"title": "y", "classification": "restricted", "officers": [user["guid"]]});
    make(bed.services(), &owner, &CASE, restricted);
    let case = client.get("/api/cases/4").await.expect(200).json();
    assert_eq!(case["permissionAmount"], 1);
    assert_eq!(case["permissions"], json!([{"userId": 1, "user": user["name"]}]));

    // A word that hidden cases alone have is in no list; the number of it opens nothing.
    let offense =
        |word: &str, class: &str| json!({"title": "z", "classification": class, "offense_type": word});
    let (hidden, open) = ("Bribery in precinct 9", "Poaching");
    for (word, class) in [(hidden, "sealed"), (open, "sealed"), (open, "open")] {
        make(bed.services(), &owner, &CASE, offense(word, class));
    }
    let officer = agency(&bed, METRO, (7, 3), "officer");
    let mut officer = Client::with(&bed, &officer, (7, 3)).await;
    let told = officer.get("/api/offensetypes").await.expect(200).json();
    let names: Vec<&str> = told
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|row| row["name"].as_str())
        .collect();
    assert!(names.contains(&open) && !names.contains(&hidden), "{names:?}");

    let item = client.get("/api/items/1").await.expect(200).json();
    assert_eq!((&item["people"], &item["peopleIds"]), (&Json::Null, &Json::Null));
    let ada = client.get("/api/people/1").await.expect(200).json();
    let path = format!("/v1/evidence/{}/custody", item["barcode"].as_str().unwrap());
    let chain = bed.get(&path).await.expect(200).data();
    let mut back =
        json!({"action": "returned", "to": "Ada Moss", "to_id": "nobody", "follows": chain["follows"]});
    let refused = bed.post(&path, back.clone()).await.expect(400);
    assert!(refused.messages()[0].starts_with("data.to_id"));
    back["to_id"] = ada["guid"].clone();
    bed.post(&path, back).await.expect(201);
    let item = client.get("/api/items/1").await.expect(200).json();
    assert_eq!(item["peopleIds"], json!([1]));
    assert_eq!(item["peopleNames"], json!(["Ada Moss"]));
    assert_eq!(item["peopleGuids"], json!([ada["guid"]]));
    assert_eq!(item["people"], json!([ada]));
}
