//! Agencies. The record of an agency lives in the agency itself: whoever asks from inside finds it, nobody else does, and no
//! agency stands above the others: the owner of the folder makes them, for whom all are there.

use crate::domain::id::TenantId;
use crate::domain::kind::{KINDS, TENANT, USER};
use crate::domain::operation::{Action, Change};
use crate::domain::record::Record;
use crate::domain::value::{Fields, Value};
use crate::services::audit::Event;
use crate::services::caller::{Caller, Identity};
use crate::services::desk::Desk;
use crate::services::failure::{Clash, Failure, Fault, Outcome};
use crate::services::people::users::take_password;
use crate::services::reports::categories::seed;
use crate::services::{Services, Written};
use crate::store::database::{Direction, Read};
use crate::views::index::Order;
use crate::views::records;

impl Services {
    /// Makes an agency and, if `administrator` is given (`email`, `name`, `password`), its first administrator.
    ///
    /// # Errors
    /// `Denied` for anybody but the owner of the folder: what is on the box is no agency's matter. `Invalid` with every fault,
    /// `Conflict` for a slug or an e-mail address that is taken.
    pub fn create_tenant(&self, caller: &Caller, input: Fields) -> Outcome<Written> {
        self.make_tenant(caller, input, |_| Ok(()))
    }

    /// The same with the first categories, so that it can take reports.
    ///
    /// # Errors
    /// See [`Services::create_tenant`].
    pub fn found_tenant(&self, caller: &Caller, input: Fields) -> Outcome<Written> {
        self.make_tenant(caller, input, seed)
    }

    fn make_tenant(
        &self,
        caller: &Caller,
        mut input: Fields,
        furnish: fn(&mut Desk<'_, '_, '_>) -> Outcome<()>,
    ) -> Outcome<Written> {
        if caller.identity() != Identity::Owner {
            let refused = Failure::Denied("only the owner of the folder makes agencies".into());
            self.note_denial(caller, "tenant.create", &refused)?;
            return Err(refused);
        }
        let slug = input.get("slug").and_then(Value::as_text).map(str::parse);
        let Some(Ok(slug)) = slug else {
            let form = "1 to 63 of a-z, 0-9 and -, not beginning or ending with -";
            return Err(Failure::wrong("data.slug", form));
        };
        let slug: TenantId = slug;
        let administrator = match input.remove("administrator") {
            None | Some(Value::Null) => None,
            Some(Value::Map(given)) => Some(self.administrator(given)?),
            Some(_) => return Err(Failure::wrong("data.administrator", "an object")),
        };
        let inside = Caller {
            tenant: slug.clone(),
            ..caller.clone()
        };
        let written = self.write(&inside, "tenant.create", None, move |desk| {
            refuse_inhabited(desk)?;
            let given = desk.check(&TENANT, input, None)?;
            desk.create_checked(&TENANT, given, Vec::new())?;
            if let Some((fields, hash)) = administrator {
                let given = desk.check(&USER, fields, None).map_err(inside_administrator)?;
                let set = Change::new("password_hash", Action::Set(Value::Text(hash)));
                desk.create_checked(&USER, given, vec![set])?;
            }
            furnish(desk)
        })?;
        let event = Event::done("tenant.create", None);
        self.note(caller, event.with("slug", Value::text(slug.as_str())))?;
        Ok(written)
    }

    /// What the caller's own agency is called: its short name, where it has no record.
    ///
    /// # Errors
    /// The disk failed.
    pub fn agency_name(&self, caller: &Caller) -> Outcome<String> {
        let (rows, slug) = (self.snapshot()?, caller.tenant().as_str());
        let id = match TENANT.field("slug") {
            Some(field) => records::by_name(&rows, "", &TENANT, field, slug)?,
            None => None,
        };
        let tenant = id.map(|id| records::get(&rows, id)).transpose()?.flatten();
        let name = tenant.as_ref().and_then(|tenant| tenant.text("name"));
        Ok(name.unwrap_or(slug).to_owned())
    }

    /// Every agency that has records here, with its own record if there is one: for the owner of the folder alone, who can
    /// read all of it anyway.
    ///
    /// # Errors
    /// `Denied` for anybody else.
    pub fn all_tenants(&self, caller: &Caller) -> Outcome<Vec<(TenantId, Option<Record>)>> {
        if caller.identity() != Identity::Owner {
            return Err(Failure::Denied(
                "only the owner of the folder sees all agencies".into(),
            ));
        }
        let rows = self.snapshot()?;
        let with_record = |tenant: TenantId| {
            let record = record_of(&rows, &tenant)?;
            Ok((tenant, record))
        };
        records::tenants(&rows)?.into_iter().map(with_record).collect()
    }

    fn administrator(&self, mut given: Fields) -> Outcome<(Fields, String)> {
        const PATH: &str = "data.administrator.password";
        let password = take_password(&mut given).map_err(inside_administrator)?;
        let password = password.ok_or_else(|| Failure::Invalid(vec![Fault::missing(PATH, "text")]))?;
        if let Some(fault) = self.people().fault(&password, PATH) {
            return Err(Failure::Invalid(vec![fault]));
        }
        given.insert("role".to_owned(), Value::text("administrator"));
        Ok((given, self.people().passwords.hash(&password)?))
    }
}

fn inside_administrator(failure: Failure) -> Failure {
    let inside = |fault: Fault| Fault {
        path: fault.path.replacen("data.", "data.administrator.", 1),
        ..fault
    };
    match failure {
        Failure::Invalid(faults) => Failure::Invalid(faults.into_iter().map(inside).collect()),
        failure => failure,
    }
}

/// Refuses an agency the number of another one: clients of the evidence room are told apart by it.
///
/// # Errors
/// `Conflict`, without a word of whose it is.
pub(super) fn refuse_shared_number(rows: &impl Read, before: Option<&Record>, after: &Record) -> Outcome<()> {
    const NUMBER: &str = "organization_id";
    let number = after.get(NUMBER);
    if number.is_none() || number == before.and_then(|before| before.get(NUMBER)) {
        return Ok(());
    }
    for tenant in records::tenants(rows)? {
        let own = record_of(rows, &tenant)?.filter(|own| own.id != after.id);
        if own.is_some_and(|own| own.get(NUMBER) == number) {
            return Err(Failure::taken(&[(TENANT.name, NUMBER, None)]));
        }
    }
    Ok(())
}

/// The record of an agency, if there is one.
fn record_of(rows: &impl Read, tenant: &TenantId) -> Outcome<Option<Record>> {
    let mut record = None;
    let (list, order) = ((tenant, &TENANT), (Order::Created, Direction::Up));
    records::list(rows, list, order, None, &mut |_, id| {
        record = Some(id);
        false
    })?;
    Ok(record.map(|id| records::get(rows, id)).transpose()?.flatten())
}

/// A name under which records lie already belongs to somebody, with or without a record of the agency.
fn refuse_inhabited(desk: &mut Desk<'_, '_, '_>) -> Outcome<()> {
    let caller = desk.caller();
    for kind in KINDS {
        let mut found = false;
        let order = (Order::Created, Direction::Up);
        let list = (caller.tenant(), kind);
        records::list(desk.session().rows(), list, order, None, &mut |_, _| {
            found = true;
            false
        })?;
        if found {
            let text = "another tenant has this slug".to_owned();
            return Err(Failure::Conflict(Clash::Duplicate, text, Fields::new()));
        }
    }
    Ok(())
}
