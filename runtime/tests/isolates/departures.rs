//! Clients that go away: what a worker learns of it, and what goes on after it.

use http_body_util::BodyExt as _;
use isolane_runtime::Outcome;
use libtest_mimic::Trial;

use crate::support::{Worker, request, runtime, trial};

/// A body that sends an event and then none for long.
const EVENTS: &str = "new ReadableStream({ async pull(c) { c.enqueue('data: x\\n\\n'); await scheduler.wait(30_000); }, cancel() { console.log('cancelled'); } }, { highWaterMark: 0 })";

/// A worker that answers with [`EVENTS`] after it has done that.
fn sending_events(first: &str) -> crate::support::Builder {
    Worker::with_handler(&format!("{first}; return new Response({EVENTS})"))
}

/// Reads the first event, and goes away.
async fn leaves(worker: &Worker) {
    let mut response = worker.open(request("/")).await.unwrap();
    assert_eq!(response.frame().await.unwrap().unwrap().into_data().unwrap(), "data: x\n\n");
}

/// Waits for the words of a worker that has started, and goes away before it answers.
async fn leaves_early(worker: &Worker) {
    tokio::select! {
        _ = worker.get("/") => panic!("it answers too early"),
        _ = worker.line("started") => {}
    }
}

pub fn trials() -> Vec<Trial> {
    vec![
        trial("departures::the_signal_of_a_stream_aborts", || async {
            let worker = sending_events(
                "const { signal } = request;
                 signal.addEventListener('abort', () => console.log(`${signal.reason.name} ${signal.reason.message}`))",
            )
            .build();
            leaves(&worker).await;
            worker.line("AbortError The client has disconnected").await;
            worker.line("cancelled").await;
            let outcome = worker.report(|_| true).await.outcome;
            assert_eq!(outcome, Outcome::ResponseStreamDisconnected);
        }),
        trial("departures::a_copy_of_the_request_has_such_a_signal_too", || async {
            for copy in
                ["request.clone()", "new Request(request)", "new Request('http://a.test', request)"]
            {
                let worker = sending_events(&format!(
                    "{copy}.signal.addEventListener('abort', () => console.log('aborted'))"
                ))
                .build();
                leaves(&worker).await;
                worker.line("aborted").await;
            }
        }),
        trial("departures::an_isolate_that_is_on_its_way_out_learns_it_too", || async {
            let worker = Worker::with_handler(
                "if (request.url.endsWith('/after')) return new Response('after');
                 request.signal.addEventListener('abort', () => console.log('aborted'));
                 console.log('started'); await scheduler.wait(30_000);",
            )
            .build();
            tokio::select! {
                _ = worker.get("/") => panic!("it answers too early"),
                () = async {
                    worker.line("started").await;
                    runtime().retire(&worker.version);
                    // It comes after that.
                    assert_eq!(worker.get("/after").await.unwrap().text(), "after");
                } => {}
            }
            worker.line("aborted").await;
        }),
        trial("departures::what_a_listener_waits_for_goes_on", || async {
            let worker = sending_events(
                "request.signal.onabort = () => ctx.waitUntil((async () => { await scheduler.wait(5); console.log('cleaned up'); })())",
            )
            .build();
            leaves(&worker).await;
            worker.line("cleaned up").await;
            worker.report(|_| true).await;
        }),
        trial("departures::who_asks_after_it_learns_it", || async {
            let worker = Worker::with_handler(
                "let left; const gone = new Promise((resolve) => left = resolve);
                 ctx.waitUntil(gone.then(() => console.log(`gone ${request.signal.aborted}`)));
                 return new Response(new ReadableStream({ async pull(c) { c.enqueue('data: x\\n\\n'); await scheduler.wait(30_000); }, cancel: left }, { highWaterMark: 0 }))",
            )
            .build();
            leaves(&worker).await;
            worker.line("gone true").await;
        }),
        trial("departures::a_client_that_has_the_answer_has_not_gone", || async {
            let worker = Worker::with_handler(
                "request.signal.addEventListener('abort', () => console.log('aborted'));
                 ctx.waitUntil(scheduler.wait(20).then(() => console.log(`over ${request.signal.aborted}`)));
                 return new Response(new ReadableStream({ start(c) { c.enqueue('x'); c.close(); } }))",
            )
            .build();
            assert_eq!(worker.get("/").await.unwrap().text(), "x");
            worker.line("over false").await;
            assert_eq!(worker.report(|_| true).await.outcome, Outcome::Ok);
        }),
        trial("departures::what_waits_after_it_has_an_end", || async {
            let never = "ctx.waitUntil(scheduler.wait(30_000))";
            let worker = Worker::with_handler(&format!(
                "{never}; console.log('started'); await scheduler.wait(30_000)"
            ))
            .build();
            leaves_early(&worker).await;
            assert_eq!(worker.report(|_| true).await.outcome, Outcome::ExceededWallTime);
            let worker = sending_events(never).build();
            leaves(&worker).await;
            assert_eq!(worker.report(|_| true).await.outcome, Outcome::ExceededWallTime);
        }),
        trial("departures::requests_made_of_the_clients_go_on_unless_the_flag_is_on", || async {
            // A request of the same signal to something that needs no network.
            let source = "
                const log = (what, promise) => promise.then(() => console.log(`${what} went on`), (e) => console.log(`${what} ${e.name}`));
                const made = new Request('data:,x', request);
                request.signal.addEventListener('abort', () => ctx.waitUntil(Promise.all([
                    log('made', fetch(made)),
                    log('copied', fetch(made.clone(), { headers: { a: 'b' } })),
                    log('given', fetch('data:,x', request)),
                    log('asked', fetch('data:,x', { signal: request.signal })),
                    log('combined', fetch('data:,x', { signal: AbortSignal.any([request.signal]) })),
                ])))";
            let worker = sending_events(source).build();
            leaves(&worker).await;
            for line in ["made went on", "copied went on", "given went on"] {
                worker.line(line).await;
            }
            for line in ["asked AbortError", "combined AbortError"] {
                worker.line(line).await;
            }
            let worker = sending_events(source).with_signal_passthrough().build();
            leaves(&worker).await;
            for what in ["made", "copied", "given", "asked", "combined"] {
                worker.line(&format!("{what} AbortError")).await;
            }
        }),
    ]
}
