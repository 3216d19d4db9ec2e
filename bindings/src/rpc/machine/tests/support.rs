//! A few machines and the sessions between them, whose frames are carried when a test says so.

use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;

use super::super::{
    AnswerId, Delivered, Effect, Give, Got, Handle, Limits, Machine, Message, On, Outbox,
    QuestionId, SessionId, StubId,
};
use crate::rpc::frame::{Path, RpcError};

pub(super) struct Net {
    pub(super) machines: Vec<Machine>,
    pub(super) counters: Vec<Arc<AtomicUsize>>,
    pub(super) wires: Vec<Wire>,
}

/// What carries one session: its caller's end is the first.
pub(super) struct Wire {
    pub(super) ends: [(usize, SessionId); 2],
    boxes: [Rc<Outbox>; 2],
    pub(super) is_cut: bool,
}

/// A session that was begun.
#[derive(Clone, Copy, Debug)]
pub(super) struct Joined {
    pub(super) stub: StubId,
    pub(super) root: Handle,
    pub(super) caller: SessionId,
    pub(super) callee: SessionId,
}

/// A call that JavaScript was told to run.
#[derive(Clone, Debug)]
pub(super) struct Run {
    pub(super) answer: AnswerId,
    pub(super) target: Handle,
    pub(super) path: Path,
    pub(super) has_args: bool,
}

impl Net {
    pub(super) fn new(machines: usize) -> Self {
        Self::with(machines, Limits::default())
    }

    pub(super) fn with(machines: usize, limits: Limits) -> Self {
        let counters: Vec<Arc<AtomicUsize>> = (0..machines).map(|_| Arc::default()).collect();
        let machines = counters.iter().map(|counter| Machine::new(limits, counter)).collect();
        Self { machines, counters, wires: Vec::new() }
    }

    pub(super) fn join(&mut self, caller: usize, callee: usize) -> Joined {
        let (from, stub) = self.machines[caller].connect();
        let (to, root) = self.machines[callee].accept();
        let boxes = [
            self.machines[caller].outbox(from).unwrap(),
            self.machines[callee].outbox(to).unwrap(),
        ];
        self.wires.push(Wire { ends: [(caller, from), (callee, to)], boxes, is_cut: false });
        Joined { stub, root, caller: from, callee: to }
    }

    /// Carries the next frame of one end of a session to the other. Whether there was one.
    pub(super) fn carry(&mut self, wire: usize, from: usize) -> bool {
        let wire = &self.wires[wire];
        if wire.is_cut {
            return false;
        }
        let Some(outgoing) = wire.boxes[from].take() else { return false };
        let (machine, session) = wire.ends[1 - from];
        self.machines[machine].receive(session, outgoing.frame);
        true
    }

    /// Carries frames until there are none. Whether there were any.
    pub(super) fn carry_all(&mut self) -> bool {
        let mut has_carried = false;
        loop {
            let mut is_still = true;
            for wire in 0..self.wires.len() {
                for from in 0..2 {
                    is_still &= !self.carry(wire, from);
                }
            }
            if is_still {
                return has_carried;
            }
            has_carried = true;
        }
    }

    /// Loses a session with all that is on its way.
    pub(super) fn cut(&mut self, wire: usize) {
        let wire = &mut self.wires[wire];
        wire.is_cut = true;
        for (machine, session) in wire.ends {
            self.machines[machine].disconnected(session);
        }
        for outbox in &wire.boxes {
            while outbox.take().is_some() {}
        }
    }

    /// All that JavaScript of an event has to do when nothing is on its way.
    pub(super) fn effects(&mut self, machine: usize) -> Vec<Effect> {
        self.carry_all();
        std::iter::from_fn(|| self.machines[machine].take_effect()).collect()
    }

    /// The one thing that it has to do.
    #[track_caller]
    pub(super) fn effect(&mut self, machine: usize) -> Effect {
        let mut effects = self.effects(machine);
        assert_eq!(effects.len(), 1, "{effects:?}");
        effects.pop().unwrap()
    }

    /// The one call that it has to run.
    #[track_caller]
    pub(super) fn run(&mut self, machine: usize) -> Run {
        run_of(self.effect(machine))
    }

    /// What the one call came to that has ended.
    #[track_caller]
    pub(super) fn settled(&mut self, machine: usize) -> (QuestionId, Result<Delivered, RpcError>) {
        match self.effect(machine) {
            Effect::Settle { question, result } => (question, result),
            other => panic!("{other:?}"),
        }
    }

    #[track_caller]
    pub(super) fn call(&mut self, machine: usize, stub: StubId, message: Message) -> QuestionId {
        self.machines[machine].call(On::Stub(stub), Path::new(), Some(message)).unwrap()
    }

    #[track_caller]
    pub(super) fn pipeline(&mut self, machine: usize, on: QuestionId, name: &str) -> QuestionId {
        let path = vec![name.to_owned()];
        self.machines[machine].call(On::Promise(on), path, Some(say(""))).unwrap()
    }

    /// That nothing is left anywhere.
    #[track_caller]
    pub(super) fn assert_at_rest(&self) {
        for (machine, counter) in self.machines.iter().zip(&self.counters) {
            assert_eq!(machine.sessions.len(), 0, "sessions");
            assert_eq!(machine.calls.len(), 0, "calls");
            assert_eq!(machine.stubs.len(), 0, "stubs");
            assert_eq!(machine.pipes.pipes.len(), 0, "pipes");
            assert_eq!(machine.pipes.ends.len(), 0, "streams");
            assert_eq!(machine.waiting_bytes, 0, "bytes that wait");
            assert_eq!(machine.effects.bytes(), 0, "bytes of effects");
            assert_eq!(counter.load(Ordering::Relaxed), 0, "bytes");
        }
    }
}

#[track_caller]
pub(super) fn run_of(effect: Effect) -> Run {
    match effect {
        Effect::Deliver { answer, target, path, has_args } => {
            Run { answer, target, path, has_args }
        }
        other => panic!("{other:?}"),
    }
}

/// A value that refers to nothing.
pub(super) fn say(text: &str) -> Message {
    give(text, Vec::new())
}

pub(super) fn give(text: &str, caps: Vec<Give>) -> Message {
    Message { data: Bytes::copy_from_slice(text.as_bytes()), caps }
}

/// The only stub of a value.
#[track_caller]
pub(super) fn stub_of(value: &Delivered) -> StubId {
    match value.caps.as_slice() {
        [Got::Stub(stub)] => *stub,
        other => panic!("{other:?}"),
    }
}
