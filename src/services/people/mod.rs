//! People and programs that act: their passwords, sessions, keys and agencies. What nobody may give to himself is refused
//! here, at the desk, whichever route a change takes.

/// Reading a restricted record with a stated reason.
pub mod glass;
/// What is kept over restarts beside records.
mod kept;
/// Passwords: argon2id, a few at a time.
pub mod passwords;
/// Signing in, and what keeps a person signed in.
pub mod sessions;
/// Agencies.
pub mod tenants;
/// Users: made, given a password or a static token.
pub mod users;

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use crate::domain::id::{RecordId, TenantId};
use crate::domain::kind::{CASE, CREDENTIAL, TENANT, USER, WATCHLIST, WEBHOOK};
use crate::domain::record::Record;
use crate::domain::time::Millis;
use crate::domain::value::{Fields, Value};
use crate::services::Services;
use crate::services::caller::{Caller, Identity, Role};
use crate::services::events::webhooks;
use crate::services::failure::{Clash, Failure, Fault, Outcome};
use crate::services::people::kept::Rows;
use crate::services::people::passwords::{HashOptions, Password, Passwords};
use crate::services::people::sessions::Sessions;
use crate::services::{keys, policy};
use crate::store::database::Read;
use crate::store::disk::Disk;
use crate::store::kept::Kept;

/// The rules for people.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PeopleOptions {
    /// The agency in whose audit log strangers stand: whoever comes without a credential that names another.
    pub home: TenantId,
    /// Without a request for so long, a session is locked.
    pub session_idle_millis: i64,
    /// A session ends after so long, whatever happens.
    pub session_life_millis: i64,
    /// Failures in a row that lock an account.
    pub lock_failures: u32,
    /// How long it stays locked after the last failure.
    pub lock_millis: i64,
    /// Failures a minute from one address; more must wait.
    pub failures_per_minute_max: u32,
    /// Addresses whose failures are counted at once; all others together are one more.
    pub failing_addresses_max: usize,
    /// Sessions of one user; with more, the one that was idle longest ends.
    pub sessions_per_user_max: usize,
    /// Sessions of all users; with more, the one that was idle longest ends.
    pub sessions_max: usize,
    /// Bytes of a new password, at least: fewer are guessed.
    pub password_bytes_min: usize,
    /// Bytes of a new password, at most: nobody types more, and hashing them costs.
    pub password_bytes_max: usize,
    /// The cost of a password's hash.
    pub hash: HashOptions,
}

impl Default for PeopleOptions {
    fn default() -> Self {
        const MINUTE: i64 = 60_000;
        Self {
            home: "node".parse().expect("a slug by its form"),
            session_idle_millis: 30 * MINUTE,
            session_life_millis: 12 * 60 * MINUTE,
            lock_failures: 5,
            lock_millis: 15 * MINUTE,
            failures_per_minute_max: 30,
            failing_addresses_max: 10_000,
            sessions_per_user_max: 20,
            sessions_max: 10_000,
            password_bytes_min: 12,
            password_bytes_max: 1_024,
            hash: HashOptions::default(),
        }
    }
}

impl PeopleOptions {
    /// What is wrong with a new password.
    pub fn fault(&self, password: &Password, path: &str) -> Option<Fault> {
        let (min, max) = (self.password_bytes_min, self.password_bytes_max);
        match password.length_bytes() {
            length if length < min => Some(Fault::wrong(path, format!("at least {min} bytes"))),
            length if length > max => Some(Fault::wrong(path, format!("at most {max} bytes"))),
            _ => None,
        }
    }
}

/// What is known of people beside their records: sessions, and when keys were used last.
#[derive(Debug)]
pub(crate) struct People {
    pub(super) options: PeopleOptions,
    pub(super) passwords: Passwords,
    pub(super) sessions: Sessions,
    /// When each key was used last. Held for the moment of a look-up.
    uses: Mutex<HashMap<RecordId, Millis>>,
    /// Where both are kept; without it they are lost with the process.
    kept: Option<Kept>,
    /// Something was used since it was written there.
    used: AtomicBool,
}

impl Services {
    /// Writes down when sessions and keys were used last, if any was since the last time. Whoever runs the box calls it once
    /// in a while and at the end; it waits for the disk.
    pub fn keep_uses(&self) {
        if self.people().used.load(Ordering::Acquire) {
            self.people().keep();
        }
    }
}

impl People {
    pub(super) fn new(options: PeopleOptions) -> Self {
        Self {
            passwords: Passwords::new(options.hash),
            sessions: Sessions::default(),
            uses: Mutex::default(),
            kept: None,
            used: AtomicBool::new(false),
            options,
        }
    }

    /// The same with what an earlier run has kept in this file.
    pub(super) fn kept_in(mut self, disk: Arc<dyn Disk>, path: PathBuf) -> Self {
        let kept = Kept::new("sessions", disk, path);
        let rows: Rows = kept.read();
        self.sessions.take_up(rows.sessions, self.options.sessions_max);
        let uses = rows.uses.into_iter();
        let uses = uses.filter_map(|(key, at)| Some((key.parse().ok()?, Millis(at))));
        self.uses = Mutex::new(uses.collect());
        self.kept = Some(kept);
        self
    }

    /// What is wrong with a new password.
    pub(super) fn fault(&self, password: &Password, path: &str) -> Option<Fault> {
        self.options.fault(password, path)
    }

    /// A session began or ended. It waits for the disk.
    pub(super) fn keep(&self) {
        self.used.store(false, Ordering::Release);
        if let Some(kept) = &self.kept {
            kept.write(|| self.rows());
        }
    }

    /// Something was used since it was kept.
    pub(super) fn note_used(&self) {
        self.used.store(true, Ordering::Release);
    }

    fn rows(&self) -> Rows {
        let uses = self.uses.lock().unwrap_or_else(PoisonError::into_inner);
        let uses = uses.iter().map(|(key, at)| (key.to_string(), at.0)).collect();
        Rows::new(self.sessions.rows_to_keep(), uses)
    }

    /// A key opens something at this time. There are no more rows than keys.
    pub(super) fn note_use(&self, key: RecordId, at: Millis) {
        self.uses
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(key, at);
        self.note_used();
    }

    pub(super) fn last_use(&self, key: RecordId) -> Option<Millis> {
        let uses = self.uses.lock().unwrap_or_else(PoisonError::into_inner);
        uses.get(&key).copied()
    }
}

/// Refuses a change by which somebody would get, or give, more than he has. Every draft passes here with the record as it
/// was and as it would be.
///
/// # Errors
/// `Denied` or `Conflict`, naming the rule.
pub(super) fn refuse_escalation(
    rows: &impl Read,
    caller: &Caller,
    before: Option<&Record>,
    after: &Record,
) -> Outcome<()> {
    if after.kind == CASE.name || after.kind == WATCHLIST.name {
        return policy::demand_reach(caller, before, after);
    }
    if after.kind == CREDENTIAL.name {
        return keys::refuse_greater(rows, caller, before, after);
    }
    if after.kind == TENANT.name {
        return tenants::refuse_shared_number(rows, before, after);
    }
    if after.kind == WEBHOOK.name {
        return webhooks::refuse_greater_owner(rows, caller, after);
    }
    if after.kind == USER.name {
        for record in before.into_iter().chain([after]) {
            policy::demand_role(caller, role_of(record).unwrap_or(Role::Administrator))?;
        }
        keys::refuse_unbound_user(rows, caller, before, after)?;
        return refuse_self_harm(caller, after);
    }
    Ok(())
}

/// Nobody disables or demotes himself: so one administrator is always left.
fn refuse_self_harm(caller: &Caller, after: &Record) -> Outcome<()> {
    let Identity::User(own, role) = caller.identity() else {
        return Ok(());
    };
    if after.id != own || (role_of(after) == Some(role) && !is_disabled(after)) {
        return Ok(());
    }
    let text = "nobody changes his own role or disables himself".to_owned();
    Err(Failure::Conflict(Clash::State, text, Fields::new()))
}

/// The role of a user.
pub fn role_of(user: &Record) -> Option<Role> {
    user.text("role").and_then(Role::parse)
}

/// Whether the user signs in no more.
pub fn is_disabled(user: &Record) -> bool {
    user.get("disabled").and_then(Value::as_bool) == Some(true)
}
