//! `GET /v1/events` without an upgrade: a page of events, waited for if need be, or a stream.

use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::http::{HeaderValue, Response};
use futures_util::stream;
use tokio::time::{Instant, timeout_at};

use crate::lanes::http::answer::Answer;
use crate::lanes::http::ask::Head;
use crate::lanes::http::ears::event;
use crate::lanes::http::ears::guest::{Guest, LOOK_EVERY};
use crate::lanes::http::ears::hear::{hear, note, read};
use crate::lanes::http::{Lanes, blocking};
use crate::services::audit::Event;
use crate::services::caller::Caller;
use crate::services::events::{Filter, Listener, Notice, Wanted};
use crate::services::failure::{Failure, Fault, Outcome};

/// Events an answer, at most.
pub(super) const LIMIT_MAX: usize = 500;
/// Unless somebody says.
const LIMIT: usize = 100;
/// After so long without an event a stream says that it is alive.
const ALIVE_EVERY: Duration = Duration::from_secs(15);

/// What is asked for.
struct Asked {
    filter: Filter,
    after: Option<u64>,
    /// Of a page; of a stream what is taken out of the log at a time.
    limit: usize,
    /// Whether somebody said so; a stream ends after so many then.
    is_limited: bool,
    wait: Duration,
}

impl Asked {
    fn of(head: &Head, wait_max: Duration) -> Outcome<Self> {
        let mut faults = Vec::new();
        let list = |name: &str| -> Vec<String> {
            let words = head.param(name).unwrap_or_default().split(',').map(str::trim);
            words.filter(|word| !word.is_empty()).map(str::to_owned).collect()
        };
        // A stream that was cut says where it was by a header; its address still says where it began.
        let last = head.header("last-event-id").map(str::trim);
        let (name, after) = match last.filter(|last| !last.is_empty()) {
            Some(last) => ("Last-Event-ID", Some(last)),
            None => ("after", head.param("after")),
        };
        let after = after.map(str::parse).transpose().unwrap_or_else(|_| {
            faults.push(Fault::wrong(name, "a `sequence`"));
            None
        });
        let limit = head.param("limit").map_or(Ok(LIMIT), str::parse);
        let limit = limit.ok().filter(|limit| (1..=LIMIT_MAX).contains(limit));
        if limit.is_none() {
            faults.push(Fault::wrong(
                "limit",
                format!("a whole number from 1 to {LIMIT_MAX}"),
            ));
        }
        let wait = head.param("wait").map_or(Some(0), seconds);
        let wait = wait.map(Duration::from_secs).filter(|wait| *wait <= wait_max);
        if wait.is_none() {
            faults.push(Fault::wrong("wait", format!("`0s` to `{}s`", wait_max.as_secs())));
        }
        let filter = Filter::new(Wanted {
            types: list("types"),
            cases: list("cases"),
            entities: list("entities"),
            min_severity: head.param("min_severity").map(str::to_owned),
        });
        match (filter, limit, wait) {
            (Ok(filter), Some(limit), Some(wait)) if faults.is_empty() => Ok(Self {
                filter,
                after,
                limit,
                is_limited: head.param("limit").is_some(),
                wait,
            }),
            (filter, ..) => {
                if let Err(Failure::Invalid(more)) = filter {
                    faults.extend(more.into_iter().map(by_parameter));
                }
                Err(Failure::Invalid(faults))
            }
        }
    }
}

/// A fault of a filter, under the name that the parameter has here.
fn by_parameter(fault: Fault) -> Fault {
    let name = match fault.path.as_str() {
        "filter.eventTypes" => "types",
        "filter.caseIds" => "cases",
        "filter.entityIds" => "entities",
        "filter.minSeverity" => "min_severity",
        _ => return fault,
    };
    Fault {
        path: name.to_owned(),
        ..fault
    }
}

fn seconds(text: &str) -> Option<u64> {
    text.strip_suffix('s').unwrap_or(text).parse().ok()
}

/// A page: what there is after a number, waited for if there is nothing.
pub(super) async fn page(lanes: Lanes, caller: Caller, head: Head) -> Outcome<Response<Body>> {
    let asked = Asked::of(&head, lanes.options.ears.wait_max)?;
    let mut moved = lanes.feed.listen();
    let mut after = lanes.begin_after(asked.after).await?;
    let until = Instant::now() + asked.wait;
    let listener = Listener::new(caller);
    // The first look is into the log: who was answered a write hears of it, though the feed may not have come so far.
    let mut heard = read(&lanes, (&listener, &asked.filter), after, asked.limit).await?;
    let heard = loop {
        after = heard.reached;
        if !heard.notices.is_empty() {
            break heard;
        }
        moved.mark_unchanged();
        if after >= lanes.feed.head() {
            tokio::select! {
                moved = timeout_at(until, moved.changed()) => if !matches!(moved, Ok(Ok(()))) { break heard },
                () = lanes.beside.stopping() => break heard,
            }
        }
        heard = hear(&lanes, (&listener, &asked.filter), after, asked.limit).await?;
    };
    note(&lanes, listener.caller(), &heard).await?;
    let event = Event::done("events.read", None);
    let (services, who) = (lanes.services.clone(), listener.caller().clone());
    blocking(move || services.note_plain_read(&who, event)).await?;
    let events = heard
        .notices
        .iter()
        .map(|notice| event::json_of(notice))
        .collect::<Vec<_>>();
    Ok(Answer::data(events).meta("sequence", after).render())
}

/// A stream of server-sent events: replay first, then as it happens, without end or as many as were asked for.
pub(super) async fn stream(
    lanes: Lanes,
    caller: Caller,
    guest: Guest,
    head: Head,
) -> Outcome<Response<Body>> {
    let asked = Asked::of(&head, lanes.options.ears.wait_max)?;
    let (services, who) = (lanes.services.clone(), caller.clone());
    blocking(move || services.note(&who, Event::done("events.listen", None))).await?;
    let moved = lanes.feed.listen();
    let streaming = Streaming {
        after: lanes.begin_after(asked.after).await?,
        left: asked.is_limited.then_some(asked.limit),
        asked,
        listener: Listener::new(caller),
        guest,
        looked: Instant::now(),
        moved,
        lanes,
    };
    let chunks = stream::unfold(streaming, |mut streaming| async move {
        let text = streaming.next().await?;
        Some((Ok::<_, std::convert::Infallible>(Bytes::from(text)), streaming))
    });
    let mut response = Response::new(Body::from_stream(chunks));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(response)
}

/// A stream and where it is.
struct Streaming {
    lanes: Lanes,
    guest: Guest,
    listener: Listener,
    looked: Instant,
    asked: Asked,
    after: u64,
    /// How many events it may tell still.
    left: Option<usize>,
    moved: tokio::sync::watch::Receiver<u64>,
}

impl Streaming {
    /// What goes out next; nothing once the stream has ended.
    async fn next(&mut self) -> Option<String> {
        let alive_at = Instant::now() + ALIVE_EVERY;
        let limit = self.left.unwrap_or(self.asked.limit);
        if limit == 0 {
            return None;
        }
        loop {
            if self.looked.elapsed() >= LOOK_EVERY {
                self.listener = self.guest.look_again(&self.lanes).await.ok()?;
                self.looked = Instant::now();
            }
            self.moved.mark_unchanged();
            let who = (&self.listener, &self.asked.filter);
            let heard = hear(&self.lanes, who, self.after, limit).await.ok()?;
            self.after = heard.reached;
            if !heard.notices.is_empty() {
                note(&self.lanes, self.listener.caller(), &heard).await.ok()?;
                self.left = self.left.map(|left| left.saturating_sub(heard.notices.len()));
                return Some(heard.notices.iter().map(|notice| chunk(notice)).collect());
            }
            if self.after < self.lanes.feed.head() {
                continue;
            }
            tokio::select! {
                moved = timeout_at(alive_at, self.moved.changed()) => match moved {
                    Ok(moved) => moved.ok()?,
                    Err(_elapsed) => return Some(": alive\n\n".to_owned()),
                },
                () = self.lanes.beside.stopping() => return None,
            }
        }
    }
}

/// An event as a stream tells it.
fn chunk(notice: &Notice) -> String {
    let (sequence, name, text) = (notice.sequence, &notice.name, event::text(notice));
    format!("id: {sequence}\nevent: {name}\ndata: {text}\n\n")
}
