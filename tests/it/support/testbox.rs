//! A whole box for a test: a store in a temporary folder, every HTTP lane served over TLS on port 0, and a client for it.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, Method, Request};
use blotter::domain::time::SystemClock;
use blotter::domain::value::{Fields, Value};
use blotter::lanes::http::{Beside, Lanes, Options};
use blotter::search::index::Index;
use blotter::server::certs::authority::Authority;
use blotter::server::certs::load_or_renew;
use blotter::server::certs::name::names_of_node;
use blotter::server::limits::Limits;
use blotter::server::{listener, serve, tls};
use blotter::services::Services;
use blotter::services::caller::Caller;
use blotter::services::events::{self, Feed, FeedOptions};
use blotter::services::safe::SafeOptions;
use blotter::services::search::Finder;
use blotter::services::search::follow::{FollowOptions, Follower};
use blotter::services::watch;
use http_body_util::BodyExt;
use hyper::client::conn::http1::SendRequest;
use hyper_util::rt::TokioIo;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use serde_json::Value as Json;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::support::desk::TestDesk;
use crate::support::trusting;

/// The agency of [`TestBox::key`].
pub(crate) const METRO: &str = "metro";

/// A served box; it stops when it is dropped.
pub(crate) struct TestBox {
    desk: TestDesk,
    tls: Arc<ClientConfig>,
    address: SocketAddr,
    /// A key of the agency METRO that may do everything.
    pub(crate) key: String,
    _follower: Follower,
    _feeding: events::Follower,
    /// The watchlists' follower.
    pub(crate) watching: watch::Follower,
    stopping: CancellationToken,
    _stop: DropGuard,
}

/// What came back.
#[derive(Debug)]
pub(crate) struct Answer {
    /// The status.
    pub(crate) status: u16,
    /// The headers.
    pub(crate) headers: HeaderMap,
    /// The body.
    pub(crate) bytes: Bytes,
}

impl Answer {
    /// The body as JSON; null if it is none.
    pub(crate) fn json(&self) -> Json {
        serde_json::from_slice(&self.bytes).unwrap_or(Json::Null)
    }

    /// The root `data`.
    pub(crate) fn data(&self) -> Json {
        self.json()["data"].clone()
    }

    /// The codes of the errors, in order.
    pub(crate) fn codes(&self) -> Vec<String> {
        let json = self.json();
        let errors = json["errors"].as_array().cloned().unwrap_or_default();
        errors
            .iter()
            .map(|error| error["code"].as_str().unwrap().to_owned())
            .collect()
    }

    /// The messages of the errors, in order.
    pub(crate) fn messages(&self) -> Vec<String> {
        let json = self.json();
        let errors = json["errors"].as_array().cloned().unwrap_or_default();
        errors
            .iter()
            .map(|error| error["message"].as_str().unwrap().to_owned())
            .collect()
    }

    /// A header as text; empty if it is not there.
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// The status, which must be this one.
    #[track_caller]
    pub(crate) fn expect(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{}", String::from_utf8_lossy(&self.bytes));
        self
    }
}

/// A connection that takes request after request.
pub(crate) struct Connection(SendRequest<Body>);

impl Connection {
    /// Sends one request and waits for its answer.
    pub(crate) async fn send(&mut self, request: Request<Body>) -> Answer {
        self.0.ready().await.unwrap();
        let (head, body) = self.0.send_request(request).await.unwrap().into_parts();
        Answer {
            status: head.status.as_u16(),
            headers: head.headers,
            bytes: body.collect().await.unwrap().to_bytes(),
        }
    }
}

/// The usual settings, but hardly any limit on rates.
pub(crate) fn plenty() -> Options {
    Options {
        requests_per_second: 1_000_000,
        request_burst: 1_000_000,
        ..Options::default()
    }
}

impl TestBox {
    /// With the usual settings, but hardly any limit on rates.
    pub(crate) async fn start() -> Self {
        Self::start_with(plenty()).await
    }

    /// With these settings.
    pub(crate) async fn start_with(options: Options) -> Self {
        Self::start_as(options, SafeOptions::default()).await
    }

    /// With these settings and these rules of the evidence room.
    pub(crate) async fn start_as(options: Options, safe: SafeOptions) -> Self {
        let desk = TestDesk::open();
        let names = names_of_node(&[]);
        Authority::create(desk.folder(), &names, &SystemClock).unwrap();
        let certificates = load_or_renew(desk.folder(), names, Arc::new(SystemClock)).unwrap();
        let listener = listener::bind(([127, 0, 0, 1], 0).into()).await.unwrap();
        let address = listener.local_addr().unwrap();
        let store = Arc::clone(desk.services().store());
        let heap = blotter::search::index::Options::default();
        let index = Arc::new(Index::open(&desk.folder().join("search"), heap).unwrap());
        let follower = Follower::start(store, Arc::clone(&index), FollowOptions::default()).unwrap();
        let finder = Finder::new(desk.services().clone(), index, Some(follower.gauge()));
        let stop = CancellationToken::new();
        let store = Arc::clone(desk.services().store());
        let feed = Feed::new(store, FeedOptions::default()).unwrap();
        let feeding = feed.follow().unwrap();
        let watching = watch::Follower::start(desk.services().clone(), "the box", None).unwrap();
        let beside = Beside::new(spawn, stop.clone());
        let services = desk.services().clone().with_safe(safe);
        let lanes = Lanes::new(services, finder, feed, beside, options);
        let acceptor = tls::acceptor(certificates).unwrap();
        let router = blotter::lanes::router(&lanes);
        spawn(serve(
            listener,
            Some(acceptor),
            router,
            Limits::default(),
            stop.clone(),
        ));
        let key = key_of(&desk, METRO, &["*"], &["query", "events"]);
        Self {
            tls: Arc::new(trusting(&Authority::certificate_file(desk.folder()), "http/1.1")),
            desk,
            address,
            key,
            _follower: follower,
            _feeding: feeding,
            watching,
            stopping: stop.clone(),
            _stop: stop.drop_guard(),
        }
    }

    /// The services below the lanes.
    pub(crate) fn services(&self) -> &Services {
        self.desk.services()
    }

    /// The owner of the folder, acting for METRO.
    pub(crate) fn owner(&self) -> Caller {
        self.desk.owner_of(METRO)
    }

    /// The order to stop.
    pub(crate) fn stop(&self) {
        self.stopping.cancel();
    }

    /// The store with its clock.
    pub(crate) fn desk(&self) -> &TestDesk {
        &self.desk
    }

    /// A new key of METRO with these scopes.
    pub(crate) fn key_with(&self, scopes: &[&str]) -> String {
        key_of(&self.desk, METRO, scopes, &["query"])
    }

    /// A new key of an agency with these scopes and lanes.
    pub(crate) fn key_for(&self, tenant: &str, scopes: &[&str], lanes: &[&str]) -> String {
        key_of(&self.desk, tenant, scopes, lanes)
    }

    /// Bytes over TLS, with the protocol that was agreed.
    pub(crate) async fn raw(&self, alpn: &str) -> TlsStream<TcpStream> {
        let mut config = (*self.tls).clone();
        config.alpn_protocols = vec![alpn.as_bytes().to_vec()];
        let socket = TcpStream::connect(self.address).await.unwrap();
        let name = ServerName::try_from("localhost").unwrap();
        TlsConnector::from(Arc::new(config))
            .connect(name, socket)
            .await
            .unwrap()
    }

    /// Bytes without TLS, to the port that speaks it.
    pub(crate) async fn socket(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }

    /// A new connection, HTTP/1.1 over TLS.
    #[expect(clippy::disallowed_methods, reason = "a test's tasks end with its runtime")]
    pub(crate) async fn connect(&self) -> Connection {
        let stream = self.raw("http/1.1").await;
        let (sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
            .await
            .unwrap();
        tokio::spawn(connection);
        Connection(sender)
    }

    /// A request with this key and these headers, its body JSON if there is one.
    pub(crate) fn request(
        method: Method,
        path: &str,
        key: Option<&str>,
        headers: &[(&str, &str)],
        body: Option<&Json>,
    ) -> Request<Body> {
        let mut request = Request::builder()
            .method(method)
            .uri(path)
            .header("host", "localhost");
        if let Some(key) = key {
            request = request.header("authorization", format!("Bearer {key}"));
        }
        if body.is_some() {
            request = request.header("content-type", "application/json");
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let body = body.map_or_else(Body::empty, |json| Body::from(json.to_string()));
        request.body(body).unwrap()
    }

    /// Sends a request over a new connection.
    pub(crate) async fn send(&self, request: Request<Body>) -> Answer {
        self.connect().await.send(request).await
    }

    /// GET with the key that may do everything.
    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.get_as(&self.key, path).await
    }

    /// Reads with the key of the box and these headers.
    pub(crate) async fn get_with(&self, path: &str, headers: &[(&str, &str)]) -> Answer {
        self.send(Self::request(Method::GET, path, Some(&self.key), headers, None))
            .await
    }

    /// GET with another key.
    pub(crate) async fn get_as(&self, key: &str, path: &str) -> Answer {
        self.send(Self::request(Method::GET, path, Some(key), &[], None))
            .await
    }

    /// DELETE with the key that may do everything.
    pub(crate) async fn delete(&self, path: &str) -> Answer {
        self.send(Self::request(Method::DELETE, path, Some(&self.key), &[], None))
            .await
    }

    /// POST of `{"data": …}` with the key that may do everything.
    pub(crate) async fn post(&self, path: &str, data: Json) -> Answer {
        self.write(Method::POST, path, &[], data).await
    }

    /// PATCH with `{"data": …}` with the key that may do everything.
    pub(crate) async fn patch(&self, path: &str, data: Json) -> Answer {
        self.write(Method::PATCH, path, &[], data).await
    }

    /// Any write of `{"data": …}` with these headers, with the key that may do everything.
    pub(crate) async fn write(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        data: Json,
    ) -> Answer {
        let body = serde_json::json!({ "data": data });
        self.send(Self::request(method, path, Some(&self.key), headers, Some(&body)))
            .await
    }
}

fn key_of(desk: &TestDesk, tenant: &str, scopes: &[&str], lanes: &[&str]) -> String {
    let texts = |words: &[&str]| Value::List(words.iter().map(|word| Value::text(*word)).collect());
    let input = Fields::from([
        ("name".to_owned(), Value::text("test key")),
        ("scopes".to_owned(), texts(scopes)),
        ("lanes".to_owned(), texts(lanes)),
    ]);
    let owner = desk.owner_of(tenant);
    desk.services().create_key(&owner, input).unwrap().key
}

#[expect(clippy::disallowed_methods, reason = "a test's tasks end with its runtime")]
fn spawn<F>(future: F)
where
    F: Future + Send + 'static,
    F::Output: Send,
{
    tokio::spawn(future);
}
