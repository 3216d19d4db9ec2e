//! A request's body as a resource that JavaScript reads. Polled outside of the isolate: plain Rust.

use std::borrow::Cow;
use std::future::poll_fn;
use std::rc::{Rc, Weak};

use bytes::Bytes;
use deno_core::{
    AsyncRefCell, AsyncResult, BufMutView, BufView, CancelHandle, CancelTryFuture, RcRef, Resource,
};
use deno_error::JsErrorBox;
use http_body::Body as _;

use super::Event;
use super::body::BoxBody;

struct Reader {
    body: BoxBody,
    rest: Bytes,
}

/// The body of a request, read when JavaScript asks for it.
pub(super) struct RequestBodyResource {
    reader: AsyncRefCell<Reader>,
    cancel: CancelHandle,
    size_hint: (u64, Option<u64>),
    event: Weak<Event>,
}

impl RequestBodyResource {
    pub(super) fn new(body: BoxBody, event: &Rc<Event>) -> Self {
        let hint = body.size_hint();
        RequestBodyResource {
            size_hint: (hint.lower(), hint.upper()),
            reader: AsyncRefCell::new(Reader { body, rest: Bytes::new() }),
            cancel: CancelHandle::default(),
            event: Rc::downgrade(event),
        }
    }

    async fn next(self: Rc<Self>, limit: usize) -> Result<Bytes, JsErrorBox> {
        let mut reader = RcRef::map(&self, |this| &this.reader).borrow_mut().await;
        let cancel = RcRef::map(&self, |this| &this.cancel);
        while reader.rest.is_empty() {
            let reader = &mut *reader;
            let frame = poll_fn(|cx| reader.body.as_mut().poll_frame(cx));
            let frame = async { Ok::<_, JsErrorBox>(frame.await) };
            match frame.try_or_cancel(cancel.clone()).await? {
                None => return Ok(Bytes::new()),
                Some(Ok(frame)) => {
                    if let Ok(data) = frame.into_data() {
                        reader.rest = data;
                    }
                }
                Some(Err(error)) => {
                    if let Some(event) = self.event.upgrade()
                        && let Some(fetch) = event.fetch()
                    {
                        fetch.body_failed.set(true);
                    }
                    return Err(JsErrorBox::type_error(error.to_string()));
                }
            }
        }
        let length = reader.rest.len().min(limit);
        Ok(reader.rest.split_to(length))
    }
}

impl Resource for RequestBodyResource {
    fn name(&self) -> Cow<'_, str> {
        "requestBody".into()
    }

    fn read(self: Rc<Self>, limit: usize) -> AsyncResult<BufView> {
        Box::pin(async move { Ok(BufView::from(self.next(limit).await?)) })
    }

    fn read_byob(self: Rc<Self>, mut buffer: BufMutView) -> AsyncResult<(usize, BufMutView)> {
        Box::pin(async move {
            let chunk = self.next(buffer.len()).await?;
            buffer[..chunk.len()].copy_from_slice(&chunk);
            Ok((chunk.len(), buffer))
        })
    }

    fn size_hint(&self) -> (u64, Option<u64>) {
        self.size_hint
    }

    fn close(self: Rc<Self>) {
        self.cancel.cancel();
    }
}
