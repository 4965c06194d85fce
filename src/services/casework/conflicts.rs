//! What writers disagree about: fields with more than one version alive. A person settles them, naming all versions and the
//! reason; the reason stays with the record as a note. Violations stand in the same list: fields that are written once and were
//! given another value elsewhere. The first value stays, and nothing settles them: a supervisor has to know.

use crate::domain::custody::chain::CUSTODY;
use crate::domain::id::{RecordId, VersionId};
use crate::domain::kind::{self, ALERT, CASE, Field, Kind, NOTE, Writer};
use crate::domain::operation::{Action, Change, Merge};
use crate::domain::record::Record;
use crate::domain::value::Value;
use crate::services::audit::Event;
use crate::services::caller::{Caller, Identity, Role};
use crate::services::casework::{rules, steps};
use crate::services::desk::{Desk, refuse_sealed};
use crate::services::failure::{Failure, Fault, Outcome};
use crate::services::policy::{self, Deed};
use crate::services::shape::{Checker, describe, is_nothing};
use crate::services::{RequestKey, Services, Written, find};
use crate::store::database::{Direction, Snapshot};
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

/// Which conflicts are listed.
#[derive(Clone, Debug, Default)]
pub struct Wanted {
    /// Only of records of this kind.
    pub kind: Option<String>,
    /// Only of this record.
    pub record: Option<String>,
    /// Only of this case, of what belongs to it, and of its entities.
    pub case: Option<String>,
    /// Only of records whose writers disagree about this field.
    pub field: Option<String>,
    /// Where the last page ended.
    pub after: Option<PageKey>,
    /// As many records at most.
    pub limit: usize,
}

/// Judges the records of a list.
struct Judge<'l> {
    rows: &'l Snapshot,
    caller: &'l Caller,
    wanted: &'l Wanted,
    record: Option<RecordId>,
    case: Option<Record>,
}

impl<'l> Judge<'l> {
    fn new(rows: &'l Snapshot, caller: &'l Caller, wanted: &'l Wanted) -> Outcome<Self> {
        let named = |text: &String| find::reference(rows, caller, "", text).ok_or(Failure::Unknown("record"));
        let case = |text: &String| find::record(rows, caller, &CASE, text);
        Ok(Self {
            rows,
            caller,
            wanted,
            record: wanted.record.as_ref().map(named).transpose()?,
            case: wanted.case.as_ref().map(case).transpose()?,
        })
    }

    /// The record if it belongs into the list.
    fn record(&self, id: RecordId) -> Outcome<Option<Record>> {
        if self.record.is_some_and(|wanted| wanted != id) {
            return Ok(None);
        }
        let Some(record) = records::get(self.rows, id)? else {
            return Ok(None);
        };
        let Some(kind) = kind::kind(&record.kind) else {
            return Ok(None);
        };
        let of_kind = self.wanted.kind.as_ref().is_none_or(|wanted| wanted == kind.name);
        // What is secret is never listed, not even that writers disagree about it.
        let field = self.wanted.field.as_deref();
        let disagree = |name: &str| kind.tells(name) && field.is_none_or(|wanted| wanted == name);
        let listed = of_kind
            && (record.conflicts().any(|(name, _)| disagree(name))
                || record.violations().any(|(name, _)| disagree(name)))
            && policy::has_scope(self.caller, &policy::scope_for(kind, Deed::Read))
            && self.is_of_case(&record)?
            && find::may_read(self.rows, self.caller, &record)?;
        Ok(listed.then_some(record))
    }

    fn is_of_case(&self, record: &Record) -> Outcome<bool> {
        let Some(case) = &self.case else { return Ok(true) };
        let names = |member: &&Value| member.get("entity_id").and_then(Value::as_id) == Some(record.id);
        if record.id == case.id || case.members("entities").iter().any(names) {
            return Ok(true);
        }
        Ok(find::case_of(self.rows, record)?.is_some_and(|above| above.id == case.id))
    }
}

/// Rows looked at for one page, at most: a filter that nothing passes must not read a whole table in one request.
const ROWS_PER_PAGE_MAX: usize = 20_000;

impl Services {
    /// The records with open conflicts or violations that the caller may read, those changed last first, and where the next page begins.
    ///
    /// # Errors
    /// `Denied`, `Unknown` for a record or a case that is not there for this caller.
    pub fn conflicts(&self, caller: &Caller, wanted: &Wanted) -> Outcome<(Vec<Record>, Option<PageKey>)> {
        let found = self.conflicts_in(&self.snapshot()?, caller, wanted)?;
        self.note_plain_read(
            caller,
            Event::done("list", None).with("kind", Value::text("conflict")),
        )?;
        Ok(found)
    }

    /// The same as of a snapshot.
    ///
    /// # Errors
    /// `Denied`, `Unknown` for a record or a case that is not there for this caller.
    pub fn conflicts_in(
        &self,
        rows: &Snapshot,
        caller: &Caller,
        wanted: &Wanted,
    ) -> Outcome<(Vec<Record>, Option<PageKey>)> {
        self.demand(caller, "conflicts", "cases:read")?;
        let wanted = Judge::new(rows, caller, wanted)?;
        let (mut found, mut last, mut next) = (Vec::new(), None, None);
        let (mut looked_at, mut fault) = (0_usize, None);
        let after = wanted.wanted.after.as_ref();
        records::conflicts(rows, caller.tenant(), Direction::Down, after, &mut |key, id| {
            looked_at += 1;
            if found.len() == wanted.wanted.limit || looked_at > ROWS_PER_PAGE_MAX {
                next = last.take();
                return false;
            }
            last = Some(key.to_vec());
            match wanted.record(id) {
                Ok(record) => found.extend(record),
                Err(failure) => fault = Some(failure),
            }
            fault.is_none()
        })?;
        match fault {
            Some(failure) => Err(failure),
            None => Ok((found, next)),
        }
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
            let (field, value) = checked(desk, (kind, &record), &settlement)?;
            let standing = record.standing(field.name);
            let mut alive: Vec<VersionId> = standing.iter().map(|version| version.id).collect();
            let mut named = settlement.versions.clone();
            alive.sort_unstable();
            named.sort_unstable();
            if alive != named {
                return Err(Failure::Stale(Box::new(record)));
            }
            let given = [(field, value.clone())];
            desk.refuse_duplicates(kind, &given, Some(record.id))?;
            let mut changes = rules::follow(desk.session().rows(), kind, Some(&record), &given)?;
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
    (kind, record): (&'static Kind, &Record),
    settlement: &Settlement,
) -> Outcome<(&'static Field, Value)> {
    let (caller, now) = (desk.caller(), desk.now());
    let rows = desk.session().rows();
    let resolve = |wanted: &str, text: &str| find::reference(rows, caller, wanted, text);
    let mut checker = Checker::new(&resolve);
    let field = kind.fields.iter().find(|field| {
        field.name == settlement.field && field.merge == Merge::Mv && field.writer == Writer::Client
    });
    if field.is_none() {
        let expected = match settlement.field.as_str() {
            CUSTODY => "another field: an entry of the chain that names all last ones settles its custody",
            name if record.violations().any(|(violated, _)| violated == name) => {
                "another field: this one is written once, and its first value stays"
            }
            _ => "a field that can be in conflict",
        };
        checker.refuse("data.field", expected);
    }
    let value = field.and_then(|field| match is_nothing(field.shape, &settlement.value) {
        true if field.required => {
            let fault = Fault::missing("data.value", describe(field.shape));
            checker.faults.push(fault);
            None
        }
        true if field.default.is_none() => Some(Value::Null),
        _ => checker.value("data.value", field.shape, settlement.value.clone()),
    });
    let mut given: Vec<_> = field.zip(value).into_iter().collect();
    // Why an alert is put aside stands in the record, or is the reason of the settlement.
    if kind.name != ALERT.name {
        rules::check(kind, Some(record), &mut given, now, &mut checker);
    }
    match given.pop() {
        Some(given) if checker.faults.is_empty() => Ok(given),
        _ => Err(Failure::Invalid(as_asked(checker.faults, &settlement.field))),
    }
}

/// Faults of a field where a settlement says it.
fn as_asked(mut faults: Vec<Fault>, field: &str) -> Vec<Fault> {
    let own = format!("data.{field}");
    for fault in &mut faults {
        if let Some(within) = fault.path.strip_prefix(&own) {
            fault.path = format!("data.value{within}");
        }
    }
    faults
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
