//! What a client sends is kept, or refused by its name: nothing is lost in silence, and every fault is told at once.

use blotter::domain::kind::{CASE, ENTITY, LOCATION};
use blotter::services::safe::SafeOptions;
use serde_json::{Value as Json, json};

use super::{Client, item, make};
use crate::reports::{parted, upload};
use crate::support::testbox::{TestBox, plenty};

/// Sends an object back with one member changed.
async fn put(client: &mut Client, path: &str, name: &str, value: Json, status: u16) -> Json {
    let mut read = client.get(path).await.expect(200).json();
    read[name] = value;
    let told = client.put(path, read).await;
    assert_eq!(told.status, status, "{name}: {}", told.json());
    told.json()
}

/// A change that is refused names its member.
async fn refused(client: &mut Client, path: &str, name: &str, value: Json) {
    let told = put(client, path, name, value, 400).await;
    assert!(told["fields"][name].is_string(), "{name}: {told}");
}

fn person(json: &Json) -> Json {
    let mut person = json!({"raceId": 1, "genderId": 1});
    for (name, value) in json.as_object().unwrap() {
        person[name] = value.clone();
    }
    person
}

fn theft(number: &str) -> Json {
    json!({"caseNumber": number, "caseOfficerIds": [1], "offenseType": "Theft", "formData": [], "tags": []})
}

#[tokio::test(flavor = "multi_thread")]
async fn notes_of_a_body_are_written_once() {
    let bed = TestBox::start().await;
    let mut client = Client::new(&bed).await;
    let ada = person(&json!({"firstName": "Ada", "lastName": "Moss", "notes": "polite"}));
    let made = client.post("/api/people", ada).await.expect(201).json();
    assert_eq!(
        (&made["notesAmount"], &made["notes"][0]["text"]),
        (&json!(1), &json!("polite"))
    );
    let mut case = theft("1");
    case["notes"] = json!([{"noteCategoryId": 1, "text": "opened"}, "by phone"]);
    let made = client.post("/api/cases", case).await.expect(201).json();
    assert_eq!(made["notesAmount"], 2);
    let case = make(bed.services(), &bed.owner(), &CASE, json!({"title": "Burglary"}));
    item(&bed, &case, "a drill");
    for path in ["/api/people/1", "/api/cases/1", "/api/items/1"] {
        let read = client.get(path).await.expect(200).json();
        let mut notes = read["notes"].as_array().cloned().unwrap_or_default();
        let before = notes.len();
        notes.push(json!({"noteCategoryId": 0, "text": "seen again"}));
        let told = put(&mut client, path, "notes", json!(notes), 200).await;
        assert_eq!(told["notesAmount"], before + 1, "{path}");
        // What was read, an empty list, and a text that is there already add nothing.
        for notes in [told["notes"].clone(), json!([]), Json::Null, json!("seen again")] {
            let told = put(&mut client, path, "notes", notes, 200).await;
            assert_eq!(told["notesAmount"], before + 1, "{path}");
        }
        let mut notes = told["notes"].clone();
        notes[before]["text"] = "not seen".into();
        let told = put(&mut client, path, "notes", notes, 400).await;
        assert!(
            told["fields"][format!("notes[{before}].text")].is_string(),
            "{told}"
        );
        refused(&mut client, path, "notes", json!(5)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_business_stands_beside_a_persons_names_and_makes_no_two() {
    let bed = TestBox::start().await;
    let mut client = Client::new(&bed).await;
    let acme =
        |first: &str| person(&json!({"firstName": first, "lastName": "Roe", "businessName": "Acme X"}));
    let made = client.post("/api/people", acme("Ada")).await.expect(201).json();
    assert_eq!(
        (&made["businessName"], &made["name"], &made["lastName"]),
        (&json!("Acme X"), &json!("Ada Roe"), &json!("Roe"))
    );
    let clash = client.post("/api/people", acme("Ben")).await.expect(409).json();
    assert_eq!(
        (&clash["error"], &clash["existing"]),
        (&json!("duplicate_person"), &json!([1]))
    );
    let half = person(&json!({"firstName": "Q", "businessName": "Q Company"}));
    let half = client.post("/api/people", half).await.expect(201).json();
    assert_eq!(
        (&half["businessName"], &half["firstName"]),
        (&json!("Q Company"), &json!("Q"))
    );
    let told = put(
        &mut client,
        "/api/people/2",
        "businessName",
        json!("Q & Sons"),
        200,
    )
    .await;
    assert_eq!(
        (&told["businessName"], &told["name"]),
        (&json!("Q & Sons"), &json!("Q"))
    );
    put(&mut client, "/api/people/2", "businessName", json!("acme x"), 409).await;
    let firm = client
        .post("/api/people", person(&json!({"businessName": "Moss & Co"})))
        .await
        .expect(201)
        .json();
    assert_eq!(firm["name"], "Moss & Co");
    let told = put(&mut client, "/api/people/3", "lastName", json!("Moss"), 200).await;
    assert_eq!(
        (&told["lastName"], &told["name"], &told["businessName"]),
        (&json!("Moss"), &json!("Moss & Co"), &json!("Moss & Co"))
    );
    refused(&mut client, "/api/people/3", "businessName", Json::Null).await;
    // Who has a whole name keeps its other part when one is changed.
    let whole = json!({"kind": "person", "display_name": "Cy Poe"});
    make(bed.services(), &bed.owner(), &ENTITY, whole);
    let told = client.put("/api/people/4", json!({"lastName": "Doe"})).await;
    let told = told.expect(200).json();
    assert_eq!(
        (&told["firstName"], &told["name"]),
        (&json!("Cy"), &json!("Cy Doe"))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_licence_is_taken_away_and_never_anothers() {
    let bed = TestBox::start().await;
    let mut client = Client::new(&bed).await;
    let ids = json!([{"type": "passport", "value": "P-9"}, {"type": "driver-licence", "value": "D-1"}]);
    let ada = json!({"kind": "person", "display_name": "Ada Moss", "attributes": {"identifiers": ids, "dob": "1980-01-31"}});
    make(bed.services(), &bed.owner(), &ENTITY, ada);
    let ben = person(&json!({"firstName": "Ben", "lastName": "Moss", "dob": "1980-01-31"}));
    client.post("/api/people", ben).await.expect(201);
    let clash = put(&mut client, "/api/people/2", "driverLicence", json!("d-1"), 409).await;
    assert_eq!(
        (&clash["error"], &clash["existing"]),
        (&json!("duplicate_person"), &json!([1]))
    );
    put(&mut client, "/api/people/2", "firstName", json!("Ada"), 409).await;
    let mut read = client.get("/api/people/2").await.expect(200).json();
    read["driverLicence"] = "D-1".into();
    client
        .put("/api/people/2?allowDuplicate=true", read)
        .await
        .expect(200);
    // One who is another's double by leave is changed in other members all the same.
    put(&mut client, "/api/people/2", "alias", json!("Benny"), 200).await;
    let told = put(&mut client, "/api/people/1", "driverLicence", Json::Null, 200).await;
    assert_eq!(told["driverLicence"], Json::Null);
    let own = bed.get("/v1/entities").await.expect(200).data();
    let ada = own
        .as_array()
        .unwrap()
        .iter()
        .find(|one| one["display_name"] == "Ada Moss");
    assert_eq!(
        ada.unwrap()["attributes"]["identifiers"],
        json!([{"type": "passport", "value": "P-9"}])
    );
    for (name, value) in [
        ("name", json!("X")),
        ("userId", json!(4)),
        ("isDeleted", json!(true)),
        ("race", json!("X")),
        ("defaultAddress", json!(4)),
    ] {
        refused(&mut client, "/api/people/1", name, value).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_item_changes_as_said_or_says_why_not() {
    let bed = TestBox::start().await;
    let mut client = Client::new(&bed).await;
    let case = make(bed.services(), &bed.owner(), &CASE, json!({"title": "Burglary"}));
    item(&bed, &case, "a drill");
    let path = "/api/items/1";
    let forms = json!([{"formId": 0, "data": "{\"colour\": \"red\"}"}]);
    for (name, value, emptied) in [
        ("categoryId", json!(6), Json::Null),
        ("tags", json!([{"tagModelId": 1, "name": "tool"}]), Json::Null),
        ("formData", forms, Json::Null),
        ("make", json!("Bosch"), Json::Null),
    ] {
        let told = put(&mut client, path, name, value, 200).await;
        assert!(!told[name].is_null(), "{name}: {told}");
        let told = put(&mut client, path, name, emptied, 200).await;
        assert!(told[name].is_null(), "{name}: {told}");
    }
    // What else is filled in goes, and what is a member of its own stays.
    put(&mut client, path, "make", json!("Bosch"), 200).await;
    let told = put(&mut client, path, "formData", json!([]), 200).await;
    assert_eq!(told["make"], "Bosch");
    let day = json!("2020-01-01T00:00:00Z");
    for (name, value) in [
        ("barcodes", json!(["X-1"])),
        ("recoveryDate", day),
        ("recoveredById", json!(1)),
        ("submittedById", json!(99)),
        ("custodianId", json!(99)),
        ("currentOfficeId", json!(99)),
        ("parentItemId", json!(1)),
        ("category", json!("Rope")),
        ("statusId", Json::Null),
        ("primaryCaseId", Json::Null),
    ] {
        refused(&mut client, path, name, value).await;
    }
    // Nothing, written in another way, is no change.
    for (name, value) in [
        ("parentItemId", json!(0)),
        ("recoveryLocation", json!("")),
        ("childItems", json!([])),
    ] {
        put(&mut client, path, name, value, 200).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_case_is_restricted_where_a_client_says_so() {
    let bed = TestBox::start().await;
    let mut client = Client::new(&bed).await;
    client.post("/api/cases", theft("1")).await.expect(201);
    let path = "/api/cases/1";
    let told = put(&mut client, path, "isRestricted", json!(true), 200).await;
    assert_eq!(told["isRestricted"], true);
    // A key of the same agency does not see it any more.
    let open = bed.get("/v1/cases").await.expect(200).data();
    assert_eq!(open, json!([]));
    let told = put(&mut client, path, "isRestricted", json!(false), 200).await;
    assert_eq!(told["isRestricted"], false);
    let open = bed.get("/v1/cases").await.expect(200).data();
    assert_eq!(open[0]["classification"], "open");
    let mut second = theft("2");
    second["isRestricted"] = true.into();
    let told = client.post("/api/cases", second).await.expect(201).json();
    assert_eq!(told["isRestricted"], true);
    for (name, value) in [
        ("reviewDateNotes", json!("soon")),
        ("followUpDate", json!("2030-01-01")),
        ("caseNumber", json!("9")),
        ("offenseType", json!("Arson")),
    ] {
        refused(&mut client, path, name, value).await;
    }
    let mut third = theft("3");
    third["reviewDateNotes"] = "soon".into();
    let told = client.post("/api/cases", third).await.expect(400).json();
    assert!(told["fields"]["reviewDateNotes"].is_string(), "{told}");

    // Persons are counted, and not the car.
    let owner = bed.owner();
    let car = make(
        bed.services(),
        &owner,
        &ENTITY,
        json!({"kind": "vehicle", "display_name": "Car"}),
    );
    let ada = make(
        bed.services(),
        &owner,
        &ENTITY,
        json!({"kind": "person", "display_name": "Ada Moss"}),
    );
    let members = [(&car, "vehicle"), (&ada, "victim")]
        .map(|(one, role)| json!({"entity_id": one.id.to_string(), "role": role}));
    make(
        bed.services(),
        &owner,
        &CASE,
        json!({"title": "x", "entities": members}),
    );
    let told = client.get("/api/cases/3").await.expect(200).json();
    assert_eq!(told["peopleAmount"], 1);
    let people = client.get("/api/cases/3/people").await.expect(200).json();
    assert_eq!(people.as_array().unwrap().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_item_shows_its_files_and_a_case_its_review_date() {
    let bed = TestBox::start().await;
    let mut client = Client::new(&bed).await;
    let mut case = theft("1");
    case["reviewDate"] = "2030-01-02".into();
    let case = client.post("/api/cases", case).await.expect(201).json();
    assert_eq!(case["reviewDate"], "2030-01-02");
    let told = put(
        &mut client,
        "/api/cases/1",
        "reviewDate",
        json!("2031-05-06"),
        200,
    )
    .await;
    assert_eq!(told["reviewDate"], "2031-05-06");
    assert_eq!(
        bed.get("/v1/cases/INV-2026-0001").await.data()["review_date"],
        "2031-05-06"
    );
    let told = put(&mut client, "/api/cases/1", "reviewDate", Json::Null, 200).await;
    assert_eq!(told["reviewDate"], Json::Null);

    let item = json!({"case_id": "INV-2026-0001", "type": "document", "description": "letters"});
    bed.post("/v1/evidence", item).await.expect(201);
    let empty = client.get("/api/items/1").await.expect(200).json();
    assert_eq!((&empty["media"], &empty["mediaAmount"]), (&Json::Null, &json!(0)));
    for (name, bytes) in [("a.txt", "a letter"), ("b.txt", "another one")] {
        let body = parted(&[("files", Some(name), bytes.as_bytes())]);
        let sent = upload("/v1/evidence/EVD-0001/files", &bed.key, body.into());
        bed.send(sent).await.expect(201);
    }
    let read = client.get("/api/items/1").await.expect(200).json();
    let media = read["media"].as_array().unwrap();
    let own = bed.get("/v1/evidence/EVD-0001").await.expect(200).data()["files"].clone();
    assert_eq!((media.len(), &read["mediaAmount"]), (2, &json!(2)));
    for (told, kept) in media.iter().zip(own.as_array().unwrap()) {
        for (member, field) in [
            ("fileName", "name"),
            ("contentType", "media_type"),
            ("size", "size"),
            ("sha256", "sha256"),
        ] {
            assert_eq!(told[member], kept[field], "{member}: {told} {kept}");
        }
        assert!(told["createdDateTime"].is_string(), "{told}");
        // A key is no user.
        assert_eq!((&told["creatorId"], &told["creator"]), (&Json::Null, &Json::Null));
    }
    assert_eq!(media[0]["fileName"], "a.txt");
    let ids: Vec<i64> = media.iter().map(|file| file["id"].as_i64().unwrap()).collect();
    assert_ne!(ids[0], ids[1]);
    // Searches and lists show them too, and an item that comes back whole changes none.
    let found = client
        .post("/api/items/search", json!({}))
        .await
        .expect(200)
        .json();
    assert_eq!(found["data"][0]["media"], read["media"]);
    put(&mut client, "/api/items/1", "media", read["media"].clone(), 200).await;
    refused(&mut client, "/api/items/1", "media", json!([{"id": ids[0]}])).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_has_the_telephone_that_is_given_and_no_forms() {
    let bed = TestBox::start().await;
    let mut client = Client::new(&bed).await;
    let user = json!({"firstName": "Sam", "lastName": "Poe", "email": "sam@metro.example",
        "mobilePhone": "(207) 555-0126", "otherphone": "555 0127 ext 4"});
    for (name, value) in [
        ("emailDisable", json!(true)),
        ("personFormData", json!([{"formId": 1}])),
    ] {
        let mut wrong = user.clone();
        wrong[name] = value.clone();
        let told = client.post("/api/users", wrong).await.expect(400).json();
        assert!(told["fields"][name].is_string(), "{told}");
        refused(&mut client, "/api/users/1", name, value).await;
    }
    let made = client.post("/api/users", user).await.expect(201).json();
    assert_eq!(made["mobilePhone"], "(207) 555-0126");
    assert_eq!(made["otherphone"], "555 0127 ext 4");
    let told = put(&mut client, "/api/users/2", "mobilePhone", Json::Null, 200).await;
    assert_eq!(told["mobilePhone"], Json::Null);
}

#[tokio::test(flavor = "multi_thread")]
async fn faults_of_the_form_and_of_the_record_are_in_one_answer_under_the_clients_names() {
    let bed = TestBox::start().await;
    let mut client = Client::new(&bed).await;
    let case = make(bed.services(), &bed.owner(), &CASE, json!({"title": "Burglary"}));
    item(&bed, &case, "a drill");
    let long = "x".repeat(5_000);
    let check = |told: &Json, names: &[&str]| {
        let fields = told["fields"].as_object().unwrap();
        let mut known: Vec<&str> = fields.keys().map(String::as_str).collect();
        let mut names = names.to_vec();
        known.sort_unstable();
        names.sort_unstable();
        assert_eq!(known, names, "{told}");
    };
    let bad = json!({"raceId": 99, "genderId": 1, "firstName": long, "lastName": "Moss", "mobilePhone": "1\u{7}",
        "dob": "x", "alias": long});
    let told = client.post("/api/people", bad.clone()).await.expect(400).json();
    check(&told, &["raceId", "firstName", "mobilePhone", "dob", "alias"]);
    let told = client
        .post("/api/people", json!({ "person": bad }))
        .await
        .expect(400)
        .json();
    assert!(told["fields"]["person.firstName"].is_string(), "{told}");

    let line = "x".repeat(500);
    let bad = json!({"caseNumber": line, "caseOfficerIds": [1, 999], "offenseType": "Theft", "formData": [],
        "offenseLocation": format!("{line}{line}"), "offenseDescription": "a\u{7}b"});
    let told = client.post("/api/cases", bad).await.expect(400).json();
    let names = [
        "caseNumber",
        "caseOfficerIds",
        "tags",
        "offenseLocation",
        "offenseDescription",
    ];
    check(&told, &names);

    let bad = json!({"description": "", "categoryId": 999, "recoveryLocationLatitude": 99, "tags": ["x".repeat(99)]});
    let told = client.put("/api/items/1", bad).await.expect(400).json();
    check(
        &told,
        &["description", "categoryId", "recoveryLocationLatitude", "tags[0]"],
    );
    let bad = json!({"firstName": "A", "lastName": "B", "email": "none", "groups": [77]});
    let told = client.post("/api/users", bad).await.expect(400).json();
    check(&told, &["email", "groups"]);
    let bad = json!({"transaction": {"takenById": 99, "itemIds": [1, 99]}});
    let told = client.post("/api/CheckOuts/V2", bad).await.expect(400).json();
    check(&told, &["takenById", "itemIds[1]"]);
    // Nothing was written with any of it.
    let read = client.get("/api/people/search?x=1").await;
    assert!(read.status >= 400);
    let found = client
        .post("/api/people/search", json!({}))
        .await
        .expect(200)
        .json();
    assert_eq!(found["count"], 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_search_of_nothing_names_what_it_does_not_know() {
    let bed = TestBox::start().await;
    let mut client = Client::new(&bed).await;
    for kind in ["items", "cases", "people"] {
        let path = format!("/api/{kind}/search");
        let bad = json!({"orderBy": "bogus", "StaticFields": [{"fieldName": "bogus", "searchCriteria": 0, "model": "x"}]});
        let told = client.post(&path, bad).await.expect(400).json();
        for name in ["orderBy", "StaticFields[0].fieldName"] {
            assert!(told["fields"][name].is_string(), "{told}");
        }
    }
    let case = make(bed.services(), &bed.owner(), &CASE, json!({"title": "Burglary"}));
    item(&bed, &case, "a drill");
    let ada = json!({"kind": "person", "display_name": "Ada Moss"});
    make(bed.services(), &bed.owner(), &ENTITY, ada);
    // Every member of an object is one that can be asked for.
    for kind in ["items", "cases", "people"] {
        let read = client.get(&format!("/api/{kind}/1")).await.expect(200).json();
        for name in read.as_object().unwrap().keys() {
            let search = json!({ "orderBy": name });
            let told = client.post(&format!("/api/{kind}/search"), search).await;
            assert_eq!(told.status, 200, "{kind} {name}");
        }
    }
    let search =
        json!({"StaticFields": [{"fieldName": "description", "searchCriteria": "25", "model": "rill"}]});
    let told = client.post("/api/items/search", search).await.expect(200).json();
    assert_eq!(told["count"], 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_time_is_taken_in_every_form_that_clients_write() {
    let bed = TestBox::start().await;
    let mut client = Client::new(&bed).await;
    let mut dates = Vec::new();
    let forms = [
        "2017-11-29 13:25:00.000",
        "2017-11-29T13:25:00",
        "2017-11-29T13:25",
        "2017-11-29T01:25 PM",
        "2017-11-29T01:25:00 PM",
        "2017-11-29 1:25 pm",
        "11/29/2017 1:25 PM",
    ];
    for (number, form) in forms.into_iter().enumerate() {
        let mut case = theft(&number.to_string());
        case["offenseDate"] = form.into();
        let made = client.post("/api/cases", case).await;
        assert_eq!(made.status, 201, "{form}");
        dates.push(made.json()["offenseDate"].clone());
    }
    assert!(
        dates.iter().all(|date| *date == dates[0] && date.is_string()),
        "{dates:?}"
    );
    let made = person(&json!({"firstName": "A", "lastName": "B", "dob": "1980-01-31T00:00:00"}));
    let made = client.post("/api/people", made).await.expect(201).json();
    assert_eq!(made["dob"], "1980-01-31");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_chain_names_who_gave_and_numbers_begin_at_one() {
    let bed = TestBox::start().await;
    let mut client = Client::new(&bed).await;
    let case = make(bed.services(), &bed.owner(), &CASE, json!({"title": "Burglary"}));
    item(&bed, &case, "a drill");
    for path in [
        "/api/items/seqOrgID/-5",
        "/api/items/seqOrgID/-5?take=3",
        "/api/items/seqOrgID/0?take=3",
    ] {
        assert_eq!(client.get(path).await.expect(200).json(), Json::Null, "{path}");
    }
    let user = json!({"firstName": "Sam", "lastName": "Poe", "email": "sam@metro.example"});
    client.post("/api/users", user).await.expect(201);
    let out = json!({"transaction": {"takenById": 1, "itemIds": [1]}});
    client.post("/api/CheckOuts/V2", out).await.expect(200);
    let give = |from: i64, to: i64| json!({"transaction": {"transferredFromId": from, "transferredToId": to, "itemIds": [1]}});
    let told = client
        .post("/api/transfers/V2", give(2, 1))
        .await
        .expect(409)
        .json();
    assert_eq!(
        (&told["error"], &told["itemId"]),
        (&json!("invalid_state"), &json!(1))
    );
    client.post("/api/transfers/V2", give(1, 2)).await.expect(200);
    let chain = client.get("/api/items/1/coc").await.expect(200).json();
    assert_eq!(
        (&chain[2]["issuedFrom"], &chain[2]["issuedTo"]),
        (&json!("Pat administrator"), &json!("Sam Poe"))
    );
    client.post("/api/transfers/V2", give(1, 2)).await.expect(409);
    assert_eq!(
        client
            .get("/api/items/1/coc")
            .await
            .json()
            .as_array()
            .unwrap()
            .len(),
        3
    );
}

/// A number in place of a name or an e-mail address was kept as a text.
#[tokio::test(flavor = "multi_thread")]
async fn names_and_addresses_of_another_type_are_refused() {
    let bed = TestBox::start().await;
    let mut client = Client::new(&bed).await;
    let good = person(
        &json!({"firstName": "Ada", "lastName": "Moss", "email": "Ada@b.example", "mobilePhone": 5550148}),
    );
    let made = client.post("/api/people", good.clone()).await.expect(201).json();
    assert_eq!(
        (&made["email"], &made["mobilePhone"]),
        (&json!("ada@b.example"), &json!("5550148"))
    );
    for (name, value) in [
        ("firstName", json!(7)),
        ("lastName", json!(true)),
        ("alias", json!(7)),
        ("email", json!(5)),
        ("email", json!({})),
        ("email", json!("nowhere")),
        ("email", json!("a b@c.example")),
    ] {
        let mut bad = good.clone();
        bad[name] = value.clone();
        let told = client
            .post("/api/people", json!({"person": bad}))
            .await
            .expect(400)
            .json();
        let member = format!("person.{name}");
        assert!(told["fields"][&member].is_string(), "{told}");
        refused(&mut client, "/api/people/1", name, value).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_item_made_by_a_client_keeps_all_that_it_says() {
    let safe = SafeOptions {
        item_create: true,
        ..SafeOptions::default()
    };
    let bed = TestBox::start_as(plenty(), safe).await;
    let mut client = Client::new(&bed).await;
    make(bed.services(), &bed.owner(), &CASE, json!({"title": "Burglary"}));
    make(bed.services(), &bed.owner(), &LOCATION, json!({"name": "Shelf"}));
    let drill = json!({"description": "a drill", "active": true, "categoryId": 6, "recoveredById": 1, "locationId": 1,
        "recoveryDate": "2020-01-01T00:00:00Z", "primaryCaseId": 1, "make": "Bosch", "model": "GSB", "serialNumber": "S-1",
        "latitude": 43.5, "longitude": -70.25, "barcodes": ["B-1"], "notes": "oily", "recoveryLocation": "the shed"});
    let made = client.post("/api/items", drill.clone()).await.expect(201).json();
    for (name, expected) in [
        ("make", json!("Bosch")),
        ("model", json!("GSB")),
        ("serialNumber", json!("S-1")),
        ("recoveryLocation", json!("the shed")),
        ("recoveryLocationLatitude", json!(43.5)),
        ("recoveryLocationLongitude", json!(-70.25)),
        ("barcodes", json!(["B-1"])),
        ("notesAmount", json!(1)),
        ("active", json!(true)),
    ] {
        assert_eq!(made[name], expected, "{name}: {made}");
    }
    assert_eq!(made["notes"][0]["text"], "oily");
    let clash = client.post("/api/items", drill.clone()).await.expect(409).json();
    assert_eq!(
        (&clash["error"], &clash["existing"]),
        (&json!("duplicate_barcode"), &json!([1]))
    );
    assert_eq!(client.get("/api/items").await.expect(405).header("allow"), "POST");
    // Its case may be the first of several; without one it is nothing that the record knows.
    let mut other = drill.clone();
    other["barcodes"] = Json::Null;
    let members = other.as_object_mut().unwrap();
    members.remove("primaryCaseId");
    members.insert("cases".to_owned(), json!([1]));
    let second = client.post("/api/items", other.clone()).await.expect(201).json();
    assert_eq!(
        (&second["primaryCaseId"], &second["cases"]),
        (&json!(1), &json!([1]))
    );
    for (cases, member, why) in [
        (Json::Null, "primaryCaseId", "the number of a case"),
        (json!([]), "primaryCaseId", "the number of a case"),
        (json!([9]), "cases", "no such case"),
        (json!("1"), "cases", "an array"),
    ] {
        other["cases"] = cases;
        let told = client.post("/api/items", other.clone()).await.expect(400).json();
        let fields = told["fields"].as_object().unwrap();
        assert!(
            fields.len() == 1 && fields[member].as_str().unwrap().contains(why),
            "{told}"
        );
    }
    let mut bad = drill.clone();
    bad["active"] = false.into();
    bad["barcodes"] = json!(["B-2", "B-3"]);
    bad["latitude"] = 99.into();
    let told = client.post("/api/items", bad).await.expect(400).json();
    for name in ["active", "barcodes", "recoveryLocationLatitude"] {
        assert!(told["fields"][name].is_string(), "{told}");
    }
}
