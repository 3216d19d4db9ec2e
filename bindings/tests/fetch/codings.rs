//! Codings of bodies: which come off, what is no such coding, and what decoders take of a worker's
//! memory and of an event's CPU time. Not here: bodies as they are.

use std::cell::Cell;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use async_compression::tokio::bufread::{BrotliEncoder, GzipEncoder, ZlibEncoder, ZstdEncoder};
use bytes::Bytes;
use deno_core::{CancelHandle, v8};
use deno_error::JsErrorBox;
use isolane_bindings::crypto::{Calls, CpuAccount, CpuPayer};
use isolane_bindings::event::EventId;
use isolane_bindings::fetch::{Connections, EventLimits, Unlimited};
use isolane_bindings::memory::{MemoryLimit, Meter};
use tokio::io::AsyncReadExt;

use crate::server::{Server, ok_with};
use crate::worker::{Worker, loopback};

trials![
    codings_come_off,
    a_body_asked_for_as_it_is_stays_as_it_is,
    a_damaged_coding_is_an_error,
    brotli_with_a_large_window_is_refused,
    decoders_count_as_memory_until_the_end_of_the_body,
    what_is_collected_of_a_body_stays_within_the_memory,
    decoding_is_paid_by_the_event_and_ends_with_its_time,
];

async fn coded(coding: &str, text: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    match coding {
        "gzip" => GzipEncoder::new(text).read_to_end(&mut bytes).await.unwrap(),
        "br" => BrotliEncoder::new(text).read_to_end(&mut bytes).await.unwrap(),
        "deflate" => ZlibEncoder::new(text).read_to_end(&mut bytes).await.unwrap(),
        "zstd" => ZstdEncoder::new(text).read_to_end(&mut bytes).await.unwrap(),
        other => panic!("{other}"),
    };
    bytes
}

const TEXT: &[u8] = b"hello hello hello hello hello hello hello hello hello hello";

async fn codings_come_off() {
    let server = Server::start(|request| {
        Box::pin(async move {
            let coding = request.uri().path().trim_start_matches('/');
            ok_with("content-encoding", coding, coded(coding, TEXT).await)
        })
    })
    .await;
    let mut worker = Worker::new();
    for coding in ["gzip", "br", "deflate", "zstd"] {
        let url = server.url(&format!("/{coding}"));
        let script = format!(
            "const r = await fetch('{url}');
             return r.headers.get('content-encoding') + ' ' + await r.text();"
        );
        let expected = format!("{coding} {}", String::from_utf8_lossy(TEXT));
        assert_eq!(worker.run(&script).await, expected);
    }
}

async fn a_body_asked_for_as_it_is_stays_as_it_is() {
    let server = Server::start(|_| {
        Box::pin(async { ok_with("content-encoding", "gzip", coded("gzip", TEXT).await) })
    })
    .await;
    let script = format!(
        "const init = {{ headers: {{ 'accept-encoding': 'identity' }} }};
         return String((await (await fetch('{}', init)).arrayBuffer()).byteLength);",
        server.url("/")
    );
    assert_eq!(Worker::new().run(&script).await, coded("gzip", TEXT).await.len().to_string());
}

async fn a_damaged_coding_is_an_error() {
    let server = Server::start(|_| {
        Box::pin(async { ok_with("content-encoding", "gzip", "this is no gzip") })
    })
    .await;
    let script = format!("return await failure((await fetch('{}')).text());", server.url("/"));
    let seen = Worker::new().run(&script).await;
    assert!(seen.contains("the body of the response broke off"), "{seen}");
}

async fn brotli_with_a_large_window_is_refused() {
    let server = Server::start(|_| {
        Box::pin(async { ok_with("content-encoding", "br", &[0x11, 30, 0, 0][..]) })
    })
    .await;
    let script = format!("return await failure((await fetch('{}')).text());", server.url("/"));
    let seen = Worker::new().run(&script).await;
    assert!(seen.contains("brotli with a large window"), "{seen}");
}

async fn decoders_count_as_memory_until_the_end_of_the_body() {
    let server = Server::start(|_| {
        Box::pin(async { ok_with("content-encoding", "br", coded("br", TEXT).await) })
    })
    .await;
    let meter = Meter::default();
    let mut worker = Worker::new();
    worker.put(meter.clone());
    let script = format!(
        "globalThis.reader = (await fetch('{}')).body.getReader();
         return new TextDecoder().decode((await reader.read()).value);",
        server.url("/")
    );
    assert_eq!(worker.run(&script).await.as_bytes(), TEXT);
    // A window of at least 64 KiB, and tables.
    assert!(meter.queued_bytes() > 64 * 1024, "{} bytes", meter.queued_bytes());
    assert_eq!(worker.run("return String((await reader.read()).done);").await, "true");
    assert_eq!(meter.queued_bytes(), 0);
}

/// A limit of memory for what waits outside of V8.
struct Room(usize);

impl MemoryLimit for Room {
    fn limit_bytes(&self) -> usize {
        self.0
    }

    fn has_room(&self, _isolate: &mut v8::Isolate, _bytes: usize) -> bool {
        true
    }

    fn exceed(&self, _isolate: &mut v8::Isolate) {}

    fn take_stack(&self) -> bool {
        true
    }

    fn give_stack(&self) {}
}

/// A server of many zeros, coded with gzip.
async fn zeros(bytes: usize) -> Server {
    let coded = Bytes::from(coded("gzip", &vec![0; bytes]).await);
    Server::start(move |_| {
        let coded = coded.clone();
        Box::pin(async move { ok_with("content-encoding", "gzip", coded) })
    })
    .await
}

async fn what_is_collected_of_a_body_stays_within_the_memory() {
    let server = zeros(32 << 20).await;
    let meter = Meter::default();
    meter.set_limit(Some(Rc::new(Room(8 << 20))));
    let mut worker = Worker::new();
    worker.put(meter);
    let script = format!("return await failure((await fetch('{}')).text());", server.url("/"));
    let seen = worker.run(&script).await;
    assert!(seen.contains("has no memory for more"), "{seen}");
}

/// The limits of an event that has a number.
struct Numbered;

impl EventLimits for Numbered {
    fn subrequest(&self) -> Result<(), JsErrorBox> {
        Unlimited.subrequest()
    }

    fn connections(&self) -> Arc<Connections> {
        Unlimited.connections()
    }

    fn cancel(&self) -> Rc<CancelHandle> {
        Unlimited.cancel()
    }

    fn event(&self) -> Option<EventId> {
        EventId::new(7)
    }
}

/// Takes so many charges of that event, outside of slices.
struct Charges {
    left: Cell<usize>,
    calls: Calls,
}

impl CpuPayer for Charges {
    fn charge(&self, event: Option<EventId>, _time: Duration) -> bool {
        assert_eq!(event, EventId::new(7));
        self.left.set(self.left.get().saturating_sub(1));
        self.left.get() == 0
    }

    fn left(&self, _event: Option<EventId>) -> Duration {
        Duration::MAX
    }

    fn limit(&self, _event: Option<EventId>) -> Duration {
        Duration::MAX
    }

    fn is_running(&self) -> bool {
        false
    }

    fn use_up(&self, _event: EventId) {}

    fn calls(&self) -> &Calls {
        &self.calls
    }
}

async fn decoding_is_paid_by_the_event_and_ends_with_its_time() {
    let server = zeros(8 << 20).await;
    let mut worker = Worker::with(loopback(), Rc::new(Numbered));
    let charges = Charges { left: Cell::new(20), calls: Calls::default() };
    worker.put(CpuAccount::new(Rc::new(charges)));
    let script = format!("return await failure((await fetch('{}')).text());", server.url("/"));
    let seen = worker.run(&script).await;
    assert!(seen.contains("used up its CPU time"), "{seen}");
}
