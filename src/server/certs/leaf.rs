//! The leaf that the node's authority issues: 825 days, the longest that browsers take, and renewed when a third of
//! them has passed. Key and chain lie in one file, so that they change together.

use rcgen::{
    CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, KeyPair, KeyUsagePurpose, SanType,
};
use zeroize::Zeroizing;

use crate::domain::time::Millis;
use crate::server::certs::authority::{Authority, BACKDATED_MS};
use crate::server::certs::name::Name;
use crate::server::certs::{CertError, Current, Facts, pem};

const LIFE_MS: i64 = 825 * 24 * 60 * 60 * 1000;

/// Whether a leaf should be replaced: a third of its life has passed, or the clock was set back to before it.
pub(super) fn is_due(facts: &Facts, now: Millis) -> bool {
    let life = facts.not_after.0 - facts.not_before.0;
    now >= facts.not_before.plus(life / 3) || now < facts.not_before
}

/// The leaf from its file, or a new one if that is missing, damaged, due, of another authority, or lacks a name.
pub(super) fn load_or_issue(
    authority: &Authority,
    names: &[Name],
    now: Millis,
) -> Result<Current, CertError> {
    match load(authority) {
        Ok(current) if !is_due(&current.facts, now) && has_names(&current.facts, names) => Ok(current),
        Ok(_) | Err(CertError::Malformed { .. } | CertError::Mismatch(_)) => issue(authority, names, now),
        Err(CertError::File { source, .. }) if source.kind() == std::io::ErrorKind::NotFound => {
            issue(authority, names, now)
        }
        Err(other) => Err(other),
    }
}

fn has_names(facts: &Facts, names: &[Name]) -> bool {
    names.iter().all(|name| facts.names.contains(name))
}

/// The leaf from its file.
pub(super) fn load(authority: &Authority) -> Result<Current, CertError> {
    let path = authority.leaf_file();
    let digest = pem::digest_of(&[&path])?;
    let current = Current::new(
        pem::read_chain(&path)?,
        pem::read_key(&path)?,
        digest,
        true,
        &path,
    )?;
    let expected = "a leaf of this node's authority";
    let ours = pem::is_issued_by(current.key.end_entity_cert()?, authority.certificate());
    if ours {
        Ok(current)
    } else {
        Err(CertError::Malformed { path, expected })
    }
}

fn issue(authority: &Authority, names: &[Name], now: Millis) -> Result<Current, CertError> {
    let key = KeyPair::generate()?;
    let certificate = params(authority, names, now)?.signed_by(&key, authority.issuer())?;
    let text = Zeroizing::new(format!(
        "{}{}",
        certificate.pem(),
        *Zeroizing::new(key.serialize_pem())
    ));
    pem::write_secret(&authority.leaf_file(), &text)?;
    let current = load(authority)?;
    tracing::info!(until = %current.facts.not_after, "issued a certificate for this node");
    Ok(current)
}

fn params(authority: &Authority, names: &[Name], now: Millis) -> Result<CertificateParams, CertError> {
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, "blotter");
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    params.use_authority_key_identifier_extension = true;
    let start = now.plus(-BACKDATED_MS);
    pem::set_validity(&mut params, start, start.plus(LIFE_MS).min(authority.not_after));
    params.subject_alt_names = names.iter().map(subject).collect::<Result<_, _>>()?;
    Ok(params)
}

fn subject(name: &Name) -> Result<SanType, CertError> {
    Ok(match name {
        Name::Dns(host) => SanType::DnsName(host.as_str().try_into()?),
        Name::Ip(address) => SanType::IpAddress(*address),
    })
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::{is_due, load_or_issue};
    use crate::domain::time::{Clock, SystemClock};
    use crate::server::certs::authority::Authority;
    use crate::server::certs::name::{Name, names_of_node};

    const DAY_MS: i64 = 24 * 60 * 60 * 1000;

    #[test]
    fn a_leaf_is_kept_until_it_is_due_or_lacks_a_name() {
        let folder = tempfile::tempdir().unwrap();
        let names = names_of_node(&[Name::parse("desk.example.org").unwrap()]);
        let authority = Authority::create(folder.path(), &names, &SystemClock).unwrap();
        let now = SystemClock.now();
        let first = load_or_issue(&authority, &names[1..], now).unwrap();
        assert_eq!(first.facts.not_after.0 - first.facts.not_before.0, 825 * DAY_MS);
        let mode = authority.leaf_file().metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);

        let digest = |names: &[Name], days: i64| {
            load_or_issue(&authority, names, now.plus(days * DAY_MS))
                .unwrap()
                .digest
        };
        assert_eq!(digest(&names[1..], 270), first.digest);
        let with_name = digest(&names, 0);
        assert_ne!(with_name, first.digest);
        let renewed = digest(&names, 275);
        assert_ne!(renewed, with_name);
        assert_ne!(
            digest(&names, 0),
            renewed,
            "the clock was set back to before the leaf"
        );
        std::fs::write(authority.leaf_file(), "damage").unwrap();
        assert!(!is_due(
            &load_or_issue(&authority, &names, now).unwrap().facts,
            now
        ));
    }
}
