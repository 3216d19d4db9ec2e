//! A value on its way out as a stream: a resource that `06_streams.js` reads piece by piece, so
//! that the value is never in the isolate, nor in the process, as a whole.

use std::borrow::Cow;
use std::cell::{Cell, RefCell};
use std::rc::Rc;

use bytes::Bytes;
use deno_core::{AsyncResult, BufView, Resource};
use deno_error::JsErrorBox;
use kv::{StreamedEntry, ValueSource};

use super::error::Method;

pub(super) struct ValueBody {
    /// Absent while a piece is being waited for.
    source: RefCell<Option<Box<dyn ValueSource>>>,
    /// What of the last piece has not been taken.
    rest: RefCell<Bytes>,
    left_bytes: Cell<u64>,
}

impl ValueBody {
    pub(super) fn new(entry: StreamedEntry) -> Self {
        Self {
            source: RefCell::new(Some(entry.value)),
            rest: RefCell::default(),
            left_bytes: Cell::new(entry.value_bytes),
        }
    }

    async fn read_piece(self: Rc<Self>, limit: usize) -> Result<BufView, JsErrorBox> {
        if self.rest.borrow().is_empty() {
            let busy = || JsErrorBox::type_error("the value is being read already");
            let mut source = self.source.borrow_mut().take().ok_or_else(busy)?;
            let piece = source.read().await;
            *self.source.borrow_mut() = Some(source);
            let piece = piece.map_err(|error| JsErrorBox::from_err(Method::Get.failed(error)))?;
            *self.rest.borrow_mut() = piece.unwrap_or_default();
        }
        let mut rest = self.rest.borrow_mut();
        let piece_bytes = rest.len().min(limit);
        self.left_bytes.set(self.left_bytes.get().saturating_sub(piece_bytes as u64));
        Ok(BufView::from(rest.split_to(piece_bytes)))
    }
}

impl Resource for ValueBody {
    fn name(&self) -> Cow<'_, str> {
        "kvValue".into()
    }

    fn read(self: Rc<Self>, limit: usize) -> AsyncResult<BufView> {
        Box::pin(self.read_piece(limit))
    }

    fn size_hint(&self) -> (u64, Option<u64>) {
        let left = self.left_bytes.get();
        (left, Some(left))
    }
}
