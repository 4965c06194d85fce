//! TLS versions, cipher suites and the provider of the cryptography, which is named here and nowhere else.

use std::sync::Arc;

use rustls::ServerConfig;
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::sign::CertifiedKey;
use tokio_rustls::TlsAcceptor;

use crate::server::certs::Certificates;

/// TLS could not be set up.
#[derive(Debug, thiserror::Error)]
#[error("can't set up TLS: {0}")]
pub struct TlsError(#[from] rustls::Error);

/// The cryptography of every TLS connection: aws-lc-rs, with its suites for TLS 1.3 and the AEAD ones with forward
/// secrecy for TLS 1.2. It has no others.
pub fn provider() -> Arc<CryptoProvider> {
    Arc::new(aws_lc_rs::default_provider())
}

/// The configuration of the listeners: TLS 1.3 and 1.2, HTTP/2 and HTTP/1.1, whichever certificate is current.
pub fn server_config(certificates: Arc<Certificates>) -> Result<Arc<ServerConfig>, TlsError> {
    let mut config = ServerConfig::builder_with_provider(provider())
        .with_protocol_versions(&[&rustls::version::TLS13, &rustls::version::TLS12])?
        .with_no_client_auth()
        .with_cert_resolver(certificates);
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}

/// What [`crate::server::serve`] takes.
pub fn acceptor(certificates: Arc<Certificates>) -> Result<TlsAcceptor, TlsError> {
    Ok(TlsAcceptor::from(server_config(certificates)?))
}

/// A chain and its key, checked to belong together.
pub(super) fn certified_key(
    chain: Vec<rustls::pki_types::CertificateDer<'static>>,
    key: rustls::pki_types::PrivateKeyDer<'static>,
) -> Result<CertifiedKey, rustls::Error> {
    CertifiedKey::from_der(chain, key, &provider())
}

#[cfg(test)]
mod tests {
    use super::provider;

    #[test]
    fn only_aead_suites_with_forward_secrecy_are_offered() {
        for suite in &provider().cipher_suites {
            let name = format!("{:?}", suite.suite());
            assert!(name.contains("GCM") || name.contains("CHACHA20"), "{name}");
            assert!(
                name.starts_with("TLS13_") || name.starts_with("TLS_ECDHE_"),
                "{name}"
            );
        }
    }
}
