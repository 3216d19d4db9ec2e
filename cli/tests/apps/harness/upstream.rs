//! The HTTP server that applications send requests to, in the place of the services that their
//! packages are for. It is a script for Node.js and ends with the value.

use std::path::Path;
use std::process::{Child, Command, Stdio};

use libtest_mimic::Failed;

use crate::process::Lines;

/// The running server.
pub(crate) struct Upstream {
    child: Child,
    address: String,
}

impl Upstream {
    /// Starts `upstream.mjs` of that folder.
    ///
    /// # Errors
    /// When Node.js is not there.
    ///
    /// # Panics
    /// When the script does not say in time where it listens.
    pub(crate) fn start(folder: &Path) -> Result<Self, Failed> {
        let mut child = Command::new("node")
            .arg(folder.join("upstream.mjs"))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|error| format!("node does not start: {error} (Debian package: nodejs)"))?;
        let stdout = child.stdout.take().expect("it is piped");
        let mut it = Self { child, address: String::new() };
        it.address = Lines::of("the output of upstream.mjs", stdout).until("http://");
        it.address.truncate(it.address.trim_end().len());
        Ok(it)
    }

    /// Its address, as `http://127.0.0.1:PORT`.
    pub(crate) fn address(&self) -> &str {
        &self.address
    }
}

impl Drop for Upstream {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
