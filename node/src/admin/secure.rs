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

    /// Reads the certificates again.
    ///
    /// # Errors
    /// When they cannot be used; the present ones then stay.
    pub(super) fn reload(&self) -> Result<(), TlsError> {
        self.certificates.reload()
    }

    /// Whether clients can have verified that they speak to this name.
    pub(super) fn covers(&self, name: &str) -> bool {
        self.certificates.covers(name)
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;
    use std::path::Path;

    use super::*;

    fn write_pair(folder: &Path, name: &str) {
        let made = rcgen::generate_simple_self_signed([name.to_owned()]).unwrap();
        std::fs::write(folder.join("cert.pem"), made.cert.pem()).unwrap();
        std::fs::write(folder.join("key.pem"), made.signing_key.serialize_pem()).unwrap();
    }

    #[test]
    fn certificates_that_nobody_watches_are_read_again_when_that_is_asked_for() {
        let (links, renewed) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        write_pair(renewed.path(), "old.test");
        // The folder of the links is watched, and nothing changes in there.
        for file in ["cert.pem", "key.pem"] {
            symlink(renewed.path().join(file), links.path().join(file)).unwrap();
        }
        let files = CertificateFiles {
            cert: links.path().join("cert.pem"),
            key: links.path().join("key.pem"),
        };
        let secure = Secure::load(&[files]).unwrap().unwrap();
        write_pair(renewed.path(), "new.test");
        assert!(secure.covers("old.test") && !secure.covers("new.test"));
        secure.reload().unwrap();
        assert!(secure.covers("new.test") && !secure.covers("old.test"));
        std::fs::write(renewed.path().join("key.pem"), "no key").unwrap();
        secure.reload().unwrap_err();
        assert!(secure.covers("new.test"));
    }
}
