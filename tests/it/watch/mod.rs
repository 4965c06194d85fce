//! Watchlists: what comes in and what is held against what is looked for, through the real server.

mod alerts;
mod deeds;
mod held;
mod once;
mod pairs;
mod rights;
mod screen;
mod sealed;

use std::time::Duration;

use serde_json::{Value as Json, json};

use crate::support::testbox::TestBox;

/// Nothing here takes so long unless it never comes.
const PATIENCE: Duration = Duration::from_secs(60);

/// Waits until everything that was written is held against all lists, and all lists against everything.
async fn settle(served: &TestBox) {
    let gauge = served.watching.gauge();
    let settled = tokio::task::spawn_blocking(move || gauge.wait(PATIENCE));
    assert!(settled.await.unwrap().unwrap(), "the watchlists did not catch up");
}

/// Makes a record; gives it.
async fn make(served: &TestBox, plural: &str, data: Json) -> Json {
    served
        .post(&format!("/v1/{plural}"), data)
        .await
        .expect(201)
        .data()
}

/// A list with these entries.
async fn list(served: &TestBox, entries: Json) -> Json {
    let data = json!({
        "name": "Harbor thefts", "purpose": "Find them", "owner": "Desk of Okafor, ext. 12", "severity": "critical",
        "handling": "Do not stop alone.", "entries": entries,
    });
    make(served, "watchlists", data).await
}

/// All alerts that a key reads, once everything is settled.
async fn alerts(served: &TestBox, key: &str) -> Vec<Json> {
    settle(served).await;
    let answer = served.get_as(key, "/v1/alerts?limit=500").await.expect(200);
    answer.data().as_array().unwrap().clone()
}

/// All events of these types that a key hears.
async fn events(served: &TestBox, key: &str, types: &str) -> Vec<Json> {
    let (mut after, mut events) = (0, Vec::new());
    loop {
        let path = format!("/v1/events?after={after}&limit=100&types={types}");
        let answer = served.get_as(key, &path).await.expect(200).json();
        events.extend(answer["data"].as_array().unwrap().clone());
        let reached = answer["meta"]["sequence"].as_u64().unwrap();
        if reached == after {
            return events;
        }
        after = reached;
    }
}
