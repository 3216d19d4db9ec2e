//! What a node takes from its own process, and which of it the operator does without.

use serde::Deserialize;

/// Whose the process becomes, and which measures are taken. All are, unless the file says
/// otherwise.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hardening {
    /// The user, by name or number, that a node becomes which is started as root, once it listens;
    /// `None` for the one that the data folder belongs to.
    pub user: Option<String>,
    /// The group; `None` for the user's.
    pub group: Option<String>,
    /// Drop the capabilities that a node never needs.
    pub capabilities: bool,
    /// No program that is started gains rights.
    pub no_new_privs: bool,
    /// No core files, and no other process of the user reads memory.
    pub no_dumps: bool,
    /// Only the files that a node needs.
    pub landlock: bool,
    /// Only the system calls that a node needs.
    pub seccomp: bool,
}

impl Default for Hardening {
    fn default() -> Self {
        Self {
            user: None,
            group: None,
            capabilities: true,
            no_new_privs: true,
            no_dumps: true,
            landlock: true,
            seccomp: true,
        }
    }
}

/// The table `hardening` as it is written.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawHardening {
    capabilities: Option<bool>,
    no_new_privs: Option<bool>,
    no_dumps: Option<bool>,
    landlock: Option<bool>,
    seccomp: Option<bool>,
}

impl RawHardening {
    /// With the user and the group, which are at the top of the file.
    pub(super) fn validate(self, user: Option<String>, group: Option<String>) -> Hardening {
        Hardening {
            user,
            group,
            capabilities: self.capabilities.unwrap_or(true),
            no_new_privs: self.no_new_privs.unwrap_or(true),
            no_dumps: self.no_dumps.unwrap_or(true),
            landlock: self.landlock.unwrap_or(true),
            seccomp: self.seccomp.unwrap_or(true),
        }
    }
}
