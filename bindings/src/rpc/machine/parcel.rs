//! Values between one place and another: from JavaScript to the machine, from there to a session, and
//! back. A stub that goes from one session to another becomes one that leads through this event.

use std::sync::Arc;
use std::sync::atomic::AtomicUsize;

use bytes::Bytes;

use super::Machine;
use super::held::{Held, Loose};
use super::ids::{PipeId, SessionId};
use super::pipes::{Port, Side};
use super::stubs::Stub;
use super::value::{Delivered, Give, Got, Message};
use crate::memory::Charge;
use crate::rpc::frame::{Cap, FRAME_BYTES, Path, Payload, RpcError, path_bytes};

/// What to do where too many stubs are held.
const DISPOSE: &str = "dispose of some of them";

/// What to do where too many streams are open.
const FINISH: &str = "finish some of them first";

/// A value inside of the machine. Dropping it releases what it refers to.
pub(super) struct Parcel {
    data: Bytes,
    items: Vec<Item>,
    _charge: Charge,
}

/// What a value refers to.
pub(super) enum Item {
    Stub {
        held: Held,
        /// The short way to what `held` reaches as well.
        home: Option<Held>,
    },
    Stream(Loose),
}

/// What is called, and with what.
pub(super) struct Request {
    pub(super) path: Path,
    pub(super) args: Option<Parcel>,
}

/// Ends of streams that went out with a value: what waits for them follows it.
pub(super) type Attached = Vec<(PipeId, Side)>;

impl Parcel {
    fn new(data: Bytes, items: Vec<Item>, counter: &Arc<AtomicUsize>) -> Self {
        let charge = Charge::new(bytes_of(&data, &items), counter);
        Self { data, items, _charge: charge }
    }

    /// Bytes that it holds.
    pub(super) fn cost(&self) -> usize {
        bytes_of(&self.data, &self.items)
    }

    /// As it goes on to somebody else: calls that are pipelined on it went the way around, and so do those
    /// that follow.
    pub(super) fn without_homes(mut self) -> Self {
        for item in &mut self.items {
            if let Item::Stub { home, .. } = item {
                *home = None;
            }
        }
        self
    }
}

fn bytes_of(data: &Bytes, items: &[Item]) -> usize {
    FRAME_BYTES + data.len() + size_of_val(items)
}

impl Request {
    /// Bytes that it holds.
    pub(super) fn cost(&self) -> usize {
        FRAME_BYTES + path_bytes(&self.path) + self.args.as_ref().map_or(0, Parcel::cost)
    }
}

impl Machine {
    /// Takes what JavaScript gives: all of it, also where it is refused.
    pub(super) fn pick_up(&mut self, message: Message) -> Result<Parcel, RpcError> {
        let Message { data, caps } = message;
        let mut items = Vec::with_capacity(caps.len());
        let mut refusal = None;
        for give in caps {
            match self.pick_up_one(give) {
                Ok(item) => items.push(item),
                Err(error) => refusal = refusal.or(Some(error)),
            }
        }
        if data.len() > self.limits.payload_bytes {
            refusal = Some(RpcError::too_large(data.len()));
        }
        match refusal {
            Some(error) => Err(error),
            None => Ok(Parcel::new(data, items, &self.counter)),
        }
    }

    fn pick_up_one(&mut self, give: Give) -> Result<Item, RpcError> {
        let held = match give {
            Give::Move(stub) => self.stubs.remove(stub).map(Stub::into_held),
            Give::Dup(stub) => self.stubs.get(stub).map(|stub| stub.held().clone()),
            Give::Readable(stream) | Give::Writable(stream) => {
                let loose = self.pipes.give(stream, &self.garbage);
                let refusal = || RpcError::type_error("The stream has been sent already.");
                return loose.map(Item::Stream).ok_or_else(refusal);
            }
        };
        let held = held.ok_or_else(RpcError::stub_disposed)?;
        Ok(Item::Stub { held, home: None })
    }

    /// Makes what goes over a session of a value.
    pub(super) fn pack(
        &mut self,
        session: SessionId,
        parcel: Parcel,
        is_result: bool,
    ) -> Result<(Payload, Attached), RpcError> {
        let Parcel { data, items, _charge } = parcel;
        let open = self.sessions.get_mut(session).ok_or_else(RpcError::gone)?;
        let streams = items.iter().filter(|item| matches!(item, Item::Stream(_))).count();
        if open.exports.len() + items.len() - streams > self.limits.exports {
            let most = self.limits.exports;
            return Err(RpcError::too_many("RPC stubs are held by another worker", most, DISPOSE));
        }
        if open.channels + streams > self.limits.streams {
            let most = self.limits.streams;
            return Err(RpcError::too_many("streams pass between two workers", most, FINISH));
        }
        let mut caps = Vec::with_capacity(items.len());
        let mut attached = Attached::new();
        for item in items {
            caps.push(match item {
                Item::Stub { held, .. } => open.offer(held, is_result),
                Item::Stream(loose) => {
                    let channel = open.add_channel();
                    let (pipe, side) = loose.take();
                    self.pipes.attach(pipe, side, Port::Wire { session, channel });
                    attached.push((pipe, side));
                    match side {
                        Side::Reader => Cap::Readable(channel),
                        Side::Writer => Cap::Writable(channel),
                    }
                }
            });
        }
        Ok((Payload { data, caps }, attached))
    }

    /// Passes on what waited for the streams of a value that was sent.
    pub(super) fn replay_all(&mut self, attached: Attached) {
        for (pipe, side) in attached {
            self.replay(pipe, side);
        }
    }

    /// Makes a value of what came over a session. `None`: the other end broke the protocol.
    pub(super) fn unpack(&mut self, session: SessionId, payload: Payload) -> Option<Parcel> {
        let open = self.sessions.get_mut(session)?;
        let mut items = Vec::with_capacity(payload.caps.len());
        for cap in payload.caps {
            items.push(match cap {
                Cap::Stub(export) => {
                    Item::Stub { held: open.import(export, &self.garbage), home: None }
                }
                Cap::Own { export, via } => {
                    let own = open.exports.get(export)?.clone();
                    match via {
                        Some(via) => {
                            let held = open.import(via, &self.garbage);
                            Item::Stub { held, home: Some(own) }
                        }
                        None => Item::Stub { held: own, home: None },
                    }
                }
                Cap::Readable(channel) | Cap::Writable(channel) => {
                    let is_readable = matches!(cap, Cap::Readable(_));
                    let side = if is_readable { Side::Reader } else { Side::Writer };
                    let port = Port::Wire { session, channel };
                    let loose = self.pipes.arrive(port, side, &self.garbage)?;
                    open.channels += 1;
                    Item::Stream(loose)
                }
            });
        }
        if open.imports > self.limits.exports {
            return None;
        }
        Some(Parcel::new(payload.data, items, &self.counter))
    }

    /// Gives a value to JavaScript.
    pub(super) fn hand_over(&mut self, parcel: Parcel, is_short: bool) -> Delivered {
        let Parcel { data, items, _charge } = parcel;
        let mut caps = Vec::with_capacity(items.len());
        let mut attached = Attached::new();
        for item in items {
            caps.push(match item {
                Item::Stub { held, home } => {
                    let held = match home {
                        Some(home) if is_short => home,
                        _ => held,
                    };
                    Got::Stub(self.add_stub(held))
                }
                Item::Stream(loose) => {
                    let (pipe, side) = loose.take();
                    let stream = self.pipes.join(pipe, side);
                    attached.push((pipe, side));
                    match side {
                        Side::Reader => Got::Readable(stream),
                        Side::Writer => Got::Writable(stream),
                    }
                }
            });
        }
        for (pipe, side) in attached {
            self.replay(pipe, side);
            if side == Side::Reader {
                self.grant(pipe);
            }
        }
        Delivered { data, caps }
    }
}
