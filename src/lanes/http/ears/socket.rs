//! A WebSocket (RFC 6455) over which somebody listens: the handshake, frames in and out, the credential that is asked for again
//! and again, the farewell. What is said in frames belongs to the lanes. A connection holds what it is writing and nothing else:
//! what it hears is read when it can take it.

use std::convert::Infallible;
use std::future::{Future, ready};
use std::time::Duration;

use axum::body::Body;
use axum::http::header::{
    CONNECTION, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_PROTOCOL, SEC_WEBSOCKET_VERSION,
    UPGRADE,
};
use axum::http::{HeaderMap, HeaderValue, Response, StatusCode};
use futures_util::{SinkExt, StreamExt};
use hyper::upgrade::{OnUpgrade, Upgraded};
use hyper_util::rt::TokioIo;
use tokio::time::{Instant, MissedTickBehavior, interval_at, timeout};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, Message, Role, WebSocketConfig};
use tokio_tungstenite::tungstenite::{Error as WireError, Utf8Bytes, error::CapacityError};

use crate::lanes::http::caller::refuse_foreign_page;
use crate::lanes::http::ears::guest::{Guest, LOOK_EVERY};
use crate::lanes::http::route::Visit;
use crate::lanes::http::{Lanes, blocking};
use crate::services::audit::Event;
use crate::services::caller::Caller;
use crate::services::events::Listener;
use crate::services::failure::{Failure, Outcome};

/// How long a farewell may take; a stop waits for it.
const FAREWELL: Duration = Duration::from_secs(1);

/// Why a connection ends: the close frame says it.
pub type End = (CloseCode, &'static str);
/// A step, or the end.
pub type Step = Result<(), End>;

/// No credential, or one that opens nothing.
pub const NO_CREDENTIAL: CloseCode = CloseCode::Library(4401);
/// A credential that does not open the lane.
pub const LANE_CLOSED: CloseCode = CloseCode::Library(4403);
/// The credential took too long.
pub const AUTH_TOO_LATE: CloseCode = CloseCode::Library(4408);
/// It is not this client's fault.
pub const TRY_AGAIN: End = (CloseCode::Again, "try again later");

const GONE: End = (CloseCode::Normal, "");
const GOING_AWAY: End = (CloseCode::Away, "the node is stopping");
const OVER: End = (NO_CREDENTIAL, "the credential opens this no more");

/// What a client said.
#[derive(Debug)]
pub enum Frame {
    /// Text, which is UTF-8.
    Text(Utf8Bytes),
    /// Anything else.
    Binary,
}

/// What a lane does with a connection.
pub trait Talk: Send + 'static {
    /// Lets the client in; `caller` is whom the credential of the handshake opens the lane for.
    fn begin(
        &mut self,
        socket: &mut Socket,
        caller: Option<Caller>,
    ) -> impl Future<Output = Result<Listener, End>> + Send;

    /// Writes what is to be told next; says whether there is more at once.
    fn deliver(
        &mut self,
        socket: &mut Socket,
        listener: &Listener,
    ) -> impl Future<Output = Result<bool, End>> + Send;

    /// Takes what the client said; what comes meanwhile waits.
    fn take(
        &mut self,
        socket: &mut Socket,
        listener: &mut Listener,
        frame: Frame,
    ) -> impl Future<Output = Step> + Send;

    /// The frames of what is carried out beside and ends next; `None` if nothing is. Nothing is lost if it is given up.
    fn made(&mut self) -> impl Future<Output = Option<Result<Vec<String>, End>>> + Send {
        ready(None)
    }
}

/// Whether a WebSocket is asked for, which may bring its credential in its first frame.
pub fn is_upgrade(headers: &HeaderMap) -> bool {
    headers
        .get(UPGRADE)
        .is_some_and(|to| to.as_bytes().eq_ignore_ascii_case(b"websocket"))
}

/// Answers the handshake, with the sub-protocol that was chosen of those offered; the connection goes on beside.
///
/// # Errors
/// `Invalid` for a handshake that is none; `Denied` for a foreign page with our cookie.
pub fn open(
    lanes: &Lanes,
    visit: Visit,
    protocol: Option<&'static str>,
    mut talk: impl Talk,
) -> Outcome<Response<Body>> {
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
        if let Some(mut socket) = Socket::begin(beside, upgrade, guest).await {
            let Err(end) = socket.listen(&mut talk, caller).await;
            socket.close(end).await;
        }
    });
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    let headers = response.headers_mut();
    headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
    headers.insert(CONNECTION, HeaderValue::from_static("upgrade"));
    headers.insert(SEC_WEBSOCKET_ACCEPT, accept);
    if let Some(protocol) = protocol {
        headers.insert(SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static(protocol));
    }
    Ok(response)
}

/// One connection.
#[derive(Debug)]
pub struct Socket {
    lanes: Lanes,
    guest: Guest,
    wire: WebSocketStream<TokioIo<Upgraded>>,
    heard_at: Instant,
}

impl Socket {
    async fn begin(lanes: Lanes, upgrade: OnUpgrade, guest: Guest) -> Option<Self> {
        let upgraded = upgrade.await.ok()?;
        let bytes_max = lanes.options.ears.frame_bytes_max;
        let config = WebSocketConfig::default()
            .read_buffer_size(1 << 10)
            .write_buffer_size(2 << 10)
            .max_message_size(Some(bytes_max))
            .max_frame_size(Some(bytes_max));
        let wire = WebSocketStream::from_raw_socket(TokioIo::new(upgraded), Role::Server, Some(config)).await;
        Some(Self {
            guest,
            wire,
            lanes,
            heard_at: Instant::now(),
        })
    }

    /// Until one of both ends it.
    async fn listen(&mut self, talk: &mut impl Talk, caller: Option<Caller>) -> Result<Infallible, End> {
        let lanes = self.lanes.clone();
        let mut moved = lanes.feed.listen();
        let mut listener = tokio::select! {
            biased;
            () = lanes.beside.stopping() => return Err(GOING_AWAY),
            listener = talk.begin(self, caller) => listener?,
        };
        let (services, who) = (lanes.services.clone(), listener.caller().clone());
        let noted = blocking(move || services.note(&who, Event::done("events.listen", None)));
        noted.await.map_err(|_| TRY_AGAIN)?;
        let ping_every = lanes.options.ears.ping_every;
        let mut pings = interval_at(Instant::now() + ping_every, ping_every);
        let mut looks = interval_at(Instant::now() + LOOK_EVERY, LOOK_EVERY);
        pings.set_missed_tick_behavior(MissedTickBehavior::Delay);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            moved.mark_unchanged();
            let more = talk.deliver(self, &listener).await?;
            self.flush().await?;
            tokio::select! {
                biased;
                () = lanes.beside.stopping() => return Err(self.finish(talk).await),
                Some(made) = talk.made() => self.tell_all(made?).await?,
                frame = self.hear() => talk.take(self, &mut listener, frame?).await?,
                _ = looks.tick() => listener = self.look_again().await?,
                _ = pings.tick() => self.ping().await?,
                () = ready(()), if more => {}
                moved = moved.changed() => moved.map_err(|_| GOING_AWAY)?,
            }
        }
    }

    /// Tells what came of everything that is carried out yet.
    async fn finish(&mut self, talk: &mut impl Talk) -> End {
        while let Some(Ok(made)) = talk.made().await {
            if let Err(end) = self.tell_all(made).await {
                return end;
            }
        }
        GOING_AWAY
    }

    /// Writes frames, which go out with others.
    ///
    /// # Errors
    /// The end, if the client is gone.
    pub async fn tell_all(&mut self, frames: Vec<String>) -> Step {
        for frame in frames {
            self.tell(frame).await?;
        }
        Ok(())
    }

    /// The next frame in which something is said.
    ///
    /// # Errors
    /// The end, if the client is gone or says what can't be read.
    pub async fn hear(&mut self) -> Result<Frame, End> {
        loop {
            let frame = self.wire.next().await;
            self.heard_at = Instant::now();
            match frame {
                Some(Ok(Message::Text(text))) => return Ok(Frame::Text(text)),
                Some(Ok(Message::Binary(_))) => return Ok(Frame::Binary),
                Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_))) => {}
                None | Some(Ok(Message::Close(_))) => return Err(GONE),
                Some(Err(WireError::Capacity(CapacityError::MessageTooLong { .. }))) => {
                    return Err((CloseCode::Size, "the frame is too long"));
                }
                Some(Err(WireError::Utf8(_))) => return Err((CloseCode::Invalid, "the frame is not UTF-8")),
                Some(Err(WireError::Protocol(_))) => return Err((CloseCode::Protocol, "no such frame")),
                Some(Err(_)) => return Err(GONE),
            }
        }
    }

    /// Writes a frame, which goes out with others.
    ///
    /// # Errors
    /// The end, if the client is gone.
    pub async fn tell(&mut self, text: impl Into<Utf8Bytes>) -> Step {
        self.wire.feed(Message::text(text)).await.map_err(|_| GONE)
    }

    /// Sends out what was written.
    ///
    /// # Errors
    /// The end, if the client is gone.
    pub async fn flush(&mut self) -> Step {
        self.wire.flush().await.map_err(|_| GONE)
    }

    /// Lets in whom a credential opens the lane for that came in a frame; it counts from now on.
    ///
    /// # Errors
    /// The end, if it opens nothing.
    pub async fn admit(&mut self, credential: &str) -> Result<Listener, End> {
        self.guest = self.guest.clone().with(credential);
        match self.guest.admit(&self.lanes).await {
            Ok(caller) => Ok(Listener::new(caller)),
            Err(Failure::Denied(_)) => Err((LANE_CLOSED, "the credential does not open this lane")),
            Err(Failure::Unauthenticated(_)) => Err((NO_CREDENTIAL, "the credential is unknown")),
            Err(_) => Err(TRY_AGAIN),
        }
    }

    /// Who listens, with the rights that he has now.
    ///
    /// # Errors
    /// The end, if the credential opens nothing any more.
    pub async fn look_again(&mut self) -> Result<Listener, End> {
        match self.guest.look_again(&self.lanes).await {
            Ok(still) => Ok(still),
            Err(Failure::Unauthenticated(_) | Failure::Denied(_)) => Err(OVER),
            Err(_) => Err(TRY_AGAIN),
        }
    }

    async fn ping(&mut self) -> Step {
        if self.heard_at.elapsed() > 3 * self.lanes.options.ears.ping_every {
            return Err(GONE);
        }
        let ping = Message::Ping(Vec::new().into());
        self.wire.send(ping).await.map_err(|_| GONE)
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
