//! The certificate that listeners show. Either the node's own: a leaf from its own authority, renewed when a third of
//! its life has passed. Or the agency's: two files, read again when they change. Neither needs a restart, and open
//! connections are left alone.

use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use rustls::pki_types::CertificateDer;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use tokio_util::sync::CancellationToken;

use crate::domain::time::{Clock, Millis};

/// The node's own certificate authority, made once.
pub mod authority;
/// The leaf that the authority issues, and the file that it lies in.
mod leaf;
/// The names that a certificate is for.
pub mod name;
/// Reading and writing certificate files.
mod pem;

use crate::server::certs::authority::Authority;
use crate::server::certs::name::Name;

/// How often files and the date are looked at.
const LOOK_EVERY: Duration = Duration::from_secs(60);

/// A certificate could not be made or read. No text of a key is ever in it.
#[derive(Debug, thiserror::Error)]
pub enum CertError {
    /// A file could not be read or written.
    #[error("can't {action} {}: {source}", path.display())]
    File {
        /// `read` or `write`.
        action: &'static str,
        /// Which file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The authority, or a part of it, is gone.
    #[error(
        "{} is missing: bring the folder {} back from a backup; or remove what is left of it, and `blotter init` with the words \
         that made the node makes a new authority, which all clients must then trust",
        .0.display(), .0.parent().unwrap_or(.0).display()
    )]
    NoAuthority(PathBuf),
    /// A file is not what it should be.
    #[error("{} is not {expected}", path.display())]
    Malformed {
        /// Which file.
        path: PathBuf,
        /// What it should be.
        expected: &'static str,
    },
    /// The folder already holds an authority, which is never overwritten.
    #[error("{} is there already", path.display())]
    AuthorityExists {
        /// Its certificate.
        path: PathBuf,
    },
    /// The key does not belong to the certificate, or is of a kind that is not supported.
    #[error("certificate and key don't work together: {0}")]
    Mismatch(#[from] rustls::Error),
    /// The library refused to make a certificate.
    #[error("can't make a certificate: {0}")]
    Making(#[from] rcgen::Error),
}

/// What is true of the certificate that is shown now.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Facts {
    /// Valid from.
    pub not_before: Millis,
    /// Valid until.
    pub not_after: Millis,
    /// The names and addresses that it is for.
    pub names: Vec<Name>,
    /// Whether the node's own authority issued it.
    pub own: bool,
}

/// Where certificates come from.
#[derive(Debug)]
enum Source {
    Own {
        authority: Box<Authority>,
        names: Vec<Name>,
    },
    Agency {
        certificate_file: PathBuf,
        key_file: PathBuf,
    },
}

/// The certificate in use; TLS asks it at every handshake.
#[derive(Debug)]
pub struct Certificates {
    source: Source,
    clock: Arc<dyn Clock>,
    /// Read for a clone of the pointer; written by `refresh`, which does its IO before it takes the lock.
    current: RwLock<Arc<Current>>,
}

/// One certificate with its key, as loaded.
#[derive(Debug)]
struct Current {
    key: Arc<CertifiedKey>,
    facts: Facts,
    /// What the files held, to see a change.
    digest: pem::Digest,
}

/// The node's own certificate from the folder that [`Authority::create`] filled; a leaf is issued when there is none,
/// when a third of its life has passed, or when it lacks one of the names.
pub fn load_or_renew(
    folder: &Path,
    names: Vec<Name>,
    clock: Arc<dyn Clock>,
) -> Result<Arc<Certificates>, CertError> {
    let authority = Authority::open(folder)?;
    let names = authority.permitted(names);
    let current = leaf::load_or_issue(&authority, &names, clock.now())?;
    Ok(Certificates::new(
        Source::Own {
            authority: Box::new(authority),
            names,
        },
        clock,
        current,
    ))
}

/// What is true of the node's own leaf as it lies in the folder; `None` if there is none yet. Nothing is issued.
///
/// # Errors
/// There is no authority, or its files or the leaf can't be read.
pub fn facts_of_own(folder: &Path) -> Result<Option<Facts>, CertError> {
    match leaf::load(&Authority::open(folder)?) {
        Ok(current) => Ok(Some(current.facts)),
        Err(CertError::File { source, .. }) if source.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// The agency's own certificate (its chain, leaf first) and key, both PEM.
pub fn load_agency(
    certificate_file: &Path,
    key_file: &Path,
    clock: Arc<dyn Clock>,
) -> Result<Arc<Certificates>, CertError> {
    let current = agency(certificate_file, key_file)?;
    let source = Source::Agency {
        certificate_file: certificate_file.to_owned(),
        key_file: key_file.to_owned(),
    };
    Ok(Certificates::new(source, clock, current))
}

impl Certificates {
    fn new(source: Source, clock: Arc<dyn Clock>, current: Current) -> Arc<Self> {
        Arc::new(Self {
            source,
            clock,
            current: RwLock::new(Arc::new(current)),
        })
    }

    /// Looks at the date and the files, and takes up a new certificate if there is one. Says whether it did. After a
    /// failure the old one stays in use.
    pub fn refresh(&self) -> Result<bool, CertError> {
        let current = self.current();
        let next = match &self.source {
            Source::Own { .. } if !leaf::is_due(&current.facts, self.clock.now()) => return Ok(false),
            Source::Own { authority, names } => leaf::load_or_issue(authority, names, self.clock.now())?,
            Source::Agency {
                certificate_file,
                key_file,
            } => {
                if pem::digest_of(&[certificate_file, key_file])? == current.digest {
                    return Ok(false);
                }
                agency(certificate_file, key_file)?
            }
        };
        tracing::info!(until = %next.facts.not_after, "a new certificate is in use");
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(next);
        Ok(true)
    }

    /// Refreshes every minute until the stop.
    pub async fn keep_fresh(self: Arc<Self>, stop: CancellationToken) {
        while stop
            .run_until_cancelled(tokio::time::sleep(LOOK_EVERY))
            .await
            .is_some()
        {
            let this = Arc::clone(&self);
            match tokio::task::spawn_blocking(move || this.refresh()).await {
                Ok(Ok(_)) => {}
                Ok(Err(error)) => tracing::error!(%error, "the certificate stays as it was"),
                Err(error) => tracing::error!(%error, "looking at the certificate failed"),
            }
        }
    }

    /// What is true of the certificate that is shown now.
    pub fn facts(&self) -> Facts {
        self.current().facts.clone()
    }

    fn current(&self) -> Arc<Current> {
        Arc::clone(&self.current.read().unwrap_or_else(PoisonError::into_inner))
    }
}

impl ResolvesServerCert for Certificates {
    fn resolve(&self, _client_hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.current().key))
    }
}

fn agency(certificate_file: &Path, key_file: &Path) -> Result<Current, CertError> {
    let digest = pem::digest_of(&[certificate_file, key_file])?;
    let chain = pem::read_chain(certificate_file)?;
    let key = pem::read_key(key_file)?;
    Current::new(chain, key, digest, false, certificate_file)
}

impl Current {
    fn new(
        chain: Vec<CertificateDer<'static>>,
        key: rustls::pki_types::PrivateKeyDer<'static>,
        digest: pem::Digest,
        own: bool,
        path: &Path,
    ) -> Result<Self, CertError> {
        let facts = pem::facts(&chain[0], own).ok_or_else(|| CertError::Malformed {
            path: path.to_owned(),
            expected: "an X.509 certificate",
        })?;
        let key = Arc::new(crate::server::tls::certified_key(chain, key)?);
        Ok(Self { key, facts, digest })
    }
}
