//! The only door: a credential comes in, a [`Caller`] goes out. Nothing else in the program can make one.

use std::collections::BTreeSet;
use std::net::IpAddr;

use crate::domain::id::{Hash, RecordId, TenantId};
use crate::domain::kind::{CREDENTIAL, Field, Kind, USER};
use crate::domain::operation::Merge;
use crate::domain::record::Record;
use crate::domain::time::Millis;
use crate::domain::value::Value;
use crate::services::Services;
use crate::services::caller::{Caller, Identity, Role, Via};
use crate::services::failure::{Failure, Outcome};
use crate::services::people::is_disabled;
use crate::services::people::users::token_hash;
use crate::services::policy;
use crate::services::shape::network;
use crate::store::hash::sha256;
use crate::store::identity::random;
use crate::views::records;

/// Where keys begin.
pub const KEY_PREFIX: &str = "ak_";

/// The hash under which a key is kept. A key has more than 128 random bits, so a fast hash is right.
pub fn key_hash(key: &str) -> Hash {
    sha256(&[b"blotter api key\0", key.as_bytes()])
}

/// Letters of a secret: 27 of 62 are 160 bits.
const SECRET_CHARS: usize = 27;

/// A new secret with more than 160 random bits behind a prefix that says what it opens.
pub(super) fn secret(prefix: &str) -> Outcome<String> {
    const ALPHABET: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    let mut secret = prefix.to_owned();
    while secret.len() < prefix.len() + SECRET_CHARS {
        let mut byte = [0];
        random(&mut byte)?;
        // The bytes above the last whole multiple of 62 would favour some letters.
        if byte[0] < 248 {
            secret.push(char::from(ALPHABET[usize::from(byte[0] % 62)]));
        }
    }
    Ok(secret)
}

impl Services {
    /// The caller behind an API key. A refusal is in the audit log, counted with others of the same address.
    ///
    /// # Errors
    /// `Unauthenticated`: unknown, expired, revoked, or from an address that it is not for. `Denied`: it does not open the
    /// lane.
    pub fn admit_key(&self, key: &str, via: Via) -> Outcome<Caller> {
        let field = CREDENTIAL.field("key_hash").ok_or(UNKNOWN)?;
        let Some(record) = self.holder(&CREDENTIAL, field, key_hash(key))? else {
            return Err(self.refuse_stranger(None, &via, UNKNOWN_TEXT));
        };
        let fault = self.fault_of(&record).or_else(|| {
            let here = comes_from(&record, via.address);
            (!here).then_some("the key is not for this address")
        });
        if let Some(rule) = fault {
            return Err(self.refuse_stranger(Some(record.tenant), &via, rule));
        }
        let caller = Caller {
            identity: Identity::Key(record.id),
            tenant: record.tenant.clone(),
            scopes: words(record.get("scopes")),
            lanes: words(record.get("lanes")),
            name: record.text("name").unwrap_or_default().to_owned(),
            reporter: record.get("reporter").and_then(Value::as_map).cloned(),
            via,
        };
        self.refuse_closed_lane(&caller)?;
        self.people().note_use(record.id, self.now());
        Ok(caller)
    }

    fn holder(&self, kind: &'static Kind, field: &Field, hash: Hash) -> Outcome<Option<Record>> {
        let rows = self.snapshot()?;
        let id = records::by_name(&rows, "", kind, field, &hash.to_string())?;
        Ok(id.map(|id| records::get(&rows, id)).transpose()?.flatten())
    }

    fn fault_of(&self, key: &Record) -> Option<&'static str> {
        let now = self.now();
        // Of concurrent ends the first one counts.
        let ended = |field: &str| {
            let said = [Merge::Mv, Merge::Once]
                .into_iter()
                .flat_map(|merge| key.versions(field, merge));
            said.filter_map(|version| version.value.as_time())
                .any(|at| at <= now)
        };
        if key.rank("revocation") > 0 {
            return Some("the key was revoked");
        }
        (ended("expires_at") || ended("retires_at")).then_some("the key has expired")
    }

    fn refuse_closed_lane(&self, caller: &Caller) -> Outcome<()> {
        let lane = match caller.via.lane {
            lane @ ("sync" | "events") => lane,
            _ => "query",
        };
        if caller.lanes.contains(lane) {
            return Ok(());
        }
        let failure = Failure::Denied(format!("the lane {lane} is needed"));
        self.note_denial(caller, "authenticate", &failure)?;
        Err(failure)
    }

    /// The caller behind a user's static token, for evidence-room clients.
    ///
    /// # Errors
    /// `Unauthenticated`: unknown, or of a user who is disabled.
    pub fn admit_static_token(&self, token: &str, via: Via) -> Outcome<Caller> {
        let field = USER.field("static_token_hash").ok_or(UNKNOWN)?;
        match self.holder(&USER, field, token_hash(token))? {
            Some(user) => self.admit_user(&user, via),
            None => Err(self.refuse_stranger(None, &via, UNKNOWN_TEXT)),
        }
    }

    /// Notes that somebody came with no credential that opens anything; gives the failure to answer with.
    pub fn refuse_stranger(&self, tenant: Option<TenantId>, via: &Via, rule: &'static str) -> Failure {
        match self.note_refused_stranger(tenant, via, rule) {
            Ok(()) => Failure::Unauthenticated(rule),
            Err(failure) => failure,
        }
    }

    /// When a key was used last since this node was started; `None` if not since then.
    pub fn last_use_of(&self, key: RecordId) -> Option<Millis> {
        self.people().last_use(key)
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
        if is_disabled(user) {
            return Err(self.refuse_stranger(Some(user.tenant.clone()), &via, "the user is disabled"));
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

const UNKNOWN_TEXT: &str = "the credential is unknown";

const UNKNOWN: Failure = Failure::Unauthenticated(UNKNOWN_TEXT);

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
