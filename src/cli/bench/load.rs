//! Load: so many clients, each on one kept-alive connection, each sending its next request when the last is answered.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use http_body_util::{BodyExt, Full};
use hyper::body::Bytes;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::rt::{Read, Write};
use hyper::{Method, Request};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use crate::server::client::Connector;

/// Where and as whom.
#[derive(Clone)]
pub(super) struct Target {
    pub(super) address: SocketAddr,
    /// TLS; a peer that speaks plain HTTP has none.
    pub(super) connector: Option<Connector>,
    pub(super) authorization: String,
    /// Further headers of each request.
    pub(super) headers: &'static [(&'static str, &'static str)],
}

/// One request: method, path, JSON body (empty: none).
pub(super) type Ask = (Method, String, String);

/// Makes the n-th request of a client.
pub(super) type Asker = Arc<dyn Fn(usize, u64) -> Ask + Send + Sync>;

/// What came of it.
#[derive(Clone, Debug, Default)]
pub(super) struct Measured {
    /// Of each answer, the shortest first.
    pub(super) latencies: Vec<Duration>,
    /// From the first request to the last answer.
    pub(super) took: Duration,
}

impl Measured {
    pub(super) fn per_second(&self) -> f64 {
        f64::from(u32::try_from(self.latencies.len()).unwrap_or(u32::MAX)) / self.took.as_secs_f64()
    }

    /// The latency below which so many of a hundred answers came.
    pub(super) fn percentile(&self, hundredths: usize) -> Duration {
        let place = self.latencies.len().saturating_sub(1) * hundredths / 100;
        self.latencies.get(place).copied().unwrap_or_default()
    }
}

/// An open connection.
pub(super) struct Client {
    sender: SendRequest<Full<Bytes>>,
    authorization: String,
    headers: &'static [(&'static str, &'static str)],
}

async fn open<S>(stream: S, tasks: &mut JoinSet<()>) -> std::io::Result<SendRequest<Full<Bytes>>>
where
    S: Read + Write + Send + Unpin + 'static,
{
    let (sender, connection) = handshake(stream).await.map_err(std::io::Error::other)?;
    tasks.spawn(async move { drop(connection.await) });
    Ok(sender)
}

impl Client {
    /// Connects; the connection lives in `tasks`.
    pub(super) async fn connect(target: &Target, tasks: &mut JoinSet<()>) -> std::io::Result<Self> {
        let sender = match &target.connector {
            Some(connector) => open(TokioIo::new(connector.connect(target.address).await?), tasks).await?,
            None => {
                let tcp = TcpStream::connect(target.address).await?;
                tcp.set_nodelay(true)?;
                open(TokioIo::new(tcp), tasks).await?
            }
        };
        Ok(Self {
            sender,
            authorization: target.authorization.clone(),
            headers: target.headers,
        })
    }

    /// The body of the answer; any answer but a success is an error.
    pub(super) async fn send(&mut self, (method, path, body): Ask) -> std::io::Result<Bytes> {
        let mut request = Request::builder()
            .method(method)
            .uri(path)
            .header("host", "localhost")
            .header("authorization", &self.authorization)
            .header("content-type", "application/json");
        for (name, value) in self.headers {
            request = request.header(*name, *value);
        }
        let request = request
            .body(Full::new(Bytes::from(body)))
            .map_err(std::io::Error::other)?;
        self.sender.ready().await.map_err(std::io::Error::other)?;
        let answer = self.sender.send_request(request).await;
        let (head, body) = answer.map_err(std::io::Error::other)?.into_parts();
        let body = body.collect().await.map_err(std::io::Error::other)?.to_bytes();
        if head.status.is_success() {
            return Ok(body);
        }
        let text = String::from_utf8_lossy(&body[..body.len().min(300)]).into_owned();
        Err(std::io::Error::other(format!("{}: {text}", head.status)))
    }

    /// The answer as JSON.
    pub(super) async fn json(&mut self, ask: Ask) -> std::io::Result<serde_json::Value> {
        Ok(serde_json::from_slice(&self.send(ask).await?)?)
    }
}

/// Runs so many clients for so long, each without a pause.
pub(super) async fn run(
    target: &Target,
    clients: usize,
    time: Duration,
    ask: &Asker,
) -> std::io::Result<Measured> {
    run_paced(
        &vec![target.clone(); clients],
        time,
        Pace::After(Duration::ZERO),
        ask,
    )
    .await
}

/// When a client sends its next request.
#[derive(Clone, Copy, Debug)]
pub(super) enum Pace {
    /// So long after the last answer.
    After(Duration),
    /// So often, and at once if the last answer took longer.
    Every(Duration),
}

/// The same with a client for each target, at this pace.
pub(super) async fn run_paced(
    targets: &[Target],
    time: Duration,
    pace: Pace,
    ask: &Asker,
) -> std::io::Result<Measured> {
    let mut connections = JoinSet::new();
    let mut open = Vec::new();
    for target in targets {
        open.push(Client::connect(target, &mut connections).await?);
    }
    let begin = Instant::now();
    let mut running = JoinSet::new();
    for (number, client) in open.into_iter().enumerate() {
        let ask = Arc::clone(ask);
        running.spawn(one_client(client, (begin, time, pace), move |nth| {
            ask(number, nth)
        }));
    }
    let mut measured = Measured::default();
    while let Some(client) = running.join_next().await {
        measured.latencies.extend(client.map_err(std::io::Error::other)??);
    }
    measured.took = begin.elapsed();
    measured.latencies.sort_unstable();
    Ok(measured)
}

async fn one_client(
    mut client: Client,
    (begin, time, pace): (Instant, Duration, Pace),
    ask: impl Fn(u64) -> Ask,
) -> std::io::Result<Vec<Duration>> {
    let mut latencies = Vec::new();
    while latencies.is_empty() || begin.elapsed() < time {
        let request = ask(latencies.len() as u64);
        let sent = Instant::now();
        client.send(request).await?;
        latencies.push(sent.elapsed());
        let pause = match pace {
            Pace::After(pause) => pause,
            Pace::Every(each) => {
                let sent = u32::try_from(latencies.len()).unwrap_or(u32::MAX);
                each.saturating_mul(sent).saturating_sub(begin.elapsed())
            }
        };
        if !pause.is_zero() {
            tokio::time::sleep(pause).await;
        }
    }
    Ok(latencies)
}
