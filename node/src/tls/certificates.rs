//! The certificates of a node and the choice among them. They can be read again at any time;
//! handshakes see the old set or the new one, never a part.

use std::collections::HashMap;
use std::fmt;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use arc_swap::ArcSwap;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use thiserror::Error;
use webpki::EndEntityCert;

use crate::config::CertificateFiles;

/// Why certificates cannot be used. The operator is at fault.
#[derive(Debug, Error)]
pub enum TlsError {
    /// TLS without a certificate.
    #[error("there is no certificate")]
    None,
    /// A file cannot be read.
    #[error("cannot read {}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the operating system says.
        source: io::Error,
    },
    /// A file does not hold what it should.
    #[error("{}: {reason}", path.display())]
    Invalid {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// The TLS library cannot be set up.
    #[error("cannot set up TLS: {0}")]
    Setup(rustls::Error),
}

/// The certificates in use.
pub struct Certificates {
    files: Vec<CertificateFiles>,
    set: ArcSwap<Set>,
}

/// The certificates as they were read at one moment.
struct Set {
    default: Arc<CertifiedKey>,
    /// By DNS name in lower case; wildcards as `*.example.com`.
    by_name: HashMap<String, Arc<CertifiedKey>>,
}

impl Certificates {
    /// Reads them. Names come from the certificates; where two have the same name, the first
    /// wins.
    ///
    /// # Errors
    /// When there is none, a file cannot be read, or a key does not belong to its certificate.
    pub fn load(files: &[CertificateFiles]) -> Result<Self, TlsError> {
        let set = ArcSwap::from_pointee(Set::read(files)?);
        Ok(Self { files: files.to_vec(), set })
    }

    /// Reads the files again. New handshakes use what they hold now.
    ///
    /// # Errors
    /// As for [`Certificates::load`]; the present certificates then stay in use.
    pub fn reload(&self) -> Result<(), TlsError> {
        self.set.store(Arc::new(Set::read(&self.files)?));
        Ok(())
    }

    /// Whether one of them is for that name.
    pub fn covers(&self, name: &str) -> bool {
        self.set.load().find(name).is_some()
    }

    /// The files that are read.
    pub fn files(&self) -> &[CertificateFiles] {
        &self.files
    }
}

impl ResolvesServerCert for Certificates {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let set = self.set.load();
        let named = hello.server_name().and_then(|name| set.find(name));
        Some(Arc::clone(named.unwrap_or(&set.default)))
    }
}

impl fmt::Debug for Certificates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Certificates").field("files", &self.files).finish_non_exhaustive()
    }
}

impl Set {
    fn read(files: &[CertificateFiles]) -> Result<Self, TlsError> {
        let mut default = None;
        let mut by_name = HashMap::new();
        for files in files {
            let (key, names) = read(files)?;
            default.get_or_insert_with(|| Arc::clone(&key));
            for name in names {
                by_name.entry(name).or_insert_with(|| Arc::clone(&key));
            }
        }
        Ok(Self { default: default.ok_or(TlsError::None)?, by_name })
    }

    /// A wildcard stands for exactly one label (RFC 9525 section 6.3).
    fn find(&self, name: &str) -> Option<&Arc<CertifiedKey>> {
        let name = name.to_ascii_lowercase();
        self.by_name.get(&name).or_else(|| {
            let (_, parent) = name.split_once('.')?;
            self.by_name.get(&format!("*.{parent}"))
        })
    }
}

fn read(files: &CertificateFiles) -> Result<(Arc<CertifiedKey>, Vec<String>), TlsError> {
    let cert_fault = |error| fault(&files.cert, error);
    let chain: Vec<CertificateDer<'static>> = CertificateDer::pem_file_iter(&files.cert)
        .map_err(cert_fault)?
        .collect::<Result<_, _>>()
        .map_err(cert_fault)?;
    let invalid = |reason: String| TlsError::Invalid { path: files.cert.clone(), reason };
    let leaf = chain.first().ok_or_else(|| invalid("no certificate in the file".into()))?;
    let names = EndEntityCert::try_from(leaf)
        .map_err(|error| invalid(format!("not a certificate: {error}")))?
        .valid_dns_names()
        .map(str::to_ascii_lowercase)
        .collect();
    let key = PrivateKeyDer::from_pem_file(&files.key).map_err(|error| fault(&files.key, error))?;
    let key =
        CertifiedKey::from_der(chain, key, &aws_lc_rs::default_provider()).map_err(|error| {
            TlsError::Invalid { path: files.key.clone(), reason: error.to_string() }
        })?;
    Ok((Arc::new(key), names))
}

fn fault(path: &std::path::Path, error: pem::Error) -> TlsError {
    let path = path.to_owned();
    match error {
        pem::Error::Io(source) => TlsError::Io { path, source },
        pem::Error::NoItemsFound => {
            TlsError::Invalid { path, reason: "nothing in PEM format in the file".into() }
        }
        other => TlsError::Invalid { path, reason: other.to_string() },
    }
}
