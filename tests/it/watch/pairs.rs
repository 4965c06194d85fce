//! Labelled pairs of what a list looks for and what a record says, true and false ones, through the real server.

use std::collections::BTreeSet;

use serde_json::{Value as Json, json};

use crate::support::testbox::TestBox;
use crate::watch::{alerts, list, make};

/// An entry, what a record says, and whether that is it.
type Pair = (&'static str, &'static str, Say, bool);

/// By what kind of record it is said.
#[derive(Clone, Copy)]
enum Say {
    /// The name of a person.
    Person(&'static str),
    /// The plate of a vehicle.
    Plate(&'static str),
    /// The number of a phone.
    Phone(&'static str),
    /// A document of a person.
    Document(&'static str),
    /// The serial number of an item.
    Serial(&'static str),
    /// The text of a report.
    Report(&'static str),
    /// A message of a report.
    Message(&'static str),
    /// The description of an item of evidence.
    Evidence(&'static str),
    /// An entry of a timeline.
    Timeline(&'static str),
}

use Say::{Document, Evidence, Message, Person, Phone, Plate, Report, Serial, Timeline};

/// Each is alone with its kind of words, so that none matches the entry of another one.
const PAIRS: [Pair; 57] = [
    ("name", "Stephen Marlowe", Person("Steven Marlow"), true),
    ("name", "Katherine O'Brien", Person("Catherine Obrien"), true),
    ("name", "Mohammed Al-Rashid", Person("Muhamad Rashid"), true),
    ("name", "Иван Петров", Person("Petrov, Ivan"), true),
    ("name", "Robert Kowalewski", Person("Bob Kovalevsky"), true),
    ("name", "Jean-Pierre Dubois", Person("Jean Pierre Dubois"), true),
    ("name", "William Thackeray", Person("Bill Thackeray"), true),
    ("name", "Dolores Umbridge", Person("Dolores Ambler"), false),
    ("name", "Mario Fontana", Person("Maria Fontana"), false),
    ("name", "Gregory Hines", Person("Gregory Peck"), false),
    ("name", "Zhang Wei", Person("王伟"), false),
    (
        "name",
        "Horatio Nelson",
        Report("They saw Horatio Nelson at the pier."),
        true,
    ),
    (
        "name",
        "Ingrid Bergman",
        Message("it was ingrid bergman again"),
        true,
    ),
    (
        "name",
        "Oscar Wilde",
        Report("Oscar ran off. The wild dog barked."),
        false,
    ),
    ("plate", "KTR-4471", Plate("KTR 4471"), true),
    ("plate", "B0S-518", Plate("BOS 5I8"), true),
    ("plate", "А123ВС77", Plate("A123BC77"), true),
    ("plate", "QWX-90", Plate("QWX-9021"), true),
    ("plate", "HHJ 3?7", Plate("HHJ 327"), true),
    ("plate", "LMN-6642", Plate("LMN-6643"), false),
    ("plate", "VVT-1180", Plate("VVT-118"), true),
    (
        "plate",
        "RRD-7719",
        Timeline("A van, rrd 7719, turned left"),
        true,
    ),
    (
        "plate",
        "PPK-3308",
        Timeline("A van, PPK 3309, turned left"),
        false,
    ),
    ("plate", "ZKM-?904", Report("car ZKM-4904 seen"), true),
    ("plate", "WDN-?316", Evidence("Photo of WDN-4316"), true),
    ("plate", "PLW-6642", Report("car PLW-66?2 seen"), true),
    ("plate", "PLV-6614", Report("saw PLV66??"), true),
    ("plate", "PLX-6614", Timeline("PLX-6??? turned left"), true),
    ("plate", "PLZ-6614", Report("was it PLZ6614??"), true),
    ("plate", "PLY-6614", Report("not PLY6??5 but another"), false),
    ("plate", "QRT-7741", Report("car QRT\u{2011}7741"), true),
    ("plate", "QRV-7741", Report("car QRV\u{2010}77?1"), true),
    ("plate", "QRX-77?2", Message("car QRX\u{2012}7742"), true),
    ("plate", "QRZ-7741", Message("car QRZ\u{2013}7741"), true),
    (
        "phone",
        "+12075550147",
        Message("Ring me on 207\u{2012}555\u{2011}0147"),
        true,
    ),
    ("plate", "GGH-5?18", Report("It was GGH 5518."), true),
    ("plate", "UUC-7?35", Report("It was UUC 7536."), false),
    ("plate", "FFJ-2291", Message("it begins with FFJ-22"), true),
    ("phone", "+12075550148", Phone("+12075550148"), true),
    ("phone", "(207) 555-0199", Phone("+12075550199"), true),
    (
        "phone",
        "+491701234567",
        Report("Er rief von 0170 / 123 45 67 an."),
        true,
    ),
    ("phone", "+12075550111", Phone("+12075550112"), false),
    ("phone", "+12075550122", Message("Ring me on 207-555-0123"), false),
    ("identifier", "D123-4567-8901", Document("D12345678901"), true),
    ("identifier", "SN/88-1729-X", Serial("sn88 1729x"), true),
    (
        "identifier",
        "s.reed@mail.example",
        Report("Mail came from S.Reed@mail.example."),
        true,
    ),
    (
        "identifier",
        "1FTFW1ET5DFC10312",
        Evidence("Plate of the engine, VIN 1FTFW1ET5DFC10312"),
        true,
    ),
    ("identifier", "X99-5521", Document("X99-5522"), false),
    ("identifier", "GH-2201", Report("Room GH-22017 was empty"), false),
    (
        "identifier",
        "mole@agency.example",
        Report("mail mole@agency.example.org please"),
        false,
    ),
    (
        "identifier",
        "owl@agency.example",
        Report("Write to owl@agency.example. Then wait."),
        true,
    ),
    (
        "text",
        "Seaward chartplotter",
        Report("One SEAWARD Chartplotter is gone"),
        true,
    ),
    ("text", "crème brûlée", Message("he asked for creme brulee"), true),
    (
        "text",
        "blue tarpaulin",
        Evidence("Roll of blue tarpaulin, torn"),
        true,
    ),
    ("text", "tar", Evidence("A target of paper"), false),
    (
        "text",
        "silver locket",
        Timeline("A locket of silver was found"),
        false,
    ),
    ("text", "crowbar", Timeline("Two crowbars"), false),
];

/// Files what a record says; gives the record that an alert would be about.
async fn file(served: &TestBox, case: &str, say: Say) -> String {
    let entity = |kind: &str, name: &str, attributes: Json| json!({"kind": kind, "display_name": name, "attributes": attributes});
    let (plural, data) = match say {
        Person(name) => ("entities", entity("person", name, json!({}))),
        Plate(plate) => (
            "entities",
            entity("vehicle", "A vehicle", json!({"plate": plate})),
        ),
        Phone(number) => ("entities", entity("phone", "A phone", json!({"number": number}))),
        Document(number) => {
            let attributes = json!({"identifiers": [{"type": "licence", "value": number}]});
            ("entities", entity("person", "Unknown", attributes))
        }
        Serial(serial) => ("entities", entity("item", "An item", json!({"serial": serial}))),
        Evidence(text) => (
            "evidence",
            json!({"case_id": case, "type": "physical", "description": text}),
        ),
        Timeline(text) => {
            let entry = json!({"timestamp": "2026-03-17T10:00:00Z", "description": text});
            let made = make(served, &format!("cases/{case}/timeline"), entry).await;
            return made["id"].as_str().unwrap().to_owned();
        }
        Report(text) | Message(text) => {
            let told = if matches!(say, Report(_)) {
                text
            } else {
                "Something"
            };
            let report = json!({
                "description": told, "location": {"x": 8.5, "y": 47.3}, "category": {"category_id": 1},
                "reporter": {"name": "Desk", "phone": "+41446681800"},
            });
            let number = make(served, "reports", report).await["report_id"].clone();
            if matches!(say, Message(_)) {
                let path = format!("/v1/reports/{number}/chat/messages");
                served.post(&path, json!([{"text": text}])).await.expect(200);
            }
            let report = served
                .get(&format!("/v1/reports/{number}"))
                .await
                .expect(200)
                .data();
            return report["id"].as_str().unwrap().to_owned();
        }
    };
    make(served, plural, data).await["id"]
        .as_str()
        .unwrap()
        .to_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn labelled_pairs_match_or_do_not_and_none_matches_another() {
    let served = TestBox::start().await;
    served.services().seed_categories(&served.owner()).unwrap();
    let case = make(&served, "cases", json!({"title": "Work"})).await;
    let case = case["display_id"].as_str().unwrap().to_owned();
    let entries: Vec<Json> = PAIRS
        .iter()
        .map(|(sort, value, ..)| json!({"type": sort, "value": value}))
        .collect();
    list(&served, json!(entries)).await;
    let mut expected = BTreeSet::new();
    for (_, value, say, is_it) in PAIRS {
        let record = file(&served, &case, say).await;
        if is_it {
            expected.insert((value.to_owned(), record));
        }
    }
    let text = |json: &Json| json.as_str().unwrap().to_owned();
    let raised = alerts(&served, &served.key).await;
    let found: BTreeSet<_> = raised
        .iter()
        .map(|alert| (text(&alert["entry"]), text(&alert["record_id"])))
        .collect();
    let missed: Vec<_> = expected.difference(&found).collect();
    let wrong: Vec<_> = raised
        .iter()
        .filter(|alert| !expected.contains(&(text(&alert["entry"]), text(&alert["record_id"]))))
        .map(|alert| &alert["reason"])
        .collect();
    assert!(
        missed.is_empty() && wrong.is_empty(),
        "missed {missed:#?}\nwrong {wrong:#?}"
    );
    assert_eq!(found.len(), raised.len());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_day_of_birth_confirms_or_refutes_a_name() {
    let served = TestBox::start().await;
    list(
        &served,
        json!([{"type": "name", "value": "Stephen Marlowe", "dob": "1988-04-02"}]),
    )
    .await;
    let mut ids = Vec::new();
    for dob in [json!("1988-04-02"), json!(null), json!("1971-11-30")] {
        let person = json!({"kind": "person", "display_name": "Stephen Marlowe", "attributes": {"dob": dob}});
        ids.push(make(&served, "entities", person).await["id"].clone());
    }
    let raised = alerts(&served, &served.key).await;
    let score = |id: &Json| {
        raised
            .iter()
            .find(|alert| alert["record_id"] == *id)
            .map(|alert| alert["score"].clone())
    };
    assert_eq!(
        ids.iter().map(score).collect::<Vec<_>>(),
        [Some(json!(1.0)), Some(json!(0.9)), None]
    );
}
