//! What an event has of calls: its machine, and what that has told and JavaScript has not asked for yet. Not
//! here: what an event calls, or is called for (the ops).

use std::cell::{Cell, OnceCell, RefCell};
use std::collections::VecDeque;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;

use deno_core::OpState;
use deno_error::JsErrorBox;
use tokio::task::spawn_local;

use super::frame::RpcError;
use super::machine::{Effect, Handle, Limits, Machine, SessionId};
use super::transport::drive;
use crate::event::{Event, EventId, Events};
use crate::memory::Meter;

/// The calls of one event (`Event::state_of`).
#[derive(Default)]
pub(super) struct Calls {
    /// Made for the first call.
    machine: OnceCell<Rc<RefCell<Machine>>>,
    /// The session that the event is for.
    serving: Cell<Option<SessionId>>,
    /// What the machine has told.
    told: RefCell<VecDeque<Effect>>,
}

impl Calls {
    /// Those of an event that runs, with a machine; and the event.
    pub(super) fn of(state: &OpState, id: u32) -> Option<(Rc<Event>, Rc<Calls>)> {
        let event = state.try_borrow::<Events>()?.get(EventId::new(id)?)?;
        let calls = event.state_of::<Calls>();
        calls.machine_with(|| match state.try_borrow::<Meter>() {
            Some(meter) => Arc::clone(meter.queued()),
            None => Arc::default(),
        });
        Some((event, calls))
    }

    /// The machine; made with what counts the bytes that wait in it, if it is not there.
    fn machine_with(&self, counter: impl FnOnce() -> Arc<AtomicUsize>) -> &Rc<RefCell<Machine>> {
        self.machine.get_or_init(|| {
            let machine = Machine::new(Limits::default(), &counter());
            Rc::new(RefCell::new(machine))
        })
    }

    /// The machine, if it is there.
    pub(super) fn machine(&self) -> Option<Rc<RefCell<Machine>>> {
        self.machine.get().cloned()
    }

    /// Begins with the session that the event is for. Answers the handle of the entrypoint; nothing where
    /// the event is for something else, or it has begun.
    pub(super) fn serve(&self, event: &Event) -> Option<Handle> {
        let machine = self.machine.get()?;
        let transport = event.take_session()?;
        let (session, handle) = machine.borrow_mut().accept();
        self.serving.set(Some(session));
        spawn_local(drive(machine, session, transport));
        Some(handle)
    }

    /// Whether a session is the one that the event is for.
    pub(super) fn is_serving(&self, session: SessionId) -> bool {
        self.serving.get() == Some(session)
    }

    /// Keeps what the machine has told until JavaScript asks.
    pub(super) fn keep(&self, effect: Effect) {
        self.told.borrow_mut().push_back(effect);
    }

    /// What JavaScript has to do next.
    pub(super) fn next_effect(&self) -> Option<Effect> {
        let told = self.told.borrow_mut().pop_front();
        told.or_else(|| self.machine.get()?.borrow_mut().take_effect())
    }
}

impl Drop for Calls {
    /// The event is over.
    fn drop(&mut self) {
        if let Some(machine) = self.machine.get() {
            machine.borrow_mut().close(None);
        }
    }
}

/// Does something with the machine of an event; nothing where the event is over.
pub(super) fn with<R>(state: &OpState, id: u32, work: impl FnOnce(&mut Machine) -> R) -> Option<R> {
    let (_, calls) = Calls::of(state, id)?;
    let machine = calls.machine()?;
    let mut machine = machine.borrow_mut();
    Some(work(&mut machine))
}

/// Fails the calls that an event is for, in these words, since it ends by something else than its own code.
pub(crate) fn break_off(event: &Event, why: &str) {
    let calls = event.state_of::<Calls>();
    let machine = Rc::clone(calls.machine_with(Arc::default));
    calls.serve(event);
    machine.borrow_mut().close(Some(RpcError::error(why)));
}

/// What JavaScript throws of an error of the machine's.
pub(super) fn thrown(error: &RpcError) -> JsErrorBox {
    let message = error.message.to_string();
    match &*error.name {
        "TypeError" => JsErrorBox::type_error(message),
        _ => JsErrorBox::generic(message),
    }
}

/// What is thrown where an event is over, and somebody goes on with its calls.
pub(super) fn over() -> JsErrorBox {
    thrown(&RpcError::gone())
}

#[cfg(test)]
mod tests {
    use std::task::{Context, Waker};

    use super::*;
    use crate::event::{CallContext, RpcSession, Scheduled, Trigger};
    use crate::rpc::machine::On;
    use crate::rpc::transport;

    fn state() -> OpState {
        let mut state = OpState::new(None);
        state.put(Events::default());
        state
    }

    fn insert(state: &OpState, trigger: Trigger) -> Rc<Event> {
        state.borrow::<Events>().insert(trigger, CallContext::default(), 1)
    }

    fn scheduled() -> Trigger {
        Trigger::Scheduled(Scheduled { cron: "* * * * *".into(), scheduled_time_ms: 0 })
    }

    #[test]
    fn the_machine_of_an_event_is_closed_with_it() {
        let state = state();
        let event = insert(&state, scheduled());
        let id = event.id().get();
        let (_, calls) = Calls::of(&state, id).unwrap();
        let machine = calls.machine().unwrap();
        assert!(calls.serve(&event).is_none(), "it is for something else");
        drop(calls);
        assert_eq!(with(&state, id, |machine| machine.undisposed()), Some(0));
        state.borrow::<Events>().remove(event.id());
        let mut cx = Context::from_waker(Waker::noop());
        let effect = machine.borrow_mut().poll_effect(&mut cx);
        assert!(matches!(effect, std::task::Poll::Ready(None)));
        assert!(with(&state, id, |_| ()).is_none());
    }

    #[tokio::test]
    async fn who_calls_an_event_that_is_broken_off_is_told_why() {
        let within = tokio::task::LocalSet::new();
        within.run_until(broken_off()).await;
    }

    async fn broken_off() {
        let state = state();
        let (ours, theirs) = transport::pair();
        let callee = insert(&state, Trigger::Rpc(RpcSession::new("greet", theirs)));
        let caller = insert(&state, scheduled());
        let (_, calls) = Calls::of(&state, caller.id().get()).unwrap();
        let machine = calls.machine().unwrap();
        let (session, stub) = machine.borrow_mut().connect();
        let question = machine.borrow_mut().call(On::Stub(stub), vec!["greet".into()], None);
        let question = question.unwrap();
        spawn_local(drive(&machine, session, ours));
        callee.break_off("it was too slow");
        let effect = std::future::poll_fn(|cx| machine.borrow_mut().poll_effect(cx)).await;
        let Some(Effect::Settle { question: settled, result }) = effect else {
            panic!("the call has not come to an end")
        };
        assert_eq!(settled, question);
        assert_eq!(result.unwrap_err().message.as_ref(), "it was too slow");
        assert!(!calls.is_serving(session));
    }
}
