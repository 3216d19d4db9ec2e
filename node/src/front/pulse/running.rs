//! A request that runs on a connection, and what its answer keeps in memory. What follows from it is
//! the pulse's.

use std::cell::{Cell, OnceCell};
use std::fmt;
use std::rc::Rc;

use runtime::WaitingBytes;
use tokio::time::Instant;

use super::Pulse;

/// An answer in HTTP/2.
#[derive(Default)]
pub(super) struct Stream {
    untaken: Cell<u64>,
    /// What its worker has sent beyond that, where it streams.
    waiting: OnceCell<WaitingBytes>,
    held: Cell<bool>,
    /// It was held at the last look, and nothing of it has been taken since.
    still: Cell<bool>,
}

impl Stream {
    /// What its worker has sent ahead, in bytes.
    pub(super) fn waiting_bytes(&self) -> u64 {
        self.waiting.get().map_or(0, WaitingBytes::bytes)
    }

    /// Looks at it; answers what is in memory of it, in bytes, if nothing was taken since the last look.
    pub(super) fn look(&self) -> u64 {
        let is_held = self.held.get();
        match self.still.replace(is_held) && is_held {
            true => self.untaken.get() + self.waiting_bytes(),
            false => 0,
        }
    }
}

/// A request that runs on a connection.
pub(in crate::front) struct Running {
    pulse: Rc<Pulse>,
    stream: Option<Rc<Stream>>,
    underway: Cell<Option<Underway>>,
    held: Cell<bool>,
    untaken: Cell<u64>,
}

impl Running {
    /// One that begins.
    pub(super) fn new(pulse: &Rc<Pulse>, stream: Option<Rc<Stream>>) -> Self {
        Self {
            pulse: Rc::clone(pulse),
            stream,
            underway: Cell::new(Some(Underway(Some(Rc::clone(pulse))))),
            held: Cell::new(false),
            untaken: Cell::new(0),
        }
    }

    pub(in crate::front) fn pulse(&self) -> &Pulse {
        &self.pulse
    }

    /// Whoever brings it to its worker drops this then.
    pub(in crate::front) fn underway(&self) -> Underway {
        self.underway.take().unwrap_or_default()
    }

    /// Whether something of the answer waits to be asked for.
    pub(in crate::front) fn hold(&self, held: bool) {
        if self.held.replace(held) != held {
            let others = &self.pulse.held;
            others.set(if held { others.get() + 1 } else { others.get() - 1 });
            if let Some(stream) = &self.stream {
                stream.held.set(held);
            }
        }
    }

    /// Its worker streams the answer, and sends so much of it before it is asked for.
    pub(in crate::front) fn streams(&self, waiting: &WaitingBytes) {
        if let Some(stream) = &self.stream
            && stream.waiting.set(waiting.clone()).is_ok()
        {
            self.pulse.streamed.set(self.pulse.streamed.get() + 1);
        }
    }

    /// How much of the answer is with the front and not taken, in bytes.
    pub(in crate::front) fn leave(&self, untaken: u64) {
        let pulse = &*self.pulse;
        let before = self.untaken.replace(untaken);
        if before != untaken {
            if let Some(stream) = &self.stream {
                stream.untaken.set(untaken);
            }
            pulse.untaken.set(pulse.untaken.get() + untaken - before);
        }
        pulse.tell_of_room();
    }

    /// The client asked for so much of the answer.
    pub(in crate::front) fn take(&self, bytes: u64) {
        if let Some(stream) = &self.stream
            && bytes > 0
        {
            self.pulse.taken.set(self.pulse.taken.get() + bytes);
            stream.still.set(false);
        }
    }
}

/// A request is on its way to its worker until this is dropped.
#[derive(Default)]
pub struct Underway(Option<Rc<Pulse>>);

impl fmt::Debug for Underway {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Underway").finish_non_exhaustive()
    }
}

impl Drop for Underway {
    fn drop(&mut self) {
        if let Some(pulse) = &self.0 {
            pulse.underway.set(pulse.underway.get() - 1);
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        drop(self.underway());
        self.hold(false);
        self.leave(0);
        if let Some(stream) = &self.stream {
            self.pulse.streams.borrow_mut().retain(|other| !Rc::ptr_eq(other, stream));
            if stream.waiting.get().is_some() {
                self.pulse.streamed.set(self.pulse.streamed.get() - 1);
            }
        }
        let running = self.pulse.running.get() - 1;
        self.pulse.running.set(running);
        if running == 0 {
            self.pulse.idle_since.set(Instant::now());
            self.pulse.uploads.borrow_mut().clear();
            if let Some(reader) = self.pulse.reader.borrow_mut().take() {
                reader.wake();
            }
        }
    }
}
