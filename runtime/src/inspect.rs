//! What a debugger needs of an isolate: a way to send it messages of the Chrome DevTools
//! Protocol, and to hear its own. The messages are handled by V8, inside the isolate, when it is
//! entered. Not here: sockets, and which isolate a debugger means (the node).

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use deno_core::futures::StreamExt as _;
use deno_core::futures::channel::mpsc::{UnboundedReceiver, UnboundedSender, unbounded};
use deno_core::{
    InspectorMsg, InspectorSessionChannels, InspectorSessionKind, InspectorSessionProxy,
};

/// CPU time of an event, and of a start, where isolates can be debugged: what is looked at step
/// by step, or profiled, takes longer.
pub(crate) const INSPECTED_CPU: Duration = Duration::from_secs(60);

/// An isolate without events stays for this long where it can be debugged.
pub(crate) const INSPECTED_IDLE: Duration = Duration::from_secs(24 * 3600);

/// Makes isolates that can be debugged, and says which there are. With it a version has one
/// isolate only, so that a breakpoint is met by every request, and no limit on time that a person
/// at a breakpoint would meet.
#[derive(Clone)]
pub struct Inspect(Arc<dyn Fn(InspectTarget) + Send + Sync>);

impl Inspect {
    /// Calls this with each isolate that a worker has started in. It is called on the isolate's
    /// shard: it must not block.
    pub fn new(started: impl Fn(InspectTarget) + Send + Sync + 'static) -> Self {
        Self(Arc::new(started))
    }

    pub(crate) fn started(&self, target: InspectTarget) {
        (self.0)(target);
    }
}

impl fmt::Debug for Inspect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Inspect")
    }
}

/// An isolate that can be debugged.
#[derive(Clone)]
pub struct InspectTarget {
    /// The worker's name.
    pub worker: Arc<str>,
    /// The version's identifier.
    pub version: Arc<str>,
    pub(crate) sessions: UnboundedSender<InspectorSessionProxy>,
}

impl InspectTarget {
    /// Begins a session; `None` when the isolate is gone.
    pub fn connect(&self) -> Option<InspectSession> {
        let (answers, from_isolate) = unbounded();
        let (to_isolate, messages) = unbounded();
        let proxy = InspectorSessionProxy {
            channels: InspectorSessionChannels::Regular { tx: answers, rx: messages },
            kind: InspectorSessionKind::NonBlocking { wait_for_disconnect: false },
        };
        self.sessions.unbounded_send(proxy).ok()?;
        Some(InspectSession { to_isolate, from_isolate })
    }
}

impl fmt::Debug for InspectTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InspectTarget")
            .field("worker", &self.worker)
            .field("version", &self.version)
            .finish_non_exhaustive()
    }
}

/// A debugger's session with an isolate. It ends when this is dropped: the isolate goes on if it
/// was paused.
pub struct InspectSession {
    to_isolate: UnboundedSender<String>,
    from_isolate: UnboundedReceiver<InspectorMsg>,
}

impl InspectSession {
    /// Sends a message of the protocol, as JSON. It is lost when the isolate is gone, which
    /// [`next`](Self::next) tells.
    pub fn send(&self, message: String) {
        let _ = self.to_isolate.unbounded_send(message);
    }

    /// The next message from the isolate, as JSON; `None` when the isolate is gone. May be dropped
    /// before it is ready without losing a message.
    pub async fn next(&mut self) -> Option<String> {
        self.from_isolate.next().await.map(|message| message.content)
    }
}

impl fmt::Debug for InspectSession {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("InspectSession")
    }
}
