//! Parts of records (who is on a team, what a list looks for, how a file was taken) say in GraphQL what they say over REST.

use std::collections::{BTreeMap, BTreeSet};

use axum::body::Body;
use blotter::domain::kind::KINDS;
use blotter::services::demo::photo::Scene;
use serde_json::{Value as Json, json};

use crate::graphql::{ask_as, data};
use crate::images::photo;
use crate::reports::{parted, upload};
use crate::support::testbox::{METRO, TestBox};

/// Fields that REST has at a route of their own, or under another name.
const ELSEWHERE: [&str; 3] = ["conflicts", "chainOfCustody", "assignedTeam"];

/// The types of the schema: of each its fields with their types, and those that are records.
struct Schema {
    fields: BTreeMap<String, Vec<(String, String)>>,
    records: BTreeSet<String>,
    leaves: BTreeSet<String>,
}

impl Schema {
    async fn of(served: &TestBox) -> Self {
        let query = "{ __schema { types { name kind interfaces { name } fields { name type {
            name ofType { name ofType { name ofType { name } } } } } } } }";
        let told = data(&ask_as(served, &served.key, query, json!({})).await);
        let mut schema = Self {
            fields: BTreeMap::new(),
            records: BTreeSet::new(),
            leaves: BTreeSet::new(),
        };
        for ty in told["__schema"]["types"].as_array().unwrap() {
            let name = ty["name"].as_str().unwrap().to_owned();
            let interfaces = ty["interfaces"].as_array().cloned().unwrap_or_default();
            if interfaces.iter().any(|one| one["name"] == "Record") {
                schema.records.insert(name.clone());
            }
            match ty["kind"].as_str() {
                Some("SCALAR" | "ENUM") => drop(schema.leaves.insert(name.clone())),
                Some("INTERFACE" | "UNION") => drop(schema.records.insert(name.clone())),
                _ => {}
            }
            let fields = ty["fields"].as_array().cloned().unwrap_or_default();
            let fields = fields.iter().map(|field| {
                let mut ty = &field["type"];
                while ty["name"].is_null() {
                    ty = &ty["ofType"];
                }
                let text = |json: &Json| json.as_str().unwrap().to_owned();
                (text(&field["name"]), text(&ty["name"]))
            });
            schema.fields.insert(name, fields.collect());
        }
        schema
    }

    /// The fields of a type that are parts: of several values, and no records themselves.
    fn parts(&self, ty: &str) -> impl Iterator<Item = &(String, String)> {
        self.fields[ty].iter().filter(|(name, ty)| {
            let is_part = !self.leaves.contains(ty) && !self.records.contains(ty);
            is_part && !ty.ends_with("Connection") && !ELSEWHERE.contains(&name.as_str())
        })
    }

    /// All that a part says, but for the records that it names.
    fn said_by(&self, ty: &str) -> String {
        let plain = self.fields[ty].iter().filter(|(_, ty)| self.leaves.contains(ty));
        let mut words: Vec<String> = plain.map(|(name, _)| name.clone()).collect();
        let parts = self.parts(ty);
        words.extend(parts.map(|(name, ty)| format!("{name} {{ {} }}", self.said_by(ty))));
        words.join(" ")
    }
}

fn camel(word: &str) -> String {
    let mut parts = word.split('_');
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |name, part| name + &part[..1].to_uppercase() + &part[1..])
}

/// What REST tells as GraphQL would.
fn in_camel(json: &Json) -> Json {
    match json {
        Json::Object(members) => {
            let members = members.iter().filter(|(_, value)| !value.is_null());
            members
                .map(|(name, value)| (camel(name), in_camel(value)))
                .collect()
        }
        Json::Array(list) => list.iter().map(in_camel).collect(),
        plain => plain.clone(),
    }
}

/// Without what is null or empty.
fn filled(json: &Json) -> Json {
    match json {
        Json::Object(members) => {
            let members = members.iter().map(|(name, value)| (name.clone(), filled(value)));
            members
                .filter(|(_, value)| !value.is_null() && *value != json!([]))
                .collect()
        }
        Json::Array(list) => list.iter().map(filled).collect(),
        plain => plain.clone(),
    }
}

/// Records with every part that there is.
async fn world(served: &TestBox, key: &str) {
    served.services().seed_categories(&served.owner()).unwrap();
    served.services().know_node(&served.owner(), "desk").unwrap();
    let make = async |plural: &str, given: Json| {
        served
            .post(&format!("/v1/{plural}"), given)
            .await
            .expect(201)
            .data()
    };
    let list = json!({"name": "Quays", "purpose": "x", "entries": [
        {"type": "name", "value": "Stephen Marlowe", "dob": "1988-04-02", "aliases": ["Steve"], "note": "tall"},
        {"type": "plate", "value": "KTR-4?71"}]});
    make("watchlists", list).await;
    let paper =
        json!({"type": "passport", "value": "X-12345", "issued_by": "CH", "expires_on": "2030-01-01"});
    let person =
        json!({"kind": "person", "display_name": "Stephen Marlowe", "attributes": {"identifiers": [paper]}});
    let person = make("entities", person).await["id"].clone();
    let twin = make("entities", json!({"kind": "person", "display_name": "Ann"})).await["id"].clone();
    let tie = json!({"to": twin, "role": "sister", "valid_from": "2020-01-01T00:00:00Z"});
    let path = format!("/v1/entities/{}/relationships", person.as_str().unwrap());
    served.post(&path, tie).await.expect(201);
    let case = json!({"title": "Pier", "place": {"name": "Quay", "latitude": 43.5, "longitude": -70.25},
        "team": [{"name": "Ana", "role": "lead"}], "entities": [{"entity_id": person, "role": "witness"}]});
    let case = make("cases", case).await["id"].clone();
    let item = json!({"case_id": case, "type": "photo", "description": "x", "place": {"name": "shed"}});
    let item = make("evidence", item).await["id"].clone();
    let picture = photo(Scene::Plate, "KTR-4471");
    let files = Body::from(parted(&[("files", Some("a.jpg"), &picture)]));
    let path = format!("/v1/evidence/{}/files", item.as_str().unwrap());
    served.send(upload(&path, key, files)).await.expect(201);
    let report = json!({"location": {"x": 8.5, "y": 47.3}, "category": {"category_id": 5, "subcategory_id": 6},
        "reporter": {"name": "Desk", "phone": "+41446681800"}});
    make("reports", report).await;
    let unit = make("units", json!({"name": "Car 12"})).await["id"].clone();
    let position = json!({"position": {"latitude": 43.5, "longitude": -70.25, "accuracy_meters": 5.0}});
    let path = format!("/v1/units/{}", unit.as_str().unwrap());
    served.patch(&path, position).await.expect(200);
    let filter = json!({"eventTypes": ["case.*"], "caseIds": [case], "minSeverity": "high"});
    let hook = json!({"name": "x", "url": "https://desk.example.org/hook", "filter": filter});
    make("webhooks", hook).await;
    let path = format!("/v1/cases/{}/notes", case.as_str().unwrap());
    let note = served.post(&path, json!({"text": "x"})).await.expect(201).data()["id"].clone();
    let path = format!("/v1/notes/{}/expunge", note.as_str().unwrap());
    let order = json!({"data": {"order": "Order 1", "reason": "x"}});
    let order = TestBox::request(axum::http::Method::POST, &path, Some(key), &[], Some(&order));
    served.send(order).await.expect(201);
    let gauge = served.watching.gauge();
    let patience = std::time::Duration::from_secs(60);
    let settled = tokio::task::spawn_blocking(move || gauge.wait(patience));
    assert!(settled.await.unwrap().unwrap());
}

/// The entries of a watchlist were taken for records of the same name: they gave null, and their ids a fault of ours.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_part_of_a_record_says_what_it_says_over_rest() {
    let served = TestBox::start().await;
    let scopes = ["*", "records:expunge", "nodes:admin"];
    let key = served.key_for(METRO, &scopes, &["query"]);
    world(&served, &key).await;
    let schema = Schema::of(&served).await;
    let (mut met, mut known) = (BTreeSet::new(), BTreeSet::new());
    for ty in &schema.records {
        known.extend(schema.parts(ty).map(|(_, part)| part.clone()));
    }
    for kind in KINDS {
        let listed = served
            .get_as(&key, &format!("/v1/{}?limit=100", kind.plural))
            .await;
        let records = match listed.status {
            200 => listed.data().as_array().cloned().unwrap_or_default(),
            _ => Vec::new(),
        };
        for record in records {
            let id = record["id"].clone();
            let ask = async |inner: &str| {
                let query = format!("query($id: ID!) {{ record(id: $id) {{ __typename {inner} }} }}");
                data(&ask_as(&served, &key, &query, json!({ "id": id })).await)["record"].clone()
            };
            let ty = ask("").await["__typename"].as_str().unwrap().to_owned();
            let parts = schema.parts(&ty);
            let words: Vec<String> = parts
                .map(|(name, ty)| format!("{name} {{ {} }}", schema.said_by(ty)))
                .collect();
            if words.is_empty() {
                continue;
            }
            let told = ask(&format!("... on {ty} {{ {} }}", words.join(" "))).await;
            let mut rest = in_camel(&record);
            if let Some(Json::Object(attributes)) = rest.get("attributes").cloned() {
                rest.as_object_mut().unwrap().extend(attributes);
            }
            for (name, part) in schema.parts(&ty) {
                let (told, rest) = (filled(&told[name]), filled(&rest[name]));
                let is_empty = |json: &Json| json.is_null() || *json == json!([]);
                assert!(
                    told == rest || is_empty(&told) && is_empty(&rest),
                    "{ty}.{name}: {told} {rest}"
                );
                if !is_empty(&told) {
                    met.insert(part.clone());
                }
            }
        }
    }
    assert_eq!(met, known, "a part of each kind is there");
}
