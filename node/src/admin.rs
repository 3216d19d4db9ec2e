//! The admin API: how an operator's commands look into a running node and change what it keeps.
//! Here is a connection and where its requests go; the listener is in `admin/listen.rs`, what
//! there is to ask for in `admin/routes.rs`, and nothing of it is on the path of a worker's
//! request.

mod announce;
mod answer;
mod callers;
mod crons;
mod gate;
mod kv;
mod listen;
mod node;
mod openapi;
mod query;
mod queues;
mod refusals;
mod routes;
mod secure;
mod spool;
mod strays;
mod tail;
mod token;
mod turns;
mod upload;
mod workers;

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use ::kv::{EmbeddedStore, Store};
use http::header::CONTENT_TYPE;
use http::request::Parts;
use http::{HeaderValue, Request, Response};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use prometheus_client::registry::Registry;
use tokio::io::{AsyncRead, AsyncWrite};

pub use self::announce::Announcement;
pub use self::listen::{AdminError, AdminListener, AdminSocket};
pub use self::token::{Token, TokenError};

pub(crate) use self::gate::is_host_plain;

use self::answer::{Answer, Fault};
use self::callers::{Caller, Callers};
use self::node::Served;
use self::query::Query;
use self::refusals::{Refusals, Refused};
use self::routes::{Operation, WorkerOperation};
use self::secure::Secure;
use self::upload::Upload;
use crate::accept::Place;
use crate::config::Config;
use crate::events::Events;
use crate::log::LogQueue;
use crate::metrics::{self, Metrics, RuntimeFigures};

/// How long a client may take over the head of a request.
const HEAD_TIMEOUT: Duration = Duration::from_secs(15);
/// What the names of all metrics begin with.
const METRICS_PREFIX: &str = "isolane";
/// The media type of what [`prometheus_client`] writes.
const METRICS_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// The admin API on a store, and on the node that runs on it. Whoever has the store can serve it,
/// on a socket or in memory.
pub struct Admin {
    store: Arc<dyn Store>,
    metrics: Registry,
    callers: Callers,
    served: Option<Served>,
    events: Option<Arc<Events>>,
    refusals: Refusals,
}

impl Admin {
    /// The API on that store, for everyone who reaches it. It knows of no node: what is asked of
    /// one is refused.
    pub fn new(store: Arc<EmbeddedStore>) -> Self {
        let mut metrics = Registry::with_prefix(METRICS_PREFIX);
        store.register_metrics(metrics.sub_registry_with_prefix("kv"));
        let refusals = Refusals::register(&mut metrics);
        let callers = Callers::default();
        Self { store, metrics, callers, served: None, events: None, refusals }
    }

    /// The same on a running node, too, which has that configuration.
    #[must_use]
    pub fn of_node(mut self, node: &crate::Node, config: &Config) -> Self {
        self.metrics.register_collector(Box::new(RuntimeFigures(node.runtime().clone())));
        metrics::register_shed(&mut self.metrics, node.shed_connections());
        self.metrics.register_collector(Box::new(node.front_figures()));
        Self { served: Some(Served::of(node, config)), ..self }
    }

    /// Shows what the node counts about its workers, too. After [`of_node`](Self::of_node), so that it
    /// is known which there are.
    #[must_use]
    pub fn counting(mut self, metrics: &Metrics) -> Self {
        let workers = self.served.as_ref().map(|served| Arc::clone(&served.deployments));
        metrics.register(&mut self.metrics, workers);
        self
    }

    /// On what the node has happen by itself, too: crons, queues, and who is told of events.
    #[must_use]
    pub fn with_events(mut self, events: &Arc<Events>) -> Self {
        events.register_metrics(&mut self.metrics);
        Self { events: Some(Arc::clone(events)), ..self }
    }

    /// Shows how often the node was started anew, by reason, and when this process was.
    #[must_use]
    pub fn with_restarts(
        mut self,
        restarts: impl IntoIterator<Item = (&'static str, u64)>,
    ) -> Self {
        metrics::register_restarts(&mut self.metrics, restarts);
        self
    }

    /// With what is dropped of the log among the metrics.
    #[must_use]
    pub fn of_log(mut self, log: &LogQueue) -> Self {
        log.register_metrics(&mut self.metrics);
        self
    }

    /// Only for these.
    #[must_use]
    fn for_callers(self, callers: Callers) -> Self {
        Self { callers, ..self }
    }

    /// Says in the log what is served beyond what its deployer may have now. Reads the disk.
    fn tell_strays(&self) {
        if let Some(served) = &self.served {
            strays::tell(self.callers.deployers(), &served.deployments);
        }
    }

    /// Serves one connection, HTTP/1.1, until its end. Needs a tokio runtime with time.
    pub async fn serve(self: Arc<Self>, io: impl AsyncRead + AsyncWrite + Unpin) {
        self.serve_over(io, None, None).await;
    }

    /// The same; over TLS, with whose certificates; and at which place of the listener.
    async fn serve_over(
        self: Arc<Self>,
        io: impl AsyncRead + AsyncWrite + Unpin,
        secure: Option<Arc<Secure>>,
        place: Option<Place>,
    ) {
        let service = service_fn(move |request| {
            let (admin, secure, place) = (Arc::clone(&self), secure.clone(), place.clone());
            async move {
                let answer = admin.answer(request, secure.as_deref(), place.as_ref());
                Ok::<_, Infallible>(answer.await)
            }
        });
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(HEAD_TIMEOUT)
            .serve_connection(TokioIo::new(io), service);
        if let Err(error) = connection.await {
            tracing::debug!(%error, "a connection to the admin API broke off");
        }
    }

    async fn answer(
        &self,
        request: Request<Incoming>,
        secure: Option<&Secure>,
        place: Option<&Place>,
    ) -> Answer {
        let (parts, body) = request.into_parts();
        let body = Upload::new(body).at(place.cloned());
        let admitted = gate::admit(&parts, &self.callers, secure);
        let admitted = admitted.inspect_err(|fault| self.refusals.note(Refused::of(fault)));
        let kept = admitted.and_then(|caller| {
            let kept = caller.keep(place, &self.callers);
            kept.inspect_err(|_| self.refusals.note(Some(Refused::Connections)))
        });
        // Until the answer is sent, the client waits for the node, where it is not the other way.
        let works = place.filter(|_| kept.is_ok()).map(Place::works);
        let answer = match kept {
            Ok(caller) => {
                let called = self.call(caller, &parts, body).await;
                called.inspect_err(|fault| self.refusals.note(Refused::of(fault)))
            }
            Err(fault) => Err(fault),
        };
        answer.unwrap_or_else(Fault::into_answer).map(|body| answer::until_sent(body, works))
    }

    async fn call(&self, caller: Caller<'_>, parts: &Parts, body: Upload) -> Result<Answer, Fault> {
        let path = parts.uri.path();
        let segments = query::segments(path)?;
        let segments: Vec<_> = segments.iter().map(AsRef::as_ref).collect();
        let (route, captures) = routes::find(parts.method.as_str(), path, &segments)?;
        caller.may(route.operation, &captures)?;
        let query = Query::parse(parts.uri.query(), route.query)?;
        let headers = &parts.headers;
        match route.operation {
            Operation::GetMetrics => self.metrics(),
            Operation::GetDescription => Ok(description()),
            Operation::GetNode => self.node()?.answer(),
            Operation::Worker(operation) => {
                let (node, worker) = (self.node()?, captures.get("worker"));
                let answer =
                    workers::call(node, caller, operation, &captures, &query, headers, body)
                        .await?;
                if operation == WorkerOperation::ActivateVersion {
                    // Whoever deploys a consumer may send to its queue at once.
                    self.events()?.declare_queues_of(worker).await;
                }
                Ok(answer)
            }
            Operation::Cron(operation) => {
                crons::call(self.node()?, self.events()?, caller, operation, &captures, body).await
            }
            Operation::Queue(operation) => {
                let (node, events) = (self.node()?, self.events()?);
                queues::call(node, events, caller, operation, &captures, &query, body).await
            }
            Operation::Tail => tail::call(self.node()?, self.events()?, caller, &query),
            Operation::Kv(operation) => {
                kv::call(&self.store, operation, &captures, &query, headers, body).await
            }
        }
    }

    fn node(&self) -> Result<&Served, Fault> {
        self.served.as_ref().ok_or_else(|| {
            let message = "no node runs on this data: start one with `isolane serve`";
            Fault::new(http::StatusCode::SERVICE_UNAVAILABLE, message)
        })
    }

    fn events(&self) -> Result<&Events, Fault> {
        self.events.as_deref().ok_or_else(|| {
            let message = "this node has neither crons nor queues: start it with `isolane serve`";
            Fault::new(http::StatusCode::SERVICE_UNAVAILABLE, message)
        })
    }

    fn metrics(&self) -> Result<Answer, Fault> {
        let mut text = String::new();
        prometheus_client::encoding::text::encode(&mut text, &self.metrics)
            .map_err(|_| Fault::internal("the metrics cannot be written as text"))?;
        Ok(Response::builder()
            .header(CONTENT_TYPE, METRICS_TYPE)
            .body(answer::whole(text))
            .expect("the header is a constant"))
    }
}

fn description() -> Answer {
    let mut answer = Response::new(answer::whole(openapi::document()));
    answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    answer
}
