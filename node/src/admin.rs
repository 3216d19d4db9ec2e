//! The admin API: how an operator's commands look into a running node and change what it keeps.
//! Here is a connection and where its requests go; the listener is in `admin/listen.rs`, and
//! nothing of it is on the path of a worker's request.

mod announce;
mod answer;
mod gate;
mod kv;
mod listen;
mod query;
mod token;
mod upload;

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use ::kv::{EmbeddedStore, Store};
use http::request::Parts;
use http::{Request, Response};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use prometheus_client::registry::Registry;
use tokio::io::{AsyncRead, AsyncWrite};

pub use self::announce::Announcement;
pub use self::listen::{AdminError, AdminListener};
pub use self::token::{Token, TokenError};

pub(crate) use self::gate::is_host_plain;

use self::answer::{Answer, Fault};
use self::upload::Upload;

/// How long a client may take over the head of a request.
const HEAD_TIMEOUT: Duration = Duration::from_secs(15);
/// What the names of all metrics begin with.
const METRICS_PREFIX: &str = "isolane";
/// The media type of what [`prometheus_client`] writes.
const METRICS_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// The admin API on a store. Whoever has the store can serve it, on a socket or in memory.
pub struct Admin {
    store: Arc<dyn Store>,
    metrics: Registry,
    token: Option<Token>,
}

impl Admin {
    /// The API on that store, for everyone who reaches it.
    pub fn new(store: Arc<EmbeddedStore>) -> Self {
        let mut metrics = Registry::with_prefix(METRICS_PREFIX);
        store.register_metrics(metrics.sub_registry_with_prefix("kv"));
        Self { store, metrics, token: None }
    }

    /// Only for who shows this token.
    #[must_use]
    fn with_token(self, token: Option<Token>) -> Self {
        Self { token, ..self }
    }

    /// Serves one connection, HTTP/1.1, until its end. Needs a tokio runtime with time.
    pub async fn serve(self: Arc<Self>, io: impl AsyncRead + AsyncWrite + Unpin) {
        let service = service_fn(move |request| {
            let admin = Arc::clone(&self);
            async move { Ok::<_, Infallible>(admin.answer(request).await) }
        });
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(HEAD_TIMEOUT)
            .serve_connection(TokioIo::new(io), service);
        if let Err(error) = connection.await {
            tracing::debug!(%error, "a connection to the admin API broke off");
        }
    }

    async fn answer(&self, request: Request<Incoming>) -> Answer {
        let (parts, body) = request.into_parts();
        let body = Upload::new(body);
        let answer = match gate::admit(&parts, self.token.as_ref()) {
            Ok(()) => self.call(&parts, body).await,
            Err(fault) => Err(fault),
        };
        answer.unwrap_or_else(Fault::into_answer)
    }

    async fn call(&self, parts: &Parts, body: Upload) -> Result<Answer, Fault> {
        let segments = query::segments(parts.uri.path())?;
        let segments: Vec<_> = segments.iter().map(AsRef::as_ref).collect();
        match (segments.as_slice(), parts.method.as_str()) {
            (["metrics"], "GET") => self.metrics(),
            (["metrics"], _) => Err(Fault::method("GET")),
            (["v1", "kv", path @ ..], _) => kv::call(&self.store, parts, path, body).await,
            _ => Err(Fault::not_found(format!("there is no {}", parts.uri.path()))),
        }
    }

    fn metrics(&self) -> Result<Answer, Fault> {
        let mut text = String::new();
        prometheus_client::encoding::text::encode(&mut text, &self.metrics)
            .map_err(|_| Fault::internal("the metrics cannot be written as text"))?;
        Ok(Response::builder()
            .header(http::header::CONTENT_TYPE, METRICS_TYPE)
            .body(answer::whole(text))
            .expect("the header is a constant"))
    }
}
