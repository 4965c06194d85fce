//! What a caller may do, one verb a file. Policy is judged here, never in a lane. This file is what all services stand on: the
//! store, the write path with its idempotency and audit, reads of snapshots.

/// Credential → caller, the only door.
pub mod access;
/// Entries of the audit log: written, counted, read.
pub mod audit;
/// Who asks.
pub mod caller;
/// Records of any kind: make, change, read, list.
pub mod casebook;
/// What records need beyond the tables of their kinds.
pub mod casework;
/// What a court asks for: records expunged, operations proved.
pub mod court;
/// Who has an item of evidence, and how it came to them.
pub mod custody;
/// The narrated cases of the demo and their drawn pictures.
pub mod demo;
/// What a service does while it holds the write thread.
pub mod desk;
/// The feed of what happened, for those who listen.
pub mod events;
/// What leaves the house: bundles of cases, records changed since.
pub mod export;
/// The few kinds of failure that every lane renders.
pub mod failure;
/// Files of evidence and reports: taken in, described, attached, given out.
pub mod files;
/// Finds records for a caller.
pub mod find;
/// Pictures: recognised by content, capture metadata, thumbnails, evidence labels.
pub mod images;
/// Rows of CSV and JSON files turned into records by a mapping.
pub mod import;
/// API keys: make, list, rotate, revoke.
pub mod keys;
/// Installations of this program.
pub mod nodes;
/// Users, sessions, agencies.
pub mod people;
/// Who may do what.
pub mod policy;
/// One record read, or much in one sitting.
pub mod reading;
/// Reports: filed, talked about, shown to who filed them, made into cases.
pub mod reports;
/// The evidence room, for clients of another maker's software.
pub mod safe;
/// One box over all records, and the follower that keeps its index.
pub mod search;
/// What a client gave → values of the shapes wanted, or every fault.
pub mod shape;
/// What a record says of others, as far as its reader may know of them.
mod sight;
/// Watchlists: what is held and what comes in, against what is looked for.
pub mod watch;

use std::collections::HashSet;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use crate::domain::id::{Hash, TenantId};
use crate::domain::kind;
use crate::domain::record::Record;
use crate::domain::time::{Clock, Millis};
use crate::domain::value::{Fields, Value};
use crate::services::audit::Event;
use crate::services::audit::tally::Tally;
use crate::services::caller::Caller;
use crate::services::desk::Desk;
use crate::services::failure::{Clash, Failure, Outcome};
use crate::services::files::Files;
use crate::services::files::room::Need;
use crate::services::people::{People, PeopleOptions};
use crate::services::reading::Memory;
use crate::services::reading::sitting::Work;
use crate::services::reports::ReportRules;
use crate::services::safe::{Safe, SafeOptions};
use crate::services::watch::{Limits, WatchOptions, Watching};
use crate::store::database::Snapshot;
use crate::store::disk::Disk;
use crate::store::handle::Store;
use crate::store::session::Session;
use crate::views::fold::fold;
use crate::views::local::{self, Answer};
use crate::views::records;

/// A request that its client may repeat: both are hashes, the first of credential and key, the second of what was asked.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct RequestKey {
    /// `SHA-256(credential ‖ Idempotency-Key)`.
    pub key: Hash,
    /// `SHA-256(method ‖ path ‖ body)`.
    pub body: Hash,
}

/// The records that a request made or changed, as it left them, in the order in which it touched them.
#[derive(Clone, Debug)]
pub struct Written {
    /// At least one.
    pub records: Vec<Arc<Record>>,
    /// They were written by an earlier request with the same key.
    pub replayed: bool,
}

impl Written {
    /// The first record: what a create made.
    pub fn first(&self) -> Outcome<&Record> {
        self.records
            .first()
            .map(Arc::as_ref)
            .ok_or_else(|| Failure::Internal("a write touched no record".into()))
    }
}

/// All services share this. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Services {
    // Before the store: its thread ends first.
    tally: Arc<Tally>,
    people: Arc<People>,
    memory: Arc<Memory>,
    safe: Arc<Safe>,
    store: Arc<Store>,
    files: Files,
    clock: Arc<dyn Clock>,
    report_rules: Arc<ReportRules>,
    watching: Arc<Watching>,
    work: Arc<Work>,
    /// Held while what is left of expunged records is destroyed: seconds, or as long as new rows take.
    erasing: Arc<Mutex<()>>,
}

/// Memory for records as they are shown, if nobody says how much.
const SHOWN_BYTES_MAX: usize = 16 << 20;

impl Services {
    /// Over an open store and its files.
    pub fn new(store: Arc<Store>, files: Files, clock: Arc<dyn Clock>) -> Self {
        Self {
            tally: Arc::new(Tally::start(&store)),
            people: Arc::new(People::new(PeopleOptions::default())),
            memory: Arc::new(Memory::new(&store, SHOWN_BYTES_MAX)),
            safe: Arc::new(Safe::new(&store, SafeOptions::default())),
            store,
            files,
            clock,
            report_rules: Arc::default(),
            watching: Arc::default(),
            work: Arc::default(),
            erasing: Arc::default(),
        }
    }

    /// The same with the agency's rules of reports.
    #[must_use]
    pub fn with_report_rules(mut self, rules: ReportRules) -> Self {
        self.report_rules = Arc::new(rules);
        self
    }

    /// The same with other bounds of watchlists. To be said before the first request.
    #[must_use]
    pub fn with_watchlists(mut self, options: WatchOptions) -> Self {
        self.watching = Arc::new(Watching::new(options));
        self
    }

    /// The same with other rules for people: sessions, lockout, passwords. To be said once, before the first request.
    #[must_use]
    pub fn with_people(mut self, options: PeopleOptions) -> Self {
        self.people = Arc::new(People::new(options));
        self
    }

    /// The same with another bound of the memory for records as they are shown. To be said before the first request.
    #[must_use]
    pub fn with_memory(mut self, shown_bytes_max: usize) -> Self {
        self.memory = Arc::new(Memory::new(&self.store, shown_bytes_max));
        self
    }

    /// The same with sessions and last uses that are kept in this file. To be said once, after the rules for people.
    #[must_use]
    pub fn with_sessions_kept_in(mut self, disk: Arc<dyn Disk>, path: PathBuf) -> Self {
        let people = People::new(self.people.options.clone());
        self.people = Arc::new(people.kept_in(disk, path));
        self
    }

    /// The same with other rules of the evidence room. To be said once, before the first request.
    #[must_use]
    pub fn with_safe(mut self, options: SafeOptions) -> Self {
        self.safe = Arc::new(Safe::new(&self.store, options));
        self
    }

    pub(crate) fn safe(&self) -> &Safe {
        &self.safe
    }

    /// The rules of the evidence room.
    pub fn safe_options(&self) -> SafeOptions {
        self.safe.options
    }

    pub(crate) fn tally(&self) -> &Tally {
        &self.tally
    }

    pub(crate) fn people(&self) -> &People {
        &self.people
    }

    /// The agency in whose audit log strangers stand.
    pub fn home(&self) -> &TenantId {
        &self.people.options.home
    }

    /// The store.
    pub fn store(&self) -> &Arc<Store> {
        &self.store
    }

    /// The files.
    pub fn files(&self) -> &Files {
        &self.files
    }

    /// The wall time.
    pub fn now(&self) -> Millis {
        self.clock.now()
    }

    /// How much was read for those who asked.
    pub fn work(&self) -> &Work {
        &self.work
    }

    /// The records as of now.
    ///
    /// # Errors
    /// The disk failed.
    pub fn snapshot(&self) -> Outcome<Snapshot> {
        Ok(self.store.snapshot()?)
    }

    /// Runs a change at the desk, whole or not at all, and audits it under `verb`. A repeated request is answered with what
    /// the first one left. A refusal for lack of rights is audited too.
    ///
    /// # Errors
    /// What `change` refuses with; `Conflict` if the key was used for another request; `Full` when the disk is low.
    pub fn write(
        &self,
        caller: &Caller,
        verb: &'static str,
        request: Option<RequestKey>,
        change: impl FnOnce(&mut Desk<'_, '_, '_>) -> Outcome<()> + Send + 'static,
    ) -> Outcome<Written> {
        self.files.room().demand(Need::Text)?;
        let (at_desk, limits) = (caller.clone(), self.watching.options.limits);
        let decided = self
            .store
            .write(move |session| at_the_desk(session, (&at_desk, limits), verb, request, change));
        self.conclude(caller, Decided { verb, decided })
    }

    /// The same without waiting: `tell` is called once it is decided and durable, on the write thread, so it must not wait
    /// either. What it is told goes to [`Services::conclude`]. It is dropped uncalled if the store stops.
    ///
    /// # Errors
    /// `Full` when the disk is low; `Busy` when too many wait.
    pub fn submit(
        &self,
        caller: &Caller,
        verb: &'static str,
        request: Option<RequestKey>,
        change: impl FnOnce(&mut Desk<'_, '_, '_>) -> Outcome<()> + Send + 'static,
        tell: impl FnOnce(Decided) + Send + 'static,
    ) -> Outcome<()> {
        self.files.room().demand(Need::Text)?;
        let (at_desk, limits) = (caller.clone(), self.watching.options.limits);
        let decide = move |session: &mut Session<'_, '_>| {
            at_the_desk(session, (&at_desk, limits), verb, request, change)
        };
        let tell = move |decided| tell(Decided { verb, decided });
        Ok(self.store.submit(decide, tell)?)
    }

    /// What a decision means for the caller who asked. It waits for the disk unless the decision [is plain](Decided::is_plain).
    ///
    /// # Errors
    /// What was decided; the disk failed.
    pub fn conclude(&self, caller: &Caller, decided: Decided) -> Outcome<Written> {
        match decided.decided {
            Ok(Done::Now(records)) => {
                let records = match records.iter().any(|record| sight::names_any(record)) {
                    true => seen_by(&self.snapshot()?, caller, records)?,
                    false => records,
                };
                Ok(Written {
                    records,
                    replayed: false,
                })
            }
            Ok(Done::Before(answer)) => {
                let rows = self.snapshot()?;
                let records = self.replayed(&rows, caller, &answer)?;
                Ok(Written {
                    records: seen_by(&rows, caller, records)?,
                    replayed: true,
                })
            }
            Err(Failure::Stale(record)) => {
                let rows = self.snapshot()?;
                let record = sight::of_record(*record, &mut sight::of(&rows, caller))?;
                Err(Failure::Stale(Box::new(record)))
            }
            Err(failure) => {
                self.note_denial(caller, decided.verb, &failure)?;
                Err(failure)
            }
        }
    }

    /// Whether a request of this key was answered before.
    ///
    /// # Errors
    /// The disk failed.
    pub(crate) fn is_answered(&self, request: Option<RequestKey>) -> Outcome<bool> {
        let Some(request) = request else { return Ok(false) };
        Ok(local::answer(&self.snapshot()?, request.key)?.is_some())
    }

    /// The records as the operations of an answered request left them, for one who may still read them.
    fn replayed(&self, rows: &Snapshot, caller: &Caller, answer: &Answer) -> Outcome<Vec<Arc<Record>>> {
        let last = answer.first.seq + u64::from(answer.operations) - 1;
        let (mut touched, mut records) = (HashSet::new(), Vec::new());
        for seq in answer.first.seq..=last {
            let operation = self.store.own_operation(rows, answer.first.log, seq)?;
            let operation =
                operation.ok_or_else(|| Failure::Internal("an answered operation is gone".into()))?;
            let (id, kind) = (operation.header.record, operation.header.kind);
            if touched.insert(id) {
                let record = match records::get(rows, id)? {
                    Some(now) if find::may_read(rows, caller, &now)? => {
                        self.as_of(rows, now, answer, last)?
                    }
                    _ => {
                        let kind = kind::kind(&kind).map_or("record", |kind| kind.name);
                        return Err(Failure::Unknown(kind));
                    }
                };
                records.push(Arc::new(record));
            }
        }
        Ok(records)
    }

    /// A record as it was after an operation of an own log: of other logs what had arrived by then is folded too.
    fn as_of(&self, rows: &Snapshot, now: Record, answer: &Answer, last: u64) -> Outcome<Record> {
        if now.heads.get(&answer.first.log).is_none_or(|head| *head <= last) {
            return Ok(now);
        }
        let mut record = None;
        for (log, seq) in records::history(rows, now.id)? {
            let Some(operation) = self.store.operation(rows, log, seq)? else {
                continue;
            };
            if operation.header.id.log != answer.first.log || operation.header.id.seq <= last {
                record = Some(fold(record, &operation));
            }
        }
        record.ok_or_else(|| Failure::Internal("a record without a history".into()))
    }
}

/// What was written, as who wrote it may see it.
fn seen_by(rows: &Snapshot, caller: &Caller, records: Vec<Arc<Record>>) -> Outcome<Vec<Arc<Record>>> {
    let mut sees = sight::of(rows, caller);
    records
        .into_iter()
        .map(|record| sight::of_shared(record, &mut sees))
        .collect()
}

/// What the write thread made of a request.
#[derive(Debug)]
pub struct Decided {
    verb: &'static str,
    decided: Outcome<Done>,
}

impl Decided {
    /// It was granted, for the first time: all that is to be answered is here.
    pub fn is_plain(&self) -> bool {
        matches!(self.decided, Ok(Done::Now(_)))
    }
}

#[derive(Debug)]
enum Done {
    Now(Vec<Arc<Record>>),
    Before(Answer),
}

fn at_the_desk(
    session: &mut Session<'_, '_>,
    (caller, limits): (&Caller, Limits),
    verb: &'static str,
    request: Option<RequestKey>,
    change: impl FnOnce(&mut Desk<'_, '_, '_>) -> Outcome<()>,
) -> Outcome<Done> {
    if let Some(request) = request {
        if let Some(answer) = local::answer(session.rows(), request.key)? {
            let answer = replay_of(&answer, request)?;
            audit::note(session, caller, Event::refused(verb, "replayed", None))?;
            return Ok(Done::Before(answer));
        }
        session.answers(request.key, request.body);
    }
    let mut desk = Desk::new(session, caller, limits);
    change(&mut desk)?;
    caller.refuse_faulty()?;
    let records = desk.touched();
    let about = records.first().map(|record| record.id);
    audit::note(session, caller, Event::done(verb, about))?;
    Ok(Done::Now(records))
}

fn replay_of(answer: &Answer, request: RequestKey) -> Outcome<Answer> {
    if answer.operations == 0 {
        // What was asked is not known any more either.
        return Err(Failure::Unknown(
            "record: what this Idempotency-Key made was expunged",
        ));
    }
    if answer.body == request.body {
        return Ok(*answer);
    }
    let text = "this Idempotency-Key was used for another request".to_owned();
    let before = Fields::from([("used_at".to_owned(), Value::Time(answer.at))]);
    Err(Failure::Conflict(Clash::Idempotency, text, before))
}
