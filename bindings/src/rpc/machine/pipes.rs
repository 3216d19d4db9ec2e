//! Streams as pipes with two ends, each held by JavaScript, by a session, or by nobody yet. A stream that
//! passes through is a pipe between two sessions. Not here: what is sent through them.

use std::collections::hash_map::Entry;
use std::rc::Rc;

use rustc_hash::FxHashMap;

use super::held::{Garbage, Loose};
use super::ids::{PipeId, SessionId, StreamId};
use super::table::Table;
use crate::rpc::frame::{Channel, StreamMessage};

/// An end of a pipe.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    Writer,
    Reader,
}

impl Side {
    pub(super) fn other(self) -> Self {
        match self {
            Self::Writer => Self::Reader,
            Self::Reader => Self::Writer,
        }
    }
}

/// Who holds an end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Port {
    Js(StreamId),
    Wire { session: SessionId, channel: Channel },
}

/// The state of an end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tip {
    /// Nobody has it yet.
    Open,
    At(Port),
    /// Nobody will have it any more.
    Gone,
}

/// A stream.
pub(super) struct Pipe {
    writer: Tip,
    reader: Tip,
    /// The end that was there first: the other one went to somebody else.
    pub(super) first: Side,
    /// Whether the other one is on its way or has arrived.
    pub(super) is_given: bool,
    /// What waits until somebody has the open end.
    pub(super) backlog: Vec<StreamMessage>,
}

impl Pipe {
    pub(super) fn tip(&self, side: Side) -> Tip {
        match side {
            Side::Writer => self.writer,
            Side::Reader => self.reader,
        }
    }

    fn set(&mut self, side: Side, tip: Tip) {
        match side {
            Side::Writer => self.writer = tip,
            Side::Reader => self.reader = tip,
        }
    }
}

/// An end that JavaScript has.
pub(super) enum End {
    /// It writes.
    Writer {
        /// Bytes that it may send.
        room: usize,
        /// It has said that it sends no more.
        is_ended: bool,
    },
    /// It reads.
    Reader {
        /// Bytes that were taken and for which the other end has no credit yet.
        unsent: usize,
    },
}

/// All streams of an event.
pub(super) struct Pipes {
    pub(super) pipes: Table<PipeId, Pipe>,
    pub(super) ends: Table<StreamId, End>,
    ports: FxHashMap<Port, PipeId>,
}

impl Pipes {
    pub(super) fn new() -> Self {
        Self { pipes: Table::new(), ends: Table::new(), ports: FxHashMap::default() }
    }

    /// A new stream of which JavaScript has one end, and nobody the other.
    pub(super) fn open(&mut self, side: Side) -> (PipeId, StreamId) {
        let pipe = self.pipes.add(Pipe {
            writer: Tip::Open,
            reader: Tip::Open,
            first: side,
            is_given: false,
            backlog: Vec::new(),
        });
        (pipe, self.join(pipe, side))
    }

    /// The other end of such a stream, for somebody else; only once.
    pub(super) fn give(&mut self, stream: StreamId, garbage: &Rc<Garbage>) -> Option<Loose> {
        let (id, side) = self.find(Port::Js(stream))?;
        let pipe = self.pipes.get_mut(id)?;
        if pipe.is_given {
            return None;
        }
        pipe.is_given = true;
        Some(Loose::new(id, side.other(), garbage))
    }

    /// A new stream that came over a session, whose `side` is for whoever gets it. `None` if the session has
    /// one of that number.
    pub(super) fn arrive(
        &mut self,
        port: Port,
        side: Side,
        garbage: &Rc<Garbage>,
    ) -> Option<Loose> {
        let Entry::Vacant(free) = self.ports.entry(port) else { return None };
        let mut pipe = Pipe {
            writer: Tip::Open,
            reader: Tip::Open,
            first: side.other(),
            is_given: true,
            backlog: Vec::new(),
        };
        pipe.set(side.other(), Tip::At(port));
        let id = self.pipes.add(pipe);
        free.insert(id);
        Some(Loose::new(id, side, garbage))
    }

    /// Gives an open end to JavaScript.
    pub(super) fn join(&mut self, pipe: PipeId, side: Side) -> StreamId {
        let stream = self.ends.add(match side {
            Side::Writer => End::Writer { room: 0, is_ended: false },
            Side::Reader => End::Reader { unsent: 0 },
        });
        self.attach(pipe, side, Port::Js(stream));
        stream
    }

    /// Gives an open end to somebody.
    pub(super) fn attach(&mut self, pipe: PipeId, side: Side, port: Port) {
        if let Some(entry) = self.pipes.get_mut(pipe) {
            entry.set(side, Tip::At(port));
            self.ports.insert(port, pipe);
        }
    }

    /// Which end of which pipe somebody has.
    pub(super) fn find(&self, port: Port) -> Option<(PipeId, Side)> {
        let id = *self.ports.get(&port)?;
        let pipe = self.pipes.get(id)?;
        let side = if pipe.writer == Tip::At(port) { Side::Writer } else { Side::Reader };
        Some((id, side))
    }

    /// Takes an end away from whoever had it; answers who.
    pub(super) fn detach(&mut self, pipe: PipeId, side: Side) -> Option<Port> {
        let entry = self.pipes.get_mut(pipe)?;
        let tip = entry.tip(side);
        entry.set(side, Tip::Gone);
        let Tip::At(port) = tip else { return None };
        self.ports.remove(&port);
        if let Port::Js(stream) = port {
            self.ends.remove(stream);
        }
        Some(port)
    }

    /// The ends that a session has.
    pub(super) fn of_session(&self, wanted: SessionId) -> Vec<Port> {
        let is_its =
            |port: &&Port| matches!(port, Port::Wire { session, .. } if *session == wanted);
        self.ports.keys().filter(is_its).copied().collect()
    }

    pub(super) fn clear(&mut self) {
        self.pipes.clear();
        self.ends.clear();
        self.ports.clear();
    }
}
