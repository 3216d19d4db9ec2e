//! What JavaScript has to do, in order. Not here: how it comes to that.

use std::collections::VecDeque;
use std::task::{Context, Poll, Waker};

use super::Machine;
use super::calls::{Origin, Place};
use super::held::Kind;
use super::ids::{CallId, Handle, SessionId, StreamId};
use super::value::Effect;
use crate::memory::Charge;
use crate::rpc::frame::{Path, RpcError, StreamMessage};

/// An effect as it waits: what belongs to a call stays with the call until it is taken.
pub(super) enum Queued {
    Deliver { call: CallId, path: Path },
    Settle(CallId),
    Dispose(Handle),
    Stream { stream: StreamId, message: StreamMessage },
    Closed { session: SessionId, reason: Option<RpcError> },
}

struct Entry {
    queued: Queued,
    cost: usize,
    _charge: Option<Charge>,
}

/// The effects that wait.
#[derive(Default)]
pub(super) struct Effects {
    queue: VecDeque<Entry>,
    bytes: usize,
    is_closed: bool,
    taker: Option<Waker>,
}

impl Effects {
    /// Adds an effect that holds so many bytes, which are counted by the charge or by what holds them.
    pub(super) fn push(&mut self, queued: Queued, cost: usize, charge: Option<Charge>) {
        if self.is_closed {
            return;
        }
        self.bytes += cost;
        self.queue.push_back(Entry { queued, cost, _charge: charge });
        self.wake();
    }

    fn pop(&mut self) -> Option<Queued> {
        let entry = self.queue.pop_front()?;
        self.bytes = self.bytes.saturating_sub(entry.cost);
        Some(entry.queued)
    }

    /// What waits, in bytes.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Forgets all that wait; takes no more.
    pub(super) fn close(&mut self) {
        self.is_closed = true;
        self.queue.clear();
        self.bytes = 0;
        self.wake();
    }

    fn wake(&mut self) {
        if let Some(taker) = self.taker.take() {
            taker.wake();
        }
    }
}

impl Machine {
    /// The next thing that JavaScript has to do. All that there are have to be taken and begun before anything
    /// is awaited, so that calls begin in their order.
    pub fn take_effect(&mut self) -> Option<Effect> {
        let was_full = !self.has_room();
        let effect = self.next_effect();
        self.run();
        if was_full && self.has_room() {
            for session in self.sessions.values() {
                session.outbox.wake();
            }
        }
        effect
    }

    /// The same for who waits for it: one waiter. `None`: the machine was closed, and nothing more comes.
    pub fn poll_effect(&mut self, cx: &mut Context<'_>) -> Poll<Option<Effect>> {
        if let Some(effect) = self.take_effect() {
            return Poll::Ready(Some(effect));
        }
        if self.effects.is_closed {
            return Poll::Ready(None);
        }
        self.effects.taker = Some(cx.waker().clone());
        Poll::Pending
    }

    fn next_effect(&mut self) -> Option<Effect> {
        loop {
            let effect = match self.effects.pop()? {
                Queued::Deliver { call, path } => self.deliver(call, path),
                Queued::Settle(call) => self.settle(call),
                Queued::Dispose(target) => Some(Effect::Dispose { target }),
                Queued::Stream { stream, message } => Some(Effect::Stream { stream, message }),
                Queued::Closed { session, reason } => Some(Effect::Closed { session, reason }),
            };
            if effect.is_some() {
                return effect;
            }
        }
    }

    fn deliver(&self, id: CallId, path: Path) -> Option<Effect> {
        let Place::Running { target, args } = &self.calls.get(id)?.place else { return None };
        let Kind::Target(handle) = target.kind() else { return None };
        let (target, has_args) = (*handle, args.is_some());
        Some(Effect::Deliver { answer: id.answer(), target, path, has_args })
    }

    fn settle(&mut self, id: CallId) -> Option<Effect> {
        let call = self.calls.get_mut(id)?;
        let result = call.result.take()?;
        debug_assert!(matches!(call.origin, Origin::Js), "somebody else's result");
        // The way home may be taken where nothing is under way on the way around.
        let is_short = call.pipelined == 0;
        let result = result.map(|parcel| self.hand_over(parcel, is_short));
        Some(Effect::Settle { question: id.question(), result })
    }
}
