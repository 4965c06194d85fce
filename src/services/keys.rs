//! API keys: made by an administrator, shown once, kept as a hash, rotated with an overlap, revoked for ever.

use crate::domain::kind::CREDENTIAL;
use crate::domain::operation::{Action, Change, Merge};
use crate::domain::record::Record;
use crate::domain::time::Millis;
use crate::domain::value::{Fields, Value};
use crate::services::access::{self, KEY_PREFIX, key_hash, secret};
use crate::services::caller::{Caller, Identity};
use crate::services::casebook::{Condition, refuse_stale};
use crate::services::failure::{Clash, Failure, Fault, Outcome, beside};
use crate::services::policy;
use crate::services::shape::{Network, network};
use crate::services::{RequestKey, Services, Written};
use crate::store::database::Read;
use crate::views::records;

/// A key that was just made: the only time that it is seen.
#[derive(Clone, Debug)]
pub struct NewKey {
    /// Its record.
    pub record: Record,
    /// The key itself.
    pub key: String,
}

impl Services {
    /// Makes a key.
    ///
    /// # Errors
    /// `Denied`, or `Invalid` with every fault.
    pub fn create_key(&self, caller: &Caller, input: Fields) -> Outcome<NewKey> {
        let (written, key) = self.create_key_once(caller, input, None)?;
        let record = written.first()?.clone();
        Ok(NewKey { record, key })
    }

    /// The same for a request that its client may repeat: of what an earlier one wrote, the key is not known any more, and
    /// the one given here opens nothing.
    ///
    /// # Errors
    /// See [`Services::create_key`].
    pub fn create_key_once(
        &self,
        caller: &Caller,
        input: Fields,
        request: Option<RequestKey>,
    ) -> Outcome<(Written, String)> {
        let key = secret(KEY_PREFIX)?;
        let shown = key.clone();
        let written = self.write(caller, "key.create", request, move |desk| {
            policy::demand(desk.caller(), "keys:admin")?;
            let mut faults = unknown_words(&input);
            faults.extend(dead(&input, desk.now()));
            let given = beside(faults, desk.check(&CREDENTIAL, input, None))?;
            desk.create_checked(&CREDENTIAL, given, secret_changes(&shown))
                .map(drop)
        })?;
        Ok((written, key))
    }

    /// Makes a key with the rights of another one, which ends after the overlap.
    ///
    /// # Errors
    /// `Denied`, or `Unknown` if there is none for this caller.
    pub fn rotate_key(&self, caller: &Caller, reference: &str, overlap_millis: i64) -> Outcome<NewKey> {
        let (written, key) = self.rotate_key_once(caller, reference, overlap_millis, None)?;
        let record = written.first()?.clone();
        Ok(NewKey { record, key })
    }

    /// The same for a request that its client may repeat; see [`Services::create_key_once`].
    ///
    /// # Errors
    /// See [`Services::rotate_key`].
    pub fn rotate_key_once(
        &self,
        caller: &Caller,
        reference: &str,
        overlap_millis: i64,
        request: Option<RequestKey>,
    ) -> Outcome<(Written, String)> {
        let key = secret(KEY_PREFIX)?;
        let (shown, reference) = (key.clone(), reference.to_owned());
        let written = self.write(caller, "key.rotate", request, move |desk| {
            policy::demand(desk.caller(), "keys:admin")?;
            let old = desk.find(&CREDENTIAL, &reference)?;
            refuse_ended(&old, desk.now())?;
            let kept = ["name", "lanes", "scopes", "expires_at", "reporter", "networks"];
            let fields = kept
                .iter()
                .filter_map(|name| Some((CREDENTIAL.field(name)?, old.get(name)?.clone())));
            let mut added = secret_changes(&shown);
            added.push(Change::new("replaces", Action::Fix(Value::Id(old.id))));
            desk.create_checked(&CREDENTIAL, fields.collect(), added)?;
            // A second rotation lets nothing live longer than the first one said.
            let end = desk.now().plus(overlap_millis);
            let end = old
                .get("retires_at")
                .and_then(Value::as_time)
                .map_or(end, |before| before.min(end));
            let end = Value::Time(end);
            let retire =
                Change::new("retires_at", Action::Set(end)).seeing(old.seen("retires_at", Merge::Mv));
            desk.change(&CREDENTIAL, &old, vec![retire]).map(drop)
        })?;
        Ok((written, key))
    }

    /// Takes a key back, for ever; `condition` is what he said of its version.
    ///
    /// # Errors
    /// `Denied`, `Stale`, or `Unknown` if there is none for this caller.
    pub fn revoke_key(
        &self,
        caller: &Caller,
        reference: &str,
        condition: Option<Condition>,
    ) -> Outcome<Record> {
        let reference = reference.to_owned();
        let written = self.write(caller, "key.revoke", None, move |desk| {
            policy::demand(desk.caller(), "keys:admin")?;
            let key = desk.find(&CREDENTIAL, &reference)?;
            refuse_stale(&key, condition)?;
            desk.change(
                &CREDENTIAL,
                &key,
                vec![Change::new("revocation", Action::Raise(1))],
            )
            .map(drop)
        })?;
        written.first().cloned()
    }
}

/// A key that has ended before it is made opens nothing.
fn dead(input: &Fields, now: Millis) -> Option<Fault> {
    let end = input.get("expires_at")?;
    let end = end.as_time().or_else(|| Millis::parse(end.as_text()?))?;
    (end <= now).then(|| Fault::wrong("data.expires_at", "a time to come"))
}

/// Refuses a key to one who has not got all that it opens, and to a key that it outlives or that can't be used from all where
/// it can. A key that is there already is rotated and revoked by those who could make it.
///
/// # Errors
/// `Denied`, naming the rule.
pub(super) fn refuse_greater(
    rows: &impl Read,
    caller: &Caller,
    before: Option<&Record>,
    after: &Record,
) -> Outcome<()> {
    let key = before.unwrap_or(after);
    let scopes = key.get("scopes").map_or(&[][..], Value::as_list);
    policy::demand_scopes(caller, scopes.iter().filter_map(Value::as_text))?;
    let Some(own) = own_key(rows, caller)? else {
        return Ok(());
    };
    let lanes = key.get("lanes").map_or(&[][..], Value::as_list);
    let foreign = |lane: &&str| !caller.lanes().contains(*lane);
    if let Some(lane) = lanes.iter().filter_map(Value::as_text).find(foreign) {
        let rule = format!("the lane {lane} can't be given by a key that does not open it");
        return Err(Failure::Denied(rule));
    }
    if end_of(key) > end_of(&own) {
        let rule = "a key can't make, rotate or revoke one that outlives it";
        return Err(Failure::Denied(rule.into()));
    }
    let (wanted, own) = (networks_of(key), networks_of(&own));
    let is_inside = |wanted: &Network| own.iter().any(|own| access::lies_within(*wanted, *own));
    if own.is_empty() || (!wanted.is_empty() && wanted.iter().all(is_inside)) {
        return Ok(());
    }
    let rule = "a key can't make, rotate or revoke one that may be used from elsewhere than itself";
    Err(Failure::Denied(rule.into()))
}

/// What of a user's record opens something to somebody.
const WAYS_IN: [&str; 5] = ["email", "role", "disabled", "password_hash", "static_token_hash"];

/// Refuses a user, or another way in for one, to a key that ends or is for some networks alone: users are bound by neither.
///
/// # Errors
/// `Denied`, naming the rule.
pub(super) fn refuse_unbound_user(
    rows: &impl Read,
    caller: &Caller,
    before: Option<&Record>,
    after: &Record,
) -> Outcome<()> {
    let is_same = |before: &Record| WAYS_IN.iter().all(|field| before.get(field) == after.get(field));
    if before.is_some_and(is_same) {
        return Ok(());
    }
    match own_key(rows, caller)? {
        Some(own) if end_of(&own) < NEVER || !networks_of(&own).is_empty() => {
            let rule =
                "a key that ends or is for some networks alone can't make users nor change how they get in";
            Err(Failure::Denied(rule.into()))
        }
        _ => Ok(()),
    }
}

/// The record of the key that the caller is.
fn own_key(rows: &impl Read, caller: &Caller) -> Outcome<Option<Record>> {
    match caller.identity() {
        Identity::Key(own) => Ok(Some(records::get(rows, own)?.ok_or(Failure::Unknown("key"))?)),
        _ => Ok(None),
    }
}

const NEVER: Millis = Millis(i64::MAX);

/// When a key ends. That it was rotated is no bound: what follows it has all its rights, and it may be asked for again.
fn end_of(key: &Record) -> Millis {
    key.get("expires_at").and_then(Value::as_time).unwrap_or(NEVER)
}

fn networks_of(key: &Record) -> Vec<Network> {
    let networks = key.get("networks").map_or(&[][..], Value::as_list);
    let texts = networks.iter().filter_map(Value::as_text);
    texts.filter_map(network).collect()
}

/// What has ended is not begun again by a rotation.
fn refuse_ended(key: &Record, now: Millis) -> Outcome<()> {
    let over = |field| {
        key.get(field)
            .and_then(Value::as_time)
            .is_some_and(|at| at <= now)
    };
    if key.rank("revocation") > 0 || over("expires_at") || over("retires_at") {
        let text = "the key was revoked or has expired".to_owned();
        return Err(Failure::Conflict(Clash::State, text, Fields::new()));
    }
    Ok(())
}

/// Scopes that don't exist and networks that are none: a typo must not make a key that opens nothing, or too much.
fn unknown_words(input: &Fields) -> Vec<Fault> {
    let words = |name: &str| {
        let list = input.get(name).map(Value::as_list).unwrap_or_default();
        let words = list.iter().enumerate();
        words.filter_map(|(place, word)| Some((place, word.as_text()?.trim())))
    };
    let known = |scope: &str| {
        scope == "*"
            || scope == policy::RESTRICTED
            || scope == policy::EXPUNGE
            || policy::scopes().any(|s| s == scope)
    };
    let mut faults = Vec::new();
    for (place, scope) in words("scopes").filter(|(_, scope)| !known(scope)) {
        let apart = ["*", policy::RESTRICTED, policy::EXPUNGE];
        let all: Vec<_> = policy::scopes().chain(apart).collect();
        faults.push(Fault::wrong(
            format!("data.scopes[{place}]"),
            format!("a scope, not {scope:?}: {}", all.join(", ")),
        ));
    }
    for (place, text) in words("networks").filter(|(_, text)| network(text).is_none()) {
        faults.push(Fault::wrong(
            format!("data.networks[{place}]"),
            format!("an address range such as 10.0.0.0/8, not {text:?}"),
        ));
    }
    faults
}

fn secret_changes(key: &str) -> Vec<Change> {
    let hint = &key[key.len() - 4..];
    vec![
        Change::new("key_hash", Action::Fix(Value::Text(key_hash(key).to_string()))),
        Change::new("key_hint", Action::Fix(Value::text(hint))),
    ]
}
