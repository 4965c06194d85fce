//! A server that is killed again and again raises each alert exactly once.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use serde_json::{Value as Json, json};

use crate::support::process::{Place, Served, UNHURRIED};

const KILLS: usize = 6;
/// Records of one life.
const RECORDS: usize = 35;
const PATIENCE: Duration = Duration::from_secs(120);

fn alerts(served: &Served, key: &str) -> Vec<Json> {
    let (status, body) = served.get("/v1/alerts?limit=500", Some(key));
    assert_eq!(status, 200, "{body}");
    let body: Json = serde_json::from_str(&body).unwrap();
    body["data"].as_array().unwrap().clone()
}

#[test]
fn alerts_are_raised_exactly_once_across_kills() {
    let place = Place::with_node();
    let served = place.serve_with(&UNHURRIED, &[]);
    drop(served);
    let key = place.key();
    let mut records = Vec::new();
    for life in 0..=KILLS {
        let served = place.serve_with(&UNHURRIED, &[]);
        // In every life something new is looked for, which is held already, and something comes that is looked for already.
        let entries = json!([
            {"type": "plate", "value": format!("LIFE-{life}")},
            {"type": "text", "value": format!("parcel number {}", life + 1)},
        ]);
        let list = json!({"name": "x", "purpose": "x", "entries": entries});
        if life % 2 == 1 {
            assert_eq!(served.post("/v1/watchlists", &key, &list).status, 201);
        }
        for number in 0..RECORDS {
            let data = json!({"title": format!("parcel number {life} at LIFE-{life}, {number}")});
            let told = served.post("/v1/cases", &key, &data);
            assert_eq!(told.status, 201, "{told:?}");
            records.push((life, told.json()["data"]["id"].as_str().unwrap().to_owned()));
        }
        if life % 2 == 0 {
            assert_eq!(served.post("/v1/watchlists", &key, &list).status, 201);
        }
        // With no warning, wherever the follower is.
        if life < KILLS {
            served.kill();
        } else {
            drop(served);
        }
    }
    // Every case says its own plate, and, from the second life on, the parcel that the life before looked for.
    let expected: BTreeMap<&str, usize> = records
        .iter()
        .map(|(life, id)| (id.as_str(), 1 + usize::from(*life > 0)))
        .collect();
    let wanted: usize = expected.values().sum();
    let served = place.serve_with(&UNHURRIED, &[]);
    let begun = Instant::now();
    let raised = loop {
        let raised = alerts(&served, &key);
        if raised.len() >= wanted.min(500) {
            break raised;
        }
        assert!(begun.elapsed() < PATIENCE, "{} of {wanted}", raised.len());
        std::thread::sleep(Duration::from_millis(50));
    };
    assert!(wanted <= 500, "the test reads one page");
    assert_eq!(raised.len(), wanted);
    let mut found: BTreeMap<&str, usize> = BTreeMap::new();
    for alert in &raised {
        *found.entry(alert["record_id"].as_str().unwrap()).or_default() += 1;
    }
    assert_eq!(found, expected);
}
