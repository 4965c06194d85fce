//! What all HTTP lanes share: who asks, the envelope, the codes of failure, bodies within limits, and the one hop to a thread
//! that may wait for the disk. A lane gives a table of [`route::Route`]s; [`router`] makes a router of all of them.

/// Which form of an answer is wanted.
pub mod accept;
/// What a handler answers, and its envelope.
pub mod answer;
/// What a handler is asked.
pub mod ask;
/// Reading JSON bodies.
pub mod body;
/// From headers to a caller.
pub mod caller;
/// What lanes share that tell what happens.
pub mod ears;
/// Failures as status, code and message.
pub mod failure;
/// Files: how they come in and go out.
pub mod files;
/// By what lists can be narrowed.
pub mod lists;
/// How often a credential may ask.
mod rates;
/// The table of routes.
pub mod route;
/// From the table of routes to a router.
mod router;
/// The tables of kinds as JSON Schema.
pub mod schema;
/// From a route's table row to an answer.
mod serve;
/// Records as JSON.
pub mod wire;

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use axum::http::HeaderMap;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;

use crate::services::Services;
use crate::services::events::Feed;
use crate::services::events::webhooks::Deliveries;
use crate::services::failure::Outcome;
use crate::services::search::Finder;

pub use rates::Rates;
pub use router::router;
pub use serve::{blocking, carry_out};

/// How webhooks are told.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Telling {
    /// Webhooks that one node tells.
    pub count_max: usize,
    /// After the first failure; doubled with each further one.
    pub retry_min: Duration,
    /// Between two attempts, at most.
    pub retry_max: Duration,
    /// What has failed for so long is held back.
    pub give_up_after: Duration,
}

impl Default for Telling {
    fn default() -> Self {
        Self {
            count_max: 100,
            retry_min: Duration::from_secs(1),
            retry_max: Duration::from_secs(60 * 60),
            give_up_after: Duration::from_secs(3 * 24 * 60 * 60),
        }
    }
}

/// What somebody else's server said to a post.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Reply {
    /// The status.
    pub status: u16,
    /// How long it wants to be left alone.
    pub retry_after: Option<Duration>,
}

/// A post under way; a failure says why nothing was answered.
pub type Posting<'l> = Pin<Box<dyn Future<Output = Result<Reply, String>> + Send + 'l>>;

/// A line to one server of others, on which posts follow one another.
pub trait Line: Send {
    /// Posts a body to an address. Nothing is followed, and of the answer's body nothing is kept.
    fn post<'l>(&'l mut self, url: &'l str, headers: HeaderMap, body: String) -> Posting<'l>;
}

/// The way out of the house, which the root gives.
pub trait Outside: Send + Sync + fmt::Debug {
    /// A line that is not connected yet.
    fn line(&self) -> Box<dyn Line>;

    /// Why nothing is ever posted to an address, if that can be told by the address alone: a name is judged when it is
    /// connected to.
    fn fault(&self, url: &str) -> Option<String>;
}

/// What the lanes need to know; the root fills it from the configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// The longest JSON body that is read.
    pub json_bytes_max: u64,
    /// Requests a second that a credential may make in the long run.
    pub requests_per_second: u32,
    /// Requests that it may make at once.
    pub request_burst: u32,
    /// The longest file of evidence.
    pub file_bytes_max: u64,
    /// The longest picture of a report.
    pub image_bytes_max: u64,
    /// Files that one request may bring.
    pub files_max: usize,
    /// The longest part `data` beside files.
    pub form_data_bytes_max: usize,
    /// Members of one object in JSON: no record has as many fields, and each costs fifty times its bytes in memory.
    pub members_max: usize,
    /// How much of a body that is too long or refused is still read.
    pub drained_bytes_max: u64,
    /// From this length on a JSON body is large, and the rest of it is read at a pace.
    pub large_body_bytes_min: usize,
    /// Large bodies that are parsed and checked at once; each can take some fifty times its length in memory.
    pub large_bodies_at_once_max: usize,
    /// The language tag of the control center's categories; empty: as the caller's `Accept-Language` says.
    pub language: String,
    /// What one who listens may use.
    pub ears: Ears,
    /// How those are told who do not come.
    pub telling: Telling,
    /// Requests a second that a token of the evidence room may make in the long run.
    pub safe_requests_per_second: u32,
    /// Requests that it may make at once.
    pub safe_request_burst: u32,
    /// What a query may ask for.
    pub graphql: GraphqlOptions,
}

/// What a query of the GraphQL lane may ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GraphqlOptions {
    /// Levels of fields.
    pub depth_max: usize,
    /// What a query can cost: one for each field, and a list as often as it may have items.
    pub complexity_max: usize,
    /// Bytes of a body.
    pub body_bytes_max: u64,
    /// Names under which one field is asked for in one selection.
    pub aliases_max: usize,
    /// Directives of one document.
    pub directives_max: usize,
    /// Words and signs of one document.
    pub tokens_max: usize,
    /// Queries and changes of one WebSocket that are carried out at a time.
    pub operations_max: usize,
    /// Whether the schema may be asked for.
    pub introspection: bool,
}

impl Default for GraphqlOptions {
    fn default() -> Self {
        Self {
            depth_max: 12,
            complexity_max: 5_000,
            body_bytes_max: 1 << 20,
            aliases_max: 10,
            directives_max: 50,
            tokens_max: 10_000,
            operations_max: 8,
            introspection: true,
        }
    }
}

/// What one connection that listens may use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ears {
    /// Subscriptions of one connection.
    pub subscriptions_max: usize,
    /// The longest frame of a client, in bytes.
    pub frame_bytes_max: usize,
    /// Bad frames in a row that are borne.
    pub bad_frames_max: u32,
    /// How long a credential may take to come.
    pub auth_within: Duration,
    /// Between two questions whether the client is still there; one that is silent for three of them is not.
    pub ping_every: Duration,
    /// Who was up to date and is now so many arrivals behind is told so.
    pub behind_max: u64,
    /// The longest wait of one who asks for events.
    pub wait_max: Duration,
}

impl Default for Ears {
    fn default() -> Self {
        Self {
            subscriptions_max: 50,
            frame_bytes_max: 64 << 10,
            bad_frames_max: 10,
            auth_within: Duration::from_secs(5),
            ping_every: Duration::from_secs(20),
            behind_max: 10_000,
            wait_max: Duration::from_secs(60),
        }
    }
}

impl Default for Options {
    fn default() -> Self {
        Self {
            json_bytes_max: 4 << 20,
            requests_per_second: 500,
            request_burst: 1000,
            file_bytes_max: 4 << 30,
            image_bytes_max: 25 << 20,
            files_max: 50,
            form_data_bytes_max: 1 << 20,
            members_max: 10_000,
            drained_bytes_max: 32 << 20,
            large_body_bytes_min: 256 << 10,
            large_bodies_at_once_max: 2,
            language: String::new(),
            ears: Ears::default(),
            telling: Telling::default(),
            safe_requests_per_second: 5_000,
            safe_request_burst: 10_000,
            graphql: GraphqlOptions::default(),
        }
    }
}

/// A task of a lane.
pub type Task = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Where what outlives its request runs: connections that were upgraded. The root runs it among its own tasks, so that a stop
/// waits for it, and tells it of the stop. Cheap to clone.
#[derive(Clone)]
pub struct Beside {
    spawn: Arc<dyn Fn(Task) + Send + Sync>,
    stop: CancellationToken,
}

impl fmt::Debug for Beside {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Beside(stopping: {})", self.stop.is_cancelled())
    }
}

impl Beside {
    /// Tasks are run by `spawn` and are to end once `stop` is cancelled.
    pub fn new(spawn: impl Fn(Task) + Send + Sync + 'static, stop: CancellationToken) -> Self {
        Self {
            spawn: Arc::new(spawn),
            stop,
        }
    }

    /// Runs a task.
    pub fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        (self.spawn)(Box::pin(task));
    }

    /// Returns when the node stops.
    pub async fn stopping(&self) {
        self.stop.cancelled().await;
    }
}

/// Attempts of a webhook that are remembered, if nobody says.
const ATTEMPTS_REMEMBERED: usize = 200;

/// What every handler of every lane has at hand. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Lanes {
    /// What callers may do.
    pub services: Services,
    /// What they may find.
    pub finder: Finder,
    /// Limits and settings.
    pub options: Arc<Options>,
    /// What they may listen to.
    pub feed: Feed,
    /// What outlives its request.
    pub beside: Beside,
    /// How far webhooks are told.
    pub deliveries: Deliveries,
    /// How others' servers are reached; `None` where nothing leaves the house.
    pub outside: Option<Arc<dyn Outside>>,
    /// How often each credential asked.
    pub rates: Arc<Rates>,
    /// How often each client of the evidence room asked.
    pub safe_rates: Arc<Rates>,
    /// Taken while a large body is parsed and checked, so that memory doesn't grow with the number of those who send one.
    large_bodies: Arc<Semaphore>,
}

impl Lanes {
    /// Over services, with these settings.
    pub fn new(services: Services, finder: Finder, feed: Feed, beside: Beside, options: Options) -> Self {
        let rates = |per_second, burst| Arc::new(Rates::new(per_second, burst, options.large_body_bytes_min));
        let safe_rates = rates(options.safe_requests_per_second, options.safe_request_burst);
        let rates = rates(options.requests_per_second, options.request_burst);
        let large_bodies = Arc::new(Semaphore::new(options.large_bodies_at_once_max));
        Self {
            services,
            finder,
            feed,
            beside,
            deliveries: Deliveries::new(ATTEMPTS_REMEMBERED),
            outside: None,
            options: Arc::new(options),
            rates,
            safe_rates,
            large_bodies,
        }
    }

    /// The same with a way out, and with what the last run knew of webhooks.
    #[must_use]
    pub fn with_outside(mut self, outside: Arc<dyn Outside>, deliveries: Deliveries) -> Self {
        (self.outside, self.deliveries) = (Some(outside), deliveries);
        self
    }

    /// After which arrival a listener begins: the one that it has, else the last of all.
    ///
    /// # Errors
    /// `Invalid` for what has not arrived yet; the disk failed.
    pub async fn begin_after(&self, arrival: Option<u64>) -> Outcome<u64> {
        // Nearly everybody's is there; then nobody waits for the disk.
        if let Some(arrival) = arrival.filter(|arrival| *arrival <= self.feed.head()) {
            return Ok(arrival);
        }
        let feed = self.feed.clone();
        blocking(move || feed.begin_after(arrival)).await
    }

    /// Waits until a body of this length may be parsed; what is given back is held as long as that takes.
    pub async fn turn(&self, bytes: usize) -> Option<OwnedSemaphorePermit> {
        if bytes < self.options.large_body_bytes_min {
            return None;
        }
        Arc::clone(&self.large_bodies).acquire_owned().await.ok()
    }
}
