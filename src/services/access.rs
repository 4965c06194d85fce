//! The only door: a credential comes in, a [`Caller`] goes out. Nothing else in the program can make one.

use std::collections::BTreeSet;
use std::net::IpAddr;

use crate::domain::id::{Hash, TenantId};
use crate::domain::kind::{CREDENTIAL, USER};
use crate::domain::record::Record;
use crate::domain::value::Value;
use crate::services::Services;
use crate::services::caller::{Caller, Identity, Role, Via};
use crate::services::failure::{Failure, Outcome};
use crate::services::policy;
use crate::services::shape::network;
use crate::store::hash::sha256;
use crate::views::records;

/// Where keys begin.
pub const KEY_PREFIX: &str = "ak_";

/// The hash under which a key is kept. A key has more than 128 random bits, so a fast hash is right.
pub fn key_hash(key: &str) -> Hash {
    sha256(&[b"blotter api key\0", key.as_bytes()])
}

impl Services {
    /// The caller behind an API key.
    ///
    /// # Errors
    /// `Unauthenticated`: unknown, expired, revoked, or from an address that it is not for.
    pub fn admit_key(&self, key: &str, via: Via) -> Outcome<Caller> {
        let rows = self.snapshot()?;
        let hash = key_hash(key).to_string();
        let field = CREDENTIAL.field("key_hash").ok_or(UNKNOWN)?;
        let id = records::by_name(&rows, "", &CREDENTIAL, field, &hash)?.ok_or(UNKNOWN)?;
        let record = records::get(&rows, id)?.ok_or(UNKNOWN)?;
        self.refuse_ended(&record)?;
        if !comes_from(&record, via.address) {
            return Err(Failure::Unauthenticated("the key is not for this address"));
        }
        Ok(Caller {
            identity: Identity::Key(id),
            tenant: record.tenant.clone(),
            scopes: words(record.get("scopes")),
            lanes: words(record.get("lanes")),
            name: record.text("name").unwrap_or_default().to_owned(),
            reporter: record.get("reporter").and_then(Value::as_map).cloned(),
            via,
        })
    }

    fn refuse_ended(&self, record: &Record) -> Outcome<()> {
        let now = self.now();
        let ended = |field: &str| {
            record
                .get(field)
                .and_then(Value::as_time)
                .is_some_and(|at| at <= now)
        };
        if record.rank("revocation") > 0 {
            return Err(Failure::Unauthenticated("the key was revoked"));
        }
        if ended("expires_at") || ended("retires_at") {
            return Err(Failure::Unauthenticated("the key has expired"));
        }
        Ok(())
    }

    /// The caller that a signed-in user is; the session service has checked the password or the cookie.
    ///
    /// # Errors
    /// `Unauthenticated` for a user who is disabled or gone.
    pub fn admit_user(&self, user: &Record, via: Via) -> Outcome<Caller> {
        let role = user
            .text("role")
            .and_then(Role::parse)
            .filter(|_| user.kind == USER.name)
            .ok_or(UNKNOWN)?;
        if user.get("disabled").and_then(Value::as_bool) == Some(true) {
            return Err(Failure::Unauthenticated("the user is disabled"));
        }
        Ok(Caller {
            identity: Identity::User(user.id, role),
            tenant: user.tenant.clone(),
            scopes: policy::scopes_of(role).map(str::to_owned).collect(),
            lanes: BTreeSet::from(["query".to_owned(), "events".to_owned()]),
            name: user.text("name").unwrap_or_default().to_owned(),
            reporter: None,
            via,
        })
    }

    /// The caller that the owner of the data folder is: whoever can read the folder can do everything in it anyway.
    pub fn admit_owner(&self, tenant: TenantId, request_id: String) -> Caller {
        Caller {
            identity: Identity::Owner,
            tenant,
            scopes: BTreeSet::from(["*".to_owned()]),
            lanes: BTreeSet::from(["query".to_owned(), "sync".to_owned(), "events".to_owned()]),
            name: "command line".to_owned(),
            reporter: None,
            via: Via {
                lane: "cli",
                address: None,
                request_id,
            },
        }
    }
}

const UNKNOWN: Failure = Failure::Unauthenticated("the credential is unknown");

fn words(value: Option<&Value>) -> BTreeSet<String> {
    value
        .map_or(&[][..], Value::as_list)
        .iter()
        .filter_map(Value::as_text)
        .map(str::to_owned)
        .collect()
}

fn comes_from(key: &Record, address: Option<IpAddr>) -> bool {
    let networks = key.get("networks").map_or(&[][..], Value::as_list);
    networks.is_empty()
        || networks
            .iter()
            .filter_map(Value::as_text)
            .filter_map(network)
            .any(|range| holds(range, address))
}

fn holds((base, bits): (IpAddr, u8), address: Option<IpAddr>) -> bool {
    let cut = |bytes: &[u8]| -> Vec<bool> {
        let bit = |place: usize| bytes[place / 8] >> (7 - place % 8) & 1 == 1;
        (0..usize::from(bits)).map(bit).collect()
    };
    match (base, address.map(|address| address.to_canonical())) {
        (IpAddr::V4(base), Some(IpAddr::V4(address))) => cut(&base.octets()) == cut(&address.octets()),
        (IpAddr::V6(base), Some(IpAddr::V6(address))) => cut(&base.octets()) == cut(&address.octets()),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::holds;
    use crate::services::shape::network;

    #[test]
    fn a_range_holds_its_own_addresses_alone() {
        let inside =
            |range: &str, address: &str| holds(network(range).unwrap(), Some(address.parse().unwrap()));
        assert!(inside("10.1.0.0/16", "10.1.255.255"));
        assert!(!inside("10.1.0.0/16", "10.2.0.0"));
        assert!(inside("10.1.2.3", "::ffff:10.1.2.3"));
        assert!(inside("fd00::/8", "fd12::1"));
        assert!(!inside("0.0.0.0/0", "::1"));
    }
}
