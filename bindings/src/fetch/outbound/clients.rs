//! The clients of the workers, each of which outlives its worker's last isolate for a while. They
//! are made and dropped on the threads of the way out: no shard waits for one that another shard
//! has under the lock. Not here: what a client is (`client.rs`).

use std::collections::HashMap;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use deno_core::parking_lot::Mutex;
use rustls::ClientConfig;
use rustls::client::Resumption;

use super::account::{Account, IoPayer};
use super::sides::{NodeSide, WorkerSide};
use crate::fetch::client::Client;

/// Servers whose TLS sessions a worker's client remembers.
const TLS_SESSIONS: usize = 32;
/// How long a client is kept that no isolate has, and how many there are before such go.
const KEEP_CLIENT: Duration = Duration::from_secs(60);
const MAX_CLIENTS: usize = 1024;

/// All clients, and what they are made with.
pub(super) struct Clients {
    node: Arc<NodeSide>,
    tls: ClientConfig,
    kept: Mutex<HashMap<Arc<str>, Kept>>,
}

/// The client of a worker.
struct Kept {
    client: Arc<Client>,
    asked: Instant,
}

/// What the isolates of a worker ask for its client.
pub(super) struct Seat {
    clients: Arc<Clients>,
    worker: Arc<str>,
    payer: Option<Arc<dyn IoPayer>>,
    /// Made with the first request.
    client: OnceLock<Arc<Client>>,
}

impl Clients {
    pub(super) fn new(node: Arc<NodeSide>, tls: ClientConfig) -> Clients {
        Clients { node, tls, kept: Mutex::default() }
    }

    /// The client of a worker: that of its other isolates, or a new one.
    fn client(&self, worker: &Arc<str>, payer: Option<Arc<dyn IoPayer>>) -> Arc<Client> {
        let mut all = self.kept.lock();
        let now = Instant::now();
        if let Some(kept) = all.get_mut(worker) {
            kept.asked = now;
            return kept.client.clone();
        }
        let unused = take_unused(&mut all, now);
        let mut tls = self.tls.clone();
        tls.resumption = Resumption::in_memory_sessions(TLS_SESSIONS);
        let account = Account::new(worker.clone(), payer, self.node.turns.clone());
        let side = WorkerSide::new(self.node.clone(), worker.clone(), account);
        let client = Arc::new(Client::new(Arc::new(side), tls));
        all.insert(worker.clone(), Kept { client: client.clone(), asked: now });
        drop(all);
        // Without the lock: each has a pool.
        drop(unused);
        client
    }
}

/// Takes the clients out that no isolate has: those that have had none for long, and one more where
/// there are too many.
fn take_unused(all: &mut HashMap<Arc<str>, Kept>, now: Instant) -> Vec<Kept> {
    let is_old = |kept: &Kept| kept.is_idle() && now - kept.asked >= KEEP_CLIENT;
    let mut unused: Vec<_> = all.extract_if(|_, kept| is_old(kept)).map(|(_, it)| it).collect();
    if all.len() >= MAX_CLIENTS {
        let idle = all.iter().filter(|(_, kept)| kept.is_idle());
        let oldest = idle.min_by_key(|(_, kept)| kept.asked).map(|(name, _)| name.clone());
        unused.extend(oldest.and_then(|name| all.remove(&name)));
    }
    unused
}

impl Kept {
    /// Whether no isolate has it.
    fn is_idle(&self) -> bool {
        Arc::strong_count(&self.client) == 1
    }
}

impl Seat {
    pub(super) fn new(
        clients: Arc<Clients>,
        worker: Arc<str>,
        payer: Option<Arc<dyn IoPayer>>,
    ) -> Seat {
        Seat { clients, worker, payer, client: OnceLock::new() }
    }

    /// The same with somebody who pays.
    pub(super) fn paid_by(&self, payer: Arc<dyn IoPayer>) -> Seat {
        Seat::new(self.clients.clone(), self.worker.clone(), Some(payer))
    }

    pub(super) fn worker(&self) -> &Arc<str> {
        &self.worker
    }

    /// The client, if an isolate with this seat has asked for it. Takes no lock.
    pub(super) fn made(&self) -> Option<&Arc<Client>> {
        self.client.get()
    }

    /// The client. Not to be called on a shard.
    pub(super) fn client(&self) -> &Arc<Client> {
        self.client.get_or_init(|| self.clients.client(&self.worker, self.payer.clone()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fetch::{Outbound, OutboundPolicy};

    #[test]
    fn a_worker_has_one_client_and_no_other_worker_has_it() {
        let outbound = Outbound::new(OutboundPolicy::default(), Vec::new()).unwrap();
        let clients = &outbound.shared.clients;
        let seat = |name: &str| Seat::new(clients.clone(), name.into(), None);
        let isolates = [seat("a"), seat("a"), seat("b")];
        let [first, second, other] = &isolates;
        assert!(first.made().is_none());
        assert!(Arc::ptr_eq(first.client(), second.client()));
        assert!(!Arc::ptr_eq(first.client(), other.client()));
        assert!(first.made().is_some());
        drop(isolates);
        assert!(clients.kept.lock().values().all(Kept::is_idle));
    }

    #[test]
    fn clients_without_an_isolate_go_after_a_while() {
        let outbound = Outbound::new(OutboundPolicy::default(), Vec::new()).unwrap();
        let clients = &outbound.shared.clients;
        let used = Seat::new(clients.clone(), "used".into(), None);
        used.client();
        Seat::new(clients.clone(), "unused".into(), None).client();
        let mut all = clients.kept.lock();
        let now = Instant::now();
        assert!(take_unused(&mut all, now).is_empty());
        assert_eq!(take_unused(&mut all, now + KEEP_CLIENT).len(), 1);
        assert!(all.contains_key("used"));
    }
}
