//! Of which body the small pieces are that come on a connection in HTTP/2, and which of them are held.
//!
//! hyper does not say on which stream a request has come. But it begins requests in the order of their
//! heads, and all that there are before it waits for more. So where as many have begun by then as heads have
//! come, it is known which is which. Where they are fewer h2 has refused some; and where h2 has not got to
//! all that was read, which it does not while it cannot write, some may be begun later. Then the small
//! pieces on these streams count until all bodies are over that may be theirs.
//!
//! All of this is the connection's own thread's. Who reads a body, on whatever thread, counts the small
//! pieces that it takes; that is looked at before it matters, and never for each piece.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering, fence};

use super::account::{Account, Coming};
use super::pieces::{Pieces, Stretches};
use crate::front::frames::Seen;

/// So many heads at a time, of which it is not known which requests they are, are cut off. It is far more
/// than a client that keeps to the number of streams which it may have can send, and more than h2 refuses.
pub(super) const MOST_UNKNOWN: usize = 4096;
/// From so many bodies on it is looked which are over, so that no more are remembered than twice as many as
/// are not.
const MANY_BODIES: usize = 16;

/// How many small pieces of a body were taken. Who reads the body has it, too, until the body is over.
pub(super) type Taken = Arc<AtomicUsize>;

/// The streams of one connection.
pub(super) struct Streams {
    account: Arc<Account>,
    /// What has come on the connection, in bytes.
    come_bytes: usize,
    stretches: Stretches,
    /// By the numbers of their streams, which rise, until it is seen that they are over.
    bodies: Vec<Body>,
    /// When there are so many it is looked which are over.
    many_bodies: usize,
    unknown: Unknown,
    /// Heads that are complete and of which it is not known which requests they are: whether each has a
    /// body, which is then one of the last and has no reader.
    heads: Vec<bool>,
    /// Requests that have begun and of which it is not known which heads they had; `None` for those without
    /// a body.
    begun: Vec<Option<Taken>>,
    /// h2 has asked for more than there is, so that it has got to all that has come.
    is_all_read: bool,
    /// When hyper had last begun all requests that it could, h2 had not. More may have their heads among
    /// those of the unknown.
    is_behind: bool,
}

/// The body that comes on one stream.
struct Body {
    stream: u32,
    /// `None` as long as it is not known.
    reader: Option<Reader>,
    pieces: Pieces,
}

/// Bodies of which it stays unknown on which of these streams they come.
#[derive(Default)]
struct Unknown {
    /// By rising numbers.
    streams: Vec<u32>,
    readers: Vec<Reader>,
    pieces: Pieces,
}

/// Who reads a body.
struct Reader {
    taken: Taken,
    /// So many of them are known.
    seen: usize,
}

impl Streams {
    pub(super) fn new(account: Arc<Account>) -> Self {
        Self {
            account,
            come_bytes: 0,
            stretches: Stretches::default(),
            bodies: Vec::new(),
            many_bodies: MANY_BODIES,
            unknown: Unknown::default(),
            heads: Vec::new(),
            begun: Vec::new(),
            is_all_read: false,
            is_behind: false,
        }
    }

    /// So many bytes have come on the connection, at once, and with them this. Answers whether it may go on.
    pub(super) fn have_come(&mut self, bytes: usize, seen: &[Seen]) -> bool {
        self.is_all_read = false;
        let begin = self.come_bytes;
        self.come_bytes += bytes;
        let mut has_pieces = false;
        for seen in seen {
            match *seen {
                Seen::Head { stream, has_body } => self.head(stream, has_body),
                Seen::Pieces { stream, pieces } => {
                    if !has_pieces && !self.stretches.reach(begin) {
                        // Another one begins, and with it counts since when something is kept.
                        self.look();
                    }
                    has_pieces = true;
                    self.pieces(stream, pieces, begin);
                }
            }
        }
        let unknown = self.heads.len().max(self.unknown.streams.len());
        unknown <= MOST_UNKNOWN && (!has_pieces || self.may_hold_pieces())
    }

    /// h2 has asked for more than there is.
    pub(super) fn are_read(&mut self) {
        self.is_all_read = true;
    }

    /// The next request begins, and this is its body.
    pub(super) fn begin(&mut self, coming: Option<&mut Coming>) {
        self.begun.push(coming.map(Coming::on_a_stream));
    }

    /// hyper has begun all requests that it could, and nobody has got to their bodies yet.
    pub(super) fn settle(&mut self) {
        if self.heads.is_empty() && self.begun.is_empty() && !self.is_behind {
            return;
        }
        let was_behind = std::mem::replace(&mut self.is_behind, !self.is_all_read);
        if was_behind || self.is_behind || self.heads.len() != self.begun.len() {
            self.mix();
            return;
        }
        let known = self.bodies.partition_point(|body| body.reader.is_some());
        let mut bodies = self.bodies.iter_mut().skip(known);
        for (has_body, taken) in self.heads.drain(..).zip(self.begun.drain(..)) {
            if has_body && let Some(body) = bodies.next() {
                // A request that has none, as it is over already or never comes to a worker, is as one
                // whose body was given up.
                body.reader = Some(Reader::of(taken.unwrap_or_default()));
            }
        }
    }

    /// It is not known which heads are which requests.
    fn mix(&mut self) {
        self.heads.clear();
        let known = self.bodies.partition_point(|body| body.reader.is_some());
        for body in self.bodies.drain(known..) {
            self.unknown.streams.push(body.stream);
            self.unknown.pieces.take_over(body.pieces);
        }
        self.unknown.readers.extend(self.begun.drain(..).flatten().map(Reader::of));
        if !self.is_behind {
            self.look();
        }
    }

    fn head(&mut self, stream: u32, has_body: bool) {
        self.heads.push(has_body);
        if !has_body {
            return;
        }
        if self.bodies.len() >= self.many_bodies {
            self.look();
            self.many_bodies = MANY_BODIES.max(2 * self.bodies.len());
            self.bodies.shrink_to(self.many_bodies);
        }
        self.bodies.push(Body { stream, reader: None, pieces: Pieces::default() });
    }

    /// So many small pieces were read with what has come since `begin`. Those of a body that is over are
    /// thrown away.
    fn pieces(&mut self, stream: u32, more: usize, begin: usize) {
        let pieces = match self.bodies.binary_search_by_key(&stream, |body| body.stream) {
            Ok(at) => {
                self.bodies.get_mut(at).filter(|body| !body.is_over()).map(|it| &mut it.pieces)
            }
            Err(_) if self.unknown.may_have(stream, self.is_behind) => {
                Some(&mut self.unknown.pieces)
            }
            Err(_) => None,
        };
        if let Some(pieces) = pieces {
            pieces.come(more, (begin, self.come_bytes), &mut self.stretches);
            self.account.pieces_came(more);
        }
    }

    /// Tells the connection to close where it holds too many small pieces, or they keep too much. Answers
    /// whether it may go on until then.
    fn may_hold_pieces(&mut self) -> bool {
        self.account.keep_buffers(self.stretches.bytes());
        if self.account.holds_too_much(1) && !self.account.is_dismissed() {
            self.look();
        }
        self.account.may_hold_pieces()
    }

    /// Looks which small pieces were taken, and which bodies are over.
    fn look(&mut self) {
        let Self { account, stretches, bodies, unknown, is_behind, .. } = self;
        bodies.retain_mut(|body| {
            let Some(reader) = &mut body.reader else { return true };
            let (taken, is_over) = reader.look();
            body.pieces.taken(taken, stretches);
            if is_over {
                account.pieces_went(body.pieces.forget(stretches));
            }
            !is_over
        });
        account.pieces_went(unknown.look(*is_behind, stretches));
        account.keep_buffers(stretches.bytes());
    }
}

impl Body {
    fn is_over(&self) -> bool {
        self.reader.as_ref().is_some_and(Reader::is_over)
    }
}

impl Unknown {
    /// Whether something on that stream may be of one of them. Where h2 is behind they may be more.
    fn may_have(&self, stream: u32, is_behind: bool) -> bool {
        self.streams.binary_search(&stream).is_ok()
            && (is_behind || !self.readers.iter().all(Reader::is_over))
    }

    /// Looks how many pieces were taken, and whether all bodies are over. Answers how many pieces nobody
    /// takes any more.
    fn look(&mut self, is_behind: bool, stretches: &mut Stretches) -> usize {
        let mut taken = 0;
        self.readers.retain_mut(|reader| {
            let (more, is_over) = reader.look();
            taken += more;
            !is_over
        });
        self.pieces.some_taken(taken, stretches);
        if is_behind || !self.readers.is_empty() {
            return 0;
        }
        self.streams.clear();
        self.pieces.forget(stretches)
    }
}

impl Reader {
    fn of(taken: Taken) -> Self {
        Self { taken, seen: 0 }
    }

    /// Whether its body is over: nobody reads it.
    fn is_over(&self) -> bool {
        Arc::strong_count(&self.taken) == 1
    }

    /// How many small pieces it has taken since this was asked before, and whether there will be no more.
    fn look(&mut self) -> (usize, bool) {
        let is_over = self.is_over();
        if is_over {
            // So that all are seen which it took on another thread.
            fence(Ordering::Acquire);
        }
        let taken = self.taken.load(Ordering::Relaxed);
        (taken - std::mem::replace(&mut self.seen, taken), is_over)
    }
}
