// `console`: what a worker writes for its author. deno_web prints the values; here are the
// methods, how much one call may print, and that printing never throws into the worker. Which
// event pays for a line, and how far its groups are indented, is Rust's (`event/ops.rs`).
(function () {
"use strict";
const { core, primordials } = __bootstrap;
const { op_event_console, op_event_console_colours, op_event_console_group } = core.ops;
const {
  ArrayIsArray,
  ArrayPrototypeSlice,
  ErrorCaptureStackTrace,
  FunctionPrototypeCall,
  MapPrototypeDelete,
  MapPrototypeGet,
  MapPrototypeGetSize,
  MapPrototypeSet,
  MathRound,
  NumberPrototypeToFixed,
  ObjectAssign,
  ObjectCreate,
  ObjectKeys,
  SafeMap,
  SetPrototypeGetSize,
  String,
  StringPrototypeEndsWith,
  StringPrototypeSlice,
  SymbolPrototypeGetDescription,
  SymbolToStringTag,
} = primordials;
const printer = core.loadExtScript("ext:deno_web/01_console.js");
const { performance } = core.loadExtScript("ext:deno_web/15_performance.js");
const { currentEvent } = core.loadExtScript("ext:isolane_bindings/event.js");
const {
  behind,
  ELEMENTS,
  isLegible,
  LEGIBLE_CHARACTERS,
  Scale,
  standIn,
  STRING_CHARACTERS,
} = core.loadExtScript("ext:isolane_bindings/console/weigh.js");

/** What Rust knows the levels as. */
const DEBUG = 0;
const LOG = 1;
const WARN = 2;
const ERROR = 3;

/** The text of one call. */
const CHARACTERS_PER_CALL = 65_536;
/** Nested objects are printed so deep. */
const DEPTH = 4;
/** The most that `console.dir(value, { depth })` can ask for. */
const MAX_DEPTH = 50;
/** Rows of `console.table`. */
const ROWS = 200;
/** Labels of `count` and of `time` that are remembered, each. */
const LABELS = 1_000;

const performanceNow = performance.now;
const now = () => FunctionPrototypeCall(performanceNow, performance);

let colours;

/** Whether lines are for a terminal. Not known before the isolate belongs to a worker. */
function coloured() {
  return colours ??= op_event_console_colours();
}

// What ships here is ASCII: the snapshot holds a byte for each character.

/** A text with what is too much of it counted. One that was cut is not cut again. */
function cut(text) {
  const more = text.length - CHARACTERS_PER_CALL;
  if (more <= 100) {
    return text;
  }
  if (text.length > LEGIBLE_CHARACTERS) {
    return `[a text of ${text.length} characters]`;
  }
  return `${StringPrototypeSlice(text, 0, CHARACTERS_PER_CALL)}\u2026 ${more} more characters`;
}

function emit(level, text) {
  op_event_console(currentEvent(), level, cut(text));
}

/** Prints with what may throw: traps, getters, `toString` and inspectors of the worker's. */
function attempt(level, make) {
  let text;
  try {
    text = make();
  } catch (error) {
    text = unprintable(error);
  }
  emit(level, text);
}

function unprintable(error) {
  try {
    return `[cannot be printed: ${String(error)}]`;
  } catch {
    return "[cannot be printed]";
  }
}

function options(depth) {
  return {
    __proto__: null,
    colors: coloured(),
    depth,
    iterableLimit: ELEMENTS,
    strAbbreviateSize: STRING_CHARACTERS,
  };
}

/** The arguments of a call as one text, with `%s` and its like filled in. */
function format(args, wanted = DEPTH) {
  const printable = [];
  const scale = new Scale();
  let depth = wanted;
  for (let i = 0; i < args.length; i++) {
    let value = args[i];
    if (typeof value === "string") {
      value = cut(value);
    } else if (typeof value === "symbol") {
      value = isLegible(SymbolPrototypeGetDescription(value)) ? value : "[a symbol]";
    } else if ((typeof value === "object" && value !== null) || typeof value === "function") {
      const deep = scale.depthFor(value, depth);
      if (deep < 0) {
        value = standIn(value);
      } else {
        depth = deep;
      }
    }
    printable[i] = value;
  }
  if (printable.length === 1 && typeof printable[0] === "string") {
    return printable[0];
  }
  return printer.inspectArgs(printable, options(depth));
}

function write(level, args) {
  attempt(level, () => format(args));
}

/** A label as a string, with a bound: it is kept. */
function labelOf(label) {
  return StringPrototypeSlice(label === undefined ? "default" : String(label), 0, 1_000);
}

const counts = new SafeMap();
const timers = new SafeMap();

/** Remembers something by its label, as long as there are not too many. */
function remember(map, label, value) {
  if (MapPrototypeGetSize(map) < LABELS || MapPrototypeGet(map, label) !== undefined) {
    MapPrototypeSet(map, label, value);
  }
}

function elapsed(start) {
  const ms = now() - start;
  if (ms >= 1_000) {
    return `${NumberPrototypeToFixed(ms / 1_000, 2)}s`;
  }
  return `${ms < 100 ? NumberPrototypeToFixed(ms, ms < 10 ? 2 : 1) : MathRound(ms)}ms`;
}

/** How many rows a table of that value would have. */
function rowsOf(object) {
  if (ArrayIsArray(object)) {
    return object.length;
  }
  if (core.isMap(object)) {
    return MapPrototypeGetSize(object);
  }
  return core.isSet(object) ? SetPrototypeGetSize(object) : ObjectKeys(object).length;
}

function table(data, columns) {
  const object = typeof data === "object" && data !== null ? behind(data) : null;
  if (object === null || new Scale().depthFor(object, 2) < 2) {
    return format([data]);
  }
  const rows = rowsOf(object);
  if (rows > ROWS && !ArrayIsArray(object)) {
    return format([data]);
  }
  const shown = rows > ROWS ? ArrayPrototypeSlice(object, 0, ROWS) : data;
  let text = "";
  const drawn = new printer.Console((piece) => {
    text += piece;
  });
  drawn.table(shown, columns);
  if (StringPrototypeEndsWith(text, "\n")) {
    text = StringPrototypeSlice(text, 0, -1);
  }
  return rows > ROWS ? `${text}\n\u2026 ${rows - ROWS} more rows` : text;
}

const methods = {
  log(...args) {
    write(LOG, args);
  },
  debug(...args) {
    write(DEBUG, args);
  },
  info(...args) {
    write(LOG, args);
  },
  warn(...args) {
    write(WARN, args);
  },
  error(...args) {
    write(ERROR, args);
  },
  dir(value = undefined, settings = undefined) {
    attempt(LOG, () => {
      let wanted = DEPTH;
      const asked = settings === undefined || settings === null ? undefined : settings.depth;
      if (asked !== undefined) {
        wanted = typeof asked === "number" && asked < MAX_DEPTH ? asked : MAX_DEPTH;
      }
      const depth = new Scale().depthFor(value, wanted);
      return depth < 0 ? standIn(value) : printer.inspect(value, options(depth));
    });
  },
  dirxml(...args) {
    write(LOG, args);
  },
  table(data = undefined, columns = undefined) {
    attempt(LOG, () => table(data, columns));
  },
  assert(condition = false, ...args) {
    if (condition) {
      return;
    }
    const printed = ["Assertion failed"];
    let next = 0;
    if (args.length > 0) {
      printed[0] = "Assertion failed:";
      if (typeof args[0] === "string") {
        printed[0] += ` ${args[0]}`;
        next = 1;
      }
    }
    for (; next < args.length; next++) {
      printed[printed.length] = args[next];
    }
    write(ERROR, printed);
  },
  trace(...args) {
    attempt(LOG, () => {
      const trace = { name: "Trace", message: format(args) };
      ErrorCaptureStackTrace(trace, methods.trace);
      return String(trace.stack);
    });
  },
  group(...label) {
    if (label.length > 0) {
      write(LOG, label);
    }
    op_event_console_group(currentEvent(), 1);
  },
  groupCollapsed(...label) {
    if (label.length > 0) {
      write(LOG, label);
    }
    op_event_console_group(currentEvent(), 1);
  },
  groupEnd() {
    op_event_console_group(currentEvent(), -1);
  },
  count(label = undefined) {
    const name = labelOf(label);
    const count = (MapPrototypeGet(counts, name) ?? 0) + 1;
    remember(counts, name, count);
    emit(LOG, `${name}: ${count}`);
  },
  countReset(label = undefined) {
    const name = labelOf(label);
    if (!MapPrototypeDelete(counts, name)) {
      emit(WARN, `Count for '${name}' does not exist`);
    }
  },
  time(label = undefined) {
    const name = labelOf(label);
    if (MapPrototypeGet(timers, name) !== undefined) {
      emit(WARN, `Timer '${name}' already exists`);
    } else {
      remember(timers, name, now());
    }
  },
  timeLog(label = undefined, ...args) {
    const name = labelOf(label);
    const start = MapPrototypeGet(timers, name);
    if (start === undefined) {
      emit(WARN, `Timer '${name}' does not exist`);
      return;
    }
    const took = `${name}: ${elapsed(start)}`;
    attempt(LOG, () => args.length === 0 ? took : `${took} ${format(args)}`);
  },
  timeEnd(label = undefined) {
    const name = labelOf(label);
    const start = MapPrototypeGet(timers, name);
    if (start === undefined) {
      emit(WARN, `Timer '${name}' does not exist`);
      return;
    }
    MapPrototypeDelete(timers, name);
    emit(LOG, `${name}: ${elapsed(start)}`);
  },
  /** The author's terminal is not the worker's to clear; its groups are. */
  clear() {
    op_event_console_group(currentEvent(), 0);
  },
  // For an inspector alone.
  profile() {},
  profileEnd() {},
  timeStamp() {},
};

// Console Standard, section 1: the prototype of the namespace is an empty object of its own.
const console = ObjectAssign(
  ObjectCreate({}, {
    [SymbolToStringTag]: {
      __proto__: null,
      configurable: true,
      enumerable: false,
      value: "console",
      writable: false,
    },
  }),
  methods,
);

// The functions as they are before any tenant has seen them.
return { console, error: console.error, log: console.log };
})();
