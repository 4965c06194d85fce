//! Opening listeners, and accepting from them until the stop. Without TLS only the machine itself is listened to,
//! unless a setting says otherwise.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;

use crate::server::admission::{Admission, Seat};

const BACKOFF_FIRST: Duration = Duration::from_millis(10);
const BACKOFF_MAX: Duration = Duration::from_secs(1);

/// Why a listener could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum ListenError {
    /// The system refused the address.
    #[error("can't listen on {address}: {}", why(source))]
    Bind {
        /// What was asked for.
        address: SocketAddr,
        /// What the system said.
        source: io::Error,
    },
    /// Plaintext for other machines was not allowed by a setting.
    #[error(
        "{address} would serve plaintext to other machines: set server.plain_beyond_loopback to allow it"
    )]
    PlainBeyondLoopback {
        /// What was asked for.
        address: SocketAddr,
    },
}

fn why(source: &io::Error) -> String {
    match source.kind() {
        io::ErrorKind::AddrInUse => {
            "another program listens there; take another port, or 0 to have one picked".to_owned()
        }
        io::ErrorKind::AddrNotAvailable => "this machine has no such address".to_owned(),
        io::ErrorKind::PermissionDenied => "ports below 1024 need CAP_NET_BIND_SERVICE".to_owned(),
        _ => source.to_string(),
    }
}

/// Opens a listener for TLS; port 0 picks one.
pub async fn bind(address: SocketAddr) -> Result<TcpListener, ListenError> {
    TcpListener::bind(address)
        .await
        .map_err(|source| ListenError::Bind { address, source })
}

/// Opens a listener without TLS on this machine's own addresses.
pub async fn bind_plain(address: SocketAddr) -> Result<TcpListener, ListenError> {
    if !address.ip().to_canonical().is_loopback() {
        return Err(ListenError::PlainBeyondLoopback { address });
    }
    bind(address).await
}

/// Opens a listener without TLS on any address: for a proxy that ends TLS on another machine.
pub async fn bind_plain_beyond_loopback(address: SocketAddr) -> Result<TcpListener, ListenError> {
    tracing::warn!(%address, "serving plaintext: whoever is on the way reads along");
    bind(address).await
}

/// Hands each connection that gets a seat to `start`, until the stop; the listener is closed at the end.
pub(super) async fn accept_until_stopped(
    listener: TcpListener,
    stop: &CancellationToken,
    admission: &Admission,
    start: impl Fn(TcpStream, SocketAddr, Seat),
) {
    let mut backoff = BACKOFF_FIRST;
    while let Some(accepted) = stop.run_until_cancelled(listener.accept()).await {
        match accepted {
            Ok((stream, peer)) => {
                backoff = BACKOFF_FIRST;
                match admission.take(peer.ip()) {
                    Ok(seat) => start(stream, peer, seat),
                    Err(refused) => tracing::debug!(%peer, %refused, "connection refused"),
                }
            }
            Err(error) if is_of_the_peer(&error) => {}
            Err(error) => {
                tracing::warn!(%error, "can't accept connections for a moment");
                stop.run_until_cancelled(tokio::time::sleep(backoff)).await;
                backoff = (backoff * 2).min(BACKOFF_MAX);
            }
        }
    }
}

/// The peer went away before it was accepted; anything else (files used up, memory) needs a pause.
fn is_of_the_peer(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(
        error.kind(),
        ConnectionAborted | ConnectionRefused | ConnectionReset
    )
}

#[cfg(test)]
mod tests {
    use super::{ListenError, bind_plain};

    #[tokio::test]
    async fn plaintext_stays_on_this_machine() {
        assert!(bind_plain("127.0.0.1:0".parse().unwrap()).await.is_ok());
        let refused = bind_plain("0.0.0.0:0".parse().unwrap()).await;
        assert!(matches!(refused, Err(ListenError::PlainBeyondLoopback { .. })));
    }
}
