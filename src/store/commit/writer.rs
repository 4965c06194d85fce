//! The one write thread. Requests hand it a closure and wait; it runs what waits against the open rows, appends one group to
//! the journal, syncs once, makes the rows visible, and answers. The running sync is the window in which the next group
//! gathers; there is no timer. The thread owns the journal, the logs and the right to change rows; nobody else has them.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TryRecvError, TrySendError, sync_channel};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use redb::Durability;

use crate::domain::time::Clock;
use crate::store::commit::logs::Logs;
use crate::store::commit::{reopen, replay};
use crate::store::database::{Database, Rows};
use crate::store::disk::Disk;
use crate::store::error::StoreError;
use crate::store::journal::{Entry, Journal, Position};
use crate::store::session::{Encoded, Fold, Session};

/// How the write thread paces itself.
#[derive(Clone, Copy, Debug)]
pub struct WriterOptions {
    /// Requests in one group, at most.
    pub group_requests_max: usize,
    /// Requests that wait, at most; further ones wait to wait.
    pub queue_requests_max: usize,
    /// How long rows may be ahead of their last durable checkpoint.
    pub checkpoint_every: Duration,
    /// By how many bytes of operations they may be ahead of it.
    pub checkpoint_bytes: u64,
    /// How long a request that nobody waits for may ride alone.
    pub linger: Duration,
    /// Space that is never used up: with less free, writes are refused and no checkpoint is made, so that the next start
    /// has what it needs.
    pub reserve_bytes: u64,
}

impl Default for WriterOptions {
    fn default() -> Self {
        Self {
            group_requests_max: 512,
            queue_requests_max: 4096,
            checkpoint_every: Duration::from_secs(2),
            checkpoint_bytes: 8 << 20,
            linger: Duration::from_millis(100),
            reserve_bytes: 32 << 20,
        }
    }
}

type Finish = Box<dyn FnOnce(Result<(), StoreError>) + Send>;
type Job = Box<dyn FnOnce(&mut Session<'_, '_>) -> (bool, Finish) + Send>;
type Errand = Box<dyn FnOnce(&mut WriteThread) + Send>;

enum Message {
    /// Somebody waits.
    Now(Job),
    /// Nobody waits: it rides with the next group, or alone after the linger time.
    Soon(Job),
    /// To be run between two groups.
    Errand(Errand),
    Stop,
}

/// What follows a group.
enum Next {
    Group,
    Errand(Errand),
    Stop,
}

/// How far the journal is durable and folded, and whether the thread has failed.
#[derive(Debug, Default)]
pub(in crate::store) struct Progress {
    /// Held for the moment of a read or a write of the two words.
    state: Mutex<(Position, bool)>,
    changed: Condvar,
    /// Since when the thread has been at one step. Held for the moment of a read or a write.
    busy: Mutex<Option<Instant>>,
}

impl Progress {
    fn state(&self) -> std::sync::MutexGuard<'_, (Position, bool)> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(in crate::store) fn reached(&self, end: Position) {
        self.state().0 = end;
        self.changed.notify_all();
    }

    fn fail(&self) {
        self.state().1 = true;
        self.changed.notify_all();
    }

    pub(in crate::store) fn end(&self) -> Position {
        self.state().0
    }

    pub(in crate::store) fn has_failed(&self) -> bool {
        self.state().1
    }

    /// The thread is at a step as long as this lives.
    fn step(&self) -> Step<'_> {
        *self.busy.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
        Step(self)
    }

    /// How long the thread has been at its present step; nothing while it waits for requests.
    pub(in crate::store) fn busy_for(&self) -> Duration {
        let since = *self.busy.lock().unwrap_or_else(PoisonError::into_inner);
        since.map_or(Duration::ZERO, |since| since.elapsed())
    }

    /// Waits until the end is beyond `position`, the thread has failed, or the time is over.
    pub(in crate::store) fn wait_beyond(&self, position: Position, timeout: Duration) -> Position {
        let waiting = |state: &mut (Position, bool)| state.0 <= position && !state.1;
        let guard = self.changed.wait_timeout_while(self.state(), timeout, waiting);
        guard.unwrap_or_else(PoisonError::into_inner).0.0
    }
}

/// A group, a checkpoint or an errand of the thread.
struct Step<'p>(&'p Progress);

impl Drop for Step<'_> {
    fn drop(&mut self) {
        *self.0.busy.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}

/// The handle by which requests reach the write thread.
#[derive(Debug)]
pub(in crate::store) struct Writer {
    jobs: SyncSender<Message>,
    thread: Mutex<Option<JoinHandle<()>>>,
    /// The last request that nobody waited for could not be written.
    soon_failed: Arc<AtomicBool>,
}

impl Writer {
    pub(in crate::store) fn start(thread: WriteThread) -> Result<Self, StoreError> {
        let (jobs, waiting) = sync_channel(thread.options.queue_requests_max);
        let builder = std::thread::Builder::new().name("blotter-writer".into());
        let handle = builder.spawn(move || thread.run(&waiting))?;
        Ok(Self {
            jobs,
            thread: Mutex::new(Some(handle)),
            soon_failed: Arc::default(),
        })
    }

    pub(in crate::store) fn write<T, E>(
        &self,
        decide: impl FnOnce(&mut Session<'_, '_>) -> Result<T, E> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        let (answer, answered) = sync_channel(1);
        let job = job_of(decide, move |outcome| drop(answer.send(outcome)));
        self.jobs
            .send(Message::Now(job))
            .map_err(|_| E::from(StoreError::Stopped))?;
        answered
            .recv()
            .unwrap_or_else(|_| Err(E::from(StoreError::Stopped)))
    }

    /// The same without waiting: `tell` is called on the write thread once the outcome is known, unless that thread ends.
    pub(in crate::store) fn submit<T, E>(
        &self,
        decide: impl FnOnce(&mut Session<'_, '_>) -> Result<T, E> + Send + 'static,
        tell: impl FnOnce(Result<T, E>) + Send + 'static,
    ) -> Result<(), StoreError>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        let sent = self.jobs.try_send(Message::Now(job_of(decide, tell)));
        sent.map_err(|error| match error {
            TrySendError::Full(_) => StoreError::Busy,
            TrySendError::Disconnected(_) => StoreError::Stopped,
        })
    }

    pub(in crate::store) fn write_soon(
        &self,
        decide: impl FnOnce(&mut Session<'_, '_>) -> Result<(), StoreError> + Send + 'static,
    ) -> Result<(), StoreError> {
        let failed = Arc::clone(&self.soon_failed);
        let job: Job = Box::new(move |session| {
            let granted = matches!(guarded(|| decide(session)), Some(Ok(())));
            let tell = move |outcome: Result<(), StoreError>| {
                failed.store(!granted || outcome.is_err(), Ordering::Release);
            };
            (granted, Box::new(tell))
        });
        self.jobs
            .send(Message::Soon(job))
            .map_err(|_| StoreError::Stopped)
    }

    /// Has the write thread do something between two groups; it is not waited for.
    pub(in crate::store) fn run_between_groups(
        &self,
        errand: impl FnOnce(&mut WriteThread) + Send + 'static,
    ) -> Result<(), StoreError> {
        self.jobs
            .send(Message::Errand(Box::new(errand)))
            .map_err(|_| StoreError::Stopped)
    }

    pub(in crate::store) fn soon_failed(&self) -> bool {
        self.soon_failed.load(Ordering::Acquire)
    }

    /// Writes what waits, makes the rows durable, and ends the thread.
    pub(in crate::store) fn stop(&self) {
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(thread) = thread {
            drop(self.jobs.send(Message::Stop));
            drop(thread.join());
        }
    }
}

/// A request as the thread runs it: what it decides goes into the group, and its outcome is told when the group is durable.
fn job_of<T, E>(
    decide: impl FnOnce(&mut Session<'_, '_>) -> Result<T, E> + Send + 'static,
    tell: impl FnOnce(Result<T, E>) + Send + 'static,
) -> Job
where
    T: Send + 'static,
    E: From<StoreError> + Send + 'static,
{
    Box::new(move |session| match guarded(|| decide(session)) {
        Some(Ok(value)) => {
            let finish =
                move |outcome: Result<(), StoreError>| tell(outcome.map(|()| value).map_err(E::from));
            (true, Box::new(finish))
        }
        Some(Err(error)) => (false, Box::new(move |_| tell(Err(error)))),
        None => (false, Box::new(move |_| tell(Err(E::from(StoreError::Panicked))))),
    })
}

/// `None` if it panicked. The panic hook has told the cause.
fn guarded<T>(step: impl FnOnce() -> T) -> Option<T> {
    catch_unwind(AssertUnwindSafe(step)).ok()
}

/// No more is gathered into one group than this and one request: a journal's group has a limit.
const GROUP_BYTES_MAX: u64 = 64 << 20;

/// Why a group was not kept.
enum Failed {
    /// Nothing of it is there, and the next one may succeed.
    Refused(StoreError),
    /// Nobody knows any more what rows and journal have in common: only a new start finds out.
    Ended(StoreError),
}

impl From<StoreError> for Failed {
    fn from(error: StoreError) -> Self {
        Self::Ended(error)
    }
}

/// What the thread owns.
pub(in crate::store) struct WriteThread {
    pub(in crate::store) disk: Arc<dyn Disk>,
    pub(in crate::store) dir: PathBuf,
    pub(in crate::store) journal: Journal,
    pub(in crate::store) entry_bytes_max: u64,
    pub(in crate::store) logs: Logs,
    pub(in crate::store) database: Arc<Database>,
    pub(in crate::store) fold: Fold,
    pub(in crate::store) clock: Arc<dyn Clock>,
    pub(in crate::store) options: WriterOptions,
    pub(in crate::store) progress: Arc<Progress>,
}

impl WriteThread {
    fn run(mut self, waiting: &Receiver<Message>) {
        let panicked = || {
            Err(StoreError::Damaged(
                "the write thread panicked over the views".into(),
            ))
        };
        if let Err(error) = guarded(|| self.serve(waiting)).unwrap_or_else(panicked) {
            tracing::error!(%error, "the write thread ends; the process must be started again");
            if matches!(error, StoreError::Damaged(_)) {
                // The journal is read only at a start, so it is the rows: the next start makes new ones.
                drop(reopen::set_aside(
                    self.disk.as_ref(),
                    &self.dir,
                    self.options.reserve_bytes,
                ));
            }
            self.progress.fail();
        }
    }

    fn serve(&mut self, waiting: &Receiver<Message>) -> Result<(), StoreError> {
        let mut jobs = VecDeque::new();
        // Since when, and by how many bytes, the rows are ahead of their last checkpoint.
        let mut ahead: Option<(Instant, u64)> = None;
        let progress = Arc::clone(&self.progress);
        loop {
            let next = self.gather(waiting, &mut jobs, ahead.map(|(since, _)| since));
            let _step = progress.step();
            let stop = matches!(next, Next::Stop);
            while !jobs.is_empty() {
                let bytes = self.commit(&mut jobs)?;
                if bytes > 0 {
                    ahead.get_or_insert_with(|| (Instant::now(), 0)).1 += bytes;
                }
                if matches!(next, Next::Group) {
                    break;
                }
            }
            let due = ahead.is_some_and(|(since, bytes)| {
                since.elapsed() >= self.options.checkpoint_every || bytes >= self.options.checkpoint_bytes
            });
            if due || (stop && ahead.is_some()) {
                ahead = self.checkpoint()?.then_some((Instant::now(), 0));
            }
            match next {
                Next::Stop => return Ok(()),
                Next::Errand(errand) => errand(self),
                Next::Group => {}
            }
        }
    }

    /// Adds what waits now, or what comes first, to the jobs; says what comes after them.
    fn gather(
        &self,
        waiting: &Receiver<Message>,
        jobs: &mut VecDeque<Job>,
        ahead_since: Option<Instant>,
    ) -> Next {
        let mut deadline = ahead_since.map(|since| since + self.options.checkpoint_every);
        let mut somebody_waits = !jobs.is_empty();
        while !somebody_waits && jobs.len() < self.options.group_requests_max {
            let message = match deadline {
                None => waiting.recv().map_err(|_| RecvTimeoutError::Disconnected),
                Some(at) => waiting.recv_timeout(at.saturating_duration_since(Instant::now())),
            };
            match message {
                Ok(Message::Now(job)) => {
                    jobs.push_back(job);
                    somebody_waits = true;
                }
                Ok(Message::Soon(job)) => {
                    if jobs.is_empty() {
                        let linger = Instant::now() + self.options.linger;
                        deadline = Some(deadline.map_or(linger, |at| at.min(linger)));
                    }
                    jobs.push_back(job);
                }
                Ok(Message::Errand(errand)) => return Next::Errand(errand),
                Err(RecvTimeoutError::Timeout) => return Next::Group,
                Ok(Message::Stop) | Err(RecvTimeoutError::Disconnected) => return Next::Stop,
            }
        }
        while jobs.len() < self.options.group_requests_max {
            match waiting.try_recv() {
                Ok(Message::Now(job) | Message::Soon(job)) => jobs.push_back(job),
                Ok(Message::Errand(errand)) => return Next::Errand(errand),
                Ok(Message::Stop) | Err(TryRecvError::Disconnected) => return Next::Stop,
                Err(TryRecvError::Empty) => break,
            }
        }
        Next::Group
    }

    /// Runs a group, taking from the jobs what fits into it; gives the bytes that it grew the journal by. An error ends the
    /// thread; a full disk does not, it only refuses the group.
    fn commit(&mut self, jobs: &mut VecDeque<Job>) -> Result<u64, StoreError> {
        let mut finishes = Vec::with_capacity(jobs.len());
        let written = self.write_group(jobs, &mut finishes);
        if written.is_ok() {
            self.progress.reached(self.journal.end());
        } else {
            self.logs.rewind_all();
        }
        let (told, result) = match written {
            Ok(bytes) => (Ok(()), Ok(bytes)),
            Err(Failed::Refused(error)) => (Err(error), Ok(0)),
            Err(Failed::Ended(error)) => (Err(StoreError::Stopped), Err(error)),
        };
        for finish in finishes {
            finish(told.clone());
        }
        result
    }

    fn write_group(&mut self, jobs: &mut VecDeque<Job>, finishes: &mut Vec<Finish>) -> Result<u64, Failed> {
        let database = Arc::clone(&self.database);
        let transaction = database.begin(Durability::None)?;
        let mut rows = Rows::open(&transaction)?;
        let operations = self.decide(jobs, &mut rows, finishes)?;
        if operations.is_empty() {
            return Ok(0);
        }
        if !self.has_space() {
            return Err(Failed::Refused(StoreError::Full));
        }
        let leaves = operations
            .iter()
            .map(|operation| (operation.id.log, operation.leaf));
        let grown = self.logs.grow(leaves);
        let positions = self.append(&operations, &self.logs.seal(&grown))?;
        for (operation, position) in operations.iter().zip(positions) {
            let number = self.logs.number(operation.id.log);
            replay::index(&mut rows, number, operation.id.seq, position, operation.leaf)?;
        }
        self.logs.settle(grown, &mut rows)?;
        replay::set_reached(&mut rows, self.fold, self.journal.end())?;
        let touched = rows.touched();
        database.commit(transaction, &touched)?;
        Ok(operations.iter().map(Encoded::bytes).sum())
    }

    fn append(&mut self, operations: &[Encoded], seal: &[u8]) -> Result<Vec<Position>, Failed> {
        let entries: Vec<_> = operations
            .iter()
            .map(|operation| Entry {
                header: &operation.header,
                erasable: &operation.erasable,
            })
            .collect();
        self.journal.append(&entries, seal).map_err(|error| {
            if self.journal.is_poisoned() {
                Failed::Ended(error.into())
            } else {
                Failed::Refused(error.into())
            }
        })
    }

    /// Lets each request decide. One that is refused or panics leaves nothing behind.
    fn decide(
        &mut self,
        jobs: &mut VecDeque<Job>,
        rows: &mut Rows<'_>,
        finishes: &mut Vec<Finish>,
    ) -> Result<Vec<Encoded>, StoreError> {
        let now = self.clock.now();
        let mut operations = Vec::new();
        let mut bytes = 0;
        while bytes < GROUP_BYTES_MAX {
            let Some(job) = jobs.pop_front() else {
                break;
            };
            let mut session = Session::new(rows, &mut self.logs, self.fold, now);
            let mark = session.mark();
            let (granted, finish) = job(&mut session);
            if !granted {
                session.undo(&mark)?;
                finishes.push(finish);
                continue;
            }
            match session.finish(self.entry_bytes_max) {
                Ok(more) => {
                    bytes += more.iter().map(Encoded::bytes).sum::<u64>();
                    operations.extend(more);
                    finishes.push(finish);
                }
                Err(error) => {
                    session.undo(&mark)?;
                    finish(Err(error));
                }
            }
        }
        Ok(operations)
    }

    fn has_space(&self) -> bool {
        let free = self.disk.free_bytes(&self.dir);
        free.is_ok_and(|free| free >= self.options.reserve_bytes)
    }

    /// Makes the rows durable; `true` if that was put off because the disk is full.
    fn checkpoint(&self) -> Result<bool, StoreError> {
        if !self.has_space() {
            tracing::warn!(
                "the disk is full: the views are not made durable, the next start folds them again"
            );
            return Ok(true);
        }
        self.database.checkpoint()?;
        Ok(false)
    }
}
