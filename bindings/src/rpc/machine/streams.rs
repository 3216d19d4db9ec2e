//! What goes through streams: bytes one way, credit the other, so that what is on its way is bounded from
//! end to end, however many events are between. Not here: who holds which end (the pipes).

use bytes::Bytes;

use super::Machine;
use super::effects::Queued;
use super::ids::{PipeId, SessionId, StreamId};
use super::pipes::{End, Port, Side, Tip};
use crate::memory::Charge;
use crate::rpc::frame::{CHUNK_BYTES, Channel, Frame, RpcError, StreamMessage};

/// Less than that is not sent in front of the rest, in bytes: more room comes soon.
const LEAST_PIECE_BYTES: usize = 4096;

impl Machine {
    /// A new stream that this end writes and whoever gets [`Give::Readable`](super::Give::Readable) reads.
    /// It has no room before the other end has arrived.
    pub fn open_readable(&mut self) -> StreamId {
        self.pipes.open(Side::Writer).1
    }

    /// A new stream that this end reads and whoever gets [`Give::Writable`](super::Give::Writable) writes.
    pub fn open_writable(&mut self) -> StreamId {
        let (pipe, stream) = self.pipes.open(Side::Reader);
        self.grant(pipe);
        stream
    }

    /// Sends bytes. Answers what there is no room for yet: the next `Credit` says when to go on.
    ///
    /// # Errors
    ///
    /// If the stream is over or was ended.
    pub fn write(&mut self, stream: StreamId, mut data: Bytes) -> Result<Option<Bytes>, RpcError> {
        let Some(End::Writer { room, is_ended: false }) = self.pipes.ends.get_mut(stream) else {
            return Err(RpcError::error("The other end of the stream is gone."));
        };
        let fitting = data.len().min(room.saturating_sub(CHUNK_BYTES));
        if fitting < data.len() && fitting < LEAST_PIECE_BYTES {
            return Ok(Some(data));
        }
        let rest = data.split_off(fitting);
        if !data.is_empty() {
            let message = StreamMessage::Chunk(data);
            *room -= message.cost();
            self.tell_other(stream, message);
            self.run();
        }
        Ok((!rest.is_empty()).then_some(rest))
    }

    /// This end has written all. `Done` follows, or `Cancel`.
    pub fn end(&mut self, stream: StreamId) {
        if let Some(End::Writer { is_ended, .. }) = self.pipes.ends.get_mut(stream)
            && !*is_ended
        {
            *is_ended = true;
            self.tell_other(stream, StreamMessage::End);
            self.run();
        }
    }

    /// This end writes no more, and not because it has written all. The stream is over here.
    pub fn abort(&mut self, stream: StreamId, error: RpcError) {
        if let Some(End::Writer { .. }) = self.pipes.ends.get(stream) {
            self.tell_other(stream, StreamMessage::Abort(error));
            self.run();
        }
    }

    /// This end has taken a chunk of so many bytes: once for each, with its whole length.
    pub fn consumed(&mut self, stream: StreamId, bytes: usize) {
        let window = self.limits.window_bytes;
        if let Some(End::Reader { unsent }) = self.pipes.ends.get_mut(stream) {
            *unsent += bytes + CHUNK_BYTES;
            // Half of a window at a time: a frame for each chunk would be as many again.
            if *unsent >= window / 2 {
                let credit = std::mem::take(unsent);
                self.tell_other(stream, StreamMessage::Credit(credit));
                self.run();
            }
        }
    }

    /// This end has taken all, after `End`. The stream is over.
    pub fn done(&mut self, stream: StreamId) {
        self.end_reader(stream, StreamMessage::Done);
    }

    /// This end wants no more. The stream is over here.
    pub fn cancel(&mut self, stream: StreamId, error: RpcError) {
        self.end_reader(stream, StreamMessage::Cancel(error));
    }

    fn end_reader(&mut self, stream: StreamId, message: StreamMessage) {
        if let Some(End::Reader { .. }) = self.pipes.ends.get(stream) {
            self.tell_other(stream, message);
            self.run();
        }
    }

    /// From an end that JavaScript has to the other.
    fn tell_other(&mut self, stream: StreamId, message: StreamMessage) {
        if let Some((pipe, side)) = self.pipes.find(Port::Js(stream)) {
            self.pass(pipe, side.other(), message);
        }
    }

    /// From an end that a session has to the other. Whether the end may say that.
    pub(super) fn receive_stream(
        &mut self,
        session: SessionId,
        channel: Channel,
        message: StreamMessage,
    ) -> bool {
        // One that is over here: the other end did not know it yet.
        let Some((pipe, side)) = self.pipes.find(Port::Wire { session, channel }) else {
            return true;
        };
        if message.is_from_writer() != (side == Side::Writer) {
            return false;
        }
        self.pass(pipe, side.other(), message);
        true
    }

    /// Passes a message to an end of a pipe.
    pub(super) fn pass(&mut self, pipe: PipeId, to: Side, message: StreamMessage) {
        let Some(entry) = self.pipes.pipes.get_mut(pipe) else { return };
        let is_last = message.is_last();
        match entry.tip(to) {
            Tip::Open => {
                let is_given = entry.is_given;
                entry.backlog.push(message);
                if is_last && is_given {
                    // Whoever gets the open end still hears of it.
                    self.detach(pipe, to.other());
                    return;
                }
            }
            Tip::Gone => {}
            Tip::At(Port::Js(stream)) => self.tell(stream, message),
            Tip::At(Port::Wire { session, channel }) => {
                self.send(session, Frame::Stream { channel, message });
            }
        }
        if is_last {
            self.close_pipe(pipe);
        }
    }

    /// Passes on what waited for an end that somebody has now.
    pub(super) fn replay(&mut self, pipe: PipeId, side: Side) {
        let Some(entry) = self.pipes.pipes.get_mut(pipe) else { return };
        for message in std::mem::take(&mut entry.backlog) {
            self.pass(pipe, side, message);
        }
    }

    /// Gives who writes the credit of an end that JavaScript reads from now on.
    pub(super) fn grant(&mut self, pipe: PipeId) {
        self.pass(pipe, Side::Writer, StreamMessage::Credit(self.limits.window_bytes));
    }

    /// Ends a stream whose open end nobody will have.
    pub(super) fn lose(&mut self, pipe: PipeId, side: Side) {
        let error = RpcError::error("The stream was not taken by the other end.");
        self.detach(pipe, side);
        self.pass(pipe, side.other(), last_from(side, error));
    }

    /// Ends all streams that pass through a session.
    pub(super) fn end_streams(&mut self, session: SessionId, reason: &RpcError) {
        for port in self.pipes.of_session(session) {
            let Some((pipe, side)) = self.pipes.find(port) else { continue };
            let was_sent =
                self.pipes.pipes.get(pipe).is_some_and(|entry| entry.first == side.other());
            let error = match side {
                _ if was_sent => reason.clone(),
                Side::Writer => {
                    RpcError::error("ReadableStream received over RPC disconnected prematurely.")
                }
                Side::Reader => RpcError::error(
                    "WritableStream received over RPC was disconnected because the remote \
                     execution context has ended.",
                ),
            };
            self.detach(pipe, side);
            self.pass(pipe, side.other(), last_from(side, error));
        }
    }

    /// Tells JavaScript.
    fn tell(&mut self, stream: StreamId, message: StreamMessage) {
        let message = match (self.pipes.ends.get_mut(stream), message) {
            (Some(End::Writer { room, .. }), StreamMessage::Credit(more)) => {
                *room = room.saturating_add(more);
                StreamMessage::Credit(*room)
            }
            (_, message) => message,
        };
        let cost = message.cost();
        let charge = Charge::new(cost, &self.counter);
        self.effects.push(Queued::Stream { stream, message }, cost, Some(charge));
    }

    fn detach(&mut self, pipe: PipeId, side: Side) {
        if let Some(Port::Wire { session, .. }) = self.pipes.detach(pipe, side)
            && let Some(open) = self.sessions.get_mut(session)
        {
            open.channels = open.channels.saturating_sub(1);
            self.stirred.push(session);
        }
    }

    fn close_pipe(&mut self, pipe: PipeId) {
        self.detach(pipe, Side::Writer);
        self.detach(pipe, Side::Reader);
        self.pipes.pipes.remove(pipe);
    }
}

/// The last message of an end that is lost.
fn last_from(side: Side, error: RpcError) -> StreamMessage {
    match side {
        Side::Writer => StreamMessage::Abort(error),
        Side::Reader => StreamMessage::Cancel(error),
    }
}
