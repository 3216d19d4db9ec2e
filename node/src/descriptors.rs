//! How many files and sockets the process may have open, and whether that is enough for what it is
//! configured to serve.

use nix::sys::resource::{Resource, getrlimit, setrlimit};

use crate::config::Config;

/// What a node has open beside connections: listeners, the KV store, archives, code caches, the
/// shards' own descriptors.
const OWN: u64 = 512;

/// As many outgoing connections as `fetch()` of all workers may have.
const OUTGOING: u64 = 2048;

/// Raises the limit as far as the process may, and warns where less is left than the configuration
/// promises.
pub(crate) fn raise(config: &Config) {
    let limit = match getrlimit(Resource::RLIMIT_NOFILE) {
        Ok((soft, hard)) if soft < hard => match setrlimit(Resource::RLIMIT_NOFILE, hard, hard) {
            Ok(()) => hard,
            Err(error) => {
                tracing::warn!(%error, soft, hard, "the limit of open files cannot be raised");
                soft
            }
        },
        Ok((soft, _)) => soft,
        Err(error) => return tracing::warn!(%error, "the limit of open files cannot be read"),
    };
    if let Some(needed) = missing(config, limit) {
        tracing::warn!(
            limit,
            needed,
            connections = config.limits.connections,
            "the limit of open files is lower than what limits.connections and outgoing \
             connections may need: raise it (ulimit -n, LimitNOFILE=), or lower limits.connections"
        );
    }
}

/// What is needed, if that is more than the limit.
fn missing(config: &Config, limit: u64) -> Option<u64> {
    let needed = config.limits.connections as u64 + OUTGOING + OWN;
    (needed > limit).then_some(needed)
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use super::*;

    #[test]
    fn a_limit_below_what_is_configured_is_noticed() {
        let mut config = Config::dev(SocketAddr::from(([127, 0, 0, 1], 0)), "d".into(), Vec::new());
        config.limits.connections = 1000;
        let needed = 1000 + OUTGOING + OWN;
        assert_eq!(missing(&config, needed), None);
        assert_eq!(missing(&config, needed - 1), Some(needed));
    }
}
