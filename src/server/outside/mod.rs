//! The way out of the house: posts to servers of others, over TLS that the system or the agency trusts, to addresses that are
//! allowed. Proxies of the environment are not asked, nothing is followed, and of answers nothing but the status is kept.

/// Which addresses may be posted to.
mod guard;

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::http::header::{CONTENT_LENGTH, HOST, RETRY_AFTER, USER_AGENT};
use axum::http::{HeaderMap, HeaderValue, Method, Request, Response, Uri};
use futures_util::FutureExt;
use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::http1::{Connection, SendRequest, handshake};
use hyper_util::rt::TokioIo;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use crate::domain::time::Clock;
use crate::lanes::http::{Line, Outside, Posting, Reply};
use crate::server::tls::provider;

pub use guard::Rules;

/// Addresses of one name that are tried.
const ADDRESSES_MAX: usize = 4;

/// How others are reached.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct OutsideOptions {
    /// Which addresses.
    pub rules: Rules,
    /// An authority that is trusted beside those of the system (PEM).
    pub ca_file: Option<PathBuf>,
    /// For one post, from the name to the end of the answer.
    pub time_max: Duration,
    /// Of an answer's body that is read; with more the connection is given up.
    pub answer_bytes_max: usize,
}

/// The way out. Authorities are read at the first use.
#[derive(Clone)]
pub struct WayOut {
    options: Arc<OutsideOptions>,
    clock: Arc<dyn Clock>,
    /// Held for a look or to put it there.
    tls: Arc<Mutex<Option<TlsConnector>>>,
}

impl std::fmt::Debug for WayOut {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("WayOut").field(&self.options).finish()
    }
}

impl WayOut {
    /// With these options; the clock is asked what a date in an answer means.
    pub fn new(options: OutsideOptions, clock: Arc<dyn Clock>) -> Self {
        Self {
            options: Arc::new(options),
            clock,
            tls: Arc::default(),
        }
    }

    async fn tls(&self) -> Result<TlsConnector, String> {
        if let Some(tls) = &*self.tls.lock().unwrap_or_else(PoisonError::into_inner) {
            return Ok(tls.clone());
        }
        let options = Arc::clone(&self.options);
        let made = tokio::task::spawn_blocking(move || connector(&options)).await;
        let made = made.map_err(|_| "reading the authorities panicked".to_owned())??;
        *self.tls.lock().unwrap_or_else(PoisonError::into_inner) = Some(made.clone());
        Ok(made)
    }

    fn refuse_plain(&self, uri: &Uri) -> Result<(), String> {
        match uri.scheme_str() == Some("https") || self.options.rules.http {
            true => Ok(()),
            false => Err("https is needed; events.webhook_http_allowed allows http".to_owned()),
        }
    }

    async fn connect(&self, uri: &Uri) -> Result<Wire, String> {
        let host = host_of(uri);
        let is_tls = uri.scheme_str() == Some("https");
        self.refuse_plain(uri)?;
        let port = uri.port_u16().unwrap_or(if is_tls { 443 } else { 80 });
        let tcp = self.reach(host, port).await?;
        // Small posts, each waited for.
        drop(tcp.set_nodelay(true));
        if !is_tls {
            return Wire::over(tcp).await;
        }
        let name =
            ServerName::try_from(host.to_owned()).map_err(|_| format!("{host} is no name of a server"))?;
        let tls = self.tls().await?.connect(name, tcp).await;
        Wire::over(tls.map_err(|error| format!("TLS failed: {error}"))?).await
    }

    /// A connection to the first address of a name that is allowed and answers.
    async fn reach(&self, host: &str, port: u16) -> Result<TcpStream, String> {
        let found = tokio::net::lookup_host((host, port)).await;
        let found = found.map_err(|_| format!("the name {host} is not known"))?;
        let mut fault = format!("the name {host} has no address");
        for address in found.take(ADDRESSES_MAX) {
            match self.options.rules.fault(address) {
                Some(refusal) => fault = format!("{} is refused: {refusal}", address.ip()),
                None => match TcpStream::connect(address).await {
                    Ok(tcp) => return Ok(tcp),
                    Err(error) => fault = said(address, &error),
                },
            }
        }
        Err(fault)
    }

    /// Posts over a connection; says whether it can be used again.
    async fn ask(
        &self,
        wire: &mut Wire,
        uri: &Uri,
        headers: &HeaderMap,
        body: &str,
    ) -> Result<(Reply, bool), String> {
        let target = uri.path_and_query().map_or("/", |target| target.as_str());
        let mut request = Request::new(Full::new(Bytes::from(body.to_owned())));
        *request.method_mut() = Method::POST;
        *request.uri_mut() = target.parse().map_err(|_| "the address is none".to_owned())?;
        let own = request.headers_mut();
        own.extend(headers.clone());
        let host = uri.authority().map_or("", |authority| authority.as_str());
        own.insert(
            HOST,
            HeaderValue::from_str(host).map_err(|error| error.to_string())?,
        );
        own.insert(USER_AGENT, HeaderValue::from_static("blotter"));
        own.insert(CONTENT_LENGTH, body.len().into());
        let (answer, reusable) = wire.ask(request, self.options.answer_bytes_max).await?;
        let reply = Reply {
            status: answer.status().as_u16(),
            retry_after: self.retry_after(answer.headers()),
        };
        Ok((reply, reusable))
    }

    /// Seconds, or a date.
    fn retry_after(&self, headers: &HeaderMap) -> Option<Duration> {
        let said = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
        if let Ok(seconds) = said.parse() {
            return Some(Duration::from_secs(seconds));
        }
        let at = jiff::fmt::rfc2822::parse(said).ok()?.timestamp().as_millisecond();
        let millis = u64::try_from(at - self.clock.now().0).unwrap_or(0);
        Some(Duration::from_millis(millis))
    }
}

fn said(address: SocketAddr, error: &std::io::Error) -> String {
    format!("{address} can't be reached: {}", error.kind())
}

fn connector(options: &OutsideOptions) -> Result<TlsConnector, String> {
    let mut roots = RootCertStore::empty();
    let native = rustls_native_certs::load_native_certs();
    for error in native.errors {
        tracing::warn!(%error, "an authority of the system can't be read");
    }
    roots.add_parsable_certificates(native.certs);
    if let Some(file) = &options.ca_file {
        let unusable =
            |error: &dyn std::fmt::Display| format!("events.webhook_ca_file {}: {error}", file.display());
        let found = CertificateDer::pem_file_iter(file).map_err(|error| unusable(&error))?;
        for certificate in found {
            let certificate = certificate.map_err(|error| unusable(&error))?;
            roots.add(certificate).map_err(|error| unusable(&error))?;
        }
    }
    let versions = ClientConfig::builder_with_provider(provider()).with_safe_default_protocol_versions();
    let versions = versions.map_err(|error| error.to_string())?;
    let mut config = versions.with_root_certificates(roots).with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(TlsConnector::from(Arc::new(config)))
}

impl Outside for WayOut {
    fn line(&self) -> Box<dyn Line> {
        Box::new(Wires {
            out: self.clone(),
            open: None,
        })
    }

    fn fault(&self, url: &str) -> Option<String> {
        let uri: Uri = url.parse().ok()?;
        if let Err(fault) = self.refuse_plain(&uri) {
            return Some(fault);
        }
        let address: IpAddr = host_of(&uri).parse().ok()?;
        let refusal = self.options.rules.fault((address, 443).into())?;
        Some(format!("{address} is refused: {refusal}"))
    }
}

/// The name or address, without the brackets of an IPv6 one.
fn host_of(uri: &Uri) -> &str {
    let host = uri.host().unwrap_or_default();
    host.trim_start_matches('[').trim_end_matches(']')
}

trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

type Socket = TokioIo<Box<dyn Stream>>;

type Moving = Pin<Box<Connection<Socket, Full<Bytes>>>>;

/// A connection. It moves only while a post waits for it.
struct Wire {
    sender: SendRequest<Full<Bytes>>,
    /// None once it has ended: dropping it is what tells the sender, which would wait for ever else.
    moving: Option<Moving>,
}

impl Wire {
    async fn over(stream: impl Stream + 'static) -> Result<Self, String> {
        let stream: Box<dyn Stream> = Box::new(stream);
        let (sender, moving) = handshake(TokioIo::new(stream))
            .await
            .map_err(|error| error.to_string())?;
        Ok(Self {
            sender,
            moving: Some(Box::pin(moving)),
        })
    }

    /// Whether the other side has not hung up, as far as that can be known without waiting.
    fn is_open(&mut self) -> bool {
        if let Some(connection) = &mut self.moving
            && connection.now_or_never().is_some()
        {
            self.moving = None;
        }
        self.moving.is_some() && !self.sender.is_closed()
    }

    /// Sends a request; gives the answer and whether the connection can be used again.
    async fn ask(
        &mut self,
        request: Request<Full<Bytes>>,
        bytes_max: usize,
    ) -> Result<(Response<()>, bool), String> {
        let Self { sender, moving } = self;
        let Some(connection) = moving else {
            return Err("the connection was closed".to_owned());
        };
        let asking = async {
            sender.ready().await.map_err(|error| error.to_string())?;
            let answer = sender
                .send_request(request)
                .await
                .map_err(|error| error.to_string())?;
            let (head, body) = answer.into_parts();
            let is_short = read_away(body, bytes_max).await;
            Ok((Response::from_parts(head, ()), is_short))
        };
        let mut asking = std::pin::pin!(asking);
        tokio::select! {
            biased;
            answer = &mut asking => return answer,
            _ended = connection => {}
        }
        // It may have ended with the answer.
        *moving = None;
        asking.await
    }
}

/// Reads a body to its end, if that is not too far.
async fn read_away(mut body: Incoming, bytes_max: usize) -> bool {
    let mut left = bytes_max;
    while let Some(frame) = body.frame().await {
        let Ok(frame) = frame else { return false };
        let bytes = frame.data_ref().map_or(0, |data| data.len());
        match left.checked_sub(bytes) {
            Some(rest) => left = rest,
            None => return false,
        }
    }
    true
}

/// One line: the connection of the last post, if it can be used again, and where it leads.
struct Wires {
    out: WayOut,
    open: Option<(String, Wire)>,
}

impl Line for Wires {
    fn post<'l>(&'l mut self, url: &'l str, headers: HeaderMap, body: String) -> Posting<'l> {
        Box::pin(async move {
            let time_max = self.out.options.time_max;
            let posting = timeout(time_max, self.post_now(url, headers, body));
            let seconds = time_max.as_secs();
            let posted = posting
                .await
                .unwrap_or_else(|_elapsed| Err(format!("no answer within {seconds} seconds")));
            if posted.is_err() {
                self.open = None;
            }
            posted
        })
    }
}

impl Wires {
    async fn post_now(&mut self, url: &str, headers: HeaderMap, body: String) -> Result<Reply, String> {
        let uri: Uri = url.parse().map_err(|_| "the address is none".to_owned())?;
        let out = self.out.clone();
        let authority = format!("{:?} {:?}", uri.scheme(), uri.authority());
        if let Some((leads_to, mut wire)) = self.open.take()
            && leads_to == authority
            && wire.is_open()
        {
            // A receiver may hang up just now; then it has not taken this one, or has taken it and is told again.
            if let Ok(reply) = out.ask(&mut wire, &uri, &headers, &body).await {
                self.keep(leads_to, wire, reply.1);
                return Ok(reply.0);
            }
        }
        let mut wire = out.connect(&uri).await?;
        let (reply, reusable) = out.ask(&mut wire, &uri, &headers, &body).await?;
        self.keep(authority, wire, reusable);
        Ok(reply)
    }

    fn keep(&mut self, leads_to: String, mut wire: Wire, reusable: bool) {
        self.open = (reusable && wire.is_open()).then_some((leads_to, wire));
    }
}
