//! One entry of a version's environment, as its configuration has it.

use std::borrow::Cow;
use std::fmt;

use serde::{Deserialize, Serialize};

/// One entry of a version's environment.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub struct EnvEntry {
    /// The property of `env`.
    pub name: String,
    /// Which kind of binding it is: one of [`kinds`](super::kinds).
    pub kind: Cow<'static, str>,
    /// What the kind is told of it.
    pub config: serde_json::Value,
}

impl EnvEntry {
    /// An entry of that kind.
    pub fn new(name: impl Into<String>, kind: &'static str, config: serde_json::Value) -> Self {
        Self { name: name.into(), kind: Cow::Borrowed(kind), config }
    }
}

/// Without what it is told: that may be a secret.
impl fmt::Debug for EnvEntry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EnvEntry")
            .field("name", &self.name)
            .field("kind", &self.kind)
            .finish_non_exhaustive()
    }
}
