//! A connection that goes over to another protocol: what a worker answers then, and how what it sends and
//! gets reaches the client. Not here: which requests ask for it, and the sockets (the node's front).

use std::fmt;
use std::future::pending;
use std::io;
use std::pin::pin;
use std::time::Duration;

use http::Response;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt as _, copy, split};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

/// How long a client may go on when its worker has ended.
const FAREWELL: Duration = Duration::from_secs(5);

/// The answer to a request that has asked for another protocol (RFC 9110 section 7.8).
#[derive(Debug)]
pub struct Upgrade {
    /// Its head, of status 101. What of it concerns the connection is whoever's who has that.
    pub head: Response<()>,
    /// The worker's end of the connection.
    pub switched: Switched,
}

/// The end that a worker has of a connection which speaks its protocol from then on. What it sends, in whatever
/// way it is made, is not looked into; dropping this ends it.
pub struct Switched {
    stream: Box<dyn Duplex>,
    lost: Option<CancellationToken>,
}

/// Bytes in both directions, from any thread to any other.
trait Duplex: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Duplex for T {}

impl Switched {
    /// The other end of what the worker has; such as one half of a [`tokio::io::duplex`].
    pub fn new(stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static) -> Self {
        Self { stream: Box::new(stream), lost: None }
    }

    /// Ends, too, when the token is cancelled: whoever has the other end does not come back then.
    #[must_use]
    pub fn lost_with(self, token: &CancellationToken) -> Self {
        Self { lost: Some(token.clone()), ..self }
    }

    /// Carries bytes between this and the client until both directions have ended. One that is ended by its
    /// sender is ended at the other end. The worker may go on when the client has ended; the client has some
    /// seconds to end when the worker has. What the receiver does not take, its sender is not asked for.
    ///
    /// # Errors
    /// One of the two is lost.
    pub async fn carry(
        self,
        mut client: impl AsyncRead + Unpin,
        mut to_client: impl AsyncWrite + Unpin,
    ) -> io::Result<()> {
        let Self { stream, lost } = self;
        let (mut worker, mut to_worker) = split(stream);
        let outbound = async {
            copy(&mut worker, &mut to_client).await?;
            to_client.shutdown().await
        };
        let inbound = async {
            copy(&mut client, &mut to_worker).await?;
            to_worker.shutdown().await
        };
        let both = async {
            let (mut outbound, mut inbound) = (pin!(outbound), pin!(inbound));
            tokio::select! {
                ended = &mut outbound => {
                    ended?;
                    // Whoever has not ended by then may have gone without a word.
                    timeout(FAREWELL, inbound).await.unwrap_or(Ok(()))
                }
                ended = &mut inbound => {
                    ended?;
                    outbound.await
                }
            }
        };
        let lost = async {
            match lost {
                Some(lost) => lost.cancelled_owned().await,
                None => pending().await,
            }
        };
        tokio::select! {
            ended = both => ended,
            () = lost => Err(io::ErrorKind::ConnectionAborted.into()),
        }
    }
}

impl fmt::Debug for Switched {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Switched").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, duplex};

    use super::*;

    fn wait_for(future: impl Future<Output = ()>) {
        let mut runtime = tokio::runtime::Builder::new_current_thread();
        runtime.enable_time().build().unwrap().block_on(future);
    }

    #[test]
    fn each_direction_ends_by_itself() {
        wait_for(async {
            let (mut worker, theirs) = duplex(8);
            let (mut client, ours) = duplex(8);
            let talk = async {
                client.write_all(b"more than there is room for").await.unwrap();
                client.shutdown().await.unwrap();
                let mut answer = String::new();
                client.read_to_string(&mut answer).await.unwrap();
                assert_eq!(answer, "27 bytes");
            };
            let answer = async {
                let mut bytes = Vec::new();
                worker.read_to_end(&mut bytes).await.unwrap();
                worker.write_all(format!("{} bytes", bytes.len()).as_bytes()).await.unwrap();
                drop(worker);
            };
            let (reader, writer) = split(ours);
            let carried = Switched::new(theirs).carry(reader, writer);
            let (carried, (), ()) = tokio::join!(carried, talk, answer);
            carried.unwrap();
        });
    }

    #[test]
    fn it_ends_with_the_thread_that_has_the_other_end() {
        wait_for(async {
            let (_worker, theirs) = duplex(8);
            let (mut client, ours) = duplex(8);
            let lost = CancellationToken::new();
            let switched = Switched::new(theirs).lost_with(&lost);
            let read = async {
                lost.cancel();
                let mut bytes = Vec::new();
                client.read_to_end(&mut bytes).await.unwrap()
            };
            let (reader, writer) = split(ours);
            let (carried, read) = tokio::join!(switched.carry(reader, writer), read);
            assert_eq!((carried.unwrap_err().kind(), read), (io::ErrorKind::ConnectionAborted, 0));
        });
    }
}
