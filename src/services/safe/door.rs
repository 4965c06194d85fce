//! Who asks through the evidence room's door: a static token or a sign-in, the numbers of agency and office that must be the
//! user's own, and a licence. A refusal is in the audit log before it is told.

use std::sync::{Arc, PoisonError};

use crate::domain::id::RecordId;
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
use crate::store::database::{Direction, Read};
use crate::views::index::Order;
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

impl Services {
    /// Lets a client in.
    ///
    /// # Errors
    /// `Unauthenticated`; `Denied` with [`NO_LICENCE`].
    pub fn admit_safe(&self, given: &Credentials<'_>, via: Via) -> Outcome<Guest> {
        let badge = if given.is_static {
            self.badge_of_token(given.token, &via)?
        } else {
            let caller = self.admit_session(given.token, via.clone())?;
            let user = caller.record().ok_or(Failure::Unauthenticated(UNKNOWN))?;
            Arc::new(self.badge(user)?)
        };
        let caller = self.admit_user(&badge.user, via)?;
        let own = given.organization == badge.organization
            && given.office == badge.office.map(|(_, number)| number);
        match (badge.organization, badge.office) {
            (Some(organization), Some(office)) if own => {
                self.take_seat(&caller, &badge.user)?;
                Ok(Guest {
                    caller,
                    organization,
                    office,
                })
            }
            _ => {
                let tenant = Some(caller.tenant().clone());
                Err(self.refuse_stranger(tenant, caller.via(), FOREIGN))
            }
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

    fn badge_of_token(&self, token: &str, via: &Via) -> Outcome<Arc<Badge>> {
        let hash = token_hash(token);
        if let Some(badge) = self.safe().badges.get(&hash) {
            return Ok(badge);
        }
        let rows = self.store().watched()?;
        let field = USER.field("static_token_hash");
        let field = field.ok_or(Failure::Unauthenticated(UNKNOWN))?;
        let known = records::by_name(&rows, "", &USER, field, &hash.to_string())?;
        let Some(user) = known else {
            return Err(self.refuse_stranger(None, via, UNKNOWN));
        };
        let badge = Arc::new(self.badge_in(&rows, user)?);
        const BYTES: usize = 1024;
        // Which office is the first one follows from no record that is read here.
        if badge.office.is_some() {
            self.safe().badges.keep(hash, Arc::clone(&badge), BYTES, rows);
        }
        Ok(badge)
    }

    fn badge(&self, user: RecordId) -> Outcome<Badge> {
        self.badge_in(&self.snapshot()?, user)
    }

    /// What it is made of are records and names alone, so that it can be kept: numbers once given never change.
    fn badge_in(&self, rows: &impl Read, user: RecordId) -> Outcome<Badge> {
        let user = records::get(rows, user)?.ok_or(Failure::Unauthenticated(UNKNOWN))?;
        let slug = TENANT.field("slug").ok_or(Failure::Unauthenticated(UNKNOWN))?;
        let tenant = records::by_name(rows, "", &TENANT, slug, user.tenant.as_str())?;
        let tenant = tenant.map(|id| records::get(rows, id)).transpose()?.flatten();
        let organization = tenant.and_then(|tenant| tenant.get("organization_id")?.as_int());
        // A user without an office belongs to the agency's first.
        let office = match user.get("office_id").and_then(Value::as_id) {
            Some(office) => Some(office),
            None => ordinals::record(&self.snapshot()?, &user.tenant, &OFFICE, 1)?,
        };
        let office = office.map(|id| records::get(rows, id)).transpose()?.flatten();
        let office = office.filter(|office| office.kind == OFFICE.name);
        let office = match office {
            Some(office) => {
                room::office_number(&self.snapshot()?, &office)?.map(|number| (office.id, number))
            }
            None => None,
        };
        Ok(Badge {
            user,
            organization,
            office,
        })
    }

    /// A seat of the agency's licences: kept free for the user, his already, or the next one.
    fn take_seat(&self, caller: &Caller, user: &Record) -> Outcome<()> {
        let options = self.safe().options;
        if options.seats == 0 || is_reserved(user) {
            return Ok(());
        }
        let reserved = self.reserved_seats(caller)?;
        let now = self.now();
        let own = (caller.tenant().clone(), user.id);
        let is_free = {
            let mut seats = self.safe().seats.lock().unwrap_or_else(PoisonError::into_inner);
            seats.retain(|_, last| now.0.abs_diff(last.0) < options.seat_held_millis.unsigned_abs());
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

    fn reserved_seats(&self, caller: &Caller) -> Outcome<usize> {
        let rows = self.snapshot()?;
        let (mut users, mut reserved) = (Vec::new(), 0);
        let order = (Order::Created, Direction::Up);
        records::list(&rows, (caller.tenant(), &USER), order, None, &mut |_, id| {
            users.push(id);
            true
        })?;
        for user in users {
            let user = records::get(&rows, user)?;
            reserved += usize::from(user.is_some_and(|user| is_reserved(&user)));
        }
        Ok(reserved)
    }
}

fn is_reserved(user: &Record) -> bool {
    let said = user.get("licence_reserved").and_then(Value::as_bool) == Some(true);
    said && !is_disabled(user)
}
