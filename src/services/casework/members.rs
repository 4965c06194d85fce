//! One member more, or one less, of a field that is a list to clients. Two who add at the same time both add.

use crate::domain::id::RecordId;
use crate::domain::kind::{ENTITY, Field, Kind};
use crate::domain::operation::{Action, Change, Merge};
use crate::domain::record::Record;
use crate::domain::value::Value;
use crate::services::caller::Caller;
use crate::services::casebook::{Condition, refuse_stale};
use crate::services::desk::{Desk, refuse_sealed};
use crate::services::failure::{Failure, Outcome};
use crate::services::policy::{self, Deed};
use crate::services::shape::Checker;
use crate::services::{RequestKey, Services, Written, find};

/// Which list of which record.
#[derive(Clone, Copy, Debug)]
pub struct ListOf<'r> {
    /// The record's kind.
    pub kind: &'static Kind,
    /// What the caller calls the record.
    pub reference: &'r str,
    /// The field.
    pub field: &'static str,
    /// What the caller said of its version.
    pub condition: Option<Condition>,
}

const SAME_AS: &str = "same_as";

impl Services {
    /// Adds members; those that are there already stay as they are.
    ///
    /// # Errors
    /// `Invalid` with every fault, `Unknown`, `Denied`, `Stale`.
    pub fn add_members(
        &self,
        caller: &Caller,
        list: ListOf<'_>,
        members: Vec<(String, Value)>,
        request: Option<RequestKey>,
    ) -> Outcome<Written> {
        let (at, reference) = (Place::of(list)?, list.reference.to_owned());
        self.write(caller, "member.add", request, move |desk| {
            let record = at.open(desk, &reference)?;
            let members = at.checked(desk, &record, members)?;
            let present = record.members(at.field.name);
            let added: Vec<Change> = members
                .into_iter()
                .filter(|member| !present.contains(&member))
                .map(|member| Change::new(at.field.name, Action::Add(member)))
                .collect();
            desk.change(at.kind, &record, added).map(drop)
        })
    }

    /// Takes away the members of which `is_it` is true.
    ///
    /// # Errors
    /// `Unknown` for a record or a member that is not there, `Denied`, `Stale`.
    pub fn remove_members(
        &self,
        caller: &Caller,
        list: ListOf<'_>,
        is_it: impl Fn(&Value) -> bool + Send + 'static,
        request: Option<RequestKey>,
    ) -> Outcome<Written> {
        let (at, reference) = (Place::of(list)?, list.reference.to_owned());
        self.write(caller, "member.remove", request, move |desk| {
            let record = at.open(desk, &reference)?;
            desk.change(at.kind, &record, vec![removal(&record, at.field.name, is_it)?])
                .map(drop)
        })
    }

    /// Holds two entities to be one; both say so.
    ///
    /// # Errors
    /// `Unknown`, `Denied`; `Invalid` for an entity and itself.
    pub fn hold_same(
        &self,
        caller: &Caller,
        (one, other): (&str, Value),
        request: Option<RequestKey>,
    ) -> Outcome<Written> {
        let one = one.to_owned();
        self.write(caller, "same-as.add", request, move |desk| {
            let at = Place::entities()?;
            let one = at.open(desk, &one)?;
            let other = at.checked(desk, &one, vec![("data.to".to_owned(), other)])?;
            let id = other.first().and_then(Value::as_id).unwrap_or(one.id);
            let other = at.open(desk, &id.to_string())?;
            if one.text("kind") != other.text("kind") {
                return Err(Failure::wrong("data.to", "an entity of the same kind"));
            }
            for (record, same) in [(&one, other.id), (&other, one.id)] {
                let same = Value::Id(same);
                if !record.members(SAME_AS).contains(&&same) {
                    desk.change(&ENTITY, record, vec![Change::new(SAME_AS, Action::Add(same))])?;
                }
            }
            desk.change(&ENTITY, &one, Vec::new()).map(drop)
        })
    }

    /// Takes back that two entities are one; `condition` is what the caller said of the version of the first.
    ///
    /// # Errors
    /// `Unknown` if they are not held to be, `Denied`, `Stale`.
    pub fn part_same(
        &self,
        caller: &Caller,
        (one, other): (&str, &str),
        condition: Option<Condition>,
        request: Option<RequestKey>,
    ) -> Outcome<Written> {
        let (one, other) = (one.to_owned(), other.to_owned());
        self.write(caller, "same-as.remove", request, move |desk| {
            let at = Place::entities()?;
            let (one, other) = (at.open(desk, &one)?, at.open(desk, &other)?);
            refuse_stale(&one, condition)?;
            let first = removal(&one, SAME_AS, names(other.id))?;
            desk.change(&ENTITY, &one, vec![first])?;
            if let Ok(second) = removal(&other, SAME_AS, names(one.id)) {
                desk.change(&ENTITY, &other, vec![second])?;
            }
            Ok(())
        })
    }
}

/// Whether a member is this record, or names it.
pub fn names(id: RecordId) -> impl Fn(&Value) -> bool + Send + 'static {
    move |member| match member {
        Value::Id(own) => *own == id,
        Value::Map(map) => map.values().any(|value| value.as_id() == Some(id)),
        _ => false,
    }
}

/// A list, found in the tables.
#[derive(Clone, Copy)]
struct Place {
    kind: &'static Kind,
    field: &'static Field,
    condition: Option<Condition>,
}

impl Place {
    fn of(list: ListOf<'_>) -> Outcome<Self> {
        let field = list
            .kind
            .fields
            .iter()
            .find(|field| field.name == list.field && field.merge == Merge::OrSet);
        Ok(Self {
            kind: list.kind,
            field: field.ok_or_else(|| Failure::Internal(format!("{} is no list", list.field)))?,
            condition: list.condition,
        })
    }

    fn entities() -> Outcome<Self> {
        Self::of(ListOf {
            kind: &ENTITY,
            reference: "",
            field: SAME_AS,
            condition: None,
        })
    }

    /// The record, which the caller may change.
    fn open(self, desk: &Desk<'_, '_, '_>, reference: &str) -> Outcome<Record> {
        policy::demand_for(desk.caller(), self.kind, Deed::Write)?;
        let record = desk.find(self.kind, reference)?;
        refuse_stale(&record, self.condition)?;
        refuse_sealed(&record)?;
        Ok(record)
    }

    /// The members in their proper form. Nothing is a member of itself.
    fn checked(
        self,
        desk: &mut Desk<'_, '_, '_>,
        record: &Record,
        members: Vec<(String, Value)>,
    ) -> Outcome<Vec<Value>> {
        let caller = desk.caller();
        let rows = desk.session().rows();
        let resolve = |wanted: &str, text: &str| find::reference(rows, caller, wanted, text);
        let mut checker = Checker::new(&resolve);
        let mut checked = Vec::new();
        for (path, member) in members {
            let Some(member) = checker.value(&path, self.field.shape, member) else {
                continue;
            };
            if names(record.id)(&member) {
                checker.refuse(&path, "another record than this one");
            }
            if !checked.contains(&member) {
                checked.push(member);
            }
        }
        match checker.faults.is_empty() {
            true => Ok(checked),
            false => Err(Failure::Invalid(checker.faults)),
        }
    }
}

fn removal(record: &Record, field: &str, is_it: impl Fn(&Value) -> bool) -> Outcome<Change> {
    let gone: Vec<_> = record
        .versions(field, Merge::OrSet)
        .iter()
        .filter(|version| is_it(&version.value))
        .map(|version| version.id)
        .collect();
    if gone.is_empty() {
        return Err(Failure::Unknown("member"));
    }
    Ok(Change::new(field, Action::Remove).seeing(gone))
}
