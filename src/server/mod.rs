//! The network edge: listeners, TLS and its certificates, limits on every peer, and the orderly stop. It knows
//! nothing of routes: a router goes in, bytes go out.
//!
//! Who owns what: [`serve`] owns its listener and, through [`tasks::Tasks`], every task that it started; a
//! connection's seat is counted in [`admission::Admission`] and lives as long as its socket.

use std::num::NonZero;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;

use crate::server::admission::{Admission, Penalties};
use crate::server::connection::Edge;
use crate::server::limits::Limits;
use crate::server::tasks::Tasks;

/// Who gets a seat: connections counted overall and by peer.
pub mod admission;
/// Request bodies that arrive too slowly end with an error.
pub mod body;
/// The certificate that is shown: the node's own authority and leaf, or the agency's files.
pub mod certs;
/// The other end of our TLS, for the program's own use.
pub mod client;
/// One connection from handshake to close.
mod connection;
/// What one peer may use, as numbers with units.
pub mod limits;
/// Opening listeners, and accepting from them.
pub mod listener;
/// The way out: posts to servers of others, to addresses that are allowed.
pub mod outside;
/// What is done around every request: who is asking, security headers, a panic's answer.
mod service;
/// A socket that gives up on a peer that doesn't read.
mod stream;
/// The tasks of a server, which a stop waits for and in the end cuts.
pub mod tasks;
/// TLS versions, cipher suites and the provider of the cryptography.
pub mod tls;

/// How a server ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Stopped {
    /// Everything in hand was finished.
    Drained,
    /// The time was up: connections with unfinished requests were cut.
    Cut,
}

/// Serves until `stop` is cancelled, then closes the listener, finishes what is in hand within
/// `limits.drain_seconds_max`, and cuts the rest. Handlers find the peer in `axum::extract::ConnectInfo<SocketAddr>`.
pub async fn serve(
    listener: TcpListener,
    tls: Option<TlsAcceptor>,
    router: Router,
    limits: Limits,
    stop: CancellationToken,
) -> Stopped {
    let tasks = Tasks::default();
    let drain = Duration::from_secs(limits.drain_seconds_max);
    let admission = Admission::new(limits.connections_max, limits.connections_per_ip_max);
    let threads = std::thread::available_parallelism().map_or(1, NonZero::get);
    let edge = Arc::new(Edge {
        tls,
        router,
        penalties: Penalties::new(Duration::from_millis(limits.penalty_ms)),
        limits,
        handshakes: Arc::new(Semaphore::new((threads / 2).max(1))),
        tasks: tasks.clone(),
        stop: stop.clone(),
    });
    listener::accept_until_stopped(listener, &stop, &admission, |stream, peer, seat| {
        tasks.spawn(connection::run(Arc::clone(&edge), stream, peer, seat));
    })
    .await;
    tasks.finish(drain).await
}
