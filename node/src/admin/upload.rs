//! What a request brings with it: pieces, lines of JSON, or all at once. What they mean is not known here.

use std::time::Duration;

use bytes::{Buf as _, Bytes, BytesMut};
use http::StatusCode;
use http_body_util::BodyExt as _;
use hyper::body::{Body as _, Incoming};
use kv::MAX_VALUE_BYTES;
use tokio::runtime::Handle;
use tokio::time::timeout;

use super::answer::Fault;

/// The longest line. In JSON a byte of text takes at most six, as in `\u0000`.
const MAX_LINE_BYTES: usize = 6 * MAX_VALUE_BYTES + (64 << 10);
/// How long the next piece of a body may take.
const PIECE_TIMEOUT: Duration = Duration::from_secs(30);
/// How long the rest of a body is read after the answer.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(10);

/// The body of a request. When it is dropped early, what is still coming is read and forgotten:
/// a closed socket would reset the connection before the client has read the answer.
pub(super) struct Upload(Option<Incoming>);

/// A body as lines, empty ones left out.
pub(super) struct Lines {
    upload: Upload,
    /// What has come and is not yet given out.
    buffer: BytesMut,
    /// How much at the beginning of `buffer` has no line end.
    searched: usize,
}

impl Upload {
    pub(super) fn new(body: Incoming) -> Self {
        Self(Some(body).filter(|body| !body.is_end_stream()))
    }

    /// The next piece, or `None` after the last.
    pub(super) async fn next(&mut self) -> Result<Option<Bytes>, Fault> {
        let Some(body) = &mut self.0 else { return Ok(None) };
        loop {
            let Ok(frame) = timeout(PIECE_TIMEOUT, body.frame()).await else {
                self.0 = None;
                let message = "the request does not go on";
                return Err(Fault::new(StatusCode::REQUEST_TIMEOUT, message));
            };
            match frame {
                Some(Ok(frame)) => {
                    if let Ok(piece) = frame.into_data() {
                        return Ok(Some(piece));
                    }
                }
                Some(Err(error)) => {
                    self.0 = None;
                    return Err(Fault::bad_request(format!("the request breaks off: {error}")));
                }
                None => {
                    self.0 = None;
                    return Ok(None);
                }
            }
        }
    }

    /// All of it, if that is no more than `limit_bytes`; `what` names it. Who sends nothing for a
    /// while is not waited for.
    pub(super) async fn whole(mut self, what: &str, limit_bytes: usize) -> Result<Bytes, Fault> {
        let announced = self.0.as_ref().map_or(0, |body| body.size_hint().lower());
        if announced > limit_bytes as u64 {
            return Err(Fault::too_large(what, limit_bytes));
        }
        let mut all = BytesMut::with_capacity(announced as usize);
        while let Some(piece) = self.next().await? {
            if all.len() + piece.len() > limit_bytes {
                return Err(Fault::too_large(what, limit_bytes));
            }
            all.extend_from_slice(&piece);
        }
        Ok(all.freeze())
    }

    pub(super) fn lines(self) -> Lines {
        Lines { upload: self, buffer: BytesMut::new(), searched: 0 }
    }
}

impl Drop for Upload {
    fn drop(&mut self) {
        if let (Some(mut body), Ok(tokio)) = (self.0.take(), Handle::try_current()) {
            let rest = async move { while let Some(Ok(_)) = body.frame().await {} };
            tokio.spawn(timeout(DRAIN_TIMEOUT, rest));
        }
    }
}

impl Lines {
    /// The next line without its end, or `None` after the last.
    pub(super) async fn next(&mut self) -> Result<Option<Bytes>, Fault> {
        loop {
            let found = self.buffer.iter().skip(self.searched).position(|byte| *byte == b'\n');
            let line = match found {
                Some(place) => {
                    let line = self.buffer.split_to(self.searched + place);
                    self.buffer.advance(1);
                    self.searched = 0;
                    line
                }
                None => {
                    self.searched = self.buffer.len();
                    if self.searched > MAX_LINE_BYTES {
                        return Err(Fault::bad_request("a line is longer than any record"));
                    }
                    if let Some(piece) = self.upload.next().await? {
                        self.buffer.extend_from_slice(&piece);
                        continue;
                    }
                    if self.buffer.is_empty() {
                        return Ok(None);
                    }
                    self.searched = 0;
                    self.buffer.split()
                }
            };
            if !line.trim_ascii().is_empty() {
                return Ok(Some(line.freeze()));
            }
        }
    }
}
