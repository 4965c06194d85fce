//! The only door: a credential comes in, a [`Caller`] goes out. Nothing else in the program can make one.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::sync::Arc;

use crate::domain::id::{Hash, RecordId, TenantId};
use crate::domain::kind::{CREDENTIAL, USER};
use crate::domain::operation::Merge;
use crate::domain::record::Record;
use crate::domain::time::Millis;
use crate::domain::value::{Fields, Value};
use crate::services::Services;
use crate::services::caller::{Caller, Identity, Role, Via};
use crate::services::failure::{Failure, Outcome};
use crate::services::people::is_disabled;
use crate::services::policy;
use crate::services::shape::{Network, network};
use crate::store::hash::sha256;
use crate::store::identity::Stream;
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
        let Some(door) = self.door_of(key_hash(key))? else {
            return Err(self.refuse_stranger(None, &via, UNKNOWN_TEXT));
        };
        if let Some(rule) = door.fault(self.now(), via.address) {
            return Err(self.refuse_stranger(Some((door.tenant.clone(), door.key)), &via, rule));
        }
        let caller = door.caller(via);
        self.refuse_closed_lane(&caller)?;
        self.people().note_use(door.key, self.now());
        Ok(caller)
    }

    /// The caller behind an API key, if that is known without the disk and nothing is to be refused. Never waits.
    pub fn recall_key(&self, key: &str, via: Via) -> Option<Caller> {
        let door = self.memory.doors.get(&key_hash(key))?;
        let now = self.now();
        if door.fault(now, via.address).is_some() || !opens(&door.lanes, via.lane) {
            return None;
        }
        self.people().note_use(door.key, now);
        Some(door.caller(via))
    }

    /// The caller behind an API key or the token of a session.
    ///
    /// # Errors
    /// `Unauthenticated`; `Denied` if it does not open the lane.
    pub fn admit_any(&self, credential: &str, via: Via) -> Outcome<Caller> {
        if credential.starts_with(KEY_PREFIX) {
            return self.admit_key(credential, via);
        }
        let caller = self.admit_session(credential, via)?;
        self.refuse_closed_lane(&caller)?;
        Ok(caller)
    }

    /// The same of somebody who was admitted before and has stayed: it counts as no use of the credential.
    ///
    /// # Errors
    /// `Unauthenticated`: it opens nothing any more.
    pub fn look_again(&self, credential: &str, via: Via) -> Outcome<Caller> {
        if !credential.starts_with(KEY_PREFIX) {
            return self.look_at_session(credential, via);
        }
        let door = self.door_of(key_hash(credential))?;
        let open = door.filter(|door| door.fault(self.now(), via.address).is_none());
        Ok(open.ok_or(UNKNOWN)?.caller(via))
    }

    fn door_of(&self, hash: Hash) -> Outcome<Option<Arc<Door>>> {
        if let Some(door) = self.memory.doors.get(&hash) {
            return Ok(Some(door));
        }
        let field = CREDENTIAL.field("key_hash").ok_or(UNKNOWN)?;
        let rows = self.store().watched()?;
        let id = records::by_name(&rows, "", &CREDENTIAL, field, &hash.to_string())?;
        let Some(record) = id.map(|id| records::get(&rows, id)).transpose()?.flatten() else {
            return Ok(None);
        };
        let door = Arc::new(Door::new(&record));
        let bytes = door.bytes();
        self.memory.doors.keep(hash, Arc::clone(&door), bytes, rows);
        Ok(Some(door))
    }

    fn refuse_closed_lane(&self, caller: &Caller) -> Outcome<()> {
        let refused = demand_lane(caller, caller.via.lane);
        if let Err(failure) = &refused {
            self.note_denial(caller, "authenticate", failure)?;
        }
        refused
    }

    /// Notes that somebody came with no credential that opens anything; gives the failure to answer with.
    /// `whose` as in [`Services::note_refused_stranger`].
    pub fn refuse_stranger(
        &self,
        whose: Option<(TenantId, RecordId)>,
        via: &Via,
        rule: &'static str,
    ) -> Failure {
        match self.note_refused_stranger(whose, via, rule) {
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
            let whose = Some((user.tenant.clone(), user.id));
            return Err(self.refuse_stranger(whose, &via, "the user is disabled"));
        }
        Ok(Caller {
            identity: Identity::User(user.id, role),
            tenant: user.tenant.clone(),
            scopes: Arc::new(policy::scopes_of(role).map(str::to_owned).collect()),
            lanes: Arc::new(BTreeSet::from(["query".to_owned(), "events".to_owned()])),
            name: user.text("name").unwrap_or_default().into(),
            reporter: None,
            via,
            faulty: false,
        })
    }

    /// The caller that the owner of the data folder is: whoever can read the folder can do everything in it anyway.
    pub fn admit_owner(&self, tenant: TenantId, request_id: String) -> Caller {
        Caller {
            identity: Identity::Owner,
            tenant,
            scopes: Arc::new(BTreeSet::from(["*".to_owned()])),
            lanes: Arc::new(BTreeSet::from(["query", "sync", "events"].map(str::to_owned))),
            name: "command line".into(),
            reporter: None,
            via: Via::of("cli", request_id),
            faulty: false,
        }
    }

    /// The caller that this node is where it finds something out by itself: all that an agency holds is open to it. `lane` is
    /// the part of the program, `name` the node's.
    pub(in crate::services) fn admit_node(&self, tenant: TenantId, lane: &'static str, name: &str) -> Caller {
        Caller {
            identity: Identity::Node(self.store().log(Stream::Records)),
            tenant,
            scopes: Arc::new(BTreeSet::from(["*".to_owned()])),
            lanes: Arc::default(),
            name: name.into(),
            reporter: None,
            via: Via::of(lane, lane),
            faulty: false,
        }
    }
}

impl Services {
    /// The caller that a user or key is who is not here: what acts for it hears events with its present rights.
    ///
    /// # Errors
    /// `Unauthenticated`: it may do nothing any more, or not listen.
    pub fn admit_absent(&self, who: RecordId, lane: &'static str) -> Outcome<Caller> {
        let via = Via::of(lane, lane);
        let record = records::get(&self.snapshot()?, who)?.ok_or(UNKNOWN)?;
        if record.kind == USER.name {
            return self.admit_user(&record, via);
        }
        if record.kind != CREDENTIAL.name {
            return Err(UNKNOWN);
        }
        // Where a key may be used from is asked of who brings it.
        let door = Door::new(&record);
        match door.ended(self.now()) {
            Some(fault) => Err(Failure::Unauthenticated(fault)),
            None if !door.lanes.contains("events") => {
                Err(Failure::Unauthenticated("the key does not open the lane events"))
            }
            None => Ok(door.caller(via)),
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

/// The lane of GraphQL over a WebSocket: who may ask or listen comes in, and each operation demands its own.
pub const GRAPHQL_SOCKET_LANE: &str = "graphql-ws";

/// The lanes of which a credential must open one for requests of this one.
fn lanes_needed(lane: &str) -> &'static [&'static str] {
    match lane {
        "sync" => &["sync"],
        "events" => &["events"],
        GRAPHQL_SOCKET_LANE => &["query", "events"],
        _ => &["query"],
    }
}

fn opens(granted: &BTreeSet<String>, lane: &str) -> bool {
    lanes_needed(lane).iter().any(|needed| granted.contains(*needed))
}

/// Demands that the caller's credential opens this lane.
///
/// # Errors
/// `Denied`, naming what is needed.
pub fn demand_lane(caller: &Caller, lane: &str) -> Outcome<()> {
    if opens(&caller.lanes, lane) {
        return Ok(());
    }
    let needed = lanes_needed(lane).join(" or ");
    Err(Failure::Denied(format!("the lane {needed} is needed")))
}

/// What a key opens, as its record says.
#[derive(Debug)]
pub(super) struct Door {
    key: RecordId,
    tenant: TenantId,
    scopes: Arc<BTreeSet<String>>,
    lanes: Arc<BTreeSet<String>>,
    name: Arc<str>,
    reporter: Option<Arc<Fields>>,
    revoked: bool,
    ends_at: Option<Millis>,
    /// Where it may be used from; `None`: anywhere.
    networks: Option<Vec<Network>>,
}

impl Door {
    fn new(key: &Record) -> Self {
        // Of concurrent ends the first one counts.
        let ends = ["expires_at", "retires_at"].into_iter().flat_map(|field| {
            let said = [Merge::Mv, Merge::Once]
                .into_iter()
                .flat_map(|merge| key.versions(field, merge));
            said.filter_map(|version| version.value.as_time())
        });
        let networks = key.get("networks").map_or(&[][..], Value::as_list);
        let ranges = networks.iter().filter_map(Value::as_text).filter_map(network);
        Self {
            key: key.id,
            tenant: key.tenant.clone(),
            scopes: Arc::new(words(key.get("scopes"))),
            lanes: Arc::new(words(key.get("lanes"))),
            name: key.text("name").unwrap_or_default().into(),
            reporter: key.get("reporter").and_then(Value::as_map).cloned().map(Arc::new),
            revoked: key.rank("revocation") > 0,
            ends_at: ends.min(),
            networks: (!networks.is_empty()).then(|| ranges.collect()),
        }
    }

    /// Why it opens nothing now and from there.
    fn fault(&self, now: Millis, address: Option<IpAddr>) -> Option<&'static str> {
        let from_here = |ranges: &Vec<_>| ranges.iter().any(|range| holds(*range, address));
        let elsewhere = || {
            let is_here = self.networks.as_ref().is_none_or(from_here);
            (!is_here).then_some("the key is not for this address")
        };
        self.ended(now).or_else(elsewhere)
    }

    /// Why it opens nothing now, wherever it is used.
    fn ended(&self, now: Millis) -> Option<&'static str> {
        if self.revoked {
            Some("the key was revoked")
        } else if self.ends_at.is_some_and(|end| end <= now) {
            Some("the key has expired")
        } else {
            None
        }
    }

    fn caller(&self, via: Via) -> Caller {
        Caller {
            identity: Identity::Key(self.key),
            tenant: self.tenant.clone(),
            scopes: Arc::clone(&self.scopes),
            lanes: Arc::clone(&self.lanes),
            name: Arc::clone(&self.name),
            reporter: self.reporter.clone(),
            via,
            faulty: false,
        }
    }

    /// The memory that it takes, about.
    fn bytes(&self) -> usize {
        const WORD: usize = 64;
        let networks = self.networks.as_ref().map_or(0, Vec::len);
        1024 + (self.scopes.len() + self.lanes.len() + networks) * WORD
    }
}

fn holds((base, bits): Network, address: Option<IpAddr>) -> bool {
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

/// Whether all addresses of a range lie in another one.
pub(super) fn lies_within((base, bits): Network, (outer, outer_bits): Network) -> bool {
    let is_alike = base.is_ipv4() == outer.is_ipv4();
    is_alike && bits >= outer_bits && holds((outer, outer_bits), Some(base))
}

#[cfg(test)]
mod tests {
    use super::{holds, lies_within};
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

    #[test]
    fn a_range_lies_within_what_holds_all_of_it() {
        let within = |range: &str, outer: &str| lies_within(network(range).unwrap(), network(outer).unwrap());
        assert!(within("10.1.0.0/16", "10.0.0.0/8"));
        assert!(within("10.1.2.3", "10.1.2.3"));
        assert!(within("fd12::/16", "fd00::/8"));
        assert!(!within("10.0.0.0/7", "10.0.0.0/8"));
        assert!(!within("11.0.0.0/16", "10.0.0.0/8"));
        assert!(!within("::/0", "0.0.0.0/0"));
        assert!(!within("::ffff:10.0.0.0/12", "10.0.0.0/8"), "it is one of IPv6");
    }
}
