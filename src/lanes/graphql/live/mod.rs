//! `GET /graphql/ws`: subscriptions over a WebSocket by the protocol `graphql-transport-ws`; queries and changes as well. They
//! run side by side; a subscription has begun when the next frame is taken. Of a subscription its text and a number are kept, and
//! nothing of what it hears.

/// Frames as JSON.
mod frames;
/// The root of subscriptions.
mod root;
/// Subscriptions: what they want, and what they are told.
mod tell;

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use axum::body::Body;
use axum::http::header::{HOST, SEC_WEBSOCKET_PROTOCOL};
use axum::http::{HeaderValue, Response};
use futures_util::future::select_all;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;

use crate::lanes::graphql::live::frames::{PROTOCOL, Said};
use crate::lanes::graphql::live::tell::{Begun, Subject, answer, begin, tell};
use crate::lanes::graphql::run::Kept;
use crate::lanes::graphql::wire::{Asked, Told};
use crate::lanes::http::ask::Head;
use crate::lanes::http::ears::hear::{Place, Reached, Turn};
use crate::lanes::http::ears::socket::{
    self, AUTH_TOO_LATE, End, Frame, NO_CREDENTIAL, Socket, Step, TRY_AGAIN, Talk,
};
use crate::lanes::http::route::Visit;
use crate::lanes::http::{Lanes, blocking};
use crate::services::caller::Caller;
use crate::services::events::Listener;
use crate::services::failure::{Failure, Outcome};

pub(super) use root::add;

const BAD_MESSAGE: End = (CloseCode::Library(4400), "no such message");
const NO_ID: End = (
    CloseCode::Library(4400),
    "the id of an operation has 1 to 100 bytes",
);
const WRONG_PROTOCOL: End = (
    CloseCode::Library(4406),
    "the sub-protocol must be graphql-transport-ws",
);
const INIT_TOO_LATE: End = (AUTH_TOO_LATE, "connection_init did not come in time");
const INIT_AGAIN: End = (CloseCode::Library(4429), "too many connection_init messages");
const UNAUTHORIZED: End = (
    NO_CREDENTIAL,
    "connection_init must come first, with a credential",
);
const KNOWN_ID: End = (CloseCode::Library(4409), "an operation of this id goes on");

/// Bytes of the name of an operation.
const ID_BYTES_MAX: usize = 100;

/// Answers the handshake; the connection goes on beside. One that offers another protocol is told so by its close code.
///
/// # Errors
/// Those of the handshake.
pub(super) fn open(kept: Arc<Kept>, lanes: &Lanes, visit: Visit) -> Outcome<Response<Body>> {
    let offered = visit.head.headers.get_all(SEC_WEBSOCKET_PROTOCOL).iter();
    let speaks = offered
        .filter_map(|offered| offered.to_str().ok())
        .flat_map(|offered| offered.split(','))
        .any(|offered| offered.trim() == PROTOCOL);
    let session = Session {
        kept,
        lanes: lanes.clone(),
        head: Arc::new(lasting(&visit.head)),
        speaks,
        subscriptions: Vec::new(),
        running: Vec::new(),
    };
    socket::open(lanes, visit, speaks.then_some(PROTOCOL), session)
}

/// Of the handshake what operations need: one header would keep the buffer in which all of them came.
fn lasting(head: &Head) -> Head {
    let host = head.headers.get(HOST).map(HeaderValue::as_bytes);
    let host = host.and_then(|host| HeaderValue::from_bytes(host).ok());
    Head {
        headers: host.map(|host| (HOST, host)).into_iter().collect(),
        ..head.clone()
    }
}

/// One subscription.
struct Subscription {
    id: String,
    asked: Arc<Asked>,
    subject: Subject,
    /// Events that may be told in one sitting: together they cost no more than one query may.
    at_once: usize,
    place: Place,
}

/// A query or a change that is carried out.
struct Running {
    /// `None` if its client does not want to know any more.
    id: Option<String>,
    told: Pin<Box<dyn Future<Output = Outcome<Told>> + Send>>,
}

/// One connection.
struct Session {
    kept: Arc<Kept>,
    lanes: Lanes,
    head: Arc<Head>,
    speaks: bool,
    subscriptions: Vec<Subscription>,
    running: Vec<Running>,
}

impl Talk for Session {
    async fn begin(&mut self, socket: &mut Socket, caller: Option<Caller>) -> Result<Listener, End> {
        if !self.speaks {
            return Err(WRONG_PROTOCOL);
        }
        let within = self.lanes.options.ears.auth_within;
        let payload = timeout(within, initiated(socket)).await;
        let payload = payload.map_err(|_elapsed| INIT_TOO_LATE)??;
        let listener = match (frames::credential_in(&payload), caller) {
            (Some(credential), _) => socket.admit(credential).await?,
            (None, Some(caller)) => Listener::new(caller),
            (None, None) => return Err(UNAUTHORIZED),
        };
        socket.tell(frames::ACK).await?;
        Ok(listener)
    }

    async fn deliver(&mut self, socket: &mut Socket, listener: &Listener) -> Result<bool, End> {
        let (mut more, mut ended) = (false, Vec::new());
        for subscription in &mut self.subscriptions {
            let Subscription {
                id,
                asked,
                subject,
                at_once,
                place,
            } = subscription;
            let turn = place.turn(&self.lanes, listener, *at_once).await;
            let heard = match turn.map_err(|_| TRY_AGAIN)? {
                Turn::Nothing => continue,
                Turn::Lagged => {
                    let frame = frames::lagged(id, place.at(), &self.head.request_id);
                    socket.tell(frame).await?;
                    ended.push(id.clone());
                    continue;
                }
                Turn::Heard(heard) => heard,
            };
            let mut reached = heard.reached;
            if !heard.notices.is_empty() {
                let (kept, lanes, head) =
                    (Arc::clone(&self.kept), self.lanes.clone(), Arc::clone(&self.head));
                let (who, asked) = (listener.caller().clone(), Arc::clone(asked));
                let subject = *subject;
                let turn = self.kept.turn().await.map_err(|_| TRY_AGAIN)?;
                let told =
                    blocking(move || tell(&kept, &lanes, (&who, &head), (&asked, subject), heard, turn));
                let told = told.await.map_err(|_| TRY_AGAIN)?;
                reached = told.reached;
                for told in &told.answers {
                    socket.tell(frames::next(id, told)).await?;
                }
            }
            more |= place.reached(reached) == Reached::More;
        }
        self.subscriptions.retain(|known| !ended.contains(&known.id));
        Ok(more)
    }

    async fn take(&mut self, socket: &mut Socket, listener: &mut Listener, frame: Frame) -> Step {
        let Frame::Text(text) = frame else {
            return Err(BAD_MESSAGE);
        };
        let busy = self.lanes.rates.take(listener.caller(), 0);
        match (serde_json::from_str(&text).map_err(|_| BAD_MESSAGE)?, busy) {
            (Said::Subscribe { id, payload }, Ok(())) => {
                *listener = socket.look_again().await?;
                self.carry_out(socket, listener, id, payload).await
            }
            (Said::Subscribe { id, .. }, Err(busy)) => {
                let told = Told::refused(&busy, &self.head.request_id);
                socket.tell(frames::error(&id, &told)).await
            }
            (_, Err(_)) => Err(TRY_AGAIN),
            (Said::ConnectionInit { .. }, _) => Err(INIT_AGAIN),
            (Said::Ping {}, _) => socket.tell(frames::PONG).await,
            (Said::Pong {}, _) => Ok(()),
            (Said::Complete { id }, _) => {
                self.subscriptions.retain(|known| known.id != id);
                let running = self.running.iter_mut();
                for known in running.filter(|known| known.id.as_ref() == Some(&id)) {
                    known.id = None;
                }
                Ok(())
            }
        }
    }

    async fn made(&mut self) -> Option<Result<Vec<String>, End>> {
        if self.running.is_empty() {
            return None;
        }
        let (told, place, _) = select_all(self.running.iter_mut().map(|known| &mut known.told)).await;
        let id = self.running.swap_remove(place).id;
        Some(match (told, id) {
            (Err(_), _) => Err(TRY_AGAIN),
            (Ok(_), None) => Ok(Vec::new()),
            (Ok(told), Some(id)) if told.data.is_none() => Ok(vec![frames::error(&id, &told)]),
            (Ok(told), Some(id)) => Ok(vec![frames::next(&id, &told), frames::complete(&id)]),
        })
    }
}

/// What a client brings with its beginning; it may ask before whether the server is there.
async fn initiated(socket: &mut Socket) -> Result<serde_json::Map<String, serde_json::Value>, End> {
    loop {
        let Frame::Text(text) = socket.hear().await? else {
            return Err(BAD_MESSAGE);
        };
        match serde_json::from_str(&text).map_err(|_| BAD_MESSAGE)? {
            Said::ConnectionInit { payload } => return Ok(payload.unwrap_or_default()),
            Said::Ping {} => {
                socket.tell(frames::PONG).await?;
                socket.flush().await?;
            }
            Said::Pong {} => {}
            Said::Subscribe { .. } => return Err(UNAUTHORIZED),
            Said::Complete { .. } => return Err(BAD_MESSAGE),
        }
    }
}

impl Session {
    /// Begins an operation.
    async fn carry_out(
        &mut self,
        socket: &mut Socket,
        listener: &Listener,
        id: String,
        asked: Asked,
    ) -> Step {
        if !(1..=ID_BYTES_MAX).contains(&id.len()) {
            return Err(NO_ID);
        }
        let is_running = |known: &Running| known.id.as_ref() == Some(&id);
        if self.subscriptions.iter().any(|known| known.id == id) || self.running.iter().any(is_running) {
            return Err(KNOWN_ID);
        }
        while self.running.len() >= self.lanes.options.graphql.operations_max {
            let Some(made) = self.made().await else { break };
            socket.tell_all(made?).await?;
        }
        let subscriptions_max = self.lanes.options.ears.subscriptions_max;
        let is_full = self.subscriptions.len() >= subscriptions_max;
        let (kept, lanes, head) = (Arc::clone(&self.kept), self.lanes.clone(), Arc::clone(&self.head));
        let (who, asked) = (listener.caller().clone(), Arc::new(asked));
        let (caller, operation) = (who.clone(), Arc::clone(&asked));
        let refuse = move || match is_full {
            true => Err(Failure::Denied(format!(
                "at most {subscriptions_max} subscriptions (events.subscriptions_max)"
            ))),
            false => Ok(()),
        };
        let begun = blocking(move || begin(&kept, &lanes, (&caller, &head), &operation, refuse)).await;
        match begun.map_err(|_| TRY_AGAIN)? {
            Begun::Asked(document) => {
                let (kept, lanes, head) =
                    (Arc::clone(&self.kept), self.lanes.clone(), Arc::clone(&self.head));
                let asked = (Asked::clone(&asked), *document);
                let told = blocking(move || answer(&kept, &lanes, (&who, &head), asked));
                self.running.push(Running {
                    id: Some(id),
                    told: Box::pin(told),
                });
                Ok(())
            }
            Begun::Refused(told) => socket.tell(frames::error(&id, &told)).await,
            Begun::Subscribed {
                subject,
                place,
                at_once,
            } => {
                self.subscriptions.push(Subscription {
                    id,
                    asked,
                    subject,
                    at_once,
                    place,
                });
                Ok(())
            }
        }
    }
}
