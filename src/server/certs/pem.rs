//! Reading and writing certificate files. What holds a key is readable by its owner only from its first byte on.

use std::fs::{self, Permissions};
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::Duration;

use rcgen::{CertificateParams, date_time_ymd};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use sha2::{Digest as _, Sha256};
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::{GeneralName, ParsedExtension};
use x509_parser::prelude::FromDer;

use crate::domain::time::Millis;
use crate::server::certs::name::Name;
use crate::server::certs::{CertError, Facts};

/// SHA-256 of files, to see a change.
pub(super) type Digest = [u8; 32];

const MODE_SECRET: u32 = 0o600;
const MODE_PUBLIC: u32 = 0o644;

/// Whether there is such a file: one in a folder that we may not look into is not missing.
pub(super) fn is_there(path: &Path) -> Result<bool, CertError> {
    path.try_exists().map_err(|source| CertError::File {
        action: "read",
        path: path.to_owned(),
        source,
    })
}

pub(super) fn read(path: &Path) -> Result<Vec<u8>, CertError> {
    fs::read(path).map_err(|source| CertError::File {
        action: "read",
        path: path.to_owned(),
        source,
    })
}

/// Replaces a file that only its owner may read, whole or not at all.
pub(super) fn write_secret(path: &Path, text: &str) -> Result<(), CertError> {
    write(path, text, MODE_SECRET)
}

/// Replaces a file that everybody may read, whole or not at all.
pub(super) fn write_public(path: &Path, text: &str) -> Result<(), CertError> {
    write(path, text, MODE_PUBLIC)
}

fn write(path: &Path, text: &str, mode: u32) -> Result<(), CertError> {
    let failed = |source| CertError::File {
        action: "write",
        path: path.to_owned(),
        source,
    };
    let folder = path.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(folder).map_err(failed)?;
    let mut file = tempfile::NamedTempFile::new_in(folder).map_err(failed)?;
    file.write_all(text.as_bytes()).map_err(failed)?;
    file.as_file()
        .set_permissions(Permissions::from_mode(mode))
        .map_err(failed)?;
    file.as_file().sync_all().map_err(failed)?;
    file.persist(path).map_err(|error| failed(error.error))?;
    fs::File::open(folder)
        .and_then(|folder| folder.sync_all())
        .map_err(failed)
}

pub(super) fn digest_of(paths: &[&Path]) -> Result<Digest, CertError> {
    let mut digest = Sha256::new();
    for path in paths {
        digest.update(Sha256::digest(read(path)?));
    }
    Ok(digest.finalize().into())
}

/// The certificates of a file, leaf first; at least one.
pub(super) fn read_chain(path: &Path) -> Result<Vec<CertificateDer<'static>>, CertError> {
    let malformed = || CertError::Malformed {
        path: path.to_owned(),
        expected: "a PEM file of certificates",
    };
    let chain: Vec<_> = CertificateDer::pem_slice_iter(&read(path)?)
        .collect::<Result<_, _>>()
        .map_err(|_| malformed())?;
    if chain.is_empty() {
        Err(malformed())
    } else {
        Ok(chain)
    }
}

pub(super) fn read_key(path: &Path) -> Result<PrivateKeyDer<'static>, CertError> {
    PrivateKeyDer::from_pem_slice(&read(path)?).map_err(|_| CertError::Malformed {
        path: path.to_owned(),
        expected: "a PEM file with a private key",
    })
}

/// `None`: not a certificate.
pub(super) fn facts(certificate: &CertificateDer<'_>, own: bool) -> Option<Facts> {
    let (_, parsed) = X509Certificate::from_der(certificate).ok()?;
    let names = parsed.subject_alternative_name().ok().flatten();
    let validity = parsed.validity();
    Some(Facts {
        not_before: Millis(validity.not_before.timestamp() * 1000),
        not_after: Millis(validity.not_after.timestamp() * 1000),
        names: names.map_or_else(Vec::new, |names| {
            names.value.general_names.iter().filter_map(name).collect()
        }),
        own,
    })
}

fn name(general: &GeneralName<'_>) -> Option<Name> {
    match general {
        GeneralName::DNSName(host) => Some(Name::Dns((*host).to_ascii_lowercase())),
        GeneralName::IPAddress(bytes) => match bytes.len() {
            4 => Some(Name::Ip(<[u8; 4]>::try_from(*bytes).ok()?.into())),
            16 => Some(Name::Ip(<[u8; 16]>::try_from(*bytes).ok()?.into())),
            _ => None,
        },
        _ => None,
    }
}

/// Whether the signature of a certificate is that of an authority.
pub(super) fn is_issued_by(certificate: &CertificateDer<'_>, authority: &CertificateDer<'_>) -> bool {
    let parsed = X509Certificate::from_der(certificate)
        .ok()
        .zip(X509Certificate::from_der(authority).ok());
    parsed.is_some_and(|((_, leaf), (_, issuer))| {
        leaf.issuer() == issuer.subject()
            && key_id_of_issuer(&leaf).is_some_and(|id| Some(id) == own_key_id(&issuer))
    })
}

fn key_id_of_issuer<'a>(leaf: &X509Certificate<'a>) -> Option<&'a [u8]> {
    leaf.iter_extensions()
        .find_map(|extension| match extension.parsed_extension() {
            ParsedExtension::AuthorityKeyIdentifier(found) => found.key_identifier.as_ref().map(|id| id.0),
            _ => None,
        })
}

fn own_key_id<'a>(issuer: &X509Certificate<'a>) -> Option<&'a [u8]> {
    issuer
        .iter_extensions()
        .find_map(|extension| match extension.parsed_extension() {
            ParsedExtension::SubjectKeyIdentifier(id) => Some(id.0),
            _ => None,
        })
}

/// Eight characters that tell one key from another in a list of authorities.
pub(super) fn short_mark(public_key: &[u8]) -> String {
    Sha256::digest(public_key)[..4]
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

/// Sets from when to when a certificate is valid, in whole seconds.
pub(super) fn set_validity(params: &mut CertificateParams, from: Millis, until: Millis) {
    let epoch = date_time_ymd(1970, 1, 1);
    params.not_before = epoch + since_epoch(from);
    params.not_after = epoch + since_epoch(until);
}

fn since_epoch(time: Millis) -> Duration {
    Duration::from_secs(u64::try_from(time.0 / 1000).unwrap_or(0))
}
