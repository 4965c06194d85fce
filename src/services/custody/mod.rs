//! Who has an item of evidence: every hand-over is an entry that names the one before it. The state machine itself is in the
//! domain; here it meets callers, clocks, holds, and supervisors who settle what two units said apart.

use crate::domain::custody::chain::{CUSTODY, Chain};
use crate::domain::custody::{Action, Refusal, check_times};
use crate::domain::id::VersionId;
use crate::domain::kind::{EVIDENCE, Field, Member, Shape};
use crate::domain::operation::{Action as Act, Change};
use crate::domain::record::Record;
use crate::domain::time::Millis;
use crate::domain::value::{Fields, Value};
use crate::services::caller::{Caller, Identity, Role};
use crate::services::court::hold::is_held;
use crate::services::desk::{Desk, refuse_sealed};
use crate::services::failure::{Clash, Failure, Fault, Outcome};
use crate::services::find::{self, Belongs};
use crate::services::policy::{self, Deed};
use crate::services::shape::Checker;
use crate::services::{RequestKey, Services, Written};

const ACTIONS: &[&str] = &[
    "collected",
    "transferred",
    "stored",
    "retrieved",
    "checked-out",
    "checked-in",
    "moved",
    "analysed",
    "copied",
    "viewed",
    "sealed",
    "unsealed",
    "returned",
    "disposed",
    "destroyed",
    "undisposed",
];

const fn member(name: &'static str, shape: Shape, required: bool) -> Member {
    Member {
        name,
        shape,
        required,
    }
}

/// What a client says of a step; `follows` is read apart, as it may be one id or several.
pub const STEP: &[Member] = &[
    member("action", Shape::Choice(ACTIONS), true),
    member("happened_at", Shape::Time, false),
    member("from", Shape::Line(300), false),
    member("to", Shape::Line(300), false),
    member("to_id", Shape::Ref("entity"), false),
    member("place", Shape::Line(300), false),
    member("reason", Shape::Line(500), false),
    member("note", Shape::Text(5_000), false),
    member("witness", Shape::Line(300), false),
    member("signature", Shape::Sha256, false),
    member("hash_before", Shape::Sha256, false),
    member("hash_after", Shape::Sha256, false),
];

/// An item with its chain.
#[derive(Clone, Debug)]
pub struct Custody {
    /// The item.
    pub item: Record,
    /// Its chain.
    pub chain: Chain,
}

impl Services {
    /// Reads an item's chain of custody.
    ///
    /// # Errors
    /// `Denied`, or `Unknown` if there is no such item for this caller.
    pub fn custody_of(&self, caller: &Caller, reference: &str) -> Outcome<Custody> {
        self.demand(caller, "read-custody", policy::scope_for(&EVIDENCE, Deed::Read))?;
        let rows = self.snapshot()?;
        let item = find::record(&rows, caller, &EVIDENCE, reference)?;
        self.note_read(caller, &rows, &item)?;
        let chain = Chain::of(&item);
        Ok(Custody { item, chain })
    }

    /// Adds an entry to an item's chain. It names the last entry it knows; while the chain is disputed, a supervisor's entry
    /// that names all last ones, with a reason, settles it.
    ///
    /// # Errors
    /// `Denied`, `Unknown`, `Invalid` with every fault, `Conflict` with what is now the last entry.
    pub fn transfer_custody(
        &self,
        caller: &Caller,
        reference: &str,
        input: Fields,
        request: Option<RequestKey>,
    ) -> Outcome<Written> {
        let reference = reference.to_owned();
        self.write(caller, "custody", request, move |desk| {
            policy::demand(desk.caller(), "custody:write")?;
            let item = desk.find(&EVIDENCE, &reference)?;
            refuse_sealed(&item)?;
            let step = step(desk, input)?;
            let chain = Chain::of(&item);
            if let Err(refusal) = judge(desk, &item, &chain, &step) {
                return Err(with_heads(refusal, &chain));
            }
            let entry = entry(desk.caller(), desk.now(), step.given)?;
            desk.change(&EVIDENCE, &item, vec![chain.step(entry)]).map(drop)
        })
    }
}

/// What a client asks for, checked by itself.
struct Step {
    action: Action,
    follows: Vec<VersionId>,
    given: Fields,
}

fn step(desk: &mut Desk<'_, '_, '_>, mut input: Fields) -> Outcome<Step> {
    let follows = input.remove("follows").unwrap_or(Value::Null);
    let caller = desk.caller();
    let rows = desk.session().rows();
    let resolve = |wanted: &str, text: &str| find::reference(rows, caller, wanted, text);
    let mut checker = Checker::new(&resolve);
    let given = checker.value("data", Shape::Object(STEP), Value::Map(input));
    let mut faults = std::mem::take(&mut checker.faults);
    let named = follow_ids(&follows, &mut faults);
    let word = given
        .as_ref()
        .and_then(|given| given.get("action"))
        .and_then(Value::as_text);
    let action = word.and_then(|word| word.parse().ok());
    match (given, action) {
        (Some(Value::Map(given)), Some(action)) if faults.is_empty() => Ok(Step {
            action,
            follows: named,
            given,
        }),
        _ => Err(Failure::Invalid(faults)),
    }
}

/// One id, or several in a list.
fn follow_ids(follows: &Value, faults: &mut Vec<Fault>) -> Vec<VersionId> {
    const EXPECTED: &str =
        "the id of the last entry of the chain, or a list of all of them while it is disputed";
    let given = match follows {
        Value::Null => &[],
        Value::List(list) => list.as_slice(),
        one => std::slice::from_ref(one),
    };
    if given.is_empty() {
        faults.push(Fault::missing("data.follows", EXPECTED));
        return Vec::new();
    }
    let ids: Option<Vec<VersionId>> = given.iter().map(|id| id.as_text()?.parse().ok()).collect();
    ids.unwrap_or_else(|| {
        faults.push(Fault::wrong("data.follows", EXPECTED));
        Vec::new()
    })
}

fn judge(desk: &mut Desk<'_, '_, '_>, item: &Record, chain: &Chain, step: &Step) -> Outcome<()> {
    refuse_held(desk, item, step.action)?;
    let mut named = step.follows.clone();
    named.sort_unstable();
    named.dedup();
    let mut heads = chain.heads.clone();
    heads.sort_unstable();
    let known = named.iter().all(|id| chain.entry(*id).is_some());
    match chain.disputed {
        _ if !known => Err(conflict("follows names an entry that is not in this chain")),
        Some(_) if heads.len() > 1 && named != heads => Err(Refusal::Disputed.into()),
        Some(_) => settle(desk.caller(), chain, step),
        None if named != heads => Err(conflict("another entry was made since; read the chain again")),
        None => chain.allows(step.action).map_err(Failure::from),
    }
}

fn settle(caller: &Caller, chain: &Chain, step: &Step) -> Outcome<()> {
    let rank = match caller.identity() {
        Identity::User(_, role) => Some(role),
        Identity::Owner => Some(Role::Administrator),
        Identity::Key(_) | Identity::Node(_) => None,
    };
    if rank.is_none_or(|role| role < Role::Supervisor) {
        return Err(Failure::Denied(
            "a disputed chain of custody is settled by a supervisor".into(),
        ));
    }
    if !step.given.contains_key("reason") {
        let fault = Fault::missing("data.reason", "why the dispute is settled so");
        return Err(Failure::Invalid(vec![fault]));
    }
    chain.settles(step.action).map_err(Failure::from)
}

/// What is held leaves the house for nobody.
pub(in crate::services) fn refuse_held(
    desk: &mut Desk<'_, '_, '_>,
    item: &Record,
    action: Action,
) -> Outcome<()> {
    if !matches!(action, Action::Disposed | Action::Destroyed | Action::Returned) {
        return Ok(());
    }
    let what = match find::belongs(desk.session().rows(), item)? {
        _ if is_held(item) => "the item is under a legal hold",
        Belongs::To(case) if is_held(&case) => "the case of the item is under a legal hold",
        Belongs::Unknown => "the case of the item has not arrived here and may be under a legal hold",
        Belongs::To(_) | Belongs::Alone => return Ok(()),
    };
    Err(conflict(&format!("{what}, so it can't be {action}")))
}

fn conflict(text: &str) -> Failure {
    Failure::Conflict(Clash::Custody, text.to_owned(), Fields::new())
}

/// A clash says what is now last.
fn with_heads(failure: Failure, chain: &Chain) -> Failure {
    let Failure::Conflict(clash, text, mut meta) = failure else {
        return failure;
    };
    let ids = chain.heads.iter().map(|id| Value::Text(id.to_string()));
    meta.insert("follows".to_owned(), Value::List(ids.collect()));
    meta.insert("state".to_owned(), Value::text(chain.now.state.as_str()));
    meta.insert("disputed".to_owned(), Value::Bool(chain.disputed.is_some()));
    if let Some(holder) = &chain.now.holder {
        meta.insert("holder".to_owned(), holder.clone());
    }
    Failure::Conflict(clash, text, meta)
}

/// The entry of the chain: what was given, and what the program knows itself.
pub(in crate::services) fn entry(caller: &Caller, now: Millis, mut given: Fields) -> Outcome<Value> {
    check_times(now, given.get("happened_at").and_then(Value::as_time))?;
    given.insert("recorded_at".to_owned(), Value::Time(now));
    given.insert("actor".to_owned(), Value::Text(caller.signature()));
    given.insert("client".to_owned(), Value::text(caller.via().lane));
    Ok(Value::Map(given))
}

/// The first entry of an item that is made of these fields: it was collected.
///
/// # Errors
/// `Invalid` if it is said to be recovered later than now.
pub fn collection(caller: &Caller, now: Millis, given: &[(&'static Field, Value)]) -> Outcome<Change> {
    let of = |name: &str| {
        given
            .iter()
            .find(|(field, _)| field.name == name)
            .map(|(_, value)| value)
    };
    let place = of("place").and_then(|place| place.get("name").or_else(|| place.get("address")));
    let place = place
        .and_then(Value::as_text)
        .map(|text| Value::Text(text.chars().take(300).collect()));
    let members = [
        ("action", Some(Value::text(Action::Collected.as_str()))),
        ("happened_at", of("recovered_at").cloned()),
        ("to", of("recovered_by").cloned()),
        ("place", place),
    ];
    let known = members
        .into_iter()
        .filter_map(|(name, value)| Some((name.to_owned(), value?)));
    let recovered = of("recovered_at").and_then(Value::as_time);
    check_times(now, recovered)
        .map_err(|refusal| Failure::wrong("data.recovered_at", refusal.to_string()))?;
    Ok(Change::new(
        CUSTODY,
        Act::Step(entry(caller, now, known.collect())?),
    ))
}
