//! Cases, persons and users as clients make, find and change them.

use futures_util::future::join_all;
use serde_json::{Value as Json, json};

use super::{Client, agency, item, make};
use crate::support::testbox::{METRO, TestBox};
use blotter::domain::kind::{CASE, FORM, TEAM};

/// A case of arson, by its form too.
fn arson() -> Json {
    json!({
        "CaseNumber": "26-17", "CaseOfficerId": 1, "offenseType": "Arson", "offenseDate": "2017-11-29 13:25:00.000",
        "offenseDescription": "A barn burnt.", "offenseLocation": "1 Mill Road",
        "FormData": [{"formId": 1, "data": "{\"field2849\": \"unknown\"}"}], "Tags": [{"tagModelId": 0, "name": "fire"}],
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_case_is_made_with_what_its_form_asks_and_once() {
    let bed = TestBox::start().await;
    let mut client = Client::new(&bed).await;
    let faults = client.post("/api/cases", json!({})).await.expect(400).json();
    for name in [
        "caseNumber",
        "caseOfficerIds",
        "offenseTypeId",
        "formData",
        "tags",
    ] {
        assert!(faults["fields"][name].is_string(), "{name}: {faults}");
    }
    for nobody in [
        json!({"caseOfficerIds": []}),
        json!({"caseOfficerIds": [], "caseOfficerId": 0}),
    ] {
        let mut case = arson();
        case.as_object_mut().unwrap().remove("CaseOfficerId");
        case.as_object_mut()
            .unwrap()
            .extend(nobody.as_object().unwrap().clone());
        let faults = client.post("/api/cases", case).await.expect(400).json();
        assert!(faults["fields"]["caseOfficerIds"].is_string(), "{faults}");
    }
    let schema = json!({"fields": [{"type": "text", "name": "field2849", "displayName": "Bias Motive"}]});
    make(
        bed.services(),
        &bed.owner(),
        &FORM,
        json!({"name": "Bias", "for": "cases", "schema": schema}),
    );
    let forms = client.get("/api/forms?formType=Cases").await.expect(200).json();
    assert!(forms[0]["schema"].as_str().unwrap().contains("field2849"));
    let made = client.post("/api/cases", arson()).await.expect(201).json();
    assert_eq!(
        (&made["caseOfficerIds"], &made["caseOfficer"]),
        (&json!([1]), &json!("Pat administrator"))
    );
    assert_eq!(
        (&made["offenseType"], &made["creator"]),
        (&json!("Arson"), &json!("Pat administrator"))
    );
    let form = &made["formData"][0];
    assert_eq!(form["data"], "{\"field2849\":\"unknown\"}");
    assert_eq!(form["id"].as_str().unwrap().len(), 24);
    assert_eq!(form["entityId"], made["id"]);
    // Our own lane shows the stable name.
    let own = bed.get("/v1/cases").await.expect(200).data();
    assert_eq!(own[0]["form_data"], json!({"bias_motive": "unknown"}));
    let clash = client.post("/api/cases", arson()).await.expect(409).json();
    assert_eq!(
        (&clash["error"], &clash["existing"]),
        (&json!("duplicate_case_number"), &json!([made["id"]]))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_case_is_found_and_changed() {
    let bed = TestBox::start().await;
    let mut client = Client::new(&bed).await;
    let mut arson = arson();
    arson["FormData"] = json!([]);
    let made = client.post("/api/cases", arson).await.expect(201).json();
    let found = client
        .get("/api/cases/getByNumber?value=26-17")
        .await
        .expect(200)
        .json();
    assert_eq!(found, made);
    assert_eq!(
        client.put("/api/cases/1", made.clone()).await.expect(200).json(),
        made
    );
    let mut changed = made.clone();
    changed["offenseDescription"] = "Two barns burnt.".into();
    let told = client.put("/api/cases/1", changed).await.expect(200).json();
    for nobody in [
        json!({"caseOfficerIds": []}),
        json!({"caseOfficerIds": null}),
        json!({"caseOfficerId": 0}),
    ] {
        let mut emptied = told.clone();
        emptied
            .as_object_mut()
            .unwrap()
            .extend(nobody.as_object().unwrap().clone());
        let faults = client.put("/api/cases/1", emptied).await.expect(400).json();
        assert!(
            faults["fields"]["caseOfficerIds"].is_string(),
            "{nobody} {faults}"
        );
    }
    let now = client.get("/api/cases/1").await.expect(200).json();
    assert_eq!(now["caseOfficerIds"], told["caseOfficerIds"]);
    assert_eq!(told["offenseDescription"], "Two barns burnt.");
    client
        .post("/api/cases/1/notes", json!({"text": "called"}))
        .await
        .expect(201);
    let none = json!({"pageNumber": 0});
    let faults = client.post("/api/cases/1/items", none).await.expect(400).json();
    assert!(faults["fields"]["pageNumber"].is_string(), "{faults}");
    let page = client
        .post("/api/cases/1/items", json!({"pageSize": 100, "pageNumber": 1}))
        .await
        .expect(200)
        .json();
    assert_eq!(page, json!({"entities": [], "count": 0}));
    client
        .post("/api/cases/1/items", json!({"pageSize": 101}))
        .await
        .expect(400);
    let offenses = client.get("/api/offenseTypes").await.expect(200).json();
    assert_eq!(
        (&offenses[0]["id"], &offenses[0]["name"]),
        (&made["offenseTypeId"], &json!("Arson"))
    );
    client.get("/api/cases/getByNumber?value=none").await.expect(404);
}

/// A person with a home.
fn ada() -> Json {
    json!({"Person": {
        "FirstName": "Ada", "middleName": "K", "lastName": "Moss", "raceId": 2, "genderId": 2, "dob": "1980-01-31",
        "driverLicense": "D-1", "email": "Ada@x.example", "juvenile": false,
    }, "address": {"address1": "1 Mill Road", "addressTypeId": 1}})
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_is_made_once_unless_it_is_said_that_there_are_two() {
    let bed = TestBox::start().await;
    let mut client = Client::new(&bed).await;
    let faults = client
        .post("/api/people", json!({"person": {}}))
        .await
        .expect(400)
        .json();
    for name in [
        "person.raceId",
        "person.genderId",
        "person.firstName",
        "person.lastName",
    ] {
        assert!(faults["fields"][name].is_string(), "{name}: {faults}");
    }
    let made = client.post("/api/people", ada()).await.expect(201).json();
    assert_eq!(
        (&made["name"], &made["race"]),
        (&json!("Ada K Moss"), &json!("White"))
    );
    assert_eq!(
        (&made["driverLicence"], &made["gender"]),
        (&json!("D-1"), &json!("Female"))
    );
    assert_eq!(made["defaultAddress"]["addressTypeId"], 1);
    let clash = client.post("/api/people", ada()).await.expect(409).json();
    assert_eq!(
        (&clash["error"], &clash["existing"]),
        (&json!("duplicate_person"), &json!([made["id"]]))
    );
    let bare =
        json!({"firstName": "ada", "lastName": "MOSS", "dob": "1980-01-31", "raceId": 1, "genderId": 1});
    client.post("/api/people", bare.clone()).await.expect(409);
    client
        .post("/api/people?AllowDuplicate=True", bare)
        .await
        .expect(201);
    let firm = json!({"businessName": "Moss & Co", "raceId": 1, "genderId": 1});
    let firm_made = client.post("/api/people", firm.clone()).await.expect(201).json();
    assert_eq!(
        (&firm_made["businessName"], &firm_made["firstName"]),
        (&json!("Moss & Co"), &Json::Null)
    );
    client.post("/api/people", firm).await.expect(409);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_is_found_and_changed() {
    let bed = TestBox::start().await;
    let mut client = Client::new(&bed).await;
    let made = client.post("/api/people", ada()).await.expect(201).json();
    assert_eq!(
        client.put("/api/people/1", made.clone()).await.expect(200).json(),
        made
    );
    let mut changed = made.clone();
    changed["lastName"] = "Ross".into();
    let told = client
        .put("/api/people/1", changed.clone())
        .await
        .expect(200)
        .json();
    assert_eq!(
        (&told["name"], &told["lastName"]),
        (&json!("Ada K Ross"), &json!("Ross"))
    );
    client.put("/api/people/1", changed).await.expect(409);
    let found = client
        .get("/api/people/typeahead?search=mos")
        .await
        .expect(200)
        .json();
    assert_eq!(found, json!([]));
    let found = client
        .get("/api/people/typeahead?search=ros")
        .await
        .expect(200)
        .json();
    assert_eq!(found[0]["id"], 1);
    for (path, expected) in [
        ("ADA@x.example/", true),
        ("ada%40x.example", true),
        ("b@x.example", false),
    ] {
        let path = format!("/api/people/isEmailAlreadyInUse/{path}");
        assert_eq!(client.get(&path).await.expect(200).json(), Json::from(expected));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_is_put_in_a_case_and_searched() {
    let bed = TestBox::start().await;
    let mut client = Client::new(&bed).await;
    client.post("/api/people", ada()).await.expect(201);
    let case =
        json!({"caseNumber": "1", "caseOfficerIds": [1], "offenseType": "Theft", "formData": [], "tags": []});
    client.post("/api/cases", case).await.expect(201);
    let role = json!({"personId": 1, "typeId": 2, "notes": "saw it"});
    client
        .post("/api/people/addPersonToCase/1", role)
        .await
        .expect(200);
    for path in ["/api/cases/1/people", "/api/people/case/1"] {
        let people = client.get(path).await.expect(200).json();
        assert_eq!(
            (&people[0]["id"], &people[0]["type"], &people[0]["typeId"]),
            (&json!(1), &json!("victim"), &json!(2))
        );
    }
    client
        .post("/api/people/1/notes", json!({"text": "polite"}))
        .await
        .expect(201);
    let search = json!({"StaticFields": [{"name": "Last name", "typeId": 1, "fieldName": "lastName", "searchCriteria": 2, "model": "mo"}], "PageSize": 10, "PageNumber": 1});
    let found = client.post("/api/people/search", search).await.expect(200).json();
    assert_eq!(
        (&found["count"], &found["data"][0]["firstName"]),
        (&json!(1), &json!("Ada"))
    );
    for (criterion, name, wrong) in [(5, "lastName", "searchCriteria"), (0, "hairColour", "fieldName")] {
        let search =
            json!({"StaticFields": [{"fieldName": name, "searchCriteria": criterion, "model": "x"}]});
        let faults = client.post("/api/people/search", search).await.expect(400).json();
        assert!(
            faults["fields"][format!("StaticFields[0].{wrong}")].is_string(),
            "{faults}"
        );
    }
    for path in ["/api/items/search", "/api/cases/search", "/api/people/search"] {
        for page in [0, -1] {
            let faults = client
                .post(path, json!({"PageNumber": page}))
                .await
                .expect(400)
                .json();
            assert!(
                faults["fields"]["PageNumber"].is_string(),
                "{path} {page}: {faults}"
            );
        }
    }
    for path in ["/api/items/search", "/api/cases/search"] {
        client
            .post(path, json!({"orderBy": "id", "orderByAsc": false}))
            .await
            .expect(200);
    }
}

/// What looks the same was a double in one form of Unicode, and none in the other.
#[tokio::test(flavor = "multi_thread")]
async fn a_double_is_one_in_every_form_of_unicode() {
    let bed = TestBox::start().await;
    let mut client = Client::new(&bed).await;
    let named = |first: &str, last: &str| json!({"firstName": first, "lastName": last, "raceId": 1, "genderId": 1, "dob": "1980-01-31"});
    let firm = |name: &str| json!({"businessName": name, "raceId": 1, "genderId": 1});
    let case = |number: &str| json!({"caseNumber": number, "caseOfficerIds": [1], "offenseType": "Theft", "formData": [], "tags": []});
    for (path, composed, decomposed) in [
        (
            "/api/people",
            named("Zo\u{eb}", "\u{17d}i\u{17e}ek"),
            named("ZOE\u{308}", "Z\u{30c}iz\u{30c}ek"),
        ),
        ("/api/people", firm("Caf\u{e9}"), firm("cafe\u{301}")),
        ("/api/cases", case("\u{c4}-1"), case("A\u{308}-1")),
        // The one that came first may be the decomposed one.
        ("/api/cases", case("O\u{308}-2"), case("\u{d6}-2")),
    ] {
        let made = client.post(path, composed).await.expect(201).json();
        let told = client.post(path, decomposed).await.expect(409).json();
        assert_eq!(told["existing"], json!([made["id"]]), "{told}");
    }
    // It comes back as it was given, and is found in either form.
    let read = client.get("/api/cases/getByNumber?value=%C3%96-2").await;
    assert_eq!(read.expect(200).json()["caseNumber"], "O\u{308}-2");
    let fields = json!([{"fieldName": "caseNumber", "searchCriteria": 0, "model": "\u{d6}-2"}]);
    let found = client.post("/api/cases/search", json!({"StaticFields": fields}));
    assert_eq!(found.await.expect(200).json()["count"], 1);
}

/// A form that came by `POST /v1/forms` in our own spelling had no names to show.
#[tokio::test(flavor = "multi_thread")]
async fn a_form_is_told_as_these_clients_spell_it() {
    let bed = TestBox::start().await;
    let mut client = Client::new(&bed).await;
    let schema = json!({"fields": [{"type": "text", "name": "field1", "display_name": "Blade Length"}]});
    let form = json!({"name": "Knives", "for": "items", "schema": schema});
    make(bed.services(), &bed.owner(), &FORM, form);
    let forms = client.get("/api/forms?formType=Items").await.expect(200).json();
    let fields = |place: usize| {
        let schema: Json = serde_json::from_str(forms[place]["schema"].as_str().unwrap()).unwrap();
        schema["fields"].clone()
    };
    let expected = json!([{"type": "text", "name": "field1", "displayName": "Blade Length"}]);
    assert_eq!(fields(0), expected);
    assert_eq!(forms[1]["id"], 0);
    assert!(
        fields(1)
            .as_array()
            .unwrap()
            .iter()
            .any(|field| field["name"] == "serial_number")
    );
    let case = make(bed.services(), &bed.owner(), &CASE, json!({"title": "Burglary"}));
    item(&bed, &case, "a knife");
    let filled = json!({"formData": [{"formId": 1, "data": "{\"field1\": 9}"}], "serialNumber": "S-1"});
    client.put("/api/items/1", filled).await.expect(200);
    let told = client.get("/api/items/1/formdata").await.expect(200).json();
    assert_eq!(
        (&told[0]["data"], &told[1]["data"]),
        (&json!("{\"field1\":9}"), &json!("{\"serial_number\":\"S-1\"}"))
    );
}

/// Who lost a race was told that there is one already, and not which: it was looked up in what stood before the write.
#[tokio::test(flavor = "multi_thread")]
async fn who_loses_a_race_is_told_to_whom() {
    let bed = TestBox::start().await;
    let token = agency(&bed, METRO, (7, 3), "administrator");
    let mut clients = Vec::new();
    for _ in 0..8 {
        clients.push(Client::with(&bed, &token, (7, 3)).await);
    }
    let sam = json!({"firstName": "Sam", "lastName": "Poe", "email": "sam@metro.example"});
    let mut case = arson();
    case["FormData"] = json!([]);
    for (path, body, error) in [
        ("/api/cases", case, "duplicate_case_number"),
        ("/api/users/", sam, "duplicate_email"),
        ("/api/people", ada(), "duplicate_person"),
    ] {
        let answers = clients.iter_mut().map(|client| client.post(path, body.clone()));
        let (made, lost): (Vec<_>, Vec<_>) = join_all(answers)
            .await
            .into_iter()
            .partition(|answer| answer.status == 201);
        assert_eq!((made.len(), lost.len()), (1, 7), "{path}");
        let existing = json!([made[0].json()["id"]]);
        for answer in lost {
            let told = answer.expect(409).json();
            assert_eq!(
                (&told["error"], &told["existing"]),
                (&json!(error), &existing),
                "{path}"
            );
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn users_are_made_by_administrators_and_listed_by_a_part_of_odata() {
    let bed = TestBox::start().await;
    let mut client = Client::new(&bed).await;
    make(bed.services(), &bed.owner(), &TEAM, json!({"name": "Evidence"}));
    let user = json!({"firstName": "Sam", "lastName": "Poe", "email": "sam@metro.example", "organizationId": 7, "officeId": 3,
        "mobilePhone": "+12075550126", "active": true, "emailDisable": false, "groups": [1], "personFormData": []});
    let made = client.post("/api/users/", user.clone()).await.expect(201).json();
    assert_eq!(
        (&made["lastName"], &made["groups"], &made["officeId"]),
        (&json!("Poe"), &json!([1]), &json!(3))
    );
    let clash = client.post("/api/users", user).await.expect(409).json();
    assert_eq!(
        (&clash["error"], &clash["existing"]),
        (&json!("duplicate_email"), &json!([made["id"]]))
    );
    let mut changed = client.get("/api/users/2").await.expect(200).json();
    changed["active"] = false.into();
    changed["groups"] = json!([]);
    let told = client.put("/api/users/2", changed).await.expect(200).json();
    assert_eq!((&told["active"], &told["groups"]), (&json!(false), &json!([])));
    let page = client
        .get("/odata/users?$orderby=Email%20desc&$filter=contains(Email,'METRO')&$top=1&$skip=0")
        .await;
    assert_eq!(page.expect(200).json()["value"][0]["email"], "sam@metro.example");
    for option in ["$select", "$expand", "$count"] {
        let faults = client
            .get(&format!("/odata/users?{option}=x"))
            .await
            .expect(400)
            .json();
        assert!(faults["fields"][option].is_string(), "{faults}");
    }
    client
        .get("/odata/users?$filter=Email%20eq%20'x'")
        .await
        .expect(400);
    let found = client
        .get("/api/users/typeahead?search=po")
        .await
        .expect(200)
        .json();
    assert_eq!(found[0]["id"], 2);
    let officer = agency(&bed, METRO, (7, 3), "officer");
    let mut officer = Client::with(&bed, &officer, (7, 3)).await;
    let refused = officer
        .post(
            "/api/users",
            json!({"firstName": "A", "lastName": "B", "email": "a@b.example"}),
        )
        .await;
    assert_eq!(refused.expect(403).json()["error"], "forbidden");
    for (path, least) in [
        ("/api/groups", 1),
        ("/api/offices", 1),
        ("/api/races", 8),
        ("/api/genders", 3),
        ("/api/personTypes", 3),
        ("/api/addresstypes", 3),
        ("/api/states", 50),
        ("/api/categories", 5),
    ] {
        let list = client.get(path).await.expect(200).json();
        assert!(
            list.as_array().unwrap().len() >= least && list[0]["name"].is_string(),
            "{path}"
        );
    }
}
