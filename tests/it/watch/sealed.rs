//! An alert about a record that a court has sealed afterwards: nobody without the right learns of it any more, on no way.

use axum::http::Method;
use blotter::domain::kind::{ALERT, CASE};
use blotter::domain::value::{Fields, Value};
use serde_json::{Value as Json, json};

use crate::events::ears::{Ear, subscribe};
use crate::support::testbox::{METRO, TestBox};
use crate::watch::{alerts, events, list, make, settle};

/// Words by which anything of the case would be known.
struct Hidden(Vec<String>);

impl Hidden {
    #[track_caller]
    fn is_not_in(&self, what: &str, said: &Json) {
        let said = said.to_string();
        for word in &self.0 {
            assert!(!said.contains(word.as_str()), "{what} tells {word}: {said}");
        }
    }
}

fn text(json: &Json, name: &str) -> String {
    json[name].as_str().unwrap().to_owned()
}

async fn graphql(served: &TestBox, key: &str, query: &str) -> Json {
    let body = json!({ "query": query });
    let request = TestBox::request(Method::POST, "/graphql", Some(key), &[], Some(&body));
    served.send(request).await.expect(200).json()
}

/// A case with an item and a note that are on a list, and an alert that a person raised; gives all that names them.
async fn room(served: &TestBox) -> (Json, Hidden) {
    list(
        served,
        json!([{"type": "plate", "value": "KTR-4471"}, {"type": "text", "value": "amber lantern"}]),
    )
    .await;
    let case = make(served, "cases", json!({"title": "Quiet harbor"})).await;
    let photo = json!({"case_id": case["id"], "type": "photo", "description": "Photo of pickup KTR 4471"});
    let item = make(served, "evidence", photo).await;
    let note = format!("cases/{}/notes", text(&case, "id"));
    let note = make(served, &note, json!({"text": "She spoke of an amber lantern"})).await;
    let tip = json!({"record_id": case["id"], "reason": "A tip by telephone", "severity": "critical"});
    make(served, "alerts", tip).await;
    let mut words: Vec<String> = ["KTR 4471", "She spoke", "Quiet harbor", "A tip by telephone"]
        .map(str::to_owned)
        .into();
    for record in [&case, &item, &note] {
        words.push(text(record, "id"));
    }
    words.extend([text(&case, "display_id"), text(&item, "display_id")]);
    (case, Hidden(words))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_an_alert_about_what_was_sealed_since_nobody_without_the_right_learns() {
    let served = TestBox::start().await;
    // Cleared for restricted cases, and for no sealed one.
    let inside = served.key_for(METRO, &["*", "cases:restricted"], &["query", "events"]);
    let (case, mut hidden) = room(&served).await;
    let raised = alerts(&served, &served.key).await;
    assert_eq!(raised.len(), 3, "{raised:#?}");
    hidden.0.extend(raised.iter().map(|alert| text(alert, "id")));
    let mut ear = Ear::open(&served, &served.key).await;
    ear.say(&subscribe("a", Some(0))).await;
    let before = ear.hear_until("caughtUp").await;
    assert!(json!(before).to_string().contains("case.alert.priority_raised"));

    // The court's order; then something that everybody may know.
    let (services, owner) = (served.services(), served.owner());
    let sealed = Fields::from([("classification".to_owned(), Value::text("sealed"))]);
    let about = text(&case, "id");
    services
        .patch(&owner, (&CASE, &about), None, sealed, None)
        .unwrap();
    make(&served, "cases", json!({"title": "The end"})).await;
    settle(&served).await;

    for key in [&served.key, &inside] {
        assert_eq!(alerts(&served, key).await, Vec::<Json>::new());
        let page = served.get_as(key, "/v1/alerts?limit=1").await.expect(200).json();
        assert!(matches!(page["meta"]["total"].as_u64(), None | Some(0)), "{page}");
        let mut told = events(&served, key, "").await;
        hidden.is_not_in("the feed", &json!(told));
        assert_eq!(told.pop().unwrap()["data"]["changes"]["title"], "The end");
        for words in ["KTR-4471", "amber", "quiet", "telephone"] {
            let path = format!("/v1/search?q={words}&consistency=wait");
            let found = served.get_as(key, &path).await.expect(200).json();
            assert_eq!(found["data"], json!([]), "{words}: {found}");
            hidden.is_not_in("search", &found["meta"]);
        }
        by_name(&served, key, (&raised, &case)).await;
        by_graphql(&served, key, (&raised, &hidden)).await;
        let pasted = json!({"data": {"text": "KTR 4471\namber lantern"}});
        let path = "/v1/watchlists/screen";
        let screened = TestBox::request(Method::POST, path, Some(key), &[], Some(&pasted));
        let screened = served.send(screened).await.expect(200).json();
        assert_eq!(screened["meta"]["hits"], 0, "{screened}");
    }
    // Who listened all the while hears of what everybody may know, and of nothing before it.
    let live = ear.hear().await.unwrap();
    assert_eq!(live["event"]["data"]["changes"]["title"], "The end", "{live}");
    let alert = text(&raised[0], "id");
    ear.say(&json!({"op": "command", "id": "c", "command": "alert.acknowledge", "args": {"alertId": alert}}))
        .await;
    assert_eq!(ear.hear().await.unwrap()["code"], "NOT_FOUND");
    // The administrator has them all.
    let all = services.list(&owner, &ALERT, &Default::default()).unwrap();
    assert_eq!(all.records.len(), 3);
}

/// Each alert asked for by its name, and what can be done with it.
async fn by_name(served: &TestBox, key: &str, (raised, case): (&[Json], &Json)) {
    let foreign = served
        .get_as(key, "/v1/alerts/01a2042c-0000-7000-8000-000000000000")
        .await;
    for alert in raised {
        let path = format!("/v1/alerts/{}", text(alert, "id"));
        let told = served.get_as(key, &path).await.expect(404);
        assert_eq!(told.codes(), foreign.codes());
        served.get_as(key, &format!("{path}/history")).await.expect(404);
        for verb in ["acknowledge", "escalate"] {
            let body = json!({"data": {}});
            let path = format!("{path}/{verb}");
            let asked = TestBox::request(Method::POST, &path, Some(key), &[], Some(&body));
            served.send(asked).await.expect(404);
        }
    }
    let id = text(case, "id");
    served.get_as(key, &format!("/v1/cases/{id}")).await.expect(404);
    let conflicts = served.get_as(key, &format!("/v1/conflicts?case_id={id}")).await;
    assert!(matches!(conflicts.status, 200 | 404));
    assert!(conflicts.data().as_array().is_none_or(Vec::is_empty));
}

async fn by_graphql(served: &TestBox, key: &str, (raised, hidden): (&[Json], &Hidden)) {
    let lists = "{ alerts(limit: 5) { id } alertsConnection(first: 5) { totalCount nodes { id reason } }
        watchlists(limit: 5) { name alerts(limit: 5) { id reason record { id } } alertsConnection(first: 5) { totalCount } }
        search(query: \"lantern\", limit: 5) { score } searchConnection(query: \"lantern\", first: 5) { totalCount } }";
    let told = graphql(served, key, lists).await;
    hidden.is_not_in("GraphQL", &told);
    let data = &told["data"];
    assert_eq!(data["alerts"], json!([]), "{told}");
    assert_eq!(data["watchlists"][0]["alerts"], json!([]), "{told}");
    for connection in [
        &data["alertsConnection"],
        &data["watchlists"][0]["alertsConnection"],
        &data["searchConnection"],
    ] {
        assert!(
            matches!(connection["totalCount"].as_u64(), None | Some(0)),
            "{told}"
        );
    }
    for alert in raised {
        let one = format!("{{ alert(id: \"{}\") {{ status }} }}", text(alert, "id"));
        let told = graphql(served, key, &one).await;
        assert_eq!(told["data"]["alert"], Json::Null, "{told}");
        assert_eq!(told["errors"][0]["extensions"]["code"], "NOT_FOUND", "{told}");
    }
}
