//! Whether a connection is idle, in the head of a request, or at work, since when, and whether its
//! client moves. What follows from it is decided in `front/connection.rs`, and how the stream
//! notices it in `front/monitored.rs`.

use std::cell::{Cell, RefCell};
use std::fmt;
use std::rc::Rc;
use std::sync::Arc;
use std::task::Waker;
use std::time::Duration;

use http::Version;
use smallvec::SmallVec;
use tokio::sync::Notify;
use tokio::time::Instant;

use super::upload::Flow;

/// While so much of its answers is not taken, no further request of a connection is begun, in
/// bytes.
const UNTAKEN_BYTES: u64 = 1 << 20;

/// Answers of an HTTP/2 connection that stand still may hold so much together, in bytes.
const STILL_BYTES: u64 = 256 << 10;

/// What a client may leave untaken is to be taken within so many looks, or it moves too slowly: who
/// holds much of a worker's memory has to take more of it.
const LOOKS_TO_TAKE: u64 = 60;

/// What is known about a connection's activity. Shared by its stream, its driver and the
/// requests on it, all on one thread.
pub(super) struct Pulse {
    running: Cell<usize>,
    /// Of these, those that have not come to their worker.
    underway: Cell<usize>,
    has_begun: Cell<bool>,
    idle_since: Cell<Instant>,
    /// When the first byte came after the connection was idle; of no meaning in HTTP/2, whose
    /// frames come at any time.
    head_since: Cell<Option<Instant>>,
    protocol: Cell<Version>,
    lingers: Cell<bool>,
    /// A body is on its way that is read before the worker is called.
    reads_ahead: Cell<bool>,
    /// Bodies that stream to a worker.
    uploads: RefCell<SmallVec<[Watched; 1]>>,
    /// The socket had no room at the last try.
    blocked: Cell<bool>,
    /// Bytes that the client took.
    taken: Cell<u64>,
    /// Answers of which something waits and nothing is asked for: in HTTP/2 until the client
    /// opens its window.
    held: Cell<usize>,
    /// What of its answers is not taken, in bytes.
    untaken: Cell<u64>,
    /// In HTTP/2: the answers one by one, for one that moves does not excuse those that stand still.
    streams: RefCell<Vec<Rc<Stream>>>,
    room: Notify,
    /// Who reads a connection whose client has said that it sends nothing more.
    reader: RefCell<Option<Waker>>,
    /// As it was when the clock last rang.
    last: Cell<Option<Look>>,
}

/// A body that streams, as it was at the last look.
struct Watched {
    flow: Arc<Flow>,
    last_bytes: Option<u64>,
}

/// Whether the client was waited for to take something, what it had taken, and what not.
#[derive(Clone, Copy)]
struct Look {
    taken: u64,
    untaken: u64,
}

/// An answer in HTTP/2.
#[derive(Default)]
struct Stream {
    untaken: Cell<u64>,
    held: Cell<bool>,
    /// It was held at the last look, and nothing of it has been taken since.
    still: Cell<bool>,
}

/// Why a connection has to end, and when.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Deadline {
    /// The head of a request is not complete.
    Head(Instant),
    /// There was no request for so long.
    Idle(Instant),
}

impl Pulse {
    pub(super) fn new() -> Rc<Self> {
        Rc::new(Self {
            running: Cell::new(0),
            underway: Cell::new(0),
            has_begun: Cell::new(false),
            idle_since: Cell::new(Instant::now()),
            head_since: Cell::new(None),
            protocol: Cell::new(Version::HTTP_11),
            lingers: Cell::new(false),
            reads_ahead: Cell::new(false),
            uploads: RefCell::default(),
            blocked: Cell::new(false),
            taken: Cell::new(0),
            held: Cell::new(0),
            untaken: Cell::new(0),
            streams: RefCell::default(),
            room: Notify::new(),
            reader: RefCell::default(),
            last: Cell::new(None),
        })
    }

    /// A request has begun; it runs until the guard is dropped.
    pub(super) fn begin(self: &Rc<Self>, protocol: Version, has_body: bool) -> Running {
        self.running.set(self.running.get() + 1);
        self.underway.set(self.underway.get() + 1);
        self.has_begun.set(true);
        self.head_since.set(None);
        self.protocol.set(protocol);
        self.reads_ahead.set(has_body);
        let stream = (protocol == Version::HTTP_2).then(Rc::<Stream>::default);
        self.streams.borrow_mut().extend(stream.clone());
        Running {
            pulse: Rc::clone(self),
            stream,
            underway: Cell::new(Some(Underway(Some(Rc::clone(self))))),
            held: Cell::new(false),
            untaken: Cell::new(0),
        }
    }

    /// The body of the request is complete, or streams, or is not wanted.
    pub(super) fn read_ahead_is_over(&self) {
        self.reads_ahead.set(false);
    }

    /// A body streams to a worker.
    pub(super) fn watch(&self, flow: &Arc<Flow>) {
        let mut uploads = self.uploads.borrow_mut();
        uploads.retain(|upload| !upload.flow.has_ended());
        uploads.push(Watched { flow: Arc::clone(flow), last_bytes: None });
    }

    /// The client is answered before all of its request's body was read.
    pub(super) fn linger(&self) {
        self.lingers.set(true);
    }

    /// Whether there was a request at all.
    pub(super) fn has_begun(&self) -> bool {
        self.has_begun.get()
    }

    pub(super) fn is_running(&self) -> bool {
        self.running.get() > 0
    }

    /// Whether a request is on its way to its worker.
    pub(super) fn is_asked(&self) -> bool {
        self.underway.get() > 0 || self.is_in_head()
    }

    /// Whether nothing has come for so long, nor runs.
    pub(super) fn is_idle_for(&self, time: Duration) -> bool {
        !self.is_running()
            && self.head_since.get().is_none()
            && self.idle_since.get().elapsed() > time
    }

    /// Whether the head of a request has come in part.
    pub(super) fn is_in_head(&self) -> bool {
        self.head_since.get().is_some() && !self.is_http2() && !self.is_running()
    }

    pub(super) fn is_http2(&self) -> bool {
        self.protocol.get() == Version::HTTP_2
    }

    /// When the connection has to end if nothing happens; `None` while a request runs.
    pub(super) fn deadline(&self, head: Duration, idle: Duration) -> Option<Deadline> {
        if self.is_running() {
            return None;
        }
        let idle = self.idle_since.get() + idle;
        match self.head_since.get() {
            Some(since) if !self.is_http2() => Some(Deadline::Head(since + head)),
            _ => Some(Deadline::Idle(idle)),
        }
    }

    /// Looks whether the client moved less than `least_bytes` since the last look, or less than what it
    /// leaves untaken asks for, where it was waited for both times. A body that stalls fails by itself;
    /// the answer is whether the connection has to end, because the client does not take what it asked
    /// for.
    pub(super) fn is_stalled(&self, least_bytes: u64) -> bool {
        for upload in self.uploads.borrow_mut().iter_mut() {
            let now = upload.flow.awaited_bytes();
            if let (Some(last), Some(now)) = (upload.last_bytes, now)
                && now - last < least_bytes
            {
                upload.flow.stall();
            }
            upload.last_bytes = now;
        }
        let waits = if self.is_http2() { self.held.get() > 0 } else { self.blocked.get() };
        let look = Look { taken: self.taken.get(), untaken: self.untaken.get() };
        let now = waits.then_some(look);
        let still_bytes = self.still_bytes();
        match (self.last.replace(now), now) {
            (Some(last), Some(now)) => {
                let least_bytes = least_bytes.max(last.untaken / LOOKS_TO_TAKE);
                now.taken - last.taken < least_bytes || still_bytes > STILL_BYTES
            }
            _ => false,
        }
    }

    /// What answers hold of which nothing was taken since the last look.
    fn still_bytes(&self) -> u64 {
        let mut bytes = 0;
        for stream in self.streams.borrow().iter() {
            let is_held = stream.held.get();
            if stream.still.replace(is_held) && is_held {
                bytes += stream.untaken.get();
            }
        }
        bytes
    }

    /// Waits until the client has taken enough of its answers for another to be begun.
    pub(super) async fn room(&self) {
        while self.untaken.get() > UNTAKEN_BYTES {
            self.room.notified().await;
        }
    }

    /// Whether somebody waits for more of a request's body.
    pub(super) fn lacks_some_of_a_body(&self) -> bool {
        let is_awaited = |upload: &Watched| upload.flow.awaited_bytes().is_some();
        self.reads_ahead.get() || self.uploads.borrow().iter().any(is_awaited)
    }

    /// What its HTTP/1 client has taken, in bytes.
    pub(super) fn taken(&self) -> u64 {
        self.taken.get()
    }

    /// Wakes the reader of a connection whose client sends nothing more when nothing runs.
    pub(super) fn wake_when_answered(&self, reader: &Waker) {
        *self.reader.borrow_mut() = Some(reader.clone());
    }

    /// Whether the client may be sending what nobody reads: the rest of a body, or what follows
    /// the point at which a head turned out malformed.
    pub(super) fn may_still_send(&self) -> bool {
        self.lingers.get() || self.is_in_head()
    }

    pub(super) fn bytes_came(&self) {
        if !self.is_running() && self.head_since.get().is_none() {
            self.head_since.set(Some(Instant::now()));
        }
    }

    /// The socket took so many bytes; `None` where it has no room.
    pub(super) fn bytes_went(&self, bytes: Option<usize>) {
        self.blocked.set(bytes.is_none());
        let Some(bytes) = bytes else { return };
        if self.is_http2() {
            // Among them are frames that are no answers, such as those to pings.
            return;
        }
        self.taken.set(self.taken.get() + bytes as u64);
        // A response may be over for its request and still on its way to a slow client.
        if !self.is_running() {
            self.idle_since.set(Instant::now());
        }
    }
}

impl Deadline {
    pub(super) fn at(self) -> Instant {
        match self {
            Self::Head(at) | Self::Idle(at) => at,
        }
    }
}

/// A request that runs on a connection.
pub(super) struct Running {
    pulse: Rc<Pulse>,
    stream: Option<Rc<Stream>>,
    underway: Cell<Option<Underway>>,
    held: Cell<bool>,
    untaken: Cell<u64>,
}

impl Running {
    pub(super) fn pulse(&self) -> &Pulse {
        &self.pulse
    }

    /// Whoever brings it to its worker drops this then.
    pub(super) fn underway(&self) -> Underway {
        self.underway.take().unwrap_or_default()
    }

    /// Whether something of the answer waits to be asked for.
    pub(super) fn hold(&self, held: bool) {
        if self.held.replace(held) != held {
            let others = &self.pulse.held;
            others.set(if held { others.get() + 1 } else { others.get() - 1 });
            if let Some(stream) = &self.stream {
                stream.held.set(held);
            }
        }
    }

    /// How much of the answer is in memory and not taken, in bytes.
    pub(super) fn leave(&self, untaken: u64) {
        let pulse = &*self.pulse;
        let before = self.untaken.replace(untaken);
        if before == untaken {
            return;
        }
        if let Some(stream) = &self.stream {
            stream.untaken.set(untaken);
        }
        let had = pulse.untaken.replace(pulse.untaken.get() + untaken - before);
        if had > UNTAKEN_BYTES && pulse.untaken.get() <= UNTAKEN_BYTES {
            pulse.room.notify_waiters();
        }
    }

    /// The client asked for so much of the answer.
    pub(super) fn take(&self, bytes: u64) {
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
