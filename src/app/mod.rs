//! The only place where the parts are joined. [`start`] reads from top to bottom as the story of a start, [`Running::stop`] as
//! that of a stop, in the reverse order.

/// Verbs of the command line, answered by the server that holds the folder.
pub mod admin;
/// The data folder: layout, lock, facts.
pub mod folder;
/// What works in a data folder whether or not it is served.
pub mod node;
/// Health, readiness and metrics.
pub mod probes;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;

use crate::app::folder::{Facts, Folder};
use crate::app::node::{Node, NodeError};
use crate::app::probes::Probes;
use crate::config::Config;
use crate::domain::time::SystemClock;
use crate::lanes;
use crate::lanes::events::webhooks::courier::dispatch;
use crate::lanes::http::{Beside, Ears, GraphqlOptions, Lanes, Telling};
use crate::server::certs::authority::Authority;
use crate::server::certs::name::names_of_node;
use crate::server::certs::{self, CertError, Certificates};
use crate::server::listener::{self, ListenError};
use crate::server::outside::{OutsideOptions, Rules, WayOut};
use crate::server::tasks::Tasks;
use crate::server::tls::{self, TlsError};
use crate::server::{self, Stopped};
use crate::services::Services;
use crate::services::events::webhooks::Deliveries;
use crate::services::events::{self, Feed, FeedOptions, Places};
use crate::services::search::Finder;
use crate::services::search::follow::{FollowOptions, Follower, Gauge};
use crate::services::watch;
use crate::store::disk::RealDisk;
use crate::store::error::StoreError;
use crate::store::kept::Kept;

/// Beyond the time for requests in hand: for the last answers to leave.
const FAREWELL: Duration = Duration::from_millis(500);

/// Between two moments at which last uses are written down.
const KEEP_USES_EVERY: Duration = Duration::from_secs(60);

/// Why the server could not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The data folder or what is in it.
    #[error(transparent)]
    Node(#[from] NodeError),
    /// The certificate.
    #[error(transparent)]
    Certificate(#[from] CertError),
    /// TLS.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// A listener.
    #[error(transparent)]
    Listen(#[from] ListenError),
    /// The admin socket or a thread.
    #[error("can't start: {0}")]
    Io(#[from] std::io::Error),
    /// What follows the log.
    #[error("can't follow the log: {0}")]
    Store(#[from] StoreError),
}

/// A server that runs.
pub struct Running {
    /// Where it is reached, with the port that was picked.
    pub url: String,
    /// The certificate that clients must trust; `None` with the agency's own.
    pub ca: Option<PathBuf>,
    /// Where it is reached without TLS, if that was set.
    pub plain: Option<SocketAddr>,
    /// Where metrics are read without a key, if that was set.
    pub metrics: Option<SocketAddr>,
    node: Arc<Node>,
    followers: Followers,
    certificates: Arc<Certificates>,
    stop: CancellationToken,
    tasks: Tasks,
    drain: Duration,
    stuck: Duration,
}

/// Starts a server in a data folder.
///
/// # Errors
/// The folder is in use or holds no node, or a part can't be opened. Nothing runs then.
pub async fn start(folder: Folder, config: Config) -> Result<Running, StartError> {
    // What happened: the folder is ours, the log is replayed, the services stand on it.
    let (held, settings) = (folder.clone(), config.clone());
    let opening = tokio::task::spawn_blocking(move || Node::open(held, &settings));
    let node = Arc::new(opening.await.map_err(std::io::Error::other)??);
    let opened = node.opened;
    tracing::info!(
        replayed = opened.replayed,
        rebuilt = opened.rebuilt,
        "the log is open"
    );

    // Index and feed follow it.
    let followers = Followers::start(&node, &config)?;

    // What a crash left behind goes, and nobody waits for that.
    let (services, facts) = (node.services.clone(), node.facts.clone());
    let finder = node.finder(Some(followers.gauge()));
    let tidying = tokio::task::spawn_blocking(move || tidy_up(&services, &finder, &facts));

    // The edge: certificate, listeners, and what answers there.
    let certificates = certificates(&folder, &node, &config)?;
    let stop = CancellationToken::new();
    let stuck = Duration::from_secs(config.store.stuck_seconds_max);
    let probes = Arc::new(Probes::new(
        Arc::clone(&node),
        (followers.gauge(), followers.watching.gauge()),
        Arc::clone(&certificates),
        stuck,
    ));
    let tasks = Tasks::default();
    let lanes = lanes_of(&node, &followers, beside(&tasks, &stop), &config);
    tasks.spawn(dispatch(lanes.clone()));
    let router = lanes::router(&lanes)
        .merge(probes::router(&probes))
        .merge(probes::keyed_metrics_router(&probes));
    let main = listener::bind(config.server.listen).await?;
    let address = main.local_addr()?;
    let acceptor = tls::acceptor(Arc::clone(&certificates))?;
    let edge = Edge {
        tasks,
        stop: stop.clone(),
        config: &config,
    };
    edge.tasks
        .spawn(Arc::clone(&certificates).keep_fresh(stop.clone()));
    edge.tasks.spawn(async move {
        if let Err(error) = tidying.await {
            tracing::warn!(%error, "tidying up after the last process panicked");
        }
    });
    edge.tasks.spawn(keep_uses(node.services.clone(), stop.clone()));
    edge.serve(main, Some(acceptor), router.clone());
    let plain = edge.serve_plain(config.server.plain_listen, router).await?;
    let metrics = edge.serve_plain(config.server.metrics_listen, probes::metrics_router(&probes));
    let metrics = metrics.await?;

    // The command line's own door.
    let line_bytes_max = config.limits.admin_line_bytes_max;
    let door = admin::Door::open(Arc::clone(&node), followers.gauge(), line_bytes_max)?;
    edge.tasks.spawn(door.answer_until(stop.clone()));
    Ok(Running {
        url: format!("https://{}", shown(address)),
        ca: config
            .tls
            .certificate_file
            .is_none()
            .then(|| Authority::certificate_file(&folder.certs())),
        plain,
        metrics,
        node,
        followers,
        certificates,
        stop,
        tasks: edge.tasks,
        drain: Duration::from_secs(config.limits.drain_seconds_max) + FAREWELL,
        stuck,
    })
}

/// What follows the log, each on a thread of its own.
struct Followers {
    search: Follower,
    feed: Feed,
    feeding: events::Follower,
    watching: watch::Follower,
    deliveries: Deliveries,
}

impl Followers {
    fn start(node: &Node, config: &Config) -> Result<Self, StartError> {
        let follow = FollowOptions {
            commit_within: Duration::from_millis(config.search.commit_ms),
            ..FollowOptions::default()
        };
        let store = node.services.store();
        let places = Places::kept_in(Arc::new(RealDisk), node.folder.places());
        let options = FeedOptions {
            kept_max: config.events.kept_max,
            kept_bytes_max: config.events.kept_bytes_max,
            ..FeedOptions::default()
        };
        let feed = Feed::new(Arc::clone(store), options)?.with_places(places);
        let watched = Kept::new("the watchlists' place", Arc::new(RealDisk), node.folder.watched());
        let watching = watch::Follower::start(node.services.clone(), &node.facts.node_name, Some(watched))?;
        Ok(Self {
            search: Follower::start(Arc::clone(store), Arc::clone(&node.index), follow)?,
            feeding: feed.follow()?,
            deliveries: Deliveries::kept_in(
                Arc::new(RealDisk),
                node.folder.deliveries(),
                config.events.webhook_attempts_max,
            ),
            feed,
            watching,
        })
    }

    fn gauge(&self) -> Gauge {
        self.search.gauge()
    }

    fn stop(self) {
        self.deliveries.keep();
        drop(self.feeding);
        drop(self.watching);
        self.search.stop();
    }
}

impl Running {
    /// What is served.
    pub fn node(&self) -> &Arc<Node> {
        &self.node
    }

    /// How far searches see.
    pub fn gauge(&self) -> Gauge {
        self.followers.gauge()
    }

    /// How far watchlists see.
    pub fn watching(&self) -> watch::Gauge {
        self.followers.watching.gauge()
    }

    /// The write thread has ended by a fault: nothing can be written any more.
    pub fn has_failed(&self) -> bool {
        self.node.services.store().has_failed()
    }

    /// The write thread works, and is at no step that takes too long.
    pub fn is_well(&self) -> bool {
        is_well(&self.node, self.stuck)
    }

    /// Takes up the agency's certificate if its files have changed, as each minute does; what came of it is logged.
    pub fn look_at_certificate(&self) {
        let certificates = Arc::clone(&self.certificates);
        drop(tokio::task::spawn_blocking(move || {
            match certificates.refresh() {
                Ok(true) => {}
                Ok(false) => tracing::info!("the certificate has not changed"),
                Err(error) => tracing::error!(%error, "the certificate stays as it was"),
            }
        }));
    }

    /// Takes no more, finishes what is in hand, lets the index catch up, makes everything durable, gives the folder back.
    /// Once `hurry` is over, what is in hand is cut.
    pub async fn stop(self, hurry: impl Future<Output = ()>) -> Stopped {
        self.stop.cancel();
        let stopped = tokio::select! {
            stopped = self.tasks.finish(self.drain) => stopped,
            () = hurry => self.tasks.finish(Duration::ZERO).await,
        };
        let (node, followers) = (self.node, self.followers);
        let closing = tokio::task::spawn_blocking(move || {
            followers.stop();
            node.services.keep_uses();
            node.services.store().stop();
            drop(node);
        });
        if let Err(error) = closing.await {
            tracing::error!(%error, "the stop was not orderly; the next start replays the log");
        }
        stopped
    }
}

/// Writes down now and then when sessions and keys were used last, which a stop does too.
async fn keep_uses(services: Services, stop: CancellationToken) {
    while stop
        .run_until_cancelled(tokio::time::sleep(KEEP_USES_EVERY))
        .await
        .is_some()
    {
        let services = services.clone();
        let keeping = tokio::task::spawn_blocking(move || services.keep_uses());
        if let Err(error) = keeping.await {
            tracing::error!(%error, "writing down last uses panicked");
        }
    }
}

/// Whether a node can take work.
fn is_well(node: &Node, stuck: Duration) -> bool {
    let store = node.services.store();
    !store.has_failed() && store.busy_for() < stuck
}

/// Removes files that no record names, and what is left of records that a court had expunged; the node learns itself.
fn tidy_up(services: &Services, finder: &Finder, facts: &Facts) {
    match services.sweep_files() {
        Ok(0) => {}
        Ok(files) => tracing::info!(files, "removed files that no record names"),
        Err(failure) => tracing::warn!(?failure, "files that no record names could not be removed"),
    }
    match services.finish_erasures(finder) {
        Ok(0) => {}
        Ok(erasures) => tracing::info!(erasures, "finished what courts ordered to erase"),
        Err(failure) => tracing::warn!(?failure, "an erasure could not be finished"),
    }
    know_itself(services, facts);
}

/// A folder from before nodes had records, or a restored one, learns its own.
fn know_itself(services: &Services, facts: &Facts) {
    let Ok(tenant) = facts.tenant() else { return };
    let owner = services.admit_owner(tenant, node::request_id());
    if let Err(failure) = services.know_node(&owner, &facts.node_name) {
        tracing::warn!(?failure, "the node's record of itself could not be written");
    }
}

/// What all listeners share.
struct Edge<'c> {
    tasks: Tasks,
    stop: CancellationToken,
    config: &'c Config,
}

impl Edge<'_> {
    fn serve(&self, listener: TcpListener, tls: Option<TlsAcceptor>, router: Router) {
        let serving = server::serve(listener, tls, router, self.config.limits(), self.stop.clone());
        self.tasks.spawn(async move {
            serving.await;
        });
    }

    async fn bind_plain(&self, address: SocketAddr) -> Result<TcpListener, ListenError> {
        if self.config.server.plain_beyond_loopback {
            listener::bind_plain_beyond_loopback(address).await
        } else {
            listener::bind_plain(address).await
        }
    }

    /// Serves without TLS, if an address for that was set, and says where.
    async fn serve_plain(
        &self,
        address: Option<SocketAddr>,
        router: Router,
    ) -> Result<Option<SocketAddr>, StartError> {
        let Some(address) = address else {
            return Ok(None);
        };
        let listener = self.bind_plain(address).await?;
        let address = listener.local_addr()?;
        self.serve(listener, None, router);
        Ok(Some(address))
    }
}

/// Where lanes run what outlives its request.
fn beside(tasks: &Tasks, stop: &CancellationToken) -> Beside {
    let tasks = tasks.clone();
    Beside::new(move |task| tasks.spawn(task), stop.clone())
}

/// What the lanes have at hand.
fn lanes_of(node: &Node, followers: &Followers, beside: Beside, config: &Config) -> Lanes {
    let finder = node.finder(Some(followers.gauge()));
    let feed = followers.feed.clone();
    let out = WayOut::new(outside_options(config), Arc::new(SystemClock));
    let options = lane_options(config);
    Lanes::new(node.services.clone(), finder, feed, beside, options)
        .with_outside(Arc::new(out), followers.deliveries.clone())
}

/// How receivers of webhooks are reached.
fn outside_options(config: &Config) -> OutsideOptions {
    let events = &config.events;
    OutsideOptions {
        rules: Rules {
            local: events.webhook_local_allowed,
            private: events.webhook_private_allowed,
            http: events.webhook_http_allowed,
        },
        ca_file: events.webhook_ca_file.clone(),
        time_max: Duration::from_secs(events.webhook_seconds_max),
        answer_bytes_max: events.webhook_answer_bytes_max,
    }
}

/// What the lanes are told of the configuration.
fn lane_options(config: &Config) -> lanes::http::Options {
    lanes::http::Options {
        json_bytes_max: config.bodies.json_bytes_max,
        requests_per_second: config.rates.requests_per_second,
        request_burst: config.rates.burst,
        file_bytes_max: config.bodies.file_bytes_max,
        image_bytes_max: config.bodies.image_bytes_max,
        files_max: config.bodies.files_max,
        form_data_bytes_max: config.bodies.form_data_bytes_max,
        members_max: config.bodies.members_max,
        drained_bytes_max: config.bodies.drained_bytes_max,
        large_body_bytes_min: config.bodies.large_bytes_min,
        large_bodies_at_once_max: config.bodies.large_at_once_max,
        language: config
            .reports
            .language
            .as_ref()
            .map_or_else(String::new, |tag| tag.as_str().to_owned()),
        ears: Ears {
            subscriptions_max: config.events.subscriptions_max,
            frame_bytes_max: config.events.frame_bytes_max,
            bad_frames_max: config.events.bad_frames_max,
            auth_within: Duration::from_secs(config.events.auth_seconds_max),
            ping_every: Duration::from_secs(config.events.ping_seconds),
            behind_max: config.events.behind_max,
            wait_max: Duration::from_secs(config.events.wait_seconds_max),
        },
        telling: Telling {
            count_max: config.events.webhooks_max,
            retry_min: Duration::from_millis(config.events.webhook_retry_ms_min),
            retry_max: Duration::from_secs(config.events.webhook_retry_seconds_max),
            give_up_after: Duration::from_secs(config.events.webhook_give_up_seconds),
        },
        safe_requests_per_second: config.safe.requests_per_second,
        safe_request_burst: config.safe.burst,
        graphql: GraphqlOptions {
            depth_max: config.graphql.depth_max,
            complexity_max: config.graphql.complexity_max,
            body_bytes_max: config.graphql.body_bytes_max,
            aliases_max: config.graphql.aliases_max,
            directives_max: config.graphql.directives_max,
            tokens_max: config.graphql.tokens_max,
            operations_max: config.graphql.operations_max,
            introspection: config.graphql.introspection,
        },
    }
}

/// The agency's certificate if it is set, else the node's own.
fn certificates(folder: &Folder, node: &Node, config: &Config) -> Result<Arc<Certificates>, CertError> {
    let clock = Arc::new(SystemClock);
    match (&config.tls.certificate_file, &config.tls.key_file) {
        (Some(certificate), Some(key)) => certs::load_agency(certificate, key, clock),
        _ => {
            let hosts = [config.server.hosts.clone(), node.facts.host_names()].concat();
            certs::load_or_renew(&folder.certs(), names_of_node(&hosts), clock)
        }
    }
}

/// An address that a client on this machine can use.
fn shown(address: SocketAddr) -> String {
    if address.ip().is_unspecified() {
        format!("localhost:{}", address.port())
    } else {
        address.to_string()
    }
}
