//! The examples of requests in the reference, sent as they stand. Those of batches, reports and pasted lists were refused once.

use std::collections::{BTreeMap, BTreeSet};

use axum::body::Body;
use axum::http::Method;
use blotter::domain::kind::CASE;
use blotter::domain::operation::{Action, Change};
use blotter::domain::value::Value;
use blotter::services::demo::photo::Scene;
use serde_json::{Value as Json, json};

use crate::images::photo;
use crate::reports::{parted, upload};
use crate::support::testbox::{Answer, TestBox};

/// What is made by its own example before the rest, each after what it names.
const FIRST: [&str; 18] = [
    "cases",
    "entities",
    "evidence",
    "reports",
    "watchlists",
    "watchlist-entries",
    "alerts",
    "notes",
    "timeline",
    "users",
    "keys",
    "webhooks",
    "offices",
    "teams",
    "locations",
    "categories",
    "units",
    "forms",
];
/// What is made anew for each operation: some end it.
const ANEW: [&str; 9] = [
    "cases",
    "entities",
    "evidence",
    "reports",
    "watchlists",
    "alerts",
    "notes",
    "timeline",
    "keys",
];

const AGENCY: &str = "harbor";

struct Reader {
    test: TestBox,
    key: String,
    /// The last record made of each kind by its plural; beside them `other`, an entity.
    ids: BTreeMap<String, Json>,
    sent: BTreeSet<String>,
}

impl Reader {
    async fn start() -> Self {
        let test = TestBox::start().await;
        let Value::Map(fields) = Value::from(json!({"slug": AGENCY, "name": "x"})) else {
            unreachable!()
        };
        test.services().found_tenant(&test.owner(), fields).unwrap();
        assert!(
            test.services()
                .know_node(&test.desk().owner_of(AGENCY), "desk")
                .unwrap()
        );
        let key = test.key_for(AGENCY, &["*", "records:expunge"], &["query", "events"]);
        let ids = BTreeMap::new();
        let mut reader = Self {
            test,
            key,
            ids,
            sent: BTreeSet::new(),
        };
        for plural in ["nodes", "tenants"] {
            let list = reader
                .test
                .get_as(&reader.key, &format!("/v1/{plural}"))
                .await
                .expect(200)
                .data();
            reader.ids.insert(plural.to_owned(), list[0]["id"].clone());
        }
        reader
    }

    /// Sends an operation's example with ids of records that are there.
    async fn send(&mut self, method: &str, path: &str, operation: &Json) -> Answer {
        let content = operation["requestBody"]["content"].as_object().unwrap();
        let (media, form) = content.iter().next().unwrap();
        let path = self.path(path);
        self.sent
            .insert(operation["operationId"].as_str().unwrap().to_owned());
        if media == "multipart/form-data" {
            let picture = photo(Scene::Plate, "KTR-4471");
            let data = form["schema"]["properties"]["data"]["example"].to_string();
            let mut parts = vec![("files", Some("photo.jpg"), &picture[..])];
            if data != "null" {
                parts.push(("data", None, data.as_bytes()));
            }
            return self
                .test
                .send(upload(&path, &self.key, Body::from(parted(&parts))))
                .await;
        }
        let mut body = form["example"].clone();
        assert!(body.is_object(), "{method} {path} has no example");
        let told = operation["description"].as_str().unwrap();
        assert!(
            told.contains(&format!("-d '{body}'")) && !body.to_string().contains('\''),
            "{told}"
        );
        self.put_ids(&path, &mut body);
        let method: Method = method.to_uppercase().parse().unwrap();
        let request = TestBox::request(method, &path, Some(&self.key), &[], Some(&body));
        self.test.send(request).await
    }

    fn path(&self, path: &str) -> String {
        let plural = path.trim_start_matches("/v1").split('/').nth(1).unwrap();
        let plural = if plural == "conflicts" { "cases" } else { plural };
        let parts = path.split('/').map(|part| match part {
            "{id}" => plain(&self.ids[plural]),
            "{external_id}" => "cad-17".to_owned(),
            part => part.to_owned(),
        });
        let path = parts.collect::<Vec<_>>().join("/");
        assert!(!path.contains('{'), "say here what {path} means");
        path
    }

    /// Members of these names name records.
    fn put_ids(&self, path: &str, json: &mut Json) {
        match json {
            Json::Array(items) => items.iter_mut().for_each(|item| self.put_ids(path, item)),
            Json::Object(members) => {
                for (name, member) in members {
                    let plural = match name.as_str() {
                        "case_id" | "record_id" => "cases",
                        "entity_id" | "to" if path.contains("/entities") => "other",
                        "watchlist_id" => "watchlists",
                        "versions" | "follows" => name.as_str(),
                        _ => {
                            self.put_ids(path, member);
                            continue;
                        }
                    };
                    // An earlier row of the same body.
                    if !member.as_str().is_some_and(|id| id.starts_with("ext:")) {
                        *member = self.ids[plural].clone();
                    }
                }
            }
            _ => {}
        }
    }

    /// Makes a record by the example of its kind.
    async fn make(&mut self, document: &Json, plural: &str) {
        let path = match plural {
            "notes" | "timeline" => format!("/v1/cases/{{id}}/{plural}"),
            _ => format!("/v1/{plural}"),
        };
        let made = self.send("post", &path, &document["paths"][&path]["post"]).await;
        let mut made = made.expect(201).data();
        let id = match plural {
            "reports" => made["report_id"].take(),
            _ => made["id"].take(),
        };
        let before = self.ids.insert(plural.to_owned(), id.clone());
        if plural == "entities" {
            self.ids.insert("other".to_owned(), before.unwrap_or(id));
        }
        if plural == "cases" {
            self.disagree();
        }
    }

    /// A record has no member that the document does not tell of.
    async fn finds_what_is_told(&self, document: &Json) {
        for plural in FIRST {
            let path = format!("/v1/{plural}/{{id}}");
            let answers = &document["paths"][&path]["get"]["responses"]["200"];
            let form = &answers["content"]["application/json"]["schema"]["properties"]["data"];
            let form = match form["$ref"].as_str() {
                Some(name) => document.pointer(name.trim_start_matches('#')).unwrap(),
                None => form,
            };
            let read = self
                .test
                .get_as(&self.key, &self.path(&path))
                .await
                .expect(200)
                .data();
            for member in read.as_object().unwrap().keys() {
                assert!(form["properties"][member].is_object(), "{path}: {member}");
            }
        }
    }

    /// Reads what the example of this path names.
    async fn read(&mut self, path: &str) {
        let (name, read) = match path {
            "/v1/conflicts/{id}" => ("versions", format!("/v1/cases/{}", plain(&self.ids["cases"]))),
            "/v1/evidence/{id}/custody" => ("follows", self.path(path)),
            _ => return,
        };
        let data = self.test.get_as(&self.key, &read).await.expect(200).data();
        let named = match name {
            "versions" => {
                let alive = data["conflicts"]["title"].as_array().unwrap().iter();
                alive.map(|version| version["version"].clone()).collect()
            }
            name => data[name].clone(),
        };
        self.ids.insert(name.to_owned(), named);
    }

    /// A write on the last case that has not seen the first one, as from a unit that was apart.
    fn disagree(&mut self) {
        let title = Change::new("title", Action::Set(Value::text("Bicycle lost")));
        let desk = self.test.desk();
        desk.change_apart(
            &desk.owner_of(AGENCY),
            (&CASE, &plain(&self.ids["cases"])),
            vec![title],
        );
    }
}

fn plain(id: &Json) -> String {
    id.as_str().map_or_else(|| id.to_string(), str::to_owned)
}

#[tokio::test]
async fn every_example_of_the_reference_is_taken_as_it_stands() {
    let mut reader = Reader::start().await;
    let document = reader.test.get("/openapi.json").await.expect(200).json();
    for plural in FIRST {
        reader.make(&document, plural).await;
    }
    reader.make(&document, "entities").await;
    reader.finds_what_is_told(&document).await;
    // Who has a password signs in with it.
    let path = "/v1/users/{id}/password";
    reader
        .send("post", path, &document["paths"][path]["post"])
        .await
        .expect(200);
    let mut refused = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let is_sent = reader.sent.contains(operation["operationId"].as_str().unwrap());
            if operation.get("requestBody").is_none() || is_sent {
                continue;
            }
            let plural = path.trim_start_matches("/v1").split('/').nth(1).unwrap();
            let plural = if plural == "conflicts" { "cases" } else { plural };
            if path.contains("{id}") && ANEW.contains(&plural) {
                reader.make(&document, plural).await;
            }
            reader.read(path).await;
            let answer = reader.send(method, path, operation).await;
            // POST of the same example has given it away.
            let is_taken = answer.status == 409 && answer.messages()[0].ends_with("has this name");
            if !((200..300).contains(&answer.status) || is_taken && method == "put") {
                refused.push(format!(
                    "{method} {path}: {} {:?}",
                    answer.status,
                    answer.messages()
                ));
            }
        }
    }
    assert_eq!(refused, Vec::<String>::new());
    assert!(reader.sent.len() > 80, "{} examples", reader.sent.len());
}
