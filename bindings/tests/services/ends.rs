//! Who calls may go away: then the other worker is told.

use std::future::pending;
use std::sync::Arc;

use bytes::Bytes;
use deno_core::parking_lot::Mutex;
use isolane_bindings::event::CallContext;
use isolane_bindings::event::body::{ChunkSender, Chunks, RequestBody, ResponseBody};
use libtest_mimic::Trial;

use crate::dispatcher::{Answer, Fake};
use crate::isolate::{SUBREQUESTS, get, trial};
use crate::worker;

/// A worker that never answers.
fn silent() -> Arc<Fake> {
    Fake::new(|_| pending::<Answer>())
}

/// A worker that has answered with a body which goes on as the test says.
fn endless() -> (Arc<Fake>, Arc<Mutex<Option<ChunkSender>>>) {
    let kept = Arc::<Mutex<Option<ChunkSender>>>::default();
    let keep = kept.clone();
    let fake = Fake::new(move |_| {
        let keep = keep.clone();
        async move {
            let (sender, chunks) = Chunks::channel(1);
            assert!(sender.send(Ok(Bytes::from_static(b"first"))).await);
            *keep.lock() = Some(sender);
            Ok(http::Response::new(ResponseBody::Stream(chunks)))
        }
    });
    (fake, kept)
}

async fn a_signal_ends_a_call() {
    let fake = silent();
    let handler = "
        const controller = new AbortController();
        const response = env.S.fetch('http://x/', { signal: controller.signal });
        setTimeout(() => controller.abort(new RangeError('enough')), 0);
        const late = env.S.fetch('http://x/', { signal: AbortSignal.abort(new Error('before')) });
        return [await failure(response), await failure(late)].join();";
    let mut worker = worker(&fake, handler);
    assert_eq!(worker.get().await, "RangeError: enough,Error: before");
    worker.until(fake.gone.cancelled()).await;
    assert_eq!(fake.urls.lock().len(), 1);
}

async fn the_end_of_the_event_ends_a_call() {
    let fake = silent();
    let handler = "env.S.fetch('http://x/').catch(() => {}); await null; return 'answered';";
    let mut worker = worker(&fake, handler);
    let event = worker.begin(get("http://x/"), CallContext::default(), SUBREQUESTS);
    assert_eq!(worker.answer(&event).await, "answered");
    tokio::task::yield_now().await;
    worker.end(event);
    worker.until(fake.gone.cancelled()).await;
}

async fn the_end_of_the_event_ends_a_response_that_somebody_keeps() {
    let (fake, kept) = endless();
    let handler = "
        const response = await env.S.fetch('http://x/');
        globalThis.reader = response.body.getReader();
        const { value } = await reader.read();
        return new TextDecoder().decode(value);";
    let mut worker = worker(&fake, handler);
    let event = worker.begin(get("http://x/"), CallContext::default(), SUBREQUESTS);
    assert_eq!(worker.answer(&event).await, "first");
    let sender = kept.lock().take().unwrap();
    worker.end(event);
    sender.closed().await;
}

async fn a_response_that_is_cancelled_or_not_wanted_is_let_go() {
    for what in ["await response.body.cancel();", "controller.abort();"] {
        let (fake, kept) = endless();
        let handler = format!(
            "const controller = new AbortController();
             const response = await env.S.fetch('http://x/', {{ signal: controller.signal }});
             {what}
             return 'let go';"
        );
        let mut worker = worker(&fake, &handler);
        // It is not over meanwhile.
        let event = worker.begin(get("http://x/"), CallContext::default(), SUBREQUESTS);
        assert_eq!(worker.answer(&event).await, "let go");
        let sender = kept.lock().take().unwrap();
        worker.until(sender.closed()).await;
        worker.end(event);
    }
}

async fn a_body_that_the_other_worker_does_not_read_is_let_go() {
    let fake = Fake::new(|call| async move {
        // Dropped unread.
        assert!(matches!(call.fetch.body, RequestBody::Stream(_)));
        Ok(http::Response::new(ResponseBody::Empty))
    });
    let handler = "
        let cancelled;
        const seen = new Promise((resolve) => { cancelled = resolve; });
        const body = new ReadableStream({
            pull(controller) { controller.enqueue(new Uint8Array(100_000)); },
            cancel() { cancelled('cancelled'); },
        });
        const response = await env.S.fetch('http://x/', { method: 'POST', body });
        return `${response.status} ${await seen}`;";
    assert_eq!(worker(&fake, handler).get().await, "200 cancelled");
}

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        trial("a_signal_ends_a_call", a_signal_ends_a_call),
        trial("the_end_of_the_event_ends_a_call", the_end_of_the_event_ends_a_call),
        trial(
            "the_end_of_the_event_ends_a_response_that_somebody_keeps",
            the_end_of_the_event_ends_a_response_that_somebody_keeps,
        ),
        trial(
            "a_response_that_is_cancelled_or_not_wanted_is_let_go",
            a_response_that_is_cancelled_or_not_wanted_is_let_go,
        ),
        trial(
            "a_body_that_the_other_worker_does_not_read_is_let_go",
            a_body_that_the_other_worker_does_not_read_is_let_go,
        ),
    ]
}
