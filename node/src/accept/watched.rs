//! A connection's stream that knows when its client last moved something, and that breaks off where
//! the client takes nothing of what it is sent.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Sleep, sleep};

use super::Place;
use super::work::Waits;

/// The stream of a connection at its place.
pub(crate) struct Watched<S> {
    stream: S,
    place: Place,
    /// How long a client may take nothing. What the system has taken for it does not count.
    patience: Duration,
    /// Runs while something waits for the client.
    waits: Option<(Pin<Box<Sleep>>, Waits)>,
}

impl<S> Watched<S> {
    pub(super) fn new(stream: S, place: Place, patience: Duration) -> Self {
        Self { stream, place, patience, waits: None }
    }

    /// What has become of a write; an error where it has waited for too long.
    fn written(
        &mut self,
        context: &mut Context<'_>,
        written: Poll<io::Result<usize>>,
    ) -> Poll<io::Result<usize>> {
        if written.is_ready() {
            self.waits = None;
            self.place.moved();
            return written;
        }
        let patience = self.patience;
        let begin = || (Box::pin(sleep(patience)), self.place.waits());
        let (until, _) = self.waits.get_or_insert_with(begin);
        until.as_mut().poll(context).map(|()| Err(io::ErrorKind::TimedOut.into()))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Watched<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let read = Pin::new(&mut self.stream).poll_read(context, buffer);
        if buffer.filled().len() > before {
            self.place.moved();
        }
        read
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Watched<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.written(context, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        pieces: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(context, pieces);
        self.written(context, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use futures_util::FutureExt as _;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, duplex};

    use super::super::{Kept, Strangers};
    use super::*;

    fn place() -> Place {
        let strangers = Arc::<Strangers>::default();
        let seat = strangers.enter([10, 0, 0, 1].into());
        Place { seat, strangers, kept: Arc::<Kept>::default() }
    }

    #[tokio::test]
    async fn a_client_that_takes_nothing_is_given_up() {
        let (_client, server) = duplex(16);
        let mut watched = Watched::new(server, place(), Duration::from_millis(20));
        let broken = watched.write_all(&[0; 64]).await.unwrap_err();
        assert_eq!(broken.kind(), io::ErrorKind::TimedOut);
    }

    #[tokio::test]
    async fn who_takes_nothing_is_waited_for() {
        let (mut client, server) = duplex(16);
        let place = place();
        let _works = place.works();
        let mut watched = Watched::new(server, place.clone(), Duration::from_secs(3600));
        watched.write_all(&[0; 16]).await.unwrap();
        assert!(place.seat.work.goes_on());
        let mut further = Box::pin(watched.write_all(&[0; 16]));
        assert!((&mut further).now_or_never().is_none());
        assert!(!place.seat.work.goes_on());
        client.read_exact(&mut [0; 16]).await.unwrap();
        further.await.unwrap();
        assert!(place.seat.work.goes_on());
    }

    #[tokio::test]
    async fn what_is_sent_and_taken_is_a_move() {
        let (mut client, server) = duplex(16);
        let place = place();
        let mut watched = Watched::new(server, place.clone(), Duration::from_secs(3600));
        let begun = *place.seat.moved.lock();
        client.write_all(b"ask").await.unwrap();
        let mut asked = [0; 3];
        watched.read_exact(&mut asked).await.unwrap();
        let read = *place.seat.moved.lock();
        assert!(read > begun);
        watched.write_all(b"answer").await.unwrap();
        assert!(*place.seat.moved.lock() > read);
    }
}
