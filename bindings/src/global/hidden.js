// What deno's scripts keep on the objects of the web platform, kept out of sight: the symbols that
// they make while they are loaded here are hidden ones (`hidden.rs`).
// Not hidden: what stands on prototypes, for V8 looks a hidden symbol up on the object alone, and what
// deno registers for all scripts (`Symbol.for`).
(function () {
"use strict";
const { core, primordials } = __bootstrap;
const {
  ArrayPrototypeIncludes,
  Map,
  MapPrototypeGet,
  MapPrototypeSet,
  ObjectSetPrototypeOf,
  StringPrototypeStartsWith,
  Symbol,
} = primordials;
const { op_hidden_brand, op_hidden_symbol } = core.ops;

/** The symbols of methods and accessors of prototypes, by script. */
const INHERITED = {
  __proto__: null,
  "ext:deno_web/00_infra.js": ["Symbol.metadata"],
  "ext:deno_web/00_url.js": ["updateUrlSearch"],
  "ext:deno_web/01_broadcast_channel.js": ["refBroadcastChannel"],
  "ext:deno_web/03_abort_signal.js": [
    "[[add]]",
    "[[remove]]",
    "[[runAbortSteps]]",
    "[[signalAbort]]",
  ],
  "ext:deno_web/06_streams.js": [
    "[[AbortSteps]]",
    "[[CancelSteps]]",
    "[[ErrorSteps]]",
    "[[PullSteps]]",
    "[[ReleaseSteps]]",
  ],
  "ext:deno_web/13_message_port.js": ["[[NotSerializable]]", "[[Uncloneable]]", "refMessagePort"],
  "ext:deno_fetch/20_headers.js": ["iterable headers"],
  "ext:deno_fetch/23_request.js": ["body", "headers", "mime type", "signal"],
  "ext:deno_fetch/23_response.js": ["body", "mime type"],
};

/** It has what clones a `Blob` on the prototype. */
const BRANDS_PROTOTYPES = "ext:deno_web/09_file.js";

const hostObjectBrand = op_hidden_brand();

/** The symbols of a script by their description. */
const symbolsOf = new Map();

/** The script of deno's that is being loaded. */
let script = "";

function makeSymbol(description) {
  const inherited = INHERITED[script];
  const isInherited = inherited !== undefined && ArrayPrototypeIncludes(inherited, description);
  const symbol = isInherited ? Symbol(description) : op_hidden_symbol(description);
  const symbols = MapPrototypeGet(symbolsOf, script);
  if (symbols !== undefined) {
    MapPrototypeSet(symbols, description, symbol);
  }
  return symbol;
}
ObjectSetPrototypeOf(makeSymbol, Symbol);

const hiding = { __proto__: primordials, Symbol: makeSymbol };
const hidingCore = { __proto__: core, hostObjectBrand, loadExtScript };
const sharingCore = { __proto__: core, loadExtScript };

/** Has a script find what it takes its symbols from. */
function enter(specifier) {
  script = specifier;
  if (!StringPrototypeStartsWith(specifier, "ext:deno_")) {
    __bootstrap.core = sharingCore;
    __bootstrap.primordials = primordials;
    return;
  }
  __bootstrap.core = specifier === BRANDS_PROTOTYPES ? sharingCore : hidingCore;
  __bootstrap.primordials = hiding;
  if (MapPrototypeGet(symbolsOf, specifier) === undefined) {
    MapPrototypeSet(symbolsOf, specifier, new Map());
  }
}

function loadExtScript(specifier) {
  const loading = script;
  enter(specifier);
  try {
    return core.loadExtScript(specifier);
  } finally {
    enter(loading);
  }
}

/** The symbol that a script made with that description. */
function symbolOf(specifier, description) {
  return MapPrototypeGet(MapPrototypeGet(symbolsOf, specifier), description);
}

return {
  hiddenSymbol: op_hidden_symbol,
  hostObjectBrand,
  load: loadExtScript,
  symbolOf,
};
})();
