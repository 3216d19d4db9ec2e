//! New connections for a worker's pool: TCP by `dial.rs`, TLS with ALPN on top of it for
//! `https`, and a way to cut one, also while it is made. Not here: which connection a request gets
//! (the pool), how many there may be (`shares.rs`, `sockets.rs`).

use std::future::{poll_fn, ready};
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use http::Uri;
use hyper::rt::ReadBufCursor;
use hyper_util::client::legacy::connect::{Connected, Connection};
use hyper_util::rt::TokioIo;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_util::sync::WaitForCancellationFutureOwned;
use tower_service::Service;

use super::dial::{Target, dial, timed_out};
use super::error::ConnectError;
use super::outbound::{Refused, WorkerSide};
use super::sockets::{Room, Wire};

const TLS_LIMIT: Duration = Duration::from_secs(10);

/// Makes connections.
#[derive(Clone)]
pub(crate) struct Connector {
    pub(crate) side: Arc<WorkerSide>,
    /// The worker's own: what TLS remembers of a server is not for others.
    pub(crate) tls: Arc<rustls::ClientConfig>,
}

/// An open connection.
pub(crate) struct Open {
    io: TokioIo<Box<dyn Stream>>,
    h2: bool,
    wire: Wire,
    cut: Pin<Box<WaitForCancellationFutureOwned>>,
    _room: Room,
}

trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

impl Connector {
    async fn open(self, uri: Uri, wire: Wire, room: Room) -> Result<Open, ConnectError> {
        let target = target(&uri);
        let mut cut = Box::pin(wire.when_cut());
        let (stream, h2) = tokio::select! {
            biased;
            () = &mut cut => {
                let reason = "it was closed to make room for others".to_owned();
                return Err(ConnectError::Refused { host: target.shown, reason });
            }
            stream = self.stream(&target, uri.scheme_str() == Some("https")) => stream?,
        };
        wire.opened();
        Ok(Open { io: TokioIo::new(stream), h2, wire, cut, _room: room })
    }

    /// The bytes to the target and back, and whether they are to be HTTP/2.
    async fn stream(
        &self,
        target: &Target,
        is_https: bool,
    ) -> Result<(Box<dyn Stream>, bool), ConnectError> {
        let tcp = dial(target, &self.side).await?;
        if !is_https {
            return Ok((Box::new(tcp), false));
        }
        let failed = |reason: String| ConnectError::Tls { host: target.shown.clone(), reason };
        let name =
            ServerName::try_from(target.host.clone()).map_err(|error| failed(error.to_string()))?;
        let handshake = TlsConnector::from(self.tls.clone()).connect(name, tcp);
        let stream = timeout(TLS_LIMIT, handshake)
            .await
            .map_err(|_| timed_out(target, "agreeing on TLS", TLS_LIMIT))?
            .map_err(|error| failed(error.to_string()))?;
        let h2 = stream.get_ref().1.alpn_protocol() == Some(b"h2");
        Ok((Box::new(stream), h2))
    }
}

impl Service<Uri> for Connector {
    type Response = Open;
    type Error = ConnectError;
    type Future = BoxFuture<'static, Result<Open, ConnectError>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), ConnectError>> {
        Poll::Ready(Ok(()))
    }

    /// Polled by the task of the request that asks, in which the request's share is held. Where
    /// that gets another connection meanwhile, the pool goes on in a task of its own: then the
    /// connection is made for nobody, and gives way to one that a request needs.
    fn call(&mut self, uri: Uri) -> Self::Future {
        let (wire, room) = match self.side.sockets().enter(self.side.worker()) {
            Ok(entered) => entered,
            Err(shortage) => {
                self.side.refuse(Refused::Connections, &shortage);
                let host = target(&uri).shown;
                return ready(Err(ConnectError::Busy { host, shortage })).boxed();
            }
        };
        let asked_in = tokio::task::try_id();
        let mut open = Box::pin(self.clone().open(uri, wire.clone(), room));
        poll_fn(move |cx| {
            if tokio::task::try_id() != asked_in {
                wire.made_for_nobody();
            }
            open.as_mut().poll(cx)
        })
        .boxed()
    }
}

fn target(uri: &Uri) -> Target {
    let host = uri.host().unwrap_or_default();
    let standard = if uri.scheme_str() == Some("https") { 443 } else { 80 };
    Target {
        host: host.trim_matches(['[', ']']).to_owned(),
        port: uri.port_u16().unwrap_or(standard),
        shown: uri.authority().map_or(host, |authority| authority.as_str()).to_owned(),
    }
}

impl Open {
    /// An error once the connection is cut, also for a task that waits for the socket.
    fn check(&mut self, cx: &mut Context<'_>) -> io::Result<()> {
        if self.wire.is_cut() || self.cut.as_mut().poll(cx).is_ready() {
            return Err(io::ErrorKind::ConnectionAborted.into());
        }
        Ok(())
    }
}

impl Connection for Open {
    fn connected(&self) -> Connected {
        let connected = Connected::new().extra(self.wire.clone());
        if self.h2 { connected.negotiated_h2() } else { connected }
    }
}

impl hyper::rt::Read for Open {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        self.check(cx)?;
        Pin::new(&mut self.io).poll_read(cx, buffer)
    }
}

impl hyper::rt::Write for Open {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.check(cx)?;
        Pin::new(&mut self.io).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.check(cx)?;
        Pin::new(&mut self.io).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(cx)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.check(cx)?;
        Pin::new(&mut self.io).poll_write_vectored(cx, slices)
    }
}
