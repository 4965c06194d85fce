//! What watches the box: `/healthz` (the process answers), `/readyz` (it can take work), `/metrics` (figures, in the text form of
//! Prometheus). Metrics are made when they are read; nothing is counted per request but what the edge counts.

use std::fmt::Write;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{ConnectInfo, State};
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use serde_json::json;

use crate::app::is_well;
use crate::app::node::{Node, request_id};
use crate::lanes::http::failure;
use crate::lanes::http::wire::Wire;
use crate::server::certs::Certificates;
use crate::services::Services;
use crate::services::audit::Event;
use crate::services::caller::Via;
use crate::services::failure::{Failure, Outcome};
use crate::services::search::follow::Gauge;
use crate::services::watch;

/// What the probes look at.
pub struct Probes {
    node: Arc<Node>,
    gauge: Gauge,
    watching: watch::Gauge,
    certificates: Arc<Certificates>,
    stuck: Duration,
}

/// One figure: its name, its meaning, and how it is read.
pub struct Figure {
    /// `blotter_index_lag_bytes`
    pub name: &'static str,
    /// `gauge` or `counter`.
    pub form: &'static str,
    /// One sentence with the unit.
    pub about: &'static str,
    read: fn(&Probes) -> f64,
}

/// Every figure, in the order of `docs/api/metrics.md`.
pub const FIGURES: &[Figure] = &[
    Figure {
        name: "blotter_up",
        form: "gauge",
        about: "1 while the write thread works, 0 after it has failed.",
        read: |probes| f64::from(u8::from(!probes.node.services.store().has_failed())),
    },
    Figure {
        name: "blotter_write_step_seconds",
        form: "gauge",
        about: "How long the write thread has been at its present step, in seconds; 0 while it waits.",
        read: |probes| probes.node.services.store().busy_for().as_secs_f64(),
    },
    Figure {
        name: "blotter_log_end_bytes",
        form: "gauge",
        about: "End of what is durable in the present segment of the journal, in bytes.",
        read: |probes| f64::from(probes.node.services.store().end().offset()),
    },
    Figure {
        name: "blotter_log_segments",
        form: "gauge",
        about: "Segment files of the journal.",
        read: |probes| f64::from(probes.node.services.store().end().segment()),
    },
    Figure {
        name: "blotter_search_documents",
        form: "gauge",
        about: "Documents that a search sees.",
        read: |probes| whole(probes.node.index.documents()),
    },
    Figure {
        name: "blotter_search_lag_seconds",
        form: "gauge",
        about: "Age of the oldest change that a search does not see, in seconds.",
        read: |probes| probes.gauge.lag().as_secs_f64(),
    },
    Figure {
        name: "blotter_search_suspect",
        form: "gauge",
        about: "1 while the index is known to be damaged and is made anew.",
        read: |probes| {
            let suspect = probes.node.index.health() == crate::search::index::Health::Suspect;
            f64::from(u8::from(suspect))
        },
    },
    Figure {
        name: "blotter_watchlist_entries",
        form: "gauge",
        about: "Names, plates, numbers and texts that are looked for.",
        read: |probes| whole(probes.watching.entries() as u64),
    },
    Figure {
        name: "blotter_watchlist_bytes",
        form: "gauge",
        about: "Memory that they take, in bytes.",
        read: |probes| whole(probes.watching.bytes() as u64),
    },
    Figure {
        name: "blotter_watchlist_behind",
        form: "gauge",
        about: "Changes that are not held against all watchlists yet, or whose new entries are not held against everything.",
        read: |probes| whole(probes.watching.behind().unwrap_or(0)),
    },
    Figure {
        name: "blotter_watchlist_alerts_total",
        form: "counter",
        about: "Alerts that watchlists raised since the start.",
        read: |probes| whole(probes.watching.raised()),
    },
    Figure {
        name: "blotter_certificate_expires_seconds",
        form: "gauge",
        about: "Time until the certificate in use ends, in seconds.",
        read: |probes| {
            let left = probes.certificates.facts().not_after.0 - probes.node.services.now().0;
            whole(u64::try_from(left / 1000).unwrap_or(0))
        },
    },
    Figure {
        name: "blotter_disk_free_bytes",
        form: "gauge",
        about: "Free space where the data folder lies, in bytes.",
        read: |probes| whole(free_bytes(probes.node.folder.path()).unwrap_or(0)),
    },
    Figure {
        name: "blotter_memory_resident_bytes",
        form: "gauge",
        about: "Memory of the process that is in use, mapped files included, in bytes.",
        read: |_| whole(resident_bytes().unwrap_or(0)),
    },
];

impl Probes {
    /// Over a running node.
    pub fn new(
        node: Arc<Node>,
        (gauge, watching): (Gauge, watch::Gauge),
        certificates: Arc<Certificates>,
        stuck: Duration,
    ) -> Self {
        Self {
            node,
            gauge,
            watching,
            certificates,
            stuck,
        }
    }

    fn metrics(&self) -> String {
        let mut text = String::new();
        for figure in FIGURES {
            let Figure {
                name,
                form,
                about,
                read,
            } = figure;
            write!(
                text,
                "# HELP {name} {about}\n# TYPE {name} {form}\n{name} {}\n",
                read(self)
            )
            .expect("writing to a string doesn't fail");
        }
        text
    }
}

/// The probes that every listener answers. They tell nothing about records, so they need no credential.
pub fn router(probes: &Arc<Probes>) -> Router {
    Router::new()
        .route("/healthz", get(async || "ok\n"))
        .route("/readyz", get(ready))
        .with_state(Arc::clone(probes))
}

/// The figures, for a listener of their own.
pub fn metrics_router(probes: &Arc<Probes>) -> Router {
    let figures = Router::new()
        .route("/metrics", get(metrics))
        .with_state(Arc::clone(probes));
    router(probes).merge(figures)
}

/// The figures with a key that may see to nodes, for the main listener.
pub fn keyed_metrics_router(probes: &Arc<Probes>) -> Router {
    Router::new()
        .route("/metrics", get(metrics_with_key))
        .with_state(Arc::clone(probes))
}

async fn metrics_with_key(
    State(probes): State<Arc<Probes>>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    headers: HeaderMap,
) -> Response {
    let key = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok());
    let key = key
        .and_then(|value| value.strip_prefix("Bearer "))
        .map(str::to_owned);
    let (judged, id) = (Arc::clone(&probes), request_id());
    let via = Via {
        lane: "metrics",
        address: Some(peer.ip().to_canonical()),
        request_id: id.clone(),
        asked: "GET /metrics".to_owned(),
    };
    let admitted = tokio::task::spawn_blocking(move || admit(&judged.node.services, key.as_deref(), via));
    let admitted = admitted.await;
    match admitted.unwrap_or_else(|error| Err(Failure::Internal(error.to_string()))) {
        Ok(()) => metrics(State(probes)).await,
        Err(failure) => failure::render(&Wire::new(&probes.node.services), &failure, &id),
    }
}

/// The figures are of the whole node, so a key of another agency than its own reads none.
fn admit(services: &Services, key: Option<&str>, via: Via) -> Outcome<()> {
    const NEEDED: &str = "a key with the scope nodes:admin is needed";
    let Some(key) = key else {
        return Err(services.refuse_stranger(None, &via, NEEDED));
    };
    let caller = services.admit_key(key, via)?;
    services.demand(&caller, "metrics", "nodes:admin")?;
    if caller.tenant() != services.home() {
        let refused = Failure::Denied("the figures of the node are for its own agency".into());
        services.note_denial(&caller, "metrics", &refused)?;
        return Err(refused);
    }
    services.note_plain_read(&caller, Event::done("metrics", None))
}

async fn ready(State(probes): State<Arc<Probes>>) -> impl IntoResponse {
    let well = is_well(&probes.node, probes.stuck);
    let status = if well {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    let lag_ms = u64::try_from(probes.gauge.lag().as_millis()).unwrap_or(u64::MAX);
    let disk_low = probes.node.services.files().room().is_low();
    let index_failing = probes.gauge.failing().is_some();
    let body =
        json!({"ready": well, "index_lag_ms": lag_ms, "index_failing": index_failing, "disk_low": disk_low});
    (status, [(CONTENT_TYPE, "application/json")], body.to_string())
}

async fn metrics(State(probes): State<Arc<Probes>>) -> Response {
    let text = tokio::task::spawn_blocking(move || probes.metrics()).await;
    match text {
        Ok(text) => ([(CONTENT_TYPE, "text/plain; version=0.0.4")], text).into_response(),
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

#[expect(
    clippy::cast_precision_loss,
    reason = "figures are told as floating point numbers"
)]
fn whole(number: u64) -> f64 {
    number as f64
}

/// Free bytes of a file system, for those who are not root.
pub fn free_bytes(path: &std::path::Path) -> Option<u64> {
    let facts = rustix::fs::statvfs(path).ok()?;
    Some(facts.f_bavail.saturating_mul(facts.f_frsize))
}

fn resident_bytes() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kilobytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kilobytes * 1024)
}

/// The reference page of all figures, in Markdown.
pub fn page() -> String {
    let mut page = "# Metrics\n\nMade by `blotter docs api`; not edited by hand.\n\nRead at `/metrics` of the listener that \
                    `server.metrics_listen` names, or of the main one with a key that has `nodes:admin`, in the text form of Prometheus.\n\n| figure | form | meaning |\n| --- | --- | --- |\n"
        .to_owned();
    for Figure {
        name, form, about, ..
    } in FIGURES
    {
        writeln!(page, "| `{name}` | {form} | {about} |").expect("writing to a string doesn't fail");
    }
    page
}

#[cfg(test)]
mod tests {
    use super::page;

    #[test]
    fn the_reference_in_the_repository_is_the_one_that_the_program_makes() {
        let committed = include_str!("../../docs/api/metrics.md");
        assert!(
            committed == page(),
            "docs/api/metrics.md is not up to date: `blotter docs api --to docs/api` writes it"
        );
    }
}
