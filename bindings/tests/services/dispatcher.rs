//! A dispatcher whose workers are functions of the test.

use std::sync::Arc;

use bytes::Bytes;
use deno_core::futures::FutureExt as _;
use deno_core::futures::future::LocalBoxFuture;
use deno_core::parking_lot::Mutex;
use http_body_util::BodyExt as _;
use isolane_bindings::dispatch::{Address, CallError, Dispatcher, Reply};
use isolane_bindings::event::body::{RequestBody, ResponseBody};
use isolane_bindings::event::{CallContext, Fetch, Trigger};
use tokio_util::sync::CancellationToken;

/// A call, as the other worker gets it.
pub(crate) struct Call {
    pub(crate) to: Address,
    pub(crate) fetch: Fetch,
    pub(crate) context: CallContext,
}

pub(crate) type Answer = Result<http::Response<ResponseBody>, CallError>;

type Worker = dyn Fn(Call) -> LocalBoxFuture<'static, Result<Reply, CallError>> + Send + Sync;

/// Has all calls answered by one function.
pub(crate) struct Fake {
    worker: Box<Worker>,
    /// The URLs of the calls.
    pub(crate) urls: Mutex<Vec<String>>,
    /// Cancelled when somebody who waited for an answer has gone away.
    pub(crate) gone: CancellationToken,
}

/// Tells that nobody waits any more, unless it is told otherwise before.
struct OnDrop(Option<CancellationToken>);

impl Drop for OnDrop {
    fn drop(&mut self) {
        if let Some(gone) = &self.0 {
            gone.cancel();
        }
    }
}

impl Fake {
    pub(crate) fn new<Fut: Future<Output = Answer> + 'static>(
        worker: impl Fn(Call) -> Fut + Send + Sync + 'static,
    ) -> Arc<Self> {
        Self::replying(move |call| worker(call).map(|answer| answer.map(Reply::Response)))
    }

    /// The same where not all answers are responses.
    pub(crate) fn replying<Fut: Future<Output = Result<Reply, CallError>> + 'static>(
        worker: impl Fn(Call) -> Fut + Send + Sync + 'static,
    ) -> Arc<Self> {
        Arc::new(Self {
            worker: Box::new(move |call| worker(call).boxed_local()),
            urls: Mutex::default(),
            gone: CancellationToken::new(),
        })
    }
}

impl Dispatcher for Fake {
    fn dispatch(
        &self,
        to: Address,
        trigger: Trigger,
        context: CallContext,
    ) -> LocalBoxFuture<'static, Result<Reply, CallError>> {
        let Trigger::Fetch(fetch) = trigger else { panic!("only requests are sent") };
        self.urls.lock().push(fetch.head.uri.to_string());
        let answer = (self.worker)(Call { to, fetch: *fetch, context });
        let mut on_drop = OnDrop(Some(self.gone.clone()));
        Box::pin(async move {
            // As a whole: the body of an event that was dropped is not taken.
            let whole = &mut on_drop;
            let answer = answer.await;
            whole.0 = None;
            answer
        })
    }
}

impl Call {
    /// The body of the request, to its end.
    pub(crate) async fn text(self) -> String {
        match self.fetch.body {
            RequestBody::Empty => String::new(),
            RequestBody::Stream(body) => match body.collect().await {
                Ok(whole) => String::from_utf8(whole.to_bytes().to_vec()).unwrap(),
                Err(error) => format!("broken: {error}"),
            },
        }
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.fetch.head.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }
}

/// A response with this text.
pub(crate) fn ok(text: impl Into<Bytes>) -> http::Response<ResponseBody> {
    http::Response::new(ResponseBody::Full(text.into()))
}

/// One that leads elsewhere.
pub(crate) fn redirect(location: &str) -> http::Response<ResponseBody> {
    let mut response = http::Response::new(ResponseBody::Empty);
    *response.status_mut() = http::StatusCode::FOUND;
    response.headers_mut().insert("location", location.parse().unwrap());
    response
}
