//! Every route of the table against everybody: strangers, keys without the scope, users of each role, people of another agency,
//! and people of the same who may not read a case.

mod hidden;
mod isolation;
mod world;

use axum::http::Method;
use blotter::lanes::http::route::{Route, Scope};
use serde_json::Value as Json;

use crate::rest::rights::world::{Agency, Credential, Desk, body, plural};
use crate::support::testbox::{Answer, TestBox};

/// The id of nothing.
const NONE: &str = "01980000-0000-7000-8000-000000000000";

fn guarded() -> impl Iterator<Item = Route> {
    blotter::lanes::routes()
        .into_iter()
        .filter(|route| route.scope != Scope::Open)
        // It takes credentials when it is open, and judges each operation: `tests/it/graphql/` opens it.
        .filter(|route| route.path != "/graphql/ws")
}

/// The parts of a route's path that name something.
fn parts(route: &Route) -> Vec<&str> {
    let parts = route.path.split('/').filter_map(|part| part.strip_prefix('{'));
    parts.map(|part| part.trim_end_matches('}')).collect()
}

/// What the agency calls a part of a route's path.
fn own<'a>(agency: &'a Agency, route: &Route, part: &str) -> &'a str {
    match part {
        "id" if plural(route) == "conflicts" => &agency.ids["cases"],
        "id" => &agency.ids[plural(route)],
        "other" | "sha256" => &agency.ids[part],
        "name" => "Ana",
        "tag" => "red",
        "external_id" => "own-1",
        part => panic!("say here what {route:?} means by {part}"),
    }
}

fn path(route: &Route, of: &dyn Fn(&str) -> String) -> String {
    let parts = route.path.split('/').map(|part| match part.strip_prefix('{') {
        Some(part) => of(part.trim_end_matches('}')),
        None => part.to_owned(),
    });
    parts.collect::<Vec<_>>().join("/")
}

/// The path of a list with what it must be asked; in GraphQL all lists of ids.
fn list_path(route: &Route, words: &str) -> String {
    if route.group != "graphql" {
        return format!("{}{words}", route.path);
    }
    let lists =
        "investigations entities evidenceItems timelineEntries notes reports alerts watchlists teams offices";
    let lists: String = lists.split(' ').map(|list| format!("{list}%7Bid%7D")).collect();
    format!("/graphql?query=%7Bme%7Bname%7D{lists}%7D")
}

/// What an answer says, but for when and for the names that were asked with.
fn told(answer: &Answer, name: &str) -> String {
    // Whether a body was read to its end before the answer left is chance.
    let headers = answer
        .headers
        .iter()
        .filter(|(name, _)| *name != "date" && *name != "connection");
    let headers: Vec<_> = headers
        .map(|(name, value)| format!("{name}: {value:?}"))
        .collect();
    let mut text = String::from_utf8_lossy(&answer.bytes).replace(name, "NAME");
    if let Some((before, after)) = text.split_once("\"index_lag\":{") {
        let after = after.split_once('}').unwrap().1;
        text = format!("{before}{after}");
    }
    format!("{} {headers:?} {text}", answer.status)
}

/// Asks each route that names `hidden` by a part of its path, and asks for nothing the same way: both answers must be one.
async fn check_hidden(
    desk: &mut Desk<'_>,
    (asker, who): (&Agency, &Credential),
    route: &Route,
    hidden: &dyn Fn(&str) -> Option<String>,
) -> usize {
    let mut checked = 0;
    for part in parts(route) {
        let Some(foreign) = hidden(part) else { continue };
        let none = if part == "sha256" {
            "ab".repeat(32)
        } else {
            NONE.to_owned()
        };
        let data: Option<Json> = body(route, &asker.ids, desk);
        let mut answers = Vec::new();
        for name in [&foreign, &none] {
            let path = path(route, &|other| match other == part {
                true => name.clone(),
                false => own(asker, route, other).to_owned(),
            });
            let answer = desk.ask(who, route, &path, data.as_ref()).await;
            let about = format!("{} {route:?} {path}: {}", who.name(), told(&answer, name));
            let refused = if who.passes(&route.scope) {
                &[404][..]
            } else {
                &[403]
            };
            // Whose password it is is asked after who may set one.
            let own_password = route.path.ends_with("/password") && answer.status == 403;
            assert!(refused.contains(&answer.status) || own_password, "{about}");
            answers.push(told(&answer, name));
        }
        assert_eq!(answers[0], answers[1], "{} {route:?}", who.name());
        checked += 1;
    }
    checked
}

#[tokio::test]
async fn nobody_comes_in_without_a_credential_and_nobody_does_what_its_scopes_do_not_say() {
    let test = TestBox::start().await;
    let mut desk = Desk::of(&test).await;
    let mut metro = world::found(&mut desk, "east").await;
    world::furnish(&mut desk, &mut metro, "open").await;
    let [useless, other] =
        ["nodes:admin", "keys:admin"].map(|scope| test.key_for("east", &[scope], &["query", "events"]));
    let (mut routes, mut halves) = (0, 0);
    for route in guarded() {
        let path = path(&route, &|part| own(&metro, &route, part).to_owned());
        let data = body(&route, &metro.ids, &mut desk);
        let request = TestBox::request(route.method.clone(), &path, None, &[], data.as_ref());
        let nobody = test.send(request).await.expect(401);
        if route.group != "graphql" {
            assert_eq!(nobody.codes(), ["UNAUTHORIZED"], "{route:?}");
        }
        let Scope::Needs(scope) = &route.scope else {
            continue;
        };
        let key = if scope == "nodes:admin" { &other } else { &useless };
        let denied = desk
            .ask(&Credential::Key(key.clone()), &route, &path, data.as_ref())
            .await;
        let denied = denied.expect(403);
        assert!(
            denied.messages()[0].contains(scope.as_str()),
            "{route:?}: {:?}",
            denied.messages()
        );
        routes += 1;
        if let Some(beside) = &route.beside {
            let half = Credential::Key(test.key_for("east", &[scope], &["query", "events"]));
            let denied = desk.ask(&half, &route, &path, data.as_ref()).await.expect(403);
            assert!(denied.messages()[0].contains(beside), "{route:?}: {denied:?}");
            halves += 1;
        }
    }
    assert_eq!(halves, 2, "notes of entities and of evidence");
    assert!(routes > 80, "{routes} routes with a scope");
    let list = desk
        .send(metro.administrator(), (&Method::GET, "/v1/cases"), None)
        .await;
    assert_eq!(list.data().as_array().unwrap().len(), 1, "nothing was made");
}
