//! The least that can answer over TLS: hyper and rustls with fixed bytes, no routing, no store. What the server adds to it
//! is the server's own cost.

use std::convert::Infallible;
use std::net::SocketAddr;

use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;

/// Serves `body` to every request until the returned set is dropped.
pub(super) async fn serve(acceptor: TlsAcceptor, body: Bytes) -> std::io::Result<(SocketAddr, JoinSet<()>)> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
    let address = listener.local_addr()?;
    let mut server = JoinSet::new();
    server.spawn(async move {
        let mut connections = JoinSet::new();
        while let Ok((tcp, _)) = listener.accept().await {
            drop(tcp.set_nodelay(true));
            connections.spawn(connection(acceptor.clone(), tcp, body.clone()));
        }
    });
    Ok((address, server))
}

async fn connection(acceptor: TlsAcceptor, tcp: tokio::net::TcpStream, body: Bytes) {
    let Ok(tls) = acceptor.accept(tcp).await else {
        return;
    };
    let answer = service_fn(move |_: Request<Incoming>| {
        let mut response = Response::new(Full::new(body.clone()));
        response.headers_mut().insert(
            hyper::header::CONTENT_TYPE,
            hyper::header::HeaderValue::from_static("application/json"),
        );
        async move { Ok::<_, Infallible>(response) }
    });
    drop(
        http1::Builder::new()
            .serve_connection(TokioIo::new(tls), answer)
            .await,
    );
}
