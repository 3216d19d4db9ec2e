//! From names to addresses: an asynchronous resolver that keeps to the system's resolv.conf and
//! hosts file, with a bounded cache, shares of look-ups per worker, and look-ups that end with
//! whoever asked. Not here: which of the addresses may be reached (`policy.rs`).

use std::io;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use deno_core::parking_lot::Mutex;
use hickory_resolver::config::{
    LookupIpStrategy, NameServerConfig, ResolveHosts, ResolverConfig, ResolverOpts,
};
use hickory_resolver::name_server::TokioConnectionProvider;
use hickory_resolver::proto::xfer::Protocol;
use hickory_resolver::{ResolveError, TokioResolver};
use tokio::time::{Instant, timeout};
use tokio_util::sync::CancellationToken;

use super::shares::{Bounds, Holder, Shares, Shortage, now_ms};

/// How long a look-up may take, the wait for its turn included.
pub(crate) const RESOLVE_LIMIT: Duration = Duration::from_secs(10);
/// Record sets that the cache holds; those that were used least go first.
const CACHED: usize = 8192;
const POSITIVE_TTL: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(300));
const NEGATIVE_TTL: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(30));
/// How often the system's files are looked at for a change.
const LOOK_EVERY: Duration = Duration::from_secs(5);
const FILES: [&str; 2] = ["/etc/resolv.conf", "/etc/hosts"];
/// Look-ups by the system's own function, which holds a thread until it ends.
const SYSTEM_LOOKUPS: Bounds =
    Bounds { what: "look-ups of names", all: 64, per_worker: 8, waiting_per_worker: 1024 };

/// Why a look-up has ended that another worker needed the place of.
pub(crate) const GIVEN_UP: &str = "the look-up was given up for another worker: the node has as \
     many under way as it may have, and this worker has most of them; look up fewer names at a time";

/// The resolver of the node.
pub(crate) struct Names {
    /// What is asked in the place of the system's servers.
    servers: Vec<SocketAddr>,
    places: Shares,
    system_places: Shares,
    current: Mutex<Current>,
}

#[derive(Default)]
struct Current {
    /// Nothing where the system's configuration cannot be used.
    resolver: Option<Arc<TokioResolver>>,
    looked: Option<Instant>,
    changed: [Option<SystemTime>; 2],
}

/// Why there is no address.
#[derive(Debug)]
pub(crate) enum NoAddress {
    Busy(Shortage),
    /// For another worker, in the words of [`GIVEN_UP`].
    GivenUp,
    Failed(String),
    TimedOut,
}

/// A look-up that can be given up for another worker's.
struct Lookup {
    began_ms: u64,
    given_up: CancellationToken,
}

impl Names {
    /// A resolver that asks these servers, or the system's if there are none.
    pub(crate) fn new(servers: Vec<SocketAddr>, places: Bounds) -> Self {
        Self {
            servers,
            places: Shares::new(places),
            system_places: Shares::new(SYSTEM_LOOKUPS),
            current: Mutex::default(),
        }
    }

    /// The addresses of a name, for a worker. Dropping the future ends the look-up.
    pub(crate) async fn resolve(
        &self,
        worker: &Arc<str>,
        name: &str,
    ) -> Result<Vec<IpAddr>, NoAddress> {
        match self.current() {
            Some(resolver) => self.ask_servers(&resolver, worker, name).await,
            None => self.ask_system(worker, name).await,
        }
    }

    async fn ask_servers(
        &self,
        resolver: &TokioResolver,
        worker: &Arc<str>,
        name: &str,
    ) -> Result<Vec<IpAddr>, NoAddress> {
        let start = Instant::now();
        let given_up = CancellationToken::new();
        let holder = Lookup { began_ms: now_ms(), given_up: given_up.clone() };
        let place = self.places.claim(worker, RESOLVE_LIMIT, Arc::new(holder)).await;
        let _place = place.map_err(NoAddress::Busy)?;
        let left = RESOLVE_LIMIT.saturating_sub(start.elapsed());
        let found = tokio::select! {
            biased;
            () = given_up.cancelled() => return Err(NoAddress::GivenUp),
            found = timeout(left, resolver.lookup_ip(name)) => found,
        };
        let found = found.map_err(|_| NoAddress::TimedOut)?;
        let found = found.map_err(|error| NoAddress::Failed(reason(&error)))?;
        Ok(found.iter().collect())
    }

    async fn ask_system(&self, worker: &Arc<str>, name: &str) -> Result<Vec<IpAddr>, NoAddress> {
        let start = Instant::now();
        let place = self.system_places.take(worker, RESOLVE_LIMIT).await;
        let place = place.map_err(NoAddress::Busy)?;
        let left = RESOLVE_LIMIT.saturating_sub(start.elapsed());
        let name = (name.to_owned(), 0);
        let lookup = tokio::task::spawn_blocking(move || {
            // Held by the thread, which goes on whoever still waits.
            let _place = place;
            name.to_socket_addrs().map(|found| found.map(|address| address.ip()).collect())
        });
        let found = timeout(left, lookup).await.map_err(|_| NoAddress::TimedOut)?;
        let found: io::Result<Vec<_>> = found.unwrap_or_else(|lost| Err(io::Error::other(lost)));
        found.map_err(|error| NoAddress::Failed(error.to_string()))
    }

    /// The look-ups that are under way.
    pub(crate) fn under_way(&self) -> usize {
        self.places.taken() + self.system_places.taken()
    }

    /// The resolver by the system's present configuration.
    fn current(&self) -> Option<Arc<TokioResolver>> {
        let mut current = self.current.lock();
        let now = Instant::now();
        if current.looked.is_some_and(|looked| now - looked < LOOK_EVERY) {
            return current.resolver.clone();
        }
        let changed = FILES.map(|path| std::fs::metadata(path).and_then(|it| it.modified()).ok());
        if current.looked.is_none() || current.changed != changed {
            current.resolver = match self.configuration() {
                Ok((config, options)) => Some(Arc::new(resolver(config, options))),
                Err(error) => {
                    tracing::warn!(
                        "/etc/resolv.conf cannot be used ({error}); names are looked up by the \
                         system's own function, a few at a time, until that file changes"
                    );
                    None
                }
            };
        }
        current.looked = Some(now);
        current.changed = changed;
        current.resolver.clone()
    }

    fn configuration(&self) -> Result<(ResolverConfig, ResolverOpts), ResolveError> {
        if self.servers.is_empty() {
            return hickory_resolver::system_conf::read_system_conf();
        }
        let mut config = ResolverConfig::new();
        for &server in &self.servers {
            config.add_name_server(NameServerConfig::new(server, Protocol::Udp));
            config.add_name_server(NameServerConfig::new(server, Protocol::Tcp));
        }
        Ok((config, ResolverOpts::default()))
    }
}

impl Holder for Lookup {
    fn moved_ms(&self) -> u64 {
        self.began_ms
    }

    fn give_up(&self) {
        self.given_up.cancel();
    }
}

fn resolver(config: ResolverConfig, options: ResolverOpts) -> TokioResolver {
    let provider = TokioConnectionProvider::default();
    let mut builder = TokioResolver::builder_with_config(config, provider).with_options(options);
    let options = builder.options_mut();
    options.use_hosts_file = ResolveHosts::Always;
    options.ip_strategy = LookupIpStrategy::Ipv4AndIpv6;
    options.cache_size = CACHED;
    (options.positive_min_ttl, options.positive_max_ttl) =
        (Some(POSITIVE_TTL.0), Some(POSITIVE_TTL.1));
    (options.negative_min_ttl, options.negative_max_ttl) =
        (Some(NEGATIVE_TTL.0), Some(NEGATIVE_TTL.1));
    // One socket for each family and look-up.
    options.num_concurrent_reqs = 1;
    builder.build()
}

fn reason(error: &ResolveError) -> String {
    if error.is_nx_domain() {
        "there is no such name".to_owned()
    } else if error.is_no_records_found() {
        "it has no address".to_owned()
    } else {
        error.to_string()
    }
}
