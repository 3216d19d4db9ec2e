//! A naive model of JavaScript in a few events that call each other: it knows of each reference where it
//! leads, because every value says so. Not here: what machines may never do (the checks), and what happens
//! when (the laws).

mod checks;

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;

use super::super::{AnswerId, Give, Handle, Message, On, QuestionId, StubId};
use super::support::Net;
use crate::rpc::frame::{Path, RpcError};

/// An object: of which event, and its handle there.
type Object = (usize, Handle);

/// A reference that somebody holds.
#[derive(Clone, Copy, Debug)]
struct Held {
    stub: StubId,
    object: Object,
    /// Calls with one key arrive in their order.
    key: usize,
}

/// A call that was made.
#[derive(Debug)]
struct Asked {
    machine: usize,
    id: QuestionId,
    key: usize,
    /// The call on which it is pipelined.
    on: Option<usize>,
    /// When what it waits for began.
    born: u32,
    /// What it came to: whether calls on it land somewhere.
    settled: Option<Result<bool, RpcError>>,
    /// Nobody hears of its end any more.
    is_let_go: bool,
}

/// A call that runs.
#[derive(Debug)]
struct Running {
    machine: usize,
    answer: AnswerId,
    target: Handle,
    began: u32,
    is_taken: bool,
}

pub(super) struct World {
    pub(super) net: Net,
    /// Whether no session was ended from outside: then errors are only those that methods throw, and an object
    /// is there as long as anybody holds it.
    is_calm: bool,
    held: Vec<Vec<Held>>,
    asked: Vec<Asked>,
    running: Vec<Running>,
    objects: BTreeSet<Object>,
    disposed: BTreeSet<Object>,
    /// By key: how many calls were made, and where they land.
    keys: Vec<(u32, Option<Object>)>,
    /// By key: the last call that arrived.
    arrived: BTreeMap<usize, u32>,
    clock: u32,
    pub(super) is_closed: Vec<bool>,
}

impl World {
    pub(super) fn new(machines: usize) -> Self {
        Self {
            net: Net::new(machines),
            is_calm: true,
            held: (0..machines).map(|_| Vec::new()).collect(),
            asked: Vec::new(),
            running: Vec::new(),
            objects: BTreeSet::new(),
            disposed: BTreeSet::new(),
            keys: Vec::new(),
            arrived: BTreeMap::new(),
            clock: 0,
            is_closed: vec![false; machines],
        }
    }

    pub(super) fn join(&mut self, caller: usize, callee: usize) {
        let joined = self.net.join(caller, callee);
        self.objects.insert((callee, joined.root));
        self.hold(caller, joined.stub, (callee, joined.root));
    }

    /// Calls something that the event holds, with references to other things.
    pub(super) fn call(&mut self, machine: usize, on: usize, gives: usize) {
        let Some(held) = self.pick(machine, on) else { return };
        let born = self.tick();
        self.ask(machine, On::Stub(held.stub), held.key, None, born, gives);
    }

    /// Calls what a call of the event will come to.
    pub(super) fn pipeline(&mut self, machine: usize, on: usize, gives: usize) {
        let Some(on) = self.open_question(machine, on) else { return };
        let Asked { id, key, born, .. } = self.asked[on];
        self.ask(machine, On::Promise(id), key, Some(on), born, gives);
    }

    fn ask(
        &mut self,
        machine: usize,
        on: On,
        key: usize,
        behind: Option<usize>,
        born: u32,
        gives: usize,
    ) {
        self.keys[key].0 += 1;
        let path: Path = [key.to_string(), self.keys[key].0.to_string()].into();
        let called = match on {
            On::Stub(stub) => Some(stub),
            On::Promise(_) => None,
        };
        let args = (!gives.is_multiple_of(5)).then(|| {
            let (caps, objects) = self.gives(machine, gives, called);
            written(&objects, false, caps)
        });
        let id = self.net.machines[machine].call(on, path, args).unwrap();
        let key = self.new_key(None);
        let is_let_go = false;
        self.asked.push(Asked { machine, id, key, on: behind, born, settled: None, is_let_go });
    }

    /// Takes the arguments of a call that runs.
    pub(super) fn take_args(&mut self, machine: usize, pick: usize) {
        let Some(running) = self.pick_running(machine, pick) else { return };
        self.take_args_of(running);
    }

    fn take_args_of(&mut self, running: usize) {
        let Running { machine, answer, is_taken, .. } = self.running[running];
        if !is_taken {
            self.running[running].is_taken = true;
            if let Some(args) = self.net.machines[machine].take_args(answer) {
                self.receive(machine, &args, None);
            }
        }
    }

    /// Answers a call that runs.
    pub(super) fn answer(&mut self, machine: usize, pick: usize, how: usize, gives: usize) {
        let Some(index) = self.pick_running(machine, pick) else { return };
        let (answer, began) = (self.running[index].answer, self.running[index].began);
        match how % 6 {
            0 => {
                let error = RpcError::error(format!("thrown at {}", self.tick()));
                self.net.machines[machine].answer(answer, Err(error), None);
            }
            1 => {
                self.take_args_of(index);
                let (stub, object) = self.give_one(machine, gives, None);
                let pipeline = match stub {
                    Give::Move(stub) | Give::Dup(stub) => stub,
                    Give::Readable(_) | Give::Writable(_) => unreachable!("no streams here"),
                };
                let pipeline = self.net.machines[machine].dup(pipeline).unwrap();
                let result = written(&[object], true, vec![stub]);
                self.net.machines[machine].answer(answer, Ok(result), Some(pipeline));
            }
            2 => {
                let inner = self.open_question(machine, gives);
                let Some(inner) = inner.filter(|inner| self.asked[*inner].born > began) else {
                    return;
                };
                self.asked[inner].is_let_go = true;
                self.net.machines[machine].link(answer, self.asked[inner].id);
            }
            3 if !self.running[index].is_taken => {
                let Some(held) = self.pick(machine, gives) else { return };
                let onward = vec!["onward".to_owned()];
                self.net.machines[machine].pass_on(answer, On::Stub(held.stub), onward);
            }
            _ => {
                self.take_args_of(index);
                let (caps, objects) = self.gives(machine, gives, None);
                let result = written(&objects, false, caps);
                self.net.machines[machine].answer(answer, Ok(result), None);
            }
        }
        self.running.remove(index);
    }

    pub(super) fn dup(&mut self, machine: usize, pick: usize) {
        if let Some(held) = self.pick(machine, pick) {
            let stub = self.net.machines[machine].dup(held.stub).unwrap();
            self.hold(machine, stub, held.object);
        }
    }

    pub(super) fn dispose(&mut self, machine: usize, pick: usize) {
        if let Some(held) = self.pick(machine, pick) {
            assert!(self.net.machines[machine].dispose(held.stub));
        }
    }

    pub(super) fn finish(&mut self, machine: usize, pick: usize) {
        let mine: Vec<usize> = self.indices(|asked| asked.machine == machine && !asked.is_let_go);
        if let Some(index) = nth(&mine, pick) {
            self.let_go(index);
        }
    }

    fn let_go(&mut self, index: usize) {
        let asked = &mut self.asked[index];
        asked.is_let_go = true;
        self.net.machines[asked.machine].finish(asked.id);
    }

    pub(super) fn close(&mut self, machine: usize) {
        self.is_calm = false;
        self.is_closed[machine] = true;
        self.net.machines[machine].close(Some(RpcError::error("closed")));
        self.running.retain(|running| running.machine != machine);
        for asked in &mut self.asked {
            asked.is_let_go |= asked.machine == machine;
        }
    }

    pub(super) fn cut(&mut self, wire: usize) {
        self.is_calm = false;
        self.net.cut(wire);
    }

    /// Some references to give away.
    fn gives(
        &mut self,
        machine: usize,
        gives: usize,
        kept: Option<StubId>,
    ) -> (Vec<Give>, Vec<Object>) {
        (0..gives % 3).map(|index| self.give_one(machine, gives / 3 + index, kept)).unzip()
    }

    fn give_one(&mut self, machine: usize, pick: usize, kept: Option<StubId>) -> (Give, Object) {
        let held = (!pick.is_multiple_of(4)).then(|| self.pick(machine, pick / 4)).flatten();
        match held {
            Some(held) if pick % 4 == 1 && Some(held.stub) != kept => {
                self.held[machine].retain(|other| other.stub != held.stub);
                (Give::Move(held.stub), held.object)
            }
            Some(held) => (Give::Dup(held.stub), held.object),
            None => {
                let (handle, stub) = self.net.machines[machine].wrap();
                self.objects.insert((machine, handle));
                (Give::Move(stub), (machine, handle))
            }
        }
    }

    fn hold(&mut self, machine: usize, stub: StubId, object: Object) {
        let key = self.new_key(Some(object));
        self.held[machine].push(Held { stub, object, key });
    }

    fn new_key(&mut self, object: Option<Object>) -> usize {
        self.keys.push((0, object));
        self.keys.len() - 1
    }

    /// Forgets stubs that the machine has disposed of, which came with arguments.
    fn prune(&mut self, machine: usize) {
        let World { net, held, .. } = self;
        held[machine].retain(|held| net.machines[machine].is_alive(held.stub));
    }

    fn pick(&mut self, machine: usize, pick: usize) -> Option<Held> {
        self.prune(machine);
        nth(&self.held[machine], pick)
    }

    fn pick_running(&self, machine: usize, pick: usize) -> Option<usize> {
        let of_machine =
            |index: &usize| self.running.get(*index).is_some_and(|run| run.machine == machine);
        let mine: Vec<usize> = (0..self.running.len()).filter(of_machine).collect();
        nth(&mine, pick)
    }

    fn open_question(&self, machine: usize, pick: usize) -> Option<usize> {
        let is_open =
            |asked: &Asked| asked.machine == machine && asked.settled.is_none() && !asked.is_let_go;
        nth(&self.indices(is_open), pick)
    }

    fn indices(&self, which: impl Fn(&Asked) -> bool) -> Vec<usize> {
        (0..self.asked.len()).filter(|index| which(&self.asked[*index])).collect()
    }

    fn tick(&mut self) -> u32 {
        self.clock += 1;
        self.clock
    }
}

fn nth<T: Copy>(of: &[T], pick: usize) -> Option<T> {
    if of.is_empty() { None } else { of.get(pick % of.len()).copied() }
}

/// A value that says to what its references lead, and whether calls on it land on the first of them.
fn written(objects: &[Object], lands: bool, caps: Vec<Give>) -> Message {
    let mut data = vec![u8::from(lands)];
    for (machine, handle) in objects {
        data.push(*machine as u8);
        data.extend_from_slice(&handle.get().to_le_bytes());
    }
    Message { data: Bytes::from(data), caps }
}

fn read(data: &[u8]) -> (Vec<Object>, bool) {
    let (lands, objects) = data.split_first().unwrap();
    let object = |bytes: &[u8]| {
        let handle = u32::from_le_bytes(bytes[1..].try_into().unwrap());
        (usize::from(bytes[0]), Handle::new(handle))
    };
    (objects.chunks_exact(5).map(object).collect(), *lands == 1)
}
