//! Why a version does not get what it asks for in its environment.

use super::EnvEntry;

/// Why a version does not get a binding.
#[derive(Debug, thiserror::Error)]
pub enum GrantError {
    /// The process has no bindings of that kind.
    #[error("env.{name}: there are no bindings of the kind \"{kind}\" here")]
    UnknownKind {
        /// The property of `env`.
        name: String,
        /// The kind that is not known.
        kind: String,
    },
    /// What the version says of it is not what its kind takes.
    #[error(
        "env.{name}: what is said of this binding of the kind \"{kind}\" is not valid: {source}"
    )]
    Config {
        /// The property of `env`.
        name: String,
        /// Its kind.
        kind: String,
        /// What is wrong.
        source: serde_json::Error,
    },
    /// Its kind refuses it.
    #[error("env.{name}: {reason}")]
    Refused {
        /// The property of `env`.
        name: String,
        /// Its kind.
        kind: String,
        /// Why, in words.
        reason: String,
    },
}

impl GrantError {
    /// What a kind refuses an entry with; whose it is, is added where it is known.
    pub fn refused(reason: impl Into<String>) -> Self {
        Self::Refused { name: String::new(), kind: String::new(), reason: reason.into() }
    }

    pub(super) fn unknown(entry: &EnvEntry) -> Self {
        let (name, kind) = names(entry);
        Self::UnknownKind { name, kind }
    }

    pub(super) fn config(entry: &EnvEntry, source: serde_json::Error) -> Self {
        let (name, kind) = names(entry);
        Self::Config { name, kind, source }
    }

    /// The same, of that entry.
    pub(super) fn of(self, entry: &EnvEntry) -> Self {
        match self {
            Self::Refused { reason, .. } => {
                let (name, kind) = names(entry);
                Self::Refused { name, kind, reason }
            }
            Self::UnknownKind { .. } | Self::Config { .. } => self,
        }
    }
}

fn names(entry: &EnvEntry) -> (String, String) {
    (entry.name.clone(), entry.kind.clone().into_owned())
}
