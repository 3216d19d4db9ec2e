//! TLS: certificates chosen by SNI, and the handshake, at whose first message the worker behind
//! the name is made ready. Watching the files is in `tls/watch.rs`.

mod certificates;
mod hellos;
mod watch;

use std::io;
use std::net::IpAddr;
use std::sync::Arc;

use rustls::ServerConfig;
use rustls::server::Acceptor;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::LazyConfigAcceptor;
use tokio_rustls::server::TlsStream;

use crate::config::CertificateFiles;
use crate::front::Handler;

pub use certificates::{Certificates, TlsError};
pub use watch::Watch;

use hellos::Hellos;

/// The server side of TLS.
pub struct Tls {
    config: Arc<ServerConfig>,
    certificates: Arc<Certificates>,
    hellos: Hellos,
}

impl Tls {
    /// Reads the certificates. The first is for clients without SNI and for unknown names.
    ///
    /// # Errors
    /// When there is none, a file cannot be read, or a key does not belong to its certificate.
    pub fn load(files: &[CertificateFiles]) -> Result<Self, TlsError> {
        let certificates = Arc::new(Certificates::load(files)?);
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let builder = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(TlsError::Setup)?;
        let resolver = Arc::clone(&certificates);
        let mut config = builder.with_no_client_auth().with_cert_resolver(resolver);
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        // Sessions are resumed from tickets that the client keeps, so that they take no memory
        // here and every shard knows them.
        config.ticketer = rustls::crypto::aws_lc_rs::Ticketer::new().map_err(TlsError::Setup)?;
        Ok(Self { config: Arc::new(config), certificates, hellos: Hellos::new() })
    }

    /// The certificates, to reload them.
    pub fn certificates(&self) -> &Arc<Certificates> {
        &self.certificates
    }

    /// Does the handshake with a client of that address. The second value is the name in the
    /// ClientHello, in normal form.
    pub(crate) async fn accept<S>(
        &self,
        stream: S,
        client: IpAddr,
        handler: &impl Handler,
    ) -> io::Result<(TlsStream<S>, Option<Arc<str>>)>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let start = LazyConfigAcceptor::new(Acceptor::default(), stream).await?;
        let sni = start
            .client_hello()
            .server_name()
            .and_then(|name| router::Host::parse(name).ok())
            .map(|host| Arc::<str>::from(host.as_str()));
        if let Some(host) = sni.as_ref().filter(|_| self.hellos.count(client)) {
            handler.expect(host);
        }
        let stream = start.into_stream(Arc::clone(&self.config)).await?;
        Ok((stream, sni))
    }
}
