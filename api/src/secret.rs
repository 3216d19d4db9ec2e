//! A worker's secrets, of which nothing but the names is ever said.

use serde::{Deserialize, Serialize};

/// The secrets of a worker.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Secrets {
    /// Their names, in order.
    pub secrets: Vec<String>,
}
