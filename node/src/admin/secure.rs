//! TLS for the admin API: HTTP/1.1 alone, with certificates that are read again when their files
//! change. Which requests come in is the gate's.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use rustls::ServerConfig;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use crate::config::CertificateFiles;
use crate::tls::{Certificates, TlsError, Watch};

/// How long a client may take over the handshake.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);

/// The server side of TLS.
pub(super) struct Secure {
    acceptor: TlsAcceptor,
    certificates: Arc<Certificates>,
    _watch: Option<Watch>,
}

impl Secure {
    /// With those certificates; `None` where there are none.
    pub(super) fn load(files: &[CertificateFiles]) -> Result<Option<Self>, TlsError> {
        if files.is_empty() {
            return Ok(None);
        }
        let certificates = Arc::new(Certificates::load(files)?);
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(TlsError::Setup)?
            .with_no_client_auth()
            .with_cert_resolver(Arc::clone(&certificates) as _);
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        let watch = Watch::start(&certificates)
            .inspect_err(|error| tracing::warn!(%error, "cannot watch the certificates"))
            .ok();
        let acceptor = TlsAcceptor::from(Arc::new(config));
        Ok(Some(Self { acceptor, certificates, _watch: watch }))
    }

    /// Does the handshake.
    pub(super) async fn accept<S>(&self, stream: S) -> io::Result<TlsStream<S>>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        timeout(HANDSHAKE_TIMEOUT, self.acceptor.accept(stream)).await?
    }

    /// Whether clients can have verified that they speak to this name.
    pub(super) fn covers(&self, name: &str) -> bool {
        self.certificates.covers(name)
    }
}
