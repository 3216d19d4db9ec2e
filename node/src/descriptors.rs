//! How many files and sockets the process may have open, and how many of them clients may have.

use nix::sys::resource::{Resource, getrlimit, setrlimit};

use crate::config::{Config, Limits};

/// What a node has open beside connections: listeners, the KV store, archives, code caches, the
/// shards' own descriptors. Where the process may have few, an eighth of them.
const OWN: u64 = 512;

/// The most that `fetch()` of all workers has open: 2,048 connections, and two sockets for each of
/// 1,024 look-ups. Where the process may have few, half of them.
const OUTGOING: u64 = 4096;

/// Raises the limit as far as the process may. Answers the configured limits with no more
/// connections than there is room for, and warns where that is fewer than the configuration has.
pub(crate) fn raise(config: &Config) -> Limits {
    let limit = match getrlimit(Resource::RLIMIT_NOFILE) {
        Ok((soft, hard)) if soft < hard => match setrlimit(Resource::RLIMIT_NOFILE, hard, hard) {
            Ok(()) => hard,
            Err(error) => {
                tracing::warn!(%error, soft, hard, "the limit of open files cannot be raised");
                soft
            }
        },
        Ok((soft, _)) => soft,
        Err(error) => {
            tracing::warn!(%error, "the limit of open files cannot be read");
            return config.limits.clone();
        }
    };
    let fitting = fitting(&config.limits, limit);
    if fitting.connections < config.limits.connections {
        tracing::warn!(
            limit,
            enough = config.limits.connections as u64 + OUTGOING + OWN,
            configured = config.limits.connections,
            connections = fitting.connections,
            per_address = fitting.connections_per_address,
            "the limit of open files is too low for limits.connections, and fewer are accepted: \
             raise it (ulimit -n, LimitNOFILE=), or lower limits.connections"
        );
    }
    fitting
}

/// The limits where the process may have so many files open: clients have what is left by `fetch()`
/// and the node itself, and one address half of that at most.
fn fitting(configured: &Limits, limit: u64) -> Limits {
    let mut limits = configured.clone();
    let room = limit - OUTGOING.min(limit / 2) - OWN.min(limit / 8);
    let room = usize::try_from(room).unwrap_or(usize::MAX).max(1);
    if room < limits.connections {
        limits.connections = room;
        limits.connections_per_address = limits.connections_per_address.min(room / 2).max(1);
    }
    limits
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What all clients and one address may have of so many open files.
    fn room(limits: &Limits, limit: u64) -> (usize, usize) {
        let fitting = fitting(limits, limit);
        (fitting.connections, fitting.connections_per_address)
    }

    #[test]
    fn clients_leave_files_to_the_node_and_to_fetch() {
        let (connections, connections_per_address) = (10_000, 6_000);
        let limits = Limits { connections, connections_per_address, ..Limits::default() };
        let enough = 10_000 + OUTGOING + OWN;
        for limit in [enough, 1 << 20, u64::MAX] {
            assert_eq!(room(&limits, limit), (10_000, 6_000), "{limit}");
        }
        assert_eq!(room(&limits, enough - 1), (9_999, 4_999));
        assert_eq!(room(&limits, 1024), (384, 192));
        assert_eq!(room(&limits, 256), (96, 48));
        assert_eq!(room(&limits, 0), (1, 1));
    }

    #[test]
    fn an_address_has_no_more_than_it_is_given() {
        let limits = Limits { connections: 1000, connections_per_address: 64, ..Limits::default() };
        assert_eq!(room(&limits, 1024), (384, 64));
    }
}
