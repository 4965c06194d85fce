//! Every route of the table against every kind of stranger: nobody, a key without the scope, a key of another agency.

use std::collections::BTreeMap;

use blotter::lanes::http::route::{Route, Scope, Takes};
use serde_json::{Value as Json, json};

use crate::support::testbox::{Answer, Connection, TestBox};

/// A record of every kind that can be made over HTTP, by the first part of its path.
async fn records(test: &TestBox) -> BTreeMap<String, Json> {
    let samples = [
        ("cases", json!({"title": "x"})),
        ("entities", json!({"kind": "person", "display_name": "x"})),
        (
            "evidence",
            json!({"case_id": "INV-2026-0001", "type": "photo", "description": "x"}),
        ),
        ("watchlists", json!({"name": "x", "purpose": "x"})),
        ("alerts", json!({"record_id": "INV-2026-0001", "reason": "x"})),
        ("teams", json!({"name": "x"})),
        ("offices", json!({"name": "x"})),
        ("forms", json!({"name": "x", "for": "cases", "schema": [1]})),
        ("locations", json!({"name": "x"})),
        ("categories", json!({"text": "x"})),
        (
            "timeline",
            json!({"timestamp": "2026-03-01T00:00:00Z", "description": "x"}),
        ),
        ("notes", json!({"text": "x"})),
    ];
    let mut made = BTreeMap::new();
    for (plural, data) in samples {
        let path = match plural {
            "timeline" | "notes" => format!("/v1/cases/INV-2026-0001/{plural}"),
            _ => format!("/v1/{plural}"),
        };
        made.insert(plural.to_owned(), test.post(&path, data).await.expect(201).data());
    }
    made
}

fn plural(route: &Route) -> String {
    let path = route.path.strip_prefix("/v1").unwrap_or(&route.path);
    path.split('/').nth(1).unwrap_or_default().to_owned()
}

fn path(route: &Route, records: &BTreeMap<String, Json>) -> String {
    let record = records.get(&plural(route)).unwrap_or(&records["cases"]);
    let id = record["id"].as_str().unwrap();
    let parts = route
        .path
        .split('/')
        .map(|part| if part.starts_with('{') { id } else { part });
    parts.collect::<Vec<_>>().join("/")
}

async fn send(connection: &mut Connection, route: &Route, path: &str, key: Option<&str>) -> Answer {
    let body = json!({"data": {"tags": ["x"], "title": "stolen"}});
    let body = (!matches!(route.takes, Takes::Nothing)).then_some(&body);
    let request = TestBox::request(route.method.clone(), path, key, &[], body);
    connection.send(request).await
}

fn guarded() -> impl Iterator<Item = Route> {
    blotter::lanes::routes()
        .into_iter()
        .filter(|route| route.scope != Scope::Open)
}

#[tokio::test]
async fn nobody_comes_in_without_a_credential_and_nobody_does_what_its_scopes_do_not_say() {
    let test = TestBox::start().await;
    let records = records(&test).await;
    let (useless, other) = (test.key_with(&["nodes:admin"]), test.key_with(&["keys:admin"]));
    let mut routes = 0;
    for route in guarded() {
        let path = path(&route, &records);
        let nobody = send(&mut test.connect().await, &route, &path, None).await;
        assert_eq!(
            (nobody.status, nobody.codes().concat().as_str()),
            (401, "UNAUTHORIZED"),
            "{route:?}"
        );
        let Scope::Needs(scope) = &route.scope else {
            continue;
        };
        let key = if scope == "nodes:admin" { &other } else { &useless };
        let denied = send(&mut test.connect().await, &route, &path, Some(key)).await;
        assert_eq!(denied.status, 403, "{route:?}: {:?}", denied.messages());
        assert!(
            denied.messages()[0].contains(scope.as_str()),
            "{route:?}: {:?}",
            denied.messages()
        );
        routes += 1;
    }
    assert!(routes > 80, "{routes} routes with a scope");
}

#[tokio::test]
async fn another_agencys_records_are_not_there() {
    let test = TestBox::start().await;
    let records = records(&test).await;
    let harbor = test.key_for("harbor", &["*"], &["query"]);
    for route in guarded() {
        let path = path(&route, &records);
        let answer = send(&mut test.connect().await, &route, &path, Some(&harbor)).await;
        let names_one = route.path.contains("{id}");
        match (route.method.as_str(), names_one) {
            ("GET", true) => assert_eq!(answer.status, 404, "{route:?}: {:?}", answer.json()),
            ("GET", false) => {
                let text = String::from_utf8_lossy(&answer.bytes).into_owned();
                for record in records.values() {
                    assert!(
                        !text.contains(record["id"].as_str().unwrap()),
                        "{route:?} tells {text}"
                    );
                }
            }
            (_, true) => assert!(
                matches!(answer.status, 400 | 404 | 415),
                "{route:?}: {} {:?}",
                answer.status,
                answer.json()
            ),
            (_, false) => assert!(answer.status < 500, "{route:?}: {:?}", answer.json()),
        }
    }
    for (plural, record) in &records {
        let id = record["id"].as_str().unwrap();
        let now = test.get(&format!("/v1/{plural}/{id}")).await.expect(200).data();
        assert_eq!(&now, record, "{plural}");
    }
}
