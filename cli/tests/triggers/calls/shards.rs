//! Calls between isolates on different threads are those between isolates on one: the same order, the same values,
//! the same ends. A worker that calls itself often enough at a time gets an isolate on another shard, for there is
//! one of a version on each.

use std::thread;

use serde_json::json;

use super::sources::{IMPORTS, settings};
use crate::node::Node;
use crate::wait::until;

/// Things that are held at a time, each of an event of its own: an isolate gets no more where another shard has
/// less to do.
const THINGS: usize = 60;

/// How often that is done: what runs where is chosen anew each time.
const TIMES: usize = 3;

/// Has things of itself, on whichever threads they are, do all that can be done, and compares.
const CROSSES: &str = "
    const LENGTH = 300_000;
    const text = () => new Response('x'.repeat(LENGTH)).body;
    let isLong;
    let own;
    const isolate = () => own ??= crypto.randomUUID();

    class Log extends RpcTarget {
        #lines = [];
        #name;
        constructor(name) { super(); this.#name = name }
        isolate() { return isolate() }
        add(line) { this.#lines.push(line); return this.#lines.length }
        all() { return this.#lines }
        child(name) { return new Log(name) }
        name() { return this.#name }
        call(f, value) { return f(value) }
        async read(stream) { return (await new Response(stream).text()).length }
        text() { return text() }
        async ask(other) { return [await other.add('from another'), await other.name()] }
        fail() { throw Object.assign(new RangeError('failed'), { code: 7 }) }
    }
    export class Api extends WorkerEntrypoint { open() { return new Log('log') } }

    const round = async (log) => {
        const lines = Array.from({ length: 100 }, (_, index) => index);
        const lengths = await Promise.all(lines.map((line) => log.add(line)));
        const failed = await log.fail().catch((error) => error);
        using child = await log.child('child');
        return JSON.stringify([
            lengths.every((length, index) => length === index + 1),
            (await log.all()).every((line, index) => line === index),
            await log.child('a').child('b').name(),
            await log.call((n) => n * 2, 21),
            await log.call((it) => it.name(), child),
            await log.read(text()),
            (await new Response(await log.text()).text()).length,
            [failed instanceof RangeError, failed.message, failed.code, failed.remote],
        ]);
    };

    export default { async fetch(request, env) {
        // Whose slices are long runs behind the sockets, where its events are spread.
        for (let i = 0; i < 30_000_000; i++) isLong = i % 7 === 0;
        await scheduler.wait(1);
        const logs = await Promise.all(Array.from({ length: THINGS }, () => env.OWN.open()));
        const places = await Promise.all(logs.map((log) => log.isolate()));
        const rounds = new Set(await Promise.all(logs.map(round)));
        // What one of them has, another one calls: through whoever has both.
        const ask = async (log, index) => JSON.stringify(await log.ask(logs[(index + 1) % THINGS]));
        const asked = new Set(await Promise.all(logs.map(ask)));
        return Response.json({
            elsewhere: places.filter((place) => place !== isolate()).length,
            rounds: [...rounds].map((round) => JSON.parse(round)),
            asked: [...asked].map((ask) => JSON.parse(ask)),
        });
    } };";

#[test]
fn calls_to_another_thread_are_like_those_that_stay() {
    let node = Node::start();
    let limits = json!({ "limits": { "cpu_ms": 30_000, "memory_mb": 512 } });
    let source = format!("{IMPORTS}const THINGS = {THINGS};{CROSSES}");
    node.deploy("crosses", &settings(&[("OWN", "crosses#Api")], &limits), &source);
    let round = json!([true, true, "b", 42, "child", 300_000, 300_000, [true, "failed", 7, true]]);
    let is_of_one_core = thread::available_parallelism().is_ok_and(|cores| cores.get() == 1);
    for _ in 0..TIMES {
        until(|| {
            let told = node.json("crosses", "/");
            assert_eq!(told["rounds"], json!([round]), "{told}");
            assert_eq!(told["asked"], json!([[101, "log"]]), "{told}");
            let is_elsewhere = told["elsewhere"].as_u64().is_some_and(|count| count > 0);
            if is_of_one_core || is_elsewhere { Ok(()) } else { Err(told.to_string()) }
        });
    }
}
