//! Nothing crosses from one agency to another: what is another's is answered like what is nowhere, to everybody, on every
//! route, wherever it is named.

use std::collections::{BTreeMap, BTreeSet};

use axum::http::Method;
use blotter::domain::kind::{Field, KINDS, Kind, Writer};
use blotter::domain::operation::Merge;
use serde_json::{Value as Json, json};

use crate::rest::rights::world::{
    Agency, Credential, Desk, found, furnish, naming, plural, plural_of, sample,
};
use crate::rest::rights::{NONE, check_hidden, guarded, list_path, own, path, told};
use crate::support::testbox::TestBox;

/// Two agencies; the second has more of everything that is numbered.
async fn two(desk: &mut Desk<'_>) -> (Agency, Agency) {
    let mut east = found(desk, "east").await;
    let mut west = found(desk, "west").await;
    furnish(desk, &mut east, "open").await;
    furnish(desk, &mut west, "open").await;
    furnish(desk, &mut west, "open").await;
    (east, west)
}

/// Every record of an agency as it is now.
async fn everything(desk: &mut Desk<'_>, agency: &Agency) -> BTreeMap<String, Json> {
    let mut all = BTreeMap::new();
    let lists = guarded().filter(|route| route.method == Method::GET && !route.path.contains('{'));
    // The head of the log is the appliance's own, whoever wrote last.
    let lists = lists.filter(|route| route.path != "/v1/log/consistency");
    for route in lists.filter(|route| !matches!(plural(route), "audit" | "session" | "search")) {
        let answer = desk
            .ask(agency.administrator(), &route, &list_path(&route, ""), None)
            .await
            .expect(200);
        all.insert(route.path, answer.data());
    }
    all
}

#[tokio::test]
async fn a_foreign_record_is_answered_like_none_on_every_route_to_everybody() {
    let test = TestBox::start().await;
    let mut desk = Desk::of(&test).await;
    let (east, west) = two(&mut desk).await;
    let before = everything(&mut desk, &west).await;
    let (mut foreign, mut mine) = (0, 0);
    for route in guarded() {
        for who in &east.callers {
            let name = |part: &str| match part {
                "id" | "other" | "sha256" => Some(own(&west, &route, part).to_owned()),
                _ => None,
            };
            foreign += check_hidden(&mut desk, (&east, who), &route, &name).await;
        }
    }
    // The same requests about what is one's own succeed, so nothing but the record was wrong with them.
    for route in guarded().filter(|route| route.path.contains('{')) {
        // Who may expunge would leave nothing for the routes after.
        let destroys = |who: &&Credential| route.path.ends_with("/expunge") && who.passes(&route.scope);
        for who in east.callers.iter().filter(|who| !destroys(who)) {
            let data = super::body(&route, &east.ids, &mut desk);
            let word = desk.new_word();
            let path = path(&route, &|part| match part {
                "external_id" => word.clone(),
                part => own(&east, &route, part).to_owned(),
            });
            let answer = desk.ask(who, &route, &path, data.as_ref()).await;
            let about = format!("{} {route:?}: {}", who.name(), told(&answer, NONE));
            // What hangs on the state of the record may clash, but it is there.
            let by_state =
                plural(&route) == "conflicts" || path.ends_with("/custody") || path.ends_with("/password");
            match who.passes(&route.scope) {
                // The one before has taken it away.
                true if answer.messages() == ["no such member"] => {}
                true if by_state => assert_ne!(answer.status, 404, "{about}"),
                true => assert!(matches!(answer.status, 200..300 | 409), "{about}"),
                false => assert_eq!(answer.status, 403, "{about}"),
            }
            mine += 1;
        }
    }
    println!("{foreign} foreign and {mine} own requests");
    assert!(foreign > 300 && mine > 400);
    assert_eq!(
        everything(&mut desk, &west).await,
        before,
        "nothing of the other was changed"
    );
}

/// The paths in all `links` of an answer.
fn gather_links(json: &Json, links: &mut BTreeSet<String>) {
    if let Some(own) = json["links"].as_object() {
        let own = own.values().filter_map(Json::as_str);
        links.extend(own.filter(|link| link.starts_with("/v1/")).map(str::to_owned));
    }
    match json {
        Json::Array(list) => list.iter().for_each(|json| gather_links(json, links)),
        Json::Object(map) => map.values().for_each(|json| gather_links(json, links)),
        _ => {}
    }
}

/// The history of a key was named by its links and was a 404.
#[tokio::test]
async fn every_link_of_a_record_of_any_kind_leads_somewhere() {
    let test = TestBox::start().await;
    let mut desk = Desk::of(&test).await;
    let mut agency = found(&mut desk, "east").await;
    furnish(&mut desk, &mut agency, "open").await;
    let mut links = BTreeSet::new();
    for shown in everything(&mut desk, &agency).await.values() {
        gather_links(shown, &mut links);
    }
    for link in &links {
        let who = agency.administrator();
        desk.send(who, (&Method::GET, link), None).await.expect(200);
    }
    let histories = links.iter().filter(|link| link.ends_with("/history"));
    assert!(histories.count() > KINDS.len(), "{links:?}");
}

/// Where a field of a kind is said: method and path.
fn surfaces(kind: &Kind, field: &Field, agency: &Agency, desk: &mut Desk<'_>) -> Vec<(Method, String)> {
    let is_taken = |method: Method, path: &str| {
        guarded()
            .any(|route| route.method == method && route.path == path.replace(&agency.ids["cases"], "{id}"))
    };
    let made_at = match kind.name {
        // Made by the reports lane alone, or by the node itself; they name no record.
        "chat-message" | "node" => return Vec::new(),
        // The path says it.
        "timeline-entry" | "note" if field.parent => return Vec::new(),
        _ => sample(kind.plural, &agency.ids, desk).0,
    };
    let one = format!("/v1/{}/{}", kind.plural, agency.ids[kind.plural]);
    let external = format!("/v1/{}/by-external-id/", kind.plural);
    let mut all = vec![(Method::POST, made_at)];
    if is_taken(Method::PUT, &format!("{external}{{external_id}}")) {
        all.push((Method::PUT, format!("{external}{}", desk.new_word())));
    }
    if field.writer == Writer::Client
        && is_taken(Method::PATCH, &one.replace(&agency.ids[kind.plural], "{id}"))
    {
        all.push((Method::PATCH, one));
    }
    if !matches!(
        kind.name,
        "report" | "user" | "credential" | "webhook" | "tenant" | "timeline-entry" | "note"
    ) {
        all.push((Method::POST, "/v1/batch".to_owned()));
    }
    all.retain(|(method, path)| *method != Method::POST || is_taken(Method::POST, path));
    all
}

#[tokio::test]
async fn a_body_that_names_a_foreign_record_is_answered_like_one_that_names_none() {
    let test = TestBox::start().await;
    let mut desk = Desk::of(&test).await;
    let (east, west) = two(&mut desk).await;
    let before = everything(&mut desk, &west).await;
    let who = east.administrator();
    let mut named = 0;
    for kind in KINDS {
        let fields = kind
            .all_fields()
            .filter(|field| matches!(field.writer, Writer::Client | Writer::Creator));
        for field in fields {
            let ways = |id: &dyn Fn(&str) -> String| naming(&field.shape, id);
            // The owner of a webhook may be of two kinds, and of no other.
            let plural = |named: &str| match (kind.name, named) {
                ("webhook", "") => "users",
                _ => plural_of(named),
            };
            let mine = ways(&|kind| east.ids[plural(kind)].clone());
            let foreign = ways(&|kind| west.ids[plural(kind)].clone());
            let none = ways(&|_| NONE.to_owned());
            for ((mine, foreign), none) in mine.into_iter().zip(foreign).zip(none) {
                for (method, path) in surfaces(kind, field, &east, &mut desk) {
                    let mut answers = Vec::new();
                    for value in [&foreign, &none, &mine] {
                        let mut data = match method {
                            Method::PATCH => json!({}),
                            _ => sample(kind.plural, &east.ids, &mut desk).1,
                        };
                        data[field.name] = match field.merge {
                            Merge::OrSet => json!([value]),
                            _ => value.clone(),
                        };
                        if path == "/v1/batch" {
                            data = json!([{"kind": kind.name, "data": data}]);
                        }
                        let answer = desk
                            .send(who, (&method, &path), Some(&json!({ "data": data })))
                            .await;
                        answers.push((
                            answer.status,
                            told(&answer, &west.ids[plural_of("")]).replace(NONE, "NAME"),
                        ));
                    }
                    let about = format!("{method} {path} {}: {answers:?}", field.name);
                    assert!(matches!(answers[0].0, 400 | 404), "{about}");
                    assert_eq!(answers[0], answers[1], "{about}");
                    assert!(answers[2].0 < 300, "{about}");
                    named += 1;
                }
            }
        }
    }
    println!("{named} ways to name a foreign record in a body");
    assert!(named > 30);
    assert_eq!(
        everything(&mut desk, &west).await,
        before,
        "nothing of the other was changed"
    );
}

/// Asks with two names in the place of `NAME`, one of them of nothing: both answers must be one. Gives its status.
async fn alike(
    desk: &mut Desk<'_>,
    who: &Credential,
    (method, path, body): (Method, &str, Option<&str>),
    names: [&str; 2],
) -> u16 {
    let mut answers = Vec::new();
    for name in names {
        let body = body.map(|body| serde_json::from_str(&body.replace("NAME", name)).unwrap());
        let path = path.replace("NAME", name);
        let answer = desk.send(who, (&method, &path), body.as_ref()).await;
        answers.push((answer.status, told(&answer, name)));
    }
    assert_eq!(answers[0], answers[1], "{method} {path}");
    answers[0].0
}

async fn get_alike(desk: &mut Desk<'_>, who: &Credential, path: &str, names: [&str; 2]) -> u16 {
    alike(desk, who, (Method::GET, path, None), names).await
}

#[tokio::test]
async fn filters_numbers_and_hashes_of_another_agency_mean_nothing() {
    let test = TestBox::start().await;
    let mut desk = Desk::of(&test).await;
    let (east, west) = two(&mut desk).await;
    let (mine, theirs) = (east.administrator(), west.administrator());
    let foreign = &west.ids["cases"];
    for route in guarded().filter(|route| route.query.iter().any(|param| param.name == "case_id")) {
        let path = format!("{}?case_id=NAME", route.path);
        let status = get_alike(&mut desk, mine, &path, [foreign, NONE]).await;
        assert!(matches!(status, 200 | 404), "{route:?}");
    }
    get_alike(&mut desk, mine, "/v1/audit?record=NAME", [foreign, NONE]).await;
    // Both agencies have a first case, the other one has a second.
    for (path, number, none) in [
        ("/v1/cases/NAME", "INV-2026-0002", "INV-2026-0009"),
        ("/v1/evidence/NAME", "EVD-0002", "EVD-0009"),
        ("/v1/evidence/NAME/label", "EVD-0002", "EVD-0009"),
        ("/v1/reports/NAME", "3", "9"),
    ] {
        let there = path.replace("NAME", number);
        let answer = desk.send(theirs, (&Method::GET, &there), None).await;
        answer.expect(200);
        assert_eq!(get_alike(&mut desk, mine, path, [number, none]).await, 404);
    }
    let path = format!("/v1/evidence/{}/files/NAME", west.ids["evidence"]);
    let names = [west.ids["sha256"].as_str(), &"ab".repeat(32)];
    assert_eq!(get_alike(&mut desk, mine, &path, names).await, 404);
    // A category that only the other agency has, by its number.
    let text = json!({"data": {"text": "Noise"}});
    let made = desk
        .send(theirs, (&Method::POST, "/v1/categories"), Some(&text))
        .await;
    let number = made.expect(201).data()["display_id"].as_str().unwrap().to_owned();
    let report = r#"{"data": {"location": {"x": 8.5, "y": 47.3}, "category": {"category_id": NAME},
        "reporter": {"name": "A", "phone": "+41446681800"}}}"#;
    let ask = (Method::POST, "/v1/reports", Some(report));
    assert_eq!(alike(&mut desk, mine, ask, [&number, "987654"]).await, 400);
}

#[tokio::test]
async fn external_ids_and_idempotency_keys_belong_to_one_agency() {
    let test = TestBox::start().await;
    let mut desk = Desk::of(&test).await;
    let (east, west) = two(&mut desk).await;
    let (mine, theirs) = (east.administrator(), west.administrator());
    let put = (&Method::PUT, "/v1/cases/by-external-id/crm-1");
    let case = json!({"data": {"title": "x"}});
    desk.send(theirs, put, Some(&case)).await.expect(201);
    let names = ["ext:crm-1", "ext:crm-2"];
    assert_eq!(get_alike(&mut desk, mine, "/v1/cases/NAME", names).await, 404);
    let row = r#"{"data": [{"kind": "evidence", "data": {"case_id": "NAME", "type": "photo", "description": "x"}}]}"#;
    let ask = (Method::POST, "/v1/batch", Some(row));
    assert_eq!(alike(&mut desk, mine, ask, names).await, 400);
    desk.send(mine, put, Some(&case)).await.expect(201);
    for who in [theirs, mine] {
        let Credential::Cookie(_, cookie) = who else {
            unreachable!()
        };
        let headers = [
            ("idempotency-key", "once"),
            ("cookie", cookie),
            ("sec-fetch-site", "same-origin"),
        ];
        let request = TestBox::request(Method::POST, "/v1/cases", None, &headers, Some(&case));
        test.send(request).await.expect(201);
    }
    // Neither is it told which agencies there are.
    let Credential::Key(key) = &east.callers[4] else {
        unreachable!()
    };
    let mut answers = Vec::new();
    for name in ["west", "none"] {
        let headers = [("x-tenant-id", name), ("x-request-id", "same")];
        let request = TestBox::request(Method::GET, "/v1/cases", Some(key), &headers, None);
        answers.push(told(&test.send(request).await, name));
    }
    assert_eq!(answers[0], answers[1]);
}

#[tokio::test]
async fn lists_searches_and_cursors_stay_inside() {
    let test = TestBox::start().await;
    let mut desk = Desk::of(&test).await;
    let (east, west) = two(&mut desk).await;
    let (mine, theirs) = (east.administrator(), west.administrator());
    let secret =
        json!({"data": {"title": "Operation Zugvogel", "tags": ["zugvogel"], "case_number": "ZV-77"}});
    desk.send(theirs, (&Method::POST, "/v1/cases"), Some(&secret))
        .await
        .expect(201);
    for _ in 0..3 {
        let data = json!({"data": {"title": "a stolen bicycle"}});
        desk.send(theirs, (&Method::POST, "/v1/cases"), Some(&data))
            .await
            .expect(201);
    }
    for route in guarded().filter(|route| route.method == Method::GET && !route.path.contains('{')) {
        let answer = desk
            .ask(mine, &route, &list_path(&route, ""), None)
            .await
            .expect(200);
        let text = String::from_utf8_lossy(&answer.bytes).into_owned();
        for (kind, id) in west
            .ids
            .iter()
            .filter(|(kind, _)| !matches!(kind.as_str(), "sha256" | "category"))
        {
            assert!(!text.contains(id), "{route:?} tells of the other's {kind}");
        }
        // Where the other agency is led on, its cursor leads nobody else anywhere.
        let paged = format!(
            "{}?limit=1{}",
            route.path,
            if plural(&route) == "search" {
                "&q=bicycle"
            } else {
                ""
            }
        );
        if !route.query.iter().any(|param| param.name == "cursor") {
            continue;
        }
        let page = desk.ask(theirs, &route, &paged, None).await.expect(200);
        if let Some(cursor) = page.json()["meta"]["next_cursor"].as_str() {
            desk.ask(theirs, &route, &format!("{paged}&cursor={cursor}"), None)
                .await
                .expect(200);
            let refused = desk
                .ask(mine, &route, &format!("{paged}&cursor={cursor}"), None)
                .await;
            assert_eq!(refused.status, 400, "{route:?} {:?}", refused.json());
        }
    }
    for words in SECRETS.into_iter().chain([west.ids["cases"].as_str()]) {
        check_nothing_found(&mut desk, mine, words).await;
    }
}

/// Words of a case of the other agency, as they are and nearly so.
const SECRETS: [&str; 5] = [
    "zugvogel",
    "zugvogle",
    "ZV-77",
    "INV-2026-0002",
    "kind:case status:open",
];

async fn check_nothing_found(desk: &mut Desk<'_>, who: &Credential, words: &str) {
    let words = words.replace(' ', "%20");
    let path = format!("/v1/search?q={words}&facets=true&consistency=wait");
    let found = desk.send(who, (&Method::GET, &path), None).await.expect(200);
    let text = String::from_utf8_lossy(&found.bytes).to_lowercase();
    assert!(
        !text.contains("zugvogel") && !text.contains("zv-77"),
        "{words}: {text}"
    );
    let hits = found.data();
    let cases = hits
        .as_array()
        .unwrap()
        .iter()
        .filter(|hit| hit["kind"] == "case")
        .count();
    let total = found.json()["meta"]["total"].as_u64().unwrap();
    assert!(cases <= 1 && total <= 1, "{words}: {text}");
}
