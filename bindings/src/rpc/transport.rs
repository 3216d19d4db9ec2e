//! How the frames of a session get from one thread to another: a channel in each direction that holds a
//! window of bytes. What there is no room for stays with who sent it, and is counted there. Not here: what
//! the frames say.

use std::cell::RefCell;
use std::fmt;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::rc::{Rc, Weak};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};

use futures_util::task::AtomicWaker;
use tokio::sync::mpsc::{self, UnboundedReceiver, UnboundedSender};
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};

use super::machine::{Machine, Outbox, Outgoing, SessionId};

/// What may be on its way in one direction when the next frame is sent, in bytes. A frame is sent whole, so
/// that there may be one more.
const WINDOW_BYTES: usize = 1 << 20;

/// One end of what carries a session. Whoever drops it ends the session at both ends.
pub struct Transport {
    sender: UnboundedSender<InFlight>,
    receiver: UnboundedReceiver<InFlight>,
    /// Of what this end sends.
    window: Arc<Window>,
    /// Whether the other end is lost, with a thread that drops nothing.
    lost: Option<Pin<Box<WaitForCancellationFutureOwned>>>,
}

/// A frame on its way.
struct InFlight {
    outgoing: Outgoing,
    _space: Space,
}

/// How much is on its way in one direction.
#[derive(Default)]
struct Window {
    bytes: AtomicUsize,
    sender: AtomicWaker,
}

/// A part of a window, until it is dropped.
struct Space {
    bytes: usize,
    window: Arc<Window>,
}

/// The two ends of what carries a session: one for its caller, one for its callee.
pub fn pair() -> (Transport, Transport) {
    let (to_callee, from_caller) = mpsc::unbounded_channel();
    let (to_caller, from_callee) = mpsc::unbounded_channel();
    (Transport::new(to_callee, from_callee), Transport::new(to_caller, from_caller))
}

/// Carries the frames of one end of a session until the session is over. It is for the thread of the
/// machine, as a task of its own: it runs no JavaScript, and goes on while JavaScript is busy elsewhere. It
/// does not keep the machine; what the machine sent before its end is still sent. Nobody may have borrowed
/// the machine when this is called, nor while the task runs.
pub fn drive(
    machine: &Rc<RefCell<Machine>>,
    session: SessionId,
    mut transport: Transport,
) -> impl Future<Output = ()> + 'static + use<> {
    let outbox = machine.borrow().outbox(session);
    let machine = Rc::downgrade(machine);
    async move {
        if let Some(outbox) = outbox {
            poll_fn(|cx| transport.poll(&machine, session, &outbox, cx)).await;
        }
    }
}

impl Transport {
    fn new(sender: UnboundedSender<InFlight>, receiver: UnboundedReceiver<InFlight>) -> Self {
        Self { sender, receiver, window: Arc::default(), lost: None }
    }

    /// Ends the session, too, when the token is cancelled: then the other end is lost without a word.
    pub(crate) fn lost_with(&mut self, token: &CancellationToken) {
        self.lost = Some(Box::pin(token.clone().cancelled_owned()));
    }

    fn is_lost(&mut self, cx: &mut Context<'_>) -> bool {
        let is_lost = self.lost.as_mut().is_some_and(|lost| lost.as_mut().poll(cx).is_ready());
        if is_lost {
            self.lost = None;
        }
        is_lost
    }

    fn poll(
        &mut self,
        machine: &Weak<RefCell<Machine>>,
        session: SessionId,
        outbox: &Outbox,
        cx: &mut Context<'_>,
    ) -> Poll<()> {
        outbox.register(cx.waker());
        loop {
            self.send_all(outbox, cx);
            if outbox.is_over() {
                return Poll::Ready(());
            }
            // Its end closes what it has to send.
            let Some(machine) = machine.upgrade() else { return Poll::Ready(()) };
            let mut machine = machine.borrow_mut();
            if !machine.has_room() {
                // Woken with the outbox when JavaScript has taken what is there.
                return Poll::Pending;
            }
            match self.receiver.poll_recv(cx) {
                Poll::Ready(Some(InFlight { outgoing, _space })) => {
                    machine.receive(session, outgoing.frame);
                }
                Poll::Ready(None) => machine.disconnected(session),
                // What it has sent before counts.
                Poll::Pending if self.is_lost(cx) => machine.disconnected(session),
                Poll::Pending => return Poll::Pending,
            }
        }
    }

    /// Sends what there is room for; all of it once the session is over.
    fn send_all(&self, outbox: &Outbox, cx: &Context<'_>) {
        while outbox.is_closed() || self.window.poll_room(cx).is_ready() {
            let Some(outgoing) = outbox.take() else { break };
            let space = Space::new(outgoing.cost, &self.window);
            // Fails where the other end is gone, which is seen where its frames are received.
            let _ = self.sender.send(InFlight { outgoing, _space: space });
        }
    }
}

impl fmt::Debug for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Transport").finish_non_exhaustive()
    }
}

impl Window {
    fn has_room(&self) -> bool {
        self.bytes.load(Ordering::Acquire) < WINDOW_BYTES
    }

    fn poll_room(&self, cx: &Context<'_>) -> Poll<()> {
        if self.has_room() {
            return Poll::Ready(());
        }
        self.sender.register(cx.waker());
        // Some may have been taken before who takes it knew whom to wake.
        if self.has_room() { Poll::Ready(()) } else { Poll::Pending }
    }
}

impl Space {
    fn new(bytes: usize, window: &Arc<Window>) -> Self {
        window.bytes.fetch_add(bytes, Ordering::AcqRel);
        Self { bytes, window: Arc::clone(window) }
    }
}

impl Drop for Space {
    fn drop(&mut self) {
        let before = self.window.bytes.fetch_sub(self.bytes, Ordering::AcqRel);
        if before >= WINDOW_BYTES && before - self.bytes < WINDOW_BYTES {
            self.window.sender.wake();
        }
    }
}
