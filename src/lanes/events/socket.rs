//! `GET /v1/events` upgraded to a WebSocket: what is said in its frames. A connection holds a number for each subscription.

use axum::body::Body;
use axum::http::Response;
use serde_json::{Map, Value as Json};
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;

use crate::domain::value::Fields;
use crate::lanes::events::commands;
use crate::lanes::events::wire::{self, Said};
use crate::lanes::http::ears::hear::{Place, Reached, Turn};
use crate::lanes::http::ears::socket::{
    self, AUTH_TOO_LATE, End, Frame, NO_CREDENTIAL, Socket, Step, TRY_AGAIN, Talk,
};
use crate::lanes::http::failure::words_of;
use crate::lanes::http::route::Visit;
use crate::lanes::http::{Ears, Lanes, blocking};
use crate::services::caller::Caller;
use crate::services::events::{Filter, Listener, Wanted};
use crate::services::failure::{Clash, Failure, Outcome};

/// Events written before the client is heard again.
const EVENTS_AT_ONCE: usize = 100;

/// Answers the handshake; the connection goes on beside.
///
/// # Errors
/// Those of the handshake.
pub(super) fn open(lanes: &Lanes, visit: Visit) -> Outcome<Response<Body>> {
    let session = Session {
        lanes: lanes.clone(),
        subscriptions: Vec::new(),
        bad_frames: 0,
    };
    socket::open(lanes, visit, None, session)
}

/// One subscription.
struct Subscription {
    id: String,
    /// The name under which its place is kept.
    durable: Option<String>,
    place: Place,
}

/// One connection.
struct Session {
    lanes: Lanes,
    subscriptions: Vec<Subscription>,
    bad_frames: u32,
}

impl Talk for Session {
    async fn begin(&mut self, socket: &mut Socket, caller: Option<Caller>) -> Result<Listener, End> {
        if let Some(caller) = caller {
            return Ok(Listener::new(caller));
        }
        let first = timeout(self.ears().auth_within, socket.hear()).await;
        let Ok(first) = first else {
            return Err((AUTH_TOO_LATE, "no credential came in time"));
        };
        let needed = (NO_CREDENTIAL, "the first frame must bring a credential");
        let Ok(Frame::Text(text)) = first else {
            return Err(needed);
        };
        match Said::of(&text, self.lanes.options.members_max) {
            Ok(Said::Auth { token }) => socket.admit(&token).await,
            _ => Err(needed),
        }
    }

    async fn deliver(&mut self, socket: &mut Socket, listener: &Listener) -> Result<bool, End> {
        let mut more = false;
        let mut behind = Vec::new();
        for subscription in &mut self.subscriptions {
            let Subscription { id, place, .. } = subscription;
            let turn = place.turn(&self.lanes, listener, EVENTS_AT_ONCE).await;
            let heard = match turn.map_err(|_| TRY_AGAIN)? {
                Turn::Nothing => continue,
                Turn::Lagged => {
                    behind.push(wire::lagged(id, place.at()));
                    id.clear();
                    continue;
                }
                Turn::Heard(heard) => heard,
            };
            for notice in &heard.notices {
                socket.tell(wire::event_frame(id, notice)).await?;
            }
            match place.reached(heard.reached) {
                Reached::More => more = true,
                Reached::CaughtUp => socket.tell(wire::caught_up(id, place.at())).await?,
                Reached::UpToDate => {}
            }
        }
        for frame in behind {
            socket.tell(frame).await?;
        }
        self.subscriptions
            .retain(|subscription| !subscription.id.is_empty());
        Ok(more)
    }

    async fn take(&mut self, socket: &mut Socket, listener: &mut Listener, frame: Frame) -> Step {
        let Frame::Text(text) = frame else {
            return self.refuse(socket, None, "INVALID", "frames are JSON text").await;
        };
        if let Err(failure) = self.lanes.rates.take(listener.caller(), 0) {
            return self.refuse_for(socket, None, &failure).await;
        }
        match Said::of(&text, self.lanes.options.members_max) {
            Ok(said) => self.act(socket, said, listener).await,
            Err((id, failure)) => self.refuse_for(socket, id.as_deref(), &failure).await,
        }
    }
}

impl Session {
    fn ears(&self) -> Ears {
        self.lanes.options.ears
    }

    async fn act(&mut self, socket: &mut Socket, said: Said, listener: &Listener) -> Step {
        match said {
            Said::Auth { .. } => {
                self.refuse(socket, None, "INVALID", "the credential was given already")
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
                Err(failure) => self.refuse_for(socket, Some(&id), &failure).await,
            },
            Said::Ack { id, sequence } => {
                let known = self.subscriptions.iter().find(|known| known.id == id);
                let Some((known, name)) = known.and_then(|known| Some((known, known.durable.as_ref()?)))
                else {
                    let why = "no such named subscription";
                    return self.refuse(socket, Some(&id), "NOT_FOUND", why).await;
                };
                // Nobody has taken care of what he has not heard.
                let told = known.place.at();
                if sequence > told {
                    let expected = format!("at most {told}, the last that this subscription was told");
                    let failure = Failure::wrong("sequence", expected);
                    return self.refuse_for(socket, Some(&id), &failure).await;
                }
                self.lanes
                    .feed
                    .places()
                    .reached(listener.caller(), name, sequence);
                self.bad_frames = 0;
                Ok(())
            }
            Said::Command { id, command, args } => self.command(socket, listener, &id, command, args).await,
            Said::Unsubscribe { id } => {
                let before = self.subscriptions.len();
                self.subscriptions.retain(|subscription| subscription.id != id);
                if self.subscriptions.len() == before {
                    return self
                        .refuse(socket, Some(&id), "NOT_FOUND", "no such subscription")
                        .await;
                }
                self.bad_frames = 0;
                Ok(())
            }
            Said::Ping => {
                self.bad_frames = 0;
                socket.tell(r#"{"op":"pong"}"#).await
            }
        }
    }

    async fn begin_subscription(
        &mut self,
        listener: &Listener,
        id: &str,
        filter: Wanted,
        (after, durable): (Option<u64>, Option<String>),
    ) -> Outcome<Subscription> {
        let filter = Filter::new(filter)?;
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
        let known = after.or(known.transpose()?);
        let at = match known.filter(|known| *known != first) {
            // After a restored backup a name may be ahead of all that there is.
            Some(known) => self.lanes.begin_after(Some(known)).await?,
            None => first,
        };
        Ok(Subscription {
            id: id.to_owned(),
            durable,
            place: Place::new(filter, at),
        })
    }

    /// Has a command carried out; what comes meanwhile waits.
    async fn command(
        &mut self,
        socket: &mut Socket,
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
                socket.tell(wire::result(id, &data)).await
            }
            Err(failure) => self.refuse_for(socket, Some(id), &failure).await,
        }
    }

    async fn refuse_for(&mut self, socket: &mut Socket, id: Option<&str>, failure: &Failure) -> Step {
        let (code, message) = words_of(failure);
        self.refuse(socket, id, code, &message).await
    }

    /// A bad frame gets an error; ten in a row end the connection.
    async fn refuse(&mut self, socket: &mut Socket, id: Option<&str>, code: &str, message: &str) -> Step {
        self.bad_frames += 1;
        socket.tell(wire::error(id, code, message)).await?;
        if self.bad_frames >= self.ears().bad_frames_max {
            return Err((CloseCode::Policy, "too many bad frames"));
        }
        Ok(())
    }
}
