//! Within an agency: what belongs to a case that somebody may not read is answered like what is nowhere.

use std::collections::BTreeMap;

use axum::http::Method;
use blotter::lanes::http::route::Route;
use serde_json::json;

use crate::rest::rights::world::{Credential, Desk, found, furnish, plural};
use crate::rest::rights::{check_hidden, guarded, list_path, own};
use crate::support::testbox::TestBox;

/// What belongs to a case, and the case.
const OF_A_CASE: [&str; 5] = ["cases", "evidence", "timeline", "notes", "alerts"];

#[tokio::test]
async fn a_restricted_juvenile_or_sealed_case_and_all_that_is_its_own_is_like_none_to_who_may_not_read_it() {
    let test = TestBox::start().await;
    let mut desk = Desk::of(&test).await;
    let mut agency = found(&mut desk, "east").await;
    furnish(&mut desk, &mut agency, "open").await;
    let cleared = Credential::Key(test.key_for("east", &["*", "cases:restricted"], &["query", "events"]));
    let mut checked = 0;
    for class in ["restricted", "juvenile", "sealed"] {
        let mut ids = agency.ids.clone();
        std::mem::swap(&mut agency.ids, &mut ids);
        furnish(&mut desk, &mut agency, class).await;
        let hidden = std::mem::replace(&mut agency.ids, ids);
        let [viewer, officer, supervisor, _, key] = &*agency.callers else {
            unreachable!()
        };
        let mut blind = vec![viewer, officer, key];
        if class == "sealed" {
            blind.extend([supervisor, &cleared]);
        }
        for who in blind {
            for route in guarded().filter(|route| OF_A_CASE.contains(&plural(route))) {
                let kind = plural(&route).to_owned();
                let name = |part: &str| (part == "id").then(|| hidden[&kind].clone());
                checked += check_hidden(&mut desk, (&agency, who), &route, &name).await;
            }
            check_lists(&mut desk, who, &hidden).await;
        }
        for kind in OF_A_CASE {
            let path = format!("/v1/{kind}/{}", hidden[kind]);
            desk.send(agency.administrator(), (&Method::GET, &path), None)
                .await
                .expect(200);
            let path = format!(
                "/v1/{kind}/{}",
                own(
                    &agency,
                    &guarded().find(|route| plural(route) == kind).unwrap(),
                    "id"
                )
            );
            desk.send(viewer, (&Method::GET, &path), None).await.expect(200);
        }
        let mine = json!({"data": {"title": "x", "classification": class}});
        let made = desk
            .send(officer, (&Method::POST, "/v1/cases"), Some(&mine))
            .await;
        assert_eq!(made.status, if class == "sealed" { 403 } else { 201 });
    }
    println!("{checked} requests about what is hidden");
    assert!(checked > 200);
}

/// No list and no search tells of what is hidden.
async fn check_lists(desk: &mut Desk<'_>, who: &Credential, hidden: &BTreeMap<String, String>) {
    let lists = guarded().filter(|route| route.method == Method::GET && !route.path.contains('{'));
    // Whoever audits is told ids of everything.
    let audits = |route: &Route| matches!(plural(route), "audit" | "erasures");
    for route in lists.filter(|route| who.passes(&route.scope) && !audits(route)) {
        let words = match plural(&route) {
            "search" => "?q=bicycle&consistency=wait",
            "events" => "?after=0&limit=500",
            _ => "",
        };
        let path = list_path(&route, words);
        let answer = desk.ask(who, &route, &path, None).await.expect(200);
        let text = String::from_utf8_lossy(&answer.bytes).into_owned();
        for kind in OF_A_CASE {
            assert!(
                !text.contains(&hidden[kind]),
                "{} {route:?} tells of {kind}",
                who.name()
            );
        }
    }
}
