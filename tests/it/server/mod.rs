//! The network edge, tested through sockets: TLS, certificates, limits, the stop. `Edge` runs one on port 0.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::routing::{get, post};
use blotter::domain::time::{Clock, Millis, SystemClock};
use blotter::server::certs::authority::Authority;
use blotter::server::certs::name::names_of_node;
use blotter::server::certs::{Certificates, load_or_renew};
use blotter::server::limits::Limits;
use blotter::server::{Stopped, listener, serve, tls};
use futures_util::stream;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_util::sync::CancellationToken;

use crate::support::trusting;

mod certificates;
mod handshake;
mod peers;
mod stop;

/// A clock that stands where a test puts it.
#[derive(Debug)]
struct StoppedClock(AtomicI64);

impl StoppedClock {
    fn advance_days(&self, days: i64) {
        self.0.fetch_add(days * 24 * 60 * 60 * 1000, Ordering::SeqCst);
    }
}

impl Clock for StoppedClock {
    fn now(&self) -> Millis {
        Millis(self.0.load(Ordering::SeqCst))
    }
}

/// A server on port 0 with its own authority and a few routes.
struct Edge {
    address: SocketAddr,
    certificates: Arc<Certificates>,
    clock: Arc<StoppedClock>,
    folder: TempDir,
    stop: CancellationToken,
    /// `/held` tells that it has begun, and answers once it may.
    begun: Arc<Semaphore>,
    may_end: Arc<Semaphore>,
    serving: Mutex<Option<JoinHandle<Stopped>>>,
}

impl Edge {
    async fn start(limits: Limits) -> Self {
        let folder = TempDir::new().expect("a temporary folder");
        let clock = Arc::new(StoppedClock(AtomicI64::new(SystemClock.now().0)));
        let names = names_of_node(&[]);
        Authority::create(folder.path(), &names, &*clock).expect("an authority");
        let injected: Arc<dyn Clock> = clock.clone();
        let certificates = load_or_renew(folder.path(), names, injected).expect("a certificate");
        let listener = listener::bind(([127, 0, 0, 1], 0).into()).await.expect("port 0");
        let address = listener.local_addr().expect("an address");
        let (begun, may_end) = (Arc::new(Semaphore::new(0)), Arc::new(Semaphore::new(0)));
        let router = router(Arc::clone(&begun), Arc::clone(&may_end));
        let acceptor = tls::acceptor(Arc::clone(&certificates)).expect("TLS");
        let stop = CancellationToken::new();
        let serving = spawn(serve(listener, Some(acceptor), router, limits, stop.clone()));
        let serving = Mutex::new(Some(serving));
        Self {
            address,
            certificates,
            clock,
            folder,
            stop,
            begun,
            may_end,
            serving,
        }
    }

    async fn stopped(&self) -> Stopped {
        self.stop.cancel();
        let serving = self
            .serving
            .lock()
            .expect("no panic")
            .take()
            .expect("stopped once");
        serving.await.expect("the server doesn't panic")
    }

    async fn connect(&self, alpn: &str) -> TlsStream<TcpStream> {
        self.try_connect(client_config(self.folder.path(), alpn))
            .await
            .expect("a connection")
    }

    async fn try_connect(&self, config: ClientConfig) -> std::io::Result<TlsStream<TcpStream>> {
        let socket = TcpStream::connect(self.address).await?;
        let name = ServerName::try_from("localhost").expect("a name");
        TlsConnector::from(Arc::new(config)).connect(name, socket).await
    }

    /// The status and body of a GET over a new connection.
    async fn get(&self, path: &str) -> (u16, String) {
        get_on(&mut self.connect("http/1.1").await, path, "close").await
    }
}

fn router(begun: Arc<Semaphore>, may_end: Arc<Semaphore>) -> Router {
    let held = move || async move {
        begun.add_permits(1);
        let _may = may_end.acquire().await;
        "held"
    };
    let endless = || async {
        let parts = stream::repeat_with(|| Ok::<_, Infallible>(Bytes::from_static(&[b'x'; 4096])));
        Body::from_stream(parts)
    };
    Router::new()
        .route("/", get(|| async { "here" }))
        .route("/held", get(held))
        .route("/endless", get(endless))
        .route("/panic", get(panics))
        .route("/echo", post(|body: Bytes| async move { body }))
}

async fn panics() -> &'static str {
    panic!("as the test wants");
}

fn client_config(folder: &Path, alpn: &str) -> ClientConfig {
    trusting(&Authority::certificate_file(folder), alpn)
}

/// A GET on an open HTTP/1.1 connection; `connection` is the header's value.
async fn get_on(stream: &mut TlsStream<TcpStream>, path: &str, connection: &str) -> (u16, String) {
    let request = format!("GET {path} HTTP/1.1\r\nhost: localhost\r\nconnection: {connection}\r\n\r\n");
    stream
        .write_all(request.as_bytes())
        .await
        .expect("the request is sent");
    read_answer(stream).await
}

/// Reads one answer with a `content-length`.
async fn read_answer(stream: &mut TlsStream<TcpStream>) -> (u16, String) {
    let mut answer = Vec::new();
    let mut buffer = [0; 4096];
    while !is_complete(&answer) {
        let read = within(stream.read(&mut buffer))
            .await
            .expect("the answer arrives");
        assert!(
            read > 0,
            "closed in the middle of {:?}",
            String::from_utf8_lossy(&answer)
        );
        answer.extend_from_slice(&buffer[..read]);
    }
    let text = String::from_utf8(answer).expect("text");
    let status = text[9..12].parse().expect("a status");
    (status, text)
}

fn is_complete(answer: &[u8]) -> bool {
    let text = String::from_utf8_lossy(answer);
    let Some((head, body)) = text.split_once("\r\n\r\n") else {
        return false;
    };
    let length = head
        .lines()
        .find_map(|line| line.strip_prefix("content-length: "));
    length.is_some_and(|length| body.len() >= length.parse().expect("a length"))
}

/// Reads until the peer closes, which may be with a reset.
async fn read_to_close(stream: &mut (impl AsyncReadExt + Unpin)) -> Vec<u8> {
    let mut all = Vec::new();
    let _closed_or_reset = within(stream.read_to_end(&mut all)).await;
    all
}

/// No test waits longer for anything.
async fn within<F: Future>(future: F) -> F::Output {
    tokio::time::timeout(Duration::from_secs(20), future)
        .await
        .expect("within 20 seconds")
}

#[expect(clippy::disallowed_methods, reason = "a test's tasks end with its runtime")]
fn spawn<F>(future: F) -> JoinHandle<F::Output>
where
    F: Future + Send + 'static,
    F::Output: Send,
{
    tokio::spawn(future)
}
