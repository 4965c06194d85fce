//! `GET /v1/events` upgraded to a WebSocket (RFC 6455). A connection holds a number for each subscription and nothing else: what
//! it hears is read when it can take it.

use std::future::{Future, ready};
use std::time::Duration;

use axum::body::Body;
use axum::http::header::{
    CONNECTION, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_VERSION, UPGRADE,
};
use axum::http::{HeaderValue, Response, StatusCode};
use futures_util::{SinkExt, StreamExt};
use hyper::upgrade::{OnUpgrade, Upgraded};
use hyper_util::rt::TokioIo;
use serde_json::{Map, Value as Json};
use tokio::sync::watch;
use tokio::time::{Instant, MissedTickBehavior, interval_at, timeout};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, Message, Role, WebSocketConfig};
use tokio_tungstenite::tungstenite::{Error as WireError, error::CapacityError};

use crate::domain::value::Fields;
use crate::lanes::events::commands;
use crate::lanes::events::guest::{Guest, LOOK_EVERY};
use crate::lanes::events::pull::{hear, note};
use crate::lanes::events::wire::{self, FilterSaid, Said};
use crate::lanes::http::caller::refuse_foreign_page;
use crate::lanes::http::failure::words_of;
use crate::lanes::http::route::Visit;
use crate::lanes::http::{Ears, Lanes, blocking};
use crate::services::audit::Event;
use crate::services::events::{Filter, Listener};
use crate::services::failure::{Clash, Failure, Outcome};

/// Events written before the client is heard again.
const EVENTS_AT_ONCE: usize = 100;
/// How long a farewell may take; a stop waits for it.
const FAREWELL: Duration = Duration::from_secs(1);

const NO_CREDENTIAL: CloseCode = CloseCode::Library(4401);
const LANE_CLOSED: CloseCode = CloseCode::Library(4403);
const AUTH_TOO_LATE: CloseCode = CloseCode::Library(4408);

/// Answers the handshake; the connection goes on beside.
///
/// # Errors
/// `Invalid` for a handshake that is none; `Denied` for a foreign page with our cookie.
pub(super) async fn open(lanes: &Lanes, visit: Visit) -> Outcome<Response<Body>> {
    let Visit {
        caller,
        head,
        upgrade,
        ..
    } = visit;
    let version = head.header(SEC_WEBSOCKET_VERSION.as_str());
    let (Some(key), Some("13"), Some(upgrade)) = (head.headers.get(SEC_WEBSOCKET_KEY), version, upgrade)
    else {
        return Err(Failure::wrong(
            "handshake",
            "a WebSocket of version 13 over HTTP/1.1, with Sec-WebSocket-Key",
        ));
    };
    if caller.is_some() {
        refuse_foreign_page(&head)?;
    }
    let accept = HeaderValue::try_from(derive_accept_key(key.as_bytes()));
    let accept = accept.map_err(|error| Failure::Internal(error.to_string()))?;
    let guest = Guest::of(&head);
    let beside = lanes.clone();
    lanes.beside.spawn(async move {
        if let Some(mut session) = Session::begin(beside, upgrade, guest).await {
            let code = session.run(caller.map(Listener::new)).await;
            session.close(code).await;
        }
    });
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    let headers = response.headers_mut();
    headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
    headers.insert(CONNECTION, HeaderValue::from_static("upgrade"));
    headers.insert(SEC_WEBSOCKET_ACCEPT, accept);
    Ok(response)
}

/// One subscription.
struct Subscription {
    id: String,
    filter: Filter,
    /// The name under which its place is kept.
    durable: Option<String>,
    /// The last arrival that it has.
    at: u64,
    /// The end of the replay was told.
    caught_up: bool,
}

/// One connection.
struct Session {
    lanes: Lanes,
    guest: Guest,
    wire: WebSocketStream<TokioIo<Upgraded>>,
    moved: watch::Receiver<u64>,
    subscriptions: Vec<Subscription>,
    bad_frames: u32,
    heard_at: Instant,
}

/// Why a connection ends; the close frame says it.
type End = (CloseCode, &'static str);
/// A step, or the end.
type Step = Result<(), End>;

const GONE: End = (CloseCode::Normal, "");
const GOING_AWAY: End = (CloseCode::Away, "the node is stopping");
const TRY_AGAIN: End = (CloseCode::Again, "try again later");
const OVER: End = (NO_CREDENTIAL, "the credential opens this no more");

impl Session {
    async fn begin(lanes: Lanes, upgrade: OnUpgrade, guest: Guest) -> Option<Self> {
        let upgraded = upgrade.await.ok()?;
        let bytes_max = lanes.options.ears.frame_bytes_max;
        let config = WebSocketConfig::default()
            .read_buffer_size(4 << 10)
            .write_buffer_size(8 << 10)
            .max_message_size(Some(bytes_max))
            .max_frame_size(Some(bytes_max));
        let wire = WebSocketStream::from_raw_socket(TokioIo::new(upgraded), Role::Server, Some(config)).await;
        Some(Self {
            guest,
            wire,
            moved: lanes.feed.listen(),
            lanes,
            subscriptions: Vec::new(),
            bad_frames: 0,
            heard_at: Instant::now(),
        })
    }

    fn ears(&self) -> Ears {
        self.lanes.options.ears
    }

    async fn run(&mut self, listener: Option<Listener>) -> End {
        let listener = match listener {
            Some(listener) => Ok(listener),
            None => self.await_credential().await,
        };
        let mut listener = match listener {
            Ok(listener) => listener,
            Err(end) => return end,
        };
        let (services, who) = (self.lanes.services.clone(), listener.caller().clone());
        if blocking(move || services.note(&who, Event::done("events.listen", None)))
            .await
            .is_err()
        {
            return TRY_AGAIN;
        }
        let ping_every = self.ears().ping_every;
        let mut pings = interval_at(Instant::now() + ping_every, ping_every);
        let mut looks = interval_at(Instant::now() + LOOK_EVERY, LOOK_EVERY);
        pings.set_missed_tick_behavior(MissedTickBehavior::Delay);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            self.moved.mark_unchanged();
            let more = match self.deliver(&listener).await {
                Ok(more) => more,
                Err(end) => return end,
            };
            let lanes = self.lanes.clone();
            let step = tokio::select! {
                biased;
                () = lanes.beside.stopping() => Err(GOING_AWAY),
                frame = self.wire.next() => self.take(frame, &listener).await,
                _ = looks.tick() => match self.guest.look_again(&lanes).await {
                    Ok(still) => { listener = still; Ok(()) }
                    Err(Failure::Unauthenticated(_) | Failure::Denied(_)) => Err(OVER),
                    Err(_) => Err(TRY_AGAIN),
                },
                _ = pings.tick() => self.ping().await,
                () = ready(()), if more => Ok(()),
                moved = self.moved.changed() => moved.map_err(|_| GOING_AWAY),
            };
            if let Err(end) = step {
                return end;
            }
        }
    }

    /// The credential as the first frame, within its time.
    async fn await_credential(&mut self) -> Result<Listener, End> {
        let first = timeout(self.ears().auth_within, self.wire.next()).await;
        let Ok(first) = first else {
            return Err((AUTH_TOO_LATE, "no credential came in time"));
        };
        let Some(Ok(Message::Text(text))) = first else {
            return Err((NO_CREDENTIAL, "the first frame must bring a credential"));
        };
        let Ok(Said::Auth { token }) = serde_json::from_str(&text) else {
            return Err((NO_CREDENTIAL, "the first frame must bring a credential"));
        };
        self.guest = self.guest.clone().with(&token);
        match self.guest.admit(&self.lanes).await {
            Ok(caller) => Ok(Listener::new(caller)),
            Err(Failure::Denied(_)) => Err((LANE_CLOSED, "the credential does not open this lane")),
            Err(Failure::Unauthenticated(_)) => Err((NO_CREDENTIAL, "the credential is unknown")),
            Err(_) => Err(TRY_AGAIN),
        }
    }

    /// Writes what subscriptions hear next; says whether there is more at once.
    async fn deliver(&mut self, listener: &Listener) -> Result<bool, End> {
        let behind_max = self.ears().behind_max;
        let mut more = false;
        let mut behind = Vec::new();
        for place in 0..self.subscriptions.len() {
            let head = self.lanes.feed.head();
            let subscription = &mut self.subscriptions[place];
            if subscription.caught_up && head.saturating_sub(subscription.at) > behind_max {
                behind.push(wire::lagged(&subscription.id, subscription.at));
                subscription.id.clear();
                continue;
            }
            if subscription.caught_up && subscription.at >= head {
                continue;
            }
            let who = (listener, &subscription.filter);
            let heard = hear(&self.lanes, who, subscription.at, EVENTS_AT_ONCE).await;
            let heard = heard.map_err(|_| TRY_AGAIN)?;
            note(&self.lanes, listener.caller(), &heard)
                .await
                .map_err(|_| TRY_AGAIN)?;
            subscription.at = heard.reached;
            for notice in &heard.notices {
                let frame = wire::event_frame(&subscription.id, notice);
                send(self.wire.feed(Message::text(frame))).await?;
            }
            if subscription.at < head {
                more = true;
            } else if !subscription.caught_up {
                subscription.caught_up = true;
                let frame = wire::caught_up(&subscription.id, subscription.at);
                send(self.wire.feed(Message::text(frame))).await?;
            }
        }
        for frame in behind {
            send(self.wire.feed(Message::text(frame))).await?;
        }
        self.subscriptions
            .retain(|subscription| !subscription.id.is_empty());
        send(self.wire.flush()).await?;
        Ok(more)
    }

    async fn ping(&mut self) -> Step {
        if self.heard_at.elapsed() > 3 * self.ears().ping_every {
            return Err(GONE);
        }
        send(self.wire.send(Message::Ping(Vec::new().into()))).await
    }

    /// Takes what the client said.
    async fn take(&mut self, frame: Option<Result<Message, WireError>>, listener: &Listener) -> Step {
        self.heard_at = Instant::now();
        let text = match frame {
            Some(Ok(Message::Text(text))) => text,
            Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_))) => return Ok(()),
            Some(Ok(Message::Binary(_))) => {
                return self.refuse(None, "INVALID", "frames are JSON text").await;
            }
            None | Some(Ok(Message::Close(_))) => return Err(GONE),
            Some(Err(WireError::Capacity(CapacityError::MessageTooLong { .. }))) => {
                return Err((CloseCode::Size, "the frame is too long"));
            }
            Some(Err(WireError::Utf8(_))) => return Err((CloseCode::Invalid, "the frame is not UTF-8")),
            Some(Err(WireError::Protocol(_))) => return Err((CloseCode::Protocol, "no such frame")),
            Some(Err(_)) => return Err(GONE),
        };
        if let Err(failure) = self.lanes.rates.take(listener.caller(), 0) {
            return self.refuse_for(None, &failure).await;
        }
        match serde_json::from_str(&text) {
            Ok(said) => self.act(said, listener).await,
            Err(error) => self.refuse(None, "INVALID", &error.to_string()).await,
        }
    }

    async fn act(&mut self, said: Said, listener: &Listener) -> Step {
        match said {
            Said::Auth { .. } => {
                self.refuse(None, "INVALID", "the credential was given already")
                    .await
            }
            Said::Subscribe {
                id,
                filter,
                after,
                durable,
            } => match self
                .begin_subscription(listener, &id, filter, (after, durable))
                .await
            {
                Ok(subscription) => {
                    self.bad_frames = 0;
                    self.subscriptions.push(subscription);
                    Ok(())
                }
                Err(failure) => self.refuse_for(Some(&id), &failure).await,
            },
            Said::Ack { id, sequence } => {
                let known = self.subscriptions.iter().find(|known| known.id == id);
                let Some((known, name)) = known.and_then(|known| Some((known, known.durable.as_ref()?)))
                else {
                    let why = "no such named subscription";
                    return self.refuse(Some(&id), "NOT_FOUND", why).await;
                };
                // Nobody has taken care of what he has not heard.
                let sequence = sequence.min(known.at);
                self.lanes
                    .feed
                    .places()
                    .reached(listener.caller(), name, sequence);
                self.bad_frames = 0;
                Ok(())
            }
            Said::Command { id, command, args } => self.command(listener, &id, command, args).await,
            Said::Unsubscribe { id } => {
                let before = self.subscriptions.len();
                self.subscriptions.retain(|subscription| subscription.id != id);
                if self.subscriptions.len() == before {
                    return self.refuse(Some(&id), "NOT_FOUND", "no such subscription").await;
                }
                self.bad_frames = 0;
                Ok(())
            }
            Said::Ping {} => {
                self.bad_frames = 0;
                send(self.wire.send(Message::text(r#"{"op":"pong"}"#))).await
            }
        }
    }

    async fn begin_subscription(
        &mut self,
        listener: &Listener,
        id: &str,
        filter: FilterSaid,
        (after, durable): (Option<u64>, Option<String>),
    ) -> Outcome<Subscription> {
        let filter = Filter::new(filter.into())?;
        if id.is_empty() || id.len() > 100 {
            return Err(Failure::wrong("id", "1 to 100 bytes"));
        }
        let clash = |why: &str| Failure::Conflict(Clash::State, why.to_owned(), Fields::new());
        if self.subscriptions.iter().any(|known| known.id == id) {
            return Err(clash("there is a subscription of this id"));
        }
        let subscriptions_max = self.ears().subscriptions_max;
        if self.subscriptions.len() >= subscriptions_max {
            return Err(Failure::Denied(format!(
                "at most {subscriptions_max} subscriptions"
            )));
        }
        let first = self.lanes.begin_after(after).await?;
        // A name knows better than its client where it stands, unless the client says it.
        let known = durable
            .as_ref()
            .map(|name| self.lanes.feed.places().begin(listener.caller(), name, first));
        let at = after.or(known.transpose()?).unwrap_or(first);
        Ok(Subscription {
            id: id.to_owned(),
            filter,
            durable,
            at,
            caught_up: false,
        })
    }

    /// Has a command carried out; what comes meanwhile waits.
    async fn command(
        &mut self,
        listener: &Listener,
        id: &str,
        name: String,
        args: Map<String, Json>,
    ) -> Step {
        let (lanes, caller) = (self.lanes.clone(), listener.caller().clone());
        let done = blocking(move || {
            let done = commands::carry_out(&lanes, &caller, &name, args);
            if let Err(failure) = &done {
                lanes
                    .services
                    .note_failure(&caller, &format!("command {name}"), failure)?;
            }
            done
        });
        match done.await {
            Ok(data) => {
                self.bad_frames = 0;
                send(self.wire.send(Message::text(wire::result(id, &data)))).await
            }
            Err(failure) => self.refuse_for(Some(id), &failure).await,
        }
    }

    async fn refuse_for(&mut self, id: Option<&str>, failure: &Failure) -> Step {
        let (code, message) = words_of(failure);
        self.refuse(id, code, &message).await
    }

    /// A bad frame gets an error; ten in a row end the connection.
    async fn refuse(&mut self, id: Option<&str>, code: &str, message: &str) -> Step {
        self.bad_frames += 1;
        send(self.wire.send(Message::text(wire::error(id, code, message)))).await?;
        if self.bad_frames >= self.ears().bad_frames_max {
            return Err((CloseCode::Policy, "too many bad frames"));
        }
        Ok(())
    }

    async fn close(&mut self, (code, reason): End) {
        let frame = CloseFrame {
            code,
            reason: reason.into(),
        };
        let closing = async {
            drop(self.wire.close(Some(frame)).await);
            // The client's own farewell, so that ours is not lost with the connection.
            while let Some(Ok(_)) = self.wire.next().await {}
        };
        drop(timeout(FAREWELL, closing).await);
    }
}

/// A peer that is gone ends the connection.
async fn send(sending: impl Future<Output = Result<(), WireError>>) -> Step {
    sending.await.map_err(|_| GONE)
}
