//! Many who listen at once: how long an event takes to reach each of them, from the moment at which its write was sent, and what
//! memory each costs the server. One alone, in the same run, says what the write itself takes. By `/v1/events` and by
//! subscriptions of GraphQL, each of which answers a query about each event.

use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::{SinkExt, StreamExt};
use hyper::Method;
use hyper::header::HeaderValue;
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_rustls::client::TlsStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::{WebSocketStream, client_async};

use crate::cli::bench::load::{Asker, Pace, Target, run, run_paced};
use crate::cli::bench::server::{Node, Server};
use crate::cli::bench::{Bench, Figure, millis};

/// A way to listen.
#[derive(Clone, Copy)]
struct Way {
    name: &'static str,
    path: &'static str,
    protocol: Option<&'static str>,
    /// What is said, each time with a word of what is heard then.
    begins: &'static [(&'static str, &'static str)],
    /// Events a second.
    per_second: u64,
}

const EVENTS: Way = Way {
    name: "subscribers",
    path: "/v1/events",
    protocol: None,
    begins: &[(
        r#"{"op":"subscribe","id":"a","filter":{"eventTypes":["case.opened"]}}"#,
        "caughtUp",
    )],
    per_second: 200,
};

const GRAPHQL: Way = Way {
    name: "GraphQL subscribers",
    path: "/graphql/ws",
    protocol: Some("graphql-transport-ws"),
    begins: &[
        (r#"{"type":"connection_init"}"#, "connection_ack"),
        (
            r#"{"type":"subscribe","id":"a","payload":{"query":"subscription { events(filter: {eventTypes: \"case.opened\"}) { data } }"}}"#,
            "",
        ),
        (r#"{"type":"ping"}"#, "pong"),
    ],
    per_second: 20,
};

/// Clients that write, each at its share of that pace.
const WRITERS: u64 = 10;
/// Connections that are opened at once.
const OPENING: usize = 16;
/// After the last write, for what is still on its way.
const PATIENCE: Duration = Duration::from_secs(30);

/// Two lines for each way: delivery, and memory.
pub(super) async fn figures(
    (node, ears_max): (&Node, usize),
    bench: &Bench,
    say: &dyn Fn(&str),
) -> std::io::Result<Vec<Figure>> {
    let mut figures = Vec::new();
    for way in [EVENTS, GRAPHQL] {
        say(&format!("{ears_max} {}", way.name));
        figures.extend(of_way(way, (node, ears_max), bench).await?);
    }
    Ok(figures)
}

async fn of_way(way: Way, (node, ears_max): (&Node, usize), bench: &Bench) -> std::io::Result<[Figure; 2]> {
    let server = node.start_for_many()?;
    let alone = Heard::measure(&server, way, 1, bench.time()).await?;
    let idle = server.anonymous_memory();
    let heard = Heard::measure(&server, way, ears_max, bench.time()).await?;
    server.stop()?;
    let each = |memory: u64, without: u64| {
        let more = memory.saturating_sub(without);
        format!("{} KB", more / ears_max.max(2).saturating_sub(1) as u64 / 1000)
    };
    let memory = format!(
        "{} idle, {} under load",
        each(heard.idle, idle),
        each(heard.busy, alone.busy)
    );
    let (ours, least) = (heard.percentile(99), alone.percentile(99));
    let value = format!(
        "p50 {}, p99 {}, {} of {} deliveries, {:.0} events/s",
        millis(heard.percentile(50)),
        millis(ours),
        heard.latencies.len(),
        heard.expected,
        heard.per_second,
    );
    let delivery = Figure::new(&format!("{ears_max} {} hear each event", way.name), value)
        .beside(
            format!(
                "one alone: p99 {}, {:.0} events/s",
                millis(least),
                alone.per_second
            ),
            Some(ours.as_secs_f64() / least.as_secs_f64().max(1e-6)),
        )
        .aim(&format!("p99 ≤ 250 ms at {} events/s", way.per_second));
    let beside = format!(
        "{} KB in all without, {} KB with one alone under the same load",
        idle / 1000,
        alone.busy / 1000
    );
    let memory = Figure::new(&format!("memory of each of the {}", way.name), memory)
        .beside(beside, None)
        .aim("≤ 50 KB");
    Ok([delivery, memory])
}

/// What came to all of them.
struct Heard {
    /// From the sending of a write to its arrival, the shortest first.
    latencies: Vec<Duration>,
    expected: u64,
    per_second: f64,
    /// The server's memory while all listen and nothing happens, and at most while something does.
    idle: u64,
    busy: u64,
}

impl Heard {
    async fn measure(server: &Server, way: Way, count: usize, time: Duration) -> std::io::Result<Self> {
        let mut open = Vec::new();
        while open.len() < count {
            let mut opening = JoinSet::new();
            for _ in 0..OPENING.min(count - open.len()) {
                let target = server.target.clone();
                opening.spawn(async move { connect(&target, way).await });
            }
            while let Some(ear) = opening.join_next().await {
                open.push(ear.map_err(std::io::Error::other)??);
            }
        }
        let (idle, watch) = (server.anonymous_memory(), server.watch_memory());
        let begun = Instant::now();
        let mut ears = JoinSet::new();
        for ear in open {
            ears.spawn(listen(ear, begun));
        }
        let written = write((&server.target, way.per_second), begun, time).await?;
        let took = begun.elapsed();
        let mut latencies = Vec::new();
        while let Some(heard) = ears.join_next().await {
            latencies.extend(heard.map_err(std::io::Error::other)??);
        }
        latencies.sort_unstable();
        Ok(Self {
            latencies,
            expected: written * count as u64,
            per_second: written as f64 / took.as_secs_f64(),
            idle,
            busy: watch.most(),
        })
    }

    fn percentile(&self, hundredths: usize) -> Duration {
        let place = self.latencies.len().saturating_sub(1) * hundredths / 100;
        self.latencies.get(place).copied().unwrap_or_default()
    }
}

type Ear = WebSocketStream<TlsStream<TcpStream>>;

/// Connects and listens to the opening of cases, from now on.
async fn connect(target: &Target, way: Way) -> std::io::Result<Ear> {
    let connector = target
        .connector
        .as_ref()
        .ok_or_else(|| std::io::Error::other("events need TLS"))?;
    let stream = connector.connect(target.address).await?;
    let mut request = format!("wss://localhost{}", way.path)
        .into_client_request()
        .map_err(std::io::Error::other)?;
    let credential = target.authorization.parse().map_err(std::io::Error::other)?;
    request.headers_mut().insert("authorization", credential);
    if let Some(protocol) = way.protocol {
        let headers = request.headers_mut();
        headers.insert("sec-websocket-protocol", HeaderValue::from_static(protocol));
    }
    let (mut ear, _) = client_async(request, stream)
        .await
        .map_err(std::io::Error::other)?;
    for (said, heard) in way.begins {
        ear.send(Message::text(*said))
            .await
            .map_err(std::io::Error::other)?;
        if heard.is_empty() {
            continue;
        }
        match ear.next().await {
            Some(Ok(Message::Text(text))) if text.contains(heard) => {}
            other => {
                return Err(std::io::Error::other(format!("{other:?} in place of {heard}")));
            }
        }
    }
    Ok(ear)
}

/// The title of the last case: who has heard of it goes.
const LAST: &str = "the last one";

/// Hears until the last case; of each case, how long it took to come here.
async fn listen(mut ear: Ear, begun: Instant) -> std::io::Result<Vec<Duration>> {
    let mut latencies = Vec::new();
    loop {
        let next = timeout(PATIENCE, ear.next()).await;
        let Ok(Some(Ok(message))) = next else {
            return Err(std::io::Error::other(format!("a subscriber heard {next:?}")));
        };
        let Message::Text(text) = message else { continue };
        let title = text
            .split_once(r#""title":""#)
            .and_then(|(_, rest)| rest.split_once('"'));
        match title.map(|(title, _)| title) {
            Some(LAST) => return Ok(latencies),
            Some(title) => {
                let sent = title.parse().map_err(std::io::Error::other)?;
                latencies.push(begun.elapsed().saturating_sub(Duration::from_micros(sent)));
            }
            None => return Err(std::io::Error::other(text.as_str().to_owned())),
        }
    }
}

/// Opens cases whose titles say when they were sent, then the last one; how many there were before it.
async fn write((target, per_second): (&Target, u64), begun: Instant, time: Duration) -> std::io::Result<u64> {
    let case = |title: &str| {
        let body = serde_json::json!({"data": {"title": title}}).to_string();
        (Method::POST, "/v1/cases".to_owned(), body)
    };
    let timed: Asker = Arc::new(move |_, _| case(&begun.elapsed().as_micros().to_string()));
    let writers = vec![target.clone(); usize::try_from(WRITERS).unwrap_or(1)];
    let pace = Pace::Every(Duration::from_micros(1_000_000 * WRITERS / per_second));
    let written = run_paced(&writers, time, pace, &timed).await?;
    let last: Asker = Arc::new(move |_, _| case(LAST));
    run(target, 1, Duration::ZERO, &last).await?;
    Ok(written.latencies.len() as u64)
}
