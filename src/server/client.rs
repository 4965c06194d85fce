//! The other end of our TLS: a client that trusts one authority alone.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

use crate::server::tls::provider;

/// What is spoken over TLS.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Protocol {
    /// HTTP/1.1.
    Http1,
    /// HTTP/2.
    Http2,
}

/// Connects to servers on this machine that show a certificate of one authority. Cheap to clone.
#[derive(Clone)]
pub struct Connector(TlsConnector);

impl Connector {
    /// Trusts the authority whose certificate (PEM) is in this file.
    ///
    /// # Errors
    /// The file can't be read, or holds no certificate.
    pub fn trusting(authority: &Path) -> std::io::Result<Self> {
        let mut roots = RootCertStore::empty();
        let certificate = CertificateDer::from_pem_file(authority).map_err(std::io::Error::other)?;
        roots.add(certificate).map_err(std::io::Error::other)?;
        let versions = ClientConfig::builder_with_provider(provider()).with_safe_default_protocol_versions();
        let config = versions
            .map_err(std::io::Error::other)?
            .with_root_certificates(roots);
        let config = config.with_no_client_auth();
        Ok(Self(TlsConnector::from(Arc::new(config))))
    }

    /// A connection to `localhost` at this address, for HTTP/1.1.
    ///
    /// # Errors
    /// Nobody listens there, or not with a certificate of the authority.
    pub async fn connect(&self, address: SocketAddr) -> std::io::Result<TlsStream<TcpStream>> {
        self.speak(Protocol::Http1, address).await
    }

    /// The same, for a protocol of one's choice.
    ///
    /// # Errors
    /// Nobody listens there, or not with a certificate of the authority.
    pub async fn speak(
        &self,
        protocol: Protocol,
        address: SocketAddr,
    ) -> std::io::Result<TlsStream<TcpStream>> {
        let tcp = TcpStream::connect(address).await?;
        tcp.set_nodelay(true)?;
        let name = ServerName::try_from("localhost").map_err(std::io::Error::other)?;
        let word = match protocol {
            Protocol::Http1 => b"http/1.1".to_vec(),
            Protocol::Http2 => b"h2".to_vec(),
        };
        self.0.with_alpn(vec![word]).connect(name, tcp).await
    }
}
