//! Who may do what: the one place that judges. Services ask here; lanes never do. Who may read a record is said in terms, so
//! that a search is judged by the very same words as a read.

use crate::domain::kind::Kind;
use crate::domain::record::Record;
use crate::domain::value::Value;
use crate::services::caller::{Caller, Identity, Role};
use crate::services::failure::{Failure, Outcome};

/// What is done to records of a kind.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Deed {
    /// Reads them.
    Read,
    /// Makes or changes them.
    Write,
}

/// The scopes of users by role: what each may beside what the lesser roles may.
const OFFICER: [&str; 5] = [
    "cases:write",
    "entities:write",
    "evidence:write",
    "custody:write",
    "reports:write",
];
const SUPERVISOR: [&str; 2] = ["watchlists:write", "audit:read"];
const ADMINISTRATOR: [&str; 4] = ["users:admin", "keys:admin", "tenants:admin", "nodes:admin"];
const EVERYBODY: [&str; 6] = [
    "cases:read",
    "entities:read",
    "evidence:read",
    "reports:read",
    "watchlists:read",
    "users:read",
];

/// Every scope that a key can have.
pub fn scopes() -> impl Iterator<Item = &'static str> {
    EVERYBODY
        .into_iter()
        .chain(OFFICER)
        .chain(SUPERVISOR)
        .chain(ADMINISTRATOR)
}

/// The scopes of a role.
pub fn scopes_of(role: Role) -> impl Iterator<Item = &'static str> {
    let none: &[&str] = &[];
    let granted =
        move |least: Role, scopes: &'static [&'static str]| if role >= least { scopes } else { none };
    let parts = [
        granted(Role::Viewer, &EVERYBODY),
        granted(Role::Officer, &OFFICER),
        granted(Role::Supervisor, &SUPERVISOR),
        granted(Role::Administrator, &ADMINISTRATOR),
    ];
    parts.into_iter().flatten().copied()
}

/// The scope that a deed needs.
pub fn scope_for(kind: &Kind, deed: Deed) -> String {
    match (kind.scope, deed) {
        ("users", Deed::Read) => "users:read".to_owned(),
        (scope @ ("users" | "keys" | "tenants"), _) => format!("{scope}:admin"),
        (scope, Deed::Read) => format!("{scope}:read"),
        (scope, Deed::Write) => format!("{scope}:write"),
    }
}

/// Whether the caller has the scope.
pub fn has_scope(caller: &Caller, scope: &str) -> bool {
    let granted = |scope: &str| caller.scopes.contains(scope) || caller.scopes.contains("*");
    // Who may write may read what it writes.
    let by_writing = || {
        scope
            .strip_suffix(":read")
            .is_some_and(|area| granted(&format!("{area}:write")))
    };
    matches!(caller.identity, Identity::Owner) || granted(scope) || by_writing()
}

/// Demands a scope.
///
/// # Errors
/// `Denied`, naming the scope.
pub fn demand(caller: &Caller, scope: &str) -> Outcome<()> {
    if has_scope(caller, scope) {
        Ok(())
    } else {
        Err(Failure::Denied(format!("the scope {scope} is needed")))
    }
}

/// Demands what a deed on a kind needs.
///
/// # Errors
/// `Denied`, naming the scope.
pub fn demand_for(caller: &Caller, kind: &Kind, deed: Deed) -> Outcome<()> {
    demand(caller, &scope_for(kind, deed))
}

/// The words one of which a reader must have, for a record and the case that it belongs to.
pub fn readers_of(record: &Record, case: Option<&Record>) -> Vec<String> {
    let classified = case.unwrap_or(record);
    match classified.text("classification") {
        None | Some("open") => vec!["open".to_owned()],
        Some("sealed") => vec!["sealed".to_owned()],
        Some(class) => {
            let team = classified
                .members("team")
                .into_iter()
                .filter_map(|member| member.get("user_id"));
            let people = classified
                .members("officers")
                .into_iter()
                .chain(team)
                .filter_map(Value::as_id);
            let words = people.map(|id| format!("user:{id}"));
            words.chain([class.to_owned()]).collect()
        }
    }
}

/// The words that a caller has.
pub fn words_of(caller: &Caller) -> Vec<String> {
    let mut words = vec!["open".to_owned()];
    let supervisor = match caller.identity {
        Identity::User(id, role) => {
            words.push(format!("user:{id}"));
            role >= Role::Supervisor
        }
        // A key reads restricted records only if that was said by name.
        Identity::Key(_) => caller.scopes.contains("cases:restricted"),
        Identity::Owner => true,
    };
    if supervisor {
        words.extend(["restricted".to_owned(), "juvenile".to_owned()]);
    }
    if matches!(
        caller.identity,
        Identity::Owner | Identity::User(_, Role::Administrator)
    ) {
        words.push("sealed".to_owned());
    }
    words
}

/// Whether the caller may read the record, which belongs to `case`.
pub fn may_read(caller: &Caller, record: &Record, case: Option<&Record>) -> bool {
    let words = words_of(caller);
    record.tenant == caller.tenant && readers_of(record, case).iter().any(|word| words.contains(word))
}

/// Reading it leaves an audit entry before the answer.
pub fn is_restricted(record: &Record, case: Option<&Record>) -> bool {
    !readers_of(record, case).iter().any(|word| word == "open")
}
