//! Users and the agency itself, as the command line sets them up.

use serde_json::{Value as Json, json};

use crate::cli::order::{Refusal, shown};
use crate::domain::kind::{TENANT, USER};
use crate::domain::value::{Fields, Value};
use crate::services::Services;
use crate::services::caller::Caller;
use crate::services::casebook::Listing;
use crate::services::failure::Failure;

pub(super) fn add(
    services: &Services,
    caller: &Caller,
    data: Fields,
    _password: Option<String>,
) -> Result<Json, Refusal> {
    let written = services.create(caller, &USER, data, None)?;
    Ok(shown::record(written.first()?))
}

pub(super) fn list(services: &Services, caller: &Caller) -> Result<Json, Refusal> {
    let listing = Listing {
        limit: usize::MAX,
        ..Listing::default()
    };
    let page = services.list(caller, &USER, &listing)?;
    let users: Vec<Json> = page.records.iter().map(shown::record).collect();
    Ok(json!({"data": users}))
}

pub(super) fn disable(services: &Services, caller: &Caller, user: &str) -> Result<Json, Refusal> {
    let listing = Listing {
        limit: 1,
        equal: vec![("email".to_owned(), Value::text(user.to_lowercase()))],
        ..Listing::default()
    };
    let by_address = services
        .list(caller, &USER, &listing)?
        .records
        .first()
        .map(|record| record.id.to_string());
    let id = by_address.unwrap_or_else(|| user.to_owned());
    let input = Fields::from([("disabled".to_owned(), Value::Bool(true))]);
    let written = services.patch(caller, (&USER, &id), None, input, None)?;
    Ok(shown::record(written.first()?))
}

/// The agency is known: it is made, or brought up to date, or left as it is.
pub(super) fn put_tenant(services: &Services, caller: &Caller, data: Fields) -> Result<Json, Refusal> {
    let listing = Listing {
        limit: 1,
        ..Listing::default()
    };
    let known = services.list(caller, &TENANT, &listing)?.records;
    let written = match known.first() {
        None => services.create(caller, &TENANT, data, None)?,
        Some(tenant) => {
            let id = tenant.id.to_string();
            services.patch(caller, (&TENANT, &id), None, data, None)?
        }
    };
    let record = written.first().map_err(|_| Failure::Unknown("tenant"))?;
    Ok(shown::record(record))
}
