//! What machines may never do, checked where JavaScript would see it.

use super::super::super::{AnswerId, Delivered, Effect, Got, Handle, QuestionId};
use super::{Held, Running, World, read, written};
use crate::rpc::frame::RpcError;

impl World {
    /// Does the next thing that an event has to do. Whether there was one.
    pub(in super::super) fn take(&mut self, machine: usize) -> bool {
        let Some(effect) = self.net.machines[machine].take_effect() else { return false };
        match effect {
            Effect::Deliver { answer, target, path, .. } => {
                self.begin(machine, answer, target, &path);
            }
            Effect::Dispose { target } => self.forget(machine, target),
            Effect::Settle { question, result } => self.settle(machine, question, result),
            Effect::Closed { session, .. } => {
                assert!(!self.net.machines[machine].is_open(session));
            }
            Effect::Stream { .. } => unreachable!("no streams here"),
        }
        true
    }

    fn begin(&mut self, machine: usize, answer: AnswerId, target: Handle, path: &[String]) {
        let object = (machine, target);
        assert!(!self.disposed.contains(&object), "a call on what nobody holds");
        if let [key, number] = path {
            let (key, number): (usize, u32) = (key.parse().unwrap(), number.parse().unwrap());
            let last = self.arrived.insert(key, number).unwrap_or(0);
            assert!(last < number, "call {number} of {key} after {last}");
            let landed = *self.keys[key].1.get_or_insert(object);
            assert_eq!(landed, object, "calls of {key} land on different objects");
        }
        let began = self.tick();
        self.running.push(Running { machine, answer, target, began, is_taken: false });
    }

    fn forget(&mut self, machine: usize, target: Handle) {
        let object = (machine, target);
        assert!(self.disposed.insert(object), "{object:?} was disposed of twice");
        assert!(self.objects.contains(&object));
        if self.is_calm {
            for holder in 0..self.held.len() {
                self.prune(holder);
                let holds = self.held[holder].iter().any(|held| held.object == object);
                assert!(!holds, "{holder} still holds {object:?}");
            }
            let runs = |running: &Running| (running.machine, running.target) == object;
            assert!(!self.running.iter().any(runs), "a call runs on {object:?}");
        }
    }

    fn settle(&mut self, machine: usize, id: QuestionId, result: Result<Delivered, RpcError>) {
        let found = self.asked.iter().position(|asked| (asked.machine, asked.id) == (machine, id));
        let index = found.expect("a call that was made");
        assert!(!self.asked[index].is_let_go, "nobody wants to hear of it");
        let settled = result.map(|value| self.receive(machine, &value, Some(index)));
        let before = self.asked[index].settled.replace(settled);
        assert!(before.is_none(), "it was settled before");
    }

    /// Takes what a value refers to. Whether calls on it land on the first of it.
    pub(super) fn receive(&mut self, machine: usize, value: &Delivered, of: Option<usize>) -> bool {
        let (objects, lands) = read(&value.data);
        assert_eq!(objects.len(), value.caps.len());
        for (index, (object, got)) in objects.into_iter().zip(&value.caps).enumerate() {
            let Got::Stub(stub) = *got else { unreachable!("no streams here") };
            assert!(!self.is_calm || !self.disposed.contains(&object), "{object:?} is gone");
            match of {
                // What was called on the promise and what is called on the stub is one order.
                Some(question) if lands && index == 0 => {
                    let key = self.asked[question].key;
                    let landed = *self.keys[key].1.get_or_insert(object);
                    assert_eq!(landed, object);
                    self.held[machine].push(Held { stub, object, key });
                }
                _ => self.hold(machine, stub, object),
            }
        }
        lands
    }

    /// Lets everything come to its end, and checks what came of it.
    pub(in super::super) fn end(&mut self) {
        let machines = self.held.len();
        for _ in 0..100_000 {
            let mut has_moved = self.net.carry_all();
            for machine in 0..machines {
                while self.take(machine) {
                    has_moved = true;
                }
            }
            if has_moved {
                continue;
            }
            if let Some(running) = self.running.pop() {
                let result = written(&[], false, Vec::new());
                self.net.machines[running.machine].answer(running.answer, Ok(result), None);
                continue;
            }
            let open = self.indices(|asked| !asked.is_let_go && asked.settled.is_some());
            for index in &open {
                self.let_go(*index);
            }
            let mut is_still = open.is_empty();
            for machine in 0..machines {
                self.prune(machine);
                for held in std::mem::take(&mut self.held[machine]) {
                    is_still = false;
                    self.net.machines[machine].dispose(held.stub);
                }
            }
            if is_still {
                break;
            }
        }
        for index in 0..self.asked.len() {
            self.check(index);
            let asked = &self.asked[index];
            assert!(asked.is_let_go || asked.settled.is_some(), "{asked:?} was never settled");
        }
        for object in &self.objects {
            assert!(
                self.disposed.contains(object) || self.is_closed[object.0],
                "{object:?} was never disposed of"
            );
        }
        self.net.assert_at_rest();
    }

    /// A call that is pipelined on one that fails, fails alike.
    fn check(&self, index: usize) {
        let asked = &self.asked[index];
        let Some(on) = asked.on.filter(|_| self.is_calm) else { return };
        match (&self.asked[on].settled, &asked.settled) {
            (Some(Err(error)), Some(result)) => assert_eq!(result.as_ref().err(), Some(error)),
            (Some(Ok(false)), Some(result)) => {
                assert_eq!(result.as_ref().err(), Some(&RpcError::no_object()));
            }
            _ => {}
        }
    }
}
