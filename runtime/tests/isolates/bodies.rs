//! Bodies in both directions: streams, backpressure, cancellation.

use bytes::Bytes;
use http_body_util::BodyExt as _;
use isolane_runtime::{Failure, Outcome};
use libtest_mimic::Trial;

use crate::support::{Worker, body, channel, request, trial};

pub fn trials() -> Vec<Trial> {
    vec![
        trial("a_request_body_is_read", || async {
            let worker =
                Worker::with_handler("return new Response((await request.text()).toUpperCase())")
                    .build();
            assert_eq!(worker.post("/", body("abc")).await.unwrap().text(), "ABC");
        }),
        trial("a_large_body_goes_through_unchanged", || async {
            let sent: Vec<u8> = (0..5_000_000u32).map(|i| (i % 251) as u8).collect();
            let worker = Worker::with_handler("return new Response(request.body)").build();
            let reply = worker.post("/", body(sent.clone())).await.unwrap();
            assert!(reply.body.unwrap() == sent);
        }),
        trial("a_large_body_goes_through_javascript_unchanged", || async {
            let sent: Vec<u8> = (0..3_000_000u32).map(|i| (i % 251) as u8).collect();
            let worker = Worker::with_handler(
                "return new Response(request.body.pipeThrough(new TransformStream()))",
            )
            .build();
            let reply = worker.post("/", body(sent.clone())).await.unwrap();
            assert!(reply.body.unwrap() == sent);
        }),
        trial("what_is_read_of_a_clone_is_its_own", || async {
            let worker = Worker::from_source(
                "const page = new Response(new TextEncoder().encode('hello'));
                 const parts = [new Request('http://a.test/', { method: 'POST', body: new Uint8Array(2) })];
                 parts.push(new Request(parts[0].clone()), new Response(parts[0].clone().body));
                 export default { async fetch() {
                     const bytes = await page.clone().bytes(), other = await page.clone().arrayBuffer();
                     bytes[0]++;
                     const first = new TextDecoder().decode(structuredClone(other, { transfer: [other] }));
                     const buffers = await Promise.all(parts.map((it) => it.clone().arrayBuffer()));
                     return new Response([new TextDecoder().decode(bytes), first, await page.clone().text(), new Set(buffers).size].join());
                 } };",
            )
            .build();
            for _ in 0..2 {
                assert_eq!(worker.get("/").await.unwrap().text(), "iello,hello,hello,3");
            }
        }),
        trial("the_head_arrives_before_the_body_is_complete", || async {
            let worker = Worker::with_handler("return new Response(request.body)").build();
            let (chunks, body) = channel();
            let mut event = request("/");
            event.head.method = http::Method::POST;
            event.body = body;
            let mut response = worker.open(event).await.unwrap();
            for text in ["one", "two"] {
                chunks.send(Bytes::from_static(text.as_bytes())).await.unwrap();
                let frame = response.frame().await.unwrap().unwrap();
                assert_eq!(frame.into_data().unwrap(), text);
            }
            drop(chunks);
            assert!(response.frame().await.is_none());
        }),
        trial("a_stream_made_by_the_worker_arrives_in_pieces", || async {
            let worker = Worker::with_handler(
                "let i = 0; return new Response(new ReadableStream({ async pull(c) { if (i === 3) return c.close(); await new Promise((r) => setTimeout(r, 1)); c.enqueue(new TextEncoder().encode('chunk' + i++)) } }))",
            )
            .build();
            assert_eq!(worker.get("/").await.unwrap().text(), "chunk0chunk1chunk2");
        }),
        trial("a_worker_is_not_asked_for_more_than_the_client_takes", || async {
            let worker = Worker::from_source(
                "let pulled = 0;
                 export default { fetch(request) {
                   if (request.url.endsWith('/pulled')) return new Response(String(pulled));
                   return new Response(new ReadableStream({ pull(c) { pulled++; c.enqueue(new Uint8Array(65536)) } }, { highWaterMark: 0 }));
                 } }",
            )
            .build();
            let mut response = worker.open(request("/")).await.unwrap();
            response.frame().await.unwrap().unwrap();
            let pulled = worker.get("/pulled").await.unwrap().text().parse::<u32>().unwrap();
            assert!(pulled < 16, "{pulled} chunks were made for a client that read one");
        }),
        trial("a_client_that_stops_reading_cancels_the_stream", || async {
            let worker = Worker::with_handler(
                "return new Response(new ReadableStream({ pull(c) { c.enqueue(new Uint8Array(1000)) }, cancel() { console.log('canceled') } }))",
            )
            .build();
            let mut response = worker.open(request("/")).await.unwrap();
            response.frame().await.unwrap().unwrap();
            drop(response);
            worker.line("canceled").await;
            let report = worker.report(|_| true).await;
            assert_eq!(report.outcome, Outcome::ResponseStreamDisconnected);
        }),
        trial("a_client_that_goes_away_aborts_the_signal", || async {
            let worker = Worker::with_handler(
                "console.log('started'); request.signal.addEventListener('abort', () => console.log('aborted')); await new Promise((r) => setTimeout(r, 30_000)); return new Response('x')",
            )
            .build();
            tokio::select! {
                _ = worker.get("/") => panic!("it answers too early"),
                _ = worker.line("started") => {}
            }
            worker.line("aborted").await;
            assert_eq!(worker.report(|_| true).await.outcome, Outcome::Canceled);
        }),
        trial("a_stream_that_fails_breaks_the_body_off", || async {
            let worker = Worker::with_handler(
                "let n = 0; return new Response(new ReadableStream({ pull(c) { if (n++) throw new Error('broken'); c.enqueue(new Uint8Array(10)) } }))",
            )
            .build();
            let reply = worker.get("/").await.unwrap();
            assert!(reply.body.is_err());
            let report = worker.report(|_| true).await;
            assert_eq!(report.outcome, Outcome::Exception);
            assert!(report.exception.unwrap().0.contains("broken"));
        }),
        trial("a_loop_in_the_pull_of_a_response_ends_its_body", || async {
            let worker = Worker::with_handler(
                "if (request.url.endsWith('/ok')) return new Response('ok'); let n = 0; return new Response(new ReadableStream({ async pull(c) { if (n++) { await scheduler.wait(1); while (true) {} } c.enqueue(new Uint8Array(10)) } }, { highWaterMark: 0 }))",
            )
            .with_default_limits()
            .build();
            assert!(worker.get("/").await.unwrap().body.is_err());
            assert_eq!(worker.report(|_| true).await.outcome, Outcome::ExceededCpu);
            assert_eq!(worker.get("/ok").await.unwrap().text(), "ok");
        }),
        trial("a_request_body_that_breaks_off_is_an_error", || async {
            let worker = Worker::with_handler("return new Response(await request.text())").build();
            let broken = futures_util::stream::iter([
                Ok(http_body::Frame::data(Bytes::from_static(b"half"))),
                Err(isolane_runtime::BodyError::Disconnected("reset".to_owned())),
            ]);
            let broken = isolane_runtime::RequestBody::Stream(Box::pin(
                http_body_util::StreamBody::new(broken),
            ));
            // The client's fault and not the worker's.
            let failure = worker.post("/", broken).await.unwrap_err();
            assert!(matches!(failure, Failure::BadBody), "{failure:?}");
            assert_eq!((failure.status(), failure.code()), (400, 1400));
        }),
        trial("bytes_forms_and_blobs_are_sent", || async {
            let worker = Worker::with_handler(
                "const form = new FormData(); form.set('a', new Blob(['b']), 'c.txt');
                 const again = await new Response(form).formData();
                 return new Response(new Blob([new Uint8Array([104, 105]), again.get('a').name]))",
            )
            .build();
            assert_eq!(worker.get("/").await.unwrap().text(), "hic.txt");
        }),
        trial("compression_streams_go_there_and_back", || async {
            let worker = Worker::with_handler(
                "const s = new Response('hello '.repeat(1000)).body.pipeThrough(new CompressionStream('gzip')).pipeThrough(new DecompressionStream('gzip'));
                 return new Response(String((await new Response(s).text()).length))",
            )
            .build();
            assert_eq!(worker.get("/").await.unwrap().text(), "6000");
        }),
        trial("a_body_is_encoded_as_its_header_says", || async {
            let decoder = Worker::with_handler(
                "const format = new URL(request.url).pathname.slice(1);
                 return new Response(request.body.pipeThrough(new DecompressionStream(format)))",
            )
            .build();
            for (coding, format) in [("gzip", "gzip"), ("BR", "brotli"), ("deflate", "deflate")] {
                for body in [
                    "'hello'",
                    "new Uint8Array([104, 101, 108, 108, 111])",
                    "new Blob(['hello']).stream()",
                ] {
                    let reply = Worker::with_handler(&format!(
                        "return new Response({body}, {{ headers: {{ 'content-encoding': '{coding}', 'content-length': '5' }} }})"
                    ))
                    .get("/")
                    .await
                    .unwrap();
                    assert_eq!(
                        (reply.header("content-encoding"), reply.header("content-length")),
                        (Some(coding), None)
                    );
                    let coded = bytes::Bytes::from(reply.body.unwrap());
                    let decoded =
                        decoder.post(&format!("/{format}"), crate::support::body(coded)).await;
                    assert_eq!(decoded.unwrap().text(), "hello", "{coding} {body}");
                }
            }
        }),
        trial("a_body_that_is_encoded_already_stays_as_it_is", || async {
            for options in [
                "encodeBody: 'manual', headers: { 'content-encoding': 'gzip' }",
                "headers: { 'content-encoding': 'identity' }",
                "headers: { 'content-encoding': 'unknown' }",
            ] {
                let reply =
                    Worker::with_handler(&format!("return new Response('x', {{ {options} }})"))
                        .get("/")
                        .await;
                assert_eq!(reply.unwrap().text(), "x", "{options}");
            }
        }),
        trial("a_stream_of_a_known_length_says_it", || async {
            let reply = Worker::with_handler(
                "const { readable, writable } = new FixedLengthStream(3);
                 const writer = writable.getWriter();
                 ctx.waitUntil(writer.write(new Uint8Array([1, 2, 3])).then(() => writer.close()));
                 return new Response(readable)",
            )
            .get("/")
            .await
            .unwrap();
            assert_eq!(reply.header("content-length"), Some("3"));
            assert_eq!(reply.body.unwrap(), [1, 2, 3]);
        }),
        trial("a_head_request_and_null_bodies_have_no_body", || async {
            let worker = Worker::with_handler("return new Response(null, { status: 204 })").build();
            let reply = worker.get("/").await.unwrap();
            assert_eq!((reply.status, reply.body.unwrap().len()), (204, 0));
        }),
    ]
}
