//! Records of any kind: make, change, list. What a kind needs beyond its table stands in a service of its own.

use std::borrow::Cow;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::domain::custody::chain::Chain;
use crate::domain::id::RecordId;
use crate::domain::kind::{ALERT, EVIDENCE, Kind, NOTE, REPORT};
use crate::domain::record::Record;
use crate::domain::time::Millis;
use crate::domain::value::{Fields, Value};
use crate::services::caller::{Caller, Role};
use crate::services::desk::Desk;
use crate::services::failure::{Failure, Outcome};
use crate::services::find;
use crate::services::policy::{self, Deed};
use crate::services::reading::sitting::Sitting;
use crate::services::{Decided, RequestKey, Services, Written};
use crate::store::database::{Direction, Read};
use crate::views::index::Order;
use crate::views::records::{self, PageKey};

/// Which records of a kind, and in what order.
#[derive(Clone, Debug)]
pub struct Listing {
    /// The order.
    pub order: Order,
    /// Upwards or downwards.
    pub way: Direction,
    /// Only those changed after this.
    pub updated_after: Option<Millis>,
    /// Only those whose fields say this.
    pub equal: Vec<(String, Value)>,
    /// Only those that name this record in the field of their kind that says to whom they belong.
    pub parent: Option<(&'static str, RecordId)>,
    /// Only these.
    pub among: Option<Vec<RecordId>>,
    /// Only those whose `location` lies here.
    pub within: Option<Area>,
    /// Where the last page ended.
    pub after: Option<PageKey>,
    /// As many at most.
    pub limit: usize,
}

impl Default for Listing {
    fn default() -> Self {
        Self {
            order: Order::Created,
            way: Direction::Up,
            updated_after: None,
            equal: Vec::new(),
            parent: None,
            among: None,
            within: None,
            after: None,
            limit: 50,
        }
    }
}

/// A box on the map, in degrees of WGS 84. One whose west is greater than its east reaches over the date line.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Area {
    /// Its least longitude.
    pub west: f64,
    /// Its least latitude.
    pub south: f64,
    /// Its greatest longitude.
    pub east: f64,
    /// Its greatest latitude.
    pub north: f64,
}

impl Area {
    /// Reads `west,south,east,north`.
    pub fn parse(text: &str) -> Option<Self> {
        let numbers: Option<Vec<f64>> = text.split(',').map(|part| part.trim().parse().ok()).collect();
        let [west, south, east, north] = <[f64; 4]>::try_from(numbers?).ok()?;
        let longitudes = [west, east].iter().all(|x| (-180.0..=180.0).contains(x));
        let latitudes = [south, north].iter().all(|y| (-90.0..=90.0).contains(y));
        (longitudes && latitudes && south <= north).then_some(Self {
            west,
            south,
            east,
            north,
        })
    }

    fn holds(&self, location: &Value) -> bool {
        let number = |name: &str| location.get(name).and_then(Value::as_float);
        let (Some(x), Some(y)) = (number("x"), number("y")) else {
            return false;
        };
        let across = if self.west <= self.east {
            (self.west..=self.east).contains(&x)
        } else {
            x >= self.west || x <= self.east
        };
        across && (self.south..=self.north).contains(&y)
    }
}

/// A part of a list.
#[derive(Clone, Debug)]
pub struct Page {
    /// The records.
    pub records: Vec<Arc<Record>>,
    /// The place of each.
    pub places: Vec<PageKey>,
    /// Where the next page begins; `None` at the end.
    pub next: Option<PageKey>,
    /// How many records the whole list has, where that is known without reading them.
    pub total: Option<u64>,
}

/// Rows looked at for one page, at most: a filter that nothing passes must not read a whole table in one request.
const ROWS_PER_PAGE_MAX: usize = 20_000;

impl Services {
    /// Makes a record.
    ///
    /// # Errors
    /// See [`Desk::create`].
    pub fn create(
        &self,
        caller: &Caller,
        kind: &'static Kind,
        input: Fields,
        request: Option<RequestKey>,
    ) -> Outcome<Written> {
        self.write(caller, "create", request, making(kind, input))
    }

    /// The same without waiting; see [`Services::submit`].
    ///
    /// # Errors
    /// Those of [`Services::submit`].
    pub fn submit_create(
        &self,
        caller: &Caller,
        kind: &'static Kind,
        input: Fields,
        request: Option<RequestKey>,
        tell: impl FnOnce(Decided) + Send + 'static,
    ) -> Outcome<()> {
        self.submit(caller, "create", request, making(kind, input), tell)
    }

    /// Changes a record. `condition` is what the caller said of its version.
    ///
    /// # Errors
    /// See [`Desk::patch`]; `Stale` or `Gone` if the condition does not hold.
    pub fn patch(
        &self,
        caller: &Caller,
        (kind, reference): (&'static Kind, &str),
        condition: Option<Condition>,
        input: Fields,
        request: Option<RequestKey>,
    ) -> Outcome<Written> {
        self.write(
            caller,
            "update",
            request,
            changing(kind, reference, condition, input),
        )
    }

    /// The same without waiting; see [`Services::submit`].
    ///
    /// # Errors
    /// Those of [`Services::submit`].
    pub fn submit_patch(
        &self,
        caller: &Caller,
        (kind, reference): (&'static Kind, &str),
        condition: Option<Condition>,
        input: Fields,
        request: Option<RequestKey>,
        tell: impl FnOnce(Decided) + Send + 'static,
    ) -> Outcome<()> {
        let change = changing(kind, reference, condition, input);
        self.submit(caller, "update", request, change, tell)
    }

    /// Makes a record, or changes the one that has this external id. Says whether this request made it.
    ///
    /// # Errors
    /// See [`Desk::create`] and [`Desk::patch`].
    pub fn put_external(
        &self,
        caller: &Caller,
        (kind, external_id): (&'static Kind, &str),
        condition: Option<Condition>,
        mut input: Fields,
        request: Option<RequestKey>,
    ) -> Outcome<(Written, bool)> {
        let external_id = external_id.to_owned();
        self.write_or_make(caller, request, move |desk| {
            let known = by_external_id(desk, kind, &external_id, &mut input)?;
            put(desk, kind, known.as_ref(), condition, input)?;
            Ok(known.is_none())
        })
    }

    /// Runs a change that says whether it made the record. Only the write thread can tell: of two requests at once it is
    /// one.
    pub(super) fn write_or_make(
        &self,
        caller: &Caller,
        request: Option<RequestKey>,
        change: impl FnOnce(&mut Desk<'_, '_, '_>) -> Outcome<bool> + Send + 'static,
    ) -> Outcome<(Written, bool)> {
        let made = Arc::new(AtomicBool::new(false));
        let said = Arc::clone(&made);
        let written = self.write(caller, "put", request, move |desk| {
            said.store(change(desk)?, Ordering::Relaxed);
            Ok(())
        })?;
        Ok((written, made.load(Ordering::Relaxed)))
    }

    /// Demands a scope; a denial is audited.
    ///
    /// # Errors
    /// `Denied`, naming the scope.
    pub fn demand(&self, caller: &Caller, verb: &'static str, scope: impl AsRef<str>) -> Outcome<()> {
        policy::demand(caller, scope.as_ref()).or_else(|failure| {
            self.note_denial(caller, verb, &failure)?;
            Err(failure)
        })
    }

    /// Lists records of a kind that the caller may read. Of reports only the live ones, unless the listing names a mode.
    ///
    /// # Errors
    /// `Denied`.
    pub fn list(&self, caller: &Caller, kind: &'static Kind, listing: &Listing) -> Outcome<Page> {
        self.demand(caller, "list", policy::scope_for(kind, Deed::Read))?;
        let sitting = Sitting::new(self, caller.clone());
        let page = sitting.list(kind, listing)?;
        sitting.note()?;
        Ok(page)
    }
}

/// Gives the record of an id if the caller may read it and it fits.
pub(super) type Give<'g> =
    &'g mut dyn FnMut(RecordId, &dyn Fn(&Record) -> bool) -> Outcome<Option<Arc<Record>>>;

/// A page of a list of a kind, of what `give` gives.
///
/// # Errors
/// Those of `give`; the disk failed.
pub(super) fn page_of(
    rows: &impl Read,
    caller: &Caller,
    kind: &'static Kind,
    listing: &Listing,
    give: Give<'_>,
) -> Outcome<Page> {
    let mut listing = Cow::Borrowed(listing);
    if kind.name == REPORT.name && !listing.equal.iter().any(|(field, _)| field == "mode") {
        let live = ("mode".to_owned(), Value::text("live"));
        listing.to_mut().equal.push(live);
    }
    let listing = &*listing;
    let mut page = Page {
        records: Vec::new(),
        places: Vec::new(),
        next: None,
        total: None,
    };
    let fits = |record: &Record| record.kind == kind.name && is_in(record, listing);
    let mut looked_at = 0_usize;
    let mut fault = None;
    let mut last = None;
    walk(rows, caller, kind, listing, &mut |key: &[u8], id: RecordId| {
        looked_at += 1;
        if page.records.len() == listing.limit || looked_at > ROWS_PER_PAGE_MAX {
            page.next = last.take();
            return false;
        }
        last = Some(key.to_vec());
        match give(id, &fits) {
            Ok(Some(record)) => {
                page.records.push(record);
                page.places.push(key.to_vec());
            }
            Ok(None) => {}
            Err(failure) => fault = Some(failure),
        }
        fault.is_none()
    })?;
    if let Some(failure) = fault {
        return Err(failure);
    }
    page.total = total(rows, caller, kind, listing, &page)?;
    Ok(page)
}

/// Walks what may be in a list, in its order.
fn walk(
    rows: &impl Read,
    caller: &Caller,
    kind: &'static Kind,
    listing: &Listing,
    visit: &mut dyn FnMut(&[u8], RecordId) -> bool,
) -> Outcome<()> {
    let (order, from) = ((listing.order, listing.way), listing.after.as_ref());
    match (&listing.among, listing.parent) {
        (Some(ids), _) => records::among(rows, ids, order, from, visit)?,
        (None, Some((field, parent))) if listing.order == Order::Updated => {
            // What names a record is found in the order in which it was made, so all of it is looked at.
            let ids = records::linked(rows, parent, (kind.name, field))?;
            records::among(rows, &ids, order, from, visit)?;
        }
        (None, Some((field, parent))) => {
            records::links(rows, parent, (kind.name, field), listing.way, from, visit)?;
        }
        (None, None) => records::list(rows, (caller.tenant(), kind), order, from, visit)?,
    }
    Ok(())
}

/// How many records a list has: counted if one page holds them all, else from the numbers that the views keep of whole
/// kinds. Those count what is there, so they are told only where the caller may read all of it.
fn total(
    rows: &impl Read,
    caller: &Caller,
    kind: &Kind,
    listing: &Listing,
    page: &Page,
) -> Outcome<Option<u64>> {
    if listing.after.is_none() && page.next.is_none() {
        return Ok(Some(page.records.len() as u64));
    }
    let narrowed = listing.updated_after.is_some()
        || listing.parent.is_some()
        || listing.among.is_some()
        || listing.within.is_some();
    let mode = match listing.equal.as_slice() {
        [] => "",
        [(field, Value::Text(mode))] if field == "mode" => mode,
        _ => return Ok(None),
    };
    // Notes, and alerts about notes, are not all told to whoever may read some.
    let by_subject = [NOTE.name, ALERT.name].contains(&kind.name);
    let reads_subjects = || policy::scopes_of(Role::Viewer).all(|scope| policy::has_scope(caller, scope));
    if by_subject && !reads_subjects() {
        return Ok(None);
    }
    let tenant = caller.tenant();
    if narrowed || !(policy::reads_all(caller) || records::closed_count(rows, tenant)? == 0) {
        return Ok(None);
    }
    Ok(Some(records::count(rows, (tenant, kind), mode)?))
}

/// Whether a record is one of those that were asked for.
fn is_in(record: &Record, listing: &Listing) -> bool {
    let late = listing
        .updated_after
        .is_none_or(|after| record.updated.hlc.millis() > after);
    let says = |(field, value): &(String, Value)| says(record, field, value);
    let within = listing.within.is_none_or(|area| {
        record
            .get("location")
            .is_some_and(|location| area.holds(location))
    });
    late && within && listing.equal.iter().all(says)
}

fn says(record: &Record, field: &str, value: &Value) -> bool {
    if record.kind == EVIDENCE.name && field == "status" {
        return value.as_text() == Some(Chain::of(record).now.state.as_str());
    }
    record.get(field) == Some(value) || record.members(field).contains(&value)
}

/// The record that has this external id, if there is one; what is given gets the id too.
///
/// # Errors
/// `Invalid` if the id is blank, or another one is given.
pub fn by_external_id(
    desk: &Desk<'_, '_, '_>,
    kind: &'static Kind,
    external_id: &str,
    input: &mut Fields,
) -> Outcome<Option<Record>> {
    // As it is kept, so that the same request finds what it made.
    let external_id = external_id.trim();
    if external_id.is_empty() {
        return Err(Failure::wrong("external_id", "an id that is not blank"));
    }
    let own = Value::text(external_id);
    match input.insert("external_id".to_owned(), own.clone()) {
        Some(given) if given != own && given != Value::Null => {
            return Err(Failure::wrong("data.external_id", "the same id as beside it"));
        }
        _ => {}
    }
    match desk.find(kind, &format!("{}{external_id}", find::EXTERNAL_PREFIX)) {
        Ok(record) => Ok(Some(record)),
        Err(Failure::Unknown(_)) => Ok(None),
        Err(failure) => Err(failure),
    }
}

fn making(
    kind: &'static Kind,
    input: Fields,
) -> impl FnOnce(&mut Desk<'_, '_, '_>) -> Outcome<()> + Send + 'static {
    move |desk| desk.create(kind, input).map(drop)
}

fn changing(
    kind: &'static Kind,
    reference: &str,
    condition: Option<Condition>,
    input: Fields,
) -> impl FnOnce(&mut Desk<'_, '_, '_>) -> Outcome<()> + Send + use<> {
    let reference = reference.to_owned();
    move |desk| {
        let record = desk.find(kind, &reference)?;
        refuse_stale(&record, condition)?;
        desk.patch(kind, &record, input).map(drop)
    }
}

/// What a client says of the record that it means to change or to make.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Condition {
    /// It is there, in whatever version.
    Any,
    /// It has this version still.
    Version(u64),
    /// It is not there yet.
    NoneYet,
}

/// Changes the record that is known, or makes one.
///
/// # Errors
/// See [`Desk::create`] and [`Desk::patch`]; `Stale` or `Gone` if the condition does not hold.
pub fn put(
    desk: &mut Desk<'_, '_, '_>,
    kind: &'static Kind,
    known: Option<&Record>,
    condition: Option<Condition>,
    input: Fields,
) -> Outcome<Arc<Record>> {
    refuse_stale(known, condition)?;
    match known {
        Some(record) => desk.patch(kind, record, input),
        None => desk.create(kind, input),
    }
}

/// What is there, or that nothing is, must be what the client said.
///
/// # Errors
/// `Stale`, with the record as it is; `Gone` where there is none.
pub fn refuse_stale<'r>(known: impl Into<Option<&'r Record>>, condition: Option<Condition>) -> Outcome<()> {
    match (known.into(), condition) {
        (_, None) | (Some(_), Some(Condition::Any)) | (None, Some(Condition::NoneYet)) => Ok(()),
        (Some(record), Some(Condition::Version(version))) if version == record.version => Ok(()),
        (Some(record), Some(_)) => Err(Failure::Stale(Box::new(record.clone()))),
        (None, Some(_)) => Err(Failure::Gone),
    }
}
