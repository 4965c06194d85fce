//! Those who listen under a name go on where they were, also after a restart; who is left behind is told where to go on.

use std::time::Duration;

use blotter::lanes::http::{Ears, Options};
use serde_json::{Value as Json, json};
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::{Message, WebSocket, client};

use crate::events::ears::{Ear, subscribe};
use crate::support::process::{Place, Served, Wire};
use crate::support::testbox::TestBox;

fn connect(served: &Served, key: &str) -> WebSocket<Wire> {
    let wire = served.connect().unwrap();
    wire.sock.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    let mut request = "wss://localhost/v1/events".into_client_request().unwrap();
    let value = format!("Bearer {key}").parse().unwrap();
    request.headers_mut().insert("authorization", value);
    client(request, wire)
        .map_err(|error| error.to_string())
        .unwrap()
        .0
}

fn listening_key(place: &Place) -> String {
    let words = [
        "key",
        "create",
        "--name",
        "wall",
        "--scopes",
        "*",
        "--lanes",
        "query,events",
        "--json",
    ];
    place.run(&words).json()["key"].as_str().unwrap().to_owned()
}

fn say(socket: &mut WebSocket<Wire>, frame: &Json) {
    socket.send(Message::text(frame.to_string())).unwrap();
}

fn hear(socket: &mut WebSocket<Wire>) -> Json {
    loop {
        if let Message::Text(text) = socket.read().unwrap() {
            return serde_json::from_str(&text).unwrap();
        }
    }
}

#[test]
fn a_name_goes_on_where_it_was_over_a_restart() {
    let place = Place::with_node();
    let key = listening_key(&place);
    let served = place.serve();
    let file = |served: &Served, title: &str| {
        let made = served.post("/v1/cases", &key, &json!({"title": title}));
        assert_eq!(made.status, 201);
    };
    let wish = json!({"op": "subscribe", "id": "a", "durable": "wall", "filter": {"eventTypes": ["case.*"]}});
    let mut socket = connect(&served, &key);
    say(&mut socket, &wish);
    assert_eq!(hear(&mut socket)["op"], "caughtUp");
    let mut last = Json::Null;
    for title in ["One", "Two", "Three"] {
        file(&served, title);
        let frame = hear(&mut socket);
        assert_eq!(frame["event"]["data"]["changes"]["title"], title);
        if title == "Two" {
            last = frame["event"]["sequence"].clone();
        }
    }
    say(&mut socket, &json!({"op": "ack", "id": "a", "sequence": last}));
    // Nobody has heard what was not told yet; the place stays where it is.
    say(
        &mut socket,
        &json!({"op": "ack", "id": "a", "sequence": 123_456_789_012_u64}),
    );
    let refused = hear(&mut socket);
    assert_eq!(
        (&refused["op"], &refused["id"], &refused["code"]),
        (&json!("error"), &json!("a"), &json!("INVALID"))
    );
    assert!(
        refused["message"].as_str().unwrap().contains("sequence"),
        "{refused}"
    );
    say(&mut socket, &json!({"op": "ping"}));
    assert_eq!(hear(&mut socket)["op"], "pong");
    assert_eq!(served.terminate().0, 0);

    let served = place.serve();
    file(&served, "Four");
    let mut socket = connect(&served, &key);
    say(&mut socket, &wish);
    let titles: Vec<Json> = std::iter::repeat_with(|| hear(&mut socket))
        .take_while(|frame| frame["op"] == "event")
        .map(|frame| frame["event"]["data"]["changes"]["title"].clone())
        .collect();
    assert_eq!(titles, ["Three", "Four"]);
    // Nobody else has this name.
    let other = listening_key(&place);
    let mut socket = connect(&served, &other);
    say(&mut socket, &wish);
    assert_eq!(hear(&mut socket)["op"], "caughtUp");
    assert_eq!(served.terminate().0, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_is_left_behind_is_told_where_to_go_on() {
    const FILED: usize = 60;
    let served = TestBox::start_with(Options {
        requests_per_second: 1_000_000,
        request_burst: 1_000_000,
        ears: Ears {
            behind_max: 5,
            ..Ears::default()
        },
        ..Options::default()
    })
    .await;
    let mut ear = Ear::open(&served, &served.key).await;
    ear.say(&subscribe("a", None)).await;
    assert_eq!(ear.hear().await.unwrap()["op"], "caughtUp");
    // Far more than sockets hold on the way, and nobody reads.
    let text = "x".repeat(40_000);
    let mut connection = served.connect().await;
    for number in 0..FILED * 10 {
        let body = json!({"data": {"title": format!("Case {number}"), "description": text}});
        let request = TestBox::request(
            axum::http::Method::POST,
            "/v1/cases",
            Some(&served.key),
            &[],
            Some(&body),
        );
        connection.send(request).await.expect(201);
    }
    let frames = ear.hear_until("lagged").await;
    let (lagged, events) = frames.split_last().unwrap();
    let last = events.last().unwrap()["event"]["sequence"].as_u64().unwrap();
    assert_eq!(lagged["resumeAfter"], last);
    ear.say(&subscribe("a", Some(last))).await;
    let more = ear.hear_until("caughtUp").await;
    let all = events.iter().chain(&more).filter(|frame| frame["op"] == "event");
    let titles: Vec<&str> = all
        .map(|frame| frame["event"]["data"]["changes"]["title"].as_str().unwrap())
        .collect();
    let expected: Vec<String> = (0..FILED * 10).map(|number| format!("Case {number}")).collect();
    assert_eq!(titles, expected);
}
