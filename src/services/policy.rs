//! Who may do what: the one place that judges. Services ask here; lanes never do. Who may read a record is said in terms, so
//! that a search is judged by the very same words as a read.

use std::collections::BTreeSet;

use crate::domain::id::RecordId;
use crate::domain::kind::{CASE, Field, Kind};
use crate::domain::operation::{Action, Change, Merge};
use crate::domain::record::{Record, SEALING};
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
const SUPERVISOR: [&str; 3] = ["watchlists:write", "audit:read", HOLD];
const ADMINISTRATOR: [&str; 5] = [
    "users:admin",
    "keys:admin",
    "tenants:admin",
    "nodes:admin",
    "webhooks:admin",
];
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

/// Kinds that everybody reads with what they belong to, and that an administrator sets up.
const REFERENCE_KINDS: [&str; 3] = ["category", "form", "location"];

/// The scope that a deed needs.
pub fn scope_for(kind: &Kind, deed: Deed) -> String {
    // What an agency sets up once is set up by its administrators.
    if deed == Deed::Write && REFERENCE_KINDS.contains(&kind.name) {
        return "users:admin".to_owned();
    }
    match (kind.scope, deed) {
        ("users", Deed::Read) => "users:read".to_owned(),
        (scope @ ("users" | "keys" | "tenants" | "nodes" | "webhooks"), _) => format!("{scope}:admin"),
        (scope, Deed::Read) => format!("{scope}:read"),
        (scope, Deed::Write) => format!("{scope}:write"),
    }
}

/// Whether the caller has the scope.
pub fn has_scope(caller: &Caller, scope: &str) -> bool {
    if scope == EXPUNGE {
        return may_expunge(caller);
    }
    let granted = |scope: &str| caller.scopes.contains(scope) || caller.scopes.contains("*");
    // Who may write or set up may read what it is about.
    let by_writing = || {
        scope
            .strip_suffix(":read")
            .is_some_and(|area| granted(&format!("{area}:write")) || granted(&format!("{area}:admin")))
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

/// The scope by which a key reads restricted and juvenile records; no role gives it and no `*` holds it.
pub const RESTRICTED: &str = "cases:restricted";

/// The scope by which a record is put under a legal hold: a supervisor's, or a key's.
pub const HOLD: &str = "records:hold";

/// The scope by which a key carries out a court's order to expunge; no `*` holds it. Of users, administrators may.
pub const EXPUNGE: &str = "records:expunge";

fn may_expunge(caller: &Caller) -> bool {
    match caller.identity {
        Identity::Owner => true,
        Identity::User(_, role) => role >= Role::Administrator,
        Identity::Key(_) => caller.scopes.contains(EXPUNGE),
        Identity::Node(_) => false,
    }
}

/// From open to sealed: which classification wins where several are said.
const CLASSES: [&str; 4] = ["open", "restricted", "juvenile", "sealed"];

/// The class of a record by itself. Of concurrent classifications the strictest counts until a person has settled them, a
/// word unknown here counts as the strictest, and what a court has sealed is sealed.
fn own_class(record: &Record) -> usize {
    const SEALED: usize = CLASSES.len() - 1;
    if record.rank(SEALING) > 0 {
        return SEALED;
    }
    let said = record.versions("classification", Merge::Mv).iter();
    let words = said.filter_map(|version| version.value.as_text());
    let rank = |word| CLASSES.iter().position(|class| *class == word).unwrap_or(SEALED);
    words.map(rank).max().unwrap_or(0)
}

/// The class of a record: the stricter one of its own and its case's.
pub fn class_of(record: &Record, case: Option<&Record>) -> &'static str {
    CLASSES[own_class(record).max(case.map_or(0, own_class))]
}

/// The words one of which a reader must have, for a record and the case that it belongs to.
pub fn readers_of(record: &Record, case: Option<&Record>) -> Vec<String> {
    match class_of(record, case) {
        "open" => vec!["open".to_owned()],
        "sealed" => vec!["sealed".to_owned()],
        class => {
            let words = workers(case.unwrap_or(record)).map(|id| format!("user:{id}"));
            words.chain([class.to_owned()]).collect()
        }
    }
}

/// The users who work on a case.
fn workers(case: &Record) -> impl Iterator<Item = RecordId> {
    let team = case.members("team").into_iter();
    let team = team.filter_map(|member| member.get("user_id"));
    let officers = case.members("officers").into_iter();
    officers.chain(team).filter_map(Value::as_id)
}

/// The users who may read a case because they are named on it, each once; none where that opens nothing.
pub fn named_on(case: &Record) -> BTreeSet<RecordId> {
    match class_of(case, None) {
        "open" | "sealed" => BTreeSet::new(),
        _ => workers(case).collect(),
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
        Identity::Key(_) => caller.scopes.contains(RESTRICTED),
        Identity::Owner | Identity::Node(_) => true,
    };
    if supervisor {
        words.extend(["restricted".to_owned(), "juvenile".to_owned()]);
    }
    if matches!(
        caller.identity,
        Identity::Owner | Identity::Node(_) | Identity::User(_, Role::Administrator)
    ) {
        words.push("sealed".to_owned());
    }
    words
}

/// Whether the caller is cleared for every class.
pub fn reads_all(caller: &Caller) -> bool {
    let words = words_of(caller);
    CLASSES.iter().all(|class| words.iter().any(|word| word == class))
}

/// Whether the caller is cleared for a class as such, not by being named on a case.
fn is_cleared(caller: &Caller, class: &str) -> bool {
    words_of(caller).iter().any(|word| word == class)
}

/// The user who opens a case that he could not read is an officer in charge of it.
pub fn own_seat(caller: &Caller, kind: &Kind, given: &[(&'static Field, Value)]) -> Option<Change> {
    let Identity::User(id, _) = caller.identity else {
        return None;
    };
    let of = |name: &str| {
        given
            .iter()
            .find(|(field, _)| field.name == name)
            .map(|(_, value)| value)
    };
    let class = of("classification").and_then(Value::as_text).unwrap_or("open");
    let own = Value::Id(id);
    let is_named = of("officers").is_some_and(|officers| officers.as_list().contains(&own));
    (kind.name == CASE.name && !is_named && !is_cleared(caller, class))
        .then(|| Change::new("officers", Action::Add(own)))
}

/// Demands what a new state of a case needs: a key makes none that it could not read; only who is cleared for a class takes a
/// case out of it or lets further people read it, and only who may read sealed cases seals one.
///
/// # Errors
/// `Denied`, naming the rule.
pub fn demand_reach(caller: &Caller, before: Option<&Record>, after: &Record) -> Outcome<()> {
    if after.is_expunged() {
        return demand(caller, EXPUNGE);
    }
    let to = class_of(after, None);
    let from = before.map_or("open", |before| class_of(before, None));
    if to == "sealed" && from != to && !is_cleared(caller, to) {
        return Err(Failure::Denied("only an administrator seals it".into()));
    }
    let (new, own) = (readers_of(after, None), words_of(caller));
    if before.is_none() && !new.iter().any(|word| own.contains(word)) {
        return Err(Failure::Denied(format!("the scope {RESTRICTED} is needed")));
    }
    let Some(before) = before.filter(|_| from != "open" && !is_cleared(caller, from)) else {
        return Ok(());
    };
    let old = readers_of(before, None);
    if new.iter().all(|word| old.contains(word)) {
        return Ok(());
    }
    Err(Failure::Denied(format!(
        "only who is cleared for what is {from} lets others read this one"
    )))
}

/// Whether the caller may read this one record after all by stating a reason: an officer, and a restricted case, by the words
/// one of which its readers must have. Juvenile and sealed ones have no such door.
pub fn may_break_glass(caller: &Caller, record: &Record, readers: &[String]) -> bool {
    let officer = matches!(caller.identity, Identity::User(_, role) if role >= Role::Officer);
    officer && record.tenant == caller.tenant && readers.iter().any(|word| word == "restricted")
}

/// Demands that whoever gives scopes to a key has them.
///
/// # Errors
/// `Denied`, naming the first scope that the caller lacks.
pub fn demand_scopes<'s>(caller: &Caller, granted: impl IntoIterator<Item = &'s str>) -> Outcome<()> {
    for scope in granted {
        let has = match scope {
            RESTRICTED => is_cleared(caller, "restricted"),
            "*" => scopes().all(|scope| has_scope(caller, scope)),
            scope => has_scope(caller, scope),
        };
        if !has {
            let rule = format!("the scope {scope} can't be given by one who has not got it");
            return Err(Failure::Denied(rule));
        }
    }
    Ok(())
}

/// Demands that whoever gives a role to a user, or takes hold of the user's account, has all that the role may do.
///
/// # Errors
/// `Denied`, naming what the caller lacks.
pub fn demand_role(caller: &Caller, role: Role) -> Outcome<()> {
    demand_scopes(caller, scopes_of(role))?;
    let cleared = role < Role::Supervisor || is_cleared(caller, "restricted");
    let seals = role < Role::Administrator || is_cleared(caller, "sealed") || caller.scopes.contains("*");
    if cleared && seals {
        return Ok(());
    }
    Err(Failure::Denied(
        "a role can't be given by one who may do less".into(),
    ))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::{Caller, Deed, Identity, Role, demand_for, demand_role, demand_scopes, scopes_of, words_of};
    use crate::domain::id::RecordId;
    use crate::domain::kind::{
        ALERT, CASE, CREDENTIAL, ENTITY, EVIDENCE, KINDS, NOTE, REPORT, TENANT, USER, WATCHLIST,
    };
    use crate::services::caller::Via;

    fn caller(identity: Identity, scopes: &[&str]) -> Caller {
        Caller {
            identity,
            tenant: "metro".parse().unwrap(),
            scopes: Arc::new(scopes.iter().map(|scope| (*scope).to_owned()).collect()),
            lanes: Arc::new(["query".to_owned()].into()),
            name: "test".into(),
            reporter: None,
            via: Via::of("rest", "test"),
            faulty: false,
        }
    }

    const ID: RecordId = RecordId(uuid::Uuid::nil());
    const ROLES: [Role; 4] = [Role::Viewer, Role::Officer, Role::Supervisor, Role::Administrator];

    fn user(role: Role) -> Caller {
        caller(Identity::User(ID, role), &scopes_of(role).collect::<Vec<_>>())
    }

    fn key(scopes: &[&str]) -> Caller {
        caller(Identity::Key(ID), scopes)
    }

    #[test]
    fn each_role_may_what_the_table_says() {
        use Role::{Administrator, Officer, Supervisor, Viewer};
        let table = [
            (&CASE, Viewer, Officer),
            (&NOTE, Viewer, Officer),
            (&ENTITY, Viewer, Officer),
            (&EVIDENCE, Viewer, Officer),
            (&REPORT, Viewer, Officer),
            (&WATCHLIST, Viewer, Supervisor),
            (&ALERT, Viewer, Supervisor),
            (&USER, Viewer, Administrator),
            (&CREDENTIAL, Administrator, Administrator),
            (&TENANT, Administrator, Administrator),
        ];
        for (kind, reads, writes) in table {
            for role in ROLES {
                let may = |deed| demand_for(&user(role), kind, deed).is_ok();
                assert_eq!(may(Deed::Read), role >= reads, "{role:?} reads {}", kind.name);
                assert_eq!(may(Deed::Write), role >= writes, "{role:?} writes {}", kind.name);
            }
        }
    }

    #[test]
    fn a_key_may_what_its_scopes_say_and_nothing_else() {
        for kind in KINDS {
            for deed in [Deed::Read, Deed::Write] {
                let needed = super::scope_for(kind, deed);
                assert!(demand_for(&key(&[&needed]), kind, deed).is_ok(), "{needed}");
                assert!(demand_for(&key(&["*"]), kind, deed).is_ok(), "{needed}");
                assert!(demand_for(&key(&[]), kind, deed).is_err(), "{needed}");
                let others: Vec<_> = super::scopes().filter(|scope| *scope != needed).collect();
                let area = needed.split(':').next().unwrap();
                let others: Vec<_> = others
                    .into_iter()
                    .filter(|scope| deed == Deed::Write || !scope.starts_with(area))
                    .collect();
                assert!(demand_for(&key(&others), kind, deed).is_err(), "{needed}");
            }
        }
    }

    #[test]
    fn each_identity_has_the_words_that_the_table_says() {
        let own = format!("user:{ID}");
        let own = own.as_str();
        let cleared = ["open", own, "restricted", "juvenile"];
        let table = [
            (user(Role::Viewer), &["open", own][..]),
            (user(Role::Officer), &["open", own]),
            (user(Role::Supervisor), &cleared),
            (
                user(Role::Administrator),
                &["open", own, "restricted", "juvenile", "sealed"],
            ),
            (key(&["*"]), &["open"]),
            (key(&["cases:restricted"]), &["open", "restricted", "juvenile"]),
            (
                caller(Identity::Owner, &[]),
                &["open", "restricted", "juvenile", "sealed"],
            ),
        ];
        for (caller, words) in table {
            assert_eq!(
                words_of(&caller),
                words,
                "{:?} {:?}",
                caller.identity,
                caller.scopes
            );
        }
    }

    #[test]
    fn a_role_is_given_by_those_who_have_as_much() {
        for giver in ROLES {
            for given in ROLES {
                assert_eq!(
                    demand_role(&user(giver), given).is_ok(),
                    giver >= given,
                    "{giver:?} {given:?}"
                );
            }
        }
        assert!(demand_role(&key(&["*"]), Role::Officer).is_ok());
        assert!(demand_role(&key(&["*"]), Role::Supervisor).is_err());
        assert!(demand_role(&key(&["*", "cases:restricted"]), Role::Administrator).is_ok());
        assert!(demand_scopes(&key(&["users:admin"]), ["users:read"]).is_ok());
        assert!(demand_scopes(&key(&["users:read"]), ["users:admin"]).is_err());
        assert!(demand_scopes(&user(Role::Supervisor), ["*"]).is_err());
    }

    #[test]
    fn a_hold_is_set_by_supervisors_and_keys_that_may() {
        for role in ROLES {
            let may = super::demand(&user(role), super::HOLD).is_ok();
            assert_eq!(may, role >= Role::Supervisor, "{role:?}");
        }
        assert!(super::demand(&key(&[super::HOLD]), super::HOLD).is_ok());
        assert!(super::demand(&key(&["cases:write"]), super::HOLD).is_err());
    }

    #[test]
    fn an_order_is_carried_out_by_administrators_and_by_keys_that_were_made_for_it() {
        for role in ROLES {
            let may = super::demand(&user(role), super::EXPUNGE).is_ok();
            assert_eq!(may, role == Role::Administrator, "{role:?}");
        }
        assert!(super::demand(&caller(Identity::Owner, &[]), super::EXPUNGE).is_ok());
        assert!(super::demand(&key(&[super::EXPUNGE]), super::EXPUNGE).is_ok());
        assert!(super::demand(&key(&["*"]), super::EXPUNGE).is_err());
        assert!(demand_scopes(&key(&["*"]), [super::EXPUNGE]).is_err());
    }
}
