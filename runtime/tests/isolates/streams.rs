//! Streams of bytes: bodies with readers that bring buffers, chunks of text, the byte streams that
//! Workers have beside the standard's.

use bytes::Bytes;
use http_body::Body as _;
use http_body_util::BodyExt as _;
use isolane_runtime::{Failure, Outcome};
use libtest_mimic::Trial;

use crate::support::{Worker, body, request, trial};

/// What the cases use.
const HELPERS: &str = "
    const text = (bytes) => new TextDecoder().decode(bytes);
    const stream = (...chunks) => new ReadableStream({ start(c) { chunks.forEach((it) => c.enqueue(it)); c.close(); } });
    const failure = async (promise) => { try { await promise; return 'none'; } catch (e) { return `${e.name}: ${e.message}`; } };
    const byob = async (stream, length) => {
        const reader = stream.getReader({ mode: 'byob' });
        const read = [];
        for (;;) {
            const { done, value } = await reader.read(new Uint8Array(length));
            if (done) return [...read, value.byteLength];
            read.push(text(value));
        }
    };
    const settles = async (promise) => Promise.race([promise.then(() => true), scheduler.wait(20).then(() => false)]);
";

const NO_BYTES: &str = "TypeError: This ReadableStream did not return bytes.";

/// (name, the body of an async function, what it answers as JSON)
const CASES: &[(&str, &str, &str)] = &[
    (
        "bodies_of_static_content_are_byte_streams",
        "const of = { method: 'POST' };
         const bytes = new Uint8Array([104, 101, 108, 108, 111]);
         const bodies = ['hello', bytes, bytes.buffer, new DataView(bytes.buffer), new Blob(['hello'])];
         const all = bodies.flatMap((body) => [new Response(body), new Request('http://a.test', { ...of, body })]);
         const read = await Promise.all(all.map((it) => byob(it.body, 2)));
         return read.every((it) => it.join() === 'he,ll,o,0') || read",
        "true",
    ),
    (
        "other_bodies_are_byte_streams",
        "const form = new FormData(); form.set('a', 'b');
         const formRead = await byob(new Response(form).body, 1000);
         return [
             await byob(new Response(new URLSearchParams('a=b')).body, 9),
             await byob(Response.json([1]).body, 9),
             await byob(new Response('').body, 9),
             formRead[0].includes('name=\"a\"'),
             await byob(request.body, 3),
         ]",
        r#"[["a=b",0],["[1]",0],[0],true,["sen","t",0]]"#,
    ),
    (
        "a_body_of_a_request_made_of_a_request_is_a_byte_stream",
        "const { body } = request;
         const other = new Request(request, { headers: { a: 'b' } });
         return [request.bodyUsed, body.locked, await byob(other.body, 3), await failure(request.text())]",
        r#"[true,true,["sen","t",0],"TypeError: Body already consumed"]"#,
    ),
    (
        "a_body_can_be_read_in_any_way_after_another_was_made_of_it",
        "const first = new Response('hello');
         const second = new Response(first.body);
         const bytes = new Response(new Uint8Array([97, 98]));
         const clone = bytes.clone();
         const read = await byob(bytes.body, 1);
         return [await second.text(), second.headers.get('content-type'), read, await clone.text()]",
        r#"["hello",null,["a","b",0],"ab"]"#,
    ),
    (
        "a_default_reader_gets_static_content_in_one_piece",
        "const reader = new Response('hello').body.getReader();
         const { value } = await reader.read();
         return [text(value), (await reader.read()).done]",
        r#"["hello",true]"#,
    ),
    (
        "chunks_may_be_text_buffers_and_any_views",
        "const chunks = () => stream('né', new Uint8Array([33]), new Uint16Array([0x6161]), new Uint8Array([98]).buffer, new DataView(new Uint8Array([99]).buffer), '');
         const blob = await new Response(chunks()).blob();
         return [await new Response(chunks()).text(), blob.size, await new Request('http://a.test', { method: 'POST', body: chunks() }).text()]",
        r#"["né!aabc",8,"né!aabc"]"#,
    ),
    (
        "other_chunks_are_refused_and_the_stream_is_cancelled",
        "let reason;
         const bad = new ReadableStream({ start: (c) => c.enqueue(5), cancel: (it) => void (reason = it) });
         return [await failure(new Response(bad).text()), reason.message]",
        r#"["TypeError: This ReadableStream did not return bytes.","This ReadableStream did not return bytes."]"#,
    ),
    (
        "an_iteration_of_text_is_a_body",
        "return new Response((async function* () { yield 'a'; yield new Uint8Array([98]); })()).text()",
        r#""ab""#,
    ),
    (
        "memory_that_is_used_again_does_not_change_what_was_read",
        "const bytes = new Uint8Array(2); let i = 0;
         const reusing = new ReadableStream({ pull(c) { if (i === 3) return c.close(); bytes.fill(97 + i++); c.enqueue(bytes); } }, { highWaterMark: 0 });
         return new Response(reusing).text()",
        r#""aabbcc""#,
    ),
    (
        "text_goes_through_compression",
        "const gzip = new CompressionStream('gzip'); const writer = gzip.writable.getWriter();
         writer.write('né'); writer.close();
         return new Response(gzip.readable.pipeThrough(new DecompressionStream('gzip'))).text()",
        r#""né""#,
    ),
    (
        "brotli_with_a_large_window_is_refused",
        "const large = stream(new Uint8Array([0x11, 30, 0, 0])).pipeThrough(new DecompressionStream('brotli'));
         return (await failure(new Response(large).text())).includes('brotli with a large window')",
        "true",
    ),
    (
        "text_goes_through_an_identity_stream",
        "const { readable, writable } = new IdentityTransformStream();
         const writer = writable.getWriter(); writer.write('né'); writer.write(new Uint8Array([33])); writer.close();
         return new Response(readable).text()",
        r#""né!""#,
    ),
    (
        "identity_streams_are_byte_streams",
        "const of = async (it) => { const writer = it.writable.getWriter(); writer.write('abcde'); writer.close(); return byob(it.readable, 2); };
         return [await of(new IdentityTransformStream()), await of(new FixedLengthStream(5)), await of(new FixedLengthStream(5n))]",
        r#"[["ab","cd","e",0],["ab","cd","e",0],["ab","cd","e",0]]"#,
    ),
    (
        "identity_streams_have_their_names",
        "const fixed = new FixedLengthStream(1);
         const foreign = await failure((async () => IdentityTransformStream.prototype.readable)());
         return [String(fixed), String(new IdentityTransformStream()), fixed instanceof IdentityTransformStream, fixed instanceof TransformStream,
             FixedLengthStream.length, IdentityTransformStream.length, fixed.readable === fixed.readable, foreign]",
        r#"["[object FixedLengthStream]","[object IdentityTransformStream]",true,true,1,0,true,"TypeError: Illegal invocation"]"#,
    ),
    (
        "what_is_written_is_copied_and_waits_for_a_reader",
        "const { readable, writable } = new IdentityTransformStream();
         const writer = writable.getWriter(); const bytes = new Uint8Array([1, 2]);
         const written = writer.write(bytes);
         const before = await settles(written);
         bytes.fill(9);
         const { value } = await readable.getReader().read();
         return [before, [...value], await settles(written), bytes.byteLength]",
        "[false,[1,2],true,2]",
    ),
    (
        "an_empty_write_waits_for_nobody",
        "const writer = new FixedLengthStream(0).writable.getWriter();
         return [await settles(writer.write('')), await settles(writer.write(new Uint8Array())), await settles(writer.close())]",
        "[true,true,true]",
    ),
    (
        "other_chunks_are_refused_by_an_identity_stream",
        "const { readable, writable } = new IdentityTransformStream();
         return failure(writable.getWriter().write(5))",
        r#""TypeError: This TransformStream is being used as a byte stream, but received an object of non-ArrayBuffer/ArrayBufferView type on its writable side.""#,
    ),
    (
        "more_bytes_than_were_promised_are_an_error",
        "const { readable, writable } = new FixedLengthStream(3); const writer = writable.getWriter();
         const writes = [failure(writer.write('ab')), failure(writer.write('cd'))];
         const reader = readable.getReader();
         return [text((await reader.read()).value), await failure(reader.read()), ...await Promise.all(writes)]",
        r#"["ab","TypeError: Attempt to write too many bytes through a FixedLengthStream.","none","TypeError: Attempt to write too many bytes through a FixedLengthStream."]"#,
    ),
    (
        "fewer_bytes_than_were_promised_are_an_error",
        "const { readable, writable } = new FixedLengthStream(3); const writer = writable.getWriter();
         writer.write('ab'); const closed = failure(writer.close());
         const reader = readable.getReader();
         return [text((await reader.read()).value), await failure(reader.read()), await closed]",
        r#"["ab","TypeError: FixedLengthStream did not see all expected bytes before close().","TypeError: FixedLengthStream did not see all expected bytes before close()."]"#,
    ),
    (
        "a_length_that_is_none_is_refused",
        "return Promise.all([-1, 1.5, 'x', undefined].map((length) => failure((async () => new FixedLengthStream(length))())))",
        r#"["TypeError: FixedLengthStream requires a non-negative integer length.","TypeError: FixedLengthStream requires a non-negative integer length.","TypeError: FixedLengthStream requires a non-negative integer length.","TypeError: FixedLengthStream requires a non-negative integer length."]"#,
    ),
    (
        "a_writer_that_gives_up_fails_the_reader_and_a_write_that_waits",
        "const { readable, writable } = new IdentityTransformStream(); const writer = writable.getWriter();
         const written = failure(writer.write('ab'));
         await writer.abort(new Error('off'));
         return [await written, await failure(readable.getReader().read())]",
        r#"["Error: off","Error: off"]"#,
    ),
    (
        "a_reader_that_gives_up_fails_the_writer_and_a_write_that_waits",
        "const { readable, writable } = new IdentityTransformStream(); const writer = writable.getWriter();
         const written = failure(writer.write('ab'));
         await readable.cancel(new Error('off'));
         return [await written, await failure(writer.write('cd')), await failure(writer.closed)]",
        r#"["Error: off","Error: off","Error: off"]"#,
    ),
    (
        "a_reader_with_a_buffer_learns_of_the_end",
        "const { readable, writable } = new IdentityTransformStream();
         const read = readable.getReader({ mode: 'byob' }).read(new Uint8Array(4));
         await writable.getWriter().close();
         const { done, value } = await read;
         return [done, value.byteLength]",
        "[true,0]",
    ),
    (
        "a_mark_counts_bytes",
        "const writer = new IdentityTransformStream({ highWaterMark: 10 }).writable.getWriter();
         const before = writer.desiredSize; writer.write(new Uint8Array(4));
         return [before, writer.desiredSize]",
        "[10,6]",
    ),
    (
        "streams_are_piped_through",
        "const piped = () => new Blob(['abc']).stream().pipeThrough(new IdentityTransformStream());
         return [await new Response(piped()).text(), await new Response(piped().pipeThrough(new FixedLengthStream(3))).text(),
             await failure(new Response(piped().pipeThrough(new FixedLengthStream(2))).text())]",
        r#"["abc","abc","TypeError: Attempt to write too many bytes through a FixedLengthStream."]"#,
    ),
];

/// A body whose first chunk cannot be sent.
const FAIL_AT_FIRST: &[(&str, &str)] = &[
    ("new ReadableStream({ pull() { throw new Error('the first'); } })", "the first"),
    (
        "new ReadableStream({ async pull() { await 1; throw new Error('the first'); } })",
        "the first",
    ),
    ("new ReadableStream({ start: (c) => c.error(new Error('the first')) })", "the first"),
    ("(async function* () { throw new Error('the first'); })()", "the first"),
    (
        "new Response('a').body.pipeThrough(new TransformStream({ transform() { throw new Error('the first'); } }))",
        "the first",
    ),
    ("new ReadableStream({ start: (c) => c.enqueue(5) })", NO_BYTES),
];

pub fn trials() -> Vec<Trial> {
    let cases = CASES.iter().map(|(name, function, expected)| {
        trial(&format!("streams::{name}"), move || async move {
            let worker = Worker::with_handler(&format!(
                "{HELPERS} return Response.json(await (async () => {{ {function} }})())"
            ));
            let reply = worker.build().post("/", body("sent")).await.unwrap();
            assert_eq!(reply.text(), *expected);
        })
    });
    cases.chain(trials_of_responses()).collect()
}

/// A worker that answers with a body.
fn answering(body: &str) -> Worker {
    Worker::with_handler(&format!("return new Response({body})")).build()
}

fn trials_of_responses() -> Vec<Trial> {
    vec![
        trial("streams::chunks_of_text_are_sent_in_utf_8", || async {
            let worker = answering(
                "new ReadableStream({ start(c) { c.enqueue('né'); c.enqueue('x'.repeat(20000)); c.enqueue('é'.repeat(100000)); c.enqueue('\\ud800'); c.close(); } })",
            );
            let expected = format!("né{}{}\u{fffd}", "x".repeat(20_000), "é".repeat(100_000));
            assert!(worker.get("/").await.unwrap().text() == expected);
        }),
        trial("streams::transformations_of_text_end_in_a_body", || async {
            let worker = answering(
                "request.body.pipeThrough(new TextDecoderStream()).pipeThrough(new TransformStream({ transform(it, c) { c.enqueue(it.toUpperCase()); } }))",
            );
            assert_eq!(worker.post("/", body("né")).await.unwrap().text(), "NÉ");
        }),
        trial("streams::windows_of_brotli_count_as_memory", || async {
            let worker = Worker::with_handler(
                "const kept = [];
                 while (kept.length < 12) {
                     const decoder = new DecompressionStream('brotli');
                     kept.push(decoder);
                     await decoder.writable.getWriter().write(new Uint8Array([0x0f]));
                 }
                 return new Response('kept')",
            )
            .build();
            let result = worker.get("/").await;
            assert!(matches!(result, Err(Failure::ExceededMemory { .. })), "{result:?}");
        }),
        trial("streams::text_is_encoded_as_its_header_says", || async {
            let worker = Worker::with_handler(
                "const body = new ReadableStream({ start(c) { c.enqueue('né'); c.close(); } });
                 const coded = new Response(body, { headers: { 'content-encoding': 'gzip' } });
                 if (request.method === 'GET') return coded;
                 return new Response(request.body.pipeThrough(new DecompressionStream('gzip')))",
            )
            .build();
            let coded = Bytes::from(worker.get("/").await.unwrap().body.unwrap());
            assert_eq!(worker.post("/", body(coded)).await.unwrap().text(), "né");
        }),
        trial("streams::a_large_buffer_that_is_used_again_arrives_as_it_was", || async {
            const LENGTH: usize = 200_000;
            let worker = answering(&format!(
                "(() => {{ const bytes = new Uint8Array({LENGTH}); let i = 0;
                    return new ReadableStream({{ pull(c) {{ if (i === 4) return c.close(); bytes.fill(++i); c.enqueue(bytes); }} }}, {{ highWaterMark: 0 }}); }})()"
            ));
            let sent = worker.get("/").await.unwrap().body.unwrap();
            let expected: Vec<u8> = (1..=4).flat_map(|byte| vec![byte; LENGTH]).collect();
            assert!(sent == expected, "{} bytes came", sent.len());
        }),
        trial("streams::a_body_that_fails_at_once_is_a_failure", || async {
            for (body, message) in FAIL_AT_FIRST {
                let worker = answering(body);
                let failure = worker.get("/").await.unwrap_err();
                let Failure::Threw { message: thrown, .. } = &failure else {
                    panic!("{body}: {failure:?}");
                };
                assert!(thrown.contains(message), "{body}: {thrown}");
                let report = worker.report(|_| true).await;
                assert_eq!(report.outcome, Outcome::Exception);
                assert!(report.exception.unwrap().0.contains(message), "{body}");
            }
        }),
        trial("streams::a_body_that_comes_late_does_not_delay_its_head", || async {
            let worker = answering(
                "new ReadableStream({ async pull(c) { await scheduler.wait(30_000); c.close(); } })",
            );
            let response = worker.open(request("/")).await.unwrap();
            assert_eq!(response.status(), 200);
        }),
        trial("streams::a_body_that_fails_later_breaks_off", || async {
            let worker = answering(
                "new ReadableStream({ async pull() { await scheduler.wait(1); throw new Error('later'); } })",
            );
            let mut response = worker.open(request("/")).await.unwrap();
            assert!(response.frame().await.unwrap().is_err());
            assert_eq!(worker.report(|_| true).await.outcome, Outcome::Exception);
        }),
        trial("streams::a_body_that_was_looked_at_is_sent_as_a_whole", || async {
            for body in ["'hello'", "new Uint8Array([104, 101, 108, 108, 111])"] {
                for answer in ["it", "new Response(it.body)", "new Response(it.body, it)"] {
                    let worker = Worker::with_handler(&format!(
                        "const it = new Response({body}); if (it.body === null) throw 0; return {answer}"
                    ))
                    .build();
                    let response = worker.open(request("/")).await.unwrap();
                    assert_eq!(response.body().size_hint().exact(), Some(5), "{body} {answer}");
                    assert_eq!(response.into_body().collect().await.unwrap().to_bytes(), "hello");
                }
            }
        }),
        trial("streams::who_has_all_that_was_promised_may_go", || async {
            let worker = Worker::with_handler(
                "const { readable, writable } = new FixedLengthStream(3); const writer = writable.getWriter();
                 request.signal.addEventListener('abort', () => console.log('aborted'));
                 ctx.waitUntil((async () => {
                     await writer.write('abc'); await scheduler.wait(5); await writer.close();
                     console.log(`closed ${request.signal.aborted}`);
                 })());
                 return new Response(readable)",
            )
            .build();
            let mut response = worker.open(request("/")).await.unwrap();
            assert_eq!(response.frame().await.unwrap().unwrap().into_data().unwrap(), "abc");
            drop(response);
            worker.line("closed false").await;
            assert_eq!(worker.report(|_| true).await.outcome, Outcome::Ok);
        }),
    ]
}
