//! The body of a request as hyper has it, and what of it counts for its connection. What is made of it
//! is in `front/upload.rs`.

use std::pin::Pin;
use std::task::{Context, Poll, Waker, ready};
use std::thread;

use bytes::Bytes;
use http::Version;
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;

use crate::front::ahead::Coming;
use crate::front::connection::STREAM_WINDOW_BYTES;

/// A body whose connection learns what is taken of it, and when it is over: taken to its end, or given up.
pub(in crate::front) struct Inbound {
    incoming: Incoming,
    /// `None` where there is no body, or it is over.
    coming: Option<Coming>,
    is_http2: bool,
}

impl Inbound {
    pub(in crate::front) fn new(
        incoming: Incoming,
        coming: Option<Coming>,
        version: Version,
    ) -> Self {
        Self { incoming, coming, is_http2: version == Version::HTTP_2 }
    }
}

impl Body for Inbound {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<hyper::Result<Frame<Bytes>>>> {
        let this = self.get_mut();
        let frame = ready!(Pin::new(&mut this.incoming).poll_frame(cx));
        if let Some(Ok(frame)) = &frame
            && let (Some(data), Some(coming)) = (frame.data_ref(), &this.coming)
        {
            coming.taken(data.len());
        }
        if frame.is_none() || this.incoming.is_end_stream() {
            this.coming = None;
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.incoming.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.incoming.size_hint()
    }
}

impl Drop for Inbound {
    /// What h2 has of a body that is given up it throws away, which only it could count: so all of it is
    /// taken before. HTTP/1 has one body at a time, and could ask the client for one that nobody wants.
    fn drop(&mut self) {
        let Some(coming) = &self.coming else { return };
        // After a panic its lock may be of no use.
        if !self.is_http2 || !coming.may_have_come() || thread::panicking() {
            return;
        }
        let mut cx = Context::from_waker(Waker::noop());
        // It has no more at a time; the client may go on meanwhile.
        let mut left_bytes = STREAM_WINDOW_BYTES as usize;
        while left_bytes > 0
            && let Poll::Ready(Some(Ok(frame))) = Pin::new(&mut self.incoming).poll_frame(&mut cx)
        {
            let bytes = frame.data_ref().map_or(0, Bytes::len);
            coming.taken(bytes);
            left_bytes = left_bytes.saturating_sub(bytes);
        }
    }
}
