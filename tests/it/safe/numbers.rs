//! Numbers: no gap, ever; blanks, stubs, whole objects.

use blotter::domain::kind::{CASE, EVIDENCE};
use serde_json::{Value as Json, json};

use super::{Client, agency, item, make};
use crate::support::testbox::{METRO, TestBox};

#[tokio::test(flavor = "multi_thread")]
async fn a_poller_asks_number_after_number_and_goes_on_at_the_blank() {
    let bed = TestBox::start().await;
    let mut client = Client::new(&bed).await;
    assert_eq!(
        client.get("/api/items/seqOrgID/1").await.expect(200).json(),
        Json::Null
    );
    let case = make(
        bed.services(),
        &bed.owner(),
        &CASE,
        json!({"title": "Burglary", "case_number": "26-1"}),
    );
    for number in 1..=3 {
        item(&bed, &case, &format!("item {number}"));
    }
    // A write that is refused takes no number.
    let owner = bed.owner();
    let bad = blotter::domain::value::Fields::from(
        [("type".to_owned(), "physical".to_owned())]
            .map(|(name, text)| (name, blotter::domain::value::Value::Text(text))),
    );
    assert!(bed.services().create(&owner, &EVIDENCE, bad, None).is_err());
    item(&bed, &case, "item 4");
    for number in 1..=4 {
        let read = client
            .get(&format!("/API/Items/seqOrgID/{number}/"))
            .await
            .expect(200)
            .json();
        assert_eq!(read["id"], number);
        assert_eq!(read["sequentialOrgId"], number);
        assert_eq!(read["sequentialCaseId"], number.to_string());
        assert_eq!(read["description"], format!("item {number}"));
        assert_eq!(read["primaryCaseNumber"], "26-1");
        let by_id = client
            .get(&format!("/api/items/{number}"))
            .await
            .expect(200)
            .json();
        assert_eq!(by_id, read);
        let change = client
            .get(&format!("/api/items/seqOrgItemHistoryId/{number}"))
            .await
            .expect(200)
            .json();
        assert_eq!(change["item"][0]["seqOrgItemHistoryId"], number);
        assert_eq!(change["item"][0]["item"]["id"], number);
    }
    assert_eq!(
        client.get("/api/items/seqOrgID/5").await.expect(200).json(),
        Json::Null
    );
    assert_eq!(
        client
            .get("/api/items/seqOrgItemHistoryId/5")
            .await
            .expect(200)
            .json(),
        Json::Null
    );
    let many = client
        .get("/api/items/seqOrgID/2?take=500")
        .await
        .expect(200)
        .json();
    assert_eq!(many.as_array().unwrap().len(), 3);
    client.get("/api/items/seqOrgID/2?take=501").await.expect(400);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_member_that_clients_know_is_there() {
    let bed = TestBox::start().await;
    let mut client = Client::new(&bed).await;
    let case = make(bed.services(), &bed.owner(), &CASE, json!({"title": "Burglary"}));
    item(&bed, &case, "a drill");
    let contract = |text: &str| -> Vec<String> {
        text.split([',', ' ', '\n'])
            .filter(|word| !word.is_empty())
            .map(str::to_owned)
            .collect()
    };
    let check = |read: &Json, members: &str| {
        for name in contract(members) {
            assert!(read.get(&name).is_some(), "{name} is missing in {read}");
        }
    };
    check(&client.get("/api/items/1").await.expect(200).json(), ITEM);
    check(&client.get("/api/cases/1").await.expect(200).json(), CASE_MEMBERS);
    let chain = client.get("/api/items/1/coc").await.expect(200).json();
    check(&chain[0], CHAIN);
    assert_eq!(chain[0]["issuedTo"], "New Item Entry");
    assert_eq!(chain[0]["notes"], "Item entered into system.");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_not_the_tokens_user_is_refused() {
    let bed = TestBox::start().await;
    let token = agency(&bed, METRO, (7, 3), "officer");
    let other = agency(&bed, "harbor", (8, 4), "officer");
    for (token, numbers, status) in [
        (token.as_str(), (7, 3), 200),
        (token.as_str(), (8, 3), 401),
        (token.as_str(), (7, 4), 401),
        (other.as_str(), (7, 3), 401),
        (other.as_str(), (8, 4), 200),
        ("st_unknown", (7, 3), 401),
        ("", (7, 3), 401),
    ] {
        let mut client = Client::with(&bed, token, numbers).await;
        let answer = client.get("/api/races").await.expect(status);
        if status == 401 {
            assert_eq!(answer.json()["error"], "unauthorized");
        }
    }
    // Another agency's item is not there.
    let case = make(bed.services(), &bed.owner(), &CASE, json!({"title": "Burglary"}));
    item(&bed, &case, "a drill");
    let mut stranger = Client::with(&bed, &other, (8, 4)).await;
    stranger.get("/api/items/1").await.expect(404);
    assert_eq!(
        stranger.get("/api/items/seqOrgID/1").await.expect(200).json(),
        Json::Null
    );
    stranger.get("/api/cases/1").await.expect(404);
}

const ITEM: &str = "id, sqlId, sequentialOrgId sequentialCaseId sequentialCaseIdNested barcode
barcodes, description, active recoveryDate, dateCreated, recoveryLocation,
recoveryLocationLatitude, recoveryLocationLongitude, locationId, location, fullLocation, lastLocationId, lastLocation,
statusId, status categoryId, category, custodyReasonId, custodyReason,
recoveredById, recoveredBy, submittedById, submittedBy, custodianId, custodian, currentOfficeId, currentOfficeName,
primaryCaseId, primaryCaseNumber, primaryCaseOfficerIds primaryCaseOfficers primaryCaseOffenseTypeId,
primaryCaseOffenseType, isPrimaryCaseRestricted, isForbidden, make, model, serialNumber, creatingOrgId, loaningOrgId,
incomingOrgId, cases caseModels, childItems, tasks, notes, tags, formData, media, people, peopleIds, peopleNames,
peopleGuids, mediaAmount, formDataAmount, notesAmount, tagsAmount, barcodesAmount, childItemsAmount, tasksAmount,
historiesAmount, rootMediaFolderId, parentItemId, parentItemDescription, parentSequentialOrgId, updatedDateTime";

const CASE_MEMBERS: &str = "id, caseNumber, caseOfficerIds caseOfficers caseOfficerId, caseOfficer
offenseTypeId, offenseType, offenseDescription, offenseLocation, offenseDate, followUpDate, active, officeId, officeName,
creatorId, creator, createdDate, organizationId, organizationName, items nextItemId media, mediaAmount,
rootMediaFolderId, formData, formDataAmount, notes, notesAmount, itemsNotesAmount, tags, tagsAmount, peopleAmount,
tasksAmount, historiesAmount, closedDate, reviewDate, reviewDateNotes, isRestricted, permissionAmount, permissions, isForbidden";

const CHAIN: &str =
    "id, itemId, type issuedFrom, issuedTo, storageLocation, checkOutReason, notes, witness, transactionDate,
transactionActivityDate, actor, hasSignature, media, hash, previousHash";

/// The same number told other things later: what belongs to an item was told as it is now.
#[tokio::test(flavor = "multi_thread")]
async fn a_row_of_history_stays_as_it_was_told() {
    let bed = TestBox::start().await;
    let mut client = Client::new(&bed).await;
    let theft = json!({"title": "Theft", "case_number": "26-1", "offense_type": "Theft"});
    let case = make(bed.services(), &bed.owner(), &CASE, theft);
    item(&bed, &case, "a drill");
    bed.desk().clock.advance(1_000);
    let change = json!({"description": "a red drill", "notes": ["seen"]});
    client.put("/api/items/1", change).await.expect(200);
    let mut told = Vec::new();
    for round in 0..2 {
        bed.desk().clock.advance(1_000);
        let mut rows = Vec::new();
        for (path, row) in [
            ("/api/items/seqOrgItemHistoryId/1", "/item/0"),
            ("/api/items/seqOrgItemHistoryId/2", "/item/0"),
            (
                "/api/items/itemHistory?itemId=1&orderMethodAsc=true&top=1",
                "/data/0",
            ),
        ] {
            let read = client.get(path).await.expect(200).json();
            rows.push(read.pointer(row).unwrap().clone());
        }
        assert_eq!(rows[0], rows[2]);
        // A note of the same write is told with it.
        for (row, description, notes) in [(0, "a drill", 0), (1, "a red drill", 1)] {
            let item = &rows[row]["item"];
            assert_eq!(
                (&item["description"], &item["notesAmount"]),
                (&json!(description), &json!(notes)),
                "{round}"
            );
            assert_eq!(item["primaryCaseOfficerIds"], json!([]), "{round}");
        }
        told.push(rows);
        let note = json!({"text": "seen again", "noteCategoryId": 0});
        let note = client.post("/api/items/1/notes", note).await.expect(201).json();
        assert_eq!(note["noteCategoryId"], Json::Null);
        let change =
            json!({"caseOfficerIds": [1], "offenseDescription": "From a shed.", "isRestricted": true});
        client.put("/api/cases/1", change).await.expect(200);
    }
    assert_eq!(told[0], told[1]);
    let now = client.get("/api/items/1").await.expect(200).json();
    assert_eq!(
        (&now["notesAmount"], &now["primaryCaseOfficerIds"]),
        (&json!(3), &json!([1]))
    );
}
