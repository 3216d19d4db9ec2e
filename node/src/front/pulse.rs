//! Whether a connection is idle, in the head of a request, or at work, since when, and whether its
//! client moves. What follows from it is decided in `front/connection.rs`, and how the stream
//! notices it in `front/monitored.rs`.

mod running;

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;
use std::task::Waker;
use std::time::Duration;

use http::Version;
use runtime::Upgrade;
use smallvec::SmallVec;
use tokio::sync::Notify;
use tokio::time::Instant;

use super::tally::CutOff;
use super::upgrade::Upgrading;
use super::upload::Flow;

use running::Stream;

pub(super) use running::Running;
pub use running::Underway;

/// While so much of its answers is not taken, no further request of a connection is begun, in
/// bytes.
const UNTAKEN_BYTES: u64 = 1 << 20;

/// Answers of an HTTP/2 connection that stand still may hold so much together, in bytes: four that
/// their workers stream as far ahead as they can, such as videos that somebody has paused.
const STILL_BYTES: u64 = 1 << 20;

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
    /// Of these, those whose worker streams.
    streamed: Cell<usize>,
    room: Notify,
    /// Requests that wait for it.
    waiting: Cell<usize>,
    /// Who reads a connection whose client has said that it sends nothing more.
    reader: RefCell<Option<Waker>>,
    /// As it was when the clock last rang.
    last: Cell<Option<Look>>,
    /// Why its client is cut off.
    cut_off: Cell<Option<CutOff>>,
    upgrading: Upgrading,
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
            streamed: Cell::new(0),
            room: Notify::new(),
            waiting: Cell::new(0),
            reader: RefCell::default(),
            last: Cell::new(None),
            cut_off: Cell::new(None),
            upgrading: Upgrading::default(),
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
        Running::new(self, stream)
    }

    /// The connection becomes a worker's, which runs on it from then on.
    pub(super) fn grant(&self, upgrade: Upgrade) {
        self.running.set(self.running.get() + 1);
        self.upgrading.grant(upgrade);
    }

    pub(super) fn upgrading(&self) -> &Upgrading {
        &self.upgrading
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
        let look = Look { taken: self.taken.get(), untaken: self.untaken_bytes() };
        let now = waits.then_some(look);
        let still_bytes = self.still_bytes();
        let is_stalled = match (self.last.replace(now), now) {
            (Some(last), Some(now)) => {
                let least_bytes = least_bytes.max(last.untaken / LOOKS_TO_TAKE);
                now.taken - last.taken < least_bytes || still_bytes > STILL_BYTES
            }
            _ => false,
        };
        if is_stalled {
            self.is_cut_off(CutOff::Answer);
        }
        is_stalled
    }

    /// The connection has to end, because that is over.
    pub(super) fn is_over(&self, deadline: Deadline) {
        if let Deadline::Head(_) = deadline {
            self.is_cut_off(CutOff::Head);
        }
    }

    /// The connection ends, for that reason.
    pub(super) fn is_cut_off(&self, why: CutOff) {
        self.cut_off.set(Some(why));
    }

    /// Why it ends, where its client is cut off.
    pub(super) fn why_cut_off(&self) -> Option<CutOff> {
        self.cut_off.get()
    }

    /// What answers hold of which nothing was taken since the last look.
    fn still_bytes(&self) -> u64 {
        self.streams.borrow().iter().map(|stream| stream.look()).sum()
    }

    /// Waits until the client has taken enough of its answers for another to be begun. What workers
    /// stream ahead is not counted: where they are faster than the client, it never gets less.
    pub(super) async fn room(&self) {
        while self.untaken.get() > UNTAKEN_BYTES {
            let room = self.room.notified();
            let _waits = Waits::new(&self.waiting);
            room.await;
        }
    }

    /// What of its answers is in memory and not taken.
    fn untaken_bytes(&self) -> u64 {
        let bytes = self.untaken.get();
        if self.streamed.get() == 0 {
            return bytes;
        }
        self.streams.borrow().iter().fold(bytes, |sum, stream| sum + stream.waiting_bytes())
    }

    /// Less of the answers may be in memory than before.
    fn tell_of_room(&self) {
        if self.waiting.get() > 0 && self.untaken.get() <= UNTAKEN_BYTES {
            self.room.notify_waiters();
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

/// A request waits for room until this is dropped.
struct Waits<'a>(&'a Cell<usize>);

impl<'a> Waits<'a> {
    fn new(waiting: &'a Cell<usize>) -> Self {
        waiting.set(waiting.get() + 1);
        Self(waiting)
    }
}

impl Drop for Waits<'_> {
    fn drop(&mut self) {
        self.0.set(self.0.get() - 1);
    }
}
