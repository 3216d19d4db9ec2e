// The module `node:console`: the global console, and consoles that write to streams.
(function () {
"use strict";
const { core, primordials } = __bootstrap;
const { ObjectAssign, ObjectCreate, String, TypeError } = primordials;
const { formatWithOptions, inspect } = core.loadExtScript("ext:isolane_node/util.js");

/** The global one, before a tenant can have changed it. */
const globalConsole = core.loadExtScript("ext:isolane_compat/internal/console.js");

/** A console that writes lines to streams. */
class Console {
  #stdout;
  #stderr;
  #options;
  #indentation = "";
  #counts = ObjectCreate(null);
  #starts = ObjectCreate(null);

  constructor(options, stderr = undefined) {
    const given = typeof options?.write === "function" ? { stdout: options, stderr } : options;
    if (typeof given?.stdout?.write !== "function") {
      throw new TypeError("Console expects a writable stream instance for stdout");
    }
    this.#stdout = given.stdout;
    this.#stderr = given.stderr ?? given.stdout;
    this.#options = given.inspectOptions ?? {};
    const methods = ["assert", "clear", "count", "countReset", "debug", "dir", "dirxml", "error",
      "group", "groupCollapsed", "groupEnd", "info", "log", "table", "time", "timeEnd",
      "timeLog", "trace", "warn"];
    for (let i = 0; i < methods.length; i++) {
      const method = this[methods[i]];
      this[methods[i]] = (...args) => method.apply(this, args);
    }
  }

  #write(stream, args) {
    const text = formatWithOptions(this.#options, ...args);
    stream.write(`${this.#indentation}${text.replaceAll("\n", `\n${this.#indentation}`)}\n`);
  }

  log(...args) {
    this.#write(this.#stdout, args);
  }

  error(...args) {
    this.#write(this.#stderr, args);
  }

  assert(condition, ...args) {
    if (!condition) {
      const first = typeof args[0] === "string" ? [`Assertion failed: ${args.shift()}`] : ["Assertion failed"];
      this.#write(this.#stderr, [...first, ...args]);
    }
  }

  clear() {}

  count(label = "default") {
    const name = String(label);
    this.#counts[name] = (this.#counts[name] ?? 0) + 1;
    this.log(`${name}: ${this.#counts[name]}`);
  }

  countReset(label = "default") {
    delete this.#counts[String(label)];
  }

  dir(value, options) {
    this.#write(this.#stdout, [inspect(value, { customInspect: false, ...this.#options, ...options })]);
  }

  group(...args) {
    if (args.length > 0) {
      this.log(...args);
    }
    this.#indentation += "  ";
  }

  groupEnd() {
    this.#indentation = this.#indentation.slice(2);
  }

  table(data) {
    this.log(data);
  }

  time(label = "default") {
    this.#starts[String(label)] = performance.now();
  }

  timeLog(label = "default", ...args) {
    const start = this.#starts[String(label)];
    if (start !== undefined) {
      this.log(`${label}: ${(performance.now() - start).toFixed(3)}ms`, ...args);
    }
  }

  timeEnd(label = "default") {
    this.timeLog(label);
    delete this.#starts[String(label)];
  }

  trace(...args) {
    const error = { name: "Trace", message: formatWithOptions(this.#options, ...args) };
    Error.captureStackTrace(error, this.trace);
    this.error(error.stack);
  }
}
const aliases = { log: ["debug", "dirxml", "info"], error: ["warn"], group: ["groupCollapsed"] };
for (const name in aliases) {
  for (const alias of aliases[name]) {
    Console.prototype[alias] = Console.prototype[name];
  }
}

const methods = ObjectAssign({}, globalConsole);
return { ...methods, Console, default: ObjectAssign(ObjectCreate(globalConsole), { Console }) };
})();
