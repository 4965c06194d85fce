//! API keys, as the command line makes and shows them.

use serde_json::{Value as Json, json};

use crate::cli::order::{Refusal, shown};
use crate::domain::kind::CREDENTIAL;
use crate::domain::record::Record;
use crate::domain::value::{Fields, Value};
use crate::services::Services;
use crate::services::caller::Caller;
use crate::services::casebook::Listing;
use crate::services::failure::Failure;
use crate::services::keys::NewKey;

const HOUR_MS: i64 = 60 * 60 * 1000;

pub(super) fn create(services: &Services, caller: &Caller, data: Fields) -> Result<Json, Refusal> {
    Ok(made(services, &services.create_key(caller, data)?))
}

pub(super) fn rotate(services: &Services, caller: &Caller, key: &str, hours: u32) -> Result<Json, Refusal> {
    let new = services.rotate_key(caller, key, i64::from(hours) * HOUR_MS);
    let new = new.map_err(|failure| unknown(key, failure))?;
    Ok(made(services, &new))
}

pub(super) fn revoke(services: &Services, caller: &Caller, key: &str) -> Result<Json, Refusal> {
    let revoked = services.revoke_key(caller, key, None);
    Ok(with_state(
        services,
        &revoked.map_err(|failure| unknown(key, failure))?,
    ))
}

/// Keys are known by their ids: names may be alike.
fn unknown(key: &str, failure: Failure) -> Refusal {
    match failure {
        Failure::Unknown(_) => {
            let text = format!("no key has the id {key}: `blotter key list` shows those of all keys");
            Refusal::new("unknown", text)
        }
        failure => failure.into(),
    }
}

pub(super) fn list(services: &Services, caller: &Caller) -> Result<Json, Refusal> {
    let listing = Listing {
        limit: usize::MAX,
        ..Listing::default()
    };
    let page = services.list(caller, &CREDENTIAL, &listing)?;
    let keys: Vec<Json> = page
        .records
        .iter()
        .map(|key| {
            let mut shown = with_state(services, key);
            let used = services.last_use_of(key.id);
            shown["last_used_at"] = json!(used.map(|at| at.to_string()));
            shown
        })
        .collect();
    Ok(json!({"data": keys}))
}

/// The only time that the key itself is seen.
fn made(services: &Services, new: &NewKey) -> Json {
    let mut shown = with_state(services, &new.record);
    shown["key"] = json!(new.key);
    shown
}

fn with_state(services: &Services, record: &Record) -> Json {
    let mut shown = shown::record(record);
    let end = |field| record.get(field).and_then(Value::as_time);
    let over = |field| end(field).is_some_and(|at| at <= services.now());
    let state = if record.rank("revocation") > 0 {
        "revoked"
    } else if over("expires_at") || over("retires_at") {
        "expired"
    } else if end("retires_at").is_some() {
        "retiring"
    } else {
        "active"
    };
    shown["state"] = json!(state);
    shown
}
