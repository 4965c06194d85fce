//! The node's own certificate authority, made once at `init`. It may issue for the node's own names only (X.509 name
//! constraints), so a stolen authority can't pose as anything else; a name that was added later is left out of the
//! leaf with a warning until a new authority is made.

use std::net::IpAddr;
use std::path::{Path, PathBuf};

use rcgen::{
    BasicConstraints, CertificateParams, CidrSubnet, DistinguishedName, DnType, GeneralSubtree, IsCa, Issuer,
    KeyPair, KeyUsagePurpose, NameConstraints,
};
use rustls::pki_types::CertificateDer;
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::FromDer;
use zeroize::Zeroizing;

use crate::domain::time::{Clock, Millis};
use crate::server::certs::name::Name;
use crate::server::certs::{CertError, pem};

const DAY_MS: i64 = 24 * 60 * 60 * 1000;
/// An authority outlives the box: twenty years.
const LIFE_MS: i64 = 20 * 365 * DAY_MS;
/// Clocks of peers may be behind by so much.
pub(super) const BACKDATED_MS: i64 = DAY_MS;

/// The authority of one node, open for issuing.
#[derive(Debug)]
pub struct Authority {
    folder: PathBuf,
    issuer: Issuer<'static, KeyPair>,
    certificate: CertificateDer<'static>,
    /// Valid until.
    pub(super) not_after: Millis,
    permitted: Vec<Permitted>,
}

/// One name constraint, as the certificate has it.
#[derive(PartialEq, Eq, Debug)]
enum Permitted {
    /// This name and all below it.
    Dns(String),
    /// Exactly this address.
    Ip(IpAddr),
}

impl Authority {
    /// Where the certificate that clients must trust lies.
    pub fn certificate_file(folder: &Path) -> PathBuf {
        folder.join("ca.pem")
    }

    /// Whether neither its certificate nor its key is there, so that making one replaces nothing.
    ///
    /// # Errors
    /// Nobody lets us look.
    pub fn is_absent(folder: &Path) -> Result<bool, CertError> {
        let [certificate, key] = [Self::certificate_file(folder), Self::key_file(folder)];
        Ok(!pem::is_there(&certificate)? && !pem::is_there(&key)?)
    }

    fn key_file(folder: &Path) -> PathBuf {
        folder.join("ca-key.pem")
    }

    /// Makes the authority of a node: an ECDSA P-256 key (`ca-key.pem`, mode 0600) and a certificate (`ca.pem`)
    /// limited to these names. Refuses a folder that has one.
    pub fn create(folder: &Path, names: &[Name], clock: &dyn Clock) -> Result<Self, CertError> {
        let path = Self::certificate_file(folder);
        if pem::is_there(&path)? {
            return Err(CertError::AuthorityExists { path });
        }
        let key = KeyPair::generate()?;
        let certificate = params(names, clock.now(), &key).self_signed(&key)?;
        // The key first: a certificate without its key would look like an authority that is there.
        pem::write_secret(&Self::key_file(folder), &Zeroizing::new(key.serialize_pem()))?;
        pem::write_public(&path, &certificate.pem())?;
        Self::open(folder)
    }

    /// Opens the authority that `create` made.
    pub fn open(folder: &Path) -> Result<Self, CertError> {
        let path = Self::certificate_file(folder);
        let key_path = Self::key_file(folder);
        for path in [&path, &key_path] {
            if !pem::is_there(path)? {
                return Err(CertError::NoAuthority(path.clone()));
            }
        }
        let certificate = pem::read_chain(&path)?.swap_remove(0);
        let key_pem = Zeroizing::new(pem::read(&key_path)?);
        let key = std::str::from_utf8(&key_pem)
            .ok()
            .and_then(|text| KeyPair::from_pem(text).ok());
        let expected = "a PEM file with a private key";
        let key = key.ok_or(CertError::Malformed {
            path: key_path,
            expected,
        })?;
        let malformed = || CertError::Malformed {
            path: path.clone(),
            expected: "a certificate authority",
        };
        let facts = pem::facts(&certificate, true).ok_or_else(malformed)?;
        Ok(Self {
            folder: folder.to_owned(),
            not_after: facts.not_after,
            permitted: constraints(&certificate).ok_or_else(malformed)?,
            issuer: Issuer::from_ca_cert_der(&certificate, key)?,
            certificate,
        })
    }

    pub(super) fn issuer(&self) -> &Issuer<'static, KeyPair> {
        &self.issuer
    }

    pub(super) fn certificate(&self) -> &CertificateDer<'static> {
        &self.certificate
    }

    pub(super) fn leaf_file(&self) -> PathBuf {
        self.folder.join("server.pem")
    }

    /// The names that this authority may issue for; the others are logged and left out.
    pub(super) fn permitted(&self, names: Vec<Name>) -> Vec<Name> {
        let (permitted, others): (Vec<_>, Vec<_>) = names.into_iter().partition(|name| self.permits(name));
        for name in others {
            tracing::warn!(%name, "the node's authority is not for this name: clients will refuse it");
        }
        permitted
    }

    fn permits(&self, name: &Name) -> bool {
        self.permitted.is_empty()
            || self.permitted.iter().any(|permitted| match (permitted, name) {
                (Permitted::Dns(base), Name::Dns(host)) => host
                    .strip_suffix(base.as_str())
                    .is_some_and(|rest| rest.is_empty() || rest.ends_with('.')),
                (Permitted::Ip(own), Name::Ip(address)) => own == address,
                _ => false,
            })
    }
}

fn params(names: &[Name], now: Millis, key: &KeyPair) -> CertificateParams {
    let mut params = CertificateParams::default();
    let mark = pem::short_mark(key.public_key_raw());
    params.distinguished_name = DistinguishedName::new();
    params
        .distinguished_name
        .push(DnType::OrganizationName, "blotter");
    params
        .distinguished_name
        .push(DnType::CommonName, format!("blotter node authority {mark}"));
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    pem::set_validity(&mut params, now.plus(-BACKDATED_MS), now.plus(LIFE_MS));
    params.name_constraints = Some(NameConstraints {
        permitted_subtrees: names.iter().map(subtree).collect(),
        excluded_subtrees: Vec::new(),
    });
    params
}

fn subtree(name: &Name) -> GeneralSubtree {
    match name {
        Name::Dns(host) => GeneralSubtree::DnsName(host.clone()),
        Name::Ip(address) => {
            let whole = if address.is_ipv4() { 32 } else { 128 };
            GeneralSubtree::IpAddress(CidrSubnet::from_addr_prefix(*address, whole))
        }
    }
}

/// `None`: not a certificate of an authority.
fn constraints(certificate: &CertificateDer<'_>) -> Option<Vec<Permitted>> {
    let (_, parsed) = X509Certificate::from_der(certificate).ok()?;
    if !parsed.is_ca() {
        return None;
    }
    let constraints = parsed.name_constraints().ok()?;
    let subtrees = constraints.and_then(|found| found.value.permitted_subtrees.as_ref());
    let subtrees = subtrees.map_or(&[][..], Vec::as_slice);
    Some(
        subtrees
            .iter()
            .filter_map(|subtree| permitted(&subtree.base))
            .collect(),
    )
}

fn permitted(base: &GeneralName<'_>) -> Option<Permitted> {
    match base {
        GeneralName::DNSName(host) => Some(Permitted::Dns((*host).to_ascii_lowercase())),
        GeneralName::IPAddress(bytes) if bytes.len() == 8 => {
            Some(Permitted::Ip(<[u8; 4]>::try_from(&bytes[..4]).ok()?.into()))
        }
        GeneralName::IPAddress(bytes) if bytes.len() == 32 => {
            Some(Permitted::Ip(<[u8; 16]>::try_from(&bytes[..16]).ok()?.into()))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::Authority;
    use crate::domain::time::SystemClock;
    use crate::server::certs::CertError;
    use crate::server::certs::name::Name;

    fn names(texts: &[&str]) -> Vec<Name> {
        texts.iter().map(|text| Name::parse(text).unwrap()).collect()
    }

    #[test]
    fn an_authority_is_made_once_and_its_key_is_secret() {
        let folder = tempfile::tempdir().unwrap();
        Authority::create(folder.path(), &names(&["localhost"]), &SystemClock).unwrap();
        let again = Authority::create(folder.path(), &names(&["localhost"]), &SystemClock);
        assert!(matches!(again, Err(CertError::AuthorityExists { .. })));
        let mode = |name: &str| folder.path().join(name).metadata().unwrap().permissions().mode() & 0o777;
        assert_eq!((mode("ca-key.pem"), mode("ca.pem")), (0o600, 0o644));
    }

    #[test]
    fn an_authority_is_only_for_its_names() {
        let folder = tempfile::tempdir().unwrap();
        let own = names(&["desk.example.org", "10.0.0.7", "::1"]);
        let authority = Authority::create(folder.path(), &own, &SystemClock).unwrap();
        let asked = names(&[
            "desk.example.org",
            "10.0.0.7",
            "::1",
            "10.0.0.8",
            "badesk.example.org",
            "::2",
        ]);
        assert_eq!(authority.permitted(asked), own);
        assert_eq!(authority.permitted(names(&["a.desk.example.org"])).len(), 1);
    }
}
