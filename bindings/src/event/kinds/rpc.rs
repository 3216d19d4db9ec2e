//! `rpc`: a session of calls that another event makes
//! (<https://developers.cloudflare.com/workers/runtime-apis/rpc/>). The event lasts as long as the session:
//! until nothing is called any more and nobody holds anything of it.
//! Not here: what is called, and how (`rpc`).

use std::cell::{Cell, RefCell};
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio_util::sync::CancellationToken;

use crate::event::Event;
use crate::rpc::transport::Transport;

/// A session of another event's calls, as it comes to a worker.
pub struct RpcSession {
    method: Arc<str>,
    transport: Transport,
    begun: Begun,
}

/// Whether a session has come to its worker.
#[derive(Clone, Default)]
pub(crate) struct Begun(Arc<AtomicBool>);

impl RpcSession {
    /// A session that this end of a transport carries. `method` is what is called first, or asked for:
    /// the name of a method, or of a property; empty where it is the entrypoint itself.
    pub fn new(method: impl Into<Arc<str>>, transport: Transport) -> RpcSession {
        RpcSession { method: method.into(), transport, begun: Begun::default() }
    }

    /// What is called first.
    pub fn method(&self) -> &Arc<str> {
        &self.method
    }

    /// Ends the session when the token is cancelled, as if its caller had gone: for one that may be lost
    /// without a word, with all of its thread.
    pub fn lost_with(&mut self, token: &CancellationToken) {
        self.transport.lost_with(token);
    }

    /// Says later whether it has come to its worker.
    pub(crate) fn begun(&self) -> Begun {
        self.begun.clone()
    }
}

/// What is called may be anybody's.
impl fmt::Debug for RpcSession {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RpcSession").field("method", &self.method).finish_non_exhaustive()
    }
}

impl Begun {
    /// Whether it has.
    pub(crate) fn has_begun(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// What the event needs while it runs.
pub(in crate::event) struct State {
    /// Until its calls are taken.
    session: RefCell<Option<RpcSession>>,
    /// Whether the caller has gone while something that it had called still ran.
    is_cut_off: Cell<bool>,
    /// Whether the caller is to be told that the session is over, although the event is not.
    is_owed: Cell<bool>,
}

impl State {
    pub(super) fn new(session: RpcSession) -> State {
        State {
            session: RefCell::new(Some(session)),
            is_cut_off: Cell::new(false),
            is_owed: Cell::new(false),
        }
    }

    pub(super) fn owes_result(&self) -> bool {
        self.is_owed.take()
    }

    pub(super) fn conclude_early(&self) {
        self.is_owed.set(true);
    }
}

impl Event {
    fn rpc(&self) -> Option<&State> {
        match &self.state {
            super::State::Rpc(rpc) => Some(rpc),
            _ => None,
        }
    }

    /// Takes what carries the calls that the event is for; nothing where it is for something else, or
    /// they are taken already.
    pub(crate) fn take_session(&self) -> Option<Transport> {
        let session = self.rpc()?.session.take()?;
        session.begun.0.store(true, Ordering::Relaxed);
        Some(session.transport)
    }

    /// The caller has gone, and what it had called still runs.
    pub(crate) fn cut_off(&self) {
        if let Some(rpc) = self.rpc() {
            rpc.is_cut_off.set(true);
        }
    }

    /// Whether whoever called has gone before what it had called came to an end.
    pub fn is_cut_off(&self) -> bool {
        self.rpc().is_some_and(|rpc| rpc.is_cut_off.get())
    }

    /// Fails the calls of others that the event is for, in these words, where it ends by something else
    /// than its own code. To be called before its end.
    pub fn break_off(&self, why: &str) {
        if self.rpc().is_some() {
            crate::rpc::break_off(self, why);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{CallContext, Events, Kind, KindResult, Trigger};
    use crate::rpc::transport;

    #[test]
    fn a_session_is_taken_once_and_then_it_has_begun() {
        let (_ours, theirs) = transport::pair();
        let session = RpcSession::new("greet", theirs);
        assert_eq!(&**session.method(), "greet");
        let begun = session.begun();
        let events = Events::default();
        let event = events.insert(Trigger::Rpc(session), CallContext::default(), 1);
        assert_eq!(event.kind(), Kind::Rpc);
        assert!(!begun.has_begun());
        assert!(event.take_session().is_some() && event.take_session().is_none());
        assert!(begun.has_begun());
        assert!(matches!(event.take_result(), KindResult::Rpc));
    }

    #[test]
    fn the_end_of_a_session_is_owed_once_where_the_event_goes_on() {
        let (_ours, theirs) = transport::pair();
        let events = Events::default();
        let session = RpcSession::new("", theirs);
        let event = events.insert(Trigger::Rpc(session), CallContext::default(), 1);
        event.waiting.set(1);
        event.answered.set(true);
        assert!(!event.owes_result());
        event.state.conclude_early();
        assert!(event.owes_result() && !event.owes_result());
        assert!(!event.is_cut_off());
        event.cut_off();
        assert!(event.is_cut_off());
    }
}
