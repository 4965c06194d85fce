//! A socket with a seat that gives up on a peer which takes none of our bytes. Without it, whoever asks for a large
//! answer and reads nothing would hold a connection for ever. And one that lets others have their turn: whoever sends without
//! a pause, in records of a few bytes, would hold a thread for milliseconds.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::task::coop::poll_proceed;
use tokio::time::{Instant, Sleep};

use crate::server::admission::Seat;

/// Bytes read that count as one step of a task; it has 128 until others have their turn.
const STEP_BYTES: usize = 128;

/// The socket of one connection; its seat lives as long.
#[derive(Debug)]
pub(super) struct Seated<S> {
    inner: S,
    stall_max: Duration,
    /// When the write that waits now is given up; its timer is made with the first wait.
    stall: Option<Pin<Box<Sleep>>>,
    waiting: bool,
    _seat: Seat,
}

impl<S> Seated<S> {
    pub(super) fn new(inner: S, seat: Seat, stall_max: Duration) -> Self {
        Self {
            inner,
            stall_max,
            stall: None,
            waiting: false,
            _seat: seat,
        }
    }

    fn watch<T>(&mut self, cx: &mut Context<'_>, written: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if written.is_ready() {
            self.waiting = false;
            return written;
        }
        let deadline = Instant::now() + self.stall_max;
        let stall = self
            .stall
            .get_or_insert_with(|| Box::pin(tokio::time::sleep_until(deadline)));
        if !self.waiting {
            self.waiting = true;
            stall.as_mut().reset(deadline);
        }
        stall
            .as_mut()
            .poll(cx)
            .map(|()| Err(io::ErrorKind::TimedOut.into()))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Seated<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let read = Pin::new(&mut self.inner).poll_read(cx, buffer);
        for _ in 0..(buffer.filled().len() - before) / STEP_BYTES {
            match poll_proceed(cx) {
                Poll::Ready(step) => step.made_progress(),
                // What was read is given on; the next read finds that it is the others' turn.
                Poll::Pending => break,
            }
        }
        read
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Seated<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.inner).poll_write(cx, bytes);
        self.watch(cx, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.inner).poll_write_vectored(cx, slices);
        self.watch(cx, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::time::Duration;

    use tokio::io::AsyncWriteExt;

    use super::Seated;
    use crate::server::admission::Admission;

    #[tokio::test]
    async fn a_peer_that_reads_nothing_is_given_up() {
        let (ours, _theirs) = tokio::io::duplex(16);
        let seat = Admission::new(1, 1).take([127, 0, 0, 1].into()).unwrap();
        let mut stream = Seated::new(ours, seat, Duration::from_millis(5));
        stream.write_all(&[0; 16]).await.unwrap();
        let failed = stream.write_all(&[0; 16]).await.unwrap_err();
        assert_eq!(failed.kind(), io::ErrorKind::TimedOut);
    }
}
