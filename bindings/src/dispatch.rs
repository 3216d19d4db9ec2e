//! Calls from worker to worker: whom one is for, who runs it, and what comes of it. Here are the types;
//! who finds a worker and runs an event of it is the node, and who calls is a binding (`services`).

use std::fmt;
use std::sync::Arc;

use deno_core::futures::future::LocalBoxFuture;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;

use crate::event::body::ResponseBody;
use crate::event::{CallContext, KindResult, Outcome, Thrown, Trigger};

/// Whom a call is for.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Address {
    /// The worker's name.
    pub worker: Arc<str>,
    /// The entrypoint: the name of an export. `None` is the default export.
    pub entrypoint: Option<Arc<str>>,
}

/// Finds a worker, of this node or of another, and runs an event of it.
pub trait Dispatcher: Send + Sync {
    /// Runs an event. Called and polled on a shard's thread, outside of slices. Whoever drops the future
    /// has gone away: the event is cancelled then, as that of a request whose client has gone.
    ///
    /// # Errors
    ///
    /// Why there is no answer of the worker's.
    fn dispatch(
        &self,
        to: Address,
        trigger: Trigger,
        call: CallContext,
    ) -> LocalBoxFuture<'static, Result<Reply, CallError>>;
}

/// What comes of an event.
#[derive(Debug)]
pub enum Reply {
    /// Of a request: its response, as soon as that begins.
    Response(http::Response<ResponseBody>),
    /// Of a request that asks for one: the client's connection becomes the worker's.
    Upgrade(Upgrade),
    /// Of any other: what it has come to, when it is over.
    Ended(Ended),
}

impl From<http::Response<ResponseBody>> for Reply {
    fn from(response: http::Response<ResponseBody>) -> Self {
        Self::Response(response)
    }
}

/// What a worker answers that goes on in another protocol (RFC 9110 section 7.8). What concerns the
/// connection in the head, its status among it, is said by whoever has the connection.
pub struct Upgrade {
    /// The headers of the response.
    pub head: http::Response<()>,
    /// Takes the connection once the head has been sent. Where that does not happen this is dropped.
    pub taker: oneshot::Sender<Box<dyn Socket>>,
    /// Cancelled when the thread that has the other end never does anything again.
    lost: Option<CancellationToken>,
}

/// A connection. Whoever drops it closes it; where the other side has gone, or is cut off, it has ended.
pub trait Socket: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> Socket for S {}

impl Upgrade {
    /// An answer with that head, and where its connection is to go.
    pub fn new(head: http::Response<()>, taker: oneshot::Sender<Box<dyn Socket>>) -> Self {
        Self { head, taker, lost: None }
    }

    /// The same, whose connection is closed when the token is cancelled.
    #[must_use]
    pub fn lost_with(self, token: &CancellationToken) -> Self {
        Self { lost: Some(token.clone()), ..self }
    }

    /// What the connection is closed with, where there is something.
    pub fn lost(&self) -> Option<&CancellationToken> {
        self.lost.as_ref()
    }
}

impl fmt::Debug for Upgrade {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Upgrade").field("head", &self.head).finish_non_exhaustive()
    }
}

/// An event that is over.
#[derive(Debug)]
pub struct Ended {
    /// How it has ended.
    pub outcome: Outcome,
    /// The first exception that was reported for it.
    pub exception: Option<Thrown>,
    /// What its kind comes to beside.
    pub result: KindResult,
}

/// Why there is no answer.
#[derive(Clone, Debug, thiserror::Error)]
pub enum CallError {
    /// There is no such worker.
    #[error("Worker \"{worker}\" not found. Make sure it is running locally.")]
    NoWorker {
        /// The name that nobody has.
        worker: Arc<str>,
    },
    /// What the handler threw.
    #[error("{}", .0.message)]
    Threw(Thrown),
    /// The call has come through too many workers.
    #[error(
        "Subrequest depth limit exceeded. This request recursed through Workers too many times. This \
         can happen e.g. if you have a Worker or Durable Object that calls other Workers or objects \
         recursively."
    )]
    TooManyHops,
    /// The node refuses it, or has lost it.
    #[error("{message}")]
    Failed {
        /// Why, in words for whoever calls.
        message: String,
    },
}
