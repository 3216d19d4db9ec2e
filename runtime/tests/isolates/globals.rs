//! What is on `globalThis`, and what must not be.

use libtest_mimic::Trial;

use crate::support::{Worker, trial};

/// Names that every worker finds.
const PRESENT: &str = "AbortController AbortSignal Blob ByteLengthQueuingStrategy CompressionStream CountQueuingStrategy Crypto CryptoKey CustomEvent DecompressionStream DOMException ErrorEvent Event EventTarget File FixedLengthStream FormData Headers IdentityTransformStream MessageChannel MessageEvent MessagePort Performance PromiseRejectionEvent ReadableByteStreamController ReadableStream ReadableStreamBYOBReader ReadableStreamBYOBRequest ReadableStreamDefaultController ReadableStreamDefaultReader Request Response SubtleCrypto TextDecoder TextDecoderStream TextEncoder TextEncoderStream TransformStream TransformStreamDefaultController URL URLPattern URLSearchParams WebAssembly WritableStream WritableStreamDefaultController WritableStreamDefaultWriter addEventListener atob btoa clearInterval clearTimeout console crypto dispatchEvent fetch navigator performance queueMicrotask removeEventListener reportError scheduler self setInterval setTimeout structuredClone";

/// Names of the host, and of how the bindings are made.
const ABSENT: &str = "Deno process Buffer require module __bootstrap __isolane global gc caches2 SharedWorker Worker window document __infra getParent";

/// All names that a worker finds, those of JavaScript itself and of V8 among them.
pub const KNOWN: &str = "AggregateError Array ArrayBuffer AsyncDisposableStack Atomics BigInt BigInt64Array BigUint64Array Boolean DataView Date DisposableStack Error EvalError FinalizationRegistry Float16Array Float32Array Float64Array Function Infinity Int16Array Int32Array Int8Array Intl Iterator JSON Map Math NaN Number Object Promise Proxy RangeError ReferenceError Reflect RegExp Set String SuppressedError Symbol SyntaxError Temporal TypeError URIError Uint16Array Uint32Array Uint8Array Uint8ClampedArray WeakMap WeakRef WeakSet WebAssembly decodeURI decodeURIComponent encodeURI encodeURIComponent escape eval globalThis isFinite isNaN parseFloat parseInt undefined unescape constructor AbortController AbortSignal Blob ByteLengthQueuingStrategy Cache CacheStorage CloseEvent CompressionStream CountQueuingStrategy Crypto CryptoKey CustomEvent DecompressionStream DOMException ErrorEvent Event EventTarget File FixedLengthStream FormData Headers IdentityTransformStream MessageChannel MessageEvent MessagePort Navigator Performance PerformanceEntry PerformanceMark PerformanceMeasure ProgressEvent PromiseRejectionEvent QuotaExceededError ReadableByteStreamController ReadableStream ReadableStreamBYOBReader ReadableStreamBYOBRequest ReadableStreamDefaultController ReadableStreamDefaultReader Request Response Scheduler ServiceWorkerGlobalScope SubtleCrypto TextDecoder TextDecoderStream TextEncoder TextEncoderStream TransformStream TransformStreamDefaultController URL URLPattern URLSearchParams WebSocket WebSocketPair WritableStream WritableStreamDefaultController WritableStreamDefaultWriter addEventListener atob btoa caches clearInterval clearTimeout console crypto dispatchEvent fetch navigator onerror onrejectionhandled onunhandledrejection performance queueMicrotask removeEventListener reportError scheduler self setInterval setTimeout structuredClone";

/// (name, an expression, what its value is as JSON)
const VALUES: &[(&str, &str, &str)] = &[
    ("url", "new URL('/a?b=c#d', 'http://x.test').href", r#""http://x.test/a?b=c#d""#),
    ("url_search_params", "[...new URLSearchParams('a=1&b=2')].length", "2"),
    (
        "url_pattern",
        "new URLPattern({ pathname: '/a/:b' }).exec('https://x.test/a/7').pathname.groups.b",
        r#""7""#,
    ),
    (
        "text_encoding",
        "new TextDecoder('utf-16le').decode(new Uint8Array([104, 0, 105, 0]))",
        r#""hi""#,
    ),
    ("base64", "atob(btoa('hello'))", r#""hello""#),
    (
        "digest",
        "[...new Uint8Array(await crypto.subtle.digest('SHA-256', new TextEncoder().encode('abc')))].slice(0, 3)",
        "[186,120,22]",
    ),
    (
        "hmac",
        "await (async () => { const k = await crypto.subtle.generateKey({ name: 'HMAC', hash: 'SHA-256' }, false, ['sign', 'verify']); const s = await crypto.subtle.sign('HMAC', k, new Uint8Array(3)); return crypto.subtle.verify('HMAC', k, s, new Uint8Array(3)) })()",
        "true",
    ),
    (
        "random",
        "[crypto.randomUUID().length, crypto.getRandomValues(new Uint8Array(8)).length]",
        "[36,8]",
    ),
    (
        "timing_safe_equal",
        "[crypto.subtle.timingSafeEqual(new Uint8Array([1]), new Uint8Array([1])), crypto.subtle.timingSafeEqual(new Uint8Array([1]), new Uint8Array([2]))]",
        "[true,false]",
    ),
    (
        "structured_clone",
        "structuredClone(new Map([[1, { a: new Date(5) }]])).get(1).a.getTime()",
        "5",
    ),
    (
        "message_channel",
        "await new Promise((r) => { const { port1, port2 } = new MessageChannel(); port2.onmessage = (e) => { port1.close(); r(e.data) }; port1.postMessage({ a: 1 }) })",
        r#"{"a":1}"#,
    ),
    (
        "events",
        "(() => { const t = new EventTarget(); let n = 0; t.addEventListener('x', () => n++, { once: true }); t.dispatchEvent(new Event('x')); t.dispatchEvent(new CustomEvent('x')); return n })()",
        "1",
    ),
    (
        "abort",
        "(() => { const c = new AbortController(); c.abort('why'); return [c.signal.aborted, c.signal.reason] })()",
        r#"[true,"why"]"#,
    ),
    (
        "abort_timeout",
        "await new Promise((r) => AbortSignal.timeout(5).addEventListener('abort', (e) => r(e.target.reason.name)))",
        r#""TimeoutError""#,
    ),
    (
        "digest_stream",
        "await (async () => { const s = new crypto.DigestStream('SHA-256'); const w = s.getWriter(); await w.write('a'); await w.write(new Uint8Array([98])); await w.close(); return [...new Uint8Array(await s.digest)].slice(0, 2).concat(s.bytesWritten) })()",
        "[251,142,2]",
    ),
    (
        "md5",
        "[...new Uint8Array(await crypto.subtle.digest('md5', new TextEncoder().encode('')))].slice(0, 3)",
        "[212,29,140]",
    ),
    (
        "encode_body",
        "(() => { try { new Response('x', { encodeBody: 'never' }) } catch (e) { return [e.name, Response.name, new Response() instanceof Response, Response.json({}).constructor === Response, Object.keys(Response)] } })()",
        r#"["TypeError","Response",true,true,["error","json","redirect"]]"#,
    ),
    (
        "all_cookies",
        "(() => { const h = new Headers([['set-cookie', 'a=1'], ['Set-Cookie', 'b=2']]); try { h.getAll('accept') } catch (e) { return [h.getAll('Set-Cookie'), e.name] } })()",
        r#"[["a=1","b=2"],"TypeError"]"#,
    ),
    (
        "a_buffer_that_is_transferred",
        "await (async () => { const b = new Uint8Array([1, 2]).buffer; const c = structuredClone({ b }, { transfer: [b] }); const { port1, port2 } = new MessageChannel(); const got = new Promise((r) => port2.onmessage = (e) => { port1.close(); r(e.data.byteLength) }); port1.postMessage(c.b, [c.b]); return [b.byteLength, c.b.byteLength, await got] })()",
        "[0,0,2]",
    ),
    (
        "a_buffer_that_is_transferred_twice",
        "(() => { const b = new ArrayBuffer(1); const names = []; for (const f of [() => structuredClone(b, { transfer: [b, b] }), () => structuredClone([b, () => {}], { transfer: [b] }), () => structuredClone(new WebAssembly.Memory({ initial: 1 }).buffer, {}).byteLength]) { try { names.push(f()) } catch (e) { names.push(e.name) } } return [...names, b.byteLength] })()",
        r#"["DataCloneError","DataCloneError",65536,1]"#,
    ),
    (
        "compression_before_anybody_reads",
        "await (async () => { const c = new CompressionStream('gzip'); const w = c.writable.getWriter(); await w.write(crypto.getRandomValues(new Uint8Array(60000))); await w.write(crypto.getRandomValues(new Uint8Array(60000))); await w.close(); const d = c.readable.pipeThrough(new DecompressionStream('gzip')); return (await new Response(d).arrayBuffer()).byteLength })()",
        "120000",
    ),
    (
        "events_of_what_nobody_catches",
        "await (async () => { const seen = []; const heard = (type, f) => new Promise((told) => addEventListener(type, (e) => { f(e); told() }, { once: true })); const lost = heard('unhandledrejection', (e) => { e.preventDefault(); seen.push(e.type, e.reason, e.promise === p) }), found = heard('rejectionhandled', (e) => seen.push(e.type)); const p = Promise.reject('why'); await lost; p.catch(() => {}); await found; onerror = (message, file, line, column, error) => { seen.push(error.message); return true }; queueMicrotask(() => { throw new Error('micro') }); setTimeout(() => { throw new Error('timer') }); await scheduler.wait(1); onerror = null; return [...seen, onerror, onunhandledrejection] })()",
        r#"["unhandledrejection","why",true,"rejectionhandled","micro","timer",null,null]"#,
    ),
    (
        "handlers_of_what_nobody_catches",
        "await (async () => { const seen = []; const why = new Promise((told) => onunhandledrejection = (e) => { e.preventDefault(); told(e.reason) }), handled = new Promise((told) => onrejectionhandled = (e) => told(e.type)); const p = Promise.reject('why'); seen.push(await why); p.catch(() => {}); seen.push(await handled); addEventListener('error', (e) => { e.preventDefault(); seen.push(e.message, e.error.message) }, { once: true }); const target = new EventTarget(); target.addEventListener('a', () => { throw new Error('listener') }); target.addEventListener('a', () => seen.push('next')); seen.push(target.dispatchEvent(new Event('a'))); return seen })()",
        r#"["why","rejectionhandled","Uncaught Error: listener","listener","next",true]"#,
    ),
    ("cf_of_an_own_request", "typeof new Request('http://a/').cf", r#""undefined""#),
    ("cf_and_redirect_of_the_request", "[request.cf, request.redirect]", r#"[{},"manual"]"#),
    (
        "crypto_has_nothing_internal",
        "[Crypto, SubtleCrypto, CryptoKey, crypto.constructor, crypto.subtle.constructor].flatMap((c) => Object.getOwnPropertyNames(c).filter((n) => typeof c[n] === 'function')).concat(crypto instanceof Crypto, crypto.subtle instanceof SubtleCrypto)",
        "[true,true]",
    ),
    (
        "what_ops_throw_has_a_name",
        "await (async () => { const names = []; for (const t of [() => atob('%'), () => crypto.getRandomValues(new Uint8Array(70000)), () => structuredClone(() => {}), () => crypto.subtle.importKey('jwk', { kty: 'EC', x: 'a', y: 'a', d: 'a' }, { name: 'ECDSA', namedCurve: 'P-256' }, false, ['sign']), () => crypto.subtle.decrypt({ name: 'AES-GCM', iv: new Uint8Array(12) }, 1, new Uint8Array(1))]) { try { await t(); names.push('none') } catch (e) { names.push(e?.name) } } return names })()",
        r#"["InvalidCharacterError","QuotaExceededError","DataCloneError","DataError","TypeError"]"#,
    ),
    (
        "keys_are_of_their_class",
        "await (async () => { const k = await crypto.subtle.generateKey({ name: 'HMAC', hash: { name: 'SHA-256' } }, true, ['sign']); return [k instanceof CryptoKey, (await crypto.subtle.exportKey('jwk', k)).alg] })()",
        r#"[true,"HS256"]"#,
    ),
    (
        "a_key_is_read_once",
        "await (async () => { let n = 0; try { await crypto.subtle.importKey('jwk', { kty: 'EC', x: 'a', y: 'a', get d() { return n++ ? undefined : 'a' } }, { name: 'ECDSA', namedCurve: 'P-256' }, false, ['sign']) } catch (e) { return [n, e.name] } })()",
        r#"[1,"DataError"]"#,
    ),
    (
        "slow_keys_have_limits",
        "await (async () => { const names = []; const k = await crypto.subtle.importKey('raw', new Uint8Array(4), 'PBKDF2', false, ['deriveBits']); const derive = (iterations) => crypto.subtle.deriveBits({ name: 'pbkdf2', hash: 'SHA-256', salt: new Uint8Array(4), iterations }, k, 128); for (const t of [() => derive(100001), () => derive({ valueOf() { return 3e7 } }), () => crypto.subtle.generateKey({ name: 'RSASSA-PKCS1-v1_5', modulusLength: 8192, publicExponent: new Uint8Array([1, 0, 1]), hash: 'SHA-256' }, true, ['sign'])]) { try { await t() } catch (e) { names.push(e.name) } } return names.concat((await derive(1000)).byteLength) })()",
        r#"["NotSupportedError","NotSupportedError","NotSupportedError",16]"#,
    ),
    (
        "decompression",
        "await (async () => { const out = []; for (const f of ['gzip', 'deflate', 'deflate-raw', 'brotli']) { const text = 'hello '.repeat(30000); const z = new Blob([text]).stream().pipeThrough(new CompressionStream(f)); out.push(await new Response(z.pipeThrough(new DecompressionStream(f))).text() === text) } try { await new Response(new Blob(['junk']).stream().pipeThrough(new DecompressionStream('gzip'))).text() } catch (e) { out.push(e.name) } return out })()",
        r#"[true,true,true,true,"TypeError"]"#,
    ),
    (
        "no_compilation_of_streams",
        "[typeof WebAssembly.compileStreaming, typeof WebAssembly.instantiateStreaming]",
        r#"["undefined","undefined"]"#,
    ),
    ("user_agent", "navigator.userAgent", r#""Cloudflare-Workers""#),
    ("scheduler_wait", "await scheduler.wait(2)", "null"),
    (
        "scheduler_wait_aborted",
        "await scheduler.wait(10_000, { signal: AbortSignal.abort('no') }).catch((e) => e)",
        r#""no""#,
    ),
    (
        "no_shared_memory",
        "[typeof SharedArrayBuffer, ...[{ initial: 1 }, { initial: 1, maximum: 1, shared: true }].map((d) => { try { return new WebAssembly.Memory(d).buffer.byteLength } catch (e) { return e.name } }), new WebAssembly.Memory({ initial: 0 }) instanceof WebAssembly.Memory].join()",
        r#""undefined,65536,TypeError,true""#,
    ),
    (
        "performance",
        "typeof performance.now() + typeof performance.timeOrigin",
        r#""numbernumber""#,
    ),
    (
        "intervals",
        "await new Promise((r) => { let n = 0; const i = setInterval(() => { if (++n === 3) { clearInterval(i); r(n) } }, 1) })",
        "3",
    ),
    ("timer_arguments", "await new Promise((r) => setTimeout((a, b) => r(a + b), 1, 2, 3))", "5"),
    ("microtasks", "await new Promise((r) => queueMicrotask(() => r('m')))", r#""m""#),
    (
        "fixed_length_stream",
        "await (async () => { const s = new FixedLengthStream(3); const w = s.writable.getWriter(); w.write(new Uint8Array([97, 98, 99])); w.close(); return new Response(s.readable).text() })()",
        r#""abc""#,
    ),
    (
        "identity_transform_stream",
        "await new Response(new Blob(['abc']).stream().pipeThrough(new IdentityTransformStream())).text()",
        r#""abc""#,
    ),
    (
        "tee",
        "await (async () => { const [a, b] = new Response('abc').body.tee(); return [await new Response(a).text(), await new Response(b).text()] })()",
        r#"["abc","abc"]"#,
    ),
    (
        "headers",
        "(() => { const h = new Headers({ b: '1', A: '2' }); h.append('a', '3'); return [...h] })()",
        r#"[["a","2, 3"],["b","1"]]"#,
    ),
    (
        "request_clone",
        "await (async () => { const r = new Request('http://x.test/', { method: 'POST', body: 'abc' }); return [await r.clone().text(), await r.text()] })()",
        r#"["abc","abc"]"#,
    ),
    ("dom_exception", "new DOMException('m', 'AbortError').code", "20"),
    ("intl", "new Intl.NumberFormat('de-DE').format(1234.5)", r#""1.234,5""#),
    ("temporal", "typeof Temporal", r#""object""#),
    (
        "what_a_locale_says_of_its_region_and_language",
        "['en-US-abcde', 'fr-CA-x-a', 'de-JP-u-fw-sun', 'ar-EG-u-rg-gbzzzz', 'qqq'].map((name) => { const l = new Intl.Locale(name); return [l.getWeekInfo().firstDay, l.getHourCycles()[0], l.getCalendars()[0], l.getNumberingSystems()[0], l.getCollations().length > 0] })",
        r#"[[7,"h12","gregory","latn",true],[7,"h23","gregory","latn",true],[7,"h23","gregory","latn",true],[1,"h23","gregory","arab",true],[1,"h23","gregory","latn",true]]"#,
    ),
    (
        "functions_of_locales",
        "['getWeekInfo', 'getHourCycles', 'getCollations'].map((key) => { const { value, ...rest } = Object.getOwnPropertyDescriptor(Intl.Locale.prototype, key); return [value.name, value.length, 'prototype' in value, Object.values(rest).join()] })",
        r#"[["getWeekInfo",0,false,"true,false,true"],["getHourCycles",0,false,"true,false,true"],["getCollations",0,false,"true,false,true"]]"#,
    ),
    (
        "formats_of_dates_are_made_and_extended_as_in_the_standard",
        "(() => { const F = Intl.DateTimeFormat; class D extends F { x() { return this.resolvedOptions().calendar } } const old = Object.create(F.prototype); return [F.name, F.length, Reflect.ownKeys(F).sort(), Object.values(Object.getOwnPropertyDescriptor(F, 'prototype')).slice(1), F.prototype.constructor === F, F('en') instanceof F, F.call(old) === old, new D('de-u-ca-buddhist').x(), new D() instanceof D, Reflect.construct(F, [], Array) instanceof Array, Object.values(Object.getOwnPropertyDescriptor(Intl, 'DateTimeFormat')).slice(1)] })()",
        r#"["DateTimeFormat",0,["length","name","prototype","supportedLocalesOf"],[false,false,false],true,true,true,"buddhist",true,true,[true,false,true]]"#,
    ),
    (
        "options_of_formats_are_read_once",
        "(() => { const read = [], options = new Proxy({}, { get(_, key) { read.push(key); return { calendar: 'japanese', numberingSystem: 'arab' }[key] } }); const seen = new Intl.DateTimeFormat('en', options).resolvedOptions(); const tried = (f) => { try { return f() } catch (e) { return e.name } }; return [read.slice(0, 4), read.length === new Set(read).size, seen.calendar, seen.numberingSystem, tried(() => Intl.DateTimeFormat('en', null)), tried(() => Intl.DateTimeFormat('en', { calendar: 'x' })), tried(() => Intl.DateTimeFormat(null))] })()",
        r#"[["localeMatcher","calendar","numberingSystem","hour12"],true,"japanese","arab","TypeError","RangeError","TypeError"]"#,
    ),
    (
        "dates_in_the_words_of_a_locale",
        "[new Date(0).toLocaleDateString('en', { timeZone: 'UTC' }), new Date(0).toLocaleTimeString('en-u-hc-h23', { timeZone: 'UTC' }), new Date(NaN).toLocaleString('en-u-ca-roc'), Temporal.PlainDate.from('2026-01-02').toLocaleString('en-u-ca-gregory'), ...['toLocaleString', 'toLocaleDateString', 'toLocaleTimeString'].map((key) => { const f = Date.prototype[key]; return [f.name, f.length, 'prototype' in f] })]",
        r#"["1/1/1970","00:00:00","Invalid Date","1/2/2026",["toLocaleString",0,false],["toLocaleDateString",0,false],["toLocaleTimeString",0,false]]"#,
    ),
    (
        "formats_of_dates_have_few_names",
        "(() => { const tried = (f) => { try { f(); return 'made' } catch (e) { return e.name } }; const make = (system) => () => new Intl.DateTimeFormat('en', { numberingSystem: system }); const systems = Intl.supportedValuesOf('numberingSystem').slice(0, 70), all = systems.map((system) => tried(make(system))); return [systems.length, all.indexOf('RangeError'), all.lastIndexOf('made'), tried(make(systems[0])), tried(() => Intl.DateTimeFormat(['qqq', 'de-U-NU-arab'])), tried(() => new Date().toLocaleDateString('de', { calendar: 'japanese' })), tried(() => new Date().toLocaleString('de-u-hc-h23')), tried(() => Temporal.Now.plainDateISO().toLocaleString('de-u-nu-arab')), tried(() => new Intl.DateTimeFormat('de', { hourCycle: 'h23', hour: 'numeric' })), tried(() => new Intl.DateTimeFormat('de-u-co-phonebk'))] })()",
        r#"[70,64,63,"made","RangeError","RangeError","RangeError","RangeError","made","made"]"#,
    ),
    (
        "formats_of_dates_are_few_whichever_way_leads_to_their_classes",
        "(() => { const instant = new Date(0).toTemporalInstant(), zoned = instant.toZonedDateTimeISO('UTC'); const tried = (f) => { try { f(); return 'made' } catch (e) { return e.name } }; const all = Intl.supportedValuesOf('numberingSystem').slice(0, 70).map((system) => tried(() => instant.toLocaleString(`en-u-nu-${system}`))); return [all.indexOf('RangeError'), all.lastIndexOf('made'), tried(() => zoned.toPlainDate().toLocaleString('de-u-nu-arab')), instant.constructor === Temporal.Instant, instant.toLocaleString === Temporal.Instant.prototype.toLocaleString] })()",
        r#"[64,63,"RangeError",true,true]"#,
    ),
    ("self_is_global_this", "self === globalThis", "true"),
    ("report_error_does_not_throw", "reportError(new Error('reported')) ?? 'x'", r#""x""#),
];

pub fn trials() -> Vec<Trial> {
    let mut trials = vec![
        trial("globals::the_api_is_there", || async {
            let check = format!(
                "return Response.json('{PRESENT}'.split(' ').filter((n) => typeof globalThis[n] === 'undefined'))"
            );
            assert_eq!(Worker::with_handler(&check).get("/").await.unwrap().text(), "[]");
        }),
        trial("globals::nothing_of_the_host_is_there", || async {
            let check = format!(
                "return Response.json('{ABSENT}'.split(' ').filter((n) => n in globalThis))"
            );
            assert_eq!(Worker::with_handler(&check).get("/").await.unwrap().text(), "[]");
        }),
    ];
    trials.extend(VALUES.iter().map(|(name, expression, expected)| {
        trial(&format!("globals::{name}"), move || async move {
            let handler = format!("return Response.json(({expression}) ?? null)");
            let reply = Worker::with_handler(&handler).get("/").await.unwrap();
            assert_eq!(reply.text(), *expected);
        })
    }));
    trials
}
