//! Users and the agency itself, as the command line sets them up.

use serde_json::{Value as Json, json};

use crate::cli::order::{Refusal, shown};
use crate::domain::kind::{TENANT, USER};
use crate::domain::value::{Fields, Value};
use crate::services::Services;
use crate::services::caller::Caller;
use crate::services::casebook::Listing;
use crate::services::failure::Failure;
use crate::services::people::passwords::Password;

pub(super) fn add(
    services: &Services,
    caller: &Caller,
    mut data: Fields,
    password: Option<String>,
) -> Result<Json, Refusal> {
    data.extend(password.map(|password| ("password".to_owned(), Value::Text(password))));
    let written = services.create_user(caller, data, None)?;
    Ok(shown::record(written.first()?))
}

/// A static token for evidence-room clients; it is shown once.
pub(super) fn token(services: &Services, caller: &Caller, user: &str) -> Result<Json, Refusal> {
    let made = services.make_static_token(caller, &id_of(services, caller, user)?)?;
    let mut shown = shown::record(&made.user);
    shown["token"] = json!(made.token);
    Ok(shown)
}

/// Gives a user a new password.
pub(super) fn password(
    services: &Services,
    caller: &Caller,
    user: &str,
    text: String,
) -> Result<Json, Refusal> {
    let id = id_of(services, caller, user)?;
    let user = services.set_password(caller, &id, None, &Password::new(text))?;
    Ok(shown::record(&user))
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
    let id = id_of(services, caller, user)?;
    let input = Fields::from([("disabled".to_owned(), Value::Bool(true))]);
    Ok(shown::record(&services.change_user(caller, &id, None, input)?))
}

/// A user by address or id.
fn id_of(services: &Services, caller: &Caller, user: &str) -> Result<String, Refusal> {
    let listing = Listing {
        limit: 1,
        equal: vec![("email".to_owned(), Value::text(user.to_lowercase()))],
        ..Listing::default()
    };
    let found = services.list(caller, &USER, &listing)?.records;
    Ok(found
        .first()
        .map_or_else(|| user.to_owned(), |user| user.id.to_string()))
}

/// The agency is known: it is made, or brought up to date, or left as it is.
pub(super) fn put_tenant(services: &Services, caller: &Caller, data: Fields) -> Result<Json, Refusal> {
    let listing = Listing {
        limit: 1,
        ..Listing::default()
    };
    let known = services.list(caller, &TENANT, &listing)?.records;
    let written = match known.first() {
        None => services.create_tenant(caller, data)?,
        Some(tenant) => {
            let id = tenant.id.to_string();
            services.patch(caller, (&TENANT, &id), None, data, None)?
        }
    };
    let record = written.first().map_err(|_| Failure::Unknown("tenant"))?;
    Ok(shown::record(record))
}
