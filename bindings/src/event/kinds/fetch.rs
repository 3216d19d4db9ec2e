//! `fetch`: a request and its answer
//! (<https://developers.cloudflare.com/workers/runtime-apis/handlers/fetch/>). The ops through which
//! a worker reads the request are here.
//! Not here: what is answered (`answer.rs`, `stream.rs`), and `request.cf` (`client.rs`).

use std::cell::{Cell, RefCell};
use std::sync::Arc;

use deno_core::convert::ByteString;
use deno_core::{OpState, ResourceId, op2};
use deno_error::JsErrorBox;

use crate::event::body::RequestBody;
use crate::event::ops::find;
use crate::event::outgoing::Untaken;
use crate::event::resource::RequestBodyResource;
use crate::event::stream::Unsent;
use crate::event::{Answer, Client, Thrown};
use crate::headers::{self, HeaderText};

/// A request, as it comes to a worker.
#[derive(Debug)]
pub struct Fetch {
    /// Method, headers, and a URI that is absolute: what `request.url` shows.
    pub head: http::request::Parts,
    /// The body, if the request has one.
    pub body: RequestBody,
    /// Who has sent it, as far as that is known.
    pub client: Option<Arc<dyn Client>>,
}

/// What the event needs while it runs.
pub(in crate::event) struct State {
    pub(in crate::event) request: RefCell<Box<Fetch>>,
    pub(in crate::event) answer: RefCell<Option<Answer>>,
    /// The stream that is the body of the answer, until that is taken.
    pub(in crate::event) unsent: RefCell<Option<Unsent>>,
    pub(in crate::event) streaming: Cell<bool>,
    pub(in crate::event) broken: Cell<bool>,
    pub(in crate::event) body_failed: Cell<bool>,
    pub(in crate::event) refused: Cell<Option<Untaken>>,
}

impl State {
    pub(super) fn new(request: Box<Fetch>) -> State {
        State {
            request: RefCell::new(request),
            answer: RefCell::default(),
            unsent: RefCell::default(),
            streaming: Cell::new(false),
            broken: Cell::new(false),
            body_failed: Cell::new(false),
            refused: Cell::new(None),
        }
    }

    /// The worker gives the event up: what nobody has taken of its answer is a failure. A body that is
    /// being sent breaks off by itself.
    pub(in crate::event) fn abandon(&self, was_answered: bool, thrown: &Thrown) {
        let is_untaken = self.answer.borrow().is_some();
        if was_answered && !is_untaken {
            return;
        }
        if is_untaken {
            drop(self.unsent.take());
            self.streaming.set(false);
        }
        *self.answer.borrow_mut() = Some(Err(thrown.clone()));
    }
}

#[op2]
#[string]
pub(in crate::event) fn op_event_url(state: &mut OpState, #[smi] id: u32) -> String {
    let event = find(state, id);
    let fetch = event.as_ref().and_then(|event| event.fetch());
    fetch.map(|it| it.request.borrow().head.uri.to_string()).unwrap_or_default()
}

#[op2]
pub(in crate::event) fn op_event_headers(
    state: &mut OpState,
    #[smi] id: u32,
) -> Vec<(ByteString, HeaderText)> {
    let event = find(state, id);
    let fetch = event.as_ref().and_then(|event| event.fetch());
    fetch.map(|it| headers::texts(&it.request.borrow().head.headers)).unwrap_or_default()
}

#[op2(fast)]
#[smi]
pub(in crate::event) fn op_event_body(
    state: &mut OpState,
    #[smi] id: u32,
) -> Result<ResourceId, JsErrorBox> {
    let event = find(state, id);
    let fetch = event.as_ref().and_then(|event| event.fetch());
    let body = fetch.map(|it| std::mem::take(&mut it.request.borrow_mut().body));
    match (body, event) {
        (Some(RequestBody::Stream(body)), Some(event)) => {
            Ok(state.resource_table.add(RequestBodyResource::new(body, &event)))
        }
        _ => Err(JsErrorBox::type_error("The request is over: its body can no longer be read.")),
    }
}

/// The length of the body in bytes; -1 where it is not known.
#[op2(fast)]
pub(in crate::event) fn op_event_body_length(state: &mut OpState, #[smi] id: u32) -> f64 {
    let length = find(state, id).and_then(|event| match &event.fetch()?.request.borrow().body {
        RequestBody::Stream(body) => body.size_hint().exact(),
        RequestBody::Empty => None,
    });
    length.map_or(-1.0, |bytes| bytes as f64)
}

/// Registers interest in the client's going away. Answers 1 where JavaScript will be told, 2 where it
/// has gone already, 0 where the event is over.
#[op2(fast)]
#[smi]
pub(in crate::event) fn op_event_on_abort(state: &mut OpState, #[smi] id: u32) -> i32 {
    match find(state, id) {
        None => 0,
        Some(event) if event.aborted.get() => 2,
        Some(event) => {
            event.listens_for_abort.set(true);
            event.needs_finish.set(true);
            1
        }
    }
}
