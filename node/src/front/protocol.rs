//! Which of its two protocols a connection speaks, and hyper's connection for it. hyper-util chooses, too,
//! but has a connection that goes over to a third one move between threads, which ours do not.

use std::io;
use std::mem;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http_body::Body;
use hyper::body::Incoming;
use hyper::server::conn::{http1, http2};
use hyper::service::HttpService;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::connection::LocalExecutor;

/// What a client sends first in HTTP/2 (RFC 9113 section 3.4).
const PREFACE: &[u8; 24] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

type Io<S> = TokioIo<Begun<S>>;
type Http2<S, T> = http2::Connection<Io<S>, T, LocalExecutor>;
type Error = Box<dyn std::error::Error + Send + Sync>;

/// How connections of both protocols are served.
#[derive(Clone)]
pub(super) struct Builders {
    pub(super) http1: http1::Builder,
    pub(super) http2: http2::Builder<LocalExecutor>,
}

/// A connection that is served.
pub(super) struct Serving<S, T: HttpService<Incoming>> {
    state: State<S, T>,
    is_closing: bool,
}

#[expect(clippy::large_enum_variant, reason = "it is in its connection's task, and does not move")]
enum State<S, T: HttpService<Incoming>> {
    /// The client has not sent enough to tell.
    New(New<S, T>),
    Http1(http1::Connection<Io<S>, T>),
    Http2(Pin<Box<Http2<S, T>>>),
    Over,
}

struct New<S, T> {
    stream: S,
    service: T,
    builders: Builders,
    read: [u8; PREFACE.len()],
    length: usize,
}

/// What is left of a connection of HTTP/1 that has ended otherwise than by its close: the stream, and what the
/// client has sent beyond its last request.
pub(super) struct Left<S> {
    pub(super) stream: S,
    pub(super) early: Bytes,
}

impl<S> Left<S> {
    /// The same of what is in the stream.
    pub(super) fn map<U>(self, stream: impl FnOnce(S) -> U) -> Left<U> {
        Left { stream: stream(self.stream), early: self.early }
    }
}

impl<S, T, B> Serving<S, T>
where
    S: AsyncRead + AsyncWrite + Unpin + 'static,
    T: HttpService<Incoming, ResBody = B> + Unpin,
    T::Error: Into<Error>,
    T::Future: 'static,
    B: Body + 'static,
    B::Error: Into<Error>,
    LocalExecutor: hyper::rt::bounds::Http2ServerConnExec<T::Future, B>,
{
    pub(super) fn new(stream: S, service: T, builders: &Builders) -> Self {
        let (builders, read) = (builders.clone(), [0; PREFACE.len()]);
        let state = State::New(New { stream, service, builders, read, length: 0 });
        Self { state, is_closing: false }
    }

    /// Serves on. Ready when the connection is over, or has been answered with a switch to another protocol.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        loop {
            match &mut self.state {
                // Nothing was asked that would be lost.
                State::New(_) if self.is_closing => return Poll::Ready(Ok(())),
                State::New(new) => {
                    let is_http2 = ready!(new.poll_is_http2(cx))?;
                    if let State::New(new) = mem::replace(&mut self.state, State::Over) {
                        self.state = new.begin(is_http2);
                    }
                }
                State::Http1(connection) => {
                    return Pin::new(connection).poll(cx).map_err(Into::into);
                }
                State::Http2(connection) => {
                    return connection.as_mut().poll(cx).map_err(Into::into);
                }
                State::Over => return Poll::Ready(Ok(())),
            }
        }
    }

    /// Tells the client that no further request is served.
    pub(super) fn close(&mut self) {
        self.is_closing = true;
        match &mut self.state {
            State::Http1(connection) => Pin::new(connection).graceful_shutdown(),
            State::Http2(connection) => connection.as_mut().graceful_shutdown(),
            State::New(_) | State::Over => {}
        }
    }

    /// The stream of a connection that is over, if its protocol leaves it to another.
    pub(super) fn into_left(self) -> Option<Left<S>> {
        let State::Http1(connection) = self.state else { return None };
        let http1::Parts { io, read_buf, .. } = connection.into_parts();
        Some(Left { stream: io.into_inner().stream, early: read_buf })
    }
}

impl<S: AsyncRead + Unpin, T> New<S, T> {
    fn poll_is_http2(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<bool>> {
        loop {
            let (read, rest) = self.read.split_at_mut(self.length);
            if rest.is_empty() || !PREFACE.starts_with(read) {
                return Poll::Ready(Ok(rest.is_empty() && read == PREFACE));
            }
            let mut buffer = ReadBuf::new(rest);
            ready!(Pin::new(&mut self.stream).poll_read(cx, &mut buffer))?;
            match buffer.filled().len() {
                0 => return Poll::Ready(Ok(false)),
                more => self.length += more,
            }
        }
    }
}

impl<S, T, B> New<S, T>
where
    S: AsyncRead + AsyncWrite + Unpin + 'static,
    T: HttpService<Incoming, ResBody = B>,
    T::Error: Into<Error>,
    T::Future: 'static,
    B: Body + 'static,
    B::Error: Into<Error>,
    LocalExecutor: hyper::rt::bounds::Http2ServerConnExec<T::Future, B>,
{
    fn begin(self, is_http2: bool) -> State<S, T> {
        let Self { stream, service, builders, read, length } = self;
        let io = TokioIo::new(Begun { stream, read, next: 0, length });
        match is_http2 {
            true => State::Http2(Box::pin(builders.http2.serve_connection(io, service))),
            false => State::Http1(builders.http1.serve_connection(io, service)),
        }
    }
}

/// A stream of which some was read already.
pub(super) struct Begun<S> {
    stream: S,
    read: [u8; PREFACE.len()],
    next: usize,
    length: usize,
}

impl<S: AsyncRead + Unpin> AsyncRead for Begun<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.next == self.length {
            return Pin::new(&mut self.stream).poll_read(cx, buffer);
        }
        let next = self.length.min(self.next + buffer.remaining());
        buffer.put_slice(&self.read[self.next..next]);
        self.next = next;
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Begun<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}
