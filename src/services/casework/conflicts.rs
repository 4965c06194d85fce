//! What writers disagree about: fields with more than one version alive. A person settles them, naming all versions and the
//! reason; the reason stays with the record as a note.

use crate::domain::custody::chain::CUSTODY;
use crate::domain::id::VersionId;
use crate::domain::kind::{self, Field, Kind, NOTE, Writer};
use crate::domain::operation::{Action, Change, Merge};
use crate::domain::record::Record;
use crate::domain::value::Value;
use crate::services::caller::{Caller, Identity, Role};
use crate::services::casework::{rules, steps};
use crate::services::desk::{Desk, refuse_sealed};
use crate::services::failure::{Failure, Fault, Outcome};
use crate::services::policy::{self, Deed};
use crate::services::shape::{Checker, describe};
use crate::services::{RequestKey, Services, Written, find};
use crate::store::database::Direction;
use crate::views::records::{self, PageKey};

/// How a person settles a conflict.
#[derive(Clone, Debug)]
pub struct Settlement {
    /// The field.
    pub field: String,
    /// All versions that are alive.
    pub versions: Vec<VersionId>,
    /// What is true.
    pub value: Value,
    /// Why.
    pub reason: String,
}

impl Services {
    /// The records with open conflicts that the caller may read, those changed last first.
    ///
    /// # Errors
    /// `Denied`.
    pub fn conflicts(
        &self,
        caller: &Caller,
        after: Option<&PageKey>,
        limit: usize,
    ) -> Outcome<(Vec<Record>, Option<PageKey>)> {
        self.demand(caller, "conflicts", "cases:read")?;
        let rows = self.snapshot()?;
        let (mut ids, mut last, mut more) = (Vec::new(), None, false);
        records::conflicts(&rows, caller.tenant(), Direction::Down, after, &mut |key, id| {
            more = ids.len() == limit;
            if !more {
                ids.push(id);
                last = Some(key.to_vec());
            }
            !more
        })?;
        let mut found = Vec::new();
        for id in ids {
            let Some(record) = records::get(&rows, id)? else {
                continue;
            };
            let may = kind::kind(&record.kind)
                .is_some_and(|kind| policy::has_scope(caller, &policy::scope_for(kind, Deed::Read)));
            if may && find::may_read(&rows, caller, &record)? {
                found.push(record);
            }
        }
        Ok((found, last.filter(|_| more)))
    }

    /// Settles a conflict.
    ///
    /// # Errors
    /// `Unknown`, `Denied`; `Stale` if other versions are alive than those named; `Invalid` with every fault.
    pub fn settle(
        &self,
        caller: &Caller,
        reference: &str,
        settlement: Settlement,
        request: Option<RequestKey>,
    ) -> Outcome<Written> {
        let reference = reference.to_owned();
        self.write(caller, "conflict.settle", request, move |desk| {
            let (kind, record) = find_any(desk, &reference)?;
            demand_supervisor(desk.caller(), kind)?;
            refuse_sealed(&record)?;
            let (field, value) = checked(desk, kind, &settlement)?;
            let standing = record.standing(field.name);
            let mut alive: Vec<VersionId> = standing.iter().map(|version| version.id).collect();
            let mut named = settlement.versions.clone();
            alive.sort_unstable();
            named.sort_unstable();
            if alive != named {
                return Err(Failure::Stale(Box::new(record)));
            }
            let mut changes = rules::follow(
                desk.session().rows(),
                kind,
                Some(&record),
                &[(field, value.clone())],
            )?;
            changes.push(match field.course {
                Some(course) => steps::settle(kind, &record, (field, course), value)?,
                None => Change::new(field.name, Action::Set(value)).seeing(alive),
            });
            desk.change(kind, &record, changes)?;
            note_reason(desk, &record, &settlement)
        })
    }
}

fn find_any(desk: &mut Desk<'_, '_, '_>, reference: &str) -> Outcome<(&'static Kind, Record)> {
    let caller = desk.caller();
    let rows = desk.session().rows();
    let id = find::reference(rows, caller, "", reference).ok_or(Failure::Unknown("record"))?;
    let record = records::get(rows, id)?.ok_or(Failure::Unknown("record"))?;
    let kind = kind::kind(&record.kind).ok_or(Failure::Unknown("record"))?;
    Ok((kind, record))
}

fn demand_supervisor(caller: &Caller, kind: &Kind) -> Outcome<()> {
    policy::demand_for(caller, kind, Deed::Write)?;
    match caller.identity() {
        Identity::User(_, role) if role < Role::Supervisor => {
            Err(Failure::Denied("conflicts are settled by a supervisor".into()))
        }
        _ => Ok(()),
    }
}

fn checked(
    desk: &mut Desk<'_, '_, '_>,
    kind: &'static Kind,
    settlement: &Settlement,
) -> Outcome<(&'static Field, Value)> {
    let caller = desk.caller();
    let rows = desk.session().rows();
    let resolve = |wanted: &str, text: &str| find::reference(rows, caller, wanted, text);
    let mut checker = Checker::new(&resolve);
    let field = kind.fields.iter().find(|field| {
        field.name == settlement.field && field.merge == Merge::Mv && field.writer == Writer::Client
    });
    if field.is_none() {
        let expected = match settlement.field.as_str() {
            CUSTODY => "another field: an entry of the chain that names all last ones settles its custody",
            _ => "a field that can be in conflict",
        };
        checker.refuse("data.field", expected);
    }
    let value = field.and_then(|field| match settlement.value.is_absent() {
        true if field.required => {
            let fault = Fault::missing("data.value", describe(field.shape));
            checker.faults.push(fault);
            None
        }
        true => Some(Value::Null),
        false => checker.value("data.value", field.shape, settlement.value.clone()),
    });
    match (field, value) {
        (Some(field), Some(value)) if checker.faults.is_empty() => Ok((field, value)),
        _ => Err(Failure::Invalid(checker.faults)),
    }
}

fn note_reason(desk: &mut Desk<'_, '_, '_>, record: &Record, settlement: &Settlement) -> Outcome<()> {
    let text = format!("{}: {}", settlement.field, settlement.reason);
    let says = [
        ("record_id", Value::Id(record.id)),
        ("text", Value::Text(text)),
        ("category", Value::text("settlement")),
    ];
    let given = says
        .into_iter()
        .filter_map(|(name, value)| Some((NOTE.field(name)?, value)));
    desk.create_checked(&NOTE, given.collect(), Vec::new()).map(drop)
}
