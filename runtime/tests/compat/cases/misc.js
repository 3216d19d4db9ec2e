import { AsyncLocalStorage, AsyncResource } from "node:async_hooks";
import consoleModule, { Console } from "node:console";
import constants from "node:constants";
import dc, { channel, tracingChannel } from "node:diagnostics_channel";
import { createRequire, isBuiltin } from "node:module";
import os, { EOL } from "node:os";
import { performance } from "node:perf_hooks";
import process, { nextTick } from "node:process";
import punycode from "node:punycode";
import { PassThrough } from "node:stream";
import timers, { promises as timerPromises } from "node:timers";
import { scheduler, setImmediate as immediate, setInterval as interval, setTimeout as sleep } from "node:timers/promises";
import * as types from "node:util/types";
import { promisify } from "node:util";

export default [
  () => punycode.encode("ma\u00f1ana") + punycode.decode("maana-pta") + punycode.toASCII("ma\u00f1ana.com") + punycode.toUnicode("xn--maana-pta.com"),
  () => [punycode.ucs2.decode("\ud83d\ude00"), punycode.ucs2.encode([0x61])],
  () => EOL + os.EOL,
  () => [os.constants.signals.SIGINT, os.constants.errno.ENOENT, constants.SIGTERM, constants.O_RDONLY],
  () => [typeof os.cpus().length, typeof os.hostname(), os.platform(), os.type(), os.endianness(), os.devNull],
  () => { const c = channel("a"); const seen = []; const f = (m, n) => seen.push([m, n]); c.subscribe(f); c.publish({ x: 1 }); c.unsubscribe(f); c.publish(2); return [seen, c.hasSubscribers, dc.channel("a") === c]; },
  () => { const t = tracingChannel("t"); const seen = []; t.subscribe({ start: () => seen.push("start"), end: () => seen.push("end"), error: () => seen.push("error") }); const v = t.traceSync((a) => a + 1, {}, null, 1); return [v, seen]; },
  () => { const als = new AsyncLocalStorage(); const c = channel("b"); c.bindStore(als, (m) => m.id); return c.runStores({ id: 4 }, () => als.getStore()); },
  async () => await sleep(1, "v"),
  async () => await immediate("v"),
  async () => { const seen = []; for await (const v of interval(1, "x")) { seen.push(v); if (seen.length === 3) break; } return seen; },
  async () => await sleep(1000, "v", { signal: AbortSignal.abort() }),
  async () => { const c = new AbortController(); setTimeout(() => c.abort(), 1); return await sleep(1000, "v", { signal: c.signal }); },
  async () => await scheduler.wait(1),
  async () => await promisify(timers.setTimeout)(1, "p"),
  async () => await promisify(setTimeout)(1, "q"),
  () => timerPromises.setTimeout === sleep,
  () => new Promise((r) => timers.setTimeout((a, b) => r([a, b]), 1, 2, 3)),
  () => new Promise((r) => { const t = timers.setTimeout(() => r("no"), 1); timers.clearTimeout(t); timers.setTimeout(() => r("cleared"), 5); }),
  () => { const t = timers.setTimeout(() => {}, 5); const s = [t.hasRef(), t.unref().hasRef(), t.ref() === t, t.constructor.name, typeof +t]; timers.clearTimeout(t); return s; },
  () => new Promise((r) => setImmediate((a) => r(a), 7)),
  () => new Promise((r) => { const i = setImmediate(() => r("no")); clearImmediate(i); setTimeout(() => r("cleared"), 5); }),
  () => new Promise((r) => { const order = []; setTimeout(() => { order.push("timer"); r(order); }, 1); nextTick(() => order.push("tick")); }),
  () => new Promise((r) => process.nextTick((...x) => r(x), 1, 2)),
  () => nextTick(5),
  () => [typeof process.version, process.platform, typeof process.pid, process.title.length > 0, typeof process.versions.node, process.exitCode],
  () => [Array.isArray(process.argv), Array.isArray(process.execArgv), typeof process.cwd(), typeof process.uptime()],
  () => { process.env.A_B_C = 5; const v = process.env.A_B_C; delete process.env.A_B_C; return [v, process.env.A_B_C, "A_B_C" in process.env]; },
  () => { const [s, n] = process.hrtime(); return [typeof s, n < 1e9, typeof process.hrtime.bigint(), process.hrtime([s, n]).length]; },
  () => Object.keys(process.memoryUsage()),
  () => { let n = 0; const f = () => n++; process.on("x", f); process.emit("x"); process.off("x", f); process.emit("x"); return n; },
  () => Object.prototype.toString.call(process),
  () => process === globalThis.process && globalThis.global === globalThis && Buffer === createRequire("/x.js")("buffer").Buffer,
  () => createRequire("file:///a/b.js")("node:path").join("a", "b"),
  () => { try { createRequire("/x.js")("nope-nope"); } catch (e) { return e.code; } },
  () => [isBuiltin("fs") || isBuiltin("path"), isBuiltin("node:util"), isBuiltin("nope")],
  () => process.getBuiltinModule ? typeof process.getBuiltinModule("node:util").inspect : "function",
  () => typeof performance.now() + typeof performance.timeOrigin,
  () => { const out = new PassThrough(); const c = new Console(out); c.log("a %d", 1, { b: 2 }); c.group("g"); c.error("in"); c.groupEnd(); c.info("out"); c.assert(false, "bad"); c.assert(true); c.count(); c.count(); c.dir({ a: { b: { c: {} } } }); return String(out.read()); },
  () => [typeof consoleModule.log, typeof consoleModule.Console],
  () => [types.isDate(new Date()), types.isMap({}), types.isUint8Array(Buffer.alloc(1))],
  () => { const r = new AsyncResource("X"); return [typeof r.asyncId(), typeof r.triggerAsyncId(), r.runInAsyncScope((a) => a + 1, null, 1)]; },
  () => new AsyncResource(),
  () => AsyncResource.bind(5),
];
