//! Who asks through the evidence room's door: a static token or a sign-in, the numbers of agency and office that must be the
//! user's own, and a licence. A refusal is in the audit log before it is told.

use std::sync::{Arc, PoisonError};

use crate::domain::id::{RecordId, TenantId};
use crate::domain::kind::{OFFICE, TENANT, USER};
use crate::domain::record::Record;
use crate::domain::value::Value;
use crate::services::Services;
use crate::services::audit::Event;
use crate::services::caller::{Caller, Via};
use crate::services::failure::{Failure, Outcome};
use crate::services::people::is_disabled;
use crate::services::people::passwords::Password;
use crate::services::people::users::token_hash;
use crate::services::safe::room;
use crate::store::database::Read;
use crate::views::{ordinals, records};

/// The rule by which a call is refused while no licence is free.
pub const NO_LICENCE: &str = "No licenses are available for this organization";

const UNKNOWN: &str = "the token is unknown or was revoked";
const FOREIGN: &str = "OrganizationId and OfficeId must be those of the token's user";

/// What the request says of itself.
#[derive(Clone, Debug)]
pub struct Credentials<'c> {
    /// The bearer token.
    pub token: &'c str,
    /// It is a static token, and not one of a sign-in.
    pub is_static: bool,
    /// The number of the agency.
    pub organization: Option<i64>,
    /// The number of the office.
    pub office: Option<i64>,
}

/// A user as the evidence room knows him.
#[derive(Debug)]
pub struct Badge {
    user: Record,
    organization: Option<i64>,
    office: Option<(RecordId, i64)>,
}

/// Somebody who was let in.
#[derive(Clone, Debug)]
pub struct Guest {
    /// With the rights of the token's user.
    pub caller: Caller,
    /// The number of his agency.
    pub organization: i64,
    /// His office, with its number.
    pub office: (RecordId, i64),
}

impl Badge {
    fn is_of(&self, given: &Credentials<'_>) -> bool {
        let office = self.office.map(|(_, number)| number);
        office.is_some() && given.office == office && given.organization == self.organization
    }
}

impl Services {
    /// Lets a client in.
    ///
    /// # Errors
    /// `Unauthenticated`; `Denied` with [`NO_LICENCE`].
    pub fn admit_safe(&self, given: &Credentials<'_>, via: Via) -> Outcome<Caller> {
        let badge = if given.is_static {
            match self.holder_of_token(given.token)? {
                Some(user) => self.badge(user)?,
                None => return Err(self.refuse_stranger(None, &via, UNKNOWN)),
            }
        } else {
            let caller = self.admit_session(given.token, via.clone())?;
            self.badge(caller.record().ok_or(Failure::Unauthenticated(UNKNOWN))?)?
        };
        let caller = self.admit_user(&badge.user, via)?;
        if !badge.is_of(given) || badge.organization.is_none() {
            let whose = Some((badge.user.tenant.clone(), badge.user.id));
            return Err(self.refuse_stranger(whose, caller.via(), FOREIGN));
        }
        self.take_seat(&caller, &badge.user)?;
        Ok(caller)
    }

    /// The client with a static token, if that is known without the disk and nothing is to be refused. Never waits.
    pub fn recall_safe(&self, given: &Credentials<'_>, via: Via) -> Option<Caller> {
        let known = given.is_static.then(|| token_hash(given.token))?;
        let badge = self.safe().badges.get(&self.safe().tokens.get(&known)?)?;
        if !badge.is_of(given) || badge.organization.is_none() || is_disabled(&badge.user) {
            return None;
        }
        let caller = self.admit_user(&badge.user, via).ok()?;
        self.has_seat(&caller, &badge.user).then_some(caller)
    }

    /// What numbers somebody has who was let in.
    ///
    /// # Errors
    /// `Unauthenticated` for who has none; the disk failed.
    pub fn guest(&self, caller: &Caller) -> Outcome<Guest> {
        let user = caller.record().ok_or(Failure::Unauthenticated(UNKNOWN))?;
        let badge = self.badge(user)?;
        match (badge.organization, badge.office) {
            (Some(organization), Some(office)) => Ok(Guest {
                caller: caller.clone(),
                organization,
                office,
            }),
            _ => Err(Failure::Unauthenticated(FOREIGN)),
        }
    }

    /// Signs a user in as clients do, and gives the token and the seconds for which it lasts at most.
    ///
    /// # Errors
    /// `Unauthenticated` whatever the cause; `Busy`; `Denied` with [`NO_LICENCE`].
    pub fn sign_in_safe(&self, name: &str, password: &Password, via: Via) -> Outcome<(String, i64)> {
        let signed_in = self.sign_in(name, password, via)?;
        let badge = self.badge(signed_in.caller.record().unwrap_or(crate::views::local::NOBODY))?;
        if let Err(failure) = self.take_seat(&signed_in.caller, &badge.user) {
            self.sign_out(&signed_in.caller, &signed_in.token)?;
            return Err(failure);
        }
        Ok((signed_in.token, (signed_in.ends_at.0 - self.now().0) / 1_000))
    }

    fn holder_of_token(&self, token: &str) -> Outcome<Option<RecordId>> {
        let hash = token_hash(token);
        if let Some(user) = self.safe().tokens.get(&hash) {
            return Ok(Some(user));
        }
        let rows = self.store().watched()?;
        let field = USER.field("static_token_hash");
        let field = field.ok_or(Failure::Unauthenticated(UNKNOWN))?;
        let user = records::by_name(&rows, "", &USER, field, &hash.to_string())?;
        if let Some(user) = user {
            self.safe().tokens.keep(hash, user, 0, rows);
        }
        Ok(user)
    }

    fn badge(&self, user: RecordId) -> Outcome<Arc<Badge>> {
        if let Some(badge) = self.safe().badges.get(&user) {
            return Ok(badge);
        }
        const BYTES: usize = 1024;
        let rows = self.store().watched()?;
        let badge = Arc::new(badge_in(&rows, user)?);
        self.safe().badges.keep(user, Arc::clone(&badge), BYTES, rows);
        Ok(badge)
    }

    /// A seat of the agency's licences: kept free for the user, his already, or the next one.
    fn take_seat(&self, caller: &Caller, user: &Record) -> Outcome<()> {
        if self.has_seat(caller, user) {
            return Ok(());
        }
        let options = self.safe().options;
        let reserved = self.reserved_seats(caller.tenant())?;
        let now = self.now();
        let own = (caller.tenant().clone(), user.id);
        let is_free = {
            let mut seats = self.safe().seats.lock().unwrap_or_else(PoisonError::into_inner);
            seats.retain(|_, last| options.holds_seat(*last, now));
            let taken = seats.keys().filter(|(tenant, _)| *tenant == own.0).count();
            let is_free = seats.contains_key(&own) || reserved + taken < options.seats;
            if is_free {
                seats.insert(own, now);
            }
            is_free
        };
        if is_free {
            return Ok(());
        }
        let refused = Event::refused("safe.licence", "denied", Some(user.id));
        self.note(caller, refused.with("rule", Value::text(NO_LICENCE)))?;
        Err(Failure::Denied(NO_LICENCE.to_owned()))
    }

    /// Whether the user needs no seat, or has one: then he goes on having it.
    fn has_seat(&self, caller: &Caller, user: &Record) -> bool {
        let options = self.safe().options;
        if options.seats == 0 || is_reserved(user) {
            return true;
        }
        let now = self.now();
        let own = (caller.tenant().clone(), user.id);
        let mut seats = self.safe().seats.lock().unwrap_or_else(PoisonError::into_inner);
        match seats.get_mut(&own).filter(|last| options.holds_seat(**last, now)) {
            Some(last) => {
                *last = now;
                true
            }
            None => false,
        }
    }

    /// Seats that are kept free for users of the agency. Kept while none of them has changed and none has come.
    fn reserved_seats(&self, tenant: &TenantId) -> Outcome<usize> {
        if let Some(reserved) = self.safe().reserved.get(tenant) {
            return Ok(reserved);
        }
        const BYTES_OF_USER: usize = 8;
        let rows = self.store().watched()?;
        let (mut number, mut reserved) = (1, 0);
        while let Some(user) = ordinals::record(&rows, tenant, &USER, number)? {
            let user = records::get(&rows, user)?;
            reserved += usize::from(user.is_some_and(|user| is_reserved(&user)));
            number += 1;
        }
        let bytes = usize::try_from(number).unwrap_or(usize::MAX / BYTES_OF_USER) * BYTES_OF_USER;
        self.safe().reserved.keep(tenant.clone(), reserved, bytes, rows);
        Ok(reserved)
    }
}

/// What it is made of are rows that are watched, so that it can be kept.
fn badge_in(rows: &impl Read, user: RecordId) -> Outcome<Badge> {
    let user = records::get(rows, user)?.ok_or(Failure::Unauthenticated(UNKNOWN))?;
    let slug = TENANT.field("slug").ok_or(Failure::Unauthenticated(UNKNOWN))?;
    let tenant = records::by_name(rows, "", &TENANT, slug, user.tenant.as_str())?;
    let tenant = tenant.map(|id| records::get(rows, id)).transpose()?.flatten();
    let organization = tenant.and_then(|tenant| tenant.get("organization_id")?.as_int());
    // A user without an office belongs to the agency's first.
    let office = match user.get("office_id").and_then(Value::as_id) {
        Some(office) => Some(office),
        None => ordinals::record(rows, &user.tenant, &OFFICE, 1)?,
    };
    let office = office.map(|id| records::get(rows, id)).transpose()?.flatten();
    let office = match office.filter(|office| office.kind == OFFICE.name) {
        Some(office) => room::office_number(rows, &office)?.map(|number| (office.id, number)),
        None => None,
    };
    Ok(Badge {
        user,
        organization,
        office,
    })
}

fn is_reserved(user: &Record) -> bool {
    let said = user.get("licence_reserved").and_then(Value::as_bool) == Some(true);
    said && !is_disabled(user)
}
