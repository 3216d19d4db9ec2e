//! What hostile workers do, and how it ends.

/// What a hostile request may end in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// 503, outcome `exceededCpu`.
    Cpu,
    /// 503, outcome `exceededMemory`.
    Memory,
    /// CPU or memory, whichever is exceeded first.
    CpuOrMemory,
    /// Like that, or its shard is given up first: one call into V8 that takes long.
    Limit,
    /// 500, outcome `exception`.
    Threw,
    /// The handler gets its answer out: the attack has no effect.
    Harmless(&'static str),
    /// 500, because nothing is pending.
    Never,
    /// Its shard is given up and replaced: 503.
    Shard,
}

/// (name, body of the handler, how it ends)
pub const CASES: &[(&str, &str, End)] = &[
    // endless loops
    ("a_plain_endless_loop", "while (true) {}", End::Cpu),
    ("an_endless_loop_after_an_await", "await 1; while (true) {}", End::Cpu),
    (
        "an_endless_loop_with_try_and_finally",
        "while (true) { try { while (true) {} } finally { continue } }",
        End::Cpu,
    ),
    (
        "an_error_with_its_stack_at_each_return_from_many_calls",
        "function deep() { try { deep() } catch {} try { new Error('x').stack } catch {} } for (;;) deep()",
        End::Limit,
    ),
    (
        "an_endless_chain_of_microtasks",
        "(function f() { Promise.resolve().then(f) })(); await new Promise(() => {})",
        End::Cpu,
    ),
    (
        "an_endless_chain_of_queue_microtask",
        "(function f() { queueMicrotask(f) })(); return new Response('x')",
        End::Cpu,
    ),
    (
        "an_endless_loop_in_a_timer",
        "await new Promise(() => setTimeout(() => { while (true) {} }, 1))",
        End::Cpu,
    ),
    (
        "an_endless_chain_of_timers",
        "await new Promise(() => { (function f() { for (let i = 0; i < 1e5; i++) Math.sqrt(i); setTimeout(f, 0) })() })",
        End::Cpu,
    ),
    (
        "an_endless_loop_in_a_getter_of_a_thrown_error",
        "const e = new Error('x'); Object.defineProperty(e, 'message', { get() { while (true) {} } }); throw e",
        End::Cpu,
    ),
    (
        "an_endless_loop_in_a_getter_of_the_stack",
        "const e = new Error('x'); Object.defineProperty(e, 'stack', { get() { while (true) {} } }); throw e",
        End::Cpu,
    ),
    (
        "an_endless_loop_in_headers_iteration",
        "return new Response('x', { headers: { [Symbol.iterator]: function* () { while (true) {} } } })",
        End::Cpu,
    ),
    ("an_endless_then", "return { then() { while (true) {} } }", End::Cpu),
    (
        "an_endless_loop_in_the_pull_of_a_stream",
        "const s = new ReadableStream({ pull() { while (true) {} } }, { highWaterMark: 0 }); return new Response((await new Response(s).text()))",
        End::Cpu,
    ),
    (
        "an_endless_regular_expression",
        "/^(a+)+$/.test('a'.repeat(40) + 'b'); return new Response('x')",
        End::Cpu,
    ),
    ("an_endless_to_json", "JSON.stringify({ toJSON() { while (true) {} } })", End::Cpu),
    (
        "a_to_json_that_nests_for_ever",
        "const o = () => ({ toJSON() { return { a: o() } } }); JSON.stringify(o())",
        End::Threw,
    ),
    (
        "an_endless_proxy",
        "const p = new Proxy({}, { get(t, k, r) { return r[k] } }); while (true) { try { p.x } catch {} }",
        End::Cpu,
    ),
    (
        "an_endless_array_from",
        "Array.from({ [Symbol.iterator]: () => ({ next: () => ({ done: false, value: 0 }) }) })",
        End::CpuOrMemory,
    ),
    (
        "an_endless_sort",
        "const a = Array.from({ length: 1e5 }, (_, i) => i); a.sort(() => { while (true) {} })",
        End::Cpu,
    ),
    (
        "an_endless_structured_clone",
        "while (true) structuredClone(Array.from({ length: 1e4 }, (_, i) => ({ i })))",
        End::Cpu,
    ),
    (
        "endless_text_encoding",
        "const t = 'x'.repeat(1e6); while (true) new TextEncoder().encode(t)",
        End::CpuOrMemory,
    ),
    ("endless_atob", "const t = btoa('x'.repeat(1e6)); while (true) atob(t)", End::CpuOrMemory),
    ("endless_url_parsing", "while (true) new URL('http://a.test/' + Math.random())", End::Cpu),
    ("endless_console", "while (true) console.log('x'.repeat(1000))", End::Cpu),
    (
        "a_clone_of_a_text_that_stands_there_many_times",
        "structuredClone(Array(1e4).fill('x'.repeat(6e7)))",
        End::Threw,
    ),
    (
        "parameters_of_a_text_that_stands_there_many_times",
        "const p = new URLSearchParams(), text = 'x'.repeat(6e7); for (let i = 0; i < 1000; i++) p.append(i, text); p.toString()",
        End::Threw,
    ),
    (
        "an_inspector_that_asks_for_blanks",
        "console.log({ [Symbol.for('Deno.customInspect')]: (inspect) => inspect({ a: 'x'.repeat(100) }, { indentationLvl: 8e9 }) }); return new Response('x')",
        End::Harmless("x"),
    ),
    (
        "slices_of_slices_of_a_blob",
        "let b = new Blob(['x']); for (;;) b = b.slice(0, 1)",
        End::CpuOrMemory,
    ),
    ("endless_blob", "while (true) new Blob(['x'.repeat(1e6)])", End::CpuOrMemory),
    (
        "endless_headers",
        "const h = new Headers(); for (let i = 0; ; i++) h.append('a' + i, 'b')",
        End::CpuOrMemory,
    ),
    (
        "endless_digest",
        "const b = new Uint8Array(1e6); while (true) await crypto.subtle.digest('SHA-256', b)",
        End::Cpu,
    ),
    ("endless_rejections", "for (;;) Promise.reject(new Error('x'))", End::CpuOrMemory),
    // a loop with a short inner loop of V8's own, which optimised code would not leave
    (
        "an_endless_loop_around_a_short_array",
        "const kept = []; for (;;) kept.push(new Array(100))",
        End::CpuOrMemory,
    ),
    ("an_endless_loop_around_a_short_fill", "for (;;) new Array(100).fill(1)", End::Cpu),
    // memory
    (
        "a_bomb_of_arrays",
        "const a = []; while (true) a.push(new Array(1e5).fill(1.5))",
        End::CpuOrMemory,
    ),
    (
        "a_bomb_of_objects",
        "const a = []; while (true) a.push({ x: 1, y: [1, 2, 3] })",
        End::CpuOrMemory,
    ),
    (
        "a_bomb_of_strings",
        "const a = []; for (let i = 0; ; i++) a.push(('x' + i).repeat(1000).split('').join('-'))",
        End::CpuOrMemory,
    ),
    (
        "a_bomb_of_typed_arrays",
        "const a = []; while (true) a.push(new Uint8Array(1 << 20).fill(1))",
        End::CpuOrMemory,
    ),
    ("one_huge_array_buffer", "new ArrayBuffer(3 * 2 ** 30)", End::Memory),
    ("one_huge_array", "new Array(2e8).fill(1.5)", End::Limit),
    ("a_map_that_grows", "const m = new Map(); for (let i = 0; ; i++) m.set(i, i)", End::Limit),
    ("a_string_that_doubles", "let s = 'ab'; for (;;) s += s", End::Threw),
    ("a_huge_repeat", "const a = []; for (;;) a.push([...'x'.repeat(2 ** 28)])", End::Limit),
    (
        "a_chain_of_promises",
        "let p = Promise.resolve(); for (;;) p = p.then(() => new Array(100).fill(1.5))",
        End::CpuOrMemory,
    ),
    ("a_huge_big_int", "let x = 3n; for (;;) x = x ** 3n", End::Limit),
    ("a_big_int_shift", "1n << (2n ** 40n)", End::Threw),
    (
        "a_stream_that_nobody_reads",
        "new ReadableStream({ start(c) { for (;;) c.enqueue(new Uint8Array(1 << 16).fill(1)) } })",
        End::CpuOrMemory,
    ),
    (
        "a_message_port_that_nobody_reads",
        "const { port1 } = new MessageChannel(); for (;;) port1.postMessage('x'.repeat(1e5))",
        End::CpuOrMemory,
    ),
    (
        "shared_memory",
        "const a = []; for (;;) a.push(new Uint8Array(new SharedArrayBuffer(1 << 20)).fill(1))",
        End::CpuOrMemory,
    ),
    (
        "a_buffer_that_resizes",
        "const b = new ArrayBuffer(0, { maxByteLength: 2 ** 30 }); for (let i = 1; ; i++) { b.resize(i << 20); new Uint8Array(b).fill(1) }",
        End::CpuOrMemory,
    ),
    // V8 cannot interrupt these, or dies of them: the shard is given up
    (
        "an_index_of_without_end",
        "Array.prototype.indexOf.call({ length: 2 ** 53 - 1 }, 1)",
        End::Shard,
    ),
    (
        "a_string_split_beyond_the_longest_array",
        "''.padEnd(2 ** 29 - 24, 'abc').split('')",
        End::Shard,
    ),
    // recursion
    ("deep_recursion", "(function f() { f() })()", End::Threw),
    (
        "endless_deep_recursion",
        "function f() { f() } while (true) { try { f() } catch {} }",
        End::Cpu,
    ),
    ("deeply_nested_json", "JSON.parse('['.repeat(1e5))", End::Threw),
    ("a_deep_regular_expression", "new RegExp('('.repeat(1e5) + ')'.repeat(1e5))", End::Threw),
    (
        "a_deep_prototype_chain",
        "let o = {}; for (let i = 0; i < 1e4; i++) o = Object.create(o); o.x; return new Response('x')",
        End::Harmless("x"),
    ),
    // patched built-ins
    (
        "a_patched_object_then",
        "Object.prototype.then = function () { while (true) {} }; return new Response('x')",
        End::Cpu,
    ),
    (
        "a_patched_push",
        "Array.prototype.push = () => { throw 1 }; const h = new Headers({ a: 'b' }); h.append('c', 'd'); return new Response(h.get('c'))",
        End::Harmless("d"),
    ),
    (
        "a_patched_promise_then",
        "Promise.prototype.then = () => { throw 1 }; return new Response('x')",
        End::Harmless("x"),
    ),
    (
        "a_patched_promise_catch",
        "Promise.prototype.catch = Promise.prototype.finally = () => { throw 1 }; ctx.waitUntil(Promise.reject(1)); return new Response('x')",
        End::Harmless("x"),
    ),
    (
        "a_patched_array_iterator",
        "Array.prototype[Symbol.iterator] = () => { throw 1 }; return new Response(new URL('http://a.test/p?q=1').searchParams.get('q') + new Headers({}).has('a'), { headers: { a: 'b' } })",
        End::Harmless("1false"),
    ),
    (
        "a_patched_iterator_next",
        "const P = Object.getPrototypeOf([][Symbol.iterator]()); P.next = () => { throw 1 }; return new Response('x', { headers: { a: 'b' } })",
        End::Harmless("x"),
    ),
    (
        "patched_maps",
        "Map.prototype.get = Map.prototype.set = Set.prototype.add = () => { throw 1 }; await new Promise((r) => setTimeout(r, 1)); return new Response('x')",
        End::Harmless("x"),
    ),
    (
        "a_patched_json",
        "JSON.stringify = () => { throw 1 }; return Response.json({ a: 1 })",
        End::Harmless("{\"a\":1}"),
    ),
    (
        "a_patched_uint8_array",
        "globalThis.Uint8Array = function () { throw 1 }; return new Response(await new Response('x').text())",
        End::Harmless("x"),
    ),
    (
        "patched_built_ins_around_kv",
        "Promise.prototype.then = Map.prototype.set = JSON.parse = Array.prototype.push = Array.isArray = () => { throw 1 }; for (const k of ['metadata', 'keys', 'cursor', 'value']) Object.defineProperty(Object.prototype, k, { configurable: true, get() { throw 1 }, set() { throw 1 } }); await env.KV.put('k', '{\"a\":1}'); const m = await env.KV.get(['k'], 'json'); const v = await env.KV.get('k', 'json'); return new Response(String(m.get('k').a + v.a))",
        End::Harmless("2"),
    ),
    (
        "a_patched_error",
        "globalThis.Error = globalThis.TypeError = function () { while (true) {} }; return new Response('x')",
        End::Harmless("x"),
    ),
    (
        "a_patched_prepare_stack_trace",
        "Error.prepareStackTrace = () => { while (true) {} }; throw new Error('x')",
        End::Cpu,
    ),
    (
        "a_patched_species",
        "Object.defineProperty(Promise, Symbol.species, { get() { throw 1 } }); return new Response(await new Response('x').text())",
        End::Harmless("x"),
    ),
    (
        "a_patched_response_prototype",
        "Response.prototype.text = () => { throw 1 }; Object.setPrototypeOf(Response.prototype, null); return new Response('x')",
        End::Harmless("x"),
    ),
    (
        "a_deleted_global",
        "const g = globalThis; for (const k of Object.getOwnPropertyNames(g)) { try { delete g[k] } catch {} } return new Response('x')",
        End::Threw,
    ),
    // throwing anything
    ("throwing_null", "throw null", End::Threw),
    ("throwing_undefined", "throw undefined", End::Threw),
    (
        "throwing_a_proxy",
        "throw new Proxy({}, { get() { throw 1 }, has() { throw 1 }, ownKeys() { throw 1 }, getPrototypeOf() { throw 1 } })",
        End::Threw,
    ),
    (
        "throwing_a_revoked_proxy",
        "const { proxy, revoke } = Proxy.revocable({}, {}); revoke(); throw proxy",
        End::Threw,
    ),
    (
        "throwing_what_throws",
        "throw { get message() { throw 1 }, get stack() { throw 2 }, toString() { throw 3 }, [Symbol.toPrimitive]() { throw 4 } }",
        End::Threw,
    ),
    ("throwing_a_symbol", "throw Symbol('s')", End::Threw),
    ("throwing_a_cycle", "const e = new Error('a'); e.cause = e; throw e", End::Threw),
    (
        "throwing_a_deep_cause",
        "let e; for (let i = 0; i < 500; i++) e = new Error('x', { cause: e }); throw e",
        End::Threw,
    ),
    (
        "throwing_an_aggregate_of_itself",
        "const e = new AggregateError([]); e.errors = [e, e]; throw e",
        End::Threw,
    ),
    ("throwing_a_huge_message", "throw new Error('x'.repeat(1e7))", End::Threw),
    ("returning_nothing", "", End::Threw),
    ("returning_a_proxy_of_a_response", "return new Proxy(new Response('x'), {})", End::Threw),
    ("returning_a_fake_response", "return Object.create(Response.prototype)", End::Threw),
    (
        "returning_a_used_response",
        "const r = new Response('x'); await r.text(); return r",
        End::Threw,
    ),
    (
        "returning_a_locked_stream",
        "const s = new ReadableStream(); s.getReader(); return new Response(s)",
        End::Threw,
    ),
    ("returning_an_error_response", "return Response.error()", End::Threw),
    ("never_answering", "await new Promise(() => {})", End::Never),
    (
        "never_answering_with_a_cleared_timer",
        "await new Promise((r) => clearTimeout(setTimeout(r, 10)))",
        End::Never,
    ),
    (
        "waiting_with_atomics",
        "Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0); return new Response('x')",
        End::Threw,
    ),
    (
        "too_many_timers",
        "for (let i = 0; i < 1e6; i++) setTimeout(() => {}, 1e6); return new Response('x')",
        End::Threw,
    ),
    (
        "too_long_a_timer",
        "setTimeout(() => {}, 2 ** 40); setTimeout(() => {}, NaN); setTimeout(() => {}, -1); return new Response('x')",
        End::Harmless("x"),
    ),
];
