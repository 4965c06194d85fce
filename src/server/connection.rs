//! One connection from handshake to close. ALPN decides between HTTP/1.1 and HTTP/2; without TLS it is HTTP/1.1.

use std::error::Error;
use std::future::poll_fn;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::ready;
use std::time::Duration;

use axum::Router;
use axum::http::HeaderValue;
use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::sync::Semaphore;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::{CancellationToken, PollSemaphore};

use crate::server::admission::{Penalties, Seat};
use crate::server::body::Pace;
use crate::server::limits::Limits;
use crate::server::service::{Around, InHand};
use crate::server::stream::Seated;
use crate::server::tasks::Tasks;

/// After the farewell to a peer that has no request in hand, how long its last bytes are waited for.
const LINGER: Duration = Duration::from_secs(2);
/// How often an HTTP/2 peer is asked whether it is still there, and how long it may take to answer.
const PING: Duration = Duration::from_secs(20);

/// What all connections of a listener share.
pub(super) struct Edge {
    pub(super) tls: Option<TlsAcceptor>,
    pub(super) router: Router,
    pub(super) limits: Limits,
    /// Taken by a handshake while it computes.
    pub(super) handshakes: Arc<Semaphore>,
    /// Who has broken the rules of HTTP/2.
    pub(super) penalties: Penalties,
    pub(super) tasks: Tasks,
    pub(super) stop: CancellationToken,
}

/// Serves one connection to its end.
pub(super) async fn run(edge: Arc<Edge>, stream: TcpStream, peer: SocketAddr, seat: Seat) {
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%peer, %error, "the connection was gone before it began");
        return;
    }
    let pause = edge.penalties.over(peer.ip());
    if edge.stop.run_until_cancelled(pause).await.is_none() {
        return;
    }
    let stall_max = Duration::from_secs(edge.limits.write_stall_seconds_max);
    let stream = Seated::new(stream, seat, stall_max);
    let Some(acceptor) = &edge.tls else {
        return speak_http1(&edge, stream, peer).await;
    };
    let limit = Duration::from_secs(edge.limits.handshake_seconds_max);
    let handshake = tokio::time::timeout(
        limit,
        in_turn(Arc::clone(&edge.handshakes), acceptor.accept(stream)),
    );
    match edge.stop.run_until_cancelled(handshake).await {
        None => {}
        Some(Err(_elapsed)) => tracing::debug!(%peer, "the handshake took too long"),
        Some(Ok(Err(error))) => tracing::debug!(%peer, %error, "the handshake failed"),
        Some(Ok(Ok(stream))) if stream.get_ref().1.alpn_protocol() == Some(b"h2") => {
            speak_http2(&edge, stream, peer).await;
        }
        Some(Ok(Ok(stream))) => speak_http1(&edge, stream, peer).await,
    }
}

/// Lets work compute only while it holds one of these turns, which it gives back whenever it waits: whoever shakes hands for
/// nothing, a thousand times a second, leaves the other threads to those who ask for something.
async fn in_turn<F: Future>(turns: Arc<Semaphore>, work: F) -> F::Output {
    let (mut turns, mut work) = (PollSemaphore::new(turns), pin!(work));
    poll_fn(|cx| {
        let _turn = ready!(turns.poll_acquire(cx));
        work.as_mut().poll(cx)
    })
    .await
}

async fn speak_http1<S>(edge: &Edge, stream: S, peer: SocketAddr)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let around = around(edge, peer);
    let in_hand = Arc::clone(&around.in_hand);
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(Duration::from_secs(edge.limits.head_seconds_max))
        .max_header_size(edge.limits.header_bytes_max as usize)
        .max_headers(edge.limits.headers_max)
        .serve_connection(
            TokioIo::new(stream),
            service_fn(move |request| around.clone().answer(request)),
        )
        .with_upgrades();
    drive(
        edge,
        pin!(connection),
        http1::UpgradeableConnection::graceful_shutdown,
        &in_hand,
        peer,
    )
    .await;
}

async fn speak_http2<S>(edge: &Edge, stream: S, peer: SocketAddr)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let around = around(edge, peer);
    let in_hand = Arc::clone(&around.in_hand);
    let connection = http2::Builder::new(edge.tasks.clone())
        .timer(TokioTimer::new())
        .keep_alive_interval(PING)
        .keep_alive_timeout(PING)
        .max_concurrent_streams(edge.limits.streams_max)
        .max_header_list_size(edge.limits.header_bytes_max)
        .max_pending_accept_reset_streams(edge.limits.resets_pending_max)
        .serve_connection(
            TokioIo::new(stream),
            service_fn(move |request| around.clone().answer(request)),
        );
    let farewell = http2::Connection::graceful_shutdown;
    if drive(edge, pin!(connection), farewell, &in_hand, peer).await {
        // "Rapid reset", among others: whoever begins again at once would have us shake hands all day.
        edge.penalties.punish(peer.ip());
    }
}

/// Runs a connection until it ends, has been idle for too long, or the server stops; then says farewell, which lets
/// what is in hand finish. Says whether it ended because the peer broke the rules.
async fn drive<C>(
    edge: &Edge,
    mut connection: Pin<&mut C>,
    say_farewell: impl Fn(Pin<&mut C>),
    in_hand: &InHand,
    peer: SocketAddr,
) -> bool
where
    C: Future<Output = hyper::Result<()>>,
{
    let idle_max = Duration::from_secs(edge.limits.idle_seconds_max.max(edge.limits.head_seconds_max));
    let ended = tokio::select! {
        ended = connection.as_mut() => Some(ended),
        () = edge.stop.cancelled() => None,
        () = in_hand.idle_for(idle_max) => None,
        () = in_hand.abused() => {
            tracing::info!(%peer, "the connection was cut: the peer gives up its requests");
            return true;
        }
    };
    let ended = match ended {
        Some(ended) => ended,
        None => {
            say_farewell(connection.as_mut());
            tokio::select! {
                ended = connection => ended,
                () = linger(in_hand) => Ok(()),
            }
        }
    };
    let Err(error) = ended else { return false };
    tracing::debug!(%peer, %error, "the connection ended early");
    // An error of the protocol has a source, as one of the socket has.
    error
        .source()
        .is_some_and(|source| !source.is::<std::io::Error>())
}

/// Time for the farewell to reach the peer, for what is in hand, and for the last answer to leave.
async fn linger(in_hand: &InHand) {
    tokio::time::sleep(LINGER).await;
    in_hand.idle_for(LINGER).await;
}

fn around(edge: &Edge, peer: SocketAddr) -> Around {
    let limits = &edge.limits;
    let hsts = edge.tls.is_some() && limits.hsts_seconds > 0;
    Around {
        router: edge.router.clone(),
        peer,
        is_plain: edge.tls.is_none(),
        pace: Pace {
            grace: Duration::from_secs(limits.body_grace_seconds),
            rate_bytes_min: limits.body_rate_bytes_min,
        },
        hsts: hsts
            .then(|| HeaderValue::try_from(format!("max-age={}", limits.hsts_seconds)).ok())
            .flatten(),
        in_hand: InHand::new(limits.given_up_max),
    }
}
