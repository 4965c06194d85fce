//! What is agreed in the handshake: versions, suites, protocols.

use axum::body::Body;
use axum::http::Request;
use blotter::server::limits::Limits;
use blotter::server::tls;
use http_body_util::BodyExt;
use hyper::client::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ProtocolVersion, RootCertStore, SupportedProtocolVersion};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use crate::server::{Edge, read_to_close, spawn, within};

const TLS_ALERT: u8 = 21;

async fn check_version(edge: &Edge, version: &'static SupportedProtocolVersion, expected: ProtocolVersion) {
    let mut roots = RootCertStore::empty();
    let authority = CertificateDer::from_pem_file(edge.folder.path().join("ca.pem")).expect("ca.pem");
    roots.add(authority).expect("an authority");
    let config = ClientConfig::builder_with_provider(tls::provider())
        .with_protocol_versions(&[version])
        .expect("a version")
        .with_root_certificates(roots)
        .with_no_client_auth();
    let stream = edge.try_connect(config).await.expect("a handshake");
    assert_eq!(stream.get_ref().1.protocol_version(), Some(expected));
}

#[tokio::test]
async fn tls_1_3_and_1_2_are_spoken() {
    let edge = Edge::start(Limits::default()).await;
    check_version(&edge, &rustls::version::TLS13, ProtocolVersion::TLSv1_3).await;
    check_version(&edge, &rustls::version::TLS12, ProtocolVersion::TLSv1_2).await;
}

/// The first message of a client that speaks TLS 1.2 and knows CBC suites only.
fn hello_with_cbc_suites_only() -> Vec<u8> {
    let suites: [u16; 4] = [0xc009, 0xc00a, 0xc023, 0x002f];
    let extensions: &[&[u8]] = &[
        &[0, 10, 0, 4, 0, 2, 0, 23],      // groups: P-256
        &[0, 11, 0, 2, 1, 0],             // points: uncompressed
        &[0, 13, 0, 6, 0, 4, 4, 3, 4, 1], // signatures: ECDSA and RSA with SHA-256
    ];
    let extensions = extensions.concat();
    let mut body = vec![3, 3];
    body.extend_from_slice(&[7; 32]); // random
    body.push(0); // no session
    body.extend_from_slice(&[0, 2 * suites.len() as u8]);
    body.extend(suites.iter().flat_map(|suite| suite.to_be_bytes()));
    body.extend_from_slice(&[1, 0]); // no compression
    body.extend_from_slice(&(extensions.len() as u16).to_be_bytes());
    body.extend_from_slice(&extensions);
    let message = [&[1, 0][..], &(body.len() as u16).to_be_bytes(), &body].concat();
    [&[22, 3, 1][..], &(message.len() as u16).to_be_bytes(), &message].concat()
}

#[tokio::test]
async fn cbc_suites_are_refused() {
    let edge = Edge::start(Limits::default()).await;
    let mut socket = TcpStream::connect(edge.address).await.expect("a connection");
    socket
        .write_all(&hello_with_cbc_suites_only())
        .await
        .expect("sent");
    let answer = read_to_close(&mut socket).await;
    let (fatal, handshake_failure) = (2, 40);
    assert_eq!(answer, [TLS_ALERT, 3, 3, 0, 2, fatal, handshake_failure]);
}

#[tokio::test]
async fn plaintext_on_the_tls_port_is_refused() {
    let edge = Edge::start(Limits::default()).await;
    let mut socket = TcpStream::connect(edge.address).await.expect("a connection");
    socket
        .write_all(b"GET / HTTP/1.1\r\nhost: localhost\r\n\r\n")
        .await
        .expect("sent");
    assert_eq!(read_to_close(&mut socket).await[0], TLS_ALERT);
}

#[tokio::test]
async fn http_1_answers_carry_hsts_and_no_server() {
    let edge = Edge::start(Limits::default()).await;
    let (status, text) = edge.get("/").await;
    assert_eq!(status, 200);
    assert!(
        text.contains("strict-transport-security: max-age=31536000\r\n"),
        "{text}"
    );
    assert!(!text.to_lowercase().contains("\r\nserver:"), "{text}");
}

#[tokio::test]
async fn http_2_is_spoken() {
    let edge = Edge::start(Limits::default()).await;
    let stream = edge.connect("h2").await;
    assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));
    let (mut sender, connection) = http2::handshake(TokioExecutor::new(), TokioIo::new(stream))
        .await
        .expect("HTTP/2");
    spawn(connection);
    let request = Request::get("https://localhost/")
        .body(Body::empty())
        .expect("a request");
    let answer = within(sender.send_request(request)).await.expect("an answer");
    assert_eq!(answer.status(), 200);
    assert_eq!(answer.collect().await.expect("a body").to_bytes(), "here");
}

#[tokio::test]
async fn a_name_that_is_not_the_nodes_is_refused_by_the_client() {
    let edge = Edge::start(Limits::default()).await;
    let socket = TcpStream::connect(edge.address).await.expect("a connection");
    let config = crate::server::client_config(edge.folder.path(), "h2");
    let name = ServerName::try_from("elsewhere.example.org").expect("a name");
    assert!(
        tokio_rustls::TlsConnector::from(std::sync::Arc::new(config))
            .connect(name, socket)
            .await
            .is_err()
    );
}

#[tokio::test]
async fn the_nodes_addresses_are_in_its_certificate() {
    let edge = Edge::start(Limits::default()).await;
    for address in ["127.0.0.1", "::1"] {
        let socket = TcpStream::connect(edge.address).await.expect("a connection");
        let config = crate::server::client_config(edge.folder.path(), "h2");
        let name = ServerName::try_from(address).expect("an address");
        let connector = tokio_rustls::TlsConnector::from(std::sync::Arc::new(config));
        connector
            .connect(name, socket)
            .await
            .expect("the address is permitted and certified");
    }
}
