//! What a node is.

use std::net::SocketAddr;

use serde::{Deserialize, Serialize};

/// A node, as it speaks of itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Node {
    /// `isolane`: by this it is told from whatever else answers at an address.
    pub product: String,
    /// The version of the program.
    pub version: String,
    /// How many workers it serves.
    pub workers: u64,
    /// Where requests to workers come in.
    pub listen: Vec<Listen>,
    /// How much may be asked of it.
    pub limits: Limits,
}

/// An address at which requests to workers come in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Listen {
    /// The address.
    pub address: SocketAddr,
    /// Whether with TLS.
    pub tls: bool,
}

/// How much may be asked of a node.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// The body of an upload, in bytes.
    pub archive_bytes: u64,
    /// The modules of a version together, in bytes.
    pub bundle_bytes: u64,
    /// The value of a secret, in bytes.
    pub secret_bytes: u64,
    /// CPU time of a worker's top-level code, in milliseconds.
    pub startup_cpu_ms: u64,
    /// CPU time of an event of a worker that has no `limits.cpu_ms`, in milliseconds.
    pub cpu_ms: u64,
    /// The most that a worker's `limits.cpu_ms` may be.
    pub cpu_ms_max: u64,
    /// The most that a worker's `limits.subrequests` may be.
    pub subrequests_max: u64,
    /// The most that a worker's `limits.memory_mb` may be, in MiB.
    pub memory_mb_max: u64,
    /// The body of a request to a worker, in bytes.
    pub request_body_bytes: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = r#"{"product":"isolane","version":"1","workers":2,"listen":[{"address":"127.0.0.1:8080","tls":false}],"limits":{"archive_bytes":1,"bundle_bytes":2,"secret_bytes":3,"startup_cpu_ms":4,"cpu_ms":5,"cpu_ms_max":6,"subrequests_max":7,"memory_mb_max":8,"request_body_bytes":9}}"#;

    #[test]
    fn a_node_is_written_as_it_was_read() {
        let node: Node = serde_json::from_str(TEXT).unwrap();
        assert!(!node.listen[0].tls);
        assert_eq!(node.limits.request_body_bytes, 9);
        assert_eq!(serde_json::to_string(&node).unwrap(), TEXT);
    }
}
