//! Certificates change while the server runs.

use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use blotter::domain::time::SystemClock;
use blotter::server::certs::load_agency;
use blotter::server::certs::name::Name;
use blotter::server::limits::Limits;
use rcgen::{CertificateParams, KeyPair};
use rustls::pki_types::CertificateDer;
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;

use crate::server::{Edge, get_on};

fn shown(stream: &TlsStream<TcpStream>) -> CertificateDer<'static> {
    let chain = stream.get_ref().1.peer_certificates().expect("a certificate");
    chain[0].clone().into_owned()
}

#[tokio::test]
async fn a_renewed_leaf_is_shown_and_open_connections_stay() {
    let edge = Edge::start(Limits::default()).await;
    let mut open = edge.connect("http/1.1").await;
    let first = shown(&open);
    let until = edge.certificates.facts().not_after;

    edge.clock.advance_days(270);
    assert!(
        !edge.certificates.refresh().expect("looked at"),
        "not yet a third of its life"
    );
    edge.clock.advance_days(6);
    assert!(edge.certificates.refresh().expect("renewed"));

    assert_eq!(
        edge.certificates.facts().not_after.0 - until.0,
        276 * 24 * 60 * 60 * 1000
    );
    assert_eq!(
        get_on(&mut open, "/", "keep-alive").await.0,
        200,
        "the open connection stays"
    );
    let config = crate::server::client_config(edge.folder.path(), "http/1.1");
    // The new leaf is valid from 275 days ahead, so a client of today would refuse it: take it without a check.
    let next = edge
        .try_connect(unchecked::client(config))
        .await
        .expect("a handshake");
    assert_ne!(shown(&next), first);
}

fn write_agency(folder: &Path, name: &str) {
    let key = KeyPair::generate().expect("a key");
    let params = CertificateParams::new(vec![name.to_owned()]).expect("a name");
    let certificate = params.self_signed(&key).expect("a certificate");
    std::fs::write(folder.join("agency.pem"), certificate.pem()).expect("written");
    std::fs::write(folder.join("agency-key.pem"), key.serialize_pem()).expect("written");
}

#[test]
fn the_agencys_files_are_read_again_when_they_change() {
    let folder = tempfile::tempdir().expect("a folder");
    let (certificate, key) = (
        folder.path().join("agency.pem"),
        folder.path().join("agency-key.pem"),
    );
    write_agency(folder.path(), "first.example.org");
    let certificates = load_agency(&certificate, &key, Arc::new(SystemClock)).expect("loaded");
    let name = || certificates.facts().names[0].to_string();
    assert!(!certificates.refresh().expect("unchanged"));

    write_agency(folder.path(), "second.example.org");
    assert!(certificates.refresh().expect("changed"));
    assert_eq!(name(), "second.example.org");

    let other = KeyPair::generate().expect("a key");
    std::fs::write(&key, other.serialize_pem()).expect("written");
    assert!(certificates.refresh().is_err(), "a key of another certificate");
    std::fs::remove_file(&key).expect("removed");
    assert!(certificates.refresh().is_err());
    assert_eq!(name(), "second.example.org", "the last good one stays in use");
}

fn agency_ca(arguments: &[&str]) -> bool {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/certs/agency-ca.sh");
    Command::new(script)
        .args(arguments)
        .output()
        .expect("the script runs")
        .status
        .success()
}

#[test]
fn the_script_for_an_agencys_own_authority_makes_files_that_load() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().to_str().expect("text");
    assert!(agency_ca(&["new", path, "City / Police"]));
    assert!(
        !agency_ca(&["new", path, "Another"]),
        "an authority is never overwritten"
    );
    assert!(!agency_ca(&["issue", path, "../elsewhere"]));
    assert!(agency_ca(&["issue", path, "desk.example.org", "10.0.0.7", "::1"]));

    let file = |name: &str| folder.path().join(name);
    let clock = Arc::new(SystemClock);
    let loaded = load_agency(
        &file("desk.example.org.pem"),
        &file("desk.example.org-key.pem"),
        clock,
    );
    let facts = loaded.expect("loaded").facts();
    let names: Vec<_> = facts.names.iter().map(Name::to_string).collect();
    assert_eq!(names, ["desk.example.org", "10.0.0.7", "::1"]);
    assert!(!facts.own);
}

/// A client that takes any certificate, to look at one from another time.
mod unchecked {
    use std::sync::Arc;

    use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
    use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
    use rustls::{ClientConfig, DigitallySignedStruct, Error, SignatureScheme};

    #[derive(Debug)]
    struct Anything;

    impl ServerCertVerifier for Anything {
        fn verify_server_cert(
            &self,
            _end_entity: &CertificateDer<'_>,
            _intermediates: &[CertificateDer<'_>],
            _server_name: &ServerName<'_>,
            _ocsp_response: &[u8],
            _now: UnixTime,
        ) -> Result<ServerCertVerified, Error> {
            Ok(ServerCertVerified::assertion())
        }

        fn verify_tls12_signature(
            &self,
            _message: &[u8],
            _cert: &CertificateDer<'_>,
            _signed: &DigitallySignedStruct,
        ) -> Result<HandshakeSignatureValid, Error> {
            Ok(HandshakeSignatureValid::assertion())
        }

        fn verify_tls13_signature(
            &self,
            _message: &[u8],
            _cert: &CertificateDer<'_>,
            _signed: &DigitallySignedStruct,
        ) -> Result<HandshakeSignatureValid, Error> {
            Ok(HandshakeSignatureValid::assertion())
        }

        fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
            vec![SignatureScheme::ECDSA_NISTP256_SHA256]
        }
    }

    pub(super) fn client(mut config: ClientConfig) -> ClientConfig {
        config.dangerous().set_certificate_verifier(Arc::new(Anything));
        config
    }
}
