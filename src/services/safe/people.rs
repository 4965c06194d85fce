//! Persons who are there already: the same driver's licence, the same organization, or the same first and last name and day
//! of birth.

use crate::domain::id::RecordId;
use crate::domain::kind::{CASE, ENTITY, NOTE, TEAM, USER};
use crate::domain::person::Person;
use crate::domain::record::Record;
use crate::domain::value::{Fields, Value};
use crate::services::caller::Caller;
use crate::services::desk::Desk;
use crate::services::failure::{Clash, Failure, Fault, Outcome};
use crate::services::safe::room::Room;
use crate::services::safe::whole::{judged, numbered};
use crate::services::{Services, Written, casebook, find, policy};
use crate::store::database::Read;
use crate::views::words::{self, List};
use crate::views::{ordinals, records};

/// Persons of one answer to who is still typing.
pub const TYPEAHEAD_MAX: usize = 10;

impl Services {
    /// Makes a user, or changes the one that is known in the version that was read; in these teams and no others, if that
    /// is said. `faults` are those of the request itself.
    ///
    /// # Errors
    /// `Denied`, `Invalid` with every fault, `Stale`, `Conflict` for an e-mail address that is taken.
    pub fn put_safe_user(
        &self,
        caller: &Caller,
        known: Option<(RecordId, u64)>,
        input: Fields,
        teams: Option<Vec<RecordId>>,
        faults: Vec<Fault>,
    ) -> Outcome<Written> {
        let verb = if known.is_some() {
            "user.update"
        } else {
            "user.create"
        };
        self.demand(caller, verb, "users:admin")?;
        let email = input.get("email").and_then(Value::as_text).map(str::to_owned);
        self.write(caller, verb, None, move |desk| {
            policy::demand(desk.caller(), "users:admin")?;
            let put = judged(desk, faults, |desk| {
                let user = match known {
                    Some((id, version)) => {
                        let user = desk.find(&USER, &id.to_string())?;
                        casebook::refuse_stale(&user, Some(casebook::Condition::Version(version)))?;
                        desk.patch(&USER, &user, input)?
                    }
                    None => {
                        let given = desk.check(&USER, input, None)?;
                        desk.create_checked(&USER, given, Vec::new())?
                    }
                };
                match teams {
                    Some(teams) => join_teams(desk, user.id, &teams),
                    None => Ok(()),
                }
            });
            put.map_err(|failure| match holder(desk, failure, email.as_deref()) {
                Ok(failure) => numbered(desk, failure),
                Err(failure) => failure,
            })
        })
    }

    /// Adds a person to a case in a role, with a note on the case if there is something to say.
    ///
    /// # Errors
    /// `Denied`, `Unknown`, `Invalid`.
    pub fn add_person_to_case(
        &self,
        caller: &Caller,
        (case, person): (RecordId, RecordId),
        member: Value,
        note: Option<String>,
    ) -> Outcome<Written> {
        self.write(caller, "member.add", None, move |desk| {
            let known = desk.find(&CASE, &case.to_string())?;
            let mut members: Vec<Value> = known.members("entities").into_iter().cloned().collect();
            let role = member.get("role");
            let is_there = members.iter().any(|other| {
                other.get("entity_id").and_then(Value::as_id) == Some(person) && other.get("role") == role
            });
            if !is_there {
                members.push(member);
            }
            desk.patch(
                &CASE,
                &known,
                Fields::from([("entities".to_owned(), Value::List(members))]),
            )?;
            let Some(note) = note else { return Ok(()) };
            let note = Fields::from([
                ("record_id".to_owned(), Value::Text(case.to_string())),
                ("text".to_owned(), Value::Text(note)),
            ]);
            desk.create(&NOTE, note).map(drop)
        })
    }
}

/// An address is unique over the whole appliance; who has it is told within the caller's agency alone.
fn holder(desk: &mut Desk<'_, '_, '_>, failure: Failure, email: Option<&str>) -> Outcome<Failure> {
    let (Failure::Conflict(Clash::Duplicate, text, mut about), Some(email)) = (failure.clone(), email) else {
        return Ok(failure);
    };
    let (caller, rows) = (desk.caller(), desk.session().rows());
    let field = USER.field("email").ok_or(Failure::Unknown("user"))?;
    let id = records::by_name(rows, "", &USER, field, &email.trim().to_lowercase())?;
    if let Some(user) = id.map(|id| records::get(rows, id)).transpose()?.flatten()
        && find::may_read(rows, caller, &user)?
    {
        about.insert("existing".to_owned(), Value::Id(user.id));
    }
    Ok(Failure::Conflict(Clash::Duplicate, text, about))
}

/// The user is in these teams and in no others.
fn join_teams(desk: &mut Desk<'_, '_, '_>, user: RecordId, teams: &[RecordId]) -> Outcome<()> {
    let mut all = records::linked(desk.session().rows(), user, (TEAM.name, "members"))?;
    all.extend(teams);
    all.sort_unstable();
    all.dedup();
    for id in all {
        let team = desk.find(&TEAM, &id.to_string())?;
        let mut members: Vec<Value> = team.members("members").into_iter().cloned().collect();
        let is_in = members.contains(&Value::Id(user));
        match (is_in, teams.contains(&id)) {
            (false, true) => members.push(Value::Id(user)),
            (true, false) => members.retain(|member| *member != Value::Id(user)),
            _ => continue,
        }
        let fields = Fields::from([("members".to_owned(), Value::List(members))]);
        desk.patch(&TEAM, &team, fields)?;
    }
    Ok(())
}

/// The desk takes back what it refuses, so the person may be written first and compared as it is. Of one that is changed only
/// what is new may make it another's.
pub(super) fn refuse_duplicates(
    desk: &mut Desk<'_, '_, '_>,
    before: Option<&Record>,
    made: &Record,
) -> Outcome<()> {
    let Some(mut person) = Person::of(made) else {
        return Ok(());
    };
    if let Some(before) = before.and_then(Person::of) {
        let same = |a: &str, b: &str| a.to_lowercase() == b.to_lowercase();
        if words::birth(&before) == words::birth(&person) {
            person.dob.clear();
        }
        if same(&before.licence, &person.licence) {
            person.licence.clear();
        }
        if same(&before.business, &person.business) {
            person.business.clear();
        }
    }
    let caller = desk.caller();
    let rows = desk.session().rows();
    let others: Vec<RecordId> = same(rows, caller, &person)?
        .into_iter()
        .filter(|id| *id != made.id)
        .collect();
    if others.is_empty() {
        return Ok(());
    }
    let mut existing = Vec::new();
    for id in others {
        let number = ordinals::of(rows, id)?.and_then(|number| i64::try_from(number).ok());
        existing.extend(number.map(Value::Int));
    }
    let text =
        "a person with the same driver's licence, business name, or name and day of birth is there already";
    let meta = Fields::from([
        ("error".to_owned(), Value::text("duplicate_person")),
        ("existing".to_owned(), Value::List(existing)),
    ]);
    Err(Failure::Conflict(Clash::Duplicate, text.into(), meta))
}

/// The persons of the caller's agency who may be this one, and whom the caller may read.
fn same(rows: &impl Read, caller: &Caller, person: &Person) -> Outcome<Vec<RecordId>> {
    let known = |list, word: &str| match word.is_empty() {
        true => Ok(Vec::new()),
        false => words::records(rows, caller.tenant(), list, &word.to_lowercase()),
    };
    let mut found = known(List::Licences, &person.licence)?;
    found.extend(known(List::Businesses, &person.business)?);
    if let Some(birth) = words::birth(person) {
        found.extend(known(List::Births, &birth)?);
    }
    found.sort_unstable();
    found.dedup();
    let mut readable = Vec::new();
    for id in found {
        if let Some(record) = records::get(rows, id)?
            && find::may_read(rows, caller, &record)?
        {
            readable.push(id);
        }
    }
    Ok(readable)
}

impl Room<'_> {
    /// At most ten persons whose last name or e-mail address begins so.
    ///
    /// # Errors
    /// `Denied` without the scope; the store failed.
    pub fn people_beginning(&self, start: &str) -> Outcome<Vec<Record>> {
        let mut ids = Vec::new();
        let start = start.trim().to_lowercase();
        for list in [List::LastNames, List::Emails] {
            words::beginning(&self.rows, self.caller.tenant(), list, &start, &mut |id| {
                ids.push(id);
                ids.len() < TYPEAHEAD_MAX * TYPEAHEAD_MAX
            })?;
        }
        let mut people: Vec<Record> = Vec::new();
        for id in ids {
            if people.len() < TYPEAHEAD_MAX && people.iter().all(|known| known.id != id) {
                people.extend(self.seen(&ENTITY, id)?);
            }
        }
        Ok(people)
    }

    /// Whether a person has this e-mail address.
    ///
    /// # Errors
    /// The disk failed.
    pub fn is_email_in_use(&self, email: &str) -> Outcome<bool> {
        let email = email.trim().to_lowercase();
        for id in words::records(&self.rows, self.caller.tenant(), List::Emails, &email)? {
            if self.seen(&ENTITY, id)?.is_some() {
                return Ok(true);
            }
        }
        Ok(false)
    }
}
