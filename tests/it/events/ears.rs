//! Clients that listen.

use axum::http::Method;
use futures_util::{SinkExt, StreamExt};
use http_body_util::BodyExt;
use hyper_util::rt::TokioIo;
use serde_json::{Value as Json, json};
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::client::TlsStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{WebSocketStream, client_async};

use crate::support::testbox::TestBox;

/// Nothing here takes so long unless it never comes.
const PATIENCE: Duration = Duration::from_secs(30);

/// A client with an open WebSocket.
pub(crate) struct Ear(WebSocketStream<TlsStream<TcpStream>>);

impl Ear {
    /// Connects with these headers.
    pub(crate) async fn try_open(
        served: &TestBox,
        headers: &[(&'static str, String)],
    ) -> Result<Self, Error> {
        Self::try_open_at(served, "/v1/events", headers).await
    }

    /// The same at another path.
    pub(crate) async fn try_open_at(
        served: &TestBox,
        path: &str,
        headers: &[(&'static str, String)],
    ) -> Result<Self, Error> {
        let mut request = format!("wss://localhost{path}").into_client_request().unwrap();
        for (name, value) in headers {
            request.headers_mut().insert(*name, value.parse().unwrap());
        }
        let (socket, _) = client_async(request, served.raw("http/1.1").await).await?;
        Ok(Self(socket))
    }

    /// Connects with a key.
    pub(crate) async fn open(served: &TestBox, key: &str) -> Self {
        let headers = [("authorization", format!("Bearer {key}"))];
        Self::try_open(served, &headers).await.unwrap()
    }

    /// Says something.
    pub(crate) async fn say(&mut self, frame: &Json) {
        self.0.send(Message::text(frame.to_string())).await.unwrap();
    }

    /// Says anything at all.
    pub(crate) async fn send(&mut self, message: Message) {
        // Whoever was closed meanwhile learns it by the next thing that it hears.
        drop(self.0.send(message).await);
    }

    /// The next frame, or the code with which it was closed.
    pub(crate) async fn hear(&mut self) -> Result<Json, u16> {
        loop {
            let next = timeout(PATIENCE, self.0.next()).await.expect("a frame in time");
            match next {
                Some(Ok(Message::Text(text))) => return Ok(serde_json::from_str(&text).unwrap()),
                Some(Ok(Message::Close(Some(frame)))) => return Err(frame.code.into()),
                Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                other => panic!("{other:?}"),
            }
        }
    }

    /// Frames up to the one of this `op`; that one is the last.
    pub(crate) async fn hear_until(&mut self, op: &str) -> Vec<Json> {
        let mut heard = Vec::new();
        loop {
            let frame = self.hear().await.unwrap();
            let last = frame["op"] == op;
            heard.push(frame);
            if last {
                return heard;
            }
        }
    }
}

/// What a stream of server-sent events tells, up to so many events.
pub(crate) async fn stream(served: &TestBox, path: &str, count: usize) -> Vec<Json> {
    let headers = [("accept", "text/event-stream")];
    let request = TestBox::request(Method::GET, path, Some(&served.key), &headers, None);
    let tls = served.raw("http/1.1").await;
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(tls))
        .await
        .unwrap();
    let reading = async move {
        let answer = sender.send_request(request).await.unwrap();
        assert_eq!(answer.headers()["content-type"], "text/event-stream");
        let (mut body, mut text) = (answer.into_body(), String::new());
        while text.matches("\ndata: ").count() < count || !text.ends_with("\n\n") {
            let frame = timeout(PATIENCE, body.frame()).await.expect("a chunk in time");
            text.push_str(std::str::from_utf8(&frame.unwrap().unwrap().into_data().unwrap()).unwrap());
        }
        let lines = text.lines().filter_map(|line| line.strip_prefix("data: "));
        lines.map(|line| serde_json::from_str(line).unwrap()).collect()
    };
    tokio::select! {
        events = reading => events,
        ended = connection => panic!("the connection ended: {ended:?}"),
    }
}

/// Everything after a number, by asking until nothing more comes.
pub(crate) async fn ask_all(served: &TestBox, key: &str, query: &str) -> Vec<Json> {
    let (mut after, mut events) = (0, Vec::new());
    loop {
        let path = format!("/v1/events?after={after}&limit=7&{query}");
        let answer = served.get_as(key, &path).await.expect(200).json();
        let page = answer["data"].as_array().unwrap().clone();
        let reached = answer["meta"]["sequence"].as_u64().unwrap();
        events.extend(page);
        if reached == after {
            return events;
        }
        after = reached;
    }
}

/// These events are the openings of `Case 0`, `Case 1` and so on, in order and each once.
#[track_caller]
pub(crate) fn opened_in_order(events: &[&Json], count: usize) {
    let numbers = events.iter().map(|event| event["sequence"].as_u64().unwrap());
    let numbers: Vec<u64> = numbers.collect();
    assert!(numbers.is_sorted_by(|one, next| one < next), "{numbers:?}");
    let titles = events.iter().map(|event| &event["data"]["changes"]["title"]);
    let expected: Vec<String> = (0..count).map(|number| format!("Case {number}")).collect();
    assert!(titles.eq(&expected), "{events:?}");
}

/// A subscription to everything, from a number on.
pub(crate) fn subscribe(id: &str, after: Option<u64>) -> Json {
    let mut frame = json!({"op": "subscribe", "id": id});
    if let Some(after) = after {
        frame["after"] = after.into();
    }
    frame
}
