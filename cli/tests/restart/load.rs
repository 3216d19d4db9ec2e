//! Processes take over while visitors come in every way there is: none is lost.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use crate::node::{HOST, Node, STREAMS, until_gone};
use crate::visitor::{PACE, Visitor, Way};

const TAKEOVERS: usize = 4;

/// Chunks of an answer that outlasts a takeover; one takes 20 ms.
const CHUNKS: usize = 100;

/// What a visitor asks for.
#[derive(Debug, Clone, Copy)]
enum Wish {
    /// A short answer.
    Name,
    /// To keep a number, each time a greater one.
    Put,
    /// An answer that takes over two seconds.
    Stream,
}

const VISITORS: [(Way, Wish); 9] = [
    (Way::KeepAlive, Wish::Name),
    (Way::KeepAlive, Wish::Name),
    (Way::KeepAlive, Wish::Put),
    (Way::KeepAlive, Wish::Stream),
    (Way::Fresh, Wish::Name),
    (Way::Fresh, Wish::Put),
    (Way::Http2, Wish::Name),
    (Way::Http2, Wish::Put),
    (Way::Http2, Wish::Stream),
];

/// What became of a visitor's requests.
struct Visit {
    way: Way,
    wish: Wish,
    answers: usize,
    connections: usize,
}

#[test]
fn no_request_is_lost_while_processes_take_over() {
    let mut node = Node::start();
    let (supervisor, port) = (node.process.id(), node.port);
    let is_over = Arc::new(AtomicBool::new(false));
    let visitors = thread::spawn({
        let is_over = Arc::clone(&is_over);
        move || visit(port, &is_over)
    });
    let mut processes = vec![node.process.node_id()];
    for _ in 0..TAKEOVERS {
        if is_over.load(Ordering::SeqCst) {
            break;
        }
        processes.push(node.restart());
        node.process.stderr.until("the old process has ended");
    }
    is_over.store(true, Ordering::SeqCst);
    let visits = visitors.join().expect("the visitors do not panic");
    let visits = visits.unwrap_or_else(|problem| panic!("{problem}"));
    assert_eq!(processes.len(), TAKEOVERS + 1);
    for old in &processes[..TAKEOVERS] {
        until_gone(*old);
    }
    assert_eq!(node.process.id(), supervisor);
    for (number, visit) in visits.iter().enumerate() {
        let Visit { way, wish, answers, connections } = visit;
        println!("{way:?} {wish:?}: {answers} answers, {connections} connections");
        assert!(*answers > 2, "{way:?} {wish:?}");
        // Each process closes the connections that it had.
        assert!(*connections > TAKEOVERS / 2, "{way:?} {wish:?}: {connections}");
        if let Wish::Put = wish {
            // What was acknowledged last is there, whichever process acknowledged it.
            assert_eq!(node.body(&format!("/get/{number}")), answers.to_string());
        }
    }
}

/// Lets all visitors come until it is over, or one was lost.
fn visit(port: u16, is_over: &Arc<AtomicBool>) -> Result<Vec<Visit>, String> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.expect("a runtime for the visitors").block_on(async {
        let mut visitors = Vec::new();
        for (number, (way, wish)) in VISITORS.into_iter().enumerate() {
            let is_over = Arc::clone(is_over);
            visitors.push(tokio::spawn(async move {
                let visit = come(port, number, way, wish, &is_over).await;
                // What is wrong ends the test at once.
                is_over.fetch_or(visit.is_err(), Ordering::SeqCst);
                visit
            }));
        }
        let mut visits = Vec::new();
        for visitor in visitors {
            visits.push(visitor.await.expect("a visitor does not panic")?);
        }
        Ok(visits)
    })
}

async fn come(
    port: u16,
    number: usize,
    way: Way,
    wish: Wish,
    is_over: &AtomicBool,
) -> Result<Visit, String> {
    let mut visitor = Visitor::new(port, way);
    let mut answers = 0;
    while !is_over.load(Ordering::SeqCst) {
        let (host, path, expected) = match wish {
            Wish::Name => (HOST, "/".to_owned(), "first".to_owned()),
            Wish::Put => (HOST, format!("/put/{number}?{}", answers + 1), "put".to_owned()),
            Wish::Stream => (STREAMS, format!("/{CHUNKS}"), "chunk\n".repeat(CHUNKS)),
        };
        let body = visitor.ask(host, &path).await?;
        if body != expected {
            return Err(format!("{way:?} {path}: {body:?}"));
        }
        answers += 1;
        tokio::time::sleep(PACE).await;
    }
    Ok(Visit { way, wish, answers, connections: visitor.connections })
}
