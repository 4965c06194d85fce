//! Signing in with e-mail and password, and the sessions that follow. Whoever fails learns nothing: an unknown address, a
//! wrong password, a locked and a disabled account take the same time, get the same answer, and are told apart in the audit
//! log alone. Failures are counted there too, so a restart does not forget them. Sessions are known by the hash of their
//! token, and kept over restarts.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::domain::id::{Hash, RecordId};
use crate::domain::kind::USER;
use crate::domain::record::Record;
use crate::domain::time::Millis;
use crate::domain::value::Value;
use crate::services::Services;
use crate::services::access::secret;
use crate::services::audit::tally::origin;
use crate::services::audit::{Event, note_stranger};
use crate::services::caller::{Caller, SAFE_LANE, Via};
use crate::services::failure::{Failure, Outcome};
use crate::services::people::kept::SessionRow;
use crate::services::people::passwords::Password;
use crate::services::people::{PeopleOptions, is_disabled};
use crate::store::hash::sha256;
use crate::views::local::{self, SIGN_IN};
use crate::views::records;

/// Where session tokens begin.
const TOKEN_PREFIX: &str = "se_";

const NOT_ADMITTED: Failure =
    Failure::Unauthenticated("the e-mail address or the password is wrong, or the account is locked");

/// A person who was just signed in.
#[derive(Debug)]
pub struct SignedIn {
    /// The session's token, seen by nobody else.
    pub token: String,
    /// The person.
    pub caller: Caller,
    /// When the session ends at the latest.
    pub ends_at: Millis,
}

/// One session, as its user sees it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SessionInfo {
    /// By which the user tells it apart; it opens nothing.
    pub id: String,
    /// When it began.
    pub began_at: Millis,
    /// Its last request.
    pub last_used_at: Millis,
    /// From where it began.
    pub address: Option<IpAddr>,
}

#[derive(Clone, Debug)]
struct Session {
    user: RecordId,
    /// Of the password's hash as it was: another password ends the session.
    password: Hash,
    info: SessionInfo,
}

impl Session {
    fn row(&self, token: Hash) -> SessionRow {
        SessionRow {
            token_hash: token.to_string(),
            user: self.user.to_string(),
            password_state: self.password.to_string(),
            began_at: self.info.began_at.0,
            last_used_at: self.info.last_used_at.0,
            address: self.info.address,
        }
    }

    fn from_row(row: &SessionRow) -> Option<(Hash, Self)> {
        let token: Hash = row.token_hash.parse().ok()?;
        let session = Self {
            user: row.user.parse().ok()?,
            password: row.password_state.parse().ok()?,
            info: SessionInfo {
                id: id_of(token),
                began_at: Millis(row.began_at),
                last_used_at: Millis(row.last_used_at),
                address: row.address,
            },
        };
        Some((token, session))
    }
}

/// What is held in memory of those who sign in.
#[derive(Debug, Default)]
pub(crate) struct Sessions {
    /// By the hash of the token. Held for the moment of a look-up.
    rows: Mutex<HashMap<Hash, Session>>,
    /// Failures of an address in the minute that began then. Held for the moment of a count.
    failures: Mutex<HashMap<Option<IpAddr>, (Millis, u32)>>,
}

impl Sessions {
    /// Goes on with the sessions of an earlier run; whether they are still good is seen when they are used.
    pub(super) fn take_up(&self, kept: Vec<SessionRow>, sessions_max: usize) {
        let mut rows = self.rows();
        let known = kept.into_iter().filter_map(|row| Session::from_row(&row));
        rows.extend(known.take(sessions_max));
    }

    pub(super) fn rows_to_keep(&self) -> Vec<SessionRow> {
        self.rows()
            .iter()
            .map(|(token, session)| session.row(*token))
            .collect()
    }

    fn rows(&self) -> MutexGuard<'_, HashMap<Hash, Session>> {
        self.rows.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn begin(&self, token: Hash, session: Session, options: &PeopleOptions) {
        let mut rows = self.rows();
        let own = rows.values().filter(|other| other.user == session.user).count();
        let per_user_max = options.sessions_per_user_max;
        if own >= per_user_max || rows.len() >= options.sessions_max {
            let among = rows
                .iter()
                .filter(|(_, other)| own < per_user_max || other.user == session.user);
            let idlest = among.min_by_key(|(_, other)| other.info.last_used_at);
            if let Some(idlest) = idlest.map(|(token, _)| *token) {
                rows.remove(&idlest);
            }
        }
        rows.insert(token, session);
    }

    /// Refuses an address that failed too often within a minute, before its password costs a hash.
    fn refuse_flood(&self, address: Option<IpAddr>, now: Millis, most: u32) -> Outcome<()> {
        const MINUTE: i64 = 60_000;
        let failures = self.failures.lock().unwrap_or_else(PoisonError::into_inner);
        match failures.get(&address.map(origin)) {
            Some((since, count)) if *count >= most && now.0 - since.0 < MINUTE => {
                let left = (MINUTE - (now.0 - since.0)) / 1_000 + 1;
                Err(Failure::Busy(u32::try_from(left).unwrap_or(60)))
            }
            _ => Ok(()),
        }
    }

    fn count_failure(&self, address: Option<IpAddr>, now: Millis, addresses_max: usize) {
        const MINUTE: i64 = 60_000;
        let mut failures = self.failures.lock().unwrap_or_else(PoisonError::into_inner);
        if failures.len() >= addresses_max {
            failures.retain(|_, (since, _)| now.0 - since.0 < MINUTE);
        }
        let full = failures.len() >= addresses_max;
        let row = failures
            .entry(address.map(origin).filter(|_| !full))
            .or_insert((now, 0));
        if now.0 - row.0.0 >= MINUTE {
            *row = (now, 0);
        }
        row.1 += 1;
    }
}

/// What a sign-in came to, as the audit log says it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Verdict {
    Admitted,
    Refused,
    Locked,
    Disabled,
}

impl Verdict {
    fn word(self) -> &'static str {
        match self {
            Self::Admitted => "done",
            Self::Refused => "refused",
            Self::Locked => "locked",
            Self::Disabled => "disabled",
        }
    }
}

impl Services {
    /// Signs a person in.
    ///
    /// # Errors
    /// `Unauthenticated`, whatever the cause; `Busy` for an address that failed too often, or while too many sign in.
    pub fn sign_in(&self, email: &str, password: &Password, via: Via) -> Outcome<SignedIn> {
        let email = email.trim().to_lowercase();
        let field = USER.field("email").ok_or(NOT_ADMITTED)?;
        let rows = self.snapshot()?;
        let id = records::by_name(&rows, "", &USER, field, &email)?;
        let user = id.map(|id| records::get(&rows, id)).transpose()?.flatten();
        let user = self.prove(user, Some(email), password, &via)?;
        let caller = self.admit_user(&user, via)?;
        let token = secret(TOKEN_PREFIX)?;
        let now = self.now();
        let session = Session {
            user: user.id,
            password: password_state(&user),
            info: SessionInfo {
                id: session_id(&token),
                began_at: now,
                last_used_at: now,
                address: caller.via().address,
            },
        };
        let people = self.people();
        people
            .sessions
            .begin(session_hash(&token), session, &people.options);
        self.people().keep();
        Ok(SignedIn {
            token,
            caller,
            ends_at: now.plus(self.people().options.session_life_millis),
        })
    }

    /// Demands that a user's password is the one typed; a failure counts like one of a sign-in.
    pub(super) fn prove_password(&self, user: &Record, password: &Password, via: &Via) -> Outcome<()> {
        self.prove(Some(user.clone()), None, password, via).map(drop)
    }

    /// Whether a user is locked out for a while after failures.
    ///
    /// # Errors
    /// The disk failed.
    pub fn is_locked(&self, user: &Record) -> Outcome<bool> {
        let options = &self.people().options;
        let (failures, last) = local::failed_sign_ins(&self.snapshot()?, user.id)?;
        Ok(failures >= options.lock_failures && self.now().0 - last.0 < options.lock_millis)
    }

    /// The user, if the password is right and the account open; the answer is in the audit log before it is given.
    fn prove(
        &self,
        user: Option<Record>,
        email: Option<String>,
        password: &Password,
        via: &Via,
    ) -> Outcome<Record> {
        let options = self.people().options.clone();
        let addresses_max = options.failing_addresses_max;
        let sessions = &self.people().sessions;
        if let Err(busy) = sessions.refuse_flood(via.address, self.now(), options.failures_per_minute_max) {
            let tenant = user.as_ref().map_or(options.home, |user| user.tenant.clone());
            let event = Event::refused(SIGN_IN, busy.word(), user.map(|user| user.id));
            self.count_stranger(tenant, via, event)?;
            return Err(busy);
        }
        let hash = user.as_ref().and_then(|user| user.text("password_hash"));
        let right = self.people().passwords.matches(password, hash)?;
        // Clients of the evidence room are promised a minute.
        let lock_millis = match via.lane {
            SAFE_LANE => options.lock_millis.min(60_000),
            _ => options.lock_millis,
        };
        let (at_desk, via_desk) = (user.as_ref().map(|user| user.id), via.clone());
        let verdict = self.store().write(move |session| {
            let user = at_desk.map(|id| records::get(session.rows(), id)).transpose()?;
            let Some(user) = user.flatten() else {
                let mut event = Event::refused(SIGN_IN, Verdict::Refused.word(), None);
                if let Some(email) = email.filter(|email| email.len() <= 254 && email.contains('@')) {
                    event = event.with("email", Value::Text(email));
                }
                note_stranger(session, options.home.clone(), &via_desk, event)?;
                return Ok::<_, Failure>(Verdict::Refused);
            };
            let (failures, last) = local::failed_sign_ins(session.rows(), user.id)?;
            let fresh = session.now().0 - last.0 < lock_millis;
            let verdict = match (failures >= options.lock_failures && fresh, right) {
                (true, _) => Verdict::Locked,
                (false, _) if is_disabled(&user) => Verdict::Disabled,
                (false, true) => Verdict::Admitted,
                (false, false) => Verdict::Refused,
            };
            let event = Event::refused(SIGN_IN, verdict.word(), Some(user.id));
            note_stranger(session, user.tenant.clone(), &via_desk, event)?;
            if verdict == Verdict::Refused && failures + 1 >= options.lock_failures {
                let lock = Event::done("sign-in.lock", Some(user.id));
                note_stranger(session, user.tenant, &via_desk, lock)?;
            }
            Ok(verdict)
        })?;
        match (verdict, user) {
            (Verdict::Admitted, Some(user)) => Ok(user),
            _ => {
                sessions.count_failure(via.address, self.now(), addresses_max);
                Err(NOT_ADMITTED)
            }
        }
    }

    /// The caller behind a session's token.
    ///
    /// # Errors
    /// `Unauthenticated`: unknown, ended, locked after its idle time, or of a user who is disabled by now.
    pub fn admit_session(&self, token: &str, via: Via) -> Outcome<Caller> {
        let hash = session_hash(token);
        let Some(session) = self.people().sessions.rows().get(&hash).cloned() else {
            return Err(self.refuse_stranger(None, &via, "the session is unknown or has ended"));
        };
        let user = records::get(&self.snapshot()?, session.user)?;
        let tenant = user.as_ref().map(|user| user.tenant.clone());
        let now = self.now();
        let Some(user) = user.filter(|user| self.goes_on(&session, user)) else {
            let idle = self.is_idle(&session);
            self.people().sessions.rows().remove(&hash);
            self.people().keep();
            let event = if idle { "session.lock" } else { "session.end" };
            let event = Event::done(event, Some(session.user));
            let (home, via) = (tenant.unwrap_or_else(|| self.home().clone()), via);
            self.store()
                .write(move |session| note_stranger(session, home, &via, event))
                .map_err(Failure::from)?;
            return Err(Failure::Unauthenticated("the session has ended; sign in again"));
        };
        let caller = self.admit_user(&user, via)?;
        if let Some(session) = self.people().sessions.rows().get_mut(&hash) {
            session.info.last_used_at = session.info.last_used_at.max(now);
        }
        self.people().note_used();
        Ok(caller)
    }

    /// Whoever is signed in by this token still, without that counting as a use.
    ///
    /// # Errors
    /// `Unauthenticated`: the session has ended.
    pub(in crate::services) fn look_at_session(&self, token: &str, via: Via) -> Outcome<Caller> {
        let session = self.people().sessions.rows().get(&session_hash(token)).cloned();
        let rows = self.snapshot()?;
        let user = session.as_ref().map(|session| records::get(&rows, session.user));
        match (session, user.transpose()?.flatten()) {
            (Some(session), Some(user)) if self.goes_on(&session, &user) => self.admit_user(&user, via),
            _ => Err(Failure::Unauthenticated("the session has ended; sign in again")),
        }
    }

    /// A clock that was set back counts like one that went on.
    fn is_idle(&self, session: &Session) -> bool {
        let unused = self.now().0.abs_diff(session.info.last_used_at.0);
        unused >= self.people().options.session_idle_millis.unsigned_abs()
    }

    fn goes_on(&self, session: &Session, user: &Record) -> bool {
        let age = self.now().0 - session.info.began_at.0;
        !self.is_idle(session)
            && age < self.people().options.session_life_millis
            && password_state(user) == session.password
            && !is_disabled(user)
    }

    /// Ends a session.
    ///
    /// # Errors
    /// The store failed.
    pub fn sign_out(&self, caller: &Caller, token: &str) -> Outcome<()> {
        self.note(caller, Event::done("sign-out", caller.record()))?;
        self.people().sessions.rows().remove(&session_hash(token));
        self.people().keep();
        Ok(())
    }

    /// The caller's sessions, the last used first.
    pub fn own_sessions(&self, caller: &Caller) -> Vec<SessionInfo> {
        let rows = self.people().sessions.rows();
        let own = rows
            .values()
            .filter(|session| Some(session.user) == caller.record());
        let mut own: Vec<_> = own.map(|session| session.info.clone()).collect();
        own.sort_by_key(|info| std::cmp::Reverse(info.last_used_at));
        own
    }

    /// When a session that began then ends at the latest.
    pub fn session_end(&self, began_at: Millis) -> Millis {
        began_at.plus(self.people().options.session_life_millis)
    }

    /// Password hashes since the start: every sign-in costs one, whoever it is.
    pub fn password_hashes(&self) -> u64 {
        self.people().passwords.hashed()
    }
}

/// The name of a session by which its user tells it apart.
pub fn session_id(token: &str) -> String {
    id_of(session_hash(token))
}

fn id_of(token: Hash) -> String {
    token.to_string()[..16].to_owned()
}

fn session_hash(token: &str) -> Hash {
    sha256(&[b"blotter session\0", token.as_bytes()])
}

fn password_state(user: &Record) -> Hash {
    sha256(&[user.text("password_hash").unwrap_or_default().as_bytes()])
}
