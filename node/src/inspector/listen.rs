//! The inspector's listener: which workers there are, as JSON, and a WebSocket to each. A thread of
//! its own: isolates that are paused do not hold it up.

use std::convert::Infallible;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use http::header::{CONNECTION, CONTENT_TYPE, ORIGIN, UPGRADE};
use http::{HeaderMap, HeaderValue, Request, Response, StatusCode};
use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use serde_json::json;
use thiserror::Error;
use tokio::net::TcpStream;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::Role;

use super::{Inspector, Sources, session};
use crate::accept::{self, Holder};
use crate::admin::is_host_plain;

/// How long a client may take over the head of a request.
const HEAD_TIMEOUT: Duration = Duration::from_secs(15);

/// Pages whose scripts may connect: those of browsers' own tools. A page of a website could run
/// any code in a worker.
const TOOLS: [&str; 3] = ["devtools://", "chrome-devtools://", "vscode-webview://"];

type Answer = Response<Full<Bytes>>;

/// Why workers cannot be debugged.
#[derive(Debug, Error)]
pub enum InspectorError {
    /// The address cannot be listened on.
    #[error("cannot listen on {address} for debuggers: {source}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// What the operating system says.
        source: io::Error,
    },
}

/// Debuggers are served as long as the process lives.
#[derive(Debug)]
pub struct InspectorListener {
    address: SocketAddr,
}

struct Service {
    inspector: Arc<Inspector>,
    sources: Arc<dyn Sources>,
    address: SocketAddr,
}

impl InspectorListener {
    /// Listens there; port 0 takes a free one.
    ///
    /// # Errors
    /// When the address cannot be listened on.
    pub fn start(
        address: SocketAddr,
        inspector: Arc<Inspector>,
        sources: Arc<dyn Sources>,
    ) -> Result<Self, InspectorError> {
        let fault = |source| InspectorError::Listen { address, source };
        let listener = TcpListener::bind(address).map_err(fault)?;
        listener.set_nonblocking(true).map_err(fault)?;
        let address = listener.local_addr().map_err(fault)?;
        let tokio = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let tokio = tokio.map_err(fault)?;
        let service = Arc::new(Service { inspector, sources, address });
        let run = move || {
            tokio.block_on(accept::each(listener, "the inspector", |stream, place| {
                let service = Arc::clone(&service);
                async move {
                    // Whoever reaches it is a developer.
                    if place.keep(&Holder::Operator) {
                        service.serve(stream).await;
                    }
                }
            }))
        };
        std::thread::Builder::new().name("inspector".to_owned()).spawn(run).map_err(fault)?;
        Ok(Self { address })
    }

    /// The address that it listens on, with the port that was taken for port 0.
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Service {
    /// Serves a connection, up to the moment at which it becomes a WebSocket.
    async fn serve(self: Arc<Self>, stream: TcpStream) {
        let answer = service_fn(move |request| {
            let answer = self.answer(request);
            async move { Ok::<_, Infallible>(answer) }
        });
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(HEAD_TIMEOUT)
            .serve_connection(TokioIo::new(stream), answer)
            .with_upgrades();
        if let Err(error) = connection.await {
            tracing::debug!(%error, "a debugger's connection broke off");
        }
    }

    fn answer(&self, request: Request<Incoming>) -> Answer {
        if !is_host_plain(request.headers()) || !may_connect(request.headers()) {
            let why = "debuggers connect from this machine's own tools, not from web pages\n";
            return plain(StatusCode::FORBIDDEN, why);
        }
        match request.uri().path() {
            "/json" | "/json/list" => self.list(),
            "/json/version" => as_json(&json!({
                "Browser": concat!("isolane/", env!("CARGO_PKG_VERSION")),
                "Protocol-Version": "1.3",
            })),
            path => match self.inspector.targets(path.trim_start_matches('/')) {
                Some(targets) => self.connect(request, targets),
                None => plain(StatusCode::NOT_FOUND, "no such worker; see /json/list\n"),
            },
        }
    }

    fn list(&self) -> Answer {
        let workers = self.inspector.names();
        let targets: Vec<_> = workers
            .iter()
            .map(|name| {
                let at = format!("{}/{name}", self.address);
                json!({
                    "id": name,
                    "title": name,
                    "description": "a worker of isolane",
                    "type": "node",
                    "url": format!("worker://{name}"),
                    "webSocketDebuggerUrl": format!("ws://{at}"),
                    "devtoolsFrontendUrl": format!(
                        "devtools://devtools/bundled/js_app.html?v8only=true&ws={at}"
                    ),
                })
            })
            .collect();
        as_json(&json!(targets))
    }

    fn connect(
        &self,
        mut request: Request<Incoming>,
        targets: tokio::sync::watch::Receiver<Option<runtime::InspectTarget>>,
    ) -> Answer {
        let headers = request.headers();
        let asks = |name, token: &str| {
            let value = headers.get(name).and_then(|value: &HeaderValue| value.to_str().ok());
            value.is_some_and(|value| {
                value.split(',').any(|part| part.trim().eq_ignore_ascii_case(token))
            })
        };
        let key = headers.get("sec-websocket-key").map(|key| derive_accept_key(key.as_bytes()));
        let (Some(key), true, true) =
            (key, asks(UPGRADE, "websocket"), asks(CONNECTION, "upgrade"))
        else {
            return plain(StatusCode::UPGRADE_REQUIRED, "debuggers connect with a WebSocket\n");
        };
        let upgraded = hyper::upgrade::on(&mut request);
        let sources = Arc::clone(&self.sources);
        tokio::spawn(async move {
            match upgraded.await {
                Ok(io) => {
                    let io = TokioIo::new(io);
                    let socket = WebSocketStream::from_raw_socket(io, Role::Server, None).await;
                    session::serve(socket, targets, sources).await;
                }
                Err(error) => tracing::debug!(%error, "a debugger's connection broke off"),
            }
        });
        Response::builder()
            .status(StatusCode::SWITCHING_PROTOCOLS)
            .header(CONNECTION, "upgrade")
            .header(UPGRADE, "websocket")
            .header("sec-websocket-accept", key)
            .body(Full::default())
            .expect("an accept key is made of letters and digits")
    }
}

/// A tool that is no web page sends no `Origin`.
fn may_connect(headers: &HeaderMap) -> bool {
    headers.get_all(ORIGIN).iter().all(|origin| {
        let origin = origin.to_str().unwrap_or_default();
        TOOLS.iter().any(|tool| origin.starts_with(tool))
    })
}

fn as_json(value: &serde_json::Value) -> Answer {
    let mut answer = Response::new(Full::from(value.to_string()));
    let kind = HeaderValue::from_static("application/json; charset=utf-8");
    answer.headers_mut().insert(CONTENT_TYPE, kind);
    answer
}

fn plain(status: StatusCode, text: &'static str) -> Answer {
    let mut answer = Response::new(Full::from(text));
    *answer.status_mut() = status;
    answer
}
