//! The one write thread. Requests hand it a closure and wait; it runs what waits against the open rows, appends one group to
//! the journal, syncs once, makes the rows visible, and answers. The running sync is the window in which the next group
//! gathers; there is no timer. The thread owns the journal, the logs and the right to change rows; nobody else has them.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TryRecvError, sync_channel};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use redb::Durability;

use crate::domain::time::Clock;
use crate::store::database::{Database, Rows};
use crate::store::error::StoreError;
use crate::store::journal::{Entry, Journal, Position};
use crate::store::logs::Logs;
use crate::store::replay;
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
    /// How long a request that nobody waits for may ride alone.
    pub linger: Duration,
}

impl Default for WriterOptions {
    fn default() -> Self {
        Self {
            group_requests_max: 512,
            queue_requests_max: 4096,
            checkpoint_every: Duration::from_secs(2),
            linger: Duration::from_millis(100),
        }
    }
}

type Finish = Box<dyn FnOnce(Result<(), StoreError>) + Send>;
type Job = Box<dyn FnOnce(&mut Session<'_, '_>) -> (bool, Finish) + Send>;

enum Message {
    /// Somebody waits.
    Now(Job),
    /// Nobody waits: it rides with the next group, or alone after the linger time.
    Soon(Job),
    Stop,
}

/// How far the journal is durable and folded, and whether the thread has failed.
#[derive(Debug, Default)]
pub(super) struct Progress {
    /// Held for the moment of a read or a write of the two words.
    state: Mutex<(Position, bool)>,
    changed: Condvar,
}

impl Progress {
    fn state(&self) -> std::sync::MutexGuard<'_, (Position, bool)> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn reached(&self, end: Position) {
        self.state().0 = end;
        self.changed.notify_all();
    }

    fn fail(&self) {
        self.state().1 = true;
        self.changed.notify_all();
    }

    pub(super) fn end(&self) -> Position {
        self.state().0
    }

    pub(super) fn has_failed(&self) -> bool {
        self.state().1
    }

    /// Waits until the end is beyond `position`, the thread has failed, or the time is over.
    pub(super) fn wait_beyond(&self, position: Position, timeout: Duration) -> Position {
        let waiting = |state: &mut (Position, bool)| state.0 <= position && !state.1;
        let guard = self.changed.wait_timeout_while(self.state(), timeout, waiting);
        guard.unwrap_or_else(PoisonError::into_inner).0.0
    }
}

/// The handle by which requests reach the write thread.
#[derive(Debug)]
pub(super) struct Writer {
    jobs: SyncSender<Message>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl Writer {
    pub(super) fn start(thread: WriteThread) -> Result<Self, StoreError> {
        let (jobs, waiting) = sync_channel(thread.options.queue_requests_max);
        let builder = std::thread::Builder::new().name("blotter-writer".into());
        let handle = builder.spawn(move || thread.run(&waiting))?;
        Ok(Self {
            jobs,
            thread: Mutex::new(Some(handle)),
        })
    }

    pub(super) fn write<T, E>(
        &self,
        decide: impl FnOnce(&mut Session<'_, '_>) -> Result<T, E> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        let (answer, answered) = sync_channel(1);
        let job: Job = Box::new(move |session| match decide(session) {
            Ok(value) => {
                let send = move |outcome: Result<(), StoreError>| {
                    drop(answer.send(outcome.map(|()| value).map_err(E::from)));
                };
                (true, Box::new(send))
            }
            Err(error) => (false, Box::new(move |_| drop(answer.send(Err(error))))),
        });
        self.jobs
            .send(Message::Now(job))
            .map_err(|_| E::from(StoreError::Stopped))?;
        answered
            .recv()
            .unwrap_or_else(|_| Err(E::from(StoreError::Panicked)))
    }

    pub(super) fn write_soon(
        &self,
        decide: impl FnOnce(&mut Session<'_, '_>) -> Result<(), StoreError> + Send + 'static,
    ) -> Result<(), StoreError> {
        let job: Job = Box::new(move |session| (decide(session).is_ok(), Box::new(|_| ())));
        self.jobs
            .send(Message::Soon(job))
            .map_err(|_| StoreError::Stopped)
    }

    /// Writes what waits, makes the rows durable, and ends the thread.
    pub(super) fn stop(&self) {
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(thread) = thread {
            drop(self.jobs.send(Message::Stop));
            drop(thread.join());
        }
    }
}

/// What the thread owns.
pub(super) struct WriteThread {
    pub(super) journal: Journal,
    pub(super) logs: Logs,
    pub(super) database: Arc<Database>,
    pub(super) fold: Fold,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) options: WriterOptions,
    pub(super) progress: Arc<Progress>,
}

impl WriteThread {
    fn run(mut self, waiting: &Receiver<Message>) {
        let mut dirty_since: Option<Instant> = None;
        loop {
            let (jobs, stop) = self.gather(waiting, dirty_since);
            if !jobs.is_empty() {
                if let Err(error) = self.commit(jobs) {
                    // Nobody knows any more what rows and journal have in common: only a new start finds out.
                    tracing::error!(%error, "the write thread ends; the process must be started again");
                    return self.progress.fail();
                }
                dirty_since.get_or_insert_with(Instant::now);
            }
            let due = dirty_since.is_some_and(|since| since.elapsed() >= self.options.checkpoint_every);
            if due || (stop && dirty_since.is_some()) {
                if let Err(error) = self.checkpoint() {
                    tracing::error!(%error, "the views can't be made durable; the process must be started again");
                    return self.progress.fail();
                }
                dirty_since = None;
            }
            if stop {
                return;
            }
        }
    }

    /// What waits now, or what comes first; `true` if this is the end.
    fn gather(&self, waiting: &Receiver<Message>, dirty_since: Option<Instant>) -> (Vec<Job>, bool) {
        let mut jobs = Vec::new();
        let mut deadline = dirty_since.map(|since| since + self.options.checkpoint_every);
        loop {
            let message = match deadline {
                None => waiting.recv().map_err(|_| RecvTimeoutError::Disconnected),
                Some(at) => waiting.recv_timeout(at.saturating_duration_since(Instant::now())),
            };
            match message {
                Ok(Message::Now(job)) => {
                    jobs.push(job);
                    break;
                }
                Ok(Message::Soon(job)) => {
                    if jobs.is_empty() {
                        let linger = Instant::now() + self.options.linger;
                        deadline = Some(deadline.map_or(linger, |at| at.min(linger)));
                    }
                    jobs.push(job);
                }
                Err(RecvTimeoutError::Timeout) => return (jobs, false),
                Ok(Message::Stop) | Err(RecvTimeoutError::Disconnected) => return (jobs, true),
            }
        }
        while jobs.len() < self.options.group_requests_max {
            match waiting.try_recv() {
                Ok(Message::Now(job) | Message::Soon(job)) => jobs.push(job),
                Ok(Message::Stop) | Err(TryRecvError::Disconnected) => return (jobs, true),
                Err(TryRecvError::Empty) => break,
            }
        }
        (jobs, false)
    }

    /// Runs a group. An error ends the thread; a full disk does not, it only refuses the group.
    fn commit(&mut self, jobs: Vec<Job>) -> Result<(), StoreError> {
        let mut finishes = Vec::with_capacity(jobs.len());
        let outcome = self.write_group(jobs, &mut finishes);
        if outcome.is_err() {
            self.logs.rewind_all();
        } else {
            self.progress.reached(self.journal.end());
        }
        finishes
            .into_iter()
            .for_each(|finish: Finish| finish(outcome.clone()));
        match outcome {
            Err(StoreError::Full) | Ok(()) => Ok(()),
            Err(_) if self.journal.is_poisoned() => Err(StoreError::Stopped),
            Err(error) => Err(error),
        }
    }

    fn write_group(&mut self, jobs: Vec<Job>, finishes: &mut Vec<Finish>) -> Result<(), StoreError> {
        let database = Arc::clone(&self.database);
        let transaction = database.begin(Durability::None)?;
        {
            let mut rows = Rows::open(&transaction)?;
            let operations = self.decide(jobs, &mut rows, finishes)?;
            if operations.is_empty() {
                return Ok(());
            }
            let grown = self.logs.grow(
                operations
                    .iter()
                    .map(|operation| (operation.id.log, operation.leaf)),
            );
            let entries: Vec<_> = operations
                .iter()
                .map(|operation| Entry {
                    header: &operation.header,
                    erasable: &operation.erasable,
                })
                .collect();
            let positions = self.journal.append(&entries, &self.logs.seal(&grown))?;
            for (operation, position) in operations.iter().zip(positions) {
                replay::index(
                    &mut rows,
                    self.logs.number(operation.id.log),
                    operation.id.seq,
                    position,
                    operation.leaf,
                )?;
            }
            self.logs.settle(grown, &mut rows)?;
        }
        Ok(transaction.commit()?)
    }

    /// Lets each request decide. One that is refused or panics leaves nothing behind.
    fn decide(
        &mut self,
        jobs: Vec<Job>,
        rows: &mut Rows<'_>,
        finishes: &mut Vec<Finish>,
    ) -> Result<Vec<Encoded>, StoreError> {
        let now = self.clock.now();
        let mut operations = Vec::new();
        for job in jobs {
            let mut session = Session::new(rows, &mut self.logs, self.fold, now);
            let mark = session.mark();
            match catch_unwind(AssertUnwindSafe(|| job(&mut session))) {
                Ok((granted, finish)) => {
                    finishes.push(finish);
                    if granted {
                        operations.extend(session.finish()?);
                        continue;
                    }
                }
                // The request's channel is gone with the job, which tells it; the panic hook has logged the cause.
                Err(_) => tracing::error!("a request panicked on the write thread; it changed nothing"),
            }
            session.undo(&mark)?;
        }
        Ok(operations)
    }

    fn checkpoint(&mut self) -> Result<(), StoreError> {
        replay::checkpoint(&self.database, &self.logs, self.fold, self.journal.end())
    }
}
