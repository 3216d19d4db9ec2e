//! Certificates that the tests make, and the node that uses them.

use std::fs;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use crate::node::{HOST, Node, write};

/// The second name that nodes with TLS have a certificate for.
pub(crate) const OTHER_HOST: &str = "other.app.test";

const TABLES: &str = "
[[listen]]
address = \"127.0.0.1:0\"
tls = true
[[tls]]
cert = \"live/app.pem\"
key = \"live/app.key\"
[[tls]]
cert = \"live/other.pem\"
key = \"live/other.key\"
";

/// A self-signed certificate with its key, in PEM.
pub(crate) struct Certificate {
    pub(crate) cert: String,
    key: String,
}

/// A folder with what the client trusts, and apart from it what the node uses.
pub(crate) struct Trust(TempDir);

impl Certificate {
    /// A new one for that name.
    pub(crate) fn of(name: &str) -> Self {
        let made = rcgen::generate_simple_self_signed([name.to_owned()]).unwrap();
        Self { cert: made.cert.pem(), key: made.signing_key.serialize_pem() }
    }

    /// Puts it in the place of an older one, as renewals do: by names that change at once.
    pub(crate) fn install(&self, folder: &Path, name: &str) {
        for (extension, text) in [("pem", &self.cert), ("key", &self.key)] {
            let new = folder.join(format!("{name}.{extension}.new"));
            fs::create_dir_all(folder).unwrap();
            fs::write(&new, text).unwrap();
            fs::rename(&new, folder.join(format!("{name}.{extension}"))).unwrap();
        }
    }
}

impl Trust {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    /// A file with the only certificate that is trusted.
    pub(crate) fn only(&self, name: &str, certificate: &Certificate) -> PathBuf {
        write(self.0.path(), name, &certificate.cert);
        self.0.path().join(name)
    }
}

/// A node with a TLS listener and two certificates, and what to trust for each name.
pub(crate) fn node() -> (Node, Trust, PathBuf, PathBuf) {
    let (app, other) = (Certificate::of(HOST), Certificate::of(OTHER_HOST));
    let folder = tempfile::tempdir().unwrap();
    let live = folder.path().join("live");
    app.install(&live, "app");
    other.install(&live, "other");
    let trust = Trust::new();
    let paths = (trust.only("app", &app), trust.only("other", &other));
    (Node::at(folder, TABLES), trust, paths.0, paths.1)
}

/// A node as in [`node`], whose certificates are where a link in `folder` leads.
pub(crate) fn node_at(folder: TempDir) -> Node {
    Node::at(folder, TABLES)
}
