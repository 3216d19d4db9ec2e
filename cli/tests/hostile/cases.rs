//! Code that does harm, one case for each kind. Each is a statement, for a handler or for the top
//! level: what it keeps it passes to `keep`, and what the handler is to answer to `answer`. What is done with
//! them is not here.

/// A piece of code that does harm.
pub(crate) struct Case {
    pub(crate) name: &'static str,
    pub(crate) code: &'static str,
    /// Whether V8 cannot be stopped in it, or dies of it, so that it may cost a shard.
    pub(crate) may_cost_a_shard: bool,
    /// What the worker's configuration has beside its name and routes.
    pub(crate) settings: &'static str,
    /// The codes of errors of which its handler answers with one; none where any answer will do.
    pub(crate) errors: &'static [&'static str],
}

const fn ends(name: &'static str, code: &'static str) -> Case {
    Case { name, code, may_cost_a_shard: false, settings: "", errors: &[] }
}

/// What V8 does in one piece, and no bound is put on: guards would slow down what everybody does. It may
/// cost its worker one shard in each position, and no second one for a while, and nobody else an answer.
const fn costs(name: &'static str, code: &'static str) -> Case {
    Case { may_cost_a_shard: true, ..ends(name, code) }
}

impl Case {
    const fn with_settings(self, settings: &'static str) -> Case {
        Case { settings, ..self }
    }

    const fn with_errors(self, errors: &'static [&'static str]) -> Case {
        Case { errors, ..self }
    }
}

/// A call of a Wasm export that suspends for ever, many times. What it waits for is kept, or the stacks would
/// come back.
const SUSPENDED: &str =
    "const bytes = new Uint8Array([0, 97, 115, 109, 1, 0, 0, 0, 1, 4, 1, 96, 0, 0, 2, 7, 1, 1, 109,
    1, 102, 0, 0, 3, 2, 1, 0, 7, 5, 1, 1, 103, 0, 1, 10, 6, 1, 4, 0, 16, 0, 11]);
    const never = keep(new Promise(() => {}));
    const imports = { m: { f: new WebAssembly.Suspending(() => never) } };
    const { exports } = new WebAssembly.Instance(new WebAssembly.Module(bytes), imports);
    const call = WebAssembly.promising(exports.g);
    for (let i = 0; i < 5000; i++) keep(call());";

pub(crate) const CASES: &[Case] = &[
    ends("loop", "for (;;);"),
    ends("promises", "for (;;) await null;"),
    ends("timers", "for (;;) { for (let i = 0; i < 1e5; i++); await scheduler.wait(0); }"),
    ends("recursion", "const f = () => f() + 1; f();"),
    ends("fill", "for (;;) keep(new Array(1000).fill('x' + Math.random()));"),
    ends("buffers", "for (;;) keep(new Uint8Array(1 << 20).fill(1));"),
    ends("doubled-text", "let s = 'a'; for (;;) { s += s; keep(s); }"),
    ends("host-object", "structuredClone({ [Symbol.for('Deno.core.hostObject')]: () => ({ type: 'x' }) });"),
    // More names than the map of headers that they go to has room for, in fewer bytes than a response may have.
    ends(
        "headers",
        "const h = new Headers(); for (let i = 0; i < 25000; i++) h.append((1296 + i).toString(36), '');
         answer(new Response('', { headers: h }));",
    )
    .with_settings("limits = { cpu_ms = 20000 }")
    .with_errors(&["1101"]),
    ends("long-answer", "answer(new Response('x'.repeat(2 ** 29 - 24)));").with_errors(&["1102"]),
    ends("long-error", "throw new Error('x'.repeat(2 ** 29 - 24));"),
    ends("long-stack", "keep(new Error('x'.repeat(2 ** 29 - 30)).stack);"),
    ends("many-errors", "throw new AggregateError(Array.from({ length: 1e4 }, () => new Error('x'.repeat(1e4))));"),
    ends("url-pattern", "new URLPattern({ pathname: '/' + '(a)'.repeat(40000) });"),
    ends("digits", "keep(BigInt('9'.repeat(3e7)));"),
    // As many as fit into the isolate beside their sort, with names that differ in their last character.
    ends(
        "sorted-parameters",
        "const names = Array.from({ length: 10 }, (_, i) => 'x'.repeat(1e6) + i), p = new URLSearchParams();
         for (let i = 0; i < 5e5; i++) p.append(names[i * 7919 % 10], '');
         p.sort();",
    )
    .with_errors(&["1102"]),
    ends(
        "compression",
        "for (;;) { const s = new CompressionStream('gzip'); s.writable.getWriter().write(new Uint8Array(1)); keep(s); }",
    ),
    ends(
        "long-digests",
        "await Promise.all(Array.from({ length: 40 }, () => crypto.subtle.digest(
            { name: 'cSHAKE128', outputLength: 2 ** 32 - 8 }, new Uint8Array(1))));",
    ),
    ends(
        "long-derivation",
        "const k = await crypto.subtle.importKey('raw', new Uint8Array(8), 'PBKDF2', false, ['deriveBits']);
         await crypto.subtle.deriveBits({ name: 'PBKDF2', hash: 'SHA-512', salt: new Uint8Array(8),
             iterations: 100000 }, k, 2 ** 31 - 8);",
    ),
    ends(
        "wasm-memory",
        "const m = new WebAssembly.Memory({ initial: 1 });
         for (;;) { m.grow(64); new Uint8Array(m.buffer).fill(1); }",
    ),
    ends("reserved", "for (;;) keep(new WebAssembly.Memory({ initial: 0, maximum: 65536 }));"),
    ends("ports", "const { port1 } = keep(new MessageChannel()); for (;;) port1.postMessage(new Uint8Array(65536));"),
    ends("suspended-calls", SUSPENDED).with_settings("unsafe_eval = true").with_errors(&["1102"]),
    ends("chatty", "for (;;) console.log('x'.repeat(10000));"),
    ends(
        "asks-itself",
        "await Promise.allSettled(Array.from({ length: 50 }, () => fetch('http://' + crypto.randomUUID() + '.test/')));",
    ),
    costs("endless-search", "Array.prototype.includes.call({ length: 2 ** 53 - 1 }, 1);"),
    costs("endless-reverse", "Array.prototype.reverse.call({ length: 2 ** 53 - 1 });"),
    costs("endless-sort", "Array.prototype.sort.call({ length: 2 ** 53 - 1, 5: 1, 1e9: 0 });")
        .with_errors(&["1102", "1104"]),
    costs("doubled-by-replace", "keep('a'.repeat(2 ** 26).replaceAll('a', 'bb'));"),
    costs("expression", "new RegExp('(?:' + 'a|'.repeat(3e6) + ')', 'v').test('b');")
        .with_errors(&["1101", "1102", "1104"]),
    costs("long-split", "keep('x'.repeat(2 ** 29 - 24).split(''));"),
];
