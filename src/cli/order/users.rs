//! Users and the agency itself, as the command line sets them up.

use serde_json::{Value as Json, json};

use crate::cli::order::{Refusal, shown};
use crate::domain::id::TenantId;
use crate::domain::kind::{TENANT, USER};
use crate::domain::record::Record;
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

/// Takes a user's static token back.
pub(super) fn revoke_token(services: &Services, caller: &Caller, user: &str) -> Result<Json, Refusal> {
    let id = id_of(services, caller, user)?;
    Ok(with_token(&services.revoke_static_token(caller, &id)?))
}

/// A user, and whether there is a static token.
fn with_token(user: &Record) -> Json {
    let mut shown = shown::record(user);
    shown["has_token"] = json!(user.text("static_token_hash").is_some());
    shown
}

/// Gives a user a new password.
pub(super) fn password(
    services: &Services,
    caller: &Caller,
    user: &str,
    text: String,
) -> Result<Json, Refusal> {
    let id = id_of(services, caller, user)?;
    let user = services.set_password(caller, &id, None, &Password::new(text), None)?;
    Ok(shown::record(user.first()?))
}

pub(super) fn list(services: &Services, caller: &Caller) -> Result<Json, Refusal> {
    let listing = Listing {
        limit: usize::MAX,
        ..Listing::default()
    };
    let page = services.list(caller, &USER, &listing)?;
    let shown = |user: &Record| -> Result<Json, Refusal> {
        let mut shown = with_token(user);
        shown["locked"] = json!(services.is_locked(user)?);
        Ok(shown)
    };
    let users = page.records.iter().map(|user| shown(user));
    Ok(json!({"data": users.collect::<Result<Vec<_>, _>>()?}))
}

pub(super) fn change(
    services: &Services,
    caller: &Caller,
    user: &str,
    data: Fields,
) -> Result<Json, Refusal> {
    let id = id_of(services, caller, user)?;
    Ok(with_token(&services.change_user(caller, &id, None, data)?))
}

/// A user by address or id.
fn id_of(services: &Services, caller: &Caller, user: &str) -> Result<String, Refusal> {
    let listing = Listing {
        limit: 1,
        equal: vec![("email".to_owned(), Value::text(user.to_lowercase()))],
        ..Listing::default()
    };
    let found = services.list(caller, &USER, &listing)?.records;
    match found.first() {
        Some(user) => Ok(user.id.to_string()),
        None if user.contains('@') => {
            let text = format!("nobody has the address {user}: `blotter user list` shows who there is");
            Err(Refusal::new("unknown", text))
        }
        None => Ok(user.to_owned()),
    }
}

/// Every agency that has records here.
pub(super) fn list_tenants(services: &Services, caller: &Caller) -> Result<Json, Refusal> {
    let tenants = services.all_tenants(caller)?;
    let row = |(slug, record): &(TenantId, Option<Record>)| {
        let mut shown = record.as_ref().map_or_else(|| json!({}), shown::record);
        shown["slug"] = json!(slug.as_str());
        shown
    };
    Ok(json!({"data": tenants.iter().map(row).collect::<Vec<_>>()}))
}

/// Makes an agency with its first administrator.
pub(super) fn add_tenant(services: &Services, caller: &Caller, data: Fields) -> Result<Json, Refusal> {
    Ok(shown::record(services.found_tenant(caller, data)?.first()?))
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
