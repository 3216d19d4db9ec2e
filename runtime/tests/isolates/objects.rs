//! The objects of the web platform: nothing of the inside is on them, they are cloned as the standard
//! has it, and those that hold many things stay quick.

use libtest_mimic::Trial;
use serde_json::{Value, json};

use crate::support::{Worker, trial};

/// Expressions that make an object of each kind.
const OBJECTS: &str = "new Blob(['a']), new File(['a'], 'b'), new Event('a'), new CustomEvent('a'), new ErrorEvent('a'), new CloseEvent('a'), new EventTarget(), new AbortController(), new AbortController().signal, AbortSignal.timeout(1000), AbortSignal.any([]), new Headers({ a: 'b' }), new Headers().entries(), new FormData(), new FormData().keys(), new Request('http://a.test/', { method: 'POST', body: 'a' }), new Request('http://a.test/').clone(), new Response('a'), Response.json({}), new Response().clone(), request, request.headers, request.signal, new URL('http://a.test/?b=c'), new URL('http://a.test/?b=c').searchParams, new URLSearchParams('a=b'), new URLSearchParams().values(), new URLPattern({ pathname: '/a' }), new ReadableStream(), new ReadableStream().getReader(), new ReadableStream({ type: 'bytes' }).getReader({ mode: 'byob' }), new ReadableStream().values(), new WritableStream(), new WritableStream().getWriter(), new TransformStream(), new CompressionStream('gzip'), new DecompressionStream('gzip'), new TextDecoderStream(), new TextEncoderStream(), new TextDecoder(), new TextEncoder(), new FixedLengthStream(1), new IdentityTransformStream(), new ByteLengthQueuingStrategy({ highWaterMark: 1 }), new MessageChannel(), new MessageChannel().port1, performance, performance.mark('a'), crypto, crypto.subtle, navigator, scheduler, caches, caches.default, ctx";

pub fn trials() -> Vec<Trial> {
    vec![
        // But for the tags of events that have one of their own, and what deno shares between all its scripts.
        trial("objects::nothing_of_the_inside_is_on_objects", || async {
            let handler = format!(
                "const SHARED = /nodejs.webstream|toStringTag/, objects = [{OBJECTS}];
                 const found = objects.map((o) => [o[Symbol.toStringTag] ?? o.constructor.name, Reflect.ownKeys(o).map(String)]);
                 const exception = Reflect.ownKeys(new DOMException('a')).map(String).filter((key) => key !== 'stack');
                 return Response.json([...found.map(([name, keys]) => [name, keys.filter((key) => !SHARED.test(key))]).filter(([, keys]) => keys.length > 0), ...exception])"
            );
            assert_eq!(Worker::with_handler(&handler).get("/").await.unwrap().text(), "[]");
        }),
        trial("objects::what_is_hidden_is_not_copied_and_reaches_no_proxy", || async {
            let reply = Worker::with_handler(
                "const blob = new Blob(['a']), asked = [];
                 const handler = new Proxy({}, { get: (_, trap) => (_target, key) => { asked.push(typeof key === 'symbol' && Symbol.keyFor(key) === undefined && !Object.values(Object.getOwnPropertyDescriptors(Symbol)).some((it) => it.value === key) ? 'symbol' : 'known'); return undefined } });
                 const proxy = new Proxy(blob, handler);
                 const tried = (f) => { try { return f() } catch (e) { return e.message } };
                 return Response.json([
                     tried(() => Blob.prototype.slice.call(proxy)), tried(() => Reflect.get(Blob.prototype, 'size', { ...blob })),
                     tried(() => Object.create(blob).size), tried(() => Object.freeze(blob).size), asked.includes('symbol'),
                 ])",
            )
            .get("/")
            .await;
            assert_eq!(
                reply.unwrap().text(),
                r#"["'getPrototypeOf' on proxy: trap returned neither object nor null","Illegal invocation","Illegal invocation",1,false]"#
            );
        }),
        trial("objects::objects_are_cloned_and_transferred", || async {
            let reply = Worker::with_handler(
                "const clone = structuredClone({ blob: new Blob(['ab']), file: new File(['c'], 'f'), error: new DOMException('m', 'AbortError') });
                 const { port1, port2 } = new MessageChannel();
                 const got = new Promise((resolve) => port2.onmessage = (e) => resolve(e.data.ports ?? e.ports));
                 const moved = new MessageChannel();
                 port1.postMessage('x', [moved.port1]);
                 const [port] = await got;
                 port1.close();
                 const refused = (value) => { try { structuredClone(value); return 'cloned' } catch (e) { return e.name } };
                 return Response.json([
                     await clone.blob.text(), clone.file.name, clone.error.name, clone.error instanceof DOMException, port instanceof MessagePort,
                     refused(moved.port2), refused(new ReadableStream()), refused(new Headers()), refused(request),
                 ])",
            )
            .get("/")
            .await;
            assert_eq!(
                reply.unwrap().text(),
                r#"["ab","f","AbortError",true,true,"DataCloneError","DataCloneError","DataCloneError","DataCloneError"]"#
            );
        }),
        trial("objects::array_buffers_are_as_in_the_standard", || async {
            let reply = Worker::with_handler(
                "class Sub extends ArrayBuffer { constructor(length, options) { super(length, options) } }
                 const tried = (make) => { try { return make() } catch (e) { return e.name } };
                 const b = new Sub(4, { maxByteLength: 8 });
                 b.resize('8');
                 const seen = [b instanceof Sub, b.resizable, b.byteLength, b.slice(1) instanceof Sub];
                 const moved = b.transfer(2), copy = structuredClone({ view: new Uint8Array(moved), map: new Map([[moved, 1]]), list: ['~'] });
                 return Response.json([
                     ...seen, b.detached, moved.byteLength, moved.maxByteLength, moved.transferToFixedLength().resizable,
                     copy.view.buffer.maxByteLength, copy.view.buffer === [...copy.map.keys()][0], copy.list[0],
                     ArrayBuffer.name, ArrayBuffer.length, ArrayBuffer.isView(new Uint8Array()), ArrayBuffer[Symbol.species] === ArrayBuffer,
                     new Uint8Array(1).buffer instanceof ArrayBuffer, new ArrayBuffer(1).constructor === ArrayBuffer, new ArrayBuffer('7').slice(2).byteLength,
                     ArrayBuffer.prototype.resize.length, ArrayBuffer.prototype.transfer.length, new ArrayBuffer(4).transfer(2).byteLength,
                     tried(() => ArrayBuffer(1)), tried(() => new ArrayBuffer(-1, { get maxByteLength() { throw 1 } })),
                     tried(() => new ArrayBuffer(9, { maxByteLength: 8 })), tried(() => new ArrayBuffer(1).resize(1)), tried(() => moved.resize(1)),
                 ])",
            )
            .get("/")
            .await;
            assert_eq!(
                reply.unwrap().text(),
                r#"[true,true,8,true,true,2,8,false,8,true,"~","ArrayBuffer",1,true,true,true,true,5,1,0,2,"TypeError","RangeError","RangeError","TypeError","TypeError"]"#
            );
        }),
        trial("objects::urls_and_parameters_have_bounds", || async {
            let reply = Worker::with_handler(
                "const long = 'é' + 'x'.repeat(3 << 20), base = 'http://a.test/', url = new URL(base);
                 const tried = (make) => { try { return make() } catch (e) { return e.name } };
                 const list = new URLSearchParams('a=b');
                 const seen = [
                     tried(() => new URL(base + long)), tried(() => new URL(long, base)), URL.canParse(base + long),
                     tried(() => { url.href = base + long }), tried(() => { url.hash = long; return url.href.length < 100 }),
                     tried(() => new URLSearchParams('a&'.repeat(99_999)).size), tried(() => new URLSearchParams('a&'.repeat(100_001))),
                     tried(() => new TextDecoder(long)), new URL(base + long.slice(1, 1 << 20)).href.length,
                 ];
                 Object.defineProperty(Array.prototype, '0', { configurable: true, get() { throw 1 }, set() {} });
                 const holes = tried(() => { const p = new URLSearchParams(); p.append('a', 'b'); return p.toString() });
                 delete Array.prototype[0];
                 return Response.json([...seen, holes, list.toString()])",
            )
            .get("/")
            .await;
            assert_eq!(
                reply.unwrap().text(),
                r#"["TypeError","TypeError",false,"TypeError",true,99999,"RangeError","RangeError",1048589,"TypeError","a=b"]"#
            );
        }),
        trial("objects::texts_that_ops_take_have_bounds", || async {
            let reply = Worker::with_handler(
                "const long = 'é' + 'x'.repeat(3 << 20), pattern = new URLPattern({ pathname: '/a' });
                 const tried = (make) => { try { return make() } catch (e) { return e.name } };
                 const parameters = new URLSearchParams(`a=${long}&b=%20c`);
                 return Response.json([
                     pattern.test('/a', 'http://a.test/'), pattern.test('/a', 'http://a.test/?' + long),
                     tried(() => URL.createObjectURL(new Blob([], { type: long.slice(1) }))),
                     parameters.get('a') === long, parameters.get('b'),
                 ])",
            )
            .get("/")
            .await;
            assert_eq!(reply.unwrap().text(), r#"[true,false,"TypeError",true," c"]"#);
        }),
        trial("objects::ports_are_not_in_their_own_messages_nor_in_long_rows", || async {
            let reply = Worker::with_handler(
                "const tried = (post) => { try { post(); return 'sent' } catch (e) { return e.name } };
                 const channel = () => new MessageChannel(), read = (port) => new Promise((resolve) => port.onmessage = resolve);
                 const [a, b, c, d, e, f, g, h] = Array.from({ length: 8 }, channel);
                 const seen = [
                     tried(() => a.port1.postMessage('x'.repeat(1e6), [a.port2])),
                     tried(() => b.port1.postMessage('in b', [c.port2])), tried(() => d.port1.postMessage('in d', [b.port2])),
                     tried(() => f.port1.postMessage('in f', [g.port2])), tried(() => g.port1.postMessage('in g', [e.port2])),
                 ];
                 const got = await read(f.port2);
                 seen.push(got.data, tried(() => g.port1.postMessage('later', [h.port2])));
                 seen.push((await read(got.ports[0])).data);
                 return Response.json(seen)",
            )
            .get("/")
            .await;
            assert_eq!(
                reply.unwrap().text(),
                r#"["sent","sent","TypeError","sent","TypeError","in f","sent","later"]"#
            );
        }),
        trial("objects::the_global_object_has_what_it_should", || async {
            let reply = Worker::with_handler(
                "const chain = []; for (let o = globalThis; o !== Object.prototype; o = Object.getPrototypeOf(o)) chain.push(...Reflect.ownKeys(o).filter((key) => typeof key === 'string'));
                 const builtin = new Set(KNOWN.split(' '));
                 return Response.json([...new Set(chain)].filter((name) => !builtin.has(name)).sort())"
                    .replace("KNOWN", &format!("'{}'", crate::globals::KNOWN))
                    .as_str(),
            )
            .get("/")
            .await;
            assert_eq!(reply.unwrap().text(), "[]");
        }),
        trial("objects::changes_of_a_urls_parameters_are_seen_in_it", || async {
            let reply = Worker::with_handler(
                "const url = new URL('http://a.test/p?a=1#h'), { searchParams } = url, seen = [];
                 searchParams.append('b', '2 3'); seen.push(url.search, url.href);
                 searchParams.set('a', '9'); searchParams.delete('b'); seen.push(String(url), JSON.stringify(url));
                 searchParams.append('c', 1); url.hash = 'x'; seen.push(url.href);
                 searchParams.append('d', 1); url.search = '?e=5'; seen.push(url.href, [...searchParams].join());
                 searchParams.sort(); searchParams.delete('e'); seen.push(url.href, new URL('q', url).href, url.pathname, new Request(url).url);
                 searchParams.append('f', { toString() { searchParams.append('g', '1'); return url.search } }); seen.push(url.search);
                 for (const f of [() => searchParams.append('x'), () => searchParams.append(Symbol(), 'x'), () => URLSearchParams.prototype.append.call({}, 'a', 'b'), () => URLSearchParams.prototype.sort.call(null)]) { try { f(); seen.push('done') } catch (e) { seen.push(e.name) } }
                 seen.push(url.search, URLSearchParams.prototype.append.length, Object.keys(Object.getOwnPropertyDescriptors(URL.prototype)).includes('href'), Object.getOwnPropertyDescriptor(URL.prototype, 'href').get.name);
                 return Response.json(seen)",
            )
            .get("/")
            .await;
            let expected = json!([
                "?a=1&b=2+3",
                "http://a.test/p?a=1&b=2+3#h",
                "http://a.test/p?a=9#h",
                "\"http://a.test/p?a=9#h\"",
                "http://a.test/p?a=9&c=1#x",
                "http://a.test/p?e=5#x",
                "e,5",
                "http://a.test/p#x",
                "http://a.test/q",
                "/p",
                "http://a.test/p#x",
                "?g=1&f=%3Fg%3D1",
                "TypeError",
                "TypeError",
                "TypeError",
                "TypeError",
                "?g=1&f=%3Fg%3D1",
                2,
                true,
                "get href",
            ]);
            assert_eq!(serde_json::from_str::<Value>(reply.unwrap().text()).unwrap(), expected);
        }),
        // With work that grows with the square of the number, each takes minutes.
        trial("objects::many_parameters_headers_and_fields_are_no_more_work_each", || async {
            let reply = Worker::with_handler(
                "const url = new URL('http://a.test/');
                 for (let i = 0; i < 60_000; i++) url.searchParams.append('k' + i, 'v');
                 const headers = new Headers();
                 for (let i = 0; i < 5000; i++) headers.append('x-' + i, 'v');
                 let n = 0;
                 for (const [name] of headers) n += name.length > 0;
                 for (let i = 0; i < 5000; i++) headers.append('set-cookie', 'a=' + i);
                 const form = new FormData();
                 for (let i = 0; i < 100_000; i++) form.append('k' + i, 'v');
                 return Response.json([url.search.length > 500_000, n, [...headers].length, [...form.keys()].length])",
            )
            .get("/")
            .await;
            assert_eq!(reply.unwrap().text(), "[true,5000,10000,100000]");
        }),
        trial("objects::headers_that_change_are_seen_by_who_iterates", || async {
            let reply = Worker::with_handler(
                "const headers = new Headers({ b: '1', a: '2' }), seen = [[...headers].join()];
                 headers.set('a', '3'); seen.push([...headers].join());
                 headers.delete('b'); headers.append('c', '4'); seen.push([...headers].join());
                 for (const [name] of headers) { if (name === 'a') headers.append('d', '5'); seen.push(name) }
                 headers.set('a', { toString() { return [...headers].length } }); seen.push([...headers].join());
                 return Response.json(seen)",
            )
            .get("/")
            .await;
            assert_eq!(
                reply.unwrap().text(),
                r#"["a,2,b,1","a,3,b,1","a,3,c,4","a","c","d","a,3,c,4,d,5"]"#
            );
        }),
    ]
}
