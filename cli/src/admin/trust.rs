//! TLS as the commands speak it: whom they trust, and the handshake. Certificates that are known
//! as such, without a name, are in `pinned.rs`.

use std::path::Path;
use std::sync::Arc;

use anyhow::Context as _;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ConfigBuilder, RootCertStore, WantsVerifier};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use url::Host;

use super::pinned::Pinned;
use crate::failure::BadArgument;

/// By what a node is known.
pub(crate) struct Trust {
    connector: TlsConnector,
    name: ServerName<'static>,
}

impl Trust {
    /// By its name, which the public certificate authorities or those in a file have certified.
    pub(crate) fn in_name(host: &Host<String>, ca_file: Option<&Path>) -> anyhow::Result<Self> {
        let mut roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
        for certificate in ca_file.map(certificates).transpose()?.into_iter().flatten() {
            roots.add(certificate).context("a certificate of --ca-file cannot be used")?;
        }
        let config = builder()?.with_root_certificates(roots).with_no_client_auth();
        let name = match host {
            Host::Domain(name) => ServerName::try_from(name.clone())
                .map_err(|_| BadArgument(format!("{name} is no name of a host")))?,
            Host::Ipv4(address) => ServerName::from(std::net::IpAddr::from(*address)),
            Host::Ipv6(address) => ServerName::from(std::net::IpAddr::from(*address)),
        };
        Ok(Self { connector: Arc::new(config).into(), name })
    }

    /// By the certificate in a file, whatever names it has.
    pub(crate) fn in_certificate(file: &Path) -> anyhow::Result<Self> {
        let leaf = certificates(file)?.into_iter().next();
        let leaf = leaf.with_context(|| format!("no certificate in {}", file.display()))?;
        let config = builder()?
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(Pinned::to(leaf)))
            .with_no_client_auth();
        // An address sends no name, so the node shows its first certificate.
        let name = ServerName::from(std::net::IpAddr::from([127, 0, 0, 1]));
        Ok(Self { connector: Arc::new(config).into(), name })
    }

    /// Does the handshake.
    pub(crate) async fn handshake(
        &self,
        stream: TcpStream,
    ) -> std::io::Result<TlsStream<TcpStream>> {
        self.connector.connect(self.name.clone(), stream).await
    }
}

fn builder() -> anyhow::Result<ConfigBuilder<ClientConfig, WantsVerifier>> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = ClientConfig::builder_with_provider(provider);
    builder.with_safe_default_protocol_versions().context("cannot set up TLS")
}

fn certificates(file: &Path) -> anyhow::Result<Vec<CertificateDer<'static>>> {
    let unfit =
        |error| BadArgument(format!("cannot read certificates in {}: {error}", file.display()));
    let found = CertificateDer::pem_file_iter(file).map_err(unfit)?;
    Ok(found.collect::<Result<_, _>>().map_err(unfit)?)
}
