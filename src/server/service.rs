//! What is done around every request, whichever lane it is for: the peer's address goes in, security headers go out,
//! a panic becomes a 500, and the connection learns that it has a request in hand.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use axum::Router;
use axum::body::{Body, Bytes, HttpBody};
use axum::extract::ConnectInfo;
use axum::http::header::{CONTENT_TYPE, STRICT_TRANSPORT_SECURITY};
use axum::http::{HeaderName, HeaderValue, Request, Response, StatusCode};
use futures_util::FutureExt;
use hyper::body::{Frame, Incoming, SizeHint};
use serde_json::json;
use tokio::sync::Notify;
use tokio::time::Instant;
use tower::ServiceExt;

use crate::app::node::request_id;
use crate::lanes::http::ask::Plain;
use crate::server::body::{Pace, PacedBody};

/// What the requests of one connection share.
#[derive(Clone, Debug)]
pub(super) struct Around {
    pub(super) router: Router,
    pub(super) peer: SocketAddr,
    /// Without TLS.
    pub(super) is_plain: bool,
    pub(super) pace: Pace,
    /// The `Strict-Transport-Security` of answers over TLS.
    pub(super) hsts: Option<HeaderValue>,
    pub(super) in_hand: Arc<InHand>,
}

impl Around {
    /// Answers one request.
    pub(super) async fn answer(self, request: Request<Incoming>) -> Result<Response<Body>, Infallible> {
        let mut guard = InHand::take(&self.in_hand);
        let pace = self.pace;
        let mut request = request.map(|body| Body::new(PacedBody::new(body, pace)));
        request.extensions_mut().insert(ConnectInfo(self.peer));
        if self.is_plain {
            request.extensions_mut().insert(Plain);
        }
        let answering = AssertUnwindSafe(self.router.oneshot(request)).catch_unwind();
        let mut response = answering.await.unwrap_or_else(|_panic| Ok(panic_answer()))?;
        guard.answered = true;
        if let Some(hsts) = self.hsts {
            response.headers_mut().insert(STRICT_TRANSPORT_SECURITY, hsts);
        }
        Ok(response.map(|body| {
            Body::new(CountedBody {
                inner: body,
                _guard: guard,
            })
        }))
    }
}

/// Answered when a handler panicked and no layer above it had an answer; the log line is found by the request's id.
fn panic_answer() -> Response<Body> {
    let id = request_id();
    tracing::error!(request_id = id, "a handler panicked");
    let error = json!({"code": "UNEXPECTED_ERROR", "message": "an unexpected error, which was logged"});
    let body = json!({"errors": [error], "meta": {"request_id": id}});
    let mut response = Response::new(Body::from(body.to_string()));
    *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.extend(
        HeaderValue::try_from(id)
            .ok()
            .map(|id| (HeaderName::from_static("x-request-id"), id)),
    );
    response
}

/// How many requests of a connection are in hand, and since when none is.
#[derive(Debug)]
pub(super) struct InHand {
    /// Held to count, never across an await.
    state: Mutex<Counts>,
    given_up_max: u64,
    none_left: Notify,
    too_many_given_up: Notify,
}

#[derive(Debug)]
struct Counts {
    in_hand: usize,
    since: Instant,
    answered: u64,
    given_up: u64,
}

/// One request in hand, until its answer was sent or given up.
#[derive(Debug)]
struct InHandGuard {
    of: Arc<InHand>,
    answered: bool,
}

impl InHand {
    pub(super) fn new(given_up_max: u64) -> Arc<Self> {
        Arc::new(Self {
            state: Mutex::new(Counts {
                in_hand: 0,
                since: Instant::now(),
                answered: 0,
                given_up: 0,
            }),
            given_up_max,
            none_left: Notify::new(),
            too_many_given_up: Notify::new(),
        })
    }

    fn take(this: &Arc<Self>) -> InHandGuard {
        this.lock().in_hand += 1;
        InHandGuard {
            of: Arc::clone(this),
            answered: false,
        }
    }

    fn idle_since(&self) -> Option<Instant> {
        let counts = self.lock();
        (counts.in_hand == 0).then_some(counts.since)
    }

    /// Returns once no request has been in hand for so long.
    pub(super) async fn idle_for(&self, limit: std::time::Duration) {
        loop {
            match self.idle_since() {
                Some(since) if since.elapsed() >= limit => return,
                Some(since) => tokio::time::sleep_until(since + limit).await,
                None => self.none_left.notified().await,
            }
        }
    }

    /// Returns once the peer has given up more requests than anybody would.
    pub(super) async fn abused(&self) {
        self.too_many_given_up.notified().await;
    }

    fn lock(&self) -> MutexGuard<'_, Counts> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for InHandGuard {
    fn drop(&mut self) {
        let mut counts = self.of.lock();
        counts.in_hand -= 1;
        counts.since = Instant::now();
        if counts.in_hand == 0 {
            self.of.none_left.notify_one();
        }
        match self.answered {
            true => counts.answered += 1,
            false => counts.given_up += 1,
        }
        if counts.given_up > self.of.given_up_max.saturating_add(counts.answered) {
            self.of.too_many_given_up.notify_one();
        }
    }
}

/// An answer's body that keeps its request in hand until it is sent or dropped.
#[derive(Debug)]
struct CountedBody {
    inner: Body,
    _guard: InHandGuard,
}

impl HttpBody for CountedBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.inner).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}
