//! Servers for the tests: HTTP/1.1 and HTTP/2, with and without TLS, that count their
//! connections. Not here: what they answer, which is each test's own.

use std::cell::Cell;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::stream;
use http::{HeaderName, Request, Response};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

/// A body of any kind.
pub(crate) type Body = UnsyncBoxBody<Bytes, Infallible>;
/// What a handler returns.
pub(crate) type Answer = Pin<Box<dyn Future<Output = Response<Body>>>>;

/// A server that runs until the test's runtime ends.
pub(crate) struct Server {
    /// Where it listens.
    pub(crate) address: SocketAddr,
    connections: Rc<Cell<usize>>,
    open: Rc<Cell<usize>>,
    closed: Rc<tokio::sync::Notify>,
    scheme: &'static str,
    /// The certificate to trust, if it speaks TLS.
    pub(crate) root: Option<CertificateDer<'static>>,
}

/// Runs tests' tasks that are not `Send`.
#[derive(Clone, Copy)]
struct Local;

impl<F> hyper::rt::Executor<F> for Local
where
    F: Future + 'static,
{
    fn execute(&self, task: F) {
        deno_core::unsync::spawn(async move {
            task.await;
        });
    }
}

impl Server {
    /// Plain HTTP on 127.0.0.1.
    pub(crate) async fn start<H>(handler: H) -> Self
    where
        H: Fn(Request<Incoming>) -> Answer + 'static,
    {
        Self::start_at("127.0.0.1:0", None, handler).await
    }

    /// HTTPS for `localhost`, at 127.0.0.1; `protocols` are those of ALPN.
    pub(crate) async fn start_tls<H>(protocols: &[&str], handler: H) -> Self
    where
        H: Fn(Request<Incoming>) -> Answer + 'static,
    {
        let (acceptor, root) = tls(protocols);
        let mut server = Self::start_at("127.0.0.1:0", Some(acceptor), handler).await;
        server.root = Some(root);
        server
    }

    /// Plain HTTP, or HTTPS with an acceptor, at an address.
    pub(crate) async fn start_at<H>(address: &str, tls: Option<TlsAcceptor>, handler: H) -> Self
    where
        H: Fn(Request<Incoming>) -> Answer + 'static,
    {
        let listener = TcpListener::bind(address).await.unwrap();
        let server = Self {
            address: listener.local_addr().unwrap(),
            connections: Rc::default(),
            open: Rc::default(),
            closed: Rc::default(),
            scheme: if tls.is_some() { "https" } else { "http" },
            root: None,
        };
        let (connections, open, closed) =
            (server.connections.clone(), server.open.clone(), server.closed.clone());
        let handler = Rc::new(handler);
        deno_core::unsync::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                connections.set(connections.get() + 1);
                open.set(open.get() + 1);
                let (handler, tls) = (handler.clone(), tls.clone());
                let (open, closed) = (open.clone(), closed.clone());
                deno_core::unsync::spawn(async move {
                    match tls {
                        None => serve(socket, handler).await,
                        Some(tls) => {
                            if let Ok(stream) = tls.accept(socket).await {
                                serve(stream, handler).await;
                            }
                        }
                    }
                    open.set(open.get() - 1);
                    closed.notify_waiters();
                });
            }
        });
        server
    }

    /// The URL of a path, with the server's address for a host, or `localhost` with TLS.
    pub(crate) fn url(&self, path: &str) -> String {
        let port = self.address.port();
        match self.scheme {
            "https" => format!("https://localhost:{port}{path}"),
            scheme => format!("{scheme}://{}{path}", self.address),
        }
    }

    /// The connections that were ever made.
    pub(crate) fn connections(&self) -> usize {
        self.connections.get()
    }

    /// Waits until no connection is open.
    pub(crate) async fn all_closed(&self) {
        while self.open.get() > 0 {
            self.closed.notified().await;
        }
    }
}

/// TLS for `localhost`, and the certificate to trust; `protocols` are those of ALPN.
pub(crate) fn tls(protocols: &[&str]) -> (TlsAcceptor, CertificateDer<'static>) {
    let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    let root = made.cert.der().clone();
    let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![root.clone()], key)
        .unwrap();
    config.alpn_protocols = protocols.iter().map(|name| name.as_bytes().to_vec()).collect();
    (TlsAcceptor::from(Arc::new(config)), root)
}

async fn serve<S, H>(stream: S, handler: Rc<H>)
where
    S: AsyncRead + AsyncWrite + Unpin + 'static,
    H: Fn(Request<Incoming>) -> Answer + 'static,
{
    let service = service_fn(move |request| {
        let answer = handler(request);
        async move { Ok::<_, Infallible>(answer.await) }
    });
    let mut builder = auto::Builder::new(Local);
    builder.http1().timer(TokioTimer::new());
    // A client that goes away is what some tests wait for.
    let _ = builder.serve_connection(TokioIo::new(stream), service).await;
}

/// A body that is there at once.
pub(crate) fn full(bytes: impl Into<Bytes>) -> Body {
    Full::new(bytes.into()).boxed_unsync()
}

/// 200 with a text.
pub(crate) fn ok(text: impl Into<Bytes>) -> Response<Body> {
    Response::new(full(text))
}

/// 200 with a header.
pub(crate) fn ok_with(name: &'static str, value: &str, bytes: impl Into<Bytes>) -> Response<Body> {
    let mut response = ok(bytes);
    response.headers_mut().insert(HeaderName::from_static(name), value.parse().unwrap());
    response
}

/// 200 with a body that never comes; what is left of the request is kept and not read.
pub(crate) fn endless(request: Incoming) -> Response<Body> {
    let never = stream::unfold(request, |request| async {
        std::future::pending::<()>().await;
        Some((Ok::<_, Infallible>(Frame::data(Bytes::new())), request))
    });
    Response::new(StreamBody::new(never).boxed_unsync())
}

/// A redirect.
pub(crate) fn redirect(status: u16, location: &str) -> Response<Body> {
    let mut response = ok("moved");
    *response.status_mut() = status.try_into().unwrap();
    response.headers_mut().insert(http::header::LOCATION, location.parse().unwrap());
    response
}

/// All of a request's body, as text; `None` if it broke off.
pub(crate) async fn read_all(request: Request<Incoming>) -> Option<String> {
    let bytes = request.into_body().collect().await.ok()?.to_bytes();
    Some(String::from_utf8_lossy(&bytes).into_owned())
}
