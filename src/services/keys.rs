//! API keys: made by an administrator, shown once, kept as a hash, rotated with an overlap, revoked for ever.

use crate::domain::kind::CREDENTIAL;
use crate::domain::operation::{Action, Change, Merge};
use crate::domain::record::Record;
use crate::domain::value::{Fields, Value};
use crate::services::Services;
use crate::services::access::{KEY_PREFIX, key_hash};
use crate::services::caller::Caller;
use crate::services::failure::{Failure, Fault, Outcome};
use crate::services::policy;
use crate::services::shape::network;
use crate::store::identity::random;

/// A key that was just made: the only time that it is seen.
#[derive(Clone, Debug)]
pub struct NewKey {
    /// Its record.
    pub record: Record,
    /// The key itself.
    pub key: String,
}

/// 27 characters of 62: 160 bits.
const KEY_CHARS: usize = 27;

impl Services {
    /// Makes a key.
    ///
    /// # Errors
    /// `Denied`, or `Invalid` with every fault.
    pub fn create_key(&self, caller: &Caller, input: Fields) -> Outcome<NewKey> {
        let key = new_key()?;
        let secret = key.clone();
        let written = self.write(caller, "key.create", None, move |desk| {
            policy::demand(desk.caller(), "keys:admin")?;
            let given = desk.check(&CREDENTIAL, input, None)?;
            refuse_unknown_words(&given)?;
            desk.create_checked(&CREDENTIAL, given, secret_changes(&secret))
                .map(drop)
        })?;
        Ok(NewKey {
            record: written.first()?.clone(),
            key,
        })
    }

    /// Makes a key with the rights of another one, which ends after the overlap.
    ///
    /// # Errors
    /// `Denied`, or `Unknown` if there is none for this caller.
    pub fn rotate_key(&self, caller: &Caller, reference: &str, overlap_millis: i64) -> Outcome<NewKey> {
        let key = new_key()?;
        let (secret, reference) = (key.clone(), reference.to_owned());
        let written = self.write(caller, "key.rotate", None, move |desk| {
            policy::demand(desk.caller(), "keys:admin")?;
            let old = desk.find(&CREDENTIAL, &reference)?;
            let kept = ["name", "lanes", "scopes", "expires_at", "reporter", "networks"];
            let fields = kept
                .iter()
                .filter_map(|name| Some((CREDENTIAL.field(name)?, old.get(name)?.clone())));
            let mut added = secret_changes(&secret);
            added.push(Change::new("replaces", Action::Fix(Value::Id(old.id))));
            desk.create_checked(&CREDENTIAL, fields.collect(), added)?;
            let end = Value::Time(desk.now().plus(overlap_millis));
            let retire =
                Change::new("retires_at", Action::Set(end)).seeing(old.seen("retires_at", Merge::Mv));
            desk.change(&CREDENTIAL, &old, vec![retire]).map(drop)
        })?;
        Ok(NewKey {
            record: written.first()?.clone(),
            key,
        })
    }

    /// Takes a key back, for ever.
    ///
    /// # Errors
    /// `Denied`, or `Unknown` if there is none for this caller.
    pub fn revoke_key(&self, caller: &Caller, reference: &str) -> Outcome<Record> {
        let reference = reference.to_owned();
        let written = self.write(caller, "key.revoke", None, move |desk| {
            policy::demand(desk.caller(), "keys:admin")?;
            let key = desk.find(&CREDENTIAL, &reference)?;
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

/// Scopes that don't exist and networks that are none: a typo must not make a key that opens nothing, or too much.
fn refuse_unknown_words(given: &[(&'static crate::domain::kind::Field, Value)]) -> Outcome<()> {
    let words = |name: &str| -> Vec<String> {
        let value = given
            .iter()
            .find(|(field, _)| field.name == name)
            .map(|(_, value)| value.as_list());
        value
            .unwrap_or_default()
            .iter()
            .filter_map(Value::as_text)
            .map(str::to_owned)
            .collect()
    };
    let known =
        |scope: &str| scope == "*" || scope == "cases:restricted" || policy::scopes().any(|s| s == scope);
    let mut faults = Vec::new();
    for (place, scope) in words("scopes")
        .iter()
        .enumerate()
        .filter(|(_, scope)| !known(scope))
    {
        let all: Vec<_> = policy::scopes().collect();
        faults.push(Fault::wrong(
            format!("data.scopes[{place}]"),
            format!("a scope, not {scope:?}: {}", all.join(", ")),
        ));
    }
    for (place, text) in words("networks")
        .iter()
        .enumerate()
        .filter(|(_, text)| network(text).is_none())
    {
        faults.push(Fault::wrong(
            format!("data.networks[{place}]"),
            format!("an address range such as 10.0.0.0/8, not {text:?}"),
        ));
    }
    if faults.is_empty() {
        Ok(())
    } else {
        Err(Failure::Invalid(faults))
    }
}

fn secret_changes(key: &str) -> Vec<Change> {
    let hint = &key[key.len() - 4..];
    vec![
        Change::new("key_hash", Action::Fix(Value::Text(key_hash(key).to_string()))),
        Change::new("key_hint", Action::Fix(Value::text(hint))),
    ]
}

fn new_key() -> Outcome<String> {
    const ALPHABET: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    let mut key = KEY_PREFIX.to_owned();
    while key.len() < KEY_PREFIX.len() + KEY_CHARS {
        let mut byte = [0];
        random(&mut byte)?;
        // The bytes above the last whole multiple of 62 would favour some letters.
        if byte[0] < 248 {
            key.push(char::from(ALPHABET[usize::from(byte[0] % 62)]));
        }
    }
    Ok(key)
}
