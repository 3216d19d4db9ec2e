//! Code that goes on after its event is over, and slices too short for anybody to look: nobody else
//! pays for them, and they end.

use std::time::Duration;

use futures_util::future::select_all;
use isolane_runtime::Failure;
use libtest_mimic::Trial;

use crate::support::{Builder, Worker, trial};

/// Laps that code does after its event is over, while nobody asks.
async fn laps_after_the_end(name: &str, wait: &str) {
    let source = format!(
        "let laps = 0;
         const channel = new MessageChannel();
         let next = () => {{}};
         channel.port2.onmessage = () => next();
         const posted = () => new Promise((resolve) => {{ next = resolve; channel.port1.postMessage(1); }});
         const bytes = new Uint8Array(1);
         async function stray() {{
             for (;;) {{
                 for (let i = 0; i < 3e5; i++);
                 laps++;
                 {wait};
             }}
         }}
         export default {{ async fetch(request) {{
             if (request.url.endsWith('/laps')) return new Response(String(laps));
             stray();
             return new Response('over');
         }} }};"
    );
    let worker = Worker::from_source(&source).build();
    assert_eq!(worker.get("/").await.unwrap().text(), "over");
    tokio::time::sleep(Duration::from_secs(2)).await;
    let laps: u32 = worker.get("/laps").await.unwrap().text().parse().unwrap();
    // Two seconds have room for many thousands of them.
    assert!(laps < 300, "{name}: {laps} laps");
}

async fn an_event_that_is_over_runs_no_more() {
    for (name, wait) in [
        ("digest", "await crypto.subtle.digest('SHA-1', bytes)"),
        ("port", "await posted()"),
        ("timer", "await scheduler.wait(0)"),
    ] {
        laps_after_the_end(name, wait).await;
    }
}

/// Slices under a millisecond in an isolate where several events wait are paid by the one that
/// runs, and end it at its limit.
async fn short_slices_beside_other_events_are_charged() {
    let worker = burner().build();
    let waiting = [worker.get("/wait"), worker.get("/wait")];
    let burning = worker.get("/burn");
    tokio::select! {
        (ended, ..) = select_all(waiting.map(Box::pin)) => panic!("{ended:?}"),
        burnt = burning => assert!(matches!(burnt, Err(Failure::ExceededCpu { .. })), "{burnt:?}"),
    }
}

fn burner() -> Builder {
    Worker::with_handler(
        "if (request.url.endsWith('/wait')) { await scheduler.wait(100000); }
         const bytes = new Uint8Array(1);
         for (;;) {
             for (let i = 0; i < 3e5; i++);
             await crypto.subtle.digest('SHA-1', bytes);
         }",
    )
    .with_cpu_ms(200)
}

pub fn trials() -> Vec<Trial> {
    vec![
        trial("stray::an_event_that_is_over_runs_no_more", an_event_that_is_over_runs_no_more),
        trial(
            "stray::short_slices_beside_other_events_are_charged",
            short_slices_beside_other_events_are_charged,
        ),
    ]
}
