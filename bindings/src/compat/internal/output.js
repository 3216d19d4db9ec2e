// `process.stdout` and `process.stderr`: what is written there goes to the console, line by
// line. They have what loggers ask for; they are no sockets.
(function () {
"use strict";
const { core, primordials } = __bootstrap;
const { StringPrototypeLastIndexOf, StringPrototypeSlice } = primordials;
const { EventEmitter } = core.loadExtScript("ext:isolane_node/_events.js");
const { nextTick } = core.loadExtScript("ext:isolane_compat/internal/next_tick.js");
// Its own functions: a logger may have replaced `console.log` by one that writes here.
const { error, log } = core.loadExtScript("ext:isolane_bindings/console/console.js");
const { TextDecoder } = core.loadExtScript("ext:deno_web/08_text_encoding.js");

/** A line that does not end is written out when it has this many characters. */
const LONGEST_LINE = 16 * 1024;

class Output extends EventEmitter {
  #line = "";
  #print;
  fd;
  isTTY = false;
  writable = true;

  constructor(fd, print) {
    super();
    this.fd = fd;
    this.#print = print;
  }

  write(chunk, encoding, callback) {
    this.#line += typeof chunk === "string" ? chunk : new TextDecoder().decode(chunk);
    const end = StringPrototypeLastIndexOf(this.#line, "\n");
    if (end >= 0) {
      this.#print(StringPrototypeSlice(this.#line, 0, end));
      this.#line = StringPrototypeSlice(this.#line, end + 1);
    } else if (this.#line.length > LONGEST_LINE) {
      this.#print(this.#line);
      this.#line = "";
    }
    const done = typeof encoding === "function" ? encoding : callback;
    if (typeof done === "function") {
      nextTick(done);
    }
    return true;
  }

  end(chunk, encoding, callback) {
    if (chunk !== undefined && chunk !== null && typeof chunk !== "function") {
      this.write(chunk, encoding, callback);
    }
    return this;
  }

  getColorDepth() {
    return 1;
  }

  hasColors() {
    return false;
  }
}

return {
  stderr: new Output(2, (line) => error(line)),
  stdout: new Output(1, (line) => log(line)),
};
})();
