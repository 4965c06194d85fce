//! Request bodies that arrive too slowly end with an error. Only the time spent waiting for the peer counts: a body
//! that waits for us is not its fault.

use std::error::Error;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::body::Bytes;
use hyper::body::{Body, Frame, SizeHint};
use tokio::time::{Instant, Sleep};

/// The peer sent its body slower than the limit.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("the request body arrived too slowly")]
pub struct BodyTooSlow;

/// How slow is too slow.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pace {
    pub(super) grace: Duration,
    pub(super) rate_bytes_min: u64,
}

/// A request's body, with its time measured.
#[derive(Debug)]
pub(super) struct PacedBody<B> {
    inner: B,
    pace: Pace,
    received_bytes: u64,
    waited: Duration,
    /// Since when the body has been waiting for the peer, with the timer of its end.
    waiting: Option<(Instant, Pin<Box<Sleep>>)>,
}

impl<B> PacedBody<B> {
    pub(super) fn new(inner: B, pace: Pace) -> Self {
        Self {
            inner,
            pace,
            received_bytes: 0,
            waited: Duration::ZERO,
            waiting: None,
        }
    }

    /// How long the peer may still be waited for.
    fn patience(&self) -> Duration {
        let earned_ms = self.received_bytes.saturating_mul(1000) / self.pace.rate_bytes_min.max(1);
        (self.pace.grace + Duration::from_millis(earned_ms)).saturating_sub(self.waited)
    }

    fn poll_patience(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let patience = self.patience();
        let (_, end) = self
            .waiting
            .get_or_insert_with(|| (Instant::now(), Box::pin(tokio::time::sleep(patience))));
        end.as_mut().poll(cx)
    }
}

impl<B> Body for PacedBody<B>
where
    B: Body<Data = Bytes> + Unpin,
    B::Error: Into<Box<dyn Error + Send + Sync>>,
{
    type Data = Bytes;
    type Error = Box<dyn Error + Send + Sync>;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        let Poll::Ready(frame) = Pin::new(&mut self.inner).poll_frame(cx) else {
            ready!(self.poll_patience(cx));
            return Poll::Ready(Some(Err(Box::new(BodyTooSlow))));
        };
        if let Some((since, _)) = self.waiting.take() {
            self.waited += since.elapsed();
        }
        if let Some(Ok(frame)) = &frame {
            self.received_bytes += frame.data_ref().map_or(0, |data| data.len() as u64);
        }
        Poll::Ready(frame.map(|frame| frame.map_err(Into::into)))
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;
    use std::time::Duration;

    use axum::body::Bytes;
    use futures_util::{StreamExt, stream};
    use http_body_util::{BodyExt, StreamBody};
    use hyper::body::Frame;

    use super::{BodyTooSlow, Pace, PacedBody};

    fn pace(grace: Duration) -> Pace {
        Pace {
            grace,
            rate_bytes_min: 100,
        }
    }

    #[test]
    fn patience_is_the_grace_and_what_the_bytes_earned_less_what_was_waited() {
        let mut body = PacedBody::new((), pace(Duration::from_secs(20)));
        assert_eq!(body.patience(), Duration::from_secs(20));
        body.received_bytes = 1000;
        body.waited = Duration::from_secs(25);
        assert_eq!(body.patience(), Duration::from_secs(5));
        body.waited = Duration::from_secs(31);
        assert_eq!(body.patience(), Duration::ZERO);
    }

    #[tokio::test]
    async fn a_body_that_stops_ends_with_an_error() {
        let part = || stream::iter([Ok::<_, Infallible>(Frame::data(Bytes::from_static(b"part")))]);
        let whole = PacedBody::new(StreamBody::new(part()), pace(Duration::from_secs(60)));
        assert_eq!(whole.collect().await.unwrap().to_bytes(), "part");
        let stopped = StreamBody::new(part().chain(stream::pending()));
        let failed = PacedBody::new(stopped, pace(Duration::from_millis(5)))
            .collect()
            .await;
        assert!(failed.unwrap_err().is::<BodyTooSlow>());
    }
}
