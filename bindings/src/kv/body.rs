//! A value on its way out as a stream: a resource that `06_streams.js` reads piece by piece, so
//! that the value is not copied into the isolate whole.

use std::borrow::Cow;
use std::cell::RefCell;
use std::rc::Rc;

use bytes::Bytes;
use deno_core::{AsyncResult, BufView, Resource};

pub(super) struct ValueBody(RefCell<Bytes>);

impl ValueBody {
    pub(super) fn new(value: Bytes) -> Self {
        Self(RefCell::new(value))
    }
}

impl Resource for ValueBody {
    fn name(&self) -> Cow<'_, str> {
        "kvValue".into()
    }

    fn read(self: Rc<Self>, limit: usize) -> AsyncResult<BufView> {
        let mut rest = self.0.borrow_mut();
        let piece_bytes = rest.len().min(limit);
        let piece = rest.split_to(piece_bytes);
        Box::pin(std::future::ready(Ok(BufView::from(piece))))
    }

    fn size_hint(&self) -> (u64, Option<u64>) {
        let rest = self.0.borrow().len() as u64;
        (rest, Some(rest))
    }
}
