//! Users: made with or without a password, given a new one, given a static token for evidence-room clients.

use crate::domain::id::Hash;
use crate::domain::kind::USER;
use crate::domain::operation::{Action, Change, Merge};
use crate::domain::record::Record;
use crate::domain::value::{Fields, Value};
use crate::services::access::secret;
use crate::services::audit::{self, Event};
use crate::services::caller::{Caller, Identity};
use crate::services::casebook::{Condition, refuse_stale};
use crate::services::failure::{Failure, Fault, Outcome, beside};
use crate::services::people::passwords::Password;
use crate::services::{RequestKey, Services, Written};
use crate::services::{find, policy};
use crate::store::hash::sha256;
use crate::views::local::UNLOCK;

/// Where static tokens begin.
const TOKEN_PREFIX: &str = "st_";

/// A token that was just made: the only time that it is seen.
#[derive(Clone, Debug)]
pub struct NewToken {
    /// The user whose it is.
    pub user: Record,
    /// The token itself.
    pub token: String,
}

/// The hash under which a static token is kept.
pub(in crate::services) fn token_hash(token: &str) -> Hash {
    sha256(&[b"blotter static token\0", token.as_bytes()])
}

impl Services {
    /// Makes a user; without a password the user can't sign in yet.
    ///
    /// # Errors
    /// `Denied`, `Invalid` with every fault, `Conflict` for an e-mail address that is taken.
    pub fn create_user(
        &self,
        caller: &Caller,
        mut input: Fields,
        request: Option<RequestKey>,
    ) -> Outcome<Written> {
        self.demand(caller, "user.create", "users:admin")?;
        let (password, mut faults) = match take_password(&mut input) {
            Ok(password) => (password, Vec::new()),
            Err(Failure::Invalid(faults)) => (None, faults),
            Err(failure) => return Err(failure),
        };
        let mut hash = None;
        if let Some(password) = password {
            match self.people().fault(&password, "data.password") {
                Some(fault) => faults.push(fault),
                None => hash = Some(self.people().passwords.hash(&password)?),
            }
        }
        self.write(caller, "user.create", request, move |desk| {
            policy::demand(desk.caller(), "users:admin")?;
            let given = beside(faults, desk.check(&USER, input, None))?;
            let set = |hash| Change::new("password_hash", Action::Set(Value::Text(hash)));
            let added = hash.map(set).into_iter().collect();
            desk.create_checked(&USER, given, added).map(drop)
        })
    }

    /// Changes a user: name, role, office, `disabled`. All sessions feel it with their next request.
    ///
    /// # Errors
    /// See [`refuse_stale`] and [`crate::services::desk::Desk::patch`].
    pub fn change_user(
        &self,
        caller: &Caller,
        reference: &str,
        condition: Option<Condition>,
        input: Fields,
    ) -> Outcome<Record> {
        let reference = reference.to_owned();
        let written = self.write(caller, "user.update", None, move |desk| {
            policy::demand(desk.caller(), "users:admin")?;
            let user = desk.find(&USER, &reference)?;
            refuse_stale(&user, condition)?;
            desk.patch(&USER, &user, input).map(drop)
        })?;
        written.first().cloned()
    }

    /// Gives a user a new password: an administrator to anybody, a user to himself with the current one. It ends all
    /// sessions of the user and, given by an administrator, a lock.
    ///
    /// # Errors
    /// `Denied`, `Unknown`, `Invalid`, or `Unauthenticated` for a wrong current password.
    pub fn set_password(
        &self,
        caller: &Caller,
        reference: &str,
        current: Option<Password>,
        password: &Password,
        request: Option<RequestKey>,
    ) -> Outcome<Written> {
        if let Some(fault) = self.people().fault(password, "data.password") {
            return Err(Failure::Invalid(vec![fault]));
        }
        // A password that is tried counts.
        caller.refuse_faulty()?;
        let user = find::record(&self.snapshot()?, caller, &USER, reference)?;
        let own = matches!(caller.identity(), Identity::User(id, _) if id == user.id);
        if own {
            let missing = || Failure::Invalid(vec![Fault::missing("data.current_password", "the password")]);
            let current = current.ok_or_else(missing)?;
            // What was the current password then is none any more; the write tells whether it is the same request.
            if !self.is_answered(request)? {
                self.prove_password(&user, &current, caller.via())?;
            }
        } else {
            self.demand(caller, "user.password", "users:admin")?;
        }
        let hash = self.people().passwords.hash(password)?;
        self.write(caller, "user.password", request, move |desk| {
            let user = desk.find(&USER, &user.id.to_string())?;
            let seen = user.seen("password_hash", Merge::Mv);
            let set = Change::new("password_hash", Action::Set(Value::Text(hash))).seeing(seen);
            desk.change(&USER, &user, vec![set])?;
            if !own {
                let who = desk.caller();
                audit::note(desk.session(), who, Event::done(UNLOCK, Some(user.id)))?;
            }
            Ok(())
        })
    }

    /// Gives a user a static token for evidence-room clients in place of the last one. It is shown once.
    ///
    /// # Errors
    /// `Denied`, or `Unknown` if there is none for this caller.
    pub fn make_static_token(&self, caller: &Caller, reference: &str) -> Outcome<NewToken> {
        let (written, token) = self.make_static_token_once(caller, reference, None)?;
        let user = written.first()?.clone();
        Ok(NewToken { user, token })
    }

    /// The same for a request that its client may repeat: of what an earlier one wrote, the token is not known any more, and
    /// the one given here opens nothing.
    ///
    /// # Errors
    /// See [`Services::make_static_token`].
    pub fn make_static_token_once(
        &self,
        caller: &Caller,
        reference: &str,
        request: Option<RequestKey>,
    ) -> Outcome<(Written, String)> {
        let token = secret(TOKEN_PREFIX)?;
        let hash = Value::Text(token_hash(&token).to_string());
        let written = self.set_static_token(caller, ("user.token", reference), hash, request)?;
        Ok((written, token))
    }

    /// Takes a user's static token back, if there is one.
    ///
    /// # Errors
    /// `Denied`, or `Unknown` if there is none for this caller.
    pub fn revoke_static_token(&self, caller: &Caller, reference: &str) -> Outcome<Record> {
        let at = ("user.token.revoke", reference);
        let written = self.set_static_token(caller, at, Value::Null, None)?;
        written.first().cloned()
    }

    fn set_static_token(
        &self,
        caller: &Caller,
        (verb, reference): (&'static str, &str),
        hash: Value,
        request: Option<RequestKey>,
    ) -> Outcome<Written> {
        let reference = reference.to_owned();
        self.write(caller, verb, request, move |desk| {
            policy::demand(desk.caller(), "users:admin")?;
            let user = desk.find(&USER, &reference)?;
            let seen = user.seen("static_token_hash", Merge::Mv);
            let set = Change::new("static_token_hash", Action::Set(hash)).seeing(seen);
            desk.change(&USER, &user, vec![set]).map(drop)
        })
    }
}

/// The password among what was given; it must not reach a record or a log.
pub(super) fn take_password(input: &mut Fields) -> Outcome<Option<Password>> {
    match input.remove("password") {
        None | Some(Value::Null) => Ok(None),
        Some(Value::Text(text)) => Ok(Some(Password::new(text))),
        Some(_) => Err(Failure::wrong("data.password", "text")),
    }
}
