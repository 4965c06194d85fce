//! API keys, as the command line makes and shows them.

use serde_json::{Value as Json, json};

use crate::cli::order::{Refusal, shown};
use crate::domain::kind::CREDENTIAL;
use crate::domain::record::Record;
use crate::domain::value::Fields;
use crate::services::Services;
use crate::services::caller::Caller;
use crate::services::casebook::Listing;
use crate::services::keys::NewKey;

const HOUR_MS: i64 = 60 * 60 * 1000;

pub(super) fn create(services: &Services, caller: &Caller, data: Fields) -> Result<Json, Refusal> {
    Ok(made(&services.create_key(caller, data)?))
}

pub(super) fn rotate(services: &Services, caller: &Caller, key: &str, hours: u32) -> Result<Json, Refusal> {
    Ok(made(&services.rotate_key(
        caller,
        key,
        i64::from(hours) * HOUR_MS,
    )?))
}

pub(super) fn revoke(services: &Services, caller: &Caller, key: &str) -> Result<Json, Refusal> {
    Ok(with_state(&services.revoke_key(caller, key)?))
}

pub(super) fn list(services: &Services, caller: &Caller) -> Result<Json, Refusal> {
    let listing = Listing {
        limit: usize::MAX,
        ..Listing::default()
    };
    let page = services.list(caller, &CREDENTIAL, &listing)?;
    let keys: Vec<Json> = page.records.iter().map(with_state).collect();
    Ok(json!({"data": keys}))
}

/// The only time that the key itself is seen.
fn made(new: &NewKey) -> Json {
    let mut shown = with_state(&new.record);
    shown["key"] = json!(new.key);
    shown
}

fn with_state(record: &Record) -> Json {
    let mut shown = shown::record(record);
    let revoked = record.rank("revocation") > 0;
    shown["state"] = json!(if revoked { "revoked" } else { "active" });
    shown
}
