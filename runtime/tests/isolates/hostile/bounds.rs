//! One line that used to cost a shard, and now meets a bound.

use super::cases::End;

/// Top-level code that fails, and costs no shard.
pub const STARTS: &[&str] = &[
    "throw new Error('x'.repeat(2 ** 29 - 24))",
    "new Error('x'.repeat(2 ** 29 - 30)).stack; throw 1",
    "await 1; throw new Error('x'.repeat(2 ** 29 - 24))",
    "throw 'x'.repeat(2 ** 29 - 24)",
    "throw Symbol('x'.repeat(2 ** 29 - 24))",
    "throw { [Symbol.toStringTag]: 'x'.repeat(2 ** 29 - 24) }",
    "throw new Error('x', { cause: new Error('x'.repeat(2 ** 29 - 24)) })",
    "Promise.reject(new Error('x'.repeat(2 ** 29 - 24))); throw 1",
    "const f = () => { throw new Error('x') }; Object.defineProperty(f, 'name', { value: 'x'.repeat(2 ** 29 - 24) }); f()",
    "structuredClone({ [Symbol.for('Deno.core.hostObject')]: () => ({ type: 'x' }) })",
];

/// (name, body of the handler, how it ends)
pub const BOUNDS: &[(&str, &str, End)] = &[
    // objects that claim to know how they are cloned
    (
        "a_forged_host_object",
        "try { structuredClone({ [Symbol.for('Deno.core.hostObject')]: () => ({ type: 'x' }) }) } catch (e) { return new Response(e.name) }",
        End::Harmless("DataCloneError"),
    ),
    (
        "a_buffer_that_moves_while_it_is_transferred",
        "const b = new ArrayBuffer(1 << 20, { maxByteLength: 1 << 20 }); let b2, c; try { c = structuredClone({ b, get x() { b2 = b.transfer() } }, { transfer: [b] }) } catch (e) { return new Response(e.name) } b2.resize(0); return new Response(String(new Uint8Array(c.b)[4096]))",
        End::Harmless("DataCloneError"),
    ),
    (
        "a_buffer_that_is_transferred_within_a_transfer",
        "const b = new ArrayBuffer(1 << 20, { maxByteLength: 1 << 20 }); let d; try { structuredClone({ b, get x() { d = structuredClone(b, { transfer: [b] }) } }, { transfer: [b] }) } catch (e) { return new Response(e.name + d.byteLength) }",
        End::Harmless("DataCloneError1048576"),
    ),
    (
        "a_listener_that_handles_rejections",
        "const p = Promise.reject(1), q = Promise.reject(2); await scheduler.wait(1); addEventListener('rejectionhandled', () => q.catch(() => {})); p.catch(() => {}); await scheduler.wait(1); return new Response('lives')",
        End::Harmless("lives"),
    ),
    (
        "a_setter_on_lists_that_rejects",
        "Object.defineProperty(Array.prototype, 0, { configurable: true, set() { Promise.reject(1) } }); Promise.reject(2); await scheduler.wait(1); Promise.reject(3); await scheduler.wait(1); delete Array.prototype[0]; return new Response('lives')",
        End::Harmless("lives"),
    ),
    (
        "listeners_that_are_not_as_they_were",
        "Object.setPrototypeOf(PromiseRejectionEvent, null); globalThis.dispatchEvent = () => { throw 1 }; addEventListener('unhandledrejection', () => {}); onerror = () => {}; Promise.reject(1); setTimeout(() => { throw 2 }); await scheduler.wait(2); return new Response('lives')",
        End::Harmless("lives"),
    ),
    (
        "an_enormous_error_with_a_listener",
        "onerror = () => {}; setTimeout(() => { throw new Error('x'.repeat(2 ** 29 - 24)) }); await scheduler.wait(2); return new Response('lives')",
        End::Harmless("lives"),
    ),
    (
        "a_forged_host_object_deep_inside",
        "const o = { a: [new Map([[1, Object.create({ [Symbol.for('Deno.core.hostObject')]: () => ({ type: 'x' }) })]])] }; try { structuredClone(o) } catch (e) { return new Response(e.name) }",
        End::Harmless("DataCloneError"),
    ),
    (
        "a_forged_host_object_in_a_message",
        "const { port1 } = new MessageChannel(); const b = Symbol.for('Deno.core.hostObject'); const names = []; for (const f of [() => ({ type: 'x' }), () => 1, () => ({ type: ['Blob'] }), Object.prototype.valueOf, (() => ({ type: 'x' })).bind(null), Blob.prototype.text]) for (const list of [[], [[]]]) try { port1.postMessage({ [b]: f }, ...list) } catch (e) { names.push(e.name) } return new Response(String(new Set(names).size + names[0] + names.length))",
        End::Harmless("1DataCloneError12"),
    ),
    (
        "forged_members_of_a_blob",
        "const b = Symbol.for('Deno.core.hostObject'); const o = { [b]: Blob.prototype[b] }; for (const s of Object.getOwnPropertySymbols(new Blob(['x']))) o[s] = { type: 'x' }; for (const get of ['size', 'type']) { const o2 = { __proto__: o, [b]: Object.getOwnPropertyDescriptor(Blob.prototype, get).get }; try { structuredClone(o2) } catch {} } try { structuredClone(o) } catch {} return new Response('x')",
        End::Harmless("x"),
    ),
    (
        "a_host_object_everywhere",
        "Object.prototype[Symbol.for('Deno.core.hostObject')] = () => ({ type: 'x' }); try { structuredClone({}) } catch {} delete Object.prototype[Symbol.for('Deno.core.hostObject')]; return new Response('x')",
        End::Harmless("x"),
    ),
    (
        "getters_while_cloned_objects_are_made",
        "Object.defineProperty(Object.prototype, 'type', { configurable: true, get() { throw 1 } }); const copy = structuredClone([new DOMException('m', 'DataError'), new Blob(['b'])]); return new Response(copy[0].name + copy[1].size)",
        End::Harmless("DataError1"),
    ),
    (
        "forged_transfers",
        "const b = Symbol.for('Deno.core.hostObject'); let n = 0; for (const type of ['x', 'MessagePort', 'ReadableStream', 'constructor', '__proto__', {}]) try { structuredClone(1, { transfer: [{ [b]: type }] }) } catch { n++ } return new Response(String(n))",
        End::Harmless("6"),
    ),
    // headers
    (
        "a_response_of_many_headers",
        "const headers = []; for (let i = 0; i < 3000; i++) headers.push(['a' + i, 'b']); return new Response('', { headers })",
        End::Threw,
    ),
    (
        "a_response_of_one_name_too_often",
        "const headers = []; for (let i = 0; i < 40000; i++) headers.push(['set-cookie', 'b']); return new Response('x', { headers })",
        End::Threw,
    ),
    (
        "a_streamed_response_of_many_headers",
        "const headers = []; for (let i = 0; i < 40000; i++) headers.push(['set-cookie', 'b']); return new Response(new ReadableStream(), { headers })",
        End::Threw,
    ),
    (
        "a_response_of_a_huge_header",
        "return new Response(null, { headers: { a: 'b'.repeat(1e6) } })",
        End::Threw,
    ),
    (
        "a_request_of_many_headers",
        "const headers = []; for (let i = 0; i < 40000; i++) headers.push(['x-a', 'b']); try { await fetch('http://example.com', { headers }) } catch (e) { return new Response(e.message.includes('too many headers') ? 'x' : e.message) }",
        End::Harmless("x"),
    ),
    (
        "a_request_of_a_huge_header",
        "try { await fetch('http://example.com', { headers: { a: 'b'.repeat(1e6) } }) } catch (e) { return new Response(e.message.includes('headers too large') ? 'x' : e.message) }",
        End::Harmless("x"),
    ),
    // answers that V8 would make one piece of
    ("an_answer_of_half_a_gigabyte", "return new Response('x'.repeat(2 ** 29 - 24))", End::Memory),
    (
        "an_answer_of_half_a_gigabyte_with_headers",
        "await scheduler.wait(1); return new Response('x'.repeat(2 ** 29 - 24), { headers: { a: 'b' } })",
        End::Memory,
    ),
    // what V8 and the crates do in one piece
    (
        "a_big_int_of_thirty_million_digits",
        "try { BigInt('9'.repeat(3e7)) } catch (e) { return new Response(e.name) }",
        End::Harmless("RangeError"),
    ),
    (
        "big_ints_as_they_are",
        "return new Response([BigInt('12') + 1n, BigInt(5), BigInt.asUintN(8, 257n), Object(1n).constructor === BigInt, Object(1n) instanceof BigInt, BigInt.name, BigInt.length].join())",
        End::Harmless("13,5,1,true,true,BigInt,1"),
    ),
    (
        "objects_of_three_million_digits",
        "const t = '9'.repeat(3e6), names = []; for (const make of [() => BigInt([t]), () => BigInt({ toString: () => t }), () => BigInt({ [Symbol.toPrimitive]: () => t }), () => BigInt.asIntN(64, t), () => BigInt.asUintN(64, [t])]) try { make() } catch (e) { names.push(e.name) } return new Response(names.length + [...new Set(names)].join())",
        End::Harmless("5RangeError"),
    ),
    (
        "big_ints_of_objects_as_they_are",
        "const tried = (make) => { try { return make() } catch (e) { return e.name } }; let n = 0; return new Response([BigInt(['12']), BigInt({ valueOf: () => 5, toString: () => '6' }), BigInt(new Date(7)), BigInt({ [Symbol.toPrimitive]: (hint) => hint.length }), BigInt.asIntN(8, '255'), BigInt.asUintN('8', [257n]), BigInt.asUintN.length, BigInt.asIntN.name, tried(() => BigInt({ __proto__: null })), tried(() => BigInt({ [Symbol.toPrimitive]: 1 })), tried(() => BigInt.asIntN(-1, { valueOf() { n++ } })), tried(() => BigInt.asIntN(1, 1)), n].join())",
        End::Harmless("12,5,7,6,-1,1,2,asIntN,TypeError,TypeError,RangeError,TypeError,0"),
    ),
    (
        "buffers_that_may_become_a_terabyte",
        "const names = []; for (let e = 46; e >= 40; e--) try { new ArrayBuffer(0, { maxByteLength: 2 ** e }) } catch (error) { names.push(error.name) } return new Response(names.length + [...new Set(names)].join())",
        End::Harmless("7RangeError"),
    ),
    (
        "a_url_pattern_of_forty_thousand_groups",
        "let pathname = ''; for (let i = 0; i < 40000; i++) pathname += '/:a' + i; try { new URLPattern({ pathname }) } catch (e) { return new Response(e.name) }",
        End::Harmless("TypeError"),
    ),
    (
        "a_url_pattern_of_a_megabyte",
        "let n = 0; for (const pattern of ['http://a/' + 'b'.repeat(1e6), { search: 'b'.repeat(1e6) }]) try { new URLPattern(pattern) } catch { n++ } try { new URLPattern('/a', 'http://a/' + 'b'.repeat(1e6)) } catch { n++ } return new Response(n + '' + new URLPattern({ pathname: '/:a' }).test('http://a/b'))",
        End::Harmless("3true"),
    ),
    // errors whose text is longer than a string may be
    ("an_error_of_half_a_gigabyte", "throw new Error('x'.repeat(2 ** 29 - 24))", End::Threw),
    (
        "the_stack_of_an_error_of_half_a_gigabyte",
        "return new Response(new Error('x'.repeat(2 ** 29 - 30)).stack.slice(0, 40))",
        End::Harmless("Error: [a text of 536870882 characters]\n"),
    ),
    (
        "a_name_of_half_a_gigabyte",
        "const e = new Error('x'); e.name = e.message = 'x'.repeat(2 ** 29 - 24); throw e",
        End::Threw,
    ),
    (
        "functions_of_half_a_gigabyte",
        "const name = 'x'.repeat(2 ** 29 - 24); const f = (n) => { if (n === 0) throw new Error('x'); f(n - 1) }; Object.defineProperty(f, 'name', { value: name }); f(8)",
        End::Threw,
    ),
    (
        "call_sites_of_half_a_gigabyte",
        "Error.prepareStackTrace = (_, sites) => sites.map((s) => s.toString()).join(); const f = () => new Error('x').stack; Object.defineProperty(f, 'name', { value: 'x'.repeat(2 ** 29 - 24) }); f(); return new Response('x')",
        End::Harmless("x"),
    ),
    (
        "a_class_of_half_a_gigabyte",
        "const o = { [Symbol.toStringTag]: 'x'.repeat(2 ** 29 - 24), f() { throw new Error('x') } }; o.f()",
        End::Threw,
    ),
    (
        "a_stack_of_ten_thousand_frames",
        "Error.stackTraceLimit = 1e6; const o = {}; const m = 'm'.repeat(1e5); o[m] = (n) => n === 0 ? new Error('x').stack.length : o[m](n - 1); return new Response(String(o[m](5000) < 1e6))",
        End::Harmless("true"),
    ),
    (
        "an_own_stack_of_half_a_gigabyte",
        "const e = new Error('x'); e.stack = 'x'.repeat(2 ** 29 - 24); throw e",
        End::Threw,
    ),
    (
        "causes_of_half_a_gigabyte",
        "let e; for (let i = 0; i < 8; i++) e = new Error('x'.repeat(2 ** 29 - 24), { cause: e }); throw e",
        End::Threw,
    ),
    (
        "an_aggregate_of_half_a_gigabyte",
        "throw new AggregateError([new Error('x'.repeat(2 ** 29 - 24))], 'x'.repeat(2 ** 29 - 24))",
        End::Threw,
    ),
    ("a_thrown_string_of_half_a_gigabyte", "throw 'x'.repeat(2 ** 29 - 24)", End::Threw),
    ("a_thrown_symbol_of_half_a_gigabyte", "throw Symbol('x'.repeat(2 ** 29 - 24))", End::Threw),
    (
        "a_thrown_object_of_half_a_gigabyte",
        "throw { [Symbol.toStringTag]: 'x'.repeat(2 ** 29 - 24) }",
        End::Threw,
    ),
    (
        "a_rejection_of_half_a_gigabyte",
        "Promise.reject(new Error('x'.repeat(2 ** 29 - 24))); ctx.waitUntil(Promise.reject('x'.repeat(2 ** 29 - 24))); await scheduler.wait(1); return new Response('x')",
        End::Harmless("x"),
    ),
    (
        "an_exception_of_half_a_gigabyte",
        "const t = 'x'.repeat(2 ** 29 - 24); const e = new DOMException(t, 'DataError'); const n = e.stack.length; throw e",
        End::Threw,
    ),
    (
        "consoles_of_half_a_gigabyte",
        "const t = 'x'.repeat(2 ** 29 - 24); console.log(t); console.log(new Error(t)); console.log({ t }); console.error(Symbol(t)); console.log('%s %o', t, t); console.trace(t); return new Response('x')",
        End::Harmless("x"),
    ),
    (
        "an_error_and_its_cause_with_stacks_of_many_lines",
        "const e = new Error(); e.cause = new Error(); e.stack = 'x\\n    at a\\n' + 'q\\n'.repeat(75000); e.cause.stack = 'y\\n    at a\\n' + 'w\\n'.repeat(75000); console.log(e); console.log({ e: Object.assign(Object.create(Error.prototype), { stack: e.stack, cause: e.cause }) }); return new Response('x')",
        End::Harmless("x"),
    ),
    (
        "a_hundred_thousand_transferred_buffers",
        "const transfer = Array.from({ length: 1e5 }, () => new ArrayBuffer(0)); structuredClone(null, { transfer }); try { structuredClone(null, { transfer: [new ArrayBuffer(1), ...Array(2).fill(new ArrayBuffer(1))] }) } catch (e) { return new Response(e.name + transfer[99999].detached) }",
        End::Harmless("DataCloneErrortrue"),
    ),
    (
        "many_names_of_one_locale",
        "const variants = (i) => Array.from({ length: 14 }, (_, k) => 'v' + (1e6 + 14 * i + k)).join('-'); let first; for (let i = 0; i < 32000; i++) first = new Intl.Locale('en-US-' + variants(i)).getWeekInfo().firstDay; return new Response(String(first))",
        End::Harmless("7"),
    ),
];
