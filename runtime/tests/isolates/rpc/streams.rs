//! Streams that are passed: bytes, in both directions, with flow control from end to end.

use libtest_mimic::Trial;

use super::row;

/// A worker that reads, writes, and makes streams.
const STREAMS: &str = r#"
    const encode = (text) => new TextEncoder().encode(text);
    const many = (chunks, size) => {
        let made = 0;
        return new ReadableStream({
            pull(controller) {
                if (made === chunks) { controller.close() } else { controller.enqueue(new Uint8Array(size).fill(made++ % 251)) }
            },
        }, { highWaterMark: 0 });
    };
    class Api extends RpcTarget {
        pulled = 0;
        canceled = undefined;
        aborted = undefined;
        written = [];
        ended = false;
        endless() {
            return new ReadableStream({
                pull: (controller) => { this.pulled++; controller.enqueue(new Uint8Array(65536)) },
                cancel: (reason) => { this.canceled = `${reason}` },
            }, { highWaterMark: 0 });
        }
        sink(pause = 0) {
            return new WritableStream({
                write: async (chunk) => { await scheduler.wait(pause); this.written.push(chunk) },
                close: async () => { await scheduler.wait(20); this.ended = true },
                abort: (reason) => { this.aborted = `${reason}` },
            });
        }
        failing() { return new WritableStream({ write() { throw new RangeError("full") } }) }
        broken() {
            return new ReadableStream({
                start(controller) { controller.enqueue(encode("a")) },
                async pull() { await scheduler.wait(30); throw new RangeError("broken") },
            }, { highWaterMark: 1 });
        }
        said() { return { pulled: this.pulled, canceled: this.canceled, aborted: this.aborted, ended: this.ended } }
        bytes() { return this.written.reduce((sum, chunk) => sum + chunk.length, 0) }
        isBytes() { return this.written.every((chunk) => chunk instanceof Uint8Array) }
    }
    export class S extends WorkerEntrypoint {
        open() { return new Api() }
        text(stream) { return new Response(stream).text() }
        async sum(stream) {
            let bytes = 0, right = true, at = 0;
            for await (const chunk of stream) {
                bytes += chunk.length;
                for (const byte of chunk) { right &&= byte === Math.floor(at++ / 65536) % 251 }
            }
            return [bytes, right];
        }
        make(chunks, size) { return many(chunks, size) }
        strings() { return new ReadableStream({ start(controller) { controller.enqueue("text"); controller.close() } }) }
        async write(stream, text) {
            const writer = stream.getWriter();
            await writer.write(encode(text));
            await writer.write(new Uint8Array(200000).buffer);
            await writer.close();
            return "closed";
        }
        async writeOdd(stream) { const writer = stream.getWriter(); return tried(() => writer.write("text")) }
        async abort(stream) { await stream.getWriter().abort(new RangeError("secret")); return "aborted" }
        locked() { const stream = many(1, 1); stream.getReader(); return stream }
        respond() { return new Response(many(40, 65536), { headers: { a: "b" } }) }
        async echo(stream) { return stream }
        through(stream) { return this.env.SECOND.text(stream) }
        from() { return this.env.SECOND.make() }
        two(a, b) { return Promise.all([new Response(a).text(), new Response(b).text()]) }
        async first(stream) {
            const reader = stream.getReader();
            const { value } = await reader.read();
            await reader.cancel();
            return value.length;
        }
        body(request) { return request.text() }
    }
    export class Second extends WorkerEntrypoint {
        text(stream) { return new Response(stream).text() }
        make() { return new Response("from second").body }
    }
"#;

pub fn trials() -> Vec<Trial> {
    let mut trials = readable();
    trials.extend(writable());
    trials
}

fn readable() -> Vec<Trial> {
    vec![
        row(
            "readable_streams_are_passed_in_both_directions",
            STREAMS,
            r#"const { S } = env;
            const stream = (text) => new Response(text).body;
            return [
                await S.text(stream("a text")), await S.two(stream("a"), stream("b")),
                await new Response(await S.make(3, 2)).text().then((text) => text.length),
                await S.body(new Request("http://x/", { method: "POST", body: stream("asked") })),
                await new Response(await S.echo(stream("there and back"))).text(), await S.through(stream("through")),
                await new Response(await S.from()).text(), await S.text(stream("")),
            ];"#,
            r#"["a text", ["a", "b"], 6, "asked", "there and back", "through", "from second", ""]"#,
        ),
        row(
            "all_bytes_of_large_streams_arrive",
            STREAMS,
            r#"const { S } = env;
            let made = 0;
            const large = new ReadableStream({
                pull(controller) {
                    if (made === 100) { controller.close() } else { controller.enqueue(new Uint8Array(65536).fill(made++ % 251)) }
                },
            });
            const got = await new Response(await S.make(100, 65536)).bytes();
            const response = await S.respond();
            return [
                await S.sum(large), got.length, got.every((byte, i) => byte === Math.floor(i / 65536) % 251),
                response.headers.get("a"), (await response.arrayBuffer()).byteLength,
            ];"#,
            r#"[[6553600, true], 6553600, true, "b", 2621440]"#,
        ),
        row(
            "what_nobody_reads_is_not_made",
            STREAMS,
            r#"const api = await env.S.open();
            const stream = await api.endless();
            await scheduler.wait(50);
            const { pulled } = await api.said();
            const reader = stream.getReader();
            for (let i = 0; i < 20; i++) { await reader.read() }
            await scheduler.wait(50);
            const more = (await api.said()).pulled;
            await reader.cancel(new TypeError("enough"));
            await until(async () => (await api.said()).canceled !== undefined);
            return [pulled <= 8, more > pulled, more <= 28, (await api.said()).canceled];"#,
            r#"[true, true, true, "TypeError: enough"]"#,
        ),
        row(
            "a_stream_that_breaks_off_breaks_off_at_the_other_end",
            STREAMS,
            r#"const api = await env.S.open();
            const reader = (await api.broken()).getReader();
            const mine = new ReadableStream({ pull() { throw new TypeError("mine") } });
            return [
                (await reader.read()).value.length, await tried(() => reader.read()), await tried(() => env.S.text(mine)),
            ];"#,
            r#"[1, "RangeError: broken", "TypeError: mine"]"#,
        ),
        row(
            "chunks_of_other_types_are_an_error",
            STREAMS,
            r#"const strings = new ReadableStream({ start(controller) { controller.enqueue("text"); controller.close() } });
            const got = await env.S.strings();
            return [await tried(() => env.S.text(strings)), await tried(() => new Response(got).text())];"#,
            r#"[
                "TypeError: This WritableStream only supports writing byte types.",
                "TypeError: This WritableStream only supports writing byte types."
            ]"#,
        ),
        row(
            "a_stream_is_moved",
            STREAMS,
            r#"const stream = new Response("moved").body;
            const sent = env.S.text(stream);
            const locked = new Response("locked").body;
            locked.getReader();
            const sink = new WritableStream();
            sink.getWriter();
            return [
                stream.locked, await tried(() => env.S.text(stream)), await sent, await tried(() => env.S.text(locked)),
                await tried(() => env.S.abort(sink)), await tried(() => env.S.locked()),
            ];"#,
            r#"[
                true, "TypeError: The ReadableStream has been locked to a reader.", "moved",
                "TypeError: The ReadableStream has been locked to a reader.",
                "TypeError: The WritableStream has been locked to a writer.",
                "TypeError: The ReadableStream has been locked to a reader."
            ]"#,
        ),
        row(
            "a_callee_that_reads_no_more_ends_the_stream",
            STREAMS,
            r#"let canceled = false, pulled = 0;
            const stream = new ReadableStream({
                pull(controller) { pulled++; controller.enqueue(new Uint8Array(65536)) },
                cancel() { canceled = true },
            }, { highWaterMark: 0 });
            const first = await env.S.first(stream);
            await until(() => canceled);
            return [first, canceled, pulled < 30];"#,
            "[65536, true, true]",
        ),
    ]
}

fn writable() -> Vec<Trial> {
    vec![
        row(
            "writable_streams_are_passed_in_both_directions",
            STREAMS,
            r#"const chunks = [];
            let closed = false;
            const mine = new WritableStream({ write(chunk) { chunks.push(chunk) }, close() { closed = true } });
            const said = [await env.S.write(mine, "text"), closed, chunks.reduce((sum, chunk) => sum + chunk.length, 0)];
            const api = await env.S.open();
            const writer = (await api.sink()).getWriter();
            await writer.write(new Uint8Array([1, 2, 3]));
            await writer.write(new Uint16Array(4));
            await writer.close();
            const { ended } = await api.said();
            return [...said, ended, await api.bytes(), await api.isBytes(), chunks.every((chunk) => chunk instanceof Uint8Array)];"#,
            r#"["closed", true, 200004, true, 11, true, true]"#,
        ),
        row(
            "who_writes_waits_for_who_is_slow",
            STREAMS,
            r#"const api = await env.S.open();
            const writer = (await api.sink(1)).getWriter();
            let most = 0;
            for (let i = 0; i < 40; i++) {
                await writer.write(new Uint8Array(65536));
                most = Math.max(most, (i + 1) * 65536 - await api.bytes());
            }
            await writer.close();
            return [await api.bytes(), most <= 8 * 65536];"#,
            "[2621440, true]",
        ),
        row(
            "what_a_sink_throws_fails_who_writes",
            STREAMS,
            r#"const api = await env.S.open();
            const writer = (await api.failing()).getWriter();
            const failed = tried(() => writer.closed);
            await tried(() => writer.write(new Uint8Array(1)));
            return [await failed, await tried(() => writer.write(new Uint8Array(1)))];"#,
            r#"["RangeError: full", "RangeError: full"]"#,
        ),
        row(
            "whoever_aborts_does_not_say_why",
            STREAMS,
            r#"const reasons = [];
            const mine = new WritableStream({ abort(reason) { reasons.push(`${reason}`) } });
            const said = await env.S.abort(mine);
            const api = await env.S.open();
            await (await api.sink()).abort(new RangeError("secret"));
            await until(async () => reasons.length > 0 && (await api.said()).aborted !== undefined);
            reasons.push((await api.said()).aborted);
            return [said, reasons.length, reasons.some((reason) => reason.includes("secret"))];"#,
            r#"["aborted", 2, false]"#,
        ),
        row(
            "only_bytes_are_written",
            STREAMS,
            r#"const api = await env.S.open();
            const writer = (await api.sink()).getWriter();
            return [
                await tried(() => writer.write("text")), await env.S.writeOdd(new WritableStream()),
            ];"#,
            r#"[
                "TypeError: This WritableStream only supports writing byte types.",
                "TypeError: This WritableStream only supports writing byte types."
            ]"#,
        ),
    ]
}
