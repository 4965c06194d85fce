//! What the tests stand on.

pub(crate) mod browser;
pub(crate) mod desk;
pub(crate) mod faulty;
pub(crate) mod power;
pub(crate) mod process;
pub(crate) mod small_disk;
pub(crate) mod testbox;

use std::path::Path;

use blotter::server::tls;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};

/// By how much `BLOTTER_TEST_SCALE` multiplies the number of seeds.
pub(crate) fn scale() -> u64 {
    std::env::var("BLOTTER_TEST_SCALE")
        .ok()
        .and_then(|text| text.parse().ok())
        .unwrap_or(1)
}

/// The program's own text against the committed file; `BLOTTER_UPDATE=1` writes the file instead.
pub(crate) fn compare_with_file(path: &str, text: &str) {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    if std::env::var_os("BLOTTER_UPDATE").is_some() {
        std::fs::write(&file, text).unwrap();
    }
    let committed = std::fs::read_to_string(&file).unwrap_or_default();
    assert!(
        committed == text,
        "{path} is not what the program says: run again with BLOTTER_UPDATE=1"
    );
}

/// A client of TLS that trusts the authority in this file and speaks this protocol.
pub(crate) fn trusting(authority: &Path, alpn: &str) -> ClientConfig {
    let mut roots = RootCertStore::empty();
    roots
        .add(CertificateDer::from_pem_file(authority).unwrap())
        .unwrap();
    let mut config = ClientConfig::builder_with_provider(tls::provider())
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![alpn.as_bytes().to_vec()];
    config
}
