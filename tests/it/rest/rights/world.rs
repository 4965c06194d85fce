//! Two agencies in one box, each with a record of every kind, and everybody who may ask: a user of each role, and a key.

use std::collections::BTreeMap;

use axum::body::Body;
use axum::http::{Method, Request};
use blotter::domain::kind::{Kind, NODE, Shape};
use blotter::domain::value::Value;
use blotter::lanes::http::route::{Route, Scope, Takes};
use blotter::services::caller::Role;
use blotter::services::casebook::Listing;
use blotter::services::demo::photo::Scene;
use blotter::services::policy;
use serde_json::{Value as Json, json};

use crate::images::photo;
use crate::reports::{BOUNDARY, parted};
use crate::support::testbox::{Answer, Connection, TestBox};

const PASSWORD: &str = "correct horse battery";

/// By what somebody is known.
#[derive(Clone, Debug)]
pub(super) enum Credential {
    Cookie(Role, String),
    Key(String),
}

impl Credential {
    /// Whether this one may come in at all.
    pub(super) fn passes(&self, scope: &Scope) -> bool {
        match (self, scope) {
            // The right to expunge is an administrator's; no `*` of a key holds it.
            (who, Scope::Needs(scope)) if scope == policy::EXPUNGE => {
                matches!(who, Self::Cookie(Role::Administrator, _))
            }
            (Self::Cookie(role, _), Scope::Needs(scope)) => policy::scopes_of(*role).any(|own| own == scope),
            _ => true,
        }
    }

    pub(super) fn name(&self) -> String {
        match self {
            Self::Cookie(role, _) => role.word().to_owned(),
            Self::Key(_) => "key".to_owned(),
        }
    }
}

/// An agency and what it has.
pub(super) struct Agency {
    /// A user of each role, and last a key that may do all that a scope says.
    pub(super) callers: Vec<Credential>,
    /// The id of a record of each kind, by plural. Beside them: `other` (an entity), `sha256` (a file of the evidence) and
    /// `category` (a number).
    pub(super) ids: BTreeMap<String, String>,
}

impl Agency {
    /// Who may do everything.
    pub(super) fn administrator(&self) -> &Credential {
        &self.callers[3]
    }
}

/// A connection on which requests follow one another.
pub(super) struct Desk<'t> {
    test: &'t TestBox,
    connection: Connection,
    picture: Vec<u8>,
    made: u32,
}

impl<'t> Desk<'t> {
    pub(super) async fn of(test: &'t TestBox) -> Self {
        Self {
            test,
            connection: test.connect().await,
            picture: photo(Scene::Plate, "KTR-4471"),
            made: 0,
        }
    }

    /// Sends JSON, a picture for routes that take files, or nothing.
    pub(super) async fn send(
        &mut self,
        who: &Credential,
        (method, path): (&Method, &str),
        body: Option<&Json>,
    ) -> Answer {
        self.connection.send(request(who, method, path, body)).await
    }

    /// The same, by a route of the table.
    pub(super) async fn ask(
        &mut self,
        who: &Credential,
        route: &Route,
        path: &str,
        body: Option<&Json>,
    ) -> Answer {
        if matches!(route.takes, Takes::Multipart(_)) {
            let parts = parted(&[("files", Some("a.jpg"), &self.picture)]);
            let mut request = request(who, &route.method, path, None);
            let media = format!("multipart/form-data; boundary={BOUNDARY}");
            request
                .headers_mut()
                .insert("content-type", media.parse().unwrap());
            *request.body_mut() = Body::from(parts);
            // Who is refused before the files are read is cut off.
            return self.test.send(request).await;
        }
        self.send(who, (&route.method, path), body).await
    }

    /// A word that was not used before.
    pub(super) fn new_word(&mut self) -> String {
        self.made += 1;
        format!("new-{}", self.made)
    }
}

fn request(who: &Credential, method: &Method, path: &str, body: Option<&Json>) -> Request<Body> {
    let mut headers = vec![("x-request-id", "same"), ("sec-fetch-site", "same-origin")];
    let key = match who {
        Credential::Key(key) => Some(key.as_str()),
        Credential::Cookie(_, cookie) => {
            headers.push(("cookie", cookie));
            None
        }
    };
    TestBox::request(method.clone(), path, key, &headers, body)
}

/// A new agency with its people; it has no record of its own but itself and them.
pub(super) async fn found(desk: &mut Desk<'_>, slug: &str) -> Agency {
    let test = desk.test;
    let owner = test.desk().owner_of("metro");
    let Value::Map(fields) = Value::from(json!({"slug": slug, "name": slug})) else {
        unreachable!()
    };
    let tenant = test.services().create_tenant(&owner, fields).unwrap();
    let inside = test.desk().owner_of(slug);
    test.services().seed_categories(&inside).unwrap();
    assert!(test.services().know_node(&inside, slug).unwrap());
    let mut callers = Vec::new();
    for role in [Role::Viewer, Role::Officer, Role::Supervisor, Role::Administrator] {
        let email = format!("{}@{slug}.example", role.word());
        let user = json!({"email": email, "name": "x", "role": role.word(), "password": PASSWORD});
        let Value::Map(fields) = Value::from(user) else {
            unreachable!()
        };
        test.services().create_user(&inside, fields, None).unwrap();
        let body = json!({"data": {"email": email, "password": PASSWORD}});
        let request = TestBox::request(Method::POST, "/v1/session", None, &[], Some(&body));
        let signed_in = desk.connection.send(request).await.expect(201);
        let cookie = signed_in
            .header("set-cookie")
            .split(';')
            .next()
            .unwrap()
            .to_owned();
        callers.push(Credential::Cookie(role, cookie));
    }
    callers.push(Credential::Key(test.key_for(slug, &["*"], &["query", "events"])));
    let nodes = test.services().list(&inside, &NODE, &Listing::default()).unwrap();
    let ids = BTreeMap::from([
        ("tenants".to_owned(), tenant.records[0].id.to_string()),
        ("nodes".to_owned(), nodes.records[0].id.to_string()),
    ]);
    Agency { callers, ids }
}

/// What is made for an agency, each after what it names.
const FURNITURE: [&str; 19] = [
    "offices",
    "users",
    "teams",
    "units",
    "cases",
    "entities",
    "other",
    "evidence",
    "timeline",
    "notes",
    "watchlists",
    "watchlist-entries",
    "alerts",
    "forms",
    "locations",
    "categories",
    "keys",
    "webhooks",
    "reports",
];

/// A record of every kind, made over HTTP by the administrator; its case is of this class.
pub(super) async fn furnish(desk: &mut Desk<'_>, agency: &mut Agency, class: &str) {
    let who = agency.administrator().clone();
    // Each agency has a picture that the other has not.
    desk.picture = photo(Scene::Plate, &agency.ids["tenants"][28..]);
    for plural in FURNITURE {
        let (path, mut data) = sample(plural, &agency.ids, desk);
        if plural == "cases" {
            data["classification"] = class.into();
        }
        let made = desk
            .send(&who, (&Method::POST, &path), Some(&json!({"data": data})))
            .await;
        let made = made.expect(201).data();
        if plural == "categories" {
            let number = made["display_id"].as_str().unwrap();
            agency.ids.insert("category".to_owned(), number.to_owned());
        }
        let mut id = made["id"].as_str().map(str::to_owned);
        if plural == "reports" {
            let path = format!("/v1/reports/{}", made["report_id"]);
            id = desk.send(&who, (&Method::GET, &path), None).await.data()["id"]
                .as_str()
                .map(str::to_owned);
        }
        agency.ids.insert(plural.to_owned(), id.unwrap());
    }
    let note = format!("/v1/cases/{}/notes", agency.ids["cases"]);
    let note = desk
        .send(
            &who,
            (&Method::POST, &note),
            Some(&json!({"data": {"text": "gone"}})),
        )
        .await;
    let path = format!("/v1/notes/{}/expunge", note.data()["id"].as_str().unwrap());
    let order = json!({"data": {"order": "4 Ds 113/26", "reason": "acquitted"}});
    let receipt = desk
        .send(&who, (&Method::POST, &path), Some(&order))
        .await
        .expect(201);
    let receipt = receipt.data()["id"].as_str().unwrap().to_owned();
    agency.ids.insert("erasures".to_owned(), receipt);
    for (plural, part) in [("evidence", "files"), ("reports", "images")] {
        let route = blotter::lanes::routes().into_iter().find(|route| {
            route.method == Method::POST && route.path == format!("/v1/{plural}/{{id}}/{part}")
        });
        let path = format!("/v1/{plural}/{}/{part}", agency.ids[plural]);
        let added = desk.ask(&who, &route.unwrap(), &path, None).await;
        assert!(added.status < 300, "{:?}", added.json());
        if let Some(hash) = added.data()["files"][0]["sha256"].as_str() {
            agency.ids.insert("sha256".to_owned(), hash.to_owned());
        }
    }
}

/// Where a record of a kind is made, and of what.
pub(super) fn sample(plural: &str, ids: &BTreeMap<String, String>, desk: &mut Desk<'_>) -> (String, Json) {
    let word = desk.new_word();
    let id = |plural: &str| ids.get(plural).cloned().unwrap_or_default();
    let data = match plural {
        "cases" => json!({"title": "a stolen bicycle", "case_number": word}),
        "entities" | "other" => json!({"kind": "person", "display_name": "Katherine Miller"}),
        "evidence" => json!({"case_id": id("cases"), "type": "photo", "description": "a photo"}),
        "timeline" => json!({"timestamp": "2026-03-01T00:00:00Z", "description": "seen"}),
        "notes" => json!({"text": "a note"}),
        "watchlists" => json!({"name": word, "purpose": "theft"}),
        "watchlist-entries" => json!({"watchlist_id": id("watchlists"), "type": "plate", "value": word}),
        "alerts" => json!({"record_id": id("cases"), "reason": "look"}),
        "forms" => json!({"name": word, "for": "cases", "schema": [1]}),
        "categories" => json!({"text": word}),
        "users" => {
            json!({"email": format!("{word}@{}.example", id("tenants")), "name": "x", "role": "viewer"})
        }
        "keys" => json!({"name": word, "lanes": ["query"], "scopes": ["cases:read"]}),
        "webhooks" => json!({"name": word, "url": "https://desk.example.org/hook", "owner_id": id("keys")}),
        "tenants" => json!({"slug": word, "name": "x"}),
        "reports" => {
            json!({"location": {"x": 8.5, "y": 47.3}, "category": {"category_id": id("category").parse::<i64>().unwrap()},
            "reporter": {"name": "A", "phone": "+41446681800"}})
        }
        "offices" | "teams" | "units" | "locations" => json!({"name": word}),
        other => panic!("say here of what one of {other} is made"),
    };
    let path = match plural {
        "timeline" | "notes" => format!("/v1/cases/{}/{plural}", id("cases")),
        "other" => "/v1/entities".to_owned(),
        _ => format!("/v1/{plural}"),
    };
    (path, data)
}

/// The plural of the kind that a route is about.
pub(super) fn plural(route: &Route) -> &str {
    let path = route.path.strip_prefix("/v1").unwrap_or(&route.path);
    path.split('/').nth(1).unwrap_or_default()
}

/// A body that the route takes from who may do all, said of records of this agency. A route that is new and takes a body must
/// be told here.
pub(super) fn body(route: &Route, ids: &BTreeMap<String, String>, desk: &mut Desk<'_>) -> Option<Json> {
    if matches!(route.takes, Takes::Nothing) {
        return None;
    }
    if let Takes::Own(form) = &route.takes {
        return Some(form()["example"].clone());
    }
    let path = route.path.strip_prefix("/v1").unwrap_or(&route.path);
    let parts: Vec<&str> = path.split('/').skip(1).collect();
    let data = match (route.method.as_str(), &*parts) {
        ("POST", ["session"]) => json!({"email": "x", "password": PASSWORD}),
        ("POST", ["batch"]) => json!([{"kind": "case", "data": {"title": "x"}}]),
        ("POST", [plural]) | ("PUT", [plural, "by-external-id", _]) => sample(plural, ids, desk).1,
        ("PATCH", [plural, "{id}"]) => match *plural {
            "cases" => json!({"title": "y"}),
            "entities" => json!({"display_name": "y"}),
            "evidence" => json!({"description": "y"}),
            "watchlist-entries" => json!({"status": "removed"}),
            "alerts" => json!({"status": "acknowledged"}),
            "categories" => json!({"text": desk.new_word()}),
            "reports" => json!({"status": "resolved"}),
            "users" => json!({"badge": "7"}),
            _ => json!({"name": desk.new_word()}),
        },
        ("POST", ["cases", "{id}", "entities"]) => json!({"entity_id": ids["entities"], "role": "victim"}),
        ("POST", [_, "{id}", plural @ ("timeline" | "notes")]) => sample(plural, ids, desk).1,
        ("POST", ["cases", "{id}", "team"]) => json!({"name": "Ana", "role": "lead"}),
        ("POST", ["cases", "{id}", "tags"]) => json!({"tags": ["red"]}),
        ("POST", ["entities", "{id}", "relationships"]) => json!({"to": ids["other"], "role": "knows"}),
        ("POST", ["entities", "{id}", "same-as"]) => json!({"to": ids["other"]}),
        ("POST", ["evidence", "{id}", "custody"]) => json!({"action": "collect", "follows": []}),
        ("POST", ["evidence" | "reports", "{id}", "files" | "images"]) => Json::Null,
        ("POST", ["alerts", "{id}", "acknowledge" | "escalate"]) => json!({}),
        ("POST", ["alerts", "{id}", "dismiss"]) => json!({"reason": "another one"}),
        ("POST", ["watchlists", "screen"]) => json!({"text": "Ruth Okafor"}),
        ("POST", [_, "{id}", "hold"]) => json!({"reason": "a civil suit"}),
        ("POST", [_, "{id}", "expunge"]) => json!({"order": "4 Ds 113/26", "reason": "acquitted"}),
        ("POST", ["conflicts", "{id}"]) => {
            json!({"field": "title", "versions": [format!("{}/1/0", "ab".repeat(32))], "value": "y", "reason": "because"})
        }
        ("POST", ["webhooks", "{id}", "replay"]) => json!({"after": 0}),
        ("POST", ["keys" | "webhooks", "{id}", "rotate"]) | ("POST", ["reports", "{id}", "case"]) => {
            json!({})
        }
        ("POST", ["users", "{id}", "password"]) => json!({"password": PASSWORD}),
        ("POST", ["reports", "{id}", "chat", "messages"]) => json!([{"text": "hello"}]),
        _ => panic!("say here what {route:?} takes"),
    };
    Some(json!({ "data": data }))
}

/// What a shape takes, at its least.
pub(super) fn example(shape: &Shape) -> Json {
    match shape {
        Shape::Line(_) | Shape::Text(_) => "x".into(),
        Shape::Choice(words) => words[0].into(),
        Shape::Bool => true.into(),
        Shape::Int(least, _) => (*least).into(),
        Shape::Number(..) => 1.into(),
        Shape::Time => "2026-03-01T00:00:00Z".into(),
        Shape::Day => "2026-03-01".into(),
        Shape::Phone => "+41446681800".into(),
        Shape::Email => "x@example.org".into(),
        Shape::Sha256 => "0".repeat(64).into(),
        Shape::List(member, _) => json!([example(member)]),
        Shape::Object(members) => {
            let needed = members.iter().filter(|member| member.required);
            needed
                .map(|member| (member.name.to_owned(), example(&member.shape)))
                .collect()
        }
        Shape::Ref(_) | Shape::Free(_) => json!({}),
    }
}

/// What a shape takes when a record is named in it: each way of naming, with the kind that is named (empty: any).
pub(super) fn naming(shape: &Shape, id: &dyn Fn(&str) -> String) -> Vec<Json> {
    match shape {
        Shape::Ref(kind) => vec![id(kind).into()],
        Shape::List(member, _) => naming(member, id)
            .into_iter()
            .map(|inner| json!([inner]))
            .collect(),
        Shape::Object(members) => {
            let named = members.iter().flat_map(|member| {
                let ways = naming(&member.shape, id).into_iter();
                ways.map(move |inner| (member.name, inner))
            });
            let whole = |(name, inner): (&str, Json)| {
                let mut json = example(shape);
                for member in members.iter().filter(|member| member.required) {
                    // Beside the one that is tried, the others name what is there.
                    if let Shape::Ref(kind) = member.shape {
                        json[member.name] = id(kind).into();
                    }
                }
                json[name] = inner;
                json
            };
            named.map(whole).collect()
        }
        _ => Vec::new(),
    }
}

/// The plural of a kind's name; of any kind, a case.
pub(super) fn plural_of(kind: &str) -> &'static str {
    blotter::domain::kind::kind(kind).map_or("cases", |kind: &Kind| kind.plural)
}
