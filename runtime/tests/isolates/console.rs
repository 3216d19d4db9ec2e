//! `console`: what a call prints, how much of it, and that printing harms neither the worker nor
//! the node.

use std::time::{Duration, Instant};

use isolane_runtime::{ConsoleLevel, IncidentKind};
use libtest_mimic::Trial;

use crate::support::{Worker, incidents, trial};

/// What is called, a piece of what it prints, and all of it.
const PRINTED: &[(&str, &str, &str)] = &[
    (
        "console.log('a', 1, null, undefined, true, 2n, Symbol('s'))",
        "a 1",
        "a 1 null undefined true 2n Symbol(s)",
    ),
    (
        "console.log({ a: { b: { c: { d: { e: { f: 1 } } } } } })",
        "[Object]",
        "{\n  a: {\n    b: { c: { d: { e: [Object] } } }\n  }\n}",
    ),
    (
        "console.log(new Map([['k', { v: 1 }]]), new Set([1, 'two']))",
        "Map",
        "Map(1) { \"k\" => { v: 1 } } Set(2) { 1, \"two\" }",
    ),
    (
        "class Point { constructor() { this.x = 1 } } console.log(new Point())",
        "Point",
        "Point { x: 1 }",
    ),
    (
        "console.log(Array.from({ length: 101 }, () => 7).length, new Uint8Array(3))",
        "101",
        "101 Uint8Array(3) [ 0, 0, 0 ]",
    ),
    (
        "const o = { n: 1 }; o.self = o; console.log(o)",
        "Circular",
        "<ref *1> { n: 1, self: [Circular *1] }",
    ),
    (
        "console.log('%s is %d years and %i, %f, %o, %O, %c%j%%', 'Ada', 36.6, 7.9, 1.5, [1], {}, 'color: red', { a: 1 })",
        "Ada",
        "Ada is 36 years and 7, 1.5, [ 1 ], {}, {\"a\":1}%",
    ),
    ("console.log('100%', 'sure')", "100", "100% sure"),
    (
        "console.group('outer'); console.log('one\\ntwo'); console.group(); console.warn('deep')",
        "one",
        "  one\n  two",
    ),
    (
        "console.group('outer'); console.group(); console.warn('deep'); console.groupEnd()",
        "deep",
        "    deep",
    ),
    (
        "console.group(); console.groupEnd(); console.groupEnd(); console.log('flat')",
        "flat",
        "flat",
    ),
    (
        "console.count(); console.count(); console.count('x'); console.countReset(); console.count()",
        "default: 2",
        "default: 2",
    ),
    ("console.countReset('never')", "never", "Count for 'never' does not exist"),
    ("console.timeEnd('never')", "never", "Timer 'never' does not exist"),
    (
        "console.assert(1 === 1, 'no'); console.assert(false, 'it is %s', 'wrong')",
        "wrong",
        "Assertion failed: it is wrong",
    ),
    ("console.assert()", "Assertion", "Assertion failed"),
    ("console.dir({ a: { b: { c: 1 } } }, { depth: 0 })", "a:", "{ a: [Object] }"),
    (
        "console.table([{ a: 1, b: 'x' }])",
        "idx",
        "┌───────┬───┬─────┐\n│ (idx) │ a │ b   │\n├───────┼───┼─────┤\n│     0 │ 1 │ \"x\" │\n└───────┴───┴─────┘",
    ),
    ("console.table('plain')", "plain", "plain"),
    ("const { log } = console; log.call(undefined, 'detached')", "detached", "detached"),
    (
        "console.log({ get a() { throw new Error('no') }, get b() { return 1 } })",
        "Getter",
        "{ a: [Getter], b: [Getter] }",
    ),
    (
        "console.log(new Proxy({ a: 1 }, { get() { throw 1 }, ownKeys() { throw 2 }, getOwnPropertyDescriptor() { throw 3 } }))",
        "a:",
        "{ a: 1 }",
    ),
    (
        "const { proxy, revoke } = Proxy.revocable({}, {}); revoke(); console.log('gone', proxy)",
        "cannot",
        "[cannot be printed: TypeError: Cannot inspect a proxy that has been revoked]",
    ),
    (
        "console.log('%s', { toString() { throw { toString() { throw 1 } } } })",
        "cannot",
        "[cannot be printed]",
    ),
    (
        "Array.prototype[Symbol.iterator] = () => { throw 1 }; Map.prototype.get = null; console.log('still', [1], new Map())",
        "still",
        "still [ 1 ] Map(0) {}",
    ),
    (
        "console.log(Object.fromEntries(Array.from({ length: 20000 }, (_, i) => ['k' + i, i])))",
        "too large",
        "[object, too large to print: 20000 properties]",
    ),
    (
        "console.log(String(Object.prototype.toString.call(console)), Object.keys(console).includes('indentLevel'))",
        "[object",
        "[object console] false",
    ),
];

/// What would take far longer to print than a request may take.
const HOSTILE: &[(&str, &str)] = &[
    (
        "dag",
        "let a = []; for (let i = 0; i < 6; i++) a = Array(100).fill(a); console.log(a); console.table(a); console.dir(a, { depth: 9 })",
    ),
    (
        "wide",
        "const o = {}; for (let i = 0; i < 30000; i++) o['k' + i] = o; console.log(o, o, o); console.table(o)",
    ),
    (
        "maps",
        "let m = new Map(); for (let i = 0; i < 6; i++) { const n = new Map(); for (let j = 0; j < 100; j++) n.set(j, m); m = n } console.log(m)",
    ),
    (
        "causes",
        "let e = new Error('x'); for (let i = 0; i < 1000; i++) e = new AggregateError(Array(100).fill(e), 'y', { cause: e }); console.log(e)",
    ),
    (
        "many",
        "const one = Array(100).fill(Array(40).fill(1)); console.log(...Array(1000).fill(one))",
    ),
    (
        "long",
        "console.log('x'.repeat(1e7)); console.log({ s: 'x'.repeat(1e7) }); console.log('%s', 'y'.repeat(1e7))",
    ),
    ("proxies", "let p = {}; for (let i = 0; i < 1000; i++) p = new Proxy(p, {}); console.log(p)"),
    ("labels", "for (let i = 0; i < 5000; i++) { console.count('c' + i); console.time('t' + i) }"),
    (
        "deep",
        "let o = {}; for (let i = 0; i < 20000; i++) o = { o }; console.dir(o, { depth: Infinity })",
    ),
];

pub fn trials() -> Vec<Trial> {
    let mut trials = vec![
        trial("console_prints_what_a_person_expects", || async {
            let mut wrong = String::new();
            for (code, piece, expected) in PRINTED {
                let worker =
                    Worker::with_handler(&format!("{code}; return new Response('x')")).build();
                worker.get("/").await.unwrap();
                let (_, text) = worker.line(piece).await;
                if text != *expected {
                    wrong.push_str(&format!("{code}\n{text}\ninstead of\n{expected}\n\n"));
                }
            }
            assert!(wrong.is_empty(), "{wrong}");
        }),
        trial("console_levels_are_those_of_the_methods", || async {
            let worker = Worker::with_handler(
                "console.debug('[d]'); console.info('[i]'); console.trace('[t]', 1);
                 console.assert(false, '[a]'); return new Response('x')",
            )
            .build();
            worker.get("/").await.unwrap();
            assert_eq!(worker.line("[d]").await.0, ConsoleLevel::Debug);
            assert_eq!(worker.line("[i]").await.0, ConsoleLevel::Log);
            assert_eq!(worker.line("[a]").await.0, ConsoleLevel::Error);
            let (level, text) = worker.line("[t]").await;
            assert_eq!(level, ConsoleLevel::Log);
            assert!(text.starts_with("Trace: [t] 1\n    at Object.fetch (worker:///"), "{text}");
        }),
        trial("console_shows_errors_with_their_causes_and_what_they_carry", || async {
            let worker = Worker::with_handler(
                "const e = new TypeError('outer', { cause: new Error('inner') });
                 console.error('failed:', Object.assign(e, { code: 'E1' })); return new Response()",
            )
            .build();
            worker.get("/").await.unwrap();
            let (_, text) = worker.line("failed:").await;
            assert!(text.starts_with("failed: TypeError: outer\n    at Object.fetch (worker:///"));
            for piece in ["code: \"E1\"", "[cause]: Error: inner\n"] {
                assert!(text.contains(piece), "{text}");
            }
        }),
        trial("console_prints_no_more_where_inspect_is_asked_for_more", || async {
            let reply = Worker::with_handler(
                "const { inspect } = process.getBuiltinModule('node:util');
                 const circle = {}; circle.self = circle;
                 Object.prototype.budget = 1e12;
                 const wide = inspect(Object.fromEntries(Array.from({ length: 30_000 }, (_, i) => ['k' + i, i])));
                 delete Object.prototype.budget;
                 const long = inspect('x'.repeat(2_000_000)), options = { maxArrayLength: null, maxStringLength: null };
                 return Response.json([
                     wide, long.length, long.endsWith(\"'... 1990000 more characters\"),
                     inspect({ a: 'x'.repeat(100) }, { indentationLvl: 8e9 }).length < 2_000,
                     inspect(Array(1_000).fill('x'.repeat(1_000_000)), options).length < 2_000_000,
                     inspect(new Uint8Array(100_000), options).includes('90000 more items'),
                     inspect(new Map(Array.from({ length: 30_000 }, (_, i) => [i, i]))).includes('29900 more items'),
                     inspect([1, 2], { stylize: () => 'y'.repeat(1_000_000) }), inspect(circle, { depth: null }),
                     inspect([1, 2], { stylize: (text, kind) => `<${kind} ${text}>` }),
                     inspect(['a'], { quotes: ['<'.repeat(1_000_000)] }),
                 ])",
            )
            .with_node_compat()
            .get("/")
            .await;
            assert_eq!(
                reply.unwrap().text(),
                r#"["[object, too large to print: 30000 properties]",10029,true,true,true,true,true,"[ 1, 2 ]","<ref *1> { self: [Circular *1] }","[ <number 1>, <number 2> ]","[ \"a\" ]"]"#
            );
        }),
        trial("console_at_the_top_level_of_a_module_is_shown", || async {
            let worker = Worker::from_source(
                "console.group('top'); console.log('loading');
                 export default { fetch() { console.log('serving'); return new Response('x') } }",
            )
            .build();
            worker.get("/").await.unwrap();
            assert_eq!(worker.line("loading").await.1, "  loading");
            // A group is its event's own.
            assert_eq!(worker.line("serving").await.1, "serving");
        }),
        trial("a_group_that_is_left_open_indents_no_other_event", || async {
            let worker = Worker::with_handler(
                "const path = new URL(request.url).pathname; console.log('in ' + path);
                 console.group(); return new Response('x')",
            )
            .build();
            for path in ["/a", "/b"] {
                worker.get(path).await.unwrap();
                assert_eq!(worker.line(path).await.1, format!("in {path}"));
            }
        }),
        trial("console_cuts_a_text_that_is_too_long", || async {
            let worker =
                Worker::with_handler("console.log('x'.repeat(70000)); return new Response('x')")
                    .build();
            worker.get("/").await.unwrap();
            let (_, text) = worker.line("xxx").await;
            let end: String = text.chars().skip(65_530).collect();
            assert_eq!(end, "xxxxxx… 4464 more characters");
            assert!(text.len() < 66_000);
        }),
    ];
    trials.extend(HOSTILE.iter().map(|(name, code)| {
        trial(&format!("console_hostile_{name}"), move || async move {
            let began = Instant::now();
            let worker = Worker::with_handler(&format!("{code}; return new Response('x')"))
                .with_cpu_ms(2_000)
                .build();
            // Whether it answers or is stopped: it is over soon, and no shard was lost.
            let _ = worker.get("/").await;
            assert_eq!(incidents(worker.name(), IncidentKind::ShardLost), 0);
            assert!(began.elapsed() < Duration::from_secs(20), "{:?}", began.elapsed());
        })
    }));
    trials
}
