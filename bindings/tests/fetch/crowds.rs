//! Many workers that keep what they get, and one that asks for little: it gets that, however many
//! the others are. And what counts to a worker's share.

use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use deno_core::parking_lot::Mutex;
use isolane_bindings::fetch::{
    IoPayer, Outbound, OutboundLimits, OutboundPolicy, Refused, Unlimited,
};
use rustls::pki_types::CertificateDer;
use tokio::net::{TcpListener, TcpStream};

use crate::server::{Server, endless, ok};
use crate::tenants::name_server;
use crate::worker::Worker;

trials![
    however_many_workers_hold_requests_a_quiet_one_gets_its_own,
    however_many_workers_hold_lookups_a_quiet_one_gets_its_own,
    every_request_on_a_shared_connection_has_a_share,
    connections_that_no_request_waits_for_any_more_are_bounded,
    what_connections_take_is_charged_to_their_worker,
];

/// Longer than a test may take: nobody is refused.
const FOREVER: Duration = Duration::from_secs(600);

fn outbound(
    limits: OutboundLimits,
    name_servers: Vec<SocketAddr>,
    roots: Option<&CertificateDer<'static>>,
) -> Outbound {
    let policy = OutboundPolicy {
        allow: vec!["127.0.0.1/32".parse().unwrap()],
        name_servers,
        ..OutboundPolicy::default()
    };
    Outbound::with_limits(policy, roots.into_iter().cloned().collect(), limits).unwrap()
}

fn limits() -> OutboundLimits {
    OutboundLimits {
        connections: 32,
        connections_per_worker: 4,
        lookups: 16,
        lookups_per_worker: 2,
        wait: FOREVER,
    }
}

fn worker(name: &str, outbound: &Outbound) -> Worker {
    Worker::named(name, outbound, Rc::new(Unlimited))
}

/// Begins fetches and keeps them.
fn hold(fetches: usize, url: &str) -> String {
    format!(
        "globalThis.all = Array.from({{ length: {fetches} }}, () => fetch('{url}'));
         for (const one of all) one.catch(() => {{}});
         return '';"
    )
}

/// A server whose answers have no end, but for those to `/quick`.
async fn stalling(protocols: Option<&[&str]>) -> Server {
    let answer = |request: http::Request<hyper::body::Incoming>| -> crate::server::Answer {
        let is_quick = request.uri().path() == "/quick";
        Box::pin(async move { if is_quick { ok("quick") } else { endless(request.into_body()) } })
    };
    match protocols {
        Some(protocols) => Server::start_tls(protocols, answer).await,
        None => Server::start(answer).await,
    }
}

/// Isolates are left in the order in which they were not made.
fn leave(mut workers: Vec<Worker>) {
    while let Some(last) = workers.pop() {
        drop(last);
    }
}

/// Who had to give up what.
type Told = Arc<Mutex<Vec<(String, Refused)>>>;

/// The same, and what it tells.
fn noted(outbound: Outbound) -> (Outbound, Told) {
    let told = Told::default();
    let notes = told.clone();
    let outbound = outbound.telling(Box::new(move |worker, what, detail| {
        assert!(detail.contains("given up for another worker"), "{detail}");
        notes.lock().push((worker.to_string(), what));
    }));
    (outbound, told)
}

/// That is told of the one that had most, and once.
async fn only_a_greedy_one_lost(told: &Told, what: Refused) {
    while told.lock().is_empty() {
        tokio::task::yield_now().await;
    }
    let told = told.lock().clone();
    let [(worker, lost)] = told.as_slice() else { panic!("{told:?}") };
    assert!(worker.starts_with("greedy-") && *lost == what, "{told:?}");
}

async fn however_many_workers_hold_requests_a_quiet_one_gets_its_own() {
    let server = stalling(None).await;
    let (outbound, told) = noted(outbound(limits(), Vec::new(), None));
    let mut greedy = Vec::new();
    // Seven have all that is not kept for those that have none; four take that, too.
    for number in 1..=11_usize {
        let mut one = worker(&format!("greedy-{number}"), &outbound);
        one.run(&hold(6, &server.url("/"))).await;
        let held = (4 * number).min(28) + number.saturating_sub(7);
        while outbound.requests() < held {
            one.run("await turns(1); return '';").await;
        }
        greedy.push(one);
    }
    assert_eq!(outbound.requests(), 32);
    let mut quiet = worker("quiet", &outbound);
    assert_eq!(quiet.count_answers(20, &server.url("/quick"), "quick").await, 20);
    // One was given up, once, and nobody else has got its place.
    while outbound.requests() != 31 {
        tokio::task::yield_now().await;
    }
    only_a_greedy_one_lost(&told, Refused::Connections).await;
    greedy.push(quiet);
    leave(greedy);
    server.all_closed().await;
}

async fn however_many_workers_hold_lookups_a_quiet_one_gets_its_own() {
    let (address, _, _) = name_server().await;
    let server = Server::start(|_| Box::pin(async { ok("ok") })).await;
    let (outbound, told) = noted(outbound(limits(), vec![address], None));
    let mut greedy = Vec::new();
    // Each has as many as it asks for: there is none that could take what is given up.
    for number in 1..=9_usize {
        let mut one = worker(&format!("greedy-{number}"), &outbound);
        let fetches = if number <= 7 { 2 } else { 1 };
        let held = outbound.lookups() + fetches;
        one.run(&hold(fetches, &format!("http://n{number}.silent.test/"))).await;
        while outbound.lookups() < held {
            one.run("await turns(1); return '';").await;
        }
        greedy.push(one);
    }
    assert_eq!(outbound.lookups(), 16);
    let mut quiet = worker("quiet", &outbound);
    let ask = format!("return await text('http://a.good.test:{}/');", server.address.port());
    assert_eq!(quiet.run(&ask).await, "ok");
    assert_eq!(outbound.lookups(), 15);
    only_a_greedy_one_lost(&told, Refused::Lookups).await;
    greedy.push(quiet);
    leave(greedy);
}

async fn every_request_on_a_shared_connection_has_a_share() {
    let server = stalling(Some(&["h2"])).await;
    let limits = OutboundLimits { wait: Duration::from_millis(50), ..limits() };
    let outbound = outbound(limits, Vec::new(), server.root.as_ref());
    let mut worker = worker("worker", &outbound);
    let script = format!(
        "await text('{quick}');
         globalThis.all = [];
         for (let i = 0; i < 4; i++) all.push(await fetch('{endless}'));
         return await failure(fetch('{endless}'));",
        quick = server.url("/quick"),
        endless = server.url("/")
    );
    let seen = worker.run(&script).await;
    assert!(seen.contains("this worker has 4 outgoing requests under way"), "{seen}");
    assert_eq!((server.connections(), outbound.requests()), (1, 4));
}

/// Passes the first connection on to the server; keeps the others and says nothing to them.
async fn passing_only_the_first_to(server: SocketAddr) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    deno_core::unsync::spawn(async move {
        let (mut first, _) = listener.accept().await.unwrap();
        let mut onward = TcpStream::connect(server).await.unwrap();
        deno_core::unsync::spawn(async move {
            let _ = tokio::io::copy_bidirectional(&mut first, &mut onward).await;
        });
        let mut kept = Vec::new();
        while let Ok((silent, _)) = listener.accept().await {
            kept.push(silent);
        }
    });
    port
}

async fn connections_that_no_request_waits_for_any_more_are_bounded() {
    let server = Server::start_tls(&["http/1.1"], |_| Box::pin(async { ok("ok") })).await;
    let port = passing_only_the_first_to(server.address).await;
    let outbound = outbound(limits(), Vec::new(), server.root.as_ref());
    let mut worker = worker("worker", &outbound);
    let url = format!("https://localhost:{port}/");
    assert_eq!(worker.run(&format!("return await text('{url}');")).await, "ok");
    // One of three requests has the connection, the others begin further ones, which never come
    // about, and then have the same.
    let script = format!(
        "const all = await Promise.all([text('{url}'), text('{url}'), text('{url}')]);
         return all.join(' ');"
    );
    for _ in 0..10 {
        assert_eq!(worker.run(&script).await, "ok ok ok");
        let open = outbound.open_connections();
        assert!(open <= 4, "{open}, where a worker may have 4");
    }
}

#[derive(Default)]
struct Paid(Mutex<Duration>);

impl IoPayer for Paid {
    fn charge(&self, cpu: Duration) {
        *self.0.lock() += cpu;
    }

    fn is_heavy(&self) -> bool {
        // It waits for its turn each time, and has it.
        true
    }
}

async fn what_connections_take_is_charged_to_their_worker() {
    let server = Server::start(|_| Box::pin(async { ok(vec![b'a'; 1 << 20]) })).await;
    let outbound = outbound(limits(), Vec::new(), None);
    let payer = Arc::<Paid>::default();
    let way_out = outbound.for_worker(&"payer".into()).paid_by(payer.clone());
    let mut worker = Worker::with_way_out(way_out, Rc::new(Unlimited));
    let script = format!(
        "let length = 0;
         for (let i = 0; i < 10; i++) length += (await text('{}')).length;
         return String(length);",
        server.url("/")
    );
    assert_eq!(worker.run(&script).await, (10 << 20).to_string());
    assert!(*payer.0.lock() > Duration::ZERO);
}
